//! The one place where records get their sequence and go into the file, behind a lock.
//!
//! Whoever has a record writes it itself: a write to the page cache costs less than waking another thread. Records on
//! which nothing depends yet wait in a buffer, and the first who needs his own in the file writes all of them at once.
//! What must wait for the disk waits for the syncer, one `fdatasync` for all that came in the meantime.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

use super::JournalError;
use super::payload::{GapPayload, Genesis, OUTCOME_ROOM};
use super::record::{Draft, Kind};
use super::segment::{Records, Segment};
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
    /// Every record below this sequence is in the file, or was lost on the way there.
    pub(super) written: AtomicU64,
    /// How often records were lost on the way to the file.
    pub(super) losses: AtomicU64,
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
    /// Records that are not in the file yet, whole and in order.
    pub(super) buffer: Vec<u8>,
    /// Why the buffer could not be written; it is tried again.
    pub(super) stuck: Option<JournalError>,
    /// The next segment, preallocated: work under way can be finished on a full disk.
    pub(super) spare: Option<Segment>,
    /// Why there is no spare.
    pub(super) spareless: Option<JournalError>,
    /// Sequence of the next record.
    pub(super) next: u64,
    /// Every record below this sequence is on the disk.
    pub(super) synced: u64,
    /// Bytes behind `synced`, with those in the buffer.
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

/// A record that has its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) sequence: u64,
    pub(super) wall: u64,
    pub(super) mono: u64,
    /// How often records had been lost before.
    losses: u64,
}

/// Records up to one of them: in the file once [`Journal::commit`](super::Journal::commit) says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    sequence: u64,
    losses: u64,
}

impl Mark {
    /// Both of them.
    #[must_use]
    pub fn and(self, other: Option<Self>) -> Self {
        match other {
            None => self,
            Some(other) => Self { sequence: self.sequence.max(other.sequence), losses: self.losses.min(other.losses) },
        }
    }
}

impl Placed {
    pub(super) fn mark(&self) -> Mark {
        Mark { sequence: self.sequence, losses: self.losses }
    }
}

/// When a record has to be in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Before its caller goes on.
    Now,
    /// Before its caller asks for it.
    Soon,
}

impl Shared {
    /// Writes new work, if everything under way can still be finished behind it.
    pub(super) fn admit(&self, draft: &mut Draft, when: When, wait: Option<Waiter>) -> Result<Placed, JournalError> {
        let stalled = JournalError::Stalled { waited_ms: millis(ROOM_PATIENCE) };
        let mut appender = self.appender.try_lock_for(ROOM_PATIENCE).ok_or(stalled)?;
        if appender.stuck.is_some() {
            appender.commit(self)?;
        }
        let admitted = appender.admits(draft.length(), &self.settings).and_then(|()| {
            let placed = appender.append(draft, when, self)?;
            appender.open = appender.open.saturating_add(1);
            Ok(placed)
        });
        self.attend(&mut appender, wait.filter(|_| admitted.is_ok()));
        admitted
    }

