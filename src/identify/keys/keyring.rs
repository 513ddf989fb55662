//! The keys of an issuer while sidegate runs: fetched in the background, kept while the provider is away, asked for
//! once more when a token names a new one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{KeySet, KeysError, fetch};
use crate::config::{Issuer, KeySource};
use crate::identify::IdentifyError;
use crate::identify::token::{Token, TokenError};
use crate::identify::version::Version;
use crate::telemetry::Metrics;

/// Every issuer of a configuration, with its keys.
#[derive(Clone, Debug, Default)]
pub struct Issuers(BTreeMap<String, Arc<Keyring>>);

/// One issuer's keys.
#[derive(Debug)]
pub(in crate::identify) struct Keyring {
    issuer: Issuer,
    metrics: Metrics,
    held: Mutex<Option<Held>>,
    /// When a client last made sidegate ask the provider; locked while it is being asked.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<KeySet>,
    taken: Instant,
    /// Of a file.
    version: Option<Version>,
}

/// Between two questions that clients cause: whoever invents keys must not make sidegate flood the provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two fetches in the background.
const REFRESH: Duration = Duration::from_secs(300);
const FIRST_RETRY: Duration = Duration::from_secs(1);

impl Issuers {
    /// Begins to fetch keys; must be called in a runtime. A provider that is away is no error: it may come back.
    ///
    /// # Errors
    /// A file of keys that cannot be read.
    pub async fn start(issuers: &[Issuer], metrics: &Metrics) -> Result<Self, IdentifyError> {
        let mut started = BTreeMap::new();
        for issuer in issuers {
            let keyring = Arc::new(Keyring::new(issuer.clone(), metrics.clone()));
            match &issuer.keys {
                KeySource::File(path) => {
                    keyring.of_file(path).await.map_err(|problem| keyring.unavailable(problem))?;
                }
                KeySource::Discovery | KeySource::Url(_) => {
                    tokio::spawn(refresh(Arc::downgrade(&keyring)));
                }
            }
            started.insert(issuer.name.clone(), keyring);
        }
        Ok(Self(started))
    }

    /// One of them.
    pub(in crate::identify) fn get(&self, name: &str) -> Option<Arc<Keyring>> {
        self.0.get(name).map(Arc::clone)
    }
}

/// Fetches keys until nobody holds the keyring any more.
async fn refresh(keyring: Weak<Keyring>) {
    let mut retry = FIRST_RETRY;
    loop {
        let Some(ring) = keyring.upgrade() else { return };
        // A quarter of their age: three may fail before they are too old.
        let usual = REFRESH.min(ring.issuer.max_age / 4).max(Duration::from_millis(250));
        let pause = if ring.fetch().await {
            retry = FIRST_RETRY;
            usual
        } else {
            let pause = retry.min(usual);
            retry = retry.saturating_mul(2);
            pause
        };
        drop(ring);
        tokio::time::sleep(pause).await;
    }
}

impl Keyring {
    pub(super) fn new(issuer: Issuer, metrics: Metrics) -> Self {
        Self { issuer, metrics, held: Mutex::new(None), asked: tokio::sync::Mutex::new(None) }
    }

    /// How the issuer is configured.
    pub(in crate::identify) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Where clients of OAUTHBEARER learn how to get a token.
    pub(in crate::identify) fn configuration(&self) -> String {
        fetch::configuration_of(&self.issuer.issuer)
    }

    /// Checks a token's signature.
    pub(in crate::identify) async fn verify(self: &Arc<Self>, token: &Token) -> Result<(), IdentifyError> {
        let keys = match &self.issuer.keys {
            KeySource::File(path) => self.of_file(path).await,
            KeySource::Discovery | KeySource::Url(_) => self.of_provider(token.kid()).await,
        };
        let keys = keys.map_err(|problem| self.unavailable(problem))?;
        keys.verify(token).map_err(|problem| self.refused(problem))
    }

    /// The token is not to be believed.
    pub(in crate::identify) fn refused(&self, problem: TokenError) -> IdentifyError {
        IdentifyError::Token { issuer: Some(self.issuer.name.clone()), problem }
    }

    fn unavailable(&self, problem: KeysError) -> IdentifyError {
        IdentifyError::Keys { issuer: self.issuer.name.clone(), problem }
    }

    /// The keys as the file has them now. A file that cannot be read whole has none.
    async fn of_file(&self, path: &Path) -> Result<Arc<KeySet>, KeysError> {
        let failed = |source| KeysError::File { path: path.display().to_string(), source };
        let version = Version::of(path).await.map_err(failed)?;
        if let Some(held) = self.held.lock().as_ref()
            && held.version == Some(version)
        {
            return Ok(Arc::clone(&held.keys));
        }
        let read = fetch::keys(&self.issuer).await;
        self.metrics.keys_fetched(&self.issuer.name, read.as_ref().ok().map(KeySet::len));
        let keys = Arc::new(read?);
        *self.held.lock() = Some(Held { keys: Arc::clone(&keys), taken: Instant::now(), version: Some(version) });
        Ok(keys)
    }

    /// The keys that are held, if they are young enough, and with `kid` among them if the provider has it.
    async fn of_provider(self: &Arc<Self>, kid: Option<&str>) -> Result<Arc<KeySet>, KeysError> {
        if let Some(keys) = self.fresh()
            && keys.has(kid)
        {
            return Ok(keys);
        }
        self.ask(kid).await;
        self.fresh().ok_or(KeysError::None)
    }

    fn fresh(&self) -> Option<Arc<KeySet>> {
        let held = self.held.lock();
        held.as_ref().filter(|held| held.taken.elapsed() <= self.issuer.max_age).map(|held| Arc::clone(&held.keys))
    }

    /// Asks the provider, unless a client made sidegate ask a moment ago. Whoever comes meanwhile waits for the answer.
    async fn ask(self: &Arc<Self>, kid: Option<&str>) {
        let mut asked = self.asked.lock().await;
        let known = self.fresh().is_some_and(|keys| keys.has(kid));
        if known || asked.is_some_and(|at| at.elapsed() < PATIENCE) {
            return;
        }
        *asked = Some(Instant::now());
        let ring = Arc::clone(self);
        // In a task of its own: a client that gives up does not make the next one ask again.
        let _fetched = tokio::spawn(async move { ring.fetch().await }).await;
    }

    /// Takes the provider's keys. What is not acceptable changes nothing: those held serve until they are too old.
    pub(super) async fn fetch(&self) -> bool {
        let begun = Instant::now();
        let issuer = &self.issuer.name;
        let fetched = fetch::keys(&self.issuer).await;
        self.metrics.keys_fetched(issuer, fetched.as_ref().ok().map(KeySet::len));
        match fetched {
            Ok(keys) => {
                let mut held = self.held.lock();
                // Of two that were under way at once, the later question has the newer answer.
                if held.as_ref().is_none_or(|held| held.taken <= begun) {
                    *held = Some(Held { keys: Arc::new(keys), taken: begun, version: None });
                }
                true
            }
            Err(error) => {
                let usable = self.fresh().is_some();
                tracing::warn!(%issuer, %error, usable, "cannot get an issuer's keys; `usable` says whether older ones serve");
                false
            }
        }
    }
}
