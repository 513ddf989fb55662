//! GROUP BY a primary key. PostgreSQL lets a query show the other columns of such a row, but a sub-select has no key: they
//! are put into the list, which makes no other groups of it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::edits::Edit;
use super::super::masker;
use super::{Loom, Thread};
use crate::parse::{Role, Tokens};

/// Words behind the list.
const ENDS: [&str; 10] =
    ["except", "fetch", "for", "having", "intersect", "limit", "offset", "order", "union", "window"];

/// Words before the list, at which the query that has it is over.
const OVER: [&str; 6] = ["except", "having", "intersect", "order", "select", "union"];

/// Words at which the list is not one of columns.
const SETS: [&str; 5] = ["all", "cube", "distinct", "grouping", "rollup"];

/// Types that PostgreSQL cannot group by, and arrays of them: `json`, `xml`, and shapes.
const WITHOUT_EQUALITY: [u32; 18] =
    [114, 142, 143, 199, 600, 601, 602, 603, 604, 628, 629, 718, 719, 1017, 1018, 1019, 1020, 1027];

impl<'a, 'm: 'a> Loom<'a, 'm>
where
    'a: 'm,
{
    /// What is put behind the GROUP BY of the query that reads a reference. `columns`: those that its sub-select has.
    pub(super) fn grouped(
        &self,
        tokens: &Tokens<'_>,
        thread: &Thread<'_, '_>,
        columns: Option<&[String]>,
    ) -> Option<Edit> {
        let Thread { reference, place, relation, .. } = thread;
        let key: BTreeSet<&str> =
            relation.columns().filter(|column| column.is_key()).map(|column| column.name()).collect();
        let renamed = place.alias.is_some_and(|at| tokens.is_mark(at.saturating_add(1), "("));
        if key.is_empty() || renamed || place.is_query || reference.role != Role::Read {
            return None;
        }
        let items = items(tokens, place.whole.end)?;
        let alias = place.alias.and_then(|at| tokens.name(at)).unwrap_or(&reference.name);
        let grouped: BTreeSet<&str> = items
            .iter()
            .filter_map(|item| column(tokens, &self.meant(tokens, place.whole.start, item)?, alias))
            .collect();
        if !key.is_subset(&grouped) {
            return None;
        }
        let used = &self.facts.relations.iter().find(|used| used.id == reference.relation)?.columns;
        let shown = |name: &str| used.contains(name) || used.contains("*");
        let text: String = relation
            .columns()
            .filter(|column| !grouped.contains(column.name()) && shown(column.name()))
            .filter(|column| columns.is_none_or(|listed| listed.iter().any(|name| name == column.name())))
            .filter(|column| !WITHOUT_EQUALITY.contains(&column.data_type().0))
            .map(|column| format!(", {}.{}", masker::name(alias), masker::name(column.name())))
            .collect();
        let end = tokens.range(items.last()?.end.checked_sub(1)?)?.end;
        (!text.is_empty()).then_some(Edit { range: end..end, text })
    }

    /// What an item of the list stands for: itself, or what the query shows in that place.
    fn meant(&self, tokens: &Tokens<'_>, from: usize, item: &Range<usize>) -> Option<Range<usize>> {
        let item = bare(tokens, item);
        if item.len() != 1 || !tokens.is_value(item.start) {
            return Some(item);
        }
        let place: usize = self.text.get(tokens.range(item.start)?)?.parse().ok()?;
        let found = shown(tokens, from)?.get(place.checked_sub(1)?)?.clone();
        let label = found.clone().find(|at| tokens.is_word(*at, "as")).unwrap_or(found.end);
        Some(bare(tokens, &(found.start..label)))
    }
}

/// What an item without its parentheses is.
fn bare(tokens: &Tokens<'_>, item: &Range<usize>) -> Range<usize> {
    let mut item = item.clone();
    while item.len() > 2 && tokens.is_mark(item.start, "(") && tokens.is_mark(item.end.saturating_sub(1), ")") {
        item = item.start.saturating_add(1)..item.end.saturating_sub(1);
    }
    item
}

/// The items that the query shows which reads the reference that begins there; `None` where one is a star.
fn shown(tokens: &Tokens<'_>, from: usize) -> Option<Vec<Range<usize>>> {
    let (mut depth, mut at) = (0_usize, from);
    let start = loop {
        at = at.checked_sub(1)?;
        if tokens.is_mark(at, ")") || tokens.is_mark(at, "]") {
            depth = depth.checked_add(1)?;
        } else if tokens.is_mark(at, "(") || tokens.is_mark(at, "[") {
            depth = depth.checked_sub(1)?;
        } else if depth == 0 && tokens.is_word(at, "select") {
            break at.checked_add(1)?;
        }
    };
    let (mut depth, mut first, mut items) = (0_usize, start, Vec::new());
    for at in start..from {
        let ends = depth == 0 && (tokens.is_mark(at, ",") || tokens.is_word(at, "from"));
        if tokens.is_mark(at, "(") || tokens.is_mark(at, "[") {
            depth = depth.checked_add(1)?;
        } else if tokens.is_mark(at, ")") || tokens.is_mark(at, "]") {
            depth = depth.checked_sub(1)?;
        } else if depth == 0 && tokens.is_mark(at, "*") {
            return None;
        } else if ends {
            items.push(first..at);
            if tokens.is_word(at, "from") {
                return Some(items);
            }
            first = at.checked_add(1)?;
        }
    }
    None
}

/// The column of that relation that an item of the list is.
fn column<'t>(tokens: &'t Tokens<'_>, item: &Range<usize>, alias: &str) -> Option<&'t str> {
    let last = item.end.checked_sub(1)?;
    let dot = |back: usize| last.checked_sub(back).is_some_and(|at| tokens.is_mark(at, "."));
    let is_its = match item.len() {
        1 => true,
        3 | 5 => dot(1) && last.checked_sub(2).and_then(|at| tokens.name(at)) == Some(alias),
        _ => false,
    };
    tokens.name(last).filter(|_| is_its)
}

/// The items of the GROUP BY behind a reference, in the same query; `None` where there is none, or one that is not a list.
fn items(tokens: &Tokens<'_>, from: usize) -> Option<Vec<Range<usize>>> {
    let mut depth = 0_usize;
    let mut start = None;
    let mut items = Vec::new();
    for at in from..=tokens.count() {
        let is = |words: &[&str]| depth == 0 && words.iter().any(|word| tokens.is_word(at, word));
        let opens = tokens.is_mark(at, "(") || tokens.is_mark(at, "[");
        let closes = tokens.is_mark(at, ")") || tokens.is_mark(at, "]");
        let ends = at == tokens.count() || depth == 0 && (closes || tokens.is_mark(at, ";"));
        match start {
            None if ends || is(&OVER) => return None,
            None if is(&["group"]) && tokens.is_word(at.checked_add(1)?, "by") => start = Some(at.checked_add(2)?),
            Some(first) if at < first => {}
            Some(_) if is(&SETS) => return None,
            Some(first) if ends || is(&ENDS) || depth == 0 && tokens.is_mark(at, ",") => {
                items.push(first..at);
                if !tokens.is_mark(at, ",") {
                    return Some(items);
                }
                start = Some(at.checked_add(1)?);
            }
            None | Some(_) => {}
        }
        if opens {
            depth = depth.checked_add(1)?;
        } else if closes {
            depth = depth.checked_sub(1)?;
        }
    }
    None
}
