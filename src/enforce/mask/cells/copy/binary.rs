//! `FORMAT binary`: a signature, and rows of fields behind their lengths.

use bytes::{BufMut, BytesMut};

use super::{CellError, MOST_HELD, Masks};
use crate::enforce::mask::cells::column::Column;
use crate::enforce::mask::cells::row::cell;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// With the flags and the length of what may follow.
const HEADER: usize = 19;

#[derive(Debug)]
pub(super) struct Binary {
    masks: Masks,
    state: State,
    /// Bytes that do not suffice yet.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    /// Bytes that pass, and the field that comes after them; none for a row.
    Passing(usize, Option<usize>),
    Row,
    Length(usize),
    /// A field to be masked, and its length.
    Value(usize, usize),
    Ended,
}

impl Binary {
    pub(super) fn new(masks: Masks) -> Self {
        Self { masks, state: State::Header, held: Vec::new() }
    }

    pub(super) fn is_between_rows(&self) -> bool {
        self.state == State::Ended
    }

    pub(super) fn feed(&mut self, mut data: &[u8], out: &mut BytesMut) -> Result<(), CellError> {
        loop {
            let wanted = match self.state {
                State::Header => HEADER,
                State::Row => 2,
                State::Length(_) => 4,
                State::Value(_, length) => length,
                State::Passing(0, next) => {
                    self.state = next.map_or(State::Row, State::Length);
                    continue;
                }
                State::Passing(left, next) => {
                    let (part, rest) = data.split_at_checked(left).unwrap_or((data, &[]));
                    out.put_slice(part);
                    data = rest;
                    self.state = State::Passing(left.saturating_sub(part.len()), next);
                    if data.is_empty() {
                        return Ok(());
                    }
                    continue;
                }
                State::Ended if data.is_empty() => return Ok(()),
                State::Ended => return Err(CellError::Row { problem: "something follows its end" }),
            };
            let missing = wanted.saturating_sub(self.held.len());
            let Some((part, rest)) = data.split_at_checked(missing) else {
                super::hold(&mut self.held, data)?;
                return Ok(());
            };
            super::hold(&mut self.held, part)?;
            data = rest;
            let whole = std::mem::take(&mut self.held);
            self.state = self.next(&whole, out)?;
        }
    }

    fn next(&self, whole: &[u8], out: &mut BytesMut) -> Result<State, CellError> {
        let problem = |problem: &'static str| CellError::Row { problem };
        Ok(match self.state {
            State::Header => {
                let (fixed, extension) = whole.split_last_chunk::<4>().unwrap_or((whole, &[0xff; 4]));
                // A flag that is set changes what a row is.
                if fixed.strip_prefix(SIGNATURE.as_slice()) != Some(&[0; 4]) {
                    return Err(problem("its signature or flags are not known"));
                }
                out.put_slice(whole);
                let length =
                    usize::try_from(i32::from_be_bytes(*extension)).map_err(|_| problem("a length is negative"))?;
                State::Passing(length, None)
            }
            State::Row => {
                out.put_slice(whole);
                match whole.try_into().map(i16::from_be_bytes) {
                    Ok(-1) => State::Ended,
                    Ok(count) if usize::try_from(count) == Ok(self.masks.count()) => self.after(None),
                    Ok(_) | Err(_) => return Err(problem("it has another number of fields than the COPY")),
                }
            }
            State::Length(field) => {
                let length = whole.try_into().map_or(-2, i32::from_be_bytes);
                let column = self.masks.at(field)?;
                match (usize::try_from(length), column) {
                    (Ok(length), None) => {
                        out.put_slice(whole);
                        self.passing(length, field)
                    }
                    (Ok(length), Some(_)) if length > MOST_HELD => return Err(CellError::Long { most: MOST_HELD }),
                    (Ok(length), Some(_)) => State::Value(field, length),
                    (Err(_), column) if length == -1 => self.put(column, None, field, out)?,
                    (Err(_), _) => return Err(problem("a length is negative")),
                }
            }
            State::Value(field, _) => self.put(self.masks.at(field)?, Some(whole), field, out)?,
            state @ (State::Passing(..) | State::Ended) => state,
        })
    }

    fn put(
        &self,
        column: Option<&Column>,
        value: Option<&[u8]>,
        field: usize,
        out: &mut BytesMut,
    ) -> Result<State, CellError> {
        out.put_i32(-1);
        if let Some(column) = column {
            cell(column, value, out)?;
        }
        Ok(self.after(Some(field)))
    }

    fn passing(&self, length: usize, field: usize) -> State {
        match self.after(Some(field)) {
            State::Length(next) => State::Passing(length, Some(next)),
            State::Header | State::Passing(..) | State::Row | State::Value(..) | State::Ended => {
                State::Passing(length, None)
            }
        }
    }

    /// What follows a field, or the count of a row.
    fn after(&self, field: Option<usize>) -> State {
        let next = field.map_or(0, |field| field.saturating_add(1));
        if next < self.masks.count() { State::Length(next) } else { State::Row }
    }
}
