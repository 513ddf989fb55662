//! Reading what is there: a connection that is silent holds no space for what may come.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::wire::postgres::{BackendFramer, FrontendFramer};

/// Bytes that are read before it is known that more come; they lie on the stack meanwhile.
const FIRST: usize = 16 << 10;

/// Bytes that are read at a time while more come than that.
const BULK: usize = 64 << 10;

/// Bytes of one answer behind which its reader no longer hurries: beside the time that these took, one rest is little, as at
/// the end of each part that a client fetches.
const LONG: usize = 4 << 20;

/// How long it lets them come together: a server writes 8 KiB at a time, and each would wake who reads, who writes and who
/// waits for it. At its end such an answer waits once.
const REST: Duration = Duration::from_millis(1);

/// Where bytes go.
pub(super) trait Framer {
    /// Where to read into.
    fn room(&mut self) -> &mut BytesMut;
    /// Takes bytes that were read elsewhere.
    fn put(&mut self, bytes: &[u8]);
}

impl Framer for FrontendFramer {
    fn room(&mut self) -> &mut BytesMut {
        self.room()
    }

    fn put(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }
}

impl Framer for BackendFramer {
    fn room(&mut self) -> &mut BytesMut {
        self.room()
    }

    fn put(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }
}

/// How the last read of one direction went.
#[derive(Debug, Default)]
pub(super) struct Fill {
    /// It took all that it had space for.
    was_full: bool,
    /// Bytes of it since something began, or since few came.
    flow: usize,
}

impl Fill {
    /// Reads what is there, or waits until something is. `0` at the end. May be dropped while it waits.
    pub(super) async fn read<R: AsyncRead + Unpin>(
        &mut self,
        stream: &mut R,
        framer: &mut impl Framer,
    ) -> io::Result<usize> {
        let was_long = self.flow >= LONG;
        if was_long {
            match poll_fn(|context| Poll::Ready(self.poll(context, stream, framer))).await {
                Poll::Ready(read) => return read,
                Poll::Pending => Box::pin(tokio::time::sleep(REST)).await,
            }
        }
        let read = poll_fn(|context| self.poll(context, stream, framer)).await?;
        if was_long && read < FIRST {
            self.flow = 0;
        }
        Ok(read)
    }

    fn poll<R: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut R,
        framer: &mut impl Framer,
    ) -> Poll<io::Result<usize>> {
        let read = if self.was_full {
            let room = framer.room();
            room.reserve(BULK);
            ready!(pin!(stream.read_buf(room)).poll(context))?
        } else {
            let mut space = [const { MaybeUninit::uninit() }; FIRST];
            let mut space = ReadBuf::uninit(&mut space);
            ready!(Pin::new(stream).poll_read(context, &mut space))?;
            framer.put(space.filled());
            space.filled().len()
        };
        self.was_full = read >= FIRST;
        Poll::Ready(Ok(read))
    }

    /// Whether the last read took room that few need.
    pub(super) fn is_bulky(&self) -> bool {
        self.was_full
    }

    /// So much of what came is rows of one answer, or data of one COPY.
    pub(super) fn flows(&mut self, bytes: usize) {
        self.flow = self.flow.saturating_add(bytes);
    }

    /// Something else came.
    pub(super) fn anew(&mut self) {
        self.flow = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::postgres::{BackendPiece, Frame};

    #[tokio::test]
    async fn every_byte_arrives_in_order_however_many_come_at_a_time() {
        let frames: Vec<_> = [3, FIRST - 5, 7, 10 * BULK, 1, 2 * FIRST, 0]
            .into_iter()
            .enumerate()
            .map(|(number, length)| Frame::build(b'E', &vec![u8::try_from(number).unwrap(); length]).unwrap())
            .collect();
        let sent: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
        for size in [1, 100, FIRST, 3 * BULK] {
            let (mut near, far) = tokio::io::duplex(size);
            let bytes = sent.clone();
            let writing = tokio::spawn(async move {
                let mut far = far;
                tokio::io::AsyncWriteExt::write_all(&mut far, &bytes).await.unwrap();
            });
            let (mut fill, mut framer, mut came) = (Fill::default(), BackendFramer::new(), Vec::new());
            while fill.read(&mut near, &mut framer).await.unwrap() > 0 {
                while let Some(BackendPiece::Frame(frame)) = framer.next_piece().unwrap() {
                    came.push(frame);
                }
            }
            writing.await.unwrap();
            assert_eq!(came, frames, "{size} at a time");
        }
    }

    /// Bytes of one read, while two pieces come one after the other.
    async fn read_beside(fill: &mut Fill, piece: usize) -> usize {
        let (mut near, mut far) = tokio::io::duplex(BULK);
        let write = async move {
            tokio::io::AsyncWriteExt::write_all(&mut far, &vec![0; piece]).await.unwrap();
            tokio::task::yield_now().await;
            tokio::io::AsyncWriteExt::write_all(&mut far, &vec![0; piece]).await.unwrap();
            far
        };
        let mut framer = BackendFramer::new();
        let (read, _far) = tokio::join!(biased; fill.read(&mut near, &mut framer), write);
        read.unwrap()
    }

    #[tokio::test]
    async fn what_comes_of_a_long_answer_is_read_together_and_of_others_at_once() {
        let mut fill = Fill::default();
        assert_eq!(read_beside(&mut fill, 8 << 10).await, 8 << 10);
        fill.flows(LONG);
        assert_eq!(read_beside(&mut fill, 8 << 10).await, 16 << 10);
        assert_eq!(read_beside(&mut fill, 100).await, 200, "it comes slowly from here on");
        assert_eq!(read_beside(&mut fill, 8 << 10).await, 8 << 10);
        fill.flows(LONG);
        fill.anew();
        assert_eq!(read_beside(&mut fill, 8 << 10).await, 8 << 10, "something else came");
    }
}
