//! What is done at start with what an earlier process left.
//!
//! Only the end of the journal can be torn: whatever was acknowledged as `strict` was on the disk before. A torn
//! end is cut; a segment that was sealed and is not what was written refuses the start. Two things excuse a hole
//! before the last segment: a GAP record that names it, or a GENESIS of the last segment that says it had never
//! been acknowledged.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::appender::{Appender, Fixed, begin, spare_path, wall_clock};
use super::event::{Event, Stored};
use super::payload::{self, GapPayload, Genesis, IntentPayload, OutcomePayload};
use super::record::{self, Decoded, Draft, FOREIGN, Kind, Record};
use super::segment::{self, Records, Segment};
use super::splice::{Splicer, Texts};
use super::{IntentKind, JournalError};
use crate::model::{Labels, OutcomeKind};

/// The journal as it was found.
#[derive(Debug, Default)]
struct Found {
    open: BTreeMap<u64, (Arc<Labels>, Stored)>,
    /// Of the segment that is read.
    texts: Texts,
    labels: Arc<Labels>,
    boot: String,
    next: u64,
    clean: bool,
    last: Option<Last>,
}

/// The segment that is written on.
#[derive(Debug)]
struct Last {
    path: PathBuf,
    length: u64,
    torn: bool,
    /// The highest sequence seen behind the cut, where records were whole but not reachable.
    lost: Option<u64>,
}

/// How one segment ended.
struct Walked {
    length: u64,
    bad: Option<&'static str>,
    lost: Option<u64>,
}

/// Reads the whole journal, closes what nobody closed, and gives the end to write on, with the events of what
/// was closed.
pub(super) fn recover(directory: &Path, fixed: &Fixed) -> Result<(Appender, Vec<Event>), JournalError> {
    let found = walk(directory)?;
    segment::remove(&directory.join("probe"))?;
    let spare = Segment::unused(spare_path(directory), fixed.segment)
        .map_or_else(|| Segment::create(spare_path(directory), fixed.segment), Ok);
    let gap = found.gap(&fixed.boot);
    let (mut appender, start) = found.end(directory, fixed, spare)?;
    appender.put(directory, fixed, &mut fixed.genesis(start).draft()?)?;
    if let Some(gap) = gap {
        tracing::warn!(from = gap.from, to = gap.to, reason = %gap.reason, "journal records may be missing");
        appender.put(directory, fixed, &mut gap.draft()?)?;
    }
    let mut events = Vec::new();
    for (sequence, (labels, stored)) in found.open {
        let outcome = crashed(sequence, stored.payload());
        appender.put(directory, fixed, &mut outcome.draft()?)?;
        if outcome.event {
            events.push(Event::new(labels, stored, wall_clock(), None, outcome));
        }
    }
    if !events.is_empty() {
        tracing::warn!(entries = events.len(), "journal entries that an earlier process left open were closed");
    }
    for sealed in std::mem::take(&mut appender.sealing) {
        sealed.seal()?;
    }
    appender.segment.sync()?;
    segment::sync_directory(directory)?;
    appender.synced = appender.next;
    appender.unsynced = 0;
    Ok((appender, events))
}

/// What became of an INTENT whose process went away: a denial cannot have been forwarded, anything else may.
fn crashed(sequence: u64, intent: &[u8]) -> OutcomePayload {
    let intent = payload::parse::<IntentPayload<'_>>(intent);
    let event = intent.as_ref().is_none_or(|intent| intent.kind != IntentKind::Prepare);
    let denied = intent.as_ref().is_some_and(|intent| !intent.allowed);
    let kind = if denied { OutcomeKind::Denied } else { OutcomeKind::Unknown };
    let cause = intent.and_then(|intent| intent.cause).map(Cow::Owned);
    OutcomePayload { cause, ..OutcomePayload::untold(sequence, kind, "crash", event) }
}

