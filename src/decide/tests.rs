mod cache;
mod combination;
mod library;
mod memo;
mod odd;
mod oracle;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use super::{Decider, Decision, Settings, Verdict};
use crate::bundle::stub::StubRule;
use crate::bundle::{EntrySet, Policy};
use crate::config::AuditRule;
use crate::input::Document;
use crate::model::{Cause, Stage};
use crate::telemetry::Metrics;

fn settings() -> Settings {
    Settings {
        decision: "sidegate/decision".into(),
        deadline: Duration::from_secs(5),
        evaluators: 1,
        audit: AuditRule::Auto,
        cache: 1024 * 1024,
        metrics: Metrics::new(),
    }
}

fn decider() -> Decider {
    Decider::new(settings()).unwrap()
}

/// A rule of `policies.shop` that reads nothing but the SQL section.
fn rule(set: EntrySet) -> StubRule<'static> {
    StubRule { package: "policies.shop", set, reads: &["sql.effects", "caller"], deterministic: true }
}

/// One package, `policies.shop`, with the rules that its text has.
fn shop(body: &str) -> Arc<Policy> {
    let has =
        |set: &EntrySet| body.lines().any(|line| line.trim_start().starts_with(&format!("{} contains", set.name())));
    let rules: Vec<_> = EntrySet::ALL.into_iter().filter(has).map(rule).collect();
    Policy::stub(&[&format!("package policies.shop\n{body}\n")], &rules, 1)
}

async fn say(policy: Arc<Policy>, document: Document) -> Decision {
    decider().decide(Some(policy), Stage::Request, document).await
}

fn denial(decision: &Decision) -> (Cause, Vec<&str>) {
    match decision.verdict() {
        Verdict::Deny { cause, reasons } => (*cause, reasons.iter().map(String::as_str).collect()),
        Verdict::Allow | Verdict::Unasked => panic!("allowed: {:?}", decision.result()),
    }
}

fn allowed(decision: &Decision) -> bool {
    *decision.verdict() == Verdict::Allow
}
