//! The one place where records get their sequence and go into the file, behind a lock.
//!
//! Whoever has a record writes it itself: a write to the page cache costs less than waking another thread.
//! What must wait for the disk waits for the syncer, one `fdatasync` for all that came in the meantime.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

use super::JournalError;
use super::payload::{GapPayload, Genesis, OUTCOME_ROOM};
use super::record::{Draft, Kind};
use super::segment::Segment;
use super::splice::Splicer;
use crate::model::Labels;
use crate::telemetry::Metrics;

/// Bytes that may be in the file and not on the disk; a disk that far behind gets no new work.
pub(super) const UNSYNCED_LIMIT: u64 = 64 << 20;

/// Bytes after which a sync does not wait for its time: what a sync has to write stays small.
pub(super) const SYNC_EARLY: u64 = 4 << 20;

/// How long new work waits for room, by default, and for the lock, before it is refused.
pub(super) const ROOM_PATIENCE: Duration = Duration::from_millis(250);

/// How long a sync may take before the disk counts as failed.
pub(super) const DISK_PATIENCE: Duration = Duration::from_secs(10);

/// Whoever waits for the disk.
pub(super) type Waiter = oneshot::Sender<Result<(), JournalError>>;

/// What the callers and the syncer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: PathBuf,
    pub(super) settings: Fixed,
    pub(super) appender: Mutex<Appender>,
    /// Outcomes that could not be written yet. Bounded: an entry owes one.
    pub(super) owed: Mutex<Vec<Draft>>,
    /// Wakes the syncer.
    pub(super) work: Condvar,
    /// Wakes who waits for room.
    pub(super) room: Notify,
}

/// What does not change while the process runs.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) sync: Duration,
    pub(super) segment: u64,
    pub(super) patience: Duration,
    pub(super) labels: Arc<Labels>,
    pub(super) boot: String,
    pub(super) started: Instant,
    pub(super) metrics: Metrics,
}

/// The end of the journal.
#[derive(Debug)]
pub(super) struct Appender {
    pub(super) segment: Segment,
    /// The next segment, preallocated: work under way can be finished on a full disk.
    pub(super) spare: Option<Segment>,
    /// Why there is no spare.
    pub(super) spareless: Option<JournalError>,
    /// Sequence of the next record.
    pub(super) next: u64,
    /// Every record below this sequence is on the disk.
    pub(super) synced: u64,
    /// Bytes behind `synced`.
    pub(super) unsynced: u64,
    /// When the oldest record behind `synced` was written.
    pub(super) oldest: Option<Instant>,
    /// When the sync that is under way began.
    pub(super) syncing: Option<Instant>,
    /// Full segments that the syncer has not sealed yet.
    pub(super) sealing: Vec<Segment>,
    /// Entries whose outcome is not in the file yet.
    pub(super) open: u64,
    pub(super) waiters: Vec<Waiter>,
    /// The texts that records of the segment can name.
    pub(super) splicer: Splicer,
    /// Why nothing is taken until the syncer has a segment that works.
    pub(super) refusing: Option<JournalError>,
    /// No new work is taken.
    pub(super) closed: bool,
    /// Nobody can have a record any more; the syncer ends.
    pub(super) ended: bool,
    /// Sequence behind the last CLOSE.
    pub(super) close: u64,
}

/// A record in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) sequence: u64,
    pub(super) wall: u64,
    pub(super) mono: u64,
}

impl Shared {
    /// Writes new work, if everything under way can still be finished behind it.
    pub(super) fn admit(&self, draft: &mut Draft, wait: Option<Waiter>) -> Result<Placed, JournalError> {
        let stalled = JournalError::Stalled { waited_ms: millis(ROOM_PATIENCE) };
        let mut appender = self.appender.try_lock_for(ROOM_PATIENCE).ok_or(stalled)?;
        let admitted = appender.admits(draft.length(), &self.settings).and_then(|()| {
            let placed = appender.append(draft, self)?;
            appender.open = appender.open.saturating_add(1);
            Ok(placed)
        });
        self.attend(&mut appender, wait.filter(|_| admitted.is_ok()));
        admitted
    }

    /// Writes an outcome. One that cannot be written is owed, and written as soon as the disk recovers.
    pub(super) fn finish(&self, mut draft: Draft, wait: Option<Waiter>) -> Result<Placed, JournalError> {
        let Some(mut appender) = self.appender.try_lock_for(ROOM_PATIENCE) else {
            self.owed.lock().push(draft);
            return Err(JournalError::Stalled { waited_ms: millis(ROOM_PATIENCE) });
        };
        let placed = match &appender.refusing {
            Some(error) => Err(error.clone()),
            None => appender.append(&mut draft, self),
        };
        match placed {
            Ok(_) => appender.open = appender.open.saturating_sub(1),
            Err(_) => {
                self.owed.lock().push(draft);
                self.work.notify_one();
            }
        }
        self.attend(&mut appender, wait.filter(|_| placed.is_ok()));
        placed
    }

    /// Whether new work of an ordinary size would be taken.
    pub(super) fn condition(&self) -> Result<(), JournalError> {
        let stalled = JournalError::Stalled { waited_ms: millis(ROOM_PATIENCE) };
        self.appender.try_lock_for(ROOM_PATIENCE).ok_or(stalled)?.admits(OUTCOME_ROOM, &self.settings)
    }

    /// Wakes the syncer when there is something to do that it does not know of yet.
    fn attend(&self, appender: &mut Appender, wait: Option<Waiter>) {
        let first = appender.oldest.is_none() && appender.unsynced > 0;
        if first {
            appender.oldest = Some(Instant::now());
        }
        let waited_for = wait.is_some();
        appender.waiters.extend(wait);
        if first
            || waited_for
            || appender.unsynced > SYNC_EARLY
            || appender.spare.is_none()
            || appender.refusing.is_some()
        {
            self.work.notify_one();
        }
    }
}

