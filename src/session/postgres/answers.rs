//! From the server to the client: answers are matched with what was sent, written down, and
//! relayed; only what stands for a refused message is rewritten.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::enforce::Refusal;
use crate::forward::{self, CancelTarget};
use crate::input::Transaction;
use crate::journal::JournalError;
use crate::model::{FaultKind, OutcomeKind};
use crate::wire::postgres::{
    BackendFramer, BackendPiece, ErrorFields, Frame, ParameterDescription, ParameterStatus, ReadyForQuery, Relay,
    WireError,
};

use super::corridor::{Corridor, End};
use super::endings::{Ending, tell};
use super::fill::Fill;
use super::ledger::Line;
use super::masks::unmasked;
use super::owed::{Owed, Own, Wanted};
use super::stages::described;
use super::state::Copy;
use super::transaction;
use super::watch::Passed;

/// The answers' direction of one session.
pub(super) struct Answers<'a, R, W> {
    /// The session.
    pub(super) corridor: &'a Corridor,
    /// What the server sends.
    pub(super) upstream: R,
    /// Cuts it into messages.
    pub(super) framer: BackendFramer,
    /// How it is read.
    pub(super) fill: Fill,
    /// The client.
    pub(super) client: W,
    /// What waits to be written to it.
    pub(super) out: BytesMut,
    /// How much of that does not wait for the journal; `None` if nothing does.
    pub(super) recorded: Option<usize>,
    /// The server has said its last word, and the client was given it.
    pub(super) server_parted: bool,
    /// How the server is told to stop.
    pub(super) cancel: Option<&'a CancelTarget>,
    /// The answer that comes is over a limit.
    pub(super) cutting: bool,
    /// A long answer took room that nothing else needs.
    pub(super) grown: bool,
}

/// Above this the client must take some before more is read.
const FULL: usize = 64 << 10;

