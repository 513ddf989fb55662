//! The series that `/metrics` shows, in groups: names, help texts and buckets.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::labels::{
    Activated, Answered, Away, CancelRequested, Decided, Failed, Fetched, LoggedIn, Looked, OfBundle, OfIssuer,
    OfListener, Status,
};

/// OPA's buckets for HTTP, in seconds.
const HTTP: [f64; 10] = [1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 0.01, 0.1, 1.0];
/// From a cached answer to the deadline, in seconds.
const EVALUATION: [f64; 11] = [1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.5];
/// From a fast disk to one that is failing, in seconds.
const SYNC: [f64; 10] = [1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 1.0, 10.0];

/// What sessions and their callers do.
pub(super) struct Sessions {
    pub(super) decisions: Family<Decided, Counter>,
    pub(super) opened: Family<OfListener, Counter>,
    pub(super) open: Family<OfListener, Gauge>,
    pub(super) refused: Family<OfListener, Counter>,
    pub(super) turned_away: Family<Away, Counter>,
    pub(super) unrecorded: Family<OfListener, Counter>,
    pub(super) cancels: Family<CancelRequested, Counter>,
    pub(super) logins: Family<LoggedIn, Counter>,
    pub(super) logins_refused: Family<OfListener, Counter>,
    pub(super) identities_ended: Family<Away, Counter>,
    pub(super) upstream_failures: Family<OfListener, Counter>,
    pub(super) unparsed: Family<OfListener, Counter>,
    pub(super) unforeseen: Family<OfListener, Counter>,
    pub(super) catalogs: Family<Looked, Counter>,
    pub(super) powers: Family<OfListener, Gauge>,
}

impl Sessions {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            decisions: add(r, "sidegate_decisions", "Decisions, by how they ended", Family::default()),
            opened: add(r, "sidegate_sessions", "Sessions accepted", Family::default()),
            open: add(r, "sidegate_sessions_open", "Sessions open now", Family::default()),
            refused: add(
                r,
                "sidegate_connections_refused",
                "Connections beyond the listener's limit",
                Family::default(),
            ),
            turned_away: add(
                r,
                "sidegate_connections_turned_away",
                "Connections without a session, by why, before anybody asked who it is",
                Family::default(),
            ),
            unrecorded: add(
                r,
                "sidegate_refusals_unrecorded",
                "Connections turned away without an event, since there were too many",
                Family::default(),
            ),
            cancels: add(
                r,
                "sidegate_cancel_requests",
                "Requests to cancel, by what became of them",
                Family::default(),
            ),
            logins: add(r, "sidegate_logins", "Callers recognised, by how", Family::default()),
            logins_refused: add(r, "sidegate_logins_refused", "Callers not recognised", Family::default()),
            identities_ended: add(
                r,
                "sidegate_identities_ended",
                "Sessions that ended because their identity did, by why",
                Family::default(),
            ),
            upstream_failures: add(
                r,
                "sidegate_upstream_connect_failures",
                "Connections to the upstream that failed",
                Family::default(),
            ),
            catalogs: add(r, "sidegate_catalog_reads", "Attempts to read what a database holds", Family::default()),
            powers: add(
                r,
                "sidegate_upstream_excess_powers",
                "What the upstream role may do beyond what statements need, in the database read last",
                Family::default(),
            ),
            unparsed: add(r, "sidegate_unparsed", "Statements that could not be read whole", Family::default()),
            unforeseen: add(
                r,
                "sidegate_answers_unforeseen",
                "Answers under masks that were not of the form that was foreseen",
                Family::default(),
            ),
        }
    }
}

/// Who signs callers' tokens.
pub(super) struct Issuers {
    pub(super) fetches: Family<Fetched, Counter>,
    pub(super) keys: Family<OfIssuer, Gauge>,
    pub(super) taken: Family<OfIssuer, Gauge>,
}

impl Issuers {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            fetches: add(r, "sidegate_issuer_key_fetches", "Attempts to get an issuer's keys", Family::default()),
            keys: add(r, "sidegate_issuer_keys", "Usable keys of an issuer at the last success", Family::default()),
            taken: add(
                r,
                "sidegate_issuer_keys_taken_seconds",
                "When an issuer's keys were last taken, in seconds since 1970",
                Family::default(),
            ),
        }
    }
}

/// TLS in front.
pub(super) struct Tls {
    pub(super) handshake_failures: Family<OfListener, Counter>,
    pub(super) certificate_expiry: Family<OfListener, Gauge>,
    pub(super) certificate_failures: Family<OfListener, Counter>,
}

impl Tls {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
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
        }
    }
}

/// How questions were answered.
pub(super) struct Answers {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) evaluation: Histogram,
}

impl Answers {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            hits: add(r, "sidegate_decision_cache_hits", "Rules answered from the cache", Counter::default()),
            misses: add(r, "sidegate_decision_cache_misses", "Rules that were evaluated", Counter::default()),
            evaluation: add(
                r,
                "sidegate_evaluation_seconds",
                "Time to answer one question by evaluation",
                Histogram::new(EVALUATION),
            ),
        }
    }
}

/// What the journal and the console took.
pub(super) struct Journal {
    pub(super) records: Counter,
    pub(super) bytes: Counter,
    pub(super) sync: Histogram,
    pub(super) refused: Counter,
    pub(super) console_dropped: Counter,
}

impl Journal {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            records: add(r, "sidegate_journal_records", "Records written", Counter::default()),
            bytes: add(r, "sidegate_journal_bytes", "Bytes written", Counter::default()),
            sync: add(r, "sidegate_journal_sync_seconds", "Time of one sync to disk", Histogram::new(SYNC)),
            refused: add(
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
        }
    }
}

/// What serves, as OPA counts it.
pub(super) struct Bundles {
    pub(super) loaded: Family<OfBundle, Counter>,
    pub(super) failed: Family<Failed, Counter>,
    pub(super) activated: Family<Activated, Gauge>,
    pub(super) plugins: Family<Status, Gauge>,
    pub(super) http: Family<Answered, Histogram, fn() -> Histogram>,
    /// The texts of refused bundles that have a series.
    pub(super) messages: Mutex<BTreeSet<String>>,
}

impl Bundles {
    pub(super) fn new(r: &mut Registry) -> Self {
        let http: fn() -> Histogram = || Histogram::new(HTTP);
        Self {
            loaded: add(r, "bundle_loaded_counter", "Bundles taken", Family::default()),
            failed: add(r, "bundle_failed_load_counter", "Bundles refused, with the reason", Family::default()),
            activated: add(
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
        }
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}
