use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// FunctionCall: one function, named by its number, with its arguments and no SQL. libpq's large objects use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCall<'a> {
    /// OID of the function.
    pub function: u32,
    /// Formats of the arguments: none (all text), one for all, or one each. 0 is text, 1 binary.
    pub formats: Vec<i16>,
    /// The arguments as they came; `None` is NULL.
    pub arguments: Vec<Option<&'a [u8]>>,
    /// Format of the result.
    pub result_format: i16,
}

impl<'a> FunctionCall<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short or too long, a negative length, a number of formats that is neither 0 nor 1 nor
    /// that of the arguments.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("FunctionCall", body);
        let function = reader.u32()?;
        let count = reader.u16()?;
        let formats = reader.list(count, Reader::i16)?;
        let count = reader.u16()?;
        if formats.len() > 1 && formats.len() != usize::from(count) {
            return Err(reader.malformed("the number of its formats is neither 0 nor 1 nor that of its arguments"));
        }
        let arguments = reader.list(count, Reader::value)?;
        let result_format = reader.i16()?;
        reader.finish()?;
        Ok(Self { function, formats, arguments, result_format })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// More than the protocol can count.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("FunctionCall", b'F');
        writer.u32(self.function);
        writer.count(self.formats.len())?;
        self.formats.iter().for_each(|format| writer.i16(*format));
        writer.count(self.arguments.len())?;
        for argument in &self.arguments {
            writer.value(*argument)?;
        }
        writer.i16(self.result_format);
        writer.finish()
    }
}
