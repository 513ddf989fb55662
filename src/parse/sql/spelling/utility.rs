//! Commands whose options change nothing about their facts: the options are left out.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{NO_NAME, closes, is_constant, is_word, keyword, name};

/// The command without options that sqlparser does not know; any other statement as it is.
pub(super) fn respell(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    if word(0, "copy") {
        copy(&mut tokens);
    } else if word(0, "vacuum") || word(0, "analyze") || word(0, "analyse") {
        maintenance(&mut tokens);
    } else if word(0, "begin")
        || word(0, "start") && word(1, "transaction")
        || word(0, "set") && (word(1, "transaction") || word(1, "session") && word(2, "characteristics"))
    {
        transaction(&mut tokens);
    } else if word(0, "fetch") || word(0, "move") {
        cursor(&mut tokens);
    } else if word(0, "set") && word(1, "constraints") {
        constraints(&mut tokens);
    }
    tokens
}

/// How the rows of a COPY are written says nothing about whose they are. A WHERE does.
fn copy(tokens: &mut Vec<TokenWithSpan>) {
    let mut depth = 0_usize;
    let direction = tokens.iter().position(|token| {
        match token.token {
            Token::LParen => depth = depth.saturating_add(1),
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (is_word(Some(&token.token), "from") || is_word(Some(&token.token), "to"))
    });
    let Some(target) = direction.and_then(|at| at.checked_add(1)) else { return };
    let program = is_word(tokens.get(target).map(|token| &token.token), "program");
    let options = target.saturating_add(if program { 2 } else { 1 });
    let plain = |token: &TokenWithSpan| match &token.token {
        Token::Word(_) => !is_word(Some(&token.token), "where"),
        Token::LParen | Token::RParen | Token::Comma | Token::Mul | Token::Minus | Token::Plus => true,
        other => is_constant(other) && !matches!(other, Token::Placeholder(_)),
    };
    if tokens.get(options..).is_some_and(|options| options.iter().all(plain)) {
        tokens.truncate(options);
    }
}

/// VACUUM and ANALYZE of one relation, whatever they do about it.
fn maintenance(tokens: &mut Vec<TokenWithSpan>) {
    const OPTIONS: &[&str] = &["analyse", "analyze", "freeze", "full", "verbose"];
    let at = |at: usize| tokens.get(at).map(|token| &token.token);
    let vacuum = is_word(at(0), "vacuum");
    let mut end = 1_usize;
    if at(1) == Some(&Token::LParen) {
        end = 2;
        while at(end).is_some_and(|token| matches!(token, Token::Word(_) | Token::Comma) || is_constant(token)) {
            end = end.saturating_add(1);
        }
        if at(end) != Some(&Token::RParen) {
            return;
        }
        end = end.saturating_add(1);
    } else {
        while OPTIONS.iter().any(|word| is_word(at(end), word)) {
            end = end.saturating_add(1);
        }
    }
    let mut depth = 0_usize;
    let one = tokens.get(end..).unwrap_or_default().iter().all(|token| {
        match token.token {
            Token::LParen => depth = depth.saturating_add(1),
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        token.token != Token::Comma || depth > 0
    });
    // Which columns VACUUM looks at has no place in sqlparser's tree.
    let columns = tokens.last().is_some_and(|token| closes(&token.token)) && end < tokens.len();
    if one && !(vacuum && columns) {
        tokens.drain(1..end);
    }
}

/// FETCH and MOVE read what the cursor reads, whichever way they go: `FETCH NEXT FROM c`. The cursor's name is
/// always the last word. MOVE reads into nothing, as PostgreSQL's FETCH cannot: `FETCH NEXT FROM c INTO ""`.
fn cursor(tokens: &mut Vec<TokenWithSpan>) {
    const WAYS: &[&str] =
        &["absolute", "all", "backward", "first", "forward", "from", "in", "last", "next", "prior", "relative"];
    let moves = is_word(tokens.first().map(|token| &token.token), "move");
    let Some((last, way)) = tokens.get(1..).and_then(<[TokenWithSpan]>::split_last) else { return };
    let says_way = |token: &TokenWithSpan| match &token.token {
        Token::Word(_) => WAYS.iter().any(|word| is_word(Some(&token.token), word)),
        Token::Number(..) | Token::Minus | Token::Plus => true,
        _ => false,
    };
    if !matches!(last.token, Token::Word(_)) || !way.iter().all(says_way) {
        return;
    }
    let (last, span) = (last.clone(), last.span);
    let from = [keyword("FETCH", Keyword::FETCH), keyword("NEXT", Keyword::NEXT), keyword("FROM", Keyword::FROM)];
    *tokens = from.map(|token| TokenWithSpan::new(token, span)).into();
    tokens.push(last);
    if moves {
        let nowhere = [keyword("INTO", Keyword::INTO), name(NO_NAME)];
        tokens.extend(nowhere.map(|token| TokenWithSpan::new(token, span)));
    }
}

/// SET CONSTRAINTS says when constraints are checked, whichever they are: `SET "" = 0`.
fn constraints(tokens: &mut Vec<TokenWithSpan>) {
    let Some((last, listed)) = tokens.get(2..).and_then(<[TokenWithSpan]>::split_last) else { return };
    let when = is_word(Some(&last.token), "deferred") || is_word(Some(&last.token), "immediate");
    let names = |token: &TokenWithSpan| matches!(token.token, Token::Word(_) | Token::Comma | Token::Period);
    if when && !listed.is_empty() && listed.iter().all(names) {
        let span = last.span;
        let nothing = [name(NO_NAME), Token::Eq, Token::Number("0".to_owned(), false)];
        tokens.truncate(1);
        tokens.extend(nothing.map(|token| TokenWithSpan::new(token, span)));
    }
}

/// When a transaction may begin is not what it may do.
fn transaction(tokens: &mut Vec<TokenWithSpan>) {
    let Some(at) = tokens.iter().position(|token| is_word(Some(&token.token), "deferrable")) else { return };
    let is = |at: Option<usize>, wanted: &dyn Fn(&Token) -> bool| {
        at.and_then(|at| tokens.get(at)).is_some_and(|token| wanted(&token.token))
    };
    let comma = |token: &Token| *token == Token::Comma;
    let mut start = at;
    let mut end = at.saturating_add(1);
    if is(start.checked_sub(1), &|token| is_word(Some(token), "not")) {
        start = start.saturating_sub(1);
    }
    if is(start.checked_sub(1), &comma) {
        start = start.saturating_sub(1);
    } else if is(Some(end), &comma) {
        end = end.saturating_add(1);
    }
    tokens.drain(start..end);
}
