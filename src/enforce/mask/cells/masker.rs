//! The maskers, on text and on other values.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use serde_json::Value;

use super::decimal::Decimal;
use super::key::Key;
use super::kind::Scalar;
use super::plain::{self, Net, Plain};
use super::{detect, tokenize};

/// What `hash` makes dates of: the days of 1900 to 2099.
const HASHED_FIRST_DAY: i64 = -36_524;
const HASHED_DAYS: u64 = 73_049;
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;
/// 1970-01-01.
const REDACTED_DAY: i32 = -10_957;

#[derive(Clone, Debug)]
pub(super) enum Masker {
    Null,
    Replace(Value),
    Redact,
    Hash(Arc<Key>),
    Tokenize(Arc<Key>),
    Partial(Partial),
    Email,
    Detect,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) with: String,
}

impl Masker {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Replace(_) => "replace",
            Self::Redact => "redact",
            Self::Hash(_) => "hash",
            Self::Tokenize(_) => "tokenize",
            Self::Partial(_) => "partial",
            Self::Email => "email",
            Self::Detect => "detect",
        }
    }

    /// What stands for a text.
    pub(super) fn text(&self, value: &str, out: &mut BytesMut) {
        match self {
            // Both are the same for every value and are never asked for one.
            Self::Null | Self::Replace(_) | Self::Redact => stars(value.chars().count(), out),
            Self::Hash(key) => plain::hex(&key.hash(value.as_bytes()), out),
            Self::Tokenize(key) => tokenize::text(key, value, out),
            Self::Partial(partial) => partial.text(value, out),
            Self::Email => email(value, out),
            Self::Detect => detect::text(value, out),
        }
    }

    /// What stands for a value of another type; `None` where this masker has nothing for it.
    pub(super) fn plain(&self, scalar: Scalar, value: &Plain) -> Option<Plain> {
        match self {
            Self::Null | Self::Replace(_) | Self::Partial(_) | Self::Email => None,
            Self::Redact => neutral(scalar, Some(value)),
            Self::Hash(key) => hash(key, scalar, value),
            Self::Tokenize(key) => tokenized(key, scalar, value),
            Self::Detect => Some(value.clone()),
        }
    }

    /// Whether it has something for values of a type that is neither text nor JSON.
    pub(super) fn suits(&self, scalar: Scalar) -> bool {
        let is_number = matches!(scalar, Scalar::Float4 | Scalar::Float8);
        match self {
            Self::Null | Self::Replace(_) | Self::Redact | Self::Detect => true,
            Self::Hash(_) => scalar != Scalar::Bool,
            Self::Tokenize(_) => scalar != Scalar::Bool && !is_number,
            Self::Partial(_) | Self::Email => false,
        }
    }
}

impl Partial {
    fn text(&self, value: &str, out: &mut BytesMut) {
        let length = value.chars().count();
        let kept = self.first.saturating_add(self.last);
        // A short value would be kept whole.
        let (first, last) = if length > kept { (self.first, self.last) } else { (0, 0) };
        let hidden = length.saturating_sub(first).saturating_sub(last);
        let start = value.char_indices().nth(first).map_or(value.len(), |(at, _)| at);
        let tail = if last == 0 {
            ""
        } else {
            value
                .char_indices()
                .rev()
                .nth(last.saturating_sub(1))
                .map_or("", |(at, _)| value.get(at..).unwrap_or_default())
        };
        out.put_slice(value.get(..start).unwrap_or_default().as_bytes());
        (0..hidden).for_each(|_| out.put_slice(self.with.as_bytes()));
        out.put_slice(tail.as_bytes());
    }
}

pub(super) fn stars(count: usize, out: &mut BytesMut) {
    out.put_bytes(b'*', count);
}

/// `a***@e***.com`.
fn email(value: &str, out: &mut BytesMut) {
    let parts = value
        .rsplit_once('@')
        .and_then(|(local, domain)| Some((local.chars().next()?, domain.chars().next()?, domain)));
    let Some((local, first, domain)) = parts else { return stars(value.chars().count(), out) };
    let mut buffer = [0; 4];
    out.put_slice(local.encode_utf8(&mut buffer).as_bytes());
    out.put_slice(b"***@");
    out.put_slice(first.encode_utf8(&mut buffer).as_bytes());
    out.put_slice(b"***");
    if let Some((_, label)) = domain.rsplit_once('.') {
        if (2..=24).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            out.put_u8(b'.');
            out.put_slice(label.as_bytes());
        }
    }
}

