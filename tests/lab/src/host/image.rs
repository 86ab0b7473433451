//! The image all machines stand on: one base system by debootstrap and a thin layer for each role, kept in the user's cache.
//!
//! The folders' names carry a hash of what they are made from (packages, scripts, mirror), so that a change makes new ones, and a change to a role no
//! new base. Each is built beside its place and renamed when whole: what stands there can be used.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher as _},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use serde::{Deserialize, Serialize};

use super::{apt, command, files, folders::Folders};
use crate::{error::LabError, layout::Role};

const PACKAGES: &str = include_str!("../../image/packages.txt");
const RIVALS: &str = include_str!("../../image/rivals.txt");
const BUILD: &str = include_str!("../../image/build.sh");
const PROVISION: &str = include_str!("../../image/provision.sh");
const LAYER: &str = include_str!("../../image/layer.sh");
const ROLES: [(&str, &str); 6] = [
    ("jump.sh", include_str!("../../roles/jump.sh")),
    ("node.sh", include_str!("../../roles/node.sh")),
    ("node-deploy.sh", include_str!("../../roles/node-deploy.sh")),
    ("mail.sh", include_str!("../../roles/mail.sh")),
    ("proxy.sh", include_str!("../../roles/proxy.sh")),
    ("internet.sh", include_str!("../../roles/internet.sh")),
];

/// A finished image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Image {
    /// The base system.
    pub(crate) base: PathBuf,
    /// The folder of the layers.
    pub(crate) layers: PathBuf,
}

impl Image {
    /// What a role adds to the base system.
    pub(crate) fn layer(&self, role: Role) -> PathBuf {
        self.layers.join(role.layer())
    }
}

/// Gives the image, made first where it is missing; `say` hears what is being done.
pub(crate) fn ensure(folders: &Folders, say: &mut dyn FnMut(&str)) -> Result<Image, LabError> {
    let archive = apt::archive_of_host()?;
    let (packages, rivals) = (listed(PACKAGES), listed(RIVALS));
    let base_key = (&packages, &rivals, BUILD, PROVISION, &archive.mirror, &archive.suite);
    let base = folders.cache.join(format!("base-{:016x}", digest(&base_key)));
    let layers = folders.cache.join(format!("roles-{:016x}", digest(&(base_key, LAYER, ROLES))));
    files::make_folder(&folders.cache, 0o755)?;
    make_once(&base, |partial| build_base(partial, &archive, [&packages, &rivals], say))?;
    make_once(&layers, |partial| {
        say("image: a layer for each role");
        build_layers(partial, &base)
    })?;
    Ok(Image { base, layers })
}

fn listed(text: &'static str) -> Vec<&'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The standard hasher is not promised to stay the same between compilers: a new one at worst makes the image anew.
fn digest(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Makes a folder beside its place and renames it when whole. Two that want it at once: the second waits, and finds it made.
fn make_once(place: &Path, make: impl FnOnce(&Path) -> Result<(), LabError>) -> Result<(), LabError> {
    if place.is_dir() {
        return Ok(());
    }
    let lock = place.with_extension("lock");
    let guard = fs::File::create(&lock).map_err(LabError::file("create", &lock))?;
    guard.lock().map_err(LabError::file("lock", &lock))?;
    if !place.is_dir() {
        let partial = place.with_extension("partial");
        // Under the lock nobody else builds: what stands here was left by a build that did not end.
        files::remove_folder(&partial)?;
        files::make_folder(&partial, 0o755)?;
        make(&partial)?;
        fs::rename(&partial, place).map_err(LabError::file("put in place", place))?;
    }
    Ok(())
}

fn build_base(partial: &Path, archive: &apt::Archive, [packages, rivals]: [&[&str]; 2], say: &mut dyn FnMut(&str)) -> Result<(), LabError> {
    let started = Instant::now();
    say(&format!("image: {} packages of {} from {} (once, some 90 s)", packages.len(), archive.suite, archive.mirror));
    let scripts = tempdir_beside(partial, "scripts")?;
    for (name, text) in [("build.sh", BUILD), ("provision.sh", PROVISION)] {
        files::write(&scripts.join(name), 0o755, text)?;
    }
    let [script, target] = [&scripts.join("build.sh"), partial].map(|path| path.display().to_string());
    let arguments = [&script, &target, &archive.suite, &archive.mirror, &archive.components, &packages.join(","), &rivals.join(",")];
    follow("sh", &arguments.map(String::as_str), say)?;
    files::remove_folder(&scripts)?;
    say(&format!("image: made in {:.0} s, kept in {}", started.elapsed().as_secs_f64(), partial.with_extension("").display()));
    Ok(())
}

fn build_layers(partial: &Path, base: &Path) -> Result<(), LabError> {
    let scripts = tempdir_beside(partial, "scripts")?;
    for (name, text) in ROLES.into_iter().chain([("layer.sh", LAYER)]) {
        files::write(&scripts.join(name), 0o755, text)?;
    }
    for role in Role::ALL {
        let paths = [&scripts.join("layer.sh"), base, &partial.join(role.layer()), &scripts].map(|path: &Path| path.display().to_string());
        let [script, base, layer, scripts] = paths.each_ref().map(String::as_str);
        command::run("unshare", &["--mount", "sh", script, base, layer, scripts, role.layer()])?;
    }
    files::remove_folder(&scripts)
}

fn tempdir_beside(partial: &Path, suffix: &str) -> Result<PathBuf, LabError> {
    let folder = partial.with_extension(suffix);
    files::make_folder(&folder, 0o755)?;
    Ok(folder)
}

/// Runs a long command and passes on the lines of its progress.
fn follow(program: &str, arguments: &[&str], say: &mut dyn FnMut(&str)) -> Result<(), LabError> {
    let not_started = |source| LabError::NotStarted { program: program.to_owned(), source };
    let mut child = command::command(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(not_started)?;
    let mut last = String::new();
    if let Some(stdout) = child.stdout.take() {
        for (number, line) in BufReader::new(stdout).lines().map_while(Result::ok).enumerate() {
            if number % 80 == 0 {
                say(&format!("image: {line}"));
            }
            last = line;
        }
    }
    let status = child.wait().map_err(not_started)?;
    if status.success() {
        return Ok(());
    }
    Err(LabError::CommandFailed { command: format!("{program} {}", arguments.join(" ")), stderr: format!("{last} ({status})") })
}
