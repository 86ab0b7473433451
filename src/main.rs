//! The `portcullis` command. What it does stands in the library; this turns its outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(portcullis::cli::main())
}
