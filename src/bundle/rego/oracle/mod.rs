//! Generated programs, answered by the engine after our rewriting and by real OPA.
//!
//! Needs `opa` on the path (or named by `OPA`). `ORACLE_PROGRAMS` and `ORACLE_SEED` choose how
//! many programs that OPA accepts are compared, and which.

mod generate;
mod opa;

use std::collections::BTreeMap;

use regorus::{Engine, Value};
use serde_json::json;

use self::generate::{Generator, Program};
use self::opa::{Answer, Opa};
use super::{EXTENSIONS, extend, length_limits, lint, reads, rewrite, scan};

/// What the engine says about one rule: a value, nothing, or an error.
fn ours(program: &Program) -> Result<BTreeMap<String, Answer>, String> {
    let mut engine = prepared(program)?;
    engine.set_input(Value::from(program.input.clone()));
    Ok(program.rules.iter().map(|name| (name.clone(), answer(&engine, name))).collect())
}

fn prepared(program: &Program) -> Result<Engine, String> {
    scan("p.rego", &program.text).map_err(|error| error.to_string())?;
    let rewritten = rewrite("p.rego", &program.text).map_err(|error| error.to_string())?;
    lint(&[rewritten.module], &program.data, &EXTENSIONS).map_err(|errors| format!("{errors:?}"))?;
    let mut engine = Engine::new();
    engine.set_policy_length_config(length_limits());
    extend(&mut engine).map_err(|error| error.to_string())?;
    engine.add_policy("p.rego".to_owned(), rewritten.text).map_err(|error| error.to_string())?;
    engine.add_data(Value::from(program.data.clone())).map_err(|error| error.to_string())?;
    Ok(engine)
}

fn answer(engine: &Engine, name: &str) -> Answer {
    let path = format!("data.p.{name}");
    // The engine asks for rules with constant keys (`r["x"] := v`) only by query.
    let value = match engine.clone().eval_rule(path.clone()).map_err(|error| error.to_string()) {
        Err(error) if error.contains("not a valid rule path") => queried(&mut engine.clone(), path),
        value => value,
    };
    match value {
        Ok(Value::Undefined) => Answer::Undefined,
        Ok(value) => Answer::Value(serde_json::to_value(&value).expect("a value is JSON")),
        Err(error) => Answer::Error(error),
    }
}

fn queried(engine: &mut Engine, path: String) -> Result<Value, String> {
    let results = engine.eval_query(path, false).map_err(|error| error.to_string())?;
    let value =
        results.result.first().and_then(|row| row.expressions.first()).map(|expression| expression.value.clone());
    Ok(value.unwrap_or(Value::Undefined))
}

#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    refused_by_opa: usize,
    refused_by_us: usize,
    answers: usize,
    different: usize,
    error_of_ours: usize,
    error_of_opa: usize,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn rewritten_rules_have_the_values_that_opa_gives_them() {
    let mut opa = Opa::start();
    let wanted = usize::try_from(number("ORACLE_PROGRAMS", 5_000)).expect("a count");
    let mut generator = Generator::new(number("ORACLE_SEED", 1));
    let mut tally = Tally::default();
    while tally.accepted < wanted {
        let program = generator.program();
        let theirs = match opa.answers(&program) {
            Ok(theirs) => theirs,
            Err(error) => {
                tally.refused_by_opa += 1;
                assert!(tally.refused_by_opa < 4 * wanted + 100, "OPA refuses too much: {error}\n{}", program.text);
                if std::env::var_os("ORACLE_SHOW_REFUSED").is_some() {
                    println!("{error}\n{}", program.text);
                }
                continue;
            }
        };
        tally.accepted += 1;
        let ours = match ours(&program) {
            Ok(ours) => ours,
            Err(error) => {
                tally.refused_by_us += 1;
                if tally.refused_by_us < 5 {
                    println!("refused by us: {error}\n{program}");
                }
                continue;
            }
        };
        for (name, theirs) in &theirs {
            tally.answers += 1;
            let ours = &ours[name];
            let kind = match (ours, theirs) {
                (Answer::Error(_), Answer::Error(_)) => continue,
                (Answer::Error(_), _) => &mut tally.error_of_ours,
                (_, Answer::Error(_)) => &mut tally.error_of_opa,
                (ours, theirs) if ours.same(theirs) => continue,
                _ => &mut tally.different,
            };
            *kind += 1;
            if *kind < 4 {
                println!("rule {name}\n ours {ours:?}\n OPA  {theirs:?}\n{program}");
                println!("{}", rewrite("p.rego", &program.text).expect("it was").text);
            }
        }
    }
    println!("{tally:?}");
    assert_eq!(tally.different, 0, "{tally:?}");
    // An error denies, so it is no wrong value; many of them would make policies useless.
    assert!(tally.error_of_ours * 300 <= tally.answers, "{tally:?}");
    assert!(tally.refused_by_us * 1_000 <= tally.accepted, "{tally:?}");
}

/// Every place in an input that a mutation may change.
fn places(input: &serde_json::Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if let Some(map) = input.as_object() {
        for (key, value) in map {
            at.push(key.clone());
            found.push(at.clone());
            places(value, at, found);
            at.pop();
        }
    }
}

fn changed(input: &serde_json::Value, path: &[String], to: Option<&serde_json::Value>) -> serde_json::Value {
    let mut input = input.clone();
    let (last, above) = path.split_last().expect("a place below the input");
    let map =
        above.iter().try_fold(&mut input, |value, key| value.get_mut(key)).and_then(|value| value.as_object_mut());
    let map = map.expect("an object is there");
    match to {
        Some(value) => drop(map.insert(last.clone(), value.clone())),
        None => drop(map.remove(last)),
    }
    input
}

#[test]
fn what_a_rule_does_not_read_cannot_change_its_answer() {
    let mut generator = Generator::new(number("ORACLE_SEED", 1) ^ 0xCAC4E);
    let values = [json!("eve"), json!(7), json!(["x", {"a": "x"}]), json!({"k": "k1", "a": true}), json!(null)];
    let (mut unread, mut mattered) = (0, 0);
    for _ in 0..800 {
        let program = generator.program();
        let Ok(engine) = prepared(&program) else { continue };
        let module = rewrite("p.rego", &program.text).expect("it was").module;
        let reads = reads(&[module]);
        let mut found = vec![vec!["new".to_owned()]];
        places(&program.input, &mut Vec::new(), &mut found);
        for name in &program.rules {
            let (mut before, reads) = (engine.clone(), &reads[&format!("data.p.{name}")]);
            before.set_input(Value::from(program.input.clone()));
            let before = answer(&before, name);
            for (index, path) in found.iter().enumerate() {
                let mut after = engine.clone();
                let to = values.get(index % (values.len() + 1));
                after.set_input(Value::from(changed(&program.input, path, to)));
                let same = match (&before, answer(&after, name)) {
                    (Answer::Error(_), Answer::Error(_)) => true,
                    (before, after) => before.same(&after),
                };
                if reads.covers(path) {
                    mattered += usize::from(!same);
                } else {
                    unread += 1;
                    assert!(same, "{name} reads {path:?} after all, not only {:?}\n{program}", reads.paths());
                }
            }
        }
    }
    assert!(unread > 10_000 && mattered > 500, "{unread} places not read, {mattered} that mattered");
}
