//! The commands, one file each. Takes the process' arguments, gives an exit code (0 ok, 1 the answer is no, 2 could
//! not run), refuses with one line on stderr.

mod args;
mod audit;
mod check;
mod demo;
mod explain;
mod furnish;
mod output;
mod run;
mod signals;
mod upstream;

use std::process::ExitCode;

use clap::Parser;

pub use args::{AuditTailArguments, ConfigArguments, ExplainArguments, Format};
pub use output::Exit;
pub use signals::Stop;

use args::{Arguments, AuditCommand, Command};

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error).into(),
    };
    let exit = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Audit(AuditCommand::Tail(arguments)) => audit::tail(&arguments),
    };
    exit.into()
}

/// Help and version are answers; anything else is one line.
fn usage(error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    if error.exit_code() == 0 {
        return output::say(text.trim_end());
    }
    output::fail(&format!("{}; see sidegate --help", in_one_line(&text)))
}

/// What is wrong with a command line, without usage and hints. What is missing stands on lines of its own, indented.
fn in_one_line(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let what = first.strip_prefix("error: ").unwrap_or("no command was given");
    let named: Vec<_> = lines.take_while(|line| line.starts_with("  ")).map(str::trim).collect();
    if named.is_empty() { what.to_owned() } else { format!("{what} {}", named.join(", ")) }
}
