//! Rows of COPY … TO STDOUT, masked as they pass. Takes the payloads of CopyData messages, wherever they are cut, gives
//! the same stream with the masked fields rewritten, refuses what is no such stream.

mod binary;
mod csv;
mod text;

use bytes::{BufMut, BytesMut};

use super::column::Column;
use super::error::CellError;
use super::kind::ColumnType;
use super::row::set_length;
use super::rule::Rule;
use binary::Binary;
use csv::Csv;
use text::Text;

/// The most bytes of a field that is masked: it is held as a whole.
pub(super) const MOST_HELD: usize = 16 << 20;

/// How the rows are written; of a text the client encoding must be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    /// `FORMAT text`, in which NULL is `\N`: of any other nobody can tell whether it is a value.
    Text {
        /// `DELIMITER`.
        delimiter: u8,
        /// `HEADER`: the first line has names.
        header: bool,
    },
    /// `FORMAT csv`.
    Csv {
        /// `DELIMITER`.
        delimiter: u8,
        /// `QUOTE`.
        quote: u8,
        /// `ESCAPE`.
        escape: u8,
        /// `NULL`.
        null: Vec<u8>,
        /// `HEADER`.
        header: bool,
        /// `FORCE_QUOTE *`.
        force: bool,
    },
    /// `FORMAT binary`.
    Binary,
}

impl CopyFormat {
    /// `FORMAT text` without options.
    pub fn text() -> Self {
        Self::Text { delimiter: b'\t', header: false }
    }

    /// `FORMAT csv` without options.
    pub fn csv() -> Self {
        Self::Csv { delimiter: b',', quote: b'"', escape: b'"', null: Vec::new(), header: false, force: false }
    }
}

/// A column of the rows that is masked.
#[derive(Clone, Debug)]
pub struct CopyField {
    /// Its place, from 0.
    pub place: usize,
    /// Its type.
    pub kind: ColumnType,
    /// Its mask.
    pub rule: Rule,
}

/// The masks of one COPY and where in its stream it is.
#[derive(Debug)]
pub struct CopyCells {
    stream: Stream,
    count: usize,
}

#[derive(Debug)]
enum Stream {
    Text(Text),
    Csv(Csv),
    Binary(Binary),
    /// After an error nothing more is given.
    Broken(CellError),
}

/// The masks by place.
#[derive(Debug)]
pub(super) struct Masks {
    columns: Vec<Option<Column>>,
}

impl Masks {
    /// The mask of a field; an error beyond the last field.
    fn at(&self, field: usize) -> Result<Option<&Column>, CellError> {
        match self.columns.get(field) {
            Some(column) => Ok(column.as_ref()),
            // The rows of no columns are empty lines.
            None if self.columns.is_empty() && field == 0 => Ok(None),
            None => Err(CellError::Row { problem: "it has more fields than the COPY" }),
        }
    }

    fn count(&self) -> usize {
        self.columns.len()
    }
}

impl CopyCells {
    /// Makes the masks of a COPY of `count` columns.
    ///
    /// # Errors
    /// A place that is not there, a mask that cannot be made for a type, or options that cannot be told apart.
    pub fn new(format: CopyFormat, count: usize, fields: &[CopyField]) -> Result<Self, CellError> {
        let code = i16::from(format == CopyFormat::Binary);
        let mut columns: Vec<Option<Column>> = std::iter::repeat_with(|| None).take(count).collect();
        for CopyField { place, kind, rule } in fields {
            let column = columns.get_mut(*place).ok_or(CellError::Field { field: *place, count })?;
            let name = place.saturating_add(1).to_string();
            if column.replace(Column::new(rule, *kind, code, &name)?).is_some() {
                return Err(CellError::Row { problem: "two masks are for one field" });
            }
        }
        let masks = Masks { columns };
        let stream = match format {
            CopyFormat::Text { delimiter, header } => Stream::Text(Text::new(masks, delimiter, header)?),
            CopyFormat::Csv { delimiter, quote, escape, null, header, force } => {
                Stream::Csv(Csv::new(masks, [delimiter, quote, escape], null, header, force)?)
            }
            CopyFormat::Binary => Stream::Binary(Binary::new(masks)),
        };
        Ok(Self { stream, count })
    }

