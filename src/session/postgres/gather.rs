//! Long answers are written in large pieces. The server sends 8 KiB at a time, and to wake a client for each costs more than
//! all else that becomes of them.

use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

use super::answers::Answers;
use super::corridor::End;
use super::fill::Fill;

/// From so many bytes of rows on an answer is long. Of a shorter one nothing is kept back.
const LONG: usize = 256 << 10;

/// How long rows are kept back at most while the server is in the middle of one.
const LONGEST: Duration = Duration::from_millis(1);

/// What is gathered of a long answer.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// Bytes of rows since the server sent anything else.
    flowed: usize,
    /// Room was taken for them that nothing else needs.
    large: bool,
    /// When what was gathered is written at the latest.
    due: Option<Pin<Box<Sleep>>>,
}

impl Gather {
    /// Rows came.
    pub(super) fn flows(&mut self, bytes: usize) {
        self.flowed = self.flowed.saturating_add(bytes);
        self.large |= self.flowed >= LONG;
    }

    /// Something else came, which nobody is kept waiting for.
    pub(super) fn ends(&mut self) {
        self.flowed = 0;
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// Whether rows may be kept back until more of them have come: a long answer flows, and more of it must come, since the
    /// server has sent a part of a row.
    pub(super) fn gathers(&self) -> bool {
        let is_inside = self.framer.is_mid_message() || self.framer.buffered() > 0;
        self.gather.flowed >= LONG && is_inside && !self.cutting && !self.out.is_empty()
    }

    /// Reads what comes; if nothing does for long, what was gathered is written.
    pub(super) async fn gather(&mut self) -> Result<(), End> {
        let due = self.gather.due.get_or_insert_with(|| Box::pin(tokio::time::sleep(LONGEST)));
        tokio::select! {
            biased;
            read = self.fill.read(&mut self.upstream, &mut self.framer) => match read {
                Ok(0) | Err(_) => Err(End::Server),
                Ok(_) => Ok(()),
            },
            () = due => {
                self.gather.due = None;
                self.flush().await
            }
        }
    }

    /// Once a long answer is over, its room is given back: the session may be idle from now on.
    pub(super) fn give_back(&mut self) {
        self.gather.due = None;
        if self.gather.large && self.gather.flowed == 0 {
            self.gather.large = false;
            self.out = BytesMut::new();
            self.framer.tidy();
            self.fill = Fill::default();
        }
    }
}
