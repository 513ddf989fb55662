//! E-mail addresses, and what opens doors: keys, tokens, passwords in addresses.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Bits a character from which on a run of letters and digits is taken for random. Hexadecimal digits have four at most.
const ENTROPY: f64 = 4.2;

static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?-u)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\x80-]+@(?:[A-Za-z0-9\x80](?:[A-Za-z0-9\x80-]*[A-Za-z0-9\x80])?\.)+[A-Za-z\x80]{2,}").ok()
});

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

pub(super) fn find(text: &[u8], at: bool, words: bool, found: &mut Vec<Range<usize>>) {
    let mut all = |pattern: &LazyLock<Option<Regex>>, is_one: fn(&[u8]) -> bool| {
        let matches = pattern.iter().flat_map(|pattern| pattern.find_iter(text));
        found.extend(matches.filter(|found| is_one(found.as_bytes())).map(|found| found.range()));
    };
    if at {
        all(&ADDRESS, |_| true);
    }
    if at || words {
        all(&SECRET, |_| true);
        all(&RUN, is_random);
    }
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
    [&ADDRESS, &SECRET, &RUN].into_iter().all(|pattern| pattern.is_some())
}
