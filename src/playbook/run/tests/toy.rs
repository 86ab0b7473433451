//! Toy machines: they keep journals and locks as real ones do, and lose connections where a test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::event::{Event, Sink};
use crate::node::{Answer, Facts, Holder, Inquiry, KeptRun, Outcome, Probe, Remote, RemoteError, RunId, Transaction};
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
    pub(super) tellings: usize,
}

impl Toy {
    fn set(&mut self, run: &RunId, state: &str) {
        self.runs.retain(|kept| kept.id != run.as_str());
        self.runs.push(KeptRun { id: run.to_string(), state: state.to_owned() });
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
        ToyMachine { name: name.to_owned(), world: self.clone() }
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
            let plan = NodePlan { node: name.clone(), changes, ..NodePlan::default() };
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
            return Ok(self.machine(&node.name));
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
}

impl ToyMachine {
    fn meet(&self, fate: Fate, mut set: impl FnMut(&mut Toy, &str)) -> Result<Outcome, RemoteError> {
        let outcome = match fate {
            Fate::Does | Fate::LostAndDone => "done",
            Fate::Undoes | Fate::LostAndUndone => "undone",
            Fate::LosesPower => "committing",
            Fate::LostBefore => return Err(lost(&self.name, ssh::Phase::Start)),
            Fate::LostAndForgotten => return Err(lost(&self.name, ssh::Phase::Command)),
            Fate::Hangs => {
                let (place, after) = (place(&self.name), Duration::from_mins(5));
                return Err(ssh::Error::CommandTimedOut { place, label: "apply", after, stderr_tail: String::new() }.into());
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
}

impl Remote for ToyMachine {
    async fn carry_out(&self, transaction: &Transaction, _: &mut (dyn FnMut(Answer) + Send)) -> Result<Outcome, RemoteError> {
        let fate = self.world.toy(&self.name, |toy| {
            toy.tellings += 1;
            (toy.held == 0).then(|| toy.fates.pop_front().unwrap_or(Fate::Does))
        });
        match fate {
            None => Ok(Outcome::Locked { holder: Holder::default() }),
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
}
