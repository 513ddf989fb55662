//! The sets that authors write in packages under `policies`.

use serde::{Deserialize, Serialize};

/// Which set of the contract an entry rule fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntrySet {
    /// Reasons to let it through.
    Allow,
    /// Reasons to refuse it.
    Deny,
    /// Reasons to let through what could not be read whole.
    AllowUnparsed,
    /// Reasons to refuse the session.
    DenySession,
    /// Reasons to refuse the response.
    DenyResponse,
    /// Reasons to refuse the commit.
    DenyCommit,
    /// Requests for a yes of people.
    Approve,
    /// Columns to mask.
    Mask,
    /// Rows and bytes that may be returned.
    Limit,
    /// How durable the journal entry must be.
    Audit,
    /// What is recorded.
    Record,
    /// Alerts to raise.
    Alert,
}

/// One rule that decisions ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryRule {
    /// Its package, such as `policies.shop`.
    pub package: String,
    /// Which set it fills.
    pub set: EntrySet,
    /// Its path, such as `data.policies.shop.deny`.
    pub path: String,
}
