use serde_json::{Value, json};

use super::*;
use crate::bundle::entry::EntrySet;
use crate::bundle::rego::parse::parse;

fn modules(files: &[&str]) -> Vec<Module> {
    files.iter().enumerate().map(|(index, text)| parse(&format!("f{index}.rego"), text).expect("it parses")).collect()
}

fn problems_with(files: &[&str], data: &Value) -> Vec<String> {
    match lint(&modules(files), data, &[("ours.f", 2)]) {
        Ok(()) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn problems(text: &str) -> Vec<String> {
    problems_with(&[text], &json!({}))
}

/// Exactly one problem, at this line, saying this.
fn one(text: &str, line: u32, says: &str) {
    let found = problems(text);
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    assert!(found[0].starts_with(&format!("f0.rego:{line}:")) && found[0].contains(says), "{text}\n{found:#?}");
}

#[test]
fn the_contracts_own_policy_has_no_problem() {
    let policy = include_str!("../rewrite/contract.rego");
    let library = "package sidegate.sql\nreads_only if true\nchanges_data if false\n\
                   only_touches(ids) if every r in input.sql.relations { r.id in ids }";
    let modules = modules(&[policy, library]);
    let modules: Vec<Module> = modules
        .into_iter()
        .map(|module| if module.package_name() == "sidegate.sql" { module.shipped() } else { module })
        .collect();
    assert_eq!(lint(&modules, &json!({}), &[]), Ok(()));
    let sets: Vec<(String, EntrySet)> = entry_rules(&modules).into_iter().map(|rule| (rule.path, rule.set)).collect();
    let shop = |set: EntrySet| (format!("data.policies.shop.{}", set.name()), set);
    assert_eq!(sets, [EntrySet::Allow, EntrySet::Deny, EntrySet::Approve, EntrySet::Mask].map(shop));
}

#[test]
fn every_problem_of_every_file_is_reported_at_once() {
    let found = problems_with(
        &["package policies.a\ndeny := true\nx if nope(1)", "package policies.b.allow\ny if http.send({})"],
        &json!({"policies": {"a": {}}}),
    );
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn what_is_no_set_under_policies_is_refused() {
    for rule in [
        "deny := true",
        "deny if true",
        "default deny := false",
        "deny[x] := 1 if some x in [1]",
        "deny(x) := x",
        "deny.a contains 1",
        "alert := []",
    ] {
        one(&format!("package policies.shop.eu\n{rule}"), 2, "must be a set");
        assert!(problems(&format!("package shop\n{rule}")).is_empty(), "{rule}");
    }
}

#[test]
fn packages_that_would_be_mistaken_are_refused() {
    one("package policies.shop.deny\neu contains 1", 1, "`policies.shop.deny`");
    one("package policies\nallow contains \"x\"", 2, "policies.shop");
    one("package sidegate.sql\nx := 1", 1, "belong to sidegate");
    assert!(problems("package policies.shop_test\ntest_deny if true").is_empty());
}

#[test]
fn tests_are_not_asked() {
    let modules =
        modules(&["package policies.shop_test\nallow contains 1", "package policies.shop\nhelper contains 1"]);
    assert_eq!(entry_rules(&modules), []);
}

#[test]
fn base_data_may_not_override_rules() {
    let rule = "package a.b\nc contains 1";
    for data in
        [json!({"a": {"b": {"c": []}}}), json!({"a": {"b": 1}}), json!({"a": []}), json!({"a": {"b": {"c": {}}}})]
    {
        assert!(problems_with(&[rule], &data).iter().any(|text| text.contains("override")), "{data}");
    }
    assert!(problems_with(&[rule], &json!({"a": {"b": {"d": 1}, "e": 2}, "c": 3})).is_empty());
    assert_eq!(problems_with(&["package x\ny := 1"], &json!({"policies": 1, "sidegate": {}})).len(), 2);
    assert!(problems_with(&["package a\nb := 1", "package a.b.c\nd := 1"], &json!({}))[0].contains("share"));
}

#[test]
fn every_shape_of_recursion_is_refused() {
    for text in [
        "package p\nf(x) := f(x)",
        "package p\na if b\nb if c\nc if a",
        "package p\na if not data.p.a",
        "package p\na contains x if some x in data.p[input.k]",
        "package p\nimport data.p.b as c\na if c\nb if a",
        "package p\na := [x | x := b]\nb := {y: 1 | y := a.z}",
        "package p\nf(x) if g(x)\ng(x) if f(x) with input as {}",
        "package p\na if every x in input.y { f(x) }\nf(x) if x == a",
    ] {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].contains("themselves"), "{text}\n{found:#?}");
    }
    assert!(problems("package p\na contains a if { a := 1 }\nb if a[1]").is_empty());
}

#[test]
fn a_long_chain_of_rules_is_walked_without_recursion_of_our_own() {
    let chain: String = (0..5_000).map(|i| format!("r{i} if r{}\n", i + 1)).collect();
    assert!(problems(&format!("package p\n{chain}r5000 := 1")).is_empty());
}

#[test]
fn unknown_and_refused_calls_are_found_wherever_they_stand() {
    one("package p\nx if {\n\ty := [z | z := nope(1)]\n\ty\n}", 3, "`nope`");
    one("package p\nx := io.jwt.decode(\"a\")", 2, "`io.jwt.decode`");
    one("package p\nx if data.q.f(1)", 2, "`data.q.f`");
    one("package p\nx if count([], 1, 2)", 2, "takes 1");
    one("package p\nf(a, b) := a + b\nx if f(1)", 3, "takes 2");
    one("package p\nx if time.now_ns() > 1", 2, "input.time");
    one("package p\nx if count([]) == 0 with count as http.send", 2, "network");
    one("package p\nx if y with time.now_ns as 1\ny := 1", 2, "time.now_ns");
    assert!(problems("package p\nx := ours.f(1, 2)\ny := [count(x), sprintf(\"%5d\", [1])]\nz if print(x)").is_empty());
}

#[test]
fn patterns_that_mean_something_else_in_opa_are_refused() {
    for pattern in [r"^\d+$", r"\bdrop\b", "(?i)drop", "[[a]b]", "[a&&b]", r"\Qa\E", "a{,3}", r"[^\w]"] {
        one(&format!("package p\nx if regex.match(`{pattern}`, input.a)"), 2, "OPA");
    }
    one("package p\nx if regex.match(\"(a{1,1000}){1,1000}\", input.a)", 2, "cannot be used");
    one("package p\nx if regex.match(input.p, input.a)", 2, "computed pattern");
    for pattern in
        [r"^[0-9]+\.[[:alpha:]_-]*$", "(?P<year>[0-9]{4})", "(?s)a.b", "[]a]", "(?:a|b)c?", r"^[A-Za-z0-9_]{1,5}$"]
    {
        assert!(problems(&format!("package p\nx if regex.match(`{pattern}`, input.a)")).is_empty(), "{pattern}");
    }
}

#[test]
fn arguments_that_the_engine_takes_differently_are_refused() {
    one("package p\nx := sprintf(\"%-5z\", [1])", 2, "`%z`");
    one("package p\nx := sprintf(\"%\", [1])", 2, "`%`");
    one("package p\nx := sprintf(\"%½d\", [1])", 2, "`%½`");
    one("package p\nx := regex.split(\"a*\", input.a)", 2, "may be empty");
    one("package p\nx contains v if [_, v] := walk(input)", 2, "walk(x, [path, value])");
    one("package p\nx[k].r contains 1 if some k in input.a", 2, "computed");
    one("package p\nimport future.keywords.not\nx := 1", 2, "another meaning");
    one("package p\nimport future.keywords\nx if { y := [1 | every z in input.a { not z }] }", 2, "another meaning");
    one("package p\nimport future.keywords\nx := [1 | not input.z]", 2, "another meaning");
    one("package p\ndefault a.b(x) := 1", 2, "plain name");
    one("package p\nx := sprintf(\"%1000000000d\", [1])", 2, "wider");
    one("package p\nx := sprintf(\"%.99999d\", [1])", 2, "wider");
    one("package p\nx := sprintf(input.f, [1])", 2, "format");
    one("package p\nx := sprintf(\"%f\", [1e2])", 2, "`1e2`");
    one("package p\nx := sprintf(\"%f %v\", [0.5, 100.0])", 2, "`100.0`");
    assert!(problems("package p\nx if glob.match(\"a:*\", [\":\"], input.a)").is_empty());
    assert!(problems("package p\nx contains v if walk(input, [_, v])\nwalk2(a) := a").is_empty());
    assert!(problems("package p\nimport future.keywords\nx if input.a in input.b").is_empty());
    assert!(problems("package p\nx := sprintf(\"%5d %-8s %.2f %05d %% %v\", [1, 0.5, 2.5e-1])").is_empty());
}

#[test]
fn a_variable_that_only_a_negation_mentions_is_refused() {
    for body in
        ["some i; not input.xs[i] == 2", "not input.xs[i]", "not f(input.xs[i])", "some i; y := [1 | not input[i]]; y"]
    {
        let found = problems(&format!("package p\nx if {{ {body} }}\nf(a) if a == 2"));
        assert!(found.len() == 1 && found[0].contains("`i`"), "{body}\n{found:#?}");
    }
    let bound = "package p\nx[k] := [1 | not data.m[k]] if { some k in input.t; not r; not f(k) }\n\
                 f(a) if { not a == r; every c, d in input.t { not input.o[c][d] } }\n\
                 y if { some i; input.t[i]; not data.m[i]; [p, q] := input.t; not p == q }\n\
                 z contains [n | n := e; not n == e] if { input.e = e } \nw := [1 | not r]\nr := 1";
    assert_eq!(problems(bound), Vec::<String>::new());
}
