//! What runs where a relation is used and no statement says so: triggers, row security, checks, defaults, expressions
//! of indexes; and what columns are generated from.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::{CastMethod, Occasion, RelationKind, TypeKind};
use super::snapshot::{OWN, Snapshot, among};
use super::things::{Column, Function, Relation, Type};

/// What is done to rows, as the bits that the question after attached functions gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events(u16);

impl Events {
    /// They come.
    pub const INSERT: Self = Self(1);
    /// They go.
    pub const DELETE: Self = Self(2);
    /// They change.
    pub const UPDATE: Self = Self(4);
    /// All of them go.
    pub const TRUNCATE: Self = Self(8);
    /// They are looked at.
    pub const READ: Self = Self(16);
    /// They are counted, or put in order anew.
    pub const MAINTAIN: Self = Self(32);
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of these is done.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn meets(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    fn writes(self) -> bool {
        self != Self::READ
    }

    fn stores(self) -> bool {
        self.meets(Self::INSERT.0 | Self::UPDATE.0)
    }
}

impl<'a> Column<'a> {
    /// The columns that it is generated from; none of one that is not generated.
    pub fn bases(&self) -> impl Iterator<Item = Column<'a>> + use<'a> {
        let (snapshot, row) = (self.snapshot, self.row);
        let rows = if row.generated { snapshot.held.generated.as_slice() } else { &[] };
        let found = among(rows, &(row.relation, row.number), |(relation, column, _)| (*relation, *column));
        let relation = snapshot.by_oid(row.relation);
        found.iter().flat_map(move |(_, own, base)| {
            let columns = relation.into_iter().flat_map(|relation| relation.columns());
            columns.filter(move |column| column.number() == *base || (*base == 0 && column.number() != *own))
        })
    }
}

impl Snapshot {
    /// What runs where this is done to rows of a relation, and on which occasion; `None` for what nobody has looked at.
    /// PostgreSQL's own functions that only compute are not held.
    pub fn runs_at<'a>(&'a self, relation: Relation<'a>, events: Events) -> BTreeSet<(Occasion, Option<u32>)> {
        let mut found = BTreeSet::new();
        let held = &self.held;
        if held.attached.is_empty() && held.domain_functions.is_empty() {
            return found;
        }
        let mut events = events;
        if relation.kind() == RelationKind::Partitioned && events.meets(Events::UPDATE.0) {
            // A row that changes may move to another partition.
            events = events.and(Events::INSERT).and(Events::DELETE);
        }
        for oid in self.stored_in(relation, events) {
            for row in among(&held.attached, &oid, |row| row.relation) {
                if events.meets(row.events) {
                    found.insert((row.occasion, (row.function != 0).then_some(row.function)));
                }
            }
        }
        if events.stores() {
            let types = relation.columns().filter_map(|column| self.data_type(column.data_type().0));
            found.extend(self.checked_by(types).into_iter().map(|function| (Occasion::Check, Some(function))));
        }
        found
    }

    /// Relations that policies of row security read where this is done to rows of a relation, row by row; `None` for what
    /// the snapshot does not hold.
    pub fn policies_read(&self, relation: Relation<'_>, events: Events) -> impl Iterator<Item = Option<Relation<'_>>> {
        let found = among(&self.held.policy_relations, &relation.oid(), |(relation, _, _)| *relation);
        found.iter().filter(move |(_, bits, _)| events.meets(*bits)).map(|(_, _, read)| self.by_oid(*read))
    }

    /// Functions that run somewhere without a statement's saying so.
    pub fn run_unasked(&self) -> impl Iterator<Item = Function<'_>> {
        let attached = self.held.attached.iter().map(|row| row.function);
        let of_domains = self.held.domain_functions.iter().map(|(_, function)| *function);
        let at_definitions = self.held.event_triggers.iter().map(|row| row.function);
        attached.chain(of_domains).chain(at_definitions).filter_map(|oid| self.function(oid))
    }

    /// OIDs of functions that run where a statement with this tag defines something.
    pub fn runs_at_definition(&self, tag: &str) -> impl Iterator<Item = u32> {
        let fires = move |tags: &[Box<str>]| tags.is_empty() || tags.iter().any(|one| **one == *tag);
        self.held.event_triggers.iter().filter(move |row| fires(&row.tags)).map(|row| row.function)
    }

