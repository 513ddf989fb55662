//! The sets that a package under `policies` may write.

use serde::{Deserialize, Serialize};

/// A set with a meaning in packages under `policies` (contract §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntrySet {
    /// Reasons to let a statement through.
    Allow,
    /// Reasons to refuse a statement.
    Deny,
    /// Reasons to let a statement through that could not be read whole.
    AllowUnparsed,
    /// Reasons to refuse a session.
    DenySession,
    /// Reasons to refuse a response.
    DenyResponse,
    /// Reasons to refuse a commit.
    DenyCommit,
    /// Approvals that are needed first.
    Approve,
    /// Columns to be masked.
    Mask,
    /// Most rows or bytes that may come back.
    Limit,
    /// How durable the journal entry must be.
    Audit,
    /// What is recorded.
    Record,
    /// Alerts to raise.
    Alert,
}

impl EntrySet {
    /// Every set, in the contract's order.
    pub const ALL: [Self; 12] = [
        Self::Allow,
        Self::Deny,
        Self::AllowUnparsed,
        Self::DenySession,
        Self::DenyResponse,
        Self::DenyCommit,
        Self::Approve,
        Self::Mask,
        Self::Limit,
        Self::Audit,
        Self::Record,
        Self::Alert,
    ];

    /// The rule name that authors write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::AllowUnparsed => "allow_unparsed",
            Self::DenySession => "deny_session",
            Self::DenyResponse => "deny_response",
            Self::DenyCommit => "deny_commit",
            Self::Approve => "approve",
            Self::Mask => "mask",
            Self::Limit => "limit",
            Self::Audit => "audit",
            Self::Record => "record",
            Self::Alert => "alert",
        }
    }

    /// The set that a rule name stands for.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }
}

/// One set of one package, to be asked by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryRule {
    /// Dotted package without `data`, such as `policies.shop`.
    pub package: String,
    /// Which set it is.
    pub set: EntrySet,
    /// What the engine is asked, such as `data.policies.shop.deny`.
    pub path: String,
}
