//! Letters and digits of a text as one number, and the number that stands for it as letters and digits: eight of them at
//! a time, each a byte of a word.

use bytes::{BufMut, BytesMut};

use super::divisor::{Divisor, low};
use super::ff1::Below;

/// Letters and digits that are enciphered as one number: so many letters are below 2¹¹³.
pub(super) const CHARACTERS: usize = 24;
/// Those of them that are counted in 64 bits.
const HALF: usize = CHARACTERS / 2;
/// What is before the first of fewer characters: it counts for nothing.
const ZEROS: u64 = u64::from_be_bytes([b'0'; 8]);

/// Some letters and digits, the last ones last, behind zeros. As a number each is a numeral of the radix of its class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Characters {
    bytes: [u8; CHARACTERS],
    count: usize,
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
        Self::of(words(bytes.get(..found).unwrap_or_default()), found)
    }

    /// All of a text, if it is ASCII and they are one number.
    pub(super) fn all(text: &[u8]) -> Option<Self> {
        if text.len() <= CHARACTERS {
            let words = words(text);
            if words.iter().all(|word| are_letters_and_digits(*word)) {
                return Some(Self::of(words, text.len()));
            }
        }
        let mut bytes = [0; CHARACTERS];
        let mut count = 0_usize;
        for byte in text {
            if byte.is_ascii_alphanumeric() {
                *bytes.get_mut(count)? = *byte;
                count = count.saturating_add(1);
            } else if !byte.is_ascii() {
                return None;
            }
        }
        Some(Self::of(words(bytes.get(..count)?), count))
    }

    fn of(words: [u64; 3], count: usize) -> Self {
        let mut bytes = [0; CHARACTERS];
        let (chunks, _) = bytes.as_chunks_mut();
        chunks.iter_mut().zip(words).for_each(|(chunk, word)| *chunk = word.to_be_bytes());
        Self { bytes, count }
    }

    fn words(&self) -> [u64; 3] {
        let mut words = [0; 3];
        let (chunks, _) = self.bytes.as_chunks();
        words.iter_mut().zip(chunks).for_each(|(word, chunk)| *word = u64::from_be_bytes(*chunk));
        words
    }

    /// The number, and what it is below.
    pub(super) fn below(&self) -> Option<Below> {
        let [high, middle, last] = self.words();
        let (in_middle, in_last) = (letters(middle), letters(last));
        let join = |number: u128, next: u64, letters: u64| {
            Some(number.wrapping_mul(at(&EIGHTS, letters)?).wrapping_add(next.into()))
        };
        let upper = join(number(high).into(), number(middle), in_middle)?;
        let number = join(upper, number(last), in_last)?;
        let letters = usize::try_from(letters(high).wrapping_add(in_middle).wrapping_add(in_last)).ok()?;
        let size = size(self.count.checked_sub(letters)?, letters)?;
        Some(Below { size, number })
    }

    /// Becomes the characters that another number of the same form has.
    pub(super) fn become_token(&mut self, token: u128) -> Option<()> {
        let [_, middle, last] = self.words();
        let letters = letters(middle & u64::from(u32::MAX)).wrapping_add(letters(last));
        let (high, low) = at(&TWELVES, letters)??.divide(token);
        let (upper, lower) = self.bytes.split_at_mut(HALF);
        write(upper.get_mut(HALF.saturating_sub(self.count.saturating_sub(HALF))..)?, high);
        write(lower.get_mut(HALF.saturating_sub(self.count)..)?, low);
        Some(())
    }

    /// Writes a text with these in place of its own.
    pub(super) fn write_into(&self, text: &[u8], out: &mut BytesMut) -> Option<()> {
        let characters = self.bytes.get(CHARACTERS.checked_sub(self.count)?..)?;
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
}

/// How many there are of so many digits and letters.
fn size(digits: usize, letters: usize) -> Option<u128> {
    Some(TENS.get(digits)?.wrapping_mul(*LETTERS.get(letters)?))
}

/// What numbers of characters are below.
pub(super) fn sizes() -> impl Iterator<Item = u128> {
    (0..=CHARACTERS)
        .flat_map(|letters| (0..=CHARACTERS.saturating_sub(letters)).filter_map(move |digits| size(digits, letters)))
}

