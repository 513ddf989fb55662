//! CREATE: where and how an object is kept says nothing about what it is.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{constraints, is_constant, is_name, is_word, keyword};

/// A definition without the options that sqlparser does not know, and with the query in it put into words that it
/// does.
pub(super) fn respell(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut definition = Definition { tokens };
    let Some(kind) = (1..KINDS_WITHIN).find_map(|at| KINDS.iter().find(|kind| definition.is(at, kind))) else {
        return definition.tokens;
    };
    match *kind {
        "table" => {
            definition.partition();
            definition.relation(kind);
        }
        "view" => {
            definition.recursive();
            definition.relation(kind);
        }
        "materialized" => definition.relation(kind),
        "index" => definition.index(),
        "trigger" => definition.trigger(),
        "domain" => definition.domain(),
        _ => definition.function(),
    }
    definition.tokens
}

/// What stands in front of them: OR REPLACE, UNIQUE, TEMPORARY….
const KINDS_WITHIN: usize = 6;

const KINDS: &[&str] = &["domain", "function", "index", "materialized", "table", "trigger", "view"];

/// What may stand behind the name of a column that has its type from elsewhere.
const OF_COLUMN: &[&str] = &[
    "check",
    "collate",
    "constraint",
    "default",
    "deferrable",
    "generated",
    "not",
    "null",
    "primary",
    "references",
    "unique",
];

const QUERIES: &[&str] = &["select", "table", "values", "with"];

struct Definition {
    tokens: Vec<TokenWithSpan>,
}

