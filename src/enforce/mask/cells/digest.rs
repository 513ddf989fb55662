//! What `hash` makes of a text: keyed BLAKE3 of the text filled up to whole blocks. So all texts of one block, which most
//! are, cost one compression each, and a processor computes up to 16 of those at a time.

use blake3::IncrementCounter;
use blake3::platform::Platform;
use zeroize::Zeroizing;

/// A hash.
pub(super) type Digest = [u8; 32];

/// Nothing else derives a key with these words.
const CONTEXT: &str = "sidegate 2026-11-22 what hash makes of masked values";
const BLOCK: usize = 64;
/// Stands behind a text; zeros follow to the end of its last block, so that no two texts are filled up to the same.
const END: u8 = 0x80;
/// How many blocks the widest processors take.
const LANES: usize = 16;
/// The flags of a block that is all of an input, in keyed mode.
const KEYED: u8 = 1 << 4;
const FIRST: u8 = 1;
const LAST: u8 = 1 << 1 | 1 << 3;

pub(super) struct Hasher {
    key: Zeroizing<[u8; 32]>,
    /// The same, as the words that it is read as.
    words: Zeroizing<[u32; 8]>,
    platform: Platform,
}

impl Hasher {
    /// What hashes under a key that is derived from these bytes.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let key = Zeroizing::new(blake3::derive_key(CONTEXT, bytes));
        let mut words = Zeroizing::new([0; 8]);
        let (quads, _) = key.as_chunks();
        words.iter_mut().zip(quads).for_each(|(word, quad)| *word = u32::from_le_bytes(*quad));
        Self { key, words, platform: Platform::detect() }
    }

    pub(super) fn of(&self, text: &[u8]) -> Digest {
        let mut block = [0; BLOCK];
        if !fill(&mut block, text) {
            return self.long(text);
        }
        let mut digest = [0; 32];
        self.blocks(&[&block], &mut digest);
        digest
    }

    /// The same of many texts.
    pub(super) fn all<'t>(&self, texts: impl Iterator<Item = Option<&'t [u8]>>) -> Vec<Option<Digest>> {
        let mut digests = Vec::with_capacity(texts.size_hint().0);
        let mut blocks = [[0; BLOCK]; LANES];
        let mut places = [0_usize; LANES];
        let mut count = 0_usize;
        for text in texts {
            let waits = |text| blocks.get_mut(count).is_some_and(|block| fill(block, text));
            if text.is_some_and(waits) {
                places.get_mut(count).into_iter().for_each(|place| *place = digests.len());
                count = count.saturating_add(1);
                digests.push(None);
            } else {
                digests.push(text.map(|text| self.long(text)));
            }
            if count == LANES {
                self.put(&blocks, &places, &mut digests);
                count = 0;
            }
        }
        self.put(blocks.get(..count).unwrap_or_default(), &places, &mut digests);
        digests
    }

    /// Hashes blocks, each for a place.
    fn put(&self, blocks: &[[u8; BLOCK]], places: &[usize; LANES], digests: &mut [Option<Digest>]) {
        const NONE: &[u8; BLOCK] = &[0; BLOCK];
        let (mut inputs, mut hashed) = ([NONE; LANES], [[0; 32]; LANES]);
        inputs.iter_mut().zip(blocks).for_each(|(input, block)| *input = block);
        let (Some(inputs), Some(hashed)) = (inputs.get(..blocks.len()), hashed.get_mut(..blocks.len())) else { return };
        self.blocks(inputs, hashed.as_flattened_mut());
        for (digest, place) in hashed.iter().zip(places) {
            if let Some(room) = digests.get_mut(*place) {
                *room = Some(*digest);
            }
        }
    }

    fn blocks(&self, blocks: &[&[u8; BLOCK]], out: &mut [u8]) {
        self.platform.hash_many(blocks, &self.words, 0, IncrementCounter::No, KEYED, FIRST, LAST, out);
    }

    fn long(&self, text: &[u8]) -> Digest {
        let mut end = [0; BLOCK];
        end[0] = END;
        let left = BLOCK.saturating_sub(text.len() % BLOCK);
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(text).update(end.get(..left).unwrap_or_default()).finalize().into()
    }
}

/// Makes a block of a text, unless it has more than one.
fn fill(block: &mut [u8; BLOCK], text: &[u8]) -> bool {
    let Some((room, [end, rest @ ..])) = block.split_at_mut_checked(text.len()) else { return false };
    room.copy_from_slice(text);
    *end = END;
    rest.fill(0);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the library's own way, which knows nothing of blocks.
    fn expected(key: &[u8], text: &[u8]) -> Digest {
        let mut whole = text.to_vec();
        whole.push(END);
        whole.resize(whole.len().next_multiple_of(BLOCK), 0);
        blake3::keyed_hash(&blake3::derive_key(CONTEXT, key), &whole).into()
    }

    #[test]
    fn every_length_around_a_block_is_the_keyed_blake3_of_the_library() {
        let hasher = Hasher::new(b"some key");
        for length in 0..200 {
            let text = vec![b'x'; length];
            assert_eq!(hasher.of(&text), expected(b"some key", &text), "{length}");
        }
    }

    proptest! {
        #[test]
        fn many_at_a_time_come_to_what_each_comes_to(
            key: [u8; 32],
            texts in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..140)), 0..70),
        ) {
            let each: Vec<Option<Digest>> = texts.iter().map(|text| Some(expected(&key, text.as_ref()?))).collect();
            prop_assert_eq!(Hasher::new(&key).all(texts.iter().map(Option::as_deref)), each);
        }
    }

    #[test]
    fn texts_that_end_like_what_fills_them_up_are_different() {
        let hasher = Hasher::new(b"some key");
        let hashes: std::collections::BTreeSet<Digest> = [&b""[..], b"\0", b"\x80", b"\x80\0", b"a", b"a\0", b"a\x80"]
            .into_iter()
            .map(|text| hasher.of(text))
            .collect();
        assert_eq!(hashes.len(), 7);
    }
}
