//! What a database is asked about itself: one text a table.

use super::questions::{self, Question};

/// A part of a database's description of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Version, database, role: one row.
    Server,
    /// Schemas.
    Namespaces,
    /// Tables, views, sequences, composite types.
    Relations,
    /// Their columns.
    Columns,
    /// Children and partitions.
    Inheritance,
    /// Rules, and so views.
    Rules,
    /// Relations and columns that rules name.
    RuleRelations,
    /// Functions that rules call.
    RuleFunctions,
    /// Columns that generated columns are made of.
    Generated,
    /// Functions that run where relations are used.
    Attached,
    /// Relations that row security reads.
    PolicyRelations,
    /// Foreign keys.
    ForeignKeys,
    /// Functions that run where something is defined.
    EventTriggers,
    /// Functions that domains call.
    DomainFunctions,
    /// Functions, procedures, aggregates.
    Functions,
    /// Functions that aggregates are computed by.
    Aggregates,
    /// Operators.
    Operators,
    /// Casts.
    Casts,
    /// Types.
    Types,
    /// What domains check.
    DomainConstraints,
    /// Collations that columns and types have.
    Collations,
    /// Extensions.
    Extensions,
    /// Processes of sessions in the database. The rest does without them.
    Backends,
    /// What the role may do beyond what statements need. It is for people, and the rest does without it.
    Powers,
    /// The text of rules. It waits for locks, so it is asked for by itself, and most does without it.
    Definitions,
}

impl Table {
    /// All that one snapshot is made of.
    pub const WHOLE: [Self; 22] = [
        Self::Server,
        Self::Namespaces,
        Self::Relations,
        Self::Columns,
        Self::Inheritance,
        Self::Rules,
        Self::RuleRelations,
        Self::RuleFunctions,
        Self::Generated,
        Self::Attached,
        Self::PolicyRelations,
        Self::ForeignKeys,
        Self::EventTriggers,
        Self::DomainFunctions,
        Self::Functions,
        Self::Aggregates,
        Self::Operators,
        Self::Casts,
        Self::Types,
        Self::DomainConstraints,
        Self::Collations,
        Self::Extensions,
    ];

    /// The values of a row, in order.
    pub(super) fn columns(self) -> &'static [&'static str] {
        self.question().columns
    }

    /// The question.
    pub fn sql(self) -> &'static str {
        self.question().sql
    }

    fn question(self) -> &'static Question {
        match self {
            Self::Server => &questions::SERVER,
            Self::Namespaces => &questions::NAMESPACES,
            Self::Relations => &questions::RELATIONS,
            Self::Columns => &questions::COLUMNS,
            Self::Inheritance => &questions::INHERITANCE,
            Self::Rules => &questions::RULES,
            Self::RuleRelations => &questions::RULE_RELATIONS,
            Self::RuleFunctions => &questions::RULE_FUNCTIONS,
            Self::Generated => &questions::GENERATED,
            Self::Attached => &questions::ATTACHED,
            Self::PolicyRelations => &questions::POLICY_RELATIONS,
            Self::ForeignKeys => &questions::FOREIGN_KEYS,
            Self::EventTriggers => &questions::EVENT_TRIGGERS,
            Self::DomainFunctions => &questions::DOMAIN_FUNCTIONS,
            Self::Functions => &questions::FUNCTIONS,
            Self::Aggregates => &questions::AGGREGATES,
            Self::Operators => &questions::OPERATORS,
            Self::Casts => &questions::CASTS,
            Self::Types => &questions::TYPES,
            Self::DomainConstraints => &questions::DOMAIN_CONSTRAINTS,
            Self::Collations => &questions::COLLATIONS,
            Self::Extensions => &questions::EXTENSIONS,
            Self::Backends => &questions::BACKENDS,
            Self::Powers => &questions::POWERS,
            Self::Definitions => &questions::DEFINITIONS,
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.question().what)
    }
}
