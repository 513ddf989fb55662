//! Words that say nothing that is told, or stand for others.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{STATEMENTS, Speller, is_word, keyword, name};

impl Speller<'_> {
    /// Words that are left out or stand for others, because of those around them.
    pub(super) fn phrase(&mut self, word: &str) -> bool {
        match word {
            "overriding" if self.words(1, &["system", "value"]) || self.words(1, &["user", "value"]) => {
                self.replace(3, [])
            }
            // The row of a cursor is one of the target: a condition without columns.
            "current" if self.words(1, &["of"]) && is_word(self.before(1), "where") => {
                self.replace(3, [keyword("NULL", Keyword::NULL)])
            }
            "for" if self.words(1, &["no", "key", "update"]) => {
                self.keep(1);
                self.replace(2, [])
            }
            "for" if self.words(1, &["key", "share"]) => {
                self.keep(1);
                self.replace(1, [])
            }
            // In the session's own time zone.
            "at" if self.words(1, &["local"]) && self.is_behind_operand() => self.replace(
                2,
                [
                    keyword("AT", Keyword::AT),
                    keyword("TIME", Keyword::TIME),
                    keyword("ZONE", Keyword::ZONE),
                    Token::SingleQuotedString("local".to_owned()),
                ],
            ),
            // Which of the two bounds is the lower one is for the server to see.
            "symmetric" | "asymmetric" if is_word(self.before(1), "between") => self.replace(1, []),
            "document" if is_word(self.before(1), "is") || self.is_negated() => {
                self.replace(1, [keyword("JSON", Keyword::JSON)])
            }
            "all" if is_word(self.before(1), "like") || is_word(self.before(1), "ilike") => {
                self.replace(1, [keyword("ANY", Keyword::ANY)])
            }
            "all" | "distinct" if is_word(self.before(1), "by") && is_word(self.before(2), "group") => {
                self.replace(1, [])
            }
            // Elsewhere no limit, and here a name.
            "repeatable" if self.before(1) == Some(&Token::RParen) => self.seed(),
            "top" if ["select", "distinct", "all"].iter().any(|word| is_word(self.before(1), word)) => {
                self.replace(1, [name("top")])
            }
            "default" if self.words(1, &["values"]) && is_word(self.before(1), "insert") => self.replace(
                2,
                [
                    keyword("VALUES", Keyword::VALUES),
                    Token::LParen,
                    keyword("DEFAULT", Keyword::DEFAULT),
                    Token::RParen,
                ],
            ),
            "analyse" if is_word(self.before(1), "explain") => self.replace(1, [keyword("ANALYZE", Keyword::ANALYZE)]),
            "collation" if self.words(1, &["for"]) && self.peek(2) == Some(&Token::LParen) => {
                self.replace(2, [name("pg_catalog"), Token::Period, name("pg_collation_for")])
            }
            "current_schema" | "current_user" | "session_user"
                if is_word(self.before(1), "from") || is_word(self.before(1), "join") =>
            {
                self.asked_for_rows(word)
            }
            _ => false,
        }
    }

    /// What stands for a value by its name alone is a function where rows come from: one of `pg_catalog` has that name.
    /// Called, it is whatever function the path leads to.
    fn asked_for_rows(&mut self, word: &str) -> bool {
        if self.peek(1) == Some(&Token::LParen) {
            return self.replace(1, [name(word)]);
        }
        self.replace(1, [name("pg_catalog"), Token::Period, name(word), Token::LParen, Token::RParen])
    }

    /// Whether the `*` says that rows of what inherits are meant as well, as they are without it. What follows begins no
    /// operand, so nothing is multiplied: `a IS DISTINCT FROM b * c`.
    pub(super) fn is_inherited(&self) -> bool {
        let mut back = 1_usize;
        while self.before(back.saturating_add(1)) == Some(&Token::Period) {
            back = back.saturating_add(2);
        }
        if !matches!(self.before(1), Some(Token::Word(_))) {
            return false;
        }
        let leads = self.before(back.saturating_add(1));
        let ends = match self.peek(1) {
            None | Some(Token::RParen | Token::Comma) => true,
            follows => BEHIND_RELATION.iter().any(|word| is_word(follows, word)),
        };
        let aliased = matches!(self.peek(1), Some(Token::Word(_)));
        (ends || aliased && self.is_clause(back.saturating_add(1))) && is_word(leads, "from")
            || (ends || aliased) && is_word(leads, "join")
            || is_word(leads, "update") && self.is_set()
    }

    /// Whether SET stands behind the `*`, with a name between them or not.
    fn is_set(&self) -> bool {
        let aliased = matches!(self.peek(1), Some(Token::Word(_))) && self.words(2, &["set"]);
        self.words(1, &["set"]) || aliased || self.words(1, &["as"]) && self.words(3, &["set"])
    }

    /// Whether the FROM that many places back is that of a statement or a query, behind which only a relation can stand:
    /// not that of `IS DISTINCT FROM`, nor that of `extract (day FROM …)` and the like, whose bracket begins with no query.
    fn is_clause(&self, back: usize) -> bool {
        let Some(from) = self.at.checked_sub(back) else { return false };
        let before = self.tokens.get(..from).unwrap_or_default();
        if is_word(before.last().map(|token| &token.token), "distinct") || before.len() > FARTHEST {
            return false;
        }
        let mut depth = 0_usize;
        for (at, TokenWithSpan { token, .. }) in before.iter().enumerate().rev() {
            match token {
                Token::RParen | Token::RBracket => depth = depth.saturating_add(1),
                Token::LParen | Token::LBracket if depth > 0 => depth = depth.saturating_sub(1),
                Token::LParen | Token::LBracket => {
                    let first = before.get(at.saturating_add(1)).map(|token| &token.token);
                    return is_word(first, "select") || is_word(first, "with");
                }
                _ => {}
            }
        }
        STATEMENTS.iter().any(|word| is_word(before.first().map(|token| &token.token), word))
    }

    /// `REPEATABLE (1 + 1)`: which rows a sample has is the server's to compute, of numbers alone. The operators stand for
    /// the number that it is, since somebody's may be meant.
    fn seed(&mut self) -> bool {
        let mut end = 2_usize;
        let mut operators = String::new();
        while let Some(token) = self.peek(end) {
            match token {
                Token::Number(..) => {}
                Token::Plus => operators.push('+'),
                Token::Minus => operators.push('-'),
                Token::Mul => operators.push('*'),
                Token::Div => operators.push('/'),
                _ => break,
            }
            end = end.saturating_add(1);
        }
        if self.peek(1) != Some(&Token::LParen) || operators.is_empty() || self.peek(end) != Some(&Token::RParen) {
            return false;
        }
        self.keep(2);
        self.replace(end.saturating_sub(2), [Token::Number(operators, false)])
    }
}

/// How far into a statement a `*` with a name behind it is looked at: what stands before is gone through for each.
const FARTHEST: usize = 1_000;

/// Reserved words that may stand behind a relation, and never before an operand.
const BEHIND_RELATION: &[&str] = &[
    "as",
    "except",
    "fetch",
    "for",
    "group",
    "having",
    "intersect",
    "limit",
    "offset",
    "on",
    "order",
    "returning",
    "union",
    "using",
    "where",
    "window",
];
