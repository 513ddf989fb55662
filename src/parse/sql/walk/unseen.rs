//! What runs where a relation is used though nothing in the text says so (triggers, row security, checks, defaults,
//! indexes), and what generated columns are made of.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::Column;
use super::facts::{Used, Walker};
use super::known::{is_harmless, volatility};
use super::names::{self, Resolved};
use crate::catalog::{Events, Function, FunctionVolatility, Occasion, Relation, Type, TypeKind};
use crate::parse::facts::{CalledBy, Effect, Use};
use crate::parse::sql::builtins::{self, Family};
use crate::parse::sql::reading::{Known, Trust};

/// Tags of what fires no event trigger: it defines nothing, or what all databases have in common.
const WITHOUT_EVENTS: [&str; 20] = [
    "ALTER DATABASE",
    "ALTER ROLE",
    "ALTER SYSTEM",
    "ALTER TABLESPACE",
    "ANALYZE",
    "CHECKPOINT",
    "CLUSTER",
    "CREATE DATABASE",
    "CREATE EVENT TRIGGER",
    "CREATE ROLE",
    "CREATE TABLESPACE",
    "DROP DATABASE",
    "DROP EVENT TRIGGER",
    "DROP OWNED",
    "DROP ROLE",
    "DROP TABLESPACE",
    "GRANT ROLE",
    "REVOKE ROLE",
    "TRUNCATE TABLE",
    "VACUUM",
];

