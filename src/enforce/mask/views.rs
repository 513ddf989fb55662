//! Views over masked relations. What a view only passes on is masked where the view is read, as if it were a column of
//! a table; a view that does anything else with a masked column computes with raw values, and is not read at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bound::{Bound, Columns, add, label};
use crate::catalog::{Relation, RelationKind, RuleEvent, Snapshot};
use crate::decide::Masks;
use crate::parse::{Facts, Role, Use};

/// What the definitions of views do, by the view's OID.
#[derive(Clone, Debug, Default)]
pub struct Views(BTreeMap<u32, Arc<Facts>>);

/// Views that one statement leads to, at most.
const MOST: usize = 64;

/// Views in views, at most.
const DEEP: usize = 16;

impl Views {
    /// Whether the statement leads to none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a view's definition does, read with [`Names::of_definitions`](crate::parse::Names::of_definitions).
    pub fn insert(&mut self, view: u32, facts: Arc<Facts>) {
        self.0.insert(view, facts);
    }
}

/// The views whose definitions decide how a statement is masked: OID and text.
pub fn views_of<'a>(facts: &Facts, masks: &'a Masks, catalog: &'a Snapshot) -> Vec<(u32, &'a str)> {
    let any = facts.references.iter().any(|reference| {
        let schema = reference.schema.as_deref();
        schema.and_then(|schema| catalog.relation_in(schema, &reference.name)).is_some_and(is_view)
    });
    let none = Views::default();
    let Some(bound) = any.then(|| Bound::new(masks, catalog, &none).ok()).flatten() else { return Vec::new() };
    let mut found: BTreeMap<u32, &str> = BTreeMap::new();
    for reference in &facts.references {
        let schema = reference.schema.as_deref();
        let Some(relation) = schema.and_then(|schema| catalog.relation_in(schema, &reference.name)) else { continue };
        let reach = catalog.behind_rows(relation);
        let behind = reach.relations.values().map(|reached| reached.relation);
        for view in std::iter::once(relation).chain(behind).filter(|one| is_view(*one)) {
            if found.len() < MOST
                && bound.shown_by(view, false).is_some()
                && let Some(text) = definition(view)
            {
                found.insert(view.oid(), text);
            }
        }
    }
    found.into_iter().collect()
}

/// Whether what is read there is what a query gave or gives.
pub(super) fn is_view(relation: Relation<'_>) -> bool {
    matches!(relation.kind(), RelationKind::View | RelationKind::Materialized) && !relation.is_own()
}

/// Whether a rule does something else where rows are to be changed, here or in what is behind.
pub(super) fn has_rules(catalog: &Snapshot, relation: Relation<'_>) -> bool {
    let acts = |relation: Relation<'_>| {
        let mut rules = relation.rules();
        rules.any(|rule| rule.is_enabled() && rule.event() != RuleEvent::Select)
    };
    acts(relation) || catalog.behind_write(relation).relations.values().any(|reached| acts(reached.relation))
}

fn definition(view: Relation<'_>) -> Option<&str> {
    view.rules().find(|rule| rule.event() == RuleEvent::Select)?.definition()
}

impl<'a> Bound<'a> {
    /// Finds the masks of all views that were read.
    pub(super) fn bind_views(&mut self, views: &Views) {
        for oid in views.0.keys() {
            if let Some(view) = self.catalog.by_oid(*oid) {
                self.bind_view(view, views, 0);
            }
        }
    }

    fn bind_view(&mut self, view: Relation<'a>, views: &Views, depth: usize) {
        if self.views.contains_key(&view.oid()) || depth > DEEP {
            return;
        }
        // What leads back to itself finds this.
        self.views.insert(view.oid(), Err("it shows itself".to_owned()));
        if self.catalog.behind_rows(view).open {
            self.views.insert(view.oid(), Err("it leads to what the catalog does not know".to_owned()));
            return;
        }
        let Some(facts) = views.0.get(&view.oid()) else {
            self.views.insert(view.oid(), Err("its definition could not be read just now".to_owned()));
            return;
        };
        for reference in &facts.references {
            if let Some(behind) = self.referred(reference).filter(|behind| is_view(*behind)) {
                self.bind_view(behind, views, depth.saturating_add(1));
            }
        }
        let mut found = self.passed(view, facts);
        if let (Ok(columns), Some(named)) = (&mut found, self.all.get(&view.oid())) {
            add(columns, named);
        }
        self.views.insert(view.oid(), found);
    }

