//! Conditions that hold whatever the rows are. Only literals are looked at, and every one that is stays in the
//! shape; what depends on a column, beside `id = id` and `name LIKE '%'`, is open. `id = id` counts as true,
//! although it is NULL where `id` is.

#![expect(clippy::wildcard_enum_match_arm, reason = "the last arm is open")]

use std::cmp::Ordering;

use sqlparser::ast::{BinaryOperator, CaseWhen, DataType, Expr, UnaryOperator, Value, ValueWithSpan};

use super::call::plain_call;
pub(super) use super::constant::boolean;
use super::constant::{Constant, Number, is_like};
use super::facts::Walker;
use super::names;
use crate::parse::sql::skeleton;

/// What is known of a condition without looking at a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Null,
    /// It depends on the row, or cannot be told.
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// IS NOT DISTINCT FROM.
    Same,
    /// IS DISTINCT FROM.
    Differs,
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Null | Self::Open => self,
        }
    }

    fn not_if(self, negated: bool) -> Self {
        if negated { self.not() } else { self }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Open, _) | (_, Self::Open) => Self::Open,
            (Self::Null, _) | (_, Self::Null) => Self::Null,
            (Self::False, Self::False) => Self::False,
        }
    }

    fn and(self, other: Self) -> Self {
        self.not().or(other.not()).not()
    }

    /// `IS TRUE` and the like.
    fn is(self, wanted: Self) -> Self {
        match self {
            Self::Open => Self::Open,
            Self::True | Self::False | Self::Null => Self::from(self == wanted),
        }
    }

    fn value(self) -> Option<Constant> {
        match self {
            Self::True => Some(Constant::Bool(true)),
            Self::False => Some(Constant::Bool(false)),
            Self::Null => Some(Constant::Null),
            Self::Open => None,
        }
    }
}

