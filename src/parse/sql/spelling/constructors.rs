//! Brackets with a grammar of their own: XML and JSON constructors, ROWS FROM. What stands in them besides
//! expressions is left out, so that a call like any other is left.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::{EVERY_FIELD, Speller, is_constant, is_name, is_word, keyword, name};

/// A bracket: the places of the tokens that stand directly in it, and of its end.
pub(super) struct Bracket {
    pub direct: Vec<usize>,
    pub end: usize,
}

impl Speller<'_> {
    /// A word that may begin one.
    pub(super) fn constructor(&mut self, word: &str) -> bool {
        if self.peek(1) != Some(&Token::LParen) {
            return false;
        }
        let Some(bracket) = self.bracket(self.at.saturating_add(1)) else { return false };
        let first = self.at.saturating_add(2);
        match word {
            "xmlelement" | "xmlpi" => self.drop_name(first),
            "xmlattributes" | "xmlforest" => self.drop_labels(&bracket),
            // sqlparser knows DOCUMENT and CONTENT here.
            "xmlparse" => self.drop_direct(&bracket, &[&["preserve", "whitespace"], &["strip", "whitespace"]]),
            "substring" => self.similar(&bracket),
            "trim" => self.trim(first),
            // `JSON_ARRAY(SELECT …)`
            "json_array" if QUERIES.iter().any(|query| self.is(first, query)) => {
                if let Some(query) = self.token(first).cloned() {
                    self.changed.insert(first, vec![Token::LParen, query]);
                    self.changed.insert(bracket.end, vec![Token::RParen, Token::RParen]);
                }
            }
            "json_exists" | "json_query" | "json_value" => self.questioned(&bracket),
            "xmlserialize" => {
                self.drop_kind(first);
                self.drop_direct(&bracket, &[&["no", "indent"], &["indent"]]);
                return self.replace(1, [keyword("CAST", Keyword::CAST)]);
            }
            "xmlroot" => self.root(&bracket),
            "xmlexists" => {
                self.drop_direct(&bracket, &[&["by", "ref"], &["by", "value"]]);
                for at in bracket.direct {
                    if self.is(at, "passing") {
                        self.changed.insert(at, vec![Token::Comma]);
                    }
                }
            }
            _ => self.drop_direct(
                &bracket,
                &[
                    &["format", "json", "encoding", "utf8"],
                    &["format", "json"],
                    &["with", "unique", "keys"],
                    &["without", "unique", "keys"],
                    &["with", "unique"],
                    &["without", "unique"],
                ],
            ),
        }
        false
    }

    /// `SUBSTRING(a SIMILAR b ESCAPE c)`
    fn similar(&mut self, bracket: &Bracket) {
        let similar = bracket.direct.iter().any(|at| self.is(*at, "similar"));
        for at in bracket.direct.iter().copied() {
            if similar && (self.is(at, "similar") || self.is(at, "escape")) {
                self.changed.insert(at, vec![Token::Comma]);
            }
        }
    }

    /// `TRIM(LEADING FROM a)`, `TRIM(FROM a)`
    fn trim(&mut self, first: usize) {
        let sided = ["both", "leading", "trailing"].iter().any(|side| self.is(first, side));
        let from = if sided { first.saturating_add(1) } else { first };
        if self.is(from, "from") && sided {
            self.changed.insert(from, vec![Token::SingleQuotedString(" ".to_owned()), keyword("FROM", Keyword::FROM)]);
        } else if self.is(from, "from") {
            self.drop_one(from);
        }
    }

    /// What JSON_EXISTS, JSON_QUERY and JSON_VALUE are asked besides a path: values for it, and what to give otherwise.
    fn questioned(&mut self, bracket: &Bracket) {
        let passing = bracket.direct.iter().copied().find(|at| self.is(*at, "passing"));
        if let Some(passing) = passing {
            self.changed.insert(passing, vec![Token::Comma]);
        }
        for at in bracket.direct.iter().copied().filter(|at| passing.is_some_and(|passing| passing < *at)) {
            if self.is(at, "as") && self.token(at.saturating_add(1)).is_some_and(is_name) {
                self.drop_one(at);
                self.drop_one(at.saturating_add(1));
            }
        }
        for at in bracket.direct.iter().copied() {
            let otherwise = at.saturating_add(2);
            let case = self.is(otherwise, "on")
                && (self.is(otherwise.saturating_add(1), "empty") || self.is(otherwise.saturating_add(1), "error"));
            if self.is(at, "default") && self.token(at.saturating_add(1)).is_some_and(is_constant) && case {
                (at..at.saturating_add(4)).for_each(|at| self.drop_one(at));
            }
        }
        self.drop_direct(bracket, ANSWERS);
    }

    /// `ROWS FROM (f(…), g(…) AS (a int)) x` is `LATERAL (SELECT f(…), g(…)) x`.
    pub(super) fn rows_from(&mut self) -> bool {
        let listed = ["from", "join", "lateral"].iter().any(|word| is_word(self.before(1), word))
            || self.before(1) == Some(&Token::Comma);
        if !listed || !self.words(1, &["from"]) || self.peek(2) != Some(&Token::LParen) {
            return false;
        }
        let Some(bracket) = self.bracket(self.at.saturating_add(2)) else { return false };
        let Some((alias, definitions, ends)) = self.functions(self.at.saturating_add(3), bracket.end) else {
            return false;
        };
        definitions.into_iter().for_each(|at| self.drop_one(at));
        for end in ends {
            // How many columns it gives is not certain.
            self.changed.insert(end, vec![Token::RParen, keyword("AS", Keyword::AS), name(EVERY_FIELD)]);
        }
        let mut after = bracket.end.saturating_add(1);
        if self.is(after, "with") && self.is(after.saturating_add(1), "ordinality") {
            (after..after.saturating_add(2)).for_each(|at| self.drop_one(at));
            after = after.saturating_add(2);
        }
        if !self.is(after, "as") && !self.token(after).is_some_and(is_name) {
            // It is called as its first function is.
            self.changed.insert(bracket.end, vec![Token::RParen, keyword("AS", Keyword::AS), name(&alias)]);
        }
        if !is_word(self.before(1), "lateral") {
            self.replace(0, [keyword("LATERAL", Keyword::LATERAL)]);
        }
        self.replace(3, [Token::LParen, keyword("SELECT", Keyword::SELECT)])
    }

    /// The list in ROWS FROM: the name of the first function, the places of all definitions of columns, and where each
    /// call ends. There is nothing else in it, so that no column is taken for the word ROWS.
    fn functions(&self, start: usize, end: usize) -> Option<(String, Vec<usize>, Vec<usize>)> {
        let (mut at, mut first, mut definitions, mut ends) = (start, None, Vec::new(), Vec::new());
        loop {
            let length = self.name(at.checked_sub(self.at)?);
            let opens = at.checked_add(length)?;
            let Some(Token::Word(function)) = self.token(opens.checked_sub(1)?) else { return None };
            if length == 0 || self.token(opens) != Some(&Token::LParen) {
                return None;
            }
            first.get_or_insert_with(|| match function.quote_style {
                Some(_) => function.value.clone(),
                None => function.value.to_ascii_lowercase(),
            });
            let closes = self.bracket(opens)?.end;
            ends.push(closes);
            at = closes.checked_add(1)?;
            if self.is(at, "as") && self.token(at.checked_add(1)?) == Some(&Token::LParen) {
                let columns = self.bracket(at.checked_add(1)?)?.end;
                definitions.extend(at..=columns);
                at = columns.checked_add(1)?;
            }
            if at == end {
                return Some((first?, definitions, ends));
            }
            if self.token(at) != Some(&Token::Comma) {
                return None;
            }
            at = at.checked_add(1)?;
        }
    }

    /// `FROM f(…) AS (a int, b text)`: the alias is the function's name.
    pub(super) fn column_definitions(&mut self) -> bool {
        let defines = match (self.peek(1), self.peek(2), self.peek(3)) {
            (Some(Token::LParen), Some(column @ Token::Word(_)), Some(Token::Word(_))) => {
                !QUERIES.iter().any(|word| is_word(Some(column), word))
            }
            _ => false,
        };
        if !defines || self.before(1) != Some(&Token::RParen) {
            return false;
        }
        let (mut depth, mut back) = (1_usize, 1_usize);
        while depth > 0 {
            back = back.saturating_add(1);
            match self.before(back) {
                Some(Token::RParen) => depth = depth.saturating_add(1),
                Some(Token::LParen) => depth = depth.saturating_sub(1),
                Some(_) => {}
                None => return false,
            }
        }
        let alias = match self.before(back.saturating_add(1)) {
            Some(Token::Word(word)) if word.quote_style.is_some() => word.value.clone(),
            Some(Token::Word(word)) => word.value.to_ascii_lowercase(),
            _ => return false,
        };
        let begins = self.before(back.saturating_add(2));
        let listed = ["from", "join", "lateral"].iter().any(|word| is_word(begins, word));
        if !listed && !matches!(begins, Some(Token::Comma | Token::LParen | Token::Period)) {
            return false;
        }
        self.keep(1);
        self.replace(0, [name(&alias)])
    }

    /// `SEARCH … SET a` and `CYCLE … SET a USING b` behind a CTE add columns made of what the CTE gives: another one without
    /// a name says so.
    pub(super) fn recursion(&mut self) -> bool {
        if self.before(1) != Some(&Token::RParen) {
            return false;
        }
        let Some(first) = self.added_columns(0) else { return false };
        // A CTE may have both.
        let length = if self.words(first, &["cycle"]) { self.added_columns(first) } else { Some(first) };
        let Some(length) = length else { return false };
        let query = [Token::LParen, keyword("SELECT", Keyword::SELECT), keyword("NULL", Keyword::NULL), Token::RParen];
        self.replace(0, [Token::Comma, name(EVERY_FIELD), keyword("AS", Keyword::AS)]);
        self.replace(length, query)
    }

    /// Where one of the two that begins there ends.
    fn added_columns(&self, start: usize) -> Option<usize> {
        let mut length = start.saturating_add(1);
        let search = self.words(length, &["depth", "first", "by"]) || self.words(length, &["breadth", "first", "by"]);
        if search {
            length = length.saturating_add(3);
        }
        let listed = length;
        while self.peek(length).is_some_and(is_name) && !self.words(length, &["set"])
            || self.peek(length) == Some(&Token::Comma)
        {
            length = length.saturating_add(1);
        }
        if length == listed
            || !self.words(length, &["set"])
            || !self.peek(length.saturating_add(1)).is_some_and(is_name)
        {
            return None;
        }
        length = length.saturating_add(2);
        if !search {
            // TO constant DEFAULT constant
            let values = [length.saturating_add(1), length.saturating_add(3)];
            if self.words(length, &["to"])
                && self.words(length.saturating_add(2), &["default"])
                && values.iter().all(|at| {
                    self.peek(*at).is_some_and(is_constant) || self.words(*at, &["true"]) || self.words(*at, &["false"])
                })
            {
                length = length.saturating_add(4);
            }
            if !self.words(length, &["using"]) || !self.peek(length.saturating_add(1)).is_some_and(is_name) {
                return None;
            }
            length = length.saturating_add(2);
        }
        Some(length)
    }

    /// `NAME a,`
    fn drop_name(&mut self, first: usize) {
        let label = first.saturating_add(1);
        let after = label.saturating_add(1);
        if !self.is(first, "name") || !matches!(self.token(label), Some(Token::Word(_))) {
            return;
        }
        match self.token(after) {
            Some(Token::Comma) => (first..=after).for_each(|at| self.drop_one(at)),
            Some(Token::RParen) => (first..after).for_each(|at| self.drop_one(at)),
            _ => {}
        }
    }

    /// `a AS b`
    fn drop_labels(&mut self, bracket: &Bracket) {
        for at in &bracket.direct {
            let label = at.saturating_add(1);
            let ends = matches!(self.token(label.saturating_add(1)), Some(Token::Comma | Token::RParen));
            if self.is(*at, "as") && ends && matches!(self.token(label), Some(Token::Word(_))) {
                self.drop_one(*at);
                self.drop_one(label);
            }
        }
    }

    /// `DOCUMENT` or `CONTENT`, where a value follows.
    fn drop_kind(&mut self, first: usize) {
        if self.is(first, "document") || self.is(first, "content") {
            self.drop_one(first);
        }
    }

    /// `, VERSION '1.0', STANDALONE NO VALUE`
    fn root(&mut self, bracket: &Bracket) {
        for at in &bracket.direct {
            let (before, after) = (at.checked_sub(1), at.saturating_add(1));
            let listed = before.filter(|before| self.token(*before) == Some(&Token::Comma));
            let Some(comma) = listed else { continue };
            let absent = self.is(after, "no") && self.is(after.saturating_add(1), "value");
            if self.is(*at, "version") && !absent {
                self.drop_one(*at);
            } else if self.is(*at, "version") || self.is(*at, "standalone") {
                let words = if absent { 3 } else { 2 };
                (comma..at.saturating_add(words)).for_each(|at| self.drop_one(at));
            }
        }
    }

    fn drop_direct(&mut self, bracket: &Bracket, phrases: &[&[&str]]) {
        let mut taken = 0_usize;
        for at in &bracket.direct {
            let fits = |phrase: &&&[&str]| {
                phrase.iter().enumerate().all(|(place, word)| self.is(at.saturating_add(place), word))
            };
            // A phrase that begins the bracket would be a column's name.
            let value = at.checked_sub(1).and_then(|before| self.token(before));
            let follows = !matches!(value, Some(Token::LParen | Token::Comma | Token::Period | Token::Colon));
            if let (true, true, Some(phrase)) = (*at >= taken, follows, phrases.iter().find(fits)) {
                taken = at.saturating_add(phrase.len());
                (*at..taken).for_each(|at| self.drop_one(at));
            }
        }
    }

    fn drop_one(&mut self, at: usize) {
        self.changed.insert(at, Vec::new());
    }

    pub(super) fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|token| &token.token)
    }

    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        is_word(self.token(at), word)
    }

    /// The bracket that opens there.
    pub(super) fn bracket(&self, open: usize) -> Option<Bracket> {
        let (mut depth, mut direct) = (0_usize, Vec::new());
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.token {
                Token::LParen | Token::LBracket => depth = depth.saturating_add(1),
                Token::RParen | Token::RBracket => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(Bracket { direct, end: at });
                    }
                }
                _ if depth == 1 => direct.push(at),
                _ => {}
            }
        }
        None
    }
}

