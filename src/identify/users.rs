//! A file of SCRAM verifiers, one `name:SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` a line, as PostgreSQL's
//! `pg_authid.rolpassword` has them. Empty lines and lines that begin with `#` say nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;

use super::IdentifyError;
use super::scram::Verifier;
use super::validity::{Grant, Grants};
use super::version::LOOK;
use crate::config::{FileVersion, read_file, read_file_aside};
use crate::model::Hidden;

/// One file, read again when it has changed.
pub(super) struct UsersFile {
    path: PathBuf,
    read: Mutex<Option<Reading>>,
    /// Who is in by this file.
    grants: Grants<(String, Verifier)>,
}

/// One reading.
struct Reading {
    begun: Instant,
    version: FileVersion,
    users: Arc<Users>,
}

/// What one reading found.
#[derive(Default)]
pub(super) struct Users {
    by_name: HashMap<String, Verifier>,
    /// Iterations and salt length of a usual user: what one that does not exist pretends to have. Known beforehand,
    /// so that a name that does not exist takes no longer.
    pub(super) usual: Option<(u32, usize)>,
}

/// A hundred thousand users, and some.
const MAX_FILE: usize = 16 << 20;

impl Users {
    pub(super) fn get(&self, name: &str) -> Option<&Verifier> {
        self.by_name.get(name)
    }

    fn has(&self, (name, verifier): &(String, Verifier)) -> bool {
        self.by_name.get(name) == Some(verifier)
    }
}

impl UsersFile {
    /// A file that is first read when somebody logs in, or by [`UsersFile::users`].
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::new(None), grants: Grants::default() }
    }

    /// The users as the file has them now. A file that cannot be read whole gives nobody.
    pub(super) async fn users(&self) -> Result<Arc<Users>, IdentifyError> {
        self.versioned().await.map(|(_, users)| users)
    }

    /// What holds for as long as the file has this user with this verifier.
    pub(super) fn grant(&self, name: &str, verifier: &Verifier) -> Result<Arc<Grant>, IdentifyError> {
        let grant = Arc::default();
        let proof = (name.to_owned(), verifier.clone());
        self.grants.enter(&grant, proof.clone());
        // A look at the file that came before this has left what it saw here.
        let has = self.read.lock().as_ref().is_some_and(|read| read.users.has(&proof));
        if has { Ok(grant) } else { Err(IdentifyError::WrongPassword { user: name.to_owned() }) }
    }

    /// Ends what users of the file have opened who are not in it any more, or have another password, for ever. A file
    /// that cannot be read ends nothing: it may be about to be written.
    pub(super) async fn keep(&self) -> Infallible {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut before, mut settled, mut told) = (None, None, None);
        loop {
            tick.tick().await;
            let seen = match self.versioned().await {
                Ok((version, users)) => {
                    // The same twice: nobody is writing it any more.
                    if before == Some(version) && settled != Some(version) {
                        let ended = self.grants.keep(|proof| users.has(proof));
                        if settled.is_some() {
                            tracing::info!(file = %self.path.display(), ended, "read a file of users anew");
                        }
                        (settled, told) = (Some(version), None);
                    }
                    Some(version)
                }
                Err(error) => {
                    let problem = error.to_string();
                    if told.as_ref() != Some(&problem) {
                        tracing::warn!(%error, "nobody gets in by a file of users, and nobody who was in by it is out");
                        told = Some(problem);
                    }
                    None
                }
            };
            before = seen;
        }
    }

    async fn versioned(&self) -> Result<(FileVersion, Arc<Users>), IdentifyError> {
        let failed = |source| IdentifyError::UsersFile { path: self.path.clone(), source };
        let begun = Instant::now();
        let version = FileVersion::of(&self.path).map_err(failed)?;
        if let Some(read) = self.read.lock().as_ref()
            && read.version == version
        {
            return Ok((version, Arc::clone(&read.users)));
        }
        let contents = read_file_aside(&self.path, MAX_FILE).await.map_err(failed)?;
        let users = Arc::new(parse(&self.path, &contents)?);
        self.hold(Reading { begun, version, users: Arc::clone(&users) });
        Ok((version, users))
    }

    /// Of two readings that were under way at once, the one that began later has seen the newer file.
    fn hold(&self, reading: Reading) {
        let mut held = self.read.lock();
        if held.as_ref().is_none_or(|held| held.begun <= reading.begun) {
            *held = Some(reading);
        }
    }
}

/// Whether a file of users can be read whole.
///
/// # Errors
/// It cannot, or a line of it is no verifier.
pub fn check_users(path: &Path) -> Result<(), IdentifyError> {
    let contents = read_file(path, MAX_FILE);
    let contents = contents.map_err(|source| IdentifyError::UsersFile { path: path.to_owned(), source })?;
    parse(path, &contents).map(drop)
}

fn parse(path: &Path, contents: &[u8]) -> Result<Users, IdentifyError> {
    let text = std::str::from_utf8(contents).map_err(|_| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8 text");
        IdentifyError::UsersFile { path: path.to_owned(), source }
    })?;
    let mut users = Users::default();
    for (index, line) in text.lines().enumerate() {
        let number = index.saturating_add(1);
        let wrong = |problem| IdentifyError::UsersLine { path: path.to_owned(), line: number, problem };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, verifier) = parse_line(line).ok_or_else(|| wrong("this is no verifier"))?;
        if let Some(hidden) = Hidden::of(name) {
            return Err(IdentifyError::UsersName { path: path.to_owned(), line: number, hidden });
        }
        users.usual = users.usual.or(Some((verifier.iterations, verifier.salt.len())));
        if users.by_name.insert(name.to_owned(), verifier).is_some() {
            return Err(wrong("this user was named before"));
        }
    }
    Ok(users)
}

fn parse_line(line: &str) -> Option<(&str, Verifier)> {
    let (name, rest) = line.trim_end().split_once(":SCRAM-SHA-256$")?;
    let (cost, keys) = rest.split_once('$')?;
    let (iterations, salt) = cost.split_once(':')?;
    let (stored, server) = keys.split_once(':')?;
    let iterations = iterations.parse().ok().filter(|count| *count > 0)?;
    let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
    let key = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
    let verifier = Verifier { iterations, salt, stored_key: key(stored)?, server_key: key(server)? };
    (!name.is_empty()).then_some((name, verifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reading_does_not_take_the_place_of_a_newer_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let line = |name: &str| {
            let key = STANDARD.encode([7; 32]);
            format!("{name}:SCRAM-SHA-256$4096:{}${key}:{key}\n", STANDARD.encode([1; 16]))
        };
        std::fs::write(&path, line("alice")).unwrap();
        let file = UsersFile::new(path.clone());
        let begun = Instant::now();
        let (version, old) = file.versioned().await.unwrap();
        std::fs::write(&path, [line("bob"), line("carol")].concat()).unwrap();
        assert!(file.users().await.unwrap().get("alice").is_none());
        file.hold(Reading { begun, version, users: Arc::clone(&old) });
        let verifier = old.get("alice").unwrap();
        assert!(file.grant("alice", verifier).is_err(), "who was struck meanwhile");
        assert!(file.grant("bob", verifier).is_ok());
    }
}
