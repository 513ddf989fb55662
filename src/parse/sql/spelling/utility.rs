//! Commands whose options change nothing about their facts: the options are left out.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{is_constant, is_name, is_word, keyword, name};

/// The command without options that sqlparser does not know; any other statement as it is.
pub(super) fn respell(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    if word(0, "set") {
        schema(&mut tokens);
        role(&mut tokens);
        xml_option(&mut tokens);
    } else if word(0, "reset") && word(1, "time") && word(2, "zone") && tokens.len() == 3 {
        tokens.truncate(2);
        tokens.iter_mut().skip(1).for_each(|token| token.token = name("timezone"));
    }
    let word = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    if word(0, "grant") || word(0, "revoke") {
        maintain(&mut tokens);
        every_right(&mut tokens);
    } else if word(0, "create") && word(1, "extension") {
        extension(&mut tokens);
    } else if word(0, "create") && word(1, "user") && !word(2, "mapping") {
        user(&mut tokens);
    } else if word(1, "type") && (word(0, "create") || word(0, "alter")) {
        labels(&mut tokens);
    } else if word(0, "alter") && (word(1, "user") || word(1, "role")) {
        unencrypted(&mut tokens);
    } else if word(0, "copy") {
        copy(&mut tokens);
    } else if word(0, "begin")
        || word(0, "start") && word(1, "transaction")
        || word(0, "set") && (word(1, "transaction") || word(1, "session") && word(2, "characteristics"))
    {
        transaction(&mut tokens);
    }
    tokens
}

/// `SET SCHEMA 'a'` is `SET search_path TO 'a'`.
fn schema(tokens: &mut Vec<TokenWithSpan>) {
    let at = |at: usize| tokens.get(at).map(|token| &token.token);
    let place = setting(tokens);
    let value = place.saturating_add(1);
    let names =
        is_word(at(place), "schema") && at(value).is_some_and(is_constant) && value.saturating_add(1) == tokens.len();
    let span = tokens.get(place).map(|token| token.span).filter(|_| names);
    if let Some(span) = span {
        let words = [name("search_path"), keyword("TO", Keyword::TO)].map(|token| TokenWithSpan::new(token, span));
        tokens.splice(place..value, words);
    }
}

/// Where the name of a setting stands in a SET.
fn setting(tokens: &[TokenWithSpan]) -> usize {
    let scope = tokens.get(1).map(|token| &token.token);
    if is_word(scope, "local") || is_word(scope, "session") { 2 } else { 1 }
}

/// `SET ROLE TO a` sets what `SET ROLE a` sets, and `SET LOCAL SESSION AUTHORIZATION a` what has that name with an underscore.
fn role(tokens: &mut Vec<TokenWithSpan>) {
    let place = setting(tokens);
    let at = |at: usize| tokens.get(at).map(|token| &token.token);
    let after = place.saturating_add(1);
    let assigned = is_word(at(after), "to") || at(after) == Some(&Token::Eq);
    if is_word(at(place), "role") && assigned {
        if let Some(token) = tokens.get_mut(place) {
            token.token = name("role");
        }
    } else if place == 2 && is_word(at(place), "session") && is_word(at(after), "authorization") && tokens.len() == 5 {
        let Some(span) = tokens.get(place).map(|token| token.span) else { return };
        let words = [name("session_authorization"), keyword("TO", Keyword::TO)];
        tokens.splice(place..place.saturating_add(2), words.map(|token| TokenWithSpan::new(token, span)));
    }
}

/// `SET XML OPTION DOCUMENT` is `SET xmloption TO document`.
fn xml_option(tokens: &mut Vec<TokenWithSpan>) {
    let place = setting(tokens);
    let after = place.saturating_add(1);
    let at = |at: usize| tokens.get(at).map(|token| &token.token);
    let Some(span) = tokens.get(place).map(|token| token.span) else { return };
    if is_word(at(place), "xml") && is_word(at(after), "option") && tokens.len() == place.saturating_add(3) {
        let words = [name("xmloption"), keyword("TO", Keyword::TO)];
        tokens.splice(place..place.saturating_add(2), words.map(|token| TokenWithSpan::new(token, span)));
    }
}

