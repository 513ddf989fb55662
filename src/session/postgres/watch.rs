//! An answer that may still end otherwise than the server ends it: at a limit, or because policy says no to it.
//! What passes is counted here, message by message; nothing is given that is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;

use crate::decide::RowLimit;
use crate::enforce::Refusal;
use crate::model::{Cause, DecisionId};

use super::stages::Columns;

/// What was sent of one portal, whose rows may be fetched a few at a time.
#[derive(Debug, Default)]
pub(super) struct Sent {
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl Sent {
    /// Another Execute of it has sent these.
    pub(super) fn add(&self, rows: u64, bytes: u64) {
        // Only the answers' direction adds.
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// One answer that is watched.
#[derive(Debug)]
pub(super) struct Watch {
    limit: RowLimit,
    /// What was sent of the portal before; taken when the first row comes, since only then is it settled.
    before: Option<Arc<Sent>>,
    /// Rows and bytes of rows that began, with those of before.
    rows: u64,
    bytes: u64,
    /// What is missing of the message that passes.
    left: usize,
    over: Option<Over>,
    /// The server was told to stop.
    cancelled: bool,
    /// What policy is asked about, if it is asked about this answer.
    held: Option<Held>,
}

/// The limit that an answer has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Rows(u64),
    Bytes(u64),
    /// It is not the answer that was foreseen.
    Form,
}

/// What the client gets once policy was asked.
#[derive(Debug, Default)]
struct Held {
    /// All of it so far, unless that is too much.
    answer: BytesMut,
    /// It was too much: only the last message is kept back.
    flows: bool,
    last: BytesMut,
    columns: Columns,
}

/// How much of some rows may pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Bytes from the start.
    pub(super) bytes: usize,
    /// Messages that end in them.
    pub(super) ends: u64,
}

/// Bytes of an answer that are kept back at most, so that a small one that is refused shows nothing.
const SMALL: usize = 64 << 10;

/// Tag and length word.
const HEADER: usize = 5;

impl Watch {
    /// An answer with these limits. `before`: what was sent of its portal. `asked`: policy is asked about it, and
    /// about these columns.
    pub(super) fn new(limit: Option<RowLimit>, before: Option<Arc<Sent>>, asked: Option<Columns>) -> Self {
        Self {
            limit: limit.unwrap_or_default(),
            before,
            rows: 0,
            bytes: 0,
            left: 0,
            over: None,
            cancelled: false,
            held: asked.map(|columns| Held { columns, ..Held::default() }),
        }
    }

    /// How much of these bytes of rows may pass. A row that would be over a limit does not even begin.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> Passed {
        if let Some(before) = self.before.take() {
            self.rows = before.rows.load(Ordering::Relaxed);
            self.bytes = before.bytes.load(Ordering::Relaxed);
        }
        let mut passed = Passed::default();
        while self.over.is_none() {
            let rest = bytes.get(passed.bytes..).unwrap_or_default();
            if self.left == 0 {
                let Some(([_, length @ ..], _)) = rest.split_first_chunk::<HEADER>() else { break };
                self.begin(u64::from(u32::from_be_bytes(*length)).saturating_add(1));
                continue;
            }
            let part = self.left.min(rest.len());
            passed.bytes = passed.bytes.saturating_add(part);
            self.left = self.left.saturating_sub(part);
            if self.left > 0 {
                break;
            }
            passed.ends = passed.ends.saturating_add(1);
        }
        passed
    }

    /// A row of so many bytes would begin.
    fn begin(&mut self, bytes: u64) {
        let (rows, bytes) = (self.rows.saturating_add(1), self.bytes.saturating_add(bytes));
        match (self.limit.rows, self.limit.bytes) {
            (Some(most), _) if rows > most => self.over = Some(Over::Rows(most)),
            (_, Some(most)) if bytes > most => self.over = Some(Over::Bytes(most)),
            _ => {
                self.left = usize::try_from(bytes.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
                (self.rows, self.bytes) = (rows, bytes);
            }
        }
    }

    /// The answer is not the one that was foreseen: nothing of it is given.
    pub(super) fn is_unforeseen(&mut self) {
        self.over = Some(Over::Form);
    }

    /// Why nothing more of the answer is given.
    pub(super) fn cause(&self) -> Cause {
        match self.over {
            Some(Over::Form) => Cause::Obligation,
            Some(Over::Rows(_) | Over::Bytes(_)) | None => Cause::Limit,
        }
    }

    /// The result of a function; whether it may pass.
    pub(super) fn admit_result(&mut self, bytes: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(most) = self.limit.bytes.filter(|most| self.bytes > *most) {
            self.over = Some(Over::Bytes(most));
        }
        self.over.is_none()
    }

    /// Whether a limit was reached, or it is another than was foreseen: nothing more of the answer is given.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Whether the server should be told to stop, which it is once.
    pub(super) fn should_cancel(&mut self) -> bool {
        self.over.is_some() && !std::mem::replace(&mut self.cancelled, true)
    }

    /// A part of the answer that may pass. `last`: it may be its last message.
    pub(super) fn give(&mut self, bytes: &[u8], last: bool, out: &mut BytesMut) {
        if self.over.is_none() {
            self.put(bytes, last, out);
        }
    }

    /// A part of the answer that was admitted.
    pub(super) fn put(&mut self, bytes: &[u8], last: bool, out: &mut BytesMut) {
        let Some(held) = &mut self.held else { return out.extend_from_slice(bytes) };
        let before = std::mem::take(&mut held.last);
        let now = if last {
            held.last.extend_from_slice(bytes);
            [].as_slice()
        } else {
            bytes
        };
        let into = if held.flows { &mut *out } else { &mut held.answer };
        into.extend_from_slice(&before);
        into.extend_from_slice(now);
        if !held.flows && held.answer.len() > SMALL {
            held.flows = true;
            out.extend_from_slice(&std::mem::take(&mut held.answer));
        }
    }

    /// Nothing but a last message is kept back any more.
    pub(super) fn let_flow(&mut self, out: &mut BytesMut) {
        if let Some(held) = &mut self.held {
            held.flows = true;
            out.extend_from_slice(&std::mem::take(&mut held.answer));
            out.extend_from_slice(&std::mem::take(&mut held.last));
        }
    }

    /// The columns that policy is asked about, if it is asked about the answer.
    pub(super) fn asked(&self) -> Option<&Columns> {
        self.held.as_ref().map(|held| &held.columns)
    }

    /// Whether all of the answer was kept back.
    pub(super) fn is_unseen(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.flows)
    }

    /// What was kept back, for the client.
    pub(super) fn release(self) -> impl Iterator<Item = BytesMut> {
        let held = self.held.unwrap_or_default();
        [held.answer, held.last].into_iter()
    }

    /// What the client is told of an answer that is over a limit. `stays`: the statement ran to its end, and nothing
    /// can undo what it changed.
    pub(super) fn refusal(&self, decision: Option<DecisionId>, stays: bool) -> Option<Refusal> {
        let (most, what) = match self.over? {
            Over::Rows(rows) => (rows, "rows"),
            Over::Bytes(bytes) => (bytes, "bytes"),
            Over::Form => return Some(Refusal::unforeseen(decision, stays)),
        };
        Some(Refusal::cut_short(decision, &format!("the answer is over the policy's limit of {most} {what}"), stays))
    }
}

#[cfg(test)]
mod tests;
