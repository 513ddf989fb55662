//! COPY.

use sqlparser::ast::{CopySource, CopyTarget, Expr, Statement};

use super::columns::{Column, Place};
use super::facts::Walker;
use super::query::Role;
use super::scope::{Scope, Source};
use super::{Unread, Walk, absent, names, tags};
use crate::catalog::Events;
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::reference::Role as Part;
use crate::parse::sql::places::Spot;

impl Walker<'_> {
    /// Rows that come in, of which some are kept.
    pub(super) fn filtered_copy(&mut self, statement: &Statement, condition: &Expr) -> Walk {
        let Statement::Copy { source: CopySource::Table { table_name, columns: _ }, to: false, .. } = statement else {
            return Err(Unread::new("a condition of that kind"));
        };
        self.enter(tags::command(statement), false)?;
        self.keep_all();
        self.copy(statement)?;
        let relation = self.resolve(table_name)?;
        let shape = self.shape(&relation);
        let row = Source { alias: Some(relation.name), schema: relation.schema, shape, hidden: false };
        self.scopes.push(Scope { sources: vec![row], outputs: None });
        self.expression(condition, Place::of(Use::Predicate))?;
        self.scopes.pop();
        self.leave();
        Ok(())
    }

    pub(super) fn copy(&mut self, statement: &Statement) -> Walk {
        let Statement::Copy { source, to, target, options: _, legacy_options: _, values } = statement else {
            return Ok(());
        };
        absent(values.is_empty(), "COPY with its rows in the text")?;
        match (target, to) {
            (CopyTarget::Stdin, false) => self.effect(Effect::CopyIn),
            (CopyTarget::Stdout, true) => self.effect(Effect::CopyOut),
            (CopyTarget::File { .. }, _) => self.copies(*to, Effect::File),
            (CopyTarget::Program { .. }, _) => self.copies(*to, Effect::Program),
            (CopyTarget::Stdin, true) | (CopyTarget::Stdout, false) => {
                return Err(Unread::new("COPY in that direction"));
            }
        }
        match source {
            CopySource::Table { table_name, columns } => {
                let relation = self.resolve(table_name)?;
                let (access, effect, uses) = if *to {
                    (Access::Read, Effect::Read, Use::Output)
                } else {
                    (Access::Write, Effect::Write, Use::Assignment)
                };
                let role = if *to { Part::CopyOut } else { Part::Target };
                self.touch_as(&relation, access, role, Spot::of(table_name, None, false));
                self.effect(effect);
                self.unseen(&relation, if *to { Events::READ } else { Events::INSERT });
                if columns.is_empty() {
                    let shape = self.shape(&relation);
                    self.all_columns(&shape, std::iter::once(uses));
                }
                for column in columns {
                    self.column(Column::of(relation.id.as_str(), names::name(column)?), [uses]);
                }
                Ok(())
            }
            CopySource::Query(query) => {
                absent(*to, "COPY of a query FROM")?;
                self.effect(Effect::Read);
                let result = self.query(query, Role::part(Use::Output))?;
                // What goes into a file is no answer.
                self.result = Some(result).filter(|_| matches!(target, CopyTarget::Stdout));
                Ok(())
            }
        }
    }

    fn copies(&mut self, to: bool, effect: Effect) {
        self.effect(effect);
        self.effect(if to { Effect::CopyOut } else { Effect::CopyIn });
    }
}
