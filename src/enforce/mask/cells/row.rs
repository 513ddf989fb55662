//! Rows: DataRow bodies, with the masked fields rewritten and the others copied.

use bytes::{BufMut, BytesMut};

use super::column::{Column, Masked};
use super::error::CellError;
use super::ff1::Below;
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
        let start = out.len();
        self.rewrite(row, &mut Ahead::default(), out).inspect_err(|_| out.truncate(start))
    }

    /// The same as a whole message, from the body of one.
    ///
    /// # Errors
    /// As for a body.
    pub fn message(&self, row: &[u8], out: &mut BytesMut) -> Result<usize, CellError> {
        self.one(row, &mut Ahead::default(), out)
    }

    /// The same of many bodies, to the first error. Gives how many rows were written.
    pub fn messages<'r, R>(&self, rows: R, out: &mut BytesMut) -> (u64, Option<CellError>)
    where
        R: Iterator<Item = &'r [u8]> + Clone,
    {
        let mut ahead = self.ahead(rows.clone());
        let mut count = 0_u64;
        for row in rows {
            if let Err(error) = self.one(row, &mut ahead, out) {
                return (count, Some(error));
            }
            count = count.saturating_add(1);
        }
        (count, None)
    }

    fn one(&self, row: &[u8], ahead: &mut Ahead, out: &mut BytesMut) -> Result<usize, CellError> {
        let start = out.len();
        out.put_slice(&[b'D', 0, 0, 0, 0]);
        let blanks = self.rewrite(row, ahead, out).inspect_err(|_| out.truncate(start))?;
        let place = start.saturating_add(1);
        if !set_length(out, place, out.len().saturating_sub(place)) {
            out.truncate(start);
            return Err(CellError::Row { problem: "it is too long for a message" });
        }
        Ok(blanks)
    }

    fn rewrite(&self, row: &[u8], ahead: &mut Ahead, out: &mut BytesMut) -> Result<usize, CellError> {
        let (count, mut rest) = row.split_first_chunk::<2>().ok_or(SHORT)?;
        if usize::from(u16::from_be_bytes(*count)) != self.count {
            return Err(CellError::Row { problem: "it has another number of fields than its description" });
        }
        let mut masks = self.columns.iter().peekable();
        // What was not written yet and stays as it is.
        let mut pending = row;
        let mut blanks = 0_usize;
        for field in 0..self.count {
            let before = rest;
            let (value, after) = value(rest)?;
            rest = after;
            if let Some((_, column)) = masks.next_if(|(masked, _)| *masked == field) {
                out.put_slice(pending.get(..pending.len().saturating_sub(before.len())).unwrap_or_default());
                pending = rest;
                let token = if column.enciphers().is_some() { ahead.next(field) } else { None };
                let masked = match (value, token) {
                    (Some(bytes), Some(token)) => enciphered(column, bytes, token, out)?,
                    (value, _) => cell(column, value, out)?,
                };
                blanks = blanks.saturating_add(usize::from(masked == Masked::Blank));
            }
        }
        if !rest.is_empty() {
            return Err(CellError::Row { problem: "it has bytes after its end" });
        }
        out.put_slice(pending);
        Ok(blanks)
    }

    /// Enciphers what the rows have for it, all of a column at once. Of what is no row the rest is left out.
    fn ahead<'r>(&self, rows: impl Iterator<Item = &'r [u8]> + Clone) -> Ahead {
        let enciphers = |(field, column): &'_ (usize, Column)| {
            let key = column.enciphers()?;
            let numbers = rows.clone().map_while(|row| self.field(row, *field));
            let numbers: Vec<Option<Below>> = numbers.map(|value| column.enciphered(value?)).collect();
            Some((*field, key.tokens(&numbers).into_iter()))
        };
        Ahead { columns: self.columns.iter().filter_map(enciphers).collect() }
    }

    /// A field of a row.
    fn field<'r>(&self, row: &'r [u8], field: usize) -> Option<Option<&'r [u8]>> {
        let (_, mut rest) = row.split_first_chunk::<2>()?;
        for _ in 0..field.min(self.count) {
            rest = value(rest).ok()?.1;
        }
        value(rest).ok().map(|(value, _)| value)
    }
}

/// Tokens of the rows that come, by field.
#[derive(Debug, Default)]
struct Ahead {
    columns: Vec<(usize, std::vec::IntoIter<Option<u128>>)>,
}

impl Ahead {
    /// That of the next row.
    fn next(&mut self, field: usize) -> Option<u128> {
        let (_, tokens) = self.columns.iter_mut().find(|(column, _)| *column == field)?;
        tokens.next().flatten()
    }
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

/// Writes a masked cell behind its length.
pub(super) fn cell(column: &Column, value: Option<&[u8]>, out: &mut BytesMut) -> Result<Masked, CellError> {
    let place = out.len();
    out.put_i32(-1);
    let masked = column.mask(value, out);
    ended(masked, place, out)
}

/// The same of one that was enciphered before.
fn enciphered(column: &Column, value: &[u8], token: u128, out: &mut BytesMut) -> Result<Masked, CellError> {
    let place = out.len();
    out.put_i32(-1);
    match column.mask_as(value, token, out) {
        Some(masked) => ended(masked, place, out),
        None => {
            out.truncate(place);
            cell(column, Some(value), out)
        }
    }
}

fn ended(masked: Masked, place: usize, out: &mut BytesMut) -> Result<Masked, CellError> {
    if masked != Masked::Null {
        let length = out.len().saturating_sub(place).saturating_sub(4);
        if length > MOST_BYTES || !set_length(out, place, length) {
            return Err(CellError::Long { most: MOST_BYTES });
        }
    }
    Ok(masked)
}

pub(super) fn set_length(out: &mut BytesMut, place: usize, length: usize) -> bool {
    let Ok(length) = i32::try_from(length) else { return false };
    let Some(room) = out.get_mut(place..place.saturating_add(4)) else { return false };
    room.copy_from_slice(&length.to_be_bytes());
    true
}

#[cfg(test)]
mod tests;
