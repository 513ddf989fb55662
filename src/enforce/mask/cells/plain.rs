//! Values between the wire and a masker, so that text and binary come to the same.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, BytesMut};
use jiff::civil::{Date, DateTime, date};

use super::decimal::Decimal;
use super::kind::{Scalar, Width};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Integer(i64),
    Numeric(Decimal),
    Float(f64),
    Bool(bool),
    /// Days since 2000-01-01.
    Date(i32),
    /// Microseconds since 2000-01-01.
    Moment(i64),
    Uuid(u128),
    Bytes(Vec<u8>),
    Net(Net),
}

/// An address with the bits that name its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Net {
    pub(super) address: IpAddr,
    pub(super) bits: u8,
}

impl Net {
    /// A single address.
    pub(super) fn host(address: IpAddr) -> Self {
        Self { address, bits: most_bits(&address) }
    }
}

fn most_bits(address: &IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Reads a value; `None` for what is none of its type, and for what no masker has a use for (`NaN`, `infinity`, years
/// that have more than four digits, dates in another style than ISO).
pub(super) fn read(scalar: Scalar, binary: bool, bytes: &[u8]) -> Option<Plain> {
    if binary { of_binary(scalar, bytes) } else { of_text(scalar, std::str::from_utf8(bytes).ok()?) }
}

fn of_text(scalar: Scalar, text: &str) -> Option<Plain> {
    match scalar {
        Scalar::Integer(width) => {
            let number: i64 = text.parse().ok()?;
            let most = width.most();
            (!most..=most).contains(&number).then_some(Plain::Integer(number))
        }
        Scalar::Numeric(_) => Decimal::of_text(text).map(Plain::Numeric),
        Scalar::Float4 => text.parse::<f32>().ok().map(f64::from).filter(|number| number.is_finite()).map(Plain::Float),
        Scalar::Float8 => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Plain::Float),
        Scalar::Bool => match text {
            "t" => Some(Plain::Bool(true)),
            "f" => Some(Plain::Bool(false)),
            _ => None,
        },
        Scalar::Date => {
            let days = moment(text.parse::<Date>().ok()?.at(0, 0, 0, 0))?.div_euclid(DAY);
            i32::try_from(days).ok().map(Plain::Date)
        }
        Scalar::Timestamp(_) => moment(text.parse().ok()?).map(Plain::Moment),
        Scalar::Timestamptz(_) => {
            let sign = text.get(10..)?.rfind(['+', '-'])?.checked_add(10)?;
            let (local, offset) = text.split_at_checked(sign)?;
            moment(local.parse().ok()?)?.checked_sub(seconds_east(offset)?.checked_mul(1_000_000)?).map(Plain::Moment)
        }
        Scalar::Uuid => uuid::Uuid::try_parse(text).ok().map(|uuid| Plain::Uuid(uuid.as_u128())),
        Scalar::Bytea => bytea(text).map(Plain::Bytes),
        Scalar::Inet | Scalar::Cidr => net(text).map(Plain::Net),
        Scalar::Text(_) | Scalar::Json | Scalar::Jsonb => None,
    }
}

fn of_binary(scalar: Scalar, bytes: &[u8]) -> Option<Plain> {
    Some(match scalar {
        Scalar::Integer(Width::Two) => Plain::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Scalar::Integer(Width::Four) => Plain::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Scalar::Integer(Width::Eight) => Plain::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        Scalar::Numeric(_) => Plain::Numeric(Decimal::of_binary(bytes)?),
        Scalar::Float4 => Plain::Float(finite(f32::from_be_bytes(bytes.try_into().ok()?).into())?),
        Scalar::Float8 => Plain::Float(finite(f64::from_be_bytes(bytes.try_into().ok()?))?),
        Scalar::Bool => match bytes {
            [byte] => Plain::Bool(*byte != 0),
            _ => return None,
        },
        Scalar::Date => Plain::Date(i32::from_be_bytes(bytes.try_into().ok()?)),
        Scalar::Timestamp(_) | Scalar::Timestamptz(_) => Plain::Moment(i64::from_be_bytes(bytes.try_into().ok()?)),
        Scalar::Uuid => Plain::Uuid(u128::from_be_bytes(bytes.try_into().ok()?)),
        Scalar::Bytea => Plain::Bytes(bytes.to_vec()),
        Scalar::Inet | Scalar::Cidr => match bytes {
            [2, bits @ 0..=32, _, 4, address @ ..] => {
                Plain::Net(Net { address: Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).into(), bits: *bits })
            }
            [3, bits @ 0..=128, _, 16, address @ ..] => {
                Plain::Net(Net { address: Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).into(), bits: *bits })
            }
            _ => return None,
        },
        Scalar::Text(_) | Scalar::Json | Scalar::Jsonb => return None,
    })
}

/// Writes a value; `false`, with nothing written that counts, where it is none of the type.
pub(super) fn write(scalar: Scalar, binary: bool, value: &Plain, out: &mut BytesMut) -> bool {
    if binary { to_binary(scalar, value, out) } else { to_text(scalar, value, out) }.is_some()
}

