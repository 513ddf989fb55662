//! What a rule reads of its input.

use serde::{Deserialize, Serialize};

/// The parts of the input that a rule's value can depend on, through everything it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// Paths below `input`, none of them above another.
    pub paths: Vec<Vec<String>>,
    /// Whether it reads the whole input.
    pub whole: bool,
    /// Whether the same input always gives the same value.
    pub deterministic: bool,
}

impl Reads {
    /// Whether the value can depend on what stands at `path`: a read above it, at it or below it.
    pub fn covers<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.whole || self.paths.iter().any(|read| read.iter().zip(path).all(|(a, b)| a == b.as_ref()))
    }
}