    /// Writes an outcome. One that cannot be written is owed, and written as soon as the disk recovers.
    pub(super) fn finish(&self, mut draft: Draft, when: When, wait: Option<Waiter>) -> Result<Placed, JournalError> {
        let Some(mut appender) = self.appender.try_lock_for(ROOM_PATIENCE) else {
            self.owed.lock().push(draft);
            self.work.notify_one();
            return Err(JournalError::Stalled { waited_ms: millis(ROOM_PATIENCE) });
        };
        let placed = match &appender.refusing {
            Some(error) => Err(error.clone()),
            None => appender.append(&mut draft, when, self),
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

    /// Whether what is marked is in the file, if nothing was lost since.
    pub(super) fn holds(&self, mark: Mark) -> bool {
        // Acquired first: what was lost before the file went on is seen below.
        let written = self.written.load(Ordering::Acquire) > mark.sequence;
        written && self.losses.load(Ordering::Acquire) == mark.losses
    }

    /// Brings what is marked into the file.
    pub(super) fn commit(&self, mark: Mark) -> Result<(), JournalError> {
        if self.holds(mark) {
            return Ok(());
        }
        let stalled = JournalError::Stalled { waited_ms: millis(ROOM_PATIENCE) };
        let mut appender = self.appender.try_lock_for(ROOM_PATIENCE).ok_or(stalled)?;
        let committed = appender.commit(self);
        if committed.is_err() {
            self.work.notify_one();
        }
        if self.losses.load(Ordering::Acquire) == mark.losses { committed } else { Err(JournalError::Lost) }
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
        if self.room() >= needed || (self.spare.is_some() && fresh >= needed) {
            return Ok(());
        }
        Err(self.spareless.clone().unwrap_or(JournalError::Stalled { waited_ms: millis(fixed.patience) }))
    }

    /// Bytes of the segment that are left.
    fn room(&self) -> u64 {
        self.segment.room().saturating_sub(length(&self.buffer))
    }

    /// Bytes that are in the file and not on the disk.
    pub(super) fn in_file(&self) -> u64 {
        self.unsynced.saturating_sub(length(&self.buffer))
    }

    /// Whether all that is in the file is on the disk.
    pub(super) fn is_synced(&self) -> bool {
        self.in_file() == 0
    }

    /// Puts one record at the end, in the spare segment if it does not fit this one. An error leaves nothing of it.
    pub(super) fn append(&mut self, draft: &mut Draft, when: When, shared: &Shared) -> Result<Placed, JournalError> {
        if draft.length() > self.room() {
            self.roll(shared)?;
        }
        if when == When::Soon {
            return Ok(self.add(draft, shared));
        }
        let before = (self.buffer.len(), self.next, self.unsynced);
        let mut attempt = Attempt { before: Some(before), appender: self };
        let placed = attempt.appender.add(draft, shared);
        let written = attempt.appender.write(shared);
        if written.is_ok() {
            attempt.before = None;
        }
        drop(attempt);
        if let Err(error) = written {
            self.failed(&error, shared);
            return Err(error);
        }
        Ok(placed)
    }

    /// Brings what waits into the file, by one write.
    pub(super) fn commit(&mut self, shared: &Shared) -> Result<(), JournalError> {
        let written = self.write(shared);
        if let Err(error) = &written {
            self.failed(error, shared);
        }
        written
    }

    fn add(&mut self, draft: &mut Draft, shared: &Shared) -> Placed {
        let (wall, mono) = (wall_clock(), shared.settings.monotonic());
        let held = self.buffer.len();
        match draft.kind {
            Kind::Intent => self.next = self.splicer.splice(draft, self.next, wall, mono, &mut self.buffer),
            Kind::Genesis | Kind::Outcome | Kind::Gap | Kind::Checkpoint | Kind::Close | Kind::Text => {
                self.buffer.extend_from_slice(draft.seal(self.next, wall, mono));
                self.next = self.next.saturating_add(1);
            }
        }
        let length = length(&self.buffer).saturating_sub(u64::try_from(held).unwrap_or(u64::MAX));
        self.unsynced = self.unsynced.saturating_add(length);
        Placed { sequence: self.next.saturating_sub(1), wall, mono, losses: shared.losses.load(Ordering::Relaxed) }
    }

    fn write(&mut self, shared: &Shared) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Some(error) = &self.refusing {
            return Err(error.clone());
        }
        self.segment.write(&self.buffer)?;
        let length = length(&self.buffer);
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        self.stuck = None;
        let before = shared.written.swap(self.next, Ordering::AcqRel);
        shared.settings.metrics.journal_written(self.next.saturating_sub(before), length);
        Ok(())
    }

    /// A write failed. A full disk may have room again at the next try; anything else leaves the segment in doubt.
    fn failed(&mut self, error: &JournalError, shared: &Shared) {
        // What was written next to what is taken back may have been named already.
        self.splicer.forget();
        if matches!(error, JournalError::Full { .. }) {
            self.stuck = Some(error.clone()).filter(|_| !self.buffer.is_empty());
        } else {
            self.refusing = Some(error.clone());
            self.lose(shared);
        }
    }

    /// Gives up what waits: nobody has acted on it. Outcomes are owed from now on.
    pub(super) fn lose(&mut self, shared: &Shared) {
        self.stuck = None;
        if self.buffer.is_empty() {
            return;
        }
        let outcomes = Records::new(&self.buffer, 0).filter(|record| record.kind == Kind::Outcome);
        let outcomes: Vec<_> = outcomes.map(|record| Draft::again(Kind::Outcome, record.payload)).collect();
        self.open = self.open.saturating_add(u64::try_from(outcomes.len()).unwrap_or(u64::MAX));
        // Whoever rolls while he pays what is owed holds these, and there are none in a segment that has just begun.
        if !outcomes.is_empty() {
            shared.owed.lock().extend(outcomes);
        }
        self.unsynced = self.unsynced.saturating_sub(length(&self.buffer));
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        // Whoever sees that the file went on sees this, too.
        shared.losses.fetch_add(1, Ordering::AcqRel);
        shared.written.store(self.next, Ordering::Release);
    }

    fn roll(&mut self, shared: &Shared) -> Result<(), JournalError> {
        self.commit(shared)?;
        let Some(mut spare) = self.spare.take() else {
            let no_spare = JournalError::Full { action: "start a segment in", path: shared.directory.clone() };
            return Err(self.spareless.clone().unwrap_or(no_spare));
        };
        if let Err(error) = spare.publish(&shared.directory, self.next) {
            self.refusing = Some(error.clone());
            return Err(error);
        }
        let mut genesis = shared.settings.genesis(self.synced).draft()?;
        self.sealing.push(std::mem::replace(&mut self.segment, spare));
        self.splicer.forget();
        self.add(&mut genesis, shared);
        self.commit(shared)
    }
}

/// A record that is added and written. Nothing of it stays if that fails, be it by a defect.
struct Attempt<'a> {
    appender: &'a mut Appender,
    /// Bytes of the buffer, sequence, bytes that are not on the disk.
    before: Option<(usize, u64, u64)>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some((held, next, unsynced)) = self.before {
            let appender = &mut *self.appender;
            appender.buffer.truncate(held);
            (appender.next, appender.unsynced) = (next, unsynced);
            // A text that was taken back cannot be named.
            appender.splicer.forget();
        }
    }
}

/// Bytes of the buffer that are kept for what comes next.
const KEPT: usize = 64 << 10;

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
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
