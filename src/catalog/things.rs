//! What a snapshot holds, each thing with what can be asked of it.

use std::collections::BTreeMap;

use super::rows::{
    CastContext, ColumnRow, FunctionKind, FunctionRow, FunctionVolatility, OperatorRow, RelationKind, RelationRow,
    RuleEvent, RuleRow, TypeKind, TypeRow,
};
use super::snapshot::{OWN, Snapshot, among};

/// A relation.
#[derive(Clone, Copy, Debug)]
pub struct Relation<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) row: &'a RelationRow,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) row: &'a ColumnRow,
}

/// A rule; a view's own is one, on SELECT.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) row: &'a RuleRow,
}

/// A function, procedure or aggregate.
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) row: &'a FunctionRow,
}

/// An operator.
#[derive(Clone, Copy, Debug)]
pub struct Operator<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) row: &'a OperatorRow,
}

/// A type.
#[derive(Clone, Copy, Debug)]
pub struct Type<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) row: &'a TypeRow,
}

impl<'a> Relation<'a> {
    /// Its OID.
    pub fn oid(&self) -> u32 {
        self.row.oid
    }

    /// The version of the snapshot that it is from.
    pub fn version(&self) -> u64 {
        self.snapshot.version()
    }

    /// Its schema.
    pub fn schema(&self) -> &'a str {
        self.snapshot.schema(self.row.namespace)
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.snapshot.text(self.row.name)
    }

    /// What it is.
    pub fn kind(&self) -> RelationKind {
        self.row.kind
    }

    /// The OID of the role it belongs to.
    pub fn owner(&self) -> u32 {
        self.row.owner
    }

    /// The OID of the type of its rows.
    pub fn row_type(&self) -> u32 {
        self.row.row_type
    }

    /// Whether row security is on, and whether its owner is subject to it as well.
    pub fn row_security(&self) -> (bool, bool) {
        (self.row.row_security, self.row.forced_row_security)
    }

    /// Whether it is a partition of another.
    pub fn is_partition(&self) -> bool {
        self.row.partition
    }

    /// Whether somebody's triggers act on it.
    pub fn has_triggers(&self) -> bool {
        self.row.triggers
    }

    /// Whether it is PostgreSQL's own.
    pub fn is_own(&self) -> bool {
        matches!(self.schema(), OWN | "information_schema")
    }

    /// Its columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = Column<'a>> + use<'a> {
        let snapshot = self.snapshot;
        among(&snapshot.held.columns, &self.row.oid, |column| column.relation)
            .iter()
            .map(move |row| Column { snapshot, row })
    }

    /// The column of that name. A system column is none.
    pub fn column(&self, name: &str) -> Option<Column<'a>> {
        let name = self.snapshot.names.find(name)?;
        self.columns().find(|column| column.row.name == name)
    }

    /// What inherits from it directly, or is a partition of it.
    pub fn children(&self) -> impl Iterator<Item = Relation<'a>> {
        let snapshot = self.snapshot;
        let found = among(&snapshot.held.inheritance, &self.row.oid, |(parent, _)| *parent);
        found.iter().filter_map(move |(_, child)| snapshot.by_oid(*child))
    }

    /// What it inherits from directly, or is a partition of.
    pub fn parents(&self) -> impl Iterator<Item = Relation<'a>> {
        let snapshot = self.snapshot;
        let found = among(&snapshot.held.heritage, &self.row.oid, |(child, _)| *child);
        found.iter().filter_map(move |(_, parent)| snapshot.by_oid(*parent))
    }

    /// Whatever inherits from it, or it from, at any distance: a change of one may change the others. It is one of them.
    pub fn family(&self) -> BTreeMap<u32, Relation<'a>> {
        let mut found = BTreeMap::from([(self.oid(), *self)]);
        for up in [true, false] {
            let mut next = vec![*self];
            while let Some(relation) = next.pop() {
                let more: Vec<_> = if up { relation.parents().collect() } else { relation.children().collect() };
                next.extend(more.into_iter().filter(|one| found.insert(one.oid(), *one).is_none()));
            }
        }
        found
    }

    /// Its rules. Those of PostgreSQL's own relations are not held.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'a>> {
        let snapshot = self.snapshot;
        among(&snapshot.held.rules, &self.row.oid, |rule| rule.relation).iter().map(move |row| Rule { snapshot, row })
    }
}

