//! WHERE clauses that are always true, and LIMIT.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{BinaryOperator, Expr, Fetch, LimitClause, UnaryOperator, Value, ValueWithSpan};

use super::columns::Place;
use super::facts::Walker;
use super::{Unread, Walk, absent, names, types};
use crate::parse::facts::{LimitKind, Use};

/// What is known of a condition without looking at a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    True,
    /// Never true: FALSE or NULL.
    Not,
    /// It depends on the row, or cannot be told.
    Open,
}

impl Walker<'_> {
    /// Notes the innermost entry's WHERE.
    pub(super) fn where_clause(&mut self, predicate: &Expr) {
        let tautology = self.truth(predicate) == Truth::True;
        if let Some(entry) = self.entry() {
            entry.has_where = true;
            entry.tautology |= tautology;
        }
    }

    /// Chains of AND and OR are thousands deep on the left, so they are unrolled.
    fn truth(&mut self, expr: &Expr) -> Truth {
        let (mut expr, mut chain) = (expr, Vec::new());
        loop {
            match expr {
                Expr::Nested(inner) => expr = inner,
                Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
                    chain.push((op, right.as_ref()));
                    expr = left;
                }
                _ => break,
            }
        }
        let mut truth = self.condition(expr);
        for (op, right) in chain.into_iter().rev() {
            let right = self.truth(right);
            truth = match (op, truth, right) {
                (BinaryOperator::Or, Truth::True, _) | (BinaryOperator::Or, _, Truth::True) => Truth::True,
                (BinaryOperator::Or, Truth::Not, other) | (BinaryOperator::Or, other, Truth::Not) => other,
                (BinaryOperator::And, Truth::Not, _) | (BinaryOperator::And, _, Truth::Not) => Truth::Not,
                (BinaryOperator::And, Truth::True, other) | (BinaryOperator::And, other, Truth::True) => other,
                (_, _, _) => Truth::Open,
            };
        }
        truth
    }

    fn condition(&mut self, expr: &Expr) -> Truth {
        match expr {
            Expr::Value(value) => {
                self.keep(value);
                match &value.value {
                    Value::Boolean(true) => Truth::True,
                    Value::SingleQuotedString(text) if is_true(text) => Truth::True,
                    Value::Boolean(false) | Value::Null | Value::SingleQuotedString(_) => Truth::Not,
                    _ => Truth::Open,
                }
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => match self.truth(expr) {
                // NOT NULL is NULL, and Not may be NULL: for a warning the safe side is true.
                Truth::Not => Truth::True,
                Truth::True => Truth::Not,
                Truth::Open => Truth::Open,
            },
            Expr::IsTrue(inner) | Expr::IsNotFalse(inner) => self.truth(inner),
            Expr::Cast { expr, .. } => self.truth(expr),
            Expr::IsNotNull(inner) => match constant(inner) {
                Some(value) => {
                    self.keep(value);
                    if value.value == Value::Null { Truth::Not } else { Truth::True }
                }
                None => Truth::Open,
            },
            Expr::IsNull(inner) => match constant(inner) {
                Some(value) => {
                    self.keep(value);
                    if value.value == Value::Null { Truth::True } else { Truth::Not }
                }
                None => Truth::Open,
            },
            Expr::BinaryOp { left, op, right } => self.comparison(left, op, right),
            Expr::IsNotDistinctFrom(left, right) => self.comparison(left, &BinaryOperator::Eq, right),
            Expr::IsDistinctFrom(left, right) => self.comparison(left, &BinaryOperator::NotEq, right),
            Expr::InList { expr, list, negated: false } => {
                let mut truth = Truth::Open;
                for item in list {
                    if self.comparison(expr, &BinaryOperator::Eq, item) == Truth::True {
                        truth = Truth::True;
                    }
                }
                truth
            }
            Expr::Between { expr, negated: false, low, high } => {
                let low = self.comparison(expr, &BinaryOperator::GtEq, low);
                let high = self.comparison(expr, &BinaryOperator::LtEq, high);
                if low == Truth::True && high == Truth::True { Truth::True } else { Truth::Open }
            }
            _ => Truth::Open,
        }
    }

    fn comparison(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Truth {
        let (left, right) = (bare(left), bare(right));
        let reflexive = matches!(op, BinaryOperator::Eq | BinaryOperator::LtEq | BinaryOperator::GtEq);
        if let (Some(one), Some(other)) = (column(left), column(right)) {
            let same = one == other || one.last() == other.last() && (one.len() == 1 || other.len() == 1);
            return if same && reflexive { Truth::True } else { Truth::Open };
        }
        // A literal beside a column says nothing, and so need not stay in the shape.
        if !foldable(left) || !foldable(right) {
            return Truth::Open;
        }
        let (Some(one), Some(other)) = (self.number_or_text(left), self.number_or_text(right)) else {
            return Truth::Open;
        };
        let ordering = match (&one, &other) {
            (Constant::Number(one), Constant::Number(other)) => one.partial_cmp(other),
            (Constant::Text(one), Constant::Text(other)) if one == other => Some(std::cmp::Ordering::Equal),
            (Constant::Same(one), Constant::Same(other)) if one == other => Some(std::cmp::Ordering::Equal),
            (Constant::Text(_), Constant::Text(_)) if *op == BinaryOperator::NotEq => return Truth::True,
            (_, _) => None,
        };
        let Some(ordering) = ordering else { return Truth::Open };
        let holds = match op {
            BinaryOperator::Eq => ordering.is_eq(),
            BinaryOperator::NotEq => ordering.is_ne(),
            BinaryOperator::Lt => ordering.is_lt(),
            BinaryOperator::LtEq => ordering.is_le(),
            BinaryOperator::Gt => ordering.is_gt(),
            BinaryOperator::GtEq => ordering.is_ge(),
            _ => return Truth::Open,
        };
        if holds { Truth::True } else { Truth::Not }
    }

    /// A literal's value, or a number that simple arithmetic gives. Every literal looked at stays.
    fn number_or_text(&mut self, expr: &Expr) -> Option<Constant> {
        match bare(expr) {
            Expr::Value(value) => match &value.value {
                Value::Placeholder(name) => Some(Constant::Same(name.clone())),
                Value::Number(number, _) => {
                    self.keep(value);
                    number.parse().ok().map(Constant::Number)
                }
                Value::Boolean(truth) => {
                    self.keep(value);
                    Some(Constant::Text(truth.to_string()))
                }
                other => {
                    let text = types::text(other)?.to_owned();
                    self.keep(value);
                    Some(Constant::Text(text))
                }
            },
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match self.number_or_text(expr)? {
                Constant::Number(number) => Some(Constant::Number(-number)),
                Constant::Text(_) | Constant::Same(_) => None,
            },
            Expr::BinaryOp { left, op, right } if arithmetic(op) => {
                let (Constant::Number(one), Constant::Number(other)) =
                    (self.number_or_text(left)?, self.number_or_text(right)?)
                else {
                    return None;
                };
                Some(Constant::Number(match op {
                    BinaryOperator::Plus => one + other,
                    BinaryOperator::Minus => one - other,
                    _ => one * other,
                }))
            }
            _ => None,
        }
    }

    /// LIMIT, OFFSET and FETCH FIRST; the statement's own are noted.
    pub(super) fn limit(&mut self, clause: Option<&LimitClause>, fetch: Option<&Fetch>, note: bool) -> Walk {
        let (mut limit, mut one_row) = (None, false);
        match clause {
            None => {}
            Some(LimitClause::LimitOffset { limit: rows, offset, limit_by }) => {
                absent(limit_by.is_empty(), "LIMIT BY")?;
                if let Some(offset) = offset {
                    self.keep_constant(&offset.value);
                    self.expression(&offset.value, Place::of(Use::Predicate))?;
                }
                limit = rows.as_ref();
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => return Err(Unread::new("LIMIT with a comma")),
        }
        if let Some(Fetch { with_ties, percent, quantity }) = fetch {
            absent(!percent && limit.is_none(), "FETCH FIRST … PERCENT")?;
            // WITH TIES may give more rows than it says.
            one_row = quantity.is_none() && !with_ties;
            limit = quantity.as_ref();
            if *with_ties {
                if let Some(quantity) = quantity {
                    self.keep_constant(quantity);
                    self.expression(quantity, Place::of(Use::Predicate))?;
                }
                self.note_limit(note, LimitKind::Expression, 0);
                return Ok(());
            }
        }
        let Some(limit) = limit else {
            if one_row {
                self.note_limit(note, LimitKind::Constant, 1);
            }
            return Ok(());
        };
        self.keep_constant(limit);
        self.expression(limit, Place::of(Use::Predicate))?;
        let (kind, rows) = match constant(limit).map(|value| &value.value) {
            Some(Value::Null) => (LimitKind::None, 0),
            Some(Value::Placeholder(_)) => (LimitKind::Parameter, 0),
            Some(Value::Number(number, _)) => match number.parse::<u64>() {
                Ok(rows) => (LimitKind::Constant, rows),
                Err(_) => (LimitKind::Expression, 0),
            },
            Some(_) | None => (LimitKind::Expression, 0),
        };
        self.note_limit(note, kind, rows);
        Ok(())
    }

    fn note_limit(&mut self, note: bool, kind: LimitKind, rows: u64) {
        if let Some(entry) = self.entry().filter(|_| note) {
            entry.limit_kind = kind;
            entry.limit = rows;
        }
    }
}

enum Constant {
    Number(f64),
    Text(String),
    Same(String),
}

/// Whether an expression is made of literals and parameters alone, a few operators deep.
fn foldable(expr: &Expr) -> bool {
    fn at(expr: &Expr, depth: usize) -> bool {
        match bare(expr) {
            Expr::Value(_) => true,
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => depth > 0 && at(expr, depth.saturating_sub(1)),
            Expr::BinaryOp { left, op, right } => {
                let depth = depth.checked_sub(1);
                arithmetic(op) && depth.is_some_and(|depth| at(left, depth) && at(right, depth))
            }
            _ => false,
        }
    }
    at(expr, 8)
}

fn arithmetic(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply)
}

fn bare(mut expr: &Expr) -> &Expr {
    loop {
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => expr = inner,
            other => return other,
        }
    }
}

fn constant(expr: &Expr) -> Option<&ValueWithSpan> {
    match bare(expr) {
        Expr::Value(value) => Some(value),
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![names::label(ident)]),
        Expr::CompoundIdentifier(idents) => Some(idents.iter().map(names::label).collect()),
        _ => None,
    }
}

fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1")
}