/// A right of PostgreSQL 17 stands in a list where any other does.
fn maintain(tokens: &mut [TokenWithSpan]) {
    let listed = |before: &Token| {
        *before == Token::Comma || ["grant", "revoke", "for"].iter().any(|word| is_word(Some(before), word))
    };
    let mut before = None;
    for token in tokens.iter_mut().take_while(|token| !is_word(Some(&token.token), "on")) {
        if is_word(Some(&token.token), "maintain") && before.as_ref().is_some_and(listed) {
            token.token = keyword("TRIGGER", Keyword::TRIGGER);
        }
        before = Some(token.token.clone());
    }
}

/// `ALL (a, b)` is each right that there is to columns, to these.
fn every_right(tokens: &mut Vec<TokenWithSpan>) {
    let is = |at: usize, word: &str| is_word(tokens.get(at).map(|token| &token.token), word);
    let start = if is(1, "grant") && is(2, "option") && is(3, "for") { 4_usize } else { 1 };
    let opens = start.saturating_add(if is(start.saturating_add(1), "privileges") { 2 } else { 1 });
    let Some(closes) = tokens.iter().position(|token| token.token == Token::RParen) else { return };
    let listed = tokens.get(opens..closes).and_then(<[_]>::split_first).is_some_and(|(bracket, columns)| {
        bracket.token == Token::LParen
            && columns.iter().all(|token| is_name(&token.token) || token.token == Token::Comma)
    });
    let (Some(columns), true) = (tokens.get(opens..=closes), is(start, "all") && listed) else { return };
    let columns = columns.to_vec();
    let Some(span) = columns.first().map(|token| token.span) else { return };
    let mut rights = Vec::new();
    for (word, right) in COLUMN_RIGHTS {
        if !rights.is_empty() {
            rights.push(TokenWithSpan::new(Token::Comma, span));
        }
        rights.push(TokenWithSpan::new(keyword(word, right), span));
        rights.extend(columns.iter().cloned());
    }
    tokens.splice(start..=closes, rights);
}

/// What may be done with a column.
const COLUMN_RIGHTS: [(&str, Keyword); 4] = [
    ("SELECT", Keyword::SELECT),
    ("INSERT", Keyword::INSERT),
    ("UPDATE", Keyword::UPDATE),
    ("REFERENCES", Keyword::REFERENCES),
];

/// WITH may be left out of CREATE EXTENSION.
fn extension(tokens: &mut Vec<TokenWithSpan>) {
    let at = |at: usize| tokens.get(at).map(|token| &token.token);
    let name = if is_word(at(2), "if") { 5_usize } else { 2 };
    let option = name.saturating_add(1);
    let options = ["cascade", "schema", "version"].iter().any(|word| is_word(at(option), word));
    if let Some(span) = tokens.get(option).map(|token| token.span).filter(|_| options) {
        tokens.insert(option, TokenWithSpan::new(keyword("WITH", Keyword::WITH), span));
    }
}

/// A user is a role that may log in, and ENCRYPTED says nothing.
fn user(tokens: &mut Vec<TokenWithSpan>) {
    if let Some(token) = tokens.get_mut(1) {
        token.token = keyword("ROLE", Keyword::ROLE);
    }
    unencrypted(tokens);
}

/// The values of an enum, and only constants stand there, may be quoted in any way.
fn labels(tokens: &mut [TokenWithSpan]) {
    let is_listed = tokens.iter().any(|token| is_word(Some(&token.token), "enum"));
    let is_added =
        tokens.iter().any(|token| is_word(Some(&token.token), "add") || is_word(Some(&token.token), "rename"));
    for token in tokens.iter_mut().filter(|token| (is_listed || is_added) && is_text(&token.token)) {
        token.token = Token::SingleQuotedString(String::new());
    }
}

fn is_text(token: &Token) -> bool {
    matches!(token, Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) | Token::UnicodeStringLiteral(_))
}

fn unencrypted(tokens: &mut Vec<TokenWithSpan>) {
    let encrypted = (0..tokens.len()).find(|at| {
        let token = |at: usize| tokens.get(at).map(|token| &token.token);
        is_word(token(*at), "encrypted") && is_word(token(at.saturating_add(1)), "password")
    });
    if let Some(at) = encrypted.filter(|at| *at > 2) {
        tokens.remove(at);
    }
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