/// The value that says nothing; of the family of an address and the length of bytes, where there is one.
pub(super) fn neutral(scalar: Scalar, value: Option<&Plain>) -> Option<Plain> {
    Some(match scalar {
        Scalar::Integer(_) => Plain::Integer(0),
        Scalar::Numeric(digits) => {
            let scale = digits.and_then(|digits| usize::try_from(digits.scale).ok()).unwrap_or(0);
            Plain::Numeric(Decimal::new(false, 0, scale))
        }
        Scalar::Float4 | Scalar::Float8 => Plain::Float(0.0),
        Scalar::Bool => Plain::Bool(false),
        Scalar::Date => Plain::Date(REDACTED_DAY),
        Scalar::Timestamp(_) | Scalar::Timestamptz(_) => Plain::Moment(i64::from(REDACTED_DAY).checked_mul(DAY)?),
        Scalar::Uuid => Plain::Uuid(0),
        Scalar::Bytea => match value {
            Some(Plain::Bytes(bytes)) => Plain::Bytes(vec![0; bytes.len()]),
            Some(_) | None => Plain::Bytes(Vec::new()),
        },
        Scalar::Inet | Scalar::Cidr => Plain::Net(Net::host(std::net::Ipv4Addr::UNSPECIFIED.into())),
        Scalar::Text(_) | Scalar::Json | Scalar::Jsonb => return None,
    })
}

fn hash(key: &Key, scalar: Scalar, value: &Plain) -> Option<Plain> {
    let mut text = BytesMut::new();
    plain::canonical(scalar, value, &mut text)?;
    let digest = key.hash(&text);
    let wide = u128::from_be_bytes(*digest.first_chunk()?);
    let word = u64::from_be_bytes(*digest.first_chunk()?);
    let day = i64::try_from(word.checked_rem(HASHED_DAYS)?).ok()?.checked_add(HASHED_FIRST_DAY)?;
    Some(match scalar {
        Scalar::Integer(width) => Plain::Integer(i64::try_from(word >> 1).ok()? & width.most()),
        Scalar::Numeric(digits) => {
            let length = digits.map_or(18, |digits| digits.precision.min(18));
            let number = word.checked_rem(10_u64.checked_pow(length)?)?;
            let scale = digits.and_then(|digits| usize::try_from(digits.scale).ok()).unwrap_or(0);
            Plain::Numeric(Decimal::new(false, number.into(), scale))
        }
        Scalar::Float4 => {
            let [high, middle, low, ..] = digest;
            Plain::Float(f64::from(u32::from_be_bytes([0, high, middle, low])))
        }
        Scalar::Float8 => {
            let number = word >> 11;
            let high = f64::from(u32::try_from(number >> 32).ok()?);
            Plain::Float(high * 4_294_967_296.0 + f64::from(u32::try_from(number & u64::from(u32::MAX)).ok()?))
        }
        Scalar::Date => Plain::Date(i32::try_from(day).ok()?),
        Scalar::Timestamp(_) | Scalar::Timestamptz(_) => {
            let second = i64::try_from(wide.checked_rem(86_400)?).ok()?.checked_mul(SECOND)?;
            Plain::Moment(day.checked_mul(DAY)?.checked_add(second)?)
        }
        // Version 8, the one for digests of one's own.
        Scalar::Uuid => Plain::Uuid(uuid::Builder::from_custom_bytes(wide.to_be_bytes()).into_uuid().as_u128()),
        Scalar::Bytea => Plain::Bytes(digest.to_vec()),
        Scalar::Inet | Scalar::Cidr => {
            let Plain::Net(net) = value else { return None };
            let address = if net.address.is_ipv4() {
                std::net::Ipv4Addr::from(u32::try_from(wide >> 96).ok()?).into()
            } else {
                std::net::Ipv6Addr::from(wide).into()
            };
            Plain::Net(Net::host(address))
        }
        Scalar::Bool | Scalar::Text(_) | Scalar::Json | Scalar::Jsonb => return None,
    })
}

fn tokenized(key: &Key, scalar: Scalar, value: &Plain) -> Option<Plain> {
    Some(match (value, scalar) {
        (Plain::Integer(number), Scalar::Integer(width)) => Plain::Integer(tokenize::integer(key, width, *number)),
        (Plain::Numeric(decimal), Scalar::Numeric(digits)) => Plain::Numeric(tokenize::numeric(key, decimal, digits)?),
        (Plain::Date(days), _) => Plain::Date(tokenize::date(key, *days)?),
        (Plain::Moment(moment), Scalar::Timestamp(step) | Scalar::Timestamptz(step)) => {
            Plain::Moment(tokenize::moment(key, *moment, step)?)
        }
        (Plain::Uuid(number), _) => Plain::Uuid(tokenize::uuid(key, *number)?),
        (Plain::Bytes(bytes), _) => Plain::Bytes(tokenize::bytes(key, bytes)?),
        (Plain::Net(net), scalar) => Plain::Net(tokenize::net(key, *net, scalar == Scalar::Cidr)?),
        (Plain::Integer(_) | Plain::Numeric(_) | Plain::Moment(_) | Plain::Float(_) | Plain::Bool(_), _) => {
            return None;
        }
    })
}
