//! Reads events back, also while a process writes. Only whole records are read; what is not whole yet is left
//! for later.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::JournalError;
use super::event::{Event, Stored};
use super::payload::{self, GapPayload, Genesis, OutcomePayload};
use super::record::{FOREIGN, Kind, Record};
use super::segment::{self, Records};
use super::splice::Texts;
use crate::model::Labels;

/// How often a followed journal is looked at.
const POLL: Duration = Duration::from_millis(100);

/// What to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailOptions {
    /// How many of the last items; all if `None`.
    pub lines: Option<usize>,
    /// Whether to wait for more.
    pub follow: bool,
}

/// What the journal tells.
#[derive(Clone, Debug)]
pub enum TailItem {
    /// A decision and how it ended.
    Event(Box<Event>),
    /// Records that may be missing.
    Gap(Gap),
    /// The rest of a segment, written in a format that this program does not read.
    Foreign {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
    },
}

/// Records that may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them.
    pub from: u64,
    /// The last of them; `None` if nobody knows.
    pub to: Option<u64>,
    /// Why: `disk_error`, `damaged`, `machine_stopped`.
    pub reason: String,
}

/// The items of a journal, oldest first. With `follow`, `next` blocks until there is one.
#[derive(Debug)]
pub struct Tail {
    reader: Reader,
    ready: VecDeque<TailItem>,
    follow: bool,
}

/// A place in the journal.
#[derive(Debug)]
struct Reader {
    directory: PathBuf,
    /// The segment that is read, and how many of its bytes were.
    segment: Option<u64>,
    offset: usize,
    /// It was said of this segment that it cannot be read on.
    foreign: Option<u64>,
    labels: Arc<Labels>,
    /// Texts of the segment that is read.
    texts: Texts,
    /// INTENTs without OUTCOME; bounded by what is open at a time.
    open: HashMap<u64, (Arc<Labels>, Stored)>,
}

/// Opens the journal in `directory` for reading.
///
/// # Errors
/// What the disk says. [`Tail`] gives the errors that come later.
pub fn tail(directory: &Path, options: TailOptions) -> Result<Tail, JournalError> {
    let mut reader = Reader {
        directory: directory.to_owned(),
        segment: None,
        offset: 0,
        foreign: None,
        labels: Arc::default(),
        texts: Texts::default(),
        open: HashMap::new(),
    };
    let ready = match options.lines {
        Some(lines) => reader.last(lines)?,
        None => VecDeque::new(),
    };
    Ok(Tail { reader, ready, follow: options.follow })
}

impl TailItem {
    /// One line of JSON: an OPA event, or `{"gap": …}`. `None` for a [format](Self::Foreign) this program does not know.
    pub fn to_json(&self) -> Option<String> {
        match self {
            Self::Event(event) => event.to_json(),
            Self::Gap(gap) => {
                let value = serde_json::json!({"gap": {"from": gap.from, "reason": gap.reason, "to": gap.to}});
                Some(value.to_string())
            }
            Self::Foreign { .. } => None,
        }
    }

    /// One line for people.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Event(event) => event.to_text(),
            Self::Gap(Gap { from, to: Some(to), reason }) if from > to => {
                Some(format!("gap: none missing before {from} ({reason})"))
            }
            Self::Gap(Gap { from, to: Some(to), reason }) => {
                Some(format!("gap: records {from} to {to} may be missing ({reason})"))
            }
            Self::Gap(Gap { from, to: None, reason }) => {
                Some(format!("gap: records from {from} on may be missing ({reason})"))
            }
            Self::Foreign { .. } => None,
        }
    }
}

