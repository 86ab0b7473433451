use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const TOKEN: &str = "0123456789abcdef";

fn script(text: &str, elevation: Elevation) -> Script {
    let payload = Zeroizing::new(Vec::new());
    Script { label: "test", text: text.to_owned(), payload, elevation, timeout: Duration::from_secs(1) }
}

/// What a login shell makes of the command when `input` is all there is on its standard input.
#[expect(clippy::disallowed_methods, reason = "the shell is what is being tested")]
fn run(command: &str, input: &[u8]) -> Vec<u8> {
    let mut shell =
        Command::new("/bin/sh").args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It may end before it has read everything.
    drop(shell.stdin.take().unwrap().write_all(input));
    shell.wait_with_output().unwrap().stdout
}

#[test]
fn a_script_that_is_cut_short_is_not_run_at_all() {
    // As root the outer text runs the inner one itself, else it asks sudo; either way nothing may be run in part.
    for elevation in [Elevation::None, Elevation::Sudo] {
        let start = start(&script("echo ran\necho to the end", elevation), End::OfShell, TOKEN.to_owned()).unwrap();
        for length in 0..start.opening.len() {
            let printed = String::from_utf8(run(&start.command, &start.opening[..length])).unwrap();
            assert!(!printed.contains("ran") && !printed.contains("start"), "cut at {length}: {printed}");
        }
    }
    let start = start(&script("echo ran\necho to the end", Elevation::None), End::OfShell, TOKEN.to_owned()).unwrap();
    assert_eq!(run(&start.command, &start.opening), format!("{TOKEN}:start\nran\nto the end\n").into_bytes());
}

#[test]
fn a_shell_that_stays_runs_one_script_after_the_other_and_tells_their_ends() {
    for shell in ["sh", "bash", "busybox sh"] {
        let mut first = script("echo one; echo oops >&2; exit 3", Elevation::None);
        first.payload = Zeroizing::new(b"what nobody reads\n".to_vec());
        let mut second = script("cat; cd /; X=1; umask 0; kill -KILL $(sh -c 'echo $PPID')", Elevation::None);
        second.payload = Zeroizing::new(vec![0, 255, b'\n', 7]);
        let third = script("echo ${X-unset}; exec cat", Elevation::None);
        let begun = start(&first, End::OfScript, "aa".to_owned()).unwrap();
        let [second_start, third_start] =
            [(&second, "bb"), (&third, "cc")].map(|(script, token)| next(script, End::OfScript, token.to_owned()));
        let parts = [&begun.opening, &first.payload, &second_start.opening, &second.payload, &third_start.opening];
        let input = parts.map(|part| part.as_slice()).concat();
        let printed = run(&begun.command.replacen("/bin/sh", shell, 1), &input);
        let expected = b"aa:start\none\naa:end 3\nbb:start\n\x00\xff\n\x07bb:end 137\ncc:start\nunset\ncc:end 0\n";
        assert_eq!(String::from_utf8_lossy(&printed), String::from_utf8_lossy(expected), "{shell}");
        // What comes last is its whole life's input: cut anywhere, no script that is not whole is run.
        for length in begun.opening.len()..input.len() - 1 {
            let printed = run(&begun.command.replacen("/bin/sh", shell, 1), &input[..length]);
            assert!(!String::from_utf8_lossy(&printed).contains("cc:start"), "{shell}, cut at {length}");
            if shell != "sh" {
                break;
            }
        }
    }
}

#[test]
fn the_command_line_holds_neither_script_nor_password() {
    let password = SecretString::from("hunter2".to_owned());
    let start = start(&script("echo MARKED", Elevation::SudoPassword(password)), End::OfShell, TOKEN.to_owned()).unwrap();
    assert!(!start.command.contains("MARKED") && !start.command.contains("hunter2"), "{}", start.command);
    // The script is held back until sudo has said yes.
    assert_eq!(*start.opening, b"hunter2\n");
    assert!(String::from_utf8_lossy(&start.once_ready.unwrap()).contains("MARKED"));
}

#[test]
fn the_command_line_is_one_that_every_shell_reads_alike() {
    let password = Elevation::SudoPassword(SecretString::from("hunter2".to_owned()));
    for (elevation, texts) in [(Elevation::None, 1), (Elevation::Sudo, 2), (password, 2)] {
        let start = start(&script("echo", elevation), End::OfShell, TOKEN.to_owned()).unwrap();
        let quoted = start.command.strip_prefix("exec /bin/sh -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        let quoted: Vec<_> = quoted.split("' sh '").collect();
        assert_eq!(quoted.len(), texts);
        // What csh (`!`, line breaks) or fish (`\`) would read otherwise even between single quotes.
        assert!(quoted.iter().all(|text| !text.contains(['\'', '!', '\\', '\n'])), "{quoted:?}");
    }
}

#[test]
fn a_password_with_a_line_break_is_not_sent() {
    let password = SecretString::from("a\nb".to_owned());
    assert!(start(&script("echo", Elevation::SudoPassword(password)), End::OfShell, TOKEN.to_owned()).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_survives_the_way_into_the_shell(text in "[^\0\r]{0,200}", payload in prop::collection::vec(any::<u8>(), 0..2000)) {
        // Single quotes, not a here-document: dash loses a byte above 127 that follows the beginning of its delimiter.
        let quoted = text.replace('\'', "'\\''");
        let start = start(&script(&format!("printf %s '{quoted}'\ncat"), Elevation::None), End::OfShell, TOKEN.to_owned()).unwrap();
        let input = [&start.opening[..], &payload].concat();
        let expected = [format!("{TOKEN}:start\n{text}").as_bytes(), &payload].concat();
        prop_assert_eq!(run(&start.command, &input), expected);
    }
}
