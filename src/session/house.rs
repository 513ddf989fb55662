//! What one process offers every session, and what one listener is configured to do.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::strangers::Strangers;
use crate::accept::Hands;
use crate::bundle::{Policy, Store};
use crate::config::{Listener, Settings};
use crate::decide::Decider;
use crate::enforce::mask::cells::Keyring;
use crate::forward::{CancelKeys, Connector, ForwardError};
use crate::identify::Identifier;
use crate::input::{Alike, PolicyInfo};
use crate::journal::Journal;
use crate::model::{Stage, Workload};
use crate::parse::{Reader, ReadingLimits};
use crate::telemetry::Metrics;

use super::atlas::Atlas;

/// What every session of this process shares.
pub struct House {
    /// The policy that serves.
    pub store: Store,
    /// Asks it.
    pub decider: Decider,
    /// Writes everything down.
    pub journal: Journal,
    /// Counts.
    pub metrics: Metrics,
    /// The workload this process stands beside.
    pub workload: Workload,
    /// When to end.
    pub drain: Drain,
    /// The keys of masks.
    pub keys: ArcSwap<Keyring>,
    info: Mutex<Option<(u64, PolicyInfo)>>,
}

impl House {
    /// Furnishes the house.
    pub fn new(
        store: Store,
        decider: Decider,
        journal: Journal,
        metrics: Metrics,
        workload: Workload,
        drain: Drain,
        keys: Keyring,
    ) -> Self {
        let keys = ArcSwap::from_pointee(keys);
        Self { store, decider, journal, metrics, workload, drain, keys, info: Mutex::new(None) }
    }

    /// Reads the keys of masks again. What cannot be read stays as it was.
    pub async fn renew_keys(self: &Arc<Self>) {
        let house = Arc::clone(self);
        let renewed = tokio::task::spawn_blocking(move || house.keys.load().renewed()).await;
        let Ok((keys, problems)) = renewed else { return };
        for error in problems {
            tracing::warn!(%error, "a key of masks was not read anew");
        }
        if let Some(keys) = keys {
            tracing::info!("the keys of masks have changed");
            self.keys.store(Arc::new(keys));
        }
    }

    /// The input's `policy` section for a snapshot, built once per snapshot.
    pub(super) fn info(&self, policy: Option<&Arc<Policy>>) -> PolicyInfo {
        let Some(policy) = policy else { return PolicyInfo::none() };
        let mut info = self.info.lock();
        match info.as_ref() {
            Some((generation, info)) if *generation == policy.generation() => info.clone(),
            _ => {
                let made = PolicyInfo::new(policy.revisions(), policy.activated_at());
                *info = Some((policy.generation(), made.clone()));
                made
            }
        }
    }
}

/// What one listener is configured to do.
pub struct Lane {
    /// Its configuration.
    pub listener: Arc<Listener>,
    /// Finds out who is calling.
    pub identifier: Identifier,
    /// The way to its upstream.
    pub(super) connector: Arc<Connector>,
    /// What is known of its databases.
    pub(super) atlas: Atlas,
    /// Cancel keys that its clients hold.
    pub(super) cancels: Arc<CancelKeys>,
    /// What may be written down of those who got no session.
    pub(super) strangers: Strangers,
    /// And of those who said who they are and could not prove it.
    pub(super) refused: Strangers,
    /// Reads statements.
    pub reader: Reader,
    /// The one user schema of the pinned path, if there is exactly one.
    pub(super) schema: Option<Arc<str>>,
    /// The pinned path's user schemas.
    pub(super) search_path: Vec<String>,
    /// What its sessions have in common.
    pub(super) alike: Alike,
    /// The same, to be shared.
    pub(super) path: Arc<[Arc<str>]>,
}

impl Lane {
    /// A lane for a listener, whose handshakes with the upstream are led by these hands.
    pub fn new(listener: Arc<Listener>, identifier: Identifier, reader: Reader, hands: Hands) -> Self {
        let search_path = listener.settings.user_schemas();
        let schema = match (&listener.settings, search_path.as_slice()) {
            (Settings::Pinned(_), [only]) => Some(Arc::from(only.as_str())),
            (Settings::Pinned(_) | Settings::Free, _) => None,
        };
        let role = listener.settings.pin("role").map(str::to_owned);
        let connector = Arc::new(Connector::new(listener.upstream.clone()).shaking(hands).assuming(role));
        let path = search_path.iter().map(|schema| Arc::from(schema.as_str())).collect();
        Self {
            listener,
            identifier,
            connector,
            atlas: Atlas::default(),
            cancels: Arc::default(),
            strangers: Strangers::new(),
            refused: Strangers::new(),
            reader,
            schema,
            search_path,
            path,
            alike: Alike::default(),
        }
    }

    /// Reads anew what it trusts; sessions go on.
    ///
    /// # Errors
    /// What was never read cannot be read.
    pub async fn refresh(&self) -> Result<(), ForwardError> {
        self.connector.refresh().await
    }

    /// The most that is read of one message.
    pub(super) fn reading_limits(&self) -> ReadingLimits {
        let limits = &self.listener.limits;
        ReadingLimits { statement: limits.statement, tokens: limits.tokens }
    }

    /// Whether sessions begin with a path that is known.
    pub(super) fn is_pinned(&self) -> bool {
        match self.listener.settings {
            Settings::Pinned(_) => true,
            Settings::Free => false,
        }
    }

    /// Whether this question is asked here.
    pub(super) fn asks(&self, stage: Stage) -> bool {
        self.listener.stages.contains(&stage)
    }
}

/// SIGTERM to the end of the last session.
#[derive(Clone, Debug)]
pub struct Drain {
    state: watch::Receiver<bool>,
    grace: Duration,
}

impl Drain {
    /// Watches `state` turn true; sessions then have `grace` to end.
    pub fn new(state: watch::Receiver<bool>, grace: Duration) -> Self {
        Self { state, grace }
    }

    /// Returns once sessions should end as soon as nothing is lost by it.
    pub async fn requested(&self) {
        let mut state = self.state.clone();
        // A sender that is gone will never ask again.
        if state.wait_for(|draining| *draining).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What this gives, unless draining begins before: who is not in yet stays outside. The future stays where it is:
    /// moved in here, it would take its place twice.
    pub(super) async fn lets<F: Future>(&self, future: Pin<&mut F>) -> Option<F::Output> {
        tokio::select! {
            biased;
            given = future => Some(given),
            () = self.requested() => None,
        }
    }

    /// Calls `begun` when draining begins; returns once sessions must end whatever they do.
    pub(super) async fn overdue(&self, begun: impl FnOnce()) {
        self.requested().await;
        begun();
        tokio::time::sleep(self.grace).await;
    }
}
