//! `cert pfx`: whatever the CA sent, as one full-chain PFX.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use secrecy::ExposeSecret;
use serde_json::json;

use super::input::{self, TrustArgs};
use super::place::{self, NewPassword, PasswordFile};
use super::show::{self, Paint};
use super::{At, CertContext, CertError, DONE, FOUND, check, instant, secret_ref};
use crate::certs::pfx::{KeysError, PfxKeys, PfxProfile, TARGETS, compose_pfx};
use crate::certs::{Chain, Demands, Key, review, review_without_chain};
use crate::cli::interrupt::Held;
use crate::disk::{Existing, Staged, sweep_beside};
use crate::finding::{Finding, Severity};
use crate::site::model::SecretRef;

/// Arguments of `cert pfx`.
#[derive(Debug, Clone, clap::Args)]
pub struct PfxArgs {
    /// PEM, DER, P7B, PFX and key files, in any order, `-` for standard input; the site's where there is one
    #[arg(long = "in", value_name = "FILE", num_args = 1..)]
    pub(super) input: Vec<PathBuf>,
    /// The private key, where it is not in one of the files
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// The PFX to write
    #[arg(long, value_name = "FILE", value_parser = pfx_file)]
    pub(super) out: PathBuf,
    /// The instant for which everything is judged (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<At>,
    /// Password of the PFX: `env:NAME`, `file:PATH`, `cmd:COMMAND` or `prompt`. Without it a random one, kept beside the PFX
    #[arg(long, value_name = "REF", value_parser = secret_ref)]
    pub(super) password_from: Option<SecretRef>,
    /// How it is encrypted: modern, legacy or pbmac1
    #[arg(long, value_name = "NAME", value_parser = profile, conflicts_with = "target")]
    profile: Option<PfxProfile>,
    /// For what it is made: appliance, windows-2016, windows-2019, java8, java17 or openssl3
    #[arg(long, value_name = "NAME", value_parser = target)]
    target: Option<Target>,
    /// Friendly name of key and certificate; the site's name or the certificate's first name unless given
    #[arg(long, value_name = "FRIENDLY")]
    name: Option<String>,
    /// Put the root in as well, which clients have already
    #[arg(long)]
    include_root: bool,
    /// Replace an existing file
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

fn profile(name: &str) -> Result<PfxProfile, String> {
    let known = || TARGETS.iter().map(|(name, _, why)| format!("{name} ({why})")).collect::<Vec<_>>().join(", ");
    PfxProfile::named(name).ok_or_else(|| format!("not known; there are {}", known()))
}

/// What a PFX is made for.
#[derive(Debug, Clone)]
struct Target {
    profile: PfxProfile,
    is_java: bool,
}

fn target(name: &str) -> Result<Target, String> {
    profile(name).map(|profile| Target { profile, is_java: name.to_ascii_lowercase().starts_with("java") })
}

fn pfx_file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("a PFX holds a private key and is put in a file of its own, never on standard output".to_owned()),
        "" => Err("name the file".to_owned()),
        _ if text.ends_with('/') => Err("name the file, not its folder alone".to_owned()),
        _ => Ok(PathBuf::from(text)),
    }
}

