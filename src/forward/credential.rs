//! Secrets, read when they are needed, so that a changed file is taken.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::ForwardError;
use crate::config::SecretSource;
use crate::model::Secret;

/// Far above any password, far below what hurts.
const MAX_SECRET: usize = 64 << 10;

/// What most of them fit in.
const SHORT: usize = 1 << 10;

/// Reads a secret. The final line break is not part of it.
pub(super) async fn read(source: &SecretSource) -> Result<Secret<String>, ForwardError> {
    match source {
        SecretSource::File(path) => {
            let (failed, own) = (|source| ForwardError::CredentialFile { path: path.clone(), source }, path.clone());
            // One journey to a thread that may wait for a disk, not one for each step.
            let bytes = tokio::task::spawn_blocking(move || read_file(&own)).await;
            let bytes = bytes.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())).map_err(failed)?;
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

/// Reads up to one byte more than a secret may have.
fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut bytes = Zeroizing::new(vec![0; SHORT]);
    let mut filled = fill(&mut file, &mut bytes, 0)?;
    if filled == bytes.len() {
        // A buffer that grows by itself would leave copies behind.
        let mut longer = Zeroizing::new(vec![0; MAX_SECRET.saturating_add(1)]);
        longer.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        bytes = longer;
        filled = fill(&mut file, &mut bytes, filled)?;
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Reads to the end of the file or of the buffer; says how much of it is filled.
fn fill(file: &mut File, buffer: &mut [u8], mut filled: usize) -> io::Result<usize> {
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
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
        for length in [SHORT - 1, SHORT, SHORT + 1, MAX_SECRET] {
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
            assert!(matches!(error, ForwardError::CredentialValue { .. }), "{told}");
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
}
