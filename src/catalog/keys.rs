//! What foreign keys do where rows go or change: which relations change in turn, however far that goes.

use std::collections::{BTreeMap, BTreeSet};

use super::attached::Events;
use super::rows::{KeyAction, KeyRow, RelationKind};
use super::snapshot::{Snapshot, among};
use super::things::Relation;

/// More steps than that nobody follows.
const FAR: usize = 16_384;

/// From this version on a row that moves to another partition is a changed one to those who refer to it.
const MOVES: u32 = 150_000;

/// What changes in turn.
#[derive(Clone, Debug, Default)]
pub struct Cascade<'a> {
    /// Relations by OID. Partitions of one that is there are left out.
    pub relations: BTreeMap<u32, Cascaded<'a>>,
    /// It leads further than anybody followed it.
    pub open: bool,
}

/// One that does.
#[derive(Clone, Debug)]
pub struct Cascaded<'a> {
    /// Which.
    pub relation: Relation<'a>,
    /// What is done to its rows.
    pub events: Events,
    /// The columns that are given other values.
    pub columns: BTreeSet<&'a str>,
}

/// What is done to a relation's rows.
#[derive(Clone, PartialEq)]
struct Done<'a> {
    events: Events,
    /// Columns with other values; `None` for any.
    columns: Option<BTreeSet<&'a str>>,
}

impl<'a> Done<'a> {
    fn add(&mut self, other: &Self) {
        self.events = self.events.and(other.events);
        match (&mut self.columns, &other.columns) {
            (Some(known), Some(more)) => known.extend(more),
            (known, None) => *known = None,
            (None, Some(_)) => {}
        }
    }

    fn changes(&self, column: &str) -> bool {
        self.columns.as_ref().is_none_or(|columns| columns.contains(column))
    }
}

impl Snapshot {
    /// What changes in turn where this is done to rows of a relation. `columns`: those that an UPDATE gives other values;
    /// `None` where it may be any. TRUNCATE is one that cascades.
    pub fn cascades<'a>(
        &'a self,
        relation: Relation<'a>,
        events: Events,
        columns: Option<BTreeSet<&'a str>>,
    ) -> Cascade<'a> {
        let mut cascade = Cascade::default();
        if self.held.keys.is_empty() {
            return cascade;
        }
        let moves = relation.kind() == RelationKind::Partitioned && self.server().version < MOVES;
        let events = if moves && events.has(Events::UPDATE) { events.and(Events::DELETE) } else { events };
        // What only goes changes in no column.
        let columns = if events.has(Events::UPDATE) { columns } else { Some(BTreeSet::new()) };
        let first = Done { events, columns };
        let mut done: BTreeMap<u32, Done<'a>> = BTreeMap::new();
        let mut next: Vec<u32> = self.stored_in(relation, events).into_iter().collect();
        done.extend(next.iter().map(|oid| (*oid, first.clone())));
        let mut steps = 0_usize;
        while let Some(oid) = next.pop() {
            let Some(now) = done.get(&oid).cloned() else { continue };
            let keys = among(&self.held.keys, &oid, |key| key.referenced);
            for key in keys.chunk_by(|one, other| one.oid == other.oid) {
                let Some((referencing, then)) = self.caused(key, &now) else { continue };
                cascade.add(referencing, &then);
                for stored in self.stored_in(referencing, then.events) {
                    let known = done.entry(stored).or_insert(Done { events: Events::NONE, ..then.clone() });
                    let before = known.clone();
                    known.add(&then);
                    if *known != before {
                        next.push(stored);
                    }
                }
            }
            steps = steps.saturating_add(1);
            if steps > FAR {
                cascade.open = true;
                break;
            }
        }
        cascade.without_partitions();
        cascade
    }

    /// What a key does where this is done to what it refers to.
    fn caused<'a>(&'a self, key: &[KeyRow], now: &Done<'a>) -> Option<(Relation<'a>, Done<'a>)> {
        let first = key.first()?;
        let referenced = self.by_oid(first.referenced)?;
        let referencing = self.by_oid(first.referencing)?;
        let moved = key.iter().any(|row| {
            let column = referenced.columns().find(|column| column.number() == row.referenced_column);
            // A generated one changes with others.
            column.is_none_or(|column| column.is_generated() || now.changes(column.name()))
        });
        let mut events = Events::NONE;
        if now.events.has(Events::TRUNCATE) {
            events = events.and(Events::TRUNCATE);
        }
        if now.events.has(Events::DELETE) {
            events = events.and(match first.on_delete {
                KeyAction::Cascades => Events::DELETE,
                KeyAction::Lets => Events::UPDATE,
                KeyAction::Refuses => Events::NONE,
            });
        }
        if now.events.has(Events::UPDATE) && moved && first.on_update != KeyAction::Refuses {
            events = events.and(Events::UPDATE);
        }
        let given = |row: &KeyRow| referencing.columns().find(|column| column.number() == row.referencing_column);
        // Rows that go keep what they have.
        let changed = key.iter().filter(|_| events.has(Events::UPDATE));
        let columns = changed.filter_map(given).map(|column| column.name()).collect();
        (events != Events::NONE).then_some((referencing, Done { events, columns: Some(columns) }))
    }
}

impl<'a> Cascade<'a> {
    fn add(&mut self, relation: Relation<'a>, done: &Done<'a>) {
        let new = Cascaded { relation, events: Events::NONE, columns: BTreeSet::new() };
        let known = self.relations.entry(relation.oid()).or_insert(new);
        known.events = known.events.and(done.events);
        if done.events.has(Events::UPDATE) {
            known.columns.extend(done.columns.iter().flatten());
        }
    }

    /// What is done to a partition is told with the table that it is of.
    fn without_partitions(&mut self) {
        let known: BTreeSet<u32> = self.relations.keys().copied().collect();
        self.relations.retain(|_, one| {
            !(one.relation.is_partition() && one.relation.parents().any(|parent| known.contains(&parent.oid())))
        });
    }
}

#[cfg(test)]
mod tests;
