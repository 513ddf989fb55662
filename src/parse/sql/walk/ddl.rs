//! Definitions: objects (`ddl`) and rights (`dcl`). What runs while an object is made (a query, a
//! default, an index expression) is walked; bodies that run later are not.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{
    AlterCollationOperation, AlterColumnOperation, AlterFunctionOperation, AlterOperatorClassOperation,
    AlterOperatorFamilyOperation, AlterOperatorOperation, AlterPolicyOperation, AlterRoleOperation,
    AlterSchemaOperation, AlterTable, AlterTableOperation, AlterTextSearchOperation, ColumnDef, ColumnOption,
    CreateDomain, CreateIndex, CreateTable, CreateTableLikeKind, CreateView, ExcludeConstraint,
    ExcludeConstraintElement, ExcludeConstraintOperator, Expr, ForValues, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, GrantObjects, Ident, ObjectName, ObjectType, Partition, PartitionBoundValue, Query,
    RenameTableNameKind, RoleOption, Statement, TableConstraint,
};

use super::columns::Place;
use super::facts::Walker;
use super::query::Role;
use super::scope::Scope;
use super::types::is_plain;
use super::{Unread, Walk, absent, lasting, names, tags};
use crate::catalog::Events;
use crate::parse::definitions::Definitions;
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::reference;
use crate::parse::sql::spelling::EVERY_FIELD;

