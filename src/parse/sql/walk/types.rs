//! Types in casts and literals: PostgreSQL's own are plain, a name it does not have may be a
//! domain and runs code, the `reg*` types look something up by name.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{ArrayElemTypeDef, DataType, Expr, Ident, ObjectName, TimezoneInfo, Value, ValueWithSpan};

use super::facts::Walker;
use super::foreign::foreign_type;
use super::{Walk, array, names};
use crate::parse::facts::Access;

/// What casting to a type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A base type of PostgreSQL.
    Plain,
    /// regclass: a constant names a relation.
    Relation,
    /// Another `reg*` type: what is not constant is looked up in this catalog.
    Name(&'static str),
    /// A domain, a composite or what PostgreSQL does not have.
    Foreign,
}

impl Walker<'_> {
    /// A type where no value is converted: a column's, an argument's.
    pub(super) fn data_type(&mut self, data_type: &DataType) -> Walk {
        self.may_be_anothers(data_type);
        match kind(data_type)? {
            Kind::Plain | Kind::Relation | Kind::Name(_) => {}
            Kind::Foreign if self.converts_harmlessly(data_type, true) => {}
            Kind::Foreign => self.procedure(),
        }
        Ok(())
    }

    /// The type of a new table's column: there is no value that a domain could check, and without a modifier
    /// nothing of the type runs.
    pub(super) fn new_type(&mut self, data_type: &DataType) -> Walk {
        let mut inner = data_type;
        while let DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) = inner {
            inner = element;
        }
        match inner {
            DataType::Custom(name, modifiers) if modifiers.is_empty() => names::parts(name).map(drop),
            other if kind(other)? == Kind::Plain => Ok(()),
            _ => self.data_type(data_type),
        }
    }

    /// A cast of an expression that is walked elsewhere.
    pub(super) fn cast(&mut self, data_type: &DataType, expr: &Expr) -> Walk {
        match without_parentheses(expr) {
            Expr::Value(value) => self.typed_text(data_type, Some(value)),
            // Each element is cast on its own.
            Expr::Array(array) if is_array(data_type) && kind(data_type)? == Kind::Relation => {
                self.elements(&array.elem);
                Ok(())
            }
            // Which relation a row is of: a number, and no name that is looked for.
            Expr::Identifier(ident)
                if kind(data_type)? == Kind::Relation && self.is_tableoid(std::slice::from_ref(ident)) =>
            {
                Ok(())
            }
            Expr::CompoundIdentifier(idents) if kind(data_type)? == Kind::Relation && self.is_tableoid(idents) => {
                Ok(())
            }
            _ => self.typed_text(data_type, None),
        }
    }

    /// Whether it is the system column, for certain.
    fn is_tableoid(&self, idents: &[Ident]) -> bool {
        let base = self.base_of(idents);
        base.is_some_and(|column| &*column.name == "tableoid" && column.relation.is_some())
    }

    /// A conversion to a type; `value` where what is converted is a constant.
    pub(super) fn typed_text(&mut self, data_type: &DataType, value: Option<&ValueWithSpan>) -> Walk {
        let text = value.and_then(|value| text(&value.value));
        self.may_be_anothers(data_type);
        match kind(data_type)? {
            Kind::Plain => {}
            Kind::Foreign if self.converts_harmlessly(data_type, text.is_some()) => {}
            Kind::Foreign => self.procedure(),
            Kind::Relation | Kind::Name(_) if matches!(value.map(|v| &v.value), Some(Value::Null)) => {}
            Kind::Relation if is_array(data_type) => self.named_relations(value, text),
            Kind::Relation => self.named_relation(value, text),
            Kind::Name(catalog) => match (value, text) {
                (Some(value), Some(_)) => self.keep(value),
                (_, _) => {
                    let parts = ["pg_catalog".to_owned(), catalog.to_owned()];
                    let catalog = names::resolve(&parts, self.context.names)?;
                    self.touch(&catalog, Access::Read);
                }
            },
        }
        Ok(())
    }

    /// Under a path that is not known, a domain of somebody's may have the name of one of PostgreSQL's types, and come first.
    fn may_be_anothers(&mut self, data_type: &DataType) {
        if is_looked_for(data_type) && !self.has_own_first() {
            self.procedure();
        }
    }

    /// A constant that names a relation; anything else may name any.
    pub(super) fn named_relation(&mut self, value: Option<&ValueWithSpan>, text: Option<&str>) {
        if let Some(value) = value {
            self.keep(value);
        }
        let resolved = text.and_then(names::from_text).and_then(|parts| self.resolve_parts(&parts).ok());
        match resolved {
            Some(relation) => self.touch(&relation, Access::Reference),
            None => self.describes(),
        }
    }

    /// The same of a constant that is an array of names.
    fn named_relations(&mut self, value: Option<&ValueWithSpan>, text: Option<&str>) {
        if let Some(value) = value {
            self.keep(value);
        }
        match text.and_then(array::elements) {
            Some(names) => names.iter().for_each(|name| self.named_relation(None, Some(name))),
            None => self.describes(),
        }
    }

    /// The same of `ARRAY[…]`, in which there may be more of them.
    fn elements(&mut self, elements: &[Expr]) {
        for element in elements {
            match without_parentheses(element) {
                Expr::Array(inner) => self.elements(&inner.elem),
                Expr::Value(value) if value.value == Value::Null => {}
                Expr::Value(value) => self.named_relation(Some(value), text(&value.value)),
                _ => self.describes(),
            }
        }
    }
}

