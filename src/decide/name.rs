//! Names of relations and columns as policies write them.

use crate::parse::quoted_name;

/// A relation, its parts without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationName {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
}

/// Reads `schema.table`, as it stands in [`Masks`](super::Masks).
///
/// # Errors
/// It is no such name, or one that PostgreSQL would fold to another.
pub fn relation(text: &str) -> Result<RelationName, String> {
    match parts(text)?.as_slice() {
        [schema, name] => Ok(RelationName { schema: schema.clone(), name: name.clone() }),
        _ => Err(format!("`{text}` must be `schema.table`")),
    }
}

/// Reads `schema.table.column`.
///
/// # Errors
/// It is no such name, or one that PostgreSQL would fold to another.
pub fn column(text: &str) -> Result<(RelationName, String), String> {
    match parts(text)?.as_slice() {
        [schema, name, column] => Ok((RelationName { schema: schema.clone(), name: name.clone() }, column.clone())),
        _ => Err(format!("`{text}` must be `schema.table.column`")),
    }
}

impl std::fmt::Display for RelationName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

fn quoted(name: &str) -> String {
    let plain = name.chars().enumerate().all(|(at, c)| is_plain(at, c)) && !name.is_empty();
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Splits at the dots outside double quotes. A name that PostgreSQL would fold is refused: it
/// could never match, and a mask that never matches masks nothing.
fn parts(text: &str) -> Result<Vec<String>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) =
            if let Some(inner) = rest.strip_prefix('"') { quoted_name(inner) } else { plain_part(rest) }.ok_or_else(
                || format!("`{text}` is not a name as PostgreSQL folds it: lower-case, or in double quotes"),
            )?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(parts),
            None => return Err(format!("`{text}` has something between a quote and a dot")),
        }
    }
}

fn plain_part(text: &str) -> Option<(String, &str)> {
    let (part, after) = text.find(['.', '"']).map_or((text, ""), |at| text.split_at(at));
    (!part.is_empty() && part.chars().enumerate().all(|(at, c)| is_plain(at, c))).then(|| (part.to_owned(), after))
}

fn is_plain(at: usize, c: char) -> bool {
    c == '_' || c.is_ascii_lowercase() || !c.is_ascii() || (at > 0 && (c.is_ascii_digit() || c == '$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_read_as_postgresql_writes_them() {
        let (relation, column) = column("\"My \"\"Schema\".orders.\"a.b\"").unwrap();
        assert_eq!(
            (relation.schema.as_str(), relation.name.as_str(), column.as_str()),
            ("My \"Schema", "orders", "a.b")
        );
        assert_eq!(relation.to_string(), "\"My \"\"Schema\".orders");
    }

    #[test]
    fn a_name_that_would_never_match_is_refused() {
        for text in
            ["public.Customers.email", "public.customers", "a.b.c.d", "", "a..b", "\"a.b.c", "\"a\"b.c.d", "1a.b.c"]
        {
            assert!(column(text).is_err(), "{text}");
        }
    }
}
