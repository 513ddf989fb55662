//! Definitions: objects (`ddl`) and rights (`dcl`). What runs while an object is made (a query, a
//! default, an index expression) is walked; bodies that run later are not.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{
    AlterCollationOperation, AlterColumnOperation, AlterFunctionKind, AlterFunctionOperation,
    AlterOperatorClassOperation, AlterOperatorFamilyOperation, AlterOperatorOperation, AlterRoleOperation,
    AlterSchemaOperation, AlterTable, AlterTableOperation, AlterTextSearchOperation, ColumnDef, ColumnOption,
    CreateIndex, CreateTable, CreateTableLikeKind, CreateView, ForValues, GrantObjects, ObjectName, ObjectType,
    Partition, PartitionBoundValue, RenameTableNameKind, RoleOption, Statement, TableConstraint, TextSearchObjectType,
};

use super::columns::{Place, Scope};
use super::facts::Walker;
use super::query::Role;
use super::{Unread, Walk, absent, lasting, names};
use crate::parse::facts::{Access, Effect, Use};

impl Walker<'_> {
    pub(super) fn definition(&mut self, statement: &Statement) -> Walk {
        self.effect(if is_right(statement) { Effect::Dcl } else { Effect::Ddl });
        self.aftermath.names |= !is_right(statement) && !lasting::keeps_names(statement);
        if changes_owner(statement) {
            self.effect(Effect::Dcl);
        }
        self.scopes.push(Scope::default());
        match statement {
            Statement::CreateTable(table) => self.create_table(table)?,
            Statement::CreateView(view) => self.create_view(view)?,
            Statement::AlterView { name, query, .. } => {
                self.changes(name)?;
                self.query(query, Role::part(Use::Output))?;
            }
            Statement::CreateIndex(index) => self.create_index(index)?,
            Statement::AlterTable(table) => self.alter_table(table)?,
            Statement::AlterRole { operation, .. } => self.alter_role(operation),
            Statement::CreateRole(role) => self.sensitive |= role.password.is_some(),
            Statement::CreateSequence { name, .. }
            | Statement::Comment { object_type: sqlparser::ast::CommentObject::Table, object_name: name, .. } => {
                self.changes(name)?;
            }
            Statement::CreatePolicy(policy) => {
                self.changes(&policy.table_name)?;
                self.expressions(policy.using.iter().chain(&policy.with_check), Place::of(Use::Predicate))?;
            }
            Statement::DropPolicy(policy) => self.changes(&policy.table_name)?,
            Statement::AlterPolicy(policy) => self.changes(&policy.table_name)?,
            Statement::CreateTrigger(trigger) => self.changes(&trigger.table_name)?,
            Statement::DropTrigger(trigger) => trigger.table_name.iter().try_for_each(|name| self.changes(name))?,
            Statement::Vacuum(vacuum) => vacuum.table_name.iter().try_for_each(|name| self.changes(name))?,
            Statement::Drop { object_type, names, .. } => self.drop_objects(*object_type, names)?,
            Statement::Grant(grant) => self.granted(grant.objects.as_ref())?,
            Statement::Revoke(revoke) => self.granted(revoke.objects.as_ref())?,
            // Their options may hold a password.
            Statement::CreateServer(_) | Statement::CreateUser(_) | Statement::AlterUser(_) => self.sensitive = true,
            // What they name is not a relation, and what they define runs later.
            other if !super::ddl::command(other).is_empty() => {}
            _ => return Err(Unread::new("a statement that PostgreSQL does not have")),
        }
        self.scopes.pop();
        Ok(())
    }

    fn changes(&mut self, name: &ObjectName) -> Walk {
        self.target(name, None).map(drop)
    }

    fn refers(&mut self, name: &ObjectName) -> Walk {
        let relation = names::resolve(&names::parts(name)?, self.context.names)?;
        self.touch(&relation, Access::Reference);
        Ok(())
    }

    fn create_table(&mut self, table: &CreateTable) -> Walk {
        let plain = table.clone.is_none() && table.version.is_none() && table.location.is_none();
        absent(plain && table.hive_formats.is_none() && !table.external, "CREATE TABLE of that kind")?;
        if let Some(query) = &table.query {
            self.effect(Effect::Write);
            let own = self.scopes.pop();
            self.query(query, Role::part(Use::Output))?;
            self.scopes.extend(own);
        }
        self.changes(&table.name)?;
        for column in &table.columns {
            self.new_type(&column.data_type)?;
            self.column_options(column)?;
        }
        table.constraints.iter().try_for_each(|constraint| self.constraint(constraint))?;
        if let Some(CreateTableLikeKind::Parenthesized(like) | CreateTableLikeKind::Plain(like)) = &table.like {
            self.refers(&like.name)?;
        }
        for parent in table.inherits.iter().flatten().chain(&table.partition_of) {
            self.changes(parent)?;
        }
        match &table.for_values {
            Some(ForValues::In(exprs)) => self.expressions(exprs, Place::of(Use::Argument)),
            Some(ForValues::From { from, to }) => from.iter().chain(to).try_for_each(|bound| match bound {
                PartitionBoundValue::Expr(expr) => self.expression(expr, Place::of(Use::Argument)),
                PartitionBoundValue::MinValue | PartitionBoundValue::MaxValue => Ok(()),
            }),
            Some(ForValues::With { .. } | ForValues::Default) | None => Ok(()),
        }
    }

    fn create_view(&mut self, view: &CreateView) -> Walk {
        absent(view.to.is_none() && view.params.is_none(), "CREATE VIEW of that kind")?;
        if view.materialized {
            self.effect(Effect::Write);
        }
        let own = self.scopes.pop();
        self.query(&view.query, Role::part(Use::Output))?;
        self.scopes.extend(own);
        self.changes(&view.name)
    }

    fn create_index(&mut self, index: &CreateIndex) -> Walk {
        self.changes(&index.table_name)?;
        for column in &index.columns {
            self.order_by_expr(&column.column)?;
        }
        self.expressions(&index.predicate, Place::of(Use::Predicate))
    }

    fn column_def(&mut self, column: &ColumnDef) -> Walk {
        self.data_type(&column.data_type)?;
        self.column_options(column)
    }

    fn column_options(&mut self, column: &ColumnDef) -> Walk {
        for option in &column.options {
            match &option.option {
                ColumnOption::Default(expr) => self.expression(expr, Place::of(Use::Argument))?,
                ColumnOption::Generated { generation_expr, .. } => {
                    self.expressions(generation_expr, Place::of(Use::Argument))?;
                }
                ColumnOption::Check(check) => self.expression(&check.expr, Place::of(Use::Predicate))?,
                ColumnOption::ForeignKey(key) => self.refers(&key.foreign_table)?,
                ColumnOption::Null
                | ColumnOption::NotNull
                | ColumnOption::PrimaryKey(_)
                | ColumnOption::Unique(_)
                | ColumnOption::Collation(_)
                | ColumnOption::Identity(_)
                | ColumnOption::Options(_)
                | ColumnOption::Comment(_) => {}
                ColumnOption::Materialized(_)
                | ColumnOption::Ephemeral(_)
                | ColumnOption::Alias(_)
                | ColumnOption::DialectSpecific(_)
                | ColumnOption::CharacterSet(_)
                | ColumnOption::OnUpdate(_)
                | ColumnOption::OnConflict(_)
                | ColumnOption::Policy(_)
                | ColumnOption::Tags(_)
                | ColumnOption::Srid(_)
                | ColumnOption::Invisible => return Err(Unread::new("a column option that PostgreSQL does not have")),
            }
        }
        Ok(())
    }

    fn constraint(&mut self, constraint: &TableConstraint) -> Walk {
        match constraint {
            TableConstraint::Check(check) => self.expression(&check.expr, Place::of(Use::Predicate)),
            TableConstraint::ForeignKey(key) => self.refers(&key.foreign_table),
            TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_) => Ok(()),
            TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => Ok(()),
            TableConstraint::Exclude(_) => Err(Unread::new("an EXCLUDE constraint")),
            TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => {
                Err(Unread::new("a constraint that PostgreSQL does not have"))
            }
        }
    }

    fn alter_table(&mut self, table: &AlterTable) -> Walk {
        absent(table.location.is_none() && table.on_cluster.is_none(), "ALTER TABLE of that kind")?;
        self.changes(&table.name)?;
        for operation in &table.operations {
            self.alter(operation)?;
        }
        Ok(())
    }

    fn alter(&mut self, operation: &AlterTableOperation) -> Walk {
        match operation {
            AlterTableOperation::AddConstraint { constraint, .. } => self.constraint(constraint),
            AlterTableOperation::AddColumn { column_def, .. } => self.column_def(column_def),
            AlterTableOperation::AlterColumn { column_name: _, op } => match op {
                AlterColumnOperation::SetDefault { value } => self.expression(value, Place::of(Use::Argument)),
                AlterColumnOperation::SetDataType { data_type, using, .. } => {
                    self.data_type(data_type)?;
                    self.expressions(using, Place::of(Use::Argument))
                }
                AlterColumnOperation::SetNotNull
                | AlterColumnOperation::DropNotNull
                | AlterColumnOperation::DropDefault
                | AlterColumnOperation::AddGenerated { .. } => Ok(()),
            },
            AlterTableOperation::RenameTable { table_name } => match table_name {
                RenameTableNameKind::To(name) => names::parts(name).map(drop),
                RenameTableNameKind::As(_) => Err(Unread::new("RENAME AS")),
            },
            AlterTableOperation::OwnerTo { .. }
            | AlterTableOperation::EnableRowLevelSecurity
            | AlterTableOperation::DisableRowLevelSecurity
            | AlterTableOperation::ForceRowLevelSecurity
            | AlterTableOperation::NoForceRowLevelSecurity => {
                self.effect(Effect::Dcl);
                Ok(())
            }
            AlterTableOperation::AttachPartition { partition: Partition::Identifier(_) }
            | AlterTableOperation::DropConstraint { .. }
            | AlterTableOperation::DropColumn { .. }
            | AlterTableOperation::DisableRule { .. }
            | AlterTableOperation::DisableTrigger { .. }
            | AlterTableOperation::EnableAlwaysRule { .. }
            | AlterTableOperation::EnableAlwaysTrigger { .. }
            | AlterTableOperation::EnableReplicaRule { .. }
            | AlterTableOperation::EnableReplicaTrigger { .. }
            | AlterTableOperation::EnableRule { .. }
            | AlterTableOperation::EnableTrigger { .. }
            | AlterTableOperation::ReplicaIdentity { .. }
            | AlterTableOperation::RenameColumn { .. }
            | AlterTableOperation::RenameConstraint { .. }
            | AlterTableOperation::SetLogged
            | AlterTableOperation::SetUnlogged
            | AlterTableOperation::ValidateConstraint { .. }
            | AlterTableOperation::SetOptionsParens { .. } => Ok(()),
            _ => Err(Unread::new("an ALTER TABLE that PostgreSQL does not have")),
        }
    }

    fn alter_role(&mut self, operation: &AlterRoleOperation) {
        match operation {
            AlterRoleOperation::WithOptions { options } => {
                self.sensitive |= options.iter().any(|option| matches!(option, RoleOption::Password(_)));
            }
            AlterRoleOperation::Set { .. } | AlterRoleOperation::Reset { .. } => self.effect(Effect::Settings),
            AlterRoleOperation::RenameRole { .. }
            | AlterRoleOperation::AddMember { .. }
            | AlterRoleOperation::DropMember { .. } => {}
        }
    }

    fn drop_objects(&mut self, object_type: ObjectType, objects: &[ObjectName]) -> Walk {
        match object_type {
            ObjectType::Table | ObjectType::View | ObjectType::MaterializedView | ObjectType::Sequence => {
                objects.iter().try_for_each(|name| self.changes(name))
            }
            ObjectType::Collation
            | ObjectType::Index
            | ObjectType::Schema
            | ObjectType::Database
            | ObjectType::Role
            | ObjectType::Type
            | ObjectType::User => Ok(()),
            ObjectType::Stage | ObjectType::Stream | ObjectType::Warehouse => {
                Err(Unread::new("a DROP that PostgreSQL does not have"))
            }
        }
    }

    fn granted(&mut self, objects: Option<&GrantObjects>) -> Walk {
        match objects {
            Some(GrantObjects::Tables(tables)) => tables.iter().try_for_each(|name| self.refers(name)),
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether an object other than a relation gets another owner.
fn changes_owner(statement: &Statement) -> bool {
    match statement {
        Statement::AlterCollation(alter) => matches!(alter.operation, AlterCollationOperation::OwnerTo(_)),
        Statement::AlterFunction(alter) => matches!(alter.operation, AlterFunctionOperation::OwnerTo(_)),
        Statement::AlterOperator(alter) => matches!(alter.operation, AlterOperatorOperation::OwnerTo(_)),
        Statement::AlterOperatorClass(alter) => matches!(alter.operation, AlterOperatorClassOperation::OwnerTo(_)),
        Statement::AlterOperatorFamily(alter) => matches!(alter.operation, AlterOperatorFamilyOperation::OwnerTo(_)),
        Statement::AlterTextSearch(alter) => matches!(alter.operation, AlterTextSearchOperation::OwnerTo(_)),
        Statement::AlterSchema(alter) => {
            alter.operations.iter().any(|operation| matches!(operation, AlterSchemaOperation::OwnerTo { .. }))
        }
        _ => false,
    }
}

fn is_right(statement: &Statement) -> bool {
    match statement {
        Statement::Grant(_)
        | Statement::Revoke(_)
        | Statement::CreateRole(_)
        | Statement::AlterRole { .. }
        | Statement::CreateUser(_)
        | Statement::AlterUser(_)
        | Statement::CreatePolicy(_)
        | Statement::AlterPolicy(_)
        | Statement::DropPolicy(_) => true,
        Statement::Drop { object_type, .. } => matches!(object_type, ObjectType::Role | ObjectType::User),
        _ => false,
    }
}

/// PostgreSQL's command tag of a definition; empty for what PostgreSQL does not have and for what
/// is not a definition.
#[expect(clippy::too_many_lines, reason = "one row for each variant")]
pub(super) fn command(statement: &Statement) -> &'static str {
    match statement {
        Statement::CreateTable(table) if table.query.is_some() => "CREATE TABLE AS",
        Statement::CreateTable(_) => "CREATE TABLE",
        Statement::CreateView(view) if view.materialized => "CREATE MATERIALIZED VIEW",
        Statement::CreateView(_) => "CREATE VIEW",
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
        Statement::AlterTextSearch(alter) => match alter.object_type {
            TextSearchObjectType::Dictionary => "ALTER TEXT SEARCH DICTIONARY",
            TextSearchObjectType::Configuration => "ALTER TEXT SEARCH CONFIGURATION",
            TextSearchObjectType::Template => "ALTER TEXT SEARCH TEMPLATE",
            TextSearchObjectType::Parser => "ALTER TEXT SEARCH PARSER",
        },
        Statement::AlterType(_) => "ALTER TYPE",
        Statement::AlterView { .. } => "ALTER VIEW",
        Statement::Comment { .. } => "COMMENT",
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
        Statement::CreateTextSearch(create) => match create.object_type {
            TextSearchObjectType::Dictionary => "CREATE TEXT SEARCH DICTIONARY",
            TextSearchObjectType::Configuration => "CREATE TEXT SEARCH CONFIGURATION",
            TextSearchObjectType::Template => "CREATE TEXT SEARCH TEMPLATE",
            TextSearchObjectType::Parser => "CREATE TEXT SEARCH PARSER",
        },
        Statement::CreateTrigger(_) => "CREATE TRIGGER",
        Statement::CreateType { .. } => "CREATE TYPE",
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
        | Statement::Msck(_)
        | Statement::Install { .. }
        | Statement::Directory { .. }
        | Statement::Case(_)
        | Statement::If(_)
        | Statement::While(_)
        | Statement::Raise(_)
        | Statement::CopyIntoSnowflake { .. }
        | Statement::Open(_)
        | Statement::CreateVirtualTable { .. }
        | Statement::CreateSecret { .. }
        | Statement::CreateConnector(_)
        | Statement::AlterConnector { .. }
        | Statement::AlterSession { .. }
        | Statement::AttachDatabase { .. }
        | Statement::AttachDuckDBDatabase { .. }
        | Statement::DetachDuckDBDatabase { .. }
        | Statement::DropSecret { .. }
        | Statement::DropConnector { .. }
        | Statement::Flush { .. }
        | Statement::ShowFunctions { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowVariables { .. }
        | Statement::ShowCreate { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowCatalogs { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowProcessList { .. }
        | Statement::ShowSchemas { .. }
        | Statement::ShowCharset(_)
        | Statement::ShowObjects(_)
        | Statement::ShowTables { .. }
        | Statement::ShowViews { .. }
        | Statement::ShowCollation { .. }
        | Statement::Use(_)
        | Statement::CreateMacro { .. }
        | Statement::CreateStage { .. }
        | Statement::CreateFileFormat { .. }
        | Statement::CreateWarehouse(_)
        | Statement::Assert { .. }
        | Statement::Deny(_)
        | Statement::Kill { .. }
        | Statement::ExplainTable { .. }
        | Statement::Cache { .. }
        | Statement::UNCache { .. }
        | Statement::Pragma { .. }
        | Statement::LockTables { .. }
        | Statement::UnlockTables
        | Statement::Unload { .. }
        | Statement::OptimizeTable { .. }
        | Statement::LoadData { .. }
        | Statement::RenameTable(_)
        | Statement::List(_)
        | Statement::Put { .. }
        | Statement::Remove(_)
        | Statement::RaisError { .. }
        | Statement::Throw(_)
        | Statement::Print(_)
        | Statement::WaitFor(_)
        | Statement::Return(_)
        | Statement::ExportData(_) => "",
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
