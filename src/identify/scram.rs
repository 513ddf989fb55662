//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it. Inside TLS a client may
//! bind the exchange to our certificate: then it is worth nothing to somebody in between who has another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The mechanism without channel binding.
pub(super) const MECHANISM: &str = "SCRAM-SHA-256";
/// The mechanism with it.
pub(super) const MECHANISM_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// The only binding that is spoken, as in PostgreSQL.
const BOUND: &str = "p=tls-server-end-point,,";

/// What proves a password without being it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Verifier {
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: [u8; 32],
    pub(super) server_key: [u8; 32],
}

/// Why an exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A mechanism that was not offered.
    Mechanism,
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
    /// What the client must repeat: its own header and what it binds itself to, in base64.
    binding: String,
}

/// No client's nonce is longer: libpq's has 24 characters.
const MAX_NONCE: usize = 256;
const MAX_MESSAGE: usize = 2048;

/// What is offered, the best first, to a client that sees this end point.
pub(super) fn mechanisms(end_point: Option<&[u8]>) -> &'static [&'static str] {
    match end_point {
        Some(_) => &[MECHANISM_PLUS, MECHANISM],
        None => &[MECHANISM],
    }
}

impl Exchange {
    /// Reads the client's first message, for the mechanism that it chose. `own` is our part of the nonce, `end_point`
    /// what the client can bind itself to.
    pub(super) fn begin(
        mechanism: &str,
        message: &[u8],
        verifier: &Verifier,
        own: &str,
        end_point: Option<&[u8]>,
    ) -> Result<Self, Failure> {
        let headers: &[&str] = match (mechanism, end_point) {
            (MECHANISM_PLUS, Some(_)) => &[BOUND],
            // `y` says that the client would bind if we offered it. We did: somebody in between has hidden that.
            (MECHANISM, Some(_)) => &["n,,"],
            (MECHANISM, None) => &["n,,", "y,,"],
            _ => return Err(Failure::Mechanism),
        };
        let bound_to = end_point.filter(|_| mechanism == MECHANISM_PLUS).unwrap_or_default();
        let message = text(message)?;
        let (header, bare) = headers.iter().find_map(|header| Some((*header, message.strip_prefix(header)?))).ok_or(
            Failure::Malformed("the channel binding is not what was offered, or another identity is asked for"),
        )?;
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
        let binding = STANDARD.encode([header.as_bytes(), bound_to].concat());
        Ok(Self { client_first_bare: bare.to_owned(), server_first, nonce, binding })
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
