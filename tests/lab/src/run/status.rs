//! What state each machine is in: written by the supervisor on every change, read by `status`, `up` and `reboot`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::LabError,
    host::{files, folders::StateFolder},
};

/// The life of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// Started, not yet answering.
    Booting,
    /// All its services answer.
    Ready,
    /// Shut down from inside.
    Off,
    /// It ends again and again; its console says why.
    Failed,
}

/// What is known of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MachineStatus {
    /// Its state.
    pub(crate) state: State,
    /// How often it was started.
    pub(crate) boots: u32,
}

/// Every machine's status by name.
pub(crate) type Status = BTreeMap<String, MachineStatus>;

/// The status file, as the supervisor keeps it.
#[derive(Debug)]
pub(crate) struct Board {
    state: StateFolder,
    status: Mutex<Status>,
}

impl Board {
    pub(crate) fn new(state: StateFolder) -> Self {
        Self { state, status: Mutex::default() }
    }

    /// Notes that a machine was started, and gives the number of this start.
    pub(crate) fn started(&self, machine: &str) -> Result<u32, LabError> {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = status.entry(machine.to_owned()).or_insert(MachineStatus { state: State::Booting, boots: 0 });
        *entry = MachineStatus { state: State::Booting, boots: entry.boots + 1 };
        let boots = entry.boots;
        files::write_json(&self.state.status(), 0o644, &*status)?;
        Ok(boots)
    }

    /// Notes a machine's state, if it is still on this start.
    pub(crate) fn set(&self, machine: &str, boots: u32, state: State) -> Result<(), LabError> {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match status.get_mut(machine) {
            Some(entry) if entry.boots == boots => entry.state = state,
            _ => return Ok(()),
        }
        files::write_json(&self.state.status(), 0o644, &*status)
    }

    /// Whether a machine is still on this start.
    pub(crate) fn is_on(&self, machine: &str, boots: u32) -> bool {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.get(machine).is_some_and(|entry| entry.boots == boots && entry.state == State::Booting)
    }
}

/// The status of a standing lab; empty before its supervisor has written any.
pub(crate) fn read(state: &StateFolder) -> Status {
    files::read_json(&state.status()).unwrap_or_default()
}
