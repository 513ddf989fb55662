//! `(expr).name` and `expr[…]`: the name is a field of a composite value, or a function that is called with it.

#![expect(clippy::wildcard_enum_match_arm, reason = "the last arm is what nothing certain is known of")]

use sqlparser::ast::{AccessExpr, Expr, Ident, Subscript};

use super::columns::{Match, Place};
use super::expression::{Left, Push};
use super::facts::Walker;
use super::known::composite_of;
use super::overloads::Given;
use super::scope::Shape;
use super::types::without_parentheses;
use super::{Unread, Walk, absent, names};
use crate::catalog::Type;
use crate::parse::facts::Use;
use crate::parse::sql::{builtins, spelling};

impl<'a> Walker<'a> {
    pub(super) fn access<'e>(
        &mut self,
        root: &'e Expr,
        chain: &'e [AccessExpr],
        place: Place,
        left: &mut Left<'e>,
    ) -> Walk {
        if let (Some(shape), Some((field, rest))) = (self.row_of(root)?, first_field(chain)) {
            let name = names::label(field);
            // A column that something is done with.
            let place = if rest.is_empty() { place } else { place.inside() };
            if name == spelling::EVERY_FIELD {
                self.whole_row(&shape, place);
            } else {
                self.field(&shape, &name, place);
                self.part_of_row(&shape, &name);
            }
            let column = shape.find(&name).bare().and_then(|column| self.type_of_column(&column));
            return self.fields(rest, column, true, place, left);
        }
        self.fields(chain, self.type_of(root), may_be_composite(root), place, left)?;
        left.push_one(root, place.inside())
    }

    /// A field is taken of a row that stands there whole.
    fn part_of_row(&mut self, shape: &Shape, name: &str) {
        if let Match::Is(reference) = shape.find(name) {
            reference.bases.iter().for_each(|column| self.also(column, Use::WholeRow));
        }
    }

    /// Fields and elements of a value; `data_type` where it is known.
    fn fields<'e>(
        &mut self,
        chain: &'e [AccessExpr],
        mut data_type: Option<Type<'a>>,
        mut composite: bool,
        place: Place,
        left: &mut Left<'e>,
    ) -> Walk {
        for access in chain {
            match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => {
                    let name = names::label(ident);
                    // Of a value that has fields, `*` gives each; it calls nothing.
                    if name == spelling::EVERY_FIELD {
                        continue;
                    }
                    let column = data_type.and_then(composite_of).and_then(|relation| relation.column(&name));
                    if column.is_none() {
                        self.field_or_call(&name, composite);
                    }
                    data_type = column.and_then(|column| self.known()?.snapshot.data_type(column.data_type().0));
                    composite = true;
                }
                AccessExpr::Dot(_) => return Err(Unread::new("a field selection of that kind")),
                AccessExpr::Subscript(subscript) => {
                    data_type = data_type.and_then(|array| array.element());
                    match subscript {
                        Subscript::Index { index } => left.push_one(index, place.inside())?,
                        Subscript::Slice { lower_bound, upper_bound, stride } => {
                            absent(stride.is_none(), "a slice with a stride")?;
                            left.push_all(lower_bound.iter().chain(upper_bound), place.inside())?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A field, or a function of one argument.
    fn field_or_call(&mut self, name: &str, composite: bool) {
        let unary = builtins::lookup(name).is_some_and(|builtin| builtin.unary);
        if unary || !composite {
            self.procedure();
        }
        if unary {
            self.builtin(name);
        }
        self.calls_somebodys(name, Given::Many(1));
    }

    /// The columns that `(row).*` gives.
    pub(super) fn every_field(&self, expr: &Expr) -> Option<Shape> {
        let Expr::CompoundFieldAccess { root, access_chain } = without_parentheses(expr) else { return None };
        let (field, []) = first_field(access_chain)? else { return None };
        if names::label(field) != spelling::EVERY_FIELD {
            return None;
        }
        self.row_of(root).ok()?
    }

    /// The row of FROM that an expression is for certain.
    fn row_of(&self, expr: &Expr) -> Walk<Option<Shape>> {
        Ok(match without_parentheses(expr) {
            Expr::Identifier(ident) => self.row_named(&names::name(ident)?),
            Expr::QualifiedWildcard(object, _) => {
                let parts = names::parts(object)?;
                let found = self.scopes.iter().rev().find_map(|scope| scope.find(&parts));
                found.map(|source| source.shape.clone()).filter(|shape| shape.listed().is_some())
            }
            _ => None,
        })
    }

    fn type_of(&self, expr: &Expr) -> Option<Type<'a>> {
        let column = match without_parentheses(expr) {
            Expr::Identifier(ident) => self.base_of(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(idents) => self.base_of(idents),
            _ => None,
        };
        self.type_of_column(&column?)
    }
}

fn first_field(chain: &[AccessExpr]) -> Option<(&Ident, &[AccessExpr])> {
    match chain {
        [AccessExpr::Dot(Expr::Identifier(field)), rest @ ..] => Some((field, rest)),
        _ => None,
    }
}

/// Whether an expression gives every field of a row: as many columns as that has.
pub(super) fn gives_fields(expr: &Expr) -> bool {
    match expr {
        Expr::CompoundFieldAccess { access_chain, .. } => {
            matches!(access_chain.last(), Some(AccessExpr::Dot(Expr::Identifier(ident)))
                if ident.value == spelling::EVERY_FIELD)
        }
        _ => false,
    }
}

/// Whether an expression can have a composite type. What certainly has not can only be the
/// argument of a function.
fn may_be_composite(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => may_be_composite(inner),
        Expr::Value(_) | Expr::TypedString(_) | Expr::Cast { .. } | Expr::BinaryOp { .. } | Expr::UnaryOp { .. } => {
            false
        }
        Expr::Function(function) => {
            let parts = names::parts(&function.name).unwrap_or_default();
            let known = match parts.as_slice() {
                [name] => builtins::lookup(name),
                [schema, name] => builtins::lookup_in(schema, name),
                _ => None,
            };
            known.is_none_or(|builtin| builtin.set_returning)
        }
        _ => true,
    }
}
