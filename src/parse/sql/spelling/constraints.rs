//! Constraints and generated columns, in CREATE TABLE and ALTER TABLE.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{EVERY_FIELD, is_constant, is_name, is_word, keyword, name};

/// Where they stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Create,
    Alter,
}

/// The definition without what says how a constraint is kept, and with what sqlparser knows for the rest.
pub(super) fn respell(tokens: Vec<TokenWithSpan>, within: Within) -> Vec<TokenWithSpan> {
    let mut speller = Speller { tokens: &tokens, within, at: 0, open: Vec::new(), typed: false, spelled: Vec::new() };
    while speller.at < tokens.len() {
        speller.step();
    }
    speller.spelled
}

/// What a parenthesis holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// Columns of a foreign key or of what it refers to.
    Key,
    /// What a column is generated from.
    Generated,
    Other,
}

struct Speller<'t> {
    tokens: &'t [TokenWithSpan],
    within: Within,
    at: usize,
    open: Vec<Held>,
    /// Behind the TYPE of an ALTER COLUMN.
    typed: bool,
    spelled: Vec<TokenWithSpan>,
}

impl Speller<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|token| &token.token)
    }

    fn words(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(place, word)| is_word(self.token(at.saturating_add(place)), word))
    }

    fn before(&self, back: usize) -> Option<&Token> {
        self.at.checked_sub(back).and_then(|at| self.token(at))
    }

    fn step(&mut self) {
        match self.token(self.at) {
            // Which of the columns lose their value.
            Some(Token::LParen) if self.is_behind_set() => {
                let length = self.list(self.at, |token| is_name(token) || *token == Token::Comma);
                if length == 0 { self.keep(1) } else { self.at = self.at.saturating_add(length) }
            }
            // How an identity counts, in whatever order.
            Some(Token::LParen) if is_word(self.before(1), "identity") => {
                let counts =
                    |token: &Token| matches!(token, Token::Word(_) | Token::Number(..) | Token::Minus | Token::Period);
                let length = self.list(self.at, counts);
                if length == 0 { self.keep(1) } else { self.at = self.at.saturating_add(length) }
            }
            Some(Token::LParen) => {
                self.open.push(self.held());
                self.keep(1);
            }
            Some(Token::RParen) => {
                let held = self.open.pop();
                self.keep(1);
                if held == Some(Held::Generated) {
                    self.stored();
                }
            }
            _ if self.before(1) == Some(&Token::Period) => self.keep(1),
            _ => {
                self.follow();
                let left_out = self.left_out();
                if left_out > 0 {
                    self.at = self.at.saturating_add(left_out);
                } else if self.is_not_null() {
                    self.not_null();
                } else if let Some(length) = self.like() {
                    self.liked(length);
                } else {
                    self.keep(1);
                }
            }
        }
    }

    /// Notes where a column's new type stands.
    fn follow(&mut self) {
        if self.open.is_empty() && self.within == Within::Alter {
            let ends = self.words(self.at, &["using"]) || self.token(self.at) == Some(&Token::Comma);
            self.typed = !ends && (self.typed || self.words(self.at, &["type"]));
        }
    }

    fn keep(&mut self, count: usize) {
        let end = self.at.saturating_add(count);
        self.spelled.extend(self.tokens.get(self.at..end).unwrap_or_default().iter().cloned());
        self.at = end;
    }

    fn put<const N: usize>(&mut self, tokens: [Token; N]) {
        if let Some(span) = self.spelled.last().map(|token| token.span) {
            self.spelled.extend(tokens.into_iter().map(|token| TokenWithSpan::new(token, span)));
        }
    }

    /// `ON DELETE SET NULL` or `ON DELETE SET DEFAULT` stands before.
    fn is_behind_set(&self) -> bool {
        let start = self.at.checked_sub(4);
        start.is_some_and(|at| self.words(at, &["on", "delete", "set"]))
            && ["null", "default"].iter().any(|word| is_word(self.before(1), word))
    }

    /// What the parenthesis holds that opens here.
    fn held(&self) -> Held {
        let start = |length: usize| self.at.checked_sub(length);
        if start(3).is_some_and(|at| self.words(at, &["generated", "always", "as"])) {
            return Held::Generated;
        }
        if start(2).is_some_and(|at| self.words(at, &["foreign", "key"])) {
            return Held::Key;
        }
        let mut back = 2_usize;
        while self.before(back) == Some(&Token::Period) {
            back = back.saturating_add(2);
        }
        if is_word(self.before(back), "references") { Held::Key } else { Held::Other }
    }

    /// Whether a generated column is stored is not what it is made of; sqlparser wants it to be.
    fn stored(&mut self) {
        if self.words(self.at, &["virtual"]) {
            self.at = self.at.saturating_add(1);
        } else if self.words(self.at, &["stored"]) {
            return;
        }
        self.put([keyword("STORED", Keyword::STORED)]);
    }

    /// How many tokens there say nothing that is told.
    fn left_out(&self) -> usize {
        let (at, next) = (self.at, self.at.saturating_add(1));
        let ends = |length: usize| self.token(at.saturating_add(length)) == Some(&Token::RParen);
        let inside = !self.open.is_empty() || self.within == Within::Alter;
        if !inside {
            return 0;
        }
        if self.words(at, &["without", "overlaps"]) && ends(2) {
            return 2;
        }
        if self.words(at, &["period"]) && self.open.last() == Some(&Held::Key) {
            let named = self.before(1) == Some(&Token::Comma) && self.token(next).is_some_and(is_name) && ends(2);
            return usize::from(named);
        }
        if is_word(self.before(1), "unique") && self.words(at, &["nulls", "distinct"]) {
            return 2;
        }
        if is_word(self.before(1), "unique") && self.words(at, &["nulls", "not", "distinct"]) {
            return 3;
        }
        let not_null = is_word(self.before(1), "null") && is_word(self.before(2), "not");
        if not_null && self.words(at, &["no", "inherit"]) {
            return 2;
        }
        if self.words(at, &["using", "index", "tablespace"]) {
            return if self.token(at.saturating_add(3)).is_some_and(is_name) { 4 } else { 0 };
        }
        let keyed = ["key", "unique"].iter().any(|word| is_word(self.before(1), word));
        if self.words(at, &["with"]) && (keyed || self.before(1) == Some(&Token::RParen)) {
            return self.list(next, |token| {
                matches!(token, Token::Word(_) | Token::Eq | Token::Period | Token::Comma) || is_constant(token)
            });
        }
        if self.typed && self.open.is_empty() && self.words(at, &["collate"]) {
            let mut length = 2_usize;
            while self.token(at.saturating_add(length)) == Some(&Token::Period) {
                length = length.saturating_add(2);
            }
            return length;
        }
        if self.words(at, &["not", "valid"]) && self.within == Within::Alter && self.open.is_empty() {
            let more =
                ["deferrable", "initially", "no", "not"].iter().any(|word| self.words(at.saturating_add(2), &[word]));
            return if more { 2 } else { 0 };
        }
        0
    }

    /// A word and the list in parentheses behind it, of such tokens alone: how many there are.
    fn list(&self, opens: usize, fits: impl Fn(&Token) -> bool) -> usize {
        if self.token(opens) != Some(&Token::LParen) {
            return 0;
        }
        let mut end = opens.saturating_add(1);
        while self.token(end).is_some_and(&fits) {
            end = end.saturating_add(1);
        }
        if self.token(end) == Some(&Token::RParen) { end.saturating_add(1).saturating_sub(self.at) } else { 0 }
    }

    /// How long the name is behind a LIKE that stands among columns. Alone, sqlparser knows it.
    fn like(&self) -> Option<usize> {
        let leads = matches!(self.before(1), Some(Token::LParen | Token::Comma));
        if self.within == Within::Alter || self.open.len() != 1 || !leads || !self.words(self.at, &["like"]) {
            return None;
        }
        let mut length = 1_usize;
        while self.token(self.at.checked_add(length)?.checked_add(1)?) == Some(&Token::Period) {
            length = length.checked_add(2)?;
        }
        let alone = self.before(1) == Some(&Token::LParen)
            && self.token(self.at.checked_add(length)?.checked_add(1)?) == Some(&Token::RParen);
        (!alone).then_some(length)
    }

    /// It refers to the relation, as a key would, but with no column.
    fn liked(&mut self, length: usize) {
        self.put([
            keyword("FOREIGN", Keyword::FOREIGN),
            keyword("KEY", Keyword::KEY),
            Token::LParen,
            name(EVERY_FIELD),
            Token::RParen,
            keyword("REFERENCES", Keyword::REFERENCES),
        ]);
        self.at = self.at.saturating_add(1);
        self.keep(length);
    }

    /// Whether `NOT NULL a` stands there as a table's constraint.
    fn is_not_null(&self) -> bool {
        if !self.words(self.at, &["not", "null"]) || !self.token(self.at.saturating_add(2)).is_some_and(is_name) {
            return false;
        }
        let named = is_word(self.before(2), "constraint");
        let lead = self.before(if named { 3 } else { 1 });
        match self.within {
            Within::Create => self.open.len() == 1 && matches!(lead, Some(Token::LParen | Token::Comma)),
            Within::Alter => self.open.is_empty() && is_word(lead, "add"),
        }
    }

    /// It is checked of each row.
    fn not_null(&mut self) {
        let Some(column) = self.token(self.at.saturating_add(2)).cloned() else { return };
        self.put([keyword("CHECK", Keyword::CHECK), Token::LParen, column]);
        self.put([
            keyword("IS", Keyword::IS),
            keyword("NOT", Keyword::NOT),
            keyword("NULL", Keyword::NULL),
            Token::RParen,
        ]);
        self.at = self.at.saturating_add(3);
    }
}
