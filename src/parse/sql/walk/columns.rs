//! Which relation a column belongs to. Without a catalog this is certain only where a qualifier
//! says it, where one relation is visible, or where a sub-select's own output list says it.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{Ident, ObjectName};

use super::facts::Walker;
use super::{Unread, Walk, names};
use crate::parse::facts::Use;

/// A column of a base relation, or one whose relation is not certain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Column {
    /// The relation's id.
    pub relation: Option<String>,
    /// Folded; `*` for all of them.
    pub name: String,
}

/// What a sub-select gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    /// Named (or not) columns and what they depend on.
    pub columns: Vec<(Option<String>, BTreeSet<Column>)>,
    /// Relations that a star stands for.
    pub stars: BTreeSet<String>,
    /// More columns than are known.
    pub opaque: bool,
}

/// What an alias in FROM stands for.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A relation, by id; `renamed` when it has a list of column aliases.
    Relation { id: String, renamed: bool },
    /// A sub-select or CTE.
    Known(Rc<Outputs>),
    /// The result of a function.
    Computed,
}

/// One item of FROM.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The alias, or the relation's name.
    pub alias: Option<String>,
    /// The relation's schema where it has no alias.
    pub schema: Option<String>,
    pub shape: Shape,
    /// Only seen with its alias in front, as `excluded`.
    pub hidden: bool,
}

/// What one level of a query sees.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub sources: Vec<Source>,
    /// Columns that USING merged.
    pub merged: BTreeSet<String>,
    /// Output names that ORDER BY may mean.
    pub outputs: Option<Rc<Outputs>>,
}

/// How a name is used where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub clause: Use,
    /// Below a function or operator.
    pub inside: bool,
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

    fn uses(self) -> impl Iterator<Item = Use> {
        std::iter::once(self.clause).chain(self.inside.then_some(Use::Argument))
    }
}

/// What a name turned out to be.
enum Found {
    Columns(BTreeSet<Column>),
    /// Another level may have it.
    Elsewhere,
    NotCertain,
}

impl Walker<'_> {
    /// `name` alone.
    pub(super) fn bare_column(&mut self, ident: &Ident, place: Place) -> Walk {
        let name = names::name(ident)?;
        self.bare_name(&name, place);
        if let Some(shape) = self.alias(&name).map(|source| source.shape.clone()) {
            self.whole_row(&shape, place);
        }
        Ok(())
    }

    /// `alias.name`, `schema.relation.name`.
    pub(super) fn qualified_column(&mut self, idents: &[Ident], place: Place) -> Walk {
        let (Some((last, qualifier)), Some(first)) = (idents.split_last(), idents.first()) else {
            return Err(Unread::new("an empty name"));
        };
        names::name(first)?;
        let name = names::label(last);
        let shape = match self.source(qualifier)? {
            Some(source) => source.shape.clone(),
            None => {
                self.column(Column { relation: None, name }, place.uses());
                return Ok(());
            }
        };
        if self.calls_with_row(&shape, &name) {
            self.whole_row(&shape, place.inside());
            return Ok(());
        }
        self.row_function(&shape, &name, place);
        self.column_of(&shape, &name, place);
        Ok(())
    }

    /// `alias.*` as a result or argument.
    pub(super) fn qualified_star(&mut self, object: &ObjectName, place: Place) -> Walk<Shape> {
        let parts = names::parts(object)?;
        let found = self.scopes.iter().rev().find_map(|scope| scope.find(&parts));
        let shape = found.map(|source| source.shape.clone());
        let Some(shape) = shape else {
            self.column(Column { relation: None, name: "*".to_owned() }, place.uses());
            return Ok(Shape::Known(Rc::new(Outputs { opaque: true, ..Outputs::default() })));
        };
        self.all_columns(&shape, place.uses().collect());
        Ok(shape)
    }

    /// Everything that the shape has is used.
    pub(super) fn all_columns(&mut self, shape: &Shape, uses: Vec<Use>) {
        let star = |id: &String| Column { relation: Some(id.clone()), name: "*".to_owned() };
        match shape {
            Shape::Relation { id, .. } => self.column(star(id), uses),
            Shape::Known(outputs) => {
                for column in outputs.columns.iter().flat_map(|(_, bases)| bases) {
                    self.column(column.clone(), uses.iter().copied());
                }
                for id in &outputs.stars {
                    self.column(star(id), uses.iter().copied());
                }
                if outputs.opaque {
                    self.column(Column { relation: None, name: "*".to_owned() }, uses);
                }
            }
            Shape::Computed => {}
        }
    }

    pub(super) fn whole_row(&mut self, shape: &Shape, place: Place) {
        self.all_columns(shape, place.uses().chain([Use::WholeRow]).collect());
    }

    /// `alias.function`: where no such column is certain, a built-in that takes a row is called.
    fn row_function(&mut self, shape: &Shape, name: &str, place: Place) {
        let certain = matches!(shape, Shape::Known(outputs) if outputs.has(name));
        if !certain && names::takes_row(name) {
            self.procedure();
            self.builtin(name);
            self.whole_row(shape, place.inside());
        }
    }

    fn column_of(&mut self, shape: &Shape, name: &str, place: Place) {
        for column in shape.columns(name) {
            self.column(column, place.uses());
        }
    }

    fn bare_name(&mut self, name: &str, place: Place) {
        if place.clause == Use::Order || place.clause == Use::Group {
            let outputs = self.scopes.last().and_then(|scope| scope.outputs.clone());
            if let Some(outputs) = outputs.filter(|outputs| outputs.has(name)) {
                for column in outputs.lookup(name) {
                    self.column(column, place.uses());
                }
                // GROUP BY prefers a column of FROM, ORDER BY prefers the output.
                if place.clause == Use::Order && !place.inside {
                    return;
                }
            }
        }
        let found = self.visible(name);
        for column in found {
            self.column(column, place.uses());
        }
    }

    /// The columns that a bare name may stand for.
    fn visible(&self, name: &str) -> BTreeSet<Column> {
        let not_certain = || BTreeSet::from([Column { relation: None, name: name.to_owned() }]);
        let mut levels = self.scopes.iter().rev().filter(|scope| !scope.sources.is_empty()).peekable();
        while let Some(scope) = levels.next() {
            match scope.bare(name, levels.peek().is_none()) {
                Found::Columns(columns) => return columns,
                Found::Elsewhere => {}
                Found::NotCertain => return not_certain(),
            }
        }
        not_certain()
    }

    fn alias(&self, name: &str) -> Option<&Source> {
        self.scopes.iter().rev().find_map(|scope| scope.find(std::slice::from_ref(&name.to_owned())))
    }

    fn source(&self, qualifier: &[Ident]) -> Walk<Option<&Source>> {
        if qualifier.len() > 2 {
            return Err(Unread::new("a column name with a database in front"));
        }
        let parts: Vec<String> = qualifier.iter().map(names::label).collect();
        Ok(self.scopes.iter().rev().find_map(|scope| scope.find(&parts)))
    }
}