    fn referred(&self, reference: &crate::parse::Reference) -> Option<Relation<'a>> {
        self.catalog.relation_in(reference.schema.as_deref()?, &reference.name)
    }

    /// The columns of a view that are masked ones as they are.
    fn passed(&self, view: Relation<'a>, facts: &Facts) -> Result<Columns<'a>, String> {
        let outputs = facts.outputs.as_deref().filter(|_| facts.unparsed.is_none() && facts.unknown.is_empty());
        let outputs = outputs.filter(|_| !facts.outdated).ok_or("its definition is not understood")?;
        let columns: Vec<_> = view.columns().collect();
        let alike = columns.len() == outputs.len()
            && columns
                .iter()
                .zip(outputs)
                .all(|(column, output)| output.name.as_deref().is_none_or(|name| name == column.name()));
        if !alike {
            return Err("its definition does not give its columns".to_owned());
        }
        let behind = self.masked_behind(view, facts)?;
        let mut passed = Columns::new();
        for (column, output) in columns.iter().zip(outputs) {
            for base in &output.columns {
                let Some((relation, masked)) = behind.get(base.relation.as_str()) else { continue };
                let Some(masker) = masked.get(base.column.as_str()) else { continue };
                let source = relation.column(&base.column);
                let same = source.is_some_and(|source| {
                    (source.data_type(), source.collation()) == (column.data_type(), column.collation())
                });
                if !same || !output.shown {
                    return Err(format!("it makes another value of `{}.{}`", label(*relation), base.column));
                }
                add(&mut passed, &Columns::from([(column.name(), masker.clone())]));
            }
        }
        Ok(passed)
    }

    /// The masked relations that a definition names, with their masks, by their id there.
    fn masked_behind<'f>(
        &self,
        view: Relation<'a>,
        facts: &'f Facts,
    ) -> Result<BTreeMap<&'f str, (Relation<'a>, Columns<'a>)>, String> {
        let (mut masked, mut reached) = (BTreeMap::new(), BTreeSet::new());
        for reference in &facts.references {
            let relation = self.referred(reference).filter(|_| reference.role == Role::Read);
            let relation = relation.ok_or_else(|| format!("it is not known what `{}` is", reference.relation))?;
            reached.insert(relation.oid());
            reached.extend(self.catalog.behind_rows(relation).relations.into_keys());
            let Some(columns) = self.read(relation, false)? else { continue };
            for column in columns.keys() {
                uses(facts, (&reference.relation, &label(relation)), column)?;
            }
            masked.insert(reference.relation.as_str(), (relation, columns.clone()));
        }
        let behind = self.catalog.behind_rows(view);
        match behind.relations.values().find(|behind| !reached.contains(&behind.relation.oid())) {
            Some(behind) => Err(format!("its definition does not name `{}`", label(behind.relation))),
            None => Ok(masked),
        }
    }
}

/// Whether a definition does nothing with a column but show it.
fn uses(facts: &Facts, (id, name): (&str, &str), column: &str) -> Result<(), String> {
    let is = |name: &str| name == column || name == "*";
    let mut used =
        facts.columns.iter().filter(|used| used.relation.as_deref() == Some(id) && is(&used.name)).peekable();
    if used.peek().is_none() || facts.only_shown(id, column) {
        return Ok(());
    }
    let uses: BTreeSet<Use> = used.flat_map(|used| used.uses.iter().copied()).collect();
    let how = match uses.into_iter().find(|how| *how != Use::Output) {
        Some(Use::Predicate) => "in a condition",
        Some(Use::Join) => "to join",
        Some(Use::Group) => "to group",
        Some(Use::Order) => "to sort",
        Some(Use::Argument) => "to compute with",
        Some(Use::WholeRow) => "as part of a whole row",
        Some(Use::Assignment | Use::Output) | None => "otherwise than to show it as it is",
    };
    Err(format!("it uses `{name}.{column}` {how}"))
}
