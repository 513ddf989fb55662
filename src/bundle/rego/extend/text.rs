//! Texts. Characters are Unicode's code points, and case is theirs one by one, as in OPA.

use std::collections::BTreeMap;

use regorus::Value;
use serde::de::IgnoredAny;

use super::{CallError, LARGEST_TEXT, string, strings, whole};

/// `count`. The engine counts a text's UTF-16 units.
pub(super) fn length(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    match arguments {
        [Value::Array(items)] => Ok(whole(items.len())),
        [Value::Object(fields)] => Ok(whole(fields.len())),
        [Value::Set(members)] => Ok(whole(members.len())),
        [Value::String(text)] => Ok(whole(text.chars().count())),
        _ => Err(CallError::Types { name, takes: "an array, object, set or string" }),
    }
}

/// `strings.count`: occurrences that do not overlap. The engine counts overlapping ones, and
/// panics on an empty search text.
pub(super) fn count(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let (text, search) = strings(name, arguments)?;
    let count = if search.is_empty() { text.chars().count().saturating_add(1) } else { text.matches(search).count() };
    Ok(whole(count))
}

/// What may be searched for. The engine finds nothing everywhere, and needs the square of a text's length.
fn searched<'v>(name: &'static str, arguments: &'v [Value]) -> Result<(&'v str, &'v str), CallError> {
    let (text, search) = strings(name, arguments)?;
    if search.is_empty() {
        return Err(CallError::Argument { name, what: "an empty text to search for" });
    }
    Ok((text, search))
}

/// `indexof`: of the first occurrence, in characters, or -1.
pub(super) fn index_of(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let (text, search) = searched(name, arguments)?;
    let before = text.find(search).and_then(|at| text.get(..at));
    Ok(before.map_or_else(|| Value::from(-1_i64), |before| whole(before.chars().count())))
}

/// `indexof_n`: of all occurrences, overlapping ones too.
pub(super) fn all_indexes_of(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let (text, search) = searched(name, arguments)?;
    if text.len().saturating_mul(search.len()) > MOST_STEPS {
        return Err(CallError::TooLong { name });
    }
    let found = text
        .char_indices()
        .enumerate()
        .filter(|(_, (at, _))| text.get(*at..).is_some_and(|rest| rest.starts_with(search)));
    Ok(Value::from(found.map(|(index, _)| whole(index)).collect::<Vec<_>>()))
}

/// `lower`. A word's place changes nothing, and each character stays one.
pub(super) fn lower(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let lower = |c: char| {
        let mut lower = c.to_lowercase();
        // Only `İ` becomes more than one, of which the first is the letter.
        lower.next().unwrap_or(c)
    };
    let text: String = string(name, arguments)?.chars().map(lower).collect();
    Ok(Value::from(text))
}

/// `upper`. What has no single upper-case letter stays as it is.
pub(super) fn upper(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let upper = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(single), None) => Ok(single),
            // These Greek letters have one that the full mapping does not tell.
            _ if ('\u{1f80}'..='\u{1fff}').contains(&c) => {
                Err(CallError::Argument { name, what: "a letter with iota subscript" })
            }
            _ => Ok(c),
        }
    };
    let text: String = string(name, arguments)?.chars().map(upper).collect::<Result<_, _>>()?;
    Ok(Value::from(text))
}

/// `trace`: nobody reads the notes; the value is OPA's.
pub(super) fn trace(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    string(name, arguments).map(|_| Value::from(true))
}

/// `json.is_valid`. The engine takes numbers for invalid that are too large for it.
pub(super) fn is_json(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let text = string(name, arguments)?;
    let valid = serde_json::from_str::<IgnoredAny>(text).is_ok();
    if !valid && (text.contains("\\u") || text.matches(['[', '{']).count() > DEEPEST_JSON) {
        return Err(CallError::Argument { name, what: "deeply nested JSON or half of a surrogate pair" });
    }
    Ok(Value::from(valid))
}

