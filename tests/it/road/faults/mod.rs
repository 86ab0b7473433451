//! Faults at each step of a run, on real machines: the client killed, the way cut, the node without power, its disk full.
//!
//! Whatever happens: each file is whole, old or new; what was answered is true; the next commands say what they found and
//! finish it; nothing is left behind. What a shell can tell of it is gone through without machines, command by command, in
//! `src/node/tests`; here the steps are those of the way, of the kernel and of systemd.

mod chaos;
mod each;
mod subject;

use subject::Subject;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The client is killed; the node goes on.
    ClientKilled,
    /// Every connection is cut once.
    WayCut,
    /// The node's link is dead for a second, without a word to anybody.
    LinkDead,
    /// The node loses its power, and has it back.
    PowerLost,
    /// The client is killed and the node loses its power.
    BothLost,
    /// No room is left where runs are kept and where files go.
    DiskFull,
}
