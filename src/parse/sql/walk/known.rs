//! What the catalog knows: which relation a name means, what is behind it, and whose functions a name may call.

use std::rc::Rc;

use sqlparser::ast::ObjectName;

use super::super::builtins::{self, Family};
use super::columns::Column;
use super::facts::Walker;
use super::names::{self, Resolved};
use super::overloads::Given;
use super::scope::{Shape, Table};
use super::{Names, Walk, tables};
use crate::catalog::{
    Events, Function, FunctionKind, FunctionVolatility, Reach, Reached, Relation, RuleEvent, Snapshot, Type, TypeKind,
};
use crate::parse::facts::{Access, CalledBy, Effect, Use, Volatility};
use crate::parse::sql::reading::{Known, Trust};

/// Domains over domains that are followed.
pub(super) const DOMAINS: usize = 32;

/// Whatever rules and MERGE do to rows.
pub(super) const EVERY: Events = Events::READ.and(Events::INSERT).and(Events::UPDATE).and(Events::DELETE);

/// A view does not tell how it uses the columns of what it shows.
pub(super) const ANY_USE: [Use; 6] = [Use::Output, Use::Predicate, Use::Join, Use::Group, Use::Order, Use::Argument];

impl<'a> Walker<'a> {
    pub(super) fn known(&self) -> Option<&'a Known> {
        match self.context.names {
            Names::Known(known) => Some(known),
            Names::Unseen { .. } | Names::Certain { .. } | Names::Uncertain => None,
        }
    }

    /// Whether PostgreSQL's own come first among what bare names may mean.
    pub(super) fn has_own_first(&self) -> bool {
        match self.context.names {
            Names::Certain { .. } | Names::Unseen { schema: Some(_) } => true,
            Names::Known(known) => known.searched,
            Names::Unseen { schema: None } | Names::Uncertain => false,
        }
    }

    /// The same where unqualified names mean something.
    fn searched(&self) -> Option<&'a Known> {
        self.known().filter(|known| known.searched)
    }

    /// How far the catalog can be relied on for relations with that name in these schemas.
    pub(super) fn trust<S: AsRef<str>>(&self, known: &Known, schemas: &[S], name: &str) -> Trust {
        if self.earlier.touch_relation(schemas, name) { Trust::Outdated } else { known.trust_of(schemas, name) }
    }

    /// What the catalog says of it is not relied on, unless somebody looks again.
    pub(super) fn unsettled(&mut self) {
        self.outdated = true;
        self.not_known("sql.relations");
        // What runs there unasked is no better known.
        self.not_known("sql.functions");
    }

    /// Whatever runs where a relation is used that nobody knows.
    pub(super) fn runs_anything(&mut self) {
        match self.context.names {
            Names::Known(_) | Names::Unseen { .. } => self.not_known("sql.functions"),
            // Nobody says what runs unasked.
            Names::Certain { .. } | Names::Uncertain => {}
        }
    }

    /// The relation that a name means.
    pub(super) fn resolve(&mut self, object: &ObjectName) -> Walk<Resolved> {
        self.resolve_parts(&names::relation(object)?)
    }

    /// The same of a name in parts.
    pub(super) fn resolve_parts(&mut self, parts: &[String]) -> Walk<Resolved> {
        let resolved = names::resolve(parts, self.context.names)?;
        let (Some(known), [name]) = (self.searched(), parts) else { return Ok(resolved) };
        // PostgreSQL's own come before all others, those of the one schema that there is before what is temporary.
        let own = resolved.schema.as_deref() == Some("pg_catalog");
        if own || (known.schema.is_some() && resolved.schema.is_some() && !known.temporary.contains_key(name.as_str()))
        {
            return Ok(resolved);
        }
        let trust = self.trust(known, &known.path, name);
        let found = match trust {
            Trust::Outdated => None,
            Trust::Recent | Trust::Fresh => known.snapshot.relation(&known.path, name),
        };
        if let Some(found) = found {
            return Ok(resolved_to(&found));
        }
        match known.temporary.get(name.as_str()) {
            // Nothing but rows is behind it, and nobody else's.
            Some(true) if trust != Trust::Outdated => return Ok(names::temporary(name)),
            Some(_) | None => self.outdated |= trust != Trust::Fresh,
        }
        match known.temporary.get(name.as_str()) {
            Some(_) => Ok(Resolved { id: names::id(None, name), schema: None, name: name.clone() }),
            None => Ok(resolved),
        }
    }

    /// The relation that a name makes.
    pub(super) fn resolve_new(&mut self, parts: &[String]) -> Walk<Resolved> {
        let resolved = names::resolve(parts, self.context.names)?;
        let (Some(known), [name]) = (self.searched(), parts) else { return Ok(resolved) };
        let trust = self.trust(known, &known.path, name);
        // Of the one schema that is searched it only matters whether it is there.
        let schema = match (trust, &known.schema) {
            (Trust::Outdated, Some(only)) if !self.may_have_moved(known, only) => Some(only.as_ref()),
            (Trust::Outdated, _) => None,
            (Trust::Recent | Trust::Fresh, _) => known.snapshot.creation_schema(&known.path).map(|(schema, _)| schema),
        };
        self.outdated |= schema.is_none() && trust != Trust::Fresh;
        match schema {
            Some(schema) => names::resolve(&[schema.to_owned(), name.clone()], self.context.names),
            None => {
                // Where the path leads nowhere, it is temporary, and so are names from now on.
                self.aftermath.names = true;
                Ok(Resolved { id: names::id(None, name), schema: None, name: name.clone() })
            }
        }
    }

    /// Whether a schema may have come or gone since the catalog was read.
    fn may_have_moved(&self, known: &Known, schema: &str) -> bool {
        let is_there = known.snapshot.is_usable(schema);
        // Not even a name that nothing has would be looked for there.
        !is_there || self.earlier.touch_relation(&[schema], "") || known.defined.touch_relation(&[schema], "")
    }

    /// Counts what a view shows, and what rules do, where its rows are read or changed.
    pub(super) fn behind(&mut self, relation: &Resolved, events: Events) {
        let writes = events != Events::READ;
        let Some(schema) = relation.schema.as_deref() else { return self.runs_anything() };
        if matches!(schema, "pg_catalog" | "information_schema" | names::TEMPORARY) {
            return self.stores_in_temporary(schema, events);
        }
        let known = match self.context.names {
            Names::Known(known) => known,
            Names::Unseen { .. } => return self.unsettled(),
            Names::Certain { .. } | Names::Uncertain => return,
        };
        if let Some(quiet) = self.new_table(known, relation) {
            // Nothing but its rows is behind it.
            return self.stores_in_new(quiet, events);
        }
        let found = known.snapshot.relation_in(schema, &relation.name);
        match (self.trust(known, &[schema], &relation.name), found) {
            (Trust::Outdated, _) | (Trust::Recent, None) => self.unsettled(),
            // There is none: the server will say so.
            (Trust::Fresh, None) => {}
            (Trust::Recent | Trust::Fresh, Some(found)) if writes => {
                let (mut events, reach) = (events, known.snapshot.behind_write(found));
                if acts(&found) {
                    self.shows();
                    events = EVERY;
                }
                let deletes = self.entry().is_some_and(|entry| entry.command == "DELETE");
                let gives = !deletes || acts(&found) || reach.relations.values().any(|one| acts(&one.relation));
                self.runs_at(known, found, events);
                self.changing.last_mut().into_iter().for_each(|one| {
                    one.relations.push((found.oid(), events, !acts(&found)));
                });
                self.reaches(known, &reach, (events, gives));
            }
            (Trust::Recent | Trust::Fresh, Some(found)) => {
                self.runs_at(known, found, events);
                self.reaches(known, &known.snapshot.behind_read(found), (events, false));
            }
        }
    }

    pub(super) fn reaches(&mut self, known: &Known, reach: &Reach<'_>, (events, gives): (Events, bool)) {
        if reach.open {
            self.not_known("sql.relations");
            self.not_known("sql.functions");
        }
        let moved = |reached: &Reached<'_>| {
            let relation = reached.relation;
            self.trust(known, &[relation.schema()], relation.name()) == Trust::Outdated
        };
        if reach.relations.values().any(moved) {
            self.unsettled();
        }
        for reached in reach.relations.values() {
            self.reached(reached, gives);
            let events = if reached.written { events } else { Events::READ };
            self.runs_at(known, reached.relation, events);
            if let (true, Some(changing)) = (reached.written, self.changing.last_mut()) {
                changing.relations.push((reached.relation.oid(), events, false));
            }
        }
        for function in reach.functions.values() {
            self.runs(function);
        }
    }

    fn reached(&mut self, reached: &Reached<'_>, gives: bool) {
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
            // Which columns a change gives values to the view does not tell either.
            let given = (gives && reached.written).then_some(Use::Assignment);
            self.column_behind(Column::of(relation.id.as_str(), name), ANY_USE.into_iter().chain(given));
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
            Family::Session => self.effect(Effect::Session),
        }
        self.function(Some(function.schema()), function.name(), Some(builtin.volatility), true);
    }

    pub(super) fn somebodys(&mut self, function: &Function<'_>) {
        self.procedure();
        self.somebodys_by(CalledBy::Statement, function);
    }

    /// Whether a call by this name alone may mean somebody's function, which then counts. Which of several PostgreSQL takes
    /// depends on types, so each of them does that these do not exclude. A relation's or a built-in's harmless namesake
    /// does not: only a superuser can have made it.
    pub(super) fn calls_somebodys(&mut self, name: &str, given: Given<'_>) -> bool {
        let Some(known) = self.searched() else {
            // Under a path that is not known no unqualified name is anybody's for certain.
            match self.context.names {
                Names::Unseen { schema: Some(_) } => self.calls_whatever(name, true),
                // The server can be asked for the path.
                Names::Known(_) => self.calls_whatever(name, false),
                Names::Unseen { schema: None } | Names::Certain { .. } | Names::Uncertain => {}
            }
            return false;
        };
        if self.may_have_moved_functions(known, name) {
            let again = known.functions == Trust::Outdated || known.defined.touch_function(&known.path, name);
            self.calls_whatever(name, again);
        }
        let own = builtins::lookup(name).is_some();
        let (arguments, mut types) = (given.count(), None);
        let mut called = (own || builtins::newer(name).is_some()) && self.casts_to_somebodys(known, name, given);
        for function in known.snapshot.functions_named(&known.path, name) {
            let other =
                arguments.is_some_and(|count| !function.takes(count) || is_hidden(&known.snapshot, &function, count));
            if other || function.is_own() || (own && is_harmless(&function)) {
                continue;
            }
            // Where PostgreSQL has none of that name, what is excluded would leave nothing that the call can mean.
            if let (true, Given::These(args)) = (own, given) {
                let (exact, types) = types.get_or_insert_with(|| {
                    let types = self.types_of(known, args);
                    (types.exact(&known.snapshot, name).is_some(), types)
                });
                if *exact || types.never_fit(&function) {
                    continue;
                }
            }
            self.somebodys(&function);
            called = true;
        }
        called
    }

    /// Whether a call may be a cast to somebody's type of that name: with one argument it is, where no function takes just
    /// that argument's type. What a domain checks runs then, and what a range's or an array's elements are checked by.
    fn casts_to_somebodys(&mut self, known: &'a Known, name: &str, given: Given<'_>) -> bool {
        let runs = |found: &Type<'_>| found.kind() == TypeKind::Domain || known.snapshot.checks([*found].into_iter());
        let found = known.snapshot.type_named(&known.path, name).filter(runs);
        let Some(found) = found.filter(|_| given.count().is_none_or(|count| count == 1)) else { return false };
        if let Given::These(args) = given
            && self.types_of(known, args).exact(&known.snapshot, name).is_some()
        {
            return false;
        }
        self.foreign(Some(found.schema()), name);
        true
    }

    /// The same of a name with its schema.
    pub(super) fn calls_somebodys_in(&mut self, schema: &str, name: &str, arguments: Option<usize>) -> bool {
        let Some(known) = self.known() else { return false };
        let outdated = known.functions == Trust::Outdated || known.defined.touch_function(&[schema], name);
        if schema != "pg_catalog" && (outdated || self.earlier.touch_function(&[schema], name)) {
            self.calls_whatever(name, outdated);
        }
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

    /// A function of that name may have been made since anybody looked. `again`: to look once more may tell.
    pub(super) fn calls_whatever(&mut self, name: &str, again: bool) {
        self.outdated |= again;
        self.procedure();
        self.function(None, name, None, false);
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
        if !own && self.trust(known, &[schema], &relation.name) == Trust::Outdated {
            return None;
        }
        let found = known.snapshot.relation_in(schema, &relation.name)?;
        let table = tables::of(&relation.id, found);
        self.tables.insert(Rc::clone(&table.id), Rc::clone(&table));
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

/// Whether a rule does something else where its rows are to be changed.
pub(super) fn acts(relation: &Relation<'_>) -> bool {
    relation.rules().any(|rule| rule.is_enabled() && rule.event() != RuleEvent::Select)
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

pub(super) fn resolved_to(relation: &Relation<'_>) -> Resolved {
    Resolved {
        id: names::id(Some(relation.schema()), relation.name()),
        schema: Some(relation.schema().to_owned()),
        name: relation.name().to_owned(),
    }
}

/// Whether one of PostgreSQL's own takes the same: `pg_catalog` is searched first, so nobody calls this one by its bare
/// name. Only where neither defaults nor many of the last tell the two apart, nor the names of arguments.
fn is_hidden(snapshot: &Snapshot, function: &Function<'_>, arguments: usize) -> bool {
    let mut own = snapshot.functions_in("pg_catalog", function.name());
    let plain = arguments == function.arguments().len() && !function.is_variadic();
    plain && own.any(|own| own.arguments() == function.arguments() && !own.is_variadic())
}

/// Compiled, so that a superuser brought it; and nothing but a value comes of it. Of an aggregate that is said by the
/// functions that compute it: anybody makes one of their own. What becomes an argument of a domain is checked first, as
/// for what makes ranges of one.
pub(super) fn is_harmless(function: &Function<'_>) -> bool {
    if function.is_checked() {
        return false;
    }
    if function.kind() == FunctionKind::Aggregate {
        let mut parts = function.parts().peekable();
        return parts.peek().is_some() && parts.all(|part| part.as_ref().is_some_and(only_computes));
    }
    is_plain(function)
}

/// Of PostgreSQL's own, those that show nothing but their arguments.
fn only_computes(function: &Function<'_>) -> bool {
    let own = || builtins::lookup_in(function.schema(), function.name()).map(|builtin| builtin.family);
    if function.is_own() { own() == Some(Family::Plain) } else { is_plain(function) }
}

fn is_plain(function: &Function<'_>) -> bool {
    let compiled = matches!(function.language(), "c" | "internal");
    compiled
        && !function.returns().1
        && function.volatility() != FunctionVolatility::Volatile
        && !function.is_security_definer()
}

pub(super) fn volatility(function: &Function<'_>) -> Volatility {
    match function.volatility() {
        FunctionVolatility::Immutable => Volatility::Immutable,
        FunctionVolatility::Stable => Volatility::Stable,
        FunctionVolatility::Volatile => Volatility::Volatile,
    }
}
