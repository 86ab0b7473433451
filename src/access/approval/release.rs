//! Whether a request is released: who asked, who approved, and whose approval does not count, and why.

use jiff::{SignedDuration, Timestamp};
use russh::keys::{HashAlg, PublicKey};

use super::APPROVAL_NAMESPACE;
use super::request::SignedRequest;
use crate::site::model::{AccessPolicy, Signatory};
use crate::sshsig::{SignatureError, SshSignature};

/// By how much a request may be dated ahead of this machine's clock.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(30);

/// Why a request cannot be released, or an approval does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// It was asked for elsewhere.
    #[error("the request is for the site {site}")]
    OtherSite {
        /// Where.
        site: String,
    },
    /// Its span has passed, and every approval with it.
    #[error("what was asked for ended at {end}")]
    Past {
        /// When.
        end: Timestamp,
    },
    /// It is dated in the future.
    #[error("the request is dated {at}, which is yet to come")]
    Ahead {
        /// When.
        at: Timestamp,
    },
    /// The site does not know who asks.
    #[error("the request is signed with the key {fingerprint}, which the site does not know")]
    UnknownRequester {
        /// The key.
        fingerprint: String,
    },
    /// The one who signed is another one than the text says.
    #[error("the request says that {says} asks, and it is signed by {signer}")]
    RequestedByAnother {
        /// Whom the text names.
        says: String,
        /// Whose key it is.
        signer: String,
    },
    /// Not a signature over this request.
    #[error("the approval by the key {fingerprint} does not hold: {source}")]
    Signature {
        /// The key.
        fingerprint: String,
        /// Why.
        source: SignatureError,
    },
    /// The site does not let this key approve.
    #[error("the key {fingerprint} belongs to none of the site's approvers")]
    UnknownApprover {
        /// The key.
        fingerprint: String,
    },
    /// One's own request.
    #[error("{name} asked for the window, and cannot approve it")]
    OwnRequest {
        /// Who.
        name: String,
    },
    /// One's own way in.
    #[error("{name} is to be let in, and cannot approve it")]
    OwnWindow {
        /// Who.
        name: String,
    },
    /// A person counts once.
    #[error("{name} has approved already; each person counts once")]
    Twice {
        /// Who.
        name: String,
    },
}

impl Objection {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::OtherSite { .. } => "give the request of this site, or name the other one with --site".to_owned(),
            Self::Past { .. } => "ask again, for a time to come".to_owned(),
            Self::Ahead { .. } => "set the clocks right, here or where the request was made (NTP)".to_owned(),
            Self::UnknownRequester { .. } => "have the site's owner add the person and key to `access.requesters`".to_owned(),
            Self::RequestedByAnother { .. } => "ask again, in one's own name".to_owned(),
            Self::Signature { .. } => "have the request approved again as it is: `portcullis access approve ID`".to_owned(),
            Self::UnknownApprover { .. } => "have one of `access.approvers` approve, with the key that stands there".to_owned(),
            Self::OwnRequest { .. } | Self::OwnWindow { .. } | Self::Twice { .. } => {
                "have another one of `access.approvers` approve".to_owned()
            }
        })
    }
}

/// An approval that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place among those given, from 0.
    pub place: usize,
    /// Why.
    pub why: Objection,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// How many approvals the site wants.
    pub needed: u8,
    /// Who approved, in the order given.
    pub by: Vec<String>,
    /// What did not count.
    pub refused: Vec<Refused>,
    /// When every approval ends.
    pub until: Timestamp,
}

impl Release {
    /// Whether the window may be opened.
    pub fn is_complete(&self) -> bool {
        self.by.len() >= usize::from(self.needed)
    }
}

/// Looks at a request and its approvals as `policy` of `site` wants it, at `now`. Fails where no approval could release it.
pub fn release(
    signed: &SignedRequest,
    approvals: &[SshSignature],
    policy: &AccessPolicy,
    site: &str,
    now: Timestamp,
) -> Result<Release, Objection> {
    let request = signed.request();
    if request.site != site {
        return Err(Objection::OtherSite { site: request.site.clone() });
    }
    let until = request.span.end();
    if until <= now {
        return Err(Objection::Past { end: until });
    }
    if request.at.duration_since(now) > TOLERANCE {
        return Err(Objection::Ahead { at: request.at });
    }
    must_be_asked_by_the_one_named(signed, policy)?;
    let mut release = Release { needed: policy.approvals, by: Vec::new(), refused: Vec::new(), until };
    for (place, approval) in approvals.iter().enumerate() {
        match count(signed, approval, policy, &release.by) {
            Ok(name) => release.by.push(name),
            Err(why) => release.refused.push(Refused { place, why }),
        }
    }
    Ok(release)
}

/// Without knowing who asks, nobody can tell that somebody else approves.
fn must_be_asked_by_the_one_named(signed: &SignedRequest, policy: &AccessPolicy) -> Result<(), Objection> {
    if policy.approvals == 0 {
        return Ok(());
    }
    let known = policy.requesters.iter().chain(&policy.approvers);
    let Some(asker) = holder(known, signed.signature()) else {
        return Err(Objection::UnknownRequester { fingerprint: signed.signature().fingerprint() });
    };
    let says = signed.request().requested_by.as_str();
    if is_same(&asker.name, says) {
        return Ok(());
    }
    Err(Objection::RequestedByAnother { says: says.to_owned(), signer: asker.name.clone() })
}

/// Whether an approval with `key` would count beside those of `by`; the name of who holds it. So that nobody is asked to
/// approve in vain.
pub fn may_approve(signed: &SignedRequest, key: &PublicKey, policy: &AccessPolicy, by: &[String]) -> Result<String, Objection> {
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let approver = policy.approvers.iter().find(|known| known.public_key().as_ref() == Some(key));
    approver_counts(signed, approver, fingerprint, by)
}

fn count(signed: &SignedRequest, approval: &SshSignature, policy: &AccessPolicy, by: &[String]) -> Result<String, Objection> {
    let fingerprint = approval.fingerprint();
    if let Err(source) = approval.verify(APPROVAL_NAMESPACE, signed.message().as_bytes()) {
        return Err(Objection::Signature { fingerprint, source });
    }
    approver_counts(signed, holder(policy.approvers.iter(), approval), fingerprint, by)
}

fn approver_counts(signed: &SignedRequest, approver: Option<&Signatory>, fingerprint: String, by: &[String]) -> Result<String, Objection> {
    let request = signed.request();
    let Some(approver) = approver else {
        return Err(Objection::UnknownApprover { fingerprint });
    };
    let name = approver.name.clone();
    if fingerprint == signed.signature().fingerprint() || is_same(&name, request.requested_by.as_str()) {
        return Err(Objection::OwnRequest { name });
    }
    if fingerprint == request.key || is_same(&name, request.who.as_str()) {
        return Err(Objection::OwnWindow { name });
    }
    if by.iter().any(|other| is_same(other, &name)) {
        return Err(Objection::Twice { name });
    }
    Ok(name)
}

fn holder<'s>(mut known: impl Iterator<Item = &'s Signatory>, signature: &SshSignature) -> Option<&'s Signatory> {
    known.find(|signatory| signatory.public_key().is_some_and(|key| signature.is_by(&key)))
}

/// Names that a person would take for the same one.
fn is_same(left: &str, right: &str) -> bool {
    let plain = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain(left) == plain(right)
}