/// How JSON_EXISTS, JSON_QUERY and JSON_VALUE give what they find.
const ANSWERS: &[&[&str]] = &[
    &["format", "json"],
    &["with", "conditional", "array", "wrapper"],
    &["with", "unconditional", "array", "wrapper"],
    &["with", "conditional", "wrapper"],
    &["with", "unconditional", "wrapper"],
    &["with", "array", "wrapper"],
    &["without", "array", "wrapper"],
    &["with", "wrapper"],
    &["without", "wrapper"],
    &["keep", "quotes", "on", "scalar", "string"],
    &["omit", "quotes", "on", "scalar", "string"],
    &["keep", "quotes"],
    &["omit", "quotes"],
    &["empty", "array", "on", "empty"],
    &["empty", "array", "on", "error"],
    &["empty", "object", "on", "empty"],
    &["empty", "object", "on", "error"],
    &["empty", "on", "empty"],
    &["empty", "on", "error"],
    &["error", "on", "empty"],
    &["error", "on", "error"],
    &["false", "on", "error"],
    &["null", "on", "empty"],
    &["null", "on", "error"],
    &["true", "on", "error"],
    &["unknown", "on", "error"],
];

/// What a query in parentheses begins with.
const QUERIES: &[&str] = &["delete", "insert", "merge", "select", "table", "update", "values", "with"];