fn walk(directory: &Path) -> Result<Found, JournalError> {
    let segments = segment::list(directory)?;
    let mut found = Found { clean: true, ..Found::default() };
    found.next = segments.first().map_or(0, |(first, _)| *first);
    let count = segments.len();
    for (index, (first, path)) in segments.iter().enumerate() {
        let bytes = segment::read(path)?;
        let is_last = index.saturating_add(1) == count;
        if *first != found.next && !explained(&bytes, found.next, *first, is_last) {
            let reason = format!("records {} to {} before it are missing", found.next, first.saturating_sub(1));
            return Err(JournalError::Damaged { path: path.clone(), offset: 0, reason });
        }
        found.next = *first;
        let walked = found.segment(&bytes);
        if walked.bad == Some(FOREIGN) {
            let reason = format!("the record there is {FOREIGN}");
            return Err(JournalError::Damaged { path: path.clone(), offset: walked.length, reason });
        }
        if let Some(reason) = walked.bad.filter(|_| !is_last) {
            let excused = segments.get(index.saturating_add(1)).is_some_and(|(next_first, next)| {
                let is_last = index.saturating_add(2) == count;
                segment::read(next).is_ok_and(|bytes| explained(&bytes, found.next, *next_first, is_last))
            });
            if !excused {
                let reason = format!("the record there is {reason}");
                return Err(JournalError::Damaged { path: path.clone(), offset: walked.length, reason });
            }
        }
        if is_last {
            found.last =
                Some(Last { path: path.clone(), length: walked.length, torn: walked.bad.is_some(), lost: walked.lost });
        }
    }
    Ok(found)
}

/// Whether a segment that starts with `first` says why the records from `missing` on are not there.
fn explained(bytes: &[u8], missing: u64, first: u64, is_last: bool) -> bool {
    let mut records = Records::new(bytes, 0).take(2);
    let genesis = records.next().filter(|record| record.kind == Kind::Genesis);
    let unacknowledged = genesis
        .and_then(|record| payload::parse::<Genesis>(record.payload))
        .is_none_or(|genesis| genesis.synced <= missing);
    let named = records
        .next()
        .filter(|record| record.kind == Kind::Gap)
        .and_then(|record| payload::parse::<GapPayload>(record.payload))
        .is_some_and(|gap| gap.from <= missing && gap.to.is_none_or(|to| to.checked_add(1) == Some(first)));
    named || (is_last && unacknowledged)
}

impl Found {
    fn segment(&mut self, bytes: &[u8]) -> Walked {
        self.texts.clear();
        let mut records = Records::new(bytes, 0);
        let mut length = 0;
        let mut bad = None;
        for_each_in_order(&mut records, |record, offset| {
            if record.sequence != self.next {
                bad = Some("out of sequence");
                return false;
            }
            self.record(record);
            length = offset;
            true
        });
        let bad = bad.or(records.bad());
        let rest = bytes.get(length..).unwrap_or_default();
        let bad = bad.or_else(|| rest.iter().any(|byte| *byte != 0).then_some("behind the end"));
        let lost = if bad.is_some() { last_whole_record(rest, self.next) } else { None };
        Walked { length: u64::try_from(length).unwrap_or(u64::MAX), bad, lost }
    }

    fn record(&mut self, record: Record<'_>) {
        self.next = record.sequence.saturating_add(1);
        self.clean = record.kind == Kind::Close;
        match record.kind {
            Kind::Genesis => {
                if let Some(genesis) = payload::parse::<Genesis>(record.payload) {
                    self.labels = Arc::new(genesis.labels);
                    self.boot = genesis.boot;
                }
            }
            Kind::Intent => {
                // What names a text that is not there was not written by this program: it is closed as unknown.
                let payload = self.texts.join(record).unwrap_or_default();
                let stored = Stored::new(record.sequence, record.wall, record.mono, payload);
                self.open.insert(record.sequence, (Arc::clone(&self.labels), stored));
            }
            Kind::Outcome => {
                if let Some(outcome) = payload::parse::<OutcomePayload>(record.payload) {
                    self.open.remove(&outcome.intent);
                }
            }
            Kind::Text => self.texts.add(record),
            Kind::Gap | Kind::Checkpoint | Kind::Close => {}
        }
    }

