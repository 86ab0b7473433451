//! Bind and search (RFC 4511, 4.2 and 4.5), and what a directory's refusals mean.

use std::io;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::ber::{element, first, number};

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const BOOLEAN: u8 = 0x01;
const SEQUENCE: u8 = 0x30;
const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_REQUEST: u8 = 0x63;
const ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SIMPLE: u8 = 0x80;
const EQUALITY: u8 = 0xa3;
const PRESENT: u8 = 0x87;
/// More of an answer is no answer to what was asked.
const LONGEST: usize = 1024 * 1024;

/// Why the directory did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Nothing was answered in time.
    #[error("ldap: no answer within {} s", .after.as_secs_f32())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// What answers does not speak LDAP.
    #[error("ldap: what answers does not speak LDAP")]
    NotLdap,
    /// The connection failed or was closed.
    #[error("ldap: the connection failed: {source}")]
    Network {
        /// Why.
        source: io::Error,
    },
    /// The directory refused.
    #[error("ldap: refused with {code} ({}){}", meaning(*.code), said(.words))]
    Refused {
        /// Its result code (RFC 4511, appendix A).
        code: u8,
        /// Its words.
        words: String,
    },
    /// The search for persons went well and found nothing.
    #[error("ldap: nobody was found")]
    Nobody,
    /// So did the search for groups.
    #[error("ldap: no group whose members can be read was found")]
    NoGroup,
}

fn said(words: &str) -> String {
    let words: String = words.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if words.is_empty() { words } else { format!(": {words}") }
}

fn meaning(code: u8) -> &'static str {
    match code {
        1 => "operations error",
        3 => "it took longer than the directory allows",
        4 => "more entries than asked for",
        7 => "method not supported",
        8 => "stronger authentication required",
        10 => "referral to another directory",
        11 => "the directory's limit is exceeded",
        13 => "confidentiality required",
        32 => "no such object",
        34 => "malformed name",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        _ => "see RFC 4511",
    }
}

impl DirectoryError {
    /// What to do next.
    pub fn help(&self) -> String {
        match self {
            Self::Refused { code: 49, words } if words.contains("data 533") => "the account is disabled: have the directory team enable it",
            Self::Refused { code: 49, words } if words.contains("data 532") || words.contains("data 773") => {
                "the account's password has expired: have it set anew, without expiry"
            }
            Self::Refused { code: 49, words } if words.contains("data 775") => "the account is locked: have the directory team unlock it",
            Self::Refused { code: 49, .. } => {
                "check `bind_user` (a whole distinguished name, or `name@domain`) and `bind_password` with the directory team"
            }
            Self::Refused { code: 8 | 13, .. } => "the directory takes no password in clear: use `ldaps://`",
            Self::Refused { code: 32 | 34, .. } => "`base` names no place in this directory: ask the directory team for it",
            Self::Refused { code: 10, .. } => {
                "this directory does not hold that part of the tree: name in `ldap_url` the server that does (Active Directory: one of the domain of `base`), or mend `base`"
            }
            Self::Refused { code: 3 | 4 | 11, .. } => {
                "the directory stops the search before it finds anybody: narrow `base`, or ask the directory team to raise the account's limits"
            }
            Self::Refused { code: 48 | 53, .. } => {
                "the directory takes no such bind: ask its team whether it wants `ldaps://`, another form of `bind_user`, or lets the account in at all"
            }
            Self::Refused { code: 51 | 52, .. } => "the directory is busy or going down: try again, then ask its team",
            Self::Refused { code: 1, .. } => "the directory searches for nobody without an account: name `bind_user` and `bind_password`",
            Self::Refused { code: 50, .. } | Self::Nobody => "let the account read persons and groups below `base`",
            Self::NoGroup => {
                "have the directory team let the account read groups and their `member`, or name under `base_groups` where they stand; whose groups hold `uniqueMember` or `memberUid` in its place gives the connector a `LDAP_SEARCH_GROUPS` of its own"
            }
            Self::Refused { .. } => "ask the directory team for its log of this moment",
            Self::NotLdap => "the port serves something else: 636 speaks TLS from the first byte (`ldaps://`), 389 does not",
            Self::TimedOut { .. } | Self::Network { .. } => "ask the directory team whether it takes connections from this machine",
        }
        .to_owned()
    }
}

