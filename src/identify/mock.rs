//! The secret that salts of users are made with that do not exist. It stays the same over restarts, as PostgreSQL's
//! does: a salt that changes when sidegate starts again would tell who has none of its own. And it is made of nothing
//! that a user knows: whoever knows a password knows what its own verifier is made of.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::IdentifyError;
use super::scram;
use crate::config::read_file;

/// Makes salts: always the same for the same name, and not to be foreseen.
#[derive(Clone)]
pub struct MockSecret(Zeroizing<[u8; 32]>);

/// In `state_directory`.
const NAME: &str = "scram.key";

impl MockSecret {
    /// The secret of a state directory, made there if it has none.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not what sidegate wrote.
    pub fn of(state_directory: &Path) -> Result<Self, IdentifyError> {
        let path = state_directory.join(NAME);
        let failed = |source| IdentifyError::MockSecret { path: path.clone(), source };
        match read_file(&path, 32) {
            Ok(bytes) => {
                let wrong = || failed(io::Error::new(io::ErrorKind::InvalidData, "it has not 32 bytes, remove it"));
                let bytes = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| wrong())?;
                Ok(Self(Zeroizing::new(bytes)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = Self::random()?;
                secret.write(&path).map_err(failed)?;
                Ok(secret)
            }
            Err(source) => Err(failed(source)),
        }
    }

    /// One that is not kept.
    pub(super) fn random() -> Result<Self, IdentifyError> {
        let mut secret = Zeroizing::new([0; 32]);
        let random = getrandom::fill(&mut *secret);
        random.map_err(|error| IdentifyError::Random { problem: error.to_string() })?;
        Ok(Self(secret))
    }

    /// Whole or not at all, for nobody else's eyes.
    fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&*self.0)?;
        file.sync_all()?;
        fs::rename(new, path)
    }

    /// The salt of a name that nobody has.
    pub(super) fn salt(&self, user: &str, length: usize) -> Vec<u8> {
        scram::hmac(&self.0, user.as_bytes()).into_iter().cycle().take(length).collect()
    }
}

impl std::fmt::Debug for MockSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MockSecret")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_state_directory_keeps_its_secret_and_shows_it_to_nobody() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = MockSecret::of(one.path()).unwrap();
        let salt = first.salt("mallory", 16);
        assert_eq!(MockSecret::of(one.path()).unwrap().salt("mallory", 16), salt);
        assert_ne!(first.salt("trudy", 16), salt);
        assert_ne!(MockSecret::of(other.path()).unwrap().salt("mallory", 16), salt);
        let mode = fs::metadata(one.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(format!("{first:?}"), "MockSecret");
        fs::write(one.path().join(NAME), "short").unwrap();
        let error = MockSecret::of(one.path()).unwrap_err().to_string();
        assert!(error.contains("scram.key") && error.contains("32 bytes"), "{error}");
    }
}
