//! Operators: PostgreSQL's own compute, any other is code that cannot be read.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{BinaryOperator, Expr, ObjectName, UnaryOperator};

use super::columns::Place;
use super::expression::{Left, Push};
use super::facts::Walker;
use super::foreign::foreign_operator;
use super::{Unread, Walk, absent};

impl Walker<'_> {
    /// An expression that is an operator and its operands.
    pub(super) fn operation<'e>(&mut self, expr: &'e Expr, place: Place, left: &mut Left<'e>) -> Walk {
        let whole = expr;
        match expr {
            Expr::BinaryOp { left: one, op, right } => {
                let place = self.binary(op, place)?;
                left.push_all([one.as_ref(), right], place)
            }
            Expr::UnaryOp { op, expr } => {
                let place = if *op == UnaryOperator::Not { place.compared() } else { place.inside() };
                self.unary(*op)?;
                left.push_one(expr, place)
            }
            Expr::AnyOp { left: one, compare_op, right, is_some: _ } | Expr::AllOp { left: one, compare_op, right } => {
                let place = self.binary(compare_op, place)?;
                left.push_all([one.as_ref(), right], place)
            }
            Expr::Like { negated, any: _, expr, pattern, escape_char }
            | Expr::ILike { negated, any: _, expr, pattern, escape_char } => {
                let folded = matches!(whole, Expr::ILike { .. });
                self.operator(match (negated, folded) {
                    (false, false) => "~~",
                    (true, false) => "!~~",
                    (false, true) => "~~*",
                    (true, true) => "!~~*",
                });
                if escape_char.is_some() {
                    self.builtin("like_escape");
                }
                left.push_all([expr.as_ref(), pattern], place.compared())?;
                left.push_all(escape_char.iter().map(AsRef::as_ref), place.compared())
            }
            Expr::SimilarTo { negated, expr, pattern, escape_char } => {
                self.operator(if *negated { "!~" } else { "~" });
                self.builtin("similar_to_escape");
                left.push_all([expr.as_ref(), pattern], place.compared())?;
                left.push_all(escape_char.iter().map(AsRef::as_ref), place.compared())
            }
            _ => Err(Unread::new("an operator of that kind")),
        }
    }

    fn binary(&mut self, op: &BinaryOperator, place: Place) -> Walk<Place> {
        match op {
            BinaryOperator::And | BinaryOperator::Or => Ok(place.compared()),
            comparison!() => {
                self.operator(&op.to_string());
                Ok(place.compared())
            }
            BinaryOperator::Overlaps => {
                self.builtin("overlaps");
                Ok(place.compared())
            }
            calculation!() => {
                self.operator(&op.to_string());
                Ok(place.inside())
            }
            BinaryOperator::Custom(name) => {
                self.named_operator(None, name);
                Ok(place.inside())
            }
            BinaryOperator::PGCustomBinaryOperator(parts) => {
                match parts.as_slice() {
                    [name] => self.named_operator(None, name),
                    [schema, name] => self.named_operator(Some(schema), name),
                    _ => return Err(Unread::new("an operator with a database in front")),
                }
                Ok(place.inside())
            }
            BinaryOperator::Spaceship => {
                self.named_operator(None, "<=>");
                Ok(place.inside())
            }
            foreign_operator!() => Err(Unread::new("an operator that PostgreSQL does not have")),
        }
    }

    fn unary(&mut self, op: UnaryOperator) -> Walk {
        match op {
            UnaryOperator::Not => Ok(()),
            UnaryOperator::AtDashAt
            | UnaryOperator::BitwiseNot
            | UnaryOperator::DoubleAt
            | UnaryOperator::Hash
            | UnaryOperator::Plus
            | UnaryOperator::Minus
            | UnaryOperator::PGAbs
            | UnaryOperator::PGCubeRoot
            | UnaryOperator::PGPrefixFactorial
            | UnaryOperator::PGSquareRoot
            | UnaryOperator::QuestionDash
            | UnaryOperator::QuestionPipe => {
                self.operator(&op.to_string());
                Ok(())
            }
            // PostgreSQL has no `!` of its own since version 14.
            UnaryOperator::BangNot => {
                self.procedure();
                Ok(())
            }
            UnaryOperator::PGPostfixFactorial => absent(false, "a postfix operator"),
        }
    }

    /// The operator of `ORDER BY … USING`.
    pub(super) fn sorting_operator(&mut self, name: &ObjectName) {
        let parts: Option<Vec<&str>> = name.0.iter().map(|part| Some(part.as_ident()?.value.as_str())).collect();
        self.compared_by(&parts.unwrap_or_default());
    }

    /// An operator by its name, qualified or not.
    pub(super) fn compared_by<N: AsRef<str>>(&mut self, parts: &[N]) {
        match parts {
            [name] => self.named_operator(None, name.as_ref()),
            [schema, name] => self.named_operator(Some(schema.as_ref()), name.as_ref()),
            _ => self.procedure(),
        }
    }

    fn named_operator(&mut self, schema: Option<&str>, name: &str) {
        match schema {
            Some(schema) if !schema.eq_ignore_ascii_case("pg_catalog") => self.operator_in(schema, name),
            Some(_) if OPERATORS.contains(&name) => {}
            None if OPERATORS.contains(&name) => self.operator(name),
            Some(_) => self.procedure(),
            None => {
                self.procedure();
                self.operator(name);
            }
        }
    }
}

