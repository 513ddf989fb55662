//! One masked column as an expression of PostgreSQL's own functions, each named with its schema: of the column's type
//! and length, immutable, and one that never fails.

mod literal;
mod types;
mod value;

use self::types::{Kind, Shape};
use super::cells::{self, ColumnType};
use crate::catalog::{Column, Snapshot};
use crate::decide::Masker;

pub(super) use self::literal::name;

/// The expression that stands for a column; `Err` says why there is none.
pub(super) fn expression(catalog: &Snapshot, column: &Column<'_>, masker: &Masker) -> Result<String, String> {
    let shape = Shape::of(catalog, column).ok_or("the catalog does not have its type")?;
    let column = name(column.name());
    let masked = match masker {
        Masker::Null { .. } => "NULL".to_owned(),
        Masker::Replace { value, .. } => {
            value::constant(&shape, value).ok_or_else(|| format!("the value of `replace` is no `{}`", shape.label))?
        }
        Masker::Redact { .. }
        | Masker::Partial { .. }
        | Masker::Email { .. }
        | Masker::Hash { .. }
        | Masker::Tokenize { .. }
        | Masker::Detect { .. } => {
            if shape.array {
                each(&column, &computed(&shape, ELEMENT, masker)?)
            } else {
                computed(&shape, &column, masker)?
            }
        }
    };
    Ok(format!("({masked})::{}{}", shape.name, shape.collation))
}

/// An element of an array, as [`each`] calls it.
const ELEMENT: &str = "\"sidegate\".\"element\"";

/// An array with each of its elements masked; one of several dimensions becomes one of one.
fn each(column: &str, element: &str) -> String {
    format!(
        "CASE WHEN {column} IS NOT NULL THEN ARRAY(SELECT {element} FROM pg_catalog.unnest({column}) WITH ORDINALITY \
         AS \"sidegate\"(\"element\", \"place\") ORDER BY \"sidegate\".\"place\") END"
    )
}

/// What is computed from the value of `source`.
fn computed(shape: &Shape, source: &str, masker: &Masker) -> Result<String, String> {
    let text = format!("{source}::pg_catalog.text COLLATE pg_catalog.\"C\"");
    let label = match masker {
        Masker::Partial { keep_first, keep_last, with, .. } if shape.kind == Kind::Text => {
            let with = with.as_deref().unwrap_or("*");
            return partial(&text, keep_first.unwrap_or(0), keep_last.unwrap_or(0), with);
        }
        Masker::Email { .. } if shape.kind == Kind::Text => return Ok(email(&text)),
        Masker::Redact { .. } => match redacted(shape, &text, source) {
            Some(masked) => return Ok(masked),
            None => "redact",
        },
        Masker::Partial { .. } => "partial",
        Masker::Email { .. } => "email",
        Masker::Null { .. }
        | Masker::Replace { .. }
        | Masker::Hash { .. }
        | Masker::Tokenize { .. }
        | Masker::Detect { .. } => return Err(format!("`{}` cannot be woven into a statement", masker.label())),
    };
    Err(format!("`{label}` means nothing for `{}`", shape.label))
}

/// Whether a masker is no expression: such cells are masked on their way back.
pub(super) fn is_for_cells(masker: &Masker) -> bool {
    let keyed = match masker {
        Masker::Hash { .. } | Masker::Tokenize { .. } | Masker::Detect { .. } => true,
        Masker::Null { .. }
        | Masker::Replace { .. }
        | Masker::Redact { .. }
        | Masker::Partial { .. }
        | Masker::Email { .. } => false,
    };
    keyed || !masker.paths().is_empty()
}

/// Whether a column's cells can be masked on their way back.
pub(super) fn for_cells(catalog: &Snapshot, column: &Column<'_>, masker: &Masker) -> Result<(), String> {
    let (oid, modifier) = types::base(catalog, column).ok_or("the catalog does not have its type")?;
    cells::fits(masker, ColumnType { oid, modifier }, column.name()).map_err(|error| error.to_string())
}

