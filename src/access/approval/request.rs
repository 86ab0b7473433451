//! What is asked for, as one text that can be signed: each request has one form, and each form is read strictly.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{APPROVAL_NAMESPACE, REQUEST_NAMESPACE};
use crate::access::window::{Kind, Person, Span, SpanError, Window, WindowId};
use crate::ledger::canonical::{CanonicalError, encode_canonical};
use crate::sshsig::{SignatureError, Signer, SignerError, SshSignature};

/// What the text says it is, so that no other signed text is taken for a request.
const TYPE: &str = "portcullis-window-request";
const FORMAT: u64 = 1;
/// A request names nodes, a reason and a ticket: more than this is something else.
const LONGEST: usize = 256 << 10;

/// Why a text is no signed request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It cannot be read at all.
    #[error("that is no window request")]
    Unreadable {
        /// What the reader said.
        #[source]
        source: serde_json::Error,
    },
    /// Larger than any request.
    #[error("that is larger than any window request")]
    TooLong,
    /// A field holds what it cannot.
    #[error("the window request's `{field}` cannot be what it says")]
    Field {
        /// Which.
        field: &'static str,
    },
    /// It was written by a newer version, or is another kind of text.
    #[error("that is not a window request of a form that this version knows")]
    Form,
    /// The bytes are not those that a request with this content has.
    #[error("the window request was changed after it was written")]
    NotCanonical,
    /// It cannot be written.
    #[error("the window request cannot be written")]
    Encode {
        /// Why.
        #[from]
        source: CanonicalError,
    },
    /// The signature in it is not one over it.
    #[error("the window request's signature does not hold")]
    Signature {
        /// Why.
        #[source]
        source: SignatureError,
    },
    /// It could not be signed.
    #[error("the window request cannot be signed")]
    Signer {
        /// Why.
        #[from]
        source: SignerError,
    },
}

impl RequestError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Signer { source } => source.help(),
            Self::Unreadable { .. } | Self::TooLong | Self::Form => {
                Some("give the file that `portcullis access request` wrote, with this version or a newer one".to_owned())
            }
            Self::Field { .. } | Self::NotCanonical | Self::Signature { .. } => {
                Some("ask for the file again from who made it; do not approve this one".to_owned())
            }
            Self::Encode { .. } => Some("this is a mistake in portcullis; please report it".to_owned()),
        }
    }
}

/// A window that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRequest {
    /// The site.
    pub site: String,
    /// The id that the window will have.
    pub id: WindowId,
    /// Who is to be let in.
    pub who: Person,
    /// Fingerprint of that person's key.
    pub key: String,
    /// The nodes; in the text they are sorted.
    pub nodes: Vec<String>,
    /// Within what time it has to lie.
    pub span: Span,
    /// How long it lasts from its start on, whenever within `span` that is.
    pub length: SignedDuration,
    /// What for.
    pub kind: Kind,
    /// Why, in words.
    pub reason: String,
    /// The ticket, where there is one.
    pub ticket: Option<String>,
    /// Who asks.
    pub requested_by: Person,
    /// When.
    pub at: Timestamp,
    /// Sets apart two requests that are otherwise the same: 32 hex digits.
    pub nonce: String,
}

/// In what a window differs from what was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the window's {field} is not what was approved")]
pub struct Difference {
    /// In this.
    pub field: &'static str,
}

/// The request as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    text_type: String,
    format: u64,
    site: String,
    id: String,
    who: String,
    key: String,
    nodes: Vec<String>,
    from: Timestamp,
    to: Timestamp,
    length_s: i64,
    kind: String,
    reason: String,
    ticket: Option<String>,
    requested_by: String,
    at: Timestamp,
    nonce: String,
}

impl TryFrom<Written> for WindowRequest {
    type Error = RequestError;

    fn try_from(written: Written) -> Result<Self, RequestError> {
        if written.text_type != TYPE || written.format != FORMAT {
            return Err(RequestError::Form);
        }
        let field = |field| RequestError::Field { field };
        let is_nonce = written.nonce.len() == 32 && written.nonce.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_nonce {
            return Err(field("nonce"));
        }
        let span = Span::recorded(written.from, written.to).ok_or(field("to"))?;
        let length = SignedDuration::from_secs(written.length_s);
        if !length.is_positive() || length > span.length() {
            return Err(field("length_s"));
        }
        Ok(Self {
            site: written.site,
            id: WindowId::parse(&written.id).map_err(|_unreadable| field("id"))?,
            who: Person::parse(&written.who).map_err(|_unreadable| field("who"))?,
            key: Some(written.key).filter(|key| key.starts_with("SHA256:")).ok_or(field("key"))?,
            nodes: Some(written.nodes).filter(|nodes| !nodes.is_empty()).ok_or(field("nodes"))?,
            span,
            length,
            kind: Kind::ALL.into_iter().find(|kind| kind.word() == written.kind).ok_or(field("kind"))?,
            reason: written.reason,
            ticket: written.ticket,
            requested_by: Person::parse(&written.requested_by).map_err(|_unreadable| field("requested_by"))?,
            at: written.at,
            nonce: written.nonce,
        })
    }
}

