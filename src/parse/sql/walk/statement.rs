//! One statement: its command tag, its effects, and who walks what is inside. Every kind that
//! sqlparser has is either PostgreSQL's or refused.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{CascadeOption, DiscardObject, Ident, Lock, LockTableMode, Statement, Truncate};

use super::facts::Walker;
use super::query::Role;
use super::{Unread, Walk, absent, names, tags};
use crate::catalog::Events;
use crate::parse::facts::{Access, Effect, Use};

impl Walker<'_> {
    /// Walks a statement and gives it an entry of its own.
    pub(super) fn statement(&mut self, statement: &Statement, nested: bool) -> Walk {
        self.standing(statement, nested, !nested)
    }

    /// The same of one that stands by itself, wherever: its rows are what it `gives`.
    pub(super) fn standing(&mut self, statement: &Statement, nested: bool, gives: bool) -> Walk {
        self.enter(tags::command(statement), nested)?;
        match statement {
            Statement::Query(query) => {
                let result = self.query(query, Role::STATEMENT)?;
                self.result = Some(result).filter(|_| gives);
            }
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_) => {
                let result = self.modify(statement)?;
                self.result = Some(result).filter(|_| gives);
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
            Statement::Deallocate { name, prepare: _ } => self.deallocate(name),
            Statement::Declare { stmts } => self.declare(stmts),
            Statement::Fetch { name, direction: _, position: _, into } => {
                absent(into.is_none(), "FETCH INTO")?;
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
            Statement::Truncate(truncate) => self.truncate(truncate),
            Statement::Load { extension_name: _ } => {
                self.effect(Effect::File);
                self.procedure();
                Ok(())
            }
            // It is read without sqlparser.
            Statement::Analyze(_) | Statement::Vacuum(_) => Err(Unread::new("maintenance of that kind")),
            other => self.definition(other),
        }
    }

    fn deallocate(&mut self, name: &Ident) -> Walk {
        self.effect(Effect::Session);
        self.aftermath.deallocates = (!every(name)).then(|| names::label(name));
        self.aftermath.forgets = true;
        Ok(())
    }

    fn truncate(&mut self, truncate: &Truncate) -> Walk {
        absent(truncate.partitions.is_none() && truncate.on_cluster.is_none(), "TRUNCATE of that kind")?;
        for target in &truncate.table_names {
            let id = self.resolve(&target.name)?;
            self.touch(&id, Access::Write);
            self.unseen(&id, Events::TRUNCATE);
            if truncate.cascade == Some(CascadeOption::Cascade) {
                self.empties_in_turn(&id);
            }
        }
        self.effect(Effect::Write);
        Ok(())
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
            let relation = self.resolve(&table.name)?;
            self.touch(&relation, Access::Lock);
        }
        Ok(())
    }
}

pub(super) fn every(name: &Ident) -> bool {
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
