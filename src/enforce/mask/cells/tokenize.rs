//! `tokenize`: values enciphered into values of the same form. What has fewer than a million possibilities, and letters
//! that are not ASCII, are substituted one way instead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, BytesMut};

use super::decimal::Decimal;
use super::ff1::{Below, LEAST_BITS, LEAST_SIZE, Tweak};
use super::key::Key;
use super::kind::{Digits, Width};
use super::plain::Net;

/// Letters and digits that are enciphered as one number: 25 letters are below 2¹²⁰.
const CHARACTERS: usize = 25;
/// Those of them that are counted in 64 bits.
const LOW_CHARACTERS: usize = 13;
/// Bytes that are enciphered as one number.
const BYTES: usize = 16;
/// Most digits of a `numeric` that is enciphered.
const MOST_DIGITS: u32 = 30;
/// Whole numbers stand for numbers between the same two of these, so that a token is about as long as what it stands
/// for and fits the same types. Beyond the last ones follow the powers of ten.
const BOUNDS: [u128; 17] = [
    0,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    1 << 31,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
    1_000_000_000_000_000,
    10_000_000_000_000_000,
    100_000_000_000_000_000,
    1_000_000_000_000_000_000,
    1 << 63,
    10_000_000_000_000_000_000,
];
/// Integers from zero on are below.
const MOST_INTEGERS: u128 = 1 << 63;
/// 0001-01-01 in days since 2000-01-01, and days to the end of 9999.
const FIRST_DAY: i64 = -730_119;
const DAYS: i64 = 3_652_059;
const DAY: i64 = 86_400_000_000;

/// Digits become digits, letters letters of the same case; everything else of ASCII stays.
pub(super) fn text(key: &Key, value: &str, out: &mut BytesMut) {
    let start = out.len();
    if !value.is_ascii() || ascii(key, value.as_bytes(), out).is_none() {
        out.truncate(start);
        substituted(key, value, out);
    }
}

fn ascii(key: &Key, value: &[u8], out: &mut BytesMut) -> Option<()> {
    let mut left = value.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    let parts = left.div_ceil(CHARACTERS).max(1);
    let mut tokens = Vec::new();
    let mut rest = value;
    for parts in (1..=parts).rev() {
        let count = left.div_ceil(parts);
        left = left.checked_sub(count)?;
        let mut characters = Part::of(rest, count);
        let number = characters.number();
        let tweak = (!tokens.is_empty()).then(|| tweak(key, &tokens));
        let token = key.cipher().within(number.size, number.value, tweak.as_ref())?;
        characters.become_token(&number, token)?;
        let end = if parts == 1 { rest.len() } else { place_after(rest, count) };
        let (now, after) = rest.split_at_checked(end)?;
        rest = after;
        characters.write_into(now, out)?;
        if parts > 1 {
            tokens.extend_from_slice(characters.characters()?);
        }
    }
    Some(())
}

/// What is enciphered of a text, if that is one number.
pub(super) fn of_text(value: &[u8]) -> Option<Below> {
    let count = value.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    if !value.is_ascii() || count > CHARACTERS {
        return None;
    }
    let Number { size, value, .. } = Part::of(value, count).number();
    Some(Below { size, number: value })
}

/// The same as [`text`], of a text whose number came to that token.
pub(super) fn text_of(value: &[u8], token: u128, out: &mut BytesMut) -> Option<()> {
    let mut characters = Part::of(value, CHARACTERS);
    let number = characters.number();
    characters.become_token(&number, token)?;
    characters.write_into(value, out)
}

/// Where so many letters and digits have ended.
fn place_after(text: &[u8], count: usize) -> usize {
    let mut places = text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
    count.checked_sub(1).and_then(|last| places.nth(last)).map_or(0, |(place, _)| place.saturating_add(1))
}

/// Letters and digits that are enciphered as one number.
struct Part {
    bytes: [u8; CHARACTERS],
    count: usize,
}

