//! For people: which rules said what.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::decider::{Decider, Reply};
use super::decision::Decision;
use super::error::DecideError;
use crate::bundle::Policy;
use crate::input::Document;
use crate::model::Stage;

/// A decision with what every rule said about it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The decision itself.
    pub decision: Decision,
    /// Every rule that was asked, in the order of packages and sets.
    pub rules: Vec<RuleReport>,
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleReport {
    /// Its package, such as `policies.shop`; of a decision that is one rule, the rule's own path.
    pub package: String,
    /// Which set it is; empty for a decision that is one rule.
    pub set: String,
    /// The set's members; the value of a decision that is one rule.
    pub members: Vec<Value>,
    /// Why it has none that could be used.
    pub error: Option<String>,
    /// It was not asked: it reads what cannot be known of a statement that could not be read.
    pub skipped: bool,
}

impl Decider {
    /// Asks like [`Decider::decide`], and tells what every rule said.
    pub async fn explain(&self, policy: Option<Arc<Policy>>, stage: Stage, document: Document) -> Explanation {
        let started = Instant::now();
        let policy = match self.ready(policy, stage, &document, started) {
            Ok(policy) => policy,
            Err(decision) => return Explanation { decision: *decision, rules: Vec::new() },
        };
        let replies = self.ask(&policy, stage, &document).await;
        let rules = replies.iter().map(report).collect();
        Explanation { decision: self.conclude(&policy, stage, document, &replies, started), rules }
    }
}

fn report(reply: &Reply<'_>) -> RuleReport {
    let (package, set) = reply
        .rule
        .map_or((reply.path.trim_start_matches("data."), ""), |rule| (rule.package.as_str(), rule.set.name()));
    let members = match &reply.answer {
        Some(Ok(answer)) => match serde_json::to_value(answer.as_ref()) {
            Ok(Value::Array(members)) => members,
            Ok(value) => vec![value],
            Err(_) => Vec::new(),
        },
        Some(Err(_)) | None => Vec::new(),
    };
    RuleReport {
        package: package.to_owned(),
        set: set.to_owned(),
        members,
        error: reply.answer.as_ref().and_then(|answer| answer.as_ref().err()).map(DecideError::to_string),
        skipped: reply.answer.is_none(),
    }
}
