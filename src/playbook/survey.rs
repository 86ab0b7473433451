//! The first half of every command that meets nodes: reach all of them at once, look, and plan.

use futures_util::StreamExt as _;
use futures_util::stream;

use super::plan::{NodePlan, PlanError, Planner};
use super::run::PAUSES;
use crate::event::{Event, Phase, Sink, State};
use crate::node::{Facts, Inquiry, Probe, RemoteError};
use crate::site::model::Node;

/// Why a node dropped out before anything was changed on it.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// It could not be reached or looked at.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// No plan could be made for it.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl SurveyError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.help(),
            Self::Plan(error) => error.help(),
        }
    }

    /// Whether the site, a playbook or a template is at fault, and not the node.
    pub fn is_about_input(&self) -> bool {
        matches!(self, Self::Plan(PlanError::Render { .. } | PlanError::Missing { .. }))
    }

    /// Whether the node could not be reached or logged in to at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Remote(RemoteError::Ssh(error)) if !error.is_about_sudo())
    }
}

/// A node that was reached, with what it is and what would change.
#[derive(Debug)]
pub struct Surveyed<P> {
    /// The node.
    pub node: Node,
    /// The machine.
    pub machine: P,
    /// What it is.
    pub facts: Facts,
    /// What would change.
    pub plan: NodePlan,
}

/// Reaches every node, `forks` at a time, and gathers facts: the machine with its answer, or why not.
pub async fn look<P, C, F>(
    nodes: &[Node],
    inquiry: &Inquiry,
    forks: usize,
    connect: C,
    sink: &dyn Sink,
) -> Vec<(Node, Result<(P, Facts), RemoteError>)>
where
    P: Probe,
    C: Fn(Node) -> F,
    F: Future<Output = Result<P, RemoteError>>,
{
    let one = |node: Node| {
        let connect = &connect;
        async move {
            let answer = meet(&node, inquiry, connect, sink).await;
            (node, answer)
        }
    };
    let mut answers: Vec<_> = stream::iter(nodes.iter().cloned()).map(one).buffer_unordered(forks.max(1)).collect().await;
    // Answers come in as they are ready; people read them in the site's order.
    answers.sort_by_key(|(node, _)| nodes.iter().position(|known| known.name == node.name));
    answers
}

// Looking changes nothing: where a connection that stood is lost over it, it is made again, after pauses that grow. A hop
// may be restarting; a machine that hangs up is asked once more, and no oftener: refusals behind a jumphost add up.
async fn meet<P, C, F>(node: &Node, inquiry: &Inquiry, connect: &C, sink: &dyn Sink) -> Result<(P, Facts), RemoteError>
where
    P: Probe,
    C: Fn(Node) -> F,
    F: Future<Output = Result<P, RemoteError>>,
{
    let mut pauses = PAUSES.iter();
    let mut tries_left = 0;
    loop {
        emit(sink, node, Phase::Connect, State::Started, None);
        let (phase, error) = match connect(node.clone()).await {
            Err(error) => (Phase::Connect, error),
            Ok(machine) => {
                emit(sink, node, Phase::Probe, State::Started, None);
                match machine.look(inquiry).await {
                    Ok(facts) => {
                        emit(sink, node, Phase::Probe, State::Done, None);
                        return Ok((machine, facts));
                    }
                    Err(error) => (Phase::Probe, error),
                }
            }
        };
        if tries_left == 0 && error.is_connection_lost() {
            tries_left = if error.is_about_a_hop() { PAUSES.len() } else { 2 };
        }
        match pauses.next() {
            Some(pause) if tries_left > 1 && !error.is_final() => {
                tries_left -= 1;
                tokio::time::sleep(*pause).await;
            }
            _ => {
                emit(sink, node, phase, State::Failed, Some(error.to_string()));
                return Err(error);
            }
        }
    }
}

/// Reaches every node, gathers facts and plans.
pub async fn survey<P, C, F>(
    nodes: &[Node],
    planner: &Planner<'_>,
    forks: usize,
    connect: C,
    sink: &dyn Sink,
) -> Vec<(Node, Result<Surveyed<P>, SurveyError>)>
where
    P: Probe,
    C: Fn(Node) -> F,
    F: Future<Output = Result<P, RemoteError>>,
{
    let answers = look(nodes, &planner.inquiry(), forks, connect, sink).await;
    answers
        .into_iter()
        .map(|(node, answer)| {
            let surveyed = answer.map_err(SurveyError::from).and_then(|(machine, facts)| {
                let plan = planner.plan(&node, &facts)?;
                Ok(Surveyed { node: node.clone(), machine, facts, plan })
            });
            match &surveyed {
                Ok(surveyed) => {
                    let count = surveyed.plan.changes.len();
                    let (state, detail) =
                        if count == 0 { (State::Unchanged, None) } else { (State::Done, Some(format!("{count} to change"))) };
                    emit(sink, &node, Phase::Plan, state, detail);
                }
                Err(SurveyError::Plan(error)) => emit(sink, &node, Phase::Plan, State::Failed, Some(error.to_string())),
                Err(SurveyError::Remote(_)) => {}
            }
            (node, surveyed)
        })
        .collect()
}

pub(super) fn emit(sink: &dyn Sink, node: &Node, phase: Phase, state: State, detail: Option<String>) {
    sink.emit(&Event::Node { node: node.name.clone(), phase, state, detail });
}
