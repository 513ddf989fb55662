use fpe::ff1::{FF1, FlexibleNumeralString};
use proptest::prelude::*;

use super::*;

fn numerals(mut number: u128, radix: u32, count: u32) -> FlexibleNumeralString {
    let mut numeral = || {
        let numeral = number % u128::from(radix);
        number /= u128::from(radix);
        u16::try_from(numeral).unwrap()
    };
    let mut all: Vec<u16> = (0..count).map(|_| numeral()).collect();
    all.reverse();
    all.into()
}

fn enciphered(key: &[u8; 32], radix: u32, count: u32, number: u128, tweak: Option<&Tweak>) -> Vec<u16> {
    let other = FF1::<Aes256>::new(key, radix).unwrap();
    other.encrypt(tweak.map_or(&[], |tweak| tweak), &numerals(number, radix, count)).unwrap().into()
}

fn unknowing(key: &[u8; 32]) -> Ff1 {
    Ff1::new(key, std::iter::empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_is_the_ff1_of_another_implementation_by_bits(
        key: [u8; 32], tweak: Option<[u8; 16]>, bits in LEAST_BITS..=MOST_BITS, number: u128,
    ) {
        let number = if bits == 128 { number } else { number & ((1 << bits) - 1) };
        let expected = enciphered(&key, 2, bits, number, tweak.as_ref());
        let got = unknowing(&key).bits(bits, number, tweak.as_ref()).unwrap();
        prop_assert_eq!(Vec::from(numerals(got, 2, bits)), expected);
    }

    #[test]
    fn it_is_the_ff1_of_another_implementation_by_larger_numerals(
        key: [u8; 32], tweak: Option<[u8; 16]>, size in LEAST_SIZE..=MOST_SIZE, down in 0_u32..100, power: bool, number: u128,
    ) {
        let size = (size >> down).max(LEAST_SIZE);
        let size = if power { size.next_power_of_two() } else { size };
        let plan = unknowing(&key).made(size, tweak.as_ref()).unwrap();
        let (radix, count) = plan::numerals(size).unwrap();
        let numbers = u128::from(radix).pow(count);
        // Beyond the size, too: such numbers come up on the way.
        for number in [number % size, size - 1, (size + number % size).min(numbers - 1), numbers - 1] {
            let got = plan.encipher(&Aes256::new(&Array(key)), number);
            let expected = enciphered(&key, radix, count, number, tweak.as_ref());
            prop_assert_eq!(Vec::from(numerals(got, radix, count)), expected);
        }
    }

    #[test]
    fn what_is_below_a_size_stays_below_it(key: [u8; 32], size in LEAST_SIZE..=MOST_SIZE, down in 0_u32..100, number: u128) {
        let (ff1, size) = (unknowing(&key), (size >> down).max(LEAST_SIZE));
        let got = ff1.within(size, number % size, None).unwrap();
        prop_assert!(got < size);
        prop_assert_ne!(ff1.within(size, (number % size + 1) % size, None).unwrap(), got);
    }

    #[test]
    fn many_at_a_time_come_to_what_each_comes_to(
        key: [u8; 32], sizes in prop::collection::vec(1..=MOST_SIZE, 1..6),
        numbers in prop::collection::vec(prop::option::of((any::<prop::sample::Index>(), any::<u128>())), 0..200),
    ) {
        let below = |(at, number): &(prop::sample::Index, u128)| {
            let size = *at.get(&sizes);
            Below { size, number: number % size.saturating_add(1) }
        };
        let numbers: Vec<Option<Below>> = numbers.iter().map(|number| number.as_ref().map(below)).collect();
        let ff1 = Ff1::new(&key, sizes.iter().copied());
        let each = |below: &Option<Below>| below.and_then(|Below { size, number }| unknowing(&key).within(size, number, None));
        let expected: Vec<Option<u128>> = numbers.iter().map(each).collect();
        prop_assert_eq!(ff1.all_within(&numbers), expected);
    }
}

#[test]
fn numbers_below_a_size_stand_for_different_ones() {
    // The next radix, 1,001, has two thousand numbers more: what falls among them walks on.
    let ff1 = unknowing(&[7; 32]);
    let tokens: std::collections::BTreeSet<u128> =
        (0..100_000).filter_map(|number| ff1.within(1_000_003, number, None)).collect();
    assert_eq!(tokens.len(), 100_000);
    assert!(tokens.last() < Some(&1_000_003));
}

#[test]
fn next_to_no_number_walks() {
    for size in [LEAST_SIZE, 9_000_000, 1 << 31, (1 << 32) + 1, 1 << 63, 26_u128.pow(20), 26_u128.pow(24), MOST_SIZE] {
        let (radix, count) = plan::numerals(size).unwrap();
        let numbers = u128::from(radix).pow(count.min(7)).saturating_mul(u128::from(radix).pow(count - count.min(7)));
        assert!(numbers >= size && (numbers - size) / (size / 100) < 2, "{size}: {radix} {count}");
        assert!(radix <= 1 << 16 && count.is_multiple_of(2));
    }
}

#[test]
fn fewer_than_a_million_are_not_enciphered() {
    let ff1 = Ff1::new(&[7; 32], [999_999].into_iter());
    assert_eq!(ff1.within(999_999, 5, None), None);
    assert_eq!(ff1.all_within(&[Some(Below { size: 999_999, number: 5 })]), [None]);
    assert!(ff1.within(1_000_000, 5, None).is_some());
    assert_eq!(ff1.within(1_000_000, 1_000_000, None), None, "not one of them");
    assert_eq!(ff1.within(MOST_SIZE + 1, 5, None), None);
    assert_eq!(ff1.bits(20, 1 << 20, None), None);
    assert_eq!(ff1.bits(19, 1, None), None);
}
