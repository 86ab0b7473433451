//! How a script gets to run as it stands, whatever the login shell is.
//!
//! The exec command is one line that sh, bash, dash, busybox, fish and csh read alike: how root is reached, and how
//! `/bin/sh` then reads the script from standard input, to the byte, and evaluates it. Neither command lines nor sudo's log
//! ever hold the script; what follows it on standard input is its payload, untouched. A script that arrived cut short is
//! not run: its last bytes are a random token that was named before. The token, printed, also marks where the login
//! shell's own noise ends.
//!
//! A script may leave its shell to the next one: logging in as root costs a machine more than most scripts do. It then
//! says by the token where its output ends, and how.
//!
//! With a sudo password the script is held back until sudo has said yes: else what sudo does not take as the
//! password's repetition would be taken for more passwords. That costs one round trip, in that case alone.

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::ssh::script::{Elevation, Script};

/// What is sent to run a script.
pub(crate) struct Start {
    /// The command of the exec request.
    pub(crate) command: String,
    /// What is written at once.
    pub(crate) opening: Zeroizing<Vec<u8>>,
    /// What is written once [`Mark::Ready`] was seen; the payload comes after it. `None`: nothing is waited for.
    pub(crate) once_ready: Option<Vec<u8>>,
    /// Random, so that nothing else prints it.
    pub(crate) token: String,
}

/// What ends with a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its shell and the channel: the payload is all that is still to come.
    OfShell,
    /// The script alone: the shell waits for the next one.
    OfScript,
}

/// What the bootstrap says on standard output, each a line `TOKEN:word`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// sudo is asked next.
    Sudo,
    /// There is no sudo.
    NoSudo,
    /// sudo has said yes and the script may be sent.
    Ready,
    /// The next byte is the script's.
    Start,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::NoSudo => "nosudo",
            Self::Ready => "ready",
            Self::Start => "start",
        }
    }

    /// The mark in a line's rest after the token.
    pub(crate) fn from_word(word: &[u8]) -> Option<Self> {
        [Self::Sudo, Self::NoSudo, Self::Ready, Self::Start].into_iter().find(|mark| mark.word().as_bytes() == word)
    }
}

/// With which sudo prompts for the password, on standard error.
pub(crate) fn password_prompt(token: &str) -> String {
    format!("{token}:password")
}

/// `LC_ALL` makes what programs print the same everywhere; `sbin` is where half of what a script needs is, and not
/// on the path that sshd gives to users who are not root.
const ENVIRONMENT: &str = "LC_ALL=C;export LC_ALL;PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin;export PATH";

/// What to send for `script`, to a login shell; `None` where the sudo password has a line break in it.
pub(crate) fn start(script: &Script, end: End, token: String) -> Option<Start> {
    let inner = framed(script, end, &token);
    let password = match &script.elevation {
        Elevation::None => {
            let command = format!("exec /bin/sh -c '{READ_AND_RUN}'");
            return Some(Start { command, opening: Zeroizing::new(inner), once_ready: None, token });
        }
        Elevation::Sudo => None,
        Elevation::SudoPassword(password) => Some(password),
    };
    let line = password.map(password_line).map_or(Some(None), |line| line.map(Some))?;
    let command = elevating(line.is_some(), &token);
    Some(match line {
        Some(line) => Start { command, opening: line, once_ready: Some([token.as_bytes(), b"\n", &inner].concat()), token },
        None => Start { command, opening: Zeroizing::new(inner), once_ready: None, token },
    })
}

/// What to send for `script`, to a shell that another one left.
pub(crate) fn next(script: &Script, end: End, token: String) -> Start {
    let opening = Zeroizing::new(framed(script, end, &token));
    Start { command: String::new(), opening, once_ready: None, token }
}

/// What a script's text ends with, so that it is known to be whole.
fn seal(token: &str) -> String {
    format!("#i{token}")
}

/// Variables that make programs take options or paths otherwise, and that a login or an unclean sudo may hand on.
const FORGOTTEN: &str = "CDPATH POSIXLY_CORRECT TAR_OPTIONS";

/// The script's text behind a line that says how long it is, how long its payload, and its token.
fn framed(script: &Script, end: End, token: &str) -> Vec<u8> {
    let text = format!("{ENVIRONMENT}\nunset T {FORGOTTEN}\nset --\n{}\n{}\n{}", say(token, Mark::Start), script.text, seal(token));
    let payload = match end {
        End::OfShell => "-".to_owned(),
        End::OfScript => script.payload.len().to_string(),
    };
    format!("{} {payload} {token}\n{text}", text.len()).into_bytes()
}

/// How a script ends, as the shell that is left tells it on standard output, after the token.
pub(crate) const ENDED: &str = ":end ";

/// The shell text that reads scripts from standard input and runs each that is whole. Without single quotes.
///
/// `dd` with whole blocks reads exactly as much as it is told in GNU, busybox and BSD; where it does not know the
/// flag it has read nothing yet, and reads byte by byte. A shell reads lines byte by byte, and no further. What a script
/// leaves of its payload is taken away, as the next script follows it. A shell that is to stay is not to be ended by what
/// ends a script.
const READ_AND_RUN: &str = "while read -r L P K;do \
     T=$(dd bs=$L count=1 iflag=fullblock 2>/dev/null||dd bs=1 count=$L 2>/dev/null);\
     case $T in *#i$K);;*)exit 97;;esac;\
     case $P in -)eval \"$T\";exit;;esac;\
     trap : HUP PIPE INT TERM;\
     case $P in 0)(eval \"$T\")</dev/null;;\
     *)(dd bs=$P count=1 iflag=fullblock 2>/dev/null||dd bs=1 count=$P 2>/dev/null)|\
     ((eval \"$T\");S=$?;while read -r L;do :;done;exit $S);;esac;\
     S=$?;echo $K:end $S;echo $K:end >&2;done";

/// The command that gets root and then reads and runs: two texts in single quotes, of which the first hands the second
/// on as it is.
fn elevating(with_password: bool, token: &str) -> String {
    // The password's line is skipped where sudo did not ask for it.
    let run = if with_password {
        format!("{};while IFS= read -r L;do case $L in {token})break;;esac;done;{READ_AND_RUN}", say(token, Mark::Ready))
    } else {
        READ_AND_RUN.to_owned()
    };
    let options = if with_password { format!("-k -S -p {}", password_prompt(token)) } else { "-n".to_owned() };
    format!(
        "exec /bin/sh -c '{ENVIRONMENT};if [ \"$(id -u)\" = 0 ];then eval \"$1\";exit;fi;\
         command -v sudo >/dev/null 2>&1||{{ {};exit 98;}};\
         {};exec sudo {options} -- /bin/sh -c \"$1\"' sh '{run}'",
        say(token, Mark::NoSudo),
        say(token, Mark::Sudo),
    )
}

fn say(token: &str, mark: Mark) -> String {
    format!("echo {token}:{}", mark.word())
}

fn password_line(password: &SecretString) -> Option<Zeroizing<Vec<u8>>> {
    let password = password.expose_secret();
    if password.contains(['\n', '\r', '\0']) {
        return None;
    }
    let mut line = Zeroizing::new(Vec::with_capacity(password.len() + 1));
    line.extend_from_slice(password.as_bytes());
    line.push(b'\n');
    Some(line)
}

#[cfg(test)]
mod tests;
