//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it, without channel binding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The mechanism's name.
pub(super) const MECHANISM: &str = "SCRAM-SHA-256";

/// What proves a password without being it.
#[derive(Clone)]
pub(super) struct Verifier {
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: [u8; 32],
    pub(super) server_key: [u8; 32],
}

/// Why an exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A message that is none: a breach of the protocol.
    Malformed(&'static str),
    /// The proof is not the password's.
    Wrong,
}

/// An exchange whose first half is done.
pub(super) struct Exchange {
    client_first_bare: String,
    server_first: String,
    nonce: String,
    /// What the client must repeat: its own header, in base64.
    binding: String,
}

/// No client's nonce is longer: libpq's has 24 characters.
const MAX_NONCE: usize = 256;
const MAX_MESSAGE: usize = 2048;

impl Exchange {
    /// Reads the client's first message. `own` is our part of the nonce.
    pub(super) fn begin(message: &[u8], verifier: &Verifier, own: &str) -> Result<Self, Failure> {
        let message = text(message)?;
        // `y` says that the client would bind to a channel if we offered it, which we do not: no downgrade.
        let (header, bare) = message
            .strip_prefix("n,,")
            .map(|bare| ("n,,", bare))
            .or_else(|| message.strip_prefix("y,,").map(|bare| ("y,,", bare)))
            .ok_or(Failure::Malformed("channel binding or another identity was asked for"))?;
        let mut fields = bare.split(',');
        // The name was said in the start-up packet; as in PostgreSQL the one here is not read.
        let _name = field(fields.next(), "n=")?;
        let theirs = field(fields.next(), "r=")?;
        let printable = theirs.bytes().all(|byte| byte.is_ascii_graphic());
        if theirs.is_empty() || theirs.len() > MAX_NONCE || !printable {
            return Err(Failure::Malformed("the nonce is empty, too long or not printable"));
        }
        let nonce = format!("{theirs}{own}");
        let salt = STANDARD.encode(&verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        Ok(Self { client_first_bare: bare.to_owned(), server_first, nonce, binding: STANDARD.encode(header) })
    }

    /// Our first message.
    pub(super) fn server_first(&self) -> &str {
        &self.server_first
    }

    /// Checks the client's proof; gives our own.
    pub(super) fn finish(self, message: &[u8], verifier: &Verifier) -> Result<String, Failure> {
        let message = text(message)?;
        let (without_proof, proof) =
            message.rsplit_once(",p=").ok_or(Failure::Malformed("the final message has no proof"))?;
        let mut fields = without_proof.split(',');
        let binding = field(fields.next(), "c=")?;
        let nonce = field(fields.next(), "r=")?;
        if binding != self.binding || nonce != self.nonce {
            return Err(Failure::Malformed("the final message is not of this exchange"));
        }
        let proof: [u8; 32] = STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok())
            .ok_or(Failure::Malformed("the proof has a wrong form"))?;
        let exchange = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let signature = hmac(&verifier.stored_key, exchange.as_bytes());
        let mut client_key = proof;
        client_key.iter_mut().zip(signature).for_each(|(byte, mask)| *byte ^= mask);
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        if !bool::from(stored_key.ct_eq(&verifier.stored_key)) {
            return Err(Failure::Wrong);
        }
        Ok(format!("v={}", STANDARD.encode(hmac(&verifier.server_key, exchange.as_bytes()))))
    }
}

/// HMAC-SHA-256.
pub(super) fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // A key shorter than a block is one that ends in zeros.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(padded, byte)| *padded = *byte);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn text(message: &[u8]) -> Result<&str, Failure> {
    if message.len() > MAX_MESSAGE {
        return Err(Failure::Malformed("the message is too long"));
    }
    std::str::from_utf8(message).map_err(|_| Failure::Malformed("the message is not UTF-8"))
}

fn field<'a>(field: Option<&'a str>, name: &str) -> Result<&'a str, Failure> {
    field.and_then(|field| field.strip_prefix(name)).ok_or(Failure::Malformed("an attribute is missing"))
}