impl<'a> Column<'a> {
    /// Its number.
    pub fn number(&self) -> u16 {
        self.row.number
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.snapshot.text(self.row.name)
    }

    /// The OID of its type, and the type's modifier (-1 for none).
    pub fn data_type(&self) -> (u32, i32) {
        (self.row.type_oid, self.row.modifier)
    }

    /// The OID of its collation; 0 for none.
    pub fn collation(&self) -> u32 {
        self.row.collation
    }

    /// Whether it never is NULL.
    pub fn is_not_null(&self) -> bool {
        self.row.not_null
    }

    /// Whether the relation's primary key has it, and holds at every moment.
    pub fn is_key(&self) -> bool {
        self.row.key
    }

    /// Whether it has a value of its own where none is given.
    pub fn has_default(&self) -> bool {
        self.row.has_default || self.row.identity
    }

    /// Whether it is numbered by a sequence of its own (`GENERATED … AS IDENTITY`).
    pub fn is_identity(&self) -> bool {
        self.row.identity
    }

    /// Whether it is computed from the others.
    pub fn is_generated(&self) -> bool {
        self.row.generated
    }
}

impl<'a> Rule<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.snapshot.text(self.row.name)
    }

    /// On what it acts.
    pub fn event(&self) -> RuleEvent {
        self.row.event
    }

    /// Whether it replaces the statement.
    pub fn is_instead(&self) -> bool {
        self.row.instead
    }

    /// Whether it acts, in whatever state `session_replication_role` is.
    pub fn is_enabled(&self) -> bool {
        self.row.enabled
    }

    /// Its text as the server writes it; `None` where it could not be asked for.
    pub fn definition(&self) -> Option<&'a str> {
        self.row.definition.as_deref()
    }

    pub(super) fn oid(&self) -> u32 {
        self.row.oid
    }

    /// Whether it was looked at; it may be too long.
    pub(super) fn is_read(&self) -> bool {
        self.row.read
    }

    /// Whether it has a whole row of something somewhere, of which no dependency on columns tells.
    pub(super) fn has_whole_rows(&self) -> bool {
        self.row.whole_rows
    }
}

/// Volatile functions of PostgreSQL's own extensions, and of newer servers, that make values of nothing.
const MAKES_VALUES: [&str; 9] = [
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuid_generate_v5",
    "uuidv4",
    "uuidv7",
];

impl<'a> Function<'a> {
    /// Its OID.
    pub fn oid(&self) -> u32 {
        self.row.oid
    }

    /// Its schema.
    pub fn schema(&self) -> &'a str {
        self.snapshot.schema(self.row.namespace)
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.snapshot.text(self.row.name)
    }

    /// What it is.
    pub fn kind(&self) -> FunctionKind {
        self.row.kind
    }

    /// The OIDs of its arguments' types, those of results only left out.
    pub fn arguments(&self) -> &'a [u32] {
        let (start, count) = self.row.arguments;
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        self.snapshot.held.arguments.get(start..start.saturating_add(usize::from(count))).unwrap_or_default()
    }

    /// Whether its last argument may be given more than once.
    pub fn is_variadic(&self) -> bool {
        self.row.variadic != 0
    }

    /// Whether a call with so many arguments may mean it.
    pub fn takes(&self, arguments: usize) -> bool {
        let most = self.arguments().len();
        let least = most.saturating_sub(usize::from(self.row.defaults));
        // One or more of the last; none where it has a default.
        let variadic = self.is_variadic() && arguments >= most;
        (least..=most).contains(&arguments) || variadic
    }

    /// The OID of its result's type, and whether there may be many.
    pub fn returns(&self) -> (u32, bool) {
        (self.row.returns, self.row.set)
    }

    /// What it promises.
    pub fn volatility(&self) -> FunctionVolatility {
        self.row.volatility
    }

    /// Whether it runs as its owner.
    pub fn is_security_definer(&self) -> bool {
        self.row.security_definer
    }

    /// Whether it has the name of a volatile function that makes values of nothing.
    pub fn makes_values(&self) -> bool {
        MAKES_VALUES.contains(&self.name())
    }

    /// Whether it shows nothing of its arguments but its result.
    pub fn is_leakproof(&self) -> bool {
        self.row.leakproof
    }

    /// Whether it gives NULL for NULL.
    pub fn is_strict(&self) -> bool {
        self.row.strict
    }

    /// The functions that an aggregate is computed by; `None` for one that nobody knows. PostgreSQL's own are not held.
    pub fn parts(&self) -> impl Iterator<Item = Option<Function<'a>>> {
        let snapshot = self.snapshot;
        let found = among(&snapshot.held.aggregates, &self.row.oid, |(aggregate, _)| *aggregate);
        found.iter().map(move |(_, function)| snapshot.function(*function))
    }

    /// The language it is written in.
    pub fn language(&self) -> &'a str {
        self.snapshot.text(self.row.language)
    }

    /// The settings that it runs under, as `name=value`.
    pub fn configuration(&self) -> impl Iterator<Item = &'a str> {
        let held = &self.snapshot.held;
        among(&held.configurations, &self.row.oid, |(function, _)| *function).iter().map(|(_, text)| text.as_ref())
    }

    /// Whether it is PostgreSQL's own.
    pub fn is_own(&self) -> bool {
        matches!(self.schema(), OWN | "information_schema")
    }
}