/// At most 24 characters, the last ones last.
fn words(mut characters: &[u8]) -> [u64; 3] {
    let mut words = [ZEROS; 3];
    for word in words.iter_mut().rev() {
        match characters.split_last_chunk() {
            Some((before, chunk)) => (characters, *word) = (before, u64::from_be_bytes(*chunk)),
            None => {
                *word = characters.iter().fold(ZEROS, |word, byte| word << 8 | u64::from(*byte));
                break;
            }
        }
    }
    words
}

const BYTES: u64 = u64::from_be_bytes([1; 8]);
/// The last byte of every two.
const SECONDS: u64 = u64::from_be_bytes([0, 255, 0, 255, 0, 255, 0, 255]);

#[inline(always)]
fn are_letters_and_digits(word: u64) -> bool {
    const HIGH: u64 = BYTES << 7;
    let ascii = word & !HIGH;
    // Bytes of seven bits: the eighth says whether one is at least the other.
    let least = |word: u64, byte: u8| word.wrapping_add(BYTES.wrapping_mul(u64::from(0x80_u8.wrapping_sub(byte))));
    let digit = least(ascii, b'0') & !least(ascii, b'9'.wrapping_add(1));
    let lower = ascii | BYTES << 5;
    // The seventh bit, moved to where the eighth is, tells letters from what has become one.
    let letter = least(lower, b'a') & !least(lower, b'z'.wrapping_add(1)) & ascii << 1;
    (digit | letter) & !word & HIGH == HIGH
}

/// A one in each byte that is a letter.
#[inline(always)]
fn is_letter(word: u64) -> u64 {
    word >> 6 & BYTES
}

#[inline(always)]
fn letters(word: u64) -> u64 {
    is_letter(word).wrapping_mul(BYTES) >> 56
}

/// All ones in each two bytes whose second is a letter.
#[inline(always)]
fn second_is_letter(letters: u64) -> u64 {
    let seconds = letters & SECONDS;
    (seconds << 16).wrapping_sub(seconds)
}

/// Eight characters as a number.
#[inline(always)]
fn number(word: u64) -> u64 {
    let letters = is_letter(word);
    // Digits are their last four bits, letters their last five, counted from one.
    let values = (word & (BYTES.wrapping_mul(0xf) | letters << 4)).wrapping_sub(letters);
    // Of two characters each: ten times the first, or 10 + 16 times.
    let (first, second) = (values >> 8 & SECONDS, values & SECONDS);
    let sixteens = first << 4 & second_is_letter(letters);
    let twos = first.wrapping_mul(10).wrapping_add(sixteens).wrapping_add(second);
    // And what they are below: 100, 260 or 676.
    let (first, second) = (letters >> 8 & SECONDS, letters & SECONDS);
    let sizes = (SECONDS & BYTES).wrapping_mul(100);
    let sizes = sizes.wrapping_add(first.wrapping_add(second).wrapping_mul(160)).wrapping_add((first & second) << 8);
    let part = |word: u64, shift: u32| word >> shift & 0xffff;
    let first = part(twos, 48).wrapping_mul(part(sizes, 32)).wrapping_add(part(twos, 32));
    let second = part(twos, 16).wrapping_mul(part(sizes, 0)).wrapping_add(part(twos, 0));
    first.wrapping_mul(part(sizes, 16).wrapping_mul(part(sizes, 0))).wrapping_add(second)
}

/// Becomes the characters of a number below what these are.
fn write(characters: &mut [u8], mut number: u64) {
    for byte in characters.iter_mut().rev() {
        let is_digit = *byte <= b'9';
        // Upper and lower case letters differ in one bit.
        let value = if is_digit { byte.wrapping_sub(b'0') } else { (*byte & 0x1f).wrapping_sub(1) };
        // By constants, which is no division. Both are computed: which one counts is not foreseen by a processor.
        let (ten, letter) = (number / 10, number / 26);
        let (rest, radix) = if is_digit { (ten, 10) } else { (letter, 26) };
        let [digit, ..] = number.wrapping_sub(rest.wrapping_mul(radix)).to_le_bytes();
        number = rest;
        *byte = byte.wrapping_sub(value).wrapping_add(digit);
    }
}

