//! Takes the author's file, gives text whose answers in the engine are OPA's, refuses what
//! cannot be rewritten. Two departures are mended (and nothing else is changed):
//!
//! - The engine evaluates a rule's head after its body; an undefined head then erases what the
//!   rule has gathered. So what is not plainly defined moves into the body, as OPA does it.
//! - The engine makes `not` true when an operand is undefined; OPA evaluates operands outside
//!   the negation. So they move in front of it.

mod negation;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::ast::{
    Assign, Body, Compr, ComprKind, Expr, Head, HeadKind, Kind, Literal, Module, Pos, Rule, Step, Stmt, With,
};
use super::error::{Problem, RegoError};
use super::parse::parse;
use super::print::print;
use super::scope::Scope;

/// Names that begin with it are ours.
const RESERVED: &str = "__sg";

/// A file as the engine gets it.
#[derive(Clone, Debug)]
pub(in crate::bundle) struct Rewritten {
    /// Rego for the engine. Statements stay on the author's lines; columns move.
    pub(in crate::bundle) text: String,
    /// The author's file, for `lint`, `reads` and `entry_rules`.
    pub(in crate::bundle) module: Module,
}

/// Rewrites one file. Call `scan` on it first: the parser needs exponential time for nested literals.
pub(in crate::bundle) fn rewrite(file: &str, source: &str) -> Result<Rewritten, RegoError> {
    let module = parse(file, source)?;
    let mut rewriter =
        Rewriter { file, next: 0, scope: Scope::default(), line: Pos::default(), computed: computed_keys(&module) };
    let rules = module.rules.iter().map(|rule| rewriter.rule(rule)).collect::<Result<_, _>>()?;
    let text = print(&Module { rules, ..module.clone() });
    Ok(Rewritten { text, module })
}

struct Rewriter<'a> {
    file: &'a str,
    next: usize,
    scope: Scope,
    /// Where the statement begins that is being rewritten: what is bound before it stands there.
    line: Pos,
    /// Objects of which at least one rule computes the key.
    computed: HashSet<String>,
}

type Rewrite<T> = Result<T, RegoError>;

