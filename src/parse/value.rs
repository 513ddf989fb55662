//! Bound values as the server will see them. What depends on a setting (date styles, time zones,
//! escapes) or has more than one reading is not decoded.

use jiff::Timestamp;
use jiff::civil::{DateTime, date};
use serde_json::{Number, Value};

use super::request::Parameter;
use super::sql::numeric;

const TEXT: i16 = 0;
const BINARY: i16 = 1;

/// Decodes one value. `format` is `None` where the message does not say.
pub(super) fn parameter(oid: u32, format: Option<i16>, bytes: Option<&[u8]>) -> Parameter {
    let kind = Kind::of(oid);
    let type_name = match kind {
        Some(kind) => kind.name().to_owned(),
        None if oid == 0 => "unknown".to_owned(),
        None => format!("oid:{oid}"),
    };
    let Some(bytes) = bytes else { return Parameter { type_name, value: Value::Null, null: true, decoded: true } };
    let text = || std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let decoded = match (kind, format) {
        (Some(kind), Some(TEXT)) => text().and_then(|text| kind.text(text)),
        (Some(kind), Some(BINARY)) => kind.binary(bytes),
        (Some(_), Some(_) | None) | (None, _) => None,
    };
    match decoded {
        Some(value) => Parameter { type_name, decoded: is_exact(type_name_of(kind), &value), value, null: false },
        None => {
            let shown = if format == Some(TEXT) { text().map(Value::from) } else { None };
            Parameter { type_name, value: shown.unwrap_or(Value::Null), null: false, decoded: false }
        }
    }
}

/// Whether a value is not merely the text of a number that JSON cannot hold: policies compare numbers.
pub(super) fn is_exact(type_name: &str, value: &Value) -> bool {
    match type_name {
        "int2" | "int4" | "int8" | "oid" | "float4" | "float8" | "numeric" => value.is_number(),
        _ => true,
    }
}

fn type_name_of(kind: Option<Kind>) -> &'static str {
    kind.map_or("unknown", Kind::name)
}

/// The types that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Bytea,
    Name,
    Int8,
    Int2,
    Int4,
    Text,
    Oid,
    Json,
    Float4,
    Float8,
    Bpchar,
    Varchar,
    Date,
    Timestamp,
    Timestamptz,
    Numeric,
    Uuid,
    Jsonb,
}

impl Kind {
    fn of(oid: u32) -> Option<Self> {
        Some(match oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            19 => Self::Name,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            25 => Self::Text,
            26 => Self::Oid,
            114 => Self::Json,
            700 => Self::Float4,
            701 => Self::Float8,
            1042 => Self::Bpchar,
            1043 => Self::Varchar,
            1082 => Self::Date,
            1114 => Self::Timestamp,
            1184 => Self::Timestamptz,
            1700 => Self::Numeric,
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Bytea => "bytea",
            Self::Name => "name",
            Self::Int8 => "int8",
            Self::Int2 => "int2",
            Self::Int4 => "int4",
            Self::Text => "text",
            Self::Oid => "oid",
            Self::Json => "json",
            Self::Float4 => "float4",
            Self::Float8 => "float8",
            Self::Bpchar => "bpchar",
            Self::Varchar => "varchar",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Timestamptz => "timestamptz",
            Self::Numeric => "numeric",
            Self::Uuid => "uuid",
            Self::Jsonb => "jsonb",
        }
    }

    fn text(self, text: &str) -> Option<Value> {
        let trimmed = text.trim_matches(|character: char| character.is_ascii_whitespace());
        match self {
            Self::Text | Self::Varchar | Self::Json | Self::Jsonb => Some(text.into()),
            Self::Bpchar => Some(text.trim_end_matches(' ').into()),
            Self::Name => Some(name(text).into()),
            Self::Bool => boolean(trimmed),
            Self::Int2 => whole(trimmed, i16::MIN.into(), i16::MAX.into()),
            Self::Int4 => whole(trimmed, i32::MIN.into(), i32::MAX.into()),
            Self::Int8 => whole(trimmed, i64::MIN, i64::MAX),
            Self::Oid => whole(trimmed, 0, u32::MAX.into()),
            Self::Float4 => decimal(trimmed)?.parse().ok().and_then(float4),
            Self::Float8 => decimal(trimmed)?.parse().ok().and_then(float8),
            Self::Numeric => decimal(trimmed).map(numeric),
            Self::Uuid => uuid::Uuid::try_parse(trimmed).ok().map(|uuid| uuid.to_string().into()),
            Self::Bytea => hexadecimal(text),
            Self::Date => moment(trimmed, "", false)?.parse::<jiff::civil::Date>().ok().map(|d| d.to_string().into()),
            Self::Timestamp => moment(trimmed, "time", false)?.parse::<DateTime>().ok().map(|t| t.to_string().into()),
            Self::Timestamptz => moment(trimmed, "time", true)?.parse::<Timestamp>().ok().map(|t| t.to_string().into()),
        }
    }

