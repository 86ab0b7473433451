//! Root by sudo, with and without a password, and every way in which that fails.

use portcullis::site::model::{Login, Route};
use portcullis::ssh::{Elevation, Error, Exit, Session};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::users::{PASSWORD, User};
use super::world::{Sshd, World, script};

async fn session_of(user: &User, world: &World, node: &Sshd) -> Session {
    let login = Login { user: Some(user.name.clone()), ..node.login() };
    world.fleet(&Route::default()).session("node", &login).await.unwrap()
}

fn password(text: &str) -> Elevation {
    Elevation::SudoPassword(SecretString::from(text.to_owned()))
}

/// Runs `id -u` and gives the payload back, 300 kB of every byte there is.
async fn try_root(sudoers: &str, elevation: Elevation) -> Result<u32, Error> {
    let world = World::new();
    let node = world.sshd("node", "");
    let user = User::new(sudoers);
    let session = session_of(&user, &world, &node).await;
    let before = session.round_trips();
    let mut script = script("id -u; cat");
    script.elevation = elevation;
    script.payload = Zeroizing::new((0..=255).cycle().take(300_000).collect());
    let output = session.run(&script, &mut |_| {}).await?;
    assert_eq!(output.exit, Exit::Code(0), "{}", output.stderr_tail);
    assert_eq!(&output.stdout[..2], b"0\n");
    assert!(output.stdout[2..] == script.payload[..], "the payload came back changed");
    Ok(session.round_trips() - before)
}

#[tokio::test]
async fn sudo_without_a_password_costs_no_further_round_trip() {
    assert_eq!(try_root("USER ALL=(ALL) NOPASSWD: ALL", Elevation::Sudo).await.unwrap(), 2);
}

#[tokio::test]
async fn sudo_with_a_password_costs_one() {
    assert_eq!(try_root("USER ALL=(ALL) ALL", password(PASSWORD)).await.unwrap(), 3);
}

