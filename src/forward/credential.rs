//! Secrets, looked at when they are needed, so that a changed file is taken.

use std::sync::Arc;

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::ForwardError;
use crate::config::{FileVersion, SecretSource, read_file_aside};
use crate::model::Secret;

/// Far above any password, far below what hurts.
const MAX_SECRET: usize = 64 << 10;

/// One secret, kept for as long as its file is the same.
#[derive(Debug)]
pub(super) struct Keeper {
    source: SecretSource,
    kept: Mutex<Option<(FileVersion, Arc<Secret<String>>)>>,
}

impl Keeper {
    pub(super) fn new(source: SecretSource) -> Self {
        Self { source, kept: Mutex::default() }
    }

    /// The secret as its source has it now.
    pub(super) async fn secret(&self) -> Result<Arc<Secret<String>>, ForwardError> {
        let now = || match &self.source {
            SecretSource::File(path) => FileVersion::of(path).ok(),
            SecretSource::Env(_) => None,
        };
        let before = now();
        let known = self.kept.lock().as_ref().filter(|(version, _)| Some(version) == before.as_ref()).cloned();
        if let Some((_, secret)) = known {
            return Ok(secret);
        }
        let secret = read(&self.source).await.map(Arc::new);
        // What may be changed again unseen is not kept, nor what is there no more.
        let kept = before.filter(|version| version.is_settled() && now() == before).zip(secret.as_ref().ok().cloned());
        *self.kept.lock() = kept;
        secret
    }
}

/// Reads a secret. The final line break is not part of it.
async fn read(source: &SecretSource) -> Result<Secret<String>, ForwardError> {
    match source {
        SecretSource::File(path) => {
            let read = read_file_aside(path, MAX_SECRET).await;
            let bytes = read.map_err(|source| ForwardError::CredentialFile { path: path.clone(), source })?;
            check(&bytes, path.display().to_string())
        }
        SecretSource::Env(name) => {
            let Some(value) = std::env::var_os(name) else {
                return Err(ForwardError::CredentialValue { from: format!("${name}"), problem: "is not set" });
            };
            let bytes = Zeroizing::new(value.into_encoded_bytes());
            check(&bytes, format!("${name}"))
        }
    }
}

fn check(bytes: &[u8], from: String) -> Result<Secret<String>, ForwardError> {
    let problem = if bytes.len() > MAX_SECRET {
        "is longer than 64 KiB"
    } else {
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match std::str::from_utf8(text) {
            Ok("") => "is empty",
            Ok(text) if text.contains('\0') => "contains a NUL",
            Ok(text) => return Ok(Secret::new(text.to_owned())),
            Err(_) => "is not UTF-8",
        }
    };
    Err(ForwardError::CredentialValue { from, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of_file(content: &[u8]) -> Result<Secret<String>, ForwardError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, content).unwrap();
        read(&SecretSource::File(path)).await
    }

    #[tokio::test]
    async fn a_final_line_break_is_not_part_of_a_secret() {
        for content in ["pass word", "pass word\n", "pass word\r\n"] {
            assert_eq!(of_file(content.as_bytes()).await.unwrap().expose(), "pass word");
        }
        assert_eq!(of_file(b"one\ntwo\n\n").await.unwrap().expose(), "one\ntwo\n");
        for length in [1, 1023, 1024, 1025, MAX_SECRET] {
            let long: String = (0..length).map(|at| char::from(b'a' + u8::try_from(at % 26).unwrap())).collect();
            assert_eq!(of_file(long.as_bytes()).await.unwrap().expose(), &long);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_secret_is_refused_without_being_named() {
        let long = vec![b'x'; MAX_SECRET + 1];
        for content in [&b""[..], b"\n", b"hunter2\0", b"hunter2\xff", &long] {
            let error = of_file(content).await.unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(
                matches!(error, ForwardError::CredentialValue { .. } | ForwardError::CredentialFile { .. }),
                "{told}"
            );
            assert!(!told.contains("hunter2") && !told.contains("xxx"), "{told}");
        }
    }

    #[tokio::test]
    async fn a_missing_file_or_variable_is_named() {
        let error = read(&SecretSource::File("/nowhere/password".into())).await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/password"));
        let error = read(&SecretSource::Env("SIDEGATE_TEST_NO_SUCH".into())).await.unwrap_err();
        assert_eq!(error.to_string(), "the credential from `$SIDEGATE_TEST_NO_SUCH` is not set");
    }

    #[tokio::test]
    async fn a_file_that_was_changed_is_read_anew_and_another_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        let keeper = Keeper::new(SecretSource::File(path.clone()));
        assert!(keeper.secret().await.is_err());
        std::fs::write(&path, "first").unwrap();
        let young = keeper.secret().await.unwrap();
        assert_eq!(young.expose(), "first");
        // Of one length, and in one moment: nothing but the contents tells them apart for certain.
        std::fs::write(&path, "other").unwrap();
        assert_eq!(keeper.secret().await.unwrap().expose(), "other");
        let began = std::time::Instant::now();
        while !FileVersion::of(&path).unwrap().is_settled() {
            assert!(began.elapsed() < std::time::Duration::from_secs(20));
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let kept = keeper.secret().await.unwrap();
        assert!(Arc::ptr_eq(&kept, &keeper.secret().await.unwrap()), "it is kept");
        let beside = directory.path().join("beside");
        std::fs::write(&beside, "third").unwrap();
        std::fs::rename(&beside, &path).unwrap();
        assert_eq!(keeper.secret().await.unwrap().expose(), "third");
        std::fs::remove_file(&path).unwrap();
        assert!(keeper.secret().await.is_err(), "what is struck is worth nothing");
    }
}
