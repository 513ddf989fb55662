//! From what the rules said to the answer: any deny wins, then any approval holds, then one
//! allow is needed, then every obligation must be one that can be carried out.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use super::answer::{Masks, Record, RowLimit};
use super::decision::Verdict;
use super::error::DecideError;
use super::name;
use super::said::Said;
use crate::config::AuditRule;
use crate::input::{Document, Part};
use crate::model::{AuditClass, Cause, Stage};

/// Effects whose statements need no allow.
const FREE: [&str; 2] = ["session", "transaction"];

/// Effects of plain statements, whose journal entry need not wait for the disk.
const PLAIN: [&str; 3] = ["read", "session", "transaction"];

/// Effects of statements that return no rows.
const ROWLESS: [&str; 6] = ["dcl", "ddl", "notify", "session", "settings", "transaction"];

/// What a decision is made of.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) class: AuditClass,
    /// See [`Decision::limit`](super::Decision::limit).
    pub(super) limit: Option<RowLimit>,
    pub(super) result: Option<Part>,
    pub(super) error: Option<String>,
    /// What must be masked where it is read.
    pub(super) masks: Arc<Masks>,
    /// See [`Decision::told`](super::Decision::told).
    pub(super) told: OnceLock<Arc<str>>,
}

/// Decides.
pub(super) fn judge(said: &Said, stage: Stage, document: &Document, audit: AuditRule) -> Judgement {
    let verdict = verdict(said, stage, document);
    let limit = binding_limit(said, stage, document).filter(|_| verdict == Verdict::Allow);
    let plain = stage == Stage::Request
        && effects_within(document, &PLAIN)
        && said.approvals.is_empty()
        && said.alerts.is_empty()
        && !binding_masks(said, document)
        && limit.is_none();
    Judgement {
        limit,
        class: class(audit, said.strict, plain && verdict == Verdict::Allow),
        result: usable(said).then(|| Part::shared(result(said, &verdict))),
        error: said.failures.iter().map(ToString::to_string).reduce(|all, next| format!("{all}; {next}")),
        masks: Arc::new(said.masks.clone()),
        told: OnceLock::new(),
        verdict,
    }
}

/// The class of a journal entry: policy may raise what the configuration says, never lower it.
pub(super) fn class(rule: AuditRule, raised: bool, plain: bool) -> AuditClass {
    match rule {
        AuditRule::Strict => AuditClass::Strict,
        AuditRule::Async if !raised => AuditClass::Async,
        AuditRule::Auto if plain && !raised => AuditClass::Async,
        AuditRule::Async | AuditRule::Auto => AuditClass::Strict,
    }
}

fn verdict(said: &Said, stage: Stage, document: &Document) -> Verdict {
    // Whoever let it run has accepted that it could not be read.
    let unread = unparsed_reason(document).filter(|_| !said.unparsed && stage == Stage::Request);
    let only_unknown = said.failures.iter().all(|failure| failure.cause() == Cause::Unknown);
    if said.denied || (!said.failures.is_empty() && (unread.is_none() || !only_unknown)) {
        let reasons = said.denials.iter().cloned();
        let mut reasons: Vec<_> = reasons.chain(said.failures.iter().map(DecideError::reason)).collect();
        let mut seen = std::collections::BTreeSet::new();
        reasons.retain(|reason| seen.insert(reason.clone()));
        return deny(if said.denied { Cause::Policy } else { worst(&said.failures) }, reasons);
    }
    if let Some(reason) = unread {
        return deny(Cause::Unparsed, vec![reason]);
    }
    if !said.allowed && allow_needed(said, stage, document) {
        return deny(Cause::Policy, Vec::new());
    }
    let unfulfilled = unfulfilled(said);
    if unfulfilled.is_empty() { Verdict::Allow } else { deny(Cause::Obligation, unfulfilled) }
}

fn deny(cause: Cause, reasons: Vec<String>) -> Verdict {
    Verdict::Deny { cause, reasons }
}

