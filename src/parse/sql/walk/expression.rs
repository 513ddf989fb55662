//! Expressions: columns, sub-queries, syntax that calls functions. Walked with a list of what is
//! left, not by recursion: chains of operators are thousands deep.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use std::collections::BTreeSet;

use sqlparser::ast::{CastFormat, CastKind, CeilFloorKind, DateTimeField, Expr, Ident, ObjectName, TrimWhereField};

use super::columns::{Column, Place};
use super::facts::Walker;
use super::foreign::foreign_expression;
use super::names::{self, Reserved};
use super::overloads::Given;
use super::query::Role;
use super::{Unread, Walk, absent};
use crate::parse::facts::{Use, Volatility};

/// What is left to walk, and how each is used.
pub(super) type Left<'e> = Vec<(&'e Expr, Place)>;

impl Walker<'_> {
    pub(super) fn expression(&mut self, expr: &Expr, place: Place) -> Walk {
        let mut left = vec![(expr, place)];
        while let Some((expr, place)) = left.pop() {
            self.step(expr, place, &mut left)?;
        }
        Ok(())
    }

    pub(super) fn expressions<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, place: Place) -> Walk {
        exprs.into_iter().try_for_each(|expr| self.expression(expr, place))
    }

    /// An expression that may be DEFAULT.
    pub(super) fn assigned(&mut self, expr: &Expr, place: Place) -> Walk {
        match expr {
            Expr::Identifier(ident) if ident.quote_style.is_none() && names::label(ident) == "default" => Ok(()),
            other => self.expression(other, place),
        }
    }

    /// What columns the walk depends on.
    pub(super) fn traced(&mut self, walk: impl FnOnce(&mut Self) -> Walk) -> Walk<BTreeSet<Column>> {
        let before = std::mem::take(&mut self.lineage);
        walk(self)?;
        let found = std::mem::replace(&mut self.lineage, before);
        self.lineage.extend(found.iter().cloned());
        Ok(found)
    }

    fn step<'e>(&mut self, expr: &'e Expr, place: Place, left: &mut Left<'e>) -> Walk {
        match expr {
            Expr::Identifier(ident) => self.word(ident, place),
            Expr::CompoundIdentifier(idents) => self.qualified_column(idents, place),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, place, left),
            Expr::Value(value) => self.value(value),
            Expr::Nested(inner) => left.push_one(inner, place),
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::IsJson { expr: inner, .. } => left.push_one(inner, place.compared()),
            Expr::IsNormalized { expr: inner, .. } => {
                self.builtin("is_normalized");
                left.push_one(inner, place.inside())
            }
            Expr::IsDistinctFrom(one, other) | Expr::IsNotDistinctFrom(one, other) => {
                self.operator("=");
                left.push_all([one.as_ref(), other], place.compared())
            }
            Expr::InList { expr, list, negated } => {
                self.operator(if *negated { "<>" } else { "=" });
                left.push_all(list, place.compared())?;
                left.push_one(expr, place.compared())
            }
            Expr::Between { expr, negated: _, low, high } => {
                // The opposites stand for NOT BETWEEN.
                [">=", "<=", "<", ">"].into_iter().for_each(|name| self.operator(name));
                left.push_all([expr.as_ref(), low, high], place.compared())
            }
            Expr::Tuple(items) => left.push_all(items, place.compared()),
            Expr::Array(array) => {
                self.gathers = true;
                left.push_all(&array.elem, place.inside())
            }
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                left.push_all(sets.iter().flatten(), place)
            }
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                if operand.is_some() {
                    self.operator("=");
                }
                for when in conditions {
                    left.push_all([&when.condition, &when.result], place.inside())?;
                }
                left.push_all(operand.iter().chain(else_result).map(AsRef::as_ref), place.inside())
            }
            Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => self.sub_query(subquery, place),
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.operator("=");
                left.push_one(expr, place.compared())?;
                self.sub_query(subquery, place)
            }
            Expr::QualifiedWildcard(object, _) => self.row(object, place),
            Expr::BinaryOp { .. }
            | Expr::UnaryOp { .. }
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. } => self.operation(expr, place, left),
            other => self.special(other, place, left),
        }
    }

    /// Syntax that is a function call or cast, and what PostgreSQL does not have.
    fn special<'e>(&mut self, expr: &'e Expr, place: Place, left: &mut Left<'e>) -> Walk {
        match expr {
            Expr::Function(function) => self.call(function, place),
            Expr::Cast { kind, expr, data_type, format } => {
                plain_cast(kind, format.as_ref())?;
                self.cast(data_type, expr)?;
                left.push_one(expr, place.inside())
            }
            Expr::TypedString(typed) => {
                absent(!typed.uses_odbc_syntax, "an ODBC literal")?;
                self.value(&typed.value)?;
                self.typed_text(&typed.data_type, Some(&typed.value))
            }
            Expr::Interval(interval) => left.push_one(&interval.value, place.inside()),
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.builtin("timezone");
                left.push_all([timestamp.as_ref(), time_zone], place.inside())
            }
            Expr::Extract { field: _, syntax: _, expr } => {
                self.builtin("extract");
                left.push_one(expr, place.inside())
            }
            Expr::Ceil { expr, field } => self.rounding("ceil", expr, field, place, left),
            Expr::Floor { expr, field } => self.rounding("floor", expr, field, place, left),
            Expr::Position { expr, r#in } => {
                self.builtin("position");
                left.push_all([expr.as_ref(), r#in], place.inside())
            }
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand } => {
                let name = if *shorthand { "substr" } else { "substring" };
                self.builtin(name);
                self.calls_somebodys(name, Given::Unknown);
                left.push_one(expr, place.inside())?;
                left.push_all(substring_from.iter().chain(substring_for).map(AsRef::as_ref), place.inside())
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                self.builtin(match trim_where {
                    None | Some(TrimWhereField::Both) => "btrim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                });
                left.push_one(expr, place.inside())?;
                left.push_all(trim_what.iter().map(AsRef::as_ref), place.inside())?;
                left.push_all(trim_characters.iter().flatten(), place.inside())
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.builtin("overlay");
                left.push_all([expr.as_ref(), overlay_what, overlay_from], place.inside())?;
                left.push_all(overlay_for.iter().map(AsRef::as_ref), place.inside())
            }
            Expr::Collate { expr, collation } => {
                self.collation(collation)?;
                left.push_one(expr, place.inside())
            }
            walked!() | foreign_expression!() => Err(Unread::new("an expression that PostgreSQL does not have")),
        }
    }

    /// A name, or a function that is called without parentheses.
    fn word(&mut self, ident: &Ident, place: Place) -> Walk {
        if ident.quote_style.is_none() {
            let word = names::label(ident);
            if super::call::WITHOUT_PARENTHESES.contains(&word.as_str()) {
                self.builtin(&word);
                return Ok(());
            }
            // Since PostgreSQL 16; a column before that.
            if word == "system_user" {
                self.function(Some("pg_catalog"), &word, Some(Volatility::Stable), true);
            }
        }
        self.bare_column(ident, place)
    }

    /// `relation.*` as one value.
    fn row(&mut self, object: &ObjectName, place: Place) -> Walk {
        let shape = self.qualified_star(object, place)?;
        self.whole_row(&shape, place);
        Ok(())
    }

    pub(super) fn sub_query(&mut self, query: &sqlparser::ast::Query, place: Place) -> Walk {
        self.taking(|walker| walker.query(query, Role::part(place.clause))).map(drop)
    }

    /// `ARRAY(SELECT …)` makes something of what it reads.
    pub(super) fn array_of(&mut self, query: &sqlparser::ast::Query, place: Place) -> Walk {
        let outputs = self.taking(|walker| walker.query(query, Role::part(place.clause)))?;
        self.gathers = true;
        self.all_outputs(&outputs, std::iter::once(Use::Argument));
        Ok(())
    }

    fn collation(&mut self, collation: &ObjectName) -> Walk {
        names::parts(collation).map(drop)
    }

    fn rounding<'e>(
        &mut self,
        name: &str,
        expr: &'e Expr,
        field: &CeilFloorKind,
        place: Place,
        left: &mut Left<'e>,
    ) -> Walk {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                self.builtin(name);
                self.calls_somebodys(name, Given::These(&[expr]));
            }
            CeilFloorKind::DateTimeField(_) => return Err(Unread::new("CEIL or FLOOR with a field")),
            // No built-in takes two arguments.
            CeilFloorKind::Scale(value) => {
                self.value(value)?;
                self.procedure();
                self.function(None, name, None, false);
            }
        }
        left.push_one(expr, place.inside())
    }
}

