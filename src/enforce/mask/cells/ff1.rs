//! FF1 of NIST SP 800-38G with AES-256, for numbers whose halves each fit a register: a round is one block of AES, where
//! the general algorithm computes with numbers of any size and takes ten times as long. Tests hold it against the `fpe`
//! crate.

mod plan;
mod rounds;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use plan::{Bits, Sized};
use rounds::ROUNDS;
pub(super) use rounds::Tweak;

pub(super) const LEAST_BITS: u32 = 20;
const MOST_BITS: u32 = 128;
/// The standard's least: fewer than a million numbers are too few to hide in.
pub(super) const LEAST_SIZE: u128 = 1_000_000;
/// The most numbers whose halves can be divided by.
const MOST_SIZE: u128 = 1 << 120;

pub(super) struct Ff1 {
    cipher: Aes256,
    /// How numbers below common sizes are enciphered beside nothing, from the least size on.
    plans: Vec<Sized>,
}

impl Ff1 {
    /// A cipher that knows some sizes, which are those most asked for; others take as long again.
    pub(super) fn new(key: &[u8; 32], sizes: impl Iterator<Item = u128>) -> Self {
        let mut new = Self { cipher: Aes256::new(&Array(*key)), plans: Vec::new() };
        new.plans = sizes.filter_map(|size| new.made(size, None)).collect();
        new.plans.sort_unstable_by_key(|plan| plan.size);
        new.plans.dedup_by_key(|plan| plan.size);
        new
    }

    /// The number below `size` that stands for `number`; nothing where the size is below [`LEAST_SIZE`].
    pub(super) fn within(&self, size: u128, number: u128, tweak: Option<&Tweak>) -> Option<u128> {
        let known = if tweak.is_none() { self.known(size).copied() } else { None };
        let plan = known.or_else(|| self.made(size, tweak)).filter(|_| number < size)?;
        // Walking on until it falls below the size is a permutation of what is below.
        let mut number = plan.encipher(&self.cipher, number);
        while number >= size {
            number = plan.encipher(&self.cipher, number);
        }
        Some(number)
    }

    /// The number of so many bits that stands for another.
    pub(super) fn bits(&self, bits: u32, number: u128, tweak: Option<&Tweak>) -> Option<u128> {
        if !(LEAST_BITS..=MOST_BITS).contains(&bits) || number.checked_shr(bits).is_some_and(|over| over != 0) {
            return None;
        }
        Some(Bits::new(&self.cipher, bits, tweak)?.encipher(&self.cipher, number))
    }

    fn known(&self, size: u128) -> Option<&Sized> {
        self.plans.get(self.plans.binary_search_by_key(&size, |plan| plan.size).ok()?)
    }

    fn made(&self, size: u128, tweak: Option<&Tweak>) -> Option<Sized> {
        (LEAST_SIZE..=MOST_SIZE).contains(&size).then(|| Sized::new(&self.cipher, size, tweak))?
    }

    /// The same as [`Ff1::within`] of many numbers below known sizes, in turns: a processor enciphers many blocks in little
    /// more time than one. Nothing for those below others.
    pub(super) fn all_within(&self, numbers: &[Option<Below>]) -> Vec<Option<u128>> {
        let mut done = vec![None; numbers.len()];
        let mut last: Option<&Sized> = None;
        let mut waiting = numbers.iter().enumerate().filter_map(|(place, below)| {
            let Below { size, number } = (*below).filter(|below| below.number < below.size)?;
            // Mostly all are of one size.
            let plan = last.filter(|plan| plan.size == size).or_else(|| self.known(size))?;
            last = Some(plan);
            Some(Lane { plan, halves: plan.halves(number), place })
        });
        let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(LANES);
        lanes.extend(waiting.by_ref().take(LANES));
        while !lanes.is_empty() {
            self.rounds_of(&mut lanes);
            let mut at = 0_usize;
            while let Some(lane) = lanes.get_mut(at) {
                let token = lane.plan.whole(lane.halves);
                if token < lane.plan.size {
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
        if lanes.iter().all(|lane| lane.plan.size == plan.size) {
            self.rounds_by(lanes, |_| plan);
        } else {
            self.rounds_by(lanes, |lane| lane.plan);
        }
    }

    #[inline(always)]
    fn rounds_by<'p, P: Borrow<Sized>>(&self, lanes: &mut [Lane<'p>], plan: impl Fn(&Lane<'p>) -> P) {
        let mut blocks = [Array([0; 16]); LANES];
        for (block, lane) in blocks.iter_mut().zip(lanes.iter()) {
            *block = Array(plan(lane).borrow().block(0, lane.halves.1));
        }
        for next in 1..=ROUNDS {
            self.cipher.encrypt_blocks(blocks.get_mut(..lanes.len()).unwrap_or_default());
            for (block, lane) in blocks.iter_mut().zip(lanes.iter_mut()) {
                let (a, b) = lane.halves;
                let plan = plan(lane);
                let plan = plan.borrow();
                lane.halves = (b, plan.joined(a, block.0));
                *block = Array(plan.block(next, lane.halves.1));
            }
        }
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

/// One of them.
struct Lane<'p> {
    plan: &'p Sized,
    halves: (u64, u64),
    place: usize,
}
