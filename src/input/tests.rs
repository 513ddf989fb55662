use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::stub::{asked, context, facts, lone, now, opened, policy, property_names, request, seven, unparsed};
use super::*;
use crate::parse::{Access, Effect, Protocol, RelationFacts};

const SCHEMA: &str = include_str!("../../rego/schema/input.json");

fn problems(document: &Value) -> Option<String> {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("input.json", serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let schema = compiler.compile("input.json", &mut schemas).unwrap();
    schemas.validate(document, schema).err().map(|error| error.to_string())
}

fn of(facts: crate::parse::Facts, parameters: Vec<crate::parse::Parameter>) -> Document {
    request_document(&context(), &request(facts, parameters), now(), &policy())
}

#[test]
fn every_document_the_program_builds_is_what_the_schema_says() {
    let mut uncertain = context();
    uncertain.search_path = None;
    uncertain.transaction_uncertain = true;
    let documents = [
        opened(),
        asked(|_| {}),
        of(unparsed(), Vec::new()),
        of(facts(), Vec::new()),
        session_document(&uncertain, now(), &PolicyInfo::none()),
        asked(|facts| facts.unknown = BTreeSet::from(["sql.columns", "sql.functions", "sql.relations"])),
        asked(|facts| facts.sensitive = true),
        response_document(&asked(|_| {}), &answered()),
        response_document(&of(unparsed(), Vec::new()), &Answered::default()),
        commit_document(&asked(|_| {}), &done()),
        commit_document(&asked(|_| {}), &Done { relations: None, rows_written: None, ..done() }),
    ];
    for document in documents {
        assert_eq!(problems(&document.to_value()), None, "{}", document.to_value());
    }
}

fn answered() -> Answered {
    let column = |relation: Option<&str>| AnsweredColumn {
        name: "email".to_owned(),
        relation: relation.map(str::to_owned),
        column: relation.map(|_| "email".to_owned()),
    };
    let columns = Some(vec![column(Some("public.customers")), column(None)]);
    Answered { columns, uncertain: false, rows: 2, bytes: 60, error: Some("22012".to_owned()) }
}

fn done() -> Done {
    let touched = Touched {
        id: "public.customers".to_owned(),
        schema: Some("public".to_owned()),
        name: "customers".to_owned(),
        access: BTreeSet::from([Access::Read, Access::Write]),
    };
    let effects = BTreeSet::from([Effect::Read, Effect::Write]);
    Done { statements: 3, relations: Some(vec![touched]), rows_written: Some(7), effects }
}

#[test]
fn later_questions_are_about_the_same_statement_and_say_what_they_do_not_know() {
    let request = asked(|facts| facts.unknown = BTreeSet::from(["sql.relations"]));
    let response = response_document(&request, &Answered { uncertain: true, ..answered() });
    assert_eq!(response.unknown(), ["result.columns", "sql.relations"]);
    assert_eq!(response.get(&["stage"]), Some(&json!("response")));
    assert_eq!(response.get(&["unknown"]), Some(&json!(["result.columns", "sql.relations"])));
    assert_eq!(response.get(&["result", "columns", "0"]), None);
    assert_eq!(response.get(&["result"]).unwrap()["columns"][0]["relation"], "public.customers");
    assert_eq!(response.get(&["sql"]), request.get(&["sql"]));
    assert_eq!(request.get(&["stage"]), Some(&json!("request")), "the first document is as it was");
    assert_eq!(response_document(&request, &Answered::default()).get(&["result", "columns"]), Some(&Value::Null));
    let commit = commit_document(&asked(|_| {}), &Done { relations: None, rows_written: None, ..done() });
    assert_eq!(commit.unknown(), ["transaction.relations", "transaction.rows_written"]);
    assert_eq!(commit.get(&["transaction", "statements"]), Some(&json!(3)));
    assert!(commit_document(&asked(|_| {}), &done()).unknown().is_empty());
}

#[test]
fn the_schema_notices_what_is_missing_added_or_of_another_type() {
    let whole = asked(|_| {}).to_value();
    for (pointer, value) in [
        ("/sql/effects", None),
        ("/caller/actor", None),
        ("/sql/effects/0", Some(json!("reads"))),
        ("/session/transaction", Some(json!("busy"))),
        ("/sql/surprise", Some(json!(1))),
        ("/time/hour", Some(json!("9"))),
    ] {
        let mut changed = whole.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match (changed.pointer_mut(parent).unwrap(), value) {
            (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
            (Value::Object(members), None) => drop(members.remove(name)),
            (Value::Array(items), Some(value)) => items[0] = value,
            (other, value) => panic!("{other} {value:?}"),
        }
        assert!(problems(&changed).is_some(), "{pointer}");
    }
}

#[test]
fn the_contracts_example_is_what_a_bound_select_gives() {
    let document = asked(|_| {});
    let value = document.to_value();
    let members: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        [
            "approvals",
            "caller",
            "policy",
            "protocol",
            "session",
            "sql",
            "stage",
            "target",
            "time",
            "unknown",
            "version",
            "workload"
        ]
    );
    assert_eq!(value["unknown"], json!([]));
    assert_eq!(
        value["time"],
        json!({"now": "2026-11-21T09:05:00Z", "minute": 5, "hour": 9, "weekday": "Saturday", "date": "2026-11-21"})
    );
    assert_eq!(value["policy"], json!({"bundles": {"main": {"revision": "r41"}}, "age_seconds": 12}));
    assert_eq!(value["sql"]["parameters"], json!([{"type": "int4", "value": 7, "null": false, "decoded": true}]));
    assert_eq!(
        value["sql"]["columns"][0],
        json!({"relation": "public.customers", "name": "email", "uses": ["output"]})
    );
    assert_eq!(value["caller"]["method"], json!("workload"));
}

#[test]
fn what_is_spelled_is_what_the_value_says_in_the_same_order() {
    for document in [asked(|_| {}), of(unparsed(), Vec::new()), asked(|facts| facts.unknown = ["sql.columns"].into())] {
        let spelled = sections_of(&document);
        for (name, part) in spelled {
            let text = part.written().unwrap_or_default();
            assert_eq!(text, serde_json::to_string(part.value()).unwrap(), "{name}");
            let new = Part::new(part.value().clone());
            assert_eq!((part.size(), part.depth()), (new.size(), new.depth()), "{name}");
        }
    }
}

/// The members of `sql` that are the same for every text of the statement.
fn sections_of(document: &Document) -> Vec<(&'static str, Arc<Part>)> {
    let fields = document.sections().iter().find_map(|(name, section)| match section {
        Section::Fields(fields) if *name == "sql" => Some(fields),
        Section::Fields(_) | Section::Whole(_) => None,
    });
    fields.unwrap().members().take(10).cloned().collect()
}

#[test]
fn a_session_is_asked_about_without_a_statement() {
    let document = opened();
    assert_eq!(document.get(&["sql"]), None);
    assert_eq!(document.get(&["session", "transaction"]), Some(&json!("idle")));
    assert_eq!(document.get(&["stage"]), Some(&json!("session")));
}

#[test]
fn what_is_not_known_is_null_and_named() {
    let mut context = context();
    context.search_path = None;
    context.transaction_uncertain = true;
    let unknown_columns = crate::parse::Facts { unknown: BTreeSet::from(["sql.columns", "sql.settings"]), ..facts() };
    let document = request_document(&context, &request(unknown_columns, Vec::new()), now(), &policy());
    let unknown = ["session.search_path", "session.transaction", "sql.columns", "sql.parameters", "sql.settings"];
    assert_eq!(document.unknown(), unknown);
    assert_eq!(document.get(&["unknown"]), Some(&json!(unknown)));
    for path in unknown {
        let steps: Vec<_> = path.split('.').collect();
        assert_eq!(document.get(&steps), Some(&Value::Null), "{path}");
        assert_eq!(document.unknown_under(&steps), Some(path));
    }
    assert_eq!(document.unknown_under(&["sql", "effects"]), None);
}

#[test]
fn an_uncertain_relation_is_listed_and_its_list_is_unknown() {
    let document = asked(|facts| {
        facts.unknown.insert("sql.relations");
        facts.relations[0] = RelationFacts { id: "?.customers".to_owned(), schema: None, ..facts.relations[0].clone() };
    });
    assert_eq!(document.unknown(), ["sql.relations"]);
    assert_eq!(document.get(&["sql", "relations"]).unwrap()[0]["id"], json!("?.customers"));
}

#[test]
fn of_an_unparsed_statement_nothing_is_listed() {
    let document = of(unparsed(), Vec::new());
    assert_eq!(document.unknown(), ["sql.columns", "sql.functions", "sql.relations"]);
    assert_eq!(document.get(&["sql", "relations"]), Some(&Value::Null));
    assert_eq!(document.get(&["sql", "effects"]), Some(&json!(["unknown"])));
    assert_eq!(
        document.get(&["sql", "unparsed"]),
        Some(&json!({"keyword": "DO", "reason": "a DO block cannot be read"}))
    );
}

#[test]
fn a_statement_with_a_password_shows_no_text_and_no_values() {
    let secret = "hunter2";
    let facts = crate::parse::Facts {
        normalized: "alter role a password ?".to_owned(),
        sensitive: true,
        placeholders: 0,
        ..facts()
    };
    let literal = crate::parse::Parameter { value: json!(secret), ..seven() };
    let request =
        Request::stub("alter role a password 'hunter2'", facts, crate::parse::Protocol::Simple, vec![literal]);
    let document = request_document(&context(), &request, now(), &policy());
    assert!(!document.to_value().to_string().contains(secret));
    assert_eq!(document.get(&["sql", "text"]), Some(&json!("alter role a password ?")));
    assert_eq!(document.unknown(), ["sql.parameters"]);
}

#[test]
fn values_that_were_not_decoded_or_not_bound_yet_are_unknown() {
    let undecoded = crate::parse::Parameter { value: Value::Null, decoded: false, ..seven() };
    for parameters in [vec![undecoded], Vec::new()] {
        let document = of(facts(), parameters);
        assert_eq!(document.get(&["sql", "parameters"]), Some(&Value::Null));
        assert_eq!(document.unknown(), ["sql.parameters"]);
    }
}

#[test]
fn the_constant_part_of_a_statement_is_built_once_a_session() {
    let context = context();
    let request = request(facts(), vec![seven()]);
    let documents = [(); 2].map(|()| request_document(&context, &request, now(), &policy()));
    let relations =
        documents.each_ref().map(|document| std::ptr::from_ref(document.get(&["sql", "relations"]).unwrap()));
    assert!(std::ptr::eq(relations[0], relations[1]));
}

#[test]
fn of_a_statement_with_much_in_it_a_session_keeps_nothing() {
    let long = crate::parse::Facts { normalized: "x".repeat(17 * 1024), ..facts() };
    for (facts, kept) in [(facts(), true), (long, false)] {
        let context = context();
        let request = request(facts, vec![seven()]);
        let mut documents: Vec<_> = (0..2).map(|_| request_document(&context, &request, now(), &policy())).collect();
        let normalized = |document: &Document| document.part(&["sql", "normalized"]).map(Arc::downgrade).unwrap();
        let parts: Vec<_> = documents.iter().map(normalized).collect();
        assert_eq!(parts[0].ptr_eq(&parts[1]), kept);
        assert_eq!(documents[0].to_value()["sql"], documents[1].to_value()["sql"]);
        documents.clear();
        assert_eq!(parts.iter().any(|part| part.upgrade().is_some()), kept, "the context is still there");
    }
}

#[test]
fn written_and_walked_are_the_same_document() {
    let document = asked(|_| {});
    assert_eq!(spelled(&document), document.to_value());
    assert_eq!(document.get(&["sql"]), document.to_value().get("sql"));
}

#[test]
fn size_is_never_less_than_the_text_it_holds() {
    let small = asked(|_| {}).size();
    let large = asked(|facts| facts.normalized = "x".repeat(100_000)).size();
    assert!(large - small > 99_000);
    assert!(asked(|_| {}).depth() >= 4);
}

fn fed(document: &Document, path: &[&str]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    document.feed(path, &mut hasher);
    *hasher.finalize().as_bytes()
}

#[test]
fn missing_is_not_null_is_not_empty() {
    let path = ["caller", "team"];
    let values = [
        json!({}),
        json!({"team": null}),
        json!({"team": ""}),
        json!({"team": []}),
        json!({"team": {}}),
        json!({"team": false}),
        json!({"team": 0}),
        json!({"team": "null"}),
        json!({"team": [[]]}),
        json!({"team": [null]}),
    ];
    let digests: BTreeSet<_> = values.iter().map(|value| fed(&lone("caller", value.clone()), &path)).collect();
    assert_eq!(digests.len(), values.len());
}

#[test]
fn an_array_is_fed_whole_to_who_indexes_it() {
    let path = ["caller", "groups", "0"];
    let of = |groups: Value| fed(&lone("caller", json!({"groups": groups})), &path);
    assert_ne!(of(json!(["a"])), of(json!(["b"])));
}

#[test]
fn a_change_reaches_every_path_above_it_and_no_other() {
    let before = asked(|_| {});
    let after = asked(|facts| facts.effects = BTreeSet::from([Effect::Write]));
    for (path, changes) in [
        (&["sql", "effects"][..], true),
        (&["sql"], true),
        (&[], true),
        (&["sql", "relations"], false),
        (&["caller"], false),
        (&["sql", "none"], false),
        (&["none"], false),
    ] {
        // Each document has its own session id, so "everything" and "session" differ in any case.
        assert_eq!(fed(&before, path) != fed(&after, path), changes, "{path:?}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\x00-\\x0a\",:a\\[\\]{}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[\\x00-\\x09a]{0,3}", inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn equal_bytes_mean_equal_values(a in values(), b in values()) {
        prop_assert_eq!(fed(&lone("a", a.clone()), &["a"]) == fed(&lone("a", b.clone()), &["a"]), a == b);
    }

    #[test]
    fn two_values_never_run_into_each_other(a in values(), b in values(), c in values(), d in values()) {
        let pair = |a: &Value, b: &Value| {
            let mut hasher = blake3::Hasher::new();
            lone("a", a.clone()).feed(&["a"], &mut hasher);
            lone("b", b.clone()).feed(&["b"], &mut hasher);
            *hasher.finalize().as_bytes()
        };
        prop_assert_eq!(pair(&a, &b) == pair(&c, &d), a == c && b == d);
    }
}

#[test]
fn every_field_of_the_schema_is_documented() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let text = include_str!("../../docs/input.md");
    let mut names = BTreeSet::new();
    property_names(&schema, &mut names);
    let missing: Vec<_> = names.iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/input.md does not mention {missing:?}");
}

fn spelled(document: &Document) -> Value {
    let mut spelled = Spelled::default();
    document.spell(&mut spelled).unwrap();
    serde_json::from_str(&spelled.0).unwrap()
}

proptest! {
    #[test]
    fn a_statement_that_is_sent_again_is_described_as_if_it_came_first(
        placeholders in 0_u16..2,
        turns in prop::collection::vec((0_usize..3, 0_u64..3, 0_i64..3, 0_usize..4, any::<bool>(), any::<bool>()), 1..12),
    ) {
        let opening = super::stub::opening();
        let anew = || SessionContext::new(&opening, Some(vec!["public".to_owned()]));
        let facts = crate::parse::Facts { placeholders, ..facts() };
        let (mut one, facts, policy) = (anew(), std::sync::Arc::new(facts), policy());
        let mut kept: Vec<(Document, Value, Vec<Placed>)> = Vec::new();
        for (text, count, second, length, open, keep) in turns {
            let text = ["select 1".to_owned(), "select 2".to_owned(), "x".repeat(300)][text].clone();
            let values = if length == 3 { Vec::new() } else { vec![seven(); length] };
            let request = Request::stub(&text, std::sync::Arc::clone(&facts), Protocol::Extended, values);
            let at = now() + jiff::SignedDuration::from_secs(second);
            let set = |context: &mut SessionContext| {
                (context.statements, context.rows, context.bytes) = (count, count / 2, 7);
                context.transaction = if open { Transaction::Open } else { Transaction::Idle };
            };
            let mut other = anew();
            set(&mut one);
            set(&mut other);
            let (document, expected) =
                (request_document(&one, &request, at, &policy), request_document(&other, &request, at, &policy));
            prop_assert_eq!(document.to_value(), expected.to_value());
            prop_assert_eq!(spelled(&document), expected.to_value());
            prop_assert_eq!(
                (document.size(), document.depth(), document.unknown()),
                (expected.size(), expected.depth(), expected.unknown())
            );
            let mut seen = Vec::new();
            document.parts_under(&["session"], &mut seen);
            document.parts_under(&["sql"], &mut seen);
            if keep {
                kept.push((document, expected.to_value(), seen));
            } else {
                // Only its parts are kept, as somebody does who remembers what came of them.
                kept.push((expected.clone(), expected.to_value(), seen));
            }
            for (document, value, seen) in &kept {
                prop_assert_eq!(&document.to_value(), value);
                let there = seen.iter().all(|placed| {
                    let (name, part) = (document.sections()[placed.0].0, placed.2.value());
                    value[name].as_object().unwrap().values().any(|known| known == part)
                });
                prop_assert!(there, "a part that somebody has is not what it was");
            }
        }
    }
}

/// A document's JSON in one piece.
#[derive(Default)]
struct Spelled(String);

impl Spelling for Spelled {
    type Error = serde_json::Error;

    fn own(&mut self, json: &str) -> serde_json::Result<()> {
        self.0.push_str(json);
        Ok(())
    }

    fn value<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> serde_json::Result<()> {
        self.0.push_str(&serde_json::to_string(value)?);
        Ok(())
    }

    fn shared(&mut self, json: &Arc<str>) -> serde_json::Result<()> {
        self.own(json)
    }
}

#[test]
fn a_parse_and_its_bind_are_described_with_the_documents_of_the_last_ones() {
    let (context, facts, policy) = (context(), std::sync::Arc::new(facts()), policy());
    let ask = || {
        let request = Request::stub("select 1", std::sync::Arc::clone(&facts), Protocol::Extended, Vec::new());
        request_document(&context, &request, now(), &policy)
    };
    let age = |document: &Document| {
        let mut seen = Vec::new();
        document.parts_under(&["policy", "age_seconds"], &mut seen);
        std::sync::Arc::as_ptr(&seen[0].2)
    };
    let both = || {
        let both = [ask(), ask()];
        assert_ne!(age(&both[0]), age(&both[1]), "the first is still in use");
        both.each_ref().map(age)
    };
    let first = both();
    for _ in 0..3 {
        assert_eq!(both(), first);
    }
}
