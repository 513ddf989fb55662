//! Objects, arrays and sets.

use regorus::Value;

use super::CallError;
use super::text::MOST_STEPS;

/// `object.subset`: an object's fields within another's, an array within another without a gap, a set within a
/// set or an array. The engine panics on an empty array, and takes any two values.
pub(super) fn subset(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let [whole, part] = arguments else {
        return Err(CallError::Types { name, takes: KINDS });
    };
    let comparable = matches!(
        (whole, part),
        (Value::Object(_), Value::Object(_))
            | (Value::Set(_), Value::Set(_))
            | (Value::Array(_), Value::Array(_) | Value::Set(_))
    );
    if !comparable {
        return Err(CallError::Types { name, takes: KINDS });
    }
    within(name, whole, part).map(Value::from)
}

fn within(name: &'static str, whole: &Value, part: &Value) -> Result<bool, CallError> {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part.iter() {
                let Some(other) = whole.get(key) else { return Ok(false) };
                let nested = matches!(
                    (other, value),
                    (Value::Object(_), Value::Object(_))
                        | (Value::Set(_), Value::Set(_))
                        | (Value::Array(_), Value::Array(_))
                );
                if !(if nested { within(name, other, value)? } else { other == value }) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Set(whole), Value::Set(part)) => Ok(part.iter().all(|member| whole.contains(member))),
        (Value::Array(whole), Value::Array(part)) => {
            bounded(name, whole.len(), part.len())?;
            Ok(part.is_empty() || whole.as_slice().windows(part.len()).any(|window| window == part.as_slice()))
        }
        (Value::Array(whole), Value::Set(part)) => {
            bounded(name, whole.len(), part.len())?;
            Ok(part.iter().all(|member| whole.iter().any(|item| item == member)))
        }
        _ => Ok(false),
    }
}

fn bounded(name: &'static str, whole: usize, part: usize) -> Result<(), CallError> {
    if whole.saturating_mul(part) > MOST_STEPS { Err(CallError::TooLong { name }) } else { Ok(()) }
}

const KINDS: &str = "two objects, two sets, two arrays, or an array and a set";
