//! Operators with their schema in front, where sqlparser knows only bare ones, and collations.

use sqlparser::tokenizer::Token;

use super::super::walk::is_reserved;
use super::{Speller, is_name, is_word};

/// Tokens of a type's name and of what stands before its length.
const LONGEST_TYPE: usize = 8;

impl Speller<'_> {
    /// `WHERE a OPERATOR(pg_catalog.=) ANY (…)` is `WHERE a = ANY (…)`. Beside other operators these two bind differently.
    pub(super) fn compared_with_each(&mut self) -> bool {
        let mut back = 1_usize;
        while matches!(self.before(back), Some(Token::Period)) || self.before(back).is_some_and(is_name) {
            back = back.saturating_add(1);
        }
        let alone = self.before(back) == Some(&Token::LParen)
            || ["and", "on", "or", "where"].iter().any(|word| is_word(self.before(back), word));
        let named = self.peek(1) == Some(&Token::LParen)
            && self.words(2, &["pg_catalog"])
            && self.peek(3) == Some(&Token::Period)
            && self.peek(5) == Some(&Token::RParen);
        let each = ["all", "any", "some"].iter().any(|word| is_word(self.peek(6), word));
        match self.peek(4).cloned() {
            Some(operator @ (Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq))
                if back > 1 && alone && named && each && self.peek(7) == Some(&Token::LParen) =>
            {
                self.replace(6, [operator])
            }
            _ => false,
        }
    }

    /// How far back a type's name ends that may have modifiers: `numeric(4, 2)`. `None` where what is there are none.
    fn behind_modifiers(&self) -> Option<usize> {
        if self.before(1) != Some(&Token::RParen) {
            return Some(1);
        }
        let mut back = 2_usize;
        while matches!(self.before(back), Some(Token::Number(..) | Token::Comma)) {
            back = back.saturating_add(1);
        }
        (self.before(back) == Some(&Token::LParen)).then(|| back.saturating_add(1))
    }

    /// `a::text COLLATE "C"`: a collation changes how values are compared, not which.
    pub(super) fn collate_after_cast(&mut self) -> bool {
        let Some(mut back) = self.behind_modifiers() else { return false };
        let typed = back;
        while matches!(self.before(back), Some(Token::Word(_) | Token::Period)) && back < LONGEST_TYPE {
            back = back.saturating_add(1);
        }
        let length = self.name(1);
        let named = match self.peek(1) {
            Some(Token::Word(word)) => word.quote_style.is_some() || !is_reserved(&word.value.to_ascii_lowercase()),
            _ => false,
        };
        if back == typed || self.before(back) != Some(&Token::DoubleColon) || !named || length == 0 {
            return false;
        }
        self.replace(length.saturating_add(1), [])
    }

    /// `::int4 ARRAY[4]` and `CAST(… AS int4 ARRAY)` are `int4[]`.
    pub(super) fn array_type(&mut self) -> bool {
        let Some(mut back) = self.behind_modifiers() else { return false };
        if !self.before(back).is_some_and(is_name) {
            return false;
        }
        back = back.saturating_add(1);
        if self.before(back) == Some(&Token::Period) {
            back = back.saturating_add(2);
        }
        let bounded = self.peek(1) == Some(&Token::LBracket);
        let length = if bounded { 4 } else { 1 };
        if bounded && !(matches!(self.peek(2), Some(Token::Number(..))) && self.peek(3) == Some(&Token::RBracket)) {
            return false;
        }
        let cast = is_word(self.before(back), "as") && self.peek(length) == Some(&Token::RParen);
        if !cast && self.before(back) != Some(&Token::DoubleColon) {
            return false;
        }
        self.replace(length, [Token::LBracket, Token::RBracket])
    }
}
