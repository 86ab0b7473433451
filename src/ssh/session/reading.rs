//! What comes back from a command: marks, then output in lines; the tail of standard error. Bytes in, state out.

use super::bootstrap::{ENDED, End, Mark, password_prompt};
use crate::ssh::error::printable;
use crate::ssh::output::Exit;

/// How much of a login shell's noise is kept, for a message.
const NOISE_KEPT: usize = 4096;
/// How much of standard error is kept.
const STDERR_KEPT: usize = 8192;

/// The command printed more than is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Standard output: noise, marks, and after the start mark the script's own bytes.
#[derive(Debug)]
pub(super) struct Stdout {
    token: Vec<u8>,
    limit: usize,
    before: Vec<u8>,
    noise: Vec<u8>,
    started: bool,
    output: Vec<u8>,
    told: usize,
    /// What ends the output of a script whose shell stays.
    end: Option<Vec<u8>>,
    exit: Option<Exit>,
}

impl Stdout {
    pub(super) fn new(token: &str, end: End, limit: usize) -> Self {
        let end = (end == End::OfScript).then(|| format!("{token}{ENDED}").into_bytes());
        let token = format!("{token}:").into_bytes();
        let (before, noise, output) = (Vec::new(), Vec::new(), Vec::new());
        Self { token, limit, before, noise, started: false, output, told: 0, end, exit: None }
    }

    /// How the script ended, where its shell has said so.
    pub(super) fn exit(&self) -> Option<&Exit> {
        self.exit.as_ref()
    }

    /// The most that a script may print, in bytes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    /// Takes bytes as they come; tells marks and, of the script's output, each line as it is whole.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        on_mark: &mut dyn FnMut(Mark),
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), TooLong> {
        if self.started {
            return self.collect(bytes, on_line);
        }
        self.before.extend_from_slice(bytes);
        while let Some((mark, rest)) = self.next_mark() {
            let rest = self.before.split_off(rest);
            self.before = rest;
            on_mark(mark);
            if mark == Mark::Start {
                self.started = true;
                let first = std::mem::take(&mut self.before);
                return self.collect(&first, on_line);
            }
        }
        // A mark may still be half-way: keep what it would need, and of the rest a sample.
        let keep = self.token.len() + 16;
        if self.before.len() > NOISE_KEPT + keep {
            let cut = self.before.len() - keep;
            let rest = self.before.split_off(cut);
            self.noise = std::mem::replace(&mut self.before, rest);
            self.noise.drain(..self.noise.len().saturating_sub(NOISE_KEPT));
        }
        Ok(())
    }

    /// The next whole mark, and where the bytes after its line begin.
    fn next_mark(&self) -> Option<(Mark, usize)> {
        let at = find(&self.before, &self.token)? + self.token.len();
        let rest = self.before.get(at..)?;
        let length = find(rest, b"\n")?;
        let mark = rest.get(..length).and_then(|word| Mark::from_word(word.strip_suffix(b"\r").unwrap_or(word)));
        mark.map(|mark| (mark, at + length + 1))
    }

    fn collect(&mut self, bytes: &[u8], on_line: &mut (dyn FnMut(&str) + Send)) -> Result<(), TooLong> {
        if self.output.len() + bytes.len() > self.limit {
            return Err(TooLong);
        }
        let mut searched = self.output.len();
        self.output.extend_from_slice(bytes);
        self.look_for_end(searched);
        while let Some(length) = self.output.get(searched..).and_then(|rest| find(rest, b"\n")) {
            let end = searched + length;
            self.tell(end, on_line);
            self.told = end + 1;
            searched = self.told;
        }
        Ok(())
    }

    /// Cuts the shell's word of how the script ended off its output, which is known as far as `known` not to hold all of it.
    fn look_for_end(&mut self, known: usize) {
        let Some(end) = &self.end else { return };
        // Its line may have been half there.
        let from = known.saturating_sub(end.len() + STATUS_DIGITS);
        let Some(at) = self.output.get(from..).and_then(|rest| find(rest, end)).map(|at| from + at) else { return };
        let Some(rest) = self.output.get(at + end.len()..) else { return };
        let Some(length) = find(rest, b"\n") else { return };
        let status = rest.get(..length).and_then(|word| std::str::from_utf8(word).ok()).and_then(|word| word.trim().parse().ok());
        self.exit = Some(status.map_or(Exit::Missing, exit_of));
        self.output.truncate(at);
    }

    fn tell(&self, end: usize, on_line: &mut (dyn FnMut(&str) + Send)) {
        on_line(&String::from_utf8_lossy(self.output.get(self.told..end).unwrap_or_default()));
    }

    /// All that the script printed; tells a last line that no line break ended.
    pub(super) fn finish(self, on_line: &mut (dyn FnMut(&str) + Send)) -> Vec<u8> {
        if self.told < self.output.len() {
            self.tell(self.output.len(), on_line);
        }
        self.output
    }

    /// The last that was printed before the script began.
    pub(super) fn noise(&self) -> String {
        let text = [self.noise.as_slice(), self.before.as_slice()].concat();
        last_lines(&text, 5)
    }
}

