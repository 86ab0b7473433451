//! How a script gets to run as it stands, whatever the login shell is.
//!
//! The exec command is one line that sh, bash, dash, busybox, fish and csh read alike; it is handed to `/bin/sh`, which
//! reads the script from standard input, to the byte, and evaluates it: neither command lines nor sudo's log ever hold
//! the script, and what follows it on standard input is its payload, untouched. A script that arrived cut short is not
//! run: its last bytes are a random token that was named before. The token, printed, also marks where the login
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
const ENVIRONMENT: &str = "LC_ALL=C;export LC_ALL;PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin;export PATH\n";

/// What to send for `script`; `None` where the sudo password has a line break in it.
pub(crate) fn start(script: &Script, token: String) -> Option<Start> {
    let inner = Seal::Inner.close(&format!("{ENVIRONMENT}unset T\n{}\n{}", say(&token, Mark::Start), script.text), &token);
    let password = match &script.elevation {
        Elevation::None => {
            let command = format!("exec /bin/sh -c '{}'", read_and_run(&inner, Seal::Inner, &token));
            return Some(Start { command, opening: Zeroizing::new(inner), once_ready: None, token });
        }
        Elevation::Sudo => None,
        Elevation::SudoPassword(password) => Some(password),
    };
    let line = password.map(password_line).map_or(Some(None), |line| line.map(Some))?;
    let outer = Seal::Outer.close(&elevating(&inner, line.is_some(), &token), &token);
    let command = format!("exec /bin/sh -c '{}'", read_and_run(&outer, Seal::Outer, &token));
    let mut opening = Zeroizing::new(outer);
    let mut once_ready = None;
    if let Some(line) = line {
        opening.extend_from_slice(&line);
        once_ready = Some([token.as_bytes(), b"\n", &inner].concat());
    } else {
        opening.extend_from_slice(&inner);
    }
    Some(Start { command, opening, once_ready, token })
}

/// What a text ends with. Each text has a seal of its own, which stands nowhere else in it: the outer one names the
/// inner one's, and cut short just there it must not pass for whole.
#[derive(Debug, Clone, Copy)]
enum Seal {
    Inner,
    Outer,
}

impl Seal {
    fn text(self, token: &str) -> String {
        match self {
            Self::Inner => format!("#i{token}"),
            Self::Outer => format!("#o{token}"),
        }
    }

    fn close(self, text: &str, token: &str) -> Vec<u8> {
        format!("{text}\n{}", self.text(token)).into_bytes()
    }
}

/// The shell text that reads `text` from standard input and runs it if it is whole. Without single quotes.
///
/// `dd` with whole blocks reads exactly as much as it is told in GNU, busybox and BSD; where it does not know the
/// flag it has read nothing yet, and reads byte by byte.
fn read_and_run(text: &[u8], seal: Seal, token: &str) -> String {
    let (length, seal) = (text.len(), seal.text(token));
    format!(
        "T=$(dd bs={length} count=1 iflag=fullblock 2>/dev/null||dd bs=1 count={length} 2>/dev/null);\
         case $T in *{seal})eval \"$T\";exit;;esac;exit 97"
    )
}

/// The text that gets root and then runs `inner`.
fn elevating(inner: &[u8], with_password: bool, token: &str) -> String {
    let run = read_and_run(inner, Seal::Inner, token);
    // The password's line is skipped where sudo did not ask for it: a shell reads lines byte by byte, and no further.
    let run = if with_password {
        format!("{};while IFS= read -r L;do case $L in {token})break;;esac;done;{run}", say(token, Mark::Ready))
    } else {
        run
    };
    let options = if with_password { format!("-k -S -p {}", password_prompt(token)) } else { "-n".to_owned() };
    format!(
        "{ENVIRONMENT}if [ \"$(id -u)\" = 0 ];then exec /bin/sh -c '{run}';fi\n\
         command -v sudo >/dev/null 2>&1||{{ {};exit 98;}}\n\
         {};exec sudo {options} -- /bin/sh -c '{run}'",
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
