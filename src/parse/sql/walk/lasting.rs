//! Definitions after which names mean in this session what they mean in a new one.

use sqlparser::ast::{
    AlterSchema, AlterSchemaOperation, AlterTable, AlterTableOperation, ColumnOption, CreateIndex, DropBehavior, Expr,
    ForeignKeyConstraint, GrantObjects, IndexColumn, ObjectName, ObjectType, ReferentialAction, RenameTableNameKind,
    SchemaName, Statement, TableConstraint, UserDefinedTypeRepresentation,
};

use super::{Names, names};
use crate::parse::definitions::{Definitions, Place};
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
    "CREATE FUNCTION",
    "CREATE INDEX",
    "CREATE MATERIALIZED VIEW",
    "CREATE POLICY",
    "CREATE SCHEMA",
    "CREATE SEQUENCE",
    "CREATE TABLE",
    "CREATE TABLE AS",
    "CREATE TRIGGER",
    "CREATE TYPE",
    "CREATE VIEW",
    "DROP FUNCTION",
    "DROP INDEX",
    "DROP MATERIALIZED VIEW",
    "DROP POLICY",
    "DROP SEQUENCE",
    "DROP TABLE",
    "DROP TRIGGER",
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
        Statement::CreateFunction(function) => is_among_temporary(&function.name),
        Statement::CreateType { name, representation } => {
            let is_data = matches!(
                representation,
                Some(UserDefinedTypeRepresentation::Enum { .. } | UserDefinedTypeRepresentation::Composite { .. })
            );
            !is_data || is_among_temporary(name)
        }
        _ => false,
    }
}

/// Whether a name's schema is one that each session has for itself.
fn is_among_temporary(name: &ObjectName) -> bool {
    names::relation(name).map_or(true, |parts| matches!(parts.as_slice(), [schema, _] if schema.starts_with("pg_temp")))
}

/// Whether it may take back what was defined before, without a failure.
pub(super) fn may_undo(entry: &StatementFacts) -> bool {
    let keeps = matches!(entry.command.as_str(), "BEGIN" | "START TRANSACTION" | "SAVEPOINT" | "RELEASE");
    turns(entry) && !keeps
}

/// Whether it begins, ends or takes back a transaction or a part of one. SET CONSTRAINTS only says when keys are looked at.
pub(super) fn turns(entry: &StatementFacts) -> bool {
    entry.effects.contains(&Effect::Transaction) && entry.command != "SET CONSTRAINTS"
}

/// What a statement of this kind defines for others, if that is anything. `told`: where it can be told.
pub(super) fn defined(entry: &StatementFacts, told: Option<&Definitions>) -> Option<Definitions> {
    match told {
        // What an index computes is told although no name means anything else.
        Some(told) if is_seen(entry) || entry.command == "CREATE INDEX" => Some(told.clone()),
        None if makes_event_triggers(&entry.command) => Some(Definitions::everything_and_event_triggers()),
        None if is_seen(entry) => Some(Definitions::everything()),
        Some(_) | None => None,
    }
}

/// Whether event triggers may run after it that did not before.
fn makes_event_triggers(command: &str) -> bool {
    let (makes, what) = command.split_once(' ').unwrap_or_default();
    matches!(makes, "CREATE" | "ALTER") && matches!(what, "EVENT TRIGGER" | "EXTENSION")
}