/// Operators that say whether something holds.
macro_rules! comparison {
    () => {
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch
            | BinaryOperator::PGLikeMatch
            | BinaryOperator::PGILikeMatch
            | BinaryOperator::PGNotLikeMatch
            | BinaryOperator::PGNotILikeMatch
            | BinaryOperator::PGStartsWith
            | BinaryOperator::PGOverlap
            | BinaryOperator::AtAt
            | BinaryOperator::AtArrow
            | BinaryOperator::ArrowAt
            | BinaryOperator::AtQuestion
            | BinaryOperator::Question
            | BinaryOperator::QuestionAnd
            | BinaryOperator::QuestionPipe
    };
}
use comparison;

/// Operators that make a value of their operands.
macro_rules! calculation {
    () => {
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseAnd
            | BinaryOperator::BitwiseXor
            | BinaryOperator::PGBitwiseXor
            | BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight
            | BinaryOperator::PGExp
            | BinaryOperator::Arrow
            | BinaryOperator::LongArrow
            | BinaryOperator::HashArrow
            | BinaryOperator::HashLongArrow
            | BinaryOperator::HashMinus
            | BinaryOperator::DoubleHash
            | BinaryOperator::LtDashGt
            | BinaryOperator::AndLt
            | BinaryOperator::AndGt
            | BinaryOperator::LtLtPipe
            | BinaryOperator::PipeGtGt
            | BinaryOperator::AndLtPipe
            | BinaryOperator::PipeAndGt
            | BinaryOperator::LtCaret
            | BinaryOperator::GtCaret
            | BinaryOperator::QuestionHash
            | BinaryOperator::QuestionDash
            | BinaryOperator::QuestionDashPipe
            | BinaryOperator::QuestionDoublePipe
            | BinaryOperator::At
            | BinaryOperator::TildeEq
    };
}
use calculation;

/// Every operator of pg_catalog in PostgreSQL 15.
pub(super) const OPERATORS: &[&str] = &[
    "!!", "!~", "!~*", "!~~", "!~~*", "#", "##", "#-", "#>", "#>>", "%", "&", "&&", "&<", "&<|", "&>", "*", "*<",
    "*<=", "*<>", "*=", "*>", "*>=", "+", "-", "->", "->>", "-|-", "/", "<", "<->", "<<", "<<=", "<<|", "<=", "<>",
    "<@", "<^", "=", ">", ">=", ">>", ">>=", ">^", "?", "?#", "?&", "?-", "?-|", "?|", "?||", "@", "@-@", "@>", "@?",
    "@@", "@@@", "^", "^@", "|", "|&>", "|/", "|>>", "||", "||/", "~", "~*", "~<=~", "~<~", "~=", "~>=~", "~>~", "~~",
    "~~*", "!=",
];
