//! Login shells of every kind, and start-up files that print.

use std::process::Command;
use std::time::Duration;

use portcullis::site::model::Route;
use portcullis::ssh::{Error, Exit};
use zeroize::Zeroizing;

use super::world::{World, script};

/// Runs a script with a payload where `forced` is what sshd starts in the login shell's place.
async fn run_behind(forced: &str) -> Result<(Vec<u8>, Vec<String>), Error> {
    let world = World::new();
    let node = world.sshd("node", &format!("ForceCommand {forced}"));
    let mut settings = world.settings();
    settings.start_timeout = Duration::from_secs(4);
    let session = world.fleet_with(&Route::default(), settings).session("node", &node.login()).await?;
    // What shells might take for theirs: quotes, dollars, history, escapes, and bytes that are no text.
    let mut script = script("printf '%s\\n' '$HOME !! \\ \"q\"'; printf \"it's\\n\"; cat");
    script.payload = Zeroizing::new((0..=255).cycle().take(300_000).collect());
    let mut lines = Vec::new();
    let output = session.run(&script, &mut |line| lines.push(line.to_owned())).await?;
    assert_eq!(output.exit, Exit::Code(0), "{forced}: {}", output.stderr_tail);
    let (text, payload) = output.stdout.split_at(output.stdout.len() - script.payload.len());
    assert!(*payload == **script.payload, "{forced}: the payload came back changed");
    // The same in a shell that stays, and finds itself at the right byte each time.
    for _ in 0..2 {
        let again = session.run_in_turn(&script, &mut |_| {}).await?;
        assert_eq!(again.exit, Exit::Code(0), "{forced}: {}", again.stderr_tail);
        assert!(again.stdout == output.stdout, "{forced}: a shell that stays gave something else");
    }
    Ok((text.to_vec(), lines))
}

#[tokio::test]
async fn every_login_shell_runs_the_script_as_it_stands() {
    for shell in ["/bin/sh", "/bin/bash", "/bin/dash", "busybox sh", "/usr/bin/fish", "/usr/bin/tcsh"] {
        let found = Command::new("sh").arg("-c").arg(format!("command -v {shell}")).output().unwrap();
        assert!(found.status.success(), "{shell} is not installed");
        let (text, lines) = run_behind(&format!("{shell} -c \"$SSH_ORIGINAL_COMMAND\"")).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&text), "$HOME !! \\ \"q\"\nit's\n", "{shell}");
        assert_eq!(lines[0], "$HOME !! \\ \"q\"", "{shell}");
    }
}

#[tokio::test]
async fn busybox_in_place_of_the_shell_and_of_dd_reads_no_byte_too_many() {
    let world = World::new();
    let installed = Command::new("busybox").args(["--install", "-s"]).arg(world.folder.path()).status().unwrap();
    assert!(installed.success());
    let swapped = format!("printf %s \"$SSH_ORIGINAL_COMMAND\"|/bin/sed \"s#/bin/sh#{}/sh#g\"", world.folder.path().display());
    let (text, _) = run_behind(&format!("PATH={}; export PATH; eval \"$({swapped})\"", world.folder.path().display())).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&text), "$HOME !! \\ \"q\"\nit's\n");
}

#[tokio::test]
async fn a_dd_without_whole_blocks_is_made_do() {
    let world = World::new();
    world.write("dd", "#!/bin/sh\ncase \"$*\" in *iflag*) echo 'dd: unknown operand' >&2; exit 1;; esac\nexec /bin/dd \"$@\"\n");
    Command::new("chmod").arg("755").arg(world.path("dd")).status().unwrap();
    let forced = format!("PATH={}:$PATH; export PATH; eval \"$SSH_ORIGINAL_COMMAND\"", world.folder.path().display());
    run_behind(&forced).await.unwrap();
}

#[tokio::test]
async fn start_up_files_that_print_do_not_reach_the_output() {
    for noise in
        ["echo Welcome", "printf 'no line break'", "echo oops >&2", "head -c 2000000 /dev/zero | tr '\\0' x", "printf '\\033[2J\\r\\n'"]
    {
        let (text, _) = run_behind(&format!("{noise}; eval \"$SSH_ORIGINAL_COMMAND\"")).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&text), "$HOME !! \\ \"q\"\nit's\n", "{noise}");
    }
}

/// With `POSIXLY_CORRECT`, `systemctl show --property=…` takes the option for a unit.
#[tokio::test]
async fn variables_that_make_programs_behave_otherwise_are_forgotten() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", "SetEnv POSIXLY_CORRECT=1 TAR_OPTIONS=-v CDPATH=/ LC_ALL=de_DE.UTF-8"));
    let session = world.fleet_through(&jump).session("node", &node.login()).await.unwrap();
    let said = session.run(&script("echo \"$LC_ALL ${POSIXLY_CORRECT-}${TAR_OPTIONS-}${CDPATH-}.\""), &mut |_| {}).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), "C .\n");
}

#[tokio::test]
async fn a_shell_that_runs_nothing_says_why() {
    let error = run_behind("/bin/sh -c 'echo This account is currently not available.; exit 1'").await.unwrap_err();
    let Error::NotStarted { exit, said, .. } = &error else { panic!("{error}") };
    assert_eq!((exit, said.as_str()), (&Exit::Code(1), "This account is currently not available."));
    assert!(!error.command_was_accepted());
}

#[tokio::test]
async fn a_start_up_file_that_prints_without_end_is_told_from_a_script_that_does_not_end() {
    let error = run_behind("while :; do echo unendingly; done").await.unwrap_err();
    assert!(error.to_string().contains("was not begun by the login shell within") && error.to_string().contains("unendingly"), "{error}");
    assert!(error.help().unwrap().contains(".bashrc"), "{error}");
}

#[tokio::test]
async fn a_shell_that_stands_still_is_left_after_its_time() {
    let error = run_behind("exec sleep 60").await.unwrap_err();
    assert!(matches!(error, Error::CommandTimedOut { begun: false, .. }), "{error}");
    // What was sent may still be read by the shell when it wakes up.
    assert!(error.command_was_accepted());
}
