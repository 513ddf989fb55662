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
    } else if let (true, Some(span)) =
        (word(0, "fetch") && (word(1, "from") || word(1, "in")), tokens.first().map(|token| token.span))
    {
        tokens.insert(1, TokenWithSpan::new(keyword("NEXT", Keyword::NEXT), span));
    } else if word(0, "move") {
        move_cursor(&mut tokens);
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

/// MOVE reads what FETCH reads, into nothing: `FETCH … INTO ""`. PostgreSQL's FETCH has no INTO.
fn move_cursor(tokens: &mut Vec<TokenWithSpan>) {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let next = word(1, "from") || word(1, "in");
    let (Some(first), Some(last)) = (tokens.first().map(|t| t.span), tokens.last().map(|t| t.span)) else { return };
    let mut fetch = vec![TokenWithSpan::new(keyword("FETCH", Keyword::FETCH), first)];
    if next {
        fetch.push(TokenWithSpan::new(keyword("NEXT", Keyword::NEXT), first));
    }
    tokens.splice(..1, fetch);
    tokens.push(TokenWithSpan::new(keyword("INTO", Keyword::INTO), last));
    tokens.push(TokenWithSpan::new(name(NO_NAME), last));
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
