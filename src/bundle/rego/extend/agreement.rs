//! Texts with a grammar of their own (patterns of globs, formats, numbers with units), generated: no text makes their
//! readers panic, and where they have a value it is OPA's.

use std::slice;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use regorus::Value;
use serde_json::{Value as Json, json};

use super::{CallError, functions, print};
use crate::bundle::rego::conformance::same;
use crate::bundle::rego::hostile::answers;

fn call(name: &str, arguments: &[Json]) -> Result<Value, CallError> {
    let (name, _, function) = functions().find(|(own, ..)| *own == name).expect("one of ours");
    function(name, &arguments.iter().cloned().map(Value::from).collect::<Vec<_>>())
}

/// The same ones each time.
fn generated<S: Strategy>(count: usize, strategy: S) -> Vec<S::Value> {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("no filter gives up").current()).collect()
}

/// How many of our values are true or a text or a number, all values being OPA's.
fn agree(name: &str, rows: &[Vec<Json>]) -> usize {
    let arity = rows.first().map_or(0, Vec::len);
    let places: Vec<String> = (0..arity).map(|index| format!("a[{index}]")).collect();
    let policy = format!("package p\nr := [[i, y] | some i, a in input; y := {name}({})]\n", places.join(", "));
    let theirs = answers(&policy, &json!(rows)).remove("r").expect("a rule");
    let (mut values, mut differing) = (0, Vec::new());
    for (at, arguments) in rows.iter().enumerate() {
        let Ok(ours) = call(name, arguments) else { continue };
        if matches!(ours, Value::Undefined) {
            continue;
        }
        values += usize::from(ours != Value::from(false));
        let theirs = theirs.get(&at);
        if !theirs.is_some_and(|theirs| same(&ours, theirs, false)) {
            differing.push(format!("{} is {ours}, OPA's {theirs:?}", json!(arguments)));
        }
    }
    let shown: Vec<&String> = differing.iter().take(40).collect();
    assert!(differing.is_empty(), "{} of {} ({values} with a value): {shown:#?}", differing.len(), rows.len());
    values
}

fn pattern() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "a", "b", "ab", "é", ".", ":", "-", "*", "**", "?", "[ab]", "[!a]", "[a-c]", "[!b-é]", "[.:]", "{a,b}",
        "{ab,*}", "{a,b?,c}", "\\*", "\\a", "^", "$", "+", "(", "|", "]",
    ]);
    let broken =
        select(vec!["[", "{", "}", ",", "!", "[]", "[a", "[-a]", "[a-]", "{a", "{a,{b,c}}", "\\", "[c-a]", "[a\\]b]"]);
    let piece = prop_oneof![8 => piece, 1 => broken];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn delimiters() -> impl Strategy<Value = Json> {
    select(vec![json!(null), json!([]), json!(["."]), json!([":"]), json!([".", ":"]), json!(["é", "-"])])
}

