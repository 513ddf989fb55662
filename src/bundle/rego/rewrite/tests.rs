use proptest::prelude::*;
use regorus::{Engine, Value};
use serde_json::json;

use super::*;
use crate::bundle::rego::parse::length_limits;

fn text(source: &str) -> String {
    rewrite("p.rego", source).unwrap_or_else(|error| panic!("{error}\n{source}")).text
}

fn refused(source: &str) -> String {
    rewrite("p.rego", source).expect_err("it cannot be rewritten").to_string()
}

/// The value of `data.p.x` after rewriting; `None` when it is undefined.
fn value(source: &str, input: serde_json::Value, data: serde_json::Value) -> Option<serde_json::Value> {
    let mut engine = Engine::new();
    engine.set_policy_length_config(length_limits());
    crate::bundle::rego::extend(&mut engine).expect("a new engine");
    engine.add_policy("p.rego".to_owned(), text(source)).unwrap_or_else(|error| panic!("{error}\n{}", text(source)));
    engine.add_data(Value::from(data)).expect("data");
    engine.set_input(Value::from(input));
    let value = engine.eval_rule("data.p.x".to_owned()).unwrap_or_else(|error| panic!("{error}\n{}", text(source)));
    (value != Value::Undefined).then(|| serde_json::to_value(value).expect("JSON"))
}

#[test]
fn the_contracts_policy_answers_as_it_reads() {
    let mut engine = Engine::new();
    engine.set_policy_length_config(length_limits());
    engine.add_policy("shop.rego".to_owned(), text(include_str!("contract.rego"))).expect("it loads");
    let library = "package sidegate.sql\nreads_only if input.sql.effects == [\"read\"]\n\
                   changes_data if \"write\" in input.sql.effects\n\
                   only_touches(ids) if every r in input.sql.relations { r.id in ids }";
    engine.add_policy("sql.rego".to_owned(), text(library)).expect("it loads");
    let mut ask = |set: &str, input: serde_json::Value| {
        engine.set_input(Value::from(input));
        let members = engine.eval_rule(format!("data.policies.shop.{set}")).expect("it evaluates");
        serde_json::to_value(members).expect("JSON").as_array().map_or(0, Vec::len)
    };
    let input = |groups: serde_json::Value, effects: serde_json::Value| json!({"caller": {"groups": groups}, "sql": {"effects": effects, "relations": [{"id": "public.orders"}]}});
    assert_eq!(ask("allow", input(json!(["analysts"]), json!(["read"]))), 1);
    assert_eq!(ask("allow", input(json!(["analysts"]), json!(["write"]))), 1);
    assert_eq!(ask("allow", input(json!([]), json!(["read"]))), 0);
    assert_eq!(ask("deny", input(json!([]), json!(["ddl"]))), 1);
    assert_eq!(ask("deny", input(json!([]), json!(["read"]))), 0);
    assert_eq!(ask("mask", input(json!(["analysts"]), json!(["read"]))), 1);
    assert_eq!(ask("mask", input(json!(["support"]), json!(["read"]))), 0);
    assert_eq!(ask("approve", input(json!([]), json!(["write"]))), 1);
}

#[test]
fn an_undefined_head_does_not_erase_what_the_rule_gathered() {
    let bad_last = json!({"t": [{"bad": true, "m": "m"}, {"bad": true}]});
    let bad_first = json!({"t": [{"bad": true}, {"bad": true, "m": "m"}]});
    for input in [bad_last, bad_first] {
        let set = |head: &str| {
            value(&format!("package p\nx contains {head} if {{ some t in input.t; t.bad }}"), input.clone(), json!({}))
        };
        assert_eq!(set("t.m"), Some(json!(["m"])));
        assert_eq!(set("sprintf(\"%v\", [t.m])"), Some(json!(["m"])));
        assert_eq!(set("{\"k\": [t.m]}"), Some(json!([{"k": ["m"]}])));
        assert_eq!(set("[y | y := t.m]"), Some(json!([[], ["m"]])));
        let object = |head: &str| value(&format!("package p\nx{head} if some t in input.t"), input.clone(), json!({}));
        assert_eq!(object("[t.m] := 1"), Some(json!({"m": 1})));
        assert_eq!(object("[lower(t.m)] := t.m"), Some(json!({"m": "m"})));
    }
}

#[test]
fn one_line_heads_and_else_branches_are_mended() {
    let source = "package p\nx contains sprintf(\"%v\", [input.a]) if input.b\nx contains \"always\"";
    assert_eq!(value(source, json!({"b": true}), json!({})), Some(json!(["always"])));
    let source =
        "package p\ndefault x := \"d\"\nx := input.a if { input.b } else := input.c if not input.d else := input.e";
    assert_eq!(value(source, json!({"b": true}), json!({})), Some(json!("d")));
    assert_eq!(value(source, json!({"b": true, "c": 1}), json!({})), Some(json!(1)));
    assert_eq!(value(source, json!({"d": true, "e": 2}), json!({})), Some(json!(2)));
    assert_eq!(value("package p\nx := data.y.z", json!({}), json!({"y": {"z": 3}})), Some(json!(3)));
    assert_eq!(value("package p\nx := data.y.z", json!({}), json!({})), None);
    assert_eq!(value("package p\nx := f(1)\nf(a) := input.b[a]", json!({}), json!({})), None);
}

