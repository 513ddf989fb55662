//! `detect`: finds card numbers, national ids, account numbers, addresses and secrets in a text by what they look like
//! and, where they have them, by their check digits. Takes a text, gives it with every find redacted; refuses nothing.

mod documents;
mod numbers;
mod secrets;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, BytesMut};

use super::masker::stars;

/// The fewest digits that anything found here has.
const FEWEST_DIGITS: usize = 6;
/// The fewest characters of anything else in one piece.
const SHORTEST_WORD: usize = 16;
/// Stands for a character that is not ASCII and looks like none of it.
const OTHER: u8 = 0x80;

/// Writes the text, with `*` for each character of what was found.
pub(super) fn text(value: &str, out: &mut BytesMut) {
    let looked_at = plain(value);
    let found = finds(&looked_at);
    if found.is_empty() {
        return out.put_slice(value.as_bytes());
    }
    if value.is_ascii() {
        let mut at = 0;
        for range in found {
            out.put_slice(value.as_bytes().get(at..range.start).unwrap_or_default());
            stars(range.len(), out);
            at = range.end;
        }
        return out.put_slice(value.as_bytes().get(at..).unwrap_or_default());
    }
    let mut found = found.into_iter().peekable();
    let mut buffer = [0; 4];
    for (at, character) in value.chars().enumerate() {
        while found.next_if(|range| range.end <= at).is_some() {}
        let hidden = found.peek().is_some_and(|range| range.contains(&at));
        out.put_slice(if hidden { b"*" } else { character.encode_utf8(&mut buffer).as_bytes() });
    }
}

/// Whether anything is found in it.
pub(super) fn finds_any(value: &str) -> bool {
    !finds(&plain(value)).is_empty()
}

/// Whether anything is found in the digits of a number, as it is written or, where that has an exponent or a fraction of
/// nothing, as others would write it.
pub(super) fn is_found(number: &str) -> bool {
    let written = number.strip_prefix('-').unwrap_or(number);
    if finds_any(written) {
        return true;
    }
    if !written.contains(['.', 'e', 'E']) {
        return false;
    }
    // More digits than a double tells apart are no card's but in rare networks.
    let whole = written.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && *number < MOST_NUMBER);
    whole.is_some_and(|number| finds_any(&number.to_string()))
}

/// Longer than any find's digits.
const MOST_NUMBER: f64 = 1e20;

/// One byte for each character: ASCII, what looks like it (full-width forms, other dashes and blanks), or [`OTHER`].
fn plain(value: &str) -> Cow<'_, [u8]> {
    if value.is_ascii() {
        return Cow::Borrowed(value.as_bytes());
    }
    let looks = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(character).saturating_sub(0xfee0)).unwrap_or(OTHER),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => b'-',
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => b' ',
        character => u8::try_from(character).ok().filter(u8::is_ascii).unwrap_or(OTHER),
    };
    Cow::Owned(value.chars().map(looks).collect())
}

/// Where something is, in order and without overlaps.
fn finds(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let signs = Signs::of(text);
    if signs.digits >= numbers::FEWEST_DIGITS {
        numbers::find(text, &mut found);
    }
    if signs.digits >= FEWEST_DIGITS && signs.has(LETTER) {
        documents::find(text, &mut found);
    }
    if signs.has(AT) {
        secrets::addresses(text, &mut found);
    }
    // The lines around a private key, and what is said of a name, may have nothing else.
    let is_lined = || signs.has(HYPHEN) && text.windows(5).any(|five| five == b"-----");
    if signs.has(AT | EQUALS) || signs.longest >= SHORTEST_WORD || is_lined() {
        secrets::find(text, signs.longest, signs.has(OPENS), &mut found);
    }
    if found.len() < 2 {
        return found;
    }
    found.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match merged.last_mut().filter(|last| range.start < last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => merged.push(range),
        }
    }
    merged
}

const DIGIT: u8 = 1;
const LETTER: u8 = 1 << 1;
/// What keys are made of.
const WORD: u8 = 1 << 2;
const AT: u8 = 1 << 3;
const EQUALS: u8 = 1 << 4;
const HYPHEN: u8 = 1 << 5;
/// Every secret of a known form has one of these.
const OPENS: u8 = 1 << 6;

/// What each byte is.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte = 0_u8;
    while let Some((class, after)) = rest.split_first_mut() {
        *class = match byte {
            b'0'..=b'9' => DIGIT | WORD,
            b'J' | b'A' | b'z' | b'x' => LETTER | WORD | OPENS,
            b'a'..=b'z' | b'A'..=b'Z' => LETTER | WORD,
            b'-' => WORD | HYPHEN | OPENS,
            b'_' => WORD | OPENS,
            b'+' | b'/' => WORD,
            b'@' => AT,
            b'=' => EQUALS | OPENS,
            b'.' | b' ' | b':' => OPENS,
            _ => 0,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    classes
};

/// What one look says of a text: most have nothing that could be anything.
struct Signs {
    digits: usize,
    /// The longest run of characters that keys are made of.
    longest: usize,
    seen: u8,
}

impl Signs {
    fn of(text: &[u8]) -> Self {
        let mut signs = Self { digits: 0, longest: 0, seen: 0 };
        let mut run = 0_usize;
        for byte in text {
            let class = CLASSES.get(usize::from(*byte)).copied().unwrap_or(0);
            signs.seen |= class;
            signs.digits = signs.digits.saturating_add(usize::from(class & DIGIT));
            run = if class & WORD == 0 { 0 } else { run.saturating_add(1) };
            signs.longest = signs.longest.max(run);
        }
        signs
    }

    fn has(&self, classes: u8) -> bool {
        self.seen & classes != 0
    }
}

/// A byte that is part of a word: what is next to it is not found alone.
fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | &OTHER))
}
