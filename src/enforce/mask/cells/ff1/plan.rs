//! How numbers of one size or width are enciphered.

use aes::Aes256;

use super::super::divisor::{Divisor, low};
use super::rounds::{ROUNDS, Rounds, Tweak, counted, enciphered};

/// The standard's most.
const MOST_RADIX: u64 = 1 << 16;

/// Of numbers below a size: numerals of the least radix that has a number for each, so that next to none is beyond the size.
#[derive(Clone, Copy)]
pub(super) struct Sized {
    pub(super) size: u128,
    rounds: Rounds,
    /// Of numbers into halves.
    halves: Divisor,
    /// Of what a round adds to a half.
    added: Divisor,
}

impl Sized {
    pub(super) fn new(cipher: &Aes256, size: u128, tweak: Option<&Tweak>) -> Option<Self> {
        let (radix, numerals) = numerals(size)?;
        let half = u64::from(radix).checked_pow(numerals / 2)?;
        let half_bits = bits(half.into());
        // Some are beyond the size, and come up on the way.
        let numbers = u128::from(half).checked_pow(2)?;
        Some(Self {
            size,
            rounds: Rounds::new(cipher, radix, numerals, half_bits, tweak)?,
            halves: Divisor::new(half, bits(numbers))?,
            added: Divisor::new(half, counted(half_bits))?,
        })
    }

    #[inline(always)]
    pub(super) fn halves(&self, number: u128) -> (u64, u64) {
        self.halves.divide(number)
    }

    #[inline(always)]
    pub(super) fn whole(&self, (a, b): (u64, u64)) -> u128 {
        u128::from(a).wrapping_mul(self.halves.by().into()).wrapping_add(b.into())
    }

    #[inline(always)]
    pub(super) fn block(&self, round: u8, half: u64) -> [u8; 16] {
        self.rounds.block(round, half)
    }

    /// The half that a round has changed by what came of it.
    #[inline(always)]
    pub(super) fn joined(&self, half: u64, result: [u8; 16]) -> u64 {
        let (top, last) = self.rounds.added(result);
        self.added.sum(half, top, last)
    }

    /// All rounds of one number.
    pub(super) fn encipher(&self, cipher: &Aes256, number: u128) -> u128 {
        let (mut a, mut b) = self.halves(number);
        for round in 0..ROUNDS {
            (a, b) = (b, self.joined(a, enciphered(cipher, self.block(round, b))));
        }
        self.whole((a, b))
    }
}

/// The least radix, and how many numerals: as few as can be, and even, so that both halves are alike.
pub(super) fn numerals(size: u128) -> Option<(u32, u32)> {
    let enough = |radix: u64, count: u32| u128::from(radix).checked_pow(count).is_none_or(|numbers| numbers >= size);
    let count = (2..=8).step_by(2).find(|count| enough(MOST_RADIX, *count))?;
    let (mut least, mut most) = (2, MOST_RADIX);
    while least < most {
        let middle = u64::midpoint(least, most);
        if enough(middle, count) { most = middle } else { least = middle.saturating_add(1) }
    }
    Some((u32::try_from(least).ok()?, count))
}

/// How many bits the numbers below a size have.
fn bits(size: u128) -> u32 {
    u128::BITS.saturating_sub(size.saturating_sub(1).leading_zeros())
}

/// Of all numbers of so many bits: each is a numeral of radix 2.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    rounds: Rounds,
    /// Bits of the right half.
    right: u32,
    /// The bits of the left half, and those of the right.
    masks: [u64; 2],
}

impl Bits {
    pub(super) fn new(cipher: &Aes256, bits: u32, tweak: Option<&Tweak>) -> Option<Self> {
        let (left, right) = (bits / 2, bits.div_ceil(2));
        let rounds = Rounds::new(cipher, 2, bits, right, tweak)?;
        Some(Self { rounds, right, masks: [mask(left), mask(right)] })
    }

    pub(super) fn encipher(&self, cipher: &Aes256, number: u128) -> u128 {
        let [left, right] = self.masks;
        let (mut a, mut b) = (low(number >> self.right), low(number) & right);
        for round in 0..ROUNDS {
            let (_, added) = self.rounds.added(enciphered(cipher, self.rounds.block(round, b)));
            (a, b) = (b, a.wrapping_add(added) & if round.is_multiple_of(2) { left } else { right });
        }
        u128::from(a) << self.right | u128::from(b)
    }
}

/// So many bits; at most 64.
fn mask(bits: u32) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0)
}
