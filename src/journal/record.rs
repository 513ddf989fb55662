//! One record: a fixed header and a JSON payload, sealed with a CRC.
//!
//! ```text
//! offset  size  field (integers are little-endian)
//!      0     4  length of what follows the CRC
//!      4     4  CRC-32C over the length and what follows the CRC
//!      8     1  version, 1
//!      9     1  kind
//!     10     2  zero
//!     12     8  sequence
//!     20     8  wall clock, nanoseconds since 1970
//!     28     8  monotonic clock, nanoseconds since the journal was started
//!     36    32  hash of the record before; zero until records are chained
//!     68        payload
//! ```

use std::cell::Cell;
use std::sync::Arc;

use serde::Serialize;

use crate::input::Spelling;

/// Bytes before the payload.
pub(super) const HEADER: usize = 68;

/// A whole record that a newer program must have written.
pub(super) const FOREIGN: &str = "of a version or kind that this program does not know";

/// What a record says. The numbers are the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens every segment: who writes it.
    Genesis,
    /// What is about to happen, in pieces (see `splice`).
    Intent,
    /// How it ended.
    Outcome,
    /// Sequence numbers that may be missing, and why.
    Gap,
    /// Kept for signed tree heads.
    Checkpoint,
    /// The process ended in good order.
    Close,
    /// A piece of JSON that later intents of the segment name instead of repeating it.
    Text,
}

/// A record as it stands in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) sequence: u64,
    pub(super) wall: u64,
    pub(super) mono: u64,
    pub(super) payload: &'a [u8],
}

/// What stands at the head of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded<'a> {
    /// A whole record, and how many bytes it takes.
    Record(Record<'a>, usize),
    /// Nothing was written here.
    End,
    /// Something else.
    Bad(&'static str),
}

/// A record without its place: the payload is serialised once, outside any lock, and the header is
/// filled in when the place is known.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    /// Room for the header, then what of the payload is its own.
    bytes: Vec<u8>,
    /// What many records have in common, each with the number of its own bytes that come before it.
    shared: Vec<(usize, Arc<str>)>,
}

/// The numbers of the file format. 2 was an intent in one piece.
const NUMBERS: [(Kind, u8); 7] = [
    (Kind::Genesis, 1),
    (Kind::Outcome, 3),
    (Kind::Gap, 4),
    (Kind::Checkpoint, 5),
    (Kind::Close, 6),
    (Kind::Text, 7),
    (Kind::Intent, 8),
];

impl Kind {
    fn number(self) -> u8 {
        NUMBERS.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, number)| *number)
    }

    fn from_number(number: u8) -> Option<Self> {
        NUMBERS.iter().find(|(_, known)| *known == number).map(|(kind, _)| *kind)
    }
}

thread_local! {
    /// The space of the last draft that was dropped, for the next one.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// More space than this is given back at once.
const LARGEST_SPARE: usize = 64 * 1024;

impl Drop for Draft {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if (1..=LARGEST_SPARE).contains(&bytes.capacity()) {
            // A thread that is ending has no use for it.
            let _ = SPARE.try_with(|spare| spare.set(bytes));
        }
    }
}

/// Texts shorter than this are repeated: naming them takes as much.
const SHORTEST_SHARED: usize = 48;

impl Draft {
    /// A draft without a payload.
    pub(super) fn empty(kind: Kind) -> Self {
        // A thread that is ending has none.
        let mut bytes = SPARE.try_with(Cell::take).unwrap_or_default();
        bytes.clear();
        bytes.resize(HEADER, 0);
        Self { kind, bytes, shared: Vec::new() }
    }

    /// A draft with `payload` as JSON.
    pub(super) fn new<P: Serialize>(kind: Kind, payload: &P) -> Result<Self, serde_json::Error> {
        let mut draft = Self::empty(kind);
        draft.value(payload)?;
        Ok(draft)
    }

    /// A draft of what was written before.
    pub(super) fn again(kind: Kind, payload: &[u8]) -> Self {
        let mut draft = Self::empty(kind);
        draft.bytes.extend_from_slice(payload);
        draft
    }

    /// The most bytes that the record may take in a segment, with the texts that it shares.
    pub(super) fn length(&self) -> u64 {
        let each =
            |sum: usize, (_, text): &(usize, Arc<str>)| sum.saturating_add(text.len()).saturating_add(SHARED_MORE);
        let length = self.shared.iter().fold(self.bytes.len().saturating_add(PIECE), each);
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// Fills the header in; the bytes are ready to be written. May be called again for another place. Not for a
    /// draft in pieces.
    pub(super) fn seal(&mut self, sequence: u64, wall: u64, mono: u64) -> &[u8] {
        seal(&mut self.bytes, self.kind, sequence, wall, mono);
        &self.bytes
    }

    /// Gives the payload's pieces in order: its own, and what it shares.
    pub(super) fn each_piece(&self, mut give: impl FnMut(Piece<'_>)) {
        let mut from = HEADER;
        let shared = self.shared.iter().map(|(end, text)| (*end, Some(text)));
        for (end, text) in shared.chain([(self.bytes.len(), None)]) {
            let own = self.bytes.get(from..end).unwrap_or_default();
            if !own.is_empty() {
                give(Piece::Own(own));
            }
            if let Some(text) = text {
                give(Piece::Shared(text));
            }
            from = end;
        }
    }

    /// What it shares, in order.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.shared.iter().map(|(_, text)| text)
    }

    /// The payload in one piece.
    pub(super) fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        self.each_piece(|piece| match piece {
            Piece::Own(bytes) => payload.extend_from_slice(bytes),
            Piece::Shared(text) => payload.extend_from_slice(text.as_bytes()),
        });
        payload
    }

