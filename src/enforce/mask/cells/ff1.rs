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
    /// How numbers of so many bits are enciphered beside nothing, from the fewest bits on.
    plans: Vec<Plan>,
}

impl Ff1 {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mut new = Self { cipher: Aes256::new(&Array(*key)), plans: Vec::new() };
        new.plans = (LEAST_BITS..=MOST_BITS).filter_map(|bits| new.made(bits, None)).collect();
        new
    }

    /// The number below `size` that stands for `number`; nothing where the size is below [`LEAST_SIZE`].
    pub(super) fn within(&self, size: u128, number: u128, tweak: Option<&Tweak>) -> Option<u128> {
        let bits = bits_of(size).filter(|_| number < size)?;
        let plan = self.plan(bits, tweak)?;
        // Walking on until it falls below the size is a permutation of what is below, and takes two steps on average.
        let mut number = self.rounds(&plan, number);
        while number >= size {
            number = self.rounds(&plan, number);
        }
        Some(number)
    }

    /// The number of so many bits that stands for another.
    pub(super) fn bits(&self, bits: u32, number: u128, tweak: Option<&Tweak>) -> Option<u128> {
        if number.checked_shr(bits).is_some_and(|over| over != 0) {
            return None;
        }
        Some(self.rounds(&self.plan(bits, tweak)?, number))
    }

    fn plan(&self, bits: u32, tweak: Option<&Tweak>) -> Option<Plan> {
        match tweak {
            None => self.plans.get(usize::try_from(bits.checked_sub(LEAST_BITS)?).ok()?).copied(),
            Some(_) => self.made(bits, tweak),
        }
    }

    fn made(&self, bits: u32, tweak: Option<&Tweak>) -> Option<Plan> {
        if !(LEAST_BITS..=MOST_BITS).contains(&bits) {
            return None;
        }
        let (left, right) = (bits / 2, bits.div_ceil(2));
        let mut start = self.encipher(first(bits, if tweak.is_some() { 16 } else { 0 }));
        if let Some(tweak) = tweak {
            start.iter_mut().zip(tweak).for_each(|(byte, other)| *byte ^= other);
            start = self.encipher(start);
        }
        // As many bytes as the right half has, with the round's number before them, are at the end of a block.
        let width = right.div_ceil(8);
        // So many bytes of the result count, from the first.
        let counted = width.div_ceil(4).saturating_mul(4).saturating_add(4);
        Some(Plan {
            start: words(start),
            right,
            round: words(1_u128.checked_shl(width.saturating_mul(8))?.to_be_bytes()),
            shift: counted.saturating_mul(8).saturating_sub(64),
            masks: [mask(left), mask(right)],
        })
    }

    /// The same as [`Ff1::within`] of many numbers below their sizes, in turns: a processor enciphers many blocks in little
    /// more time than one.
    pub(super) fn all_within(&self, numbers: &[Option<Below>]) -> Vec<Option<u128>> {
        let mut done = vec![None; numbers.len()];
        let mut waiting = numbers.iter().enumerate().filter_map(|(place, below)| {
            let Below { size, number } = (*below)?;
            let bits = bits_of(size).filter(|_| number < size)?;
            let plan = self.plans.get(usize::try_from(bits.checked_sub(LEAST_BITS)?).ok()?)?;
            Some(Lane { a: low(number >> plan.right), b: low(number) & plan.masks[1], plan, size, place })
        });
        let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(LANES);
        lanes.extend(waiting.by_ref().take(LANES));
        while !lanes.is_empty() {
            self.rounds_of(&mut lanes);
            let mut at = 0_usize;
            while let Some(lane) = lanes.get_mut(at) {
                let token = u128::from(lane.a) << lane.plan.right | u128::from(lane.b);
                if token < lane.size {
                    if let Some(done) = done.get_mut(lane.place) {
                        *done = Some(token);
                    }
                    let Some(next) = waiting.next() else {
                        lanes.swap_remove(at);
                        continue;
                    };
                    *lane = next;
                }
                at = at.saturating_add(1);
            }
        }
        done
    }

    fn rounds_of(&self, lanes: &mut [Lane<'_>]) {
        let Some(plan) = lanes.first().map(|lane| *lane.plan) else { return };
        // Of one plan, as mostly, nothing is looked up again.
        if lanes.iter().all(|lane| lane.plan.right == plan.right && lane.plan.masks == plan.masks) {
            self.rounds_by(lanes, |_| plan);
        } else {
            self.rounds_by(lanes, |lane| *lane.plan);
        }
    }

    #[inline(always)]
    fn rounds_by(&self, lanes: &mut [Lane<'_>], plan: impl Fn(&Lane<'_>) -> Plan) {
        let mut blocks = [Array([0; 16]); LANES];
        for round in 0..ROUNDS {
            for (block, lane) in blocks.iter_mut().zip(lanes.iter()) {
                *block = Array(plan(lane).block(round, lane.b));
            }
            self.cipher.encrypt_blocks(blocks.get_mut(..lanes.len()).unwrap_or_default());
            for (block, lane) in blocks.iter().zip(lanes.iter_mut()) {
                (lane.a, lane.b) = (lane.b, plan(lane).joined(round, lane.a, block.0));
            }
        }
    }

    fn rounds(&self, plan: &Plan, number: u128) -> u128 {
        let mut a = low(number >> plan.right);
        let mut b = low(number) & plan.masks[1];
        for round in 0..ROUNDS {
            let block = self.encipher(plan.block(round, b));
            (a, b) = (b, plan.joined(round, a, block));
        }
        u128::from(a) << plan.right | u128::from(b)
    }

    fn encipher(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Array(block);
        self.cipher.encrypt_block(&mut block);
        block.0
    }
}

