//! E-mail addresses, and what opens doors: keys, tokens, passwords in addresses.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Bits a character from which on a run of letters and digits is taken for random. Hexadecimal digits have four at most.
const ENTROPY: f64 = 4.2;

static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let patterns = [
        // Private keys, to their end or the text's.
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        // Three parts of base64, the first two of JSON objects; or one that is encrypted, of five.
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,3}",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        r"\bgh[opusr]_[A-Za-z0-9]{30,}",
        r"\bgithub_pat_[A-Za-z0-9_]{22,}",
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_.-]{20,}",
        r"\bxox[abceoprs](?:\.[a-z]+)?-[A-Za-z0-9-]{10,}",
        r"\bxapp-[0-9]-[A-Za-z0-9-]{10,}",
        r"\bhooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
        r"\bAIza[A-Za-z0-9_-]{35}",
        r"\bya29\.[A-Za-z0-9_-]{20,}",
        r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}",
        r"\bwhsec_[A-Za-z0-9+/=]{20,}",
        r"\bsk-[A-Za-z0-9_-]{20,}",
        r"\bnpm_[A-Za-z0-9]{30,}",
        r"\bpypi-[A-Za-z0-9_-]{30,}",
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",
        r"\bdop_v1_[a-f0-9]{40,}",
        r"\bAGE-SECRET-KEY-1[A-Z0-9]{50,}",
        r"(?i:\bbearer +)[A-Za-z0-9._~+/-]{20,}=*",
        r"(?i:\bauthorization: *[a-z]+ +)[A-Za-z0-9._~+/-]{8,}=*",
        // A password in an address.
        r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@",
        r#"(?i:\b(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|client[_-]?secret)["']?\s*[:=]\s*["']?)[^\s"',;]{8,}"#,
    ];
    Regex::new(&format!("(?-u){}", patterns.join("|"))).ok()
});

static RUN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?-u)[A-Za-z0-9+/_-]{32,}={0,2}").ok());

/// The fewest characters of a run that may be random.
const SHORTEST_RUN: usize = 32;

/// Keys and tokens. `longest`: of the runs of characters that they are made of. `opens`: one of the characters is there
/// that [`may_be_said`] looks at.
pub(super) fn find(text: &[u8], longest: usize, opens: bool, found: &mut Vec<Range<usize>>) {
    if opens && may_be_said(text) {
        matches(&SECRET, text, |_| true, found);
    }
    if longest >= SHORTEST_RUN {
        matches(&RUN, text, is_random, found);
    }
}

fn matches(pattern: &Option<Regex>, text: &[u8], is_one: fn(&[u8]) -> bool, found: &mut Vec<Range<usize>>) {
    let matches = pattern.iter().flat_map(|pattern| pattern.find_iter(text));
    found.extend(matches.filter(|found| is_one(found.as_bytes())).map(|found| found.range()));
}

/// Every e-mail address: what may stand before an `@`, and behind it labels with a dot behind each and two letters.
pub(super) fn addresses(text: &[u8], found: &mut Vec<Range<usize>>) {
    let is_local = |byte: &&u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~\x80-".contains(byte);
    // Where the last one ended, and where to look on.
    let (mut from, mut place) = (0_usize, 0_usize);
    while let Some(before) = text.get(place..).and_then(|rest| rest.iter().position(|byte| *byte == b'@')) {
        let sign = place.saturating_add(before);
        place = sign.saturating_add(1);
        let local = text.get(from..sign).unwrap_or_default().iter().rev().take_while(is_local).count();
        let Some(length) = text.get(place..).and_then(domain).filter(|_| local > 0) else { continue };
        place = place.saturating_add(length);
        found.push(sign.saturating_sub(local)..place);
        from = place;
    }
}

