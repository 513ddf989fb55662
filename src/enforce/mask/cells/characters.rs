//! Letters and digits of a text as one number, and the number that stands for it as letters and digits.

use bytes::{BufMut, BytesMut};

use super::ff1::Below;

/// Letters and digits that are enciphered as one number: 25 letters are below 2¹²⁰.
pub(super) const CHARACTERS: usize = 25;
/// Those of them that are counted in 64 bits.
const LOW_CHARACTERS: usize = 13;

/// Some letters and digits, and what they are as a number of mixed radices, below a size. Both are a high and a low part of
/// 64 bits each, since numbers of 128 bits are divided slowly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Characters {
    bytes: [u8; CHARACTERS],
    count: usize,
    size: u128,
    number: u128,
    low_size: u64,
}

impl Characters {
    /// The first so many of a text.
    pub(super) fn first(text: &[u8], count: usize) -> Self {
        let mut bytes = [0; CHARACTERS];
        let mut found = 0_usize;
        let characters = text.iter().filter(|byte| byte.is_ascii_alphanumeric()).take(count);
        for (byte, character) in bytes.iter_mut().zip(characters) {
            *byte = *character;
            found = found.saturating_add(1);
        }
        Self::of(bytes, found)
    }

    /// All of a text, if it is ASCII and they are one number.
    pub(super) fn all(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; CHARACTERS];
        let mut count = 0_usize;
        if text.len() <= CHARACTERS && text.iter().all(u8::is_ascii_alphanumeric) {
            count = text.len();
            bytes.get_mut(..count)?.copy_from_slice(text);
            return Some(Self::of(bytes, count));
        }
        for byte in text {
            if byte.is_ascii_alphanumeric() {
                *bytes.get_mut(count)? = *byte;
                count = count.saturating_add(1);
            } else if !byte.is_ascii() {
                return None;
            }
        }
        Some(Self::of(bytes, count))
    }

    fn of(bytes: [u8; CHARACTERS], count: usize) -> Self {
        let mut new = Self { bytes, count, size: 0, number: 0, low_size: 0 };
        let (high, low) = new.halves();
        let ((high_size, high), (low_size, low)) = (half(high), half(low));
        let join = |high: u64, low: u64| u128::from(high).wrapping_mul(u128::from(low_size)).wrapping_add(low.into());
        (new.size, new.number, new.low_size) = (join(high_size, 0), join(high, low), low_size);
        new
    }

    /// The number, and what it is below.
    pub(super) fn below(&self) -> Below {
        Below { size: self.size, number: self.number }
    }

    /// Becomes the characters that another number of the same form has.
    pub(super) fn become_token(&mut self, token: u128) -> Option<()> {
        let (high, low) = match u64::try_from(token) {
            Ok(token) if self.count <= LOW_CHARACTERS => (0, token),
            Ok(_) | Err(_) => {
                let size = u128::from(self.low_size);
                let high = token.checked_div(size)?;
                (u64::try_from(high).ok()?, u64::try_from(token.wrapping_sub(high.wrapping_mul(size))).ok()?)
            }
        };
        let (upper, lower) = self.halves();
        write_half(upper, high);
        write_half(lower, low);
        Some(())
    }

    /// Writes a text with these in place of its own.
    pub(super) fn write_into(&self, text: &[u8], out: &mut BytesMut) -> Option<()> {
        let characters = self.characters()?;
        if characters.len() == text.len() {
            out.put_slice(characters);
            return Some(());
        }
        let start = out.len();
        out.put_slice(text);
        let places = out.get_mut(start..)?.iter_mut().filter(|byte| byte.is_ascii_alphanumeric());
        places.zip(characters).for_each(|(byte, token)| *byte = *token);
        Some(())
    }

    pub(super) fn characters(&self) -> Option<&[u8]> {
        self.bytes.get(..self.count)
    }

    fn halves(&mut self) -> (&mut [u8], &mut [u8]) {
        let bytes = self.bytes.get_mut(..self.count).unwrap_or_default();
        bytes.split_at_mut(bytes.len().saturating_sub(LOW_CHARACTERS))
    }
}