/// Who binds.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// Its name, as the directory takes it.
    pub user: &'a str,
    /// Its password.
    pub password: &'a SecretString,
}

/// A connection to a directory.
#[derive(Debug)]
pub struct Directory<S> {
    stream: S,
    patience: Duration,
    message: u8,
    rest: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Directory<S> {
    /// Speaks LDAP over the stream, which is connected, and encrypted where that is wanted.
    pub fn over(stream: S, patience: Duration) -> Self {
        Self { stream, patience, message: 0, rest: Vec::new() }
    }

    async fn send(&mut self, operation: &[u8]) -> Result<(), DirectoryError> {
        self.message += 1;
        let content = Zeroizing::new([number(INTEGER, self.message).as_slice(), operation].concat());
        let message = Zeroizing::new(element(SEQUENCE, &content));
        let sent = async {
            self.stream.write_all(&message).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|source| DirectoryError::Network { source })
    }

    /// The next operation: its tag and its content.
    async fn receive(&mut self) -> Result<(u8, Vec<u8>), DirectoryError> {
        let after = self.patience;
        tokio::time::timeout(after, self.read()).await.map_err(|_elapsed| DirectoryError::TimedOut { after })?
    }

    async fn read(&mut self) -> Result<(u8, Vec<u8>), DirectoryError> {
        loop {
            if self.rest.first().is_some_and(|tag| *tag != SEQUENCE) || self.rest.len() > LONGEST {
                return Err(DirectoryError::NotLdap);
            }
            if let Some((_, content, rest)) = first(&self.rest) {
                let operation =
                    first(content).and_then(|(_, _, operation)| first(operation)).map(|(tag, content, _)| (tag, content.to_vec()));
                let rest = rest.to_vec();
                self.rest = rest;
                return operation.ok_or(DirectoryError::NotLdap);
            }
            let mut piece = [0; 4096];
            let read = self.stream.read(&mut piece).await.map_err(|source| DirectoryError::Network { source })?;
            if read == 0 {
                return Err(DirectoryError::Network { source: io::ErrorKind::UnexpectedEof.into() });
            }
            self.rest.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
    }
}

/// The result code and words of a response.
fn result(content: &[u8]) -> Result<(u8, String), DirectoryError> {
    let (tag, code, rest) = first(content).ok_or(DirectoryError::NotLdap)?;
    let code = code.last().copied().filter(|_| tag == ENUMERATED).ok_or(DirectoryError::NotLdap)?;
    let words = first(rest).and_then(|(_, _, rest)| first(rest)).map(|(_, words, _)| String::from_utf8_lossy(words).into_owned());
    Ok((code, words.unwrap_or_default()))
}

/// Binds with the account; over a stream in clear its password is in clear.
pub async fn bind<S>(directory: &mut Directory<S>, account: Account<'_>) -> Result<(), DirectoryError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let password = Zeroizing::new(element(SIMPLE, account.password.expose_secret().as_bytes()));
    let content = Zeroizing::new([number(INTEGER, 3), element(OCTETS, account.user.as_bytes()), password.to_vec()].concat());
    let request = Zeroizing::new(element(BIND_REQUEST, &content));
    directory.send(&request).await?;
    let (tag, content) = directory.receive().await?;
    if tag != BIND_RESPONSE {
        return Err(DirectoryError::NotLdap);
    }
    match result(&content)? {
        (0, _) => Ok(()),
        (code, words) => Err(DirectoryError::Refused { code, words }),
    }
}

/// Looks for persons below `base`, five at most; gives back how many there were.
pub async fn search<S>(directory: &mut Directory<S>, base: &str) -> Result<usize, DirectoryError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let persons = element(EQUALITY, &[element(OCTETS, b"objectClass"), element(OCTETS, b"person")].concat());
    count(directory, base, persons, DirectoryError::Nobody).await
}

/// Looks for groups below `base` whose members the account can read, five at most; gives back how many there were. A server
/// takes what may not be read for absent (RFC 4511, 4.5.1.7), so that this finds nothing where a connector would find no
/// person's groups.
pub async fn search_groups<S>(directory: &mut Directory<S>, base: &str) -> Result<usize, DirectoryError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    count(directory, base, element(PRESENT, b"member"), DirectoryError::NoGroup).await
}