impl Rewriter<'_> {
    fn fail<T>(&self, at: Pos, problem: Problem) -> Rewrite<T> {
        Err(RegoError::at(self.file, at, problem))
    }

    /// Binds `value` to a new variable in a statement added to `to`; gives the variable.
    fn hoist(&mut self, value: Expr, with: &[With], to: &mut Vec<Stmt>) -> Expr {
        let at = value.at;
        let name = self.fresh();
        let sides = Box::new((Expr::var(at, &name), value));
        let literal = Literal::Expr(Expr { at, kind: Kind::Assign { op: Assign::Declare, sides } });
        to.push(Stmt { at: self.line, literal, with: with.to_vec() });
        Expr::var(at, &name)
    }

    fn rule(&mut self, rule: &Rule) -> Rewrite<Rule> {
        match &rule.head.kind {
            HeadKind::Default { .. } => Ok(rule.clone()),
            HeadKind::Value(_) | HeadKind::Member(_) | HeadKind::Function { .. } => {
                self.line = rule.at;
                self.scope.open();
                let rewritten = self.spec(rule);
                self.scope.close();
                rewritten
            }
        }
    }

    fn spec(&mut self, rule: &Rule) -> Rewrite<Rule> {
        if let HeadKind::Function { args, .. } = &rule.head.kind {
            self.scope.declare_pattern(args);
        }
        let mut bodies = rule.bodies.iter();
        let first = bodies.next();
        // The head's expressions may use what the first body declares.
        self.scope.open();
        if let Some(body) = first {
            self.scope.declare_query(&body.query);
        }
        let mut hoisted = Vec::new();
        let head = self.head(&rule.head, &mut hoisted)?;
        self.scope.close();
        let mut rewritten = Vec::with_capacity(rule.bodies.len());
        if let Some(body) = first {
            rewritten.push(self.body(body, &hoisted)?);
        } else if !hoisted.is_empty() {
            rewritten.push(Body { at: rule.at, otherwise: false, value: None, query: hoisted });
        }
        for body in bodies {
            if !body.otherwise {
                return self.fail(body.at, Problem::SecondBlock);
            }
            rewritten.push(self.otherwise(body)?);
        }
        Ok(Rule { at: rule.at, head, bodies: rewritten })
    }

    fn head(&mut self, head: &Head, hoisted: &mut Vec<Stmt>) -> Rewrite<Head> {
        let name = self.head_name(&head.name, matches!(head.kind, HeadKind::Value(_)), hoisted)?;
        let kind = match &head.kind {
            HeadKind::Default { args, value } => HeadKind::Default { args: args.clone(), value: value.clone() },
            HeadKind::Value(value) => HeadKind::Value(self.head_value(value.as_ref(), hoisted)?),
            HeadKind::Member(member) => HeadKind::Member(self.settle(member, &[], hoisted)?),
            HeadKind::Function { args, value } => {
                HeadKind::Function { args: args.clone(), value: self.head_value(value.as_ref(), hoisted)? }
            }
        };
        Ok(Head { name, kind })
    }

    fn head_value(&mut self, value: Option<&Expr>, hoisted: &mut Vec<Stmt>) -> Rewrite<Option<Expr>> {
        value.map(|value| self.settle(value, &[], hoisted)).transpose()
    }

    fn head_name(&mut self, name: &Expr, is_value: bool, hoisted: &mut Vec<Stmt>) -> Rewrite<Expr> {
        let Kind::Ref { base, steps } = &name.kind else {
            return Ok(name.clone());
        };
        if let [Step::Field(key) | Step::Index(Expr { kind: Kind::Text(key), .. })] = steps.as_slice()
            && is_value
            && base.as_var().is_some_and(|name| self.computed.contains(name))
        {
            // The engine keeps rules with constant keys apart from those with computed ones, and
            // overlooks that both give the same key different values.
            let key = self.hoist(Expr { at: name.at, kind: Kind::Text(key.clone()) }, &[], hoisted);
            let steps = vec![Step::Index(key)];
            return Ok(Expr { at: name.at, kind: Kind::Ref { base: base.clone(), steps } });
        }
        let steps = steps.iter().map(|step| match step {
            Step::Field(field) => Ok(Step::Field(field.clone())),
            Step::Index(index) => self.settle(index, &[], hoisted).map(Step::Index),
        });
        let steps = steps.collect::<Rewrite<_>>()?;
        Ok(Expr { at: name.at, kind: Kind::Ref { base: base.clone(), steps } })
    }

    fn otherwise(&mut self, body: &Body) -> Rewrite<Body> {
        self.scope.open();
        self.scope.declare_query(&body.query);
        let mut hoisted = Vec::new();
        let value = self.head_value(body.value.as_ref(), &mut hoisted)?;
        self.scope.close();
        let rewritten = self.body(body, &hoisted)?;
        Ok(Body { value, ..rewritten })
    }

    fn body(&mut self, body: &Body, hoisted: &[Stmt]) -> Rewrite<Body> {
        if let [Stmt { at, literal: Literal::Expr(only), with }] = body.query.as_slice()
            && with.is_empty()
            && ambiguous(&only.kind)
        {
            return self.fail(*at, Problem::AmbiguousBody);
        }
        let mut query = self.query(&body.query)?;
        query.extend(hoisted.iter().cloned());
        Ok(Body { at: body.at, otherwise: body.otherwise, value: body.value.clone(), query })
    }

    fn query(&mut self, query: &[Stmt]) -> Rewrite<Vec<Stmt>> {
        self.scope.open();
        self.scope.declare_query(query);
        let mut out = Vec::with_capacity(query.len());
        // The engine runs a `some` that stands behind a loop once a round, and then refuses the
        // second declaration: all of them go to the front, where they mean the same.
        let (declarations, others): (Vec<_>, Vec<_>) =
            query.iter().partition(|stmt| matches!(stmt.literal, Literal::Some(_)));
        for stmt in declarations {
            self.stmt(&Stmt { at: query.first().map_or(stmt.at, |first| first.at), ..stmt.clone() }, &mut out)?;
        }
        let line = self.line;
        for stmt in others {
            self.line = stmt.at;
            self.stmt(stmt, &mut out)?;
        }
        self.line = line;
        self.scope.close();
        Ok(out)
    }

    fn stmt(&mut self, stmt: &Stmt, out: &mut Vec<Stmt>) -> Rewrite<()> {
        let with = stmt.with.iter().map(|with| self.with(with, out)).collect::<Rewrite<Vec<_>>>()?;
        let literal = match &stmt.literal {
            Literal::Some(vars) => {
                self.own_names(stmt.at, vars)?;
                Literal::Some(vars.clone())
            }
            Literal::SomeIn { key, value, collection } => Literal::SomeIn {
                key: key.as_ref().map(|key| self.expr(key, &with, out)).transpose()?,
                value: self.expr(value, &with, out)?,
                collection: self.expr(collection, &with, out)?,
            },
            Literal::Expr(expr) => Literal::Expr(self.expr(expr, &with, out)?),
            Literal::Not(expr) => Literal::Not(self.negated(expr, &with, out)?),
            Literal::Every { key, value, domain, query } => {
                let domain = self.settle(domain, &with, out)?;
                self.scope.open();
                let mut bound = Vec::new();
                let key = key.as_ref().map(|key| self.element(stmt.at, key, &mut bound)).transpose()?;
                let value = self.element(stmt.at, value, &mut bound)?;
                bound.extend(self.query(query)?);
                self.scope.close();
                Literal::Every { key, value, domain, query: bound }
            }
        };
        out.push(Stmt { at: stmt.at, literal, with });
        Ok(())
    }

    /// The engine takes a variable of `every` in brackets for an unbound one, and `not xs[e]` is
    /// then never true: `e` becomes a variable of the body, `every` gets one of ours.
    fn element(&mut self, at: Pos, name: &str, bound: &mut Vec<Stmt>) -> Rewrite<String> {
        self.own_names(at, &[name.to_owned()])?;
        if name == "_" {
            return Ok(name.to_owned());
        }
        self.scope.declare(name);
        let ours = self.fresh();
        let sides = Box::new((Expr::var(at, name), Expr::var(at, &ours)));
        let literal = Literal::Expr(Expr { at, kind: Kind::Assign { op: Assign::Declare, sides } });
        bound.push(Stmt { at, literal, with: Vec::new() });
        Ok(ours)
    }

    fn fresh(&mut self) -> String {
        let name = format!("{RESERVED}{}", self.next);
        self.next = self.next.saturating_add(1);
        self.scope.declare(&name);
        name
    }

    /// An undefined replacement makes the statement undefined, negated or not. A name that may
    /// be a function's (a mock) stays: it has no value that could be bound.
    fn with(&mut self, with: &With, out: &mut Vec<Stmt>) -> Rewrite<With> {
        let replaces_input = root(&with.target) == Some("input");
        let may_be_function = !replaces_input
            && matches!(with.value.kind, Kind::Var(_) | Kind::Ref { .. })
            && root(&with.value) != Some("input");
        let value =
            if may_be_function { self.expr(&with.value, &[], out)? } else { self.settle(&with.value, &[], out)? };
        Ok(With { target: with.target.clone(), value })
    }

    /// The expression itself where it cannot be undefined, else a variable bound to it before.
    fn settle(&mut self, expr: &Expr, with: &[With], out: &mut Vec<Stmt>) -> Rewrite<Expr> {
        let kind = match &expr.kind {
            Kind::Array(items) => Kind::Array(self.settle_all(items, with, out)?),
            Kind::Set(items) => Kind::Set(self.settle_all(items, with, out)?),
            Kind::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| Ok((self.settle(key, with, out)?, self.settle(value, with, out)?)));
                Kind::Object(fields.collect::<Rewrite<_>>()?)
            }
            Kind::Scalar(_) | Kind::Text(_) => expr.kind.clone(),
            Kind::Var(name) if self.scope.declares(name) => expr.kind.clone(),
            Kind::Var(_)
            | Kind::Compr(_)
            | Kind::Call { .. }
            | Kind::Ref { .. }
            | Kind::Infix { .. }
            | Kind::Assign { .. }
            | Kind::Member { .. } => {
                let value = self.expr(expr, with, out)?;
                return Ok(self.hoist(value, with, out));
            }
        };
        Ok(Expr { at: expr.at, kind })
    }

    fn settle_all(&mut self, exprs: &[Expr], with: &[With], out: &mut Vec<Stmt>) -> Rewrite<Vec<Expr>> {
        exprs.iter().map(|expr| self.settle(expr, with, out)).collect()
    }

    /// Rewrites what is inside an expression that keeps its place.
    fn expr(&mut self, expr: &Expr, with: &[With], out: &mut Vec<Stmt>) -> Rewrite<Expr> {
        let kind = match &expr.kind {
            Kind::Scalar(_) | Kind::Text(_) => expr.kind.clone(),
            Kind::Var(name) => {
                self.own_names(expr.at, std::slice::from_ref(name))?;
                expr.kind.clone()
            }
            Kind::Array(items) => Kind::Array(self.exprs(items, with, out)?),
            Kind::Set(items) => Kind::Set(self.exprs(items, with, out)?),
            Kind::Object(fields) => {
                let fields =
                    fields.iter().map(|(key, value)| Ok((self.expr(key, with, out)?, self.expr(value, with, out)?)));
                Kind::Object(fields.collect::<Rewrite<_>>()?)
            }
            Kind::Compr(compr) => Kind::Compr(Box::new(self.compr(compr)?)),
            Kind::Call { name, args } => Kind::Call { name: name.clone(), args: self.exprs(args, with, out)? },
            Kind::Ref { base, steps } => {
                let base = Box::new(self.expr(base, with, out)?);
                let steps = steps.iter().map(|step| match step {
                    Step::Field(name) => Ok(Step::Field(name.clone())),
                    Step::Index(index) => self.expr(index, with, out).map(Step::Index),
                });
                Kind::Ref { base, steps: steps.collect::<Rewrite<_>>()? }
            }
            Kind::Infix { op, sides } => Kind::Infix {
                op: *op,
                sides: Box::new((self.expr(&sides.0, with, out)?, self.expr(&sides.1, with, out)?)),
            },
            Kind::Assign { op, sides } => {
                let (target, value) = (self.expr(&sides.0, with, out)?, self.expr(&sides.1, with, out)?);
                let pattern = matches!(value.kind, Kind::Array(_) | Kind::Set(_) | Kind::Object(_));
                let value = if pattern && *op == Assign::Declare && target.as_var().is_some() {
                    first_of(value)
                } else {
                    value
                };
                Kind::Assign { op: *op, sides: Box::new((target, value)) }
            }
            Kind::Member { key, value, collection } => self.member(key.as_deref(), value, collection, with, out)?,
        };
        Ok(Expr { at: expr.at, kind })
    }

    /// `value in collection` or `key, value in collection`. The engine finds an undefined value under
    /// an undefined key, and in a set nothing under any key: our own function does that instead.
    fn member(
        &mut self,
        key: Option<&Expr>,
        value: &Expr,
        collection: &Expr,
        with: &[With],
        out: &mut Vec<Stmt>,
    ) -> Rewrite<Kind> {
        let key = key.map(|key| self.settle(key, with, out)).transpose()?;
        let value = self.settle(value, with, out)?;
        let collection = self.settle(collection, with, out)?;
        let Some(key) = key else {
            return Ok(Kind::Member { key: None, value: Box::new(value), collection: Box::new(collection) });
        };
        let at = key.at;
        let base = Box::new(Expr::var(at, "internal"));
        let name = Kind::Ref { base, steps: vec![Step::Field("member_3".to_owned())] };
        Ok(Kind::Call { name: Box::new(Expr { at, kind: name }), args: vec![key, value, collection] })
    }

    fn exprs(&mut self, exprs: &[Expr], with: &[With], out: &mut Vec<Stmt>) -> Rewrite<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr, with, out)).collect()
    }

    /// A comprehension's terms are its head, and move into its body likewise.
    fn compr(&mut self, compr: &Compr) -> Rewrite<Compr> {
        self.scope.open();
        self.scope.declare_query(&compr.query);
        let mut hoisted = Vec::new();
        let kind = match &compr.kind {
            ComprKind::Array(term) => ComprKind::Array(self.settle(term, &[], &mut hoisted)?),
            ComprKind::Set(term) => ComprKind::Set(self.settle(term, &[], &mut hoisted)?),
            ComprKind::Object(key, value) => {
                let key = self.settle(key, &[], &mut hoisted)?;
                ComprKind::Object(key, self.settle(value, &[], &mut hoisted)?)
            }
        };
        self.scope.close();
        let mut query = self.query(&compr.query)?;
        query.append(&mut hoisted);
        Ok(Compr { kind, query })
    }

    fn own_names(&self, at: Pos, names: &[String]) -> Rewrite<()> {
        match names.iter().find(|name| name.starts_with(RESERVED)) {
            Some(name) => self.fail(at, Problem::ReservedName { name: name.clone(), prefix: RESERVED }),
            None => Ok(()),
        }
    }
}

