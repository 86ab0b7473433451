//! The image all machines stand on: one base system by debootstrap and a thin layer for each role, kept in the user's cache.
//!
//! Its folder's name carries a hash of what it is made from (packages, scripts, mirror), so that a change makes a new one. It is built beside its place
//! and renamed when whole: what stands there can be used.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use super::{apt, command, files, folders::Folders};
use crate::{error::LabError, layout::Role};

const PACKAGES: &str = include_str!("../../image/packages.txt");
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
#[derive(Debug, Clone)]
pub(crate) struct Image(PathBuf);

impl Image {
    /// The image in this folder.
    pub(crate) fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// The base system.
    pub(crate) fn base(&self) -> PathBuf {
        self.0.join("base")
    }

    /// What a role adds to it.
    pub(crate) fn layer(&self, role: Role) -> PathBuf {
        self.0.join(role.layer())
    }
}

/// Gives the image, made first where it is missing; `say` hears what is being done.
pub(crate) fn ensure(folders: &Folders, say: &mut dyn FnMut(&str)) -> Result<Image, LabError> {
    let archive = apt::archive_of_host()?;
    let packages: Vec<&str> = PACKAGES.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    // The standard hasher is not promised to stay the same between compilers: a new one at worst makes the image anew.
    let mut hasher = DefaultHasher::new();
    (&packages, BUILD, PROVISION, LAYER, ROLES, &archive.mirror, &archive.suite).hash(&mut hasher);
    let place = folders.cache.join(format!("image-{:016x}", hasher.finish()));
    if place.is_dir() {
        return Ok(Image(place));
    }
    files::make_folder(&folders.cache, 0o755)?;
    let lock = folders.cache.join("image.lock");
    let guard = fs::File::create(&lock).map_err(LabError::file("create", &lock))?;
    guard.lock().map_err(LabError::file("lock", &lock))?;
    if place.is_dir() {
        return Ok(Image(place));
    }
    let started = Instant::now();
    let partial = folders.cache.join("image.partial");
    // Under the lock nobody else builds: what stands here was left by a build that did not end.
    files::remove_folder(&partial)?;
    files::make_folder(&partial, 0o755)?;
    build(&partial, &archive, &packages, say)?;
    fs::rename(&partial, &place).map_err(LabError::file("put in place", &place))?;
    say(&format!("image: made in {:.0} s, kept in {}", started.elapsed().as_secs_f64(), place.display()));
    Ok(Image(place))
}

fn build(partial: &Path, archive: &apt::Archive, packages: &[&str], say: &mut dyn FnMut(&str)) -> Result<(), LabError> {
    let scripts = partial.join("scripts");
    files::make_folder(&scripts, 0o755)?;
    for (name, text) in ROLES.into_iter().chain([("build.sh", BUILD), ("provision.sh", PROVISION), ("layer.sh", LAYER)]) {
        files::write(&scripts.join(name), 0o755, text)?;
    }
    let base = partial.join("base");
    let script = |name: &str| scripts.join(name).display().to_string();
    say(&format!("image: {} packages of {} from {} (once, some 2 minutes)", packages.len(), archive.suite, archive.mirror));
    let arguments = [
        &script("build.sh"),
        &base.display().to_string(),
        &archive.suite,
        &archive.mirror,
        &archive.components,
        &packages.join(","),
    ];
    follow("sh", &arguments.map(String::as_str), say)?;
    for role in Role::ALL {
        let layer = partial.join(role.layer());
        let paths = [script("layer.sh"), base.display().to_string(), layer.display().to_string(), scripts.display().to_string()];
        let [layer_script, base, layer, scripts] = paths.each_ref().map(String::as_str);
        say(&format!("image: layer {}", role.layer()));
        command::run("unshare", &["--mount", "sh", layer_script, base, layer, scripts, role.layer()])?;
    }
    Ok(())
}

/// Runs a long command and passes on the lines of its progress.
fn follow(program: &str, arguments: &[&str], say: &mut dyn FnMut(&str)) -> Result<(), LabError> {
    let not_started = |source| LabError::NotStarted { program: program.to_owned(), source };
    let mut child =
        command::command(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(not_started)?;
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
