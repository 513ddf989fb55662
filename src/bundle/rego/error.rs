//! What can be wrong with a policy file.

use thiserror::Error;

use super::ast::Pos;

/// One problem, at the author's line and column.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub(in crate::bundle) struct RegoError {
    /// As it is called in the bundle.
    pub(in crate::bundle) file: String,
    /// Counted from one; zero when the file as a whole is meant.
    pub(in crate::bundle) line: u32,
    /// Counted from one; zero when the line as a whole is meant.
    pub(in crate::bundle) column: u32,
    /// What is wrong, why it matters, what to write instead.
    pub(in crate::bundle) problem: Problem,
}

impl RegoError {
    pub(super) fn at(file: &str, pos: Pos, problem: Problem) -> Self {
        Self { file: file.to_owned(), line: pos.line, column: pos.column, problem }
    }
}

/// A fault of a policy file: the text says what, why and how to write it instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(in crate::bundle) enum Problem {
    #[error("{message}")]
    Syntax { message: String },
    #[error("{what} is not supported; write the rule without it")]
    Unsupported { what: &'static str },
    #[error("nested deeper than {limit} levels; split it into several rules")]
    TooDeep { limit: usize },
    #[error("a rule with several blocks after one head; write the head again before each block")]
    SecondBlock,
    #[error("a body that is nothing but a set or an object is always true; write a condition")]
    AmbiguousBody,
    #[error("names that begin with `{prefix}` are reserved, and `{name}` does; choose another name")]
    ReservedName { name: String, prefix: &'static str },
    #[error(
        "`_` under `not` would mean \"for some\", not \"for none\"; write a helper rule with `some x in …` and negate that rule"
    )]
    WildcardUnderNot,
    #[error("`:=` under `not` has no effect; write `==` to compare")]
    DeclarationUnderNot,
    #[error("{bytes} bytes, more than {limit}; split the file")]
    TooLong { bytes: usize, limit: usize },
    #[error("a line of more than {limit} columns; break it")]
    LongLine { limit: usize },
    #[error("arrays, sets or objects nested deeper than {limit}; give the inner ones names of their own")]
    NestedLiterals { limit: usize },
    #[error("brackets nested deeper than {limit}; split the expression into several rules")]
    NestedBrackets { limit: usize },
}
