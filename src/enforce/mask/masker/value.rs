//! The value of a `replace` as a constant of the column's type. What PostgreSQL might not read is refused here, so that
//! no statement fails for its mask.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde_json::Value;

use super::literal;
use super::types::{Kind, Shape};

/// A constant without its cast; `None` where the value is not one of the type.
pub(super) fn constant(shape: &Shape, value: &Value) -> Option<String> {
    if value.is_null() {
        return Some("NULL".to_owned());
    }
    if !shape.array {
        return single(shape, value);
    }
    let elements = value.as_array()?.iter();
    let constants: Vec<_> = elements
        .map(|element| if element.is_null() { Some("NULL".to_owned()) } else { single(shape, element) })
        .collect::<Option<_>>()?;
    Some(format!("ARRAY[{}]", constants.join(", ")))
}

fn single(shape: &Shape, value: &Value) -> Option<String> {
    let text = match shape.kind {
        Kind::Json => serde_json::to_string(value).ok()?,
        // The one character that it does not have.
        Kind::Jsonb => serde_json::to_string(value).ok().filter(|text| !text.contains("\\u0000"))?,
        Kind::Text
        | Kind::Integer { .. }
        | Kind::Numeric
        | Kind::Float4
        | Kind::Float8
        | Kind::Boolean
        | Kind::Date
        | Kind::Timestamp
        | Kind::TimestampTz
        | Kind::Uuid
        | Kind::Inet
        | Kind::Cidr
        | Kind::Bytea
        | Kind::Enum
        | Kind::Other => scalar(value)?,
    };
    match shape.kind {
        Kind::Text | Kind::Json | Kind::Jsonb | Kind::Enum => literal::text(&text),
        Kind::Integer { least, most } => {
            let number = text.parse::<i64>().ok().filter(|number| (least..=most).contains(number))?;
            literal::text(&number.to_string())
        }
        Kind::Numeric => literal::text(&decimal(&text, shape.digits)?),
        Kind::Float4 => literal::text(&single_precision(&text)?.to_string()),
        Kind::Float8 => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
            literal::text(&number.to_string())
        }
        Kind::Boolean => match text.as_str() {
            "true" | "false" => literal::text(&text),
            _ => None,
        },
        Kind::Date => {
            literal::text(&jiff::civil::Date::from_str(&text).ok().filter(|date| date.year() > 0)?.to_string())
        }
        Kind::Timestamp => literal::text(&moment(&text)?),
        Kind::TimestampTz => match jiff::Timestamp::from_str(&text) {
            Ok(instant) => literal::text(&instant.to_string()),
            Err(_) => literal::text(&format!("{}Z", moment(&text)?)),
        },
        Kind::Uuid => literal::text(&uuid::Uuid::parse_str(&text).ok()?.to_string()),
        Kind::Inet => literal::text(&address(&text)?.to_string()),
        Kind::Cidr => literal::text(&address(&text)?.trunc().to_string()),
        Kind::Bytea => {
            let digits = text.strip_prefix("\\x")?;
            let is_hex = digits.len().is_multiple_of(2) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex.then(|| format!("pg_catalog.decode('{digits}', 'hex')"))
        }
        Kind::Other => None,
    }
}

fn single_precision(text: &str) -> Option<f32> {
    let number = text.parse::<f32>().ok().filter(|number| number.is_finite())?;
    // What is too small for it PostgreSQL refuses.
    let is_whole = number != 0.0 || text.parse::<f64>().is_ok_and(|exact| exact == 0.0);
    is_whole.then_some(number)
}

/// A text, number or boolean as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A decimal number, cut to its column's scale; `None` where it has more digits than its column.
fn decimal(text: &str, digits: Option<(i32, i32)>) -> Option<String> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || unsigned.len() > LONGEST_NUMBER || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let sign = if unsigned.len() < text.len() { "-" } else { "" };
    let Some((precision, scale)) = digits else {
        return Some(text.to_owned()).filter(|text| !text.ends_with('.'));
    };
    let (room, scale) = (usize::try_from(precision.checked_sub(scale)?).ok()?, usize::try_from(scale).ok()?);
    let whole = whole.trim_start_matches('0');
    if whole.len() > room {
        return None;
    }
    let fraction = fraction.get(..scale.min(fraction.len()))?;
    Some(format!("{sign}0{whole}.{fraction}0"))
}

/// Digits of a number that PostgreSQL surely holds.
const LONGEST_NUMBER: usize = 1000;

fn moment(text: &str) -> Option<String> {
    let moment = jiff::civil::DateTime::from_str(text).ok().filter(|moment| moment.year() > 0)?;
    // Finer than it keeps, PostgreSQL would round up, and at the end of a day into the next.
    let micros = moment.subsec_nanosecond().checked_div(1000)?.checked_mul(1000)?;
    Some(moment.with().subsec_nanosecond(micros).build().ok()?.to_string())
}

fn address(text: &str) -> Option<IpNet> {
    IpNet::from_str(text).ok().or_else(|| IpAddr::from_str(text).ok().map(IpNet::from))
}
