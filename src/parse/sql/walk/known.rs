//! What the catalog knows: which relation a name means, what is behind it, and whose functions a name may call.

use std::rc::Rc;

use sqlparser::ast::ObjectName;

use super::super::builtins::{self, Family};
use super::columns::{Column, Reference};
use super::facts::Walker;
use super::names::{self, Resolved};
use super::outputs::{Output, Outputs};
use super::scope::{Shape, Table};
use super::{Names, Walk};
use crate::catalog::{Function, FunctionVolatility, Reach, Reached, Relation, RelationKind, Type};
use crate::parse::facts::{Access, Effect, Use, Volatility};
use crate::parse::sql::reading::{Known, Trust};

/// Domains over domains that are followed.
const DOMAINS: usize = 32;

/// A view does not tell how it uses the columns of what it shows.
pub(super) const ANY_USE: [Use; 6] = [Use::Output, Use::Predicate, Use::Join, Use::Group, Use::Order, Use::Argument];

impl<'a> Walker<'a> {
    pub(super) fn known(&self) -> Option<&'a Known> {
        match self.context.names {
            Names::Known(known) => Some(known),
            Names::Certain { .. } | Names::Uncertain => None,
        }
    }

    /// The relation that a name means.
    pub(super) fn resolve(&mut self, object: &ObjectName) -> Walk<Resolved> {
        self.resolve_parts(&names::parts(object)?)
    }

    /// The same of a name in parts.
    pub(super) fn resolve_parts(&mut self, parts: &[String]) -> Walk<Resolved> {
        let resolved = names::resolve(parts, self.context.names)?;
        let (Some(known), [name]) = (self.known(), parts) else { return Ok(resolved) };
        // The only schema that there is holds it, whatever the catalog knows.
        if resolved.schema.is_some() {
            return Ok(resolved);
        }
        let found = match known.trust {
            Trust::Outdated => None,
            Trust::Recent | Trust::Fresh => known.snapshot.relation(&known.path, name),
        };
        self.outdated |= found.is_none() && known.trust != Trust::Fresh;
        Ok(found.map_or(resolved, |relation| resolved_to(&relation)))
    }

    /// The relation that a name makes.
    pub(super) fn resolve_new(&mut self, parts: &[String]) -> Walk<Resolved> {
        let resolved = names::resolve(parts, self.context.names)?;
        let (Some(known), [name]) = (self.known(), parts) else { return Ok(resolved) };
        if known.schema.is_some() {
            return Ok(resolved);
        }
        let schema = match known.trust {
            Trust::Outdated => None,
            Trust::Recent | Trust::Fresh => known.snapshot.creation_schema(&known.path),
        };
        self.outdated |= known.trust == Trust::Outdated;
        match schema {
            Some((schema, _)) => names::resolve(&[schema.to_owned(), name.clone()], self.context.names),
            None => Ok(resolved),
        }
    }

    /// Counts what a view shows, and what rules do, where its rows are read or changed.
    pub(super) fn behind(&mut self, relation: &Resolved, writes: bool) {
        let Some(known) = self.known() else { return };
        let Some(schema) = relation.schema.as_deref() else { return };
        if matches!(schema, "pg_catalog" | "information_schema") {
            return;
        }
        let found = known.snapshot.relation_in(schema, &relation.name);
        match (known.trust, found) {
            (Trust::Outdated, _) | (Trust::Recent, None) => {
                self.outdated = true;
                self.not_known("sql.relations");
            }
            // There is none: the server will say so.
            (Trust::Fresh, None) => {}
            (Trust::Recent | Trust::Fresh, Some(found)) if writes => {
                if found.rules().any(|rule| rule.is_enabled() && rule.event() != crate::catalog::RuleEvent::Select) {
                    self.shows();
                }
                self.reaches(&known.snapshot.behind_write(found));
            }
            (Trust::Recent | Trust::Fresh, Some(found)) => self.reaches(&known.snapshot.behind_read(found)),
        }
    }

    fn reaches(&mut self, reach: &Reach<'_>) {
        if reach.open {
            self.not_known("sql.relations");
        }
        for reached in reach.relations.values() {
            self.reached(reached);
        }
        for function in reach.functions.values() {
            self.runs(function);
        }
    }

    fn reached(&mut self, reached: &Reached<'_>) {
        let relation = resolved_to(&reached.relation);
        self.touch_unnamed(&relation, Access::Read);
        if reached.written {
            self.touch_unnamed(&relation, Access::Write);
            if relation.name == "pg_settings" {
                // PostgreSQL's own rule makes it a SET, through whatever view.
                self.effect(Effect::Settings);
            }
        }
        let all = || reached.relation.columns().map(|column| column.name()).collect();
        for name in reached.columns.clone().unwrap_or_else(all) {
            self.column(Column::of(relation.id.as_str(), name), ANY_USE);
        }
    }

    /// A function that runs because a view or rule calls it. What computes nothing but a value is not listed: every
    /// operator is one.
    fn runs(&mut self, function: &Function<'_>) {
        if !function.is_own() {
            if !is_harmless(function) {
                self.somebodys(function);
            }
            return;
        }
        let Some(builtin) = builtins::lookup_in(function.schema(), function.name()) else {
            // PostgreSQL's own, and newer than the list.
            self.shows();
            return self.function(Some(function.schema()), function.name(), Some(volatility(function)), true);
        };
        match builtin.family {
            Family::Plain | Family::HarmlessVolatile => return,
            Family::RegArgument | Family::SetConfig | Family::CurrentSetting | Family::Procedure => self.shows(),
            Family::Write => self.effect(Effect::Write),
            Family::Notify => self.effect(Effect::Notify),
            Family::File => self.effect(Effect::File),
            Family::AdvisoryUnlockAll => self.effect(Effect::Session),
        }
        self.function(Some(function.schema()), function.name(), Some(builtin.volatility), true);
    }

    pub(super) fn somebodys(&mut self, function: &Function<'_>) {
        self.procedure();
        self.function(Some(function.schema()), function.name(), Some(volatility(function)), false);
    }

    /// Whether a call by this name alone may mean somebody's function, which then counts; `arguments` where their number
    /// is certain. Which of several PostgreSQL takes depends on types, so each of them does. A relation's or a built-in's
    /// harmless namesake does not: only a superuser can have made it.
    pub(super) fn calls_somebodys(&mut self, name: &str, arguments: Option<usize>) -> bool {
        let Some(known) = self.known() else { return false };
        self.outdated |= known.functions == Trust::Outdated;
        let own = builtins::lookup(name).is_some();
        let mut called = false;
        for function in known.snapshot.functions_named(&known.path, name) {
            let other = arguments.is_some_and(|count| !function.takes(count));
            if other || function.is_own() || (own && is_harmless(&function)) {
                continue;
            }
            self.somebodys(&function);
            called = true;
        }
        called
    }

    /// The same of a name with its schema.
    pub(super) fn calls_somebodys_in(&mut self, schema: &str, name: &str, arguments: Option<usize>) -> bool {
        let Some(known) = self.known() else { return false };
        self.outdated |= known.functions == Trust::Outdated;
        let mut called = false;
        for function in known.snapshot.functions_in(schema, name) {
            if arguments.is_none_or(|count| function.takes(count)) {
                self.somebodys(&function);
                called = true;
            }
        }
        called
    }

    /// What all of PostgreSQL's own that a call may mean promise, where that is the same.
    pub(super) fn own_volatility(&self, schema: &str, name: &str, arguments: usize) -> Option<Volatility> {
        let known = self.known().filter(|known| known.functions != Trust::Outdated)?;
        let fits = |function: &Function<'_>| function.takes(arguments);
        let mut promised = known.snapshot.functions_in(schema, name).filter(fits).map(|function| volatility(&function));
        let first = promised.next()?;
        promised.all(|other| other == first).then_some(first)
    }

    /// A relation with the columns that the catalog knows of.
    pub(super) fn shape(&mut self, relation: &Resolved) -> Shape {
        match self.known_table(relation) {
            Some(table) => Shape::Table(table),
            None => Shape::Relation { id: Rc::from(relation.id.as_str()), renamed: false },
        }
    }

    fn known_table(&mut self, relation: &Resolved) -> Option<Rc<Table>> {
        if let Some(table) = self.tables.get(relation.id.as_str()) {
            return Some(Rc::clone(table));
        }
        let (known, schema) = (self.known()?, relation.schema.as_deref()?);
        let own = matches!(schema, "pg_catalog" | "information_schema");
        if !own && (known.trust == Trust::Outdated || self.redefined) {
            return None;
        }
        let found = known.snapshot.relation_in(schema, &relation.name)?;
        let id: Rc<str> = Rc::from(relation.id.as_str());
        let columns =
            found.columns().map(|column| Output::named(column.name(), Reference::one(Rc::clone(&id), column.name())));
        let outputs = Outputs { columns: columns.collect(), ..Outputs::default() };
        let stored = !matches!(found.kind(), RelationKind::View | RelationKind::Composite);
        let table = Rc::new(Table { id: Rc::clone(&id), outputs, stored });
        self.tables.insert(id, Rc::clone(&table));
        Some(table)
    }

    /// The type that the catalog knows a column to have.
    pub(super) fn type_of_column(&self, column: &Column) -> Option<Type<'a>> {
        let (schema, name) = self.relation_of(column.relation.as_deref()?)?;
        let known = self.known()?;
        let relation = known.snapshot.relation_in(schema?, name)?;
        known.snapshot.data_type(relation.column(&column.name)?.data_type().0)
    }

    /// The catalog does not know something that it would have to, unless the server refuses it.
    pub(super) fn not_there(&mut self) {
        self.outdated |= self.known().is_some_and(|known| known.trust != Trust::Fresh);
    }
}

/// What has the fields of a composite type, or of a domain over one.
pub(super) fn composite_of(mut data_type: Type<'_>) -> Option<Relation<'_>> {
    // Of a domain over a domain; a catalog that goes round in circles is not followed.
    for _ in 0..DOMAINS {
        match data_type.base() {
            Some((base, _)) => data_type = base,
            None => return data_type.relation(),
        }
    }
    None
}

fn resolved_to(relation: &Relation<'_>) -> Resolved {
    Resolved {
        id: names::id(Some(relation.schema()), relation.name()),
        schema: Some(relation.schema().to_owned()),
        name: relation.name().to_owned(),
    }
}

/// Compiled, so that a superuser brought it; and nothing but a value comes of it.
pub(super) fn is_harmless(function: &Function<'_>) -> bool {
    let compiled = matches!(function.language(), "c" | "internal");
    compiled
        && !function.returns().1
        && function.volatility() != FunctionVolatility::Volatile
        && !function.is_security_definer()
}

fn volatility(function: &Function<'_>) -> Volatility {
    match function.volatility() {
        FunctionVolatility::Immutable => Volatility::Immutable,
        FunctionVolatility::Stable => Volatility::Stable,
        FunctionVolatility::Volatile => Volatility::Volatile,
    }
}
