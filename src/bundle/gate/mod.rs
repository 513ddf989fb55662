//! The gate: bundles are looked into by a process of their own, because one edited file can exhaust the
//! stack, the memory or the time of whoever parses it. Takes files, gives rewritten modules, data and
//! what to ask of them; refuses with problems, or because that process did not live to answer.

mod chain;
mod checks;
mod child;
mod message;
mod outline;

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub use child::main;
pub(super) use message::{Answer, Ask, Bundle, Checked};

use super::error::BundleError;

/// The first argument that makes this program a checking process.
pub const ARGUMENT: &str = "__gate";

/// Stack of every thread that parses, compiles or evaluates policy. The gate refuses what could need more.
pub const STACK: usize = 64 << 20;

/// What a checking process may use. Data need their time and room, so each mebibyte of files adds to it a
/// quarter of a second and 32 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From start to answer.
    pub wall: Duration,
    /// Processor time, in whole seconds.
    pub processor: u64,
    /// Address space, in bytes.
    pub memory: u64,
}

impl Limits {
    fn for_files(self, bytes: usize) -> Self {
        let mebibytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        Self {
            wall: self.wall.saturating_add(Duration::from_millis(250).saturating_mul(mebibytes)),
            processor: self.processor.saturating_add(u64::from(mebibytes / 4)),
            memory: self.memory.saturating_add(u64::from(mebibytes) << 25),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { wall: Duration::from_secs(5), processor: 5, memory: 2 << 30 }
    }
}

/// This program, also where it was replaced on the disk or stands in an empty root directory.
pub fn program() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return running.to_owned();
    }
    let started = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    // The checking process starts in the root directory.
    std::path::absolute(&started).unwrap_or(started)
}

/// Asks a checking process.
///
/// # Errors
/// When it cannot be started, does not end in time, is ended by the system, or answers nonsense.
pub(super) fn ask(program: &Path, limits: Limits, question: &Ask) -> Result<Answer, BundleError> {
    let failed = |cause| BundleError::Gate { program: program.to_owned(), cause };
    let question = serde_json::to_vec(question).map_err(|error| failed(error.into()))?;
    let limits = limits.for_files(question.len());
    let deadline = Instant::now().checked_add(limits.wall).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let mut child = spawn(program, limits).map_err(failed)?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        end(&mut child);
        return Err(failed(io::ErrorKind::BrokenPipe.into()));
    };
    let (sender, receiver) = mpsc::channel();
    let (answer, ended) = thread::scope(|scope| {
        // A process that died early is recognised by how it ended, not by what it left unread.
        scope.spawn(move || drop(input.write_all(&question)));
        scope.spawn(move || drop(sender.send(read_answer(output))));
        let answer = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        // Ends the threads too: nobody else holds the other ends of their pipes.
        let ended = wait(&mut child, deadline);
        (answer, ended)
    });
    let status = ended.map_err(failed)?.ok_or(BundleError::GateTimeout { limit: limits.wall })?;
    let answer = answer.map_err(|_| BundleError::GateTimeout { limit: limits.wall })?.map_err(failed)?;
    if !status.success() {
        return Err(BundleError::GateDied { how: describe(status) });
    }
    if u64::try_from(answer.len()).is_ok_and(|length| length > MAX_ANSWER) {
        return Err(BundleError::GateAnswerLength { limit: MAX_ANSWER });
    }
    serde_json::from_slice(&answer).map_err(|cause| BundleError::GateAnswer { cause })
}

fn spawn(program: &Path, limits: Limits) -> io::Result<Child> {
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .arg(limits.memory.to_string())
        .arg(limits.processor.to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // Nobody reads what it says of its own end. An empty root directory has no /dev/null to send that to.
    drop(child.stderr.take());
    Ok(child)
}

fn read_answer(output: impl Read) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    output.take(MAX_ANSWER.saturating_add(1)).read_to_end(&mut answer)?;
    Ok(answer)
}

/// Waits for the end of the process; past the deadline it is ended and the answer is `None`.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) if Instant::now() < deadline => thread::sleep(STEP),
            Ok(None) => {
                end(child);
                return Ok(None);
            }
            Err(error) => {
                end(child);
                return Err(error);
            }
        }
    }
}

fn end(child: &mut Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait()) {
        tracing::warn!(%error, "the checking process could not be ended");
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

const MAX_ANSWER: u64 = 512 << 20;
/// It only waits here between closing its output and being gone.
const STEP: Duration = Duration::from_millis(2);
