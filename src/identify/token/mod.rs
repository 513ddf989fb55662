//! JSON Web Tokens (RFC 7515, RFC 7519), signed ones of the compact form only. A token is read, its signature is
//! checked with a key that says itself what it is for, and only then do its claims mean anything.

mod claims;
mod error;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::json;
use crate::config::Algorithm;

pub(super) use claims::{Claims, Known};
pub use error::TokenError;

/// A token that was read. Nothing in it is to be believed yet.
#[derive(Clone)]
pub struct Token {
    algorithm: Algorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
    /// What was signed.
    signed: String,
    signature: Vec<u8>,
}

/// No provider's key has a longer name.
const MAX_KID: usize = 512;
/// Above PostgreSQL's own limit for a password message.
const MAX_TOKEN: usize = 64 << 10;
/// The types of token that speak for somebody: a log-out token, say, does not.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// Anything that is not exactly a signed token with a header that is understood whole.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        // Four at most, so that a text of dots is not a list of a million parts.
        let mut parts = text.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Form);
        };
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Form);
        let signature = bytes(signature)?;
        let header = json::object(&bytes(header)?).ok_or(TokenError::Json { part: "header" })?;
        let claims = json::object(&bytes(payload)?).ok_or(TokenError::Json { part: "claims" })?;
        let (algorithm, kid) = read_header(&header)?;
        let signed = text.rsplit_once('.').map(|(signed, _)| signed.to_owned()).ok_or(TokenError::Form)?;
        Ok(Self { algorithm, kid, claims, signed, signature })
    }

    /// How it says that it is signed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Which key it says that it is signed with.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Who it says that it is from.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// What a key must have signed.
    pub(super) fn signed(&self) -> (&[u8], &[u8]) {
        (self.signed.as_bytes(), &self.signature)
    }

    /// The claims, once the signature is known to be right.
    pub(super) fn into_claims(self) -> Claims {
        Claims::new(self.claims)
    }
}

// Whoever has the text of a token is its subject.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What of a header counts. Keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
fn read_header(header: &Map<String, Value>) -> Result<(Algorithm, Option<String>), TokenError> {
    for name in ["crit", "b64", "zip", "cty", "enc"] {
        if header.contains_key(name) {
            return Err(TokenError::Header { name });
        }
    }
    if let Some(kind) = header.get("typ") {
        let known = kind.as_str().is_some_and(|kind| TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind)));
        if !known {
            return Err(TokenError::Header { name: "typ" });
        }
    }
    let name = header.get("alg").and_then(Value::as_str).ok_or(TokenError::Header { name: "alg" })?;
    let algorithm = Algorithm::ALL.into_iter().find(|known| known.label() == name).ok_or(TokenError::Algorithm)?;
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID => Some(kid.clone()),
        Some(_) => return Err(TokenError::Header { name: "kid" }),
    };
    Ok((algorithm, kid))
}
