//! What goes wrong around certificates, in three parts: what failed and where, why, and what to do next.

use std::io;
use std::path::PathBuf;

use super::CertContext;
use crate::certs::ChainError;
use crate::certs::csr::CsrError;
use crate::certs::pfx::{PfxError, PfxReadError};
use crate::disk::WriteError;
use crate::report::Look;
use crate::report::failure::{Failure, write_failure};
use crate::site::SiteErrors;
use crate::site::secret::SecretError;
use serde_json::json;

/// Why a command of `cert` failed.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The output would replace what it is made from.
    #[error("{path} is one of the inputs; it would be lost")]
    OutIsInput {
        /// The file.
        path: PathBuf,
    },
    /// The PFX cannot take a folder's place.
    #[error("{path} is a folder")]
    OutIsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The PFX would lie in a folder that is not there.
    #[error("{path} cannot be written: there is no folder {folder}")]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// The site file of another environment is not one.
    #[error("the site file {path} cannot be used")]
    OtherSite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SiteErrors,
    },
    /// A file given as a root holds no certificate.
    #[error("{path} holds no certificate that could be a root")]
    NoRoot {
        /// The file.
        path: PathBuf,
    },
    /// No file was named, and the site names none either.
    #[error("no certificate file was given")]
    NoFiles,
    /// No chain.
    #[error("no chain can be built from the files")]
    Chain(#[source] ChainError),
    /// No chain for a PFX, where `--name` is its friendly name.
    #[error("no chain can be built from the files")]
    PfxChain(#[source] ChainError),
    /// A secret cannot be had.
    #[error("a password cannot be had")]
    Secret(#[source] SecretError),
    /// The new PFX's password was typed in two ways.
    #[error("the two passwords differ, and no PFX was written")]
    PasswordsDiffer,
    /// Not a PFX.
    #[error("{path} cannot be explained")]
    NotAPfx {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PfxReadError,
    },
    /// The file is readable, and something else than a PFX.
    #[error("{path} is no PFX: it holds certificates or keys as they are")]
    NotEvenAPfx {
        /// The file.
        path: PathBuf,
    },
    /// No PFX was made.
    #[error("no PFX was written")]
    Pfx(#[source] PfxError),
    /// No request was made.
    #[error("no signing request was written")]
    Csr(#[source] CsrError),
    /// An output file cannot be written.
    #[error("the output cannot be written")]
    Write(#[source] WriteError),
    /// OpenSSL has no random numbers.
    #[error("no random password could be made")]
    Random(#[source] openssl::error::ErrorStack),
    /// No reader of the target opens a PFX with this password.
    #[error("the password has letters outside ASCII, and Java opens no PFX with such a one")]
    PasswordNotForJava,
    /// Somebody broke it off.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// Standard output is gone.
    #[error("cannot print the answer")]
    Output {
        /// The operating system's reason.
        source: io::Error,
    },
}

impl CertError {
    /// The exit code of the contract.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Secret(SecretError::NoAnswer { source, .. }) if source.kind() == io::ErrorKind::Interrupted => 130,
            Self::Read { .. }
            | Self::OutIsInput { .. }
            | Self::OutIsFolder { .. }
            | Self::NoFolder { .. }
            | Self::OtherSite { .. }
            | Self::NoRoot { .. }
            | Self::NoFiles
            | Self::Chain(_)
            | Self::PfxChain(_)
            | Self::Secret(_)
            | Self::PasswordsDiffer
            | Self::PasswordNotForJava
            | Self::NotAPfx { .. }
            | Self::NotEvenAPfx { .. }
            | Self::Csr(CsrError::NoNames | CsrError::BadName { .. })
            | Self::Write(WriteError::Exists { .. } | WriteError::NotAFile { .. }) => 2,
            Self::Pfx(_) | Self::Csr(_) | Self::Write(_) | Self::Random(_) | Self::Output { .. } => 1,
            Self::Interrupted => 130,
        }
    }

    /// What to do next.
    pub fn help(&self) -> String {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
                "name the files in the folder, not the folder: `FOLDER/*.pem`".to_owned()
            }
            Self::Read { .. } => "check the path and that you may read the file".to_owned(),
            Self::OutIsInput { .. } | Self::OutIsFolder { .. } => "name another file: `--out FILE`".to_owned(),
            Self::NoFolder { folder, .. } => format!("make it first (`mkdir -p {}`), or name another file: `--out FILE`", folder.display()),
            Self::OtherSite { .. } => "`portcullis --site FILE site check` shows every problem with its place".to_owned(),
            Self::NoRoot { .. } => "give the private CA's root certificate as PEM or DER".to_owned(),
            Self::NoFiles => {
                "name the files that the CA sent, in any order; or give a site file that names them (`--site FILE`)".to_owned()
            }
            Self::PfxChain(ChainError::SeveralServerCertificates { .. }) => {
                "name the one that is meant: give its private key (`--key FILE`), or leave the other certificates' files out of `--in`"
                    .to_owned()
            }
            Self::Chain(error) | Self::PfxChain(error) => error.help().to_owned(),
            Self::PasswordsDiffer => "run the command again, and type the same password twice".to_owned(),
            Self::Secret(SecretError::NoAnswer { source, .. }) if source.kind() == io::ErrorKind::Interrupted => Self::Interrupted.help(),
            Self::Secret(_) => {
                "say where it is by `--password-from` (of the new PFX) or `--key-password-from`: env:NAME, file:PATH, cmd:COMMAND, or prompt at a terminal".to_owned()
            }
            Self::NotEvenAPfx { .. } => {
                "`portcullis cert inspect FILE` shows what is in it; `portcullis cert pfx` makes a PFX of it".to_owned()
            }
            Self::NotAPfx { .. } => "`portcullis cert inspect FILE` says what the file is".to_owned(),
            Self::Pfx(error) => error.help().to_owned(),
            Self::Csr(error) => error.help().to_owned(),
            Self::Write(WriteError::Exists { .. }) => "name another file, or replace it: `--force`".to_owned(),
            Self::Write(WriteError::NotAFile { .. }) => "name another file".to_owned(),
            Self::Write(WriteError::Io { .. }) => "check the folder, that you may write there, and that the disk has space".to_owned(),
            Self::Random(_) => "give a password instead: `--password-from`".to_owned(),
            Self::PasswordNotForJava => "choose one of ASCII letters, digits and punctuation; without `--password-from` one is made".to_owned(),
            Self::Interrupted => "run the same command again".to_owned(),
            Self::Output { .. } => "see that there is space where the output goes".to_owned(),
        }
    }
}

/// Tells of an error: a person on `context.err`, a script by one object on `context.out`.
pub(super) fn tell(error: &CertError, context: &mut CertContext<'_>) -> io::Result<()> {
    tracing::error!(exit = error.exit_code(), "{}", crate::cli::outcome::chain(error));
    let help = error.help();
    let failure = Failure { help: Some(&help), log: context.log.filter(|log| log.exists()), ..Failure::of(error) };
    // A script whose standard output takes nothing is told where a person would be.
    if context.json && !matches!(error, CertError::Output { .. }) {
        let told = json!({"message": error.to_string(), "causes": failure.causes(), "help": help});
        return writeln!(context.out, "{:#}", json!({"error": told, "exit_code": error.exit_code()}));
    }
    write_failure(context.err, &failure, &Look { colour: context.color, width: usize::MAX })
}
