use crate::wire::postgres::WireError;
use crate::wire::postgres::body::Reader;

/// DataRow: one row's values.
#[derive(Clone, PartialEq, Eq)]
pub struct DataRow<'a> {
    /// The values as they came; `None` is NULL.
    pub values: Vec<Option<&'a [u8]>>,
}

impl<'a> DataRow<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short or too long, or a negative length.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("DataRow", body);
        let count = reader.u16()?;
        let values = reader.list(count, Reader::value)?;
        reader.finish()?;
        Ok(Self { values })
    }
}

// Rows are the data that sidegate guards.
impl std::fmt::Debug for DataRow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataRow").field("values", &self.values.len()).finish()
    }
}
