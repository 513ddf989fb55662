use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

use super::appender::{DISK_PATIENCE, Fixed, Mark, Placed, ROOM_PATIENCE, Shared, Waiter, When, millis, wall_clock};
use super::event::{Event, Stored};
use super::payload::{self, OutcomePayload};
use super::record::{Draft, Kind};
use super::sinks::Console;
use super::{Intent, IntentKind, JournalError, Outcome, recovery, segment, syncer};
use crate::decide::{Decision, Verdict};
use crate::model::{AuditClass, Labels, OutcomeKind};
use crate::telemetry::Metrics;

/// Bytes of a segment.
const SEGMENT: u64 = 16 << 20;

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct JournalSettings {
    /// `audit.sync`: how long an `async` record may stay unsynced.
    pub sync: Duration,
    /// The configuration's labels, with `id` and `version`: they are in every event.
    pub labels: Labels,
    /// `decision_logs.console`: whether every event is a line on stderr.
    pub console: bool,
    /// Bytes of a segment, 16 MiB by default; also the space kept for outcomes on a full disk.
    pub segment: u64,
    /// How long new work waits for room in the file before it is refused, 250 ms by default.
    pub patience: Duration,
    /// Counts what is written, synced and refused.
    pub metrics: Metrics,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            sync: Duration::from_millis(500),
            labels: Labels::new(),
            console: false,
            segment: SEGMENT,
            patience: ROOM_PATIENCE,
            metrics: Metrics::new(),
        }
    }
}

/// The journal of this process. Clones are the same journal.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    console: Option<Console>,
    syncer: Mutex<Option<JoinHandle<()>>>,
    /// Held for its lock, which ends with it.
    _lock: File,
}

/// A decision that stands in the journal and whose outcome is owed. Dropped without [`Entry::close`], it is
/// closed as `unknown`.
#[derive(Debug)]
pub struct Entry {
    journal: Journal,
    decision: Arc<Decision>,
    kind: IntentKind,
    placed: Placed,
    /// The INTENT's payload, for the console; empty without one.
    payload: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Written, but its caller does not have it yet: nothing can have been sent.
    Waiting,
    Open,
    Closed,
}

impl Journal {
    /// Opens the journal in `directory`, which is created if it is missing, and puts in order what an earlier
    /// process left: a torn tail is cut, an INTENT without OUTCOME is closed as `unknown`.
    ///
    /// # Errors
    /// [`JournalError::Locked`] if another process has it, [`JournalError::Damaged`] if a sealed segment is not
    /// what was written, and what the disk says.
    pub fn start(directory: &Path, settings: JournalSettings) -> Result<Self, JournalError> {
        let console = if settings.console { Some(Console::start(Box::new(std::io::stderr()))?) } else { None };
        Self::start_with(directory, settings, console)
    }

