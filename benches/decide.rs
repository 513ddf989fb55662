//! What an answer costs with the sample bundle `app-guardrails`, the document included: one that the session has just
//! had, one whose every rule is in the cache, and one that must be evaluated. Run with `cargo bench --bench decide`;
//! with `--profile-time 5` under a profiler.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(missing_docs, reason = "criterion's macros make functions without")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use parking_lot::Mutex;
use sidegate::bundle::{self, Policy};
use sidegate::config::{AuditRule, BundleLocation, BundleSource};
use sidegate::decide::{Decider, Memo, Settings, Verdict};
use sidegate::input::{Opening, PolicyInfo, SessionContext, request_document};
use sidegate::model::{Caller, Labels, Method, SessionId, Stage, Target, Workload};
use sidegate::parse::{self, Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Request, Stack};
use sidegate::telemetry::Metrics;
use sidegate::wire::postgres::Frame;

fn questions(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (policy, decider, context) = (policy(), decider(), context());
    let info = PolicyInfo::new(policy.revisions(), policy.activated_at());
    let now = Timestamp::now();
    let ask = async |memo: Option<&Mutex<Memo>>, request: &Request| {
        let document = request_document(&context, request, now, &info);
        let policy = Some(Arc::clone(&policy));
        let decision = match memo {
            Some(memo) => decider.decide_within(memo, policy, Stage::Request, document).await,
            None => decider.decide(policy, Stage::Request, document).await,
        };
        assert_eq!(*decision.verdict(), Verdict::Allow);
        decision
    };
    let known = request("SELECT abalance FROM pgbench_accounts WHERE aid = 12345");
    criterion.bench_function("document: lookup", |bencher| {
        bencher.iter(|| request_document(&context, &known, now, &info));
    });
    let memo = Mutex::new(Memo::default());
    criterion.bench_function("question that the session had last", |bencher| {
        bencher.iter(|| runtime.block_on(ask(Some(&memo), &known)));
    });
    criterion.bench_function("question whose answers are cached", |bencher| {
        bencher.iter(|| runtime.block_on(ask(None, &known)));
    });
    let mut number = 0_u64;
    criterion.bench_function("question that is evaluated", |bencher| {
        let new = || {
            number += 1;
            request(&format!("SELECT c{number} FROM pgbench_accounts WHERE aid = 12345"))
        };
        bencher.iter_batched(new, |request| runtime.block_on(ask(None, &request)), BatchSize::SmallInput);
    });
}

fn request(text: &str) -> Request {
    static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(1, 0, Stack::Ordinary).unwrap());
    let nothing = Remembered::new();
    let reading = Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: "public".into() },
        read_only: true,
        limits: ReadingLimits::default(),
        prepared: &nothing,
        cursors: &nothing,
    };
    let facts = READER.statement_blocking(text, &reading);
    parse::simple(Frame::build(b'Q', &[text.as_bytes(), b"\0"].concat()).unwrap(), text.into(), facts)
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

fn policy() -> Arc<Policy> {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/bundles/app-guardrails");
    let sources = vec![BundleSource { name: "main".to_owned(), location: BundleLocation::Directory(sample.into()) }];
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

criterion_group!(benches, questions);
criterion_main!(benches);
