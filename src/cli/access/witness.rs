//! The ledger's newest head at opening and closing: beside the window's files for the other party, countersigned where its key
//! is at hand, and left on the nodes.

use std::path::Path;

use super::premises::Premises;
use super::request::signer_of;
use crate::cli::clock;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Sentence};
use crate::cli::heads;
use crate::cli::record::ledger_failure;
use crate::disk::{Existing, write_atomically};
use crate::node::Machine;
use crate::sshsig::Signer;

/// The file in a window's folder.
const CHECKPOINT: &str = "checkpoint";

/// The other party's key, ready to countersign.
pub(super) struct Witness {
    name: String,
    signer: Signer,
}

impl Witness {
    /// The key in a file, which has to be one of the site's witnesses; asked for before anything is done.
    pub(super) fn of(path: Option<&Path>, premises: &Premises<'_>) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let signer = signer_of(Some(path), premises.context)?;
        let known = premises.site.witnesses.iter().find(|witness| witness.public_key().as_ref() == Some(signer.public()));
        let Some(witness) = known else {
            let what = format!("the key in {} is none of the site's witnesses", path.display());
            let help = "add the other party's name and public key to `ledger.witnesses` of the site file, if it is theirs";
            return Err(Failure::new(Exit::Refused, Sentence(what), Some(help.to_owned())));
        };
        Ok(Some(Self { name: witness.name.clone(), signer }))
    }
}

/// Leaves the newest head with whoever may keep it: in `folder` where there is one, and on `machines`.
pub(super) async fn leave(
    premises: &Premises<'_>,
    witness: Option<&Witness>,
    folder: Option<&Path>,
    machines: &[Machine],
) -> Result<(), Failure> {
    let Some(ledger) = premises.ledger() else { return Ok(()) };
    let Some(mut note) = ledger.checkpoint().map_err(ledger_failure)? else { return Ok(()) };
    if let Some(Witness { name, signer }) = witness {
        let seq = note.checkpoint.seq;
        // The line's name has no blanks.
        let plain = name.split_whitespace().collect::<Vec<_>>().join("-");
        note = note.countersign(&plain, signer).await.map_err(|error| {
            let help = error.help();
            Failure::new(Exit::Failed, error, help)
        })?;
        let fingerprint = signer.public().fingerprint(russh::keys::HashAlg::Sha256).to_string();
        let text = note.render_note();
        premises.append(&premises.origin().checkpoint_countersigned(clock::now(), name, &fingerprint, (seq, &text)))?;
    }
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        let written = write_atomically(&folder.join(CHECKPOINT), note.render_note().as_bytes(), 0o644, Existing::Replace);
        if let Err(error) = written {
            premises.context.say(&format!("the ledger's newest checkpoint was not left in {}: {error}\n", folder.display()))?;
        }
    }
    heads::leave(premises.context, ledger, machines).await
}