/// A number below a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Below {
    pub(super) size: u128,
    pub(super) number: u128,
}

/// Numbers that are enciphered at a time.
const LANES: usize = 128;

/// One of them, in halves.
struct Lane<'p> {
    plan: &'p Plan,
    a: u64,
    b: u64,
    size: u128,
    place: usize,
}

/// How many bits the numbers below a size have; nothing of a size below [`LEAST_SIZE`].
fn bits_of(size: u128) -> Option<u32> {
    let bits = u128::BITS.saturating_sub(size.saturating_sub(1).leading_zeros()).max(LEAST_BITS);
    (size >= LEAST_SIZE).then_some(bits)
}

/// What all rounds have in common. A block is two words of 64 bits, of which the second has the half.
#[derive(Clone, Copy)]
struct Plan {
    start: [u64; 2],
    /// Bits of the right half.
    right: u32,
    /// What a round's number is counted in, where it stands before the half.
    round: [u64; 2],
    /// How many bits of the second word of a block's result count, behind the first.
    shift: u32,
    /// The bits of the left half, and those of the right.
    masks: [u64; 2],
}

impl Plan {
    /// What a round enciphers.
    #[inline(always)]
    fn block(&self, round: u8, half: u64) -> [u8; 16] {
        let ([first, second], [one, two], round) = (self.start, self.round, u64::from(round));
        let (first, second) = (first ^ one.wrapping_mul(round), second ^ two.wrapping_mul(round) ^ half);
        (u128::from(first) << 64 | u128::from(second)).to_be_bytes()
    }

    /// The half that a round has changed by what came of it.
    #[inline(always)]
    fn joined(&self, round: u8, half: u64, result: [u8; 16]) -> u64 {
        let [first, second] = words(result);
        // In two steps: a word cannot be moved by all of its bits.
        let number = (first << (self.shift & 63)) | (second >> 1 >> (63_u32.wrapping_sub(self.shift) & 63));
        let [left, right] = self.masks;
        half.wrapping_add(number) & if round.is_multiple_of(2) { left } else { right }
    }
}

/// A block as two numbers.
fn words(block: [u8; 16]) -> [u64; 2] {
    let block = u128::from_be_bytes(block);
    [low(block >> 64), low(block)]
}

/// The block that says what is enciphered.
fn first(bits: u32, tweak: u8) -> [u8; 16] {
    let [n0, n1, n2, n3] = bits.to_be_bytes();
    // The third to fifth byte are the radix, the seventh the length of the left half.
    let [.., split] = (bits / 2).to_be_bytes();
    [1, 2, 1, 0, 0, 2, ROUNDS, split, n0, n1, n2, n3, 0, 0, 0, tweak]
}

/// So many bits; at most 64.
fn mask(bits: u32) -> u64 {
    u64::MAX.checked_shr(64_u32.saturating_sub(bits)).unwrap_or(0)
}

/// The low bits of a number.
fn low(number: u128) -> u64 {
    let [.., b7, b6, b5, b4, b3, b2, b1, b0] = number.to_be_bytes();
    u64::from_be_bytes([b7, b6, b5, b4, b3, b2, b1, b0])
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

    proptest! {
        #[test]
        fn many_at_a_time_come_to_what_each_comes_to(
            key: [u8; 32], numbers in prop::collection::vec((prop::option::of(0_u32..108), any::<[u128; 2]>()), 0..40),
        ) {
            let below = |(shift, [size, number]): &(Option<u32>, [u128; 2])| {
                shift.map(|shift| Below { size: (size >> shift).max(1), number: *number >> shift })
            };
            let numbers: Vec<Option<Below>> = numbers.iter().map(below).collect();
            let ff1 = Ff1::new(&key);
            let each = |below: &Option<Below>| below.and_then(|Below { size, number }| ff1.within(size, number, None));
            let expected: Vec<Option<u128>> = numbers.iter().map(each).collect();
            prop_assert_eq!(ff1.all_within(&numbers), expected);
        }
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
