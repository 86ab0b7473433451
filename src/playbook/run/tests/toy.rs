//! Toy machines: they keep journals and locks as real ones do, and lose connections where a test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::event::{Event, Sink};
use crate::node::{Answer, Facts, Guard, Holder, Inquiry, KeptRun, Outcome, Probe, Progress, Remote, RemoteError, RunId, Transaction};
use crate::playbook::plan::{Change, ChangeKind, NodePlan};
use crate::playbook::run::{Course, NodeResult, Stop, carry_out};
use crate::playbook::survey::Surveyed;
use crate::site::model::{Login, Node, Privilege, Role};
use crate::ssh::{self, BoxedStream, Place};

/// What comes of telling a machine something, or of connecting to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It does it.
    Does,
    /// It tries, and undoes it.
    Undoes,
    /// The connection is lost before it takes it.
    LostBefore,
    /// The connection is lost; it does it all the same.
    LostAndDone,
    /// The connection is lost; it undoes it.
    LostAndUndone,
    /// The connection is lost; it was still receiving and forgets it.
    LostAndForgotten,
    /// It loses its power in the midst of it.
    LosesPower,
    /// It never ends.
    Hangs,
}

#[derive(Debug, Default)]
pub(super) struct Toy {
    pub(super) fates: VecDeque<Fate>,
    /// What comes of rollbacks, in order; they are done unless told otherwise.
    pub(super) rollbacks: VecDeque<Fate>,
    pub(super) runs: Vec<KeptRun>,
    /// Looks for which another run still holds it.
    pub(super) held: usize,
    /// Connections that fail before one comes about again.
    pub(super) unreachable: usize,
    /// For how long its run waits to be confirmed, where it does.
    pub(super) guard: Option<Duration>,
    /// What comes of confirming, in order; it is confirmed unless told otherwise.
    pub(super) confirmations: VecDeque<Fate>,
    /// When it takes back by itself what is not confirmed.
    pub(super) timer: Option<Instant>,
    /// Whether connections made before the run still carry anything.
    pub(super) is_cut: bool,
    pub(super) tellings: usize,
}

impl Toy {
    fn set(&mut self, run: &RunId, state: &str) {
        self.runs.retain(|kept| kept.id != run.as_str());
        self.runs.push(KeptRun { id: run.to_string(), state: state.to_owned() });
    }

    /// Its timer goes off by itself.
    fn tick(&mut self) {
        if self.timer.is_some_and(|end| end <= Instant::now()) {
            self.timer = None;
            self.runs.iter_mut().filter(|kept| kept.state == "guarded").for_each(|kept| kept.state = "reverted".into());
        }
    }

    pub(super) fn state(&self, run: &str) -> Option<&str> {
        self.runs.iter().find(|kept| kept.id == run).map(|kept| kept.state.as_str())
    }
}

/// All machines, what they were told in which order, and the events.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    toys: Arc<Mutex<BTreeMap<String, Toy>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Sink for World {
    fn emit(&self, event: &Event) {
        if let Event::Node { node, phase, state, detail } = event {
            self.log.lock().unwrap().push(format!("{node} {phase:?} {state:?} {}", detail.as_deref().unwrap_or_default()));
        }
    }
}

impl World {
    /// Machines `n1` to `nCOUNT`.
    pub(super) fn new(count: usize) -> Self {
        let world = Self::default();
        for number in 1..=count {
            world.toys.lock().unwrap().insert(format!("n{number}"), Toy::default());
        }
        world
    }

    pub(super) fn with(self, name: &str, change: impl FnOnce(&mut Toy)) -> Self {
        self.toy(name, change);
        self
    }

