//! Every metric there is. OPA's names where OPA has the metric, else `sidegate_…`; `docs/metrics.md` lists them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::exposition;
use super::labels::{
    Activated, Answered, Away, BundleFailure, CancelRequested, Cancelled, Decided, Failed, Fetched, Handler,
    HttpMethod, Listener, LoggedIn, Looked, OfBundle, OfIssuer, OfListener, Plugin, PluginStatus, Status, TurnedAway,
};
use super::series::{Answers, Bundles, Issuers, Journal, Sessions, Tls};
use crate::model::{Cause, ListenerName, Method, OutcomeKind, Stage};

/// Texts of refused bundles that are told apart; later ones are counted together.
const MESSAGES: usize = 100;
/// Characters of such a text.
const MESSAGE: usize = 200;

/// The process' metrics; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    sessions: Sessions,
    issuers: Issuers,
    tls: Tls,
    answers: Answers,
    journal: Journal,
    bundles: Bundles,
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
        let inner = Inner {
            sessions: Sessions::new(r),
            issuers: Issuers::new(r),
            tls: Tls::new(r),
            answers: Answers::new(r),
            journal: Journal::new(r),
            bundles: Bundles::new(r),
            registry,
        };
        Self(Arc::new(inner))
    }

    /// One decision reached its end.
    pub fn decided(&self, listener: &ListenerName, stage: Stage, outcome: OutcomeKind, cause: Option<Cause>) {
        self.0.sessions.decisions.get_or_create(&decided(listener, stage, outcome, cause)).inc();
    }

    /// Counts decisions that end in the same way, without looking the series up for each.
    pub fn tally(&self, listener: &ListenerName, stage: Stage, outcome: OutcomeKind) -> Tally {
        Tally(self.0.sessions.decisions.get_or_create_owned(&decided(listener, stage, outcome, None)))
    }

    /// A session began; it counts as open until the value is dropped.
    pub fn session_opened(&self, listener: &ListenerName) -> SessionGauge {
        let labels = of(listener);
        self.0.sessions.opened.get_or_create(&labels).inc();
        let open = self.0.sessions.open.get_or_create_owned(&labels);
        open.inc();
        SessionGauge { open }
    }

    /// A connection was turned away since the listener has no place left.
    pub fn connection_refused(&self, listener: &ListenerName) {
        self.0.sessions.refused.get_or_create(&of(listener)).inc();
    }

    /// A connection got no session, and nobody was asked who it is.
    pub fn turned_away(&self, listener: &ListenerName, why: TurnedAway) {
        let labels = Away { listener: Listener(listener.clone()), reason: why.label() };
        self.0.sessions.turned_away.get_or_create(&labels).inc();
    }

    /// Such a connection left no event.
    pub fn refusal_unrecorded(&self, listener: &ListenerName) {
        self.0.sessions.unrecorded.get_or_create(&of(listener)).inc();
    }

    /// Somebody asked to cancel a statement.
    pub fn cancel_requested(&self, listener: &ListenerName, outcome: Cancelled) {
        let labels = CancelRequested { listener: Listener(listener.clone()), outcome: outcome.label() };
        self.0.sessions.cancels.get_or_create(&labels).inc();
    }

    /// A caller was recognised.
    pub fn logged_in(&self, listener: &ListenerName, method: Method) {
        let labels = LoggedIn { listener: Listener(listener.clone()), method: method.label() };
        self.0.sessions.logins.get_or_create(&labels).inc();
    }

    /// A session ended because its identity did.
    pub fn identity_ended(&self, listener: &ListenerName, reason: &'static str) {
        let labels = Away { listener: Listener(listener.clone()), reason };
        self.0.sessions.identities_ended.get_or_create(&labels).inc();
    }

    /// A caller was not recognised.
    pub fn login_refused(&self, listener: &ListenerName) {
        self.0.sessions.logins_refused.get_or_create(&of(listener)).inc();
    }

    /// An issuer was asked for its keys, and gave so many, or `None` that could be taken.
    pub fn keys_fetched(&self, issuer: &str, keys: Option<usize>) {
        let issuer = issuer.to_owned();
        let outcome = if keys.is_some() { "ok" } else { "failed" };
        self.0.issuers.fetches.get_or_create(&Fetched { issuer: issuer.clone(), outcome }).inc();
        let Some(keys) = keys else { return };
        let labels = OfIssuer { issuer };
        self.0.issuers.keys.get_or_create(&labels).set(i64::try_from(keys).unwrap_or(i64::MAX));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.0.issuers.taken.get_or_create(&labels).set(i64::try_from(now).unwrap_or(i64::MAX));
    }

    /// A TLS handshake with a client failed.
    pub fn handshake_failed(&self, listener: &ListenerName) {
        self.0.tls.handshake_failures.get_or_create(&of(listener)).inc();
    }

    /// The certificate that serves from now on ends at this second since 1970.
    pub fn certificate_expires(&self, listener: &ListenerName, at: i64) {
        self.0.tls.certificate_expiry.get_or_create(&of(listener)).set(at);
    }

    /// The files of a certificate changed into something that cannot serve.
    pub fn certificate_refused(&self, listener: &ListenerName) {
        self.0.tls.certificate_failures.get_or_create(&of(listener)).inc();
    }

    /// The upstream could not be reached or did not let sidegate in.
    pub fn upstream_failed(&self, listener: &ListenerName) {
        self.0.sessions.upstream_failures.get_or_create(&of(listener)).inc();
    }

    /// A database was asked what it holds, and said so or not.
    pub fn catalog_read(&self, listener: &ListenerName, taken: bool) {
        let outcome = if taken { "ok" } else { "failed" };
        self.0.sessions.catalogs.get_or_create(&Looked { listener: Listener(listener.clone()), outcome }).inc();
    }

    /// So many things the role may do too much in the database that was read last.
    pub fn excess_powers(&self, listener: &ListenerName, count: usize) {
        self.0.sessions.powers.get_or_create(&of(listener)).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A statement could not be read whole.
    pub fn unparsed(&self, listener: &ListenerName) {
        self.0.sessions.unparsed.get_or_create(&of(listener)).inc();
    }

    /// An answer under masks was not of the form that was foreseen.
    pub fn unforeseen(&self, listener: &ListenerName) {
        self.0.sessions.unforeseen.get_or_create(&of(listener)).inc();
    }

    /// Rules answered from the cache, and rules that had to be evaluated.
    pub fn cache(&self, hits: u64, misses: u64) {
        self.0.answers.hits.inc_by(hits);
        self.0.answers.misses.inc_by(misses);
    }

    /// One question was answered by evaluation.
    pub fn evaluated(&self, took: Duration) {
        self.0.answers.evaluation.observe(took.as_secs_f64());
    }

    /// Records went into the journal.
    pub fn journal_written(&self, records: u64, bytes: u64) {
        self.0.journal.records.inc_by(records);
        self.0.journal.bytes.inc_by(bytes);
    }

    /// The journal was synced to disk.
    pub fn journal_synced(&self, took: Duration) {
        self.0.journal.sync.observe(took.as_secs_f64());
    }

    /// Work was refused because its record could not be written.
    pub fn journal_refused(&self) {
        self.0.journal.refused.inc();
    }

    /// stderr was too slow for decision log lines.
    pub fn console_dropped(&self, lines: u64) {
        self.0.journal.console_dropped.inc_by(lines);
    }

    /// A bundle serves from now on.
    pub fn bundle_activated(&self, name: &str, revision: &str, at: SystemTime) {
        let name = name.to_owned();
        self.0.bundles.loaded.get_or_create(&OfBundle { name: name.clone() }).inc();
        // A bundle of one name has one revision: the series of earlier ones end.
        let nanoseconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let labels = Activated { name, active_revision: revision.to_owned() };
        let gauge = self.0.bundles.activated.get_or_create_owned(&labels);
        gauge.set(i64::try_from(nanoseconds).unwrap_or(i64::MAX));
    }

    /// A revision no longer serves: its series ends.
    pub fn bundle_replaced(&self, name: &str, revision: &str) {
        let labels = Activated { name: name.to_owned(), active_revision: revision.to_owned() };
        self.0.bundles.activated.remove(&labels);
    }

    /// A bundle was refused; whatever served before still does.
    pub fn bundle_failed(&self, name: &str, code: BundleFailure, message: &str) {
        let mut message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE).collect();
        let mut known = self.0.bundles.messages.lock();
        if known.len() < MESSAGES {
            known.insert(message.clone());
        } else if !known.contains(&message) {
            "other".clone_into(&mut message);
        }
        drop(known);
        self.0.bundles.failed.get_or_create(&Failed { name: name.to_owned(), code: code.label(), message }).inc();
    }

    /// A plugin is in this state and no other.
    pub fn plugin_status(&self, plugin: Plugin, now: PluginStatus) {
        for status in PluginStatus::ALL {
            let labels = Status { name: plugin.label(), status: status.label() };
            if status == now {
                self.0.bundles.plugins.get_or_create(&labels).set(1);
            } else {
                self.0.bundles.plugins.remove(&labels);
            }
        }
    }

    /// The admin address answered.
    pub fn http_answered(&self, handler: Handler, method: HttpMethod, code: u16, took: Duration) {
        let labels = Answered { code, handler: handler.label(), method: method.label() };
        self.0.bundles.http.get_or_create(&labels).observe(took.as_secs_f64());
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

/// Counts decisions of one kind.
#[derive(Clone, Debug)]
pub struct Tally(Counter);

impl Tally {
    /// One more.
    pub fn count(&self) {
        self.0.inc();
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

fn decided(listener: &ListenerName, stage: Stage, outcome: OutcomeKind, cause: Option<Cause>) -> Decided {
    Decided {
        listener: Listener(listener.clone()),
        stage: stage.label(),
        outcome: outcome.label(),
        cause: cause.map_or("", Cause::label),
    }
}

fn of(listener: &ListenerName) -> OfListener {
    OfListener { listener: Listener(listener.clone()) }
}

#[cfg(test)]
mod tests;
