use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use pgwire::messages::Message as _;
use pgwire::messages::startup;

use crate::wire::postgres::WireError;
use crate::wire::postgres::body::{Reader, no_nul};

/// PostgreSQL's limit for all packets before authentication.
const MAX_STARTUP: u32 = 10_000;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;

/// A packet without a tag: the first of every connection.
#[derive(Debug)]
pub enum StartupPacket {
    /// SSLRequest.
    Ssl,
    /// GSSENCRequest.
    GssEncryption,
    /// CancelRequest.
    Cancel(CancelRequest),
    /// StartupMessage.
    Startup(Startup),
}

/// CancelRequest: names another connection's running statement.
#[derive(Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// The process id of BackendKeyData.
    pub process_id: i32,
    /// Its secret: 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub secret: Bytes,
}

/// StartupMessage: the protocol's version and the client's wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Startup {
    /// Minor version; the major one is 3.
    pub minor: u16,
    /// Parameters by name as sent. Of a name sent twice the last value holds, as in PostgreSQL.
    pub parameters: BTreeMap<String, String>,
    /// Names of `_pq_.` options, which ask for protocol extensions.
    pub options: Vec<String>,
}

impl StartupPacket {
    /// SSLRequest's bytes.
    pub const SSL_REQUEST: [u8; 8] = *b"\0\0\0\x08\x04\xd2\x16\x2f";

    /// Takes one packet from the front of `buffer`; `None` until it is there whole.
    ///
    /// # Errors
    /// A length, version or layout that PostgreSQL refuses.
    pub fn take(buffer: &mut BytesMut) -> Result<Option<Self>, WireError> {
        let Some((word, _)) = buffer.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*word);
        if !(8..=MAX_STARTUP).contains(&length) {
            return Err(WireError::StartupLength { length, limit: MAX_STARTUP });
        }
        let total = usize::try_from(length).unwrap_or(usize::MAX);
        if buffer.len() < total {
            return Ok(None);
        }
        let packet = buffer.split_to(total).freeze();
        Self::decode(packet.get(4..).unwrap_or_default()).map(Some)
    }

    fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("StartupMessage", body);
        match reader.u32()? {
            SSL => Reader::finish(reader).map(|()| Self::Ssl),
            GSS => Reader::finish(reader).map(|()| Self::GssEncryption),
            CANCEL => CancelRequest::decode(reader.remaining()).map(Self::Cancel),
            version => {
                let [a, b, c, d] = version.to_be_bytes();
                let (major, minor) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                if major != 3 {
                    return Err(WireError::Version { major, minor });
                }
                Startup::decode(minor, reader).map(Self::Startup)
            }
        }
    }
}

impl CancelRequest {
    fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("CancelRequest", body);
        let process_id = reader.i32()?;
        let secret = reader.remaining();
        if !(4..=256).contains(&secret.len()) {
            return Err(reader.malformed("its key has neither 4 nor up to 256 bytes"));
        }
        Ok(Self { process_id, secret: Bytes::copy_from_slice(secret) })
    }

    /// The packet's bytes.
    ///
    /// # Errors
    /// A key that the protocol cannot carry.
    pub fn encode(&self) -> Result<Bytes, WireError> {
        if !(4..=256).contains(&self.secret.len()) {
            return Err(WireError::Encode { message: "CancelRequest", problem: "its key is too short or too long" });
        }
        let length = u32::try_from(self.secret.len().saturating_add(12)).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(self.secret.len().saturating_add(12));
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&CANCEL.to_be_bytes());
        bytes.extend_from_slice(&self.process_id.to_be_bytes());
        bytes.extend_from_slice(&self.secret);
        Ok(bytes.into())
    }
}

impl Startup {
    fn decode(minor: u16, mut reader: Reader<'_>) -> Result<Self, WireError> {
        let (mut parameters, mut options) = (BTreeMap::new(), Vec::new());
        loop {
            if reader.is_empty() {
                return Err(reader.malformed("it has no end"));
            }
            let name = reader.text()?;
            if name.is_empty() {
                break;
            }
            let value = reader.text()?;
            if name.starts_with("_pq_.") {
                options.push(name.to_owned());
            } else {
                parameters.insert(name.to_owned(), value.to_owned());
            }
        }
        reader.finish()?;
        Ok(Self { minor, parameters, options })
    }

    /// The user the client says it is: a claim, never an identity. `None` if it is missing or empty.
    pub fn user(&self) -> Option<&str> {
        self.parameters.get("user").map(String::as_str).filter(|user| !user.is_empty())
    }

    /// The database asked for; without one it is the user's name, as in PostgreSQL.
    pub fn database(&self) -> Option<&str> {
        self.parameters.get("database").map(String::as_str).filter(|name| !name.is_empty()).or_else(|| self.user())
    }

    /// The parameters that are neither `user` nor `database`.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| *name != "user" && *name != "database")
    }

    /// Whether the client must be told what is not spoken: a minor version above 3.2, or extensions.
    pub fn wants_negotiation(&self) -> bool {
        self.minor > 2 || !self.options.is_empty()
    }

    /// Whether keys may be longer than 4 bytes: from protocol 3.2.
    pub fn has_long_keys(&self) -> bool {
        self.minor >= 2
    }

    /// The packet's bytes, always with version 3.0.
    ///
    /// # Errors
    /// A NUL in a string, an empty name, or more than a start-up packet may hold.
    pub fn encode(self) -> Result<Bytes, WireError> {
        let name = "StartupMessage";
        for (key, value) in &self.parameters {
            no_nul(name, key)?;
            no_nul(name, value)?;
            if key.is_empty() {
                return Err(WireError::Encode { message: name, problem: "a parameter has no name" });
            }
        }
        let mut message = startup::Startup::new();
        message.parameters = self.parameters;
        let mut bytes = BytesMut::with_capacity(message.message_length());
        message.encode(&mut bytes).map_err(|_| WireError::Encode { message: name, problem: "it is too long" })?;
        Ok(bytes.freeze())
    }
}

impl std::fmt::Debug for CancelRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CancelRequest").field("process_id", &self.process_id).finish_non_exhaustive()
    }
}
