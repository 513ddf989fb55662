//! What is wrong with a configuration, or only worth saying.

use std::fmt;
use std::time::Duration;

use super::checked::BundleSource;
use super::node::At;
use super::places::Places;

/// Everything that is wrong, at once.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct Problems {
    /// At least one.
    pub problems: Vec<Problem>,
    /// Where policy would come from, as far as that part is sound: it may have problems of its own.
    pub policy: Option<Box<PolicySource>>,
}

/// The part of a configuration that says where policy comes from.
#[derive(Clone, Debug)]
pub struct PolicySource {
    /// `bundles`.
    pub bundles: Vec<BundleSource>,
    /// `plugins.sidegate.decision`.
    pub decision: String,
    /// `plugins.sidegate.deadline`.
    pub deadline: Duration,
    /// Where each key was written.
    pub places: Places,
}

/// One thing that is wrong, with its place: `file:line: key.path: what was wrong, what it got`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `file:line`, or the argument it came from.
    pub at: String,
    /// The dotted key, if it is about one.
    pub key: String,
    /// What is wrong, and how it is put right.
    pub text: String,
}

/// Something that works, but not as the file may suggest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// `file:line`, or the argument it came from.
    pub at: String,
    /// The dotted key.
    pub key: String,
    /// What follows from it.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, &self.at, &self.key, &self.text)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, &self.at, &self.key, &self.text)
    }
}

impl At {
    /// As it stands before a problem.
    pub(super) fn label(self, file: &str) -> String {
        match self {
            Self::Line(line) => format!("{file}:{line}"),
            Self::Set => "--set".to_owned(),
            Self::SetFile => "--set-file".to_owned(),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, at: &str, key: &str, text: &str) -> fmt::Result {
    if key.is_empty() { write!(f, "{at}: {text}") } else { write!(f, "{at}: {key}: {text}") }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