/// Characters as a number of mixed radices, below a size. Both are a high and a low part of 64 bits each, since numbers of
/// 128 bits are divided slowly.
struct Number {
    size: u128,
    value: u128,
    low_size: u64,
}

impl Part {
    /// The first of a text.
    fn of(text: &[u8], count: usize) -> Self {
        let mut part = Self { bytes: [0; CHARACTERS], count: 0 };
        let characters = text.iter().filter(|byte| byte.is_ascii_alphanumeric()).take(count);
        for (byte, other) in part.bytes.iter_mut().zip(characters) {
            *byte = *other;
            part.count = part.count.saturating_add(1);
        }
        part
    }

    /// Writes a text with these in place of its own.
    fn write_into(&self, text: &[u8], out: &mut BytesMut) -> Option<()> {
        let start = out.len();
        out.put_slice(text);
        let places = out.get_mut(start..)?.iter_mut().filter(|byte| byte.is_ascii_alphanumeric());
        places.zip(self.characters()?).for_each(|(byte, token)| *byte = *token);
        Some(())
    }

    fn characters(&self) -> Option<&[u8]> {
        self.bytes.get(..self.count)
    }

    fn halves(&mut self) -> (&mut [u8], &mut [u8]) {
        let bytes = self.bytes.get_mut(..self.count).unwrap_or_default();
        bytes.split_at_mut(bytes.len().saturating_sub(LOW_CHARACTERS))
    }

    fn number(&mut self) -> Number {
        let (high, low) = self.halves();
        let ((high_size, high), (low_size, low)) = (half(high), half(low));
        let join = |high: u64, low: u64| u128::from(high).wrapping_mul(u128::from(low_size)).wrapping_add(low.into());
        Number { size: join(high_size, 0), value: join(high, low), low_size }
    }

    /// Becomes the characters that another number of the same form has.
    fn become_token(&mut self, number: &Number, token: u128) -> Option<()> {
        let size = u128::from(number.low_size);
        let high = token.checked_div(size)?;
        let low = token.wrapping_sub(high.wrapping_mul(size));
        let (upper, lower) = self.halves();
        write_half(upper, u64::try_from(high).ok()?);
        write_half(lower, u64::try_from(low).ok()?);
        Some(())
    }
}

/// The size and the number of at most 13 characters, which fit.
fn half(characters: &[u8]) -> (u64, u64) {
    let (mut size, mut number) = (1_u64, 0_u64);
    for byte in characters {
        let (first, radix) = class(*byte);
        size = size.wrapping_mul(radix);
        number = number.wrapping_mul(radix).wrapping_add(byte.wrapping_sub(first).into());
    }
    (size, number)
}

fn write_half(characters: &mut [u8], mut number: u64) {
    for byte in characters.iter_mut().rev() {
        let first = class(*byte).0;
        // Of each a constant, which is no division.
        let (rest, digit) = if first == b'0' { (number / 10, number % 10) } else { (number / 26, number % 26) };
        number = rest;
        *byte = first.saturating_add(u8::try_from(digit).unwrap_or(0));
    }
}

/// The first character of its class, and how many there are.
fn class(byte: u8) -> (u8, u64) {
    match byte {
        b'0'..=b'9' => (b'0', 10),
        b'a'..=b'z' => (b'a', 26),
        _ => (b'A', 26),
    }
}

fn letter(upper: bool) -> u8 {
    if upper { b'A' } else { b'a' }
}

/// What a part is enciphered beside: the tokens before it.
fn tweak(key: &Key, before: &[u8]) -> Tweak {
    let digest = key.substitute(before, u64::MAX);
    digest.first_chunk().copied().unwrap_or_default()
}

