//! Intents name texts of earlier records of their segment instead of repeating them.
//!
//! The payload of an INTENT is a list of pieces: `0`, a length in eight bytes and so many bytes of JSON, or `1` and
//! the sequence of the TEXT record whose payload stands there. A text is written down as a record of its own when it
//! comes the second time; one that never comes again costs nothing.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::record::{self, Draft, HEADER, Kind, PIECE, Piece, Record};

/// Bytes of texts that are kept to be named; past it all are forgotten, and written again when they come.
const REMEMBERED: usize = 4 << 20;

/// What a text takes in memory beside its bytes.
const ENTRY: usize = 96;

const OWN: u8 = 0;
const NAMED: u8 = 1;

/// Which texts the records of the current segment can name.
#[derive(Debug, Default)]
pub(super) struct Splicer {
    /// By address. The text is kept, so that no other one can get its address.
    known: HashMap<usize, Known, BuildHasherDefault<Address>>,
    weight: usize,
    /// Which texts the draft at hand names.
    named: Vec<Option<u64>>,
}

#[derive(Debug)]
struct Known {
    _text: Arc<str>,
    /// Where it is written down; it may have come only once.
    sequence: Option<u64>,
}

/// Addresses differ from each other, and nobody outside chooses them.
#[derive(Debug, Default)]
struct Address(u64);

impl Hasher for Address {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // Multiplied by an odd number, what differs low ends up high, where the map looks; rotated, also low.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Splicer {
    /// Adds the records that a draft in pieces becomes, from sequence `next` on, its own last; gives the sequence behind
    /// them. Should what was added not get into the segment: [`Splicer::forget`].
    pub(super) fn splice(&mut self, draft: &Draft, next: u64, wall: u64, mono: u64, out: &mut Vec<u8>) -> u64 {
        if self.weight > REMEMBERED {
            self.forget();
        }
        self.named.clear();
        let mut sequence = next;
        for text in draft.texts() {
            let name = match self.known.get_mut(&address(text)) {
                Some(known) => Some(*known.sequence.get_or_insert_with(|| {
                    let record = append(out, |out| out.extend_from_slice(text.as_bytes()));
                    record::seal(record, Kind::Text, sequence, wall, mono);
                    let written = sequence;
                    sequence = sequence.saturating_add(1);
                    written
                })),
                None => {
                    self.weight = self.weight.saturating_add(text.len()).saturating_add(ENTRY);
                    self.known.insert(address(text), Known { _text: Arc::clone(text), sequence: None });
                    None
                }
            };
            self.named.push(name);
        }
        let mut named = self.named.iter();
        let record = append(out, |out| {
            draft.each_piece(|piece| match piece {
                Piece::Own(bytes) => own(out, bytes),
                Piece::Shared(text) => match named.next() {
                    Some(Some(sequence)) => {
                        out.push(NAMED);
                        out.extend_from_slice(&sequence.to_le_bytes());
                    }
                    Some(None) | None => own(out, text.as_bytes()),
                },
            });
        });
        record::seal(record, draft.kind, sequence, wall, mono);
        sequence.saturating_add(1)
    }

    /// Nothing that was written can be named any more: a new segment begins, or a write failed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.weight = 0;
    }
}

fn address(text: &Arc<str>) -> usize {
    Arc::as_ptr(text).addr()
}

/// Adds a record with that payload; its header is still to be filled in.
fn append(out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) -> &mut [u8] {
    let start = out.len();
    out.resize(start.saturating_add(HEADER), 0);
    payload(out);
    out.get_mut(start..).unwrap_or_default()
}

fn own(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(OWN);
    out.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The texts of a segment as it is read back.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<u64, Box<[u8]>>);

impl Texts {
    /// Takes a TEXT record.
    pub(super) fn add(&mut self, record: Record<'_>) {
        self.0.insert(record.sequence, record.payload.into());
    }

