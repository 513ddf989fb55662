//! How an answer ends that is watched: as the server ended it, or with an error in place of the rest. Then the server's
//! transaction fails, too, wherever there is one that can: the client and the server agree on what was done.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::decide::Decision;
use crate::enforce::Refusal;
use crate::forward::{self, ForwardError};
use crate::model::Cause;
use crate::wire::postgres::{Frame, TransactionStatus};

use super::answers::{Answers, lost};
use super::corridor::End;
use super::ledger::Line;
use super::owed::{Owed, Running};
use super::signals::Signal;
use super::state::only_reads;
use super::watch::Watch;

/// What becomes of the ReadyForQuery of a watched answer.
pub(super) enum Ending {
    /// It is the client's.
    Passes,
    /// So it is, behind this error.
    Behind(Refusal),
    /// It is not: the server fails first, and sends another.
    Fails,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// Tells the server to stop, once, while nothing can be running there but the statement whose answer is over a
    /// limit: what follows it waits. When this returns the server has the signal, and the next statement is not hit.
    pub(super) async fn stop(&mut self) -> Result<(), End> {
        let should = self.corridor.state.lock().ledger.watch().is_some_and(Watch::should_cancel);
        let Some(target) = self.cancel.filter(|_| should) else { return Ok(()) };
        match forward::cancel(target).await {
            Ok(()) => Ok(()),
            Err(ForwardError::TooSlow { .. }) => Err(lost("the database did not say whether it cancelled a statement")),
            Err(error) => {
                // Then all that it sends is read, and thrown away.
                tracing::warn!(session = %self.corridor.session, %error, "a statement over its limit was not cancelled");
                Ok(())
            }
        }
    }

    /// Gives the client a message of the answer that is owed first, unless nothing more of it is given. `last`: it may
    /// be its last.
    pub(super) fn give(&mut self, frame: &Frame, last: bool) {
        match self.corridor.state.lock().ledger.watch() {
            None => self.out.extend_from_slice(frame.bytes()),
            Some(watch) => watch.give(frame.bytes(), last, &mut self.out),
        }
    }

    /// The result of a function: whether it was counted, and may be given.
    pub(super) fn admits_result(running: &mut Running, bytes: u64) -> bool {
        let admitted = running.watch.as_mut().is_none_or(|watch| watch.admit_result(bytes));
        if admitted {
            running.bytes = running.bytes.saturating_add(bytes);
        }
        admitted
    }

    /// The end of an Execute that is owed first and watched.
    pub(super) async fn execute_ends(&mut self, frame: &Frame) -> Result<(), End> {
        let heard = self.corridor.state.lock().ledger.running().and_then(Running::heard);
        let refused = match heard {
            Some(heard) => self.judge(heard, true).await?,
            None => None,
        };
        let (line, fails) = {
            let mut state = self.corridor.state.lock();
            let Some(mut line) = state.ledger.settle() else { return Ok(()) };
            // With a Sync behind it there is nothing that must fail: it stands outside of any transaction, and alone.
            let fails = refused.is_some() && !state.ledger.is_synced();
            if let Some(refused) = &refused {
                if fails {
                    let refusal = refused.refusal.clone();
                    state.ledger.owe_first(line.sequence, Owed::Refused { refusal, ready: false });
                    state.wanted = Some(b'E');
                }
                line.ends_with(refused);
            }
            (line, fails)
        };
        self.conclude(line).await?;
        match refused {
            None => self.out.extend_from_slice(frame.bytes()),
            Some(_) if fails => self.corridor.signals.give(Signal::FAILURE_WANTED),
            Some(refused) => tell(&mut self.out, &refused.refusal),
        }
        self.corridor.rang();
        Ok(())
    }

    /// The ReadyForQuery of what is owed first, if that is a Query or FunctionCall.
    pub(super) async fn query_ends(&mut self, status: TransactionStatus) -> Result<Ending, End> {
        let heard = {
            let mut state = self.corridor.state.lock();
            match state.ledger.front() {
                Some(Line { owed: Owed::Query(running), .. }) => running.heard(),
                Some(_) | None => None,
            }
        };
        match heard {
            Some(heard) => Box::pin(self.query_judged(heard, status)).await,
            None => Ok(Ending::Passes),
        }
    }

    async fn query_judged(&mut self, heard: Heard, status: TransactionStatus) -> Result<Ending, End> {
        let must_fail = status == TransactionStatus::Transaction && heard.error.is_none();
        let undone = must_fail || heard.error.is_some();
        let Some(refused) = self.judge(heard, undone).await? else { return Ok(Ending::Passes) };
        let line = {
            let mut state = self.corridor.state.lock();
            if !must_fail {
                state.ledger.front().into_iter().for_each(|line| line.ends_with(&refused));
                return Ok(Ending::Behind(refused.refusal));
            }
            let Some(mut line) = state.ledger.settle() else { return Ok(Ending::Passes) };
            line.ends_with(&refused);
            state.ledger.owe_first(line.sequence, Owed::Refused { refusal: refused.refusal, ready: true });
            state.wanted = Some(b'Q');
            line
        };
        self.conclude(line).await?;
        self.corridor.signals.give(Signal::FAILURE_WANTED);
        self.corridor.rang();
        Ok(Ending::Fails)
    }

