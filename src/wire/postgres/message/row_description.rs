use crate::wire::postgres::WireError;
use crate::wire::postgres::body::Reader;

/// RowDescription: the columns of the rows that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowDescription<'a> {
    /// The columns in order.
    pub columns: Vec<Column<'a>>,
}

/// One column of a RowDescription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The relation it is taken from; 0 for an expression.
    pub relation: u32,
    /// The attribute number there.
    pub attribute: i16,
    /// Its type.
    pub type_oid: u32,
    /// Its type's modifier; -1 for none.
    pub modifier: i32,
    /// 0 is text, 1 binary.
    pub format: i16,
}

impl<'a> RowDescription<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short or too long.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("RowDescription", body);
        let count = reader.u16()?;
        let columns = reader.list(count, column)?;
        reader.finish()?;
        Ok(Self { columns })
    }
}

fn column<'a>(reader: &mut Reader<'a>) -> Result<Column<'a>, WireError> {
    let name = reader.string()?;
    let (relation, attribute, type_oid) = (reader.u32()?, reader.i16()?, reader.u32()?);
    // The type's length.
    reader.take(2)?;
    Ok(Column { name, relation, attribute, type_oid, modifier: reader.i32()?, format: reader.i16()? })
}
