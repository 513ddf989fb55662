//! Every metric there is. OPA's names where OPA has the metric, else `sidegate_…`; `docs/metrics.md` lists them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::exposition;
use super::labels::{
    Activated, Answered, BundleFailure, Decided, Failed, Fetched, Handler, HttpMethod, Listener, LoggedIn, OfBundle,
    OfIssuer, OfListener, Plugin, PluginStatus, Status,
};
use crate::model::{Cause, ListenerName, Method, OutcomeKind, Stage};

/// OPA's buckets for HTTP, in seconds.
const HTTP: [f64; 10] = [1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 0.01, 0.1, 1.0];
/// From a cached answer to the deadline, in seconds.
const EVALUATION: [f64; 11] = [1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.5];
/// From a fast disk to one that is failing, in seconds.
const SYNC: [f64; 10] = [1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 1.0, 10.0];
/// Texts of refused bundles that are told apart; later ones are counted together.
const MESSAGES: usize = 100;
/// Characters of such a text.
const MESSAGE: usize = 200;

/// The process' metrics; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    decisions: Family<Decided, Counter>,
    sessions: Family<OfListener, Counter>,
    sessions_open: Family<OfListener, Gauge>,
    refused_connections: Family<OfListener, Counter>,
    logins: Family<LoggedIn, Counter>,
    logins_refused: Family<OfListener, Counter>,
    key_fetches: Family<Fetched, Counter>,
    keys: Family<OfIssuer, Gauge>,
    keys_taken: Family<OfIssuer, Gauge>,
    handshake_failures: Family<OfListener, Counter>,
    certificate_expiry: Family<OfListener, Gauge>,
    certificate_failures: Family<OfListener, Counter>,
    upstream_failures: Family<OfListener, Counter>,
    unparsed: Family<OfListener, Counter>,
    cache_hits: Counter,
    cache_misses: Counter,
    evaluation: Histogram,
    journal_records: Counter,
    journal_bytes: Counter,
    journal_sync: Histogram,
    journal_refused: Counter,
    console_dropped: Counter,
    bundle_loaded: Family<OfBundle, Counter>,
    bundle_failed: Family<Failed, Counter>,
    bundle_activated: Family<Activated, Gauge>,
    plugins: Family<Status, Gauge>,
    http: Family<Answered, Histogram, fn() -> Histogram>,
    /// The texts of refused bundles that have a series.
    messages: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at their beginning.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        // An info metric of OpenMetrics has the suffix `_info` of its own.
        registry.register("opa", "The version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let r = &mut registry;
        let http: fn() -> Histogram = || Histogram::new(HTTP);
        let inner = Inner {
            decisions: add(r, "sidegate_decisions", "Decisions, by how they ended", Family::default()),
            sessions: add(r, "sidegate_sessions", "Sessions accepted", Family::default()),
            sessions_open: add(r, "sidegate_sessions_open", "Sessions open now", Family::default()),
            refused_connections: add(
                r,
                "sidegate_connections_refused",
                "Connections beyond the listener's limit",
                Family::default(),
            ),
            logins: add(r, "sidegate_logins", "Callers recognised, by how", Family::default()),
            logins_refused: add(r, "sidegate_logins_refused", "Callers not recognised", Family::default()),
            key_fetches: add(r, "sidegate_issuer_key_fetches", "Attempts to get an issuer's keys", Family::default()),
            keys: add(r, "sidegate_issuer_keys", "Usable keys of an issuer at the last success", Family::default()),
            keys_taken: add(
                r,
                "sidegate_issuer_keys_taken_seconds",
                "When an issuer's keys were last taken, in seconds since 1970",
                Family::default(),
            ),
            handshake_failures: add(
                r,
                "sidegate_tls_handshakes_failed",
                "Connections of clients that ended in or before the TLS handshake",
                Family::default(),
            ),
            certificate_expiry: add(
                r,
                "sidegate_certificate_expiry_timestamp_seconds",
                "When the serving certificate ends, in seconds since 1970",
                Family::default(),
            ),
            certificate_failures: add(
                r,
                "sidegate_certificate_reload_failures",
                "Changed certificates that could not serve",
                Family::default(),
            ),
            upstream_failures: add(
                r,
                "sidegate_upstream_connect_failures",
                "Connections to the upstream that failed",
                Family::default(),
            ),
            unparsed: add(r, "sidegate_unparsed", "Statements that could not be read whole", Family::default()),
            cache_hits: add(r, "sidegate_decision_cache_hits", "Rules answered from the cache", Counter::default()),
            cache_misses: add(r, "sidegate_decision_cache_misses", "Rules that were evaluated", Counter::default()),
            evaluation: add(
                r,
                "sidegate_evaluation_seconds",
                "Time to answer one question by evaluation",
                Histogram::new(EVALUATION),
            ),
            journal_records: add(r, "sidegate_journal_records", "Records written", Counter::default()),
            journal_bytes: add(r, "sidegate_journal_bytes", "Bytes written", Counter::default()),
            journal_sync: add(r, "sidegate_journal_sync_seconds", "Time of one sync to disk", Histogram::new(SYNC)),
            journal_refused: add(
                r,
                "sidegate_journal_refused",
                "Pieces of work refused because the disk did not take their record",
                Counter::default(),
            ),
            console_dropped: add(
                r,
                "sidegate_console_lines_dropped",
                "Decision log lines that stderr did not take in time",
                Counter::default(),
            ),
            bundle_loaded: add(r, "bundle_loaded_counter", "Bundles taken", Family::default()),
            bundle_failed: add(r, "bundle_failed_load_counter", "Bundles refused, with the reason", Family::default()),
            bundle_activated: add(
                r,
                "last_success_bundle_activation",
                "When the serving revision was taken, in nanoseconds since 1970",
                Family::default(),
            ),
            plugins: add(r, "plugin_status_gauge", "1 for the state a plugin is in", Family::default()),
            http: add(
                r,
                "http_request_duration_seconds",
                "Time to answer a request to the admin address",
                Family::new_with_constructor(http),
            ),
            messages: Mutex::default(),
            registry,
        };
        Self(Arc::new(inner))
    }

    /// One decision reached its end.
    pub fn decided(&self, listener: &ListenerName, stage: Stage, outcome: OutcomeKind, cause: Option<Cause>) {
        let labels = Decided {
            listener: Listener(listener.clone()),
            stage: stage.label(),
            outcome: outcome.label(),
            cause: cause.map_or("", Cause::label),
        };
        self.0.decisions.get_or_create(&labels).inc();
    }

    /// A session began; it counts as open until the value is dropped.
    pub fn session_opened(&self, listener: &ListenerName) -> SessionGauge {
        let labels = of(listener);
        self.0.sessions.get_or_create(&labels).inc();
        let open = self.0.sessions_open.get_or_create_owned(&labels);
        open.inc();
        SessionGauge { open }
    }

    /// A connection was turned away since the listener has no place left.
    pub fn connection_refused(&self, listener: &ListenerName) {
        self.0.refused_connections.get_or_create(&of(listener)).inc();
    }

    /// A caller was recognised.
    pub fn logged_in(&self, listener: &ListenerName, method: Method) {
        let labels = LoggedIn { listener: Listener(listener.clone()), method: method.label() };
        self.0.logins.get_or_create(&labels).inc();
    }

    /// A caller was not recognised.
    pub fn login_refused(&self, listener: &ListenerName) {
        self.0.logins_refused.get_or_create(&of(listener)).inc();
    }

    /// An issuer was asked for its keys, and gave so many, or `None` that could be taken.
    pub fn keys_fetched(&self, issuer: &str, keys: Option<usize>) {
        let issuer = issuer.to_owned();
        let outcome = if keys.is_some() { "ok" } else { "failed" };
        self.0.key_fetches.get_or_create(&Fetched { issuer: issuer.clone(), outcome }).inc();
        let Some(keys) = keys else { return };
        let labels = OfIssuer { issuer };
        self.0.keys.get_or_create(&labels).set(i64::try_from(keys).unwrap_or(i64::MAX));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.0.keys_taken.get_or_create(&labels).set(i64::try_from(now).unwrap_or(i64::MAX));
    }

    /// A TLS handshake with a client failed.
    pub fn handshake_failed(&self, listener: &ListenerName) {
        self.0.handshake_failures.get_or_create(&of(listener)).inc();
    }

    /// The certificate that serves from now on ends at this second since 1970.
    pub fn certificate_expires(&self, listener: &ListenerName, at: i64) {
        self.0.certificate_expiry.get_or_create(&of(listener)).set(at);
    }

    /// The files of a certificate changed into something that cannot serve.
    pub fn certificate_refused(&self, listener: &ListenerName) {
        self.0.certificate_failures.get_or_create(&of(listener)).inc();
    }

    /// The upstream could not be reached or did not let sidegate in.
    pub fn upstream_failed(&self, listener: &ListenerName) {
        self.0.upstream_failures.get_or_create(&of(listener)).inc();
    }

    /// A statement could not be read whole.
    pub fn unparsed(&self, listener: &ListenerName) {
        self.0.unparsed.get_or_create(&of(listener)).inc();
    }

    /// Rules answered from the cache, and rules that had to be evaluated.
    pub fn cache(&self, hits: u64, misses: u64) {
        self.0.cache_hits.inc_by(hits);
        self.0.cache_misses.inc_by(misses);
    }

    /// One question was answered by evaluation.
    pub fn evaluated(&self, took: Duration) {
        self.0.evaluation.observe(took.as_secs_f64());
    }

    /// Records went into the journal.
    pub fn journal_written(&self, records: u64, bytes: u64) {
        self.0.journal_records.inc_by(records);
        self.0.journal_bytes.inc_by(bytes);
    }

    /// The journal was synced to disk.
    pub fn journal_synced(&self, took: Duration) {
        self.0.journal_sync.observe(took.as_secs_f64());
    }

    /// Work was refused because its record could not be written.
    pub fn journal_refused(&self) {
        self.0.journal_refused.inc();
    }

    /// stderr was too slow for decision log lines.
    pub fn console_dropped(&self, lines: u64) {
        self.0.console_dropped.inc_by(lines);
    }

    /// A bundle serves from now on.
    pub fn bundle_activated(&self, name: &str, revision: &str, at: SystemTime) {
        let name = name.to_owned();
        self.0.bundle_loaded.get_or_create(&OfBundle { name: name.clone() }).inc();
        // A bundle of one name has one revision: the series of earlier ones end.
        let nanoseconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let labels = Activated { name, active_revision: revision.to_owned() };
        let gauge = self.0.bundle_activated.get_or_create_owned(&labels);
        gauge.set(i64::try_from(nanoseconds).unwrap_or(i64::MAX));
    }

    /// A revision no longer serves: its series ends.
    pub fn bundle_replaced(&self, name: &str, revision: &str) {
        let labels = Activated { name: name.to_owned(), active_revision: revision.to_owned() };
        self.0.bundle_activated.remove(&labels);
    }

    /// A bundle was refused; whatever served before still does.
    pub fn bundle_failed(&self, name: &str, code: BundleFailure, message: &str) {
        let mut message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE).collect();
        let mut known = self.0.messages.lock();
        if known.len() < MESSAGES {
            known.insert(message.clone());
        } else if !known.contains(&message) {
            "other".clone_into(&mut message);
        }
        drop(known);
        self.0.bundle_failed.get_or_create(&Failed { name: name.to_owned(), code: code.label(), message }).inc();
    }

    /// A plugin is in this state and no other.
    pub fn plugin_status(&self, plugin: Plugin, now: PluginStatus) {
        for status in PluginStatus::ALL {
            let labels = Status { name: plugin.label(), status: status.label() };
            if status == now {
                self.0.plugins.get_or_create(&labels).set(1);
            } else {
                self.0.plugins.remove(&labels);
            }
        }
    }

    /// The admin address answered.
    pub fn http_answered(&self, handler: Handler, method: HttpMethod, code: u16, took: Duration) {
        let labels = Answered { code, handler: handler.label(), method: method.label() };
        self.0.http.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// All of them in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.0.registry) {
            Ok(()) => exposition::classic(&text),
            Err(fmt::Error) => String::new(), // A `String` takes whatever is written.
        }
    }
}

/// An open session; dropping it closes it.
#[derive(Debug)]
pub struct SessionGauge {
    open: Gauge,
}

impl Drop for SessionGauge {
    fn drop(&mut self) {
        self.open.dec();
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn of(listener: &ListenerName) -> OfListener {
    OfListener { listener: Listener(listener.clone()) }
}

#[cfg(test)]
mod tests;
