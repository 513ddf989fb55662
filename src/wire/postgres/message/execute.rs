use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// Execute: runs a portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execute<'a> {
    /// The portal's name.
    pub portal: &'a [u8],
    /// How many rows at most; 0 or less is all.
    pub max_rows: i32,
}

impl<'a> Execute<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but a terminated name and a number.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Execute", body);
        let portal = reader.string()?;
        let max_rows = reader.i32()?;
        reader.finish()?;
        Ok(Self { portal, max_rows })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("Execute", b'E');
        writer.string(self.portal)?;
        writer.i32(self.max_rows);
        writer.finish()
    }
}
