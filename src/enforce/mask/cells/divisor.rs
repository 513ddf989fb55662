//! Division by what is divided by again and again: by its reciprocal, since processors and numbers of 128 bits divide slowly.

/// The most that is divided by, so that nearly four times as much fits.
pub(super) const MOST: u64 = 1 << 62;

/// A number, and its reciprocal for dividends of up to so many bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor {
    by: u64,
    inverse: u64,
    shift: u32,
}

impl Divisor {
    /// Divides numbers of up to `bits` by `by`, which is more than one and at most [`MOST`]. Quotients have to fit 64 bits:
    /// where they would not, nothing.
    pub(super) const fn new(by: u64, bits: u32) -> Option<Self> {
        let shift = bits.saturating_sub(64);
        if by < 2 || by > MOST || shift >= 64 {
            return None;
        }
        // The largest of 64 bits and the shift's more, so that the reciprocal of a power of two fits as well.
        match (u128::MAX >> (64 - shift)).checked_div(widened(by)) {
            Some(inverse) if inverse >> 64 == 0 => Some(Self { by, inverse: low(inverse), shift }),
            Some(_) | None => None,
        }
    }

    pub(super) const fn by(&self) -> u64 {
        self.by
    }

    /// The quotient and the rest of a number that has no more than the divisor's bits.
    #[inline(always)]
    pub(super) fn divide(&self, number: u128) -> (u64, u64) {
        let quotient = self.quotient(low(number >> (self.shift & 63)));
        let rest = low(number).wrapping_sub(quotient.wrapping_mul(self.by));
        // The reciprocal and the number are cut off: together by less than three.
        let (quotient, rest) = self.corrected(quotient, rest);
        self.corrected(quotient, rest)
    }

    /// The rest of a sum: of a rest and of a number, which is given as all but the last bits that the divisor leaves out,
    /// and as its last 64.
    #[inline(always)]
    pub(super) fn sum(&self, rest: u64, top: u64, last: u64) -> u64 {
        let other = last.wrapping_sub(self.quotient(top).wrapping_mul(self.by));
        let sum = rest.wrapping_add(other);
        // The other one is less than three times the divisor; what falls below zero becomes large.
        let sum = sum.min(sum.wrapping_sub(self.by << 1));
        sum.min(sum.wrapping_sub(self.by))
    }

    /// The quotient, or up to two less.
    #[inline(always)]
    fn quotient(&self, top: u64) -> u64 {
        low(widened(top).wrapping_mul(widened(self.inverse)) >> 64)
    }

    #[inline(always)]
    fn corrected(&self, quotient: u64, rest: u64) -> (u64, u64) {
        let over = u64::from(rest >= self.by);
        (quotient.wrapping_add(over), rest.wrapping_sub(over.wrapping_mul(self.by)))
    }
}

/// The low bits of a number.
pub(super) const fn low(number: u128) -> u64 {
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = number.to_le_bytes();
    u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7])
}

/// The same number, in more bits; what constants are made with.
const fn widened(number: u64) -> u128 {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = number.to_le_bytes();
    u128::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7, 0, 0, 0, 0, 0, 0, 0, 0])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn quotients_and_rests_are_those_of_division(by in 2..=MOST, down in 0_u32..61, bits in 1_u32..=126, number: u128, near: u64) {
            let by = (by >> down).max(2);
            let Some(divisor) = Divisor::new(by, bits) else {
                prop_assert!(by < 1 << bits.saturating_sub(64), "{by} {bits}");
                return Ok(());
            };
            let most = u128::MAX >> (128 - bits);
            let multiple = u128::from(near).wrapping_mul(by.into());
            for number in [number & most, most, most - most % u128::from(by), multiple & most, multiple.wrapping_sub(1) & most] {
                let expected = (low(number / u128::from(by)), low(number % u128::from(by)));
                prop_assert_eq!(divisor.divide(number), expected);
                let top = low(number >> bits.saturating_sub(64));
                for rest in [near % by, by - 1, 0] {
                    let sum = (u128::from(rest) + u128::from(expected.1)) % u128::from(by);
                    prop_assert_eq!(divisor.sum(rest, top, low(number)), low(sum));
                }
            }
        }
    }

    #[test]
    fn what_gives_no_quotient_of_64_bits_is_not_divided_by() {
        assert!(Divisor::new(0, 64).is_none());
        assert!(Divisor::new(1, 64).is_none());
        assert!(Divisor::new(MOST + 1, 64).is_none());
        assert!(Divisor::new((1 << 32) - 1, 96).is_none());
        assert!(Divisor::new(1 << 32, 96).is_some());
    }
}
