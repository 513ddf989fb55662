//! Which masks bind to which relation: policy names tables, and rows live in what inherits from them, too.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::guard::{Guard, Masked};
use super::views::Views;
use crate::catalog::{Column, Relation, Snapshot};
use crate::decide::{Masker, Masks, relation_name};

/// Maskers by column.
pub(super) type Columns<'a> = BTreeMap<&'a str, Cow<'a, Masker>>;

/// The masks of one decision in one database.
#[derive(Debug)]
pub(super) struct Bound<'a> {
    pub(super) catalog: &'a Snapshot,
    /// Of a relation's own rows: its masks, and those of what it inherits from.
    own: BTreeMap<u32, Columns<'a>>,
    /// Of its rows and those of what inherits from it.
    pub(super) all: BTreeMap<u32, Columns<'a>>,
    /// Of views: what of theirs is masked, or why that cannot be.
    pub(super) views: BTreeMap<u32, Result<Columns<'a>, String>>,
    /// No masks.
    pub(super) none: Columns<'a>,
    /// Masked relations whose masks name what is not there.
    broken: BTreeMap<u32, String>,
    /// Masked relations that the catalog does not have.
    unknown: BTreeSet<(String, String)>,
}

impl<'a> Bound<'a> {
    pub(super) fn new(masks: &'a Masks, catalog: &'a Snapshot, views: &Views) -> Result<Self, String> {
        let mut bound = Self {
            catalog,
            own: BTreeMap::new(),
            all: BTreeMap::new(),
            views: BTreeMap::new(),
            none: Columns::new(),
            broken: BTreeMap::new(),
            unknown: BTreeSet::new(),
        };
        for (table, columns) in masks {
            let named = relation_name(table)?;
            let Some(relation) = catalog.relation_in(&named.schema, &named.name) else {
                bound.unknown.insert((named.schema, named.name));
                continue;
            };
            for column in columns.keys() {
                if relation.column(column).is_none() {
                    let sentence = format!("`{table}` has no column `{column}`, which policy masks");
                    bound.broken.insert(relation.oid(), sentence);
                }
            }
            let columns = columns.iter().map(|(column, masker)| (column.as_str(), Cow::Borrowed(masker)));
            let columns: Columns<'a> = columns.collect();
            for below in reachable(relation, |relation| relation.children().collect()) {
                add(bound.own.entry(below.oid()).or_default(), &columns);
            }
        }
        let earlier =
            catalog.before().map(|before| Self::new(masks, &before.snapshot, &Views::default())).transpose()?;
        if let Some(earlier) = &earlier {
            bound.follow(earlier);
        }
        for (oid, columns) in &mut bound.own {
            cover(catalog, *oid, columns);
        }
        bound.all = bound.own.clone();
        for (oid, columns) in &bound.own {
            let Some(relation) = catalog.by_oid(*oid) else { continue };
            for above in reachable(relation, |relation| relation.parents().collect()) {
                add(bound.all.entry(above.oid()).or_default(), columns);
            }
        }
        for (oid, columns) in bound.own.iter_mut().chain(&mut bound.all) {
            cover(catalog, *oid, columns);
            if let Some(relation) = catalog.by_oid(*oid) {
                columns.retain(|column, _| relation.column(column).is_some());
            }
        }
        bound.break_altered();
        bound.bind_views(views);
        Ok(bound)
    }

    /// What was masked before the session defined anything is masked still, whatever it is called now.
    fn follow(&mut self, earlier: &Self) {
        for (oid, columns) in &earlier.own {
            let (Some(was), Some(is)) = (earlier.catalog.by_oid(*oid), self.catalog.by_oid(*oid)) else { continue };
            let number = |column: &str| was.column(column).map(|column| column.number());
            let masked: Columns<'a> = is
                .columns()
                .filter_map(|now| {
                    let masker = columns.iter().find(|(column, _)| number(column) == Some(now.number()))?.1;
                    Some((now.name(), masker.clone()))
                })
                .collect();
            for below in reachable(is, |relation| relation.children().collect()) {
                add(self.own.entry(below.oid()).or_default(), &masked);
            }
        }
    }

    /// What has masked columns and was altered in a transaction that is still open is not read in it: what its columns
    /// hold by now nobody can tell.
    fn break_altered(&mut self) {
        let Some(before) = self.catalog.before() else { return };
        for oid in &before.altered {
            if let Some(relation) = self.catalog.by_oid(*oid).filter(|_| self.is_altered(*oid)) {
                let name = label(relation);
                let sentence =
                    format!("`{name}` has masked columns, and was altered in this transaction: commit it first");
                self.broken.insert(*oid, sentence);
            }
        }
    }

    /// Whether it has masked columns, and was altered in a transaction that is still open.
    fn is_altered(&self, oid: u32) -> bool {
        let altered = self.catalog.before().is_some_and(|before| before.altered.contains(&oid));
        altered && self.all.get(&oid).is_some_and(|columns| !columns.is_empty())
    }

