//! Definitions after which names mean in this session what they mean in a new one.

use sqlparser::ast::{Statement, UserDefinedTypeRepresentation};

use crate::parse::facts::{Effect, StatementFacts};

/// Tags of what makes nothing that only this session finds: a relation that stays is where a new session finds it,
/// too, and so is a new name for it.
const LASTING: &[&str] = &[
    "ALTER INDEX",
    "ALTER MATERIALIZED VIEW",
    "ALTER SEQUENCE",
    "ALTER TABLE",
    "ALTER VIEW",
    "CLUSTER",
    "COMMENT",
    "CREATE INDEX",
    "CREATE MATERIALIZED VIEW",
    "CREATE SEQUENCE",
    "CREATE TABLE",
    "CREATE TABLE AS",
    "CREATE TYPE",
    "CREATE VIEW",
    "DROP INDEX",
    "DROP MATERIALIZED VIEW",
    "DROP SEQUENCE",
    "DROP TABLE",
    "DROP TYPE",
    "DROP VIEW",
    "REINDEX",
    "VACUUM",
];

/// Whether names mean afterwards what they meant before, unless it [`is_private`].
pub(super) fn keeps_names(command: &str) -> bool {
    LASTING.contains(&command)
}

/// Whether what it makes may be this session's alone, or run code of its own.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others have no such kind; their tag decides")]
pub(super) fn is_private(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => table.temporary || table.global.is_some(),
        Statement::CreateView(view) => view.temporary,
        Statement::CreateSequence { temporary, .. } | Statement::Drop { temporary, .. } => *temporary,
        Statement::CreateType { representation, .. } => !matches!(
            representation,
            Some(UserDefinedTypeRepresentation::Enum { .. } | UserDefinedTypeRepresentation::Composite { .. })
        ),
        _ => false,
    }
}

/// Tags of definitions after which every name means what it meant before, to everybody.
const UNSEEN: &[&str] =
    &["ANALYZE", "CHECKPOINT", "CLUSTER", "COMMENT", "CREATE INDEX", "REFRESH MATERIALIZED VIEW", "REINDEX", "VACUUM"];

/// Whether what it makes is seen by this session alone.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others make nothing temporary")]
pub(super) fn is_temporary(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => table.temporary,
        Statement::CreateView(view) => view.temporary,
        Statement::CreateSequence { temporary, .. } => *temporary,
        _ => false,
    }
}

/// Whether what it does to the catalogs is seen by other sessions, as names that mean something else.
pub(super) fn is_seen(entry: &StatementFacts) -> bool {
    let has = |effect| entry.effects.contains(&effect);
    let defines = has(Effect::Ddl) || has(Effect::Dcl) || has(Effect::Unknown);
    let ends = matches!(entry.command.as_str(), "COMMIT PREPARED" | "ROLLBACK PREPARED");
    (defines && !UNSEEN.contains(&entry.command.as_str())) || ends
}
