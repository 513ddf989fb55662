use serde::{Deserialize, Serialize};

/// Which question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// May this caller open a session on this target?
    Session,
    /// May this statement run?
    Request,
    /// May this answer go back?
    Response,
    /// May this transaction commit?
    Commit,
}

impl Stage {
    /// The name used in configuration, input and events.
    pub fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Request => "request",
            Self::Response => "response",
            Self::Commit => "commit",
        }
    }
}

/// How durable a journal entry is before the first byte goes upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditClass {
    /// In the file within 10 ms, synced within `audit.sync`.
    Async,
    /// On the disk first.
    Strict,
}

/// How one decision ended: `custom.sidegate.outcome` of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// A session began.
    Opened,
    /// The statement ran and its answer went back.
    Forwarded,
    /// Policy or the sidecar itself said no.
    Denied,
    /// Waiting for a person.
    Held,
    /// A person said no.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// The client went away or cancelled.
    Cancelled,
    /// Permitted, but the server answered with an error or never ran it.
    Failed,
    /// Sent, and nobody knows whether it ran.
    Unknown,
}

impl OutcomeKind {
    /// The name used in events and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Forwarded => "forwarded",
            Self::Denied => "denied",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}
