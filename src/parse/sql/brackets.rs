//! Brackets around nothing but brackets: `(((1)))` means what `((1))` means wherever it stands, a call and a list of
//! values included, and a parser need not go down through each.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::lexer::Lexeme;

/// A token, as far as brackets are concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Opens,
    Closes,
    Other,
}

/// The same tokens without such brackets.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other token is a bracket")]
pub(super) fn folded(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mark = |token: &TokenWithSpan| match token.token {
        Token::LParen => Mark::Opens,
        Token::RParen => Mark::Closes,
        _ => Mark::Other,
    };
    match idle(tokens.iter().map(mark)) {
        None => tokens,
        Some(idle) => tokens.into_iter().zip(idle).filter(|(_, idle)| !idle).map(|(token, _)| token).collect(),
    }
}

/// Which lexemes are such brackets; `None` for none.
pub(super) fn idle_lexemes(text: &str, lexemes: &[Lexeme]) -> Option<Vec<bool>> {
    idle(lexemes.iter().map(|lexeme| match lexeme {
        lexeme if lexeme.is_mark(text, "(") => Mark::Opens,
        lexeme if lexeme.is_mark(text, ")") => Mark::Closes,
        _ => Mark::Other,
    }))
}

/// A pair is idle that stands in two others with nothing between them and it.
fn idle(marks: impl Iterator<Item = Mark> + Clone) -> Option<Vec<bool>> {
    let mut run = 0_usize;
    let three = marks.clone().any(|mark| {
        run = if mark == Mark::Opens { run.saturating_add(1) } else { 0 };
        run > 2
    });
    if !three {
        return None;
    }
    let mut idle: Vec<bool> = marks.clone().map(|_| false).collect();
    let mut open: Vec<usize> = Vec::new();
    // Of each that opens, where it closes.
    let mut partners: Vec<Option<usize>> = idle.iter().map(|_| None).collect();
    for (at, mark) in marks.enumerate() {
        match mark {
            Mark::Opens => open.push(at),
            Mark::Closes => {
                if let Some(opened) = open.pop()
                    && let Some(partner) = partners.get_mut(opened)
                {
                    *partner = Some(at);
                }
            }
            Mark::Other => {}
        }
    }
    // Whether the pair that opens there stands in another with nothing between.
    let is_tight = |opened: usize| {
        let outer = opened.checked_sub(1).and_then(|before| partners.get(before).copied().flatten());
        let inner = partners.get(opened).copied().flatten();
        matches!((outer, inner), (Some(outer), Some(inner)) if inner.checked_add(1) == Some(outer))
    };
    for (opened, closed) in partners.iter().enumerate() {
        let Some(closed) = *closed else { continue };
        if is_tight(opened) && opened.checked_sub(1).is_some_and(is_tight) {
            for at in [opened, closed] {
                if let Some(idle) = idle.get_mut(at) {
                    *idle = true;
                }
            }
        }
    }
    Some(idle)
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lex;
    use super::*;

    fn left(text: &str) -> String {
        let lexemes = lex(text).unwrap();
        let idle = idle_lexemes(text, &lexemes).unwrap_or_else(|| vec![false; lexemes.len()]);
        lexemes.iter().zip(idle).filter(|(_, idle)| !idle).map(|(lexeme, _)| lexeme.of(text)).collect()
    }

    #[test]
    fn of_brackets_around_brackets_two_are_left() {
        for (text, wanted) in [
            ("(((1)))", "((1))"),
            ("((((((1))))))", "((1))"),
            ("f((1,2))", "f((1,2))"),
            ("f(((1,2)))", "f((1,2))"),
            ("(((1))+1)", "(((1))+1)"),
            ("((((1)))+((2)))", "(((1))+((2)))"),
            ("(((1),2))", "(((1),2))"),
            ("((a)(((b)))(c))", "((a)((b))(c))"),
            ("(((", "((("),
            (")))(((1))", ")))(((1))"),
            ("'(((1)))'", "'(((1)))'"),
        ] {
            assert_eq!(left(text), wanted, "{text}");
        }
    }
}
