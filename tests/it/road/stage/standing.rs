//! The one lab that all tests of the road share, and who has which of its nodes.
//!
//! It is put up by the first test that needs it. A watcher outside takes it down when this process ends, however it ends:
//! what stands in a `static` is never dropped.

use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

use portcullis_lab::{Lab, Options};

use super::machine::Machine;

/// Three nodes with an oddity each, for the road itself; the others are alike, and lent one by one.
const NODES: usize = 8;

/// The lab.
pub(in crate::road) struct Standing {
    pub(in crate::road) lab: Lab,
    _watcher: Child,
}

static STANDING: LazyLock<Standing> = LazyLock::new(|| {
    let name = format!("road-{}", std::process::id());
    let watcher = watcher(&name);
    let lab = Lab::up(&Options { nodes: NODES, ..Options::named(&name) }).unwrap_or_else(|error| {
        let help = error.help().unwrap_or_else(|| "it needs root, or sudo without a password".to_owned());
        panic!("the lab does not come up: {error}: {:?}\nhelp: {help}", std::error::Error::source(&error).map(ToString::to_string))
    });
    Standing { lab, _watcher: watcher }
});

/// The lab, put up when it is first asked for.
pub(in crate::road) fn standing() -> &'static Standing {
    &STANDING
}

/// Waits, in a session of its own, until its standard input ends with this process; then takes the lab down.
fn watcher(name: &str) -> Child {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("lab");
    let program = std::env::var_os("PORTCULLIS_LAB_BIN").map_or(program, Into::into);
    Command::new("setsid")
        .args(["sh", "-c", r#"cat >/dev/null; exec "$0" --lab "$1" down"#])
        .arg(program)
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

struct Pool {
    ordinary: Mutex<Ordinary>,
    returned: Condvar,
}

struct Ordinary {
    free: Vec<usize>,
    /// How many are out of use after failed tests.
    lost: usize,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Ordinary> {
        self.ordinary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static POOL: LazyLock<Pool> =
    LazyLock::new(|| Pool { ordinary: Mutex::new(Ordinary { free: (4..=NODES).collect(), lost: 0 }), returned: Condvar::new() });
static CLUSTER: Mutex<()> = Mutex::new(());

/// A node of one's own for as long as this lives.
pub(in crate::road) struct Lent {
    number: usize,
    pub(in crate::road) node: Machine,
}

impl std::ops::Deref for Lent {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.node
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Where a test failed, its node may be in any state: nobody else shall stumble over that.
        if std::thread::panicking() {
            POOL.lock().lost += 1;
        } else {
            POOL.lock().free.push(self.number);
        }
        POOL.returned.notify_all();
    }
}

/// Lends so many ordinary nodes, all at once; waits for its turn.
pub(in crate::road) fn lend<const COUNT: usize>() -> [Lent; COUNT] {
    let mut pool = POOL.lock();
    while pool.free.len() < COUNT {
        assert!(NODES - 3 - pool.lost >= COUNT, "too many nodes are out of use after other tests failed: mend those first");
        pool = POOL.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
    }
    let numbers: Vec<usize> = pool.free.drain(..COUNT).collect();
    drop(pool);
    let mut numbers = numbers.into_iter();
    std::array::from_fn(|_| {
        let number = numbers.next().unwrap();
        let node = Machine::node(number);
        node.sweep();
        Lent { number, node }
    })
}

/// One ordinary node.
pub(in crate::road) fn lend_one() -> Lent {
    let [node] = lend();
    node
}

/// The first three nodes: busybox as shell, a sudo password, another login user.
pub(in crate::road) struct Cluster {
    pub(in crate::road) nodes: [Machine; 3],
    _turn: MutexGuard<'static, ()>,
}

pub(in crate::road) fn cluster() -> Cluster {
    let turn = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    Cluster { nodes: [1, 2, 3].map(Machine::node), _turn: turn }
}
