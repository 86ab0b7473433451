//! `portcullis help`: a command's help, or a page on what goes through all of them. The pages are those of `docs/`.

use clap::{Args, CommandFactory as _};

use super::args::Cli;
use super::context::Context;
use super::exit::{self, Exit};
use super::failure::Failure;
use crate::playbook::nearest;
use crate::{report, wizard};

/// A page.
#[derive(Debug)]
pub(crate) struct Topic {
    /// What is typed.
    pub(crate) name: &'static str,
    /// In a few words.
    pub(crate) about: &'static str,
    text: Text,
}

/// Where a page's text comes from.
#[derive(Debug)]
enum Text {
    /// Written by hand.
    Kept(&'static str),
    /// Made from the types.
    Made(fn() -> String),
}

impl Topic {
    /// The page.
    fn page(&self) -> String {
        match self.text {
            Text::Kept(text) => text.to_owned(),
            Text::Made(make) => make(),
        }
    }
}

/// All pages.
pub(crate) const TOPICS: [Topic; 10] = [
    Topic {
        name: "site-file",
        about: "what a site file says, and how it is written",
        text: Text::Kept(include_str!("../../docs/site-file.md")),
    },
    Topic { name: "secrets", about: "references, and where secrets never are", text: Text::Kept(include_str!("../../docs/secrets.md")) },
    Topic { name: "windows", about: "letting one person in for the agreed time", text: Text::Kept(include_str!("../../docs/windows.md")) },
    Topic { name: "exit-codes", about: "what a script can rely on", text: Text::Made(exit::page) },
    Topic { name: "findings", about: "the id of whatever can be found", text: Text::Made(report::findings_page) },
    Topic { name: "events", about: "the lines of `--output json`", text: Text::Made(report::events_page) },
    Topic { name: "site-keys", about: "every key of the site file", text: Text::Made(wizard::reference) },
    Topic { name: "runs", about: "how a run goes over several nodes", text: Text::Kept(include_str!("../../docs/runs.md")) },
    Topic {
        name: "team-ledger",
        about: "several operators, one ledger on PostgreSQL",
        text: Text::Kept(include_str!("../../docs/howto/team-ledger.md")),
    },
    Topic { name: "troubleshooting", about: "what to do when it fails", text: Text::Kept(include_str!("../../docs/troubleshooting.md")) },
];

/// Arguments of `help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A topic, or a command
    #[arg(value_name = "TOPIC|COMMAND")]
    pub(crate) words: Vec<String>,
}

/// Runs `help`.
pub(crate) fn run(args: &HelpArgs, context: &Context) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    let text = match args.words.as_slice() {
        [] => overview(command),
        [word] if topic(word).is_some() => topic(word).map(Topic::page).unwrap_or_default(),
        words => of_command(command, words)?,
    };
    if context.is_json() {
        context.print_json(&serde_json::json!({"topic": args.words.join(" "), "text": text}))?;
    } else {
        context.print(&text)?;
    }
    Ok(Exit::Done)
}

/// A topic; underscores and blanks are taken for dashes.
fn topic(word: &str) -> Option<&'static Topic> {
    let word = word.to_lowercase().replace(['_', ' '], "-");
    TOPICS.iter().find(|topic| topic.name == word)
}

fn overview(mut command: clap::Command) -> String {
    let topics: Vec<String> = TOPICS.iter().map(|topic| format!("  {:<16} {}\n", topic.name, topic.about)).collect();
    format!("{}\nTopics (portcullis help TOPIC):\n{}", command.render_help(), topics.concat())
}

fn of_command(mut command: clap::Command, words: &[String]) -> Result<String, Failure> {
    for word in words {
        let known: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        if let Some(inner) = command.find_subcommand(word) {
            command = inner.clone();
            continue;
        }
        let known: Vec<String> = known.into_iter().chain(TOPICS.iter().map(|topic| topic.name.to_owned())).collect();
        let near = nearest(word, &known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        return Err(Failure::usage(format!("there is no command and no topic `{word}`"), format!("{near}`portcullis help` lists them")));
    }
    Ok(command.render_long_help().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_is_a_page_with_a_heading() {
        for page in &TOPICS {
            assert!(page.page().starts_with("# ") && page.page().ends_with('\n'), "{}", page.name);
            assert!(topic(&page.name.replace('-', "_")).is_some());
        }
    }

    #[test]
    fn a_command_is_found_by_its_words_and_a_misspelt_one_is_named_with_the_nearest() {
        let mut command = Cli::command();
        command.build();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(of_command(command.clone(), &words("access close")).unwrap().contains("portcullis access close"));
        let failure = of_command(command, &words("windws")).unwrap_err();
        assert!(failure.help.unwrap().contains("`windows`"));
    }
}
