//! The cases that OPA tests its own evaluator with, answered by the engine after our checks and rewriting.
//!
//! `scripts/tools conformance` puts the cases where this test reads them (or `OPA_CASES` names the file).

#![expect(clippy::wildcard_enum_match_arm, reason = "values of other kinds are not what OPA wants")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use regorus::{Engine, Value};
use serde::Deserialize;
use serde_json::Value as Json;

use super::error::RegoError;
use super::{EXTENSIONS, lint, rewrite, scan};
use crate::bundle::files::TextFile;
use crate::bundle::gate::STACK;
use crate::bundle::{engine, library};

/// What the test holds, and every case whose answer is known to differ harmlessly.
const KNOWN: &str = include_str!("conformance/known.txt");
const LIMIT: Duration = Duration::from_secs(10);
/// The rule that stands for a case's query.
const ANSWERS: &str = "data.conformance.answers";

#[derive(Deserialize)]
struct Case {
    note: String,
    query: String,
    #[serde(default)]
    modules: Vec<String>,
    #[serde(default)]
    data: Option<Json>,
    #[serde(default)]
    input: Option<Json>,
    /// Rego, for what JSON has no words for.
    #[serde(default)]
    input_term: Option<String>,
    want_result: Option<Vec<BTreeMap<String, Json>>>,
    want_error: Option<String>,
    want_error_code: Option<String>,
    #[serde(default)]
    sort_bindings: bool,
}

impl Case {
    fn wants_error(&self) -> bool {
        self.want_error.is_some() || self.want_error_code.is_some()
    }

    fn rows(&self) -> &[BTreeMap<String, Json>] {
        self.want_result.as_deref().unwrap_or_default()
    }

    /// The query as a rule of a policy: what it binds, once for each answer.
    fn wrapped(&self) -> String {
        let names: BTreeSet<&String> = self.rows().iter().flat_map(BTreeMap::keys).collect();
        let row: Vec<String> = names.iter().map(|name| format!("\"{name}\": {name}")).collect();
        format!("package conformance\n\nanswers := [{{{}}} | {}]\n", row.join(", "), self.query.trim_end())
    }

    /// The rule that the query is about, when it is about nothing else.
    fn rule(&self) -> Option<&str> {
        self.query.trim_end().strip_suffix(" = x").filter(|path| path.starts_with("data."))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Passed,
    /// The gate does not let the policy in.
    Refused,
    /// An error, which denies, where OPA has an answer.
    Error,
    /// An answer where OPA has an error.
    Lax,
    Different,
}

/// What became of a case, and why.
struct Verdict {
    outcome: Outcome,
    detail: String,
}

fn refused(errors: &[RegoError]) -> String {
    let error = errors.first().expect("a refusal has a reason");
    let kind = format!("{:?}", error.problem);
    let kind = kind.split([' ', '{', '(']).next().unwrap_or_default();
    format!("{kind}: {error}")
}

/// The case's policy in an engine, as the gate and the data path build it.
fn prepared(case: &Case) -> Result<Engine, String> {
    let own = case.wrapped();
    let shipped = library::MODULES.iter().map(|(path, text)| ((*path).to_owned(), *text, true));
    let authored = case.modules.iter().map(String::as_str).chain([own.as_str()]);
    let authored = authored.enumerate().map(|(index, text)| (format!("case/{index}.rego"), text, false));
    let (mut modules, mut serving) = (Vec::new(), Vec::new());
    for (path, text, ours) in shipped.chain(authored) {
        scan(&path, text).map_err(|error| refused(&[error]))?;
        let rewritten = rewrite(&path, text).map_err(|error| refused(&[error]))?;
        modules.push(if ours { rewritten.module.shipped() } else { rewritten.module });
        serving.push(TextFile { path, text: rewritten.text });
    }
    let data = case.data.clone().unwrap_or_else(|| serde_json::json!({}));
    lint(&modules, &data, &EXTENSIONS).map_err(|errors| refused(&errors))?;
    let load = |text: &str| format!("Engine: {text}");
    let mut engine = engine::load(serving, &data.to_string()).map_err(|error| load(&error))?;
    engine::warm_up(&mut engine, LIMIT).map_err(|error| load(&error))?;
    let input = match (&case.input_term, &case.input) {
        (Some(term), _) => Engine::new()
            .eval_query(term.clone(), false)
            .ok()
            .and_then(|results| Some(results.result.first()?.expressions.first()?.value.clone()))
            .ok_or("Input: the engine cannot read the term")?,
        (None, Some(input)) => Value::from_json_str(&input.to_string()).expect("JSON"),
        (None, None) => Value::Undefined,
    };
    engine.set_input(input);
    Ok(engine)
}

fn verdict(case: &Case) -> Verdict {
    let engine = match catch_unwind(AssertUnwindSafe(|| prepared(case))) {
        Ok(Ok(engine)) => engine,
        Ok(Err(detail)) => return Verdict { outcome: Outcome::Refused, detail },
        Err(_) => return Verdict { outcome: Outcome::Different, detail: "a panic while preparing".to_owned() },
    };
    let asked = judge(case, &engine, ANSWERS, |value| match value {
        Value::Array(rows) => same_rows(rows.iter(), case),
        _ => false,
    });
    let Some(path) = case.rule() else { return asked };
    let direct = judge(case, &engine, path, |value| match case.rows() {
        [] => matches!(value, Value::Undefined),
        [row] => row.get("x").is_some_and(|want| same(value, want, case.sort_bindings)),
        _ => false,
    });
    // The engine answers by name only what is written as one rule.
    if direct.detail.contains("not a valid rule path") || asked.outcome > direct.outcome { asked } else { direct }
}

fn judge(case: &Case, engine: &Engine, path: &str, right: impl Fn(&Value) -> bool) -> Verdict {
    let mut engine = engine.clone();
    let Ok(value) = catch_unwind(AssertUnwindSafe(|| engine.eval_rule(path.to_owned()))) else {
        return Verdict { outcome: Outcome::Different, detail: "a panic".to_owned() };
    };
    let wants = || match &case.want_error {
        Some(error) => format!("error {error}"),
        None => Json::from_iter(case.rows().iter().cloned().map(Json::from_iter)).to_string(),
    };
    match value {
        Err(error) => {
            let outcome = if case.wants_error() { Outcome::Passed } else { Outcome::Error };
            Verdict { outcome, detail: error.to_string().split_whitespace().collect::<Vec<_>>().join(" ") }
        }
        Ok(value) if case.wants_error() => {
            Verdict { outcome: Outcome::Lax, detail: format!("{path} is {value:?}, wanted {}", wants()) }
        }
        Ok(value) if right(&value) => Verdict { outcome: Outcome::Passed, detail: String::new() },
        Ok(value) => {
            Verdict { outcome: Outcome::Different, detail: format!("{path} is {value:?}, wanted {}", wants()) }
        }
    }
}

fn same_rows<'v>(rows: impl Iterator<Item = &'v Value>, case: &Case) -> bool {
    let row = |value: &Value, want: &BTreeMap<String, Json>| match value {
        Value::Object(fields) => want.iter().all(|(name, want)| {
            fields.get(&Value::from(name.as_str())).is_some_and(|value| same(value, want, case.sort_bindings))
        }),
        _ => false,
    };
    any_order(rows, case.rows(), row)
}

