//! Numbers with letters in them: bank accounts and national ids.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// A pattern and what decides whether a match is a find, and how long it is.
struct Kind {
    /// Whether a match may begin with these bytes: most texts have no such place, and no pattern is asked.
    begins: fn(&[u8]) -> bool,
    pattern: LazyLock<Option<Regex>>,
    check: fn(&[u8]) -> Option<usize>,
}

static KINDS: [Kind; 5] = [
    Kind {
        begins: begins_account,
        pattern: LazyLock::new(|| Regex::new(r"(?i-u)\b[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11,30}").ok()),
        check: account,
    },
    Kind {
        begins: begins_british,
        pattern: LazyLock::new(|| {
            Regex::new(
                r"(?i-u)\b[a-ceghj-prstw-z][a-ceghj-nprstw-z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[a-d]\b",
            )
            .ok()
        }),
        check: british,
    },
    Kind {
        begins: begins_spanish,
        pattern: LazyLock::new(|| Regex::new(r"(?i-u)\b(?:[0-9]{8}|[xyz][ -]?[0-9]{7})[ -]?[a-z]\b").ok()),
        check: spanish,
    },
    Kind {
        begins: begins_italian,
        pattern: LazyLock::new(|| {
            let number = "[0-9lmnpqrstuv]";
            let pattern =
                format!(r"(?i-u)\b[a-z]{{6}}{number}{{2}}[abcdehlmprst]{number}{{2}}[a-z]{number}{{3}}[a-z]\b");
            Regex::new(&pattern).ok()
        }),
        check: italian,
    },
    Kind {
        begins: begins_corsican,
        pattern: LazyLock::new(|| {
            Regex::new(
                r"(?i-u)\b[1-478][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?2[ab][ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{2}\b",
            )
            .ok()
        }),
        check: corsican,
    },
];

pub(super) fn find(text: &[u8], found: &mut Vec<Range<usize>>) {
    let mut begun = [false; KINDS.len()];
    for rest in words(text) {
        begun.iter_mut().zip(&KINDS).for_each(|(begun, kind)| *begun |= (kind.begins)(rest));
    }
    matches(text, begun, found);
}

fn matches(text: &[u8], begun: [bool; KINDS.len()], found: &mut Vec<Range<usize>>) {
    for (kind, _) in KINDS.iter().zip(begun).filter(|(_, begun)| *begun) {
        let Some(pattern) = kind.pattern.as_ref() else { continue };
        for matched in pattern.find_iter(text) {
            if let Some(length) = (kind.check)(matched.as_bytes()) {
                found.push(matched.start()..matched.start().saturating_add(length));
            }
        }
    }
}

/// The text from each of its words on.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut in_word = false;
    text.iter().enumerate().filter_map(move |(place, byte)| {
        let continues = std::mem::replace(&mut in_word, byte.is_ascii_alphanumeric() || *byte == b'_');
        (!continues && in_word).then(|| text.get(place..)).flatten()
    })
}

fn begins_account(text: &[u8]) -> bool {
    let [a, b, c, d, rest @ ..] = text else { return false };
    a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit() && rest.len() >= 11
}

fn begins_british(text: &[u8]) -> bool {
    let ([a, b, b' ' | b'-', c, ..] | [a, b, c, ..]) = text else { return false };
    a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit()
}

fn begins_spanish(text: &[u8]) -> bool {
    match text {
        [b'x'..=b'z' | b'X'..=b'Z', b' ' | b'-', digit, ..] | [b'x'..=b'z' | b'X'..=b'Z', digit, ..] => {
            digit.is_ascii_digit()
        }
        [digits @ .., _] => digits.len() >= 8 && digits.iter().take(8).all(u8::is_ascii_digit),
        [] => false,
    }
}

fn begins_italian(text: &[u8]) -> bool {
    let (letters, rest) = text.split_at_checked(6).unwrap_or_default();
    let is_number = |byte: &u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte.to_ascii_uppercase());
    rest.len() >= 10 && letters.iter().all(u8::is_ascii_alphabetic) && rest.iter().take(2).all(is_number)
}

