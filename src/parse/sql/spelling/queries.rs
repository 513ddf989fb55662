//! Queries in brackets where sqlparser looks for an expression, and a table's row as a value.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Speller, is_word, keyword, name};

/// How many brackets are looked into in one statement: each is looked through to its end.
const BRACKETS: usize = 64;

/// What a bracket of a query follows for sqlparser to see that it is one.
const BEFORE_QUERY: &[&str] = &[
    "all",
    "as",
    "copy",
    "distinct",
    "except",
    "exists",
    "explain",
    "for",
    "from",
    "in",
    "intersect",
    "join",
    "lateral",
    "materialized",
    "union",
    "using",
];

/// What stands between a query in brackets and the rest of the query that it is a part of.
const BEHIND_QUERY: &[&str] = &["except", "fetch", "intersect", "limit", "offset", "order", "union"];

/// What a query begins with.
const QUERIES: &[&str] = &["select", "table", "values", "with"];

/// What the rows of such a query are called. Nothing but the `*` around it sees them.
const ROWS: &str = "values";

impl Speller<'_> {
    /// `((SELECT 1) UNION SELECT 2)` as a value is `(SELECT * FROM ((SELECT 1) UNION SELECT 2))`.
    pub(super) fn query_of_queries(&mut self) -> bool {
        if self.peek(1) != Some(&Token::LParen) || !self.is_value() {
            return false;
        }
        let mut inner = self.at.saturating_add(1);
        while self.token(inner.saturating_add(1)) == Some(&Token::LParen) {
            inner = inner.saturating_add(1);
        }
        let begins = QUERIES.iter().any(|word| self.is(inner.saturating_add(1), word));
        if !begins || !self.looks_into_one() {
            return false;
        }
        let Some(end) = self.bracket(self.at).map(|bracket| bracket.end) else { return false };
        let Some(first) = self.bracket(self.at.saturating_add(1)).map(|bracket| bracket.end) else { return false };
        let behind = first.saturating_add(1);
        BEHIND_QUERY.iter().any(|word| self.is(behind, word)) && self.wrapped(end)
    }

    /// Behind `EXPLAIN (` options stand, to sqlparser, and not `EXPLAIN (SELECT 1) UNION SELECT 2`: one that says nothing.
    pub(super) fn explained(&mut self) -> bool {
        let mut open = 1_usize;
        while self.peek(open) == Some(&Token::LParen) {
            open = open.saturating_add(1);
        }
        if self.at > 0 || open == 1 || !QUERIES.iter().any(|word| self.words(open, &[word])) {
            return false;
        }
        self.keep(1);
        self.replace(
            0,
            [Token::LParen, keyword("COSTS", Keyword::NoKeyword), keyword("TRUE", Keyword::TRUE), Token::RParen],
        )
    }

    /// `x IN ((SELECT 1), (SELECT 2))` is a list of values, as it is with a constant in front of them.
    pub(super) fn list_of_queries(&mut self) -> bool {
        let lists = is_word(self.before(1), "in") && self.peek(1) == Some(&Token::LParen);
        let begins = QUERIES.iter().any(|word| self.words(2, &[word]));
        if !lists || !begins || !self.looks_into_one() {
            return false;
        }
        let first = self.bracket(self.at.saturating_add(1)).map(|bracket| bracket.end);
        if first.and_then(|end| self.token(end.saturating_add(1))) != Some(&Token::Comma) {
            return false;
        }
        self.keep(1);
        self.replace(0, [keyword("NULL", Keyword::NULL), Token::Comma])
    }

    /// `(VALUES (1))` as a value is `(SELECT * FROM (VALUES (1)))`.
    pub(super) fn values(&mut self) -> bool {
        let Some(open) = self.at.checked_sub(1).filter(|open| self.token(*open) == Some(&Token::LParen)) else {
            return false;
        };
        let each = ["all", "any", "some"].iter().any(|word| is_word(self.before(2), word))
            && !["union", "except", "intersect"].iter().any(|word| is_word(self.before(3), word));
        let at = std::mem::replace(&mut self.at, open);
        let value = each || self.is_value();
        let end = (value && self.looks_into_one()).then(|| self.bracket(open)).flatten();
        self.at = at;
        end.is_some_and(|bracket| self.wrapped_before(bracket.end))
    }

    /// `t.*::text` is `(t.*)::text`.
    pub(super) fn whole_row(&mut self) -> bool {
        let mut back = 0_usize;
        while self.before(back.saturating_add(1)) == Some(&Token::Period)
            && matches!(self.before(back.saturating_add(2)), Some(Token::Word(_)))
        {
            back = back.saturating_add(2);
        }
        let begin = self.spelled.len().checked_sub(back).filter(|_| back > 0);
        let Some((begin, span)) = begin.zip(self.tokens.get(self.at).map(|token| token.span)) else { return false };
        self.spelled.to_mut().insert(begin, TokenWithSpan::new(Token::LParen, span));
        self.keep(1);
        self.replace(0, [Token::RParen])
    }

    /// Whether the bracket that opens there stands where an expression does, and not a query or a table.
    fn is_value(&self) -> bool {
        match self.before(1) {
            None | Some(Token::RParen) => false,
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                !BEFORE_QUERY.iter().any(|before| word.value.eq_ignore_ascii_case(before))
            }
            Some(_) => true,
        }
    }

    fn looks_into_one(&mut self) -> bool {
        self.brackets = self.brackets.saturating_add(1);
        self.brackets <= BRACKETS
    }

    /// Wraps the bracket that opens there and ends there.
    fn wrapped(&mut self, end: usize) -> bool {
        self.replace(
            0,
            [Token::LParen, keyword("SELECT", Keyword::SELECT), Token::Mul, keyword("FROM", Keyword::FROM)],
        );
        self.keep(1);
        self.ends_wrapped(end);
        true
    }

    /// Its rows have a name, so that its columns are told from others.
    fn ends_wrapped(&mut self, end: usize) {
        let named = [Token::RParen, keyword("AS", Keyword::AS), name(ROWS), Token::RParen];
        self.changed.insert(end, named.to_vec());
    }

    /// The same of one that has opened.
    fn wrapped_before(&mut self, end: usize) -> bool {
        self.replace(
            0,
            [keyword("SELECT", Keyword::SELECT), Token::Mul, keyword("FROM", Keyword::FROM), Token::LParen],
        );
        self.ends_wrapped(end);
        false
    }
}