    /// A member of an object, behind what is spelled already.
    pub(super) fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), serde_json::Error> {
        self.own(name)?;
        self.value(value)
    }

    /// The same of a word that has nothing to escape.
    pub(super) fn word(&mut self, name: &str, word: &str) -> Result<(), serde_json::Error> {
        self.own(name)?;
        self.own("\"")?;
        self.own(word)?;
        self.own("\"")
    }
}

/// A piece of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    /// Its own bytes.
    Own(&'a [u8]),
    /// A text of many records.
    Shared(&'a Arc<str>),
}

/// Bytes before a piece of a payload: what it is, and its length or its text's sequence.
pub(super) const PIECE: usize = 9;

/// What a shared text takes at most beside its bytes: a record of its own, two pieces.
const SHARED_MORE: usize = HEADER + 2 * PIECE;

impl Spelling for Draft {
    type Error = serde_json::Error;

    fn own(&mut self, json: &str) -> Result<(), serde_json::Error> {
        self.bytes.extend_from_slice(json.as_bytes());
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut self.bytes, value)
    }

    fn shared(&mut self, json: &Arc<str>) -> Result<(), serde_json::Error> {
        if json.len() < SHORTEST_SHARED {
            return self.own(json);
        }
        self.shared.push((self.bytes.len(), Arc::clone(json)));
        Ok(())
    }
}

/// Fills in the header at the beginning of a record's bytes.
pub(super) fn seal(bytes: &mut [u8], kind: Kind, sequence: u64, wall: u64, mono: u64) {
    let body = u32::try_from(bytes.len().saturating_sub(8)).unwrap_or(u32::MAX);
    let Some((header, payload)) = bytes.split_first_chunk_mut::<HEADER>() else { return };
    let mut put = |at: usize, value: &[u8]| {
        if let Some(slot) = header.get_mut(at..at.saturating_add(value.len())) {
            slot.copy_from_slice(value);
        }
    };
    put(0, &body.to_le_bytes());
    put(8, &[1, kind.number(), 0, 0]);
    put(12, &sequence.to_le_bytes());
    put(20, &wall.to_le_bytes());
    put(28, &mono.to_le_bytes());
    let crc = crc32c::crc32c_append(checksum(body, header.get(8..).unwrap_or_default()), payload);
    if let Some(slot) = header.get_mut(4..8) {
        slot.copy_from_slice(&crc.to_le_bytes());
    }
}

/// Reads the record at the head of `bytes`.
pub(super) fn decode(bytes: &[u8]) -> Decoded<'_> {
    let mut rest = bytes;
    let Some(length) = take::<4>(&mut rest).map(u32::from_le_bytes) else {
        return if bytes.iter().all(|byte| *byte == 0) { Decoded::End } else { Decoded::Bad("cut inside a length") };
    };
    if length == 0 {
        let blank = bytes.iter().take(HEADER).all(|byte| *byte == 0);
        return if blank { Decoded::End } else { Decoded::Bad("without a length") };
    }
    let Some(crc) = take::<4>(&mut rest).map(u32::from_le_bytes) else { return Decoded::Bad("cut inside a checksum") };
    let Some(body) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
        return Decoded::Bad("longer than the segment");
    };
    if checksum(length, body) != crc {
        return Decoded::Bad("its checksum differs");
    }
    match fields(body) {
        Some(record) => Decoded::Record(record, body.len().saturating_add(8)),
        None => Decoded::Bad(FOREIGN),
    }
}

fn fields(mut body: &[u8]) -> Option<Record<'_>> {
    let [version, kind, zero_a, zero_b] = take::<4>(&mut body)?;
    if version != 1 || zero_a != 0 || zero_b != 0 {
        return None;
    }
    let kind = Kind::from_number(kind)?;
    let sequence = u64::from_le_bytes(take(&mut body)?);
    let wall = u64::from_le_bytes(take(&mut body)?);
    let mono = u64::from_le_bytes(take(&mut body)?);
    take::<32>(&mut body)?;
    Some(Record { kind, sequence, wall, mono, payload: body })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn checksum(length: u32, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        (0..NUMBERS.len()).prop_map(|at| NUMBERS[at].0)
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_read_back(kind in kinds(), sequence: u64, wall: u64, mono: u64, text: String) {
            let mut draft = Draft::new(kind, &text).unwrap();
            let mut bytes = draft.seal(sequence, wall, mono).to_vec();
            let length = bytes.len();
            bytes.extend([0; 9]);
            let payload = serde_json::to_vec(&text).unwrap();
            let expected = Record { kind, sequence, wall, mono, payload: &payload };
            prop_assert_eq!(decode(&bytes), Decoded::Record(expected, length));
        }

        #[test]
        fn no_flipped_bit_goes_unseen(text: String, place: prop::sample::Index) {
            let mut draft = Draft::new(Kind::Outcome, &text).unwrap();
            let mut bytes = draft.seal(7, 8, 9).to_vec();
            let bit = place.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(matches!(decode(&bytes), Decoded::Bad(_)));
        }

        #[test]
        fn arbitrary_bytes_are_never_a_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_record_cut_anywhere_is_bad() {
        let mut draft = Draft::new(Kind::Outcome, &"x").unwrap();
        let bytes = draft.seal(1, 2, 3).to_vec();
        for end in 1..bytes.len() {
            assert!(matches!(decode(&bytes[..end]), Decoded::Bad(_)), "cut at {end}");
        }
        assert_eq!(decode(&[]), Decoded::End);
        assert_eq!(decode(&[0; 100]), Decoded::End);
    }
}
