//! COPY of a masked relation.

use super::{Loom, Thread};
use crate::catalog::RelationKind;
use crate::enforce::mask::bound::label;
use crate::enforce::mask::copied::Copied;
use crate::enforce::mask::edits::{Edit, Woven};
use crate::enforce::mask::guard::{Cells, Guard};
use crate::enforce::mask::masker;
use crate::parse::{Effect, Facts, Role, Tokens};

/// The columns that a COPY has, and where what names them ends.
struct Listed {
    columns: Vec<String>,
    end: usize,
}

fn listed(tokens: &Tokens<'_>, thread: &Thread<'_, '_>) -> Result<Listed, String> {
    let lost = || format!("masks do not fit into this COPY of `{}`", label(thread.relation));
    let mut end = thread.place.whole.end;
    let mut columns = Vec::new();
    if tokens.is_mark(end, "(") {
        loop {
            columns.push(tokens.name(end.saturating_add(1)).ok_or_else(lost)?.to_owned());
            end = end.saturating_add(2);
            if tokens.is_mark(end, ")") {
                break;
            }
            if !tokens.is_mark(end, ",") {
                return Err(lost());
            }
        }
        end = end.saturating_add(1);
    } else {
        columns.extend(thread.relation.columns().filter(|column| !column.is_generated()).map(|c| c.name().to_owned()));
    }
    Ok(Listed { columns, end })
}

impl Loom<'_, '_> {
    /// `COPY customers (id, email)` becomes `COPY (SELECT …)`.
    pub(super) fn copied(&self, tokens: &Tokens<'_>, thread: &Thread<'_, '_>) -> Result<Option<Edit>, String> {
        let Thread { place, relation, .. } = thread;
        let lost = || format!("masks do not fit into this COPY of `{}`", label(*relation));
        let begins = place.whole.start.checked_sub(1).is_some_and(|at| tokens.is_word(at, "copy"));
        let Listed { columns, end } = listed(tokens, thread)?;
        if !begins || !tokens.is_word(end, "to") {
            return Err(lost());
        }
        // COPY of a table leaves out what inherits from it.
        let only = relation.kind() == RelationKind::Table;
        let text = format!("({})", self.select(thread, Some(&columns), only, None)?);
        let range = tokens.span(&(place.whole.start..end)).ok_or_else(lost)?;
        Ok(Some(Edit { range, text }))
    }
}

/// Whether all that becomes of the columns of a relation is that the client is shown them as rows of COPY.
pub(super) fn shows(facts: &Facts, thread: &Thread<'_, '_>) -> bool {
    let files = [Effect::File, Effect::Program].iter().any(|effect| facts.effects.contains(effect));
    thread.reference.role == Role::CopyOut
        && facts.statements.len() == 1
        && facts.effects.contains(&Effect::CopyOut)
        && !files
}

/// The fields of such rows that are masked on their way back.
pub(super) fn cells(tokens: &Tokens<'_>, thread: &Thread<'_, '_>) -> Result<Cells, String> {
    let Listed { columns, .. } = listed(tokens, thread)?;
    let maskers = columns.iter().enumerate().filter_map(|(field, column)| {
        let masker = thread.masked.get(column.as_str()).filter(|masker| masker::is_for_cells(masker))?;
        Some((field, masker.as_ref().clone()))
    });
    Ok(Cells { count: columns.len(), maskers: maskers.collect() })
}

/// What a statement copies out to the client, if that is all it does. `text`: it goes upstream in these words.
pub(super) fn copied(facts: &Facts, text: &str, guard: Guard) -> Option<Copied> {
    let alone = facts.statements.len() == 1 && facts.effects.contains(&Effect::CopyOut);
    if alone { Copied::of(text, guard) } else { None }
}

/// What a woven statement copies out. `guard`: what holds for its rows; `passes`: it has columns that are masked on their
/// way back.
pub(super) fn read(facts: &Facts, woven: Woven, guard: Guard, passes: bool) -> Result<Woven, String> {
    if !facts.effects.contains(&Effect::CopyOut) {
        return Ok(woven);
    }
    let copied = copied(facts, woven.text(), guard);
    if passes {
        let alone = "columns are masked on their way back, which a COPY can be that is sent alone and to the client";
        copied.as_ref().ok_or(alone)?.format()?;
    }
    Ok(woven.copying(copied))
}
