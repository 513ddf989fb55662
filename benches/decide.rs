//! What a cached answer costs beside an evaluated one. Only the ratio means anything: both are
//! measured in turns in one run.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails, and says what it found"
)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sidegate::bundle::{self, Policy};
use sidegate::config::{AuditRule, BundleLocation, BundleSource};
use sidegate::decide::{Decider, Settings};
use sidegate::input::{Opening, PolicyInfo, SessionContext, session_document};
use sidegate::model::{Caller, Labels, Method, SessionId, Stage, Target, Workload};
use sidegate::telemetry::Metrics;

const ROUNDS: usize = 7;
const QUESTIONS: u32 = 2_000;

/// Both read who is calling; one reads what changes with every question, too.
const CALLER: &str = "package policies.shop

deny_session contains \"not one of us\" if not member

member if \"analysts\" in input.caller.groups
";
const COUNTER: &str = "package policies.shop

deny_session contains \"not one of us\" if not member

deny_session contains \"too many\" if input.session.statements > 1000000000

member if \"analysts\" in input.caller.groups
";

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (same, changing) = (policy(CALLER), policy(COUNTER));
    // A decider asks the snapshots of one store: these two are not.
    let (for_same, for_changing) = (decider(), decider());
    let mut context = context();
    let mut hits = Vec::new();
    let mut misses = Vec::new();
    for _ in 0..ROUNDS {
        hits.push(runtime.block_on(ask(&for_same, &same, &mut context)));
        misses.push(runtime.block_on(ask(&for_changing, &changing, &mut context)));
    }
    let (hit, miss) = (median(hits), median(misses));
    println!("cached: {hit:?} a question, document included");
    println!("evaluated: {miss:?} a question");
    println!("evaluated/cached: {:.1}", miss.as_secs_f64() / hit.as_secs_f64());
}

async fn ask(decider: &Decider, policy: &Arc<Policy>, context: &mut SessionContext) -> Duration {
    let (now, info) = (Timestamp::now(), PolicyInfo::new(policy.revisions(), policy.activated_at()));
    let started = Instant::now();
    for _ in 0..QUESTIONS {
        context.statements += 1;
        let document = session_document(context, now, &info);
        let decision = decider.decide(Some(Arc::clone(policy)), Stage::Session, document).await;
        std::hint::black_box(decision);
    }
    started.elapsed() / QUESTIONS
}

fn decider() -> Decider {
    Decider::new(Settings {
        decision: "sidegate/decision".into(),
        deadline: Duration::from_secs(1),
        evaluators: 1,
        audit: AuditRule::Auto,
        cache: 64 * 1024 * 1024,
        metrics: Metrics::new(),
    })
    .unwrap()
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort();
    rounds.swap_remove(rounds.len() / 2)
}

fn policy(source: &str) -> Arc<Policy> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("shop.rego"), source).unwrap();
    let location = BundleLocation::Directory(directory.path().to_owned());
    let sources = vec![BundleSource { name: "main".to_owned(), location }];
    let mut settings = bundle::Settings::new(sources, "sidegate/decision".to_owned(), Duration::from_secs(1));
    settings.program = env!("CARGO_BIN_EXE_sidegate").into();
    bundle::load(&settings).unwrap()
}

fn context() -> SessionContext {
    let opening = Opening {
        id: SessionId::random(),
        caller: Caller {
            subject: "alice".to_owned(),
            issuer: None,
            method: Method::Scram,
            verified: true,
            groups: vec!["analysts".to_owned()],
            claims: serde_json::Map::new(),
            expires_at: None,
            actor: None,
        },
        workload: Workload::default(),
        target: Target {
            listener: "orders-db".to_owned(),
            address: "127.0.0.1:5432".to_owned(),
            database: "orders".to_owned(),
            user: "orders_app".to_owned(),
            labels: Labels::new(),
        },
        started_at: Timestamp::now(),
        address: "127.0.0.1:50112".to_owned(),
        user: "alice".to_owned(),
        application_name: "bench".to_owned(),
        parameters: BTreeMap::new(),
    };
    SessionContext::new(&opening, Some(vec!["public".to_owned()]))
}