    /// A new segment begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The JSON of an INTENT; `None` if it is not one that was written with these texts before it.
    pub(super) fn join(&self, record: Record<'_>) -> Option<Vec<u8>> {
        let mut rest = record.payload;
        let mut json = Vec::new();
        while let Some((kind, more)) = rest.split_first() {
            let (number, more) = more.split_first_chunk::<{ PIECE - 1 }>()?;
            let number = u64::from_le_bytes(*number);
            rest = match *kind {
                OWN => {
                    let (bytes, more) = more.split_at_checked(usize::try_from(number).ok()?)?;
                    json.extend_from_slice(bytes);
                    more
                }
                NAMED => {
                    json.extend_from_slice(self.0.get(&number)?);
                    more
                }
                _ => return None,
            };
        }
        Some(json)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input::Spelling;
    use crate::journal::segment::Records;

    /// What the records say that come out, one joined payload for each draft.
    fn read(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
        let (mut texts, mut read) = (Texts::default(), Vec::new());
        for record in Records::new(bytes, 0) {
            match record.kind {
                Kind::Text => texts.add(record),
                Kind::Genesis | Kind::Intent | Kind::Outcome | Kind::Gap | Kind::Checkpoint | Kind::Close => {
                    read.push(texts.join(record))
                }
            }
        }
        read
    }

    fn draft(pieces: &[(bool, usize)], shared: &[Arc<str>]) -> Draft {
        let mut draft = Draft::empty(Kind::Intent);
        for (own, which) in pieces {
            if *own {
                draft.own(&format!("own {which};")).unwrap();
            } else {
                draft.shared(&shared[which % shared.len()]).unwrap();
            }
        }
        draft
    }

    fn size(splicer: &mut Splicer, next: u64, text: &Arc<str>) -> usize {
        let mut out = Vec::new();
        splicer.splice(&draft(&[(false, 0)], &[Arc::clone(text)]), next, 1, 2, &mut out);
        out.len()
    }

    proptest! {
        #[test]
        fn what_was_spliced_reads_back_whatever_fails_in_between(
            drafts in prop::collection::vec(
                (prop::collection::vec((any::<bool>(), 0_usize..6), 0..9), any::<bool>()), 1..20),
        ) {
            let shared: Vec<Arc<str>> =
                (0..6).map(|which| format!("text {which} {}", "x".repeat(which * 30)).into()).collect();
            let (mut splicer, mut segment, mut next, mut expected) = (Splicer::default(), Vec::new(), 5, Vec::new());
            for (pieces, fails) in drafts {
                let draft = draft(&pieces, &shared);
                let (before, written) = (segment.len(), next);
                next = splicer.splice(&draft, next, 1, 2, &mut segment);
                prop_assert!(u64::try_from(segment.len() - before).unwrap() <= draft.length());
                if fails {
                    segment.truncate(before);
                    next = written;
                    splicer.forget();
                } else {
                    expected.push(Some(draft.payload()));
                }
            }
            let sequences: Vec<_> = Records::new(&segment, 0).map(|record| record.sequence).collect();
            prop_assert_eq!(sequences, (5..next).collect::<Vec<_>>());
            prop_assert_eq!(read(&segment), expected);
        }

        #[test]
        fn arbitrary_payloads_are_never_a_panic(payload: Vec<u8>) {
            let _ = Texts::default().join(Record { kind: Kind::Intent, sequence: 1, wall: 1, mono: 1, payload: &payload });
        }
    }

    #[test]
    fn a_text_is_written_down_once_and_named_from_then_on() {
        let text: Arc<str> = "a text that is long enough to be worth a record of its own".into();
        let mut splicer = Splicer::default();
        let mut sizes = Vec::new();
        for turn in 0..4 {
            sizes.push(size(&mut splicer, turn * 2, &text));
        }
        assert_eq!(sizes[0], HEADER + PIECE + text.len(), "the first time it is repeated");
        assert_eq!(sizes[1], 2 * HEADER + PIECE + text.len(), "the second time it gets its record");
        assert_eq!(sizes[2..], [HEADER + PIECE; 2], "then it is named");
        splicer.forget();
        assert_eq!(size(&mut splicer, 9, &text), sizes[0], "another segment knows nothing of it");
    }

    #[test]
    fn a_name_of_nothing_is_not_read() {
        let mut payload = vec![NAMED];
        payload.extend_from_slice(&7_u64.to_le_bytes());
        let record = Record { kind: Kind::Intent, sequence: 8, wall: 1, mono: 1, payload: &payload };
        assert_eq!(Texts::default().join(record), None);
    }
}
