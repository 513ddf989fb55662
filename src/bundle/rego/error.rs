//! What can be wrong with a policy file.

use thiserror::Error;

use super::ast::Pos;

/// One problem, at the author's line and column.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}{}: {problem}", place(*line, *column))]
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

fn place(line: u32, column: u32) -> String {
    if line == 0 { String::new() } else { format!(":{line}:{column}") }
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
    #[error(
        "nothing binds `{name}` outside this `not`, which would then mean \"for some\"; write a helper rule with `some {name} in …` and negate that rule"
    )]
    UnboundUnderNot { name: String },
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
    #[error("packages under `sidegate` belong to sidegate; name the package otherwise")]
    ReservedPackage,
    #[error("base data under `{root}` would speak as policy; move it to another path")]
    ReservedData { root: &'static str },
    #[error(
        "the package `{package}` is named like the set `{set}`, and would be taken for its members; name it otherwise"
    )]
    PackageNamedLikeSet { package: String, set: &'static str },
    #[error(
        "`{set}` must be a set in packages under `policies`, anything else would be ignored; write `{set} contains … if …`"
    )]
    NotASet { set: &'static str },
    #[error("`{set}` stands in the package `policies` itself; give it a package of its own, such as `policies.shop`")]
    NoTeam { set: &'static str },
    #[error("base data at `{path}` would override the rule or package here; rename one of them")]
    DataOverRule { path: String },
    #[error("the rule `{path}` and a package share that path; rename one of them")]
    RuleOverPackage { path: String },
    #[error("rules that use themselves have no value: `{through}`; break the circle")]
    Recursion { through: String },
    #[error("no rule or built-in function is called `{name}`; define it, or import its package")]
    UnknownFunction { name: String },
    #[error("`{name}` takes {takes} arguments and is given {given}")]
    WrongArguments { name: String, takes: usize, given: usize },
    #[error("`{name}` is refused: {why}; {instead}")]
    RefusedBuiltin { name: String, why: &'static str, instead: &'static str },
    #[error("`{name}` with a computed pattern could match other text than in OPA; write the pattern as a string")]
    ComputedPattern { name: String },
    #[error(
        "`{construct}` in a pattern means Unicode here and ASCII in OPA; write the characters, such as `[0-9]` or `[A-Za-z0-9_]`"
    )]
    UnicodePattern { construct: String },
    #[error("the pattern cannot be used: {why}; write a simpler one")]
    BadPattern { why: String },
    #[error("`regex.template_match` takes other patterns here than in OPA; write `regex.match`")]
    Template,
    #[error("`import {name}` gives `not` another meaning, which is not supported; import `rego.v1` instead")]
    NegationImport { name: String },
    #[error("`default` for the function `{name}`, whose name has dots; give it a plain name")]
    DottedDefault { name: String },
    #[error(
        "`walk` with one argument gives everything at once here and one after the other in OPA; write `walk(x, [path, value])`"
    )]
    WalkAsFunction,
    #[error("a set whose name is computed (`{name}[…] contains`) can lack members here; write an object of sets")]
    ComputedSet { name: String },
    #[error("the engine has a function `{name}` of its own already")]
    TakenName { name: String },
    #[error("`sprintf` needs a format that is written out; a computed one could ask for any amount of memory")]
    ComputedFormat,
    #[error("`{verb}` in a format has another text here than in OPA; write `%v`, `%s`, `%d`, `%f`, `%x` or `%q`")]
    FormatVerb { verb: String },
    #[error("`sprintf` with a field wider than {limit}; write a narrower one")]
    WideFormat { limit: usize },
    #[error(
        "`{number}` in `sprintf` has another text here than in OPA; write the number with its digits alone, or as text"
    )]
    SpelledNumber { number: String },
}
