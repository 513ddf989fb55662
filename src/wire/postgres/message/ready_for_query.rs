use pgwire::messages::response;

use crate::wire::postgres::body::{Reader, encode};
use crate::wire::postgres::{Frame, WireError};

/// Where the session is between transactions: the byte of ReadyForQuery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// `I`: in none.
    #[default]
    Idle,
    /// `T`: in one.
    Transaction,
    /// `E`: in one that failed.
    Failed,
}

/// ReadyForQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyForQuery {
    /// The transaction's state.
    pub status: TransactionStatus,
}

impl ReadyForQuery {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but one known byte.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("ReadyForQuery", body);
        let status = match reader.u8()? {
            b'I' => TransactionStatus::Idle,
            b'T' => TransactionStatus::Transaction,
            b'E' => TransactionStatus::Failed,
            _ => return Err(reader.malformed("its transaction status is unknown")),
        };
        reader.finish()?;
        Ok(Self { status })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// None in practice.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let status = match self.status {
            TransactionStatus::Idle => response::TransactionStatus::Idle,
            TransactionStatus::Transaction => response::TransactionStatus::Transaction,
            TransactionStatus::Failed => response::TransactionStatus::Error,
        };
        encode("ReadyForQuery", &response::ReadyForQuery::new(status))
    }
}
