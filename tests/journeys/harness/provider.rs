//! A provider of tokens: OpenID Connect's discovery and keys over HTTP, with real signatures.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// One signing key.
pub struct Key {
    kid: String,
    pair: EcdsaKeyPair,
}

/// A provider that answers until it is told not to.
pub struct Provider {
    pub issuer: String,
    keys: Arc<Mutex<String>>,
    up: Arc<AtomicBool>,
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

impl Key {
    pub fn new(kid: &str) -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key");
        Self { kid: kid.to_owned(), pair }
    }

    fn public(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": x, "y": y})
    }

    /// A set of keys, as a provider gives it.
    pub fn set(keys: &[&Self]) -> String {
        json!({"keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>()}).to_string()
    }

    /// Signs claims.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.kid}).to_string();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("it signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Provider {
    pub fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let provider = Self { issuer, keys: Arc::default(), up: Arc::new(AtomicBool::new(true)) };
        provider.has(keys);
        let (issuer, keys, up) = (provider.issuer.clone(), Arc::clone(&provider.keys), Arc::clone(&provider.up));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if up.load(Ordering::SeqCst) {
                    answer(stream, &issuer, &keys.lock().expect("nobody panics here").clone());
                }
            }
        });
        provider
    }

    /// From now on it has these keys.
    pub fn has(&self, keys: &[&Key]) {
        self.says(&Key::set(keys));
    }

    /// From now on it says this of its keys.
    pub fn says(&self, text: &str) {
        *self.keys.lock().expect("nobody panics here") = text.to_owned();
    }

    /// From now on it closes every connection unanswered.
    pub fn goes_away(&self) {
        self.up.store(false, Ordering::SeqCst);
    }

    /// Claims for the journeys' audience that hold for so many seconds.
    pub fn claims(&self, seconds: u64) -> Value {
        json!({"iss": self.issuer, "aud": "sidegate", "sub": "alice@example.com", "iat": now(), "exp": now() + seconds,
               "groups": ["analysts"], "department": "risk", "salary": 1, "act": {"sub": "agent-7"}})
    }

    /// The configuration of this issuer, with more keys.
    pub fn configuration(&self, more: &str) -> String {
        format!("issuers: [{{name: corp, issuer: \"{}\", audience: sidegate{more}}}]", self.issuer)
    }
}

fn answer(mut stream: TcpStream, issuer: &str, keys: &str) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..read]);
    let body = match request.split(' ').nth(1) {
        Some("/.well-known/openid-configuration") => {
            json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}).to_string()
        }
        Some("/keys") => keys.to_owned(),
        _ => String::new(),
    };
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    let _ = stream.shutdown(Shutdown::Both);
}
