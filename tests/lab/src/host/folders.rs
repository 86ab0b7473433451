//! Where the lab keeps things: images in the user's cache, a standing lab in the user's state folder, what is the host's in `/run`.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The folders of one user.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// `$XDG_CACHE_HOME/portcullis/lab`: images.
    pub(crate) cache: PathBuf,
    /// `$XDG_STATE_HOME/portcullis/lab`: one folder a standing lab.
    pub(crate) state: PathBuf,
}

impl Folders {
    /// As the environment says; what a user who is not root would get, root gets through `sudo` too (see `privilege`).
    pub(crate) fn of_user() -> Self {
        let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
        let base = |variable: &str, fallback: &str| {
            env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(fallback))
        };
        Self {
            cache: base("XDG_CACHE_HOME", ".cache").join("portcullis/lab"),
            state: base("XDG_STATE_HOME", ".local/state").join("portcullis/lab"),
        }
    }
}

/// What a standing lab keeps, and under which names.
#[derive(Debug, Clone)]
pub(crate) struct StateFolder(PathBuf);

impl StateFolder {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The lab as it was laid out.
    pub(crate) fn lab(&self) -> PathBuf {
        self.0.join("lab.json")
    }

    /// What state each machine is in; written by the supervisor alone.
    pub(crate) fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }

    /// Hashes of the passwords, for the machines.
    pub(crate) fn hashes(&self) -> PathBuf {
        self.0.join("hashes.json")
    }

    /// The latency in milliseconds, looked at by the relay.
    pub(crate) fn delay(&self) -> PathBuf {
        self.0.join("delay")
    }

    /// The supervisor's process, as the host counts.
    pub(crate) fn supervisor_pid(&self) -> PathBuf {
        self.0.join("supervisor.pid")
    }

    /// What the supervisor has to say.
    pub(crate) fn supervisor_log(&self) -> PathBuf {
        self.0.join("supervisor.log")
    }

    /// Host keys and console of one machine.
    pub(crate) fn machine(&self, name: &str) -> PathBuf {
        self.0.join("machines").join(name)
    }

    /// Certificates: the site's in it, the peers' in folders of their names.
    pub(crate) fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// A file named in the site file or by a test.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