impl Walker<'_> {
    /// Counts what runs where this is done to rows of a relation, and what is behind it is none of the statement's.
    pub(super) fn unseen(&mut self, relation: &Resolved, events: Events) {
        let (Some(known), Some(schema)) = (self.known(), relation.schema.as_deref()) else {
            return self.runs_anything();
        };
        if let Some(quiet) = self.new_table(known, relation) {
            return self.stores_in_new(quiet, events);
        }
        if matches!(schema, "pg_catalog" | "information_schema" | names::TEMPORARY) {
            return self.stores_in_temporary(schema, events);
        }
        match (self.trust(known, &[schema], &relation.name), known.snapshot.relation_in(schema, &relation.name)) {
            (Trust::Outdated, _) | (Trust::Recent, None) => {
                self.outdated = true;
                self.not_known("sql.functions");
            }
            (Trust::Fresh, None) => {}
            (Trust::Recent | Trust::Fresh, Some(found)) => self.runs_at(known, found, events),
        }
    }

    /// Of a relation that is nothing but a table just made: whether nothing runs, either, where rows come into it.
    pub(super) fn new_table(&self, known: &Known, relation: &Resolved) -> Option<bool> {
        self.earlier.new_table(&relation.id).or_else(|| {
            // What this text has done since may have given its name to something else.
            let since = self.undone || self.earlier.touch_relation(&[relation.schema.as_deref()?], &relation.name);
            known.defined.new_table(&relation.id).filter(|_| !since)
        })
    }

    /// Rows come into a table that was just made, of whose columns nobody has kept more than their names.
    pub(super) fn stores_in_new(&mut self, quiet: bool, events: Events) {
        if events.has(Events::INSERT.and(Events::UPDATE)) && !quiet {
            self.not_known("sql.functions");
        }
    }

    /// Rows come into a table of the session's own. Who made it was told what its definition calls, but not of which types
    /// the columns are that a query gave it.
    pub(super) fn stores_in_temporary(&mut self, schema: &str, events: Events) {
        let checks = self.known().is_some_and(|known| known.snapshot.checks_domains());
        if checks && schema == names::TEMPORARY && events.has(Events::INSERT.and(Events::UPDATE)) {
            self.not_known("sql.functions");
        }
    }

    /// The same of a relation that the catalog has.
    pub(super) fn runs_at(&mut self, known: &Known, relation: Relation<'_>, events: Events) {
        self.runs_at_but(known, relation, events, None);
    }

    /// The same without one occasion.
    pub(super) fn runs_at_but(&mut self, known: &Known, relation: Relation<'_>, events: Events, but: Option<Occasion>) {
        let snapshot = &known.snapshot;
        if self.is_held_elsewhere(known, relation, events) {
            self.outdated = true;
            self.not_known("sql.functions");
        } else if self.computes_more(known, relation, events) {
            self.not_known("sql.functions");
        }
        for (occasion, function) in snapshot.runs_at(relation, events) {
            if but == Some(occasion) {
                continue;
            }
            match function.and_then(|oid| snapshot.function(oid)) {
                Some(function) => self.runs_unasked(occasion, &function),
                None => self.not_known("sql.functions"),
            }
        }
        if but != Some(Occasion::RowSecurity) {
            self.asked_by_policies(known, relation, events);
        }
    }

    /// Whether somebody has changed what holds its rows since the catalog was read.
    fn is_held_elsewhere(&self, known: &Known, relation: Relation<'_>, events: Events) -> bool {
        if self.earlier.is_empty() && known.defined.is_empty() {
            return false;
        }
        let moved = |one: Relation<'_>| self.trust(known, &[one.schema()], one.name()) == Trust::Outdated;
        known.snapshot.holding(relation, events).any(moved)
    }

    /// Whether somebody has changed what is computed of its rows since then. It is still the same relation.
    fn computes_more(&self, known: &Known, relation: Relation<'_>, events: Events) -> bool {
        let stores = events.has(Events::INSERT.and(Events::UPDATE).and(Events::MAINTAIN));
        if !stores || (self.earlier.is_empty() && known.defined.is_empty()) {
            return false;
        }
        relation.family().values().any(|one| {
            let (schemas, name) = ([one.schema()], one.name());
            self.earlier.touch_computed(&schemas, name) || known.defined.touch_computed(&schemas, name)
        })
    }

    /// What runs where policies of row security read other relations. What those hold is their owner's business, as what
    /// a trigger does.
    fn asked_by_policies(&mut self, known: &Known, relation: Relation<'_>, events: Events) {
        for read in known.snapshot.policies_read(relation, events) {
            let Some(read) = read else {
                self.not_known("sql.functions");
                continue;
            };
            if read.is_own() || !self.read_by_policies.insert(read.oid()) {
                continue;
            }
            self.runs_at(known, read, Events::READ);
            let behind = known.snapshot.behind_read(read);
            if behind.open {
                self.not_known("sql.functions");
            }
            for function in behind.functions.values() {
                self.runs_unasked(Occasion::RowSecurity, function);
            }
            for reached in behind.relations.values().filter(|reached| !reached.relation.is_own()) {
                if self.read_by_policies.insert(reached.relation.oid()) {
                    self.runs_at(known, reached.relation, Events::READ);
                }
            }
        }
    }

    /// Functions that run where the innermost entry defines something.
    pub(super) fn fires(&mut self) {
        let defines = |effect: &Effect| matches!(effect, Effect::Ddl | Effect::Dcl);
        let Some(entry) = self.entry().filter(|entry| entry.effects.iter().any(defines)) else { return };
        let command = entry.command.clone();
        if WITHOUT_EVENTS.contains(&command.as_str()) {
            return;
        }
        let Some(known) = self.known() else { return self.runs_anything() };
        // What else may have moved every name makes none.
        let others = self.earlier.touch_event_triggers() || known.defined.touch_event_triggers();
        if known.trust == Trust::Outdated || others {
            self.outdated = true;
            self.not_known("sql.functions");
        }
        for oid in known.snapshot.runs_at_definition(&command) {
            match known.snapshot.function(oid) {
                Some(function) => self.runs_unasked(Occasion::Trigger, &function),
                None => self.not_known("sql.functions"),
            }
        }
    }

    fn runs_unasked(&mut self, occasion: Occasion, function: &Function<'_>) {
        let caller = match occasion {
            Occasion::Trigger => CalledBy::Trigger,
            Occasion::RowSecurity => CalledBy::RowSecurity,
            Occasion::Check => CalledBy::Check,
            Occasion::Default => CalledBy::Default,
            Occasion::Index => CalledBy::Index,
        };
        if is_harmless(function) || makes_values(function) {
            return;
        }
        if self.is_redefined(function) {
            self.outdated = true;
            self.not_known("sql.functions");
        }
        if caller == CalledBy::Trigger || !function.is_own() {
            // What a trigger does is its owner's business, as what a table holds; but policy hears of it.
            if caller != CalledBy::Trigger && function.volatility() == FunctionVolatility::Volatile {
                self.procedure();
            }
            return self.somebodys_by(caller, function);
        }
        let builtin = builtins::lookup_in(function.schema(), function.name());
        match builtin.map(|builtin| builtin.family) {
            // A sequence that a default advances is a part of the write; what row security reads of settings is its own.
            Some(
                Family::Plain | Family::HarmlessVolatile | Family::RegArgument | Family::Write | Family::CurrentSetting,
            ) => return,
            Some(Family::File) => self.effect(Effect::File),
            Some(Family::Notify) => self.effect(Effect::Notify),
            Some(Family::Session) => self.effect(Effect::Session),
            Some(Family::Procedure | Family::SetConfig) | None => self.procedure(),
        }
        self.somebodys_by(caller, function);
    }

    /// Whether somebody may have made it another one since the catalog was read.
    fn is_redefined(&self, function: &Function<'_>) -> bool {
        let Some(known) = self.known() else { return true };
        let (schemas, name) = ([function.schema()], function.name());
        known.functions == Trust::Outdated
            || known.defined.touch_function(&schemas, name)
            || self.earlier.touch_function(&schemas, name)
    }

    /// Lists a function of the catalog.
    pub(super) fn somebodys_by(&mut self, caller: CalledBy, function: &Function<'_>) {
        let own = function.is_own();
        let promised = (Some(volatility(function)), own, Some(function.is_security_definer()));
        self.function_by(caller, Some(function.schema()), function.name(), promised);
    }

    /// Adds columns that used ones are generated from: they are used the same way. That they pass is not changed by it,
    /// since what is made of them was made before.
    pub(super) fn bases_of_generated(&mut self) {
        if !self.known().is_some_and(|known| known.snapshot.generates()) {
            return;
        }
        let mut more: Vec<(Column, BTreeSet<Use>)> = Vec::new();
        for (column, used) in &self.columns {
            let uses: BTreeSet<Use> = used.uses.iter().copied().filter(|how| *how != Use::Assignment).collect();
            if !uses.is_empty() {
                more.extend(self.generated_from(column).into_iter().map(|base| (base, uses.clone())));
            }
        }
        for (column, uses) in more {
            let used = self.columns.entry(column).or_insert_with(|| Used { uses: BTreeSet::new(), passed: true });
            used.uses.extend(uses);
        }
    }

    /// Somebody's code turns values of a used column's type into others, wherever PostgreSQL puts a cast in.
    pub(super) fn casts_of_columns(&mut self) {
        self.checks_of_columns();
        let Some(known) = self.known() else { return };
        let own = |data_type: &Type<'_>| data_type.schema() == "pg_catalog" && data_type.element().is_none();
        let mut types = BTreeMap::new();
        // Most databases have none to look for.
        for column in self.columns.keys().filter(|_| known.snapshot.casts_others()) {
            let used = self.types_of_column(known, column).into_iter().filter(|data_type| !own(data_type));
            types.extend(used.map(|data_type| (data_type.oid(), data_type)));
        }
        let functions = known.snapshot.cast_by(types.into_values());
        for function in functions {
            match function {
                Some(function) if is_harmless(&function) || function.is_own() => {}
                Some(function) => {
                    self.procedure_somewhere();
                    self.somebodys_by(CalledBy::Statement, &function);
                }
                None => self.procedure_somewhere(),
            }
        }
    }

    /// A literal beside a used column becomes one of its type, or of what arrays are made of where there are any: somebody's
    /// check of what is inside of it then runs, without a name. A domain alone is compared as what it is made of.
    fn checks_of_columns(&mut self) {
        let Some(known) = self.known().filter(|known| self.quotes && known.snapshot.checks_domains()) else { return };
        let read = |used: &Used| used.uses.iter().any(|how| *how != Use::Assignment);
        let used = self.columns.iter().filter(|(_, used)| read(used));
        let types = used.flat_map(|(column, _)| self.types_of_column(known, column));
        if known.snapshot.checks(types.filter(|one| self.gathers || one.kind() != TypeKind::Domain)) {
            self.procedure_somewhere();
        }
    }

    /// The type of a column, or of every column where one stands for all.
    fn types_of_column<'k>(&self, known: &'k Known, column: &Column) -> Vec<Type<'k>> {
        let relation = column.relation.as_deref().and_then(|id| self.relation_of(id));
        let Some((Some(schema), name)) = relation else { return Vec::new() };
        if matches!(schema, "pg_catalog" | "information_schema") {
            return Vec::new();
        }
        let Some(relation) = known.snapshot.relation_in(schema, name) else { return Vec::new() };
        let of = |one: crate::catalog::Column<'k>| known.snapshot.data_type(one.data_type().0);
        match &*column.name {
            "*" => relation.columns().filter_map(of).collect(),
            name => relation.column(name).and_then(of).into_iter().collect(),
        }
    }

    /// Of a relation's column and of those of what inherits from it.
    fn generated_from(&self, column: &Column) -> BTreeSet<Column> {
        let mut bases = BTreeSet::new();
        let relation = column.relation.as_deref().and_then(|id| self.relation_of(id));
        let (Some(id), Some((Some(schema), name)), Some(known)) = (&column.relation, relation, self.known()) else {
            return bases;
        };
        let Some(relation) = known.snapshot.relation_in(schema, name) else { return bases };
        let Some(own) = relation.column(&column.name).filter(|own| own.is_generated()) else { return bases };
        bases.extend(own.bases().map(|base| Column::of(std::rc::Rc::clone(id), base.name())));
        for child in relation.family().into_values() {
            let others = child.column(&column.name).into_iter().flat_map(|other| other.bases());
            let shown = others.filter(|base| relation.column(base.name()).is_some());
            bases.extend(shown.map(|base| Column::of(std::rc::Rc::clone(id), base.name())));
        }
        bases
    }
}

/// Compiled, so that a superuser brought it, and nothing but a value comes of it.
fn makes_values(function: &Function<'_>) -> bool {
    matches!(function.language(), "c" | "internal") && !function.is_security_definer() && function.makes_values()
}
