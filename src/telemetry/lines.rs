//! Lines on their way to stderr, off the data path: a reader that stops reading must not stop a session.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Lines that may wait; later ones are dropped and counted.
const QUEUE: usize = 4096;
/// For a reader that may have stopped reading, when the process ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// The end of a queue that lines are put into. Clones are the same queue.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Brings to stderr what was logged before, when it is dropped.
#[derive(Debug)]
#[must_use = "lines are lost when it is dropped at once"]
pub struct LogGuard(pub(super) Lines);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.flush();
    }
}

impl Lines {
    /// Starts the thread that writes, which ends with the last clone.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(to: Box<dyn Write + Send>) -> io::Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write(&messages, to, &counted))?;
        Ok(Self { queue, lost })
    }

    fn flush(&self) {
        let (sender, written) = sync_channel(1);
        if self.queue.try_send(Message::Flush(sender)).is_ok() {
            // Too late is as good as it gets.
            let _ = written.recv_timeout(PATIENCE);
        }
    }
}

impl Write for Lines {
    /// Takes one line, or counts it as lost; never waits.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(messages: &Receiver<Message>, mut to: Box<dyn Write + Send>, lost: &AtomicU64) {
    for message in messages {
        match message {
            Message::Line(line) => {
                let gone = lost.swap(0, Ordering::Relaxed);
                if gone > 0 {
                    // Where stderr is closed there is nobody to tell.
                    let note = format!("sidegate: {gone} log lines were dropped since stderr was not read\n");
                    let _ = to.write_all(note.as_bytes());
                }
                let _ = to.write_all(&line);
            }
            Message::Flush(done) => {
                // Who asked may have stopped waiting.
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// A reader that takes a line whenever it is told to.
    struct Slow {
        go: Receiver<()>,
        read: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(io::Error::other)?;
            self.read.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whoever_logs_waits_for_no_reader_and_what_was_lost_is_told() {
        let (going, go) = channel();
        let (read, lines) = channel();
        let mut log = Lines::start(Box::new(Slow { go, read })).unwrap();
        for number in 0..QUEUE + 10 {
            log.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        let mut line = String::new();
        while !line.contains("log lines were dropped") {
            going.send(()).unwrap();
            line = lines.recv().unwrap();
        }
    }

    #[test]
    fn what_was_logged_is_written_before_the_process_ends() {
        let (going, go) = channel();
        let (read, lines) = channel();
        let mut log = Lines::start(Box::new(Slow { go, read })).unwrap();
        log.write_all(b"the last words\n").unwrap();
        going.send(()).unwrap();
        drop(LogGuard(log));
        assert_eq!(lines.try_recv().unwrap(), "the last words\n");
    }
}
