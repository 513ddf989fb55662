//! What sqlparser wants in parentheses, or under another name.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is_word, keyword};

/// Sets within sets, and joins that a MERGE uses.
pub(super) fn respell(tokens: &mut Vec<TokenWithSpan>) {
    sets(tokens);
    merge(tokens);
}

/// `GROUPING SETS` within others groups by the same columns as `ROLLUP`.
fn sets(tokens: &mut Vec<TokenWithSpan>) {
    let is = |tokens: &[TokenWithSpan], at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let mut open = Vec::new();
    let mut at = 0_usize;
    while let Some(token) = tokens.get(at).map(|token| &token.token) {
        let opens = at.saturating_add(2);
        match token {
            Token::LParen => open.push(false),
            Token::RParen => _ = open.pop(),
            _ if is(tokens, at, "grouping")
                && is(tokens, at.saturating_add(1), "sets")
                && tokens.get(opens).is_some_and(|token| token.token == Token::LParen) =>
            {
                if let (Some(true), Some(span)) = (open.last(), tokens.get(at).map(|token| token.span)) {
                    let rollup = TokenWithSpan::new(keyword("ROLLUP", Keyword::ROLLUP), span);
                    tokens.splice(at..opens, [rollup]);
                    at = at.saturating_add(1);
                } else {
                    at = opens;
                }
                open.push(true);
            }
            _ => {}
        }
        at = at.saturating_add(1);
    }
}

/// `MERGE … USING a JOIN b ON … ON …`: the last ON is the MERGE's own.
fn merge(tokens: &mut Vec<TokenWithSpan>) {
    let is = |at: usize, word: &str| {
        let selected = at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|dot| dot.token == Token::Period);
        !selected && is_word(tokens.get(at).map(|token| &token.token), word)
    };
    let begins = |at: &usize| is(*at, "merge") && is(at.saturating_add(1), "into");
    let Some(start) = (0..tokens.len()).find(begins) else { return };
    let (mut depth, mut cases, mut joined) = (0_usize, 0_usize, false);
    let (mut using, mut on, mut when) = (None, None, false);
    for at in start..tokens.len() {
        match tokens.get(at).map(|token| &token.token) {
            Some(Token::LParen) => depth = depth.saturating_add(1),
            Some(Token::RParen) => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return,
            },
            _ if depth > 0 => {}
            _ if is(at, "case") => cases = cases.saturating_add(1),
            _ if is(at, "end") => cases = cases.saturating_sub(1),
            _ if is(at, "when") && cases == 0 => {
                when = true;
                break;
            }
            _ if is(at, "using") && using.is_none() => using = Some(at),
            _ if is(at, "join") && using.is_some() => joined = true,
            _ if is(at, "on") => on = Some(at),
            _ => {}
        }
    }
    let (Some(using), Some(on), true) = (using, on, joined && when) else { return };
    let (Some(first), Some(last)) = (tokens.get(using).map(|one| one.span), tokens.get(on).map(|one| one.span)) else {
        return;
    };
    tokens.insert(on, TokenWithSpan::new(Token::RParen, last));
    tokens.insert(using.saturating_add(1), TokenWithSpan::new(Token::LParen, first));
}
