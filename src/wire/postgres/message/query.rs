use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// Query: SQL text, in the client's encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// The text without its NUL.
    pub sql: &'a [u8],
}

impl<'a> Query<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but one terminated string.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Query", body);
        let sql = reader.string()?;
        reader.finish()?;
        Ok(Self { sql })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in the text.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("Query", b'Q');
        writer.string(self.sql)?;
        writer.finish()
    }
}
