use super::describe::Object;
use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// Close: forgets a statement or portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// What it is about.
    pub object: Object,
    /// Its name.
    pub name: &'a [u8],
}

impl<'a> Close<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Another object, or anything but one terminated name.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Close", body);
        let object = Object::decode(&mut reader)?;
        let name = reader.string()?;
        reader.finish()?;
        Ok(Self { object, name })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("Close", b'C');
        writer.u8(self.object.byte());
        writer.string(self.name)?;
        writer.finish()
    }
}