const TENS: [u128; CHARACTERS + 1] = powers(10);
const LETTERS: [u128; CHARACTERS + 1] = powers(26);
/// What is counted by eight characters and by the last twelve, of which so many are letters.
const EIGHTS: [u128; 9] = counted(8);
const TWELVES: [Option<Divisor>; 13] = divisors(12);

#[inline(always)]
fn at<T: Copy, const N: usize>(table: &[T; N], place: u64) -> Option<T> {
    table.get(usize::try_from(place).ok()?).copied()
}

const fn powers<const N: usize>(of: u128) -> [u128; N] {
    let mut powers = [1; N];
    let (mut power, mut rest): (u128, &mut [u128]) = (1, &mut powers);
    while let Some((place, after)) = rest.split_first_mut() {
        *place = power;
        power = power.wrapping_mul(of);
        rest = after;
    }
    powers
}

/// How many there are of so many characters, by how many are letters.
const fn counted<const N: usize>(characters: u32) -> [u128; N] {
    let mut counted = [0; N];
    let (mut size, mut rest): (u128, &mut [u128]) = (10_u128.pow(characters), &mut counted);
    while let Some((place, after)) = rest.split_first_mut() {
        *place = size;
        size = size / 10 * 26;
        rest = after;
    }
    counted
}

/// What divides numbers of all characters by them.
const fn divisors<const N: usize>(characters: u32) -> [Option<Divisor>; N] {
    let counted: [u128; N] = counted(characters);
    let mut divisors = [None; N];
    let (mut sizes, mut rest): (&[u128], &mut [Option<Divisor>]) = (&counted, &mut divisors);
    while let (Some((place, after)), Some((size, larger))) = (rest.split_first_mut(), sizes.split_first()) {
        // The other characters are below 2⁵⁷.
        *place = Divisor::new(low(*size), u128::BITS.saturating_sub(size.leading_zeros()).saturating_add(57));
        (sizes, rest) = (larger, after);
    }
    divisors
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, one by one.
    fn plainly(characters: &[u8]) -> (u128, u128) {
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
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn characters_are_a_number_and_the_number_is_the_characters(text in "[ -~]{0,40}|[0-9a-zA-Z]{0,26}", other in any::<u128>()) {
            let plain: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).collect();
            let all = Characters::all(text.as_bytes());
            prop_assert_eq!(all.is_some(), plain.len() <= CHARACTERS);
            let Some(mut characters) = all else { return Ok(()) };
            let Below { size, number } = characters.below().unwrap();
            prop_assert_eq!((size, number), plainly(&plain));
            let mut out = BytesMut::new();
            characters.become_token(number).unwrap();
            characters.write_into(text.as_bytes(), &mut out).unwrap();
            prop_assert_eq!(&out[..], text.as_bytes());
            let first = Characters::first(text.as_bytes(), CHARACTERS);
            prop_assert_eq!(first.below(), Some(Below { size, number }));
            for token in [other % size, 0, size - 1] {
                characters.become_token(token).unwrap();
                out.clear();
                characters.write_into(text.as_bytes(), &mut out).unwrap();
                let token_of: Vec<u8> = out.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
                prop_assert_eq!(plainly(&token_of), (size, token));
                prop_assert_eq!(token_of.len(), plain.len());
            }
        }
    }

    #[test]
    fn what_is_not_ascii_is_no_number() {
        assert!(Characters::all("12345é".as_bytes()).is_none());
        assert!(Characters::all(&[b'1'; CHARACTERS + 1]).is_none());
    }

    #[test]
    fn only_letters_and_digits_of_ascii_are_letters_and_digits() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut bytes = [b'z'; 8];
                bytes[place] = byte;
                assert_eq!(
                    are_letters_and_digits(u64::from_be_bytes(bytes)),
                    byte.is_ascii_alphanumeric(),
                    "{byte} {place}"
                );
            }
        }
    }
}