pub(super) fn without_parentheses(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

fn is_array(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Array(_))
}

/// The text of a string constant whose characters sqlparser and PostgreSQL read alike.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text) => Some(text),
        Value::DollarQuotedString(dollar) => Some(&dollar.value),
        _ => None,
    }
}

fn kind(data_type: &DataType) -> Walk<Kind> {
    let mut data_type = data_type;
    loop {
        data_type = match data_type {
            DataType::Array(
                ArrayElemTypeDef::SquareBracket(inner, _)
                | ArrayElemTypeDef::AngleBracket(inner)
                | ArrayElemTypeDef::Parenthesis(inner),
            ) => inner,
            DataType::Custom(name, _) => return custom(name),
            other => return Ok(simple(other)),
        }
    }
}

fn custom(name: &ObjectName) -> Walk<Kind> {
    let parts = names::parts(name)?;
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema == "pg_catalog" => name,
        _ => return Ok(Kind::Foreign),
    };
    Ok(match name.as_str() {
        "regclass" => Kind::Relation,
        "regcollation" => Kind::Name("pg_collation"),
        "regconfig" => Kind::Name("pg_ts_config"),
        "regdictionary" => Kind::Name("pg_ts_dict"),
        "regnamespace" => Kind::Name("pg_namespace"),
        "regoper" | "regoperator" => Kind::Name("pg_operator"),
        "regproc" | "regprocedure" => Kind::Name("pg_proc"),
        "regrole" => Kind::Name("pg_roles"),
        "regtype" => Kind::Name("pg_type"),
        name if name.starts_with("reg") => Kind::Foreign,
        "serial" | "serial2" | "serial4" | "serial8" | "smallserial" | "bigserial" => Kind::Plain,
        name if names::is_base_type(name) => Kind::Plain,
        _ => Kind::Foreign,
    })
}

fn simple(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Character(_)
        | DataType::Char(_)
        | DataType::CharacterVarying(_)
        | DataType::CharVarying(_)
        | DataType::Varchar(_)
        | DataType::Uuid
        | DataType::Numeric(_)
        | DataType::Decimal(_)
        | DataType::Dec(_)
        | DataType::Float(_)
        | DataType::Int2(_)
        | DataType::SmallInt(_)
        | DataType::Int(_)
        | DataType::Int4(_)
        | DataType::Int8(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::Float4
        | DataType::Real
        | DataType::Float8
        | DataType::DoublePrecision
        | DataType::Bool
        | DataType::Boolean
        | DataType::Date
        | DataType::Time(..)
        | DataType::Timestamp(..)
        | DataType::Interval { .. }
        | DataType::JSON
        | DataType::JSONB
        | DataType::Text
        | DataType::Bytea
        | DataType::Bit(_)
        | DataType::BitVarying(_)
        | DataType::VarBit(_)
        | DataType::GeometricType(_)
        | DataType::TsVector
        | DataType::TsQuery => Kind::Plain,
        DataType::Regclass => Kind::Relation,
        foreign_type!() => Kind::Foreign,
    }
}

/// Whether a type is looked for by its bare name. What the grammar knows (`int`, `varchar`, `timestamp with time zone`) is
/// PostgreSQL's own under any path.
pub(super) fn is_looked_for(mut data_type: &DataType) -> bool {
    while let DataType::Array(
        ArrayElemTypeDef::SquareBracket(inner, _)
        | ArrayElemTypeDef::AngleBracket(inner)
        | ArrayElemTypeDef::Parenthesis(inner),
    ) = data_type
    {
        data_type = inner;
    }
    match data_type {
        DataType::Custom(name, _) => names::parts(name).is_ok_and(|parts| parts.len() == 1),
        DataType::Time(_, zone) | DataType::Timestamp(_, zone) => *zone == TimezoneInfo::Tz,
        DataType::Uuid
        | DataType::Int2(_)
        | DataType::Int4(_)
        | DataType::Int8(_)
        | DataType::Float4
        | DataType::Float8
        | DataType::Bool
        | DataType::Date
        | DataType::JSON
        | DataType::JSONB
        | DataType::Text
        | DataType::Bytea
        | DataType::VarBit(_)
        | DataType::GeometricType(_)
        | DataType::TsVector
        | DataType::TsQuery
        | DataType::Regclass => true,
        _ => false,
    }
}

/// Whether a type is PostgreSQL's own, so that nothing of anybody's runs where there are values of it.
pub(super) fn is_plain(data_type: &DataType) -> bool {
    match kind(data_type) {
        Ok(Kind::Plain | Kind::Relation | Kind::Name(_)) => true,
        Ok(Kind::Foreign) | Err(_) => false,
    }
}

/// Whether a type is regclass.
pub(super) fn is_regclass(data_type: &DataType) -> bool {
    kind(data_type) == Ok(Kind::Relation)
}

#[cfg(test)]
mod tests;
