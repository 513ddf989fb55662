//! One statement: its command tag, its effects, and who walks what is inside. Every kind that
//! sqlparser has is either PostgreSQL's or refused.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{
    DiscardObject, Ident, Lock, LockTableMode, ObjectName, ObjectNamePart, Query, Set, SetExpr, Statement,
};

use super::columns::Column;
use super::facts::Walker;
use super::query::Role;
use super::{Unread, Walk, absent, names};
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::sql::spelling;

impl Walker<'_> {
    /// Walks a statement and gives it an entry of its own.
    pub(super) fn statement(&mut self, statement: &Statement, nested: bool) -> Walk {
        self.enter(command(statement), nested)?;
        match statement {
            Statement::Query(query) => self.query(query, Role::STATEMENT).map(drop)?,
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_) => {
                self.modify(statement).map(drop)?;
            }
            _ => {
                self.keep_all();
                self.utility(statement)?;
            }
        }
        self.leave();
        Ok(())
    }

    fn utility(&mut self, statement: &Statement) -> Walk {
        match statement {
            Statement::Explain { .. } => self.explain(statement),
            Statement::Prepare { name, data_types, statement } => {
                data_types.iter().try_for_each(|data_type| self.data_type(data_type))?;
                self.prepare(name, statement)
            }
            Statement::Execute { .. } => self.execute(statement),
            Statement::Deallocate { name, prepare: _ } => {
                self.effect(Effect::Session);
                self.aftermath.deallocates = (!every(name)).then(|| names::label(name));
                self.aftermath.forgets = true;
                Ok(())
            }
            Statement::Declare { stmts } => self.declare(stmts),
            Statement::Fetch { name, direction: _, position: _, into } => {
                absent(into.as_ref().is_none_or(is_no_name), "FETCH INTO")?;
                self.fetch(name)
            }
            Statement::Close { cursor } => self.close(cursor),
            Statement::Copy { .. } => self.copy(statement),
            Statement::Set(set) => self.set_statement(set),
            Statement::Reset(reset) => self.reset(&reset.reset),
            Statement::ShowVariable { variable } => {
                self.show(variable);
                Ok(())
            }
            Statement::Discard { object_type } => self.discard(*object_type),
            Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. } => self.transaction(statement),
            Statement::Call(function) => {
                self.procedure();
                self.call(function, super::columns::Place::of(Use::Argument))
            }
            Statement::LISTEN { channel: _ } | Statement::NOTIFY { channel: _, payload: _ } => {
                self.effect(Effect::Notify);
                Ok(())
            }
            Statement::UNLISTEN { channel } => {
                self.effect(if every_channel(channel) { Effect::Session } else { Effect::Notify });
                Ok(())
            }
            Statement::Lock(lock) => self.lock(lock),
            Statement::Truncate(truncate) => {
                absent(truncate.partitions.is_none() && truncate.on_cluster.is_none(), "TRUNCATE of that kind")?;
                for target in &truncate.table_names {
                    let id = names::resolve(&names::parts(&target.name)?, self.context.names)?;
                    self.touch(&id, Access::Write);
                }
                self.effect(Effect::Write);
                Ok(())
            }
            Statement::Load { extension_name: _ } => {
                self.effect(Effect::File);
                self.procedure();
                Ok(())
            }
            Statement::Analyze(analyze) => {
                self.effect(Effect::Ddl);
                if let Some(name) = &analyze.table_name {
                    let relation = names::resolve(&names::parts(name)?, self.context.names)?;
                    self.touch(&relation, Access::Read);
                    for column in &analyze.columns {
                        let name = names::name(column)?;
                        self.column(Column { relation: Some(relation.id.clone()), name }, [Use::Argument]);
                    }
                }
                Ok(())
            }
            other => self.definition(other),
        }
    }

    fn discard(&mut self, what: DiscardObject) -> Walk {
        self.effect(Effect::Session);
        match what {
            DiscardObject::ALL => {
                self.aftermath.forgets = true;
                self.aftermath.names = true;
            }
            // Without temporary relations a name may mean another one.
            DiscardObject::TEMP => self.aftermath.names = true,
            DiscardObject::PLANS | DiscardObject::SEQUENCES => {}
        }
        Ok(())
    }

    fn lock(&mut self, lock: &Lock) -> Walk {
        let Lock { tables, lock_mode, nowait: _ } = lock;
        let reads = match lock_mode {
            Some(LockTableMode::AccessShare) => true,
            None
            | Some(
                LockTableMode::RowShare
                | LockTableMode::RowExclusive
                | LockTableMode::ShareUpdateExclusive
                | LockTableMode::Share
                | LockTableMode::ShareRowExclusive
                | LockTableMode::Exclusive
                | LockTableMode::AccessExclusive,
            ) => false,
        };
        self.effect(if reads { Effect::Read } else { Effect::Write });
        for table in tables {
            let relation = names::resolve(&names::parts(&table.name)?, self.context.names)?;
            self.touch(&relation, Access::Lock);
        }
        Ok(())
    }
}

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
        Statement::Fetch { into: Some(_), .. } => "MOVE",
        Statement::Fetch { .. } => "FETCH",
        Statement::Close { cursor: sqlparser::ast::CloseCursor::All } => "CLOSE CURSOR ALL",
        Statement::Close { .. } => "CLOSE CURSOR",
        Statement::Copy { .. } => "COPY",
        Statement::Set(set) if is_constraints(set) => "SET CONSTRAINTS",
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
        other => super::ddl::command(other),
    }
}

/// Whether a SET stands for SET CONSTRAINTS.
pub(super) fn is_constraints(set: &Set) -> bool {
    matches!(set, Set::SingleAssignment { variable, .. } if is_no_name(variable))
}

/// Whether a name is the one that spelling puts where there is none.
fn is_no_name(name: &ObjectName) -> bool {
    matches!(name.0.as_slice(), [ObjectNamePart::Identifier(ident)] if ident.value == spelling::NO_NAME)
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

fn every(name: &Ident) -> bool {
    name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all")
}

fn every_channel(channel: &Ident) -> bool {
    channel.quote_style.is_none() && channel.value == "*"
}

impl Walker<'_> {
    /// An option of EXPLAIN: a word or a literal, computed from nothing.
    pub(super) fn option(&mut self, arg: &sqlparser::ast::Expr) -> Walk {
        match arg {
            sqlparser::ast::Expr::Identifier(_) => Ok(()),
            sqlparser::ast::Expr::Value(value) => self.value(value),
            _ => Err(Unread::new("an option of that kind")),
        }
    }
}
