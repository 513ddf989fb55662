use pgwire::messages::startup;

use crate::wire::postgres::body::{encode, no_nul};
use crate::wire::postgres::{Frame, WireError};

/// NegotiateProtocolVersion: which minor version is spoken, and which extensions are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateProtocolVersion<'a> {
    /// The newest minor version spoken.
    pub minor: u16,
    /// The `_pq_.` options that are not known.
    pub unsupported: &'a [String],
}

impl NegotiateProtocolVersion<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in an option's name.
    pub fn encode(&self) -> Result<Frame, WireError> {
        for option in self.unsupported {
            no_nul("NegotiateProtocolVersion", option)?;
        }
        // The whole version, as PostgreSQL's documentation and libpq have it.
        let newest = (3_i32 << 16) | i32::from(self.minor);
        let message = startup::NegotiateProtocolVersion::new(newest, self.unsupported.to_vec());
        encode("NegotiateProtocolVersion", &message)
    }
}
