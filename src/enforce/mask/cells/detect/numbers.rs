//! Numbers in groups of digits: cards, telephones, and the ids that have digits only.

use std::ops::Range;

use super::is_word;

/// The most digits of anything found here, a card's.
const MOST_DIGITS: usize = 19;
/// The fewest digits of anything found here.
pub(super) const FEWEST_DIGITS: usize = 8;
/// The most groups that anybody writes one number in.
const MOST_GROUPS: usize = 8;

/// Digits next to each other.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
}

/// Groups that one separator each keeps apart.
pub(super) fn find(text: &[u8], found: &mut Vec<Range<usize>>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = text.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
        if length == 0 {
            at = at.saturating_add(1);
            continue;
        }
        let group = Group { start: at, end: at.saturating_add(length) };
        let joined = groups.last().is_some_and(|last| follows(text, *last, group));
        if !joined {
            sequence(text, &groups, found);
            groups.clear();
        }
        groups.push(group);
        at = group.end;
    }
    sequence(text, &groups, found);
}

/// Whether a group belongs to the same number as the one before: one separator, or a bracket and a blank.
fn follows(text: &[u8], last: Group, next: Group) -> bool {
    let between = text.get(last.end..next.start).unwrap_or_default();
    matches!(between, [b' ' | b'-' | b'.' | b'/'] | b") " | b" (" | b")" | b"(" | b")-" | b"-(")
}

/// Every run of groups that is a number by itself.
fn sequence(text: &[u8], groups: &[Group], found: &mut Vec<Range<usize>>) {
    let mut digits = [0_u8; MOST_DIGITS];
    let mut lengths = [0_usize; MOST_GROUPS];
    for (index, first) in groups.iter().enumerate() {
        if index == 0 && is_word(before(text, first.start)) {
            continue;
        }
        let (mut count, mut parts) = (0_usize, 0_usize);
        for (place, group) in groups.iter().enumerate().skip(index).take(MOST_GROUPS) {
            let length = group.end.saturating_sub(group.start);
            let Some(room) = digits.get_mut(count..count.saturating_add(length)) else { break };
            room.copy_from_slice(text.get(group.start..group.end).unwrap_or_default());
            room.iter_mut().for_each(|digit| *digit = digit.wrapping_sub(b'0'));
            count = count.saturating_add(length);
            lengths.iter_mut().skip(parts).take(1).for_each(|room| *room = length);
            parts = parts.saturating_add(1);
            let is_last = place.saturating_add(1) == groups.len();
            let candidate = Candidate {
                text,
                start: first.start,
                end: group.end,
                digits: digits.get(..count).unwrap_or_default(),
                lengths: lengths.get(..parts).unwrap_or_default(),
                alone: index == 0 && is_last,
            };
            if count >= FEWEST_DIGITS && !(is_last && is_word(text.get(group.end))) {
                candidate.look(found);
            }
        }
    }
}

fn before(text: &[u8], at: usize) -> Option<&u8> {
    text.get(at.checked_sub(1)?)
}

struct Candidate<'t> {
    text: &'t [u8],
    start: usize,
    end: usize,
    /// As numbers.
    digits: &'t [u8],
    /// Of its groups.
    lengths: &'t [usize],
    /// Whether no other group is next to it.
    alone: bool,
}

impl Candidate<'_> {
    fn look(&self, found: &mut Vec<Range<usize>>) {
        if let Some(start) = self.telephone() {
            found.push(start..self.end);
        } else if self.is_card() || self.is_social_security() || self.is_national() {
            found.push(self.start..self.end);
        }
    }

    fn separators(&self) -> impl Iterator<Item = u8> {
        let text = self.text.get(self.start..self.end).unwrap_or_default();
        text.iter().copied().filter(|byte| !byte.is_ascii_digit())
    }

    fn separated_by(&self, separators: &[u8]) -> bool {
        let mut all = self.separators();
        let first = all.next();
        all.all(|byte| Some(byte) == first) && first.is_none_or(|first| separators.contains(&first))
    }

    fn is_card(&self) -> bool {
        let (_, whole) = self.lengths.split_last().unwrap_or((&0, &[]));
        self.separated_by(b" -.")
            && whole.iter().all(|length| *length >= 3)
            && is_issued(self.digits)
            && luhn(self.digits)
    }

    /// With its parts apart: without a check digit any nine digits would be one.
    fn is_social_security(&self) -> bool {
        let [area, group, serial] = [0..3, 3..5, 5..9].map(|range| number(self.digits.get(range)));
        self.lengths == [3, 2, 4]
            && (self.separated_by(b"-") || self.alone && self.separated_by(b" ."))
            && !matches!(area, 0 | 666 | 900..)
            && group != 0
            && serial != 0
    }

    fn is_national(&self) -> bool {
        match self.digits.len() {
            8 | 9 => self.is_dutch(),
            11 => {
                let (tax, cpf) = (is_german_tax_id(self.digits), is_cpf(self.digits));
                let german = matches!(self.lengths, [11] | [2, 3, 3, 3]) && self.separated_by(b" -./");
                (german && tax) || (matches!(self.lengths, [11] | [3, 3, 3, 2]) && cpf)
            }
            15 => {
                let grouped = matches!(self.lengths, [15] | [13, 2] | [1, 2, 2, 2, 3, 3, 2]);
                grouped && self.separated_by(b" -.") && is_french(self.digits)
            }
            _ => false,
        }
    }

    /// One number of nine digits in eleven passes the check: it has to stand alone, in groups or beside its name.
    fn is_dutch(&self) -> bool {
        let whole = self.text.trim_ascii().len() == self.end.saturating_sub(self.start);
        let grouped = matches!(self.lengths, [3, 3, 3] | [4, 2, 3]) && self.separated_by(b" .-");
        let named = || {
            let before = self.text.get(self.start.saturating_sub(24)..self.start).unwrap_or_default();
            let lower = before.to_ascii_lowercase();
            [&b"bsn"[..], b"burgerservice", b"sofi"].iter().any(|name| contains(&lower, name))
        };
        is_bsn(self.digits) && self.alone && (grouped || (self.lengths.len() == 1 && (whole || named())))
    }

    /// Where it begins: with its `+` or its bracket. Others need the grouping of North America.
    fn telephone(&self) -> Option<usize> {
        let count = self.digits.len();
        let previous = |at: usize| before(self.text, at).copied();
        let mut start = self.start;
        if previous(start) == Some(b'(') {
            start = start.checked_sub(1)?;
        }
        if previous(start) == Some(b'+') && (8..=15).contains(&count) && self.digits.first() != Some(&0) {
            return start.checked_sub(1);
        }
        let (country, rest) = match self.lengths {
            [1, rest @ ..] if self.digits.first() == Some(&1) => (1, rest),
            rest => (0, rest),
        };
        let digit = |place: usize| self.digits.get(place).copied().unwrap_or(0);
        let exchange = usize::saturating_add(country, 3);
        let is_american = rest == [3, 3, 4] && self.alone && digit(country) >= 2 && digit(exchange) >= 2;
        is_american.then_some(start)
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn number(digits: Option<&[u8]>) -> u64 {
    let add = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(*digit));
    digits.unwrap_or_default().iter().fold(0, add)
}

