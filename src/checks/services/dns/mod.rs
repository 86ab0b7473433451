//! One question to a resolver over TCP (RFC 1035, 4; RFC 7766), over a stream that the caller opened: why a name has no address
//! is what `getaddrinfo` does not tell, and what the team of the names has to know. One question of one kind is all that is
//! wanted, so that it is written out here.

mod message;

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use message::{ADDRESS, ADDRESS_OF_SIX, Answer, parse, question};

/// Why a resolver tells no address of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// There is no such name.
    NoSuchName,
    /// There is, and it has no address.
    NoAddress,
    /// It is another's second name, and that one has no address.
    AliasWithoutAddress {
        /// The last name of the chain.
        target: String,
    },
    /// It is a second name, by others, of itself.
    Circle {
        /// The names of the circle, the first one again at its end.
        names: Vec<String>,
    },
    /// The resolver could not find out.
    Failed,
    /// The resolver does not answer whoever asked.
    Refused,
    /// It answered with this code (RFC 1035, 4.1.1).
    Code(u8),
    /// It answered nothing in time, or not by this protocol.
    Mute,
    /// It knows the name after all: what looked it up before got no answer by UDP.
    Known,
}

impl fmt::Display for Silence {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchName => to.write_str("there is no such name (NXDOMAIN)"),
            Self::NoAddress => to.write_str("the name is there and has no address"),
            Self::AliasWithoutAddress { target } => write!(to, "it is an alias (CNAME) of {target}, which has no address"),
            Self::Circle { names } => write!(to, "its aliases (CNAME) lead in a circle: {}", names.join(" -> ")),
            Self::Failed => {
                to.write_str("the resolver fails at it (SERVFAIL): aliases in a circle, a delegation to a dead server, or DNSSEC")
            }
            Self::Refused => to.write_str("the resolver does not answer this machine (REFUSED)"),
            Self::Code(code) => write!(to, "the resolver answers with code {code}"),
            Self::Mute => to.write_str("the resolver does not answer over TCP"),
            Self::Known => to.write_str("the resolver knows it over TCP: look for what keeps UDP away"),
        }
    }
}

/// Asks the resolver behind the stream for the addresses of `name`; why there are none.
pub async fn why_unknown<S>(mut stream: S, name: &str, patience: Duration) -> Silence
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asking = async {
        let four = ask(&mut stream, 1, name, ADDRESS).await?;
        let six = if four.code == 0 && four.addresses == 0 { ask(&mut stream, 2, name, ADDRESS_OF_SIX).await? } else { Answer::default() };
        Some((four, six))
    };
    let Ok(Some((four, six))) = tokio::time::timeout(patience, asking).await else { return Silence::Mute };
    judge(name, &four, six.addresses)
}

fn judge(name: &str, answer: &Answer, of_six: usize) -> Silence {
    match answer.code {
        0 => {}
        2 => return Silence::Failed,
        3 => return Silence::NoSuchName,
        5 => return Silence::Refused,
        other => return Silence::Code(other),
    }
    if answer.addresses + of_six > 0 {
        return Silence::Known;
    }
    let mut names = vec![name.to_ascii_lowercase()];
    while let Some((_, target)) = answer.aliases.iter().find(|(alias, _)| names.last() == Some(alias)) {
        let begin = names.iter().position(|known| known == target);
        names.push(target.clone());
        if let Some(begin) = begin {
            return Silence::Circle { names: names.split_off(begin) };
        }
    }
    match names.pop().filter(|_| !names.is_empty()) {
        Some(target) => Silence::AliasWithoutAddress { target },
        None => Silence::NoAddress,
    }
}

/// `None` where what comes back is no answer to that.
async fn ask<S>(stream: &mut S, id: u16, name: &str, kind: u16) -> Option<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let question = question(id, name, kind)?;
    let length = u16::try_from(question.len()).ok()?.to_be_bytes();
    stream.write_all(&[&length[..], &question].concat()).await.ok()?;
    stream.flush().await.ok()?;
    let length = stream.read_u16().await.ok()?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await.ok()?;
    parse(&bytes, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: u8, aliases: &[(&str, &str)], addresses: usize) -> Silence {
        let aliases = aliases.iter().map(|(alias, target)| ((*alias).to_owned(), (*target).to_owned())).collect();
        judge("a.example", &Answer { code, aliases, addresses }, 0)
    }

    #[test]
    fn why_a_name_has_no_address_is_told_apart() {
        assert_eq!(judged(3, &[], 0), Silence::NoSuchName);
        assert_eq!(judged(2, &[], 0), Silence::Failed);
        assert_eq!(judged(0, &[], 0), Silence::NoAddress);
        assert_eq!(judged(0, &[], 1), Silence::Known);
        let chain = judged(0, &[("a.example", "b.example"), ("b.example", "c.example")], 0);
        assert_eq!(chain, Silence::AliasWithoutAddress { target: "c.example".to_owned() });
        let circle = judged(0, &[("a.example", "b.example"), ("b.example", "c.example"), ("c.example", "b.example")], 0);
        assert_eq!(circle.to_string(), "its aliases (CNAME) lead in a circle: b.example -> c.example -> b.example");
        assert_eq!(judged(0, &[("a.example", "a.example")], 0).to_string().matches("a.example").count(), 2);
    }

    #[tokio::test]
    async fn a_resolver_that_says_nothing_or_nonsense_is_mute() {
        let (here, there) = tokio::io::duplex(64);
        drop(there);
        assert_eq!(why_unknown(here, "a.example", Duration::from_secs(5)).await, Silence::Mute);
        let (here, mut there) = tokio::io::duplex(4096);
        there.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        assert_eq!(why_unknown(here, "a.example", Duration::from_millis(50)).await, Silence::Mute);
        let (here, _there) = tokio::io::duplex(4096);
        assert_eq!(why_unknown(here, &"a".repeat(70), Duration::from_secs(5)).await, Silence::Mute);
    }
}
