//! HMAC-SHA-256 under a key whose two states are computed once, so that a short text takes two blocks, which is least.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const BLOCK: usize = 64;
/// What is before the last eight bytes of the last block, which say how many bits there were.
const LAST: usize = 56;
/// The state that the standard begins with.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

pub(super) struct Mac {
    inner: Zeroizing<[u32; 8]>,
    outer: Zeroizing<[u32; 8]>,
}

impl Mac {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK]);
        if key.len() > BLOCK {
            let short = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(key)));
            copy(&mut *block, &*short);
        } else {
            copy(&mut *block, key);
        }
        let begun = |pad: u8| {
            let padded = Zeroizing::new([block.map(|byte| byte ^ pad)]);
            let mut state = Zeroizing::new(START);
            compress256(&mut state, &*padded);
            state
        };
        Self { inner: begun(0x36), outer: begun(0x5c) }
    }

    /// The tag of what all parts come to, one behind the other.
    pub(super) fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut block = [0; BLOCK];
        let (mut state, mut filled, mut length) = (*self.inner, 0_usize, BLOCK);
        for part in parts {
            length = length.wrapping_add(part.len());
            let mut rest = *part;
            while !rest.is_empty() {
                let room = block.get_mut(filled..).unwrap_or_default();
                let (now, after) = rest.split_at_checked(room.len()).unwrap_or((rest, &[]));
                copy(room, now);
                filled = filled.saturating_add(now.len());
                rest = after;
                if filled == BLOCK {
                    compress256(&mut state, &[block]);
                    filled = 0;
                }
            }
        }
        let digest = finished(state, block, filled, length);
        let mut block = [0; BLOCK];
        copy(&mut block, &digest);
        finished(*self.outer, block, digest.len(), BLOCK.saturating_add(digest.len()))
    }
}

/// Ends a hash whose last block has so many bytes.
fn finished(mut state: [u32; 8], mut block: [u8; BLOCK], filled: usize, length: usize) -> [u8; 32] {
    let (_, rest) = block.split_at_mut(filled.min(BLOCK));
    rest.fill(0);
    if let Some(end) = rest.first_mut() {
        *end = 0x80;
    }
    if filled >= LAST {
        compress256(&mut state, &[block]);
        block = [0; BLOCK];
    }
    let bits = u64::try_from(length).unwrap_or(u64::MAX).wrapping_mul(8);
    copy(block.get_mut(LAST..).unwrap_or_default(), &bits.to_be_bytes());
    compress256(&mut state, &[block]);
    let mut digest = [0; 32];
    digest.chunks_exact_mut(4).zip(state).for_each(|(bytes, word)| copy(bytes, &word.to_be_bytes()));
    digest
}

fn copy(room: &mut [u8], bytes: &[u8]) {
    room.iter_mut().zip(bytes).for_each(|(byte, other)| *byte = *other);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::hmac;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_hmac_of_another_implementation(
            key in prop::collection::vec(any::<u8>(), 0..150),
            one in prop::collection::vec(any::<u8>(), 0..200),
            other in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &[&one[..], &other].concat());
            prop_assert_eq!(&Mac::new(&key).of(&[&one, &other])[..], expected.as_ref());
        }
    }

    #[test]
    fn every_length_around_a_block_is_that_of_another_implementation() {
        let key = [7; 32];
        let (mac, other) = (Mac::new(&key), hmac::Key::new(hmac::HMAC_SHA256, &key));
        for length in 0..200 {
            let text = vec![b'x'; length];
            assert_eq!(&mac.of(&[&text])[..], hmac::sign(&other, &text).as_ref(), "{length}");
        }
    }

    #[test]
    fn it_is_the_standards_own_example() {
        // RFC 4231, case 2.
        let tag = Mac::new(b"Jefe").of(&[b"what do ya want for nothing?"]);
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