/// The names that it makes to mean something else, where it can be told that these are all.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told here may be anything")]
pub(super) fn defines(statement: &Statement, known: &Names) -> Option<Definitions> {
    let place = |name: &ObjectName| names::place(name, known).ok();
    let places = |names: &[&ObjectName]| names.iter().map(|name| place(name)).collect::<Option<Vec<_>>>();
    let relations = |names: &[&ObjectName]| places(names).map(Definitions::relations);
    match statement {
        Statement::CreateTable(table) => {
            let parents = table.inherits.iter().flatten().chain(&table.partition_of);
            let mut made = relations(&std::iter::once(&table.name).chain(parents).collect::<Vec<_>>())?;
            let columns =
                table.columns.iter().flat_map(|column| &column.options).filter_map(|option| key_of(&option.option));
            let keys = columns.chain(table.constraints.iter().filter_map(key_in));
            made.extend(&Definitions::referenced(places(&keys.collect::<Vec<_>>())?));
            Some(made)
        }
        Statement::CreateIndex(index) if computes(index) => places(&[&index.table_name]).map(Definitions::computed),
        Statement::CreateView(view) => relations(&[&view.name]),
        Statement::CreateSequence { name, .. } | Statement::AlterView { name, .. } => relations(&[name]),
        Statement::AlterTable(table) => {
            let mut altered = altered(table, place(&table.name)?)?;
            let keys: Vec<&ObjectName> = table.operations.iter().flat_map(keys_added).collect();
            altered.extend(&Definitions::referenced(places(&keys)?));
            Some(altered)
        }
        Statement::Drop {
            object_type: ObjectType::Table | ObjectType::View | ObjectType::MaterializedView | ObjectType::Sequence,
            names,
            cascade: false,
            ..
        } => relations(&names.iter().collect::<Vec<_>>()),
        Statement::Drop { object_type: ObjectType::Type, names, cascade: false, .. } => {
            let names: Vec<&ObjectName> = names.iter().collect();
            let mut dropped = Definitions::types(places(&names)?);
            dropped.extend(&relations(&names)?);
            // Those that make ranges go as well, and may have any name.
            dropped.extend(&Definitions::every_function());
            Some(dropped)
        }
        Statement::Drop { object_type: ObjectType::Schema, names, cascade: false, .. } => {
            names.iter().map(alone).collect::<Option<Vec<_>>>().map(Definitions::schemas)
        }
        Statement::DropFunction(drop) if drop.drop_behavior != Some(DropBehavior::Cascade) => {
            places(&drop.func_desc.iter().map(|function| &function.name).collect::<Vec<_>>())
                .map(Definitions::functions)
        }
        Statement::DropTrigger(drop) if drop.option != Some(ReferentialAction::Cascade) => {
            relations(&[drop.table_name.as_ref()?])
        }
        Statement::CreateType { name, representation } => made(place(name)?, representation.as_ref()?),
        Statement::CreateSchema { schema_name: SchemaName::Simple(name), .. } => {
            Some(Definitions::schemas([alone(name)?]))
        }
        Statement::AlterSchema(alter) => renamed(alter).map(Definitions::schemas),
        Statement::CreatePolicy(policy) => relations(&[&policy.table_name]),
        Statement::AlterPolicy(policy) => relations(&[&policy.table_name]),
        Statement::DropPolicy(policy) => relations(&[&policy.table_name]),
        Statement::CreateTrigger(trigger) => relations(&[&trigger.table_name]),
        Statement::CreateOperator(operator) => place(&operator.name).map(|place| Definitions::operators([place])),
        Statement::CreateFunction(function) => place(&function.name).map(|place| Definitions::functions([place])),
        // Whoever may look into a schema finds what is in it; a table's rights hide no name.
        Statement::Grant(grant) => granted(grant.objects.as_ref()),
        Statement::Revoke(revoke) => granted(revoke.objects.as_ref()),
        _ => None,
    }
}

/// The names that a schema had and has.
fn renamed(alter: &AlterSchema) -> Option<Vec<String>> {
    let mut schemas = vec![alone(&alter.name)?];
    for operation in &alter.operations {
        match operation {
            AlterSchemaOperation::Rename { name } => schemas.push(alone(name)?),
            AlterSchemaOperation::OwnerTo { .. } => {}
            AlterSchemaOperation::SetDefaultCollate { .. }
            | AlterSchemaOperation::AddReplica { .. }
            | AlterSchemaOperation::DropReplica { .. }
            | AlterSchemaOperation::SetOptionsParens { .. } => return None,
        }
    }
    Some(schemas)
}

