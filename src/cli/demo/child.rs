//! A child process that is ended by its own id.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use super::{DemoError, io};

/// For a child to end in its own way.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
pub(super) struct Child {
    process: tokio::process::Child,
    /// What asks it to end.
    signal: Signal,
}

impl Child {
    /// Starts it in a process group of its own, so that a Ctrl-C reaches the demo alone, which then ends it in order.
    pub(super) fn start(mut command: Command, signal: Signal) -> Result<Self, DemoError> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        let process = command.spawn().map_err(io(program))?;
        Ok(Self { process, signal })
    }

    /// Its stderr, if it was piped and not taken before.
    pub(super) fn stderr(&mut self) -> Option<tokio::process::ChildStderr> {
        self.process.stderr.take()
    }

    /// Whether it is gone.
    pub(super) fn has_ended(&mut self) -> bool {
        self.process.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Asks it to end, and insists when it does not.
    pub(super) async fn end(mut self) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may have ended in between.
            let _ = kill_process(id, self.signal);
        }
        if tokio::time::timeout(PATIENCE, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }
}

/// Runs a program to its end; its output, or what it said when it failed.
pub(super) async fn run(mut command: Command) -> Result<String, DemoError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(io(program.clone()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(DemoError::Failed { program, said })
}
