//! The keys that masks name, read from where the configuration says.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::CellError;
use super::key::Key;
use crate::config::{MaskKey, SecretSource, read_file};

/// Fewer bytes can be tried out, whatever they are.
const LEAST: usize = 32;
/// Far above any key.
const MOST: usize = 64 << 10;
/// A key in which only so few bytes occur was not made by chance.
const LEAST_DIFFERENT: usize = 8;

/// Why a key cannot be used. It says nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read.
    #[error("{}: {}", self.key(), self.problem())]
    Unread {
        /// The key's name.
        name: String,
        /// Its file.
        from: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was read is no key.
    #[error("{}: {}", self.key(), self.problem())]
    Unfit {
        /// The key's name.
        name: String,
        /// Its file or variable.
        from: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl KeyError {
    /// Where the configuration names it.
    pub fn key(&self) -> String {
        let (Self::Unread { name, .. } | Self::Unfit { name, .. }) = self;
        format!("plugins.sidegate.keys.{name}")
    }

    /// What is wrong with it.
    pub fn problem(&self) -> String {
        match self {
            Self::Unread { from, source, .. } => format!("`{from}` cannot be read: {source}"),
            Self::Unfit { from, problem, .. } => format!("the key from `{from}` {problem}"),
        }
    }
}

/// All keys, as they were when they were read.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: BTreeMap<String, Held>,
}

#[derive(Clone, Debug)]
struct Held {
    source: SecretSource,
    key: Arc<Key>,
}

impl Keyring {
    /// Reads all keys. It waits for the disk.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(configured: &[MaskKey]) -> Result<Self, Vec<KeyError>> {
        let mut keys = BTreeMap::new();
        let mut problems = Vec::new();
        for MaskKey { name, source } in configured {
            match read(name, source) {
                Ok(key) => drop(keys.insert(name.clone(), Held { source: source.clone(), key: Arc::new(key) })),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Self { keys }) } else { Err(problems) }
    }

    /// Reads them again: the ring as it is now, if one has changed, and what is wrong. A key that cannot be read stays
    /// what it was. It waits for the disk.
    pub fn renewed(&self) -> (Option<Self>, Vec<KeyError>) {
        let mut keys = self.keys.clone();
        let mut problems = Vec::new();
        let mut changed = false;
        for (name, held) in &mut keys {
            match read(name, &held.source) {
                Ok(key) if key.is_same(&held.key) => {}
                Ok(key) => {
                    held.key = Arc::new(key);
                    changed = true;
                }
                Err(problem) => problems.push(problem),
            }
        }
        (changed.then_some(Self { keys }), problems)
    }

    /// A key by its name.
    ///
    /// # Errors
    /// There is none: the statement is denied, with cause `obligation`.
    pub fn get(&self, name: &str) -> Result<Arc<Key>, CellError> {
        let held = self.keys.get(name).ok_or_else(|| CellError::Key { name: name.to_owned() })?;
        Ok(Arc::clone(&held.key))
    }
}

fn read(name: &str, source: &SecretSource) -> Result<Key, KeyError> {
    let (from, bytes) = match source {
        SecretSource::File(path) => {
            let from = path.display().to_string();
            match read_file(path, MOST) {
                Ok(bytes) => (from, bytes),
                Err(source) => return Err(KeyError::Unread { name: name.to_owned(), from, source }),
            }
        }
        SecretSource::Env(variable) => {
            let from = format!("${variable}");
            let Some(value) = std::env::var_os(variable) else {
                return Err(KeyError::Unfit { name: name.to_owned(), from, problem: "is not set" });
            };
            (from, Zeroizing::new(value.into_encoded_bytes()))
        }
    };
    let key = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    let different = (0..=u8::MAX).filter(|byte| key.contains(byte)).count();
    let problem = if key.len() < LEAST {
        "has fewer than 32 bytes: make one with `openssl rand -hex 32`"
    } else if different < LEAST_DIFFERENT {
        "repeats itself: make one with `openssl rand -hex 32`"
    } else {
        return Ok(Key::new(key));
    };
    Err(KeyError::Unfit { name: name.to_owned(), from, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn ring(content: &[u8]) -> (tempfile::TempDir, Result<Keyring, Vec<KeyError>>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, content).unwrap();
        let configured = [MaskKey { name: "masks".to_owned(), source: SecretSource::File(path) }];
        (directory, Keyring::load(&configured))
    }

    #[test]
    fn a_key_is_the_file_without_its_line_break() {
        let plain = ring(KEY.as_bytes()).1.unwrap().get("masks").unwrap();
        for content in [format!("{KEY}\n"), format!("{KEY}\r\n")] {
            assert!(ring(content.as_bytes()).1.unwrap().get("masks").unwrap().is_same(&plain));
        }
        assert!(!ring(format!("{KEY}!").as_bytes()).1.unwrap().get("masks").unwrap().is_same(&plain));
    }

    #[test]
    fn what_is_no_key_is_refused_by_name_and_not_shown() {
        for content in [&b""[..], &KEY.as_bytes()[..31], b"hunter2hunter2hunter2hunter2hun\n", &[b'h'; 64]] {
            let problems = ring(content).1.unwrap_err();
            let told = format!("{problems:?} {}", problems[0]);
            assert!(told.contains("plugins.sidegate.keys.masks: the key from"), "{told}");
            assert!(!told.contains("hunter2") && !told.contains("hhhh") && !told.contains("0123"), "{told}");
        }
        let missing = MaskKey { name: "gone".to_owned(), source: SecretSource::File("/nowhere/key".into()) };
        let unset = MaskKey { name: "unset".to_owned(), source: SecretSource::Env("SIDEGATE_TEST_NO_SUCH".to_owned()) };
        let problems = Keyring::load(&[missing, unset]).unwrap_err();
        assert!(problems[0].to_string().starts_with("plugins.sidegate.keys.gone: `/nowhere/key` cannot be read"));
        let text = "plugins.sidegate.keys.unset: the key from `$SIDEGATE_TEST_NO_SUCH` is not set";
        assert_eq!(problems[1].to_string(), text);
        let text = "a mask names the key `other`, which is not under plugins.sidegate.keys";
        assert_eq!(Keyring::default().get("other").unwrap_err().to_string(), text);
    }

    #[test]
    fn a_changed_key_is_taken_and_a_lost_one_stays() {
        let (directory, ring) = ring(KEY.as_bytes());
        let ring = ring.unwrap();
        let (none, problems) = ring.renewed();
        assert!(none.is_none() && problems.is_empty());
        std::fs::write(directory.path().join("key"), format!("{KEY}more")).unwrap();
        let renewed = ring.renewed().0.unwrap();
        assert!(!renewed.get("masks").unwrap().is_same(&ring.get("masks").unwrap()));
        std::fs::write(directory.path().join("key"), "short").unwrap();
        let (none, problems) = renewed.renewed();
        assert!(none.is_none());
        assert!(problems[0].to_string().contains("fewer than 32 bytes"));
        assert!(renewed.get("masks").is_ok());
        assert!(!format!("{renewed:?}").contains("0123456789"));
    }
}
