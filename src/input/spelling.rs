//! Writing documents down without writing again what many of them have in common.

use std::sync::Arc;

use serde::Serialize;

/// Takes the JSON of a document piece by piece; joined they are the document.
pub trait Spelling {
    /// What may go wrong with a piece.
    type Error;

    /// A piece of this document alone.
    ///
    /// # Errors
    /// What the implementor says.
    fn own(&mut self, json: &str) -> Result<(), Self::Error>;

    /// A value of this document alone.
    ///
    /// # Errors
    /// What the implementor says.
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Self::Error>;

    /// A piece of many documents, which never changes.
    ///
    /// # Errors
    /// What the implementor says.
    fn shared(&mut self, json: &Arc<str>) -> Result<(), Self::Error>;
}