/// `strings.replace_n`: all at once, so that nothing replaced is replaced again; the first key in order wins,
/// and an empty key stands between any two characters.
pub(super) fn replace_n(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let [Value::Object(patterns), Value::String(text)] = arguments else {
        return Err(CallError::Types { name, takes: "an object of strings and a string" });
    };
    let pairs = patterns.iter().map(|(from, to)| match (from, to) {
        (Value::String(from), Value::String(to)) => Ok((from.as_ref(), to.as_ref())),
        _ => Err(CallError::Types { name, takes: "an object of strings and a string" }),
    });
    let pairs: BTreeMap<&str, &str> = pairs.collect::<Result<_, _>>()?;
    let longest = pairs.keys().map(|from| from.len()).sum::<usize>().saturating_add(pairs.len());
    let looks = text.len().saturating_mul(pairs.len());
    if looks > MOST_LOOKS || text.len().saturating_mul(longest) > MOST_STEPS {
        return Err(CallError::TooLong { name });
    }
    let (mut rest, mut out, mut after_nothing) = (text.as_ref(), String::new(), false);
    loop {
        let found = pairs.iter().find(|(from, _)| rest.starts_with(**from) && !(from.is_empty() && after_nothing));
        after_nothing = found.is_some_and(|(from, _)| from.is_empty());
        let taken = match found {
            Some((from, to)) => {
                out.push_str(to);
                from.len()
            }
            None => {
                let Some(next) = rest.chars().next() else { break };
                out.push(next);
                next.len_utf8()
            }
        };
        if out.len() > LARGEST_TEXT {
            return Err(CallError::TooLarge { name, limit: LARGEST_TEXT });
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(Value::from(out))
}

/// Bytes compared.
pub(super) const MOST_STEPS: usize = 50_000_000;
/// Patterns looked for, at all places together.
const MOST_LOOKS: usize = 5_000_000;
/// The JSON reader gives up below.
const DEEPEST_JSON: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_code_points_one_by_one() {
        let of = |function: fn(&'static str, &[Value]) -> Result<Value, CallError>, text: &str| {
            function("f", &[Value::from(text)])
        };
        assert_eq!(of(length, "\u{10ffff}é"), Ok(Value::from(2_u64)));
        assert_eq!(of(lower, "İΣ"), Ok(Value::from("iσ")));
        assert_eq!(of(upper, "ßéǆ"), Ok(Value::from("ßÉǄ")));
        assert!(of(upper, "ᾳ").is_err());
    }

    #[test]
    fn two_long_texts_take_no_square_of_their_length() {
        let (text, search) = ("a".repeat(1 << 20), format!("{}b", "a".repeat(1 << 19)));
        let arguments = [Value::from(text), Value::from(search)];
        assert_eq!(index_of("indexof", &arguments), Ok(Value::from(-1_i64)));
        assert_eq!(all_indexes_of("indexof_n", &arguments), Err(CallError::TooLong { name: "indexof_n" }));
    }

    #[test]
    fn a_replacement_that_grows_without_bound_has_no_value() {
        let patterns = BTreeMap::from([(Value::from("a"), Value::from("b".repeat(1 << 16)))]);
        let answer = replace_n("strings.replace_n", &[Value::from(patterns), Value::from("a".repeat(1 << 16))]);
        assert_eq!(answer, Err(CallError::TooLarge { name: "strings.replace_n", limit: LARGEST_TEXT }));
    }

    #[test]
    fn many_patterns_are_not_looked_for_all_over_a_long_text() {
        let patterns: BTreeMap<_, _> = (0..10).map(|n| (Value::from(n.to_string()), Value::from(""))).collect();
        let ask =
            |length| replace_n("strings.replace_n", &[Value::from(patterns.clone()), Value::from("1".repeat(length))]);
        assert_eq!(ask(1_000), Ok(Value::from("")));
        assert_eq!(ask(1 << 20), Err(CallError::TooLong { name: "strings.replace_n" }));
    }
}
