//! Arguments that the engine's built-ins take differently from OPA's.

use regex::RegexBuilder;

use crate::bundle::rego::ast::{Expr, Kind, Pos};
use crate::bundle::rego::error::Problem;
use crate::bundle::rego::extend;

/// As the engine compiles its patterns.
const REGEX_BYTES: usize = 100 * 1024;
/// Wider fields are a way to use up memory.
const MAX_WIDTH: usize = 1_000;

/// What is wrong with the arguments of a call to a built-in.
pub(super) fn check(name: &str, args: &[Expr]) -> Vec<(Pos, Problem)> {
    let problem = match name {
        "regex.match" | "regex.find_n" | "regex.find_all_string_submatch_n" | "regex.split" => {
            args.first().and_then(|pattern| regex(name, pattern))
        }
        "regex.replace" => args.get(1).and_then(|pattern| regex(name, pattern)),
        "regex.template_match" => args.first().map(|pattern| (pattern.at, Problem::Template)),
        "sprintf" => args.first().and_then(format).or_else(|| args.get(1).and_then(spelled)),
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
    match RegexBuilder::new(text).size_limit(REGEX_BYTES).build() {
        // What matches nothing splits the ends off here, and does not in OPA.
        Ok(compiled) if name == "regex.split" && compiled.is_match("") => {
            Some((pattern.at, Problem::BadPattern { why: "`regex.split` by what may be empty".to_owned() }))
        }
        Ok(_) => None,
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Some((pattern.at, Problem::BadPattern { why }))
        }
    }
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

/// A literal format may not ask for very wide fields or for what our own `sprintf` has not got; a computed one could.
fn format(argument: &Expr) -> Option<(Pos, Problem)> {
    let Some(mut rest) = text(argument) else {
        return Some((argument.at, Problem::ComputedFormat));
    };
    while let (_, Some(directive), after) = extend::directive(rest) {
        if !extend::VERBS.contains(directive.verb) {
            let verb = format!("%{}", directive.verb);
            return Some((argument.at, Problem::FormatVerb { verb: verb.trim_end_matches('\0').to_owned() }));
        }
        if directive.width.max(directive.precision).is_some_and(|width| width > MAX_WIDTH) {
            return Some((argument.at, Problem::WideFormat { limit: MAX_WIDTH }));
        }
        rest = after;
    }
    None
}

/// Go prints a number by its spelling, `1e2` and `100.0` otherwise than `100`, and the engine forgets it.
fn spelled(arguments: &Expr) -> Option<(Pos, Problem)> {
    let Kind::Array(items) = &arguments.kind else { return None };
    items.iter().find_map(|item| {
        let Kind::Scalar(number) = &item.kind else { return None };
        let whole = number.parse::<f64>().is_ok_and(|number| number.fract() == 0.0);
        let refused = whole && number.contains(['.', 'e', 'E']);
        refused.then(|| (item.at, Problem::SpelledNumber { number: number.clone() }))
    })
}