/// What a key refers to that does more than refuse.
fn reaching(key: &ForeignKeyConstraint) -> Option<&ObjectName> {
    let acts = |action: &Option<ReferentialAction>| {
        action.as_ref().is_some_and(|action| match action {
            ReferentialAction::Cascade | ReferentialAction::SetNull | ReferentialAction::SetDefault => true,
            ReferentialAction::Restrict | ReferentialAction::NoAction => false,
        })
    };
    (acts(&key.on_delete) || acts(&key.on_update)).then_some(&key.foreign_table)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are no keys")]
fn key_of(option: &ColumnOption) -> Option<&ObjectName> {
    match option {
        ColumnOption::ForeignKey(key) => reaching(key),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others are no keys")]
fn key_in(constraint: &TableConstraint) -> Option<&ObjectName> {
    match constraint {
        TableConstraint::ForeignKey(key) => reaching(key),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others add no keys")]
fn keys_added(operation: &AlterTableOperation) -> Vec<&ObjectName> {
    match operation {
        AlterTableOperation::AddConstraint { constraint, .. } => key_in(constraint).into_iter().collect(),
        AlterTableOperation::AddColumn { column_def, .. } => {
            column_def.options.iter().filter_map(|option| key_of(&option.option)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether somebody's code may run where rows come into its table.
fn computes(index: &CreateIndex) -> bool {
    let plain =
        |column: &IndexColumn| matches!(column.column.expr, Expr::Identifier(_)) && column.operator_class.is_none();
    index.predicate.is_some() || !index.columns.iter().all(plain)
}

/// A name without a schema: a schema's.
pub(super) fn alone(name: &ObjectName) -> Option<String> {
    names::parts(name).ok().and_then(|parts| <[String; 1]>::try_from(parts).ok()).map(|[name]| name)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others move no name but the table's own")]
fn altered(table: &AlterTable, (schema, name): Place) -> Option<Definitions> {
    let mut places = Vec::new();
    for operation in &table.operations {
        match operation {
            AlterTableOperation::RenameTable { table_name: RenameTableNameKind::To(name) } => {
                places.push((schema.clone(), names::parts(name).ok()?.pop()?));
            }
            AlterTableOperation::AttachPartition { .. } => return None,
            _ => {}
        }
    }
    places.push((schema, name));
    Some(Definitions::relations(places))
}

/// A type that is made has an array's beside it, a composite one a relation.
fn made((schema, name): Place, representation: &UserDefinedTypeRepresentation) -> Option<Definitions> {
    let types = [(schema.clone(), name.clone()), (schema.clone(), format!("_{name}"))];
    let mut made = Definitions::types(types);
    match representation {
        UserDefinedTypeRepresentation::Enum { .. } => {}
        UserDefinedTypeRepresentation::Composite { .. } => made.extend(&Definitions::relations([(schema, name)])),
        // These come with functions of whatever name.
        UserDefinedTypeRepresentation::Range { .. } | UserDefinedTypeRepresentation::SqlDefinition { .. } => {
            return None;
        }
    }
    Some(made)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told here may be anything")]
fn granted(objects: Option<&GrantObjects>) -> Option<Definitions> {
    match objects? {
        GrantObjects::Tables(_) => Some(Definitions::default()),
        GrantObjects::Schemas(schemas) => {
            schemas.iter().map(alone).collect::<Option<Vec<_>>>().map(Definitions::schemas)
        }
        _ => None,
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
fn is_seen(entry: &StatementFacts) -> bool {
    let has = |effect| entry.effects.contains(&effect);
    let defines = has(Effect::Ddl) || has(Effect::Dcl) || has(Effect::Unknown);
    let ends = matches!(entry.command.as_str(), "COMMIT PREPARED" | "ROLLBACK PREPARED");
    (defines && !UNSEEN.contains(&entry.command.as_str())) || ends
}