/// The same classes of characters, one way.
fn substituted(key: &Key, value: &str, out: &mut BytesMut) {
    let mut block = 0_u64;
    let mut stream = [0_u8; 32];
    let mut left = 0_usize;
    let mut pick = |first: u8, radix: u32| {
        if left == 0 {
            stream = key.substitute(value.as_bytes(), block);
            left = stream.len();
            block = block.wrapping_add(1);
        }
        let word = stream.get(left.saturating_sub(4)..left).and_then(|bytes| bytes.try_into().ok());
        left = left.saturating_sub(4);
        // From its end.
        let number = u32::from_le_bytes(word.unwrap_or_default());
        first.saturating_add(u8::try_from(number.checked_rem(radix).unwrap_or(0)).unwrap_or(0))
    };
    for character in value.chars() {
        out.put_u8(match character {
            character if character.is_numeric() => pick(b'0', 10),
            character if character.is_ascii_alphabetic() => pick(letter(character.is_ascii_uppercase()), 26),
            character if !character.is_ascii() => pick(letter(character.is_uppercase()), 26),
            // ASCII that is neither.
            character => u8::try_from(character).unwrap_or(b'*'),
        });
    }
}

/// The sign stays. `int2` has too few values to be enciphered.
pub(super) fn integer(key: &Key, width: Width, value: i64) -> i64 {
    let index = if value < 0 { !value } else { value };
    let token = match (width, u128::try_from(index)) {
        (Width::Two, _) | (_, Err(_)) => i64::from(u16::from_be_bytes(one_way(key, &value.to_be_bytes())) >> 1),
        (Width::Four | Width::Eight, Ok(number)) => {
            let token = between_bounds(key, number, MOST_INTEGERS).and_then(|token| i64::try_from(token).ok());
            token.unwrap_or(0)
        }
    };
    if value < 0 { !token } else { token }
}

/// What is enciphered of an integer, unless it has too few values.
pub(super) fn of_integer(width: Width, value: i64) -> Option<Below> {
    let index = u128::try_from(if value < 0 { !value } else { value }).ok()?;
    let (low, size) = bounds(index, MOST_INTEGERS).filter(|_| width != Width::Two)?;
    Some(Below { size, number: index.checked_sub(low)? })
}

/// The same as [`integer`], of one whose number came to that token.
pub(super) fn integer_of(value: i64, token: u128) -> Option<i64> {
    let index = u128::try_from(if value < 0 { !value } else { value }).ok()?;
    let token = i64::try_from(token.checked_add(bounds(index, MOST_INTEGERS)?.0)?).ok()?;
    Some(if value < 0 { !token } else { token })
}

/// The number between the same bounds that stands for another; all are below `limit`.
fn between_bounds(key: &Key, number: u128, limit: u128) -> Option<u128> {
    let (low, size) = bounds(number, limit)?;
    key.cipher().within(size, number.checked_sub(low)?, None)?.checked_add(low)
}

/// The first number between the same bounds, and how many there are.
fn bounds(number: u128, limit: u128) -> Option<(u128, u128)> {
    let place = BOUNDS.partition_point(|bound| *bound <= number);
    let (low, high) = match (BOUNDS.get(place.checked_sub(1)?), BOUNDS.get(place)) {
        (Some(low), Some(high)) => (*low, *high),
        (Some(_), None) | (None, _) => {
            let low = 10_u128.checked_pow(number.checked_ilog10()?)?;
            (low, low.checked_mul(10)?)
        }
    };
    Some((low, high.min(limit).checked_sub(low)?))
}

/// The sign and the number of digits behind the point stay; whole numbers come to what integers come to.
pub(super) fn numeric(key: &Key, value: &Decimal, digits: Option<Digits>) -> Option<Decimal> {
    let short = value.shortest();
    let number = short.unscaled()?;
    let whole = digits.map_or(MOST_DIGITS, |digits| digits.precision.saturating_sub(digits.scale)).min(MOST_DIGITS);
    let scale = short.scale();
    let length = whole.checked_add(u32::try_from(scale).ok()?)?.min(MOST_DIGITS);
    let limit = 10_u128.checked_pow(length)?;
    if number >= limit {
        return None;
    }
    // As for integers: the numbers below zero begin at -1.
    let index = if value.negative() && scale == 0 { number.checked_sub(1)? } else { number };
    let mut token = if limit < LEAST_SIZE {
        u128::from_be_bytes(one_way(key, &number.to_be_bytes())).checked_rem(limit)?
    } else {
        between_bounds(key, index, limit)?
    };
    // A fraction that ended in zero would be another one's.
    while scale > 0 && token.checked_rem(10)? == 0 {
        token = if limit < LEAST_SIZE { token.checked_add(1)? } else { between_bounds(key, token, limit)? };
    }
    if value.negative() && scale == 0 {
        token = token.checked_add(1).filter(|token| *token < limit).unwrap_or(1);
    }
    Some(Decimal::new(value.negative(), token, scale).with_scale(value.scale()))
}

