//! PostgreSQL's command tags.

#![expect(clippy::wildcard_enum_match_arm, reason = "the last arm hands on to a match that names every variant")]

use sqlparser::ast::{AlterFunctionKind, DiscardObject, ObjectType, Query, SetExpr, Statement, TextSearchObjectType};

use super::foreign::foreign_statement;
use super::statement::every;

/// PostgreSQL's command tag.
pub(super) fn command(statement: &Statement) -> &'static str {
    match statement {
        Statement::Query(query) => query_command(query),
        Statement::Insert(_) => "INSERT",
        Statement::Update(_) => "UPDATE",
        Statement::Delete(_) => "DELETE",
        Statement::Merge(_) => "MERGE",
        Statement::Explain { .. } => "EXPLAIN",
        Statement::Prepare { .. } => "PREPARE",
        Statement::Execute { .. } => "EXECUTE",
        Statement::Deallocate { name, .. } if every(name) => "DEALLOCATE ALL",
        Statement::Deallocate { .. } => "DEALLOCATE",
        Statement::Declare { .. } => "DECLARE CURSOR",
        Statement::Fetch { .. } => "FETCH",
        Statement::Close { cursor: sqlparser::ast::CloseCursor::All } => "CLOSE CURSOR ALL",
        Statement::Close { .. } => "CLOSE CURSOR",
        Statement::Copy { .. } => "COPY",
        Statement::Set(_) => "SET",
        Statement::Reset(_) => "RESET",
        Statement::ShowVariable { .. } => "SHOW",
        Statement::Discard { object_type } => match object_type {
            DiscardObject::ALL => "DISCARD ALL",
            DiscardObject::PLANS => "DISCARD PLANS",
            DiscardObject::SEQUENCES => "DISCARD SEQUENCES",
            DiscardObject::TEMP => "DISCARD TEMP",
        },
        Statement::StartTransaction { begin: true, .. } => "BEGIN",
        Statement::StartTransaction { .. } => "START TRANSACTION",
        Statement::Commit { .. } => "COMMIT",
        Statement::Rollback { .. } => "ROLLBACK",
        Statement::Savepoint { .. } => "SAVEPOINT",
        Statement::ReleaseSavepoint { .. } => "RELEASE",
        Statement::Call(_) => "CALL",
        Statement::LISTEN { .. } => "LISTEN",
        Statement::NOTIFY { .. } => "NOTIFY",
        Statement::UNLISTEN { .. } => "UNLISTEN",
        Statement::Lock(_) => "LOCK TABLE",
        Statement::Truncate(_) => "TRUNCATE TABLE",
        Statement::Load { .. } => "LOAD",
        Statement::Analyze(_) => "ANALYZE",
        other => definition(other),
    }
}

fn query_command(query: &Query) -> &'static str {
    let mut body = query.body.as_ref();
    loop {
        body = match body {
            SetExpr::Query(inner) => inner.body.as_ref(),
            SetExpr::Insert(_) => return "INSERT",
            SetExpr::Update(_) => return "UPDATE",
            SetExpr::Delete(_) => return "DELETE",
            SetExpr::Merge(_) => return "MERGE",
            SetExpr::Select(select) if select.into.is_some() => return "SELECT INTO",
            SetExpr::SetOperation { left, .. } => left.as_ref(),
            SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => return "SELECT",
        };
    }
}

/// The tag of a definition; empty for what PostgreSQL does not have and for what is not a definition.
pub(super) fn definition(statement: &Statement) -> &'static str {
    match statement {
        Statement::Drop { object_type, .. } => dropped(*object_type),
        Statement::AlterCollation(_) => "ALTER COLLATION",
        Statement::AlterFunction(alter) if alter.kind == AlterFunctionKind::Aggregate => "ALTER AGGREGATE",
        Statement::AlterFunction(_) => "ALTER FUNCTION",
        Statement::AlterIndex { .. } => "ALTER INDEX",
        Statement::AlterOperator(_) => "ALTER OPERATOR",
        Statement::AlterOperatorClass(_) => "ALTER OPERATOR CLASS",
        Statement::AlterOperatorFamily(_) => "ALTER OPERATOR FAMILY",
        Statement::AlterPolicy(_) => "ALTER POLICY",
        Statement::AlterRole { .. } | Statement::AlterUser(_) => "ALTER ROLE",
        Statement::AlterSchema(_) => "ALTER SCHEMA",
        Statement::AlterTable(_) => "ALTER TABLE",
        Statement::AlterTextSearch(alter) => altered_text_search(&alter.object_type),
        Statement::AlterType(_) => "ALTER TYPE",
        Statement::AlterView { .. } => "ALTER VIEW",
        Statement::Comment { .. } => "COMMENT",
        Statement::DropDomain(_) => "DROP DOMAIN",
        Statement::DropExtension(_) => "DROP EXTENSION",
        Statement::DropFunction(_) => "DROP FUNCTION",
        Statement::DropOperator(_) => "DROP OPERATOR",
        Statement::DropOperatorClass(_) => "DROP OPERATOR CLASS",
        Statement::DropOperatorFamily(_) => "DROP OPERATOR FAMILY",
        Statement::DropPolicy(_) => "DROP POLICY",
        Statement::DropProcedure { .. } => "DROP PROCEDURE",
        Statement::DropTrigger(_) => "DROP TRIGGER",
        Statement::Grant(_) => "GRANT",
        Statement::Revoke(_) => "REVOKE",
        Statement::Vacuum(_) => "VACUUM",
        other => creation(other),
    }
}

