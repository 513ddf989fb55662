use super::Table;

/// Why a database's own description of itself cannot be taken. Whatever was known before goes on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CatalogError {
    /// A row has another number of values than was asked for.
    #[error("row {row} of {table} has {found} values, not {wanted}")]
    Width {
        /// What was asked for.
        table: Table,
        /// Counted from 1.
        row: usize,
        /// Values that came.
        found: usize,
        /// Values that were asked for.
        wanted: usize,
    },
    /// A value is not what its column holds.
    #[error("row {row} of {table}: `{column}` {problem}")]
    Value {
        /// What was asked for.
        table: Table,
        /// Counted from 1.
        row: usize,
        /// The column.
        column: &'static str,
        /// What is wrong with the value.
        problem: &'static str,
    },
    /// One thing is described twice.
    #[error("{table} describe `{oid}` twice")]
    Twice {
        /// What was asked for.
        table: Table,
        /// Whose OID it is.
        oid: u32,
    },
    /// Two things have one name.
    #[error("{table} give `{first}` and `{second}` the same name in one schema")]
    SameName {
        /// What was asked for.
        table: Table,
        /// One OID.
        first: u32,
        /// The other.
        second: u32,
    },
    /// Something belongs to what is not there.
    #[error("{table} name `{oid}`, which {of} do not describe")]
    Dangling {
        /// What was asked for.
        table: Table,
        /// The OID that leads nowhere.
        oid: u32,
        /// Where it should have been.
        of: Table,
    },
    /// The server did not say who and where it is.
    #[error("{table} must have one row, and have {rows}")]
    Rows {
        /// What was asked for.
        table: Table,
        /// Rows that came.
        rows: usize,
    },
    /// More than is held of one database.
    #[error("{table} are more than is held of one database: {limit} {unit}")]
    TooMuch {
        /// What was asked for.
        table: Table,
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
}