/// Equal as OPA turns values into JSON; the members of sets, and with `sorted` of arrays, in any order.
pub(super) fn same(value: &Value, want: &Json, sorted: bool) -> bool {
    match (value, want) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(value), Json::Bool(want)) => value == want,
        (Value::String(value), Json::String(want)) => value.as_ref() == want,
        (Value::Number(_), Json::Number(want)) => {
            let text = value.to_string();
            text == want.to_string() || text.parse::<f64>().ok() == want.as_f64()
        }
        (Value::Array(items), Json::Array(want)) if sorted => any_order(items.iter(), want, |a, b| same(a, b, sorted)),
        (Value::Array(items), Json::Array(want)) => {
            items.len() == want.len() && items.iter().zip(want).all(|(a, b)| same(a, b, sorted))
        }
        (Value::Set(items), Json::Array(want)) => any_order(items.iter(), want, |a, b| same(a, b, sorted)),
        (Value::Object(fields), Json::Object(want)) => {
            let named = |key: &Value| match key {
                Value::String(name) => name.to_string(),
                other => serde_json::to_string(other).unwrap_or_default(),
            };
            fields.len() == want.len()
                && fields.iter().all(|(key, value)| want.get(&named(key)).is_some_and(|want| same(value, want, sorted)))
        }
        _ => false,
    }
}

fn any_order<'v, W>(values: impl Iterator<Item = &'v Value>, want: &[W], same: impl Fn(&Value, &W) -> bool) -> bool {
    let mut left: Vec<&W> = want.iter().collect();
    for value in values {
        let Some(found) = left.iter().position(|want| same(value, want)) else { return false };
        left.swap_remove(found);
    }
    left.is_empty()
}

fn cases() -> Vec<Case> {
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/opa-cases/cases.json"));
    let path = std::env::var_os("OPA_CASES").map_or(default, PathBuf::from);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: run `scripts/tools conformance` first", path.display()));
    serde_json::from_str(&text).expect("cases")
}

/// The verdicts by case, found on two threads with the stack that evaluators have.
fn verdicts(cases: &[Case]) -> Vec<(&Case, Verdict)> {
    let halves = cases.chunks(cases.len().div_ceil(2).max(1));
    std::thread::scope(|scope| {
        let threads: Vec<_> = halves
            .map(|half| {
                std::thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, move || half.iter().map(|case| (case, verdict(case))).collect::<Vec<_>>())
                    .expect("a thread")
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic escapes")).collect()
    })
}

/// `floor N` and `most refused|error N` lines, and notes of cases after `lax` or `different`.
fn known(word: &str) -> BTreeSet<&'static str> {
    KNOWN.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(": ")).collect()
}

fn bound(word: &str) -> usize {
    known(word).first().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{word} has no bound"))
}

#[test]
fn opas_own_cases_have_the_answers_that_opa_wants() {
    let cases = cases();
    let verdicts = verdicts(&cases);
    let (mut counts, mut reasons) = (BTreeMap::new(), BTreeMap::<&str, usize>::new());
    let mut report = String::new();
    let (mut lax, mut different) = (BTreeSet::new(), BTreeSet::new());
    for (case, Verdict { outcome, detail }) in &verdicts {
        *counts.entry(*outcome).or_insert(0_usize) += 1;
        match outcome {
            Outcome::Passed => continue,
            Outcome::Refused => *reasons.entry(detail.split(':').next().unwrap_or_default()).or_default() += 1,
            Outcome::Error => {}
            Outcome::Lax => drop(lax.insert(case.note.as_str())),
            Outcome::Different => drop(different.insert(case.note.as_str())),
        }
        writeln!(report, "{outcome:?}: {}: {detail}", case.note).expect("a string");
    }
    println!("{report}{counts:?}\nrefused: {reasons:?}");
    let count = |outcome| counts.get(&outcome).copied().unwrap_or_default();
    assert_eq!(different, known("different"), "other values than OPA's");
    assert_eq!(lax, known("lax"), "values where OPA has errors");
    assert!(count(Outcome::Passed) >= bound("passed at least"), "{counts:?}");
    assert!(count(Outcome::Error) <= bound("errors at most"), "{counts:?}");
}
