//! `numeric`: digits, and how many of them are behind the point.

use bytes::{BufMut, BytesMut};

use super::kind::Digits;

/// Far more digits than anybody's numbers have.
const MOST_DIGITS: usize = 2_000;
const GROUP: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// ASCII digits without zeros before them; none for zero.
    digits: String,
    scale: usize,
}

impl Decimal {
    pub(super) fn new(negative: bool, number: u128, scale: usize) -> Self {
        Self::of_digits(negative, &number.to_string(), scale)
    }

    fn of_digits(negative: bool, digits: &str, scale: usize) -> Self {
        let digits = digits.trim_start_matches('0').to_owned();
        Self { negative: negative && !digits.is_empty(), digits, scale }
    }

    pub(super) fn of_text(text: &str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let length = whole.len().checked_add(fraction.len())?;
        let sound = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if length == 0 || length > MOST_DIGITS || !sound(whole) || !sound(fraction) {
            return None;
        }
        Some(Self::of_digits(negative, &format!("{whole}{fraction}"), fraction.len()))
    }

    pub(super) fn of_binary(bytes: &[u8]) -> Option<Self> {
        let words: Vec<u16> =
            bytes.chunks(2).map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?))).collect::<Option<_>>()?;
        let [count, weight, sign, scale, groups @ ..] = words.as_slice() else { return None };
        let weight = i64::from(i16::from_be_bytes(weight.to_be_bytes()));
        let scale = usize::from(*scale);
        let known = groups.len() == usize::from(*count) && groups.iter().all(|group| *group < 10_000);
        if !known || scale > MOST_DIGITS || weight.unsigned_abs() > 512 || !matches!(sign, 0 | 0x4000) {
            return None;
        }
        let last = i64::try_from(scale.div_ceil(GROUP)).ok()?;
        // Groups by their place: 0 before the point, -1 behind it.
        let mut digits = String::new();
        for place in (last.checked_neg()?..=weight.max(0)).rev() {
            let index = weight.checked_sub(place).and_then(|index| usize::try_from(index).ok());
            let group = index.and_then(|index| groups.get(index)).copied().unwrap_or(0);
            digits.push_str(&format!("{group:04}"));
        }
        let beyond = scale.div_ceil(GROUP).checked_mul(GROUP)?.checked_sub(scale)?;
        digits.truncate(digits.len().checked_sub(beyond)?);
        Some(Self::of_digits(*sign != 0, &digits, scale))
    }

    pub(super) fn negative(&self) -> bool {
        self.negative
    }

    pub(super) fn scale(&self) -> usize {
        self.scale
    }

    /// All digits as one number, where it is not too large.
    pub(super) fn unscaled(&self) -> Option<u128> {
        if self.digits.is_empty() { Some(0) } else { self.digits.parse().ok() }
    }

    /// Without the zeros that end its fraction.
    pub(super) fn shortest(&self) -> Self {
        let zeros = self.digits.bytes().rev().take_while(|digit| *digit == b'0').count().min(self.scale);
        if self.digits.is_empty() {
            return Self { negative: false, digits: String::new(), scale: 0 };
        }
        let digits = self.digits.get(..self.digits.len().saturating_sub(zeros)).unwrap_or_default();
        Self { negative: self.negative, digits: digits.to_owned(), scale: self.scale.saturating_sub(zeros) }
    }

    /// The same number with at least so many digits behind the point.
    pub(super) fn with_scale(mut self, scale: usize) -> Self {
        let more = scale.saturating_sub(self.scale);
        if !self.digits.is_empty() {
            self.digits.extend(std::iter::repeat_n('0', more));
        }
        self.scale = self.scale.saturating_add(more);
        self
    }

    /// With just the digits behind the point that a column has; `None` where it has more before it.
    pub(super) fn cut(self, digits: Digits) -> Option<Self> {
        let scale = usize::try_from(digits.scale).ok()?;
        let room = usize::try_from(digits.precision.checked_sub(digits.scale)?).ok()?;
        let (whole, fraction) = self.parts();
        let fraction = fraction.get(..scale.min(fraction.len()))?;
        let kept = Self::of_digits(self.negative, &format!("{whole}{fraction}"), fraction.len()).with_scale(scale);
        (whole.len() <= room).then_some(kept)
    }

    /// The digits before the point and behind it.
    fn parts(&self) -> (&str, String) {
        let whole = self.digits.len().saturating_sub(self.scale);
        let (whole, rest) = self.digits.split_at_checked(whole).unwrap_or((&self.digits, ""));
        let zeros = self.scale.saturating_sub(rest.len());
        (whole, std::iter::repeat_n('0', zeros).chain(rest.chars()).collect())
    }

    pub(super) fn write_text(&self, out: &mut BytesMut) {
        let (whole, fraction) = self.parts();
        if self.negative {
            out.put_u8(b'-');
        }
        out.put_slice(if whole.is_empty() { b"0" } else { whole.as_bytes() });
        if !fraction.is_empty() {
            out.put_u8(b'.');
            out.put_slice(fraction.as_bytes());
        }
    }

    pub(super) fn write_binary(&self, out: &mut BytesMut) -> Option<()> {
        let (whole, fraction) = self.parts();
        let before = whole.len().div_ceil(GROUP);
        let mut digits: String =
            std::iter::repeat_n('0', before.checked_mul(GROUP)?.checked_sub(whole.len())?).collect();
        digits.push_str(whole);
        digits.push_str(&fraction);
        digits.extend(std::iter::repeat_n('0', digits.len().next_multiple_of(GROUP).checked_sub(digits.len())?));
        let groups: Vec<u16> = digits
            .as_bytes()
            .chunks(GROUP)
            .map(|group| std::str::from_utf8(group).ok()?.parse().ok())
            .collect::<Option<_>>()?;
        let leading = groups.iter().take_while(|group| **group == 0).count();
        let trailing = groups.iter().rev().take_while(|group| **group == 0).count();
        let kept = groups.get(leading..groups.len().saturating_sub(trailing)).unwrap_or_default();
        let weight = i16::try_from(before).ok()?.checked_sub(1)?.checked_sub(i16::try_from(leading).ok()?)?;
        out.put_u16(u16::try_from(kept.len()).ok()?);
        out.put_i16(if kept.is_empty() { 0 } else { weight });
        out.put_u16(if self.negative { 0x4000 } else { 0 });
        out.put_u16(u16::try_from(self.scale).ok()?);
        kept.iter().for_each(|group| out.put_u16(*group));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(decimal: &Decimal) -> String {
        let mut out = BytesMut::new();
        decimal.write_text(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    proptest! {
        #[test]
        fn text_and_binary_say_the_same(text_in in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?") {
            let decimal = Decimal::of_text(&text_in).unwrap();
            let mut bytes = BytesMut::new();
            decimal.write_binary(&mut bytes).unwrap();
            prop_assert_eq!(&Decimal::of_binary(&bytes).unwrap(), &decimal);
            let zero = text_in.bytes().all(|byte| !byte.is_ascii_digit() || byte == b'0');
            prop_assert_eq!(text(&decimal), if zero { text_in.trim_start_matches('-').to_owned() } else { text_in });
        }

        #[test]
        fn any_bytes_are_a_number_or_none(bytes: Vec<u8>) {
            if let Some(decimal) = Decimal::of_binary(&bytes) {
                prop_assert_eq!(Decimal::of_text(&text(&decimal)).unwrap(), decimal);
            }
        }
    }

    #[test]
    fn zeros_behind_the_point_are_not_part_of_the_number() {
        for (long, short) in [("1.2300", "1.23"), ("100", "100"), ("0.000", "0"), ("-5.0", "-5"), ("0.050", "0.05")] {
            assert_eq!(text(&Decimal::of_text(long).unwrap().shortest()), short);
        }
        assert_eq!(text(&Decimal::of_text("7").unwrap().with_scale(2)), "7.00");
        assert_eq!(text(&Decimal::of_text("0").unwrap().with_scale(2)), "0.00");
        for wrong in ["", "-", ".", "NaN", "Infinity", "1e5", "1.2.3", "+1", "--1"] {
            assert_eq!(Decimal::of_text(wrong), None, "{wrong}");
        }
    }
}