    pub(super) fn start_with(
        directory: &Path,
        settings: JournalSettings,
        console: Option<Console>,
    ) -> Result<Self, JournalError> {
        let lock = segment::lock(directory)?;
        let fixed = Fixed {
            sync: settings.sync,
            segment: settings.segment,
            patience: settings.patience,
            metrics: settings.metrics,
            labels: Arc::new(settings.labels),
            boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned(),
            started: Instant::now(),
        };
        let (appender, recovered) = recovery::recover(directory, &fixed)?;
        for event in recovered {
            console.iter().for_each(|console| console.write(event.clone()));
        }
        let written = appender.next;
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            settings: fixed,
            appender: Mutex::new(appender),
            owed: Mutex::default(),
            work: Condvar::new(),
            room: Notify::new(),
            written: AtomicU64::new(written),
            losses: AtomicU64::new(0),
        });
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("journal".to_owned())
                .spawn(move || syncer::run(&shared))
                .map_err(|error| JournalError::io("start the thread of", directory, &error))?
        };
        Ok(Self(Arc::new(Handle { shared, console, syncer: Mutex::new(Some(thread)), _lock: lock })))
    }

    /// Writes an intent. When this returns, a `strict` one is on the disk and an `async` one is in the file.
    ///
    /// # Errors
    /// Nothing may be sent upstream after any of them: the disk failed, is full or does not answer, the record
    /// is too large, or the journal was shut down. A denial is still to be answered as a denial.
    pub async fn open(&self, intent: Intent) -> Result<Entry, JournalError> {
        self.open_by(When::Now, intent).await
    }

    /// The same, but an `async` one need not be in the file yet: before anything goes upstream, [`Journal::commit`] has
    /// to have said that it is. Many such are written at once.
    ///
    /// # Errors
    /// As of [`Journal::open`].
    pub async fn enqueue(&self, intent: Intent) -> Result<Entry, JournalError> {
        self.open_by(When::Soon, intent).await
    }

    /// Whether what is marked is in the file.
    pub fn holds(&self, mark: Mark) -> bool {
        self.0.shared.holds(mark)
    }

    /// Brings what is marked into the file, and whatever else waits.
    ///
    /// # Errors
    /// The disk failed, is full or does not answer: nothing may go out that depends on what is marked.
    pub fn commit(&self, mark: Mark) -> Result<(), JournalError> {
        let committed = self.0.shared.commit(mark);
        if committed.is_err() {
            self.0.shared.settings.metrics.journal_refused();
        }
        committed
    }

    async fn open_by(&self, when: When, intent: Intent) -> Result<Entry, JournalError> {
        let opened = self.admit(when, intent).await;
        if opened.is_err() {
            self.0.shared.settings.metrics.journal_refused();
        }
        opened
    }

    async fn admit(&self, when: When, intent: Intent) -> Result<Entry, JournalError> {
        let mut draft = payload::intent(&intent)?;
        let strict = intent.decision.class() == AuditClass::Strict;
        let (placed, disk) = self.place(&mut draft, when, strict).await?;
        let payload = if self.0.console.is_some() { draft.payload() } else { Vec::new() };
        let mut entry = Entry {
            journal: self.clone(),
            decision: intent.decision,
            kind: intent.kind,
            placed,
            payload,
            state: State::Waiting,
        };
        if let Some(disk) = disk
            && let Err(error) = Box::pin(patience(disk)).await
        {
            entry.end_untold(OutcomeKind::Failed, "journal");
            return Err(error);
        }
        entry.state = State::Open;
        Ok(entry)
    }

    /// Whether new work would be taken now, and if not, why.
    ///
    /// # Errors
    /// What [`Journal::open`] would say.
    pub fn check(&self) -> Result<(), JournalError> {
        self.0.shared.condition()
    }

    /// How many console lines were dropped because stderr did not take them. Their events are in the journal.
    pub fn dropped_console_lines(&self) -> u64 {
        self.0.console.as_ref().map_or(0, Console::dropped)
    }

    /// Takes no new work any more and brings everything to the disk. Entries that are still open can be closed.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn shutdown(&self) -> Result<(), JournalError> {
        let (sender, receiver) = oneshot::channel();
        self.0.end(Some(sender));
        let result = patience(receiver).await;
        if let Some(console) = &self.0.console {
            console.flush().await;
        }
        result
    }

    /// Waits once, and not long, where waiting may help.
    async fn place(&self, draft: &mut Draft, when: When, strict: bool) -> Result<(Placed, Option<Disk>), JournalError> {
        let shared = &self.0.shared;
        // The disk gets what is in the file.
        let when = if strict { When::Now } else { when };
        let (sender, disk) = if strict { Some(oneshot::channel()) } else { None }.unzip();
        match shared.admit(draft, when, sender) {
            Ok(placed) => Ok((placed, disk)),
            // Boxed, as it is rare, and every session that waits would be larger by it.
            Err(JournalError::Stalled { .. }) => Box::pin(self.place_later(draft, when, strict)).await,
            Err(error) => Err(error),
        }
    }

    async fn place_later(
        &self,
        draft: &mut Draft,
        when: When,
        strict: bool,
    ) -> Result<(Placed, Option<Disk>), JournalError> {
        let shared = &self.0.shared;
        let deadline = tokio::time::Instant::now() + shared.settings.patience;
        loop {
            let room = shared.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let (sender, disk) = if strict { Some(oneshot::channel()) } else { None }.unzip();
            match shared.admit(draft, when, sender) {
                Ok(placed) => return Ok((placed, disk)),
                Err(error @ JournalError::Stalled { .. }) => {
                    if tokio::time::timeout_at(deadline, room).await.is_err() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Entry {
    /// The decision it records.
    pub fn decision(&self) -> &Arc<Decision> {
        &self.decision
    }

    /// The journal's number of its INTENT.
    pub fn sequence(&self) -> u64 {
        self.placed.sequence
    }

    /// Up to where its INTENT is.
    pub fn mark(&self) -> Mark {
        self.placed.mark()
    }

    /// Writes how it ended, and the event if there is one. When this returns, a `strict` outcome is on the disk
    /// and an `async` one is in the file.
    ///
    /// # Errors
    /// The outcome is not recorded yet; it will be when the disk recovers. The last byte of the answer must not
    /// go to the client.
    pub fn close(self, outcome: Outcome) -> impl Future<Output = Result<(), JournalError>> {
        // Begun at once: whoever waits for the disk need not hold the entry meanwhile.
        let ended = self.close_by(When::Now, outcome);
        async move { kept(ended).await.map(|_| ()) }
    }

    /// The same, but an `async` one need not be in the file yet: before the last byte of the answer goes to the client,
    /// [`Journal::commit`] has to have said that what this marks is.
    ///
    /// # Errors
    /// As of [`Entry::close`].
    pub fn settle(self, outcome: Outcome) -> impl Future<Output = Result<Mark, JournalError>> {
        kept(self.close_by(When::Soon, outcome))
    }

    fn close_by(mut self, when: When, outcome: Outcome) -> Result<(Mark, Option<Disk>), JournalError> {
        let strict = self.decision.class() == AuditClass::Strict;
        let when = if strict { When::Now } else { when };
        let (sender, disk) = if strict { Some(oneshot::channel()) } else { None }.unzip();
        let placed = self.end(OutcomePayload::told(self.placed.sequence, &outcome), when, sender)?;
        Ok((placed.mark(), disk))
    }

    fn end(&mut self, payload: OutcomePayload, when: When, wait: Option<Waiter>) -> Result<Placed, JournalError> {
        let handle = &self.journal.0;
        let draft = payload.draft();
        // A defect up to here leaves it to be closed as it is dropped.
        let placed = draft.and_then(|draft| handle.shared.finish(draft, when, wait));
        self.state = State::Closed;
        if let Some(console) = handle.console.as_ref().filter(|_| payload.event) {
            let wall = placed.as_ref().map_or_else(|_| wall_clock(), |placed| placed.wall);
            console.write(Event::new(
                Arc::clone(&handle.shared.settings.labels),
                Stored::new(
                    self.placed.sequence,
                    self.placed.wall,
                    self.placed.mono,
                    std::mem::take(&mut self.payload),
                ),
                wall,
                Some(handle.shared.settings.monotonic()),
                payload,
            ));
        }
        placed
    }

    fn end_untold(&mut self, kind: OutcomeKind, reason: &'static str) {
        let event = self.kind != IntentKind::Prepare;
        // An outcome that cannot be written now is owed and written later; nobody waits for this one.
        let _ = self.end(OutcomePayload::untold(self.placed.sequence, kind, reason, event), When::Now, None);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let denied = matches!(self.decision.verdict(), Verdict::Deny { .. });
        let kind = match self.state {
            State::Closed => return,
            State::Open if denied => OutcomeKind::Denied,
            State::Open => OutcomeKind::Unknown,
            State::Waiting => OutcomeKind::Cancelled,
        };
        // What drops it may be a defect, and a second one, met while the first is on its way, would end the process.
        // The next start closes what has no end then.
        let _ = catch_unwind(AssertUnwindSafe(|| self.end_untold(kind, "dropped")));
    }
}

impl Handle {
    fn end(&self, wait: Option<Waiter>) {
        syncer::pay_owed(&self.shared);
        let mut appender = self.shared.appender.lock();
        appender.closed = true;
        appender.ended = wait.is_none();
        if appender.close != appender.next && appender.open == 0 && appender.refusing.is_none() {
            // Without CLOSE the next start only looks closer.
            let _ = Draft::new(Kind::Close, &serde_json::json!({}))
                .map_err(JournalError::from)
                .and_then(|mut draft| appender.append(&mut draft, When::Now, &self.shared));
            appender.close = appender.next;
        }
        appender.waiters.extend(wait);
        self.shared.work.notify_one();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end(None);
        if let Some(thread) = self.syncer.lock().take() {
            // A panic there was already printed, and there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

type Disk = oneshot::Receiver<Result<(), JournalError>>;

/// Where an outcome is, once the disk has it if it must.
async fn kept(ended: Result<(Mark, Option<Disk>), JournalError>) -> Result<Mark, JournalError> {
    let (mark, disk) = ended?;
    if let Some(disk) = disk {
        Box::pin(patience(disk)).await?;
    }
    Ok(mark)
}

async fn patience(disk: Disk) -> Result<(), JournalError> {
    match tokio::time::timeout(DISK_PATIENCE, disk).await {
        Ok(Ok(result)) => result,
        // Whoever waits is answered; only a defect forgets somebody.
        Ok(Err(_)) => Err(JournalError::Defect),
        Err(_) => Err(JournalError::Stalled { waited_ms: millis(DISK_PATIENCE) }),
    }
}
