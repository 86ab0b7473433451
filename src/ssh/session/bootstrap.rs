//! How a script gets to run as it stands, whatever the login shell is.
//!
//! The exec command is one line that sh, bash, dash, busybox, fish and csh read alike: how root is reached, and how
//! `/bin/sh` then reads the script from standard input, to the byte, and evaluates it. Neither command lines nor sudo's log
//! ever hold the script; what follows it on standard input is its payload, untouched. A script that arrived cut short is
//! not run: its last bytes are a random token that was named before. The token, printed, also marks where the login
//! shell's own noise ends.
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

/// What to send for `script`; `None` where the sudo password has a line break in it.
pub(crate) fn start(script: &Script, token: String) -> Option<Start> {
    let inner = sealed(&format!("{ENVIRONMENT}\nunset T\nset --\n{}\n{}", say(&token, Mark::Start), script.text), &token);
    let password = match &script.elevation {
        Elevation::None => {
            let command = format!("exec /bin/sh -c '{}'", read_and_run(&inner, &token));
            return Some(Start { command, opening: Zeroizing::new(inner), once_ready: None, token });
        }
        Elevation::Sudo => None,
        Elevation::SudoPassword(password) => Some(password),
    };
    let line = password.map(password_line).map_or(Some(None), |line| line.map(Some))?;
    let command = elevating(&inner, line.is_some(), &token);
    Some(match line {
        Some(line) => Start { command, opening: line, once_ready: Some([token.as_bytes(), b"\n", &inner].concat()), token },
        None => Start { command, opening: Zeroizing::new(inner), once_ready: None, token },
    })
}

/// What a script's text ends with, so that it is known to be whole.
fn seal(token: &str) -> String {
    format!("#i{token}")
}

fn sealed(text: &str, token: &str) -> Vec<u8> {
    format!("{text}\n{}", seal(token)).into_bytes()
}

/// The shell text that reads `text` from standard input and runs it if it is whole. Without single quotes.
///
/// `dd` with whole blocks reads exactly as much as it is told in GNU, busybox and BSD; where it does not know the
/// flag it has read nothing yet, and reads byte by byte.
fn read_and_run(text: &[u8], token: &str) -> String {
    let (length, seal) = (text.len(), seal(token));
    format!(
        "T=$(dd bs={length} count=1 iflag=fullblock 2>/dev/null||dd bs=1 count={length} 2>/dev/null);\
         case $T in *{seal})eval \"$T\";exit;;esac;exit 97"
    )
}

/// The command that gets root and then reads and runs `inner`: two texts in single quotes, of which the first hands the
/// second on as it is.
fn elevating(inner: &[u8], with_password: bool, token: &str) -> String {
    let run = read_and_run(inner, token);
    // The password's line is skipped where sudo did not ask for it: a shell reads lines byte by byte, and no further.
    let run = if with_password {
        format!("{};while IFS= read -r L;do case $L in {token})break;;esac;done;{run}", say(token, Mark::Ready))
    } else {
        run
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
