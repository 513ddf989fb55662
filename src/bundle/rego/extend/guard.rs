//! The engine's own functions, asked only what they answer as OPA does, in time and in bounds.

use std::sync::LazyLock;

use regorus::{Engine, Value};

use super::text::MOST_STEPS;
use super::{CallError, LARGEST_TEXT};

pub(super) struct Guarded {
    pub(super) name: &'static str,
    pub(super) takes: u8,
    /// What is wrong with the arguments.
    before: fn(&'static str, &[Value]) -> Result<(), CallError>,
    /// Mends the value.
    after: fn(&'static str, Value) -> Result<Value, CallError>,
}

const fn guarded(
    name: &'static str,
    takes: u8,
    before: fn(&'static str, &[Value]) -> Result<(), CallError>,
) -> Guarded {
    Guarded { name, takes, before, after: as_it_is }
}

const fn mended(name: &'static str, takes: u8, after: fn(&'static str, Value) -> Result<Value, CallError>) -> Guarded {
    Guarded { name, takes, before: whatever, after }
}

pub(super) const GUARDED: &[Guarded] = &[
    mended("base64.decode", 1, text),
    mended("base64url.decode", 1, text),
    guarded("concat", 2, concat),
    guarded("format_int", 2, format_int),
    mended("hex.decode", 1, text),
    guarded("json.filter", 2, json_filter),
    mended("json.marshal", 1, escaped),
    guarded("json.marshal_with_options", 2, unescaped),
    guarded("json.patch", 2, json_patch),
    guarded("product", 1, product),
    guarded("regex.find_all_string_submatch_n", 3, last_is_whole),
    guarded("regex.find_n", 3, last_is_whole),
    guarded("regex.replace", 3, regex_replace),
    guarded("replace", 3, replace),
    guarded("strings.any_prefix_match", 2, any_match),
    guarded("strings.any_suffix_match", 2, any_match),
    guarded("substring", 3, substring),
    mended("time.format", 1, short_fraction),
    guarded("time.parse_duration_ns", 1, duration),
    guarded("to_number", 1, to_number),
    guarded("trim", 2, trim),
    guarded("trim_left", 2, trim),
    guarded("trim_right", 2, trim),
    guarded("units.parse", 1, units),
    guarded("units.parse_bytes", 1, whole_units),
];

/// Calls the engine's function of this name, which is one of [`GUARDED`].
pub(super) fn call(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let failed = |detail: String| CallError::Engine { name, detail };
    let guarded = GUARDED.iter().find(|guarded| guarded.name == name);
    let guarded = guarded.ok_or_else(|| failed("it is not guarded".to_owned()))?;
    (guarded.before)(name, arguments)?;
    (guarded.after)(name, engines(name, arguments)?)
}

/// The value of the engine's own function, which may be undefined.
pub(super) fn engines(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let failed = |detail: String| CallError::Engine { name, detail };
    let mut engine = PLAIN.as_ref().map_err(|detail| failed(detail.clone()))?.clone();
    engine.set_input(Value::from(arguments.to_vec()));
    let detail = |error: String| {
        let line = error.lines().find_map(|line| line.trim().strip_prefix("error: ")).map(str::to_owned);
        failed(line.unwrap_or_else(|| "it has no value".to_owned()))
    };
    engine.eval_rule(format!("data.engine.{}", rule(name))).map_err(|error| detail(error.to_string()))
}

fn rule(name: &str) -> String {
    name.replace('.', "_")
}

/// An engine without our functions, with one rule for each of its own that we call.
static PLAIN: LazyLock<Result<Engine, String>> = LazyLock::new(|| {
    let calls = GUARDED.iter().map(|guarded| (guarded.name, guarded.takes)).chain([("sprintf", 2)]);
    let rules = calls.map(|(name, takes)| {
        let arguments: Vec<String> = (0..takes).map(|index| format!("input[{index}]")).collect();
        format!("{} := y if y := {name}({})\n", format_args!("{}", rule(name)), arguments.join(", "))
    });
    let mut engine = Engine::new();
    engine.set_rego_v0(false);
    engine.set_strict_builtin_errors(true);
    let text = format!("package engine\n\nready := true\n{}", rules.collect::<String>());
    engine.add_policy("engine.rego".to_owned(), text).map_err(|error| error.to_string())?;
    engine.set_input(Value::new_array());
    engine.eval_rule("data.engine.ready".to_owned()).map_err(|error| error.to_string())?;
    Ok(engine)
});

// What may be asked. Arguments of wrong types are the engine's to refuse.

fn whatever(_: &'static str, _: &[Value]) -> Result<(), CallError> {
    Ok(())
}

fn concat(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [Value::String(between), items] = arguments else { return Ok(()) };
    let length = |item: &Value| match item {
        Value::String(text) => text.len().saturating_add(between.len()),
        _ => 0,
    };
    let total: usize = match items {
        Value::Array(items) => items.iter().map(length).sum(),
        Value::Set(items) => items.iter().map(length).sum(),
        _ => 0,
    };
    at_most(name, total)
}

fn at_most(name: &'static str, bytes: usize) -> Result<(), CallError> {
    if bytes > LARGEST_TEXT { Err(CallError::TooLarge { name, limit: LARGEST_TEXT }) } else { Ok(()) }
}

fn format_int(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [number @ Value::Number(_), _] = arguments else { return Ok(()) };
    let exact = number.as_f64().is_ok_and(|number| number.abs() < EXACT_FLOAT);
    if exact || number.as_i128().is_ok() {
        Ok(())
    } else {
        Err(CallError::Argument { name, what: "a number that is too large" })
    }
}

/// An empty path selects everything in the engine and nothing in OPA.
fn json_filter(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let empty = |path: &Value| matches!(path, Value::Array(steps) if steps.is_empty());
    let any = match arguments {
        [_, Value::Array(paths)] => paths.iter().any(empty),
        [_, Value::Set(paths)] => paths.iter().any(empty),
        _ => false,
    };
    if any { Err(CallError::Argument { name, what: "an empty path" }) } else { Ok(()) }
}

/// Each copy can double the document, and each operation may look at all of it.
fn json_patch(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [document, Value::Array(operations)] = arguments else { return Ok(()) };
    let copies = |operation: &&Value| {
        let Value::Object(fields) = operation else { return false };
        fields.get(&Value::from("op")) == Some(&Value::from("copy"))
    };
    let copies = u32::try_from(operations.iter().filter(copies).count()).unwrap_or(u32::MAX);
    let doubled = 1_usize.checked_shl(copies).unwrap_or(usize::MAX);
    let values = nodes(document).saturating_add(operations.iter().map(nodes).fold(0, usize::saturating_add));
    let steps = values.saturating_mul(doubled.saturating_add(operations.len()));
    if copies > MOST_COPIES || steps > MOST_NODES { Err(CallError::TooLong { name }) } else { Ok(()) }
}

/// How many values one consists of.
fn nodes(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(nodes).fold(0, usize::saturating_add),
        Value::Set(items) => items.iter().map(nodes).fold(0, usize::saturating_add),
        Value::Object(fields) => fields.iter().map(|(_, value)| nodes(value)).fold(0, usize::saturating_add),
        _ => 0,
    };
    inner.saturating_add(1)
}

/// Prefix and indent stand in the text as they are, so what OPA escapes in strings cannot be told from them.
fn unescaped(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let escapes = |value: &Value| value.to_string().contains(ESCAPED);
    if arguments.first().is_some_and(escapes) {
        return Err(CallError::Argument { name, what: "a text with `<`, `>` or `&`" });
    }
    Ok(())
}

fn product(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let length = match arguments {
        [Value::Array(items)] => items.len(),
        [Value::Set(items)] => items.len(),
        _ => 0,
    };
    if length > MOST_FACTORS { Err(CallError::TooLong { name }) } else { Ok(()) }
}

fn last_is_whole(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    match arguments.last() {
        Some(number @ Value::Number(_)) if number.as_i64().is_err() => {
            Err(CallError::Argument { name, what: "a number that is not whole or too large" })
        }
        _ => Ok(()),
    }
}

fn substring(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    last_is_whole(name, arguments)?;
    last_is_whole(name, arguments.get(..2).unwrap_or_default())
}

/// Every character may be a match, and every `$` may be all of the text.
fn regex_replace(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [Value::String(text), _, Value::String(to)] = arguments else { return Ok(()) };
    let texts = to.matches('$').count().saturating_mul(text.len());
    at_most(name, text.len().saturating_add(1).saturating_mul(to.len()).saturating_add(texts))
}

fn replace(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [Value::String(text), Value::String(from), Value::String(to)] = arguments else { return Ok(()) };
    if from.is_empty() && !text.is_ascii() {
        return Err(CallError::Argument { name, what: "nothing to replace in a text that is not ASCII" });
    }
    let found = if to.len() > from.len() { text.matches(from.as_ref()).count() } else { 0 };
    at_most(name, found.saturating_mul(to.len()).saturating_add(text.len()))
}

fn any_match(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let many = |value: &Value| match value {
        Value::Array(items) => items.len(),
        Value::Set(items) => items.len(),
        _ => 1,
    };
    let pairs = arguments.iter().fold(1_usize, |pairs, argument| pairs.saturating_mul(many(argument)));
    if pairs > MOST_PAIRS { Err(CallError::TooLong { name }) } else { Ok(()) }
}

fn trim(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [Value::String(text), Value::String(characters)] = arguments else { return Ok(()) };
    let steps = text.len().saturating_mul(characters.len());
    if steps > MOST_STEPS { Err(CallError::TooLong { name }) } else { Ok(()) }
}

/// The engine panics on a point without a digit behind it.
fn duration(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [Value::String(text)] = arguments else { return Ok(()) };
    let mut parts = text.split('.').skip(1);
    if parts.all(|part| part.starts_with(|c: char| c.is_ascii_digit())) {
        Ok(())
    } else {
        Err(CallError::Argument { name, what: "a point without a digit behind it" })
    }
}

fn to_number(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [Value::String(text)] = arguments else { return Ok(()) };
    let number = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    if number && text.len() <= LONGEST_NUMBER {
        Ok(())
    } else {
        Err(CallError::Argument { name, what: "a text that is no number or a very long one" })
    }
}

/// The engine knows more units than OPA, other digits, and writes an exponent out in full, however large.
fn units(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    let [Value::String(text)] = arguments else { return Ok(()) };
    let wrong = |what| Err(CallError::Argument { name, what });
    let text = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => quoted,
        None => text.as_ref(),
    };
    let end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at.saturating_add(1));
    let (number, unit) = text.split_at_checked(end).unwrap_or_default();
    if !UNITS.contains(&unit.to_ascii_lowercase().as_str()) {
        return wrong("an unknown unit");
    }
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (digits, exponent) = (unsigned(digits).replacen('.', "", 1), unsigned(exponent));
    if digits.is_empty() || exponent.is_empty() || !all_digits(&digits) || !all_digits(&exponent) {
        return wrong("a text that is no number with a unit");
    }
    let significant = digits.trim_start_matches('0').len();
    if significant > EXACT_DIGITS && (digits != text || !unit.is_empty()) {
        return wrong("more digits than a floating-point number keeps");
    }
    if text.len() > LONGEST_NUMBER || exponent.trim_start_matches('0').len() > EXPONENT_DIGITS {
        return wrong("a number that is too large");
    }
    Ok(())
}

