//! Whose turn it is while an answer is watched: what follows it waits, so that the server can be made to fail where the
//! client is told that something failed. And while the server may ask for data: it would swallow a Sync.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::enforce::{Refusal, Severity, poison};
use crate::model::Stage;

use super::corridor::End;
use super::owed::Owed;
use super::requests::Requests;
use super::transaction::Commits;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Waits until a message of this kind can be sent: then everything that is watched was answered, and whatever must
    /// fail for it was sent. A COPY that takes data ends the wait, for it ends with what the client sends.
    pub(super) async fn turn(&mut self, tag: u8) -> Result<(), End> {
        self.make_fail();
        // Boxed, so that who waits for nothing pays nothing for it.
        if self.corridor.state.lock().is_turn_of(tag) { Ok(()) } else { Box::pin(self.until_turn(tag)).await }
    }

    async fn until_turn(&mut self, tag: u8) -> Result<(), End> {
        let mut asked = false;
        loop {
            self.make_fail();
            {
                let mut state = self.corridor.state.lock();
                if state.is_turn_of(tag) {
                    return Ok(());
                }
                let withheld = state.ledger.lags() || !state.ledger.answers_by_itself(Owed::is_watched);
                if !asked && withheld {
                    state.ledger.flushed();
                    self.upstream.send_flush();
                    asked = true;
                }
            }
            self.flush().await?;
            self.news().await?;
        }
    }

    /// Where policy is asked whether transactions may commit: waits until it is known what this one did.
    pub(super) async fn deeds_settled(&mut self) -> Result<(), End> {
        if self.corridor.lane.asks(Stage::Commit) { self.answered(Owed::tells_deeds).await } else { Ok(()) }
    }

    /// Answers a Query or Execute that would have committed something: its transaction is rolled back, if the statement
    /// is its COMMIT; else the statement itself fails.
    pub(super) fn undo(&mut self, tag: u8, commits: Commits, refusal: Refusal) -> Result<(), End> {
        if commits != Commits::Open || refusal.severity() == Severity::Fatal {
            return self.poison(tag, None, refusal);
        }
        let own = tag != b'Q';
        {
            let mut state = self.corridor.state.lock();
            if state.ledger.skipping() {
                return Ok(());
            }
            state.ledger.owe(Owed::Undone { refusal: (!own).then(|| refusal.clone()), own });
        }
        self.upstream.send_rollback();
        // In an extended exchange the server ignores what comes until the Sync, as after an error of its own.
        if own { self.poison(tag, None, refusal) } else { Ok(()) }
    }

    /// Sends what must fail, if something must. In the middle of data it would be data.
    pub(super) fn make_fail(&mut self) {
        if self.framer.is_mid_copy_data() {
            return;
        }
        let wanted = self.corridor.state.lock().wanted.take();
        if let Some(poison) = wanted.and_then(|tag| poison(tag, None)) {
            self.upstream.send_poison(poison);
        }
    }
}
