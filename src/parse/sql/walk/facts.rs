//! What the walk has found so far.

mod absorb;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use sqlparser::ast::{Expr, UnaryOperator, ValueWithSpan};
use sqlparser::tokenizer::Location;

use super::cascades::Changing;
use super::columns::Column;
use super::lasting;
use super::names::{self, Resolved};
use super::outputs::Outputs;
use super::scope::{Scope, Table};
use super::{Context, Kept, Unread, Walk, Walked};
use crate::parse::definitions::Definitions;
use crate::parse::facts::{
    Access, Aftermath, Answer, CalledBy, ColumnFacts, Effect, Facts, FunctionFacts, LimitKind, RelationFacts,
    SettingFacts, StatementFacts, Use, Volatility,
};
use crate::parse::reference::{Reference, Role};
use crate::parse::sql::places::Spot;

/// Statements nested in statements (EXPLAIN PREPARE …) that are followed.
const NESTED_STATEMENTS: usize = 40;

/// How a column is used.
#[derive(Debug)]
pub(super) struct Used {
    pub uses: BTreeSet<Use>,
    /// As it is in a result, and nowhere else.
    pub passed: bool,
}

/// The walk's state.
pub(super) struct Walker<'a> {
    pub context: Context<'a>,
    /// What each visible alias means, outermost first.
    pub scopes: Vec<Scope>,
    /// Visible CTEs, outermost first.
    pub ctes: Vec<(String, Rc<Outputs>)>,
    /// Base columns that the expression being walked depends on.
    pub lineage: BTreeSet<Column>,
    /// The base column that the name walked last stands for, as it is.
    pub passing: Option<Column>,
    /// What the last name that was walked is one of, as it is.
    pub showing: Option<BTreeSet<Column>>,
    /// How many parts are open around that make something of what they read.
    pub taken: usize,
    /// Relations that the catalog was asked for.
    pub tables: HashMap<Rc<str>, Rc<Table>>,
    /// Operators that the catalog was asked for.
    pub operators: BTreeSet<String>,
    /// Arrays are made of what is read.
    pub gathers: bool,
    /// There are texts or parameters, which become values of whatever type is beside them.
    pub quotes: bool,
    /// What the statement gives back.
    pub result: Option<Outputs>,
    /// Cursors that are read.
    pub cursors: BTreeSet<String>,
    /// It stores it instead.
    pub stores: bool,
    /// What it runs by name.
    pub answer: Answer,
    /// Relations in the order they were read, for FOR UPDATE.
    pub touched: Vec<String>,
    pub aftermath: Aftermath,
    pub sensitive: bool,
    pub settings: Vec<SettingFacts>,
    /// Where relations are named.
    pub references: Vec<(Reference, Option<Spot>)>,
    /// How many conditions are open around the one that is told true or not.
    pub folded: usize,
    /// The catalog was asked for what it may not know any more.
    pub outdated: bool,
    /// What the statements before this one in the same text have defined.
    pub earlier: Definitions,
    /// They may have taken back what the session had defined before.
    pub undone: bool,
    /// Entries that define what only this session sees.
    private: BTreeSet<usize>,
    /// What entries define for everybody, where it can be told.
    defines: BTreeMap<usize, Definitions>,
    /// What the open data-changing statements do to rows, innermost last.
    pub changing: Vec<Changing>,
    /// Relations whose rows policies of row security were found to read.
    pub read_by_policies: BTreeSet<u32>,
    /// Somebody's code runs, which may change the session.
    pub opaque: bool,
    /// A procedure does more than write out what the catalogs hold.
    pub beyond: bool,
    entries: Vec<StatementFacts>,
    /// How many statements are open around the first.
    depth: usize,
    /// Indexes of the open entries, innermost last.
    open: Vec<usize>,
    relations: BTreeMap<String, RelationFacts>,
    pub columns: BTreeMap<Column, Used>,
    functions: BTreeMap<String, FunctionFacts>,
    unknown: BTreeSet<&'static str>,
    pub placeholders: u16,
    kept: Kept,
}

