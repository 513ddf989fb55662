use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// CopyFail: the client gives up a COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFail<'a> {
    /// Its reason.
    pub reason: &'a [u8],
}

impl<'a> CopyFail<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but one terminated string.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("CopyFail", body);
        let reason = reader.string()?;
        reader.finish()?;
        Ok(Self { reason })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in the reason.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("CopyFail", b'f');
        writer.string(self.reason)?;
        writer.finish()
    }
}
