//! Whose question a document is.

use serde_json::Value;

use super::part::{self, Tag};

/// Who pays for what a question leaves behind: a session, and the caller behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    caller: [u8; 32],
    session: [u8; 32],
}

impl Asker {
    /// Told apart by issuer and subject, not by all that is known of a caller: a new token is no new caller.
    pub(super) fn new(caller: Option<&Value>, session: Option<&Value>) -> Self {
        let member = |name: &str| caller.and_then(|caller| caller.get(name));
        Self { caller: digest([member("issuer"), member("subject")]), session: digest([session]) }
    }

    /// Equal for every session of one caller.
    pub fn caller(&self) -> &[u8; 32] {
        &self.caller
    }

    /// Its own for every session.
    pub fn session(&self) -> &[u8; 32] {
        &self.session
    }
}

fn digest<const N: usize>(values: [Option<&Value>; N]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for value in values {
        match value {
            Some(value) => part::encode(value, &mut hasher),
            None => part::tag(&mut hasher, Tag::Missing),
        }
    }
    *hasher.finalize().as_bytes()
}
