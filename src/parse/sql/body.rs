//! Bodies of functions that are written as statements: `BEGIN ATOMIC …; …; END`.

use std::ops::Range;

use super::lexer::Lexeme;

/// Where they stand, by byte.
///
/// # Errors
/// Where one begins that is not certain to end.
pub(super) fn bodies(text: &str, lexemes: &[Lexeme]) -> Result<Vec<Range<usize>>, usize> {
    let mut bodies = Vec::new();
    let mut rest = lexemes;
    while let Some(first) = rest.first() {
        if first.is_mark(text, ";") {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let length = rest.iter().position(|lexeme| lexeme.is_mark(text, ";")).unwrap_or(rest.len());
        let begins = rest.get(..length).filter(|own| is_routine(text, own)).and_then(|own| begin(text, own));
        let Some(begins) = begins else {
            rest = rest.get(length..).unwrap_or_default();
            continue;
        };
        let body = rest.get(begins..).unwrap_or_default();
        let start = body.first().map_or(0, |lexeme| lexeme.start);
        let end = end(text, body).ok_or(start)?;
        bodies.push(start..body.get(end).ok_or(start)?.end);
        rest = body.get(end.saturating_add(1)..).unwrap_or_default();
        // It is the last that a definition has.
        if rest.first().is_some_and(|next| !next.is_mark(text, ";")) {
            return Err(start);
        }
    }
    Ok(bodies)
}

/// Whether these define a function or procedure: nothing else has such a body, and elsewhere the words may be names.
fn is_routine(text: &str, lexemes: &[Lexeme]) -> bool {
    let is = |at: usize, word: &str| lexemes.get(at).is_some_and(|lexeme| lexeme.is_word(text, word));
    let kind = if is(1, "or") && is(2, "replace") { 3 } else { 1 };
    is(0, "create") && (is(kind, "function") || is(kind, "procedure"))
}

/// Where BEGIN ATOMIC stands, outside of parentheses.
fn begin(text: &str, lexemes: &[Lexeme]) -> Option<usize> {
    let mut depth = 0_usize;
    lexemes.windows(2).position(|pair| {
        let [one, next] = pair else { return false };
        if one.is_mark(text, "(") {
            depth = depth.saturating_add(1);
        } else if one.is_mark(text, ")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && one.is_word(text, "begin") && next.is_word(text, "atomic")
    })
}

/// Where the END is of a body that begins there. It stands where a statement would begin, as no statement within does:
/// there a transaction's END is none.
fn end(text: &str, body: &[Lexeme]) -> Option<usize> {
    let mut first = true;
    for (at, lexeme) in body.iter().enumerate().skip(2) {
        if first && lexeme.is_word(text, "end") {
            return Some(at);
        }
        // PostgreSQL knows none within another.
        if lexeme.is_word(text, "atomic") {
            return None;
        }
        first = lexeme.is_mark(text, ";");
    }
    None
}