/// What a shell's word for a status has at most: a blank, three digits, a line break.
const STATUS_DIGITS: usize = 8;

/// A status as shells have it: above 128 it stands for a signal.
fn exit_of(status: u32) -> Exit {
    let Some(number) = status.checked_sub(128).filter(|number| *number > 0) else { return Exit::Code(status) };
    let name = match number {
        1 => "HUP",
        2 => "INT",
        6 => "ABRT",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        15 => "TERM",
        25 => "XFSZ",
        _ => return Exit::Code(status),
    };
    Exit::Signal(name.to_owned())
}

/// Standard error: its tail, how often sudo has asked for the password, and whether a shell that stays has ended it.
#[derive(Debug)]
pub(super) struct Stderr {
    prompt: Vec<u8>,
    end: Vec<u8>,
    tail: Vec<u8>,
    prompts: usize,
    ended: bool,
}

impl Stderr {
    pub(super) fn new(token: &str) -> Self {
        let end = format!("{token}{}", ENDED.trim_end()).into_bytes();
        Self { prompt: password_prompt(token).into_bytes(), end, tail: Vec::new(), prompts: 0, ended: false }
    }

    /// Whether nothing of this script is still to come.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        while let Some(at) = find(&self.tail, &self.prompt) {
            self.prompts += 1;
            self.tail.drain(at..at + self.prompt.len());
        }
        if let Some(at) = find(&self.tail, &self.end) {
            self.ended = true;
            self.tail.truncate(at);
        }
        // More than is kept, so that a prompt that is half-way is not cut.
        if self.tail.len() > 2 * STDERR_KEPT {
            self.tail.drain(..self.tail.len() - STDERR_KEPT);
        }
    }

    /// How often sudo has asked for the password.
    pub(super) fn prompts(&self) -> usize {
        self.prompts
    }

    /// The last lines.
    pub(super) fn tail(&self) -> String {
        last_lines(&self.tail, 20)
    }
}