impl Comparison {
    fn of(op: &BinaryOperator) -> Option<Self> {
        Some(match op {
            BinaryOperator::Eq => Self::Equal,
            BinaryOperator::NotEq => Self::NotEqual,
            BinaryOperator::Lt => Self::Less,
            BinaryOperator::LtEq => Self::LessOrEqual,
            BinaryOperator::Gt => Self::Greater,
            BinaryOperator::GtEq => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    pub(super) fn holds(self, ordering: Ordering) -> Truth {
        Truth::from(match self {
            Self::Equal | Self::Same => ordering.is_eq(),
            Self::NotEqual | Self::Differs => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

impl Walker<'_> {
    /// Chains of AND and OR are thousands deep on the left, so they are unrolled.
    pub(super) fn truth(&mut self, expr: &Expr) -> Truth {
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
            truth = if *op == BinaryOperator::Or { truth.or(right) } else { truth.and(right) };
        }
        truth
    }

    fn condition(&mut self, expr: &Expr) -> Truth {
        // Nothing nests deeper than the parser allows but what is written behind its operand, as in
        // `true IS TRUE IS TRUE`.
        if self.folded >= DEEPEST {
            return Truth::Open;
        }
        self.folded = self.folded.saturating_add(1);
        let truth = self.shallow(expr);
        self.folded = self.folded.saturating_sub(1);
        truth
    }

    fn shallow(&mut self, expr: &Expr) -> Truth {
        match expr {
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.truth(expr).not(),
            Expr::IsTrue(inner) => self.truth(inner).is(Truth::True),
            Expr::IsNotTrue(inner) => self.truth(inner).is(Truth::True).not(),
            Expr::IsFalse(inner) => self.truth(inner).is(Truth::False),
            Expr::IsNotFalse(inner) => self.truth(inner).is(Truth::False).not(),
            Expr::IsUnknown(inner) => self.truth(inner).is(Truth::Null),
            Expr::IsNotUnknown(inner) => self.truth(inner).is(Truth::Null).not(),
            Expr::IsNull(inner) => self.is_null(inner),
            Expr::IsNotNull(inner) => self.is_null(inner).not(),
            Expr::IsNotDistinctFrom(left, right) => self.compared(left, Comparison::Same, right),
            Expr::IsDistinctFrom(left, right) => self.compared(left, Comparison::Differs, right),
            Expr::BinaryOp { left, op, right } => match Comparison::of(op) {
                Some(comparison) => self.compared(left, comparison, right),
                None => Truth::Open,
            },
            Expr::InList { expr, list, negated } => {
                self.any(expr, Comparison::Equal, list).unwrap_or(Truth::False).not_if(*negated)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } => match (Comparison::of(compare_op), right.as_ref()) {
                (Some(comparison), Expr::Array(array)) => {
                    self.any(left, comparison, &array.elem).unwrap_or(Truth::False)
                }
                _ => Truth::Open,
            },
            Expr::Between { expr, negated, low, high } => self.between(expr, low, high).not_if(*negated),
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, false).not_if(*negated)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, true).not_if(*negated)
            }
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Cast { expr, data_type: DataType::Bool | DataType::Boolean, .. } if !is_foldable(expr, 0) => {
                self.truth(expr)
            }
            other if is_foldable(other, 0) => self.constant(other).map_or(Truth::Open, |constant| constant.truth()),
            _ => Truth::Open,
        }
    }

    fn between(&mut self, expr: &Expr, low: &Expr, high: &Expr) -> Truth {
        // Bounds the wrong way round may be SYMMETRIC.
        if is_foldable(expr, 0) && self.compared(low, Comparison::LessOrEqual, high) == Truth::False {
            return Truth::Open;
        }
        let above = self.compared(expr, Comparison::GreaterOrEqual, low);
        above.and(self.compared(expr, Comparison::LessOrEqual, high))
    }

    fn case(&mut self, operand: Option<&Expr>, conditions: &[CaseWhen], otherwise: Option<&Expr>) -> Truth {
        let mut outcomes = Vec::new();
        for when in conditions {
            match self.applies(operand, when) {
                Truth::True => {
                    outcomes.push(self.truth(&when.result));
                    return alike(&outcomes);
                }
                Truth::False | Truth::Null => {}
                Truth::Open => outcomes.push(self.truth(&when.result)),
            }
        }
        outcomes.push(otherwise.map_or(Truth::Null, |result| self.truth(result)));
        alike(&outcomes)
    }

    fn applies(&mut self, operand: Option<&Expr>, when: &CaseWhen) -> Truth {
        match operand {
            Some(operand) => self.compared(operand, Comparison::Equal, &when.condition),
            None => self.truth(&when.condition),
        }
    }

    /// Whether one of the elements compares so; `None` without one.
    fn any(&mut self, expr: &Expr, comparison: Comparison, list: &[Expr]) -> Option<Truth> {
        list.iter().map(|item| self.compared(expr, comparison, item)).reduce(Truth::or)
    }

    fn is_null(&mut self, expr: &Expr) -> Truth {
        if !is_foldable(expr, 0) {
            return Truth::Open;
        }
        match self.constant(expr) {
            Some(Constant::Null) => Truth::True,
            Some(Constant::Bool(_) | Constant::Number(_) | Constant::Text(_)) => Truth::False,
            // A parameter may be anything.
            Some(Constant::Itself(_)) | None => Truth::Open,
        }
    }

    fn compared(&mut self, left: &Expr, comparison: Comparison, right: &Expr) -> Truth {
        let (left, right) = (bare(left), bare(right));
        if let (Some(ones), Some(others)) = (members(left), members(right)) {
            return self.rows(&ones, comparison, &others);
        }
        if let (Some(one), Some(other)) = (column(left), column(right)) {
            let same = one == other || one.last() == other.last() && (one.len() == 1 || other.len() == 1);
            return if same { comparison.holds(Ordering::Equal) } else { Truth::Open };
        }
        // A literal beside a column says nothing, and so need not stay in the shape.
        if !is_foldable(left, 0) || !is_foldable(right, 0) {
            return Truth::Open;
        }
        match (self.constant(left), self.constant(right)) {
            (Some(one), Some(other)) => one.compare(comparison, &other),
            (_, _) => Truth::Open,
        }
    }

    fn rows(&mut self, ones: &[&Expr], comparison: Comparison, others: &[&Expr]) -> Truth {
        if ones.len() != others.len() {
            return Truth::Open;
        }
        let pairs = ones.iter().zip(others);
        match comparison {
            Comparison::Equal | Comparison::Same => {
                pairs.fold(Truth::True, |truth, (one, other)| truth.and(self.compared(one, comparison, other)))
            }
            Comparison::NotEqual | Comparison::Differs => {
                pairs.fold(Truth::False, |truth, (one, other)| truth.or(self.compared(one, comparison, other)))
            }
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                for (one, other) in pairs {
                    match self.compared(one, Comparison::Equal, other) {
                        Truth::True => {}
                        // The first two that differ decide.
                        Truth::False => return self.compared(one, comparison, other),
                        undecided @ (Truth::Null | Truth::Open) => return undecided,
                    }
                }
                comparison.holds(Ordering::Equal)
            }
        }
    }

    fn like(&mut self, expr: &Expr, pattern: &Expr, folded: bool) -> Truth {
        let (expr, pattern) = (bare(expr), bare(pattern));
        if is_foldable(expr, 0) && is_foldable(pattern, 0) {
            let (Some(Constant::Text(text)), Some(Constant::Text(pattern))) =
                (self.constant(expr), self.constant(pattern))
            else {
                return Truth::Open;
            };
            if !folded {
                return is_like(&text, &pattern).map_or(Truth::Open, Truth::from);
            }
            let plain = text.is_ascii() && pattern.is_ascii();
            let like = is_like(&text.to_ascii_lowercase(), &pattern.to_ascii_lowercase());
            return like.filter(|_| plain).map_or(Truth::Open, Truth::from);
        }
        match pattern {
            // No other pattern is looked at beside a column, so that they can differ in one shape.
            Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(text) if skeleton::is_any(text)) => {
                self.keep(value);
                Truth::True
            }
            _ => Truth::Open,
        }
    }

