//! One column under one mask: cells in, cells of the same type and format out.

mod ahead;

use bytes::{BufMut, BytesMut};
use serde_json::Value;

use super::array::{self, Element};
use super::detect;
use super::error::CellError;
use super::json::{self, Pointer};
use super::kind::{ColumnType, Kind, Room, Scalar};
use super::masker::{Masker, neutral, stars};
use super::plain::{self, Plain};
use super::replace::constant;
use super::rule::Rule;

pub(super) use ahead::Ahead;

/// The first byte of every binary `jsonb`.
pub(super) const JSONB_VERSION: u8 = 1;
/// What stands for a JSON value as a whole.
const REDACTED_JSON: &str = "\"***\"";
const TEXT: i16 = 0;
const BINARY: i16 = 1;

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masked {
    /// It is NULL; nothing was written.
    Null,
    /// What was written stands for it.
    Value,
    /// It was no value of its type: what was written says nothing of it.
    Blank,
}

/// A rule made for a column.
#[derive(Debug)]
pub struct Column {
    way: Way,
    binary: bool,
}

#[derive(Debug)]
enum Way {
    Null,
    /// Every cell, NULL too.
    Constant(Vec<u8>),
    Text(Masker, Room),
    Plain(Masker, Scalar),
    Json(Masker, Vec<Pointer>, Scalar),
    /// The elements' own column and their type's number.
    Array(Box<Column>, u32),
}

impl Column {
    /// Makes a rule for a column. `name` is for the error.
    ///
    /// # Errors
    /// The type is not known, the masker has no meaning for it, or `replace` has no value of it.
    pub fn new(rule: &Rule, column: ColumnType, format: i16, name: &str) -> Result<Self, CellError> {
        let binary = match format {
            TEXT => false,
            BINARY => true,
            format => return Err(CellError::Format { column: name.to_owned(), format }),
        };
        let oid = column.oid;
        let kind = Kind::of(ColumnType { oid: rule.oid.unwrap_or(oid), ..column });
        let is_json = matches!(kind, Some(Kind::Scalar(Scalar::Json | Scalar::Jsonb)));
        if !rule.paths.is_empty() && !is_json {
            return Err(CellError::NoJson { column: name.to_owned() });
        }
        let plain_null = matches!(rule.masker, Masker::Null | Masker::Replace(Value::Null));
        if plain_null && rule.paths.is_empty() {
            return Ok(Self { way: Way::Null, binary });
        }
        let masker = rule.masker.name();
        let Some(kind) = kind else { return Err(CellError::Type { column: name.to_owned(), masker, oid }) };
        let way = match (&rule.masker, rule.paths.as_slice()) {
            (Masker::Replace(value), []) => {
                let mut bytes = BytesMut::new();
                constant(kind, binary, value, &mut bytes)
                    .ok_or_else(|| CellError::Replacement { column: name.to_owned(), oid })?;
                Way::Constant(bytes.to_vec())
            }
            (masker, paths) => way(masker, paths, kind, binary).ok_or_else(|| CellError::Masker {
                column: name.to_owned(),
                masker: masker.name(),
                oid,
            })?,
        };
        Ok(Self { way, binary })
    }

    /// Writes what stands for a cell.
    pub fn mask(&self, value: Option<&[u8]>, out: &mut BytesMut) -> Masked {
        let bytes = match (&self.way, value) {
            (Way::Null, _) => return Masked::Null,
            (Way::Constant(bytes), _) => {
                out.put_slice(bytes);
                return Masked::Value;
            }
            (_, None) => return Masked::Null,
            (_, Some(bytes)) => bytes,
        };
        let start = out.len();
        let masked = match &self.way {
            Way::Null | Way::Constant(_) => Some(()),
            Way::Text(masker, room) => return text(masker, *room, bytes, out),
            Way::Plain(masker, scalar) => self.plain(masker, *scalar, bytes, out),
            Way::Json(masker, paths, scalar) => self.json(masker, paths, *scalar, bytes, out),
            Way::Array(element, oid) if self.binary => array::binary(bytes, *oid, element.as_ref(), out),
            Way::Array(element, _) => array::text(bytes, element.as_ref(), out),
        };
        if masked.is_some() {
            return Masked::Value;
        }
        out.truncate(start);
        self.blank(out);
        Masked::Blank
    }

    fn plain(&self, masker: &Masker, scalar: Scalar, bytes: &[u8], out: &mut BytesMut) -> Option<()> {
        if matches!(masker, Masker::Detect) {
            return self.detected(scalar, bytes, out);
        }
        let value = plain::read(scalar, self.binary, bytes)?;
        plain::write(scalar, self.binary, &masker.plain(scalar, &value)?, out).then_some(())
    }

