//! Globs: `*` and `?` stop at delimiters, `**` does not, `[a-c]`, `[!abc]`, `{a,b}`, and `\` before what means itself.
//! The engine ignores the delimiter `:`, knows other classes, and panics on long patterns.

use regex::{Regex, RegexBuilder};
use regorus::Value;

use super::{CallError, string};

/// As the engine compiles its expressions.
const REGEX_BYTES: usize = 1 << 20;
const LONGEST: usize = 4096;

/// `glob.match`.
pub(super) fn matches(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let [Value::String(pattern), delimiters, Value::String(text)] = arguments else {
        return Err(CallError::Types { name, takes: "a pattern, delimiters and a text" });
    };
    let delimiters = match delimiters {
        Value::Null => String::new(),
        Value::Array(items) if items.is_empty() => ".".to_owned(),
        Value::Array(items) => items.iter().map(|item| delimiter(name, item)).collect::<Result<_, _>>()?,
        _ => return Err(CallError::Types { name, takes: "an array of characters, or null" }),
    };
    Ok(Value::from(compile(pattern, &delimiters)?.is_match(text)))
}

fn delimiter(name: &'static str, item: &Value) -> Result<char, CallError> {
    let text = if let Value::String(text) = item { text.as_ref() } else { "" };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(delimiter), None) => Ok(delimiter),
        _ => Err(CallError::Argument { name, what: "a delimiter that is not one character" }),
    }
}

/// `glob.quote_meta`.
pub(super) fn quote_meta(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let mut quoted = String::new();
    for c in string(name, arguments)?.chars() {
        if "*?\\[]{}".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    Ok(Value::from(quoted))
}

fn compile(pattern: &str, delimiters: &str) -> Result<Regex, CallError> {
    let wrong = |why| CallError::Glob { why };
    if pattern.len() > LONGEST {
        return Err(wrong("it is too long"));
    }
    let within = if delimiters.is_empty() { ".".to_owned() } else { format!("[^{}]", class(delimiters)) };
    let mut out = "^(?:".to_owned();
    let mut groups = 0_usize;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => out.push_str(".*"),
            '*' => out.extend([&within, "*"]),
            '?' => out.push_str(&within),
            '{' => {
                groups = groups.saturating_add(1);
                out.push_str("(?:");
            }
            '}' if groups > 0 => {
                groups = groups.saturating_sub(1);
                out.push(')');
            }
            ',' if groups > 0 => out.push('|'),
            '[' => out.push_str(&range(&mut chars)?),
            '\\' => {
                let escaped = chars.next().ok_or_else(|| wrong("it ends with a backslash"))?;
                out.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
            }
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    if groups > 0 {
        return Err(wrong("a `{` is not closed"));
    }
    out.push_str(")$");
    let built = RegexBuilder::new(&out).dot_matches_new_line(true).size_limit(REGEX_BYTES).nest_limit(64).build();
    built.map_err(|_| wrong("it is too complicated"))
}

/// `a-c]`, `!a-c]`, `abc]` or `!abc]` behind its bracket.
fn range(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, CallError> {
    let wrong = |why| CallError::Glob { why };
    let not = if chars.next_if_eq(&'!').is_some() { "^" } else { "" };
    let mut members = String::new();
    let mut plain = true;
    let low = loop {
        let c = chars.next().ok_or_else(|| wrong("a `[` is not closed"))?;
        match c {
            ']' if !members.is_empty() => return Ok(format!("[{not}{}]", class(&members))),
            ']' => return Err(wrong("a class is empty")),
            '-' if members.chars().count() == 1 && plain => {
                break members.chars().next();
            }
            '\\' => {
                plain = false;
                members.push(chars.next().ok_or_else(|| wrong("it ends with a backslash"))?);
            }
            c => members.push(c),
        }
    };
    match (low, chars.next(), chars.next()) {
        (Some(low), Some(high), Some(']')) if low <= high => {
            let escape = |c: char| class(c.encode_utf8(&mut [0; 4]));
            Ok(format!("[{not}{}-{}]", escape(low), escape(high)))
        }
        _ => Err(wrong("a class is neither a range nor a list")),
    }
}

/// Characters as they stand for themselves within a class.
fn class(members: &str) -> String {
    members.chars().map(|c| format!("\\x{{{:x}}}", u32::from(c))).collect()
}
