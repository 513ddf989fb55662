use bytes::Bytes;
use pgwire::messages::startup;

use super::startup::CancelRequest;
use crate::wire::postgres::body::{Reader, encode};
use crate::wire::postgres::{Frame, WireError};

/// BackendKeyData: what a CancelRequest must name.
#[derive(Clone, PartialEq, Eq)]
pub struct BackendKey {
    /// The process id.
    pub process_id: i32,
    /// The secret: 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub secret: Bytes,
}

impl BackendKey {
    /// Reads a body.
    ///
    /// # Errors
    /// A secret that is shorter than 4 or longer than 256 bytes.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("BackendKeyData", body);
        let process_id = reader.i32()?;
        let secret = reader.remaining();
        if !(4..=256).contains(&secret.len()) {
            return Err(reader.malformed("its key has neither 4 nor up to 256 bytes"));
        }
        Ok(Self { process_id, secret: Bytes::copy_from_slice(secret) })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A secret that is shorter than 4 or longer than 256 bytes.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let secret = startup::SecretKey::Bytes(self.secret.clone());
        encode("BackendKeyData", &startup::BackendKeyData::new(self.process_id, secret))
    }

    /// The CancelRequest that names it.
    pub fn cancel_request(&self) -> CancelRequest {
        CancelRequest { process_id: self.process_id, secret: self.secret.clone() }
    }
}

impl std::fmt::Debug for BackendKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackendKey").field("process_id", &self.process_id).finish_non_exhaustive()
    }
}