    /// An Execute failed at the server: what the client is told.
    pub(super) async fn execute_failed(&mut self, mut running: Running, frame: &Frame) -> Result<(), End> {
        self.corridor.loom.lock().given().failed(&running);
        let refused = match running.heard() {
            Some(heard) => Box::pin(self.judge(heard, true)).await?,
            None => None,
        };
        if let Some(refused) = &refused {
            running.ends_with(refused);
        }
        running.leave();
        self.corridor.finish(running).await?;
        match &refused {
            Some(refused) => tell(&mut self.out, &refused.refusal),
            None => self.out.extend_from_slice(frame.bytes()),
        }
        Ok(())
    }

    /// Writes down how a statement ended that ran to its end, whatever the client is told.
    pub(super) fn conclude(&self, line: Line) -> impl Future<Output = Result<(), End>> {
        let ended = match line.owed {
            Owed::Query(mut running) | Owed::Execute(mut running) => {
                self.corridor.ran(line.sequence, &running);
                running.leave();
                running.end()
            }
            Owed::Parse { .. }
            | Owed::Bind { .. }
            | Owed::Describe { .. }
            | Owed::OwnDescribe { .. }
            | Owed::Own(_)
            | Owed::Close { .. }
            | Owed::Sync
            | Owed::Refused { .. }
            | Owed::Undone { .. }
            | Owed::Ready => None,
        };
        self.corridor.close_any(ended)
    }

    /// Lets what was kept back go, or says what the client is told in place of the end. `undone`: nothing of it stays.
    async fn judge(&mut self, heard: Heard, undone: bool) -> Result<Option<Refused>, End> {
        self.cutting = false;
        let stays = !undone && !heard.harmless;
        let id = heard.decision.as_ref().map(|decision| decision.id());
        let cut = heard.watch.refusal(id, stays);
        if let (Some(columns), Some(decision)) = (heard.watch.asked(), &heard.decision) {
            // Policy may take its time, and what was answered before is still to be written down.
            self.corridor.write_down();
            let error = cut.as_ref().map(|refusal| refusal.sqlstate().to_owned()).or(heard.error);
            let columns = columns.lock().clone();
            let answered = self.corridor.answered(columns, heard.counted, error).await;
            if let Some(refusal) = self.corridor.ask_about_answer(decision.input(), &answered, stays).await {
                // What was kept back is thrown away.
                let unseen = heard.watch.is_unseen();
                return Ok(Some(Refused { refusal, stays, cause: None, unseen }));
            }
        }
        let cause = Some(heard.watch.cause());
        let refused = cut.map(|refusal| Refused { refusal, stays, cause, unseen: false });
        for kept in heard.watch.release() {
            self.out.extend_from_slice(&kept);
        }
        Ok(refused)
    }
}

/// Tells the client.
pub(super) fn tell(out: &mut BytesMut, refusal: &Refusal) {
    if let Some(response) = refusal.error_response() {
        out.extend_from_slice(response.bytes());
    }
}

/// A watched answer that has come.
pub(super) struct Heard {
    watch: Box<Watch>,
    decision: Option<Arc<Decision>>,
    /// Rows and bytes of it.
    counted: (u64, u64),
    /// Its statement changed nothing.
    harmless: bool,
    /// SQLSTATE of the error that the server ended it with.
    error: Option<String>,
}

/// What the client is told in place of its end.
struct Refused {
    refusal: Refusal,
    stays: bool,
    /// Why, if it is not policy's answer to a question of its own.
    cause: Option<Cause>,
    /// The client saw nothing of the answer.
    unseen: bool,
}

impl Line {
    fn ends_with(&mut self, refused: &Refused) {
        if let Owed::Query(running) | Owed::Execute(running) = &mut self.owed {
            running.ends_with(refused);
        }
    }
}

impl Running {
    /// What is to be judged of its answer, once.
    fn heard(&mut self) -> Option<Heard> {
        let watch = self.watch.take()?;
        Some(Heard {
            watch,
            decision: self.entry.as_ref().map(|entry| Arc::clone(entry.decision())),
            counted: (self.rows, self.bytes),
            harmless: only_reads(&self.facts),
            error: self.sqlstate.clone(),
        })
    }

    fn ends_with(&mut self, refused: &Refused) {
        if refused.unseen {
            (self.rows, self.bytes) = (0, 0);
        }
        if refused.cause.is_some() {
            self.cause = refused.cause;
            self.sqlstate = (!refused.stays).then(|| refused.refusal.sqlstate().to_owned());
        }
    }

    /// What was sent of its portal is known.
    pub(super) fn leave(&mut self) {
        if let Some(sent) = self.sent_before.take() {
            sent.add(self.rows, self.bytes);
        }
    }
}