/// Whether a network issues cards of such a number and length.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = number(digits.get(..6));
    let lengths = match prefix {
        400_000..=499_999 => 13..=19,
        510_000..=559_999 | 222_100..=272_099 => 16..=16,
        340_000..=349_999 | 370_000..=379_999 => 15..=15,
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => 14..=19,
        352_800..=358_999 => 16..=19,
        601_100..=601_199 | 644_000..=659_999 | 620_000..=629_999 | 810_000..=817_199 => 16..=19,
        501_800..=501_899 | 502_000..=502_099 | 503_800..=503_899 | 589_300..=589_399 => 13..=19,
        630_400..=630_499 | 675_900..=675_999 | 676_100..=676_399 => 13..=19,
        220_000..=220_499 => 16..=19,
        _ => return false,
    };
    lengths.contains(&digits.len())
}

pub(super) fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit >= 5 { digit.wrapping_mul(2).wrapping_sub(9) } else { digit.wrapping_mul(2) };
    let value = |(place, digit): (usize, &u8)| u64::from(if place % 2 == 1 { doubled(*digit) } else { *digit });
    digits.iter().rev().enumerate().map(value).sum::<u64>() % 10 == 0
}

/// The sum of the digits, each times its weight.
fn weighted(digits: &[u8], weights: impl Iterator<Item = u64>) -> u64 {
    digits.iter().zip(weights).map(|(digit, weight)| u64::from(*digit).saturating_mul(weight)).sum()
}

/// ISO 7064 mod 11,10; of the first ten digits exactly one is there twice or thrice.
fn is_german_tax_id(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let times = |wanted: u8| body.iter().filter(|digit| **digit == wanted).count();
    let repeated = (0..10).filter(|digit| times(*digit) > 1).count();
    let sound = repeated == 1 && (0..10).all(|digit| times(digit) <= 3) && body.first() != Some(&0);
    let product = body.iter().fold(10_u64, |product, digit| {
        let sum = product.saturating_add(u64::from(*digit)) % 10;
        (if sum == 0 { 10 } else { sum }).saturating_mul(2) % 11
    });
    sound && 11_u64.saturating_sub(product) % 10 == u64::from(*check)
}

/// The last two digits check those before.
fn is_cpf(digits: &[u8]) -> bool {
    let check = |count: usize, first: u64| {
        let sum = weighted(digits.get(..count).unwrap_or_default(), (2..=first).rev());
        let rest = sum.saturating_mul(10) % 11 % 10;
        digits.get(count).is_some_and(|digit| u64::from(*digit) == rest)
    };
    let varied = digits.iter().any(|digit| Some(digit) != digits.first());
    varied && check(9, 10) && check(10, 11)
}

/// The sum of nine digits, weighted 9 to 2 and -1, is a multiple of eleven.
fn is_bsn(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let first = u64::try_from(digits.len()).unwrap_or(0);
    let sum = weighted(body, (2..=first).rev());
    sum > 0 && number(Some(digits)) > 9_999_999 && sum % 11 == u64::from(*check)
}

/// Sex, year and month of birth and more, and the key: 97 less the rest of the others by 97. Thirteen digits without a key
/// could be anything.
fn is_french(digits: &[u8]) -> bool {
    let (Some(body), Some(key)) = (digits.get(..13), digits.get(13..15)) else { return false };
    let month = number(digits.get(3..5));
    let is_month = matches!(month, 1..=12 | 20..=42 | 50..=99);
    let is_sex = matches!(digits.first(), Some(1..=4 | 7 | 8));
    is_sex && is_month && 97_u64.saturating_sub(number(Some(body)) % 97) == number(Some(key))
}
