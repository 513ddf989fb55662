//! What the server will say of an answer's columns if it understands the statement as sidegate does: their number, their
//! names, and which column of which relation each is. What it does say is held against this.

use std::sync::Arc;

use super::guard::{Answers, Cells, Foreseen, Origin};
use crate::catalog::Snapshot;
use crate::decide::Masker;
use crate::parse::{Answer, BaseColumn, Effect, Facts, Inner, OutputLineage};

/// What an answer's columns will be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub(super) columns: Arc<[Foreseen]>,
    /// Which of them are masked on their way back; `None` where none is.
    pub(super) cells: Option<Arc<Cells>>,
}

impl Rows {
    /// How many columns they have.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Rows of one column, which is masked on its way back.
    #[cfg(test)]
    pub(crate) fn raw() -> Self {
        let maskers = [(0, Masker::Detect { paths: Vec::new() })].into();
        Self { columns: Arc::default(), cells: Some(Arc::new(Cells { count: 1, maskers })) }
    }

    /// The fields that are masked on their way back, and with what.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &Masker)> {
        self.cells.iter().flat_map(|cells| cells.maskers.iter()).map(|(field, masker)| (*field, masker))
    }
}

/// What runs by a name that a statement gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// A cursor.
    Fetch,
    /// A prepared statement.
    Execute,
}

/// A name that a statement gives, and what it will answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Later {
    /// By what it is run.
    pub by: By,
    /// The name.
    pub name: Box<str>,
    /// Its columns; `None` where they are not certain.
    pub rows: Option<Rows>,
}

/// The columns of a statement's answer; `None` where they are not certain. `is_made`: whether an expression stands in
/// place of a column, by the relation's id in the facts and the column's name.
pub(super) fn answer(
    facts: &Facts,
    catalog: &Snapshot,
    is_made: impl Fn(&str, &str) -> bool,
) -> Option<Box<[Foreseen]>> {
    // The rows of a COPY are not described.
    if facts.effects.contains(&Effect::CopyOut) { None } else { rows(facts, catalog, is_made) }
}

/// The same of the rows that it has or copies out.
pub(super) fn rows(facts: &Facts, catalog: &Snapshot, is_made: impl Fn(&str, &str) -> bool) -> Option<Box<[Foreseen]>> {
    let alone = facts.statements.iter().filter(|statement| !statement.nested).count() == 1;
    if alone { given(facts, catalog, is_made) } else { None }
}

/// The columns of each answer of a text with several statements, where they are certain; `None` of one with one.
pub(super) fn each(facts: &Facts, catalog: &Snapshot, is_made: impl Fn(&str, &str) -> bool) -> Option<Answers> {
    let answers = Some(&facts.answers).filter(|answers| !answers.is_empty())?;
    let rows = |answer: &Answer| made(facts, catalog, answer.outputs.as_deref(), &is_made).map(Arc::from);
    Some(answers.iter().map(rows).collect())
}

/// What the rows look like of what a statement prepares and declares. `cells`: what is masked of them on their way back.
pub(super) fn later(
    facts: &Facts,
    catalog: &Snapshot,
    cells: Option<&Arc<Cells>>,
    is_made: impl Fn(&str, &str) -> bool,
) -> Arc<[Later]> {
    let aftermath = &facts.aftermath;
    let of = |by: By| {
        let is_made = &is_made;
        move |(name, inner): &(String, Inner)| {
            let rows = given(&inner.0, catalog, is_made);
            let rows = rows.map(|columns| Rows { columns: columns.into(), cells: cells.cloned() });
            Later { by, name: Box::from(name.as_str()), rows }
        }
    };
    aftermath.declares.iter().map(of(By::Fetch)).chain(aftermath.prepares.iter().map(of(By::Execute))).collect()
}

fn given(facts: &Facts, catalog: &Snapshot, is_made: impl Fn(&str, &str) -> bool) -> Option<Box<[Foreseen]>> {
    made(facts, catalog, facts.outputs.as_deref(), is_made)
}

fn made(
    facts: &Facts,
    catalog: &Snapshot,
    outputs: Option<&[OutputLineage]>,
    is_made: impl Fn(&str, &str) -> bool,
) -> Option<Box<[Foreseen]>> {
    let certain = !facts.outdated && facts.unparsed.is_none() && facts.unknown.is_empty();
    let outputs = outputs.filter(|_| certain)?;
    let column = |output: &OutputLineage| Foreseen {
        // The server may spell others in another encoding.
        name: output.name.as_deref().filter(|name| name.is_ascii()).map(Box::from),
        origin: origin(facts, catalog, output, &is_made),
    };
    Some(outputs.iter().map(column).collect())
}

fn origin(facts: &Facts, catalog: &Snapshot, output: &OutputLineage, is_made: &impl Fn(&str, &str) -> bool) -> Origin {
    let places: Option<Box<[(u32, i16)]>> = output.columns.iter().map(|base| place(facts, catalog, base)).collect();
    match (places, output.columns.as_slice()) {
        (None, _) => Origin::Unknown,
        (Some(places), [base]) if output.bare && !is_made(&base.relation, &base.column) => Origin::Is(places),
        (Some(places), _) => Origin::Among(places),
    }
}

/// The OID of a column's relation, and its number there.
fn place(facts: &Facts, catalog: &Snapshot, base: &BaseColumn) -> Option<(u32, i16)> {
    let named = facts.relations.iter().find(|relation| relation.id == base.relation)?;
    let relation = catalog.relation_in(named.schema.as_deref()?, &named.name)?;
    let number = match relation.column(&base.column) {
        Some(column) => i16::try_from(column.number()).ok()?,
        None => system(&base.column)?,
    };
    Some((relation.oid(), number))
}

/// Columns that every table has.
fn system(column: &str) -> Option<i16> {
    Some(match column {
        "ctid" => -1,
        "xmin" => -2,
        "cmin" => -3,
        "xmax" => -4,
        "cmax" => -5,
        "tableoid" => -6,
        _ => return None,
    })
}
