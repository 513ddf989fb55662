//! What a client's next message waits for: answers that change how it is read, names that they give or take, and a server
//! that has caught up.

use tokio::io::{AsyncRead, AsyncWrite};

use super::corridor::End;
use super::owed::Owed;
use super::requests::{AHEAD, PAUSE, Requests};
use super::signals::Signal;
use super::state::Copy;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Waits until nothing unanswered can change how the next statement must be read.
    pub(super) async fn settled(&mut self) -> Result<(), End> {
        self.answered(Owed::makes_wait).await
    }

    /// What comes is no data: if the server fails before it takes any, it says so at once, and the client may not have
    /// heard of it yet.
    pub(super) async fn data_over(&mut self, tag: u8) -> Result<(), End> {
        if matches!(tag, b'c' | b'f' | b'H' | b'S' | b'X') {
            return Ok(());
        }
        let over = async {
            self.flush().await?;
            while self.corridor.takes_data() {
                self.rung().await?;
            }
            Ok(())
        };
        tokio::time::timeout(PAUSE, over).await.unwrap_or(Ok(()))
    }

    /// Waits until nothing unanswered gives or takes a name.
    pub(super) async fn names_settled(&mut self) -> Result<(), End> {
        self.answered(Owed::names).await
    }

    /// Waits until the server has caught up. It answers one message at a time, so whoever sends
    /// ahead and does not read is kept waiting here as it would be there.
    pub(super) async fn uncrowded(&mut self) -> Result<(), End> {
        // Without a Sync behind them the server would keep its answers back.
        self.demand();
        self.flush().await?;
        loop {
            {
                let state = self.corridor.state.lock();
                if state.ledger.has_room() {
                    return Ok(());
                }
                if state.copy.takes_data() {
                    return Err(self.amid_copy());
                }
            }
            self.news().await?;
        }
    }

    pub(super) async fn answered(&mut self, such: fn(&Owed) -> bool) -> Result<(), End> {
        // Boxed, so that who waits for nothing pays nothing for it.
        if self.corridor.state.lock().ledger.owes(such) { Box::pin(self.until_answered(such)).await } else { Ok(()) }
    }

    async fn until_answered(&mut self, such: fn(&Owed) -> bool) -> Result<(), End> {
        let mut asked = false;
        loop {
            {
                let mut state = self.corridor.state.lock();
                if !state.ledger.owes(such) {
                    return Ok(());
                }
                if let Copy::In { .. } = state.copy {
                    // The server waits for data, sidegate for the server: nobody would ever go on.
                    return Err(self.amid_copy());
                }
                if !asked && !state.ledger.answers_by_itself(such) {
                    // Without a Sync behind it the server would keep its answer back.
                    state.ledger.flushed();
                    self.upstream.send_flush();
                    asked = true;
                }
            }
            self.flush().await?;
            self.news().await?;
        }
    }

    /// Waits for an answer to be settled. A client that goes away meanwhile is not waited for: what it sent
    /// ahead would hold the server's connection for as long as the answer takes.
    pub(super) async fn news(&mut self) -> Result<(), End> {
        if self.framer.buffered() < AHEAD {
            tokio::select! {
                heard = self.corridor.signals.heard(Signal::ANSWERED.and(Signal::FAILURE_WANTED)) => {
                    return self.heed(heard).await;
                }
                read = tokio::io::AsyncReadExt::read_buf(&mut self.client, self.framer.room()) => match read {
                    Ok(1..) => return Ok(()),
                    Ok(0) if self.framer.ends_with_goodbye() => {}
                    Ok(0) | Err(_) => return Err(End::Client),
                },
            }
            // It said goodbye behind its last statement, which still runs.
        }
        self.rung().await
    }

    /// Waits for an answer to be settled, or for what must be sent so that one is.
    pub(super) async fn rung(&mut self) -> Result<(), End> {
        let heard = self.corridor.signals.heard(Signal::ANSWERED.and(Signal::FAILURE_WANTED)).await;
        self.heed(heard).await
    }

    /// Sends what must fail, where that is wanted.
    pub(super) async fn heed(&mut self, heard: Signal) -> Result<(), End> {
        if !heard.has(Signal::FAILURE_WANTED) {
            return Ok(());
        }
        self.make_fail();
        self.flush().await
    }
}