    pub(super) fn toy<T>(&self, name: &str, of: impl FnOnce(&mut Toy) -> T) -> T {
        of(self.toys.lock().unwrap().get_mut(name).unwrap())
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Vec<String>> {
        self.log.lock().unwrap()
    }

    /// What the log says that fits, without the rest of the line.
    pub(super) fn order_of(&self, what: &str) -> Vec<String> {
        self.log()
            .iter()
            .filter_map(|line| line.split_once(' ').filter(|(_, rest)| rest.starts_with(what)))
            .map(|(node, _)| node.to_owned())
            .collect()
    }

    pub(super) fn machine(&self, name: &str) -> ToyMachine {
        ToyMachine { name: name.to_owned(), world: self.clone(), is_new: false }
    }

    /// Carries a change out on all machines, in the order of their numbers; those named stand as desired already.
    pub(super) async fn run(&self, course: &Course<'_, '_>, as_desired: &[&str]) -> Vec<NodeResult> {
        self.run_until(course, as_desired, &Stop::default()).await
    }

    pub(super) async fn run_until(&self, course: &Course<'_, '_>, as_desired: &[&str], stop: &Stop) -> Vec<NodeResult> {
        let count = self.toys.lock().unwrap().len();
        let surveyed = (1..=count).map(|number| {
            let name = format!("n{number}");
            let change = Change {
                step: "s".into(),
                title: String::new(),
                subject: "/etc/s".into(),
                kind: ChangeKind::Create,
                diff: None,
                note: None,
                before: None,
                after: None,
            };
            let changes = if as_desired.contains(&name.as_str()) { vec![] } else { vec![change] };
            let facts = Facts { runs: self.toy(&name, |toy| toy.runs.clone()), ..Facts::default() };
            let guard = self.toy(&name, |toy| toy.guard).map(|within| Guard { within });
            let plan = NodePlan { node: name.clone(), changes, guard, ..NodePlan::default() };
            Surveyed { node: node(&name), machine: self.machine(&name), facts, plan }
        });
        carry_out(surveyed.collect(), course, |node: Node| std::future::ready(self.connect(&node)), stop, self).await
    }

    pub(super) fn connect(&self, node: &Node) -> Result<ToyMachine, RemoteError> {
        let is_there = self.toy(&node.name, |toy| {
            toy.unreachable = toy.unreachable.saturating_sub(1);
            toy.unreachable == 0
        });
        if is_there {
            return Ok(ToyMachine { is_new: true, ..self.machine(&node.name) });
        }
        Err(ssh::Error::Unreachable { place: place(&node.name), obstacle: ssh::Obstacle::TimedOut }.into())
    }
}

pub(super) fn node(name: &str) -> Node {
    let login = Login {
        address: name.to_owned(),
        port: 22,
        user: None,
        identities: vec![],
        passphrase: None,
        agent: false,
        password: None,
        one_time_code: None,
        host_keys: vec![],
    };
    Node { name: name.to_owned(), role: Role::Node, login, privilege: Privilege::Root }
}

fn place(name: &str) -> Arc<Place> {
    Arc::new(Place { machine: name.to_owned(), address: format!("{name}:22"), through: None })
}

fn lost(name: &str, phase: ssh::Phase) -> RemoteError {
    ssh::Error::ConnectionLost { place: place(name), phase, said: String::new() }.into()
}

#[derive(Debug)]
pub(super) struct ToyMachine {
    name: String,
    world: World,
    /// Connected to after the run had begun.
    is_new: bool,
}

impl ToyMachine {
    /// Its run waits to be confirmed from now on.
    fn wait_to_be_confirmed(&self, run: &RunId, within: Duration) -> Outcome {
        self.world.toy(&self.name, |toy| {
            toy.set(run, "guarded");
            toy.timer = Some(Instant::now() + within);
        });
        Outcome::Guarded { left: within, until: "09:12:13 UTC".into() }
    }

    /// The state of the run that waits, its timer looked at; lost where nothing comes through.
    fn waiting(&self, run: &RunId) -> Result<String, RemoteError> {
        let (state, is_cut) = self.world.toy(&self.name, |toy| {
            toy.tick();
            (toy.state(run.as_str()).unwrap_or_default().to_owned(), toy.is_cut)
        });
        if is_cut && !self.is_new { Err(lost(&self.name, ssh::Phase::Command)) } else { Ok(state) }
    }

    fn meet(&self, fate: Fate, mut set: impl FnMut(&mut Toy, &str)) -> Result<Outcome, RemoteError> {
        let outcome = match fate {
            Fate::Does | Fate::LostAndDone => "done",
            Fate::Undoes | Fate::LostAndUndone => "undone",
            Fate::LosesPower => "committing",
            Fate::LostBefore => return Err(lost(&self.name, ssh::Phase::Start)),
            Fate::LostAndForgotten => return Err(lost(&self.name, ssh::Phase::Command)),
            Fate::Hangs => {
                let (place, after) = (place(&self.name), Duration::from_mins(5));
                return Err(ssh::Error::CommandTimedOut { place, label: "apply", begun: true, after, stderr_tail: String::new() }.into());
            }
        };
        self.world.toy(&self.name, |toy| set(toy, outcome));
        match fate {
            Fate::Does => Ok(Outcome::Done),
            Fate::Undoes => Ok(Outcome::Undone { step: "s".into(), reason: "it did not come up".into() }),
            Fate::LostBefore | Fate::LostAndDone | Fate::LostAndUndone | Fate::LostAndForgotten | Fate::LosesPower | Fate::Hangs => {
                Err(lost(&self.name, ssh::Phase::Command))
            }
        }
    }
}

impl Probe for ToyMachine {
    fn name(&self) -> &str {
        &self.name
    }

