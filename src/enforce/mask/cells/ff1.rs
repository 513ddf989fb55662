//! FF1 of NIST SP 800-38G with AES-256, for radix 2 and numbers of 20 to 128 bits: each half of such a number fits a
//! register, and a round is one block of AES, where the general algorithm computes with numbers of any size and takes
//! ten times as long. Tests hold it against the `fpe` crate.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

/// The standard's least: fewer than a million numbers are too few to hide in.
pub(super) const LEAST_BITS: u32 = 20;
pub(super) const MOST_BITS: u32 = 128;
pub(super) const LEAST_SIZE: u128 = 1_000_000;

const ROUNDS: u8 = 10;

/// What a number is enciphered beside: the same number comes to something else beside another tweak.
pub(super) type Tweak = [u8; 16];

pub(super) struct Ff1 {
    cipher: Aes256,
}

impl Ff1 {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { cipher: Aes256::new(&Array(*key)) }
    }

    /// The number below `size` that stands for `number`; nothing where the size is below [`LEAST_SIZE`].
    pub(super) fn within(&self, size: u128, number: u128, tweak: Option<&Tweak>) -> Option<u128> {
        if size < LEAST_SIZE || number >= size {
            return None;
        }
        let bits = u128::BITS.saturating_sub(size.saturating_sub(1).leading_zeros()).max(LEAST_BITS);
        // Walking on until it falls below the size is a permutation of what is below, and takes two steps on average.
        let mut number = self.bits(bits, number, tweak)?;
        while number >= size {
            number = self.bits(bits, number, tweak)?;
        }
        Some(number)
    }

    /// The number of so many bits that stands for another.
    pub(super) fn bits(&self, bits: u32, number: u128, tweak: Option<&Tweak>) -> Option<u128> {
        if !(LEAST_BITS..=MOST_BITS).contains(&bits) || number.checked_shr(bits).is_some_and(|over| over != 0) {
            return None;
        }
        let (left, right) = (bits / 2, bits.div_ceil(2));
        let start = self.start(bits, left, tweak);
        let mut a = u64::try_from(number >> right).ok()?;
        let mut b = low(number, right);
        for round in 0..ROUNDS {
            let width = if round % 2 == 0 { left } else { right };
            let c = low(u128::from(a).wrapping_add(self.round(&start, round, right, b)), width);
            (a, b) = (b, c);
        }
        Some(u128::from(a) << right | u128::from(b))
    }

    /// What all rounds begin with: the block that says what is enciphered, and the tweak.
    fn start(&self, bits: u32, left: u32, tweak: Option<&Tweak>) -> [u8; 16] {
        let length = if tweak.is_some() { 16 } else { 0 };
        let [n0, n1, n2, n3] = bits.to_be_bytes();
        // The third to fifth byte are the radix, the seventh the length of the left half.
        let [.., split] = left.to_be_bytes();
        let mut block = self.encipher([1, 2, 1, 0, 0, 2, ROUNDS, split, n0, n1, n2, n3, 0, 0, 0, length]);
        if let Some(tweak) = tweak {
            block.iter_mut().zip(tweak).for_each(|(byte, other)| *byte ^= other);
            block = self.encipher(block);
        }
        block
    }

    /// One round's number.
    fn round(&self, start: &[u8; 16], round: u8, right: u32, b: u64) -> u128 {
        // As many bytes as the right half has, with the round's number before them, at the end of the block.
        let width = right.div_ceil(8);
        let mut tail = u128::from(b);
        tail |= u128::from(round).checked_shl(width.saturating_mul(8)).unwrap_or(0);
        let block = self.encipher((u128::from_be_bytes(*start) ^ tail).to_be_bytes());
        // So many bytes of the result count, from the first.
        let counted = width.div_ceil(4).saturating_mul(4).saturating_add(4);
        u128::from_be_bytes(block) >> 128_u32.saturating_sub(counted.saturating_mul(8)).min(127)
    }

    fn encipher(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Array(block);
        self.cipher.encrypt_block(&mut block);
        block.0
    }
}

/// The low bits of a number; at most 64.
fn low(number: u128, bits: u32) -> u64 {
    let [.., b7, b6, b5, b4, b3, b2, b1, b0] = number.to_be_bytes();
    let word = u64::from_be_bytes([b7, b6, b5, b4, b3, b2, b1, b0]);
    word & u64::MAX.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use fpe::ff1::{FF1, FlexibleNumeralString};
    use proptest::prelude::*;

    use super::*;

    fn numerals(number: u128, bits: u32) -> FlexibleNumeralString {
        (0..bits).rev().map(|bit| u16::from(number >> bit & 1 == 1)).collect::<Vec<_>>().into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn it_is_the_ff1_of_another_implementation(
            key: [u8; 32], tweak: Option<[u8; 16]>, bits in LEAST_BITS..=MOST_BITS, number: u128,
        ) {
            let number = if bits == 128 { number } else { number & ((1 << bits) - 1) };
            let other = FF1::<Aes256>::new(&key, 2).unwrap();
            let tweaked = tweak.as_ref().map_or(&[][..], |tweak| tweak);
            let expected = other.encrypt(tweaked, &numerals(number, bits)).unwrap();
            let got = Ff1::new(&key).bits(bits, number, tweak.as_ref()).unwrap();
            prop_assert_eq!(Vec::from(numerals(got, bits)), Vec::from(expected));
        }

        #[test]
        fn what_is_below_a_size_stays_below_it(key: [u8; 32], size in LEAST_SIZE..u128::MAX, number: u128) {
            let ff1 = Ff1::new(&key);
            let got = ff1.within(size, number % size, None).unwrap();
            prop_assert!(got < size);
            prop_assert_ne!(ff1.within(size, (number % size + 1) % size, None).unwrap(), got);
        }
    }

    #[test]
    fn numbers_below_a_size_stand_for_different_ones() {
        let ff1 = Ff1::new(&[7; 32]);
        let tokens: std::collections::BTreeSet<u128> =
            (0..20_000).filter_map(|number| ff1.within(1_000_003, number, None)).collect();
        assert_eq!(tokens.len(), 20_000);
    }

    #[test]
    fn fewer_than_a_million_are_not_enciphered() {
        let ff1 = Ff1::new(&[7; 32]);
        assert_eq!(ff1.within(999_999, 5, None), None);
        assert!(ff1.within(1_000_000, 5, None).is_some());
        assert_eq!(ff1.within(1_000_000, 1_000_000, None), None, "not one of them");
        assert_eq!(ff1.bits(20, 1 << 20, None), None);
        assert_eq!(ff1.bits(19, 1, None), None);
    }
}
