//! What the two processes say to each other: one question, one answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bundle::files::TextFile;
use crate::bundle::policy::Entrypoint;
use crate::bundle::status::Problem;

/// May these bundles serve together?
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::bundle) struct Ask {
    /// The configured decision path, without a leading slash.
    pub(in crate::bundle) decision: String,
    /// Every bundle, as it stands on the disk.
    pub(in crate::bundle) bundles: Vec<Bundle>,
}

/// One bundle's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::bundle) struct Bundle {
    /// Its key in the configuration.
    pub(in crate::bundle) name: String,
    /// Sorted by path.
    pub(in crate::bundle) files: Vec<TextFile>,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::bundle) enum Answer {
    /// They may.
    Accepted(Checked),
    /// They may not.
    Refused(Vec<Problem>),
}

/// Bundles that may serve, ready to compile.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::bundle) struct Checked {
    /// Rewritten modules, the library among them.
    pub(in crate::bundle) modules: Vec<TextFile>,
    /// All base documents, merged. As text, since a tree of them is many times larger.
    pub(in crate::bundle) data: Box<RawValue>,
    /// What decisions ask.
    pub(in crate::bundle) entrypoint: Entrypoint,
    /// Revision of every bundle, by name.
    pub(in crate::bundle) revisions: BTreeMap<String, String>,
    /// How many bundle tests passed.
    pub(in crate::bundle) tests: usize,
}
