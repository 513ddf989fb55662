//! Imports and heads that mean something else in OPA.

use super::Problems;
use crate::bundle::rego::ast::{Expr, HeadKind, Kind, Literal, Module, Rule, Step, Stmt, static_path};
use crate::bundle::rego::error::Problem;

pub(super) fn check(modules: &[Module], problems: &mut Problems) {
    for module in modules {
        for import in &module.imports {
            let [first, rest @ ..] = import.path.as_slice() else { continue };
            if first != "future" {
                continue;
            }
            let other = match rest {
                // All keywords, the new ones too. Without a negation they change nothing.
                [_] => module.rules.iter().any(negated),
                [_, keyword, ..] => matches!(keyword.as_str(), "not" | "and" | "or"),
                [] => false,
            };
            if other {
                problems.add(module, import.at, Problem::NegationImport { name: import.path.join(".") });
            }
        }
        for rule in &module.rules {
            let (name, whole) = static_path(&rule.head.name);
            if matches!(rule.head.kind, HeadKind::Member(_)) && !whole {
                problems.add(module, rule.at, Problem::ComputedSet { name: name.join(".") });
            }
            // OPA has the packages of the name in the document around it, the engine has not.
            if let HeadKind::Default { args: Some(_), .. } = &rule.head.kind
                && matches!(rule.head.name.kind, Kind::Ref { .. })
            {
                problems.add(module, rule.at, Problem::DottedDefault { name: name.join(".") });
            }
        }
    }
}

fn negated(rule: &Rule) -> bool {
    let value = match &rule.head.kind {
        HeadKind::Value(value) | HeadKind::Function { value, .. } => value.as_ref(),
        HeadKind::Member(value) | HeadKind::Default { value, .. } => Some(value),
    };
    inside(&rule.head.name)
        || value.is_some_and(inside)
        || rule.bodies.iter().any(|body| negates(&body.query) || body.value.as_ref().is_some_and(inside))
}

fn negates(query: &[Stmt]) -> bool {
    query.iter().any(|stmt| match &stmt.literal {
        Literal::Not(_) => true,
        Literal::Some(_) => false,
        Literal::Expr(expr) => inside(expr),
        Literal::SomeIn { key, value, collection } => key.iter().chain([value, collection]).any(inside),
        Literal::Every { domain, query, .. } => inside(domain) || negates(query),
    })
}

/// Comprehensions are the queries within an expression.
fn inside(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Scalar(_) | Kind::Text(_) | Kind::Var(_) => false,
        Kind::Compr(compr) => negates(&compr.query),
        Kind::Array(items) | Kind::Set(items) | Kind::Call { args: items, .. } => items.iter().any(inside),
        Kind::Object(fields) => fields.iter().any(|(key, value)| inside(key) || inside(value)),
        Kind::Ref { base, steps } => {
            inside(base)
                || steps.iter().any(|step| match step {
                    Step::Field(_) => false,
                    Step::Index(index) => inside(index),
                })
        }
        Kind::Infix { sides, .. } | Kind::Assign { sides, .. } => inside(&sides.0) || inside(&sides.1),
        Kind::Member { key, value, collection } => key.iter().chain([value, collection]).any(|expr| inside(expr)),
    }
}
