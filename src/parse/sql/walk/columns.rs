//! Which relation a column belongs to. Without a catalog this is certain only where a qualifier
//! says it, where one relation is visible, or where a sub-select's own output list says it; with one,
//! names are found as PostgreSQL finds them.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{Ident, ObjectName};

use super::facts::Walker;
use super::outputs::{Output, Outputs};
use super::overloads::Given;
use super::scope::{Found, Shape, Source};
use super::{Unread, Walk, names};
use crate::parse::facts::Use;

/// A column of a base relation, or one whose relation is not certain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Column {
    /// The relation's id.
    pub relation: Option<Rc<str>>,
    /// Folded; `*` for all of them.
    pub name: Rc<str>,
}

/// What a name stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    /// The base columns.
    pub bases: BTreeSet<Column>,
    /// It is the only one of them, as it is.
    pub bare: bool,
    /// It is one of them, as it is, in every row.
    pub shown: bool,
}

/// Whether something has a column of a name.
#[derive(Clone, Debug)]
pub(super) enum Match {
    Is(Reference),
    /// One of these may have that name, or it has none.
    Perhaps(BTreeSet<Column>),
    /// Not all of its columns are known.
    Open,
    No,
}

/// How a name is used where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub clause: Use,
    /// Below a function or operator.
    pub inside: bool,
}

/// What a bare name turned out to be, over all levels.
enum Seen {
    /// A column that is listed.
    Is(Reference),
    /// Columns that may not have that name, or a relation's that may not have it.
    Maybe(Reference),
    /// One of several relations has it, or none.
    NotCertain,
    /// No level has a column of that name.
    Nowhere,
}

impl Column {
    pub(super) fn of(relation: impl Into<Rc<str>>, name: impl Into<Rc<str>>) -> Self {
        Self { relation: Some(relation.into()), name: name.into() }
    }

    pub(super) fn uncertain(name: impl Into<Rc<str>>) -> Self {
        Self { relation: None, name: name.into() }
    }
}

impl Match {
    /// The base column that it is.
    pub(super) fn bare(self) -> Option<Column> {
        match self {
            Self::Is(reference) if reference.bare => reference.bases.into_iter().next(),
            Self::Is(_) | Self::Perhaps(_) | Self::Open | Self::No => None,
        }
    }
}

impl Reference {
    pub(super) fn one(relation: Rc<str>, name: &str) -> Self {
        let bare = name != "*";
        Self { bases: BTreeSet::from([Column::of(relation, name)]), bare, shown: bare }
    }

    /// What is made of these.
    pub(super) fn made(bases: BTreeSet<Column>) -> Self {
        Self { bases, bare: false, shown: false }
    }

    /// What depends on all of these.
    pub(super) fn mixed<'o>(outputs: impl Iterator<Item = &'o Output>) -> Self {
        Self::made(outputs.flat_map(|output| output.bases.iter().cloned()).collect())
    }

    /// It may be one of these, too.
    pub(super) fn among(mut self, others: BTreeSet<Column>) -> Self {
        self.bases.extend(others);
        Self::made(self.bases)
    }
}

impl Place {
    pub(super) fn of(clause: Use) -> Self {
        Self { clause, inside: false }
    }

    pub(super) fn inside(self) -> Self {
        Self { inside: true, ..self }
    }

    /// Below a comparison: in a predicate that is what columns are for.
    pub(super) fn compared(self) -> Self {
        match self.clause {
            Use::Predicate | Use::Join => self,
            Use::Output | Use::Group | Use::Order | Use::Argument | Use::Assignment | Use::WholeRow => self.inside(),
        }
    }

    fn uses(self) -> impl Iterator<Item = Use> + Clone {
        std::iter::once(self.clause).chain(self.inside.then_some(Use::Argument))
    }
}