impl Appender {
    fn admits(&self, length: u64, fixed: &Fixed) -> Result<(), JournalError> {
        if self.closed {
            return Err(JournalError::Closed);
        }
        if let Some(error) = &self.refusing {
            return Err(error.clone());
        }
        let kept = self.open.saturating_add(1).saturating_mul(OUTCOME_ROOM);
        let fresh = fixed.segment.saturating_sub(genesis_room(&fixed.labels));
        if length > fresh.saturating_sub(OUTCOME_ROOM) {
            return Err(JournalError::TooLarge { size: length, limit: fresh.saturating_sub(OUTCOME_ROOM) });
        }
        if self.unsynced > UNSYNCED_LIMIT || self.syncing.is_some_and(|since| since.elapsed() > DISK_PATIENCE) {
            return Err(JournalError::Stalled { waited_ms: millis(fixed.patience) });
        }
        let needed = length.saturating_add(kept);
        if self.segment.room() >= needed || (self.spare.is_some() && fresh >= needed) {
            return Ok(());
        }
        Err(self.spareless.clone().unwrap_or(JournalError::Stalled { waited_ms: millis(fixed.patience) }))
    }

    /// Writes one record at the end, in the spare segment if it does not fit this one.
    pub(super) fn append(&mut self, draft: &mut Draft, shared: &Shared) -> Result<Placed, JournalError> {
        if draft.length() > self.segment.room() {
            self.roll(shared)?;
        }
        self.write(draft, &shared.settings)
    }

    fn write(&mut self, draft: &mut Draft, fixed: &Fixed) -> Result<Placed, JournalError> {
        let (wall, mono) = (wall_clock(), fixed.monotonic());
        let mut end = End { segment: &mut self.segment, next: &mut self.next, unsynced: &mut self.unsynced };
        let written = match draft.kind {
            // One write each: what is left of one that fails is never a whole record.
            Kind::Intent => {
                let mut spliced = self.splicer.splice(draft, *end.next, wall, mono);
                spliced.try_for_each(|record| end.put(record, fixed))
            }
            Kind::Genesis | Kind::Outcome | Kind::Gap | Kind::Checkpoint | Kind::Close | Kind::Text => {
                end.put(draft.seal(*end.next, wall, mono), fixed)
            }
        };
        if let Err(error) = written {
            self.splicer.forget();
            // A full disk may have room again at the next try; anything else leaves the segment in doubt.
            if !matches!(error, JournalError::Full { .. }) {
                self.refusing = Some(error.clone());
            }
            return Err(error);
        }
        self.splicer.keep();
        Ok(Placed { sequence: self.next.saturating_sub(1), wall, mono })
    }

    fn roll(&mut self, shared: &Shared) -> Result<(), JournalError> {
        let Some(mut spare) = self.spare.take() else {
            let no_spare = JournalError::Full { action: "start a segment in", path: shared.directory.clone() };
            return Err(self.spareless.clone().unwrap_or(no_spare));
        };
        if let Err(error) = spare.publish(&shared.directory, self.next) {
            self.refusing = Some(error.clone());
            return Err(error);
        }
        self.sealing.push(std::mem::replace(&mut self.segment, spare));
        self.splicer.forget();
        self.write(&mut shared.settings.genesis(self.synced).draft()?, &shared.settings)?;
        Ok(())
    }
}

/// Where the next record goes.
struct End<'a> {
    segment: &'a mut Segment,
    next: &'a mut u64,
    unsynced: &'a mut u64,
}

impl End<'_> {
    fn put(&mut self, record: &[u8], fixed: &Fixed) -> Result<(), JournalError> {
        self.segment.write(record)?;
        let length = u64::try_from(record.len()).unwrap_or(u64::MAX);
        *self.next = self.next.saturating_add(1);
        *self.unsynced = self.unsynced.saturating_add(length);
        fixed.metrics.journal_written(1, length);
        Ok(())
    }
}

impl Fixed {
    /// What opens a segment.
    pub(super) fn genesis(&self, synced: u64) -> Genesis {
        Genesis {
            format: 1,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            boot: self.boot.clone(),
            labels: (*self.labels).clone(),
            synced,
        }
    }

    /// Nanoseconds since the journal was started.
    pub(super) fn monotonic(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Puts the first records of a fresh segment into it: GENESIS, and GAP if records may be missing before it.
pub(super) fn begin(
    segment: &mut Segment,
    fixed: &Fixed,
    sequence: u64,
    synced: u64,
    gap: Option<&GapPayload>,
) -> Result<u64, JournalError> {
    let mut next = sequence;
    let drafts = std::iter::once(fixed.genesis(synced).draft()).chain(gap.map(GapPayload::draft));
    for draft in drafts {
        let mut draft = draft?;
        segment.write(draft.seal(next, wall_clock(), fixed.monotonic()))?;
        fixed.metrics.journal_written(1, draft.length());
        next = next.saturating_add(1);
    }
    Ok(next)
}

/// Where the spare segment is made.
pub(super) fn spare_path(directory: &Path) -> PathBuf {
    directory.join("spare")
}

/// Nanoseconds since 1970.
pub(super) fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A duration for an error's text.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// More than GENESIS takes: its texts are escaped to at most six times their length.
fn genesis_room(labels: &Labels) -> u64 {
    let texts: usize =
        labels.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(8)).sum();
    u64::try_from(texts).unwrap_or(u64::MAX).saturating_mul(6).saturating_add(512)
}