/// The engine rounds, and OPA cuts off.
fn whole_units(name: &'static str, arguments: &[Value]) -> Result<(), CallError> {
    if matches!(arguments, [Value::String(text)] if text.contains('.') || text.to_ascii_lowercase().contains("e-")) {
        return Err(CallError::Argument { name, what: "a fraction" });
    }
    units(name, arguments)
}

// What is made of the value.

fn as_it_is(_: &'static str, value: Value) -> Result<Value, CallError> {
    Ok(value)
}

/// Bytes that are no text would become other text.
fn text(name: &'static str, value: Value) -> Result<Value, CallError> {
    match &value {
        Value::String(text) if text.contains('\u{fffd}') => {
            Err(CallError::Argument { name, what: "bytes that are no text" })
        }
        _ => Ok(value),
    }
}

/// These stand only in strings there, and OPA escapes them.
fn escaped(_: &'static str, value: Value) -> Result<Value, CallError> {
    let Value::String(text) = &value else { return Ok(value) };
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if ESCAPED.contains(&c) => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    Ok(Value::from(escaped))
}

/// `.100Z` is `.1Z`.
fn short_fraction(_: &'static str, value: Value) -> Result<Value, CallError> {
    let Value::String(text) = &value else { return Ok(value) };
    let Some((seconds, rest)) = text.split_once('.') else { return Ok(value) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (Some(digits), Some(zone)) = (rest.get(..end), rest.get(end..)) else { return Ok(value) };
    // A layout of the author's own says itself how many digits there are.
    if !zone.starts_with(['Z', '+', '-']) || !seconds.contains('T') || !matches!(end, 3 | 6 | 9) {
        return Ok(value);
    }
    Ok(Value::from(format!("{seconds}.{}{zone}", digits.trim_end_matches('0'))))
}

/// OPA writes their numbers into JSON.
const ESCAPED: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];
const MOST_COPIES: u32 = 12;
/// Values that a patch may look at or make.
const MOST_NODES: usize = 1_000_000;
const MOST_FACTORS: usize = 1_000;
const MOST_PAIRS: usize = 1_000_000;
/// In lower case, which `parse` and `parse_bytes` have in common or refuse themselves.
const UNITS: [&str; 25] = [
    "", "m", "k", "g", "t", "p", "e", "ki", "mi", "gi", "ti", "pi", "ei", "kb", "mb", "gb", "tb", "pb", "eb", "kib",
    "mib", "gib", "tib", "pib", "eib",
];
const LONGEST_NUMBER: usize = 400;
const EXACT_DIGITS: usize = 15;
const EXPONENT_DIGITS: usize = 2;
/// Past it not every whole number is a floating-point one.
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn ask(name: &'static str, arguments: &serde_json::Value) -> Result<Value, CallError> {
        let Value::Array(arguments) = Value::from(arguments.clone()) else { panic!("arguments") };
        call(name, arguments.as_slice())
    }

    #[test]
    fn concat_joins_up_to_eight_mebibytes_of_an_array_or_a_set() {
        let (name, large) = ("concat", "a".repeat(1 << 20));
        let refused = Err(CallError::TooLarge { name, limit: LARGEST_TEXT });
        assert_eq!(ask(name, &json!(["-", ["a", "b"]])), Ok(Value::from("a-b")));
        assert_eq!(ask(name, &json!(["", vec![&large; 8]])), Ok(Value::from(large.repeat(8))));
        assert_eq!(ask(name, &json!(["", vec![&large; 9]])), refused);
        assert_eq!(ask(name, &json!([large, vec![""; 100]])), refused);
        let set: BTreeSet<Value> = (0..100).map(|n| Value::from(n.to_string())).collect();
        assert_eq!(call(name, &[Value::from(large), Value::from(set)]), refused);
    }

    #[test]
    fn patches_that_double_a_document_are_bounded_by_what_they_make() {
        let (name, copy) = ("json.patch", json!({"op": "copy", "from": "", "path": "/a"}));
        let refused = Err(CallError::TooLong { name });
        assert_eq!(ask(name, &json!([{"b": 1}, [copy]])), Ok(Value::from(json!({"a": {"b": 1}, "b": 1}))));
        assert!(ask(name, &json!([{"b": 1}, vec![copy.clone(); 12]])).is_ok());
        assert_eq!(ask(name, &json!([{"b": 1}, vec![copy.clone(); 13]])), refused);
        assert_eq!(ask(name, &json!([vec![1; 10_000], vec![copy.clone(); 8]])), refused);
        assert_eq!(ask(name, &json!([{"b": 1}, vec![copy; 1 << 17]])), refused);
        let test = json!({"op": "test", "path": "", "value": 1});
        assert_eq!(ask(name, &json!([vec![1; 100_000], vec![test; 100]])), refused);
    }

    #[test]
    fn every_text_against_every_affix_is_bounded_by_the_pairs() {
        for name in ["strings.any_prefix_match", "strings.any_suffix_match"] {
            assert_eq!(ask(name, &json!([["ab", "ba"], ["b", "a"]])), Ok(Value::from(true)));
            assert_eq!(ask(name, &json!([vec!["a"; 1_000], vec!["b"; 1_000]])), Ok(Value::from(false)));
            let refused = Err(CallError::TooLong { name });
            assert_eq!(ask(name, &json!([vec!["a"; 1_001], vec!["b"; 1_000]])), refused);
            let affixes: BTreeSet<Value> = (0..1_001).map(|n| Value::from(n.to_string())).collect();
            assert_eq!(call(name, &[Value::from(vec![Value::from("a"); 1_000]), Value::from(affixes)]), refused);
        }
    }

    #[test]
    fn what_is_trimmed_is_bounded_by_text_and_characters_together() {
        for name in ["trim", "trim_left", "trim_right"] {
            assert_eq!(ask(name, &json!(["a".repeat(1 << 20), "ba"])), Ok(Value::from("")));
            let (text, characters) = ("a".repeat(1 << 20), "b".repeat(1 << 10));
            assert_eq!(ask(name, &json!([text, characters])), Err(CallError::TooLong { name }));
        }
    }

    #[test]
    fn units_are_opas_up_to_exabytes_and_no_others() {
        let whole = |number: u64| Ok(Value::from(number));
        for (text, number) in [("5E", 5_000_000_000_000_000_000), ("1e", 1_000_000_000_000_000_000), ("1e2Ki", 102_400)]
        {
            assert_eq!(ask("units.parse", &json!([text])), whole(number), "{text}");
            assert_eq!(ask("units.parse_bytes", &json!([text])), whole(number), "{text}");
        }
        assert_eq!(ask("units.parse_bytes", &json!(["2KiB"])), whole(2_048));
        for text in ["1Z", "1da", "1h", "1f", "1µ", "1e999999999", "1_0", "0x1", "NaN", "", "K", "1 K", "1e1e1", "--1"]
        {
            assert!(ask("units.parse", &json!([text])).is_err(), "{text}");
            assert!(ask("units.parse_bytes", &json!([text])).is_err(), "{text}");
        }
    }
}
