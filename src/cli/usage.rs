//! A command line that cannot be understood: told to a person as the parser words it, to a script as one object.

use std::io::{ErrorKind as ErrorOfStream, Write as _};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::json;

use super::context::unwritable;
use super::exit::Exit;

/// Tells what is wrong with the command line, or prints the help that was asked for; gives back the exit code.
pub(crate) fn tell(mut error: clap::Error) -> Exit {
    hide_secret(&mut error);
    let error = &error;
    let is_wrong = error.use_stderr();
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    if is_wrong && wants_json(words, std::env::var("PORTCULLIS_OUTPUT").ok().as_deref()) {
        let (message, help) = parts(error);
        let object = json!({"error": {"message": message, "causes": [], "help": help}, "exit_code": Exit::Usage.code()});
        // A reader that has gone away is no failure.
        drop(writeln!(std::io::stdout(), "{object:#}"));
    } else {
        return print(error, is_wrong);
    }
    Exit::Usage
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
