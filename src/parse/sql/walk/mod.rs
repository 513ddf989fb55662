//! Walks sqlparser's tree. Takes the parsed statements and how names are resolved, gives
//! [`Walked`]: what they would do. Refuses, with a reason, every tree that PostgreSQL's grammar
//! does not have or whose meaning is not certain.
//!
//! What stays open without a catalog: user functions that overload a built-in with better fitting
//! arguments, `(composite).field` that is a user function, user operators, what views do, what runs
//! unasked, what foreign keys reach. With one: what a trigger's function does, and which rows row
//! security reads.

mod array;
mod call;
mod cascades;
mod columns;
mod constant;
mod copy;
mod ddl;
mod expression;
mod facts;
mod field;
mod foreign;
mod foreign_code;
mod from;
mod known;
mod label;
mod lasting;
mod modify;
mod names;
mod operators;
mod order;
mod outputs;
mod overloads;
mod plain;
mod predicate;
mod query;
mod rows;
mod scope;
mod session;
mod setting;
mod statement;
mod tables;
mod tags;
mod truth;
mod types;
mod unseen;
mod values;

use std::sync::Arc;

use sqlparser::ast::{Expr, Statement};
use sqlparser::tokenizer::Location;

use self::facts::Walker;
pub(super) use self::names::{folded, is_base_type, is_reserved};
pub use self::names::{quoted_name, relation_id};
use super::places::Spot;
use super::plain::Plain;
use super::reading::Names;
use crate::parse::facts::{Facts, Unparsed, UnparsedKind};
use crate::parse::reference::Reference;

/// Finds what a prepared statement or cursor of that name may be: every candidate, or `None`.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<Vec<Arc<Facts>>>;

/// What the session knows.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// How names are resolved.
    pub names: &'a Names,
    /// Whether READ WRITE undoes a pin.
    pub read_only: bool,
    /// Prepared statements by name.
    pub prepared: Lookup<'a>,
    /// Cursors by name.
    pub cursors: Lookup<'a>,
}

/// Which literals a fact was computed from, and so stay in the shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kept {
    /// All of them: one statement is not a query or DML.
    All,
    /// Those that start at one of these places. sqlparser gives line and column, counted in
    /// characters from 1; a sign in front of a number is not part of it.
    At(Vec<Location>),
}

/// What the statements of one text would do.
#[derive(Clone, Debug)]
pub(super) struct Walked {
    /// The facts of a statement that has no text of its own: `normalized`, `fingerprint`, `lifted` and `references`
    /// are empty, as they are in the facts inside of `prepares` and `declares`.
    pub facts: Facts,
    /// What `normalized` must keep.
    pub kept: Kept,
    /// Where relations are named, not yet by token.
    pub references: Vec<(Reference, Option<Spot>)>,
}

/// A statement as it was read.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// By sqlparser.
    Parsed(Box<Statement>),
    /// A COPY FROM by sqlparser, and which of its rows are kept.
    Filtered(Box<Statement>, Box<Expr>),
    /// Without it, but for the expressions in it.
    Plain(Box<Plain>, Vec<Expr>),
}

/// What the statements would do. The reader knows the text: `keyword` of a refusal is empty.
pub(super) fn walk(statements: &[Tree], context: &Context<'_>) -> Result<Walked, Unparsed> {
    let lost = context.names.unsearched();
    let mut walker = Walker::new(*context);
    let mut answers = Vec::new();
    for statement in statements {
        let walked = match statement {
            Tree::Parsed(statement) => walker.statement(statement, false),
            Tree::Filtered(copy, condition) => walker.filtered_copy(copy, condition),
            Tree::Plain(plain, asks) => walker.plain(plain, asks),
        };
        walked.map_err(Unparsed::from)?;
        if walker.has_lost_names() {
            // The server analyses each statement after it has run the one before.
            walker.context.names = &lost;
        }
        walker.looks_back();
        if statements.len() > 1 {
            answers.push(walker.answers());
        }
    }
    let mut walked = walker.finish();
    walked.facts.answers = answers;
    Ok(walked)
}

/// Why a tree cannot be read for certain.
#[derive(Debug, PartialEq, Eq)]
struct Unread(String);

type Walk<T = ()> = Result<T, Unread>;

impl Unread {
    fn new(what: &str) -> Self {
        Self(format!("{what} is not read"))
    }

    fn reserved(word: &str) -> Self {
        Self(format!("the reserved word `{word}` stands where a name is expected"))
    }
}

impl From<Unread> for Unparsed {
    fn from(unread: Unread) -> Self {
        Self { keyword: String::new(), reason: unread.0, kind: UnparsedKind::Unreadable }
    }
}

/// Refuses what PostgreSQL's grammar does not have.
fn absent(is_absent: bool, what: &str) -> Walk {
    if is_absent { Ok(()) } else { Err(Unread::new(what)) }
}

#[cfg(test)]
mod tests;