    fn binary(self, bytes: &[u8]) -> Option<Value> {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        match self {
            Self::Text | Self::Varchar | Self::Json | Self::Bpchar | Self::Name => self.text(text(bytes)?),
            Self::Jsonb => match bytes.split_first()? {
                (1, rest) => text(rest).map(Value::from),
                _ => None,
            },
            Self::Bool => match bytes {
                [0] => Some(false.into()),
                [_] => Some(true.into()),
                _ => None,
            },
            Self::Int2 => Some(i16::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Int4 => Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Int8 => Some(i64::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Oid => Some(u32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Float4 => float4(f32::from_be_bytes(bytes.try_into().ok()?)),
            Self::Float8 => float8(f64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Numeric => numeric_digits(bytes).map(|digits| numeric(&digits)),
            Self::Uuid => Some(uuid::Uuid::from_slice(bytes).ok()?.to_string().into()),
            Self::Bytea => Some(hex(bytes).into()),
            Self::Date => {
                let days = i32::from_be_bytes(bytes.try_into().ok()?);
                Some(date(2000, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()?.to_string().into())
            }
            Self::Timestamp => {
                let moment = i64::from_be_bytes(bytes.try_into().ok()?);
                Some(since_2000(moment)?.to_string().into())
            }
            Self::Timestamptz => {
                let moment = since_2000(i64::from_be_bytes(bytes.try_into().ok()?))?;
                Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().to_string().into())
            }
        }
    }
}

fn since_2000(microseconds: i64) -> Option<DateTime> {
    let epoch = date(2000, 1, 1).at(0, 0, 0, 0);
    epoch.checked_add(jiff::SignedDuration::from_micros(microseconds)).ok()
}

fn boolean(text: &str) -> Option<Value> {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || text == "on" || text == "1" {
        Some(true.into())
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        Some(false.into())
    } else {
        None
    }
}

fn whole(text: &str, least: i64, most: i64) -> Option<Value> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse::<i64>().ok().filter(|number| (least..=most).contains(number)).map(Value::from)
}

/// A number in decimal notation, without a plus sign; not `NaN`, `Infinity` or other bases.
fn decimal(text: &str) -> Option<&str> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    (text.bytes().all(allowed) && text.parse::<f64>().is_ok()).then_some(text)
}

/// The shortest decimal that means the same single, so that `0.1` is 0.1 to a policy.
fn float4(number: f32) -> Option<Value> {
    float8(number.to_string().parse().ok()?)
}

fn float8(number: f64) -> Option<Value> {
    Number::from_f64(number).map(Value::Number)
}

/// A `name` holds 63 bytes.
fn name(text: &str) -> &str {
    let mut end = text.len().min(63);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

fn hexadecimal(text: &str) -> Option<Value> {
    let digits = text.strip_prefix("\\x")?;
    (digits.len() % 2 == 0 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| format!("\\x{}", digits.to_ascii_lowercase()).into())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The text if it is an ISO 8601 date, or date and time, that means the same under every DateStyle.
fn moment<'t>(text: &'t str, time: &str, zone: bool) -> Option<&'t str> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let rest = shape.strip_prefix("9999-99-99")?;
    if time.is_empty() {
        return rest.is_empty().then_some(text);
    }
    let rest = rest.strip_prefix([' ', 'T'])?.strip_prefix("99:99:99")?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => {
            let end = after.find(|c| c != '9').unwrap_or(after.len());
            (end, after.get(end..)?)
        }
        None => (1, rest),
    };
    let offset = rest.strip_prefix(['+', '-']).is_some_and(|rest| rest == "99" || rest == "99:99");
    let ends = if zone { rest == "Z" || offset } else { rest.is_empty() };
    // A leap second is the next minute to the server.
    let leap = text.get(17..19) == Some("60");
    ((1..=6).contains(&fraction) && ends && !leap).then_some(text)
}

/// `numeric` on the wire: groups of four digits, the place of the first, a sign and a scale.
fn numeric_digits(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
    let mut word = || words.next();
    let count: u16 = word()?;
    let weight = i16::from_be_bytes(word()?.to_be_bytes());
    let sign = word()?;
    let scale = usize::from(word()?);
    let groups: Vec<u16> = std::iter::from_fn(&mut word).collect();
    let well_formed = groups.len() == usize::from(count)
        && bytes.len() == groups.len().checked_mul(2)?.checked_add(8)?
        && groups.iter().all(|group| *group < 10_000);
    // Far from the point there are more zeros than digits; such a number is nobody's.
    if !well_formed || !(-64..=64).contains(&weight) || scale > 512 || !matches!(sign, 0 | 0x4000) {
        return None;
    }
    let group = |place: i16| -> u16 {
        let index = weight.checked_sub(place).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| groups.get(index)).copied().unwrap_or(0)
    };
    let whole: String = (0..=weight.max(0)).rev().map(|place| format!("{:04}", group(place))).collect();
    let last = i16::try_from(scale.div_ceil(4)).ok()?;
    let fraction: String = (1..=last).map(|place| format!("{:04}", group(place.saturating_neg()))).collect();
    let whole = whole.trim_start_matches('0');
    let mut text = String::new();
    if sign != 0 {
        text.push('-');
    }
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests;
