//! `tokenize`: values enciphered into values of the same form. What has fewer than a million possibilities, and letters
//! that are not ASCII, are substituted one way instead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, BytesMut};

use super::characters::{CHARACTERS, Characters};
use super::decimal::Decimal;
use super::ff1::{Below, LEAST_BITS, LEAST_SIZE, Tweak};
use super::key::Key;
use super::kind::{Digits, Width};
use super::plain::Net;
use super::ranges::{DAY, DAYS, FIRST_DAY, MOST_INTEGERS, bounds, moments};

/// Bytes that are enciphered as one number.
const BYTES: usize = 16;
/// Most digits of a `numeric` that is enciphered.
const MOST_DIGITS: u32 = 30;
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
        let mut characters = Characters::first(rest, count);
        let Below { size, number } = characters.below()?;
        let tweak = (!tokens.is_empty()).then(|| tweak(key, &tokens));
        characters.become_token(key.cipher().within(size, number, tweak.as_ref())?)?;
        let end = if parts == 1 { rest.len() } else { place_after(rest, count) };
        let (now, after) = rest.split_at_checked(end)?;
        rest = after;
        let start = out.len();
        characters.write_into(now, out)?;
        if parts > 1 {
            tokens.extend(out.get(start..)?.iter().filter(|byte| byte.is_ascii_alphanumeric()));
        }
    }
    Some(())
}

/// Where so many letters and digits have ended.
fn place_after(text: &[u8], count: usize) -> usize {
    let mut places = text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
    count.checked_sub(1).and_then(|last| places.nth(last)).map_or(0, |(place, _)| place.saturating_add(1))
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
    let number = u128::try_from(moment.checked_sub(first)?.checked_div(step)?).ok()?;
    let token = key.cipher().within(moments(step)?, number, None)?;
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
