//! A person's own key, to sign with: a file whose passphrase is asked for, or the agent that holds it.

use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::Exit;
use super::failure::{Failure, Sentence};
use super::outcome::chain;
use crate::site::model::SecretRef;
use crate::sshsig::{Signer, SignerError};
use zeroize::Zeroizing;

/// The key in `path`: a private one, or a `.pub` file for which the ssh-agent signs.
pub(crate) fn signer(path: &Path, context: &Context) -> Result<Signer, Failure> {
    let unreadable = |error: std::io::Error| Failure::new(Exit::Usage, Sentence(format!("cannot read {}: {error}", path.display())), None);
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    let agent = std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from);
    let read = match Signer::read(&text, None, agent.clone()) {
        Err(SignerError::Locked) if context.is_interactive() => {
            let purpose = format!("passphrase of {}", path.display());
            let secrets = context.secrets(Path::new("."));
            let passphrase = secrets.resolve(&SecretRef::Prompt, &purpose).map_err(super::cluster::secret_failure)?;
            Signer::read(&text, Some(&passphrase), agent)
        }
        read => read,
    };
    read.map_err(|error| {
        let help = error.help();
        Failure::new(Exit::Usage, Sentence(format!("{}: {}", path.display(), chain(&error))), help)
    })
}
