//! What an identifier means: folded and cut as PostgreSQL does, never a reserved word, and a
//! relation's schema where that is certain.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::{Names, Unread, Walk};
use crate::parse::definitions::Place;

/// PostgreSQL keeps 63 bytes of a name.
const NAME_BYTES: usize = 63;

/// The schema of a session's own.
pub(super) const TEMPORARY: &str = "pg_temp";

/// How far PostgreSQL reserves a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    /// Everywhere but after a dot or AS.
    Fully,
    /// It may name a function or type only.
    Function,
    /// It may name a column or relation, not a function or type.
    Column,
}

/// A relation's name, resolved as far as it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// `schema.name` or `?.name`, quoted.
    pub id: String,
    /// `None` when not certain.
    pub schema: Option<String>,
    /// Folded.
    pub name: String,
}

/// Whether PostgreSQL reserves the word (lower-case).
pub(super) fn reserved(word: &str) -> Option<Reserved> {
    KEYWORDS.get(word).copied()
}

/// Whether PostgreSQL reserves the word (lower-case) so that it names no column.
pub(in crate::parse::sql) fn is_reserved(word: &str) -> bool {
    match reserved(word) {
        Some(Reserved::Fully | Reserved::Function) => true,
        Some(Reserved::Column) | None => false,
    }
}

/// Whether `pg_catalog` has that type.
pub(in crate::parse::sql) fn is_base_type(name: &str) -> bool {
    TYPES.contains(name)
}

/// Whether a built-in of that name can be called with a whole row, and so as `alias.name`.
pub(super) fn takes_row(name: &str) -> bool {
    ROW_FUNCTIONS.contains(name)
}

/// The identifier as PostgreSQL keeps it, whatever word it is.
pub(super) fn label(ident: &Ident) -> String {
    folded(&ident.value, ident.quote_style.is_some())
}

/// A name as PostgreSQL keeps it.
pub(in crate::parse::sql) fn folded(name: &str, quoted: bool) -> String {
    if quoted { cut(name) } else { cut(&name.to_ascii_lowercase()) }
}

/// An identifier where a column, relation or alias is named: not a reserved word.
pub(super) fn name(ident: &Ident) -> Walk<String> {
    let folded = label(ident);
    if ident.quote_style.is_none() {
        match reserved(&folded) {
            Some(Reserved::Fully | Reserved::Function) => return Err(Unread::reserved(&folded)),
            Some(Reserved::Column) | None => {}
        }
    }
    Ok(folded)
}

/// The parts of a name, the first of them not a reserved word.
pub(super) fn parts(object: &ObjectName) -> Walk<Vec<String>> {
    let mut found = Vec::with_capacity(object.0.len());
    for part in &object.0 {
        let ObjectNamePart::Identifier(ident) = part else {
            return Err(Unread::new("a name that is computed by a function"));
        };
        found.push(if found.is_empty() { name(ident)? } else { label(ident) });
    }
    Ok(found)
}

/// The same of what is in a schema, without the database in front: PostgreSQL takes none but the session's own there.
pub(super) fn relation(object: &ObjectName) -> Walk<Vec<String>> {
    let mut parts = parts(object)?;
    if parts.len() == 3 {
        parts.remove(0);
    }
    Ok(parts)
}

/// A relation that only this session has.
pub(super) fn temporary(name: &str) -> Resolved {
    Resolved::new(Some(TEMPORARY.to_owned()), name.to_owned())
}

/// Which relation a name means, where no CTE has that name.
pub(super) fn resolve(parts: &[String], names: &Names) -> Walk<Resolved> {
    match parts {
        [schema, name] => {
            if schema == "pg_temp" || schema.starts_with("pg_temp_") || schema.starts_with("pg_toast") {
                return Err(Unread::new("a relation of a temporary or TOAST schema"));
            }
            Ok(Resolved::new(Some(schema.clone()), name.clone()))
        }
        [name] => Ok(Resolved::new(unqualified(name, names), name.clone())),
        _ => Err(Unread::new("a name with a database in front")),
    }
}

