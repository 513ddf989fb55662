//! Arrays, sets and objects as OPA writes them into a text. The engine quotes the texts in them as JSON does, OPA as
//! Go does.

use std::collections::VecDeque;

use regorus::Value;

use super::super::CallError;
use super::super::guard::engines;

/// Anything but a text or a number by itself.
pub(super) fn text(name: &'static str, value: &Value) -> Result<String, CallError> {
    let mut texts = Vec::new();
    gather(value, &mut texts);
    let mut quoted = quoted(name, texts)?;
    let mut out = String::new();
    write(name, value, &mut quoted, &mut out)?;
    Ok(out)
}

/// The texts in a value, in the order in which they are written.
fn gather(value: &Value, texts: &mut Vec<Value>) {
    match value {
        Value::String(_) => texts.push(value.clone()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Set(members) => members.iter().for_each(|member| gather(member, texts)),
        Value::Object(fields) => fields.iter_sorted().for_each(|(key, value)| {
            gather(key, texts);
            gather(value, texts);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Undefined => {}
    }
}

/// The engine knows what Go can print, and quotes all texts at once; none has a line's end then.
fn quoted(name: &'static str, texts: Vec<Value>) -> Result<VecDeque<String>, CallError> {
    if texts.is_empty() {
        return Ok(VecDeque::new());
    }
    let format = "%q\n".repeat(texts.len());
    match engines("sprintf", &[Value::from(format), Value::from(texts)])? {
        Value::String(lines) => Ok(lines.lines().map(str::to_owned).collect()),
        _ => Err(CallError::Argument { name, what: "a value without text" }),
    }
}

fn write(name: &'static str, value: &Value, quoted: &mut VecDeque<String>, out: &mut String) -> Result<(), CallError> {
    let mut list = |open, close, items: &mut dyn Iterator<Item = &Value>| {
        out.push_str(open);
        for (index, item) in items.enumerate() {
            out.push_str(if index == 0 { "" } else { ", " });
            write(name, item, quoted, out)?;
        }
        out.push_str(close);
        Ok(())
    };
    match value {
        Value::Array(items) => return list("[", "]", &mut items.iter()),
        Value::Set(members) if members.is_empty() => out.push_str("set()"),
        Value::Set(members) => return list("{", "}", &mut members.iter()),
        Value::Object(fields) => {
            out.push('{');
            for (index, (key, value)) in fields.iter_sorted().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write(name, key, quoted, out)?;
                out.push_str(": ");
                write(name, value, quoted, out)?;
            }
            out.push('}');
        }
        Value::String(_) => out.push_str(&quoted.pop_front().unwrap_or_default()),
        Value::Number(_) => out.push_str(&number(name, value)?),
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Undefined => return Err(CallError::Argument { name, what: "a value without text" }),
    }
    Ok(())
}

/// OPA writes it as the document or the policy did, which the engine does not keep: no number that has two spellings.
fn number(name: &'static str, value: &Value) -> Result<String, CallError> {
    let whole =
        value.as_i64().map(|number| number.to_string()).or_else(|_| value.as_u64().map(|number| number.to_string()));
    match (whole, value.as_f64()) {
        (Ok(whole), _) => Ok(whole),
        (Err(_), Ok(number)) if (1e-4..1e15).contains(&number.abs()) => Ok(number.to_string()),
        _ => Err(CallError::Argument { name, what: "a very large or very small number within another value" }),
    }
}
