use crate::wire::postgres::WireError;
use crate::wire::postgres::body::Reader;

/// CopyInResponse, CopyOutResponse, CopyBothResponse: the shape of the data that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyResponse {
    /// 0 is text, 1 binary.
    pub format: u8,
    /// The columns' formats.
    pub columns: Vec<i16>,
}

impl CopyResponse {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short or too long.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("CopyResponse", body);
        let format = reader.u8()?;
        let count = reader.u16()?;
        let columns = reader.list(count, Reader::i16)?;
        reader.finish()?;
        Ok(Self { format, columns })
    }
}
