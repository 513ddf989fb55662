use std::collections::BTreeMap;

use serde::Serialize;

/// Labels by name, sorted.
pub type Labels = BTreeMap<String, String>;

/// What the caller wants to reach, as policy reads it in `input.target`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The listener's name.
    pub listener: String,
    /// `host:port` or `unix:/path` of the upstream.
    pub address: String,
    /// The database asked for.
    pub database: String,
    /// The user that sidegate is there.
    pub user: String,
    /// The listener's labels.
    pub labels: Labels,
}