async fn count<S>(directory: &mut Directory<S>, base: &str, filter: Vec<u8>, nothing: DirectoryError) -> Result<usize, DirectoryError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    const WHOLE_SUBTREE: u8 = 2;
    const NEVER: u8 = 0;
    const MOST: u8 = 5;
    const SECONDS: u8 = 10;
    let content = [
        element(OCTETS, base.as_bytes()),
        number(ENUMERATED, WHOLE_SUBTREE),
        number(ENUMERATED, NEVER),
        number(INTEGER, MOST),
        number(INTEGER, SECONDS),
        element(BOOLEAN, &[0xff]),
        filter,
        // No attributes: that there are entries is all that is wanted (RFC 4511, 4.5.1.8).
        element(SEQUENCE, &element(OCTETS, b"1.1")),
    ];
    directory.send(&element(SEARCH_REQUEST, &content.concat())).await?;
    let mut entries = 0;
    loop {
        match directory.receive().await? {
            (ENTRY, _) => entries += 1,
            (SEARCH_DONE, content) => {
                return match result(&content)? {
                    (0 | 4, _) if entries > 0 => Ok(entries),
                    (0, _) => Err(nothing),
                    (code, words) => Err(DirectoryError::Refused { code, words }),
                };
            }
            // References to other directories, and what else may come between.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: Vec<u8>) -> Directory<tokio::io::DuplexStream> {
        let (here, mut there) = tokio::io::duplex(4096);
        there.write_all(&answer).await.unwrap();
        drop(tokio::spawn(async move {
            let mut asked = vec![0; 1024];
            while there.read(&mut asked).await.is_ok_and(|read| read > 0) {}
        }));
        Directory::over(here, Duration::from_mins(1))
    }

    fn message(tag: u8, code: u8, words: &str) -> Vec<u8> {
        let content = [number(ENUMERATED, code), element(OCTETS, b""), element(OCTETS, words.as_bytes())].concat();
        element(SEQUENCE, &[number(INTEGER, 1), element(tag, &content)].concat())
    }

    #[tokio::test]
    async fn a_bind_is_taken_or_refused_with_the_directory_s_words() {
        let password = SecretString::from("s3cret");
        let account = Account { user: "cn=svc", password: &password };
        bind(&mut answered(message(BIND_RESPONSE, 0, "")).await, account).await.unwrap();
        let words = "80090308: LdapErr: DSID-0C090453, comment: AcceptSecurityContext error, data 775, v3839";
        let error = bind(&mut answered(message(BIND_RESPONSE, 49, words)).await, account).await.unwrap_err();
        assert!(error.to_string().contains("invalid credentials") && error.help().contains("locked"), "{error}");
        let error = bind(&mut answered(b"220 mail.example ESMTP\r\n".to_vec()).await, account).await.unwrap_err();
        assert!(matches!(error, DirectoryError::NotLdap));
    }

    #[tokio::test]
    async fn a_search_counts_persons_and_says_where_there_are_none() {
        let entry = element(SEQUENCE, &[number(INTEGER, 1), element(ENTRY, &element(OCTETS, b"cn=a"))].concat());
        let limited = [entry.clone(), entry, message(SEARCH_DONE, 4, "")].concat();
        assert_eq!(search(&mut answered(limited).await, "dc=a").await.unwrap(), 2);
        assert!(matches!(search(&mut answered(message(SEARCH_DONE, 0, "")).await, "dc=a").await, Err(DirectoryError::Nobody)));
        let none = search_groups(&mut answered(message(SEARCH_DONE, 0, "")).await, "dc=a").await.unwrap_err();
        assert!(matches!(none, DirectoryError::NoGroup) && none.help().contains("`base_groups`"), "{none}");
        let error = search(&mut answered(message(SEARCH_DONE, 32, "")).await, "dc=b").await.unwrap_err();
        assert!(error.help().contains("`base`"), "{error}");
    }
}
