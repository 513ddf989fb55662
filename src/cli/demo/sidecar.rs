//! `sidegate run` as a child: its configuration, its policy, and what it says.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::child::Child;
use super::house::House;
use super::postgres::{Postgres, ROLE};
use super::{DemoArguments, DemoError, io, shown};

const READY: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// For the line of a decision to appear after its answer.
const LINE: Duration = Duration::from_secs(5);
/// Lines that may wait to be read.
const LINES: usize = 1024;
const CONFIG: &str = include_str!("files/sidegate.yaml");
/// The policy of the tour. Its tests stay behind: they would refuse the first thing that somebody tries out.
const BUNDLE: [(&str, &str); 3] = [
    (".manifest", include_str!("../../../bundles/readonly-analytics/.manifest")),
    ("data.json", include_str!("../../../bundles/readonly-analytics/data.json")),
    (POLICY, include_str!("../../../bundles/readonly-analytics/policies/analytics/policy.rego")),
];
/// The file to edit, in the bundle.
const POLICY: &str = "policies/analytics/policy.rego";

/// The running sidecar.
pub(super) struct Sidecar {
    /// Where clients connect.
    pub(super) port: u16,
    /// What there is to edit: the policy's file, or the directory of somebody's own bundle.
    pub(super) policy: PathBuf,
    lines: mpsc::Receiver<String>,
}

impl Sidecar {
    /// Writes what it needs and starts it; back when its policy serves.
    pub(super) async fn start(
        house: &mut House,
        postgres: &Postgres,
        arguments: &DemoArguments,
    ) -> Result<Self, DemoError> {
        let bundle = house.directory("bundle")?;
        match &arguments.bundle {
            Some(own) => copy(own, &bundle)?,
            None => {
                for (name, text) in BUNDLE {
                    house.file(&format!("bundle/{name}"), text)?;
                }
            }
        }
        let port = free_port(arguments.port)?;
        let admin = free_port(0)?;
        let state = house.directory("state")?;
        let socket = postgres.socket_directory.join(".s.PGSQL.5432");
        let config = CONFIG
            .replace("@BUNDLE@", &shown(&bundle))
            .replace("@STATE@", &shown(&state))
            .replace("@ADMIN@", &admin.to_string())
            .replace("@PORT@", &port.to_string())
            .replace("@SOCKET@", &shown(&socket))
            .replace("@ROLE@", ROLE)
            .replace("@PASSWORD@", &shown(&postgres.password));
        let config = house.file("sidegate.yaml", &config)?;
        let program = std::env::current_exe().map_err(io("this program's path"))?;
        let mut run = Command::new(program);
        run.args(["run", "--log-format", "text", "--log-level", "warn", "-c"]).arg(&config);
        run.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = Child::start(run, Signal::TERM)?;
        let (sender, lines) = mpsc::channel(LINES);
        if let Some(stderr) = child.stderr() {
            tokio::spawn(async move {
                let mut stderr = BufReader::new(stderr).lines();
                // A full channel makes the sidecar wait for its stderr, never for an answer.
                while let Ok(Some(line)) = stderr.next_line().await {
                    if sender.send(line).await.is_err() {
                        return;
                    }
                }
            });
        }
        let policy = if arguments.bundle.is_some() { bundle } else { bundle.join(POLICY) };
        let mut sidecar = Self { port, policy, lines };
        let ready = sidecar.wait(&mut child, admin).await;
        house.keep(child);
        ready.map(|()| sidecar)
    }

    /// The next decision of a stage, as its log line.
    pub(super) async fn decision(&mut self, stage: &str) -> Result<String, DemoError> {
        let next = async {
            while let Some(line) = self.lines.recv().await {
                if stage_of(&line).is_some_and(|found| found == stage) {
                    return line;
                }
            }
            String::new()
        };
        match tokio::time::timeout(LINE, next).await {
            Ok(line) if !line.is_empty() => Ok(line),
            _ => Err(DemoError::Unexpected {
                step: "the decision log",
                expected: "a line for the statement",
                got: "nothing".to_owned(),
            }),
        }
    }

    /// Prints what the sidecar says until it ends.
    pub(super) async fn follow(&mut self) -> Result<(), DemoError> {
        while let Some(line) = self.lines.recv().await {
            super::output::say(&line);
        }
        Err(DemoError::Unexpected { step: "sidegate run", expected: "that it goes on", got: "it ended".to_owned() })
    }

    async fn wait(&mut self, child: &mut Child, admin: u16) -> Result<(), DemoError> {
        let begun = Instant::now();
        let mut said = String::new();
        loop {
            if is_ready(admin).await {
                return Ok(());
            }
            while let Ok(line) = self.lines.try_recv() {
                said = line;
            }
            if child.has_ended() || begun.elapsed() > READY {
                // What it said last may still be on its way.
                while let Ok(Some(line)) = tokio::time::timeout(PAUSE, self.lines.recv()).await {
                    said = line;
                }
                let seconds = begun.elapsed().as_secs();
                return Err(DemoError::NotReady { what: "sidegate", seconds, said });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether the policy serves, asked as an orchestrator asks.
async fn is_ready(admin: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, admin)).await?;
        stream.write_all(b"GET /health?bundles HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.take(1 << 16).read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
    };
    ask.await.unwrap_or(false)
}

fn stage_of(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    let is_decision = event.get("type")? == "openpolicyagent.org/decision_logs";
    let stage = event.pointer("/custom/sidegate/stage")?.as_str()?;
    is_decision.then(|| stage.to_owned())
}

/// The wanted port, or any if it is taken.
fn free_port(wanted: u16) -> Result<u16, DemoError> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let address = listener.and_then(|listener| listener.local_addr()).map_err(io("no port is free"))?;
    Ok(address.port())
}

/// Directories and plain files.
fn copy(from: &Path, to: &Path) -> Result<(), DemoError> {
    let entries = std::fs::read_dir(from).map_err(|_| DemoError::NoBundle { directory: from.to_owned() })?;
    for entry in entries {
        let entry = entry.map_err(io(shown(from)))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).map_err(io(shown(&target)))?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(io(shown(&target)))?;
        }
    }
    Ok(())
}
