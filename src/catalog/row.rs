//! One row as text, read strictly.

use super::symbols::{Interner, Symbol};
use super::{CatalogError, Table};

/// A name that is longer than any server can be built to keep is a lie.
const LONGEST_NAME: usize = 1024;

/// A row of one table.
pub(super) struct Row<'a> {
    table: Table,
    /// Counted from 1.
    number: usize,
    values: &'a [Option<&'a [u8]>],
}

impl<'a> Row<'a> {
    /// A row with as many values as were asked for.
    pub(super) fn new(table: Table, number: usize, values: &'a [Option<&'a [u8]>]) -> Result<Self, CatalogError> {
        let wanted = table.columns().len();
        if values.len() == wanted {
            Ok(Self { table, number, values })
        } else {
            Err(CatalogError::Width { table, row: number, found: values.len(), wanted })
        }
    }

    fn wrong(&self, at: usize, problem: &'static str) -> CatalogError {
        let column = self.table.columns().get(at).copied().unwrap_or_default();
        CatalogError::Value { table: self.table, row: self.number, column, problem }
    }

    /// Text, or NULL.
    pub(super) fn nullable(&self, at: usize) -> Result<Option<&'a str>, CatalogError> {
        match self.values.get(at).copied().flatten() {
            None => Ok(None),
            Some(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| self.wrong(at, "is not UTF-8")),
        }
    }

    /// Text.
    pub(super) fn text(&self, at: usize) -> Result<&'a str, CatalogError> {
        self.nullable(at)?.ok_or_else(|| self.wrong(at, "is NULL"))
    }

    /// A name, interned.
    pub(super) fn name(&self, at: usize, names: &mut Interner) -> Result<Symbol, CatalogError> {
        let text = self.text(at)?;
        if text.is_empty() {
            return Err(self.wrong(at, "is empty"));
        }
        if text.len() > LONGEST_NAME {
            return Err(self.wrong(at, "is longer than a name can be"));
        }
        names.intern(text).ok_or_else(|| self.wrong(at, "is one name too many"))
    }

    fn number<T: std::str::FromStr>(&self, at: usize, problem: &'static str) -> Result<T, CatalogError> {
        self.text(at)?.parse().map_err(|_| self.wrong(at, problem))
    }

    /// An OID, or 0 for none.
    pub(super) fn oid(&self, at: usize) -> Result<u32, CatalogError> {
        self.number(at, "is not an OID")
    }

    /// An OID of something.
    pub(super) fn real_oid(&self, at: usize) -> Result<u32, CatalogError> {
        match self.oid(at)? {
            0 => Err(self.wrong(at, "is 0")),
            oid => Ok(oid),
        }
    }

    /// The number of a column, at least `least`.
    pub(super) fn column_number(&self, at: usize, least: u16) -> Result<u16, CatalogError> {
        const MOST: u16 = 1600;
        let number = self.number(at, "is not the number of a column")?;
        if (least..=MOST).contains(&number) { Ok(number) } else { Err(self.wrong(at, "is not the number of a column")) }
    }

    /// A small number that is not negative.
    pub(super) fn count(&self, at: usize) -> Result<u16, CatalogError> {
        self.number(at, "is not a small number")
    }

    /// A number with a sign.
    pub(super) fn signed(&self, at: usize) -> Result<i32, CatalogError> {
        self.number(at, "is not a number")
    }

    /// A number without.
    pub(super) fn unsigned(&self, at: usize) -> Result<u32, CatalogError> {
        self.number(at, "is not a number")
    }

    /// `t` or `f`.
    pub(super) fn flag(&self, at: usize) -> Result<bool, CatalogError> {
        match self.text(at)? {
            "t" => Ok(true),
            "f" => Ok(false),
            _ => Err(self.wrong(at, "is neither `t` nor `f`")),
        }
    }

    /// One of a few letters.
    pub(super) fn letter<T>(&self, at: usize, meaning: impl Fn(u8) -> Option<T>) -> Result<T, CatalogError> {
        let text = self.text(at)?;
        let letter = match text.as_bytes() {
            // PostgreSQL writes a zero byte of type "char" as nothing.
            [] => Some(0),
            [letter] => Some(*letter),
            _ => None,
        };
        letter.and_then(meaning).ok_or_else(|| self.wrong(at, "is not a letter that has a meaning there"))
    }

    /// OIDs with spaces between them.
    pub(super) fn oids(&self, at: usize) -> Result<Vec<u32>, CatalogError> {
        let oids = self.text(at)?.split_ascii_whitespace().map(str::parse);
        oids.collect::<Result<_, _>>().map_err(|_| self.wrong(at, "is not a list of OIDs"))
    }

    /// A JSON array of texts; NULL is an empty one.
    pub(super) fn texts(&self, at: usize) -> Result<Vec<Box<str>>, CatalogError> {
        match self.nullable(at)? {
            None => Ok(Vec::new()),
            Some(text) => serde_json::from_str(text).map_err(|_| self.wrong(at, "is not a list of texts")),
        }
    }
}