/// Days of the years 1 to 9999.
pub(super) fn date(key: &Key, days: i32) -> Option<i32> {
    let number = u128::try_from(i64::from(days).checked_sub(FIRST_DAY)?).ok()?;
    let token = key.cipher().within(u128::try_from(DAYS).ok()?, number, None)?;
    i32::try_from(i64::try_from(token).ok()?.checked_add(FIRST_DAY)?).ok()
}

/// Moments of the years 2 to 9998, so that no time zone leads out of those that clients know.
pub(super) fn moment(key: &Key, moment: i64, step: i64) -> Option<i64> {
    let first = FIRST_DAY.checked_add(366)?.checked_mul(DAY)?;
    let steps = DAYS.checked_sub(732)?.checked_mul(DAY.checked_div(step)?)?;
    let number = u128::try_from(moment.checked_sub(first)?.checked_div(step)?).ok()?;
    let token = key.cipher().within(u128::try_from(steps).ok()?, number, None)?;
    i64::try_from(token).ok()?.checked_mul(step)?.checked_add(first)
}

/// All 128 bits.
pub(super) fn uuid(key: &Key, number: u128) -> Option<u128> {
    key.cipher().bits(128, number, None)
}

/// Another address; of a network (`cidr`) another network of its size.
pub(super) fn net(key: &Key, net: Net, network: bool) -> Option<Net> {
    let (number, width) = match net.address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32_u32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let bits = if network { u32::from(net.bits) } else { width };
    let host = width.checked_sub(bits)?;
    let number = number.checked_shr(host).unwrap_or(0);
    let token = if bits >= LEAST_BITS {
        key.cipher().bits(bits, number, None)?
    } else {
        u128::from_be_bytes(one_way(key, &number.to_be_bytes())).checked_shr(128_u32.checked_sub(bits)?).unwrap_or(0)
    };
    let token = token.checked_shl(host).unwrap_or(0);
    let address = match net.address {
        IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(token).ok()?).into(),
        IpAddr::V6(_) => Ipv6Addr::from(token).into(),
    };
    Some(Net { address, bits: net.bits })
}

/// As many bytes.
pub(super) fn bytes(key: &Key, value: &[u8]) -> Option<Vec<u8>> {
    let parts = value.len().div_ceil(BYTES);
    let mut tokens = Vec::with_capacity(value.len());
    let mut rest = value;
    for left in (1..=parts).rev() {
        let (part, after) = rest.split_at_checked(rest.len().div_ceil(left))?;
        rest = after;
        let mut number = [0_u8; BYTES];
        number.iter_mut().rev().zip(part.iter().rev()).for_each(|(byte, other)| *byte = *other);
        let number = u128::from_be_bytes(number);
        let bits = u32::try_from(part.len()).ok()?.checked_mul(8)?;
        let tweak = (!tokens.is_empty()).then(|| tweak(key, &tokens));
        let token = if bits >= LEAST_BITS {
            key.cipher().bits(bits, number, tweak.as_ref())?
        } else {
            u128::from_be_bytes(one_way(key, part))
        };
        let token = token.to_be_bytes();
        tokens.extend_from_slice(token.get(BYTES.checked_sub(part.len())?..)?);
    }
    Some(tokens)
}

fn one_way<const N: usize>(key: &Key, value: &[u8]) -> [u8; N] {
    key.substitute(value, 0).first_chunk().copied().unwrap_or([0; N])
}