fn matched() -> impl Strategy<Value = String> {
    let piece = select(vec!["a", "b", "c", "ab", "é", ".", ":", "-", "*", "?", "]", "^", "(", ","]);
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn directive() -> impl Strategy<Value = String> {
    let flags = select(vec!["", "", "-", "0", "-0"]);
    let width = select(vec!["", "", "1", "6", "23"]);
    let precision = select(vec!["", "", ".", ".0", ".3"]);
    (flags, width, precision, select(print::VERBS.chars().collect::<Vec<_>>()))
        .prop_map(|(flags, width, precision, verb)| format!("%{flags}{width}{precision}{verb}"))
}

fn format() -> impl Strategy<Value = String> {
    let text = select(vec!["", "a", "é ", "%%", "100%% ", "\u{0}"]).prop_map(str::to_owned);
    proptest::collection::vec(prop_oneof![3 => directive(), 1 => text], 0..5).prop_map(|pieces| pieces.concat())
}

/// No whole number is written with a fraction: the engine does not keep it.
fn printed() -> impl Strategy<Value = Json> {
    let float = (-1_000_i32..1_000, 1_u32..4)
        .prop_map(|(whole, shift)| json!(f64::from(2 * whole + 1) / f64::from(1 << shift)));
    let text =
        select(vec!["", "a", "é\"<&>\\", "-5", "a long text that is cut", "\u{202e}\n\u{0}", "%d", "\u{10ffff}"]);
    let scalar = prop_oneof![
        4 => text.prop_map(|text| json!(text)),
        2 => any::<i64>().prop_map(|number| json!(number)),
        1 => (-20_i64..20).prop_map(|number| json!(number)),
        1 => select(vec![json!(u64::MAX), json!(i64::MIN), json!(1e-7), json!(1.5e300), json!(null), json!(true)]),
        2 => float,
    ];
    prop_oneof![
        6 => scalar.clone(),
        1 => proptest::collection::vec(scalar.clone(), 0..3).prop_map(Json::from),
        1 => scalar.prop_map(|value| json!({"a": value, "é": []})),
    ]
}

fn united() -> impl Strategy<Value = String> {
    let sign = select(vec!["", "", "", "-", "+", "--"]);
    let number =
        select(vec!["0", "1", "15", "007", "1.5", ".5", "5.", "0.001", "12345678901234567890", "", "1_0", "é1", "NaN"]);
    let exponent = select(vec!["", "", "", "e3", "E2", "e-3", "e+1", "e", "e40", "e1e1"]);
    let unit = select(vec![
        "", "m", "M", "k", "K", "g", "G", "T", "p", "P", "e", "E", "Ki", "ki", "mI", "GI", "ti", "Pi", "Ei", "EI", "b",
        "B", "Kb", "mB", "EB", "kib", "MiB", "Eib", "Z", "zi", "Yib", "da", "d", "c", "h", "n", "f", "a", "μ", "i",
        "ii", " K", "K ",
    ]);
    let quotes = select(vec!["", "", "", "\""]);
    (quotes, sign, number, exponent, unit)
        .prop_map(|(quotes, sign, number, exponent, unit)| format!("{quotes}{sign}{number}{exponent}{unit}{quotes}"))
}

#[test]
fn generated_globs_match_what_they_match_in_opa() {
    let rows = generated(6_000, (pattern(), delimiters(), matched()));
    let rows: Vec<_> = rows.into_iter().map(|(glob, among, text)| vec![json!(glob), among, json!(text)]).collect();
    let matches = agree("glob.match", &rows);
    assert!(matches > 200, "{matches}");
}

#[test]
fn generated_formats_print_what_they_print_in_opa() {
    let rows = generated(4_000, (format(), proptest::collection::vec(printed(), 0..4)));
    let rows: Vec<_> = rows.into_iter().map(|(format, values)| vec![json!(format), Json::from(values)]).collect();
    let printed = agree("sprintf", &rows);
    assert!(printed > 1_000, "{printed}");
}

#[test]
fn generated_numbers_with_units_are_what_they_are_in_opa() {
    let rows: Vec<_> = generated(4_000, united()).into_iter().map(|text| vec![json!(text)]).collect();
    for name in ["units.parse", "units.parse_bytes"] {
        let numbers = agree(name, &rows);
        assert!(numbers > 200, "{name}: {numbers}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(pattern in any::<String>(), wild in "[-*?\\[\\]{},!\\\\a-c.%0-9svdqxfé]{0,40}", text in any::<String>()) {
        for text_with_a_grammar in [&pattern, &wild] {
            let grammar = json!(text_with_a_grammar);
            drop(call("glob.match", &[grammar.clone(), json!([":"]), json!(text)]));
            drop(call("units.parse", slice::from_ref(&grammar)));
            drop(call("units.parse_bytes", slice::from_ref(&grammar)));
            let mut rest = text_with_a_grammar.as_str();
            let mut wide = false;
            while let (_, Some(directive), after) = print::next(rest) {
                wide |= directive.width.max(directive.precision).is_some_and(|width| width > 1_000);
                prop_assert!(after.len() < rest.len());
                rest = after;
            }
            // The linter refuses wide ones.
            if !wide {
                drop(call("sprintf", &[grammar, json!([text, 1, -0.5])]));
            }
        }
    }
}