    /// How many columns it has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes more of the stream and writes what of it can pass.
    ///
    /// # Errors
    /// It is no stream of such rows, or a field to be masked is too long. What was written before may pass; from then on
    /// there is only that error.
    pub fn feed(&mut self, data: &[u8], out: &mut BytesMut) -> Result<(), CellError> {
        let fed = match &mut self.stream {
            Stream::Text(text) => text.feed(data, out),
            Stream::Csv(csv) => csv.feed(data, out),
            Stream::Binary(binary) => binary.feed(data, out),
            Stream::Broken(error) => Err(error.clone()),
        };
        fed.inspect_err(|error| self.stream = Stream::Broken(error.clone()))
    }

    /// The same with the body of a CopyData message, as one of its own.
    ///
    /// # Errors
    /// As of [`CopyCells::feed`].
    pub fn message(&mut self, body: &[u8], out: &mut BytesMut) -> Result<(), CellError> {
        let place = out.len().saturating_add(1);
        out.put_slice(&[b'd', 0, 0, 0, 0]);
        self.feed(body, out)?;
        if set_length(out, place, out.len().saturating_sub(place)) {
            return Ok(());
        }
        Err(CellError::Row { problem: "it is too long for a message" })
    }

    /// The same of many bodies, to the first error. Gives how many messages were written.
    pub fn messages<'r>(
        &mut self,
        bodies: impl Iterator<Item = &'r [u8]>,
        out: &mut BytesMut,
    ) -> (u64, Option<CellError>) {
        let mut count = 0_u64;
        for body in bodies {
            let before = out.len();
            if let Err(error) = self.message(body, out) {
                out.truncate(before);
                return (count, Some(error));
            }
            count = count.saturating_add(1);
        }
        (count, None)
    }

    /// Whether the stream may end here: CopyDone came.
    ///
    /// # Errors
    /// It ends inside a row.
    pub fn finish(&self) -> Result<(), CellError> {
        let between = match &self.stream {
            Stream::Text(text) => text.is_between_rows(),
            Stream::Csv(csv) => csv.is_between_rows(),
            Stream::Binary(binary) => binary.is_between_rows(),
            Stream::Broken(error) => return Err(error.clone()),
        };
        if between { Ok(()) } else { Err(CellError::Row { problem: "it ends too early" }) }
    }
}

/// More of a field that is held.
fn hold(held: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CellError> {
    if bytes.len() > MOST_HELD.saturating_sub(held.len()) {
        return Err(CellError::Long { most: MOST_HELD });
    }
    held.extend_from_slice(bytes);
    Ok(())
}

/// Room that is kept from one field to the next; what a long one took is given back.
const KEPT: usize = 16 << 10;

/// Makes room for the next field.
fn empty(held: &mut Vec<u8>, masked: &mut BytesMut) {
    held.clear();
    held.shrink_to(KEPT);
    if masked.capacity() > KEPT {
        *masked = BytesMut::new();
    }
}

/// Where in its rows a text is.
#[derive(Debug)]
struct Line {
    field: usize,
    /// Whether anything of the line has come.
    begun: bool,
    /// Whether it has names.
    header: bool,
}

impl Line {
    fn new(header: bool) -> Self {
        Self { field: 0, begun: false, header }
    }

    /// The mask of the field that comes.
    fn column<'m>(&self, masks: &'m Masks) -> Result<Option<&'m Column>, CellError> {
        if self.header { Ok(None) } else { masks.at(self.field) }
    }

    /// A field has ended, and with `last` its line.
    fn next(&mut self, masks: &Masks, last: bool) -> Result<(), CellError> {
        self.field = self.field.saturating_add(1);
        if !last {
            self.begun = true;
            return Ok(());
        }
        // Of no columns there is an empty line.
        if !self.header && self.field != masks.count().max(1) {
            return Err(CellError::Row { problem: "it has fewer fields than the COPY" });
        }
        *self = Self::new(false);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
