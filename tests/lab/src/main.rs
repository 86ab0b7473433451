//! `lab`: real Debian systems behind a jumphost, put up and taken down by one command. See the library for how.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis_lab::command_line::run()
}
