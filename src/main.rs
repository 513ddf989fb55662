//! The `sidegate` program: arguments to command, nothing else.

use std::process::ExitCode;

use sidegate::bundle::gate;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == gate::ARGUMENT) {
        return gate::main();
    }
    ExitCode::SUCCESS
}