/// Whoever takes nothing of an answer for so long does not keep the server's rows, locks and connection.
const UNREAD: std::time::Duration = std::time::Duration::from_secs(30);

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// Runs until the session ends, and says why it did.
    pub(super) async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.step().await {
                return end;
            }
        }
    }

    async fn step(&mut self) -> Result<(), End> {
        self.choose_rows();
        let piece = self.framer.next_piece().map_err(|error| self.uncut(&error))?;
        if let Some(BackendPiece::Relay(flowing) | BackendPiece::Rows(flowing)) = &piece {
            self.fill.flows(flowing.bytes.len());
        }
        match piece {
            Some(BackendPiece::Relay(relay)) => self.relay(&relay)?,
            Some(BackendPiece::Rows(rows)) => self.rows(&rows)?,
            Some(BackendPiece::Frame(frame)) => {
                let before = self.out.len();
                self.fill.anew();
                self.corridor.answering.store(true, Ordering::Relaxed);
                let passed = self.message(frame).await;
                self.corridor.answering.store(false, Ordering::Relaxed);
                if self.recorded.is_none() && self.corridor.told.lock().is_some() {
                    self.recorded = Some(before);
                }
                passed?;
            }
            None => {
                self.grown |= self.fill.is_bulky();
                self.flush().await?;
                self.give_back();
                if self.cutting {
                    Box::pin(self.stop()).await?;
                }
                return match self.fill.read(&mut self.upstream, &mut self.framer).await {
                    Ok(0) | Err(_) => Err(End::Server),
                    Ok(_) => Ok(()),
                };
            }
        }
        if self.out.len() <= FULL {
            return Ok(());
        }
        self.grown = true;
        self.flush().await
    }

    /// What a long answer took is given back once nothing is owed: the session may be idle from now on.
    fn give_back(&mut self) {
        if self.grown && self.corridor.state.lock().ledger.is_empty() {
            self.grown = false;
            self.out = BytesMut::new();
            self.framer.tidy();
            self.fill = Fill::default();
        }
    }

    /// Writes what waits. May be cut off anywhere: what was not written stays. What cannot be recorded is not told.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        if let Err(error) = self.record().await {
            self.out.truncate(self.recorded.take().unwrap_or(self.out.len()));
            *self.corridor.told.lock() = None;
            return Err(End::Fault(Refusal::fault(&error)));
        }
        while self.out.has_remaining() {
            match patiently(self.client.write(&self.out)).await {
                Some(Ok(written @ 1..)) => self.out.advance(written),
                Some(Ok(0) | Err(_)) => return Err(End::Client),
                None => return Err(deaf()),
            }
        }
        match patiently(self.client.flush()).await {
            Some(flushed) => flushed.map_err(|_| End::Client),
            None => Err(deaf()),
        }
    }

    /// Returns when the journal has what the client is about to hear of.
    async fn record(&mut self) -> Result<(), JournalError> {
        let told = *self.corridor.told.lock();
        if let Some(mark) = told {
            forward::recorded(&self.corridor.house.journal, mark).await?;
            // The other direction may have added something meanwhile, on which nothing here depends.
            self.corridor.told.lock().take_if(|told| *told == mark);
        }
        self.recorded = None;
        Ok(())
    }

    /// Whether the client was sent whole messages only.
    pub(super) fn is_between_messages(&self) -> bool {
        self.cutting || !self.framer.is_mid_message()
    }

    pub(super) fn relay(&mut self, relay: &Relay) -> Result<(), End> {
        let mut state = self.corridor.state.lock();
        let running = match state.ledger.front().map(|line| &mut line.owed) {
            Some(Owed::Query(running) | Owed::Execute(running)) => running,
            Some(Owed::Own(Own::Question(question))) => {
                question.row(&relay.bytes);
                return Ok(());
            }
            _ => return Err(lost("the database sent rows that nobody asked for")),
        };
        let passed = match &mut running.watch {
            None => Passed { bytes: relay.bytes.len(), ends: relay.ends },
            Some(watch) => watch.admit(&relay.bytes),
        };
        let bytes = u64::try_from(passed.bytes).unwrap_or(u64::MAX);
        running.rows = running.rows.saturating_add(passed.ends);
        running.bytes = running.bytes.saturating_add(bytes);
        let rows = relay.bytes.get(..passed.bytes).unwrap_or_default();
        match &mut running.watch {
            None => self.out.extend_from_slice(rows),
            Some(watch) => {
                // What fitted before the limit is still the client's.
                watch.put(rows, false, &mut self.out);
                self.cutting |= watch.is_over();
            }
        }
        state.count(passed.ends, bytes);
        Ok(())
    }

    async fn message(&mut self, frame: Frame) -> Result<(), End> {
        if self.corridor.asking.load(Ordering::Relaxed) && (self.question(&frame)? || self.previewed(&frame)?) {
            return Ok(());
        }
        match frame.tag() {
            // These come at any time.
            b'N' => self.notice(&frame),
            b'A' => self.pass(&frame),
            b'S' => return self.parameter(&frame).await,
            // Boxed: it is rare, and would make every session that waits larger.
            b'E' => return Box::pin(self.error(frame)).await,
            b'Z' => return self.ready(frame).await,
            b'1' => return self.parse_complete(&frame).await,
            b'2' => return self.bind_complete(&frame).await,
            b'3' => return self.close_complete(&frame).await,
            b't' => self.parameter_description(&frame)?,
            b'T' | b'n' => {
                if !self.is_cut_off() && self.foreseen(&frame).await? {
                    self.description(&frame)?;
                }
            }
            b'C' | b's' | b'I' => return self.complete(frame).await,
            b'G' => self.copy_in(&frame)?,
            b'H' | b'c' => self.copy_out(&frame)?,
            b'V' => self.result(&frame)?,
            b'W' => return Err(lost("the database began a replication stream, which is not allowed")),
            tag => return Err(lost(&format!("the database sent an unexpected message of type 0x{tag:02x}"))),
        }
        Ok(())
    }

    pub(super) fn pass(&mut self, frame: &Frame) {
        self.out.extend_from_slice(frame.bytes());
    }

    async fn parameter(&mut self, frame: &Frame) -> Result<(), End> {
        let status = ParameterStatus::decode(frame.body()).map_err(|error| broken(&error))?;
        let unexplained = self.corridor.state.lock().parameter(status.name, status.value);
        match unexplained {
            None => {
                self.pass(frame);
                Ok(())
            }
            Some(setting) => Err(Box::pin(self.corridor.tripped(setting)).await),
        }
    }

    /// Strikes out the first line if it is what the answer belongs to.
    pub(super) fn settle(&self, belongs: impl Fn(&Owed) -> bool) -> Result<Line, End> {
        let mut state = self.corridor.state.lock();
        match state.ledger.front() {
            Some(line) if belongs(&line.owed) => {}
            _ => return Err(lost("the database sent an answer that nobody asked for")),
        }
        state.ledger.settle().ok_or_else(|| lost("the database sent an answer that nobody asked for"))
    }

    fn parameter_description(&mut self, frame: &Frame) -> Result<(), End> {
        let mut state = self.corridor.state.lock();
        match state.ledger.front().map(|line| &line.owed) {
            Some(Owed::OwnDescribe { wanted: Wanted::Types(statement) }) => {
                let described = ParameterDescription::decode(frame.body()).map_err(|error| broken(&error))?;
                *statement.types.lock() = described.types;
                Ok(())
            }
            Some(Owed::Own(Own::Describe(_))) => Ok(()),
            Some(Owed::Describe { .. }) => {
                drop(state);
                self.pass(frame);
                Ok(())
            }
            _ => Err(lost("the database described parameters that nobody asked about")),
        }
    }

    fn description(&mut self, frame: &Frame) -> Result<(), End> {
        let mut state = self.corridor.state.lock();
        match state.ledger.front().map(|line| &line.owed) {
            Some(Owed::OwnDescribe { wanted }) => {
                if let Wanted::Columns(columns) = wanted {
                    described(columns, frame).map_err(|error| broken(&error))?;
                }
                state.ledger.settle();
                drop(state);
                self.corridor.rang();
                return Ok(());
            }
            Some(Owed::Own(Own::Describe(_))) => {
                state.ledger.settle();
                drop(state);
                self.corridor.rang();
                return Ok(());
            }
            Some(Owed::Describe { .. }) => {
                state.ledger.settle();
            }
            Some(Owed::Query(running)) => {
                if let Some(columns) = running.watch.as_ref().and_then(|watch| watch.asked()) {
                    described(columns, frame).map_err(|error| broken(&error))?;
                }
                drop(state);
                self.give(frame, false);
                return Ok(());
            }
            _ => return Err(lost("the database described rows that nobody asked about")),
        }
        drop(state);
        self.pass(frame);
        self.corridor.rang();
        Ok(())
    }

    fn copy_in(&mut self, frame: &Frame) -> Result<(), End> {
        {
            let mut state = self.corridor.state.lock();
            let Some(ended) = state.ledger.takes_data() else {
                return Err(lost("the database asked for data that nobody offered"));
            };
            if let Some(watch) = state.ledger.watch() {
                if watch.is_over() {
                    // The client, which was told of no COPY, would never end it.
                    let problem = "COPY FROM STDIN after an answer that is over the policy's limit";
                    return Err(End::Fault(Refusal::new(FaultKind::TooLarge, problem)));
                }
                watch.let_flow(&mut self.out);
            }
            state.copy = if ended { Copy::Ended } else { Copy::In { sync_held: false } };
        }
        self.pass(frame);
        // Whoever waits for an answer waits in vain now.
        self.corridor.rang();
        Ok(())
    }

    fn copy_out(&mut self, frame: &Frame) -> Result<(), End> {
        match self.corridor.state.lock().ledger.running() {
            Some(running) => running.copies(frame).map_err(|problem| unmasked(&problem))?,
            None => return Err(lost("the database sent a COPY that nobody asked for")),
        }
        self.give(frame, false);
        Ok(())
    }

    /// FunctionCallResponse: the value that a FunctionCall asked for.
    fn result(&mut self, frame: &Frame) -> Result<(), End> {
        let bytes = u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX);
        {
            let mut state = self.corridor.state.lock();
            match state.ledger.front() {
                Some(Line { owed: Owed::Query(running), .. }) if running.called => {
                    if !Self::admits_result(running, bytes) {
                        return Ok(());
                    }
                }
                _ => return Err(lost("the database sent the result of a function that nobody called")),
            }
            state.count(0, bytes);
        }
        self.give(frame, false);
        Ok(())
    }

    async fn error(&mut self, frame: Frame) -> Result<(), End> {
        let error = ErrorFields::decode(frame.body()).map_err(|error| broken(&error))?;
        if error.is_fatal() {
            self.pass(&frame);
            self.server_parted = true;
            return Ok(());
        }
        let told = self.told(frame, &error)?;
        let (first, skipped) = {
            let mut state = self.corridor.state.lock();
            state.copy_ended(&self.corridor.signals);
            match state.ledger.front().map(|line| &mut line.owed) {
                Some(Owed::Query(running)) => {
                    running.sqlstate = Some(error.sqlstate().unwrap_or("XX000").to_owned());
                    (None, Vec::new())
                }
                // A Sync commits what was pipelined before it: that can fail, too.
                None | Some(Owed::Sync | Owed::Ready | Owed::Undone { .. }) => (None, Vec::new()),
                Some(Owed::Refused { ready: true, .. }) => {
                    let line = state.ledger.settle();
                    let sequence = line.as_ref().map_or(0, |line| line.sequence);
                    state.ledger.owe_first(sequence, Owed::Ready);
                    (line, Vec::new())
                }
                Some(
                    Owed::Parse { .. }
                    | Owed::Bind { .. }
                    | Owed::Describe { .. }
                    | Owed::OwnDescribe { .. }
                    | Owed::Own(_)
                    | Owed::Execute(_)
                    | Owed::Close { .. }
                    | Owed::Refused { .. },
                ) => (state.ledger.settle(), state.ledger.skip_to_sync()),
            }
        };
        self.failed(first, told, &error).await?;
        for mut line in skipped {
            // What it was sent for failed before it ran, at its Parse or Bind perhaps: its event says why.
            if let Owed::Execute(running) = &mut line.owed {
                running.sqlstate = Some(error.sqlstate().unwrap_or("XX000").to_owned());
            }
            self.corridor.give_up(line.owed, OutcomeKind::Failed).await?;
        }
        self.corridor.rang();
        Ok(())
    }

    /// The message whose answer the error is.
    async fn failed(&mut self, line: Option<Line>, frame: Frame, error: &ErrorFields) -> Result<(), End> {
        match line.map(|line| line.owed) {
            Some(Owed::Refused { refusal, .. }) => {
                if let Some(response) = refusal.error_response() {
                    self.pass(&response);
                }
                return Ok(());
            }
            Some(Owed::Execute(mut running)) => {
                running.sqlstate = Some(error.sqlstate().unwrap_or("XX000").to_owned());
                return self.execute_failed(running, &frame).await;
            }
            Some(other) => {
                self.corridor.give_up(other, OutcomeKind::Failed).await?;
                self.pass(&frame);
            }
            None => self.give(&frame, true),
        }
        Ok(())
    }

    async fn ready(&mut self, frame: Frame) -> Result<(), End> {
        let ready = ReadyForQuery::decode(frame.body()).map_err(|error| broken(&error))?;
        let told = match self.query_ends(ready.status).await? {
            Ending::Fails => return Ok(()),
            Ending::Behind(refusal) => Some(refusal),
            Ending::Passes => None,
        };
        let status = transaction::told(ready.status);
        let line =
            self.settle(|owed| matches!(owed, Owed::Query(_) | Owed::Sync | Owed::Undone { .. } | Owed::Ready))?;
        let own = matches!(line.owed, Owed::Undone { own: true, .. });
        let gone = {
            let mut state = self.corridor.state.lock();
            state.ready(status);
            if let Owed::Query(running) = &line.owed {
                state.ran(line.sequence, running);
                self.corridor.loom.lock().given().ran(running);
            }
            match status {
                Transaction::Idle => {
                    self.corridor.loom.lock().given().transaction_ended();
                    state.names.transaction_ended(line.sequence)
                }
                Transaction::Open | Transaction::Failed => Vec::new(),
            }
        };
        if let Owed::Query(running) = line.owed {
            self.corridor.finish(running).await?;
        }
        self.corridor.close_portals(gone).await?;
        told.iter().for_each(|refusal| tell(&mut self.out, refusal));
        if !own {
            self.pass(&frame);
        }
        self.corridor.rang();
        Ok(())
    }
}

/// What a write says, unless it takes too long. Most take no time at all: no clock is asked.
async fn patiently<F: Future>(write: F) -> Option<F::Output> {
    let mut write = std::pin::pin!(write);
    if let Poll::Ready(written) = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await {
        return Some(written);
    }
    Box::pin(tokio::time::timeout(UNREAD, write)).await.ok()
}

/// The end of a session whose client does not read.
fn deaf() -> End {
    let limit = humantime::format_duration(UNREAD);
    End::Fault(Refusal::new(FaultKind::IdleTimeout, format!("the client took nothing of an answer for {limit}")))
}

/// The last word of a session whose server went away without one.
pub(super) fn gone() -> Refusal {
    Refusal::new(FaultKind::UpstreamLost, "the database closed the connection")
}

/// The same where a message means nothing.
pub(super) fn broken(error: &WireError) -> End {
    lost(&format!("the database broke the protocol: {error}"))
}

/// The end of a session whose server cannot be followed any more.
pub(super) fn lost(problem: &str) -> End {
    End::Fault(Refusal::new(FaultKind::UpstreamLost, problem))
}

#[cfg(test)]
mod tests;
