//! Builds the house from a checked configuration, and opens its doors.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::task::JoinSet;

use crate::accept::{self, AcceptError};
use crate::admin::{BundleHealth, Health, HealthSource, PluginHealth};
use crate::bundle::{self, BundleError, BundleStatus, Store};
use crate::config::{Config, Sidegate};
use crate::decide::{self, DecideError, Decider};
use crate::enforce::mask::cells::{KeyError, Keyring};
use crate::forward::ForwardError;
use crate::identify::{Identifier, IdentifyError, Issuers, MockSecret};
use crate::journal::{Journal, JournalError, JournalSettings};
use crate::parse::{Reader, Stack};
use crate::session::{self, Drain, House, Lane, Workers};
use crate::telemetry::{BundleFailure, Metrics, Plugin, PluginStatus};

/// Why the house does not stand.
#[derive(Debug, thiserror::Error)]
pub(super) enum FurnishError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Decide(#[from] DecideError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    #[error(transparent)]
    Accept(#[from] AcceptError),
    #[error(transparent)]
    Forward(#[from] ForwardError),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Keys(Vec<KeyError>),
    #[error("the threads that read large statements cannot start: {0}")]
    Reader(#[from] std::io::Error),
    #[error("the threads that sessions live on cannot start: {0}")]
    Workers(#[source] std::io::Error),
    #[error("a listener was not opened: {0}")]
    Door(#[from] tokio::task::JoinError),
}

/// Statements are parsed where their sessions live; only what is touched costs memory.
const STACK: usize = 64 << 20;

/// How soon a changed key of masks is used.
const KEYS: std::time::Duration = std::time::Duration::from_secs(5);

/// Bytes that facts of statements may take in one process.
const FACTS: usize = 32 << 20;

/// A house whose doors are closed yet.
pub(super) struct Furnished {
    house: Arc<House>,
    doors: Vec<(Arc<Lane>, accept::Listener)>,
    workers: Arc<Workers>,
    issuers: Issuers,
}

/// Where policy comes from.
pub(super) fn bundles(config: &Config) -> bundle::Settings {
    let Sidegate { decision, deadline, .. } = &config.sidegate;
    bundle::Settings::new(config.bundles.clone(), decision.clone(), *deadline)
}

/// Where the journal is.
pub(super) fn journal_directory(config: &Config) -> PathBuf {
    config.sidegate.state_directory.join("journal")
}

/// Builds everything that a configuration names. Nothing is accepted before all of it stands.
pub(super) async fn furnish(config: &Config, metrics: Metrics, drain: Drain) -> Result<Furnished, FurnishError> {
    let sidegate = &config.sidegate;
    let settings = JournalSettings {
        sync: sidegate.audit.sync,
        labels: config.labels.clone(),
        console: config.console,
        metrics: metrics.clone(),
        ..JournalSettings::default()
    };
    let journal = Journal::start(&journal_directory(config), settings)?;
    let decider = Decider::new(decide::Settings::of(sidegate, metrics.clone()))?;
    let reader = Reader::new(sidegate.evaluators, FACTS, Stack::Big)?;
    let keys = Keyring::load(&sidegate.keys).map_err(FurnishError::Keys)?;
    let store = Store::start(bundles(config))?;
    let issuers = Issuers::start(&sidegate.issuers, &metrics).await?;
    let mock = MockSecret::of(&sidegate.state_directory)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let workers = Workers::start(cores, STACK).map_err(FurnishError::Workers)?;
    let mut doors = Vec::new();
    for listener in &sidegate.listeners {
        let listener = Arc::new(listener.clone());
        let identifier = Identifier::new(Arc::clone(&listener), &issuers, mock.clone())?;
        identifier.check().await?;
        let door = workers.door().spawn(accept::Listener::bind(Arc::clone(&listener))).await??.shaking(workers.hands());
        let (address, upstream) = (door.address(), &listener.upstream.address);
        tracing::info!(listener = %listener.name, %address, %upstream, "listening");
        let lane = Lane::new(listener, identifier, reader.clone(), workers.hands());
        lane.refresh().await?;
        doors.push((Arc::new(lane), door));
    }
    let house = House::new(store, decider, journal, metrics, sidegate.workload.clone(), drain, keys);
    Ok(Furnished { house: Arc::new(house), doors, workers: Arc::new(workers), issuers })
}

impl Furnished {
    /// Serves until draining ends the last session, then leaves the journal whole.
    pub(super) async fn serve(self) -> Result<(), FurnishError> {
        let watch = tokio::spawn(watch(Arc::clone(&self.house)));
        let keys = tokio::spawn(renew(Arc::clone(&self.house)));
        let mut doors = JoinSet::new();
        for (lane, listener) in self.doors {
            doors.spawn(session::listen(Arc::clone(&self.house), lane, listener, Arc::clone(&self.workers)));
        }
        while doors.join_next().await.is_some() {}
        watch.abort();
        keys.abort();
        Ok(self.house.journal.shutdown().await?)
    }

    /// What is configured for each listener.
    pub(super) fn lanes(&self) -> Vec<Arc<Lane>> {
        self.doors.iter().map(|(lane, _)| Arc::clone(lane)).collect()
    }

    /// Who issues tokens.
    pub(super) fn issuers(&self) -> Issuers {
        self.issuers.clone()
    }

    /// What `/health` tells.
    pub(super) fn health(&self) -> HealthSource {
        let house = Arc::clone(&self.house);
        Arc::new(move || health(&house))
    }
}

fn health(house: &House) -> Health {
    let status = house.store.status();
    let ready = status.iter().all(|bundle| bundle.active_revision.is_some());
    let bundles = status
        .into_iter()
        .map(|bundle| BundleHealth { name: bundle.name, active_revision: bundle.active_revision, error: bundle.error })
        .collect();
    let journal = house.journal.check();
    let plugin = |plugin, up: bool, message| PluginHealth {
        plugin,
        status: if up { PluginStatus::Ok } else { PluginStatus::NotReady },
        message,
    };
    let plugins = vec![
        plugin(Plugin::Bundle, ready, None),
        plugin(Plugin::Sidegate, journal.is_ok(), journal.err().map(|error| error.to_string())),
    ];
    Health { bundles, plugins }
}

/// Reads what was changed beside the process and nobody asks for otherwise: the keys of masks.
async fn renew(house: Arc<House>) {
    let mut tick = tokio::time::interval(KEYS);
    loop {
        tick.tick().await;
        house.renew_keys().await;
    }
}

/// Counts what rooms tell only as a total: what happened to bundles, lines that the console lost, and how all is.
async fn watch(house: Arc<House>) {
    let mut seen: BTreeMap<String, BundleStatus> = BTreeMap::new();
    let mut dropped = 0;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(250));
    loop {
        tick.tick().await;
        for status in house.store.status() {
            let before = seen.get(&status.name);
            count(&house.metrics, before, &status);
            seen.insert(status.name.clone(), status);
        }
        let lost = house.journal.dropped_console_lines();
        house.metrics.console_dropped(lost.saturating_sub(dropped));
        dropped = lost;
        for plugin in health(&house).plugins {
            house.metrics.plugin_status(plugin.plugin, plugin.status);
        }
    }
}

fn count(metrics: &Metrics, before: Option<&BundleStatus>, now: &BundleStatus) {
    let (activations, refusals) = before.map_or((0, 0), |before| (before.activations, before.refusals));
    for _ in activations..now.activations {
        let at = now.last_successful_activation.map_or_else(SystemTime::now, SystemTime::from);
        if let Some(revision) = before.and_then(|before| before.active_revision.as_ref()) {
            metrics.bundle_replaced(&now.name, revision);
        }
        metrics.bundle_activated(&now.name, now.active_revision.as_deref().unwrap_or_default(), at);
    }
    for _ in refusals..now.refusals {
        metrics.bundle_failed(&now.name, BundleFailure::Rejected, now.error.as_deref().unwrap_or_default());
    }
}
