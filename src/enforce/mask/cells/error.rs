/// Why cells cannot be masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// A type that nobody here reads.
    #[error("column `{column}` has a type that cannot be masked with `{masker}` (number {oid}): use `null`")]
    Type {
        /// The column's name or place.
        column: String,
        /// The masker.
        masker: &'static str,
        /// The type's number.
        oid: u32,
    },
    /// A masker that has no meaning for a type.
    #[error("`{masker}` has no meaning for the type of column `{column}` (number {oid}): use `redact` or `null`")]
    Masker {
        /// The column's name or place.
        column: String,
        /// The masker.
        masker: &'static str,
        /// The type's number.
        oid: u32,
    },
    /// A replacement that is no value of the column's type.
    #[error("the value of `replace` is none of the type of column `{column}` (number {oid})")]
    Replacement {
        /// The column's name or place.
        column: String,
        /// The type's number.
        oid: u32,
    },
    /// Paths into something that is no JSON.
    #[error("column `{column}` is no JSON: leave the paths of its mask out")]
    NoJson {
        /// The column's name or place.
        column: String,
    },
    /// A plan for a field that is not there.
    #[error("a mask is for field `{field}` of a row of {count}")]
    Field {
        /// From 0.
        field: usize,
        /// How many there are.
        count: usize,
    },
    /// A format code that the protocol does not have.
    #[error("column `{column}` has the format `{format}`, only 0 and 1 are known")]
    Format {
        /// The column's name or place.
        column: String,
        /// What it said.
        format: i16,
    },
    /// A replacement character that is too long.
    #[error("`with` of `partial` must have at most {most} characters, and no NUL")]
    With {
        /// The most.
        most: usize,
    },
    /// A path that is none.
    #[error("`{path}` is no JSON Pointer: write `/a/*/b`")]
    Path {
        /// What it was.
        path: String,
    },
    /// More paths than anybody looks through for each value.
    #[error("a mask has more than {most} paths")]
    Paths {
        /// The most.
        most: usize,
    },
    /// COPY options under which its rows cannot be read.
    #[error("rows of COPY cannot be masked: {problem}")]
    Options {
        /// What is wrong.
        problem: &'static str,
    },
    /// A row that is none.
    #[error("a row of the database is malformed: {problem}")]
    Row {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A value that is too long to be masked, or became so.
    #[error("a value to be masked has more than {most} bytes")]
    Long {
        /// The most.
        most: usize,
    },
    /// A key that nobody has configured.
    #[error("a mask names the key `{name}`, which is not under plugins.sidegate.keys")]
    Key {
        /// Its name.
        name: String,
    },
}