impl Iterator for Tail {
    type Item = Result<TailItem, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            match self.reader.advance(&mut self.ready) {
                Ok(true) => {}
                Ok(false) if self.follow => std::thread::sleep(POLL),
                Ok(false) => return None,
                Err(error) => {
                    self.follow = false;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Reader {
    /// The last `lines` items, and the place behind them. Starts as late as it can: so many segments from the
    /// end that they hold enough items; an INTENT before them is looked up.
    fn last(&mut self, lines: usize) -> Result<VecDeque<TailItem>, JournalError> {
        let segments = segment::list(&self.directory)?;
        let mut enough = 0;
        let mut start = None;
        for (first, path) in segments.iter().rev() {
            start = Some(*first);
            let bytes = segment::read(path)?;
            enough = Records::new(&bytes, 0).filter(is_item).count().saturating_add(enough);
            if enough >= lines {
                break;
            }
        }
        self.segment = start;
        let (mut items, mut foreign) = (VecDeque::new(), VecDeque::new());
        while self.advance(&mut items)? {
            // What cannot be read is said first, and is no line.
            let (unread, read): (VecDeque<_>, VecDeque<_>) =
                items.drain(..).partition(|item| matches!(item, TailItem::Foreign { .. }));
            foreign.extend(unread);
            items = read;
            items.drain(..items.len().saturating_sub(lines));
        }
        foreign.append(&mut items);
        Ok(foreign)
    }

    /// Reads on to the end of a segment; says whether there is more to read.
    fn advance(&mut self, items: &mut VecDeque<TailItem>) -> Result<bool, JournalError> {
        let segments = segment::list(&self.directory)?;
        let position = match self.segment {
            Some(current) => segments.iter().position(|(first, _)| *first == current),
            None => (!segments.is_empty()).then_some(0),
        };
        let Some(position) = position else { return Ok(false) };
        let Some((first, path)) = segments.get(position) else { return Ok(false) };
        self.segment = Some(*first);
        let successor = segments.get(position.saturating_add(1));
        if successor.is_none() && !segment::written_at(path, self.offset)? {
            return Ok(false);
        }
        // The list is older than the bytes: a segment with a successor is complete in them.
        let bytes = segment::read(path)?;
        let start = self.offset;
        let mut records = Records::new(&bytes, start);
        while let Some(record) = records.next() {
            self.offset = records.offset();
            items.extend(self.item(record, &segments)?);
        }
        let foreign = records.bad() == Some(FOREIGN) && self.foreign != Some(*first);
        if foreign {
            self.foreign = Some(*first);
            let offset = u64::try_from(self.offset).unwrap_or(u64::MAX);
            items.push_back(TailItem::Foreign { path: path.clone(), offset });
        }
        let read = foreign || self.offset > start;
        if let Some((next, _)) = successor {
            self.segment = Some(*next);
            self.offset = 0;
            self.texts.clear();
            return Ok(true);
        }
        Ok(read)
    }

    fn item(&mut self, record: Record<'_>, segments: &[(u64, PathBuf)]) -> Result<Option<TailItem>, JournalError> {
        match record.kind {
            Kind::Genesis => {
                if let Some(genesis) = payload::parse::<Genesis>(record.payload) {
                    self.labels = Arc::new(genesis.labels);
                }
                Ok(None)
            }
            Kind::Intent => {
                let stored = stored(record, &self.texts);
                self.open.insert(record.sequence, (Arc::clone(&self.labels), stored));
                Ok(None)
            }
            Kind::Outcome => {
                let Some(outcome) = payload::parse::<OutcomePayload>(record.payload) else { return Ok(None) };
                let held = self.open.remove(&outcome.intent);
                if !outcome.event {
                    return Ok(None);
                }
                let intent = match held {
                    Some(held) => Some(held),
                    None => look_up(outcome.intent, segments)?,
                };
                let Some((labels, intent)) = intent else { return Ok(None) };
                // The clock of another process says nothing.
                let mono = (outcome.reason.as_deref() != Some("crash")).then_some(record.mono);
                Ok(Some(TailItem::Event(Box::new(Event::new(labels, intent, record.wall, mono, outcome)))))
            }
            Kind::Gap => Ok(payload::parse::<GapPayload>(record.payload)
                .map(|gap| TailItem::Gap(Gap { from: gap.from, to: gap.to, reason: gap.reason.into_owned() }))),
            Kind::Text => {
                self.texts.add(record);
                Ok(None)
            }
            Kind::Checkpoint | Kind::Close => Ok(None),
        }
    }
}

/// Whether a record is one item.
fn is_item(record: &Record<'_>) -> bool {
    match record.kind {
        Kind::Outcome => payload::parse::<OutcomePayload>(record.payload).is_some_and(|outcome| outcome.event),
        Kind::Gap => true,
        Kind::Genesis | Kind::Intent | Kind::Text | Kind::Checkpoint | Kind::Close => false,
    }
}

/// Finds an INTENT in the segment that must hold it, with the labels that were in force there.
fn look_up(sequence: u64, segments: &[(u64, PathBuf)]) -> Result<Option<(Arc<Labels>, Stored)>, JournalError> {
    let Some((_, path)) = segments.iter().rev().find(|(first, _)| *first <= sequence) else { return Ok(None) };
    let bytes = segment::read(path)?;
    let (mut labels, mut texts) = (Arc::default(), Texts::default());
    for record in Records::new(&bytes, 0) {
        if record.kind == Kind::Genesis
            && let Some(genesis) = payload::parse::<Genesis>(record.payload)
        {
            labels = Arc::new(genesis.labels);
        }
        if record.kind == Kind::Text {
            texts.add(record);
        }
        if record.sequence == sequence {
            return Ok((record.kind == Kind::Intent).then(|| (labels, stored(record, &texts))));
        }
    }
    Ok(None)
}

fn stored(record: Record<'_>, texts: &Texts) -> Stored {
    Stored::new(record.sequence, record.wall, record.mono, texts.join(record).unwrap_or_default())
}
