//! Which rules are asked of a policy, and which of them cannot be.

use super::error::DecideError;
use crate::bundle::{EntryRule, EntrySet, Entrypoint, Policy, Reads};
use crate::input::Document;
use crate::model::Stage;

/// Its number in the snapshot, its path, which set it is and what it reads.
pub(super) type Question<'a> = (usize, &'a str, Option<&'a EntryRule>, &'a Reads);

/// The rules that a stage asks, each with its number in the snapshot.
pub(super) fn questions(policy: &Policy, stage: Stage) -> Vec<Question<'_>> {
    match policy.entrypoint() {
        Entrypoint::Rule(question) => vec![(0, question.path.as_str(), None, &question.reads)],
        Entrypoint::Packages(questions) => questions
            .iter()
            .enumerate()
            .filter(|(_, question)| asked_at(question.rule.set, stage))
            .map(|(number, question)| (number, question.rule.path.as_str(), Some(&question.rule), &question.reads))
            .collect(),
    }
}

/// Whether policy has anything to say at a stage.
pub(super) fn says_anything(policy: &Policy, stage: Stage) -> bool {
    match policy.entrypoint() {
        Entrypoint::Rule(_) => true,
        Entrypoint::Packages(questions) => questions.iter().any(|question| asked_at(question.rule.set, stage)),
    }
}

fn asked_at(set: EntrySet, stage: Stage) -> bool {
    match set {
        EntrySet::Allow
        | EntrySet::Deny
        | EntrySet::AllowUnparsed
        | EntrySet::Approve
        | EntrySet::Mask
        | EntrySet::Limit
        | EntrySet::Audit
        | EntrySet::Record => stage == Stage::Request,
        EntrySet::DenySession => stage == Stage::Session,
        EntrySet::DenyResponse => stage == Stage::Response,
        EntrySet::DenyCommit => stage == Stage::Commit,
        EntrySet::Alert => matches!(stage, Stage::Request | Stage::Response | Stage::Commit),
    }
}

/// Whether a rule is asked.
pub(super) enum Lookup {
    /// It is.
    Ask,
    /// It says nothing.
    Skip,
    /// It denies.
    Deny(DecideError),
}

/// What `allow_unparsed` accepts not to know.
const UNREAD: [&str; 4] = ["sql.relations", "sql.columns", "sql.functions", "sql.estimate"];

/// A rule that reads what is not known is not asked: it denies. Only what cannot be known of a
/// statement that could not be read makes it be skipped, since such a statement needs an
/// `allow_unparsed` in any case.
pub(super) fn unknown(path: &str, rule: Option<&EntryRule>, reads: &Reads, document: &Document) -> Lookup {
    if document.unknown().is_empty() {
        return Lookup::Ask;
    }
    let unparsed = document.get(&["sql", "unparsed"]).is_some_and(|unparsed| !unparsed.is_null());
    let mut skip = false;
    for unknown in document.unknown() {
        let steps: Vec<_> = unknown.split('.').collect();
        if !reads.covers(&steps) {
            continue;
        }
        if unparsed && rule.is_some() && UNREAD.contains(unknown) {
            skip = true;
        } else {
            return Lookup::Deny(DecideError::Unknown { rule: path.to_owned(), path: (*unknown).to_owned() });
        }
    }
    if skip { Lookup::Skip } else { Lookup::Ask }
}
