//! Visits everything a rule refers to, knowing which names are variables there.

use super::ast::{Body, Compr, ComprKind, Expr, HeadKind, Kind, Literal, Rule, Step, Stmt, With};
use super::scope::Scope;

/// Something a rule refers to.
pub(super) enum Event<'a> {
    /// A name or reference that does not begin with a local variable.
    Ref(&'a Expr),
    /// A call; its arguments follow as events of their own.
    Call { call: &'a Expr, name: &'a Expr, args: &'a [Expr] },
    /// A replacement; its value's references follow as events of their own.
    With(&'a With),
}

/// Tells `on` of every event in `rule`, in order.
pub(super) fn walk<'a>(rule: &'a Rule, on: &mut dyn FnMut(Event<'a>)) {
    let mut walker = Walker { scope: Scope::default(), on };
    walker.scope.open();
    match &rule.head.kind {
        HeadKind::Default { args, .. } => walker.scope.declare_pattern(args.as_deref().unwrap_or_default()),
        HeadKind::Function { args, .. } => walker.scope.declare_pattern(args),
        HeadKind::Value(_) | HeadKind::Member(_) => {}
    }
    walker.scope.open();
    if let Some(body) = rule.bodies.first() {
        walker.scope.declare_query(&body.query);
    }
    walker.head(rule);
    walker.scope.close();
    for body in &rule.bodies {
        walker.body(body);
    }
}

struct Walker<'a, 'b> {
    scope: Scope,
    on: &'b mut dyn FnMut(Event<'a>),
}

impl<'a> Walker<'a, '_> {
    fn head(&mut self, rule: &'a Rule) {
        if let Kind::Ref { steps, .. } = &rule.head.name.kind {
            self.steps(steps);
        }
        match &rule.head.kind {
            HeadKind::Default { value, .. } | HeadKind::Member(value) => self.expr(value),
            HeadKind::Value(value) => value.iter().for_each(|value| self.expr(value)),
            HeadKind::Function { args, value } => {
                args.iter().chain(value).for_each(|expr| self.expr(expr));
            }
        }
    }

    fn body(&mut self, body: &'a Body) {
        self.scope.open();
        self.scope.declare_query(&body.query);
        body.value.iter().for_each(|value| self.expr(value));
        self.stmts(&body.query);
        self.scope.close();
    }

    fn query(&mut self, query: &'a [Stmt]) {
        self.scope.open();
        self.scope.declare_query(query);
        self.stmts(query);
        self.scope.close();
    }

    fn stmts(&mut self, stmts: &'a [Stmt]) {
        for stmt in stmts {
            match &stmt.literal {
                Literal::Some(_) => {}
                Literal::SomeIn { key, value, collection } => {
                    key.iter().chain([value, collection]).for_each(|expr| self.expr(expr));
                }
                Literal::Expr(expr) | Literal::Not(expr) => self.expr(expr),
                Literal::Every { key, value, domain, query } => {
                    self.expr(domain);
                    self.scope.open();
                    key.iter().chain([value]).for_each(|name| self.scope.declare(name));
                    self.query(query);
                    self.scope.close();
                }
            }
            for with in &stmt.with {
                (self.on)(Event::With(with));
                self.expr(&with.value);
            }
        }
    }

    fn compr(&mut self, compr: &'a Compr) {
        self.scope.open();
        self.scope.declare_query(&compr.query);
        match &compr.kind {
            ComprKind::Array(term) | ComprKind::Set(term) => self.expr(term),
            ComprKind::Object(key, value) => {
                self.expr(key);
                self.expr(value);
            }
        }
        self.stmts(&compr.query);
        self.scope.close();
    }

    fn steps(&mut self, steps: &'a [Step]) {
        for step in steps {
            match step {
                Step::Field(_) => {}
                Step::Index(index) => self.expr(index),
            }
        }
    }

    fn expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            Kind::Scalar(_) | Kind::Text(_) => {}
            Kind::Var(name) => self.name(name, expr),
            Kind::Array(items) | Kind::Set(items) => items.iter().for_each(|item| self.expr(item)),
            Kind::Object(fields) => fields.iter().for_each(|(key, value)| {
                self.expr(key);
                self.expr(value);
            }),
            Kind::Compr(compr) => self.compr(compr),
            Kind::Call { name, args } => {
                (self.on)(Event::Call { call: expr, name, args });
                args.iter().for_each(|arg| self.expr(arg));
            }
            Kind::Ref { base, steps } => {
                match base.as_var() {
                    Some(name) => self.name(name, expr),
                    None => self.expr(base),
                }
                self.steps(steps);
            }
            Kind::Infix { sides, .. } | Kind::Assign { sides, .. } => {
                self.expr(&sides.0);
                self.expr(&sides.1);
            }
            Kind::Member { key, value, collection } => {
                key.iter().chain([value, collection]).for_each(|expr| self.expr(expr));
            }
        }
    }

    fn name(&mut self, name: &str, expr: &'a Expr) {
        if !self.scope.declares(name) {
            (self.on)(Event::Ref(expr));
        }
    }
}