    async fn look(&self, _: &Inquiry) -> Result<Facts, RemoteError> {
        Ok(self.world.toy(&self.name, |toy| {
            toy.tick();
            let lock = (toy.held > 0).then(|| Holder { owner: "eve@laptop (portcullis apply, run 7)".into(), age: None });
            toy.held = toy.held.saturating_sub(1);
            Facts { runs: toy.runs.clone(), lock, ..Facts::default() }
        }))
    }

    async fn connect_tcp(&self, _: &str, _: u16) -> Result<BoxedStream, RemoteError> {
        Err(lost(&self.name, ssh::Phase::Connect))
    }

    fn round_trips(&self) -> u32 {
        0
    }

    fn held(&self) -> Option<ssh::Held> {
        None
    }
}

impl Remote for ToyMachine {
    async fn carry_out(&self, transaction: &Transaction, tell: &mut (dyn FnMut(Answer) + Send)) -> Result<Outcome, RemoteError> {
        let fate = self.world.toy(&self.name, |toy| {
            toy.tellings += 1;
            (toy.held == 0).then(|| toy.fates.pop_front().unwrap_or(Fate::Does))
        });
        match fate {
            None => Ok(Outcome::Locked { holder: Holder::default() }),
            Some(Fate::LostAndDone) if transaction.guard.is_some() => {
                let step = "guard".to_owned();
                tell(Answer::Progress(Progress { step, state: "armed".into(), detail: "09:12:13 UTC".into() }));
                self.wait_to_be_confirmed(&transaction.run, transaction.guard.map_or(Duration::ZERO, |guard| guard.within));
                Err(lost(&self.name, ssh::Phase::Command))
            }
            Some(Fate::Does) if transaction.guard.is_some() => {
                Ok(self.wait_to_be_confirmed(&transaction.run, transaction.guard.map_or(Duration::ZERO, |guard| guard.within)))
            }
            Some(fate) => self.meet(fate, |toy, state| toy.set(&transaction.run, state)),
        }
    }

    async fn roll_back(&self, run: &RunId, _: &str) -> Result<Outcome, RemoteError> {
        let fate = self.world.toy(&self.name, |toy| {
            // Whoever takes the lock settles what was broken off.
            toy.runs.iter_mut().filter(|kept| kept.state == "committing").for_each(|kept| kept.state = "undone".into());
            toy.rollbacks.pop_front().unwrap_or(Fate::Does)
        });
        match self.world.toy(&self.name, |toy| toy.state(run.as_str()).map(str::to_owned)).as_deref() {
            None => return Ok(Outcome::UnknownRun { reason: "no such run".into() }),
            Some("done") => {}
            Some(other) => return Ok(Outcome::NotBegun { step: String::new(), reason: format!("it is {other}") }),
        }
        let put_back = |toy: &mut Toy, state: &str| {
            if state == "done" {
                toy.set(run, "rolled-back");
            }
        };
        match self.meet(fate, put_back) {
            Ok(Outcome::Done) => Ok(Outcome::RolledBack),
            Ok(_) => Ok(Outcome::Broken { step: String::new(), reason: "could not be put back: /etc/s".into() }),
            Err(error) => Err(error),
        }
    }

    async fn confirm(&self, run: &RunId, _: &str) -> Result<Outcome, RemoteError> {
        let state = self.waiting(run)?;
        let fate = self.world.toy(&self.name, |toy| toy.confirmations.pop_front().unwrap_or(Fate::Does));
        let set = |state: &str| self.world.toy(&self.name, |toy| toy.set(run, state));
        match (state.as_str(), fate) {
            (_, Fate::LostBefore) => Err(lost(&self.name, ssh::Phase::Start)),
            ("done", _) => Ok(Outcome::Done),
            ("guarded", Fate::Does) => {
                set("done");
                Ok(Outcome::Done)
            }
            ("guarded", Fate::LostAndDone) => {
                set("done");
                Err(lost(&self.name, ssh::Phase::Command))
            }
            ("guarded", _) => {
                set("reverted");
                Ok(Outcome::Reverted { reason: "step s is no longer well".into() })
            }
            ("", _) => Ok(Outcome::UnknownRun { reason: "no such run".into() }),
            _ => Ok(Outcome::Reverted { reason: "nobody confirmed it in time".into() }),
        }
    }

    async fn revert(&self, run: &RunId, _: &str, why: &str) -> Result<Outcome, RemoteError> {
        match self.waiting(run)?.as_str() {
            "done" => Ok(Outcome::Done),
            "guarded" => {
                self.world.toy(&self.name, |toy| toy.set(run, "reverted"));
                Ok(Outcome::Reverted { reason: why.to_owned() })
            }
            "" => Ok(Outcome::UnknownRun { reason: "no such run".into() }),
            _ => Ok(Outcome::Reverted { reason: "nobody confirmed it in time".into() }),
        }
    }
}
