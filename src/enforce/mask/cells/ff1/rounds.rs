//! What the ten rounds of FF1 are made of, where both halves of a number fit a register.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt};

use super::super::divisor::low;

pub(super) const ROUNDS: u8 = 10;

/// What a number is enciphered beside: the same number comes to something else beside another tweak.
pub(in super::super) type Tweak = [u8; 16];

/// What all rounds have in common. A block is two words of 64 bits, of which the second has the half.
#[derive(Clone, Copy)]
pub(super) struct Rounds {
    start: [u64; 2],
    /// What a round's number is counted in, where it stands before the half.
    round: [u64; 2],
    /// How many bits of the second word of a block's result count, behind the first.
    shift: u32,
}

impl Rounds {
    /// Of numbers of so many numerals of a radix, halved, whose larger half has so many bits, at most 64.
    pub(super) fn new(
        cipher: &Aes256,
        radix: u32,
        numerals: u32,
        half_bits: u32,
        tweak: Option<&Tweak>,
    ) -> Option<Self> {
        let [_, r0, r1, r2] = radix.to_be_bytes();
        let [n0, n1, n2, n3] = numerals.to_be_bytes();
        let [.., split] = (numerals / 2).to_be_bytes();
        let tweak_bytes = if tweak.is_some() { 16 } else { 0 };
        let first = [1, 2, 1, r0, r1, r2, ROUNDS, split, n0, n1, n2, n3, 0, 0, 0, tweak_bytes];
        let mut start = enciphered(cipher, first);
        if let Some(tweak) = tweak {
            start.iter_mut().zip(tweak).for_each(|(byte, other)| *byte ^= other);
            start = enciphered(cipher, start);
        }
        // As many bytes as the larger half has, with the round's number before them, are at the end of a block.
        let width = half_bits.div_ceil(8);
        Some(Self {
            start: words(start),
            round: words(1_u128.checked_shl(width.checked_mul(8)?)?.to_be_bytes()),
            shift: counted(half_bits).checked_sub(64)?,
        })
    }

    /// What a round enciphers.
    #[inline(always)]
    pub(super) fn block(&self, round: u8, half: u64) -> [u8; 16] {
        let ([first, second], [one, two], round) = (self.start, self.round, u64::from(round));
        let (first, second) = (first ^ one.wrapping_mul(round), second ^ two.wrapping_mul(round) ^ half);
        (u128::from(first) << 64 | u128::from(second)).to_be_bytes()
    }

    /// The number that is added to the other half: its first 64 bits, and its last 64.
    #[inline(always)]
    pub(super) fn added(&self, result: [u8; 16]) -> (u64, u64) {
        let [first, second] = words(result);
        // In two steps: a word cannot be moved by all of its bits.
        (first, (first << (self.shift & 63)) | (second >> 1 >> (63_u32.wrapping_sub(self.shift) & 63)))
    }
}

/// How many bits the number has that is added to a half of so many.
pub(super) fn counted(half_bits: u32) -> u32 {
    half_bits.div_ceil(32).saturating_add(1).saturating_mul(32)
}

pub(super) fn enciphered(cipher: &Aes256, block: [u8; 16]) -> [u8; 16] {
    let mut block = Array(block);
    cipher.encrypt_block(&mut block);
    block.0
}

/// A block as two numbers.
fn words(block: [u8; 16]) -> [u64; 2] {
    let block = u128::from_be_bytes(block);
    [low(block >> 64), low(block)]
}
