//! A private PostgreSQL: own directory, own socket, own password.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::process::Signal;
use tokio::process::Command;

use super::child::{self, Child};
use super::house::{self, House};
use super::{DemoError, io, shown};

/// The role that sidegate is at the database.
pub(super) const ROLE: &str = "shop_app";
/// The database.
pub(super) const DATABASE: &str = "shop";
const OWNER: &str = "postgres";
const PORT: &str = "5432";
const READY: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
const SCHEMA: &str = include_str!("files/schema.sql");

/// The running server.
pub(super) struct Postgres {
    /// Where its socket is.
    pub(super) socket_directory: PathBuf,
    /// File with the role's password.
    pub(super) password: PathBuf,
    psql: PathBuf,
    owner_password: String,
}

impl Postgres {
    /// Makes a cluster, starts it and loads the shop.
    pub(super) async fn start(house: &mut House) -> Result<Self, DemoError> {
        let initdb = program("initdb").ok_or(DemoError::NoPostgres { program: "initdb" })?;
        let server = program("postgres").ok_or(DemoError::NoPostgres { program: "postgres" })?;
        let psql = program("psql").ok_or(DemoError::NoPostgres { program: "psql" })?;
        let account = Account::find()?;
        let data = house.directory("postgres/data")?;
        let socket_directory = house.path().join("postgres");
        house::mode(&socket_directory, 0o711)?;
        let (owner_password, role_password) = (password()?, password()?);
        let owner_file = house.file("postgres/owner-password", &owner_password)?;
        for path in [&socket_directory, &data, &owner_file] {
            account.give(path)?;
        }
        let mut make = account.command(&initdb);
        make.args(["--username", OWNER, "--encoding", "UTF8", "--locale", "C", "--no-sync"]);
        make.args(["--auth", "scram-sha-256", "--pwfile"]).arg(&owner_file).arg("--pgdata").arg(&data);
        child::run(make).await?;
        let mut run = account.command(&server);
        run.arg("-D").arg(&data).arg("-k").arg(&socket_directory).args(["-h", "", "-p", PORT, "-F"]);
        let log = std::fs::File::create(house.path().join("postgres.log")).map_err(io("postgres.log"))?;
        run.stdout(Stdio::null()).stderr(Stdio::from(log));
        house.keep(Child::start(run, Signal::INT)?);
        let password = house.file("database-password", &format!("{role_password}\n"))?;
        let postgres = Self { socket_directory, password, psql, owner_password };
        postgres.wait().await?;
        postgres.owner("postgres", &format!("create role {ROLE} login password '{role_password}'")).await?;
        postgres.owner("postgres", &format!("create database {DATABASE} owner {ROLE}")).await?;
        postgres.owner(DATABASE, SCHEMA).await?;
        Ok(postgres)
    }

    /// `psql` through a listener of sidegate, one statement.
    pub(super) fn psql(&self, port: u16, statement: &str) -> Command {
        let mut command = self.bare(DATABASE, statement);
        command.args(["-h", "127.0.0.1", "-U", "alice", "-p", &port.to_string()]);
        command
    }

    /// How many rows a table has, asked past sidegate.
    pub(super) async fn count(&self, table: &str) -> Result<String, DemoError> {
        self.owner(DATABASE, &format!("select count(*) from {table}")).await
    }

    async fn owner(&self, database: &str, statements: &str) -> Result<String, DemoError> {
        let mut command = self.bare(database, statements);
        command.arg("-h").arg(&self.socket_directory).args(["-U", OWNER, "-p", PORT, "-tA"]);
        command.env("PGPASSWORD", &self.owner_password);
        child::run(command).await
    }

    fn bare(&self, database: &str, statements: &str) -> Command {
        let mut command = Command::new(&self.psql);
        // The user's own variables must not lead anywhere else.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("PGCONNECT_TIMEOUT", "10");
        command.args(["-X", "-q", "-P", "pager=off", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements]);
        command
    }

    async fn wait(&self) -> Result<(), DemoError> {
        let begun = Instant::now();
        loop {
            match self.owner("postgres", "select 1").await {
                Ok(_) => return Ok(()),
                Err(error) if begun.elapsed() > READY => {
                    let said = error.to_string();
                    return Err(DemoError::NotReady { what: "PostgreSQL", seconds: READY.as_secs(), said });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// Which account PostgreSQL runs as: it refuses to be root.
enum Account {
    Own,
    Other { uid: u32, gid: u32 },
}

impl Account {
    fn find() -> Result<Self, DemoError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let accounts = std::fs::read_to_string("/etc/passwd").map_err(io("/etc/passwd"))?;
        let line = accounts.lines().find(|line| line.starts_with("postgres:")).ok_or(DemoError::NoAccount)?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        match (fields.next(), fields.next()) {
            (Some(Ok(uid)), Some(Ok(gid))) => Ok(Self::Other { uid, gid }),
            _ => Err(DemoError::NoAccount),
        }
    }

    fn give(&self, path: &Path) -> Result<(), DemoError> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => std::os::unix::fs::chown(path, Some(*uid), Some(*gid)).map_err(io(shown(path))),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Wherever the demo was started may be closed to that account.
        command.current_dir("/");
        match self {
            Self::Own => {}
            Self::Other { uid, gid } => {
                command.uid(*uid).gid(*gid);
            }
        }
        command
    }
}

/// The server's programs are in no PATH on Debian; the newest version is taken.
fn program(name: &'static str) -> Option<PathBuf> {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = packaged.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let packaged = versions.into_iter().rev().map(|version| version.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = packaged.chain(std::env::split_paths(&path)).map(|directory| directory.join(name));
    let mut runnable =
        found.filter(|path| path.metadata().is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0));
    runnable.next()
}

fn password() -> Result<String, DemoError> {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes).map_err(|error| DemoError::Failed {
        program: "the system's random numbers".to_owned(),
        said: error.to_string(),
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
