//! Arguments that the engine's built-ins take differently from OPA's.

use regex::RegexBuilder;

use crate::bundle::rego::ast::{Expr, Kind, Pos};
use crate::bundle::rego::error::Problem;

/// As the engine compiles its patterns.
const REGEX_BYTES: usize = 100 * 1024;
/// Wider fields are a way to use up memory.
const MAX_WIDTH: u32 = 1_000;

/// What is wrong with the arguments of a call to a built-in.
pub(super) fn check(name: &str, args: &[Expr]) -> Vec<(Pos, Problem)> {
    let problem = match name {
        "regex.match" | "regex.find_n" | "regex.find_all_string_submatch_n" | "regex.split" => {
            args.first().and_then(|pattern| regex(name, pattern))
        }
        "regex.replace" => args.get(1).and_then(|pattern| regex(name, pattern)),
        "regex.template_match" => args.first().map(|pattern| (pattern.at, Problem::Template)),
        "glob.match" => args.get(1).and_then(delimiters),
        "sprintf" => args.first().and_then(format),
        _ => None,
    };
    problem.into_iter().collect()
}

fn text(expr: &Expr) -> Option<&str> {
    if let Kind::Text(text) = &expr.kind { Some(text) } else { None }
}

/// RE2 knows ASCII where the engine knows Unicode, so only what both read alike is taken.
fn regex(name: &str, pattern: &Expr) -> Option<(Pos, Problem)> {
    let Some(text) = text(pattern) else {
        return Some((pattern.at, Problem::ComputedPattern { name: name.to_owned() }));
    };
    let construct = differs(text);
    if let Some(construct) = construct {
        return Some((pattern.at, Problem::UnicodePattern { construct }));
    }
    let compiled = RegexBuilder::new(text).size_limit(REGEX_BYTES).build();
    compiled.err().map(|error| {
        let why = error.to_string();
        let why = why.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
        (pattern.at, Problem::BadPattern { why })
    })
}

/// The first construct that RE2 and the engine's expressions read differently.
fn differs(pattern: &str) -> Option<String> {
    let mut chars = pattern.chars().peekable();
    let mut class = 0_u32;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                if let Some(escaped) = chars.next().filter(|escaped| "dDwWsSbBQECuU<>".contains(*escaped)) {
                    return Some(format!("\\{escaped}"));
                }
            }
            '[' if class > 0 && chars.peek() != Some(&':') => return Some("[ inside a class".to_owned()),
            '[' if class > 0 => {
                // `[:alpha:]` ends with the next bracket, which is not the class's.
                chars.by_ref().find(|c| *c == ']');
            }
            '[' => {
                class = 1;
                chars.next_if_eq(&'^');
                chars.next_if_eq(&']');
            }
            ']' => class = 0,
            '&' | '~' | '-' if class > 0 && chars.peek() == Some(&c) => return Some(format!("{c}{c} inside a class")),
            '(' if class == 0 && chars.peek() == Some(&'?') => {
                let flags: String =
                    chars.clone().skip(1).take_while(|c| c.is_ascii_alphabetic() || *c == '-').collect();
                if flags.chars().any(|flag| matches!(flag, 'i' | 'u' | 'x' | 'R' | 'U')) && !flags.starts_with('P') {
                    return Some(format!("(?{flags}"));
                }
            }
            '{' if class == 0 && chars.peek() == Some(&',') => return Some("{,".to_owned()),
            _ => {}
        }
    }
    None
}

/// The engine's globs ignore the delimiter `:`.
fn delimiters(argument: &Expr) -> Option<(Pos, Problem)> {
    let safe = if let Kind::Array(items) = &argument.kind {
        items.iter().all(|item| text(item).is_some_and(|text| text != ":"))
    } else {
        matches!(&argument.kind, Kind::Scalar(text) if text == "null")
    };
    (!safe).then_some((argument.at, Problem::GlobDelimiter))
}

/// A literal format may not ask for very wide fields; a computed one could.
fn format(argument: &Expr) -> Option<(Pos, Problem)> {
    let Some(text) = text(argument) else {
        return Some((argument.at, Problem::ComputedFormat));
    };
    let too_wide = text.split('%').skip(1).any(|verb| {
        let digits = verb.trim_start_matches(['+', '-', '#', ' ', '0']);
        let wide = |text: &str| {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            digits.len() > 4 || digits.parse::<u32>().is_ok_and(|width| width > MAX_WIDTH)
        };
        let precision = digits.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('.');
        verb.contains('*') && digits.starts_with('*') || wide(digits) || wide(precision)
    });
    too_wide.then_some((argument.at, Problem::WideFormat { limit: MAX_WIDTH }))
}