/// As long and without content; NULL stays.
fn redacted(shape: &Shape, text: &str, source: &str) -> Option<String> {
    let constant = match shape.kind {
        Kind::Text => return Some(format!("pg_catalog.repeat('*', pg_catalog.length({text}))")),
        Kind::Bytea => {
            let length = format!("pg_catalog.octet_length({source})");
            return Some(format!("pg_catalog.decode(pg_catalog.repeat('00', {length}), 'hex')"));
        }
        Kind::Integer { .. } | Kind::Numeric | Kind::Float4 | Kind::Float8 => "'0'",
        Kind::Boolean => "'false'",
        Kind::Date => "'1970-01-01'",
        Kind::Timestamp => "'1970-01-01 00:00:00'",
        Kind::TimestampTz => "'1970-01-01 00:00:00+00'",
        Kind::Uuid => "'00000000-0000-0000-0000-000000000000'",
        Kind::Inet => "'0.0.0.0'",
        Kind::Cidr => "'0.0.0.0/32'",
        Kind::Json | Kind::Jsonb => "'\"***\"'",
        Kind::Enum | Kind::Other => return None,
    };
    Some(format!("CASE WHEN {source} IS NOT NULL THEN {constant}::{} END", shape.single))
}

/// The first and last characters; a text that has no others is replaced whole.
fn partial(source: &str, first: u32, last: u32, with: &str) -> Result<String, String> {
    if with.chars().count() > LONGEST_WITH {
        return Err(format!("`with` has more than {LONGEST_WITH} characters"));
    }
    // More of them than one byte each may be more than a value can hold.
    let length = match LONGEST_MIDDLE.checked_div(with.len()) {
        Some(most) if with.len() > 1 => format!("pg_catalog.length(pg_catalog.left({source}, {most}))"),
        Some(_) | None => format!("pg_catalog.length({source})"),
    };
    let with = literal::text(with).ok_or("`with` has a character that PostgreSQL does not have")?;
    let (first, last) = (i64::from(first), i64::from(last));
    let kept = first.saturating_add(last);
    // PostgreSQL counts characters in four bytes, and no text has more.
    if kept >= i64::from(i32::MAX) {
        return Ok(format!("pg_catalog.repeat({with}, {length})"));
    }
    let start = format!("pg_catalog.left({source}, {first})");
    let end = format!("pg_catalog.right({source}, {last})");
    let middle = format!("pg_catalog.repeat({with}, {length} OPERATOR(pg_catalog.-) {kept})");
    let join = "OPERATOR(pg_catalog.||)";
    Ok(format!(
        "CASE WHEN {length} OPERATOR(pg_catalog.>) {kept} THEN {start} {join} {middle} {join} {end} \
         ELSE pg_catalog.repeat({with}, {length}) END"
    ))
}

/// Characters that may stand for one.
const LONGEST_WITH: usize = 16;

/// Bytes that they may have together: half of what a value can hold.
const LONGEST_MIDDLE: usize = 500_000_000;

/// `a***@e***.com`; what is no address has no character left.
fn email(source: &str) -> String {
    let length = format!("pg_catalog.length({source})");
    let behind = format!("pg_catalog.strpos(pg_catalog.reverse({source}), '@')");
    let domain = format!("pg_catalog.right({source}, {behind} OPERATOR(pg_catalog.-) 1)");
    let join = "OPERATOR(pg_catalog.||)";
    format!(
        "CASE WHEN {behind} OPERATOR(pg_catalog.>) 1 AND {behind} OPERATOR(pg_catalog.<) {length} \
         THEN pg_catalog.left({source}, 1) {join} '***@' {join} pg_catalog.left({domain}, 1) {join} '***' {join} \
         COALESCE(pg_catalog.substring({source}, '[.][A-Za-z]{{2,24}}$'), '') \
         ELSE pg_catalog.repeat('*', {length}) END"
    )
}
