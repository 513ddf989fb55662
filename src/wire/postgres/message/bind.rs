use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// Bind: values that make a portal of a prepared statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal's name; empty is the unnamed one.
    pub portal: &'a [u8],
    /// The statement's name.
    pub statement: &'a [u8],
    /// Formats of the values: none (all text), one for all, or one each. 0 is text, 1 binary.
    pub formats: Vec<i16>,
    /// The values as they came; `None` is NULL.
    pub values: Vec<Option<&'a [u8]>>,
    /// Formats of the result's columns: none, one for all, or one each.
    pub result_formats: Vec<i16>,
}

impl<'a> Bind<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short or too long, a negative length, a number of formats that is neither 0 nor 1 nor
    /// that of the values.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Bind", body);
        let portal = reader.string()?;
        let statement = reader.string()?;
        let count = reader.u16()?;
        let formats = reader.list(count, Reader::i16)?;
        let count = reader.u16()?;
        if formats.len() > 1 && formats.len() != usize::from(count) {
            return Err(reader.malformed("the number of its formats is neither 0 nor 1 nor that of its values"));
        }
        let values = reader.list(count, Reader::value)?;
        let count = reader.u16()?;
        let result_formats = reader.list(count, Reader::i16)?;
        reader.finish()?;
        Ok(Self { portal, statement, formats, values, result_formats })
    }

    /// The format of one value: 0 is text, 1 binary.
    pub fn format(&self, index: usize) -> i16 {
        match self.formats.as_slice() {
            [] => 0,
            [all] => *all,
            each => each.get(index).copied().unwrap_or_default(),
        }
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in a name, or more than the protocol can count.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("Bind", b'B');
        writer.string(self.portal)?;
        writer.string(self.statement)?;
        writer.count(self.formats.len())?;
        self.formats.iter().for_each(|format| writer.i16(*format));
        writer.count(self.values.len())?;
        for value in &self.values {
            writer.value(*value)?;
        }
        writer.count(self.result_formats.len())?;
        self.result_formats.iter().for_each(|format| writer.i16(*format));
        writer.finish()
    }
}
