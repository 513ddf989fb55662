//! What all rules together said, in one form for both kinds of entrypoint.

use std::collections::BTreeSet;

use super::answer::{Alert, Answer, Approval, Audit, DecisionObject, Masks, Record, RowLimit};
use super::error::DecideError;
use super::name;
use crate::bundle::EntrySet;

/// The union of every rule's answer.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) allowed: bool,
    pub(super) denied: bool,
    pub(super) allows: BTreeSet<String>,
    pub(super) denials: BTreeSet<String>,
    pub(super) failures: Vec<DecideError>,
    pub(super) approvals: Vec<Approval>,
    pub(super) masks: Masks,
    pub(super) limit: Option<RowLimit>,
    pub(super) unparsed: bool,
    pub(super) strict: bool,
    pub(super) record: Option<Record>,
    pub(super) alerts: Vec<Alert>,
    /// Whether the decision must allow by itself: true of any entrypoint but the combined packages.
    pub(super) sole: bool,
}

impl Said {
    /// Adds one set of one package.
    pub(super) fn add(&mut self, set: EntrySet, answer: &Answer) {
        match answer {
            Answer::Reasons(reasons) => self.add_reasons(set, reasons),
            Answer::Approvals(approvals) => add_new(&mut self.approvals, approvals),
            Answer::Masks(masks) => masks.iter().for_each(|mask| {
                // Checked when the answer was read.
                if let Ok((relation, column)) = name::column(&mask.column) {
                    let columns = self.masks.entry(relation.to_string()).or_default();
                    match columns.get_mut(&column) {
                        Some(present) => *present = present.and(&mask.with),
                        None => _ = columns.insert(column, mask.with.clone()),
                    }
                }
            }),
            Answer::Limits(limits) => limits.iter().for_each(|limit| self.add_limit(*limit)),
            Answer::Audits(audits) => self.strict |= !audits.is_empty(),
            Answer::Records(records) => self.record = self.record.max(records.iter().max().copied()),
            Answer::Alerts(alerts) => add_new(&mut self.alerts, alerts),
            Answer::Boolean(_) | Answer::Object(_) => self.add_decision(answer),
        }
    }

    /// Takes the value of the one rule that is the decision.
    pub(super) fn add_decision(&mut self, answer: &Answer) {
        self.sole = true;
        match answer {
            Answer::Boolean(allow) => {
                self.allowed = *allow;
                self.denied = !allow;
            }
            Answer::Object(object) => self.add_object(object),
            Answer::Reasons(_)
            | Answer::Approvals(_)
            | Answer::Masks(_)
            | Answer::Limits(_)
            | Answer::Audits(_)
            | Answer::Records(_)
            | Answer::Alerts(_) => self.denied = true,
        }
    }

    /// The approvals as the one that the contract's object has room for: everybody's demands together.
    pub(super) fn approval(&self) -> Option<Approval> {
        let (first, rest) = self.approvals.split_first()?;
        Some(rest.iter().fold(first.clone(), |mut all, next| {
            if !all.reason.split("; ").any(|reason| reason == next.reason) {
                all.reason = format!("{}; {}", all.reason, next.reason);
            }
            all.approvers.extend(next.approvers.iter().cloned());
            all.approvers.sort();
            all.approvers.dedup();
            all.quorum = all.quorum.max(next.quorum);
            all.hold = shorter(all.hold, next.hold.as_ref());
            all.valid = shorter(all.valid, next.valid.as_ref());
            all
        }))
    }

    fn add_reasons(&mut self, set: EntrySet, reasons: &[String]) {
        let present = !reasons.is_empty();
        match set {
            EntrySet::Allow => {
                self.allowed |= present;
                self.allows.extend(reasons.iter().cloned());
            }
            EntrySet::AllowUnparsed => self.unparsed |= present,
            // Sets of another type never have reasons; were it ever so, they deny.
            EntrySet::Deny
            | EntrySet::DenySession
            | EntrySet::DenyResponse
            | EntrySet::DenyCommit
            | EntrySet::Approve
            | EntrySet::Mask
            | EntrySet::Limit
            | EntrySet::Audit
            | EntrySet::Record
            | EntrySet::Alert => {
                self.denied |= present;
                self.denials.extend(reasons.iter().cloned());
            }
        }
    }

    fn add_limit(&mut self, limit: RowLimit) {
        let present = self.limit.unwrap_or_default();
        self.limit =
            Some(RowLimit { rows: smaller(present.rows, limit.rows), bytes: smaller(present.bytes, limit.bytes) });
    }

    fn add_object(&mut self, object: &DecisionObject) {
        self.allowed = object.allow;
        self.denied = !object.allow;
        let reasons = if object.allow { &mut self.allows } else { &mut self.denials };
        reasons.extend(object.reasons.iter().cloned());
        self.approvals.extend(object.approval.iter().cloned());
        self.masks = object.mask.iter().map(|(table, columns)| (canonical(table), columns.clone())).collect();
        self.limit = object.limit;
        self.unparsed = object.unparsed == Some(true);
        self.strict = object.audit == Some(Audit::Strict);
        self.record = object.record;
        self.alerts.clone_from(&object.alerts);
    }
}

/// A relation's name in one spelling. What is none was refused when the answer was read.
fn canonical(table: &str) -> String {
    name::relation(table).map_or_else(|_| table.to_owned(), |relation| relation.to_string())
}

/// Two packages may say the same: the union has it once.
fn add_new<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

fn smaller(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (only, None) | (None, only) => only,
    }
}

fn shorter(a: Option<String>, b: Option<&String>) -> Option<String> {
    let span = |text: &String| humantime::parse_duration(text).unwrap_or_default();
    match (a, b) {
        (Some(a), Some(b)) => Some(if span(b) < span(&a) { b.clone() } else { a }),
        (a, b) => a.or_else(|| b.cloned()),
    }
}