    /// A number stays as it came, unless its digits look like something.
    fn detected(&self, scalar: Scalar, bytes: &[u8], out: &mut BytesMut) -> Option<()> {
        let found = match scalar {
            Scalar::Integer(_) | Scalar::Numeric(_) | Scalar::Float4 | Scalar::Float8 => {
                let mut digits = BytesMut::new();
                plain::canonical(scalar, &plain::read(scalar, self.binary, bytes)?, &mut digits)?;
                detect::is_found(std::str::from_utf8(&digits).ok()?)
            }
            Scalar::Text(_)
            | Scalar::Bool
            | Scalar::Date
            | Scalar::Timestamp(_)
            | Scalar::Timestamptz(_)
            | Scalar::Uuid
            | Scalar::Bytea
            | Scalar::Json
            | Scalar::Jsonb
            | Scalar::Inet
            | Scalar::Cidr => false,
        };
        if found {
            return plain::write(scalar, self.binary, &neutral(scalar, None)?, out).then_some(());
        }
        out.put_slice(bytes);
        Some(())
    }

    fn json(&self, masker: &Masker, paths: &[Pointer], scalar: Scalar, bytes: &[u8], out: &mut BytesMut) -> Option<()> {
        let versioned = self.binary && scalar == Scalar::Jsonb;
        let bytes = match bytes {
            [JSONB_VERSION, rest @ ..] if versioned => rest,
            _ if versioned => return None,
            bytes => bytes,
        };
        let value = std::str::from_utf8(bytes).ok()?;
        if versioned {
            out.put_u8(JSONB_VERSION);
        }
        match (masker, paths) {
            (Masker::Redact, []) => out.put_slice(REDACTED_JSON.as_bytes()),
            (Masker::Hash(_), []) => {
                out.put_u8(b'"');
                masker.text(value, out);
                out.put_u8(b'"');
            }
            (masker, paths) => json::masked(value, masker, paths, out)?,
        }
        Some(())
    }

    /// What says nothing, as a value of the type.
    fn blank(&self, out: &mut BytesMut) {
        match &self.way {
            Way::Null | Way::Constant(_) | Way::Text(..) => {}
            Way::Plain(_, scalar) => {
                let neutral = neutral(*scalar, None).unwrap_or(Plain::Bool(false));
                plain::write(*scalar, self.binary, &neutral, out);
            }
            Way::Json(_, _, scalar) => {
                if self.binary && *scalar == Scalar::Jsonb {
                    out.put_u8(JSONB_VERSION);
                }
                out.put_slice(REDACTED_JSON.as_bytes());
            }
            Way::Array(_, oid) if self.binary => {
                out.put_slice(&[0; 8]);
                out.put_u32(*oid);
            }
            Way::Array(..) => out.put_slice(b"{}"),
        }
    }
}

impl Element for Column {
    fn element(&self, value: &[u8], out: &mut BytesMut) -> bool {
        self.mask(Some(value), out) != Masked::Null
    }
}

fn way(masker: &Masker, paths: &[Pointer], kind: Kind, binary: bool) -> Option<Way> {
    Some(match kind {
        Kind::Scalar(Scalar::Text(room)) => Way::Text(masker.clone(), room),
        Kind::Scalar(scalar @ (Scalar::Json | Scalar::Jsonb)) => {
            let whole = paths.is_empty() && matches!(masker, Masker::Partial(_) | Masker::Email);
            (!whole).then(|| Way::Json(masker.clone(), paths.to_vec(), scalar))?
        }
        Kind::Scalar(scalar) => masker.suits(scalar).then(|| Way::Plain(masker.clone(), scalar))?,
        Kind::Array(scalar, oid) => {
            let way = way(masker, paths, Kind::Scalar(scalar), binary)?;
            Way::Array(Box::new(Column { way, binary }), oid)
        }
    })
}

fn text(masker: &Masker, room: Room, bytes: &[u8], out: &mut BytesMut) -> Masked {
    let start = out.len();
    let outcome = match std::str::from_utf8(bytes) {
        Ok(value) => {
            masker.text(room.unpadded(value), out);
            Masked::Value
        }
        // Text in an encoding that nobody here reads.
        Err(_) => {
            stars(bytes.len(), out);
            Masked::Blank
        }
    };
    fit(room, start, out);
    outcome
}

/// Cuts what was written since, and fills it up.
pub(super) fn fit(room: Room, start: usize, out: &mut BytesMut) {
    // There are no more characters than bytes.
    let length = out.len().saturating_sub(start);
    if !room.padded && length <= room.most.min(room.bytes) {
        return;
    }
    let written = out.get(start..).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let ends = |(at, character): (usize, char)| at.saturating_add(character.len_utf8());
    let end = written.char_indices().take(room.most).map(ends).take_while(|end| *end <= room.bytes).last().unwrap_or(0);
    let count = written.get(..end).unwrap_or_default().chars().count();
    out.truncate(start.saturating_add(end));
    if room.padded {
        out.put_bytes(b' ', room.most.saturating_sub(count));
    }
}

#[cfg(test)]
mod tests;
