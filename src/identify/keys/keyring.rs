//! The keys of an issuer while sidegate runs: fetched in the background, kept while the provider is away, asked for
//! once more when a token names a new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{KeySet, KeysError, SignedWith, fetch};
use crate::config::{FileVersion, Issuer, KeySource};
use crate::identify::IdentifyError;
use crate::identify::token::{Token, TokenError};
use crate::identify::validity::{Grant, Grants};
use crate::identify::version::LOOK;
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
    /// Who is in by one of the keys.
    grants: Grants<SignedWith>,
}

#[derive(Debug)]
struct Held {
    keys: Arc<KeySet>,
    taken: Instant,
    /// Of a file.
    version: Option<FileVersion>,
}

/// Between two questions that clients cause: whoever invents keys must not make sidegate flood the provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two fetches in the background: with the time that a fetch may take, a key that an issuer has withdrawn lets
/// nobody in after a minute.
pub(super) const REFRESH: Duration = Duration::from_secs(45);
const FIRST_RETRY: Duration = Duration::from_secs(1);

impl Issuers {
    /// Begins to fetch keys; must be called in a runtime. A provider that is away is no error: it may come back.
    ///
    /// # Errors
    /// A file of keys or a `ca` that cannot be used.
    pub async fn start(issuers: &[Issuer], metrics: &Metrics) -> Result<Self, IdentifyError> {
        let mut started = BTreeMap::new();
        for issuer in issuers {
            let keyring = Arc::new(Keyring::new(issuer.clone(), metrics.clone()));
            match &issuer.keys {
                KeySource::File(path) => {
                    keyring.of_file(path).await.map_err(|problem| keyring.unavailable(problem))?;
                    tokio::spawn(look(Arc::downgrade(&keyring), path.clone()));
                }
                KeySource::Discovery | KeySource::Url(_) => {
                    fetch::client(issuer).await.map_err(|problem| keyring.unavailable(problem))?;
                    tokio::spawn(refresh(Arc::downgrade(&keyring)));
                }
            }
            started.insert(issuer.name.clone(), keyring);
        }
        Ok(Self(started))
    }

    /// Asks every provider now. What it gives that is not acceptable changes nothing.
    pub async fn refetch(&self) {
        for keyring in self.0.values() {
            match &keyring.issuer.keys {
                // Looked at all the time.
                KeySource::File(_) => {}
                KeySource::Discovery | KeySource::Url(_) => {
                    keyring.fetch().await;
                }
            }
        }
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

/// Looks at a file of keys until nobody holds the keyring any more: who is in by a key that is gone is out.
async fn look(keyring: Weak<Keyring>, path: PathBuf) {
    let (mut before, mut settled) = (None, None);
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(ring) = keyring.upgrade() else { return };
        // A file that cannot be read ends nothing: it may be about to be written. Logins complain.
        let seen = ring.of_file(&path).await.ok();
        let version = ring.held.lock().as_ref().filter(|_| seen.is_some()).and_then(|held| held.version);
        // The same twice: nobody is writing it any more.
        if let Some(keys) = seen
            && version == before
            && version != settled
        {
            ring.withdraw(&keys);
            settled = version;
        }
        before = version;
    }
}

impl Keyring {
    pub(super) fn new(issuer: Issuer, metrics: Metrics) -> Self {
        let (held, asked) = (Mutex::new(None), tokio::sync::Mutex::new(None));
        Self { issuer, metrics, held, asked, grants: Grants::default() }
    }

    /// How the issuer is configured.
    pub(in crate::identify) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Where clients of OAUTHBEARER learn how to get a token.
    pub(in crate::identify) fn configuration(&self) -> String {
        fetch::configuration_of(&self.issuer.issuer)
    }

    /// Checks a token's signature; gives what it was signed with.
    pub(in crate::identify) async fn verify(self: &Arc<Self>, token: &Token) -> Result<SignedWith, IdentifyError> {
        let keys = match &self.issuer.keys {
            KeySource::File(path) => self.of_file(path).await,
            KeySource::Discovery | KeySource::Url(_) => self.of_provider(token.kid()).await,
        };
        let keys = keys.map_err(|problem| self.unavailable(problem))?;
        keys.verify(token).map_err(|problem| self.refused(problem))
    }

    /// What holds for as long as the issuer has the key.
    pub(in crate::identify) fn grant(&self, used: &SignedWith) -> Result<Arc<Grant>, IdentifyError> {
        let grant = Arc::default();
        self.grants.enter(&grant, used.clone());
        // Keys that were taken before this are here.
        let holds = self.held.lock().as_ref().is_some_and(|held| held.keys.holds(used));
        if holds { Ok(grant) } else { Err(self.refused(TokenError::WithdrawnKey)) }
    }

    fn withdraw(&self, keys: &KeySet) {
        let ended = self.grants.keep(|used| keys.holds(used));
        if ended > 0 {
            tracing::info!(issuer = %self.issuer.name, ended, "an issuer withdrew keys that sessions were opened by");
        }
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
        let failed = |source| KeysError::File { key: "jwks.file", path: path.display().to_string(), source };
        let begun = Instant::now();
        let version = FileVersion::of(path).map_err(failed)?;
        if let Some(held) = self.held.lock().as_ref()
            && held.version == Some(version)
        {
            return Ok(Arc::clone(&held.keys));
        }
        let read = fetch::keys(&self.issuer).await;
        self.metrics.keys_fetched(&self.issuer.name, read.as_ref().ok().map(KeySet::len));
        let keys = Arc::new(read?);
        self.hold(Held { keys: Arc::clone(&keys), taken: begun, version: Some(version) });
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

    fn take(&self, keys: Arc<KeySet>, begun: Instant) {
        if self.hold(Held { keys: Arc::clone(&keys), taken: begun, version: None }) {
            self.withdraw(&keys);
        }
    }

    /// Of two that were under way at once, the later question has the newer answer.
    fn hold(&self, taken: Held) -> bool {
        let mut held = self.held.lock();
        let newer = held.as_ref().is_none_or(|held| held.taken <= taken.taken);
        if newer {
            *held = Some(taken);
        }
        newer
    }

    /// Takes the provider's keys. What is not acceptable changes nothing: those held serve until they are too old.
    pub(super) async fn fetch(&self) -> bool {
        let begun = Instant::now();
        let issuer = &self.issuer.name;
        let fetched = fetch::keys(&self.issuer).await;
        self.metrics.keys_fetched(issuer, fetched.as_ref().ok().map(KeySet::len));
        match fetched {
            Ok(keys) => {
                self.take(Arc::new(keys), begun);
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
