//! Reads one file with the engine's own parser and turns its tree into ours.

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::Deref;

use regorus::PolicyLengthConfig;
use regorus::unstable as rego;

use super::ast::{
    Assign, Body, Compr, ComprKind, Expr, Head, HeadKind, Import, Infix, Kind, Literal, Module, Pos, Rule, Step, Stmt,
    With,
};
use super::error::{Problem, RegoError};

/// Beyond it a tree is refused: everything after the parser walks it recursively.
const MAX_DEPTH: usize = 96;

/// Length limits for every engine that is given text of ours: rewriting makes lines longer.
pub(in crate::bundle) fn length_limits() -> PolicyLengthConfig {
    PolicyLengthConfig {
        max_col: NonZeroU32::MAX,
        max_file_bytes: NonZeroUsize::MIN.saturating_add(8 * 1024 * 1024),
        max_lines: NonZeroUsize::MIN.saturating_add(100_000),
    }
}

/// Parses `source` and nothing else: no rewriting, no lints.
pub(super) fn parse(file: &str, source: &str) -> Result<Module, RegoError> {
    let mut engine = regorus::Engine::new();
    engine.set_policy_length_config(length_limits());
    engine.add_policy(file.to_owned(), source.to_owned()).map_err(|error| syntax(file, &error.to_string()))?;
    let Some(module) = engine.get_modules().first().cloned() else {
        return Err(RegoError::at(file, Pos::default(), Problem::Syntax { message: "no module was read".to_owned() }));
    };
    Reader { file, depth: 0 }.module(&module)
}

/// The engine's parser reports `--> file:line:column`, an excerpt, then `error: message`.
fn syntax(file: &str, text: &str) -> RegoError {
    let pos = text
        .split_once(&format!("--> {file}:"))
        .and_then(|(_, rest)| rest.lines().next())
        .and_then(|place| place.split_once(':'))
        .and_then(|(line, column)| Some(Pos { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? }))
        .unwrap_or_default();
    let message = text.rsplit_once("error:").map_or(text, |(_, message)| message);
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    RegoError::at(file, pos, Problem::Syntax { message })
}

struct Reader<'a> {
    file: &'a str,
    depth: usize,
}

type Read<T> = Result<T, RegoError>;

fn pos(span: &rego::Span) -> Pos {
    Pos { line: span.line, column: span.col }
}

