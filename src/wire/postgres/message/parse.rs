use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// Parse: SQL text that becomes a prepared statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name; empty is the unnamed one.
    pub name: &'a [u8],
    /// The text without its NUL, in the client's encoding.
    pub sql: &'a [u8],
    /// Type OIDs of the first parameters; 0 leaves one open.
    pub types: Vec<u32>,
}

impl<'a> Parse<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short, too long, or whose strings have no end.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Parse", body);
        let name = reader.string()?;
        let sql = reader.string()?;
        let count = reader.u16()?;
        let types = reader.list(count, Reader::u32)?;
        reader.finish()?;
        Ok(Self { name, sql, types })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in a string, or more types than the protocol can count.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("Parse", b'P');
        writer.string(self.name)?;
        writer.string(self.sql)?;
        writer.count(self.types.len())?;
        self.types.iter().for_each(|oid| writer.u32(*oid));
        writer.finish()
    }
}