pub(super) fn run(args: &PfxArgs, context: &mut CertContext<'_>) -> Result<u8, CertError> {
    let out = place::followed(&args.out);
    if out != args.out {
        let (link, out) = (args.out.display(), out.display());
        writeln!(context.err, "{link} is a link, and stays one: the PFX goes to {out}").map_err(|source| CertError::Output { source })?;
    }
    let args = &PfxArgs { out, ..args.clone() };
    place::must_be_free(args, context)?;
    let now = context.instant(args.at);
    let names = context.names(&[]);
    // What answers at once can be had before the files are read; nobody should be asked for a file that is refused then.
    let early = if asks(args) { None } else { Some(Keys::begin(args, context)?) };
    let mut input = input::load(context, input::stated(context, &args.input, args.key.as_deref()), &args.trust)?;
    input.key_is_decided();
    if args.trust.fetch_missing {
        super::fetch::complete(&mut input, &names, now, context)?;
    }
    let chain = match check::chain(&input, &names, now, context.interactive)? {
        Ok(chain) => chain,
        Err(error) => match review_without_chain(&input.bag, &error) {
            Some(findings) => return Answer { args, chain: None, findings: &findings, now }.refuse(context),
            None => return Err(CertError::PfxChain(error)),
        },
    };
    check::say_if_newer(&chain, now, context)?;
    let demands = Demands { key: true, appliance: context.site.is_some(), ..Demands::new(&names, now) };
    let friendly_name = friendly_name(args, &chain, context);
    let key = chain.key.as_ref().filter(|_| chain.is_whole());
    // What can be written is written whatever the review finds, so that it need not be waited for.
    let (mut findings, prepared) = thread::scope(|scope| {
        let review = scope.spawn(|| review(&input.bag, &chain, &demands));
        let prepared = early.zip(key).map(|(keys, key)| keys.prepare(args, &chain, key, &friendly_name));
        (review.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), prepared)
    });
    if args.trust.fetch_missing {
        super::fetch::without_fetch_hints(&mut findings);
    }
    let answer = Answer { args, chain: Some(&chain), findings: &findings, now };
    let Some(key) = key else {
        return answer.refuse(context);
    };
    let (staged, password, held) = match prepared {
        Some(prepared) => prepared?,
        None => Keys::begin(args, context)?.prepare(args, &chain, key, &friendly_name)?,
    };
    if held.was_asked() {
        return Err(CertError::Interrupted);
    }
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let password_file = place::place(staged, &password, &args.out, existing)?;
    answer.report(&password_file, context)
}

/// Whether having the password may need a person.
fn asks(args: &PfxArgs) -> bool {
    match &args.password_from {
        Some(SecretRef::Prompt | SecretRef::Cmd(_)) => true,
        Some(SecretRef::Env(_) | SecretRef::File(_)) | None => false,
    }
}

/// What should be said of a password that can be used.
fn doubt(password: &str) -> Option<&'static str> {
    if password.is_empty() {
        Some("the password is empty: whoever has the PFX has the key, and some programs refuse it")
    } else if password.contains(char::is_control) {
        Some("the password has a line break or another control character in it, which nobody can type: look at where it comes from")
    } else if !password.is_ascii() {
        Some(
            "the password has letters outside ASCII: Java refuses such a password, and other programs encode it differently; one of ASCII alone opens everywhere",
        )
    } else {
        None
    }
}

/// The keys of the new PFX, in the making.
struct Keys {
    derived: JoinHandle<Result<PfxKeys, KeysError>>,
    password: NewPassword,
}

impl Keys {
    fn begin(args: &PfxArgs, context: &mut CertContext<'_>) -> Result<Self, CertError> {
        let given = args.password_from.as_ref().map(|reference| context.secrets.resolve(reference, "the new PFX's password"));
        let given = given.transpose().map_err(CertError::Secret)?;
        if let (Some(password), Some(SecretRef::Prompt)) = (&given, &args.password_from) {
            // Nobody sees what is typed, and a slip would only show when the PFX does not open.
            let again = context.secrets.resolve(&SecretRef::Prompt, "the new PFX's password once more").map_err(CertError::Secret)?;
            if again.expose_secret() != password.expose_secret() {
                return Err(CertError::PasswordsDiffer);
            }
        }
        let is_for_java = args.target.as_ref().is_some_and(|target| target.is_java);
        if is_for_java && given.as_ref().is_some_and(|password| !password.expose_secret().is_ascii()) {
            return Err(CertError::PasswordNotForJava);
        }
        if let Some(doubt) = given.as_ref().and_then(|password| doubt(password.expose_secret())) {
            writeln!(context.err, "warning: {doubt}").map_err(|source| CertError::Output { source })?;
        }
        let password = match given {
            Some(given) => NewPassword::Given(given),
            None => NewPassword::Random(place::random_password()?),
        };
        let site_profile = || context.site.and_then(|site| site.tls.as_ref()).and_then(|tls| PfxProfile::named(&tls.pfx_target));
        let profile =
            args.profile.or(args.target.as_ref().map(|target| target.profile)).or_else(site_profile).unwrap_or(PfxProfile::Modern);
        let secret = password.secret().clone();
        let start = thread::Builder::new().name("keys".to_owned());
        let derived =
            start.spawn(move || PfxKeys::derive(profile, Some(secret))).map_err(|error| CertError::Pfx(KeysError::Thread(error).into()))?;
        Ok(Self { derived, password })
    }