impl Reader<'_> {
    fn fail<T>(&self, at: Pos, problem: Problem) -> Read<T> {
        Err(RegoError::at(self.file, at, problem))
    }

    fn module(&mut self, module: &rego::Module) -> Read<Module> {
        if module.target.is_some() {
            return self.fail(pos(&module.package.span), Problem::Unsupported { what: "`__target__`" });
        }
        Ok(Module {
            file: self.file.to_owned(),
            at: pos(&module.package.span),
            shipped: false,
            package: self.path(&module.package.refr)?,
            imports: module.imports.iter().map(|import| self.import(import)).collect::<Read<_>>()?,
            rules: module.policy.iter().map(|rule| self.rule(rule)).collect::<Read<_>>()?,
        })
    }

    fn path(&mut self, expr: &rego::Expr) -> Read<Vec<String>> {
        let at = pos(expr.span());
        let (path, whole) = super::ast::static_path(&self.expr(expr)?);
        if whole { Ok(path) } else { self.fail(at, Problem::Unsupported { what: "a computed package or import path" }) }
    }

    fn import(&mut self, import: &rego::Import) -> Read<Import> {
        Ok(Import {
            at: pos(&import.span),
            path: self.path(&import.refr)?,
            alias: import.r#as.as_ref().map(|span| span.text().to_owned()),
        })
    }

    fn rule(&mut self, rule: &rego::Rule) -> Read<Rule> {
        match rule {
            rego::Rule::Default { span, refr, args, value, .. } => {
                let args = self.exprs(args)?;
                let args = if args.is_empty() { None } else { Some(args) };
                let head = Head { name: self.expr(refr)?, kind: HeadKind::Default { args, value: self.expr(value)? } };
                Ok(Rule { at: pos(span), head, bodies: Vec::new() })
            }
            rego::Rule::Spec { span, head, bodies } => Ok(Rule {
                at: pos(span),
                head: self.head(head)?,
                bodies: bodies.iter().map(|body| self.body(body)).collect::<Read<_>>()?,
            }),
        }
    }

    fn head(&mut self, head: &rego::RuleHead) -> Read<Head> {
        let (name, kind) = match head {
            rego::RuleHead::Compr { refr, assign, .. } => (refr, HeadKind::Value(self.value(assign.as_ref())?)),
            rego::RuleHead::Set { refr, key: Some(key), .. } => (refr, HeadKind::Member(self.expr(key)?)),
            rego::RuleHead::Set { span, key: None, .. } => {
                return self.fail(pos(span), Problem::Unsupported { what: "a rule with neither value nor body" });
            }
            rego::RuleHead::Func { refr, args, assign, .. } => {
                (refr, HeadKind::Function { args: self.exprs(args)?, value: self.value(assign.as_ref())? })
            }
        };
        Ok(Head { name: self.expr(name)?, kind })
    }

    fn value(&mut self, assign: Option<&rego::RuleAssign>) -> Read<Option<Expr>> {
        assign.map(|assign| self.expr(&assign.value)).transpose()
    }

    fn body(&mut self, body: &rego::RuleBody) -> Read<Body> {
        Ok(Body {
            at: pos(&body.span),
            otherwise: body.is_else,
            value: self.value(body.assign.as_ref())?,
            query: self.query(&body.query)?,
        })
    }

    fn query(&mut self, query: &rego::Query) -> Read<Vec<Stmt>> {
        query.stmts.iter().map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&mut self, stmt: &rego::LiteralStmt) -> Read<Stmt> {
        self.deeper(pos(&stmt.span), |reader| {
            let literal = reader.literal(&stmt.literal)?;
            let with = stmt
                .with_mods
                .iter()
                .map(|with| Ok(With { target: reader.expr(&with.refr)?, value: reader.expr(&with.r#as)? }));
            Ok(Stmt { at: pos(&stmt.span), literal, with: with.collect::<Read<_>>()? })
        })
    }

    fn literal(&mut self, literal: &rego::Literal) -> Read<Literal> {
        Ok(match literal {
            rego::Literal::SomeVars { vars, .. } => {
                Literal::Some(vars.iter().map(|span| span.text().to_owned()).collect())
            }
            rego::Literal::SomeIn { key, value, collection, .. } => Literal::SomeIn {
                key: key.as_ref().map(|key| self.expr(key)).transpose()?,
                value: self.expr(value)?,
                collection: self.expr(collection)?,
            },
            rego::Literal::Expr { expr, .. } => Literal::Expr(self.expr(expr)?),
            rego::Literal::NotExpr { expr, .. } => Literal::Not(self.expr(expr)?),
            rego::Literal::Every { key, value, domain, query, .. } => Literal::Every {
                key: key.as_ref().map(|span| span.text().to_owned()),
                value: value.text().to_owned(),
                domain: self.expr(domain)?,
                query: self.query(query)?,
            },
        })
    }

    fn deeper<T>(&mut self, at: Pos, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= MAX_DEPTH {
            return self.fail(at, Problem::TooDeep { limit: MAX_DEPTH });
        }
        self.depth = self.depth.saturating_add(1);
        let result = read(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn exprs<T: Deref<Target = rego::Expr>>(&mut self, exprs: &[T]) -> Read<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn boxed(&mut self, expr: &rego::Expr) -> Read<Box<Expr>> {
        self.expr(expr).map(Box::new)
    }

    fn expr(&mut self, expr: &rego::Expr) -> Read<Expr> {
        let at = pos(expr.span());
        let kind = self.deeper(at, |reader| reader.kind(expr))?;
        Ok(Expr { at: start(at, &kind), kind })
    }

    fn kind(&mut self, expr: &rego::Expr) -> Read<Kind> {
        Ok(match expr {
            rego::Expr::String { value, span, .. } | rego::Expr::RawString { value, span, .. } => {
                match value.as_string() {
                    Ok(text) => Kind::Text(text.to_string()),
                    Err(_) => return self.fail(pos(span), Problem::Unsupported { what: "this string" }),
                }
            }
            rego::Expr::Number { span, .. } | rego::Expr::Bool { span, .. } | rego::Expr::Null { span, .. } => {
                Kind::Scalar(span.text().to_owned())
            }
            rego::Expr::Var { span, .. } => Kind::Var(span.text().to_owned()),
            rego::Expr::Array { items, .. } => Kind::Array(self.exprs(items)?),
            rego::Expr::Set { items, .. } => Kind::Set(self.exprs(items)?),
            rego::Expr::Object { fields, .. } => {
                let fields = fields.iter().map(|(_, key, value)| Ok((self.expr(key)?, self.expr(value)?)));
                Kind::Object(fields.collect::<Read<_>>()?)
            }
            rego::Expr::ArrayCompr { term, query, .. } => {
                self.compr(query, |reader| reader.expr(term).map(ComprKind::Array))?
            }
            rego::Expr::SetCompr { term, query, .. } => {
                self.compr(query, |reader| reader.expr(term).map(ComprKind::Set))?
            }
            rego::Expr::ObjectCompr { key, value, query, .. } => {
                self.compr(query, |reader| Ok(ComprKind::Object(reader.expr(key)?, reader.expr(value)?)))?
            }
            rego::Expr::Call { fcn, params, .. } => Kind::Call { name: self.boxed(fcn)?, args: self.exprs(params)? },
            rego::Expr::UnaryExpr { span, .. } => {
                return self.fail(
                    pos(span),
                    Problem::Unsupported { what: "`-` before anything but a number (write `0 - x`)" },
                );
            }
            rego::Expr::RefDot { .. } | rego::Expr::RefBrack { .. } => self.reference(expr)?,
            rego::Expr::BinExpr { op, lhs, rhs, .. } => self.infix(set_operator(op), lhs, rhs)?,
            rego::Expr::BoolExpr { op, lhs, rhs, .. } => self.infix(comparison(op), lhs, rhs)?,
            rego::Expr::ArithExpr { op, lhs, rhs, .. } => self.infix(arithmetic(op), lhs, rhs)?,
            rego::Expr::AssignExpr { op, lhs, rhs, .. } => {
                let op = match op {
                    rego::AssignOp::Eq => Assign::Unify,
                    rego::AssignOp::ColEq => Assign::Declare,
                };
                Kind::Assign { op, sides: Box::new((self.expr(lhs)?, self.expr(rhs)?)) }
            }
            rego::Expr::Membership { key, value, collection, .. } => Kind::Member {
                key: key.as_ref().map(|key| self.boxed(key)).transpose()?,
                value: self.boxed(value)?,
                collection: self.boxed(collection)?,
            },
        })
    }

    fn compr(&mut self, query: &rego::Query, term: impl FnOnce(&mut Self) -> Read<ComprKind>) -> Read<Kind> {
        let kind = term(self)?;
        Ok(Kind::Compr(Box::new(Compr { kind, query: self.query(query)? })))
    }

    fn infix(&mut self, op: Infix, lhs: &rego::Expr, rhs: &rego::Expr) -> Read<Kind> {
        Ok(Kind::Infix { op, sides: Box::new((self.expr(lhs)?, self.expr(rhs)?)) })
    }

    /// References are a left-deep chain in the engine's tree, as long as the author likes: a loop.
    fn reference(&mut self, expr: &rego::Expr) -> Read<Kind> {
        let (mut expr, mut steps) = (expr, Vec::new());
        loop {
            expr = if let rego::Expr::RefDot { refr, field, .. } = expr {
                steps.push(Step::Field(field.0.text().to_owned()));
                refr
            } else if let rego::Expr::RefBrack { refr, index, .. } = expr {
                steps.push(Step::Index(self.expr(index)?));
                refr
            } else {
                steps.reverse();
                return Ok(Kind::Ref { base: self.boxed(expr)?, steps });
            };
        }
    }
}

/// The engine gives some composite expressions the position of an operator; ours is where the text starts.
fn start(at: Pos, kind: &Kind) -> Pos {
    match kind {
        Kind::Infix { sides, .. } | Kind::Assign { sides, .. } => sides.0.at,
        Kind::Ref { base, .. } => base.at,
        Kind::Call { name, .. } => name.at,
        Kind::Member { key: Some(first), .. } | Kind::Member { key: None, value: first, .. } => first.at,
        Kind::Scalar(_)
        | Kind::Text(_)
        | Kind::Var(_)
        | Kind::Array(_)
        | Kind::Set(_)
        | Kind::Object(_)
        | Kind::Compr(_) => at,
    }
}

fn set_operator(op: &rego::BinOp) -> Infix {
    match op {
        rego::BinOp::Intersection => Infix::Intersection,
        rego::BinOp::Union => Infix::Union,
    }
}

fn comparison(op: &rego::BoolOp) -> Infix {
    match op {
        rego::BoolOp::Lt => Infix::Lt,
        rego::BoolOp::Le => Infix::Le,
        rego::BoolOp::Eq => Infix::Eq,
        rego::BoolOp::Ge => Infix::Ge,
        rego::BoolOp::Gt => Infix::Gt,
        rego::BoolOp::Ne => Infix::Ne,
    }
}

fn arithmetic(op: &rego::ArithOp) -> Infix {
    match op {
        rego::ArithOp::Add => Infix::Add,
        rego::ArithOp::Sub => Infix::Sub,
        rego::ArithOp::Mul => Infix::Mul,
        rego::ArithOp::Div => Infix::Div,
        rego::ArithOp::Mod => Infix::Mod,
    }
}
