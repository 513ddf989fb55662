//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it. What a password comes to under a
//! server's salt takes thousands of hashes; it is kept for the next login, as long as the password stays the same.

use std::num::NonZeroU32;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use ring::{digest, hmac, pbkdf2};
use zeroize::{Zeroize, Zeroizing};

/// The mechanism without channel binding.
pub(super) const MECHANISM: &str = "SCRAM-SHA-256";
/// The mechanism with it.
pub(super) const MECHANISM_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// PostgreSQL's default. Below this a server only wants a proof that is cheap to guess a password from.
const MIN_ITERATIONS: u32 = 4_096;
/// Above this a server only wants to keep sidegate busy.
const MAX_ITERATIONS: u32 = 100_000;
/// PostgreSQL's first answer has about 90 bytes; room for long salts, not for more.
const MAX_SERVER_FIRST: usize = 1024;
/// Random bytes of our part of the nonce.
const NONCE: usize = 18;

/// What the exchange is bound to.
pub(super) enum Binding {
    /// Nothing, and we could not.
    Unsupported,
    /// Nothing, though we could: a server that could as well learns that its offer was taken away.
    Unrequested,
    /// The certificate of the TLS that carries it.
    EndPoint(Vec<u8>),
}

/// An exchange whose first message is made.
pub(super) struct Exchange {
    binding: Binding,
    nonce: String,
}

/// The server's first answer, checked.
pub(super) struct Challenge {
    text: String,
    nonce: String,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

/// What a password comes to under one salt: it proves the password, and is not it.
pub(super) struct Keys {
    client: Zeroizing<[u8; 32]>,
    server: Zeroizing<[u8; 32]>,
}

/// An exchange whose proof is made.
pub(super) struct Proof {
    message: String,
    signed: String,
}

/// The keys of the last login that a server answered with its own proof.
#[derive(Default)]
pub(super) struct Memory(Mutex<Option<Remembered>>);

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory(redacted)")
    }
}

struct Remembered {
    /// Of its own, so that the name below says nothing about the password to who has not got it.
    secret: Zeroizing<[u8; 32]>,
    /// A digest of what the keys were made of.
    name: blake3::Hash,
    keys: Arc<Keys>,
}

impl Binding {
    fn header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::Unrequested => "y,,",
            Self::EndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    fn data(&self) -> &[u8] {
        match self {
            Self::Unsupported | Self::Unrequested => &[],
            Self::EndPoint(end_point) => end_point,
        }
    }
}

impl Exchange {
    /// Begins; `None` if the system has no random bytes.
    pub(super) fn begin(binding: Binding) -> Option<Self> {
        let mut random = [0; NONCE];
        getrandom::fill(&mut random).ok()?;
        Some(Self { binding, nonce: STANDARD.encode(random) })
    }

    /// The first message. The name was said in the start-up packet; PostgreSQL does not read the one here.
    pub(super) fn message(&self) -> String {
        format!("{}n=,r={}", self.binding.header(), self.nonce)
    }

    /// Reads the server's first answer: what must hold before anything is computed from it.
    pub(super) fn challenge(&self, data: &[u8]) -> Result<Challenge, &'static str> {
        const MALFORMED: &str = "its first answer is malformed";
        if data.len() > MAX_SERVER_FIRST {
            return Err("its first answer is too long");
        }
        let text = std::str::from_utf8(data).map_err(|_| MALFORMED)?;
        let mut fields = text.split(',');
        let mut field = |name: &str| fields.next().and_then(|field| field.strip_prefix(name)).ok_or(MALFORMED);
        let (nonce, salt, iterations) = (field("r=")?, field("s=")?, field("i=")?);
        if fields.next().is_some() {
            return Err(MALFORMED);
        }
        let extended = nonce.strip_prefix(self.nonce.as_str()).is_some_and(|own| !own.is_empty());
        if !extended || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its nonce does not extend ours");
        }
        let salt = STANDARD.decode(salt).map_err(|_| MALFORMED)?;
        if salt.is_empty() {
            return Err("it has no salt");
        }
        let few_enough = |count: &NonZeroU32| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&count.get());
        let digits = iterations.bytes().all(|byte| byte.is_ascii_digit());
        let iterations = iterations.parse().ok().filter(few_enough).filter(|_| digits);
        let iterations = iterations.ok_or("its iteration count is not between 4096 and 100000")?;
        Ok(Challenge { text: text.to_owned(), nonce: nonce.to_owned(), salt, iterations })
    }

    /// Proves that the keys are known.
    pub(super) fn prove(self, challenge: &Challenge, keys: &Keys) -> Proof {
        let binding = STANDARD.encode([self.binding.header().as_bytes(), self.binding.data()].concat());
        let message = format!("c={binding},r={}", challenge.nonce);
        let signed = format!("n=,r={},{},{message}", self.nonce, challenge.text);
        Proof { message: format!("{message},p={}", keys.proof(&signed)), signed }
    }
}

impl Proof {
    /// The second message.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Whether the server's last answer proves that it knows the keys as well.
    pub(super) fn is_answered_by(&self, data: &[u8], keys: &Keys) -> bool {
        let Some(theirs) = data.strip_prefix(b"v=").and_then(|theirs| STANDARD.decode(theirs).ok()) else {
            return false;
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*keys.server);
        hmac::verify(&key, self.signed.as_bytes(), &theirs).is_ok()
    }
}

