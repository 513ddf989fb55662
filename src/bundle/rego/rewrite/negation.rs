//! What is under a `not`.

use super::{Rewrite, Rewriter, first_of};
use crate::bundle::rego::ast::{Assign, ComprKind, Expr, Infix, Kind, Pos, Step, Stmt, With};
use crate::bundle::rego::error::Problem;

impl Rewriter<'_> {
    /// The negated expression with its operands bound in front of it, under the same `with`.
    pub(super) fn negated(&mut self, expr: &Expr, with: &[With], out: &mut Vec<Stmt>) -> Rewrite<Expr> {
        if let Some(at) = wildcard(expr) {
            return self.fail(at, Problem::WildcardUnderNot);
        }
        let kind = match &expr.kind {
            Kind::Call { name, args } => {
                let args = self.settle_all(args, with, out)?;
                Kind::Call { name: name.clone(), args }
            }
            Kind::Member { key, value, collection } => self.member(key.as_deref(), value, collection, with, out)?,
            // Equality compares references in place: an undefined one is not equal.
            Kind::Infix { op: Infix::Eq, sides } => Kind::Infix {
                op: Infix::Eq,
                sides: Box::new((self.compared(&sides.0, with, out)?, self.compared(&sides.1, with, out)?)),
            },
            Kind::Assign { op: Assign::Unify, sides } => Kind::Assign {
                op: Assign::Unify,
                sides: Box::new((self.compared(&sides.0, with, out)?, self.compared(&sides.1, with, out)?)),
            },
            Kind::Infix { op, sides } => Kind::Infix {
                op: *op,
                sides: Box::new((self.settle(&sides.0, with, out)?, self.settle(&sides.1, with, out)?)),
            },
            Kind::Assign { op: Assign::Declare, .. } => return self.fail(expr.at, Problem::DeclarationUnderNot),
            Kind::Ref { .. } | Kind::Var(_) | Kind::Compr(_) => return self.compared(expr, with, out),
            Kind::Scalar(_) | Kind::Text(_) | Kind::Array(_) | Kind::Set(_) | Kind::Object(_) => {
                return self.settle(expr, with, out);
            }
        };
        Ok(Expr { at: expr.at, kind })
    }

    /// An array, set or object in brackets is a pattern to the engine: without a match the
    /// statement is false, negated or not.
    fn index(&mut self, index: &Expr, with: &[With], out: &mut Vec<Stmt>) -> Rewrite<Expr> {
        let settled = self.settle(index, with, out)?;
        if !matches!(settled.kind, Kind::Array(_) | Kind::Set(_) | Kind::Object(_)) {
            return Ok(settled);
        }
        let element = first_of(settled);
        Ok(self.hoist(element, with, out))
    }

    /// An operand that may stay where it is, undefined or not; what is inside its brackets may not.
    fn compared(&mut self, expr: &Expr, with: &[With], out: &mut Vec<Stmt>) -> Rewrite<Expr> {
        match &expr.kind {
            Kind::Var(_) | Kind::Compr(_) => self.expr(expr, with, out),
            Kind::Ref { base, steps } => {
                let base = if matches!(base.kind, Kind::Var(_)) {
                    self.expr(base, with, out)?
                } else {
                    self.settle(base, with, out)?
                };
                let steps = steps.iter().map(|step| match step {
                    Step::Field(name) => Ok(Step::Field(name.clone())),
                    Step::Index(index) => self.index(index, with, out).map(Step::Index),
                });
                let steps = steps.collect::<Rewrite<_>>()?;
                Ok(Expr { at: expr.at, kind: Kind::Ref { base: Box::new(base), steps } })
            }
            Kind::Scalar(_)
            | Kind::Text(_)
            | Kind::Array(_)
            | Kind::Set(_)
            | Kind::Object(_)
            | Kind::Call { .. }
            | Kind::Infix { .. }
            | Kind::Assign { .. }
            | Kind::Member { .. } => self.settle(expr, with, out),
        }
    }
}

/// The first `_` that is not inside a comprehension, which has a scope of its own.
fn wildcard(expr: &Expr) -> Option<Pos> {
    match &expr.kind {
        Kind::Var(name) if name == "_" => Some(expr.at),
        Kind::Scalar(_) | Kind::Text(_) | Kind::Var(_) => None,
        Kind::Array(items) | Kind::Set(items) => items.iter().find_map(wildcard),
        Kind::Object(fields) => fields.iter().find_map(|(key, value)| wildcard(key).or_else(|| wildcard(value))),
        Kind::Compr(compr) => match &compr.kind {
            ComprKind::Array(_) | ComprKind::Set(_) | ComprKind::Object(..) => None,
        },
        Kind::Call { args, .. } => args.iter().find_map(wildcard),
        Kind::Ref { base, steps } => wildcard(base).or_else(|| {
            steps.iter().find_map(|step| match step {
                Step::Field(_) => None,
                Step::Index(index) => wildcard(index),
            })
        }),
        Kind::Infix { sides, .. } | Kind::Assign { sides, .. } => wildcard(&sides.0).or_else(|| wildcard(&sides.1)),
        Kind::Member { key, value, collection } => {
            key.iter().chain([value, collection]).find_map(|expr| wildcard(expr))
        }
    }
}
