//! WHERE and LIMIT.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{Expr, Fetch, LimitClause, Value, ValueWithSpan};

use super::columns::Place;
use super::facts::Walker;
use super::truth::Truth;
use super::{Unread, Walk, absent};
use crate::parse::facts::{LimitKind, Use};

impl Walker<'_> {
    /// Notes the innermost entry's WHERE.
    pub(super) fn where_clause(&mut self, predicate: &Expr) {
        let tautology = self.truth(predicate) == Truth::True;
        if let Some(entry) = self.entry() {
            entry.has_where = true;
            entry.tautology |= tautology;
        }
    }

    /// LIMIT, OFFSET and FETCH FIRST; the statement's own are noted.
    pub(super) fn limit(&mut self, clause: Option<&LimitClause>, fetch: Option<&Fetch>, note: bool) -> Walk {
        let (mut limit, mut one_row) = (None, false);
        match clause {
            None => {}
            Some(LimitClause::LimitOffset { limit: rows, offset, limit_by }) => {
                absent(limit_by.is_empty(), "LIMIT BY")?;
                if let Some(offset) = offset {
                    self.keep_constant(&offset.value);
                    self.expression(&offset.value, Place::of(Use::Predicate))?;
                }
                limit = rows.as_ref();
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => return Err(Unread::new("LIMIT with a comma")),
        }
        if let Some(Fetch { with_ties, percent, quantity }) = fetch {
            absent(!percent && limit.is_none(), "FETCH FIRST … PERCENT")?;
            // WITH TIES may give more rows than it says.
            one_row = quantity.is_none() && !with_ties;
            limit = quantity.as_ref();
            if *with_ties {
                if let Some(quantity) = quantity {
                    self.keep_constant(quantity);
                    self.expression(quantity, Place::of(Use::Predicate))?;
                }
                self.note_limit(note, LimitKind::Expression, 0);
                return Ok(());
            }
        }
        let Some(limit) = limit else {
            if one_row {
                self.note_limit(note, LimitKind::Constant, 1);
            }
            return Ok(());
        };
        self.keep_constant(limit);
        self.expression(limit, Place::of(Use::Predicate))?;
        let (kind, rows) = match constant(limit).map(|value| &value.value) {
            Some(Value::Null) => (LimitKind::None, 0),
            Some(Value::Placeholder(_)) => (LimitKind::Parameter, 0),
            Some(Value::Number(number, _)) => match number.parse::<u64>() {
                Ok(rows) => (LimitKind::Constant, rows),
                Err(_) => (LimitKind::Expression, 0),
            },
            Some(_) | None => (LimitKind::Expression, 0),
        };
        self.note_limit(note, kind, rows);
        Ok(())
    }

    fn note_limit(&mut self, note: bool, kind: LimitKind, rows: u64) {
        if let Some(entry) = self.entry().filter(|_| note) {
            entry.limit_kind = kind;
            entry.limit = rows;
        }
    }
}

fn bare(mut expr: &Expr) -> &Expr {
    loop {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => expr = inner,
            other => return other,
        }
    }
}

fn constant(expr: &Expr) -> Option<&ValueWithSpan> {
    match bare(expr) {
        Expr::Value(value) => Some(value),
        _ => None,
    }
}
