use bytes::Bytes;
use pgwire::messages::startup;

use crate::wire::postgres::body::{Reader, encode};
use crate::wire::postgres::{Frame, WireError};

/// Authentication*: what the server asks for, or that it is content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// AuthenticationOk.
    Ok,
    /// AuthenticationCleartextPassword.
    Cleartext,
    /// AuthenticationMD5Password.
    Md5 {
        /// What the answer is made with.
        salt: [u8; 4],
    },
    /// AuthenticationSASL with the mechanisms on offer.
    Sasl(Vec<&'a str>),
    /// AuthenticationSASLContinue.
    SaslContinue(&'a [u8]),
    /// AuthenticationSASLFinal.
    SaslFinal(&'a [u8]),
    /// Kerberos, GSSAPI, SSPI and what is yet to come, by its number.
    Other(u32),
}

impl<'a> Authentication<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A body that is too short or too long.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Authentication", body);
        let request = match reader.u32()? {
            0 => Self::Ok,
            3 => Self::Cleartext,
            5 => Self::Md5 { salt: reader.u32()?.to_be_bytes() },
            10 => {
                let mut mechanisms = Vec::new();
                loop {
                    match reader.text()? {
                        "" => break,
                        mechanism => mechanisms.push(mechanism),
                    }
                }
                Self::Sasl(mechanisms)
            }
            11 => Self::SaslContinue(reader.remaining()),
            12 => Self::SaslFinal(reader.remaining()),
            other => {
                reader.remaining();
                Self::Other(other)
            }
        };
        reader.finish()?;
        Ok(request)
    }

    /// AuthenticationOk.
    ///
    /// # Errors
    /// None in practice.
    pub fn ok() -> Result<Frame, WireError> {
        encode("AuthenticationOk", &startup::Authentication::Ok)
    }

    /// AuthenticationCleartextPassword.
    ///
    /// # Errors
    /// None in practice.
    pub fn cleartext() -> Result<Frame, WireError> {
        encode("AuthenticationCleartextPassword", &startup::Authentication::CleartextPassword)
    }

    /// AuthenticationSASL with several mechanisms, the best first.
    ///
    /// # Errors
    /// None in practice.
    pub fn sasl_choice(mechanisms: &[&str]) -> Result<Frame, WireError> {
        let mechanisms = mechanisms.iter().map(|name| (*name).to_owned()).collect();
        encode("AuthenticationSASL", &startup::Authentication::SASL(mechanisms))
    }

    /// AuthenticationSASL with one mechanism.
    ///
    /// # Errors
    /// None in practice.
    pub fn sasl(mechanism: &str) -> Result<Frame, WireError> {
        encode("AuthenticationSASL", &startup::Authentication::SASL(vec![mechanism.to_owned()]))
    }

    /// AuthenticationSASLContinue.
    ///
    /// # Errors
    /// More than the message can hold.
    pub fn sasl_continue(data: Vec<u8>) -> Result<Frame, WireError> {
        encode("AuthenticationSASLContinue", &startup::Authentication::SASLContinue(Bytes::from(data)))
    }

    /// AuthenticationSASLFinal.
    ///
    /// # Errors
    /// More than the message can hold.
    pub fn sasl_final(data: Vec<u8>) -> Result<Frame, WireError> {
        encode("AuthenticationSASLFinal", &startup::Authentication::SASLFinal(Bytes::from(data)))
    }
}