/// The size and the number of at most 13 characters, which fit.
fn half(characters: &[u8]) -> (u64, u64) {
    let (mut digits, mut number) = (0_usize, 0_u64);
    for byte in characters {
        let (is_digit, value) = class(*byte);
        // Both are computed: which one counts is not foreseen by a processor.
        let (ten, letter) = (number.wrapping_mul(10), number.wrapping_mul(26));
        number = if is_digit { ten } else { letter }.wrapping_add(value);
        digits = digits.wrapping_add(usize::from(is_digit));
    }
    let power = |powers: &[u64; 14], count: usize| powers.get(count).copied().unwrap_or(0);
    let letters = characters.len().wrapping_sub(digits);
    (power(&TENS, digits).wrapping_mul(power(&LETTERS, letters)), number)
}

fn write_half(characters: &mut [u8], mut number: u64) {
    for byte in characters.iter_mut().rev() {
        let (is_digit, value) = class(*byte);
        // By constants, which is no division; both for the same reason.
        let (ten, letter) = (number / 10, number / 26);
        let (rest, radix) = if is_digit { (ten, 10) } else { (letter, 26) };
        let digit = number.wrapping_sub(rest.wrapping_mul(radix));
        number = rest;
        *byte = byte.wrapping_sub(low_byte(value)).wrapping_add(low_byte(digit));
    }
}

fn low_byte(number: u64) -> u8 {
    let [byte, ..] = number.to_le_bytes();
    byte
}

/// Whether it is a digit, and which of its class it is.
fn class(byte: u8) -> (bool, u64) {
    let is_digit = byte <= b'9';
    // Upper and lower case letters differ in one bit.
    let value = if is_digit { byte.wrapping_sub(b'0') } else { (byte & 0x1f).wrapping_sub(1) };
    (is_digit, value.into())
}

const TENS: [u64; 14] = powers(10);
const LETTERS: [u64; 14] = powers(26);

const fn powers(of: u64) -> [u64; 14] {
    let mut powers = [1; 14];
    let (mut power, mut rest): (u64, &mut [u64]) = (1, &mut powers);
    while let Some((place, after)) = rest.split_first_mut() {
        *place = power;
        power = power.wrapping_mul(of);
        rest = after;
    }
    powers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same without halves and tables.
    fn counted(characters: &[u8]) -> (u128, u128) {
        characters.iter().fold((1, 0), |(size, number), byte| {
            let (first, radix) = match byte {
                b'0'..=b'9' => (b'0', 10),
                b'a'..=b'z' => (b'a', 26),
                _ => (b'A', 26),
            };
            (size * radix, number * radix + u128::from(byte - first))
        })
    }

    proptest! {
        #[test]
        fn characters_are_a_number_and_the_number_is_the_characters(text in "[ -~]{0,40}", other in any::<u128>()) {
            let plain: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).collect();
            let all = Characters::all(text.as_bytes());
            prop_assert_eq!(all.is_some(), plain.len() <= CHARACTERS);
            let Some(mut characters) = all else { return Ok(()) };
            let Below { size, number } = characters.below();
            prop_assert_eq!((size, number), counted(&plain));
            let mut out = BytesMut::new();
            characters.become_token(number).unwrap();
            characters.write_into(text.as_bytes(), &mut out).unwrap();
            prop_assert_eq!(&out[..], text.as_bytes());
            characters.become_token(other % size).unwrap();
            prop_assert_eq!(counted(characters.characters().unwrap()), (size, other % size));
            let first = Characters::first(text.as_bytes(), CHARACTERS);
            prop_assert_eq!(first.below(), Below { size, number });
        }
    }

    #[test]
    fn what_is_not_ascii_is_no_number() {
        assert!(Characters::all("12345é".as_bytes()).is_none());
        assert!(Characters::all(&[b'1'; CHARACTERS + 1]).is_none());
    }
}
