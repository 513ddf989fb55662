//! sidegate's own cancel keys. A client never learns the server's.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio::sync::Notify;

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
    /// Rung by whoever has the key.
    pub(super) heard: Arc<Notify>,
}

/// The keys that sidegate gave its clients.
#[derive(Debug, Default)]
pub struct CancelKeys {
    keys: Mutex<HashMap<i32, Entry>>,
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

impl CancelTarget {
    /// What the server calls the process of the session, unless somebody stands between who has numbers of their own.
    pub fn process(&self) -> i32 {
        self.key.process_id
    }

    /// Rung when the session is asked to cancel what runs.
    pub fn heard(&self) -> &Arc<Notify> {
        &self.heard
    }
}

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
        let mut keys = self.keys.lock();
        let process_id = loop {
            let id = getrandom::u32().map_err(failed)? >> 1;
            // A positive number, as process ids are.
            match i32::try_from(id) {
                Ok(id) if id > 0 && !keys.contains_key(&id) => break id,
                Ok(_) | Err(_) => {}
            }
        };
        keys.insert(process_id, Entry { secret: secret.clone(), target });
        Ok(KeyGuard { registry: Arc::clone(self), key: BackendKey { process_id, secret } })
    }

    /// What a request may cancel; `None` if its key is wrong. Wrong ones take nothing away from right ones, or whoever
    /// can connect could keep everybody from cancelling; there are 63 bits to guess, the number being random, too.
    pub fn find(&self, request: &CancelRequest) -> Option<CancelTarget> {
        let keys = self.keys.lock();
        let entry = keys.get(&request.process_id)?;
        bool::from(entry.secret.ct_eq(&request.secret)).then(|| entry.target.clone())
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
        self.registry.keys.lock().remove(&self.key.process_id);
    }
}