impl<'a> Operator<'a> {
    /// Its schema.
    pub fn schema(&self) -> &'a str {
        self.snapshot.schema(self.row.namespace)
    }

    /// The OIDs of its sides' types (left is 0 for a prefix) and of its result's.
    pub fn types(&self) -> (u32, u32, u32) {
        (self.row.left, self.row.right, self.row.result)
    }

    /// What computes it.
    pub fn function(&self) -> Option<Function<'a>> {
        self.snapshot.function(self.row.function)
    }

    /// Its OID.
    pub fn oid(&self) -> u32 {
        self.row.oid
    }
}

impl<'a> Type<'a> {
    /// Its OID.
    pub fn oid(&self) -> u32 {
        self.row.oid
    }

    /// Its schema.
    pub fn schema(&self) -> &'a str {
        self.snapshot.schema(self.row.namespace)
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.snapshot.text(self.row.name)
    }

    /// What it is.
    pub fn kind(&self) -> TypeKind {
        self.row.kind
    }

    /// Its category, and whether it is preferred in it.
    pub fn category(&self) -> (char, bool) {
        (char::from(self.row.category), self.row.preferred)
    }

    /// What a domain is made of, and its modifier.
    pub fn base(&self) -> Option<(Type<'a>, i32)> {
        Some((self.snapshot.data_type(self.row.base)?, self.row.modifier))
    }

    /// Whether a domain refuses NULL.
    pub fn is_not_null(&self) -> bool {
        self.row.not_null
    }

    /// What a domain checks, as the server writes it.
    pub fn constraints(&self) -> impl Iterator<Item = &'a str> {
        let held = &self.snapshot.held;
        let found = among(&held.constraints, &self.row.oid, |constraint| constraint.domain);
        found.iter().map(|constraint| constraint.definition.as_ref())
    }

    /// The relation whose rows it is.
    pub fn relation(&self) -> Option<Relation<'a>> {
        self.snapshot.by_oid(self.row.relation)
    }

    /// What an array holds.
    pub fn element(&self) -> Option<Type<'a>> {
        self.snapshot.data_type(self.row.element)
    }

    /// The array of it.
    pub fn array(&self) -> Option<Type<'a>> {
        self.snapshot.data_type(self.row.array)
    }

    /// What a range or multirange is of.
    pub fn subtype(&self) -> Option<Type<'a>> {
        self.snapshot.data_type(self.row.subtype)
    }

    /// The OID of its collation; 0 for none.
    pub fn collation(&self) -> u32 {
        self.row.collation
    }

    /// Whether a cast is defined that makes its values another type's where none is written.
    pub fn becomes(&self, other: Type<'_>) -> bool {
        matches!(self.snapshot.cast(self.row.oid, other.row.oid), Some((CastContext::Implicit, ..)))
    }

    /// Another type of the same database.
    pub fn sibling(&self, oid: u32) -> Option<Type<'a>> {
        self.snapshot.data_type(oid)
    }
}
