//! `sidegate explain`: what a statement parses to, the decision, and the rules that made it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::args::{ExplainArguments, Format};
use super::furnish::{self, FurnishError};
use super::output::{self, Exit};
use crate::bundle;
use crate::config::{Config, Listener, Settings};
use crate::decide::{self, Decider, Explanation, Verdict};
use crate::input::{self, Document, Opening, PolicyInfo, SessionContext};
use crate::model::{Caller, Method, SessionId, Stage, Target};
use crate::parse::{
    self, Encoding, Estimate, Names, Planning, Quoting, Reader, Reading, ReadingLimits, Remembered, Request, Stack,
};
use crate::telemetry::Metrics;
use crate::wire::postgres::{Query, WireError};

#[derive(Debug, thiserror::Error)]
enum ExplainError {
    #[error("no listener is called `{name}`; there are: {known}")]
    Listener { name: String, known: String },
    #[error("no bundle serves: {reason}")]
    Policy { reason: String },
    #[error("the runtime cannot start: {source}")]
    Runtime { source: std::io::Error },
    #[error("the statement cannot be sent: {0}")]
    Statement(#[from] WireError),
    #[error(transparent)]
    Furnish(#[from] FurnishError),
}

/// Explains; exit 1 if the statement would be refused.
pub(super) fn explain(arguments: &ExplainArguments) -> Exit {
    let warn = |warning: &dyn Display| output::complain(&format!("warning: {warning}"));
    let config = match output::load(&arguments.config, warn) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let explained = runtime
        .map_err(|source| ExplainError::Runtime { source })
        .and_then(|runtime| runtime.block_on(explained(&config, arguments)));
    let (document, explanation) = match explained {
        Ok(explained) => explained,
        Err(error) => return output::fail(&error),
    };
    let text = match arguments.format {
        Format::Json => in_json(&document, &explanation).to_string(),
        Format::Text => in_words(&document, &explanation),
    };
    match (output::say(&text), explanation.decision.verdict()) {
        (Exit::Ok, Verdict::Deny { .. }) => Exit::No,
        (printed, _) => printed,
    }
}

async fn explained(config: &Config, arguments: &ExplainArguments) -> Result<(Document, Explanation), ExplainError> {
    let listener = listener(config, arguments.listener.as_deref())?;
    let policy = bundle::load(&furnish::bundles(config)).map_err(|problems| ExplainError::Policy {
        reason: problems.iter().map(bundle::Problem::to_string).collect::<Vec<_>>().join("; "),
    })?;
    let request = request(listener, &arguments.statement).await?;
    // No server is asked here.
    let planned = policy.reads_estimate() && request.facts().planning() != Planning::Nothing;
    let request = request.expected(if planned { Estimate::Unknown } else { Estimate::Nothing });
    let context = SessionContext::new(&opening(config, listener, &arguments.subject), path(listener));
    let info = PolicyInfo::new(policy.revisions(), policy.activated_at());
    let document = input::request_document(&context, &request, jiff::Timestamp::now(), &info);
    let decider = Decider::new(decide::Settings::of(&config.sidegate, Metrics::new())).map_err(FurnishError::from)?;
    let explanation = decider.explain(Some(policy), Stage::Request, document.clone()).await;
    Ok((document, explanation))
}

fn listener<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Listener, ExplainError> {
    let listeners = &config.sidegate.listeners;
    let found = match name {
        Some(name) => listeners.iter().find(|listener| listener.name.as_str() == name),
        None => listeners.first(),
    };
    found.ok_or_else(|| ExplainError::Listener {
        name: name.unwrap_or_default().to_owned(),
        known: listeners.iter().map(|listener| listener.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

fn path(listener: &Listener) -> Option<Vec<String>> {
    match &listener.settings {
        Settings::Pinned(_) => Some(listener.settings.user_schemas()),
        Settings::Free => None,
    }
}

async fn request(listener: &Listener, statement: &str) -> Result<Request, ExplainError> {
    let frame = Query { sql: statement.as_bytes() }.encode()?;
    let reader = Reader::new(1, 0, Stack::Ordinary).map_err(FurnishError::from)?;
    let nothing = Remembered::new();
    let names = match path(listener).as_deref() {
        Some([schema]) => Names::Certain { schema: Arc::from(schema.as_str()) },
        Some(_) | None => Names::Uncertain,
    };
    let reading = Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names,
        read_only: listener.settings.holds_read_only(),
        limits: ReadingLimits { statement: listener.limits.statement, tokens: listener.limits.tokens },
        prepared: &nothing,
        cursors: &nothing,
    };
    let facts = reader.statement(statement, &reading).await;
    Ok(parse::simple(frame, Arc::from(statement), facts))
}

fn opening(config: &Config, listener: &Listener, subject: &str) -> Opening {
    Opening {
        id: SessionId::random(),
        caller: Caller {
            subject: subject.to_owned(),
            issuer: None,
            method: Method::Workload,
            verified: true,
            groups: Vec::new(),
            claims: Map::new(),
            expires_at: None,
            actor: None,
        },
        workload: config.sidegate.workload.clone(),
        target: Target {
            listener: listener.name.to_string(),
            address: listener.upstream.address.to_string(),
            database: String::new(),
            user: listener.upstream.user.clone(),
            labels: listener.labels.clone(),
        },
        started_at: jiff::Timestamp::now(),
        address: "127.0.0.1:0".to_owned(),
        user: subject.to_owned(),
        application_name: "sidegate explain".to_owned(),
        parameters: BTreeMap::new(),
    }
}

fn in_json(document: &Document, explanation: &Explanation) -> Value {
    let decision = &explanation.decision;
    let cause = match decision.verdict() {
        Verdict::Deny { cause, .. } => Some(cause.label()),
        Verdict::Allow | Verdict::Unasked => None,
    };
    json!({
        "input": document.to_value(),
        "result": decision.result(),
        "cause": cause,
        "error": decision.error(),
        "rules": explanation.rules,
    })
}

fn in_words(document: &Document, explanation: &Explanation) -> String {
    let mut lines = Vec::new();
    for name in [
        "effects",
        "describes",
        "statements",
        "relations",
        "columns",
        "functions",
        "settings",
        "parameters",
        "estimate",
        "unparsed",
    ] {
        let value = document.get(&["sql", name]).filter(|value| !is_nothing(value));
        lines.extend(value.map(|value| format!("{name:>11}: {value}")));
    }
    if !document.unknown().is_empty() {
        lines.push(format!("{:>11}: {}", "unknown", document.unknown().join(", ")));
    }
    let decision = &explanation.decision;
    lines.push(match decision.verdict() {
        Verdict::Allow | Verdict::Unasked => format!("{:>11}: allowed", "decision"),
        Verdict::Deny { cause, reasons } if reasons.is_empty() => {
            format!("{:>11}: denied (`{}`): no rule allows it", "decision", cause.label())
        }
        Verdict::Deny { cause, reasons } => {
            format!("{:>11}: denied (`{}`): {}", "decision", cause.label(), reasons.join("; "))
        }
    });
    for rule in &explanation.rules {
        let said = match (&rule.error, rule.skipped) {
            (Some(error), _) => format!("failed: {error}"),
            (None, true) => "not asked: it reads what is unknown of this statement".to_owned(),
            (None, false) if rule.members.is_empty() => "nothing".to_owned(),
            (None, false) => rule.members.iter().map(Value::to_string).collect::<Vec<_>>().join(", "),
        };
        lines.push(format!("{:>11}: {} {}: {said}", "rule", rule.package, rule.set));
    }
    lines.join("\n")
}

/// What does not apply is left out; what is not known stands under `unknown`.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}
