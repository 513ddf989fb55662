//! How large and how deep a value is, as a value and as serde_json wrote it.

use memchr::memchr2;
use serde_json::Value;

/// About how many bytes of JSON it is, and how many containers lie inside each other.
pub(super) fn measure(value: &Value) -> (usize, usize) {
    match value {
        Value::Null | Value::Bool(_) => (5, 0),
        Value::Number(_) => (12, 0),
        Value::String(string) => (string.len().saturating_add(2), 0),
        Value::Array(items) => items.iter().map(measure).fold((2, 1), |(size, depth), (inner_size, inner_depth)| {
            (size.saturating_add(inner_size).saturating_add(1), depth.max(inner_depth.saturating_add(1)))
        }),
        Value::Object(members) => members.iter().fold((2, 1), |(size, depth), (name, member)| {
            let (inner_size, inner_depth) = measure(member);
            (
                size.saturating_add(name.len()).saturating_add(4).saturating_add(inner_size),
                depth.max(inner_depth.saturating_add(1)),
            )
        }),
    }
}

/// The same of a value that serde_json wrote down.
pub(super) fn json(text: &str) -> (usize, usize) {
    item(&mut text.as_bytes())
}

fn item(rest: &mut &[u8]) -> (usize, usize) {
    match rest.first() {
        Some(b'[') => items(rest, false),
        Some(b'{') => items(rest, true),
        Some(b'"') => (string(rest).saturating_add(2), 0),
        Some(b'n' | b't' | b'f') => {
            pass(rest, |byte| byte.is_ascii_alphabetic());
            (5, 0)
        }
        Some(_) | None => {
            pass(rest, |byte| !matches!(byte, b',' | b']' | b'}'));
            (12, 0)
        }
    }
}

/// The items of an array, or the members of an object.
fn items(rest: &mut &[u8], named: bool) -> (usize, usize) {
    let (mut size, mut depth) = (2_usize, 1);
    skip(rest, 1);
    loop {
        match rest.first() {
            Some(b',') => skip(rest, 1),
            Some(b']' | b'}') | None => {
                skip(rest, 1);
                return (size, depth);
            }
            Some(_) => {
                if named {
                    size = size.saturating_add(string(rest)).saturating_add(4);
                    skip(rest, 1);
                } else {
                    size = size.saturating_add(1);
                }
                let (inner_size, inner_depth) = item(rest);
                size = size.saturating_add(inner_size);
                depth = depth.max(inner_depth.saturating_add(1));
            }
        }
    }
}

/// How many bytes stand for a string: what is escaped in it is one each, however it is escaped.
fn string(rest: &mut &[u8]) -> usize {
    let mut length = 0_usize;
    skip(rest, 1);
    loop {
        let Some(at) = memchr2(b'"', b'\\', rest) else {
            length = length.saturating_add(rest.len());
            *rest = &[];
            return length;
        };
        length = length.saturating_add(at);
        skip(rest, at);
        match rest.get(..2) {
            Some([b'\\', b'u']) => skip(rest, 6),
            Some([b'\\', _]) => skip(rest, 2),
            Some(_) | None => {
                skip(rest, 1);
                return length;
            }
        }
        length = length.saturating_add(1);
    }
}

fn pass(rest: &mut &[u8], is_part: impl Fn(u8) -> bool) {
    let end = rest.iter().position(|byte| !is_part(*byte)).unwrap_or(rest.len());
    skip(rest, end);
}

fn skip(rest: &mut &[u8], bytes: usize) {
    *rest = rest.get(bytes..).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\"\\\\\n\u{1}a{}\\[\\],:]*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_down_is_as_large_and_as_deep_as_the_value(value in values()) {
            prop_assert_eq!(json(&serde_json::to_string(&value).unwrap()), measure(&value));
        }

        #[test]
        fn arbitrary_texts_are_never_a_panic(text: String) {
            let _ = json(&text);
        }
    }
}
