//! A command line that cannot be understood: told to a person as the parser words it, to a script as one object.

use std::io::{ErrorKind as ErrorOfStream, Write as _};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::{Map, json};

use super::context::unwritable;
use super::exit::Exit;
use super::failure::tells_events;
use crate::event::Event;

/// Tells what is wrong with the command line, or prints the help that was asked for; gives back the exit code.
pub(crate) fn tell(mut error: clap::Error) -> Exit {
    hide_secret(&mut error);
    let error = &error;
    let is_wrong = error.use_stderr();
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if is_wrong && wants_json(words.iter().cloned(), std::env::var("PORTCULLIS_OUTPUT").ok().as_deref()) {
        // A reader that has gone away is no failure.
        drop(std::io::stdout().write_all(for_script(parts(error), &words).as_bytes()));
    } else {
        return print(error, is_wrong);
    }
    Exit::Usage
}

/// As the command that was meant would tell it: in events, or as one object.
fn for_script((message, help): (String, String), words: &[String]) -> String {
    let exit_code = Exit::Usage.code();
    let Some(command) = meant(words).filter(|command| tells_events(command)) else {
        return format!("{:#}\n", json!({"error": {"message": message, "causes": [], "help": help}, "exit_code": exit_code}));
    };
    let error = Event::Error { message, causes: Vec::new(), help: Some(help) };
    let events = [error, Event::Summary { command, exit_code, results: Map::new() }];
    events.iter().filter_map(|event| serde_json::to_string(event).ok()).map(|line| line + "\n").collect()
}

/// The command that words name which the parser gave up on.
fn meant(words: &[String]) -> Option<String> {
    let mut names = words.iter().filter(|word| !word.starts_with('-')).skip_while(|word| !tells_events(word) && *word != "access");
    let first = names.next()?;
    let is_family = first == "access";
    Some(if is_family { format!("{first} {}", names.next()?) } else { first.clone() })
}

/// Where a reference to a secret is wanted the secret itself is given now and then, and must not be repeated.
fn hide_secret(error: &mut clap::Error) {
    let is_reference = matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(argument)) if argument.contains("<REF>"));
    if is_reference && error.kind() == ErrorKind::ValueValidation {
        error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
    }
}

// Help that was asked for and cannot be written is a failure; a reader that has gone away is none.
fn print(error: &clap::Error, is_wrong: bool) -> Exit {
    match error.print() {
        Err(unwritten) if !is_wrong && unwritten.kind() != ErrorOfStream::BrokenPipe => {
            let failure = unwritable(&unwritten);
            drop(writeln!(std::io::stderr(), "error: {}\nhelp: {}", failure.error, failure.help.unwrap_or_default()));
            failure.exit
        }
        Ok(()) | Err(_) if is_wrong => Exit::Usage,
        Ok(()) | Err(_) => Exit::Done,
    }
}

/// Whether JSON was asked for, by words that the parser gave up on: the last `--output` counts, then the environment.
fn wants_json(words: impl Iterator<Item = String>, environment: Option<&str>) -> bool {
    let mut asked = None;
    let mut words = words.take_while(|word| word != "--");
    while let Some(word) = words.next() {
        if word == "--output" {
            asked = words.next();
        } else if let Some(value) = word.strip_prefix("--output=") {
            asked = Some(value.to_owned());
        }
    }
    asked.as_deref().or(environment) == Some("json")
}

/// What is wrong, in one line, and what to do: the parser's own suggestions, then how the command is used.
fn parts(error: &clap::Error) -> (String, String) {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let message = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
    let mut help: Vec<String> = Vec::new();
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue] {
        let near = match error.get(kind) {
            Some(ContextValue::String(near)) => Some(near),
            // The likeliest comes last.
            Some(ContextValue::Strings(near)) => near.last(),
            _ => None,
        };
        help.extend(near.map(|near| format!("did you mean `{near}`?")));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        help.push(usage.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if matches!(error.kind(), ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
        help.push("`portcullis --help` lists the commands".to_owned());
    } else if help.is_empty() {
        help.push("the same command with `--help` says what it takes".to_owned());
    }
    // The text of this one is the help itself.
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    (if is_help { "a subcommand is missing".to_owned() } else { message }, help.join("; "))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::Cli;

    fn told(words: &[&str]) -> (String, String) {
        parts(&Cli::try_parse_from(std::iter::once("portcullis").chain(words.iter().copied())).unwrap_err())
    }

    #[test]
    fn a_misspelt_word_is_named_with_the_nearest() {
        for (words, message, help) in [
            (&["aply"][..], "aply", "did you mean `apply`"),
            (&["plan", "--limt", "a"][..], "--limt", "did you mean `--limit`?"),
            (&["plan", "--output", "jsn"][..], "jsn", "did you mean `json`?"),
            (&["render"][..], "PLAYBOOK", "portcullis render"),
            (&["plan", "--forks", "0"][..], "--forks", "with `--help`"),
            (&["cert"][..], "subcommand", "`portcullis --help`"),
        ] {
            let (said, todo) = told(words);
            assert!(said.contains(message) && !said.contains('\n'), "{words:?}: {said}");
            assert!(todo.contains(help), "{words:?}: {said}: {todo}");
        }
    }

    #[test]
    fn a_script_is_told_as_the_command_that_was_meant_tells_it() {
        let told = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            for_script(("m".to_owned(), "h".to_owned()), &words)
        };
        for (words, command) in [
            (&["apply", "--frobnicate"][..], "apply"),
            (&["--site", "x", "verify", "--frobnicate"], "verify"),
            (&["access", "--yes", "open", "--frob"], "access open"),
        ] {
            let lines: Vec<serde_json::Value> = told(words).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let summary = json!({"event": "summary", "command": command, "exit_code": 2});
            assert_eq!((&lines[0]["event"], &lines[0]["message"], &lines[1]), (&json!("error"), &json!("m"), &summary), "{words:?}");
        }
        for words in [&["aply"][..], &["status", "--frobnicate"], &["access", "list", "-x"], &["access"]] {
            let object: serde_json::Value = serde_json::from_str(&told(words)).unwrap();
            assert_eq!((&object["error"]["message"], &object["exit_code"]), (&json!("m"), &json!(2)), "{words:?}");
        }
    }

    #[test]
    fn what_stands_in_the_place_of_a_reference_is_not_repeated() {
        for flag in ["--password-from", "--key-password-from"] {
            for given in ["S3cret!", "hunter:S3cret!"] {
                let words = ["portcullis", "cert", "pfx", "--in", "a.pem", "--out", "a.pfx", flag, given];
                let mut error = Cli::try_parse_from(words).unwrap_err();
                hide_secret(&mut error);
                let (message, help) = parts(&error);
                assert!(message.contains(flag) && message.contains("env:NAME"), "{message}");
                assert!(![&message, &help, &error.to_string()].iter().any(|text| text.contains("S3cret")), "{message} {help}");
            }
        }
    }

    #[test]
    fn json_is_wanted_by_the_last_flag_or_else_by_the_environment() {
        let wants = |words: &[&str], environment| wants_json(words.iter().map(|word| (*word).to_owned()), environment);
        assert!(wants(&["aply", "--output", "json"], None) && wants(&["--output=json"], Some("human")) && wants(&[], Some("json")));
        assert!(!wants(&["--output", "json", "--output", "human"], None) && !wants(&["access", "--", "--output=json"], None));
    }
}
