//! Definitions after which names mean in this session what they mean in a new one.

#![expect(clippy::wildcard_enum_match_arm, reason = "the last arm leaves names uncertain")]

use sqlparser::ast::{ObjectType, Statement, UserDefinedTypeRepresentation};

/// Whether names mean afterwards what they meant before, or what every session takes them for: a relation that
/// stays is where a new session finds it, too. One that is temporary is this session's alone.
pub(super) fn keeps_names(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(table) => !table.temporary && table.global.is_none(),
        Statement::CreateView(view) => !view.temporary,
        Statement::CreateSequence { temporary, .. } => !temporary,
        Statement::CreateIndex(_)
        | Statement::AlterTable(_)
        | Statement::AlterIndex { .. }
        | Statement::AlterView { .. }
        | Statement::Comment { .. }
        | Statement::Vacuum(_) => true,
        Statement::CreateType { representation, .. } => matches!(
            representation,
            Some(UserDefinedTypeRepresentation::Enum { .. } | UserDefinedTypeRepresentation::Composite { .. })
        ),
        Statement::Drop { object_type, temporary, .. } => {
            let relation = matches!(
                object_type,
                ObjectType::Table
                    | ObjectType::View
                    | ObjectType::MaterializedView
                    | ObjectType::Index
                    | ObjectType::Sequence
                    | ObjectType::Type
            );
            relation && !temporary
        }
        _ => false,
    }
}

/// The same for what sqlparser has no tree of, by its tag: none of these makes anything temporary.
pub(super) fn command_keeps_names(command: &str) -> bool {
    matches!(
        command,
        "ALTER INDEX"
            | "ALTER MATERIALIZED VIEW"
            | "ALTER SEQUENCE"
            | "ALTER TABLE"
            | "ALTER VIEW"
            | "CLUSTER"
            | "COMMENT"
            | "DROP INDEX"
            | "REINDEX"
    )
}
