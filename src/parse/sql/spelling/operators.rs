//! Operators with their schema in front, or before ANY, where sqlparser knows only bare ones and comparisons, and collations.

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

    /// `a % ANY (b)` asks the operator of what `b` has, as `a % (b)` asks it of `b`: it has the same operands. sqlparser knows
    /// that of comparisons.
    pub(super) fn asked_of_each(&mut self) -> bool {
        let last = self.spelled.last().map(|token| &token.token);
        let operator = match last {
            // `OPERATOR(public.%)`
            Some(Token::RParen) => {
                let mut back = 3_usize;
                while matches!(self.before(back), Some(Token::Word(_) | Token::Period)) {
                    back = back.saturating_add(1);
                }
                let named = is_word(self.before(back.saturating_add(1)), "operator");
                self.before(2).filter(|_| named && self.before(back) == Some(&Token::LParen))
            }
            last => last,
        };
        let asks =
            operator.is_some_and(|token| OPERATORS.contains(token) || matches!(token, Token::CustomBinaryOperator(_)));
        asks && self.peek(1) == Some(&Token::LParen) && self.replace(1, [])
    }

    /// How far back a type's name ends that may have modifiers: `numeric(4, 2)[]`. `None` where what is there are none.
    fn behind_modifiers(&self) -> Option<usize> {
        let mut end = 1_usize;
        while self.before(end) == Some(&Token::RBracket) {
            let number = end.saturating_add(1);
            let numbered = matches!(self.before(number), Some(Token::Number(..)));
            let opens = number.saturating_add(usize::from(numbered));
            if self.before(opens) != Some(&Token::LBracket) {
                return None;
            }
            end = opens.saturating_add(1);
        }
        if self.before(end) != Some(&Token::RParen) {
            return Some(end);
        }
        let mut back = end.saturating_add(1);
        while matches!(self.before(back), Some(Token::Number(..) | Token::Comma)) {
            back = back.saturating_add(1);
        }
        (self.before(back) == Some(&Token::LParen)).then(|| back.saturating_add(1))
    }

    /// `a::text COLLATE "C"`: a collation changes how values are compared, not which.
    pub(super) fn collate_after_cast(&mut self) -> bool {
        let Some(mut back) = self.behind_modifiers() else { return false };
        let typed = back;
        while matches!(self.before(back), Some(Token::Word(_) | Token::Period))
            && back.saturating_sub(typed) < LONGEST_TYPE
        {
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

/// Those that compute or ask something, and are no comparisons.
const OPERATORS: &[Token] = &[
    Token::Plus,
    Token::Minus,
    Token::Mul,
    Token::Div,
    Token::Mod,
    Token::StringConcat,
    Token::Ampersand,
    Token::Pipe,
    Token::Caret,
    Token::CaretAt,
    Token::Sharp,
    Token::DoubleSharp,
    Token::ShiftLeft,
    Token::ShiftRight,
    Token::Overlap,
    Token::Spaceship,
    Token::Arrow,
    Token::LongArrow,
    Token::HashArrow,
    Token::HashLongArrow,
    Token::HashMinus,
    Token::AtArrow,
    Token::ArrowAt,
    Token::AtAt,
    Token::AtQuestion,
    Token::Question,
    Token::QuestionAnd,
    Token::QuestionPipe,
    Token::QuestionMarkDash,
    Token::QuestionMarkSharp,
    Token::QuestionMarkDashVerticalBar,
    Token::QuestionMarkDoubleVerticalBar,
    Token::AmpersandLeftAngleBracket,
    Token::AmpersandRightAngleBracket,
    Token::AmpersandLeftAngleBracketVerticalBar,
    Token::VerticalBarAmpersandRightAngleBracket,
    Token::TwoWayArrow,
    Token::LeftAngleBracketCaret,
    Token::RightAngleBracketCaret,
    Token::TildeEqual,
    Token::ShiftLeftVerticalBar,
    Token::VerticalBarShiftRight,
    Token::VerticalBarRightAngleBracket,
];
