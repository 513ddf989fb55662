//! sidegate's own cancel keys. A client never learns the server's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use super::ForwardError;
use super::connect::Endpoint;
use super::tls::Tls;
use crate::wire::postgres::{BackendKey, CancelRequest};

/// Where a cancel request goes, and with which key.
#[derive(Clone, Debug)]
pub struct CancelTarget {
    pub(super) endpoint: Endpoint,
    /// What the session itself went through: a key is not shown to anybody else either.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) key: BackendKey,
}

/// The keys that sidegate gave its clients.
#[derive(Debug, Default)]
pub struct CancelKeys {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: HashMap<i32, Entry>,
    window: Option<Instant>,
    wrong: u32,
}

#[derive(Debug)]
struct Entry {
    secret: Bytes,
    target: CancelTarget,
}

/// Keeps one client's key alive.
#[derive(Debug)]
pub struct KeyGuard {
    registry: Arc<CancelKeys>,
    key: BackendKey,
}

/// Secrets of protocol 3.0, and of 3.2.
const SHORT: usize = 4;
const LONG: usize = 32;
/// Wrong keys a second, over all sessions, before every request is ignored: guessing 32 bits takes years.
const MAX_WRONG: u32 = 20;
const WINDOW: Duration = Duration::from_secs(1);

impl CancelKeys {
    /// Makes a key for a client. `long` is for protocol 3.2; before it a secret has 4 bytes.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn register(self: &Arc<Self>, long: bool, target: CancelTarget) -> Result<KeyGuard, ForwardError> {
        let failed = |error: getrandom::Error| ForwardError::Random { problem: error.to_string() };
        let mut secret = vec![0; if long { LONG } else { SHORT }];
        getrandom::fill(&mut secret).map_err(failed)?;
        let secret = Bytes::from(secret);
        let mut state = self.state.lock();
        let process_id = loop {
            let id = getrandom::u32().map_err(failed)? >> 1;
            // A positive number, as process ids are.
            match i32::try_from(id) {
                Ok(id) if id > 0 && !state.keys.contains_key(&id) => break id,
                Ok(_) | Err(_) => {}
            }
        };
        state.keys.insert(process_id, Entry { secret: secret.clone(), target });
        Ok(KeyGuard { registry: Arc::clone(self), key: BackendKey { process_id, secret } })
    }

    /// What a request may cancel; `None` if its key is wrong, or too many wrong ones came within a second.
    pub fn find(&self, request: &CancelRequest) -> Option<CancelTarget> {
        let mut state = self.state.lock();
        let now = Instant::now();
        if state.window.is_none_or(|began| now.saturating_duration_since(began) >= WINDOW) {
            state.window = Some(now);
            state.wrong = 0;
        }
        if state.wrong >= MAX_WRONG {
            return None;
        }
        let found = state
            .keys
            .get(&request.process_id)
            .filter(|entry| bool::from(entry.secret.ct_eq(&request.secret)))
            .map(|entry| entry.target.clone());
        if found.is_none() {
            state.wrong = state.wrong.saturating_add(1);
        }
        found
    }
}

impl KeyGuard {
    /// What the client is told.
    pub fn key(&self) -> &BackendKey {
        &self.key
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        self.registry.state.lock().keys.remove(&self.key.process_id);
    }
}
