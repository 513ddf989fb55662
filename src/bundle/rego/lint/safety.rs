//! Variables under `not` that nothing binds: OPA refuses them, the engine loops over them, so
//! that `not xs[i] == 1` asks for some `i` instead of for none.

use std::collections::HashSet;

use super::Problems;
use crate::bundle::rego::ast::{Compr, ComprKind, Expr, HeadKind, Kind, Literal, Module, Pos, Rule, Step, Stmt};
use crate::bundle::rego::error::Problem;
use crate::bundle::rego::names::{FileNames, Names, Target};

pub(super) fn check(modules: &[Module], names: &Names<'_>, problems: &mut Problems) {
    for module in modules {
        let file = FileNames::new(module, names);
        let mut safety = Safety { module, file, bound: Vec::new(), problems };
        module.rules.iter().for_each(|rule| safety.rule(rule));
    }
}

struct Safety<'a, 'p> {
    module: &'a Module,
    file: FileNames,
    /// Names that occur outside a negation, by enclosing query.
    bound: Vec<HashSet<&'a str>>,
    problems: &'p mut Problems,
}

/// What an expression mentions: its own variables, and comprehensions with theirs.
#[derive(Default)]
struct Parts<'a> {
    vars: Vec<(&'a str, Pos)>,
    comprs: Vec<&'a Compr>,
}

impl<'a> Safety<'a, '_> {
    fn rule(&mut self, rule: &'a Rule) {
        let mut head = Parts::default();
        head.add(&rule.head.name);
        let mut args = Parts::default();
        match &rule.head.kind {
            HeadKind::Default { .. } => return,
            HeadKind::Value(value) => value.iter().for_each(|value| head.add(value)),
            HeadKind::Member(value) => head.add(value),
            HeadKind::Function { args: patterns, value } => {
                patterns.iter().for_each(|pattern| args.add(pattern));
                value.iter().for_each(|value| head.add(value));
            }
        }
        self.bound.push(args.names());
        for (index, body) in rule.bodies.iter().enumerate() {
            let mut parts = if index == 0 { std::mem::take(&mut head) } else { Parts::default() };
            body.value.iter().for_each(|value| parts.add(value));
            self.query(&body.query, parts);
        }
        // Without a body the head stands by itself.
        self.query(&[], head);
        self.bound.pop();
    }

    /// `terms` are a head's or a comprehension's, and see what the query binds.
    fn query(&mut self, query: &'a [Stmt], terms: Parts<'a>) {
        let mut positive = Parts::default();
        for stmt in query {
            match &stmt.literal {
                Literal::Some(_) | Literal::Not(_) => {}
                Literal::SomeIn { key, value, collection } => {
                    key.iter().chain([value, collection]).for_each(|expr| positive.add(expr));
                }
                Literal::Expr(expr) | Literal::Every { domain: expr, .. } => positive.add(expr),
            }
            stmt.with.iter().for_each(|with| positive.add(&with.value));
        }
        self.bound.push(positive.names());
        positive.comprs.into_iter().chain(terms.comprs).for_each(|compr| self.compr(compr));
        for stmt in query {
            match &stmt.literal {
                Literal::Some(_) | Literal::SomeIn { .. } | Literal::Expr(_) => {}
                Literal::Not(expr) => self.negated(expr),
                Literal::Every { key, value, query, .. } => {
                    self.bound.push(key.iter().chain([value]).map(String::as_str).collect());
                    self.query(query, Parts::default());
                    self.bound.pop();
                }
            }
        }
        self.bound.pop();
    }

    fn negated(&mut self, expr: &'a Expr) {
        let mut parts = Parts::default();
        parts.add(expr);
        for (name, at) in parts.vars {
            let global = self.file.target(&Expr::var(at, name)).0 != Target::Local;
            if name != "_" && !global && !self.bound.iter().any(|frame| frame.contains(name)) {
                self.problems.add(self.module, at, Problem::UnboundUnderNot { name: name.to_owned() });
            }
        }
        parts.comprs.into_iter().for_each(|compr| self.compr(compr));
    }

    fn compr(&mut self, compr: &'a Compr) {
        let mut terms = Parts::default();
        match &compr.kind {
            ComprKind::Array(term) | ComprKind::Set(term) => terms.add(term),
            ComprKind::Object(key, value) => {
                terms.add(key);
                terms.add(value);
            }
        }
        self.query(&compr.query, terms);
    }
}

impl<'a> Parts<'a> {
    fn names(&self) -> HashSet<&'a str> {
        self.vars.iter().map(|(name, _)| *name).collect()
    }

    fn add(&mut self, expr: &'a Expr) {
        match &expr.kind {
            Kind::Scalar(_) | Kind::Text(_) => {}
            Kind::Var(name) => self.vars.push((name, expr.at)),
            Kind::Array(items) | Kind::Set(items) | Kind::Call { args: items, .. } => {
                items.iter().for_each(|item| self.add(item));
            }
            Kind::Object(fields) => fields.iter().for_each(|(key, value)| {
                self.add(key);
                self.add(value);
            }),
            Kind::Compr(compr) => self.comprs.push(compr),
            Kind::Ref { base, steps } => {
                self.add(base);
                for step in steps {
                    match step {
                        Step::Field(_) => {}
                        Step::Index(index) => self.add(index),
                    }
                }
            }
            Kind::Infix { sides, .. } | Kind::Assign { sides, .. } => {
                self.add(&sides.0);
                self.add(&sides.1);
            }
            Kind::Member { key, value, collection } => {
                key.iter().chain([value, collection]).for_each(|expr| self.add(expr));
            }
        }
    }
}