    /// The masks of what is read or changed where a relation is named; `None` for none.
    pub(super) fn masks(&self, relation: Relation<'_>, only: bool) -> Result<Option<&Columns<'a>>, String> {
        if let Some(sentence) = self.broken.get(&relation.oid()) {
            return Err(sentence.clone());
        }
        let columns = if only { self.own.get(&relation.oid()) } else { self.all.get(&relation.oid()) };
        Ok(columns.filter(|columns| !columns.is_empty()))
    }

    /// The same, where a view is masked as far as it shows what is masked.
    pub(super) fn read(&self, relation: Relation<'a>, only: bool) -> Result<Option<&Columns<'a>>, String> {
        let own = self.masks(relation, only)?;
        let Some(what) = self.shown_by(relation, false) else { return Ok(own) };
        let refusal = |why: &str| {
            let view = label(relation);
            Err(format!("`{view}` shows {what}, and masks do not reach into it: {why}"))
        };
        match self.views.get(&relation.oid()) {
            Some(Ok(columns)) => Ok(Some(columns).filter(|columns| !columns.is_empty())),
            Some(Err(why)) => refusal(why),
            None => refusal("its definition could not be read just now"),
        }
    }

    /// Whether policy masks a relation of that name, which the catalog does not have.
    pub(super) fn is_unknown(&self, schema: &str, name: &str) -> bool {
        self.unknown.iter().any(|(masked_schema, masked)| masked_schema == schema && masked == name)
    }

    /// The first masked relation of which a masked column is in what a view shows.
    pub(super) fn shown_by(&self, view: Relation<'a>, writes: bool) -> Option<String> {
        let reach = if writes { self.catalog.behind_write(view) } else { self.catalog.behind_rows(view) };
        if reach.open {
            return Some("what the catalog does not know".to_owned());
        }
        let shown = reach.relations.values().find(|reached| {
            if self.is_altered(reached.relation.oid()) {
                return true;
            }
            let masked = self.all.get(&reached.relation.oid()).filter(|columns| !columns.is_empty());
            match (masked, &reached.columns) {
                (None, _) => self.broken.contains_key(&reached.relation.oid()),
                (Some(_), None) => true,
                (Some(masked), Some(columns)) => {
                    columns.iter().any(|column| *column == "*" || masked.contains_key(column))
                }
            }
        });
        shown.map(|reached| format!("masked columns of `{}`", label(reached.relation)))
    }

    /// What no answer may have.
    pub(super) fn guard(&self) -> Guard {
        let oids: BTreeSet<u32> = self.all.keys().copied().collect();
        let mut masked = Vec::with_capacity(oids.len());
        for (oid, columns) in &self.all {
            masked.push((*oid, self.numbers(*oid, columns)));
        }
        for view in self.catalog.showing(&oids) {
            if self.shown_by(view, false).is_some() {
                let shows = match self.views.get(&view.oid()) {
                    Some(Ok(columns)) => self.numbers(view.oid(), columns),
                    Some(Err(_)) | None => Masked::All,
                };
                masked.retain(|(oid, _)| *oid != view.oid());
                masked.push((view.oid(), shows));
            }
        }
        Guard::new(masked)
    }

    fn numbers(&self, oid: u32, columns: &Columns<'a>) -> Masked {
        let relation = self.catalog.by_oid(oid);
        let numbers = columns.keys().filter_map(|column| relation?.column(column));
        let mut numbers: Vec<i16> = numbers.map(|column| i16::try_from(column.number()).unwrap_or(i16::MAX)).collect();
        numbers.sort_unstable();
        Masked::Some(numbers.into())
    }
}

/// A relation's name for people.
pub(super) fn label(relation: Relation<'_>) -> String {
    format!("{}.{}", relation.schema(), relation.name())
}

/// A relation and everything that is reached from it.
fn reachable<'a>(start: Relation<'a>, next: impl Fn(&Relation<'a>) -> Vec<Relation<'a>>) -> Vec<Relation<'a>> {
    let mut seen = BTreeSet::from([start.oid()]);
    let mut found = vec![start];
    let mut at = 0_usize;
    while let Some(relation) = found.get(at).copied() {
        found.extend(next(&relation).into_iter().filter(|relation| seen.insert(relation.oid())));
        at = at.saturating_add(1);
    }
    found
}

/// What is generated from a masked column shows nothing, unless policy says what it shows.
fn cover<'a>(catalog: &'a Snapshot, oid: u32, columns: &mut Columns<'a>) {
    static NOTHING: Masker = Masker::Null { paths: Vec::new() };
    let generated = catalog.by_oid(oid).into_iter().flat_map(|relation| relation.columns());
    let generated: Vec<_> = generated.filter(|column| column.is_generated()).collect();
    // Each round covers one more, or is the last one.
    for _ in 0..generated.len() {
        let is_open = |column: &&Column<'a>| {
            !columns.contains_key(column.name()) && column.bases().any(|base| columns.contains_key(base.name()))
        };
        let Some(next) = generated.iter().find(is_open) else { return };
        columns.insert(next.name(), Cow::Borrowed(&NOTHING));
    }
}

pub(super) fn add<'a>(columns: &mut Columns<'a>, more: &Columns<'a>) {
    for (column, masker) in more {
        match columns.get(column) {
            Some(present) if present == masker => {}
            Some(present) => _ = columns.insert(column, Cow::Owned(present.and(masker))),
            None => _ = columns.insert(column, masker.clone()),
        }
    }
}
