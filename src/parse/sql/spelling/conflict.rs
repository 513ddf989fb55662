//! `ON CONFLICT (lower(a)) WHERE b …`: sqlparser knows a list of columns there. Any other target goes to where
//! sqlparser has a list of expressions that PostgreSQL's INSERT does not have, behind the columns.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::{EVERY_FIELD, Speller, is_word, keyword, name};

/// How many of them are looked for in one statement: each looks back as far as its INSERT.
const TARGETS: usize = 16;

impl Speller<'_> {
    /// At the word CONFLICT: its target, if it is more than columns.
    pub(super) fn conflict(&mut self) -> bool {
        if !is_word(self.before(1), "on") || self.peek(1) != Some(&Token::LParen) || self.targets >= TARGETS {
            return false;
        }
        self.targets = self.targets.saturating_add(1);
        let rest = self.tokens.get(self.at.saturating_add(2)..).unwrap_or_default();
        let Some((elements, closed)) = elements(rest) else { return false };
        let bare = elements.iter().all(|element| element.len() == 1);
        let mut exprs: Vec<&[TokenWithSpan]> = Vec::new();
        for element in elements {
            match expression(element) {
                Some(expr) => exprs.push(expr),
                None => return false,
            }
        }
        let mut length = closed.saturating_add(3);
        if self.words(length, &["where"]) {
            let from = self.at.saturating_add(length).saturating_add(1);
            let rest = self.tokens.get(from..).unwrap_or_default();
            let Some(end) = rest.iter().position(|token| is_word(Some(&token.token), "do")) else { return false };
            exprs.push(rest.get(..end).unwrap_or_default());
            length = length.saturating_add(end).saturating_add(1);
        } else if exprs.iter().all(|expr| expr.len() == 1) {
            return !bare && self.columns_of_target(&exprs, length);
        }
        let Some((place, alias)) = self.behind_columns() else { return false };
        let Some(span) = self.tokens.get(self.at).map(|token| token.span) else { return false };
        // Without an alias it would be taken for one.
        let mut moved = alias
            .map(|alias| [keyword("AS", Keyword::AS), Token::Word(alias)])
            .into_iter()
            .flatten()
            .chain([keyword("PARTITION", Keyword::PARTITION), Token::LParen, name(EVERY_FIELD)])
            .map(|token| TokenWithSpan::new(token, span))
            .collect::<Vec<_>>();
        for expr in exprs {
            moved.push(TokenWithSpan::new(Token::Comma, span));
            moved.extend(expr.iter().cloned());
        }
        moved.push(TokenWithSpan::new(Token::RParen, span));
        self.spelled.to_mut().splice(place..place, moved);
        self.keep(1);
        self.at = self.at.saturating_add(length.saturating_sub(1));
        true
    }

    /// Columns without their collations and operator classes, which say which index is meant.
    fn columns_of_target(&mut self, columns: &[&[TokenWithSpan]], length: usize) -> bool {
        let columns = columns.iter().filter_map(|column| column.first());
        let listed: Vec<TokenWithSpan> =
            columns.flat_map(|column| [TokenWithSpan::new(Token::Comma, column.span), column.clone()]).collect();
        self.keep(2);
        self.spelled.to_mut().extend(listed.into_iter().skip(1));
        self.at = self.at.saturating_add(length.saturating_sub(3));
        true
    }

    /// At ON of ON CONFLICT: behind a SELECT without any clause sqlparser takes it for a column's name.
    pub(super) fn ends_select(&mut self) -> bool {
        if self.targets >= TARGETS {
            return false;
        }
        self.limits_bare_select(true);
        false
    }

    /// At FOR of FOR UPDATE: the same, where nothing is locked.
    pub(super) fn locks_nothing(&mut self) {
        let strengths = [["update"].as_slice(), &["share"], &["no", "key", "update"], &["key", "share"]];
        if strengths.iter().any(|words| self.words(1, words)) && self.targets < TARGETS {
            self.targets = self.targets.saturating_add(1);
            self.limits_bare_select(false);
        }
    }

    /// Puts LIMIT ALL behind the SELECT that ends there, if it has no clause; and only if it is an INSERT's, if that is asked.
    fn limits_bare_select(&mut self, inserts: bool) {
        let (mut depth, mut selects) = (0_usize, false);
        for token in self.tokens.get(..self.at).unwrap_or_default().iter().rev() {
            match &token.token {
                Token::RParen | Token::RBracket => depth = depth.saturating_add(1),
                Token::LParen | Token::LBracket if depth == 0 => return,
                Token::LParen | Token::LBracket => depth = depth.saturating_sub(1),
                token if depth == 0 && is_word(Some(token), "select") => selects = true,
                token if depth == 0 && !selects && CLAUSES.iter().any(|word| is_word(Some(token), word)) => return,
                _ => {}
            }
            let into = depth == 0 && is_word(Some(&token.token), "into");
            if selects && (into || !inserts) {
                self.replace(0, [keyword("LIMIT", Keyword::LIMIT), keyword("ALL", Keyword::ALL)]);
                return;
            }
        }
    }

    /// Where in what is spelled the list of columns of this INSERT ends, or would begin, and the alias that it needs.
    fn behind_columns(&self) -> Option<(usize, Option<Word>)> {
        let mut depth = 0_usize;
        let mut into = None;
        for (at, token) in self.spelled.iter().enumerate().rev() {
            match &token.token {
                Token::RParen => depth = depth.checked_add(1)?,
                // An INSERT in a bracket ends where the bracket begins.
                Token::LParen => depth = depth.checked_sub(1)?,
                token if depth == 0 && is_word(Some(token), "into") => {
                    into = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let token = |at: usize| self.spelled.get(at).map(|token| &token.token);
        let is = |at: usize, words: &[&str]| words.iter().any(|word| is_word(token(at), word));
        let mut at = into?.checked_add(1)?;
        while token(at.checked_add(1)?) == Some(&Token::Period) {
            at = at.checked_add(2)?;
        }
        let Some(Token::Word(table)) = token(at) else { return None };
        at = at.checked_add(1)?;
        let aliased = is(at, &["as"]);
        if aliased {
            at = at.checked_add(2)?;
        }
        if token(at) == Some(&Token::LParen)
            && !is(at.checked_add(1)?, QUERIES)
            && token(at.checked_add(1)?) != Some(&Token::LParen)
        {
            let list = self.spelled.get(at..)?;
            let closes = list.iter().position(|token| token.token == Token::RParen)?;
            return Some((at.checked_add(closes)?.checked_add(1)?, None));
        }
        let begins = is(at, QUERIES) || token(at) == Some(&Token::LParen);
        let alias = Word { value: table.value.clone(), quote_style: table.quote_style, keyword: Keyword::NoKeyword };
        begins.then_some((at, (!aliased).then_some(alias)))
    }
}

const QUERIES: &[&str] = &["select", "values", "with"];

/// What stands between a SELECT's list and its end, or is none.
const CLAUSES: &[&str] = &[
    "fetch", "for", "from", "group", "having", "into", "limit", "offset", "order", "table", "values", "where", "window",
];

/// The elements of a list up to the bracket that ends it, and where that is.
fn elements(tokens: &[TokenWithSpan]) -> Option<(Vec<&[TokenWithSpan]>, usize)> {
    let (mut depth, mut start, mut found) = (0_usize, 0_usize, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen | Token::LBracket => depth = depth.saturating_add(1),
            Token::RParen if depth == 0 => {
                found.push(tokens.get(start..at)?);
                return Some((found, at));
            }
            Token::RParen | Token::RBracket => depth = depth.checked_sub(1)?,
            Token::Comma if depth == 0 => {
                found.push(tokens.get(start..at)?);
                start = at.checked_add(1)?;
            }
            _ => {}
        }
    }
    None
}

/// An element without its collation and operator class: a column, a call, or what stands in parentheses.
fn expression(element: &[TokenWithSpan]) -> Option<&[TokenWithSpan]> {
    let options =
        |tokens: &[TokenWithSpan]| tokens.iter().all(|token| matches!(token.token, Token::Word(_) | Token::Period));
    match element.iter().rposition(|token| token.token == Token::RParen) {
        Some(last) => {
            let end = last.checked_add(1)?;
            options(element.get(end..)?).then_some(element.get(..end)?)
        }
        None => {
            let column = element.get(..1)?;
            (options(element) && element.get(1).is_none_or(|token| token.token != Token::Period)).then_some(column)
        }
    }
}