/// `[value][0]`. To the engine `x := [a]` is a pattern that may bind `a`, and it may bind `x` too
/// late for that; `x := [[a]][0]` is not.
fn first_of(value: Expr) -> Expr {
    let at = value.at;
    let first = Step::Index(Expr { at, kind: Kind::Scalar("0".to_owned()) });
    let base = Box::new(Expr { at, kind: Kind::Array(vec![value]) });
    Expr { at, kind: Kind::Ref { base, steps: vec![first] } }
}

fn computed_keys(module: &Module) -> HashSet<String> {
    let names = module.rules.iter().filter_map(|rule| match (&rule.head.kind, &rule.head.name.kind) {
        (HeadKind::Value(_), Kind::Ref { base, steps }) => match steps.as_slice() {
            [Step::Index(index)] if !matches!(index.kind, Kind::Text(_)) => base.as_var().map(str::to_owned),
            _ => None,
        },
        _ => None,
    });
    names.collect()
}

/// `if {a | b}`: the engine takes it for a set, OPA for a body.
fn ambiguous(kind: &Kind) -> bool {
    if let Kind::Compr(compr) = kind {
        return !matches!(compr.kind, ComprKind::Array(_));
    }
    matches!(kind, Kind::Set(_) | Kind::Object(_))
}

/// The first name of a reference.
fn root(expr: &Expr) -> Option<&str> {
    if let Kind::Ref { base, .. } = &expr.kind { root(base) } else { expr.as_var() }
}
