//! Reading what is there: a connection that is silent holds no space for what may come.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::wire::postgres::{BackendFramer, FrontendFramer};

/// Bytes that are read before it is known that more come; they lie on the stack meanwhile.
const FIRST: usize = 16 << 10;

/// Bytes that are read at a time while more come than that.
const BULK: usize = 64 << 10;

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
}

impl Fill {
    /// Reads what is there, or waits until something is. `0` at the end. May be dropped while it waits.
    pub(super) async fn read<R: AsyncRead + Unpin>(
        &mut self,
        stream: &mut R,
        framer: &mut impl Framer,
    ) -> io::Result<usize> {
        if self.was_full {
            let room = framer.room();
            room.reserve(BULK);
            let read = stream.read_buf(room).await?;
            self.was_full = read >= FIRST;
            return Ok(read);
        }
        let read = poll_fn(|context| {
            let mut space = [const { MaybeUninit::uninit() }; FIRST];
            let mut space = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut space))?;
            framer.put(space.filled());
            Poll::Ready(io::Result::Ok(space.filled().len()))
        })
        .await?;
        self.was_full = read >= FIRST;
        Ok(read)
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
}
