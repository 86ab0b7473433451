//! Recordings on a machine: named, fetched with the sums of their parts, and removed once they are safe.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::recording::Recording;
use super::super::window::WindowId;
use super::door::{Answer, DoorError, DoorWork};
use super::scripts::OF_RECORDINGS;
use crate::node::sha256_hex;

/// A recording may be large and the line slow.
const PATIENCE: Duration = Duration::from_mins(20);

impl DoorWork {
    /// The names of the recordings of `window` that the machine still has, the oldest first, each with its size in bytes.
    pub async fn recordings(&self, window: &WindowId) -> Result<Vec<(String, u64)>, DoorError> {
        let call = format!("{}pcw_recordings {window}; pcw_say end", *OF_RECORDINGS);
        let (answers, output) = self.call("name recordings", &call, PATIENCE).await?;
        self.must_say(&answers, &output, "end")?;
        let named = answers.into_iter().filter(|answer| answer.word == "recording" && Recording::is_name(&answer.subject));
        Ok(named.map(|answer| (answer.subject, answer.detail.trim().parse().unwrap_or(0))).collect())
    }

    /// Fetches recordings; each part has to have the sum that the machine says.
    pub async fn fetch_recordings(&self, window: &WindowId, names: &[String]) -> Result<Vec<Recording>, DoorError> {
        let call = format!("{}pcw_recording {window} {}", *OF_RECORDINGS, names.join(" "));
        let (answers, output) = self.call("fetch recordings", &call, PATIENCE).await?;
        self.must_say(&answers, &output, "whole")?;
        let mut found: Vec<Recording> = Vec::new();
        for (name, answers) in sections(&answers, "name") {
            let mut recording = Recording { name: name.subject.clone(), about: Vec::new(), timing: Vec::new(), shown: Vec::new() };
            for (part, lines) in sections(answers, "part") {
                let text: String = lines.iter().filter(|answer| answer.word == "data").map(|answer| answer.detail.as_str()).collect();
                let bytes = STANDARD.decode(text).ok().filter(|bytes| sha256_hex(bytes) == part.detail);
                let bytes = bytes.ok_or_else(|| self.unreadable(&output))?;
                match part.subject.as_str() {
                    "about" => recording.about = bytes,
                    "timing" => recording.timing = bytes,
                    "shown" => recording.shown = bytes,
                    _ => {}
                }
            }
            found.push(recording);
        }
        let is_whole = found.iter().map(|recording| &recording.name).eq(names);
        if is_whole { Ok(found) } else { Err(self.unreadable(&output)) }
    }

    /// Removes recordings that are safe elsewhere.
    pub async fn forget_recordings(&self, window: &WindowId, names: &[String]) -> Result<(), DoorError> {
        let call = format!("{}pcw_recordings_kept {window} {}", *OF_RECORDINGS, names.join(" "));
        let (answers, output) = self.call("remove recordings", &call, PATIENCE).await?;
        self.must_say(&answers, &output, "gone")
    }
}

/// Each answer that begins a section by `word`, with those up to the next.
fn sections<'a>(answers: &'a [Answer], word: &str) -> Vec<(&'a Answer, &'a [Answer])> {
    let heads = answers.iter().filter(|answer| answer.word == word);
    heads.zip(answers.split(|answer| answer.word == word).skip(1)).collect()
}