#[tokio::test]
async fn a_password_that_sudo_does_not_ask_for_reaches_nobody() {
    try_root("USER ALL=(ALL) NOPASSWD: ALL", password(PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn sudo_in_a_terminal_of_its_own_takes_the_payload_as_well() {
    try_root("Defaults:USER use_pty\nUSER ALL=(ALL) NOPASSWD: ALL", Elevation::Sudo).await.unwrap();
    try_root("Defaults:USER use_pty\nUSER ALL=(ALL) ALL", password(PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let error = try_root("USER ALL=(ALL) ALL", password("wrong")).await.unwrap_err();
    assert!(matches!(error, Error::SudoWrongPassword { .. }), "{error}");
    assert!(!error.command_was_accepted());
    let error = try_root("Defaults:USER passwd_tries=1\nUSER ALL=(ALL) ALL", password("wrong")).await.unwrap_err();
    assert!(matches!(error, Error::SudoWrongPassword { .. }), "{error}");
}

#[tokio::test]
async fn a_password_that_is_lacking_is_called_that() {
    let error = try_root("USER ALL=(ALL) ALL", Elevation::Sudo).await.unwrap_err();
    assert!(matches!(error, Error::SudoNeedsPassword { .. }), "{error}");
    assert!(error.help().unwrap().contains("sudo_password"));
}

#[tokio::test]
async fn a_user_without_rights_is_told_apart_from_one_without_a_password() {
    for (sudoers, elevation) in [
        ("", password(PASSWORD)),
        ("USER ALL=(ALL) NOPASSWD: /bin/true", password(PASSWORD)),
        ("Defaults:USER requiretty\nUSER ALL=(ALL) NOPASSWD: ALL", Elevation::Sudo),
    ] {
        let error = try_root(sudoers, elevation).await.unwrap_err();
        assert!(matches!(&error, Error::SudoNotAllowed { said, .. } if !said.is_empty()), "{sudoers}: {error}");
        assert!(!error.to_string().contains(PASSWORD));
    }
}

#[tokio::test]
async fn root_needs_no_sudo() {
    let world = World::new();
    // A sudo that would be seen, were it called.
    let node = world.sshd("node", "SetEnv PATH=/nonexistent-for-sudo:/usr/bin:/bin");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    for elevation in [Elevation::Sudo, password("not needed")] {
        let mut script = script("id -u; cat; tr '\\0' '\\n' </proc/$PPID/cmdline | grep -c sudo");
        script.elevation = elevation;
        script.payload = Zeroizing::new(b"payload\n".to_vec());
        let output = session.run(&script, &mut |_| {}).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0\npayload\n0\n");
    }
}

#[tokio::test]
async fn neither_script_nor_password_shows_in_a_process_list() {
    let world = World::new();
    let node = world.sshd("node", "");
    let user = User::new("USER ALL=(ALL) ALL");
    let session = session_of(&user, &world, &node).await;
    let mut script = script("SECRETWORD=1; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'");
    script.elevation = password(PASSWORD);
    let output = session.run(&script, &mut |_| {}).await.unwrap();
    let seen = String::from_utf8_lossy(&output.stdout);
    // Proof that the search would find it: the bootstrap's own words are there.
    assert!(seen.contains("iflag=fullblock"));
    assert!(!seen.contains("SECRETWORD") && !seen.contains(PASSWORD));
}

#[tokio::test]
async fn the_next_script_finds_roots_shell_and_asks_sudo_nothing() {
    let world = World::new();
    let node = world.sshd("node", "MaxSessions 1");
    let user = User::new("USER ALL=(ALL) ALL");
    let session = session_of(&user, &world, &node).await;
    let run = async |text: &str, payload: Vec<u8>, elevation: Elevation| {
        let before = session.round_trips();
        let mut script = script(text);
        (script.payload, script.elevation) = (Zeroizing::new(payload), elevation);
        let output = session.run_in_turn(&script, &mut |_| {}).await.unwrap();
        (output, session.round_trips() - before)
    };
    let (first, trips) = run("id -u; echo $PPID; echo said >&2; exit 4", b"nobody reads this".to_vec(), password(PASSWORD)).await;
    assert_eq!((first.exit, first.stderr_tail.lines().last(), trips), (Exit::Code(4), Some("said"), 3));
    let payload: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let (second, trips) = run("cat; echo oops >&2; kill -TERM $(sh -c 'echo $PPID')", payload.clone(), password(PASSWORD)).await;
    assert_eq!((second.exit, trips), (Exit::Signal("TERM".to_owned()), 1));
    assert!(second.stdout == payload, "the payload came back changed");
    let (third, trips) = run("id -u; echo $PPID", Vec::new(), password(PASSWORD)).await;
    assert_eq!((third.exit, third.stdout, trips), (Exit::Code(0), first.stdout, 1));
    // One that is too long for it, and one with other rights, have channels of their own.
    let long: Vec<u8> = vec![7; 5 << 20];
    let (fourth, _) = run("head -c 3; cat | wc -c", long, password(PASSWORD)).await;
    assert_eq!((fourth.exit, fourth.stdout), (Exit::Code(0), b"\x07\x07\x075242877\n".to_vec()));
    let (fifth, _) = run("id -un", Vec::new(), Elevation::None).await;
    assert_eq!(fifth.stdout, format!("{}\n", user.name).into_bytes());
}

#[tokio::test]
async fn a_shell_that_was_ended_meanwhile_is_replaced() {
    let world = World::new();
    let node = world.sshd("node", "");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    let run = async |text: &str| session.run_in_turn(&script(text), &mut |_| {}).await;
    assert_eq!(run("echo one").await.unwrap().stdout, b"one\n");
    // It has the script's number in `$$`, also where the script itself is a child of it.
    assert_eq!(run("kill -KILL $$; sleep 5").await.unwrap().exit, Exit::Signal("KILL".to_owned()));
    assert_eq!(run("(sleep 0.3; kill -KILL $$) >/dev/null 2>&1 & echo two").await.unwrap().stdout, b"two\n");
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(run("echo three").await.unwrap().stdout, b"three\n");
}