/// The failure that operators should hear of first.
fn worst(failures: &[DecideError]) -> Cause {
    const ORDER: [Cause; 8] = [
        Cause::NoBundle,
        Cause::Overload,
        Cause::Deadline,
        Cause::Error,
        Cause::Type,
        Cause::Undefined,
        Cause::Unknown,
        Cause::Limit,
    ];
    let causes: Vec<_> = failures.iter().map(DecideError::cause).collect();
    ORDER.into_iter().find(|cause| causes.contains(cause)).unwrap_or(Cause::Error)
}

fn allow_needed(said: &Said, stage: Stage, document: &Document) -> bool {
    match stage {
        Stage::Request => said.sole || !effects_within(document, &FREE),
        Stage::Session | Stage::Response | Stage::Commit => said.sole,
    }
}

/// What the decision asks for that this version cannot do, in the operator's words.
fn unfulfilled(said: &Said) -> Vec<String> {
    let mut unfulfilled = Vec::new();
    if let Some(approval) = said.approval() {
        let approvers = approval.approvers.join(", ");
        unfulfilled
            .push(format!("needs approval by {approvers} ({}), which this version cannot carry out", approval.reason));
    }
    match said.record {
        None | Some(Record::None) => {}
        Some(Record::Statements | Record::Full) => {
            unfulfilled.push("needs a recording, which this version cannot carry out".to_owned());
        }
    }
    unfulfilled
}

/// Whether this statement touches a relation that is masked, or may.
fn binding_masks(said: &Said, document: &Document) -> bool {
    let path = ["sql", "relations"];
    if said.masks.is_empty() || !document.has_section("sql") {
        return false;
    }
    let touched = document.get(&path).and_then(Value::as_array).filter(|_| document.unknown_under(&path).is_none());
    let binds = |table: &String| match (touched, name::relation(table)) {
        (Some(touched), Ok(masked)) => touched.iter().any(|relation| {
            relation.get("schema").and_then(Value::as_str) == Some(&masked.schema)
                && relation.get("name").and_then(Value::as_str) == Some(&masked.name)
        }),
        (None, _) | (_, Err(_)) => true,
    };
    said.masks.keys().any(binds)
}

fn binding_limit(said: &Said, stage: Stage, document: &Document) -> Option<RowLimit> {
    // Where there is no statement, no rows come back.
    let rows_may_come = stage == Stage::Request && document.has_section("sql");
    said.limit.filter(|_| rows_may_come && !effects_within(document, &ROWLESS))
}

/// Whether the statement's effects are all among these. No list of effects is not an empty one.
fn effects_within(document: &Document, allowed: &[&str]) -> bool {
    let effects = document.get(&["sql", "effects"]).and_then(Value::as_array);
    effects.is_some_and(|effects| {
        effects.iter().all(|effect| effect.as_str().is_some_and(|effect| allowed.contains(&effect)))
    })
}

/// Why the statement could not be read whole; `None` when it could, or there is none.
fn unparsed_reason(document: &Document) -> Option<String> {
    let unparsed = document.get(&["sql", "unparsed"]).filter(|unparsed| !unparsed.is_null())?;
    Some(unparsed.get("reason").and_then(Value::as_str).unwrap_or("the statement could not be read").to_owned())
}

/// Whether there is an object to show: not when the one rule that is the decision gave none.
fn usable(said: &Said) -> bool {
    said.failures.is_empty() || !said.sole
}

/// The decision object of the contract.
fn result(said: &Said, verdict: &Verdict) -> Value {
    let (allow, reasons) = match verdict {
        Verdict::Allow | Verdict::Unasked => (true, said.allows.iter().cloned().collect()),
        Verdict::Deny { reasons, .. } => (false, reasons.clone()),
    };
    let mut result = Map::new();
    let mut put = |name: &str, value: Value| {
        result.insert(name.to_owned(), value);
    };
    put("allow", json!(allow));
    put("reasons", json!(reasons));
    if !said.masks.is_empty() {
        put("mask", json!(said.masks));
    }
    if let Some(approval) = said.approval() {
        put("approval", json!(approval));
    }
    if let Some(limit) = said.limit {
        put("limit", json!(limit));
    }
    if said.unparsed {
        put("unparsed", json!(true));
    }
    if said.strict {
        put("audit", json!("strict"));
    }
    if let Some(record) = said.record {
        put("record", json!(record));
    }
    if !said.alerts.is_empty() {
        put("alerts", json!(said.alerts));
    }
    Value::Object(result)
}
