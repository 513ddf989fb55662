//! The `sidegate` program: arguments to command, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    sidegate::cli::main()
}