    /// Whether records may be missing at the end, and which.
    fn gap(&self, boot: &str) -> Option<GapPayload> {
        let last = self.last.as_ref()?;
        if last.lost.is_some() {
            return Some(GapPayload { from: self.next, to: last.lost, reason: Cow::Borrowed("damaged") });
        }
        // What was not synced when the machine went down may be gone without a trace.
        let machine = !self.clean && self.boot != boot;
        machine.then_some(GapPayload { from: self.next, to: None, reason: Cow::Borrowed("machine_stopped") })
    }

    /// The segment to go on in, and the sequence below which all is on the disk.
    fn end(
        &self,
        directory: &Path,
        fixed: &Fixed,
        spare: Result<Segment, JournalError>,
    ) -> Result<(Appender, u64), JournalError> {
        let (mut spare, mut spareless) = match spare {
            Ok(spare) => (Some(spare), None),
            Err(error) => (None, Some(error)),
        };
        let lost = self.last.as_ref().and_then(|last| last.lost);
        let next = lost.map_or(self.next, |lost| lost.saturating_add(1)).max(self.next);
        // A damaged segment is left as it is, for whoever looks into it.
        let segment = match self.last.as_ref().filter(|last| last.lost.is_none()) {
            Some(last) => Segment::resume(last.path.clone(), last.length, last.torn, fixed.segment)?,
            None => {
                let made = spare.take().ok_or_else(|| {
                    let none = JournalError::Full { action: "start a segment in", path: directory.to_owned() };
                    spareless.take().unwrap_or(none)
                });
                let mut segment = made?;
                segment.publish(directory, next)?;
                segment
            }
        };
        let appender = Appender {
            segment,
            buffer: Vec::new(),
            stuck: None,
            spare,
            spareless,
            next,
            synced: self.next,
            unsynced: 0,
            oldest: None,
            syncing: None,
            sealing: Vec::new(),
            open: 0,
            waiters: Vec::new(),
            splicer: Splicer::default(),
            refusing: None,
            closed: false,
            ended: false,
            close: 0,
        };
        Ok((appender, self.next))
    }
}

impl Appender {
    /// Writes one record before anybody else can.
    fn put(&mut self, directory: &Path, fixed: &Fixed, draft: &mut Draft) -> Result<(), JournalError> {
        if draft.length() > self.segment.room() {
            let made = match self.spare.take() {
                Some(spare) => Ok(spare),
                None => Segment::create(spare_path(directory), fixed.segment),
            };
            let mut fresh = made?;
            fresh.publish(directory, self.next)?;
            self.next = begin(&mut fresh, fixed, self.next, self.synced, None)?;
            self.sealing.push(std::mem::replace(&mut self.segment, fresh));
        }
        let sealed = draft.seal(self.next, wall_clock(), fixed.monotonic());
        self.segment.write(sealed)?;
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}

/// Gives each record with the offset behind it, until `each` says no.
fn for_each_in_order<'a>(records: &mut Records<'a>, mut each: impl FnMut(Record<'a>, usize) -> bool) {
    while let Some(record) = records.next() {
        if !each(record, records.offset()) {
            return;
        }
    }
}

/// The highest sequence of a whole record somewhere in `rest`: a torn end has none, so that records were
/// written, and perhaps acknowledged, behind what is damaged.
fn last_whole_record(rest: &[u8], next: u64) -> Option<u64> {
    (0..rest.len())
        .filter_map(|at| rest.get(at..))
        // A version and a sequence that could be: so that a checksum is computed only where it may match.
        .filter(|bytes| bytes.get(8) == Some(&1) && sequence(bytes).is_some_and(|found| found >= next))
        .filter_map(|bytes| match record::decode(bytes) {
            Decoded::Record(record, _) => Some(record.sequence),
            Decoded::End | Decoded::Bad(_) => None,
        })
        .max()
}

fn sequence(bytes: &[u8]) -> Option<u64> {
    bytes.get(12..20)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
