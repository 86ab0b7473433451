//! After the connection was lost: the machine ends what it accepted without us, and its journal tells how.

use super::errand::{Errand, Reconnect};
use super::verdict::Verdict;
use crate::node::{Facts, Inquiry, Outcome, Remote, RemoteError, RunId};
use crate::site::model::Node;

/// What the machine's journal says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// Everything is in place.
    Done,
    /// It was undone, rolled back, or taken back.
    Undone,
    /// It is in place, and waits to be confirmed.
    Waiting,
    /// It has changed nothing, and never will.
    Forgotten,
    /// It was broken off in the midst; whatever comes next undoes it.
    BrokenOff,
}

impl Journal {
    /// What `facts` say of `run`; `None` while that is open: the run is at work, or another one is.
    pub fn of(facts: &Facts, run: &RunId) -> Option<Self> {
        let kept = facts.runs.iter().find(|kept| kept.id == run.as_str());
        match (kept.map(|kept| kept.state.as_str()), &facts.lock) {
            (Some("done"), _) => Some(Self::Done),
            (Some("undone" | "rolled-back" | "reverted"), _) => Some(Self::Undone),
            (Some("guarded"), _) => Some(Self::Waiting),
            // It waits for the rest of what it will never get, and gives way to the same run.
            (Some("staging"), Some(holder)) if holder.owner.contains(run.as_str()) => Some(Self::Forgotten),
            (_, Some(_)) => None,
            (Some("staging") | None, None) => Some(Self::Forgotten),
            (Some(_), None) => Some(Self::BrokenOff),
        }
    }
}

/// How a run that was lost sight of ended.
pub(super) enum Learnt<R> {
    /// It is in place, and this is a new connection to the machine.
    Done(R),
    /// It has changed nothing, over this loss: telling it again is safe.
    Forgotten(R, Option<RemoteError>),
    /// It is in place, and waits to be confirmed; this is a new connection to the machine.
    Waiting(R),
    /// It ended otherwise, or nobody knows.
    Ended(Verdict),
}

/// Asks the machine's journal, over a new connection. `lost` is how sight of it was lost.
pub(super) async fn ask_again<R, C>(errand: Errand<'_, '_, '_, C>, node: &Node, lost: Option<RemoteError>) -> Learnt<R>
where
    R: Remote,
    C: Reconnect<R>,
{
    let run = errand.course.run;
    let undone = |lost: Option<RemoteError>| {
        let why = lost.map_or_else(String::new, |lost| format!("{lost}; "));
        let reason = format!("{why}the machine says it undid the run");
        Learnt::Ended(Verdict::Failed(Outcome::Undone { step: String::new(), reason }))
    };
    match errand.look_again(node, |facts| Journal::of(facts, run)).await {
        Err(why) => Learnt::Ended(match why.or(lost) {
            Some(why) => Verdict::Unknown(why),
            None => Verdict::Failed(Outcome::Locked { holder: crate::node::Holder::default() }),
        }),
        Ok((machine, Journal::Done)) => Learnt::Done(machine),
        Ok((machine, Journal::Waiting)) => Learnt::Waiting(machine),
        Ok((machine, Journal::Forgotten)) => Learnt::Forgotten(machine, lost),
        Ok((_, Journal::Undone)) => undone(lost),
        Ok((machine, Journal::BrokenOff)) => match undo_the_rest(errand, &machine).await {
            Ok(Some(Journal::Undone)) => undone(lost),
            Ok(Some(Journal::Forgotten)) => Learnt::Forgotten(machine, lost),
            Ok(_) => {
                let reason = "the machine broke the run off in the midst and could not undo it".to_owned();
                Learnt::Ended(Verdict::Failed(Outcome::Broken { step: String::new(), reason }))
            }
            Err(error) => Learnt::Ended(Verdict::Unknown(error)),
        },
    }
}

// The machine went down in the midst: whoever takes its lock next undoes what is left, so it is taken now.
async fn undo_the_rest<R: Remote, C>(errand: Errand<'_, '_, '_, C>, machine: &R) -> Result<Option<Journal>, RemoteError> {
    let course = errand.course;
    machine.roll_back(course.run, course.owner).await?;
    Ok(Journal::of(&machine.look(&Inquiry::standing()).await?, course.run))
}
