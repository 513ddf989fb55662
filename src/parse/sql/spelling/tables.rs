//! `JSON_TABLE (…) AS t` and `XMLTABLE (…) AS t` in FROM, put into a call whose alias has their columns.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::{EVERY_FIELD, Speller, is_constant, is_name, is_word, keyword, name};

/// Words that end a column's type.
const BEHIND_TYPE: &[&str] = &[
    "default", "empty", "error", "exists", "false", "format", "keep", "not", "null", "omit", "path", "true", "unknown",
    "with", "without",
];

/// Words of which, with constants, all that stands behind a type is made.
const OPTIONS: &[&str] = &[
    "array",
    "conditional",
    "default",
    "empty",
    "encoding",
    "error",
    "exists",
    "false",
    "format",
    "json",
    "keep",
    "not",
    "null",
    "object",
    "omit",
    "on",
    "path",
    "quotes",
    "scalar",
    "string",
    "true",
    "unconditional",
    "unknown",
    "utf8",
    "with",
    "without",
    "wrapper",
];

impl Speller<'_> {
    /// At one of the two words.
    pub(super) fn table_function(&mut self, word: &str) -> bool {
        let listed = ["from", "join", "lateral"].iter().any(|word| is_word(self.before(1), word))
            || self.before(1) == Some(&Token::Comma);
        if !listed || self.peek(1) != Some(&Token::LParen) {
            return false;
        }
        self.table_columns(word).is_some()
    }

    fn table_columns(&mut self, word: &str) -> Option<()> {
        let bracket = self.bracket(self.at.checked_add(1)?)?;
        let begin = bracket.direct.iter().copied().find(|at| self.is(*at, "columns"))?;
        let (start, end) = match word {
            "json_table" => {
                let list = self.bracket(begin.checked_add(1)?)?;
                (begin.checked_add(2)?, list.end)
            }
            _ => (begin.checked_add(1)?, bracket.end),
        };
        let mut columns = Vec::new();
        self.columns_between(start, end, &mut columns)?;
        // What is left of the bracket behind the columns says what errors do.
        let rest = (end..bracket.end).skip(1);
        if !rest.clone().all(|at| self.token(at).is_some_and(is_option)) {
            return None;
        }
        let passing = bracket.direct.iter().copied().find(|at| self.is(*at, "passing"));
        let labels: Vec<usize> =
            bracket.direct.iter().copied().filter(|at| *at < begin && self.is(*at, "as")).collect();
        let by = bracket.direct.iter().copied().filter(|at| {
            let next = at.saturating_add(1);
            *at < begin && self.is(*at, "by") && (self.is(next, "ref") || self.is(next, "value"))
        });
        let by: Vec<usize> = by.collect();
        let namespaces = match bracket.direct.iter().copied().find(|at| self.is(*at, "xmlnamespaces")) {
            None => 0..0,
            Some(at) if Some(at) == self.at.checked_add(2) => self.namespaces(at)?,
            Some(_) => return None,
        };
        let labels: Vec<usize> = labels.into_iter().filter(|at| !namespaces.contains(at)).collect();
        let after = bracket.end.checked_add(1)?;
        let labelled = if self.is(after, "as") { after.checked_add(1)? } else { after };
        let alias = self.token(labelled).filter(|token| is_name(token)).cloned();
        let behind = if alias.is_some() { labelled.checked_add(1)? } else { after };
        if self.token(behind) == Some(&Token::LParen) || alias.is_none() && self.is(after, "as") {
            return None;
        }
        for at in labels.into_iter().chain(by) {
            self.changed.insert(at, Vec::new());
            self.changed.insert(at.checked_add(1)?, Vec::new());
        }
        if let Some(passing) = passing {
            self.changed.insert(passing, vec![Token::Comma]);
        }
        namespaces
            .chain(begin..bracket.end)
            .chain(after..behind)
            .for_each(|at| _ = self.changed.insert(at, Vec::new()));
        let mut called =
            vec![Token::RParen, keyword("AS", Keyword::AS), alias.unwrap_or_else(|| name(word)), Token::LParen];
        for (at, column) in columns.into_iter().enumerate() {
            called.extend((at > 0).then_some(Token::Comma));
            called.extend(column);
        }
        called.push(Token::RParen);
        self.changed.insert(bracket.end, called);
        self.replace(1, [name("pg_catalog"), Token::Period, name(word)]);
        Some(())
    }

    /// `JOIN b USING (a) AS j`: the name goes into the list, behind what is no column's.
    pub(super) fn joined_as(&mut self) -> bool {
        if self.peek(1) != Some(&Token::LParen) {
            return false;
        }
        let mut end = 2_usize;
        while self.peek(end).is_some_and(|token| is_name(token) || *token == Token::Comma) {
            end = end.saturating_add(1);
        }
        let alias = self.peek(end.saturating_add(2)).filter(|token| is_name(token)).cloned();
        let Some(alias) = alias.filter(|_| self.words(end.saturating_add(1), &["as"])) else { return false };
        if self.peek(end) != Some(&Token::RParen) || self.peek(end.saturating_add(3)) == Some(&Token::LParen) {
            return false;
        }
        self.keep(end);
        self.replace(3, [Token::Comma, name(EVERY_FIELD), Token::Period, alias, Token::RParen])
    }

    /// `RETURNING WITH (OLD AS o, NEW AS n) …`: the names stand in front of the list, each on what is no column.
    pub(super) fn named_rows(&mut self) -> bool {
        if !self.words(1, &["with"]) || self.peek(2) != Some(&Token::LParen) {
            return false;
        }
        let (mut at, mut rows) = (3_usize, Vec::new());
        loop {
            let row = ["old", "new"].into_iter().find(|row| self.words(at, &[row, "as"]));
            let alias = self.peek(at.saturating_add(2)).filter(|token| is_name(token)).cloned();
            let (Some(row), Some(alias)) = (row, alias) else { return false };
            rows.push((row, alias));
            at = at.saturating_add(4);
            match self.peek(at.saturating_sub(1)) {
                Some(Token::Comma) if rows.len() < 2 => {}
                Some(Token::RParen) => break,
                _ => return false,
            }
        }
        self.keep(1);
        for (row, alias) in rows {
            self.replace(
                0,
                [name(EVERY_FIELD), Token::Period, name(row), keyword("AS", Keyword::AS), alias, Token::Comma],
            );
        }
        self.at = self.at.saturating_add(at.saturating_sub(1));
        true
    }

    /// `XMLNAMESPACES ('http://…' AS a, DEFAULT '…'),`: the places of the tokens up to the comma.
    fn namespaces(&self, start: usize) -> Option<std::ops::Range<usize>> {
        let bracket = self.bracket(start.checked_add(1)?)?;
        let plain = |at: &usize| {
            let token = self.token(*at);
            token.is_some_and(|token| is_constant(token) || is_name(token) || *token == Token::Comma)
                || self.is(*at, "as")
                || self.is(*at, "default")
        };
        let comma = bracket.end.checked_add(1)?;
        let fits = self.token(start.checked_add(1)?) == Some(&Token::LParen)
            && (start.checked_add(2)?..bracket.end).all(|at| plain(&at))
            && self.token(comma) == Some(&Token::Comma);
        fits.then_some(start..comma.checked_add(1)?)
    }

    /// Names and types of the columns that stand there; `None` where anything else does that is not a constant.
    fn columns_between(&self, start: usize, end: usize, columns: &mut Vec<Vec<Token>>) -> Option<()> {
        let mut at = start;
        while at < end {
            let stop = self.end_of_item(at, end)?;
            if self.is(at, "nested") && !self.is(at.checked_add(1)?, "for") {
                let list = (at..stop).find(|at| self.is(*at, "columns"))?.checked_add(1)?;
                let nested = self.bracket(list)?.end;
                self.columns_between(list.checked_add(1)?, nested, columns)?;
            } else {
                columns.push(self.column(at, stop)?);
            }
            at = stop.checked_add(1)?;
        }
        Some(())
    }

    /// Where the item that begins there ends: at a comma, or with the list.
    fn end_of_item(&self, start: usize, end: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in start..end {
            match self.token(at)? {
                Token::LParen | Token::LBracket => depth = depth.checked_add(1)?,
                Token::RParen | Token::RBracket => depth = depth.checked_sub(1)?,
                Token::Comma if depth == 0 => return Some(at),
                _ => {}
            }
        }
        Some(end)
    }

    fn column(&self, start: usize, end: usize) -> Option<Vec<Token>> {
        let mut column = vec![self.token(start).filter(|token| is_name(token))?.clone()];
        let first = start.checked_add(1)?;
        if self.is(first, "for") && self.is(first.checked_add(1)?, "ordinality") && first.checked_add(2)? == end {
            column.push(keyword("INT", Keyword::INT));
            return Some(column);
        }
        let zone = |at: usize| self.is(at, "with") || self.is(at, "without");
        let ends = |at: usize| {
            BEHIND_TYPE.iter().any(|word| self.is(at, word)) && !(zone(at) && self.is(at.saturating_add(1), "time"))
        };
        let options = (first..end).find(|at| ends(*at)).unwrap_or(end);
        if options == first || !(options..end).all(|at| self.token(at).is_some_and(is_option)) {
            return None;
        }
        column.extend((first..options).filter_map(|at| self.token(at).cloned()));
        Some(column)
    }
}

fn is_option(token: &Token) -> bool {
    is_constant(token) || matches!(token, Token::Minus) || OPTIONS.iter().any(|word| is_word(Some(token), word))
}