#[test]
fn a_negation_with_an_undefined_operand_is_undefined() {
    for body in [
        "not input.q in data.denied",
        "not \"a\" in input.q",
        "not regex.match(\"drop\", input.q)",
        "not f(input.q)",
        "not data.denied[input.q]",
        "not data.denied[input.q].a == 1",
        "not input.q < 18",
        "not input.q != 1",
        "not count(input.q) > 0",
        "not lower(input.q) == \"x\"",
        "not {\"a\": input.q} == {\"a\": 1}",
        "not [input.q]",
        "not input.q + 1 == 3",
        "not r < 1",
        "not r in [1]",
        "every z in [1] { z == 1; not z in input.q }",
        "count([1 | not f(input.q)]) == 1",
        "not f(input.a) with input.a as input.q",
        "not input.a with input.a as input.q",
        "every z in input.q { z }",
    ] {
        let source = format!("package p\nx if {body}\nf(a) if a == 7\nr := input.q if input.q");
        assert_eq!(value(&source, json!({"a": 1}), json!({"denied": {"k": {"a": 1}}})), None, "{body}");
    }
}

#[test]
fn a_negation_keeps_what_opa_keeps_in_place() {
    for body in [
        "not input.q == 1",
        "not input.q",
        "not r",
        "not data.denied.q",
        "not f(input.a)",
        "every z in [\"q\"] { not data.denied[z] }",
        "every z in [{\"k\": 1}] { not data.denied[[z]] }",
        "some z in [\"q\"]; not data.denied[z]",
    ] {
        let source = format!("package p\nx if {{ {body} }}\nf(a) if a == 7\nr := input.q if input.q");
        assert_eq!(value(&source, json!({"a": 1}), json!({"denied": {"k": 1}})), Some(json!(true)), "{body}");
    }
}

#[test]
fn an_undefined_key_is_no_member() {
    let source = "package p\nx if input.a, input.b in [1]";
    assert_eq!(value(source, json!({}), json!({})), None);
    assert_eq!(value(source, json!({"a": 0, "b": 1}), json!({})), Some(json!(true)));
}

#[test]
fn what_cannot_be_rewritten_is_refused_with_its_place_and_advice() {
    assert!(refused("package p\nx if {\n not input.xs[_] == 2\n}").starts_with("p.rego:3:15: `_` under `not`"));
    assert!(refused("package p\nx if not y := 1").contains("`==`"));
    assert!(refused("package p\nx if __sg1 := 1").contains("reserved"));
    assert!(refused("package p\nx if { input.a | input.b }").contains("always true"));
    assert!(refused("package p\nx := -input.a").contains("0 - x"));
    assert!(refused("package p\nx := $\"a {input.b}\"").starts_with("p.rego:2:"));
    assert!(refused("package p\nx := y {").starts_with("p.rego:2:"));
    assert!(refused("x := 1").contains("package"));
}

#[test]
fn statements_stay_on_the_authors_lines() {
    let source = "# comment\npackage p\n\nimport data.q\n\nx contains q.r if {\n\n\tinput.a\n\t# comment\n\tnot f(input.b,\n\t\tinput.c)\n\tnot input.d\n} \n\ny := 1\n";
    let rewritten = text(source);
    let line = |what: &str| rewritten.lines().position(|line| line.contains(what)).map(|index| index + 1);
    for (what, wanted) in [
        ("package p", 2),
        ("import data.q", 4),
        ("x contains", 6),
        ("input.a", 8),
        ("not f(", 10),
        ("not input.d", 12),
        ("y := 1", 15),
    ] {
        assert_eq!(line(what), Some(wanted), "{what}\n{rewritten}");
    }
}

#[test]
fn text_keeps_its_value() {
    let source =
        "package p\nx := [`a\\n\n\"b\"`, \"\\u00e9\\\"\", \"é\", 1.50, -2, null, {}, set(), {\"a-b\": 1}[\"a-b\"]]";
    assert_eq!(value(source, json!({}), json!({})), Some(json!(["a\\n\n\"b\"", "é\"", "é", 1.5, -2, null, {}, [], 1])));
}

#[test]
fn operators_keep_their_order() {
    for (expression, wanted) in [
        ("(1 + 2) * 3", json!(9)),
        ("1 + 2 * 3", json!(7)),
        ("10 - (3 - 2) - 1", json!(8)),
        ("10 - 3 - 2", json!(5)),
        ("[({1} | {2}) & {2}, {3}]", json!([[2], [3]])),
        ("(1 in [1]) == true", json!(true)),
        ("{({1} | {2})}", json!([[1, 2]])),
        ("[(1 + 1) | true]", json!([2])),
        ("10 - -3", json!(13)),
    ] {
        assert_eq!(value(&format!("package p\nx := {expression}"), json!({}), json!({})), Some(wanted), "{expression}");
    }
}

proptest! {
    #[test]
    fn rewriting_arbitrary_text_never_panics(source in "(package p\n)?[a-z{}\\[\\]()|:=.,\"` \n_]{0,60}") {
        let scanned = crate::bundle::rego::scan("p.rego", &source);
        if scanned.is_ok() && let Ok(rewritten) = rewrite("p.rego", &source) {
            // What we write is Rego, and rewriting our own names is refused.
            prop_assert!(parse("p.rego", &rewritten.text).is_ok(), "{}", rewritten.text);
        }
    }
}
