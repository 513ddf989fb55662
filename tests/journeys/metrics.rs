//! What operators watch moves when something happens.

use crate::harness::{Setup, said, until};

const READERS: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"reads\" if sql.reads_only\n\n\
    deny contains \"no grants\" if \"dcl\" in input.sql.effects\n";

#[test]
fn what_happens_to_statements_is_counted() {
    let sidegate = Setup::policy(READERS).start();
    for _ in 0..2 {
        assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from customers"])), "100\n");
    }
    sidegate.psql(&["-c", "grant select on customers to public"]);
    sidegate.psql(&["-c", "this is not sql"]);
    sidegate.event_of("this is not sql");
    let counted = |name: &str| until(name, || Some(sidegate.metric(name)).filter(|count| *count > 0.0));
    assert!(counted("sidegate_sessions_total") >= 4.0);
    assert!((counted("sidegate_unparsed_total") - 1.0).abs() < 0.5);
    assert!(counted("sidegate_decision_cache_hits_total") >= 2.0, "the second read is a repeat");
    assert!(counted("sidegate_decision_cache_misses_total") >= 2.0);
    assert!(counted("sidegate_evaluation_seconds_count") >= 1.0);
    assert!(counted("sidegate_journal_records_total") >= 8.0, "each decision has an intent and an outcome");
    assert!(counted("sidegate_journal_bytes_total") > 1000.0);
    assert!(counted("sidegate_journal_sync_seconds_count") >= 1.0, "denials wait for the disk");
    for name in ["opa_info", "http_request_duration_seconds_count", "last_success_bundle_activation"] {
        counted(name);
    }
    let (_, text) = sidegate.get("/metrics").expect("metrics answer");
    for line in [
        "sidegate_decisions_total{listener=\"shop\",stage=\"request\",outcome=\"denied\",cause=\"policy\"} 1\n",
        "sidegate_decisions_total{listener=\"shop\",stage=\"request\",outcome=\"denied\",cause=\"unparsed\"} 1\n",
        "plugin_status_gauge{name=\"bundle\",status=\"OK\"} 1\n",
        "plugin_status_gauge{name=\"sidegate\",status=\"OK\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_connection_beyond_the_limit_is_counted() {
    let sidegate = Setup::open().listener("limits: {connections: 1}").start();
    let output = sidegate.psql(&["-c", "\\! true", "-c", &format!("\\! {}", second(&sidegate))]);
    let text = said(&output);
    assert!(text.contains("too many connections to sidegate"), "{text}");
    assert!((sidegate.metric("sidegate_connections_refused_total") - 1.0).abs() < 0.5);
}

/// A psql that runs inside another one's session.
fn second(sidegate: &crate::harness::Sidegate) -> String {
    format!("psql -X -h 127.0.0.1 -p {} -U bob -d {} -c 'select 1' 2>&1", sidegate.port, sidegate.database)
}