impl Walker<'_> {
    /// `name` alone.
    pub(super) fn bare_column(&mut self, ident: &Ident, place: Place) -> Walk {
        let name = names::name(ident)?;
        if self.named_output(&name, place) {
            return Ok(());
        }
        let row = self.alias(&name).map(|source| source.shape.clone());
        match (self.seen(&name), row) {
            // PostgreSQL looks for a relation of that name only where there is no such column.
            (Seen::Is(reference), _) => self.refer(reference, place),
            (Seen::Nowhere, Some(shape)) => self.whole_row(&shape, place),
            (Seen::Maybe(reference), row) => {
                self.refer(reference, place);
                if let Some(shape) = row {
                    self.whole_row(&shape, place);
                }
            }
            (Seen::NotCertain, row) => {
                self.column(Column::uncertain(name), place.uses());
                if let Some(shape) = row {
                    self.whole_row(&shape, place);
                }
            }
            (Seen::Nowhere, None) => self.nowhere(name, place),
        }
        Ok(())
    }

    /// A name that nothing has: the server will refuse it, unless a relation has got it meanwhile.
    fn nowhere(&mut self, name: String, place: Place) {
        self.not_there();
        self.column(Column::uncertain(name), place.uses());
    }

    /// `alias.name`, `schema.relation.name`.
    pub(super) fn qualified_column(&mut self, idents: &[Ident], place: Place) -> Walk {
        let (Some((last, qualifier)), Some(first)) = (idents.split_last(), idents.first()) else {
            return Err(Unread::new("an empty name"));
        };
        names::name(first)?;
        let name = names::label(last);
        match self.source(qualifier)?.map(|source| source.shape.clone()) {
            Some(shape) => self.field(&shape, &name, place),
            None => self.column(Column::uncertain(name), place.uses()),
        }
        Ok(())
    }

    /// A field of a row: a column, or a function that is called with it.
    pub(super) fn field(&mut self, shape: &Shape, name: &str, place: Place) {
        match shape.find(name) {
            Match::Is(reference) => self.refer(reference, place),
            Match::No => {
                self.calls_with_row(name);
                self.whole_row(shape, place.inside());
            }
            Match::Perhaps(_) | Match::Open => {
                if self.may_call_with_row(name) {
                    self.whole_row(shape, place.inside());
                }
                self.refer(shape.lookup(name), place);
            }
        }
    }

    /// `alias.*` as a result or argument.
    pub(super) fn qualified_star(&mut self, object: &ObjectName, place: Place) -> Walk<Shape> {
        let parts = names::parts(object)?;
        let found = self.scopes.iter().rev().find_map(|scope| scope.find(&parts));
        let shape = found.map(|source| source.shape.clone());
        let Some(shape) = shape else {
            self.column(Column::uncertain("*"), place.uses());
            return Ok(Shape::Known(Rc::new(Outputs::opaque())));
        };
        self.all_columns(&shape, place.uses());
        Ok(shape)
    }

    /// Everything that the shape has is used.
    pub(super) fn all_columns(&mut self, shape: &Shape, uses: impl Iterator<Item = Use> + Clone) {
        match shape {
            Shape::Relation { id, .. } => self.column(Column::of(Rc::clone(id), "*"), uses),
            Shape::Table(table) => self.all_outputs(&table.outputs, uses),
            Shape::Known(outputs) => self.all_outputs(outputs, uses),
            Shape::Computed(bases) => {
                for column in bases.iter() {
                    self.column(column.clone(), uses.clone());
                }
            }
        }
    }

    pub(super) fn all_outputs(&mut self, outputs: &Outputs, uses: impl Iterator<Item = Use> + Clone) {
        for column in outputs.columns.iter().flat_map(|output| output.bases.iter()) {
            self.column(column.clone(), uses.clone());
        }
        for id in &outputs.stars {
            self.column(Column::of(Rc::clone(id), "*"), uses.clone());
        }
        if outputs.opaque {
            self.column(Column::uncertain("*"), uses);
        }
    }

    pub(super) fn whole_row(&mut self, shape: &Shape, place: Place) {
        if let Shape::Known(outputs) = shape
            && !self.has_whole_row(outputs)
        {
            return self.all_columns(shape, place.inside().uses());
        }
        self.all_columns(shape, place.uses().chain([Use::WholeRow]));
    }

    /// Whether a row that a query makes has all columns of a relation, as far as that is known.
    fn has_whole_row(&self, outputs: &Outputs) -> bool {
        let bases = || outputs.columns.iter().flat_map(|output| output.bases.iter());
        let open = outputs.opaque || !outputs.stars.is_empty();
        open || bases().any(|base| match base.relation.as_deref().and_then(|id| self.tables.get(id)) {
            Some(table) => {
                let held = |name: &str| bases().any(|other| other.relation == base.relation && &*other.name == name);
                table.outputs.columns.iter().all(|column| column.name.as_deref().is_none_or(held))
            }
            None => true,
        })
    }

    /// A function that may be called with a row: somebody's, or a built-in that takes one.
    fn may_call_with_row(&mut self, name: &str) -> bool {
        let built_in = names::takes_row(name);
        if built_in {
            self.procedure();
            self.builtin(name);
        }
        self.calls_somebodys(name, Given::Many(1)) || built_in
    }

    /// A function that is called with a row, since the row has no such column.
    fn calls_with_row(&mut self, name: &str) {
        if !self.may_call_with_row(name) {
            self.not_there();
            self.procedure();
            self.function(None, name, None, false);
        }
    }

    /// Counts what a name stands for.
    pub(super) fn refer(&mut self, reference: Reference, place: Place) {
        self.passing = if reference.bare { reference.bases.first().cloned() } else { None };
        self.showing = if reference.shown { Some(reference.bases.clone()) } else { None };
        for column in reference.bases {
            self.column(column, place.uses());
        }
    }

    /// A name in ORDER BY or GROUP BY that means an output; whether it means nothing else.
    fn named_output(&mut self, name: &str, place: Place) -> bool {
        if place.inside || !matches!(place.clause, Use::Order | Use::Group) {
            return false;
        }
        let Some(scope) = self.scopes.last() else { return false };
        let Some(outputs) = scope.outputs.clone() else { return false };
        let reference = match outputs.find(name) {
            Match::Is(reference) => reference,
            Match::Perhaps(bases) => Reference::made(bases),
            Match::Open | Match::No => return false,
        };
        // GROUP BY prefers a column of FROM, ORDER BY prefers the output.
        let own = scope.bare(name, false);
        if place.clause == Use::Group && matches!(own, Found::Is(_)) {
            return false;
        }
        let certain = outputs.has(name);
        self.refer(reference, place);
        certain && (place.clause == Use::Order || matches!(own, Found::Elsewhere(None)))
    }

    /// What a bare name means.
    fn seen(&self, name: &str) -> Seen {
        let mut perhaps = BTreeSet::new();
        let mut maybe = false;
        let mut levels = self.scopes.iter().rev().filter(|scope| !scope.sources.is_empty()).peekable();
        while let Some(scope) = levels.next() {
            match scope.bare(name, levels.peek().is_none()) {
                Found::Is(reference) if maybe => return Seen::Maybe(reference.among(perhaps)),
                Found::Is(reference) => return Seen::Is(reference),
                Found::Open(reference) if maybe => return Seen::Maybe(reference.among(perhaps)),
                Found::Open(reference) => return Seen::Maybe(reference),
                Found::Elsewhere(bases) => {
                    maybe |= bases.is_some();
                    perhaps.extend(bases.into_iter().flatten());
                }
                Found::NotCertain => return Seen::NotCertain,
            }
        }
        if maybe { Seen::Maybe(Reference::default().among(perhaps)) } else { Seen::Nowhere }
    }

    /// The row that a bare name means for certain.
    pub(super) fn row_named(&self, name: &str) -> Option<Shape> {
        let shape = self.alias(name).map(|source| &source.shape)?;
        match self.seen(name) {
            Seen::Nowhere if shape.listed().is_some() => Some(shape.clone()),
            Seen::Nowhere | Seen::Is(_) | Seen::Maybe(_) | Seen::NotCertain => None,
        }
    }

    /// The base column that a name stands for, as it is.
    pub(super) fn base_of(&self, idents: &[Ident]) -> Option<Column> {
        let (last, qualifier) = idents.split_last()?;
        let name = names::label(last);
        if !qualifier.is_empty() {
            return self.source(qualifier).ok()??.shape.find(&name).bare();
        }
        match self.seen(&name) {
            Seen::Is(reference) => Match::Is(reference).bare(),
            Seen::Maybe(_) | Seen::NotCertain | Seen::Nowhere => None,
        }
    }

    fn alias(&self, name: &str) -> Option<&Source> {
        self.scopes.iter().rev().find_map(|scope| scope.find(std::slice::from_ref(&name.to_owned())))
    }

    fn source(&self, qualifier: &[Ident]) -> Walk<Option<&Source>> {
        // PostgreSQL takes no database but the session's own.
        let qualifier = match qualifier {
            [_, schema, relation] => &[schema.clone(), relation.clone()][..],
            [_, _, _, ..] => return Err(Unread::new("a column name of five parts")),
            own => own,
        };
        let parts: Vec<String> = qualifier.iter().map(names::label).collect();
        Ok(self.scopes.iter().rev().find_map(|scope| scope.find(&parts)))
    }
}