/// How long the domain is that a text begins with: as many labels as there are behind which something can be the last.
fn domain(text: &[u8]) -> Option<usize> {
    let (mut place, mut end) = (0_usize, None);
    loop {
        let rest = text.get(place..)?;
        let is_inner = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, 0x80 | b'-');
        let label = rest.get(..rest.iter().take_while(is_inner).count())?;
        if place > 0 {
            let last = label.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == 0x80).count();
            end = if last >= 2 { Some(place.saturating_add(last)) } else { end };
        }
        let sound = !matches!(label, [] | [b'-', ..] | [.., b'-']);
        if !sound || rest.get(label.len()) != Some(&b'.') {
            return end;
        }
        place = place.saturating_add(label.len()).saturating_add(1);
    }
}

/// Whether any secret's form can be in a text, by what stands before one of its characters: most texts need no pattern.
fn may_be_said(text: &[u8]) -> bool {
    text.iter().enumerate().any(|(place, byte)| {
        let before = || text.get(..place).unwrap_or_default();
        match byte {
            b'J' => before().ends_with(b"ey"),
            b'A' => matches!(before(), [.., b'A', b'K' | b'S' | b'B', b'I'] | [.., b'A', b'C', b'C']),
            b'z' => before().ends_with(b"AI"),
            b'x' => before().ends_with(b"xo"),
            b'_' => matches!(
                before(),
                [.., b'g', b'h', b'o' | b'p' | b'u' | b's' | b'r']
                    | [.., b'h', b'u', b'b']
                    | [.., b's' | b'r' | b'p', b'k']
                    | [.., b's', b'e', b'c']
                    | [.., b'n', b'p', b'm']
                    | [.., b'd', b'o', b'p']
            ),
            b'-' => matches!(
                before(),
                [.., b'-', b'-', b'-', b'-']
                    | [.., b'p', b'p']
                    | [.., b's', b'k']
                    | [.., b'p', b'i']
                    | [.., b'G', b'E']
                    | [.., b'p', b'a', b't']
                    | [.., b'l', b'd' | b'r' | b'f', b't']
                    | [.., b'b' | b't' | b'a' | b'n', b't']
            ),
            b'.' => matches!(
                before(),
                [.., b'S', b'G'] | [.., b'h', b'v', b's' | b'b' | b'r'] | [.., b'2', b'9'] | [.., b'o', b'k', b's']
            ),
            b' ' => matches!(before(), [.., b'e' | b'E', b'r' | b'R']),
            b':' => text.get(place..).is_some_and(|rest| rest.starts_with(b"://")) || is_named(before()),
            b'=' => is_named(before()),
            _ => false,
        }
    })
}

/// Whether the last word may be one after which a secret stands: authorization, password, secret, token, key.
fn is_named(before: &[u8]) -> bool {
    let blanks = before.iter().rev().take_while(|byte| matches!(byte, b'\t'..=b'\r' | b' ')).count();
    let before = before.get(..before.len().saturating_sub(blanks)).unwrap_or_default();
    let before = before.strip_suffix(b"\"").or(before.strip_suffix(b"'")).unwrap_or(before);
    before.last().is_some_and(|byte| matches!(byte.to_ascii_lowercase(), b'd' | b't' | b'n' | b'y'))
}

/// Letters of both cases and digits, about as often as chance has them.
fn is_random(run: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    for byte in run {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let length = f64::from(u32::try_from(run.len()).unwrap_or(u32::MAX));
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum();
    let count = |is: fn(&u8) -> bool| run.iter().copied().filter(is).count();
    let mixed = [u8::is_ascii_digit, u8::is_ascii_uppercase, u8::is_ascii_lowercase];
    bits > ENTROPY && mixed.into_iter().all(|is| count(is) >= 3)
}

#[cfg(test)]
pub(super) fn are_patterns() -> bool {
    [&SECRET, &RUN].into_iter().all(|pattern| pattern.is_some())
}

#[cfg(test)]
pub(super) fn find_by_pattern(text: &[u8], found: &mut Vec<Range<usize>>) {
    matches(&SECRET, text, |_| true, found);
    matches(&RUN, text, is_random, found);
}