impl Definition {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|token| &token.token)
    }

    fn is(&self, at: usize, word: &str) -> bool {
        is_word(self.token(at), word)
    }

    fn words(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(place, word)| self.is(at.saturating_add(place), word))
    }

    fn ends_with(&mut self, words: &[&str]) -> bool {
        let start = self.tokens.len().checked_sub(words.len());
        let ends = start.filter(|start| self.words(*start, words));
        if let Some(start) = ends {
            self.tokens.truncate(start);
        }
        ends.is_some()
    }

    /// How deep in brackets each token stands.
    fn depths(&self) -> Vec<usize> {
        let mut depth = 0_usize;
        let mut depths = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            match token.token {
                Token::LParen | Token::LBracket => {
                    depths.push(depth);
                    depth = depth.saturating_add(1);
                }
                Token::RParen | Token::RBracket => {
                    depth = depth.saturating_sub(1);
                    depths.push(depth);
                }
                _ => depths.push(depth),
            }
        }
        depths
    }

    /// Leaves out what `length` finds, which is told how deep it stands.
    fn leave_out(&mut self, length: impl Fn(&Self, usize, usize) -> usize) {
        let depths = self.depths();
        let mut kept = Vec::with_capacity(self.tokens.len());
        let mut at = 0_usize;
        while let (Some(token), Some(depth)) = (self.tokens.get(at), depths.get(at)) {
            let out = length(self, at, *depth);
            if out == 0 {
                kept.push(token.clone());
            }
            at = at.saturating_add(out.max(1));
        }
        self.tokens = kept;
    }

    /// Tables and views, with a query or without.
    fn relation(&mut self, kind: &str) {
        let (table, view) = (kind == "table", kind == "view");
        let _ = self.ends_with(&["with", "no", "data"])
            || self.ends_with(&["with", "data"])
            || self.ends_with(&["with", "check", "option"])
            || self.ends_with(&["with", "cascaded", "check", "option"])
            || self.ends_with(&["with", "local", "check", "option"]);
        let depths = self.depths();
        let query = (0..self.tokens.len()).find(|at| {
            let begins = at.saturating_add(1);
            let opens = self.token(begins) == Some(&Token::LParen) || QUERIES.iter().any(|word| self.is(begins, word));
            depths.get(*at) == Some(&0) && self.is(*at, "as") && opens
        });
        let tail = query.map(|at| self.tokens.split_off(at));
        self.leave_out(|definition, at, depth| definition.storage(at, depth, view));
        if table {
            self.tokens = constraints::respell(std::mem::take(&mut self.tokens), constraints::Within::Create);
        }
        if let Some(mut tail) = tail {
            if table {
                self.leave_out_columns();
            }
            let query = tail.split_off(tail.len().min(1));
            self.tokens.extend(tail);
            self.tokens.extend(super::respell(query));
        }
    }

    /// A column of a partition has its parent's type, which no option says, and a partition's key is the same in every order.
    fn partition(&mut self) {
        let depths = self.depths();
        let opens = |at: usize| self.token(at) == Some(&Token::LParen) && depths.get(at) == Some(&0);
        let list = (0..self.tokens.len()).find(|at| self.words(*at, &["partition", "of"])).and_then(|of| {
            let name = of.saturating_add(2);
            Some(name.saturating_add(self.named(name.checked_sub(1)?)).saturating_sub(1)).filter(|at| opens(*at))
        });
        let key = (0..self.tokens.len())
            .find(|at| depths.get(*at) == Some(&0) && self.words(*at, &["partition", "by"]))
            .and_then(|by| by.checked_add(3))
            .filter(|at| opens(*at));
        if let Some(key) = key {
            self.leave_out(|definition, at, depth| if at > key && depth == 1 { definition.ordered(at) } else { 0 });
        }
        if let Some(list) = list {
            self.typed(list.saturating_add(1));
        }
    }

    /// How many tokens there are a collation or an operator class.
    fn ordered(&self, at: usize) -> usize {
        let operand = match at.checked_sub(1).and_then(|before| self.token(before)) {
            Some(Token::RParen) => true,
            Some(before) => is_name(before),
            None => false,
        };
        match () {
            () if self.is(at, "collate") => self.named(at),
            () if operand && self.token(at).is_some_and(is_name) => self.named(at.saturating_sub(1)).saturating_sub(1),
            () => 0,
        }
    }

    /// Gives a type to the columns in the list that begins there.
    fn typed(&mut self, begin: usize) {
        let (mut depth, mut at, mut item) = (0_usize, begin, true);
        while let Some(token) = self.token(at) {
            let named = item && is_name(token);
            match token {
                Token::LParen => depth = depth.saturating_add(1),
                Token::RParen if depth == 0 => return,
                Token::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            item = depth == 0 && *token == Token::Comma;
            at = at.saturating_add(1);
            if named && self.words(at, &["with", "options"]) {
                self.tokens.drain(at..at.saturating_add(2));
            }
            let Some(span) = self.tokens.get(at).map(|token| token.span) else { return };
            if named && OF_COLUMN.iter().any(|word| self.is(at, word)) {
                self.tokens.insert(at, TokenWithSpan::new(keyword("INT", Keyword::INT), span));
            }
        }
    }

    /// `CREATE RECURSIVE VIEW v (a) AS …` is `CREATE VIEW v (a) AS WITH RECURSIVE v (a) AS (…) SELECT a FROM v`.
    fn recursive(&mut self) {
        let Some(at) = (1..KINDS_WITHIN).find(|at| self.words(*at, &["recursive", "view"])) else { return };
        let (name, opens) = (at.saturating_add(2), at.saturating_add(3));
        let mut closes = opens;
        while self.token(closes).is_some_and(|token| *token != Token::RParen) {
            closes = closes.saturating_add(1);
        }
        let (before, query) = (closes.saturating_add(1), closes.saturating_add(2));
        let (Some(view), Some(columns)) = (self.tokens.get(name..=closes), self.tokens.get(opens..=closes)) else {
            return;
        };
        let Some(span) = self.tokens.get(query).map(|token| token.span) else { return };
        let lists = columns.iter().all(|column| {
            is_name(&column.token) || matches!(column.token, Token::LParen | Token::RParen | Token::Comma)
        });
        if self.token(opens) != Some(&Token::LParen) || !lists || !self.is(before, "as") {
            return;
        }
        let put = |token: Token| TokenWithSpan::new(token, span);
        let listed = columns.get(1..columns.len().saturating_sub(1)).unwrap_or_default();
        let mut behind = vec![put(Token::RParen), put(keyword("SELECT", Keyword::SELECT))];
        behind.extend(listed.iter().cloned());
        behind.push(put(keyword("FROM", Keyword::FROM)));
        behind.extend(view.first().cloned());
        let mut with = vec![put(keyword("WITH", Keyword::WITH)), put(keyword("RECURSIVE", Keyword::RECURSIVE))];
        with.extend(view.iter().cloned());
        with.extend([put(keyword("AS", Keyword::AS)), put(Token::LParen)]);
        self.tokens.splice(query..query, with);
        self.tokens.extend(behind);
        self.tokens.remove(at);
    }

    /// How many tokens there say how a relation is kept.
    fn storage(&self, at: usize, depth: usize, view: bool) -> usize {
        let next = at.saturating_add(1);
        let named = self.token(next).is_some_and(is_name);
        let before = at.checked_sub(1).and_then(|before| self.token(before));
        let begins = matches!(before, None | Some(Token::LParen | Token::Comma | Token::Period));
        let any_word = matches!(self.token(next), Some(Token::Word(_)));
        let option = depth == 0 && named && (self.is(at, "tablespace") || !view && self.is(at, "using"))
            || depth == 1 && named && (self.is(at, "compression") || self.is(at, "storage"))
            || depth == 1 && any_word && (self.is(at, "including") || self.is(at, "excluding"));
        // At the beginning it is a name.
        match () {
            () if begins => 0,
            () if option => 2,
            // FOR VALUES WITH (MODULUS …)
            () if depth == 0 && self.is(at, "with") && !is_word(before, "values") => self.options(next),
            () => 0,
        }
    }

    /// How many tokens a word and the options behind it are, which compute nothing.
    fn options(&self, opens: usize) -> usize {
        let plain = |token: &Token| {
            matches!(token, Token::Word(_) | Token::Comma | Token::Eq | Token::Period | Token::Minus)
                || is_constant(token) && !matches!(token, Token::Placeholder(_))
        };
        let mut end = opens.saturating_add(1);
        while self.token(end).is_some_and(plain) {
            end = end.saturating_add(1);
        }
        let whole = self.token(opens) == Some(&Token::LParen) && self.token(end) == Some(&Token::RParen);
        if whole { end.saturating_add(2).saturating_sub(opens) } else { 0 }
    }

    /// `CREATE TABLE t (a, b) AS …` gives its columns other names.
    fn leave_out_columns(&mut self) {
        let Some((TokenWithSpan { token: Token::RParen, .. }, before)) = self.tokens.split_last() else { return };
        let plain = |token: &TokenWithSpan| is_name(&token.token) || token.token == Token::Comma;
        let Some(opens) = before.iter().rposition(|token| !plain(token)) else { return };
        let named = opens.checked_sub(1).and_then(|at| self.token(at)).is_some_and(is_name);
        if named && self.token(opens) == Some(&Token::LParen) {
            self.tokens.truncate(opens);
        }
    }

    fn index(&mut self) {
        self.leave_out(|definition, at, depth| {
            let next = at.saturating_add(1);
            let named = depth == 0 && definition.token(next).is_some_and(is_name);
            let after_on = at.checked_sub(1).is_some_and(|before| definition.is(before, "on"));
            match () {
                () if named && after_on && definition.is(at, "only") => 1,
                () if named && !after_on && definition.is(at, "tablespace") => 2,
                () => 0,
            }
        });
        self.tokens = super::spell(std::mem::take(&mut self.tokens));
    }

    /// What a trigger tells its function.
    fn trigger(&mut self) {
        let called = (0..self.tokens.len())
            .find(|at| self.words(*at, &["execute", "function"]) || self.words(*at, &["execute", "procedure"]));
        let Some(opens) = called
            .and_then(|at| (at..self.tokens.len()).find(|at| self.token(*at) == Some(&Token::LParen)))
            .and_then(|at| at.checked_add(1))
        else {
            return;
        };
        let Some(closes) = self.tokens.len().checked_sub(1).filter(|last| *last > opens) else { return };
        let plain = |token: &TokenWithSpan| {
            matches!(token.token, Token::Word(_) | Token::Comma)
                || is_constant(&token.token) && !matches!(token.token, Token::Placeholder(_))
        };
        let arguments = self.tokens.get(opens..closes).unwrap_or_default();
        if self.token(closes) == Some(&Token::RParen) && arguments.iter().all(plain) {
            self.tokens.drain(opens..closes);
        }
    }

    /// AS may be left out, and that it is not NULL is no expression.
    fn domain(&mut self) {
        let mut named = 3_usize;
        while self.token(named) == Some(&Token::Period) {
            named = named.saturating_add(2);
        }
        if let (true, Some(token)) = (!self.is(named, "as"), self.tokens.get(named)) {
            let token = TokenWithSpan::new(keyword("AS", Keyword::AS), token.span);
            self.tokens.insert(named, token);
        }
        let checks = |at: usize| ["check", "default"].iter().any(|word| self.is(at, word));
        let first = (0..self.tokens.len()).find(|at| checks(*at)).unwrap_or(self.tokens.len());
        let checked = |at: usize| at > first;
        self.leave_out(|definition, at, depth| {
            let constant = at.checked_sub(1).is_some_and(|before| definition.is(before, "default"));
            match () {
                () if depth > 0 || constant => 0,
                () if definition.is(at, "collate") && !checked(at) => definition.named(at),
                () if definition.words(at, &["not", "null"]) => 2,
                () if definition.is(at, "null") => 1,
                () => 0,
            }
        });
    }

    /// A word and the name behind it, qualified or not: how many tokens they are.
    fn named(&self, at: usize) -> usize {
        let mut length = 2_usize;
        while self.token(at.saturating_add(length)) == Some(&Token::Period) {
            length = length.saturating_add(2);
        }
        length
    }

    /// What the planner is told about a function; and the mode of an argument stands before its name.
    fn function(&mut self) {
        let depths = self.depths();
        for mode in 1..self.tokens.len() {
            let begins =
                matches!(mode.checked_sub(2).and_then(|before| self.token(before)), Some(Token::LParen | Token::Comma));
            let named = mode.checked_sub(1).and_then(|named| self.token(named)).is_some_and(is_name);
            let typed = matches!(self.token(mode.saturating_add(1)), Some(Token::Word(_)));
            let moves = ["in", "out", "inout", "variadic"].iter().any(|word| self.is(mode, word));
            if begins && named && typed && moves && depths.get(mode) == Some(&1) {
                self.tokens.swap(mode.saturating_sub(1), mode);
            }
        }
        self.leave_out(|definition, at, depth| {
            let number = matches!(definition.token(at.saturating_add(1)), Some(Token::Number(..)));
            match () {
                () if depth > 0 => 0,
                () if number && (definition.is(at, "cost") || definition.is(at, "rows")) => 2,
                () if definition.words(at, &["not", "leakproof"]) => 2,
                () if definition.is(at, "leakproof") => 1,
                () => 0,
            }
        });
    }
}
