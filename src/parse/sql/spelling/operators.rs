//! Operators with their schema in front, where sqlparser knows only bare ones.

use sqlparser::tokenizer::Token;

use super::{Speller, is_name, is_word};

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
}
