//! The host's combination against the same combination in Rego, asked of real OPA.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::*;
use crate::input::stub::{asked, context, now, policy, request};
use crate::input::{PolicyInfo, request_document};
use crate::parse::Effect;

const LIBRARY: &str = include_str!("../../../rego/sidegate/sql.rego");

const PACKAGES: [&str; 3] = [
    "package policies.shop

import data.sidegate.sql

allow contains \"analysts may read customers\" if {
	\"analysts\" in input.caller.groups
	sql.reads_only
	sql.only_touches({\"public.customers\"})
}

allow contains \"metadata is for everybody\" if sql.metadata

deny contains \"nobody drops tables\" if \"ddl\" in input.sql.effects
",
    "package policies.shop.night

deny contains \"not at night\" if input.time.hour < 6

alert contains {\"severity\": \"low\", \"message\": message} if {
	some relation in input.sql.relations
	message := relation.id
}
",
    "package policies.billing

import data.sidegate.sql

allow contains \"billing reads\" if sql.reads_only

deny contains reason if {
	some statement in input.sql.statements
	statement.where == false
	reason := concat(\" \", [statement.command, \"without WHERE\"])
}

deny contains \"changes data\" if sql.changes_data
",
];

const COMBINATION: &str = "package combination

denials contains reason if {
	some path, value
	walk(data.policies, [path, value])
	path[count(path) - 1] == \"deny\"
	some reason in value
}

allows contains reason if {
	some path, value
	walk(data.policies, [path, value])
	path[count(path) - 1] == \"allow\"
	some reason in value
}

alerts contains alert if {
	some path, value
	walk(data.policies, [path, value])
	path[count(path) - 1] == \"alert\"
	some alert in value
}

free if {
	every effect in input.sql.effects { effect in {\"session\", \"transaction\"} }
}

default allowed := false

allowed if {
	count(denials) == 0
	count(allows) > 0
}

allowed if {
	count(denials) == 0
	free
}

reasons := sort(allows) if allowed
else := sort(denials)

answer := {\"allow\": allowed, \"reasons\": reasons, \"alerts\": sort(alerts)}
";

fn night() -> crate::input::Document {
    let at = "2026-11-21T03:00:00Z".parse().unwrap();
    request_document(
        &context(),
        &request(crate::input::stub::facts(), vec![crate::input::stub::seven()]),
        at,
        &policy(),
    )
}

fn documents() -> Vec<crate::input::Document> {
    let with = |list: &[Effect]| asked(|facts| facts.effects = list.iter().copied().collect());
    vec![
        asked(|_| {}),
        night(),
        with(&[Effect::Write]),
        with(&[Effect::Read, Effect::Ddl]),
        with(&[Effect::Transaction]),
        with(&[Effect::Session, Effect::Read]),
        with(&[]),
        with(&[Effect::Notify]),
        asked(|facts| facts.statements[0].has_where = false),
        asked(|facts| facts.relations.clear()),
        asked(|facts| {
            facts.relations[0].id = "pg_catalog.pg_class".to_owned();
            facts.relations[0].schema = Some("pg_catalog".to_owned());
            facts.relations[0].name = "pg_class".to_owned();
        }),
        asked(|facts| {
            let mut second = facts.relations[0].clone();
            second.id = "public.orders".to_owned();
            second.name = "orders".to_owned();
            facts.relations.push(second);
        }),
        request_document(
            &context(),
            &request(crate::input::stub::facts(), vec![crate::input::stub::seven()]),
            now(),
            &PolicyInfo::none(),
        ),
    ]
}

fn ask_opa(directory: &std::path::Path, input: &Value) -> Value {
    let mut opa = Command::new("opa")
        .args(["eval", "--format", "raw", "--stdin-input", "--strict-builtin-errors", "--data"])
        .arg(directory)
        .arg("data.combination.answer")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    opa.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = opa.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_host_combines_as_opa_does() {
    let directory = tempfile::tempdir().unwrap();
    let modules = [LIBRARY, COMBINATION, PACKAGES[0], PACKAGES[1], PACKAGES[2]];
    for (number, module) in modules.iter().enumerate() {
        std::fs::write(directory.path().join(format!("{number}.rego")), module).unwrap();
    }
    let rules = [
        ("policies.shop", EntrySet::Allow),
        ("policies.shop", EntrySet::Deny),
        ("policies.shop.night", EntrySet::Deny),
        ("policies.shop.night", EntrySet::Alert),
        ("policies.billing", EntrySet::Allow),
        ("policies.billing", EntrySet::Deny),
    ]
    .map(|(package, set)| StubRule { package, set, reads: &["sql", "time", "caller"], deterministic: true });
    let policy = Policy::stub(&[LIBRARY, PACKAGES[0], PACKAGES[1], PACKAGES[2]], &rules, 1);
    let decider = decider();
    let mut allowed_ones = 0;
    for document in documents() {
        let expected = ask_opa(directory.path(), &document.to_value());
        let decision = decider.decide(Some(policy.clone()), Stage::Request, document.clone()).await;
        assert_eq!(decision.error(), None);
        let result = decision.result().unwrap();
        assert_eq!(result["allow"], expected["allow"], "{document:?}");
        assert_eq!(result["reasons"], expected["reasons"]);
        assert_eq!(result.get("alerts").cloned().unwrap_or(json!([])), expected["alerts"]);
        assert_eq!(allowed(&decision), expected["allow"] == json!(true));
        allowed_ones += usize::from(allowed(&decision));
    }
    assert!((3..10).contains(&allowed_ones), "{allowed_ones}");
}

#[test]
fn the_library_and_its_tests_pass_in_opa() {
    let run = |arguments: &[&str]| {
        let output = Command::new("opa").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["check", "--strict", "--schema", "rego/schema/input.json", "rego/sidegate"]);
    run(&["test", "rego/sidegate"]);
}
