//! Rows: DataRow bodies, with the masked fields rewritten and the others copied.

use bytes::BytesMut;

use super::column::{Ahead, Column, Masked};
use super::error::CellError;
use super::kind::ColumnType;
use super::rule::Rule;
use crate::wire::postgres::RowDescription;

/// The most bytes of a value, PostgreSQL's own limit.
pub(super) const MOST_BYTES: usize = 0x3fff_ffff;

/// The masks of one answer.
#[derive(Debug)]
pub struct Cells {
    /// By field, in order.
    columns: Vec<(usize, Column)>,
    /// Fields of a row.
    count: usize,
}

impl Cells {
    /// Makes the masks of an answer: `plan` has fields, from 0, and what masks them.
    ///
    /// # Errors
    /// A field that is not there, or a mask that cannot be made for a field's type.
    pub fn new(description: &RowDescription<'_>, plan: &[(usize, Rule)]) -> Result<Self, CellError> {
        let count = description.columns.len();
        let mut columns = Vec::with_capacity(plan.len());
        for (field, rule) in plan {
            let of = description.columns.get(*field).ok_or(CellError::Field { field: *field, count })?;
            let kind = ColumnType { oid: of.type_oid, modifier: of.modifier };
            columns.push((*field, Column::new(rule, kind, of.format, &String::from_utf8_lossy(of.name))?));
        }
        columns.sort_by_key(|(field, _)| *field);
        if columns.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other)) {
            return Err(CellError::Row { problem: "two masks are for one field" });
        }
        Ok(Self { columns, count })
    }

    /// Writes a DataRow's body, masked. Gives how many of its cells could not be read and say nothing now.
    ///
    /// # Errors
    /// It is no row of this answer, or a masked value has more bytes than PostgreSQL's may have; then nothing is written.
    pub fn body(&self, row: &[u8], out: &mut BytesMut) -> Result<usize, CellError> {
        let mut cut = Cut::default();
        self.cut(row, &mut cut)?;
        let start = out.len();
        let end = cut.ends.first().copied().unwrap_or_default();
        self.put(cut.cells.iter(), (&[], 0), end, out).inspect_err(|_| out.truncate(start))
    }

    /// The same as a whole message, from the body of one.
    ///
    /// # Errors
    /// As for a body.
    pub fn message(&self, row: &[u8], out: &mut BytesMut) -> Result<usize, CellError> {
        let start = begin(out);
        let blanks = self.body(row, out).inspect_err(|_| out.truncate(start))?;
        end(start, out).map(|()| blanks)
    }

    /// The same of many bodies, to the first error. Gives how many rows were written.
    pub fn messages<'r>(
        &self,
        mut rows: impl Iterator<Item = &'r [u8]>,
        out: &mut BytesMut,
    ) -> (u64, Option<CellError>) {
        let mut cut = Cut::default();
        let mut count = 0_u64;
        loop {
            cut.cells.clear();
            cut.ends.clear();
            let broken = rows.by_ref().take(TOGETHER).find_map(|row| self.cut(row, &mut cut).err());
            let (written, error) = self.write(&cut, out);
            count = count.saturating_add(written);
            let error = error.or(broken);
            if error.is_some() || cut.ends.is_empty() {
                return (count, error);
            }
        }
    }

    /// Writes rows as messages, to the first error.
    fn write(&self, cut: &Cut<'_>, out: &mut BytesMut) -> (u64, Option<CellError>) {
        let ahead = self.ahead(cut);
        let mut cells = cut.cells.iter();
        let mut count = 0_u64;
        for (row, last) in cut.ends.iter().enumerate() {
            let start = begin(out);
            let put = self.put(cells.by_ref(), (&ahead, row), last, out).inspect_err(|_| out.truncate(start));
            if let Err(error) = put.and_then(|_| end(start, out)) {
                return (count, Some(error));
            }
            count = count.saturating_add(1);
        }
        (count, None)
    }

    /// What is computed for all rows together, by column. Of one row nothing is: each cell by itself is faster.
    fn ahead(&self, cut: &Cut<'_>) -> Vec<Ahead> {
        if cut.ends.len() < 2 {
            return Vec::new();
        }
        let rows = cut.cells.chunks_exact(self.columns.len().max(1));
        let cells = |place| rows.clone().map(move |row| row.get(place).and_then(|(_, value)| *value));
        self.columns.iter().enumerate().map(|(place, (_, column))| column.ahead(cells(place))).collect()
    }

    /// Writes a body from its masked cells and what is behind the last of them.
    fn put<'r>(
        &self,
        cells: impl Iterator<Item = &'r Cell<'r>>,
        (ahead, row): (&[Ahead], usize),
        last: &[u8],
        out: &mut BytesMut,
    ) -> Result<usize, CellError> {
        let mut ahead = ahead.iter();
        let mut blanks = 0_usize;
        for ((_, column), (before, value)) in self.columns.iter().zip(cells) {
            out.extend_from_slice(before);
            let masked = match (value, ahead.next()) {
                (Some(bytes), Some(ahead)) => computed(column, (ahead, row), bytes, out)?,
                (value, _) => cell(column, *value, out)?,
            };
            blanks = blanks.saturating_add(usize::from(masked == Masked::Blank));
        }
        out.extend_from_slice(last);
        Ok(blanks)
    }

    /// Cuts a row at its masked cells; nothing is added of what is none.
    fn cut<'r>(&self, row: &'r [u8], cut: &mut Cut<'r>) -> Result<(), CellError> {
        let held = cut.cells.len();
        let last = self.fields(row, &mut cut.cells).inspect_err(|_| cut.cells.truncate(held))?;
        cut.ends.push(last);
        Ok(())
    }

    /// Adds the masked cells of a row. Gives what is behind the last.
    fn fields<'r>(&self, row: &'r [u8], cells: &mut Vec<Cell<'r>>) -> Result<&'r [u8], CellError> {
        let (count, mut rest) = row.split_first_chunk::<2>().ok_or(SHORT)?;
        if usize::from(u16::from_be_bytes(*count)) != self.count {
            return Err(CellError::Row { problem: "it has another number of fields than its description" });
        }
        let mut masks = self.columns.iter().map(|(field, _)| *field);
        let mut masked = masks.next();
        // What is behind the last masked cell.
        let mut pending = row;
        for field in 0..self.count {
            let (value, after) = value(rest)?;
            if masked == Some(field) {
                masked = masks.next();
                let length = pending.len().saturating_sub(rest.len()).saturating_add(LENGTH);
                cells.push((pending.get(..length).unwrap_or_default(), value));
                pending = after;
            }
            rest = after;
        }
        if rest.is_empty() { Ok(pending) } else { Err(CellError::Row { problem: "it has bytes after its end" }) }
    }
}

