//! The name that PostgreSQL gives to a result column without an alias.

#![expect(clippy::wildcard_enum_match_arm, reason = "what no arm names has a name that is not certain")]

use sqlparser::ast::{
    AccessExpr, CastKind, DataType, Expr, Function, FunctionArguments, ObjectNamePart, Query, SelectItem, SetExpr,
    TrimWhereField,
};

use super::names;
use super::types::without_parentheses;
use crate::parse::sql::spelling;

/// What stands for a name where there is none.
const NAMELESS: &str = "?column?";

/// How sure PostgreSQL is of a name.
enum Label {
    /// It is one.
    Name(String),
    /// A type's, or that of CASE: what is inside may have a better one.
    Weak(String),
    /// There is none.
    Nothing,
    /// A literal, which may be a truth value in another statement of the same form: those have a name.
    Literal,
    /// It is not certain here.
    Unsure,
}

/// The name of a result column; `None` where it is not certain.
pub(super) fn of(expr: &Expr) -> Option<String> {
    match label(expr) {
        Label::Name(name) | Label::Weak(name) => Some(name),
        Label::Nothing => Some(NAMELESS.to_owned()),
        Label::Literal | Label::Unsure => None,
    }
}

fn label(expr: &Expr) -> Label {
    match without_parentheses(expr) {
        Expr::Identifier(ident) => Label::Name(names::label(ident)),
        Expr::CompoundIdentifier(idents) => idents.last().map_or(Label::Unsure, |last| Label::Name(names::label(last))),
        Expr::CompoundFieldAccess { root, access_chain } => field(root, access_chain),
        Expr::Value(_) => Label::Literal,
        Expr::Function(function) => call(function),
        Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, .. } => cast(expr, data_type),
        // XMLSERIALIZE was put into these words.
        Expr::Cast { expr, data_type, .. } => match data_type {
            DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) | DataType::Numeric(_) | DataType::Date => {
                cast(expr, data_type)
            }
            _ => Label::Unsure,
        },
        Expr::TypedString(typed) => type_name(&typed.data_type).map_or(Label::Unsure, Label::Weak),
        Expr::Interval(_) => Label::Weak("interval".to_owned()),
        Expr::Collate { expr, .. } => label(expr),
        Expr::Case { else_result, .. } => match else_result.as_deref().map_or(Label::Nothing, label) {
            Label::Weak(_) | Label::Nothing | Label::Literal => Label::Weak("case".to_owned()),
            known @ (Label::Name(_) | Label::Unsure) => known,
        },
        // NOT is an operator of its own there.
        Expr::Exists { negated: true, .. } => Label::Nothing,
        Expr::Subquery(query) => sub_query(query),
        Expr::BinaryOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::InSubquery { .. } => operation(expr),
        other => spelled(other).map_or(Label::Unsure, |name| Label::Name(name.to_owned())),
    }
}

/// The last field of a path; of elements alone, what they are elements of.
fn field(root: &Expr, path: &[AccessExpr]) -> Label {
    let field = path.iter().rev().find_map(|access| match access {
        AccessExpr::Dot(Expr::Identifier(field)) => Some(names::label(field)),
        _ => None,
    });
    match field {
        Some(name) if name == spelling::EVERY_FIELD => Label::Unsure,
        Some(name) => Label::Name(name),
        None => label(root),
    }
}

/// The function that a form of its own stands for, by which the column is called.
fn spelled(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Exists { .. } => Some("exists"),
        Expr::Array(_) => Some("array"),
        Expr::Tuple(_) => Some("row"),
        Expr::AtTimeZone { .. } => Some("timezone"),
        Expr::Extract { .. } => Some("extract"),
        Expr::Position { .. } => Some("position"),
        Expr::Overlay { .. } => Some("overlay"),
        Expr::IsNormalized { .. } => Some("is_normalized"),
        Expr::Trim { trim_where, .. } => Some(match trim_where {
            None | Some(TrimWhereField::Both) => "btrim",
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
        }),
        _ => None,
    }
}

/// An operator gives no name; OVERLAPS is a function.
fn operation(expr: &Expr) -> Label {
    match without_parentheses(expr) {
        Expr::BinaryOp { op: sqlparser::ast::BinaryOperator::Overlaps, .. } => Label::Name("overlaps".to_owned()),
        _ => Label::Nothing,
    }
}

fn call(function: &Function) -> Label {
    match (&function.args, function.name.0.last()) {
        // ARRAY(SELECT …)
        (FunctionArguments::Subquery(_), _) => Label::Name("array".to_owned()),
        (_, Some(ObjectNamePart::Identifier(name))) => Label::Name(names::label(name)),
        (_, Some(ObjectNamePart::Function(_)) | None) => Label::Unsure,
    }
}

fn cast(expr: &Expr, data_type: &DataType) -> Label {
    match label(expr) {
        Label::Weak(_) | Label::Nothing | Label::Literal => type_name(data_type).map_or(Label::Unsure, Label::Weak),
        known @ (Label::Name(_) | Label::Unsure) => known,
    }
}

/// The name that a type has in pg_catalog.
fn type_name(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Text => "text",
        DataType::Int(_) | DataType::Int4(_) | DataType::Integer(_) => "int4",
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => "varchar",
        DataType::Numeric(_) | DataType::Decimal(_) => "numeric",
        DataType::Bool | DataType::Boolean => "bool",
        DataType::Date => "date",
        DataType::Uuid => "uuid",
        DataType::JSON => "json",
        DataType::JSONB => "jsonb",
        DataType::Bytea => "bytea",
        DataType::Regclass => "regclass",
        DataType::Custom(name, _) => return names::parts(name).ok()?.pop(),
        _ => return None,
    };
    Some(name.to_owned())
}

/// The name of its only column.
fn sub_query(query: &Query) -> Label {
    let SetExpr::Select(select) = query.body.as_ref() else { return Label::Unsure };
    match select.projection.first() {
        Some(SelectItem::ExprWithAlias { alias, .. }) => Label::Name(names::label(alias)),
        Some(SelectItem::UnnamedExpr(expr)) => of(expr).map_or(Label::Unsure, Label::Name),
        _ => Label::Unsure,
    }
}

#[cfg(test)]
mod tests;
