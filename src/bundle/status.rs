//! What operators see of each bundle.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How one configured bundle is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleStatus {
    /// Its key under `bundles`.
    pub name: String,
    /// The revision that serves; `None` until its first activation.
    pub active_revision: Option<String>,
    /// When that was activated.
    pub last_successful_activation: Option<Timestamp>,
    /// Why what stands there now does not serve; `None` when it does.
    pub error: Option<String>,
    /// How often it was activated.
    pub activations: u64,
    /// How often it was refused.
    pub refusals: u64,
}

impl BundleStatus {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            active_revision: None,
            last_successful_activation: None,
            error: None,
            activations: 0,
            refusals: 0,
        }
    }
}

/// One reason to refuse a bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The bundle's key; empty when the fault lies in no single one.
    pub bundle: String,
    /// What is wrong, where, and what to do about it.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.bundle.is_empty() {
            f.write_str(&self.text)
        } else {
            write!(f, "bundle `{}`: {}", self.bundle, self.text)
        }
    }
}

/// What `check` says about bundles that may serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Name and revision of every bundle.
    pub revisions: Vec<(String, String)>,
    /// Packages under `policies` that decisions ask.
    pub packages: Vec<String>,
    /// How many bundle tests passed.
    pub tests: usize,
}
