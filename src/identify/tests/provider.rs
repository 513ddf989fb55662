//! A provider of tokens with real keys, and a server that answers as the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::config::{Algorithm, GroupsClaim, Issuer, KeySource};

/// When tests happen.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs tokens.
pub(crate) struct Signer {
    pub(crate) kid: String,
    pair: Pair,
}

enum Pair {
    Ed(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Signer {
    pub(crate) fn ed25519(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { kid: kid.to_owned(), pair: Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()) }
    }

    pub(crate) fn p256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Self { kid: kid.to_owned(), pair: Pair::P256(pair) }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed(_) => "EdDSA",
            Pair::P256(_) => "ES256",
        }
    }

    /// The public key.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": b64(pair.public_key().as_ref())})
            }
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": b64(x), "y": b64(y)})
            }
        }
    }

    pub(crate) fn sign(&self, message: &str) -> String {
        match &self.pair {
            Pair::Ed(pair) => b64(pair.sign(message.as_bytes())),
            Pair::P256(pair) => b64(pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap()),
        }
    }

    /// A token of these texts, whatever they are.
    pub(crate) fn of_texts(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", b64(header), b64(claims));
        let signature = self.sign(&signed);
        format!("{signed}.{signature}")
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": self.algorithm(), "kid": self.kid, "typ": "JWT"})
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.of_texts(&self.header().to_string(), &claims.to_string())
    }
}

/// Claims that are right at [`NOW`].
pub(crate) fn claims() -> Value {
    json!({"iss": "https://idp.example.com", "aud": "sidegate", "sub": "alice", "exp": NOW + 600, "iat": NOW, "nbf": NOW})
}

/// The same with one changed; `Null` takes it away.
pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

pub(crate) fn issuer(keys: KeySource) -> Issuer {
    Issuer {
        name: "corp".into(),
        issuer: "https://idp.example.com".into(),
        keys,
        ca: None,
        audience: "sidegate".into(),
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
        subject_claim: "sub".into(),
        actor_claim: "act".into(),
        groups: None,
        claims: Vec::new(),
        skew: Duration::from_secs(60),
        max_age: Duration::from_secs(7200),
    }
}

pub(crate) fn groups(name: &str, optional: bool) -> Option<GroupsClaim> {
    Some(GroupsClaim { name: name.into(), optional })
}

/// A server that gives one answer until it is told another, and counts who asked.
pub(crate) struct Server {
    pub(crate) url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    /// Where it says that its keys are; empty: where they are.
    keys_at: Arc<Mutex<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::new(AtomicUsize::new(0));
        let keys_at = Arc::new(Mutex::new(String::new()));
        let (answers, count, base) = (Arc::clone(&answer), Arc::clone(&asked), url.clone());
        let elsewhere = Arc::clone(&keys_at);
        let task = tokio::spawn(async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                count.fetch_add(1, Ordering::SeqCst);
                let path = String::from_utf8_lossy(&request[..read]).split(' ').nth(1).unwrap_or_default().to_owned();
                let said = Some(elsewhere.lock().clone()).filter(|said| !said.is_empty());
                let keys = said.unwrap_or_else(|| format!("{base}/keys"));
                let discovery = json!({"issuer": base, "jwks_uri": keys}).to_string();
                let answer =
                    if path == "/.well-known/openid-configuration" { ok(&discovery) } else { answers.lock().clone() };
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, answer, asked, keys_at, task }
    }

    /// From now on this is the whole answer.
    pub(crate) fn says(&self, answer: Vec<u8>) {
        *self.answer.lock() = answer;
    }

    /// From now on it has these keys.
    pub(crate) fn has(&self, signers: &[&Signer]) {
        self.says(ok(&set(signers)));
    }

    /// From now on it says that its keys are there.
    pub(crate) fn has_keys_at(&self, address: &str) {
        *self.keys_at.lock() = address.to_owned();
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A key set.
pub(crate) fn set(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}

pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}
