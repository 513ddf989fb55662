use pgwire::messages::startup;

use crate::wire::postgres::body::{Reader, encode, no_nul};
use crate::wire::postgres::{Frame, WireError};

/// ParameterStatus: a setting that the server reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterStatus<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
}

impl<'a> ParameterStatus<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but two terminated UTF-8 strings.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("ParameterStatus", body);
        let name = reader.text()?;
        let value = reader.text()?;
        reader.finish()?;
        Ok(Self { name, value })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in a string.
    pub fn encode(&self) -> Result<Frame, WireError> {
        no_nul("ParameterStatus", self.name)?;
        no_nul("ParameterStatus", self.value)?;
        let message = startup::ParameterStatus::new(self.name.to_owned(), self.value.to_owned());
        encode("ParameterStatus", &message)
    }
}
