//! What a token stands for: the value of a constant or of a quoted name, as PostgreSQL computes it.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::joined;
use super::lexer::{Class, Lexeme};
use crate::parse::facts::Literal;

/// The value of a quoted token, `None` where PostgreSQL would refuse it (or where it has none).
pub(super) fn value(text: &str, lexeme: Lexeme) -> Option<Cow<'_, str>> {
    let source = lexeme.of(text);
    match lexeme.class {
        Class::Text | Class::Escaped | Class::Bits | Class::Hex if !joined::is_plain(text, lexeme) => {
            let mut whole = String::new();
            for body in joined::bodies(text, lexeme) {
                whole.push_str(&body_value(lexeme.class, body?)?);
            }
            Some(Cow::Owned(whole))
        }
        Class::Text => body_value(lexeme.class, source.get(1..source.len().checked_sub(1)?)?),
        Class::Escaped | Class::National | Class::Bits | Class::Hex => {
            body_value(lexeme.class, source.get(2..source.len().checked_sub(1)?)?)
        }
        Class::UnicodeText | Class::UnicodeQuoted => joined::unicode(text, lexeme),
        Class::Quoted => doubled(source.get(1..source.len().checked_sub(1)?)?, "\"\"", "\""),
        Class::Dollar => {
            let tag = source.get(1..)?.find('$')?.checked_add(2)?;
            source.get(tag..source.len().checked_sub(tag)?).map(Cow::Borrowed)
        }
        Class::Number => joined::number(source),
        Class::Word | Class::Parameter | Class::Operator | Class::Punctuation => None,
    }
}

/// The value of what stands between quotes.
fn body_value(class: Class, body: &str) -> Option<Cow<'_, str>> {
    match class {
        Class::Escaped => unescape(body).map(Cow::Owned),
        Class::Bits | Class::Hex => Some(Cow::Borrowed(body)),
        Class::Text
        | Class::National
        | Class::Word
        | Class::Quoted
        | Class::UnicodeText
        | Class::UnicodeQuoted
        | Class::Dollar
        | Class::Number
        | Class::Parameter
        | Class::Operator
        | Class::Punctuation => doubled(body, "''", "'"),
    }
}

/// A constant as a parameter: its type and value as PostgreSQL first sees them.
pub(super) fn literal(text: &str, lexeme: Lexeme) -> Option<Literal> {
    let value = value(text, lexeme)?;
    match lexeme.class {
        Class::Number => Some(number(&value)),
        Class::Text | Class::Escaped | Class::UnicodeText | Class::National | Class::Dollar => {
            Some(Literal { type_name: "text", value: Value::String(value.into_owned()) })
        }
        Class::Bits => Some(Literal { type_name: "bit", value: Value::String(value.into_owned()) }),
        Class::Hex => Some(Literal { type_name: "bit", value: Value::String(bits(&value)) }),
        Class::Word
        | Class::Quoted
        | Class::UnicodeQuoted
        | Class::Parameter
        | Class::Operator
        | Class::Punctuation => None,
    }
}

/// A number, exact or as text.
pub(in crate::parse) fn numeric(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return Value::Number(whole.into());
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    // Fifteen digits survive the trip through binary floating point, unless it rounds them to zero.
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) if digits <= 15 && (digits == 0 || number.as_f64() != Some(0.0)) => Value::Number(number),
        Some(_) | None => Value::String(text.to_owned()),
    }
}

fn number(text: &str) -> Literal {
    let type_name = if text.parse::<i32>().is_ok() {
        "int4"
    } else if text.parse::<i64>().is_ok() {
        "int8"
    } else {
        "numeric"
    };
    Literal { type_name, value: numeric(text) }
}

fn bits(hexadecimal: &str) -> String {
    hexadecimal.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| format!("{digit:04b}")).collect()
}

// `Some` because its siblings refuse, and they are used alike.
#[expect(clippy::unnecessary_wraps, reason = "one arm of a match whose other arms refuse")]
fn doubled<'t>(body: &'t str, pair: &str, single: &str) -> Option<Cow<'t, str>> {
    if body.contains(pair) { Some(Cow::Owned(body.replace(pair, single))) } else { Some(Cow::Borrowed(body)) }
}

/// Decodes an `E'…'` body. Bytes above 127 written as octal or hexadecimal are refused: what they
/// mean depends on the server's encoding.
fn unescape(body: &str) -> Option<String> {
    let mut value = String::with_capacity(body.len());
    let mut rest = body.chars().peekable();
    while let Some(character) = rest.next() {
        let decoded = match character {
            '\'' => {
                rest.next();
                '\''
            }
            '\\' => match rest.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => digits(&mut rest, 16, 4, 4, 0)?,
                'U' => digits(&mut rest, 16, 8, 8, 0)?,
                'x' if rest.peek().is_some_and(char::is_ascii_hexdigit) => ascii(digits(&mut rest, 16, 1, 2, 0)?)?,
                first @ '0'..='7' => ascii(digits(&mut rest, 8, 0, 2, first.to_digit(8)?)?)?,
                other => other,
            },
            other => other,
        };
        if decoded == '\0' {
            return None;
        }
        value.push(decoded);
    }
    Some(value)
}

fn ascii(character: char) -> Option<char> {
    character.is_ascii().then_some(character)
}

fn digits(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    least: usize,
    most: usize,
    begun: u32,
) -> Option<char> {
    let mut value = begun;
    let mut count = 0_usize;
    while count < most {
        let Some(digit) = rest.peek().and_then(|character| character.to_digit(radix)) else { break };
        rest.next();
        value = value.checked_mul(radix)?.checked_add(digit)?;
        count = count.saturating_add(1);
    }
    (count >= least).then(|| char::from_u32(value)).flatten()
}

#[cfg(test)]
mod tests;
