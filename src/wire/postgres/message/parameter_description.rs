use crate::wire::postgres::WireError;
use crate::wire::postgres::body::Reader;

/// ParameterDescription: the types of a statement's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterDescription {
    /// Type OIDs in order.
    pub types: Vec<u32>,
}

impl ParameterDescription {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short or too long.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("ParameterDescription", body);
        let count = reader.u16()?;
        let types = reader.list(count, Reader::u32)?;
        reader.finish()?;
        Ok(Self { types })
    }
}
