//! What a column's type means for its masks, and how it is written.

use super::literal;
use crate::catalog::{Column, Snapshot, Type, TypeKind};

/// What values a type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer { least: i64, most: i64 },
    Numeric,
    Float4,
    Float8,
    Boolean,
    Date,
    Timestamp,
    TimestampTz,
    Uuid,
    Inet,
    Cidr,
    Json,
    Jsonb,
    Bytea,
    Enum,
    Other,
}

/// A type as a mask has to give it: a domain is what it is made of, since that is what clients are told.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// What it holds; of an array, each element.
    pub(super) kind: Kind,
    /// Whether it is an array.
    pub(super) array: bool,
    /// Its name with modifiers, to cast to.
    pub(super) name: String,
    /// The same of what an array has; otherwise the same.
    pub(super) single: String,
    /// Its name without, for people.
    pub(super) label: String,
    /// Precision and scale of a `numeric` that has them.
    pub(super) digits: Option<(i32, i32)>,
    /// ` COLLATE …` as the column has it; empty where its type has none.
    pub(super) collation: String,
}

/// More domains on domains than anybody makes.
const DOMAINS: usize = 32;

impl Shape {
    /// `None` where the catalog does not have the type.
    pub(super) fn of(catalog: &Snapshot, column: &Column<'_>) -> Option<Self> {
        let (data_type, modifier) = base_type(catalog, column)?;
        let is_of = |element: &Type<'_>| element.array().is_some_and(|array| array.oid() == data_type.oid());
        let element = data_type.element().filter(is_of);
        let single = element.unwrap_or(data_type);
        let name = format!("{}.{}", literal::name(single.schema()), literal::name(single.name()));
        let written = format!("{name}{}", modifiers(&single, modifier));
        let brackets = if element.is_some() { "[]" } else { "" };
        let collation = match catalog.collation(column.collation()) {
            Some((schema, name, _)) => format!(" COLLATE {}.{}", literal::name(schema), literal::name(name)),
            None if column.collation() == 0 => String::new(),
            None => return None,
        };
        Some(Self {
            kind: kind(&single),
            array: element.is_some(),
            name: format!("{written}{brackets}"),
            single: written,
            label: format!("{}{brackets}", single.name()),
            digits: (single.oid() == NUMERIC).then(|| digits(modifier)).flatten(),
            collation,
        })
    }
}

/// What a column's values are, as the server describes them; `None` where the catalog does not have the type.
pub(super) fn base(catalog: &Snapshot, column: &Column<'_>) -> Option<(u32, i32)> {
    base_type(catalog, column).map(|(data_type, modifier)| (data_type.oid(), modifier))
}

fn base_type<'a>(catalog: &'a Snapshot, column: &Column<'_>) -> Option<(Type<'a>, i32)> {
    let (oid, mut modifier) = column.data_type();
    let mut data_type = catalog.data_type(oid)?;
    let mut domains = 0_usize;
    while data_type.kind() == TypeKind::Domain {
        (data_type, modifier) = data_type.base()?;
        domains = domains.checked_add(1).filter(|count| *count < DOMAINS)?;
    }
    Some((data_type, modifier))
}

const NUMERIC: u32 = 1700;
const INTERVAL: u32 = 1186;

fn kind(data_type: &Type<'_>) -> Kind {
    match data_type.oid() {
        25 | 1042 | 1043 | 19 => Kind::Text,
        21 => Kind::Integer { least: i64::from(i16::MIN), most: i64::from(i16::MAX) },
        23 => Kind::Integer { least: i64::from(i32::MIN), most: i64::from(i32::MAX) },
        20 => Kind::Integer { least: i64::MIN, most: i64::MAX },
        NUMERIC => Kind::Numeric,
        700 => Kind::Float4,
        701 => Kind::Float8,
        16 => Kind::Boolean,
        1082 => Kind::Date,
        1114 => Kind::Timestamp,
        1184 => Kind::TimestampTz,
        2950 => Kind::Uuid,
        869 => Kind::Inet,
        650 => Kind::Cidr,
        114 => Kind::Json,
        3802 => Kind::Jsonb,
        17 => Kind::Bytea,
        _ if data_type.kind() == TypeKind::Enum => Kind::Enum,
        // A type of an extension that compares text in its own way.
        _ if data_type.name() == "citext" && data_type.category().0 == 'S' => Kind::Text,
        _ => Kind::Other,
    }
}

/// What stands in parentheses behind the name: PostgreSQL keeps lengths four too great, and of an interval which parts
/// it has.
fn modifiers(data_type: &Type<'_>, modifier: i32) -> String {
    if modifier < 0 {
        return String::new();
    }
    match data_type.oid() {
        1042 | 1043 => format!("({})", modifier.saturating_sub(4)),
        1560 | 1562 | 1083 | 1114 | 1184 | 1266 => format!("({modifier})"),
        NUMERIC => digits(modifier).map_or_else(String::new, |(precision, scale)| format!("({precision},{scale})")),
        INTERVAL => match (modifier >> 16 & 0x7fff, modifier & 0xffff) {
            (parts, 0xffff) => format!("({parts})"),
            (parts, precision) => format!("({parts},{precision})"),
        },
        _ => String::new(),
    }
}

fn digits(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    let scale = ((packed & 0x7ff) ^ 1024).checked_sub(1024)?;
    Some((packed >> 16 & 0xffff, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_a_numeric_are_read_as_they_are_kept() {
        assert_eq!(digits(655_366), Some((10, 2)));
        assert_eq!(digits((5 << 16 | (-3 & 0x7ff)) + 4), Some((5, -3)));
        assert_eq!(digits(-1), None);
    }
}
