//! The way to the server: permits, a closed set of messages that need none, and poison.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::estimate::WhatIf;
use super::inside;
use super::question::{self, Question};
use crate::enforce::{Permit, Poison};
use crate::journal::{Entry, Journal, JournalError, Mark};
use crate::wire::postgres::{Describe, Frame, Object, Relay};

/// Sends to one server. What is handed over is queued; `flush` writes it, once the journal has it.
pub struct Sender<W> {
    write: W,
    out: BytesMut,
    journal: Journal,
    /// What the journal must have before what is queued from there on goes out.
    awaited: Option<(Mark, usize)>,
}

/// Why nothing more is sent.
#[derive(Debug)]
pub enum Unsent {
    /// The server is gone.
    Gone,
    /// What is queued could not be written down.
    Unrecorded(JournalError),
}

/// A message that makes the server do nothing that needs a decision.
#[derive(Debug)]
pub struct Free(Frame);

const SYNC: [u8; 5] = *b"S\0\0\0\x04";
const FLUSH: [u8; 5] = *b"H\0\0\0\x04";
const ROLLBACK: [u8; 14] = *b"Q\0\0\0\x0dROLLBACK\0";
const TERMINATE: [u8; 5] = *b"X\0\0\0\x04";

/// Above this the server must take some before more is queued.
const FULL: usize = 64 << 10;

impl Free {
    /// Admits Describe, Close, Flush, Sync, CopyDone, CopyFail and Terminate; `None` for everything else.
    pub fn of(frame: Frame) -> Option<Self> {
        matches!(frame.tag(), b'D' | b'C' | b'H' | b'S' | b'c' | b'f' | b'X').then_some(Self(frame))
    }

    /// sidegate's own question after the columns of a portal.
    pub fn describe_portal(name: &str) -> Option<Self> {
        Describe { object: Object::Portal, name: name.as_bytes() }.encode().ok().map(Self)
    }

    /// sidegate's own question after the parameter types of a prepared statement.
    pub fn describe_statement(name: &str) -> Option<Self> {
        Describe { object: Object::Statement, name: name.as_bytes() }.encode().ok().map(Self)
    }
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    /// A sender that has sent nothing yet; permits are recorded in that journal.
    pub fn new(write: W, journal: Journal) -> Self {
        Self { write, out: BytesMut::new(), journal, awaited: None }
    }

    /// Queues what was permitted, byte for byte, and gives back its open journal entry.
    pub fn send(&mut self, permit: Permit) -> Entry {
        self.awaits(permit.mark());
        let (before, frame, entry) = permit.into_parts();
        self.out.extend_from_slice(before.as_deref().unwrap_or_default());
        self.out.extend_from_slice(frame.bytes());
        entry
    }

    fn awaits(&mut self, mark: Mark) {
        self.awaited = Some(match self.awaited {
            Some((awaited, from)) => (mark.and(Some(awaited)), from),
            None => (mark, self.out.len()),
        });
    }

    /// Queues the question what the rows look like that a query gives which a permitted statement copies out, and a
    /// Flush; `false` if it cannot be put.
    pub fn send_preview(&mut self, permit: &Permit, query: &str) -> bool {
        let Ok(exchange) = question::preview(query) else { return false };
        self.awaits(permit.mark());
        self.out.extend_from_slice(&exchange);
        true
    }

    /// Queues a message that needs no permit.
    pub fn send_free(&mut self, free: Free) {
        self.out.extend_from_slice(free.0.bytes());
    }

    /// Queues a question of sidegate's own; `false` if it cannot be put.
    pub fn send_question(&mut self, question: Question) -> bool {
        let Ok(exchange) = question.exchange() else { return false };
        self.out.extend_from_slice(&exchange);
        true
    }

    /// The same for the question what the server expects of a statement.
    pub fn send_what_if(&mut self, question: &WhatIf<'_>) -> bool {
        let Ok(exchanges) = question.exchanges() else { return false };
        self.out.extend_from_slice(&exchanges);
        true
    }

    /// The same for the question what the catalog is to this session alone.
    pub fn send_inquiry(&mut self) -> bool {
        let Ok(exchanges) = inside::exchanges() else { return false };
        self.out.extend_from_slice(&exchanges);
        true
    }

    /// Queues a Sync.
    pub fn send_sync(&mut self) {
        self.out.extend_from_slice(&SYNC);
    }

    /// Queues a Flush: the server keeps no answer back.
    pub fn send_flush(&mut self) {
        self.out.extend_from_slice(&FLUSH);
    }

    /// Queues a ROLLBACK of sidegate's own: all that was done since the transaction began is undone.
    pub fn send_rollback(&mut self) {
        self.out.extend_from_slice(&ROLLBACK);
    }

    /// Queues a Terminate.
    pub fn send_terminate(&mut self) {
        self.out.extend_from_slice(&TERMINATE);
    }

    /// Queues what must fail in place of what was refused.
    pub fn send_poison(&mut self, poison: Poison) {
        self.out.extend_from_slice(poison.into_frame().bytes());
    }

    /// Queues a part of the data of a COPY that was permitted. Outside of one the server ignores it.
    pub fn send_copy_data(&mut self, relay: &Relay) {
        if relay.tag == b'd' {
            self.out.extend_from_slice(&relay.bytes);
        }
    }

    /// Whether it is time to flush.
    pub fn is_full(&self) -> bool {
        self.out.len() > FULL
    }

    /// Writes what is queued. May be cut off anywhere: what was not written stays.
    ///
    /// # Errors
    /// The session cannot go on: its server is gone, or what it is about to do cannot be recorded.
    pub async fn flush(&mut self) -> Result<(), Unsent> {
        if let Some((mark, _)) = self.awaited {
            if let Err(error) = recorded(&self.journal, mark).await {
                self.forget_unrecorded();
                return Err(Unsent::Unrecorded(error));
            }
            self.awaited = None;
        }
        self.write_out().await.map_err(|_| Unsent::Gone)
    }

    fn forget_unrecorded(&mut self) {
        if let Some((_, from)) = self.awaited.take() {
            self.out.truncate(from);
        }
    }

    async fn write_out(&mut self) -> io::Result<()> {
        while self.out.has_remaining() {
            // Not `write_buf`, which asks for a vectored write: the kernel spends more on one.
            let written = self.write.write(&self.out).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.out.advance(written);
        }
        self.write.flush().await
    }

    /// Writes a Terminate behind what is queued, and ends the stream. What is not recorded yet is not sent any more.
    ///
    /// # Errors
    /// As of [`Sender::flush`]; the server is gone either way.
    pub async fn close(&mut self) -> Result<(), Unsent> {
        self.forget_unrecorded();
        self.send_terminate();
        let flushed = self.flush().await;
        self.write.shutdown().await.map_err(|_| Unsent::Gone)?;
        flushed
    }
}

/// Returns when the journal has what is marked. Whoever else has something to do on this thread goes first, so that all
/// of it is written at once.
///
/// # Errors
/// What the journal says.
pub async fn recorded(journal: &Journal, mark: Mark) -> Result<(), JournalError> {
    if journal.holds(mark) {
        return Ok(());
    }
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    journal.commit(mark)
}