fn begins_corsican(text: &[u8]) -> bool {
    let department = text.get(5..text.len().min(10)).unwrap_or_default();
    matches!(text, [b'1'..=b'4' | b'7' | b'8', ..])
        && department.windows(2).any(|pair| matches!(pair, [b'2', b'a' | b'b' | b'A' | b'B']))
}

/// Lengths of IBANs by country.
const ACCOUNTS: &str = "\
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 \
    ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 \
    LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 \
    QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

/// As long as its country's, and 1 by modulus 97 with its first four characters at the end.
fn account(text: &[u8]) -> Option<usize> {
    let country = text.first_chunk::<2>()?.to_ascii_uppercase();
    let known = ACCOUNTS.split(' ').find_map(|known| known.as_bytes().strip_prefix(country.as_slice()));
    let length: usize = std::str::from_utf8(known?).ok()?.parse().ok()?;
    let places = text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
    let (last, _) = places.clone().nth(length.checked_sub(1)?)?;
    let end = last.checked_add(1)?;
    if text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let characters: Vec<u8> = places.take(length).map(|(_, byte)| *byte).collect();
    let (head, body) = characters.split_at_checked(4)?;
    let rest = body.iter().chain(head).fold(0_u64, |rest, byte| {
        let value = u64::from(char::from(*byte).to_digit(36).unwrap_or(0));
        let shift = if value < 10 { 10 } else { 100 };
        rest.saturating_mul(shift).saturating_add(value) % 97
    });
    (rest == 1).then_some(end)
}

fn british(text: &[u8]) -> Option<usize> {
    let prefix = text.first_chunk::<2>()?.to_ascii_uppercase();
    let unused: [&[u8]; 7] = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"];
    (!unused.contains(&prefix.as_slice())).then_some(text.len())
}

/// The letter is the number by modulus 23; X, Y and Z stand for 0, 1 and 2.
fn spanish(text: &[u8]) -> Option<usize> {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let (letter, body) = text.split_last()?;
    let digit = |byte: &u8| match byte.to_ascii_uppercase() {
        byte @ b'0'..=b'9' => Some(usize::from(byte.wrapping_sub(b'0'))),
        byte @ b'X'..=b'Z' => Some(usize::from(byte.wrapping_sub(b'X'))),
        _ => None,
    };
    let number =
        body.iter().filter_map(digit).fold(0_usize, |number, digit| number.saturating_mul(10).saturating_add(digit));
    let expected = LETTERS.get(number.checked_rem(LETTERS.len())?)?;
    (*expected == letter.to_ascii_uppercase()).then_some(text.len())
}

/// The last letter is the sum of the others' values by modulus 26.
fn italian(text: &[u8]) -> Option<usize> {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let (check, body) = text.split_last()?;
    let mut sum = 0_u32;
    for (place, byte) in body.iter().enumerate() {
        let value = match byte.to_ascii_uppercase() {
            byte @ b'0'..=b'9' => byte.wrapping_sub(b'0'),
            byte => byte.wrapping_sub(b'A'),
        };
        let value = if place % 2 == 0 { *ODD.get(usize::from(value))? } else { u32::from(value) };
        sum = sum.checked_add(value)?;
    }
    let expected = u32::from(b'A').checked_add(sum.checked_rem(26)?)?;
    (expected == u32::from(check.to_ascii_uppercase())).then_some(text.len())
}

/// A French number of somebody born in Corsica: 2A counts as 19 and 2B as 18.
fn corsican(text: &[u8]) -> Option<usize> {
    let mut digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let place = digits.get_mut(5..7)?;
    let is_a = place.last()?.eq_ignore_ascii_case(&b'a');
    place.copy_from_slice(if is_a { b"19" } else { b"18" });
    let (body, key) = digits.split_at_checked(13)?;
    let value = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u64>().ok();
    (97_u64.checked_sub(value(body)? % 97)? == value(key)?).then_some(text.len())
}

#[cfg(test)]
pub(super) fn are_patterns() -> bool {
    KINDS.iter().all(|kind| kind.pattern.is_some())
}

#[cfg(test)]
pub(super) fn find_by_pattern(text: &[u8], found: &mut Vec<Range<usize>>) {
    matches(text, [true; KINDS.len()], found);
}