/// The value's text, as every wire format gives it: what is hashed.
pub(super) fn canonical(scalar: Scalar, value: &Plain, out: &mut BytesMut) -> Option<()> {
    match value {
        Plain::Numeric(decimal) => decimal.shortest().write_text(out),
        // A single is the double that it is, and a whole one is the number.
        Plain::Float(number) => write!(out, "{}", if *number == 0.0 { 0.0 } else { *number }).ok()?,
        Plain::Integer(_)
        | Plain::Bool(_)
        | Plain::Date(_)
        | Plain::Moment(_)
        | Plain::Uuid(_)
        | Plain::Bytes(_)
        | Plain::Net(_) => to_text(scalar, value, out)?,
    }
    Some(())
}

fn to_text(scalar: Scalar, value: &Plain, out: &mut BytesMut) -> Option<()> {
    match (value, scalar) {
        (Plain::Integer(number), _) => write!(out, "{number}").ok(),
        (Plain::Numeric(decimal), _) => {
            decimal.write_text(out);
            Some(())
        }
        (Plain::Float(number), _) => write!(out, "{number}").ok(),
        (Plain::Bool(yes), _) => {
            out.put_u8(if *yes { b't' } else { b'f' });
            Some(())
        }
        (Plain::Date(days), _) => write!(out, "{}", day(*days)?).ok(),
        (Plain::Moment(moment), Scalar::Timestamptz(_)) => write!(out, "{}+00", shown(*moment)?).ok(),
        (Plain::Moment(moment), _) => write!(out, "{}", shown(*moment)?).ok(),
        (Plain::Uuid(number), _) => write!(out, "{}", uuid::Uuid::from_u128(*number)).ok(),
        (Plain::Bytes(bytes), _) => {
            out.put_slice(b"\\x");
            hex(bytes, out);
            Some(())
        }
        (Plain::Net(net), scalar) => {
            write!(out, "{}", net.address).ok()?;
            if scalar == Scalar::Cidr || net.bits != most_bits(&net.address) {
                write!(out, "/{}", net.bits).ok()?;
            }
            Some(())
        }
    }
}

fn to_binary(scalar: Scalar, value: &Plain, out: &mut BytesMut) -> Option<()> {
    match (value, scalar) {
        (Plain::Integer(number), Scalar::Integer(Width::Two)) => out.put_i16(i16::try_from(*number).ok()?),
        (Plain::Integer(number), Scalar::Integer(Width::Four)) => out.put_i32(i32::try_from(*number).ok()?),
        (Plain::Integer(number), _) => out.put_i64(*number),
        (Plain::Numeric(decimal), _) => decimal.write_binary(out)?,
        (Plain::Float(number), Scalar::Float4) => out.put_f32(number.to_string().parse().ok()?),
        (Plain::Float(number), _) => out.put_f64(*number),
        (Plain::Bool(yes), _) => out.put_u8(u8::from(*yes)),
        (Plain::Date(days), _) => out.put_i32(*days),
        (Plain::Moment(moment), _) => out.put_i64(*moment),
        (Plain::Uuid(number), _) => out.put_u128(*number),
        (Plain::Bytes(bytes), _) => out.put_slice(bytes),
        (Plain::Net(net), scalar) => {
            let (family, length) = if net.address.is_ipv4() { (2, 4) } else { (3, 16) };
            out.put_slice(&[family, net.bits, u8::from(scalar == Scalar::Cidr), length]);
            match net.address {
                IpAddr::V4(address) => out.put_slice(&address.octets()),
                IpAddr::V6(address) => out.put_slice(&address.octets()),
            }
        }
    }
    Some(())
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8], out: &mut BytesMut) {
    for part in bytes.chunks(32) {
        let mut digits = [0; 64];
        let room = digits.get_mut(..part.len().saturating_mul(2)).unwrap_or_default();
        // There is room for two of each byte.
        if const_hex::encode_to_slice(part, room).is_ok() {
            out.extend_from_slice(room);
        }
    }
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

const EPOCH: DateTime = date(2000, 1, 1).at(0, 0, 0, 0);

fn moment(time: DateTime) -> Option<i64> {
    i64::try_from(time.duration_since(EPOCH).as_micros()).ok()
}

/// As the server shows it, in ISO style.
fn shown(moment: i64) -> Option<impl std::fmt::Display> {
    let time = EPOCH.checked_add(jiff::SignedDuration::from_micros(moment)).ok()?;
    (time.year() > 0).then(|| time.strftime("%Y-%m-%d %H:%M:%S%.f").to_string())
}

fn day(days: i32) -> Option<Date> {
    let day = EPOCH.date().checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    (day.year() > 0).then_some(day)
}

/// `+00`, `-03:30`, `+05:53:28`.
fn seconds_east(offset: &str) -> Option<i64> {
    let (negative, digits) = match offset.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, offset.strip_prefix('+')?),
    };
    let mut seconds = 0_i64;
    for (part, unit) in digits.splitn(3, ':').zip([3_600, 60, 1]) {
        let number: u8 = part.parse().ok()?;
        seconds = seconds.checked_add(i64::from(number).checked_mul(unit)?)?;
    }
    Some(if negative { seconds.saturating_neg() } else { seconds })
}

/// Either of the server's two spellings.
fn bytea(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok());
    if let Some(digits) = text.strip_prefix("\\x") {
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        };
        return digits.as_bytes().chunks(2).map(pair).collect();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a & 3) << 6 | (b & 7) << 3 | (c & 7));
                after
            }
            (b'\\', _) => return None,
            (byte, after) => {
                bytes.push(*byte);
                after
            }
        };
    }
    Some(bytes)
}

fn net(text: &str) -> Option<Net> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = most_bits(&address);
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some(Net { address, bits })
}
