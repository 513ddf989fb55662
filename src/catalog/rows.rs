//! What is held of each thing: names as symbols, lists as places in one long list.

use super::symbols::Symbol;

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelationKind {
    /// A table, or one partition.
    Table,
    /// A table that only its partitions hold the rows of.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    Materialized,
    /// A table of another server.
    Foreign,
    /// A sequence.
    Sequence,
    /// A composite type.
    Composite,
}

/// On what a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleEvent {
    /// SELECT: it is what a view shows.
    Select,
    /// UPDATE.
    Update,
    /// INSERT.
    Insert,
    /// DELETE.
    Delete,
}

/// Why a function runs that no statement calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// A trigger, or its condition.
    Trigger,
    /// A policy of row security.
    RowSecurity,
    /// A check, of a domain as well.
    Check,
    /// A default, or a generated column's expression.
    Default,
    /// The expression or condition of an index, or the key of partitions.
    Index,
}

/// What a foreign key does to the rows that refer to one that goes or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum KeyAction {
    /// Nothing: it refuses.
    Refuses,
    /// They go or change as well.
    Cascades,
    /// They refer to nothing, or to what is their default.
    Lets,
}

/// What PostgreSQL is told about a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionVolatility {
    /// Same arguments, same value, always.
    Immutable,
    /// The same within one statement.
    Stable,
    /// Anything may happen.
    Volatile,
}

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A window function.
    Window,
}

/// What a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypeKind {
    /// A base type; arrays are.
    Base,
    /// A row.
    Composite,
    /// A domain.
    Domain,
    /// An enum.
    Enum,
    /// A pseudo-type.
    Pseudo,
    /// A range.
    Range,
    /// A multirange.
    Multirange,
}

/// When a cast is used without being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CastContext {
    /// Anywhere.
    Implicit,
    /// In assignments.
    Assignment,
    /// Never.
    Explicit,
}

/// How a cast is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CastMethod {
    /// By a function.
    Function,
    /// By writing and reading text.
    Text,
    /// Not at all: the bytes are the same.
    Binary,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct NamespaceRow {
    pub oid: u32,
    pub name: Symbol,
    pub usable: bool,
    pub creates: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RelationRow {
    pub oid: u32,
    pub namespace: u32,
    pub name: Symbol,
    pub kind: RelationKind,
    pub owner: u32,
    pub row_type: u32,
    pub row_security: bool,
    pub forced_row_security: bool,
    pub partition: bool,
    pub triggers: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnRow {
    pub relation: u32,
    pub number: u16,
    pub not_null: bool,
    pub key: bool,
    pub has_default: bool,
    pub generated: bool,
    pub identity: bool,
    pub name: Symbol,
    pub type_oid: u32,
    pub modifier: i32,
    pub collation: u32,
}

#[derive(Clone, Debug)]
pub(super) struct RuleRow {
    pub oid: u32,
    pub relation: u32,
    pub name: Symbol,
    pub event: RuleEvent,
    pub instead: bool,
    pub enabled: bool,
    pub whole_rows: bool,
    pub read: bool,
    pub definition: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleRelationRow {
    pub rule: u32,
    pub relation: u32,
    /// 0 for the relation itself.
    pub column: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AttachedRow {
    pub relation: u32,
    /// 0 for what is too long to be read.
    pub function: u32,
    /// Bits of [`Events`](super::Events).
    pub events: u16,
    pub occasion: Occasion,
}

/// A column of a foreign key.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyRow {
    pub oid: u32,
    /// What is referred to.
    pub referenced: u32,
    /// What refers to it.
    pub referencing: u32,
    pub on_delete: KeyAction,
    pub on_update: KeyAction,
    pub referenced_column: u16,
    pub referencing_column: u16,
}

/// A function that runs where something is defined.
#[derive(Clone, Debug)]
pub(super) struct EventTriggerRow {
    pub function: u32,
    /// The commands; none for all.
    pub tags: Vec<Box<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct FunctionRow {
    pub oid: u32,
    pub namespace: u32,
    pub name: Symbol,
    pub language: Symbol,
    pub kind: FunctionKind,
    pub volatility: FunctionVolatility,
    pub security_definer: bool,
    pub leakproof: bool,
    pub set: bool,
    pub strict: bool,
    pub defaults: u16,
    pub variadic: u32,
    pub returns: u32,
    /// Where its argument types begin and how many there are.
    pub arguments: (u32, u16),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OperatorRow {
    pub oid: u32,
    pub namespace: u32,
    pub name: Symbol,
    pub left: u32,
    pub right: u32,
    pub result: u32,
    pub function: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CastRow {
    pub source: u32,
    pub target: u32,
    pub function: u32,
    pub context: CastContext,
    pub method: CastMethod,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct TypeRow {
    pub oid: u32,
    pub namespace: u32,
    pub name: Symbol,
    pub kind: TypeKind,
    pub category: u8,
    pub preferred: bool,
    pub not_null: bool,
    pub relation: u32,
    pub element: u32,
    pub array: u32,
    pub base: u32,
    pub modifier: i32,
    pub collation: u32,
    pub subtype: u32,
}

#[derive(Clone, Debug)]
pub(super) struct ConstraintRow {
    pub domain: u32,
    pub definition: Box<str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CollationRow {
    pub oid: u32,
    pub namespace: u32,
    pub name: Symbol,
    pub deterministic: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ExtensionRow {
    pub oid: u32,
    pub name: Symbol,
    pub version: Symbol,
}
