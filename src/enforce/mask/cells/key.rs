//! A key under which cells are hashed and enciphered.

use ring::hkdf;
use zeroize::Zeroizing;

use super::characters;
use super::digest::{Digest, Hasher};
use super::ff1::{Below, Ff1};
use super::mac::Mac;
use super::ranges;

/// Keys of other uses are extracted with another salt.
const SALT: &[u8] = b"sidegate tokenize 1";

/// What `hash` and `tokenize` need of one named key. It shows nothing of itself.
pub struct Key {
    hash: Hasher,
    cipher: Ff1,
    substitute: Mac,
}

impl Key {
    /// A key of these bytes. What hashes and what enciphers are derived from them in two ways: neither says anything of
    /// the other.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(bytes);
        Self {
            hash: Hasher::new(bytes),
            cipher: Ff1::new(&derived(&root, b"cipher"), characters::sizes().chain(ranges::sizes())),
            substitute: Mac::new(derived(&root, b"substitute").as_ref()),
        }
    }

    /// What `hash` makes of a text.
    pub(super) fn hash(&self, text: &[u8]) -> Digest {
        self.hash.of(text)
    }

    /// What it makes of each of these.
    pub(super) fn hashes<'t>(&self, texts: impl Iterator<Item = Option<&'t [u8]>>) -> Vec<Option<Digest>> {
        self.hash.all(texts)
    }

    /// Whether both were made of the same bytes.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.substitute(b"", 0) == other.substitute(b"", 0)
    }

    pub(super) fn cipher(&self) -> &Ff1 {
        &self.cipher
    }

    /// What stands for each of these numbers.
    pub(super) fn tokens(&self, numbers: &[Option<Below>]) -> Vec<Option<u128>> {
        self.cipher.all_within(numbers)
    }

    /// Bytes that stand for others, one way, for what has too few possibilities to be enciphered.
    pub(super) fn substitute(&self, bytes: &[u8], block: u64) -> [u8; 32] {
        self.substitute.of(&[&block.to_be_bytes(), bytes])
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(redacted)")
    }
}

fn derived(root: &hkdf::Prk, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    let purposes = [purpose];
    // Both fail only for more bytes than one digest's 255 blocks have.
    if let Ok(output) = root.expand(&purposes, hkdf::HKDF_SHA256) {
        let _filled = output.fill(bytes.as_mut());
    }
    bytes
}
