//! What foreign keys change in turn where rows go or change, and what runs there.

use std::collections::BTreeSet;

use super::columns::Column;
use super::facts::Walker;
use super::known::{acts, resolved_to};
use super::names::Resolved;
use crate::catalog::{Cascade, Cascaded, Events, Occasion, Relation};
use crate::parse::facts::{Access, Use};
use crate::parse::reference::Role;
use crate::parse::sql::reading::{Known, Trust};

/// What one data-changing statement does to rows.
#[derive(Debug, Default)]
pub(super) struct Changing {
    /// OIDs of relations, what is done to each, and whether it is the one that the statement names.
    pub relations: Vec<(u32, Events, bool)>,
    /// Columns of the named one that get other values where rows change.
    pub columns: BTreeSet<String>,
}

impl Walker<'_> {
    /// Counts what a data-changing statement changes in turn.
    pub(super) fn changes_in_turn(&mut self, changing: &Changing) {
        let Some(known) = self.known() else { return };
        for (oid, events, named) in &changing.relations {
            let Some(relation) = known.snapshot.by_oid(*oid) else { continue };
            let assigned = |name: &&str| changing.columns.contains(*name);
            let columns = || relation.columns().map(|column| column.name()).filter(assigned).collect();
            let columns: Option<BTreeSet<&str>> = named.then(columns);
            let changes = events.has(Events::UPDATE) && columns.as_ref().is_none_or(|columns| !columns.is_empty());
            if (changes || events.has(Events::DELETE)) && self.is_newly_referred_to(known, relation) {
                self.unsettled();
            }
            self.cascades(known, &known.snapshot.cascades(relation, *events, columns));
        }
    }

    /// A key that nobody has looked at may do more.
    fn is_newly_referred_to(&self, known: &Known, relation: Relation<'_>) -> bool {
        let schemas = [relation.schema()];
        let touch = |name: &str| {
            self.earlier.touch_referenced(&schemas, name) || known.defined.touch_referenced(&schemas, name)
        };
        touch(relation.name())
    }

    /// Counts what TRUNCATE … CASCADE empties beside what it names.
    pub(super) fn empties_in_turn(&mut self, relation: &Resolved) {
        let (Some(known), Some(schema)) = (self.known(), relation.schema.as_deref()) else {
            self.not_known("sql.relations");
            return self.not_known("sql.functions");
        };
        // Any table that was made since may refer to it.
        let moved = !self.earlier.is_empty() || !known.defined.is_empty();
        match (self.trust(known, &[schema], &relation.name), known.snapshot.relation_in(schema, &relation.name)) {
            (Trust::Fresh, None) if !moved => {}
            (Trust::Recent | Trust::Fresh, Some(found)) if !moved => {
                self.cascades(known, &known.snapshot.cascades(found, Events::TRUNCATE, None));
            }
            (_, _) => self.unsettled(),
        }
    }

    fn cascades(&mut self, known: &Known, cascade: &Cascade<'_>) {
        if cascade.open {
            self.not_known("sql.relations");
            self.not_known("sql.functions");
        }
        for one in cascade.relations.values() {
            if self.trust(known, &[one.relation.schema()], one.relation.name()) == Trust::Outdated {
                self.unsettled();
            }
            self.cascaded(one);
            self.runs_at_but(known, one.relation, one.events, Some(Occasion::RowSecurity));
        }
    }

    fn cascaded(&mut self, one: &Cascaded<'_>) {
        let relation = resolved_to(&one.relation);
        self.touch_unnamed(&relation, Access::Write);
        self.locate(&relation, Role::Reached, None);
        for name in &one.columns {
            self.column_behind(Column::of(relation.id.as_str(), *name), [Use::Assignment]);
        }
        if acts(&one.relation) && one.events != Events::TRUNCATE {
            // Its rules do something else instead, or beside.
            self.not_known("sql.relations");
            self.not_known("sql.functions");
        }
    }
}