/// What is walked without being a call.
macro_rules! walked {
    () => {
        Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::CompoundFieldAccess { .. }
            | Expr::Value(_)
            | Expr::Nested(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsJson { .. }
            | Expr::IsNormalized { .. }
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::Between { .. }
            | Expr::Tuple(_)
            | Expr::Array(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::InSubquery { .. }
            | Expr::QualifiedWildcard(..)
            | Expr::BinaryOp { .. }
            | Expr::UnaryOp { .. }
            | Expr::AnyOp { .. }
            | Expr::AllOp { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
    };
}
use walked;

fn plain_cast(kind: &CastKind, format: Option<&CastFormat>) -> Walk {
    match kind {
        CastKind::Cast | CastKind::DoubleColon => absent(format.is_none(), "a cast with FORMAT"),
        CastKind::TryCast | CastKind::SafeCast => Err(Unread::new("a cast that PostgreSQL does not have")),
    }
}

/// Adding to the list of what is left.
pub(super) trait Push<'e> {
    fn push_one(&mut self, expr: &'e Expr, place: Place) -> Walk;
    fn push_all(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, place: Place) -> Walk;
}

impl<'e> Push<'e> for Left<'e> {
    fn push_one(&mut self, expr: &'e Expr, place: Place) -> Walk {
        self.push((expr, place));
        Ok(())
    }

    fn push_all(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, place: Place) -> Walk {
        self.extend(exprs.into_iter().map(|expr| (expr, place)));
        Ok(())
    }
}

/// Whether an unquoted word can name a function.
pub(super) fn names_function(word: &str) -> bool {
    match names::reserved(word) {
        None | Some(Reserved::Function) => true,
        Some(Reserved::Fully | Reserved::Column) => false,
    }
}