impl Walker<'_> {
    pub(super) fn definition(&mut self, statement: &Statement) -> Walk {
        self.effect(if is_right(statement) { Effect::Dcl } else { Effect::Ddl });
        let lasting = lasting::keeps_names(tags::command(statement)) && !lasting::is_private(statement);
        self.aftermath.names |= !is_right(statement) && !lasting;
        self.privately(lasting::is_temporary(statement));
        if let Some(defined) = lasting::defines(statement, self.context.names) {
            self.defines(&defined);
        }
        if changes_owner(statement) {
            self.effect(Effect::Dcl);
        }
        self.scopes.push(Scope::default());
        self.defined_by(statement)?;
        self.scopes.pop();
        Ok(())
    }

    /// What a definition touches, and what runs while it is made.
    fn defined_by(&mut self, statement: &Statement) -> Walk {
        match statement {
            Statement::CreateTable(table) => self.create_table(table)?,
            Statement::CreateView(view) => self.create_view(view)?,
            Statement::AlterView { name, query, .. } => {
                self.changes(name)?;
                self.view_query(query)?;
            }
            Statement::CreateIndex(index) => self.create_index(index)?,
            Statement::AlterTable(table) => self.alter_table(table)?,
            Statement::AlterRole { operation, .. } => self.alter_role(operation),
            Statement::CreateRole(role) => self.sensitive |= role.password.is_some(),
            Statement::CreateSequence { name, .. } => self.makes(name)?,
            Statement::Comment { object_type: sqlparser::ast::CommentObject::Table, object_name: name, .. } => {
                self.changes(name)?;
            }
            Statement::CreatePolicy(_)
            | Statement::AlterPolicy(_)
            | Statement::DropPolicy(_)
            | Statement::CreateTrigger(_)
            | Statement::DropTrigger(_) => self.attached(statement)?,
            Statement::CreateDomain(domain) => self.create_domain(domain)?,
            // PostgreSQL takes it for any kind of relation.
            Statement::AlterIndex { name, operation: _ } => self.changes(name)?,
            Statement::AlterSchema(_) => self.not_known("sql.relations"),
            Statement::Drop { object_type, names, cascade, .. } => self.drop_objects(*object_type, names, *cascade)?,
            // What depends on it goes, too: columns, whole relations.
            Statement::DropExtension(_) | Statement::DropDomain(_) => self.not_known("sql.relations"),
            Statement::Grant(grant) => self.granted(grant.objects.as_ref())?,
            Statement::Revoke(revoke) => self.granted(revoke.objects.as_ref())?,
            // Their options may hold a password.
            Statement::CreateServer(_) | Statement::CreateUser(_) | Statement::AlterUser(_) => self.sensitive = true,
            // What they name is not a relation, and what they define runs later.
            other if !tags::definition(other).is_empty() => {}
            _ => return Err(Unread::new("a statement that PostgreSQL does not have")),
        }
        Ok(())
    }

    /// What policies and triggers ask of their tables' rows.
    fn attached(&mut self, statement: &Statement) -> Walk {
        match statement {
            Statement::CreatePolicy(policy) => {
                self.row_condition(&policy.table_name, policy.using.iter().chain(&policy.with_check))?;
            }
            Statement::AlterPolicy(policy) => {
                let (using, with_check) = match &policy.operation {
                    AlterPolicyOperation::Apply { to: _, using, with_check } => (using.as_ref(), with_check.as_ref()),
                    AlterPolicyOperation::Rename { new_name: _ } => (None, None),
                };
                self.row_condition(&policy.table_name, using.into_iter().chain(with_check))?;
            }
            Statement::DropPolicy(policy) => self.changes(&policy.table_name)?,
            Statement::CreateTrigger(trigger) => self.row_condition(&trigger.table_name, &trigger.condition)?,
            Statement::DropTrigger(trigger) => trigger.table_name.iter().try_for_each(|name| self.changes(name))?,
            _ => return Err(Unread::new("a condition of that kind")),
        }
        Ok(())
    }

    /// What a table's rows are asked from now on, whoever touches them.
    fn row_condition<'e>(&mut self, table: &ObjectName, asked: impl IntoIterator<Item = &'e Expr>) -> Walk {
        self.changes(table)?;
        self.expressions(asked, Place::of(Use::Predicate))
    }

    fn create_domain(&mut self, domain: &CreateDomain) -> Walk {
        self.data_type(&domain.data_type)?;
        self.expressions(&domain.default, Place::of(Use::Argument))?;
        domain.constraints.iter().try_for_each(|constraint| self.constraint(constraint))
    }

    fn changes(&mut self, name: &ObjectName) -> Walk {
        let relation = self.resolve(name)?;
        self.targets(relation, None).map(drop)
    }

    fn makes(&mut self, name: &ObjectName) -> Walk {
        let relation = self.resolve_new(&names::relation(name)?)?;
        self.targets(relation, None).map(drop)
    }

    fn refers(&mut self, name: &ObjectName) -> Walk {
        let relation = self.resolve(name)?;
        self.touch(&relation, Access::Reference);
        Ok(())
    }

    /// A foreign key leaves triggers on what it refers to, which tell and may copy what is in there.
    fn keys(&mut self, name: &ObjectName) -> Walk {
        let relation = self.resolve(name)?;
        self.touch(&relation, Access::Reference);
        self.locate(&relation, reference::Role::Named, None);
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
        let made = self.resolve_new(&names::relation(&table.name)?)?;
        let plain = table.inherits.is_none() && table.partition_of.is_none() && !table.temporary;
        let own = Some((made.id.clone(), (made.schema.clone(), made.name.clone())));
        let own = own.filter(|_| plain && !table.if_not_exists && made.schema.is_some());
        self.targets(made, None).map(drop)?;
        for column in &table.columns {
            names::name(&column.name)?;
            if table.temporary {
                // Nobody looks at it again.
                self.data_type(&column.data_type)?;
            } else {
                self.new_type(&column.data_type)?;
            }
            self.column_options(column)?;
        }
        table.constraints.iter().try_for_each(|constraint| self.constraint(constraint))?;
        if let Some(key) = &table.partition_by {
            self.partition_key(key)?;
        }
        if let Some((id, place)) = own {
            let quiet = self.is_made_quietly(table);
            self.defines(&Definitions::table(id, place, quiet));
        }
        self.copies_of(table)?;
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

    /// Whether nothing that runs by itself comes with it.
    fn is_made_quietly(&self, table: &CreateTable) -> bool {
        // What a query or another table gives it is not seen here, nor whose operators are asked of each row that comes.
        let unseen = |constraint: &TableConstraint| {
            like_among(constraint).is_some() || matches!(constraint, TableConstraint::Exclude(_))
        };
        let told = table.query.is_none() && table.like.is_none() && !table.constraints.iter().any(unseen);
        let stored = |column: &ColumnDef| is_plain(&column.data_type) || self.is_stored_harmlessly(&column.data_type);
        told && self.is_quiet() && table.columns.iter().all(stored)
    }

    /// What `LIKE` names, wherever it stands.
    fn copies_of(&mut self, table: &CreateTable) -> Walk {
        let like = table.like.iter().map(|like| match like {
            CreateTableLikeKind::Parenthesized(like) | CreateTableLikeKind::Plain(like) => &like.name,
        });
        for name in like.chain(table.constraints.iter().filter_map(like_among)) {
            self.refers(name)?;
            if table.temporary {
                let like = self.resolve(name)?;
                self.unseen(&like, Events::INSERT);
            }
        }
        Ok(())
    }

    fn create_view(&mut self, view: &CreateView) -> Walk {
        absent(view.to.is_none() && view.params.is_none(), "CREATE VIEW of that kind")?;
        if view.materialized {
            self.effect(Effect::Write);
        }
        let own = self.scopes.pop();
        self.view_query(&view.query)?;
        self.scopes.extend(own);
        // A view of what is temporary is, too.
        self.aftermath.names |= self.has_touched_temporary();
        self.makes(&view.name)
    }

    /// Whoever writes to a view of `pg_settings` sets them.
    fn view_query(&mut self, query: &Query) -> Walk {
        self.query(query, Role::part(Use::Output))?;
        if self.has_touched("pg_settings") {
            self.effect(Effect::Settings);
        }
        Ok(())
    }

    /// `RANGE (key, …)` and the like: each row that comes is put by the value of these.
    fn partition_key(&mut self, key: &Expr) -> Walk {
        let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = key else {
            return Err(Unread::new("PARTITION BY of that kind"));
        };
        let parts = names::parts(name)?;
        let strategy = matches!(parts.as_slice(), [name] if ["hash", "list", "range"].contains(&name.as_str()));
        absent(strategy, "PARTITION BY of that kind")?;
        list.args.iter().try_for_each(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.expression(expr, Place::of(Use::Argument)),
            _ => Err(Unread::new("PARTITION BY of that kind")),
        })
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
                ColumnOption::ForeignKey(key) => self.keys(&key.foreign_table)?,
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
            TableConstraint::ForeignKey(_) if like_among(constraint).is_some() => Ok(()),
            TableConstraint::ForeignKey(key) => self.keys(&key.foreign_table),
            TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_) => Ok(()),
            TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => Ok(()),
            TableConstraint::Exclude(exclude) => self.exclude(exclude),
            TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => {
                Err(Unread::new("a constraint that PostgreSQL does not have"))
            }
        }
    }

    /// An index of these, and operators that each new row is compared with.
    fn exclude(&mut self, exclude: &ExcludeConstraint) -> Walk {
        for ExcludeConstraintElement { column, operator } in &exclude.elements {
            self.order_by_expr(&column.column)?;
            match operator {
                ExcludeConstraintOperator::Token(operator) => self.compared_by(&[operator]),
                ExcludeConstraintOperator::PGOperator(parts) => self.compared_by(parts),
            }
        }
        self.expressions(exclude.where_clause.as_deref(), Place::of(Use::Predicate))
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

    fn drop_objects(&mut self, object_type: ObjectType, objects: &[ObjectName], cascade: bool) -> Walk {
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
            | ObjectType::User => {
                if cascade {
                    // What depends on it goes, too: relations in it, columns of it.
                    self.not_known("sql.relations");
                }
                Ok(())
            }
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

/// What `LIKE` among columns names.
fn like_among(constraint: &TableConstraint) -> Option<&ObjectName> {
    match constraint {
        TableConstraint::ForeignKey(key) => {
            let is_mark = |column: &Ident| column.value == EVERY_FIELD;
            key.columns.iter().any(is_mark).then_some(&key.foreign_table)
        }
        _ => None,
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
