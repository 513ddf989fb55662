//! What literals come to, where nothing but them stands on a side of a comparison. Numbers are exact. What the
//! server would refuse, or what its locale decides, has no value here.

#![expect(clippy::wildcard_enum_match_arm, reason = "the last arm has no value")]

use std::cmp::Ordering;

use sqlparser::ast::{DataType, ExactNumberInfo};

use super::truth::{Comparison, Truth};

/// The value of an expression of literals.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// Of another type, or a parameter: it equals itself.
    Itself(String),
}

/// A number, exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    units: i128,
    /// How many of its digits stand behind the point.
    scale: u32,
    /// Of an integer type, by which division cuts.
    whole: bool,
}

impl Constant {
    pub(super) fn compare(&self, comparison: Comparison, other: &Self) -> Truth {
        match (comparison, self, other) {
            (Comparison::Same, Self::Null, Self::Null) => Truth::True,
            (Comparison::Differs, Self::Null, Self::Null) => Truth::False,
            (Comparison::Same, Self::Null, _) | (Comparison::Same, _, Self::Null) => Truth::False,
            (Comparison::Differs, Self::Null, _) | (Comparison::Differs, _, Self::Null) => Truth::True,
            (_, Self::Null, _) | (_, _, Self::Null) => Truth::Null,
            (_, Self::Text(one), Self::Text(other)) => texts(comparison, one, other),
            (_, one, other) => one.order(other).map_or(Truth::Open, |ordering| comparison.holds(ordering)),
        }
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Bool(one), Self::Text(text)) => Some(one.cmp(&boolean(text)?)),
            (Self::Number(one), Self::Number(other)) => one.order(*other),
            (Self::Number(one), Self::Text(text)) => one.order(Number::as_is(text, one.whole)?),
            (Self::Text(_), Self::Bool(_) | Self::Number(_)) => other.order(self).map(Ordering::reverse),
            (Self::Itself(one), Self::Itself(other)) => (one == other).then_some(Ordering::Equal),
            _ => None,
        }
    }

    /// What a condition of it comes to.
    pub(super) fn truth(&self) -> Truth {
        match self {
            Self::Null => Truth::Null,
            Self::Bool(truth) => Truth::from(*truth),
            Self::Text(text) => boolean(text).map_or(Truth::Open, Truth::from),
            Self::Number(_) | Self::Itself(_) => Truth::Open,
        }
    }

    pub(super) fn negated(&self) -> Option<Self> {
        match self {
            Self::Null => Some(Self::Null),
            Self::Number(number) => number.units.checked_neg().map(|units| Self::Number(Number { units, ..*number })),
            Self::Bool(_) | Self::Text(_) | Self::Itself(_) => None,
        }
    }

    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => Some(Self::Null),
            (Self::Text(one), Self::Text(other)) => Some(Self::Text(format!("{one}{other}"))),
            _ => None,
        }
    }

    pub(super) fn computed(&self, sign: char, other: &Self) -> Option<Self> {
        let (one, other) = match (self, other) {
            (Self::Null, _) | (_, Self::Null) => return Some(Self::Null),
            (Self::Number(one), Self::Number(other)) => (*one, *other),
            (Self::Number(one), Self::Text(text)) => (*one, Number::as_is(text, one.whole)?),
            (Self::Text(text), Self::Number(other)) => (Number::as_is(text, other.whole)?, *other),
            _ => return None,
        };
        one.computed(sign, other).map(Self::Number)
    }

    /// What a cast makes of it.
    pub(super) fn cast(self, data_type: &DataType) -> Option<Self> {
        if self == Self::Null {
            return Some(self);
        }
        match data_type {
            DataType::Bool | DataType::Boolean => match self {
                Self::Bool(_) => Some(self),
                Self::Number(number) if number.whole => Some(Self::Bool(number.units != 0)),
                Self::Text(text) => boolean(&text).map(Self::Bool),
                _ => None,
            },
            DataType::SmallInt(_)
            | DataType::Int2(_)
            | DataType::Int(_)
            | DataType::Int4(_)
            | DataType::Integer(_)
            | DataType::Int8(_)
            | DataType::BigInt(_) => match self {
                Self::Bool(truth) => Some(Self::Number(Number { units: truth.into(), scale: 0, whole: true })),
                Self::Number(number) if number.scale == 0 => Some(Self::Number(Number { whole: true, ..number })),
                Self::Text(text) => Number::as_is(&text, true).map(Self::Number),
                _ => None,
            },
            DataType::Numeric(ExactNumberInfo::None)
            | DataType::Decimal(ExactNumberInfo::None)
            | DataType::Dec(ExactNumberInfo::None) => match self {
                Self::Number(number) => Some(Self::Number(Number { whole: false, ..number })),
                Self::Text(text) => Number::as_is(&text, false).map(Self::Number),
                _ => None,
            },
            // Up to here each of them has every whole number.
            DataType::Real | DataType::Float4 | DataType::Float8 | DataType::DoublePrecision | DataType::Float(_) => {
                let number = match self {
                    Self::Number(number) => number,
                    Self::Text(text) => Number::as_is(&text, false)?,
                    _ => return None,
                };
                let exact = number.scale == 0 && number.units.unsigned_abs() <= 1 << 24;
                exact.then_some(Self::Number(Number { whole: false, ..number }))
            }
            DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None) => match self {
                Self::Text(_) => Some(self),
                Self::Bool(truth) => Some(Self::Text(truth.to_string())),
                Self::Number(number) if number.whole => Some(Self::Text(number.units.to_string())),
                _ => None,
            },
            other => match self {
                Self::Text(text) | Self::Itself(text) => Some(Self::Itself(format!("{other} {text}"))),
                _ => None,
            },
        }
    }
}

