//! What a statement may cost to read, counted before any parser sees it: a tree that is too deep
//! kills the thread that builds, walks or drops it.

use super::brackets;
use super::lexer::{Class, Kind, Lexeme};
use crate::parse::facts::UnparsedKind;

const JOINS: usize = 64;
const SET_OPERATIONS: usize = 64;
const OPERATORS: usize = 5_000;
const NESTING: usize = 40;
const SUBSCRIPTS: usize = 16;
const SELECTORS: usize = 16;
const PREFIXES: usize = 16;

/// Which budget a statement exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BudgetError {
    #[error("{bytes} bytes, more than limits.statement allows ({limit})")]
    Bytes { bytes: usize, limit: usize },
    #[error("{tokens} tokens, more than limits.tokens allows ({limit})")]
    Tokens { tokens: usize, limit: usize },
    #[error("more than {limit} {what}")]
    Complex { what: &'static str, limit: usize },
}

impl BudgetError {
    /// Which refusal it earns.
    pub(super) fn kind(self) -> UnparsedKind {
        match self {
            Self::Bytes { bytes: _, limit: _ } | Self::Tokens { tokens: _, limit: _ } => UnparsedKind::TooLarge,
            Self::Complex { what: _, limit: _ } => UnparsedKind::TooComplex,
        }
    }
}

/// Checks the length of a text, before it is cut.
///
/// # Errors
/// [`BudgetError::Bytes`] over `limit`.
pub(super) fn bytes(text: &[u8], limit: usize) -> Result<(), BudgetError> {
    if text.len() > limit { Err(BudgetError::Bytes { bytes: text.len(), limit }) } else { Ok(()) }
}

/// Checks what was cut, before it is parsed.
///
/// # Errors
/// The first budget that is exceeded.
pub(super) fn tokens(text: &str, lexemes: &[Lexeme], limit: usize) -> Result<(), BudgetError> {
    if lexemes.len() > limit {
        return Err(BudgetError::Tokens { tokens: lexemes.len(), limit });
    }
    let mut counts = Counts::default();
    let idle = brackets::idle_lexemes(text, lexemes).unwrap_or_default();
    for (at, lexeme) in lexemes.iter().enumerate() {
        if idle.get(at).is_some_and(|idle| *idle) {
            continue;
        }
        counts.take(lexeme, lexeme.of(text));
        counts.check()?;
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    joins: usize,
    set_operations: usize,
    operators: usize,
    brackets: usize,
    cases: usize,
    subscripts: usize,
    selectors: usize,
    /// Operators in a row: all but the first stand before their operand, each a level deeper.
    prefixes: usize,
    after_subscript: bool,
    after_selector: bool,
}

impl Counts {
    fn take(&mut self, lexeme: &Lexeme, text: &str) {
        let after_subscript = std::mem::take(&mut self.after_subscript);
        let after_selector = std::mem::take(&mut self.after_selector);
        if lexeme.class == Class::Operator || lexeme.class == Class::Word && text.eq_ignore_ascii_case("not") {
            add(&mut self.prefixes);
        } else {
            self.prefixes = 0;
        }
        match lexeme.kind() {
            Kind::Operator => add(&mut self.operators),
            Kind::Word => {
                self.word(text);
                self.after_selector = after_selector;
            }
            Kind::Quoted => self.after_selector = after_selector,
            Kind::Punctuation => self.mark(text, after_subscript),
            Kind::Constant | Kind::Parameter => {}
        }
        if !self.after_selector {
            self.selectors = 0;
        }
    }

    fn mark(&mut self, mark: &str, after_subscript: bool) {
        match mark {
            "(" => add(&mut self.brackets),
            ")" => self.brackets = self.brackets.saturating_sub(1),
            "[" => {
                add(&mut self.brackets);
                self.subscripts = if after_subscript { self.subscripts.saturating_add(1) } else { 1 };
            }
            "]" => {
                self.brackets = self.brackets.saturating_sub(1);
                self.after_subscript = true;
            }
            "." => {
                add(&mut self.selectors);
                self.after_selector = true;
            }
            "::" => add(&mut self.operators),
            _ => {}
        }
    }

    fn word(&mut self, word: &str) {
        let is = |wanted: &&str| word.eq_ignore_ascii_case(wanted);
        if is(&"join") {
            add(&mut self.joins);
        } else if ["union", "intersect", "except"].iter().any(is) {
            add(&mut self.set_operations);
        } else if is(&"case") {
            add(&mut self.cases);
        } else if is(&"end") {
            self.cases = self.cases.saturating_sub(1);
        } else if OPERATOR_WORDS.iter().any(is) {
            add(&mut self.operators);
        }
    }

    fn check(&self) -> Result<(), BudgetError> {
        let nesting = self.brackets.saturating_add(self.cases);
        let budgets = [
            (self.joins, JOINS, "joins"),
            (self.set_operations, SET_OPERATIONS, "set operations"),
            (self.operators, OPERATORS, "operators"),
            (nesting, NESTING, "levels of nesting"),
            (self.subscripts, SUBSCRIPTS, "subscripts in a row"),
            (self.selectors, SELECTORS, "field selections in a row"),
            (self.prefixes, PREFIXES, "operators in a row"),
        ];
        match budgets.into_iter().find(|(count, limit, _)| count > limit) {
            Some((_, limit, what)) => Err(BudgetError::Complex { what, limit }),
            None => Ok(()),
        }
    }
}

/// Words that a parser turns into a node over its operands.
const OPERATOR_WORDS: &[&str] = &[
    "and", "at", "between", "collate", "explain", "ilike", "in", "is", "isnull", "like", "not", "notnull", "or",
    "overlaps", "similar",
];

fn add(count: &mut usize) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests;