impl Keys {
    /// Thousands of hashes.
    pub(super) fn of(password: &str, challenge: &Challenge) -> Self {
        // As PostgreSQL does: a password that may not be prepared is taken as it is.
        let prepared = stringprep::saslprep(password).map(std::borrow::Cow::into_owned);
        let prepared = Zeroizing::new(prepared.unwrap_or_else(|_| password.to_owned()));
        let mut salted = Zeroizing::new([0; 32]);
        let method = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(method, challenge.iterations, &challenge.salt, prepared.as_bytes(), &mut *salted);
        let key = |name: &str| {
            let mut key = Zeroizing::new([0; 32]);
            key.iter_mut().zip(sign(&*salted, name.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
            key
        };
        Self { client: key("Client Key"), server: key("Server Key") }
    }

    /// What shows, of this text alone, that the client's key is known.
    fn proof(&self, signed: &str) -> String {
        let stored = digest::digest(&digest::SHA256, &*self.client);
        let signature = sign(stored.as_ref(), signed.as_bytes());
        STANDARD.encode(self.client.iter().zip(signature.as_ref()).map(|(key, mask)| key ^ mask).collect::<Vec<_>>())
    }
}

impl Memory {
    /// The keys of this password under this salt, if they are the last ones.
    pub(super) fn recall(&self, password: &str, challenge: &Challenge) -> Option<Arc<Keys>> {
        let last = self.0.lock();
        let known = last.as_ref().filter(|known| known.name == name(&known.secret, password, challenge))?;
        Some(Arc::clone(&known.keys))
    }

    /// Keeps keys that a server has shown to know.
    pub(super) fn keep(&self, password: &str, challenge: &Challenge, keys: &Arc<Keys>) {
        if self.0.lock().as_ref().is_some_and(|known| Arc::ptr_eq(&known.keys, keys)) {
            return;
        }
        let mut secret = Zeroizing::new([0; 32]);
        if getrandom::fill(&mut *secret).is_ok() {
            let name = name(&secret, password, challenge);
            *self.0.lock() = Some(Remembered { secret, name, keys: Arc::clone(keys) });
        }
    }
}

/// Everything that keys are made of, each part behind its length.
fn name(secret: &[u8; 32], password: &str, challenge: &Challenge) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(secret);
    hasher.update(&challenge.iterations.get().to_le_bytes());
    for part in [challenge.salt.as_slice(), password.as_bytes()] {
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part);
    }
    let name = hasher.finalize();
    hasher.zeroize();
    name
}

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677.
    fn exchange() -> (Exchange, Challenge) {
        let exchange = Exchange { binding: Binding::Unsupported, nonce: "rOprNGfwEbeRWgbNEkqO".to_owned() };
        let first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let challenge = exchange.challenge(first).unwrap();
        (exchange, challenge)
    }

    /// The user of RFC 7677 has a name; PostgreSQL's have none here, and other signatures.
    #[test]
    fn keys_and_signatures_are_the_rfcs() {
        let (exchange, challenge) = exchange();
        let keys = Keys::of("pencil", &challenge);
        let bare = "n=user,r=rOprNGfwEbeRWgbNEkqO";
        let signed = format!("{bare},{},c=biws,r={}", challenge.text, challenge.nonce);
        assert_eq!(keys.proof(&signed), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let said = Proof { message: String::new(), signed };
        assert!(said.is_answered_by(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &keys));
        assert!(!said.is_answered_by(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", &keys));
        assert!(!said.is_answered_by(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x=y", &keys));
        assert!(!said.is_answered_by(b"e=other-error", &keys) && !said.is_answered_by(b"v=", &keys));
        let proof = exchange.prove(&challenge, &keys);
        assert!(proof.message().starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="));
        assert!(!proof.is_answered_by(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &keys), "of another text");
    }

    #[test]
    fn a_password_is_prepared_as_the_server_prepares_it() {
        let (_, challenge) = exchange();
        let keys = |password: &str| *Keys::of(password, &challenge).client;
        // SASLprep: a soft hyphen is nothing, and compatible forms are one; a control character may not be prepared.
        assert_eq!(keys("pen\u{ad}cil"), keys("pencil"));
        assert_eq!(keys("\u{2168}"), keys("IX"));
        assert_ne!(keys("pencil\u{7}"), keys("pencil"));
    }

    #[test]
    fn keys_are_recalled_for_the_same_password_and_salt_alone() {
        let (exchange, challenge) = exchange();
        let memory = Memory::default();
        assert!(memory.recall("pencil", &challenge).is_none());
        let keys = Arc::new(Keys::of("pencil", &challenge));
        memory.keep("pencil", &challenge, &keys);
        assert!(memory.recall("pencil", &challenge).is_some_and(|found| Arc::ptr_eq(&found, &keys)));
        let other = |text: &str| exchange.challenge(format!("r={}x,{text}", exchange.nonce).as_bytes()).unwrap();
        let again = other("s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        assert!(memory.recall("pencil", &again).is_some(), "another nonce");
        for (password, challenge) in [
            ("pencil2", &challenge),
            ("", &challenge),
            ("pencil", &other("s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4097")),
            ("pencil", &other("s=W22ZaJ0SNY7soEsUEjb6gA==,i=4096")),
            ("pencil", &other("s=W22ZaJ0SNY7soEsUEjb6,i=4096")),
        ] {
            assert!(memory.recall(password, challenge).is_none());
        }
        memory.keep("pencil2", &challenge, &Arc::new(Keys::of("pencil2", &challenge)));
        assert!(memory.recall("pencil", &challenge).is_none(), "one is kept");
    }
}
