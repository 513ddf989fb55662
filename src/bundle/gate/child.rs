//! The checking process: reads one question, answers it, ends.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use super::checks;
use super::message::{Answer, Ask};

/// What `main` runs when the first argument is [`super::ARGUMENT`]. The second is the limit on memory in
/// bytes, the third on processor time in seconds. Standard input holds the question, standard output the answer.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(2).map(|text| text.parse::<u64>());
    let (Some(Ok(memory)), Some(Ok(seconds))) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(BAD_START);
    };
    // Nothing of the question is read before the limits hold.
    if confine(memory, seconds).is_err() {
        return ExitCode::from(BAD_START);
    }
    let worker = thread::Builder::new().stack_size(super::STACK).spawn(answer);
    match worker.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(_))) => ExitCode::from(BAD_QUESTION),
        Ok(Err(_)) => ExitCode::from(PANICKED),
        Err(_) => ExitCode::from(BAD_START),
    }
}

fn confine(memory: u64, seconds: u64) -> io::Result<()> {
    let limit = |amount| Rlimit { current: Some(amount), maximum: Some(amount) };
    setrlimit(Resource::Core, limit(0))?;
    setrlimit(Resource::Fsize, limit(0))?;
    setrlimit(Resource::Cpu, limit(seconds))?;
    setrlimit(Resource::As, limit(memory))?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

fn answer() -> io::Result<()> {
    let mut question = Vec::new();
    io::stdin().lock().read_to_end(&mut question)?;
    let ask: Ask = serde_json::from_slice(&question)?;
    drop(question);
    let answer = match checks::examine(ask) {
        Ok(checked) => Answer::Accepted(checked),
        Err(problems) => Answer::Refused(problems),
    };
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    serde_json::to_writer(&mut out, &answer)?;
    out.flush()
}

const BAD_START: u8 = 64;
const BAD_QUESTION: u8 = 65;
const PANICKED: u8 = 70;
