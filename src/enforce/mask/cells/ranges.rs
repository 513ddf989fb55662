//! Which numbers, dates and moments stand for each other: what a token of one is among.

/// Whole numbers stand for numbers between the same two of these, so that a token is about as long as what it stands
/// for and fits the same types. Beyond the last ones follow the powers of ten.
const BOUNDS: [u128; 17] = [
    0,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    1 << 31,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
    1_000_000_000_000_000,
    10_000_000_000_000_000,
    100_000_000_000_000_000,
    1_000_000_000_000_000_000,
    1 << 63,
    10_000_000_000_000_000_000,
];
/// Integers from zero on are below.
pub(super) const MOST_INTEGERS: u128 = 1 << 63;
/// 0001-01-01 in days since 2000-01-01, and days to the end of 9999.
pub(super) const FIRST_DAY: i64 = -730_119;
pub(super) const DAYS: i64 = 3_652_059;
pub(super) const DAY: i64 = 86_400_000_000;

/// How many numbers are between two bounds, and how many dates and moments there are.
pub(super) fn sizes() -> impl Iterator<Item = u128> {
    let integers = BOUNDS.into_iter().filter_map(|bound| Some(bounds(bound, MOST_INTEGERS)?.1));
    integers.chain(u128::try_from(DAYS)).chain(moments(1))
}

/// The first number between the same bounds, and how many there are.
pub(super) fn bounds(number: u128, limit: u128) -> Option<(u128, u128)> {
    let place = BOUNDS.partition_point(|bound| *bound <= number);
    let (low, high) = match (BOUNDS.get(place.checked_sub(1)?), BOUNDS.get(place)) {
        (Some(low), Some(high)) => (*low, *high),
        (Some(_), None) | (None, _) => {
            let low = 10_u128.checked_pow(number.checked_ilog10()?)?;
            (low, low.checked_mul(10)?)
        }
    };
    Some((low, high.min(limit).checked_sub(low)?))
}

/// Steps of so many microseconds of the years 2 to 9998.
pub(super) fn moments(step: i64) -> Option<u128> {
    u128::try_from(DAYS.checked_sub(732)?.checked_mul(DAY.checked_div(step)?)?).ok()
}
