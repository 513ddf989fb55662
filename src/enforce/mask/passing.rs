//! Columns that no expression masks: they pass through the statement as they are, and are masked in the rows that come
//! back. So a statement may do nothing else with them.

use std::collections::BTreeMap;

use super::bound::Columns;
use super::guard::Cells;
use super::masker;
use crate::catalog::{Column, Snapshot};
use crate::decide::Masker;
use crate::parse::{ColumnFacts, Facts};

/// What the rows are of: the statement itself, or the one that it declares a cursor for or prepares, if that is all that
/// the text does.
pub(super) fn of_rows(facts: &Facts) -> &Facts {
    let mut alone = facts.statements.iter().filter(|statement| !statement.nested);
    let (Some(statement), None) = (alone.next(), alone.next()) else { return facts };
    let aftermath = &facts.aftermath;
    match (statement.command.as_str(), aftermath.declares.as_slice(), aftermath.prepares.as_slice()) {
        ("DECLARE CURSOR", [(_, inner)], []) | ("PREPARE", [], [(_, inner)]) => &inner.0,
        _ => facts,
    }
}

/// Such a column as an item of the sub-select that stands for its relation; `id` is the relation's in the facts, `name` for
/// people.
pub(super) fn column(
    facts: &Facts,
    catalog: &Snapshot,
    (id, name): (&str, &str),
    column: &Column<'_>,
    masker: &Masker,
) -> Result<String, String> {
    if facts.only_passed(id, column.name()) {
        masker::for_cells(catalog, column, masker)?;
        return Ok(masker::name(column.name()));
    }
    let may_be = |used: &ColumnFacts| match used.relation.as_deref() {
        Some(relation) => relation == id && (used.name == "*" || used.name == column.name()),
        None => true,
    };
    if facts.unknown.is_empty() && !facts.outdated && !facts.columns.iter().any(may_be) {
        let nothing = masker::expression(catalog, column, &Masker::Null { paths: Vec::new() })?;
        return Ok(format!("{nothing} AS {}", masker::name(column.name())));
    }
    let (column, with) = (column.name(), masker.label());
    Err(format!("`{name}.{column}` is masked with `{with}`, and this statement does more with it than show it"))
}

/// The fields of the answer that are masked on their way back. `read`: relations by their id in the facts, with their
/// masks.
pub(super) fn cells<'a, 'm: 'a>(facts: &Facts, read: impl Iterator<Item = (&'a str, &'a Columns<'m>)>) -> Cells {
    let outputs = facts.outputs.as_deref().unwrap_or_default();
    let mut cells = Cells { count: outputs.len(), maskers: BTreeMap::new() };
    for (relation, masked) in read {
        for (field, output) in outputs.iter().enumerate() {
            let bases = output.columns.iter().filter(|base| base.relation == relation);
            let maskers = bases.filter_map(|base| masked.get(base.column.as_str()));
            for masker in maskers.filter(|masker| masker::is_for_cells(masker)) {
                cells.maskers.insert(field, masker.as_ref().clone());
            }
        }
    }
    cells
}
