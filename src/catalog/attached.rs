//! What runs where a relation is used and no statement says so: triggers, row security, checks, defaults, expressions
//! of indexes; and what columns are generated from.

use std::collections::BTreeSet;

use super::rows::{CastMethod, Occasion, RelationKind};
use super::snapshot::{OWN, Snapshot, among};
use super::things::{Column, Function, Relation, Type};

/// Types inside of types that are followed.
const DEEP: usize = 64;

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

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
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
        if events.stores() && !held.domain_functions.is_empty() {
            let types = relation.columns().filter_map(|column| self.data_type(column.data_type().0));
            found.extend(types.flat_map(Type::checked_by).map(|function| (Occasion::Check, Some(function.oid()))));
        }
        found
    }

    /// The relations whose rows a statement on this one may change. Row security is asked for the one that is named.
    fn stored_in(&self, relation: Relation<'_>, events: Events) -> BTreeSet<u32> {
        let mut found = BTreeSet::from([relation.oid()]);
        let mut next = vec![relation.oid()];
        while let Some(oid) = next.pop().filter(|_| events.writes()) {
            let children = among(&self.held.inheritance, &oid, |(parent, _)| *parent);
            next.extend(children.iter().map(|(_, child)| *child).filter(|child| found.insert(*child)));
        }
        found
    }
}

impl<'a> Type<'a> {
    /// Functions that run where a value becomes one of this type: of its checks and its default, of what it is made of
    /// as well. PostgreSQL's own that only compute are not held.
    pub fn checked_by(self) -> Vec<Function<'a>> {
        let (snapshot, held) = (self.snapshot, &self.snapshot.held);
        let own = |one: &Type<'a>| among(&held.domain_functions, &one.oid(), |(domain, _)| *domain);
        let parts = self.parts();
        parts.iter().flat_map(own).filter_map(|(_, function)| snapshot.function(*function)).collect()
    }

    /// Functions that casts of its values, or of values to it, call, of what it is made of as well; `None` for one that
    /// nobody knows. Casts between PostgreSQL's own types are left out.
    pub fn cast_by(self) -> Vec<Option<Function<'a>>> {
        let snapshot = self.snapshot;
        let parts = self.parts();
        let foreign = parts.iter().filter(|one| one.schema() != OWN);
        let casts = foreign.flat_map(|one| snapshot.casts_from(one.oid()).chain(snapshot.casts_to(one.oid())));
        casts.filter(|(method, _)| *method == CastMethod::Function).map(|(_, function)| function).collect()
    }

    /// The type and what it is made of.
    fn parts(self) -> Vec<Type<'a>> {
        let snapshot = self.snapshot;
        let mut seen = BTreeSet::from([self.oid()]);
        let mut next = vec![self];
        let mut found = Vec::new();
        while let Some(one) = next.pop().filter(|_| seen.len() < DEEP) {
            found.push(one);
            let fields = one.relation().into_iter().flat_map(|relation| relation.columns());
            let fields = fields.filter_map(|column| snapshot.data_type(column.data_type().0));
            let parts = one.base().map(|(base, _)| base).into_iter().chain(one.element()).chain(one.subtype());
            next.extend(parts.chain(fields).filter(|part| seen.insert(part.oid())));
        }
        found
    }
}
