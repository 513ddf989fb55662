use zeroize::Zeroizing;

use crate::model::Secret;
use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// PasswordMessage: a password or token in clear.
#[derive(Debug)]
pub struct Password {
    /// What was sent, without its NUL.
    pub password: Secret<String>,
}

impl Password {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but one terminated UTF-8 string.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("PasswordMessage", body);
        let password = reader.text()?;
        reader.finish()?;
        Ok(Self { password: Secret::new(password.to_owned()) })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in the password.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("PasswordMessage", b'p');
        writer.string(self.password.expose().as_bytes())?;
        writer.finish()
    }
}

/// SASLInitialResponse: the mechanism chosen, and the first answer.
#[derive(Clone, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    /// The mechanism's name.
    pub mechanism: &'a str,
    /// The first answer; `None` if the client has none.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A length that is not exactly that of the rest.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("SASLInitialResponse", body);
        let mechanism = reader.text()?;
        let data = reader.value()?;
        reader.finish()?;
        Ok(Self { mechanism, data })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// A NUL in the mechanism's name.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let mut writer = Writer::new("SASLInitialResponse", b'p');
        writer.string(self.mechanism.as_bytes())?;
        writer.value(self.data)?;
        writer.finish()
    }
}

/// SASLResponse: a further answer, the whole body.
#[derive(Clone, PartialEq, Eq)]
pub struct SaslResponse<'a> {
    /// The answer.
    pub data: &'a [u8],
}

impl<'a> SaslResponse<'a> {
    /// Reads a body; there is nothing that could be wrong with it.
    pub fn decode(body: &'a [u8]) -> Self {
        Self { data: body }
    }

    /// Writes the message.
    ///
    /// # Errors
    /// More than a length word can say.
    pub fn encode(&self) -> Result<Frame, WireError> {
        let body = Zeroizing::new(self.data.to_vec());
        Frame::build(b'p', &body).ok_or(WireError::Encode { message: "SASLResponse", problem: "it is too long" })
    }
}

// Proofs and first answers are no secrets in themselves, but they are what guessing starts from.
impl std::fmt::Debug for SaslInitialResponse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaslInitialResponse").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SaslResponse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaslResponse").finish_non_exhaustive()
    }
}
