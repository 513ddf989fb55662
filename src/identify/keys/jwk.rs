//! JSON Web Keys (RFC 7517). A key says what it is for; a token never does.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Map, Value};

use crate::config::Algorithm;
use crate::identify::json;
use crate::identify::token::{Token, TokenError};

/// The keys of one issuer that tokens may be signed with.
#[derive(Debug)]
pub(in crate::identify) struct KeySet(Vec<Arc<Key>>);

/// The key that a token was signed with, and how.
#[derive(Clone, Debug)]
pub(in crate::identify) struct SignedWith {
    key: Arc<Key>,
    algorithm: Algorithm,
}

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    /// What it may verify.
    algorithms: Vec<Algorithm>,
    material: Material,
}

#[derive(Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point, or the 32 bytes of Ed25519.
    Point(Vec<u8>),
}

/// More keys than any provider has.
const MAX_KEYS: usize = 200;

impl KeySet {
    /// Reads a set. Keys for other purposes, and of kinds that are not known, are left out.
    pub(in crate::identify) fn read(text: &[u8], allowed: &[Algorithm]) -> Result<Self, &'static str> {
        let set = json::object(text).ok_or("it is no JSON object in which every name is there once")?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
        if keys.len() > MAX_KEYS {
            return Err("it has more than 200 keys");
        }
        let usable: Vec<Arc<Key>> = keys
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|members| Key::read(members, allowed).map(Arc::new))
            .collect();
        if usable.is_empty() { Err("it has no key that could verify a token") } else { Ok(Self(usable)) }
    }

    /// How many there are.
    pub(in crate::identify) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is a key of this name.
    pub(in crate::identify) fn has(&self, kid: Option<&str>) -> bool {
        kid.is_none() || self.0.iter().any(|key| key.kid.as_deref() == kid)
    }

    /// Whether the set has the key still, under whatever name, and for what it was used.
    pub(in crate::identify) fn holds(&self, used: &SignedWith) -> bool {
        self.0.iter().any(|key| key.material == used.key.material && key.algorithms.contains(&used.algorithm))
    }

    /// The one key that the token's signature can be of, if it is.
    pub(in crate::identify) fn verify(&self, token: &Token) -> Result<SignedWith, TokenError> {
        let named: Vec<&Arc<Key>> =
            self.0.iter().filter(|key| token.kid().is_none() || key.kid.as_deref() == token.kid()).collect();
        if named.is_empty() {
            return Err(TokenError::UnknownKey { kid: token.kid().unwrap_or_default().to_owned() });
        }
        let algorithm = token.algorithm();
        let mut fitting = named.into_iter().filter(|key| key.algorithms.contains(&algorithm));
        let key = fitting.next().ok_or(TokenError::KeyAlgorithm)?;
        if fitting.next().is_some() {
            return Err(TokenError::AmbiguousKey);
        }
        let (signed, signature) = token.signed();
        if key.material.verifies(algorithm, signed, signature) {
            Ok(SignedWith { key: Arc::clone(key), algorithm })
        } else {
            Err(TokenError::Signature)
        }
    }
}

impl Key {
    /// `None`: a key for something else.
    fn read(members: &Map<String, Value>, allowed: &[Algorithm]) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        // A private key in public, and whoever has it can be anybody.
        let public = !members.contains_key("d") && !members.contains_key("k");
        let signs = members.get("use").is_none_or(|purpose| purpose == "sig");
        let verifies = members.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|one| one == "verify"))
        });
        if !(public && signs && verifies) {
            return None;
        }
        let kid = match members.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().filter(|kid| !kid.is_empty())?.to_owned()),
        };
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let (material, possible) = match (text("kty")?, text("crv")) {
            ("RSA", None) => {
                let (n, e) = (without_zeros(bytes("n")?), without_zeros(bytes("e")?));
                (Material::Rsa { n, e }, &RSA[..])
            }
            ("EC", Some("P-256")) => (point(&bytes("x")?, &bytes("y")?, 32)?, &[Algorithm::Es256][..]),
            ("EC", Some("P-384")) => (point(&bytes("x")?, &bytes("y")?, 48)?, &[Algorithm::Es384][..]),
            ("OKP", Some("Ed25519")) => {
                (Material::Point(bytes("x").filter(|x| x.len() == 32)?), &[Algorithm::EdDsa][..])
            }
            _ => return None,
        };
        let algorithms: Vec<Algorithm> = match members.get("alg") {
            None => possible.iter().copied().filter(|one| allowed.contains(one)).collect(),
            Some(name) => possible.iter().copied().filter(|one| allowed.contains(one) && name == one.label()).collect(),
        };
        (!algorithms.is_empty()).then_some(Self { kid, algorithms, material })
    }
}

const RSA: [Algorithm; 6] =
    [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];

/// Some providers write the sign of a number that has none.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn point(x: &[u8], y: &[u8], length: usize) -> Option<Material> {
    (x.len() == length && y.len() == length).then(|| Material::Point([&[4], x, y].concat()))
}

impl Material {
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa = |parameters: &'static RsaParameters| match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok(),
            Self::Point(_) => false,
        };
        let curve = |algorithm: &'static dyn VerificationAlgorithm| match self {
            Self::Point(point) => UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok(),
            Self::Rsa { .. } => false,
        };
        match algorithm {
            Algorithm::Rs256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Ps256 => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Algorithm::Es256 => curve(&signature::ECDSA_P256_SHA256_FIXED),
            Algorithm::Es384 => curve(&signature::ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDsa => curve(&signature::ED25519),
        }
    }
}
