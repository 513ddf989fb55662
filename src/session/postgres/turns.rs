//! Whose turn it is while an answer is watched: what follows it waits, so that the server can be made to fail where the
//! client is told that something failed.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::enforce::poison;

use super::corridor::End;
use super::ledger::Owed;
use super::requests::Requests;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Waits until a message of this kind can be sent: then everything that is watched was answered, and whatever must
    /// fail for it was sent. A COPY that takes data ends the wait, for it ends with what the client sends.
    pub(super) async fn turn(&mut self, tag: u8) -> Result<(), End> {
        let mut asked = false;
        loop {
            self.make_fail();
            {
                let mut state = self.corridor.state.lock();
                let waits = state.ledger.must_wait(tag == b'S') && tag != b'X';
                if !waits || state.copy.takes_data() {
                    return Ok(());
                }
                if !asked && !state.ledger.answers_by_itself(Owed::is_watched) {
                    state.ledger.flushed();
                    self.upstream.send_flush();
                    asked = true;
                }
            }
            self.flush().await?;
            self.news().await?;
        }
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
