//! What is wrong with a configuration, or only worth saying.

use std::fmt;

use super::node::At;

/// Everything that is wrong, at once.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct Problems {
    /// At least one.
    pub problems: Vec<Problem>,
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