/// Rows whose masked cells are computed together: so many hold what is computed for them in little space.
const TOGETHER: usize = 512;

/// Bytes that say how long a value is.
const LENGTH: usize = 4;

/// A masked cell, and what is before it since the last one, its length included.
type Cell<'r> = (&'r [u8], Option<&'r [u8]>);

/// Rows that were cut at their masked cells.
#[derive(Default)]
struct Cut<'r> {
    /// Those of all rows, each row's in order.
    cells: Vec<Cell<'r>>,
    /// By row, what is behind the last one.
    ends: Vec<&'r [u8]>,
}

/// Begins a message. Gives where.
fn begin(out: &mut BytesMut) -> usize {
    let start = out.len();
    out.extend_from_slice(&[b'D', 0, 0, 0, 0]);
    start
}

/// Ends it, unless it is too long: then nothing of it stays.
fn end(start: usize, out: &mut BytesMut) -> Result<(), CellError> {
    let place = start.saturating_add(1);
    if !set_length(out, place, out.len().saturating_sub(place)) {
        out.truncate(start);
        return Err(CellError::Row { problem: "it is too long for a message" });
    }
    Ok(())
}

/// A value behind its length, and what follows.
fn value(row: &[u8]) -> Result<(Option<&[u8]>, &[u8]), CellError> {
    let (length, after) = row.split_first_chunk::<4>().ok_or(SHORT)?;
    let length = i32::from_be_bytes(*length);
    if length == -1 {
        return Ok((None, after));
    }
    let length = usize::try_from(length).map_err(|_| CellError::Row { problem: "a length is negative" })?;
    let (value, after) = after.split_at_checked(length).ok_or(SHORT)?;
    Ok((Some(value), after))
}

const SHORT: CellError = CellError::Row { problem: "it ends too early" };

/// Writes a masked cell behind a length, which becomes its own.
pub(super) fn cell(column: &Column, value: Option<&[u8]>, out: &mut BytesMut) -> Result<Masked, CellError> {
    let start = out.len();
    let masked = column.mask(value, out);
    ended(masked, start, out)
}

/// The same of a row's cell for which something may have been computed before.
fn computed(
    column: &Column,
    (ahead, row): (&Ahead, usize),
    value: &[u8],
    out: &mut BytesMut,
) -> Result<Masked, CellError> {
    let start = out.len();
    match column.put(ahead, row, value, out) {
        Some(masked) => ended(masked, start, out),
        None => {
            out.truncate(start);
            cell(column, Some(value), out)
        }
    }
}

fn ended(masked: Masked, start: usize, out: &mut BytesMut) -> Result<Masked, CellError> {
    let place = start.saturating_sub(LENGTH);
    let length = out.len().saturating_sub(start);
    let is_written = match masked {
        Masked::Null => put_length(out, place, -1),
        Masked::Value | Masked::Blank => length <= MOST_BYTES && set_length(out, place, length),
    };
    if is_written { Ok(masked) } else { Err(CellError::Long { most: MOST_BYTES }) }
}

pub(super) fn set_length(out: &mut BytesMut, place: usize, length: usize) -> bool {
    i32::try_from(length).is_ok_and(|length| put_length(out, place, length))
}

fn put_length(out: &mut BytesMut, place: usize, length: i32) -> bool {
    let Some(room) = out.get_mut(place..place.saturating_add(LENGTH)) else { return false };
    room.copy_from_slice(&length.to_be_bytes());
    true
}

#[cfg(test)]
mod tests;
