//! Intents name texts of earlier records of their segment instead of repeating them.
//!
//! The payload of an INTENT is a list of pieces: `0`, a length in eight bytes and so many bytes of JSON, or `1` and
//! the sequence of the TEXT record whose payload stands there. A text is written down as a record of its own when it
//! comes the second time; one that never comes again costs nothing.

use std::collections::HashMap;
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
    known: HashMap<usize, Known>,
    weight: usize,
    /// What was spliced last: its records, where each of them ends, and the texts among them.
    out: Vec<u8>,
    ends: Vec<usize>,
    written: Vec<(usize, u64)>,
}

#[derive(Debug)]
struct Known {
    _text: Arc<str>,
    /// Where it is written down; it may have come only once.
    sequence: Option<u64>,
}

impl Splicer {
    /// The records that a draft in pieces becomes, from sequence `next` on, its own last. What they say holds once
    /// they are written: then [`Splicer::keep`], else [`Splicer::forget`].
    pub(super) fn splice(&mut self, draft: &Draft, next: u64, wall: u64, mono: u64) -> impl Iterator<Item = &[u8]> {
        self.out.clear();
        self.ends.clear();
        self.written.clear();
        if self.weight > REMEMBERED {
            self.forget();
        }
        let mut sequence = next;
        for piece in draft.pieces() {
            let Piece::Shared(text) = piece else { continue };
            if self.is_due(text) {
                let record = append(&mut self.out, |out| out.extend_from_slice(text.as_bytes()));
                record::seal(record, Kind::Text, sequence, wall, mono);
                self.ends.push(self.out.len());
                self.written.push((address(text), sequence));
                sequence = sequence.saturating_add(1);
            }
        }
        let (known, written) = (&self.known, &self.written);
        let named = |text: &Arc<str>| {
            let fresh = written.iter().find(|(at, _)| *at == address(text)).map(|(_, sequence)| *sequence);
            fresh.or_else(|| known.get(&address(text)).and_then(|known| known.sequence))
        };
        let record = append(&mut self.out, |out| {
            for piece in draft.pieces() {
                match piece {
                    Piece::Own(bytes) => own(out, bytes),
                    Piece::Shared(text) => match named(text) {
                        Some(sequence) => {
                            out.push(NAMED);
                            out.extend_from_slice(&sequence.to_le_bytes());
                        }
                        None => own(out, text.as_bytes()),
                    },
                }
            }
        });
        record::seal(record, draft.kind, sequence, wall, mono);
        self.ends.push(self.out.len());
        let (out, mut from) = (&self.out, 0);
        self.ends.iter().map(move |end| out.get(std::mem::replace(&mut from, *end)..*end).unwrap_or_default())
    }

    /// Whether a text comes the second time. The first time it is remembered.
    fn is_due(&mut self, text: &Arc<str>) -> bool {
        let address = address(text);
        if let Some(known) = self.known.get(&address) {
            return known.sequence.is_none() && self.written.iter().all(|(at, _)| *at != address);
        }
        self.weight = self.weight.saturating_add(text.len()).saturating_add(ENTRY);
        self.known.insert(address, Known { _text: Arc::clone(text), sequence: None });
        false
    }

    /// What was spliced last is in the segment.
    pub(super) fn keep(&mut self) {
        for (address, sequence) in self.written.drain(..) {
            if let Some(known) = self.known.get_mut(&address) {
                known.sequence = Some(sequence);
            }
        }
    }

    /// Nothing that was written can be named any more: a new segment begins, or a write failed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.written.clear();
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
        splicer.splice(&draft(&[(false, 0)], &[Arc::clone(text)]), next, 1, 2).map(<[u8]>::len).sum()
    }

    proptest! {
        #[test]
        fn what_was_spliced_reads_back_whatever_fails_in_between(
            drafts in prop::collection::vec(
                (prop::collection::vec((any::<bool>(), 0_usize..6), 0..9), 0_u8..8), 1..20),
        ) {
            let shared: Vec<Arc<str>> =
                (0..6).map(|which| format!("text {which} {}", "x".repeat(which * 30)).into()).collect();
            let (mut splicer, mut segment, mut next, mut expected) = (Splicer::default(), Vec::new(), 5, Vec::new());
            for (pieces, fate) in drafts {
                let draft = draft(&pieces, &shared);
                let records: Vec<_> = splicer.splice(&draft, next, 1, 2).map(<[u8]>::to_vec).collect();
                prop_assert!(u64::try_from(records.concat().len()).unwrap() <= draft.length());
                // A write may fail after some of them.
                let fails = usize::from(fate);
                for record in records.iter().take(fails) {
                    segment.extend_from_slice(record);
                    next += 1;
                }
                if fails < records.len() {
                    splicer.forget();
                } else {
                    splicer.keep();
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
            splicer.keep();
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
