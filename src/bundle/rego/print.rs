//! Writes a module as Rego again. Every rule and statement starts on the line it has in the
//! author's file, so the engine's messages and coverage speak of that file.

use super::ast::{
    Assign, Body, Compr, ComprKind, Expr, Head, HeadKind, Infix, Kind, Literal, Module, Pos, Rule, Step, Stmt,
};

/// The text of `module`. Comments are gone.
pub(super) fn print(module: &Module) -> String {
    let mut printer = Printer { text: String::new(), line: 1 };
    printer.module(module);
    printer.text
}

struct Printer {
    text: String,
    line: u32,
}

/// How tightly an expression binds; looser ones get parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Any,
    Comparison,
    Union,
    Intersection,
    Sum,
    Product,
    Term,
}

impl Level {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Assign { .. } | Kind::Member { .. } => Self::Any,
            Kind::Infix { op, .. } => match op {
                Infix::Lt | Infix::Le | Infix::Eq | Infix::Ge | Infix::Gt | Infix::Ne => Self::Comparison,
                Infix::Union => Self::Union,
                Infix::Intersection => Self::Intersection,
                Infix::Add | Infix::Sub => Self::Sum,
                Infix::Mul | Infix::Div | Infix::Mod => Self::Product,
            },
            Kind::Scalar(_)
            | Kind::Text(_)
            | Kind::Var(_)
            | Kind::Array(_)
            | Kind::Set(_)
            | Kind::Object(_)
            | Kind::Compr(_)
            | Kind::Call { .. }
            | Kind::Ref { .. } => Self::Term,
        }
    }

    /// What the right side of an operator of this level must be at least.
    fn tighter(self) -> Self {
        match self {
            Self::Any => Self::Comparison,
            Self::Comparison => Self::Union,
            Self::Union => Self::Intersection,
            Self::Intersection => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product | Self::Term => Self::Term,
        }
    }
}

impl Printer {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Goes down to a line; never up.
    fn down_to(&mut self, at: Pos) {
        while self.line < at.line {
            self.text.push('\n');
            self.line = self.line.saturating_add(1);
        }
    }

    fn module(&mut self, module: &Module) {
        self.down_to(module.at);
        self.put("package ");
        self.path(&module.package);
        for import in &module.imports {
            self.down_to(import.at);
            self.put(" import ");
            self.path(&import.path);
            if let Some(alias) = &import.alias {
                self.put(" as ");
                self.put(alias);
            }
        }
        for rule in &module.rules {
            self.down_to(rule.at);
            self.put(" ");
            self.rule(rule);
        }
        self.put("\n");
    }

    fn path(&mut self, path: &[String]) {
        for (index, part) in path.iter().enumerate() {
            if index == 0 {
                self.put(part);
            } else if is_name(part) {
                self.put(".");
                self.put(part);
            } else {
                self.put("[");
                self.string(part);
                self.put("]");
            }
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.head(&rule.head);
        for body in &rule.bodies {
            self.body(body);
        }
    }

    fn head(&mut self, head: &Head) {
        if matches!(head.kind, HeadKind::Default { .. }) {
            self.put("default ");
        }
        self.expr(&head.name, Level::Term);
        match &head.kind {
            HeadKind::Default { args, value } => {
                if let Some(args) = args {
                    self.list("(", args, ")");
                }
                self.put(" := ");
                self.expr(value, Level::Term);
            }
            HeadKind::Value(value) => self.value(value.as_ref()),
            HeadKind::Member(member) => {
                self.put(" contains ");
                self.expr(member, Level::Any);
            }
            HeadKind::Function { args, value } => {
                self.list("(", args, ")");
                self.value(value.as_ref());
            }
        }
    }

    fn value(&mut self, value: Option<&Expr>) {
        if let Some(value) = value {
            self.put(" := ");
            self.expr(value, Level::Any);
        }
    }

    fn body(&mut self, body: &Body) {
        self.down_to(body.at);
        if body.otherwise {
            self.put(" else");
            self.value(body.value.as_ref());
        }
        if body.query.is_empty() {
            return;
        }
        self.put(" if {");
        self.query(&body.query);
        self.put("}");
    }

    fn query(&mut self, query: &[Stmt]) {
        for (index, stmt) in query.iter().enumerate() {
            if index > 0 {
                self.put(";");
            }
            self.down_to(stmt.at);
            self.put(" ");
            self.literal(&stmt.literal);
            for with in &stmt.with {
                self.put(" with ");
                self.expr(&with.target, Level::Term);
                self.put(" as ");
                self.expr(&with.value, Level::Comparison);
            }
        }
        self.put(" ");
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Some(vars) => {
                self.put("some ");
                self.put(&vars.join(", "));
            }
            Literal::SomeIn { key, value, collection } => {
                self.put("some ");
                if let Some(key) = key {
                    self.expr(key, Level::Term);
                    self.put(", ");
                }
                self.expr(value, Level::Term);
                self.put(" in ");
                self.expr(collection, Level::Comparison);
            }
            Literal::Expr(expr) => self.statement(expr),
            Literal::Not(expr) => {
                self.put("not ");
                self.statement(expr);
            }
            Literal::Every { key, value, domain, query } => {
                self.put("every ");
                if let Some(key) = key {
                    self.put(key);
                    self.put(", ");
                }
                self.put(value);
                self.put(" in ");
                self.expr(domain, Level::Comparison);
                self.put(" {");
                self.query(query);
                self.put("}");
            }
        }
    }

