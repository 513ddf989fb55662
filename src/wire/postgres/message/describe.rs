use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// What a Describe or Close is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

impl Object {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.u8()? {
            b'S' => Ok(Self::Statement),
            b'P' => Ok(Self::Portal),
            _ => Err(reader.malformed("it is about neither a statement nor a portal")),
        }
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }
}

/// Describe: asks for the shape of a statement or portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Describe<'a> {
    /// What it is about.
    pub object: Object,
    /// Its name.
    pub name: &'a [u8],
}

impl<'a> Describe<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Another object, or anything but one terminated name.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Describe", body);
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
        let mut writer = Writer::new("Describe", b'D');
        writer.u8(self.object.byte());
        writer.string(self.name)?;
        writer.finish()
    }
}
