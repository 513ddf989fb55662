//! Which names are certainly local variables.

use std::collections::HashSet;

use super::ast::{Assign, Expr, Kind, Literal, Stmt};

/// The names declared by the rules, queries and comprehensions around an expression. Names
/// that are only used (`data.m[k]`) are left out: they could be rules, and rules can be undefined.
#[derive(Default)]
pub(super) struct Scope {
    frames: Vec<HashSet<String>>,
}

impl Scope {
    pub(super) fn open(&mut self) {
        self.frames.push(HashSet::new());
    }

    pub(super) fn close(&mut self) {
        self.frames.pop();
    }

    pub(super) fn declare(&mut self, name: &str) {
        if name != "_"
            && let Some(frame) = self.frames.last_mut()
        {
            frame.insert(name.to_owned());
        }
    }

    pub(super) fn declare_pattern(&mut self, patterns: &[Expr]) {
        for pattern in patterns {
            if let Kind::Var(name) = &pattern.kind {
                self.declare(name);
            } else if let Kind::Array(items) = &pattern.kind {
                self.declare_pattern(items);
            } else if let Kind::Object(fields) = &pattern.kind {
                for (_, value) in fields {
                    self.declare_pattern(std::slice::from_ref(value));
                }
            }
        }
    }

    /// What the statements of a query declare for the whole of it.
    pub(super) fn declare_query(&mut self, query: &[Stmt]) {
        for stmt in query {
            match &stmt.literal {
                Literal::Some(names) => names.iter().for_each(|name| self.declare(name)),
                Literal::SomeIn { key, value, .. } => {
                    self.declare_pattern(key.as_slice());
                    self.declare_pattern(std::slice::from_ref(value));
                }
                Literal::Expr(Expr { kind: Kind::Assign { op: Assign::Declare, sides }, .. }) => {
                    self.declare_pattern(std::slice::from_ref(&sides.0));
                }
                Literal::Expr(_) | Literal::Not(_) | Literal::Every { .. } => {}
            }
        }
    }

    /// Whether a name is certainly a local variable.
    pub(super) fn declares(&self, name: &str) -> bool {
        self.frames.iter().any(|frame| frame.contains(name))
    }
}