    /// An assignment is only possible here.
    fn statement(&mut self, expr: &Expr) {
        if let Kind::Assign { op, sides } = &expr.kind {
            self.expr(&sides.0, Level::Term);
            self.put(match op {
                Assign::Unify => " = ",
                Assign::Declare => " := ",
            });
            self.expr(&sides.1, Level::Any);
        } else {
            self.expr(expr, Level::Any);
        }
    }

    fn expr(&mut self, expr: &Expr, at_least: Level) {
        let level = Level::of(&expr.kind);
        if level < at_least {
            self.put("(");
            self.kind(&expr.kind, level);
            self.put(")");
        } else {
            self.kind(&expr.kind, level);
        }
    }

    fn kind(&mut self, kind: &Kind, level: Level) {
        match kind {
            Kind::Scalar(text) | Kind::Var(text) => self.put(text),
            Kind::Text(text) => self.string(text),
            Kind::Array(items) => self.list("[", items, "]"),
            Kind::Set(items) if items.is_empty() => self.put("set()"),
            Kind::Set(items) => self.list("{", items, "}"),
            Kind::Object(fields) => {
                self.put("{");
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        self.put(", ");
                    }
                    self.item(key);
                    self.put(": ");
                    self.item(value);
                }
                self.put("}");
            }
            Kind::Compr(compr) => self.compr(compr),
            Kind::Call { name, args } => {
                self.expr(name, Level::Term);
                self.list("(", args, ")");
            }
            Kind::Ref { base, steps } => {
                self.expr(base, Level::Term);
                for step in steps {
                    self.step(step);
                }
            }
            Kind::Infix { op, sides } => {
                // Comparisons do not chain in OPA: a compared comparison is always in parentheses.
                let left = if level == Level::Comparison { level.tighter() } else { level };
                self.expr(&sides.0, left);
                self.put(" ");
                self.put(op.text());
                self.put(" ");
                self.expr(&sides.1, level.tighter());
            }
            Kind::Assign { sides, .. } => {
                self.expr(&sides.0, Level::Term);
                self.put(" = ");
                self.expr(&sides.1, Level::Any);
            }
            Kind::Member { key, value, collection } => {
                if let Some(key) = key {
                    self.expr(key, Level::Comparison);
                    self.put(", ");
                }
                self.expr(value, Level::Comparison);
                self.put(" in ");
                self.expr(collection, Level::Comparison);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Field(name) => {
                self.put(".");
                self.put(name);
            }
            Step::Index(index) => {
                self.put("[");
                self.item(index);
                self.put("]");
            }
        }
    }

    fn compr(&mut self, compr: &Compr) {
        let close = match &compr.kind {
            ComprKind::Array(term) => {
                self.put("[");
                self.expr(term, Level::Term);
                "]"
            }
            ComprKind::Set(term) => {
                self.put("{");
                self.expr(term, Level::Term);
                "}"
            }
            ComprKind::Object(key, value) => {
                self.put("{");
                self.expr(key, Level::Term);
                self.put(": ");
                self.expr(value, Level::Term);
                "}"
            }
        };
        self.put(" |");
        self.query(&compr.query);
        self.put(close);
    }

    fn list(&mut self, open: &str, items: &[Expr], close: &str) {
        self.put(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            self.item(item);
        }
        self.put(close);
    }

    /// Inside brackets a bare `|` would begin a comprehension.
    fn item(&mut self, item: &Expr) {
        self.expr(item, Level::Intersection);
    }

    /// As a JSON string, which Rego reads alike; a raw string's line breaks must not move lines.
    fn string(&mut self, text: &str) {
        self.put(&serde_json::Value::from(text).to_string());
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
