//! Starts what the journeys need: a real PostgreSQL, the real binary, real clients.

pub mod meddler;
pub mod pki;
mod postgres;
pub mod provider;
pub mod raw;
pub mod sidegate;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use regex::Regex;

pub use postgres::{PASSWORD, Postgres, postgres, postgres18};
pub use sidegate::{Setup, Sidegate, binary};

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    // Below those that the kernel gives to whoever connects, or one of them would have it before the server does.
    const PORTS: std::ops::Range<u32> = 10_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Runs beside this one begin elsewhere.
    let start = std::process::id().wrapping_mul(1_009);
    let candidates = (0..count).map(|_| PORTS.start + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count);
    let mut ports = candidates.map(|port| u16::try_from(port).expect("it is small"));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port is free")
}

/// Asks until the answer is there. Not a wait for a fixed time: it returns as soon as it can.
pub fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Text of a finished program's output, both streams, without what names decisions.
pub fn said(output: &Output) -> String {
    without_ids(&format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// The same with `…` for the id of each decision: it is random, and has every number now and then.
pub fn without_ids(text: &str) -> String {
    static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new("decision [0-9a-f-]{36}").expect("a pattern"));
    ID.replace_all(text, "decision …").into_owned()
}

/// The folder with what `make test` installs.
pub fn tools() -> PathBuf {
    let folder = std::env::var_os("SIDEGATE_TOOLS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools"), PathBuf::from);
    assert!(folder.is_dir(), "`{}` is missing: `make tools` installs the clients that journeys use", folder.display());
    folder
}

/// A Python program with the drivers and pglast at hand.
pub fn python() -> Command {
    Command::new(tools().join("venv/bin/python"))
}

/// A Node.js program with node-postgres at hand.
pub fn node() -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", tools().join("node/node_modules"));
    command
}
