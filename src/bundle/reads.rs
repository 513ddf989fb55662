//! What a rule's answer depends on.

use serde::{Deserialize, Serialize};

/// The parts of the policy input that a rule may read, directly or through the rules and
/// functions it uses. An answer is good for every input with equal values at these paths
/// (absent counts as a value of its own), provided the rule is `deterministic`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// Paths below `input`, sorted; none is a prefix of another.
    paths: Vec<Vec<String>>,
    /// The rule reads the document as a whole; then `paths` is empty.
    whole: bool,
    /// No call whose answer may change between two evaluations is reachable.
    deterministic: bool,
}

impl Reads {
    /// From raw paths; the empty path is the whole document.
    pub(super) fn new(mut paths: Vec<Vec<String>>, deterministic: bool) -> Self {
        paths.sort();
        paths.dedup();
        let mut kept: Vec<Vec<String>> = Vec::new();
        // Sorted, so a prefix comes right before the paths below it.
        for path in paths {
            if !kept.last().is_some_and(|last| path.starts_with(last)) {
                kept.push(path);
            }
        }
        let whole = kept.first().is_some_and(Vec::is_empty);
        if whole {
            kept.clear();
        }
        Self { paths: kept, whole, deterministic }
    }

    /// The read paths below `input`; empty when the whole document is read.
    pub fn paths(&self) -> &[Vec<String>] {
        &self.paths
    }

    /// Whether the document is read as a whole.
    pub fn whole(&self) -> bool {
        self.whole
    }

    /// Whether an answer may be reused for the same read values.
    pub fn deterministic(&self) -> bool {
        self.deterministic
    }

    /// Whether a change at `path`, above it or below it could change the answer.
    pub fn covers<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.whole || self.paths.iter().any(|read| read.iter().zip(path).all(|(a, b)| a == b.as_ref()))
    }

    /// What both together read.
    pub fn union(&self, other: &Self) -> Self {
        let mut paths: Vec<Vec<String>> = self.paths.iter().chain(&other.paths).cloned().collect();
        if self.whole || other.whole {
            paths.push(Vec::new());
        }
        Self::new(paths, self.deterministic && other.deterministic)
    }
}
