//! Profiles: what one kind of appliance demands, as data. `profiles/*.yaml` are built in.
//!
//! A site may override any figure; a list is replaced as a whole.

mod figures;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use figures::{
    Clock, ConnectorRules, Destination, Disks, End, ExpiryDays, Figure, Hardware, Health, MailRules, MaintenanceRules, Naming, Party, Port,
    Protocol, TlsRules, Topology,
};

/// The profile a site has unless it names another.
pub const DEFAULT: &str = "psaas-appliance";

const BUILT_IN: [(&str, &str); 1] = [(DEFAULT, include_str!("../../../profiles/psaas-appliance.yaml"))];

/// Why there is no such profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No profile has that name.
    #[error("there is no profile `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The profile's file is not one.
    #[error("the profile `{name}` cannot be read")]
    Malformed {
        /// The name.
        name: String,
        /// Where and why.
        source: Box<serde_saphyr::Error>,
    },
    /// What the site puts over the profile does not fit.
    #[error("`profile_overrides` does not fit the profile `{name}`")]
    OverridesDoNotFit {
        /// The name.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl ProfileError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some(format!("known profiles: {}", names().join(", "))),
            Self::OverridesDoNotFit { .. } => Some("`portcullis site schema` shows what a profile holds".to_owned()),
            Self::Malformed { .. } => None,
        }
    }
}

/// The names of the profiles that are built in.
pub fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// What one kind of appliance demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The profile's name.
    pub name: String,
    /// How many nodes.
    pub topology: Topology,
    /// What machines must have.
    pub hardware: Hardware,
    /// Ports that must be open.
    pub ports: Vec<Port>,
    /// Hosts that must be reached.
    pub destinations: Vec<Destination>,
    /// Rules for DNS names.
    pub naming: Naming,
    /// TLS.
    pub tls: TlsRules,
    /// Mail.
    pub smtp: MailRules,
    /// Health addresses.
    pub health: Health,
    /// Clocks.
    pub clock: Clock,
    /// AD/LDAP connectors.
    pub connector: ConnectorRules,
    /// How long what people attest holds.
    pub maintenance: MaintenanceRules,
}

impl Profile {
    /// The built-in profile of that name.
    pub fn built_in(name: &str) -> Result<Self, ProfileError> {
        let unknown = || ProfileError::Unknown { name: name.to_owned() };
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
        serde_saphyr::from_str(text).map_err(|error| ProfileError::Malformed { name: name.to_owned(), source: Box::new(error) })
    }

    /// This profile with a site's figures put over it: maps are merged key by key, all else is replaced.
    pub fn with_overrides(self, overrides: &Value) -> Result<Self, ProfileError> {
        let name = self.name.clone();
        let fits = |error| ProfileError::OverridesDoNotFit { name, source: error };
        let mut merged = match serde_json::to_value(self) {
            Ok(merged) => merged,
            Err(error) => return Err(fits(error)),
        };
        put_over(&mut merged, overrides);
        serde_json::from_value(merged).map_err(fits)
    }
}

fn put_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                put_over(below.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_can_be_read_and_has_its_own_name() {
        for name in names() {
            assert_eq!(Profile::built_in(name).unwrap().name, name);
        }
    }

    #[test]
    fn a_site_can_override_a_single_figure() {
        let overrides = serde_json::json!({"hardware": {"memory_gib": {"minimum": 4}}, "naming": {"reserved_tenants": ["x"]}});
        let profile = Profile::built_in(DEFAULT).unwrap().with_overrides(&overrides).unwrap();
        assert_eq!(profile.hardware.memory_gib, Figure { minimum: 4, recommended: 16 });
        assert_eq!(profile.naming.reserved_tenants, ["x"]);
        assert_eq!(profile.hardware.cores.minimum, 2);
    }

    #[test]
    fn what_a_profile_does_not_have_cannot_be_overridden() {
        let error = Profile::built_in(DEFAULT).unwrap().with_overrides(&serde_json::json!({"hardware": {"ram": 4}})).unwrap_err();
        assert!(matches!(error, ProfileError::OverridesDoNotFit { .. }));
    }
}