/// Which name it is, with its schema where that is certain.
pub(super) fn place(object: &ObjectName, names: &Names) -> Walk<Place> {
    let parts = relation(object)?;
    match parts.as_slice() {
        [schema, name] => Ok((Some(schema.clone()), name.clone())),
        [name] => Ok((unqualified(name, names).filter(|schema| schema != "pg_catalog"), name.clone())),
        _ => Err(Unread::new("a name with a database in front")),
    }
}

impl Resolved {
    fn new(schema: Option<String>, name: String) -> Self {
        Self { id: id(schema.as_deref(), &name), schema, name }
    }
}

/// `schema.name`, each part quoted as PostgreSQL's `quote_ident` does; `?.name` without a schema.
pub(super) fn id(schema: Option<&str>, name: &str) -> String {
    let mut id = String::with_capacity(schema.map_or(1, str::len).saturating_add(name.len()).saturating_add(QUOTES));
    match schema {
        Some(schema) => quote(schema, &mut id),
        None => id.push('?'),
    }
    id.push('.');
    quote(name, &mut id);
    id
}

/// Reads the text of a regclass constant, `orders` or `"Shop".orders`; `None` when it is no name.
pub(super) fn from_text(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    if rest.chars().all(|c| c.is_ascii_digit()) || rest == "-" {
        return None;
    }
    let mut found = Vec::new();
    loop {
        let part;
        (part, rest) = text_part(rest)?;
        found.push(part);
        match rest.strip_prefix('.') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Some(found),
            None => return None,
        }
    }
}

fn text_part(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['.', '"', ' ', '\t', '\n', '\r']).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        return (!word.is_empty()).then(|| (cut(&word.to_ascii_lowercase()), rest));
    };
    quoted_name(quoted).map(|(part, rest)| (cut(&part), rest))
}

/// Reads a name in double quotes from behind the first one; gives what follows the last, too. `None`
/// where it does not end or is empty.
pub fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                name.push('"');
                rest = next;
            }
            None => return (!name.is_empty()).then_some((name, after)),
        }
    }
}

/// pg_catalog is searched first, so a catalog's name means the catalog. Another `pg_` name may be
/// a catalog of a newer server.
fn unqualified(name: &str, names: &Names) -> Option<String> {
    let schema = match names {
        Names::Uncertain => return None,
        Names::Certain { schema } => Some(schema),
        Names::Known(known) if !known.searched => return None,
        Names::Known(known) => known.schema.as_ref(),
        Names::Unseen { schema: None } => return None,
        Names::Unseen { schema } => schema.as_ref(),
    };
    if CATALOG.contains(name) {
        Some("pg_catalog".to_owned())
    } else if name.starts_with("pg_") {
        None
    } else {
        schema.map(Arc::to_string)
    }
}

/// `schema.name`, quoted as PostgreSQL would.
pub fn relation_id(schema: &str, name: &str) -> String {
    id(Some(schema), name)
}

fn quote(name: &str, out: &mut String) {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && reserved(name).is_none() {
        out.push_str(name);
    } else {
        out.push('"');
        out.push_str(&name.replace('"', "\"\""));
        out.push('"');
    }
}

/// A dot and what most names that are quoted have more.
const QUOTES: usize = 5;

fn cut(name: &str) -> String {
    name.get(..name.floor_char_boundary(NAME_BYTES)).unwrap_or(name).to_owned()
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.starts_with('#'))
}

static KEYWORDS: LazyLock<HashMap<&'static str, Reserved>> = LazyLock::new(|| {
    let entry = |line: &'static str| {
        let (code, word) = line.split_once(' ')?;
        let reserved = match code {
            "T" => Reserved::Function,
            "C" => Reserved::Column,
            _ => Reserved::Fully,
        };
        Some((word, reserved))
    };
    lines(include_str!("keywords.txt")).filter_map(entry).collect()
});
static CATALOG: LazyLock<HashSet<&'static str>> = LazyLock::new(|| lines(include_str!("catalog.txt")).collect());
static TYPES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| lines(include_str!("types.txt")).collect());
static ROW_FUNCTIONS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| lines(include_str!("row_functions.txt")).collect());