impl Scope {
    fn find(&self, parts: &[String]) -> Option<&Source> {
        self.sources.iter().find(|source| match parts {
            [alias] => source.alias.as_ref() == Some(alias),
            [schema, name] => source.schema.as_ref() == Some(schema) && source.alias.as_ref() == Some(name),
            _ => false,
        })
    }

    fn bare(&self, name: &str, outermost: bool) -> Found {
        if self.merged.contains(name) {
            return Found::Columns(self.sources.iter().flat_map(|source| source.shape.columns(name)).collect());
        }
        let visible = || self.sources.iter().filter(|source| !source.hidden);
        let listed = visible().find_map(|source| match &source.shape {
            Shape::Known(outputs) if outputs.has(name) => Some(outputs.lookup(name)),
            Shape::Known(_) | Shape::Relation { .. } | Shape::Computed => None,
        });
        if let Some(columns) = listed {
            return Found::Columns(columns);
        }
        let mut open = visible().filter(|source| source.shape.is_open());
        match (open.next(), open.next()) {
            (None, _) => Found::Elsewhere,
            (Some(only), None) if outermost => Found::Columns(only.shape.columns(name)),
            (Some(_), _) => Found::NotCertain,
        }
    }
}

impl Shape {
    /// What `alias.name` depends on.
    pub(super) fn columns(&self, name: &str) -> BTreeSet<Column> {
        match self {
            Self::Relation { id, renamed } => {
                let name = if *renamed { "*" } else { name };
                BTreeSet::from([Column { relation: Some(id.clone()), name: name.to_owned() }])
            }
            Self::Known(outputs) => outputs.lookup(name),
            Self::Computed => BTreeSet::new(),
        }
    }

    /// Whether it may have columns that are not listed.
    fn is_open(&self) -> bool {
        match self {
            Self::Relation { .. } | Self::Computed => true,
            Self::Known(outputs) => outputs.opaque || !outputs.stars.is_empty(),
        }
    }
}

impl Outputs {
    /// Whether a column of that name is listed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(known, _)| known.as_deref() == Some(name))
    }

    fn lookup(&self, name: &str) -> BTreeSet<Column> {
        let named = self.columns.iter().filter(|(known, _)| known.as_deref() == Some(name));
        let found: BTreeSet<Column> = named.flat_map(|(_, bases)| bases.iter().cloned()).collect();
        if self.has(name) {
            return found;
        }
        let one = match self.stars.iter().next() {
            Some(id) if self.stars.len() == 1 && !self.opaque => Some(id.clone()),
            Some(_) | None => None,
        };
        BTreeSet::from([Column { relation: one, name: name.to_owned() }])
    }

    /// The other names that a list of column aliases gives.
    pub(super) fn renamed(&self, aliases: &[String]) -> Self {
        if aliases.is_empty() {
            return self.clone();
        }
        if self.opaque || !self.stars.is_empty() {
            return self.mixed();
        }
        let mut renamed = self.clone();
        for ((name, _), alias) in renamed.columns.iter_mut().zip(aliases) {
            *name = Some(alias.clone());
        }
        renamed
    }

    /// A set operation's outputs: the left names, both dependencies.
    pub(super) fn united(mut self, right: &Self) -> Self {
        let closed = |outputs: &Self| !outputs.opaque && outputs.stars.is_empty();
        if !closed(&self) || !closed(right) || self.columns.len() != right.columns.len() {
            self.columns.extend(right.columns.iter().cloned());
            self.stars.extend(right.stars.iter().cloned());
            return self.mixed();
        }
        for ((_, bases), (_, more)) in self.columns.iter_mut().zip(&right.columns) {
            bases.extend(more.iter().cloned());
        }
        self
    }

    /// The same dependencies under names that are not known.
    fn mixed(&self) -> Self {
        let columns = self.columns.iter().map(|(_, bases)| (None, bases.clone())).collect();
        Self { columns, stars: self.stars.clone(), opaque: true }
    }
}
