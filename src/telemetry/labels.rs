//! Label values: closed sets, so that no client can make a new time series.

use std::fmt::{self, Write};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use crate::model::ListenerName;

/// Why a bundle was not taken, in OPA's words (`code` of `bundle_failed_load_counter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BundleFailure {
    /// Files missing, unreadable or not a bundle.
    Bundle,
    /// The gate did not let it pass.
    Rejected,
}

impl BundleFailure {
    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Bundle => "bundle_error",
            Self::Rejected => "bundle_rejected",
        }
    }
}

/// What `plugin_status_gauge` speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// The bundles.
    Bundle,
    /// The decision log.
    DecisionLogs,
    /// The listeners.
    Sidegate,
}

impl Plugin {
    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::DecisionLogs => "decision_logs",
            Self::Sidegate => "sidegate",
        }
    }
}

/// OPA's states of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PluginStatus {
    /// Not started, or without what it needs.
    NotReady,
    /// As it should be.
    Ok,
    /// It cannot work.
    Error,
    /// It works, but not as it should.
    Warn,
}

impl PluginStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NotReady, Self::Ok, Self::Error, Self::Warn];

    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotReady => "NOT_READY",
            Self::Ok => "OK",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
        }
    }
}

/// Which route of the admin address answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handler {
    /// `/health` and below.
    Health,
    /// `/metrics`.
    Metrics,
    /// Everything else.
    Catchall,
}

impl Handler {
    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Catchall => "catchall",
        }
    }
}

/// Why a connection got no session before anybody asked who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TurnedAway {
    /// A session in clear where there is TLS.
    Clear,
    /// Bytes before the answer to a request for encryption.
    EarlyBytes,
    /// Another breach of the protocol.
    Protocol,
    /// No place is left.
    Full,
    /// It took too long.
    Slow,
    /// It went away.
    Gone,
}

impl TurnedAway {
    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::EarlyBytes => "early_bytes",
            Self::Protocol => "protocol",
            Self::Full => "full",
            Self::Slow => "slow",
            Self::Gone => "gone",
        }
    }
}

/// What became of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cancelled {
    /// The server got it.
    Delivered,
    /// The server could not be told.
    Failed,
    /// Nobody holds its key.
    WrongKey,
}

impl Cancelled {
    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::WrongKey => "wrong_key",
        }
    }
}

/// The method of an HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// Anything else.
    Other,
}

impl HttpMethod {
    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Other => "other",
        }
    }
}

/// A listener's name as a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Listener(pub(super) ListenerName);

impl EncodeLabelValue for Listener {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.0.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Decided {
    pub(super) listener: Listener,
    pub(super) stage: &'static str,
    pub(super) outcome: &'static str,
    pub(super) cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfListener {
    pub(super) listener: Listener,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfBundle {
    pub(super) name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failed {
    pub(super) name: String,
    pub(super) code: &'static str,
    pub(super) message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Activated {
    pub(super) name: String,
    pub(super) active_revision: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Status {
    pub(super) name: &'static str,
    pub(super) status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answered {
    pub(super) code: u16,
    pub(super) handler: &'static str,
    pub(super) method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LoggedIn {
    pub(super) listener: Listener,
    pub(super) method: &'static str,
}

/// Labels of what was turned away, or ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Away {
    pub(super) listener: Listener,
    pub(super) reason: &'static str,
}

/// Labels of requests to cancel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CancelRequested {
    pub(super) listener: Listener,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfIssuer {
    pub(super) issuer: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Fetched {
    pub(super) issuer: String,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Looked {
    pub(super) listener: Listener,
    pub(super) outcome: &'static str,
}