    /// The relations whose rows a statement on this one may change. Row security is asked for the one that is named.
    pub(super) fn stored_in(&self, relation: Relation<'_>, events: Events) -> BTreeSet<u32> {
        let mut found = BTreeSet::from([relation.oid()]);
        let mut next = vec![relation.oid()];
        while let Some(oid) = next.pop().filter(|_| events.writes()) {
            let children = among(&self.held.inheritance, &oid, |(parent, _)| *parent);
            next.extend(children.iter().map(|(_, child)| *child).filter(|child| found.insert(*child)));
        }
        found
    }
}

impl Snapshot {
    /// The relations that hold the rows of this one: itself, and whatever inherits from it.
    pub fn holding<'a>(&'a self, relation: Relation<'a>, events: Events) -> impl Iterator<Item = Relation<'a>> {
        self.stored_in(relation, events).into_iter().filter_map(|oid| self.by_oid(oid))
    }

    /// Whether any domain calls what does more than compute.
    pub fn checks_domains(&self) -> bool {
        !self.held.domain_functions.is_empty()
    }

    /// OIDs of functions that run where values become ones of these types: of their checks and defaults, and of those of
    /// what they are made of. PostgreSQL's own that only compute are not held.
    pub fn checked_by<'a>(&'a self, types: impl Iterator<Item = Type<'a>>) -> BTreeSet<u32> {
        if self.held.domain_functions.is_empty() {
            return BTreeSet::new();
        }
        let parts = self.made_of(types);
        let called = parts.keys().flat_map(|oid| among(&self.held.domain_functions, oid, |(domain, _)| *domain));
        called.map(|(_, function)| *function).collect()
    }

    /// Whether somebody's code may check a text that becomes a value of one of these types, as a literal beside such a value
    /// does. What is compiled only a superuser can have brought.
    pub fn checks<'a>(&'a self, types: impl Iterator<Item = Type<'a>>) -> bool {
        self.checked_by(types).into_iter().any(|oid| self.may_show(oid))
    }

    fn may_show(&self, function: u32) -> bool {
        self.function(function).is_none_or(|one| one.is_own() || !matches!(one.language(), "c" | "internal"))
    }

    /// Functions that casts of values of these types, or of values to them, call, and those of what they are made of;
    /// `None` for one that nobody knows. Casts between PostgreSQL's own types are left out.
    pub fn cast_by<'a>(&'a self, types: impl Iterator<Item = Type<'a>>) -> Vec<Option<Function<'a>>> {
        if !self.casts_others() {
            return Vec::new();
        }
        let parts = self.made_of(types);
        let foreign = parts.into_values().filter(|one| one.schema() != OWN);
        let casts = foreign.flat_map(|one| self.casts_from(one.oid()).chain(self.casts_to(one.oid())));
        casts.filter(|(method, _)| *method == CastMethod::Function).map(|(_, function)| function).collect()
    }

    /// Types and what they are made of, by OID.
    fn made_of<'a>(&'a self, types: impl Iterator<Item = Type<'a>>) -> BTreeMap<u32, Type<'a>> {
        let mut next: Vec<Type<'a>> = types.collect();
        let mut found = BTreeMap::new();
        while let Some(one) = next.pop() {
            if found.insert(one.oid(), one).is_some() {
                continue;
            }
            let fields = one.relation().into_iter().flat_map(|relation| relation.columns());
            next.extend(fields.filter_map(|column| self.data_type(column.data_type().0)));
            next.extend(one.base().map(|(base, _)| base).into_iter().chain(one.element()).chain(one.subtype()));
        }
        found
    }
}

impl Function<'_> {
    /// Whether somebody's code may check what becomes one of its arguments, or an aggregate's state when that begins. What
    /// is taken by a part that takes anything does not say of which type the state is: it may be of any that is checked.
    pub fn is_checked(&self) -> bool {
        let snapshot = self.snapshot;
        let taken =
            |one: &Function<'_>| one.arguments().iter().filter_map(|oid| snapshot.data_type(*oid)).collect::<Vec<_>>();
        if snapshot.held.domain_functions.is_empty() {
            return false;
        }
        let anything = |part: Function<'_>| taken(&part).iter().any(|given| given.kind() == TypeKind::Pseudo);
        snapshot.checks(taken(self).into_iter())
            || self.parts().flatten().any(anything)
                && snapshot.held.domain_functions.iter().any(|(_, function)| snapshot.may_show(*function))
    }
}