impl<'a> Walker<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        Self {
            context,
            scopes: Vec::new(),
            ctes: Vec::new(),
            lineage: BTreeSet::new(),
            passing: None,
            showing: None,
            taken: 0,
            tables: HashMap::new(),
            operators: BTreeSet::new(),
            gathers: false,
            quotes: false,
            result: None,
            cursors: BTreeSet::new(),
            stores: false,
            answer: Answer::default(),
            touched: Vec::new(),
            aftermath: Aftermath::default(),
            sensitive: false,
            settings: Vec::new(),
            references: Vec::new(),
            folded: 0,
            outdated: false,
            earlier: Definitions::default(),
            undone: false,
            private: BTreeSet::new(),
            defines: BTreeMap::new(),
            changing: Vec::new(),
            read_by_policies: BTreeSet::new(),
            opaque: false,
            beyond: false,
            entries: Vec::new(),
            depth: 0,
            open: Vec::new(),
            relations: BTreeMap::new(),
            columns: BTreeMap::new(),
            functions: BTreeMap::new(),
            unknown: BTreeSet::new(),
            placeholders: 0,
            kept: Kept::At(Vec::new()),
        }
    }

    /// Opens an entry of `statements`; what follows is counted to it until [`Self::leave`].
    pub(super) fn enter(&mut self, command: &str, nested: bool) -> Walk {
        if self.depth.saturating_add(self.open.len()) >= NESTED_STATEMENTS {
            return Err(Unread::new("a statement nested that deep"));
        }
        self.open.push(self.entries.len());
        self.entries.push(StatementFacts {
            command: command.to_owned(),
            nested,
            effects: BTreeSet::new(),
            has_where: false,
            tautology: false,
            limit: 0,
            limit_kind: LimitKind::None,
        });
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.fires();
        self.open.pop();
    }

    /// The innermost open entry.
    pub(super) fn entry(&mut self) -> Option<&mut StatementFacts> {
        let at = *self.open.last()?;
        self.entries.get_mut(at)
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        if let Some(entry) = self.entry() {
            entry.effects.insert(effect);
        }
    }

    /// Somebody's code runs in it, wherever that is.
    pub(super) fn procedure_somewhere(&mut self) {
        (self.opaque, self.beyond) = (true, true);
        for entry in self.entries.iter_mut().filter(|entry| !entry.nested) {
            entry.effects.insert(Effect::Procedure);
        }
    }

    /// What the innermost entry defines, nobody else sees, if so.
    pub(super) fn privately(&mut self, is: bool) {
        self.private.extend(self.open.last().filter(|_| is));
    }

    /// What the innermost entry makes to mean something else, and nothing beside it.
    pub(super) fn defines(&mut self, defined: &Definitions) {
        if let Some(at) = self.open.last() {
            self.defines.entry(*at).or_default().extend(defined);
        }
    }

    /// What was walked so far makes to mean something else, to everybody.
    fn defined(&self) -> Definitions {
        let seen = (0..).zip(&self.entries).filter(|(at, _)| !self.private.contains(at));
        let defined = seen.filter_map(|(at, entry)| lasting::defined(entry, self.defines.get(&at)));
        let mut all = self.aftermath.defines.clone();
        defined.for_each(|one| all.extend(&one));
        all
    }

    /// The next statement is analysed after those before it have run.
    pub(super) fn looks_back(&mut self) {
        self.earlier = self.defined();
        self.undone = self.entries.iter().any(lasting::may_undo);
        if self.undone {
            self.earlier = std::mem::take(&mut self.earlier).without_tables();
        }
        if !self.earlier.is_empty() {
            self.tables.clear();
        }
    }

    pub(super) fn not_known(&mut self, path: &'static str) {
        self.unknown.insert(path);
    }

    /// Whether it is certain so far of each column whose it is.
    pub(super) fn knows_columns(&self) -> bool {
        !self.unknown.contains("sql.columns")
    }

    /// A relation that the innermost entry touches without saying where.
    pub(super) fn touch(&mut self, relation: &Resolved, access: Access) {
        self.touch_as(relation, access, Role::Named, None);
    }

    /// A relation that the innermost entry touches, and where it is named.
    pub(super) fn touch_as(&mut self, relation: &Resolved, access: Access, role: Role, spot: Option<Spot>) {
        self.touch_unnamed(relation, access);
        if access != Access::Reference {
            self.locate(relation, role, spot);
        }
    }

    pub(super) fn locate(&mut self, relation: &Resolved, role: Role, spot: Option<Spot>) {
        let command = self.entry().map(|entry| entry.command.clone()).unwrap_or_default();
        let (schema, name) = (relation.schema.clone(), relation.name.clone());
        let reference = Reference { relation: relation.id.clone(), schema, name, role, command, place: None };
        self.references.push((reference, spot));
    }

    /// What a statement touches that is run by name: its text is another one.
    pub(super) fn touch_elsewhere(&mut self, facts: &Facts) {
        for relation in facts.relations.iter().filter(|relation| relation.access.iter().any(is_more_than_named)) {
            let (id, schema, name) = (relation.id.clone(), relation.schema.clone(), relation.name.clone());
            self.locate(&Resolved { id, schema, name }, Role::Elsewhere, None);
        }
    }

    /// A relation that the innermost entry touches by way of another one.
    pub(super) fn touch_unnamed(&mut self, relation: &Resolved, access: Access) {
        if relation.schema.is_none() {
            self.not_known("sql.relations");
        }
        if access == Access::Read {
            self.touched.push(relation.id.clone());
        }
        let command = self.entry().map(|entry| entry.command.clone());
        let facts = self.relations.entry(relation.id.clone()).or_insert_with(|| RelationFacts {
            id: relation.id.clone(),
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            access: BTreeSet::new(),
            commands: BTreeSet::new(),
            columns: BTreeSet::new(),
        });
        facts.access.insert(access);
        facts.commands.extend(command);
    }

    /// Schema and name of a relation that was touched.
    pub(super) fn relation_of(&self, id: &str) -> Option<(Option<&str>, &str)> {
        self.relations.get(id).map(|relation| (relation.schema.as_deref(), relation.name.as_str()))
    }

    /// Rows of these are compared.
    pub(super) fn compares_rows(&mut self, outputs: &Outputs) {
        for column in outputs.columns.iter().flat_map(|output| output.bases.iter()) {
            if let Some(used) = self.columns.get_mut(column) {
                used.passed = false;
            }
        }
    }

    /// Adds an access to a relation that was touched before.
    pub(super) fn touch_again(&mut self, id: &str, access: Access) {
        if let Some(facts) = self.relations.get_mut(id) {
            facts.access.insert(access);
        }
    }

    /// A column that is used; without a relation when it is not certain whose it is.
    pub(super) fn column(&mut self, column: Column, uses: impl IntoIterator<Item = Use>) {
        if column.relation.is_none() {
            self.not_known("sql.columns");
        }
        if !self.lineage.contains(&column) {
            self.lineage.insert(column.clone());
        }
        let used = self.columns.entry(column).or_insert_with(|| Used { uses: BTreeSet::new(), passed: true });
        for how in uses {
            used.passed &= how == Use::Output;
            used.uses.insert(how);
        }
        used.passed &= self.taken == 0;
    }

    /// A column that a view or rule uses, which says nothing of what becomes of it where it is named itself.
    pub(super) fn column_behind(&mut self, column: Column, uses: impl IntoIterator<Item = Use>) {
        let passed = self.columns.get(&column).is_none_or(|used| used.passed);
        self.column(column.clone(), uses);
        self.columns.entry(column).and_modify(|used| used.passed = passed);
    }

    /// The same of a column that is used already, of which nothing is made by this.
    pub(super) fn also(&mut self, column: &Column, how: Use) {
        if let Some(used) = self.columns.get_mut(column) {
            used.uses.insert(how);
        }
    }

    /// One of PostgreSQL's own functions that syntax calls.
    pub(super) fn builtin(&mut self, name: &str) {
        let volatility = super::super::builtins::lookup(name).map(|builtin| builtin.volatility);
        self.function(Some("pg_catalog"), name, volatility, true);
    }

    pub(super) fn function(&mut self, schema: Option<&str>, name: &str, volatility: Option<Volatility>, builtin: bool) {
        self.function_by(CalledBy::Statement, schema, name, (volatility, builtin, builtin.then_some(false)));
    }

    /// The same of one that runs for whatever reason.
    pub(super) fn function_by(
        &mut self,
        caller: CalledBy,
        schema: Option<&str>,
        name: &str,
        (volatility, builtin, security_definer): (Option<Volatility>, bool, Option<bool>),
    ) {
        if schema.is_none() {
            self.not_known("sql.functions");
        }
        let id = names::id(schema, name);
        let facts = self.functions.entry(id.clone()).or_insert_with(|| FunctionFacts {
            id,
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
            volatility,
            builtin,
            security_definer,
            called_by: BTreeSet::new(),
        });
        facts.called_by.insert(caller);
        // Of several calls, that of the overload that promises least.
        facts.volatility = facts.volatility.zip(volatility).map(|(one, other)| one.max(other));
        facts.security_definer = facts.security_definer.zip(security_definer).map(|(one, other)| one || other);
    }

    /// A literal that a fact is computed from.
    pub(super) fn keep(&mut self, value: &ValueWithSpan) {
        if let Kept::At(places) = &mut self.kept {
            let place: Location = value.span.start;
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }

    pub(super) fn keep_all(&mut self) {
        self.kept = Kept::All;
    }

    /// What a statement walked on its own keeps.
    pub(super) fn keep_also(&mut self, other: &Kept) {
        match (&mut self.kept, other) {
            (Kept::At(places), Kept::At(more)) => places.extend(more),
            (_, Kept::All) => self.kept = Kept::All,
            (Kept::All, Kept::At(_)) => {}
        }
    }

    /// Counts the statements around this one, which is walked on its own.
    pub(super) fn nested_in(&mut self, outer: &Walker<'_>) {
        self.depth = outer.depth.saturating_add(outer.open.len());
    }

    /// Keeps a literal that stands alone, signed or in parentheses.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are no literals")]
    pub(super) fn keep_constant(&mut self, mut expr: &Expr) {
        loop {
            match expr {
                Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => expr = inner,
                Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr: inner } => expr = inner,
                Expr::Value(value) => return self.keep(value),
                _ => return,
            }
        }
    }

    /// Whether names may mean something else after what was walked so far.
    pub(super) fn has_lost_names(&self) -> bool {
        let loses = |effect| self.entries.iter().any(|entry| entry.effects.contains(&effect));
        self.aftermath.names || self.opaque || loses(Effect::Unknown) || loses(Effect::Settings)
    }

    /// A relation of that name was touched, whichever it is.
    pub(super) fn has_touched(&self, name: &str) -> bool {
        self.relations.values().any(|relation| relation.name == name)
    }

    /// A relation of the session's own was touched.
    pub(super) fn has_touched_temporary(&self) -> bool {
        self.relations.values().any(|relation| relation.schema.as_deref() == Some(names::TEMPORARY))
    }

    /// What the statement that was walked last answers; the next one may answer something else.
    pub(super) fn answers(&mut self) -> Answer {
        let outputs = self.result.take().filter(|_| !self.stores).and_then(|result| result.lineage());
        self.stores = false;
        Answer { outputs, ..std::mem::take(&mut self.answer) }
    }

    pub(super) fn finish(mut self) -> Walked {
        self.bases_of_generated();
        self.casts_of_columns();
        let (names, defined) = (self.has_lost_names(), self.defined());
        let effects: BTreeSet<Effect> = self.entries.iter().flat_map(|entry| entry.effects.iter().copied()).collect();
        let mut aftermath = self.aftermath;
        let unreadable = self.opaque || effects.contains(&Effect::Unknown);
        aftermath.waits |= unreadable || effects.contains(&Effect::Settings);
        aftermath.names |= names;
        aftermath.defines = defined;
        aftermath.transaction |= self.entries.iter().any(lasting::turns) || unreadable;
        aftermath.undoes |= self.entries.iter().any(lasting::may_undo) || unreadable;
        let outputs = self.result.as_ref().filter(|_| !self.stores).and_then(Outputs::lineage);
        let mut relations = self.relations;
        for Column { relation, name } in self.columns.keys() {
            if let Some(relation) = relation.as_deref().and_then(|id| relations.get_mut(id)) {
                relation.columns.insert(str::to_owned(name));
            }
        }
        let columns = self.columns.into_iter().map(|(column, used)| ColumnFacts {
            relation: column.relation.as_deref().map(str::to_owned),
            name: str::to_owned(&column.name),
            uses: used.uses,
            passed: used.passed,
        });
        let facts = Facts {
            describes: effects.contains(&Effect::Procedure) && !self.beyond,
            normalized: String::new(),
            fingerprint: String::new(),
            effects,
            statements: self.entries,
            relations: relations.into_values().collect(),
            columns: columns.collect(),
            outputs,
            answers: Vec::new(),
            functions: self.functions.into_values().collect(),
            cursors: self.cursors,
            settings: self.settings,
            references: Vec::new(),
            unparsed: None,
            unknown: self.unknown,
            lifted: Vec::new(),
            aftermath,
            sensitive: self.sensitive,
            placeholders: self.placeholders,
            empty: false,
            outdated: self.outdated,
        };
        Walked { facts, kept: self.kept, references: self.references }
    }
}

fn is_more_than_named(access: &Access) -> bool {
    match access {
        Access::Read | Access::Write | Access::Lock => true,
        Access::Reference => false,
    }
}
