//! What is written before and after: the words of this room's product.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::decide::Decision;
use crate::model::{Cause, ListenerName, OutcomeKind, SessionId};

/// What an INTENT record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentKind {
    /// A session that opens, or is refused.
    Session,
    /// A Parse that passes on: the server will plan it, but not run it.
    Prepare,
    /// A Query, or a bound statement and its Execute.
    Statement,
}

impl IntentKind {
    /// The name used in records.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Prepare => "prepare",
            Self::Statement => "statement",
        }
    }
}

/// What is about to happen, with the decision that allows or refuses it.
#[derive(Clone, Debug)]
pub struct Intent {
    /// What it is about.
    pub kind: IntentKind,
    /// Whose session.
    pub session: SessionId,
    /// On which listener.
    pub listener: ListenerName,
    /// The decision.
    pub decision: Arc<Decision>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The word for it.
    pub kind: OutcomeKind,
    /// Why it was denied; `None` when it was not.
    pub cause: Option<Cause>,
    /// Rows that went to the client.
    pub rows: u64,
    /// Bytes of answer that went to the client.
    pub bytes: u64,
    /// Time from the first byte sent upstream to the last byte of the answer; zero if nothing was sent.
    pub upstream: Duration,
    /// Columns that were read masked; `None` for none.
    pub masked: Option<u64>,
    /// SQLSTATE of the server's error, if it answered with one.
    pub sqlstate: Option<String>,
    /// Whether an OPA decision event is written: not for `Prepare`, nor for what was bound and never executed.
    pub event: bool,
}
