//! What commands print, and how they end.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::config::Config;

use super::args::ConfigArguments;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0.
    Ok,
    /// 1: it ran, and the answer is no.
    No,
    /// 2: it could not run.
    CouldNotRun,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::SUCCESS,
            Exit::No => Self::from(1),
            Exit::CouldNotRun => Self::from(2),
        }
    }
}

/// Prints lines on stdout. A reader that went away is no reason to go on.
pub(super) fn say(text: &str) -> Exit {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Exit::Ok,
        Err(_) => Exit::CouldNotRun,
    }
}

/// Prints one line on stderr: the command could not run.
pub(super) fn fail(error: &dyn Display) -> Exit {
    complain(error);
    Exit::CouldNotRun
}

/// Prints one line on stderr, whatever the text holds.
pub(super) fn complain(text: &dyn Display) {
    let line = text.to_string().replace(char::is_control, " ");
    // Where stderr is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "sidegate: {line}");
}

/// Loads the configuration that the arguments name, with the environment of this process. Each warning goes to
/// `warn`; each problem is one line on stderr.
///
/// # Errors
/// The exit of a command that cannot run.
pub(super) fn load(arguments: &ConfigArguments, warn: fn(&dyn Display)) -> Result<Config, Exit> {
    let env = |name: &str| std::env::var(name).ok();
    match Config::load(&arguments.config_file, &arguments.set, &arguments.set_file, &env) {
        Ok((config, warnings)) => {
            warnings.iter().for_each(|warning| warn(warning));
            Ok(config)
        }
        Err(error) => {
            error.problems.iter().for_each(|problem| complain(problem));
            Err(Exit::CouldNotRun)
        }
    }
}