    /// Writes the PFX beside its place while the second implementation reads it back: the one that passed, and its
    /// password.
    fn prepare(self, args: &PfxArgs, chain: &Chain, key: &Key, name: &str) -> Result<(Staged, NewPassword, Held), CertError> {
        let keys = self.derived.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let keys = keys.map_err(|error| CertError::Pfx(error.into()))?;
        let composed = compose_pfx(chain, key, name, args.include_root, keys).map_err(CertError::Pfx)?;
        let bytes = composed.bytes().to_vec();
        sweep_beside(&args.out);
        // From here on a private key lies on the disk, under a name of which nobody knows.
        let held = Held::begin();
        let staged = thread::scope(|scope| {
            let staging = scope.spawn(|| Staged::beside(&args.out, &bytes, place::PRIVATE));
            let compared = composed.compare();
            let staged = staging.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            compared.map_err(CertError::Pfx)?;
            staged.map_err(CertError::Write)
        })?;
        Ok((staged, self.password, held))
    }
}

fn friendly_name(args: &PfxArgs, chain: &Chain, context: &CertContext<'_>) -> String {
    let of_site =
        || context.site.map(|site| site.tls.as_ref().and_then(|tls| tls.friendly_name.clone()).unwrap_or_else(|| site.name.clone()));
    let of_leaf = || chain.leaf.extensions.dns_names().next().map_or_else(|| chain.leaf.subject.short(), ToOwned::to_owned);
    args.name.clone().or_else(of_site).unwrap_or_else(of_leaf)
}

/// What there is to tell, whether a PFX was written or not.
struct Answer<'a> {
    args: &'a PfxArgs,
    chain: Option<&'a Chain>,
    findings: &'a [Finding],
    now: jiff::Timestamp,
}

impl Answer<'_> {
    fn certificates(&self) -> Vec<serde_json::Value> {
        let Some(chain) = self.chain else { return Vec::new() };
        let mut list = vec![show::certificate_json(&chain.leaf, "leaf", self.now)];
        list.extend(chain.intermediates.iter().map(|one| show::certificate_json(one, "intermediate", self.now)));
        if let Some(root) = chain.root().filter(|root| self.args.include_root && **root != chain.leaf) {
            list.push(show::certificate_json(root, "root", self.now));
        }
        list
    }

    fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// Says why nothing was written.
    fn refuse(&self, context: &mut CertContext<'_>) -> Result<u8, CertError> {
        let output = |source| CertError::Output { source };
        if context.json {
            let value = json!({"out": null, "certificates": self.certificates(), "findings": self.findings, "errors": self.errors()});
            show::print_json(&value, context.out)?;
        } else {
            show::print_findings(self.findings, Paint::of(context), context.out).map_err(output)?;
        }
        let out = self.args.out.display();
        writeln!(context.err, "{out} was not written: the errors that were found must be mended first").map_err(output)?;
        Ok(FOUND)
    }

    /// Says what was written.
    fn report(&self, password_file: &PasswordFile, context: &mut CertContext<'_>) -> Result<u8, CertError> {
        let output = |source| CertError::Output { source };
        let out = self.args.out.display().to_string();
        password_file.tell(context.err).map_err(output)?;
        let certificates = self.certificates();
        if context.json {
            let password_file = password_file.written().map(|file| file.display().to_string());
            let value = json!({"out": out, "password_file": password_file, "certificates": certificates, "findings": self.findings, "errors": self.errors()});
            show::print_json(&value, context.out)?;
            return Ok(DONE);
        }
        show::print_findings(self.findings, Paint::of(context), context.out).map_err(output)?;
        let count = certificates.len();
        let plural = if count == 1 { "" } else { "s" };
        writeln!(context.out, "{out}: key and {count} certificate{plural}, read back and compared").map_err(output)?;
        match self.errors() {
            0 => {}
            1 => writeln!(context.out, "written, although 1 error was found: mend it before this is used").map_err(output)?,
            errors => {
                writeln!(context.out, "written, although {errors} errors were found: mend them before this is used").map_err(output)?;
            }
        }
        Ok(DONE)
    }
}