/// The last `count` lines of `bytes`, fit for a terminal.
fn last_lines(bytes: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().map(printable).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> (Vec<Mark>, Vec<String>, Stdout) {
        let mut stdout = Stdout::new("t0k", End::OfShell, 1 << 20);
        let (mut marks, mut lines) = (Vec::new(), Vec::new());
        for chunk in chunks {
            stdout.take(chunk, &mut |mark| marks.push(mark), &mut |line: &str| lines.push(line.to_owned())).unwrap();
        }
        (marks, lines, stdout)
    }

    #[test]
    fn noise_is_cut_away_also_when_no_line_break_ends_it() {
        let (marks, lines, stdout) = read(&[b"Welcome!\nYou have mailt0k:start\nfirst\nsec", b"ond\nthird"]);
        assert_eq!(marks, [Mark::Start]);
        assert_eq!(lines, ["first", "second"]);
        let mut last = Vec::new();
        assert_eq!(stdout.finish(&mut |line: &str| last.push(line.to_owned())), b"first\nsecond\nthird");
        assert_eq!(last, ["third"]);
    }

    #[test]
    fn what_looks_like_a_mark_in_the_output_is_output() {
        let (marks, lines, _) = read(&[b"t0k:sudo\nt0k:ready\nt0k:start\nt0k:start\n"]);
        assert_eq!(marks, [Mark::Sudo, Mark::Ready, Mark::Start]);
        assert_eq!(lines, ["t0k:start"]);
    }

    #[test]
    fn noise_without_end_is_not_kept() {
        let chunk = [b'x'; 1000];
        let (_, _, mut stdout) = read(&[&chunk[..]; 100]);
        assert!(stdout.before.len() + stdout.noise.len() < 3 * NOISE_KEPT);
        stdout.take(b"t0k:start\n", &mut |_| {}, &mut |_: &str| {}).unwrap();
        assert!(stdout.is_started());
    }

    #[test]
    fn output_beyond_the_limit_is_an_error() {
        let mut stdout = Stdout::new("t0k", End::OfShell, 4);
        stdout.take(b"t0k:start\n1234", &mut |_| {}, &mut |_: &str| {}).unwrap();
        assert_eq!(stdout.take(b"5", &mut |_| {}, &mut |_: &str| {}), Err(TooLong));
    }

    #[test]
    fn a_shell_that_stays_says_where_the_output_ends_and_how() {
        let whole = b"t0k:start\none\ntwot0k:end 137\n";
        for cut in 0..whole.len() {
            let mut stdout = Stdout::new("t0k", End::OfScript, 100);
            let mut lines = Vec::new();
            for chunk in [&whole[..cut], &whole[cut..]] {
                assert_eq!(stdout.exit(), None, "cut at {cut}");
                stdout.take(chunk, &mut |_| {}, &mut |line: &str| lines.push(line.to_owned())).unwrap();
            }
            assert_eq!(stdout.exit(), Some(&Exit::Signal("KILL".to_owned())), "cut at {cut}");
            assert_eq!(stdout.finish(&mut |line: &str| lines.push(line.to_owned())), b"one\ntwo");
            assert_eq!(lines, ["one", "two"]);
        }
        let mut stderr = Stderr::new("t0k");
        stderr.take(b"oops\nt0k:e");
        assert!(!stderr.is_ended());
        stderr.take(b"nd\n");
        assert!(stderr.is_ended());
        assert_eq!(stderr.tail(), "oops");
    }

    #[test]
    fn password_prompts_are_counted_and_do_not_show() {
        let mut stderr = Stderr::new("t0k");
        for part in ["t0k:pass", "wordSorry, try again.\nt0k:password", "\u{1b}[31mbad\n"] {
            stderr.take(part.as_bytes());
        }
        assert_eq!(stderr.prompts(), 2);
        assert_eq!(stderr.tail(), "Sorry, try again.\n [31mbad");
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_output_is_the_same(noise in "[^t]{0,40}", output in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(1usize..20, 1..50)) {
            let mut whole = noise.into_bytes();
            whole.extend_from_slice(b"t0k:start\n");
            whole.extend_from_slice(&output);
            let mut rest = whole.as_slice();
            let mut chunks = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (chunk, next) = rest.split_at(rest.len().min(*cut));
                chunks.push(chunk);
                rest = next;
            }
            let (_, mut lines, stdout) = read(&chunks);
            let collected = stdout.finish(&mut |line: &str| lines.push(line.to_owned()));
            prop_assert_eq!(&collected, &output);
            let text = String::from_utf8_lossy(&output);
            let expected: Vec<_> = text.split('\n').map(str::to_owned).collect();
            let expected = if text.ends_with('\n') || text.is_empty() { expected[..expected.len() - 1].to_vec() } else { expected };
            // A line break may fall inside what is no UTF-8, and then both sides replace alike line by line.
            prop_assert_eq!(lines.len(), expected.len());
        }
    }
}