    /// What an expression of literals comes to. Every literal looked at stays.
    fn constant(&mut self, expr: &Expr) -> Option<Constant> {
        match bare(expr) {
            Expr::Value(value) => self.literal(value),
            Expr::TypedString(typed) => self.literal(&typed.value)?.cast(&typed.data_type),
            Expr::Cast { expr, data_type, .. } => self.constant(expr)?.cast(data_type),
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => self.constant(expr),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => self.constant(expr)?.negated(),
            Expr::BinaryOp { left, op, right } if sign(op).is_some() => {
                let (one, other) = (self.constant(left), self.constant(right));
                one?.computed(sign(op)?, &other?)
            }
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                let (one, other) = (self.constant(left), self.constant(right));
                one?.joined(&other?)
            }
            Expr::Function(function) => {
                for argument in plain_call(function, "coalesce")? {
                    match self.constant(argument)? {
                        Constant::Null => {}
                        value => return Some(value),
                    }
                }
                Some(Constant::Null)
            }
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                for when in conditions {
                    match self.applies(operand.as_deref(), when) {
                        Truth::True => return self.constant(&when.result),
                        Truth::False | Truth::Null => {}
                        Truth::Open => return None,
                    }
                }
                else_result.as_ref().map_or(Some(Constant::Null), |result| self.constant(result))
            }
            Expr::Tuple(_) => None,
            condition => self.truth(condition).value(),
        }
    }

    fn literal(&mut self, value: &ValueWithSpan) -> Option<Constant> {
        self.keep(value);
        match &value.value {
            Value::Null => Some(Constant::Null),
            Value::Boolean(truth) => Some(Constant::Bool(*truth)),
            Value::Number(number, _) => Number::parse(number).map(Constant::Number),
            Value::Placeholder(name) => Some(Constant::Itself(name.clone())),
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(Constant::Text(text.clone())),
            Value::DollarQuotedString(dollar) => Some(Constant::Text(dollar.value.clone())),
            _ => None,
        }
    }
}

/// What it comes to, whichever of them it is.
fn alike(outcomes: &[Truth]) -> Truth {
    let first = outcomes.first().copied().unwrap_or(Truth::Open);
    if outcomes.iter().all(|outcome| *outcome == first) { first } else { Truth::Open }
}

/// Whether an expression is made of literals and parameters alone. It does not look at what they say.
fn is_foldable(expr: &Expr, depth: usize) -> bool {
    let depth = depth.saturating_add(1);
    let is = |expr: &Expr| is_foldable(expr, depth);
    depth <= DEEPEST
        && match expr {
            Expr::Value(_) | Expr::TypedString(_) => true,
            Expr::Nested(inner)
            | Expr::Cast { expr: inner, .. }
            | Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus | UnaryOperator::Not, expr: inner }
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner) => is(inner),
            Expr::IsDistinctFrom(one, other) | Expr::IsNotDistinctFrom(one, other) => is(one) && is(other),
            Expr::BinaryOp { left, op, right } => {
                let known = sign(op).is_some()
                    || Comparison::of(op).is_some()
                    || matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat);
                known && is(left) && is(right)
            }
            Expr::InList { expr, list, negated: _ } => is(expr) && list.iter().all(is),
            Expr::Between { expr, negated: _, low, high } => is(expr) && is(low) && is(high),
            Expr::Like { expr, pattern, escape_char: None, .. }
            | Expr::ILike { expr, pattern, escape_char: None, .. } => is(expr) && is(pattern),
            Expr::Tuple(members) => members.iter().all(is),
            Expr::Case { operand, conditions, else_result, .. } => {
                operand.iter().chain(else_result).all(|part| is(part))
                    && conditions.iter().all(|when| is(&when.condition) && is(&when.result))
            }
            Expr::Function(function) => {
                plain_call(function, "coalesce").is_some_and(|arguments| arguments.into_iter().all(is))
            }
            _ => false,
        }
}

fn sign(op: &BinaryOperator) -> Option<char> {
    match op {
        BinaryOperator::Plus => Some('+'),
        BinaryOperator::Minus => Some('-'),
        BinaryOperator::Multiply => Some('*'),
        BinaryOperator::Divide => Some('/'),
        BinaryOperator::Modulo => Some('%'),
        _ => None,
    }
}

fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The members of a row.
fn members(expr: &Expr) -> Option<Vec<&Expr>> {
    match expr {
        Expr::Tuple(members) => Some(members.iter().collect()),
        Expr::Function(function) => plain_call(function, "row"),
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![names::label(ident)]),
        Expr::CompoundIdentifier(idents) => Some(idents.iter().map(names::label).collect()),
        Expr::Cast { expr, .. } => column(bare(expr)),
        _ => None,
    }
}

/// Conditions inside of conditions that are followed.
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests;
