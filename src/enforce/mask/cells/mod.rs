//! Cells masked on the way back. Takes a column's type, a masker and the cells of rows and of COPY, gives cells of the
//! same type in the same format, refuses types and maskers that do not go together and rows that are none.

mod array;
mod characters;
mod column;
mod copy;
mod decimal;
mod detect;
mod digest;
mod divisor;
mod error;
mod ff1;
mod json;
mod key;
mod keyring;
mod kind;
mod mac;
mod masker;
mod plain;
mod ranges;
mod replace;
mod row;
mod rule;
mod tokenize;

pub use column::{Column, Masked};
pub use copy::{CopyCells, CopyField, CopyFormat};
pub use error::CellError;
pub use key::Key;
pub use keyring::{KeyError, Keyring};
pub use kind::ColumnType;
pub use row::Cells;
pub use rule::{Rule, fits};
