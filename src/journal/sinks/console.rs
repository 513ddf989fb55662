//! OPA's console decision log: one JSON line per event.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use std::time::Duration;

use tokio::sync::oneshot;

use crate::journal::{Event, JournalError};

const QUEUE: usize = 4096;
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// A thread that turns events into lines, off the data path.
#[derive(Debug)]
pub(in crate::journal) struct Console {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Event(Box<Event>),
    Flush(oneshot::Sender<()>),
}

impl Console {
    /// Starts the thread, which ends with the last sender.
    pub(in crate::journal) fn start(to: Box<dyn Write + Send>) -> Result<Self, JournalError> {
        let (queue, events) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("console".to_owned())
            .spawn(move || write_lines(&events, to, &lost))
            .map_err(|error| JournalError::io("start the console thread of", "stderr".as_ref(), &error))?;
        Ok(Self { queue, dropped })
    }

    /// Hands an event over, or counts it as dropped.
    pub(in crate::journal) fn write(&self, event: Event) {
        if self.queue.try_send(Message::Event(Box::new(event))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many events were dropped.
    pub(in crate::journal) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was handed over is written, but not for a reader that never reads.
    pub(in crate::journal) async fn flush(&self) {
        let (sender, written) = oneshot::channel();
        if self.queue.try_send(Message::Flush(sender)).is_ok() {
            // Too late is as good as it gets: the events are in the journal.
            let _ = tokio::time::timeout(FLUSH_PATIENCE, written).await;
        }
    }
}

/// One `write` a line, so that lines of other threads do not come between.
fn write_lines(events: &Receiver<Message>, mut to: Box<dyn Write + Send>, dropped: &AtomicU64) {
    let mut told = 0;
    for message in events {
        let event = match message {
            Message::Event(event) => event,
            Message::Flush(done) => {
                // Who asked may have stopped waiting.
                let _ = done.send(());
                continue;
            }
        };
        let lost = dropped.load(Ordering::Relaxed);
        if lost > told {
            tracing::warn!(dropped = lost, "console decision log lines dropped since start; the journal has them");
            told = lost;
        }
        // A defect costs one line, and not all that would follow.
        let Ok(line) = catch_unwind(AssertUnwindSafe(|| event.to_console())) else {
            dropped.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let Some(mut line) = line else { continue };
        line.push('\n');
        if to.write_all(line.as_bytes()).and_then(|()| to.flush()).is_err() {
            dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