fn creation(statement: &Statement) -> &'static str {
    match statement {
        Statement::CreateTable(table) if table.query.is_some() => "CREATE TABLE AS",
        Statement::CreateTable(_) => "CREATE TABLE",
        Statement::CreateView(view) if view.materialized => "CREATE MATERIALIZED VIEW",
        Statement::CreateView(_) => "CREATE VIEW",
        Statement::CreateCollation(_) => "CREATE COLLATION",
        Statement::CreateDatabase { .. } => "CREATE DATABASE",
        Statement::CreateDomain(_) => "CREATE DOMAIN",
        Statement::CreateExtension(_) => "CREATE EXTENSION",
        Statement::CreateFunction(_) => "CREATE FUNCTION",
        Statement::CreateIndex(_) => "CREATE INDEX",
        Statement::CreateOperator(_) => "CREATE OPERATOR",
        Statement::CreateOperatorClass(_) => "CREATE OPERATOR CLASS",
        Statement::CreateOperatorFamily(_) => "CREATE OPERATOR FAMILY",
        Statement::CreatePolicy(_) => "CREATE POLICY",
        Statement::CreateProcedure { .. } => "CREATE PROCEDURE",
        Statement::CreateRole(_) | Statement::CreateUser(_) => "CREATE ROLE",
        Statement::CreateSchema { .. } => "CREATE SCHEMA",
        Statement::CreateSequence { .. } => "CREATE SEQUENCE",
        Statement::CreateServer(_) => "CREATE SERVER",
        Statement::CreateTextSearch(create) => created_text_search(&create.object_type),
        Statement::CreateTrigger(_) => "CREATE TRIGGER",
        Statement::CreateType { .. } => "CREATE TYPE",
        change!() | act!() | foreign_statement!() => "",
    }
}

/// Statements that are not definitions: [`command`] knows their tags.
macro_rules! act {
    () => {
        Statement::Analyze(_)
            | Statement::Set(_)
            | Statement::Truncate(_)
            | Statement::Query(_)
            | Statement::Insert(_)
            | Statement::Load { .. }
            | Statement::Call(_)
            | Statement::Copy { .. }
            | Statement::Close { .. }
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Declare { .. }
            | Statement::Fetch { .. }
            | Statement::Discard { .. }
            | Statement::ShowVariable { .. }
            | Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Deallocate { .. }
            | Statement::Execute { .. }
            | Statement::Prepare { .. }
            | Statement::Explain { .. }
            | Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. }
            | Statement::Merge(_)
            | Statement::Lock(_)
            | Statement::LISTEN { .. }
            | Statement::UNLISTEN { .. }
            | Statement::NOTIFY { .. }
            | Statement::Reset(_)
    };
}
use act;

/// Definitions that create nothing: [`definition`] knows their tags.
macro_rules! change {
    () => {
        Statement::Drop { .. }
            | Statement::AlterCollation(_)
            | Statement::AlterFunction(_)
            | Statement::AlterIndex { .. }
            | Statement::AlterOperator(_)
            | Statement::AlterOperatorClass(_)
            | Statement::AlterOperatorFamily(_)
            | Statement::AlterPolicy(_)
            | Statement::AlterRole { .. }
            | Statement::AlterUser(_)
            | Statement::AlterSchema(_)
            | Statement::AlterTable(_)
            | Statement::AlterTextSearch(_)
            | Statement::AlterType(_)
            | Statement::AlterView { .. }
            | Statement::Comment { .. }
            | Statement::DropDomain(_)
            | Statement::DropExtension(_)
            | Statement::DropFunction(_)
            | Statement::DropOperator(_)
            | Statement::DropOperatorClass(_)
            | Statement::DropOperatorFamily(_)
            | Statement::DropPolicy(_)
            | Statement::DropProcedure { .. }
            | Statement::DropTrigger(_)
            | Statement::Grant(_)
            | Statement::Revoke(_)
            | Statement::Vacuum(_)
    };
}
use change;

fn altered_text_search(what: &TextSearchObjectType) -> &'static str {
    match what {
        TextSearchObjectType::Dictionary => "ALTER TEXT SEARCH DICTIONARY",
        TextSearchObjectType::Configuration => "ALTER TEXT SEARCH CONFIGURATION",
        TextSearchObjectType::Template => "ALTER TEXT SEARCH TEMPLATE",
        TextSearchObjectType::Parser => "ALTER TEXT SEARCH PARSER",
    }
}

fn created_text_search(what: &TextSearchObjectType) -> &'static str {
    match what {
        TextSearchObjectType::Dictionary => "CREATE TEXT SEARCH DICTIONARY",
        TextSearchObjectType::Configuration => "CREATE TEXT SEARCH CONFIGURATION",
        TextSearchObjectType::Template => "CREATE TEXT SEARCH TEMPLATE",
        TextSearchObjectType::Parser => "CREATE TEXT SEARCH PARSER",
    }
}

fn dropped(object_type: ObjectType) -> &'static str {
    match object_type {
        ObjectType::Collation => "DROP COLLATION",
        ObjectType::Table => "DROP TABLE",
        ObjectType::View => "DROP VIEW",
        ObjectType::MaterializedView => "DROP MATERIALIZED VIEW",
        ObjectType::Index => "DROP INDEX",
        ObjectType::Schema => "DROP SCHEMA",
        ObjectType::Database => "DROP DATABASE",
        ObjectType::Role | ObjectType::User => "DROP ROLE",
        ObjectType::Sequence => "DROP SEQUENCE",
        ObjectType::Type => "DROP TYPE",
        ObjectType::Stage | ObjectType::Stream | ObjectType::Warehouse => "",
    }
}