impl WindowRequest {
    fn value(&self) -> Value {
        let mut nodes = self.nodes.clone();
        nodes.sort();
        nodes.dedup();
        json!({
            "type": TYPE, "format": FORMAT, "site": self.site, "id": self.id.as_str(), "who": self.who.as_str(), "key": self.key,
            "nodes": nodes, "from": self.span.start(), "to": self.span.end(), "length_s": self.length.as_secs(), "kind": self.kind.word(), "reason": self.reason,
            "ticket": self.ticket, "requested_by": self.requested_by.as_str(), "at": self.at, "nonce": self.nonce,
        })
    }

    /// The text that is signed, by who asks and by who approves: canonical JSON and a line break.
    pub fn message(&self) -> Result<String, RequestError> {
        Ok(format!("{}\n", encode_canonical(&self.value())?))
    }

    /// Reads a text that [`message`](Self::message) gave, byte for byte.
    pub fn parse(message: &[u8]) -> Result<Self, RequestError> {
        if message.len() > LONGEST {
            return Err(RequestError::TooLong);
        }
        let written: Written = serde_json::from_slice(message).map_err(|source| RequestError::Unreadable { source })?;
        let request = Self::try_from(written)?;
        if request.message()?.as_bytes() == message { Ok(request) } else { Err(RequestError::NotCanonical) }
    }

    /// Signs it as the one who asks.
    pub async fn sign(self, signer: &Signer) -> Result<SignedRequest, RequestError> {
        let message = self.message()?;
        let signature = signer.sign(REQUEST_NAMESPACE, message.as_bytes()).await?;
        SignedRequest::join(message.as_bytes(), signature)
    }

    /// From when to when the window is open where it is opened at `now`: its length counts from its start.
    pub fn span_at(&self, now: Timestamp) -> Result<Span, SpanError> {
        let span = Span::lasting(self.span.start(), self.length, now)?;
        Span::between(span.start(), span.end().min(self.span.end()), now)
    }

    /// Whether `window` is this one, or less: fewer nodes, a later start, an earlier end, shorter.
    pub fn must_cover(&self, window: &Window) -> Result<(), Difference> {
        let is_within = self.span.start() <= window.span.start() && window.span.end() <= self.span.end();
        let span = is_within && window.span.length() <= self.length;
        let same = [
            ("id", self.id == window.id),
            ("person", self.who == window.who),
            ("key", self.key == window.key),
            ("kind", self.kind == window.kind),
            ("reason", self.reason == window.reason),
            ("ticket", self.ticket == window.ticket),
            ("span", span),
            ("nodes", window.nodes.iter().all(|node| self.nodes.contains(node))),
        ];
        same.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(field, _)| Err(Difference { field }))
    }
}

/// A request with the signature of who asks, which holds; whose key that is, the site says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    request: WindowRequest,
    message: String,
    signature: SshSignature,
}

impl SignedRequest {
    /// Puts together a text and its signature, as two files of `ssh-keygen -Y sign` hold them.
    pub fn join(message: &[u8], signature: SshSignature) -> Result<Self, RequestError> {
        let request = WindowRequest::parse(message)?;
        signature.verify(REQUEST_NAMESPACE, message).map_err(|source| RequestError::Signature { source })?;
        Ok(Self { message: request.message()?, request, signature })
    }

    /// Reads the one file that holds both, `{"request":…,"signature":…}`.
    pub fn parse(text: &[u8]) -> Result<Self, RequestError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Both {
            request: Value,
            signature: String,
        }
        if text.len() > LONGEST {
            return Err(RequestError::TooLong);
        }
        let both: Both = serde_json::from_slice(text).map_err(|source| RequestError::Unreadable { source })?;
        let signature = SshSignature::parse(both.signature.as_bytes()).map_err(|source| RequestError::Signature { source })?;
        Self::join(format!("{}\n", encode_canonical(&both.request)?).as_bytes(), signature)
    }

    /// The file that [`parse`](Self::parse) reads; also what the ledger's event holds.
    pub fn value(&self) -> Value {
        json!({"request": self.request.value(), "signature": self.signature.encode()})
    }

    /// What is asked for.
    pub fn request(&self) -> &WindowRequest {
        &self.request
    }

    /// The text that was signed, for `ssh-keygen` and for showing.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The signature of who asks.
    pub fn signature(&self) -> &SshSignature {
        &self.signature
    }

    /// Signs it as one who approves; whether that counts is for [`release`](super::release()) to say.
    pub async fn approve(&self, signer: &Signer) -> Result<SshSignature, RequestError> {
        Ok(signer.sign(APPROVAL_NAMESPACE, self.message.as_bytes()).await?)
    }
}
