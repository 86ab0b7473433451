//! A lab as it runs: one supervisor, the first process of its own process, mount and network namespaces, with everything else below it.
//!
//! That shape is what makes cleaning up sure: when the supervisor ends, however it ends, the kernel ends every process of the lab, and with the last of
//! them go its mounts, its links and its overlays. Only control groups, the state folder and the raised limits are left for `down`.

pub(crate) mod cgroup;
pub(crate) mod clock;
pub(crate) mod inside;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod readiness;
pub(crate) mod relay;
pub(crate) mod stand;
pub(crate) mod status;
pub(crate) mod supervise;
