use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// CommandComplete: what ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandComplete<'a> {
    /// The command tag, such as `SELECT 3`.
    pub tag: &'a str,
}

impl<'a> CommandComplete<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but one terminated UTF-8 string.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("CommandComplete", body);
        let tag = reader.text()?;
        reader.finish()?;
        Ok(Self { tag })
    }

    /// The number of rows that the tag ends with; `None` for commands that count none.
    pub fn rows(&self) -> Option<u64> {
        self.tag.rsplit_once(' ').and_then(|(_, rows)| rows.parse().ok())
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in the tag.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("CommandComplete", b'C');
        writer.string(self.tag.as_bytes())?;
        writer.finish()
    }
}
