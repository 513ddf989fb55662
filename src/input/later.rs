//! The questions after the first: what came back of a statement, and what a transaction did. Their input is that of the
//! statement with one section more.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::constant;
use super::document::{Document, Fields, Members, Section};
use super::session::part;
use crate::model::Stage;
use crate::parse::{Access, Effect};

/// What came back of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Its columns in order; `None` when nobody described them.
    pub columns: Option<Vec<AnsweredColumn>>,
    /// A column's relation or name there could not be found.
    pub uncertain: bool,
    /// Rows that came.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// SQLSTATE of the error that it ended with.
    pub error: Option<String>,
}

/// One column of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnsweredColumn {
    /// What the answer calls it.
    pub name: String,
    /// The relation that it is taken from, `schema.name`; `None` for an expression.
    pub relation: Option<String>,
    /// Its name there.
    pub column: Option<String>,
}

/// What a transaction did so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Statements that were sent in it.
    pub statements: u64,
    /// What they touched, by id; `None` when that is not known.
    pub relations: Option<Vec<Touched>>,
    /// Rows that were inserted, changed or deleted; `None` when nobody counted them.
    pub rows_written: Option<u64>,
    /// Everything that the statements do.
    pub effects: BTreeSet<Effect>,
}

/// A relation that a transaction touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// `schema.name`.
    pub id: String,
    /// Its schema.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// How it was touched.
    pub access: BTreeSet<Access>,
}

/// The input of the question "may this answer go back?". `request`: what was asked before the statement was sent.
pub fn response_document(request: &Document, answered: &Answered) -> Document {
    let members = vec![
        ("columns", part(list(answered.columns.as_ref()))),
        ("rows", part(json!(answered.rows))),
        ("bytes", part(json!(answered.bytes))),
        ("error", part(json!(answered.error))),
    ];
    let unknown = (answered.uncertain || answered.columns.is_none()).then_some("result.columns");
    followed(request, Stage::Response, ("result", members), unknown)
}

/// The input of the question "may this transaction commit?". `request`: the statement that would commit it.
pub fn commit_document(request: &Document, done: &Done) -> Document {
    let members = vec![
        ("statements", part(json!(done.statements))),
        ("relations", part(list(done.relations.as_ref()))),
        ("rows_written", part(json!(done.rows_written))),
        ("effects", part(list(Some(&done.effects)))),
    ];
    let relations = done.relations.is_none().then_some("transaction.relations");
    let rows = done.rows_written.is_none().then_some("transaction.rows_written");
    followed(request, Stage::Commit, ("transaction", members), relations.into_iter().chain(rows))
}

fn followed(
    request: &Document,
    stage: Stage,
    (name, members): (&'static str, Members),
    unknown: impl IntoIterator<Item = &'static str>,
) -> Document {
    let mut all = request.unknown().to_vec();
    all.extend(unknown);
    all.sort_unstable();
    let constant = constant::parts();
    let named = if all.is_empty() { Arc::clone(&constant.none) } else { part(json!(all)) };
    let mut sections = Vec::with_capacity(request.sections().len().saturating_add(1));
    for (section, value) in request.sections() {
        let value = match *section {
            "stage" => Section::Whole(constant.stage(stage)),
            "unknown" => Section::Whole(Arc::clone(&named)),
            _ => value.clone(),
        };
        sections.push((*section, value));
        if *section == "sql" {
            sections.push((name, Section::Fields(Fields::new(Arc::default(), members.clone()))));
        }
    }
    Document::new(sections, all)
}

/// Plain data always serialises. If it ever did not, `null` is not a list and denies.
fn list<T: Serialize>(value: Option<T>) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