impl Number {
    /// Reads an unsigned number of SQL.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{before}{after}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut units = digits.parse::<i128>().ok()?;
        let mut scale = i32::try_from(after.len()).ok()?.checked_sub(exponent)?;
        if scale < 0 {
            units = units.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?;
            scale = 0;
        }
        let whole = text.parse::<i64>().is_ok();
        Some(Self { units, scale: u32::try_from(scale).ok().filter(|scale| *scale <= DIGITS)?, whole })
    }

    /// Reads a text as a number of a type.
    fn as_is(text: &str, whole: bool) -> Option<Self> {
        let text = text.trim_ascii();
        if whole {
            return text.parse::<i64>().ok().map(|units| Self { units: units.into(), scale: 0, whole });
        }
        let (unsigned, negative) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let number = Self::parse(unsigned)?;
        let units = if negative { number.units.checked_neg()? } else { number.units };
        Some(Self { units, whole, ..number })
    }

    /// Both with as many digits behind the point.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let lift = |number: Self| number.units.checked_mul(10_i128.checked_pow(scale.checked_sub(number.scale)?)?);
        Some((lift(self)?, lift(other)?, scale))
    }

    fn order(self, other: Self) -> Option<Ordering> {
        self.aligned(other).map(|(one, other, _)| one.cmp(&other))
    }

    fn computed(self, sign: char, other: Self) -> Option<Self> {
        let whole = self.whole && other.whole;
        let (one, two, scale) = self.aligned(other)?;
        let (units, scale) = match sign {
            '+' => (one.checked_add(two)?, scale),
            '-' => (one.checked_sub(two)?, scale),
            '*' => (self.units.checked_mul(other.units)?, self.scale.checked_add(other.scale)?),
            '/' if whole => (one.checked_div(two)?, 0),
            '%' if whole => (one.checked_rem(two)?, 0),
            _ => return None,
        };
        let fits = scale <= DIGITS && (!whole || i64::try_from(units).is_ok());
        fits.then_some(Self { units, scale, whole })
    }
}

/// How texts compare; where they differ, their order is the locale's but for what every locale has alike.
fn texts(comparison: Comparison, one: &str, other: &str) -> Truth {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (one.cmp(other), comparison) {
        (Ordering::Equal, _) => comparison.holds(Ordering::Equal),
        (ordering, Comparison::Equal | Comparison::NotEqual | Comparison::Same | Comparison::Differs) => {
            comparison.holds(ordering)
        }
        (ordering, _) if plain(one) && plain(other) => comparison.holds(ordering),
        (_, _) => Truth::Open,
    }
}

/// What PostgreSQL reads a text as, where it wants a truth.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim_ascii().to_ascii_lowercase().as_str() {
        "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Some(true),
        "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// `LIKE`, with a backslash as its escape. `None` where the server would refuse the pattern, and where it is long.
pub(super) fn is_like(text: &str, pattern: &str) -> Option<bool> {
    if text.len().saturating_mul(pattern.len()) > COMPARED {
        return None;
    }
    let mut wanted = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        wanted.push(match character {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::This(characters.next()?),
            other => Part::This(other),
        });
    }
    // Which beginnings of the pattern the text so far may be.
    let mut may: Vec<bool> = std::iter::once(true).chain(wanted.iter().map(|_| false)).collect();
    spread(&mut may, &wanted);
    for character in text.chars() {
        let mut next = vec![false; may.len()];
        for (at, part) in wanted.iter().enumerate() {
            let here = may.get(at).copied().unwrap_or(false);
            let (stays, goes) = match part {
                Part::Any => (here, false),
                Part::One => (false, here),
                Part::This(wanted) => (false, here && *wanted == character),
            };
            let mut mark = |at: usize, is: bool| {
                if let Some(place) = next.get_mut(at) {
                    *place |= is;
                }
            };
            mark(at, stays);
            mark(at.saturating_add(1), goes);
        }
        spread(&mut next, &wanted);
        may = next;
    }
    may.last().copied()
}

enum Part {
    Any,
    One,
    This(char),
}

/// `%` may stand for nothing.
fn spread(may: &mut [bool], wanted: &[Part]) {
    for (at, part) in wanted.iter().enumerate() {
        if matches!(part, Part::Any)
            && may.get(at).copied().unwrap_or(false)
            && let Some(next) = may.get_mut(at.saturating_add(1))
        {
            *next = true;
        }
    }
}

/// How many pairs of characters are compared.
const COMPARED: usize = 64 * 1024;

/// More digits behind the point are not counted.
const DIGITS: u32 = 30;
