//! Statements that sqlparser did not read.

use sqlparser::ast::{Expr, Ident, ObjectName};

use super::columns::{Column, Place};
use super::facts::Walker;
use super::scope::Scope;
use super::{Walk, lasting, names};
use crate::catalog::Events;
use crate::parse::definitions::Definitions;
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::sql::plain::Plain;

impl Walker<'_> {
    /// Walks a statement that sqlparser did not read. `asks`: its expressions.
    pub(super) fn plain(&mut self, plain: &Plain, asks: &[Expr]) -> Walk {
        let Plain { command, effects, changes, gives: _, wide, cursor, looks, asks: _, code } = plain;
        self.enter(command, false)?;
        self.keep_all();
        for effect in effects {
            if *effect == Effect::Procedure {
                self.procedure();
            }
            self.effect(*effect);
        }
        self.aftermath.names |= effects.contains(&Effect::Ddl) && !lasting::keeps_names(command);
        self.scopes.push(Scope::default());
        changes.iter().try_for_each(|name| self.changed_plainly(name, command, !asks.is_empty()))?;
        looks.iter().try_for_each(|(name, columns)| self.looked_at(name, columns))?;
        self.expressions(asks, Place::of(Use::Predicate))?;
        self.scopes.pop();
        if MAINTAINS.contains(&command.as_str()) && (*wide || changes.is_empty() && looks.is_empty()) {
            self.not_known("sql.functions");
        }
        self.defined_plainly(plain)?;
        if *wide {
            self.not_known("sql.relations");
        }
        if *code {
            self.not_known("sql.columns");
            self.not_known("sql.functions");
        }
        if let Some(cursor) = cursor {
            self.fetch(cursor)?;
        }
        self.leave();
        Ok(())
    }

    /// `asked`: expressions name its columns.
    fn changed_plainly(&mut self, name: &ObjectName, command: &str, asked: bool) -> Walk {
        let relation = self.resolve(name)?;
        if MAINTAINS.contains(&command) {
            self.unseen(&relation, Events::MAINTAIN);
        }
        if asked {
            return self.targets(relation, None).map(drop);
        }
        self.touch(&relation, Access::Write);
        Ok(())
    }

    /// Its rows are read for statistics.
    fn looked_at(&mut self, name: &ObjectName, columns: &[Ident]) -> Walk {
        let relation = self.resolve(name)?;
        self.touch(&relation, Access::Read);
        self.unseen(&relation, Events::MAINTAIN);
        for column in columns {
            self.column(Column::of(relation.id.as_str(), names::name(column)?), [Use::Argument]);
        }
        Ok(())
    }

    /// What means something else afterwards, where it can be told.
    fn defined_plainly(&mut self, plain: &Plain) -> Walk {
        let Plain { command, changes, gives, wide, .. } = plain;
        let known = self.context.names;
        let places = |names: &mut dyn Iterator<Item = &ObjectName>| {
            names.map(|name| names::place(name, known)).collect::<Walk<Vec<_>>>().map(Definitions::relations)
        };
        match command.as_str() {
            "CREATE RULE" | "CREATE SEQUENCE" | "DROP RULE" if !wide => {
                self.defines(&places(&mut changes.iter())?);
            }
            "CREATE AGGREGATE" | "CREATE PROCEDURE" | "DROP AGGREGATE" | "DROP ROUTINE" if !wide => {
                self.defines(&Definitions::every_function());
            }
            "ALTER SCHEMA" => {
                let names = gives.iter().flatten().map(lasting::alone).collect::<Option<Vec<_>>>();
                if let Some(names) = names.filter(|names| !names.is_empty()) {
                    self.defines(&Definitions::schemas(names));
                }
            }
            _ => {}
        }
        if let Some(gives) = gives.as_ref().filter(|_| !wide) {
            self.defines(&places(&mut changes.iter().chain(gives))?);
        }
        Ok(())
    }
}

/// Tags of what computes with indexes' and statistics' expressions anew.
const MAINTAINS: [&str; 5] = ["ANALYZE", "CLUSTER", "REFRESH MATERIALIZED VIEW", "REINDEX", "VACUUM"];
