use std::sync::Arc;
use std::time::Duration;

use tokio::io::{DuplexStream, Sink, duplex, sink};
use tokio::time::timeout;

use super::super::owed::Running;
use super::super::stub::Session;
use super::*;
use crate::input::stub;

/// More than a reader hurries for.
const LONG: usize = 5 << 20;

/// What the server writes at a time: two of them are no trickle.
const PIECE: usize = 16 << 10;

/// The answers of a session that has asked so many things, and where its server writes.
fn asked(session: &Session, times: usize) -> (Answers<'_, DuplexStream, Sink>, DuplexStream) {
    for _ in 0..times {
        session.corridor.state.lock().ledger.owe(Owed::Query(Running::new(None, Arc::new(stub::facts()))));
    }
    let (upstream, server) = duplex(1 << 20);
    let answers = Answers {
        corridor: &session.corridor,
        upstream,
        framer: BackendFramer::new(),
        fill: Fill::default(),
        client: sink(),
        out: BytesMut::new(),
        recorded: None,
        server_parted: false,
        cancel: None,
        cutting: false,
        grown: false,
    };
    (answers, server)
}

fn rows(bytes: usize) -> Vec<u8> {
    let row = Frame::build(b'D', &[0; 1 << 10]).unwrap();
    row.bytes().repeat(bytes / row.bytes().len())
}

fn end() -> Vec<u8> {
    let frames = [Frame::build(b'C', b"SELECT 1\0").unwrap(), Frame::build(b'Z', b"I").unwrap()];
    frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect()
}

impl Answers<'_, DuplexStream, Sink> {
    /// Takes what comes until nothing does.
    async fn settle_down(&mut self) {
        while let Ok(step) = timeout(Duration::from_millis(200), self.step()).await {
            step.unwrap();
        }
    }

    /// Takes all of this.
    async fn take(&mut self, server: &mut DuplexStream, bytes: &[u8]) {
        let (sent, ()) = tokio::join!(server.write_all(bytes), self.settle_down());
        sent.unwrap();
    }

    /// Bytes of the next read, while two pieces of rows come one after the other.
    async fn reads_beside(&mut self, server: &mut DuplexStream) -> usize {
        let held = self.framer.buffered();
        let writing = async {
            server.write_all(&rows(PIECE)).await.unwrap();
            tokio::task::yield_now().await;
            server.write_all(&rows(PIECE)).await.unwrap();
        };
        let (step, ()) = tokio::join!(biased; self.step(), writing);
        step.unwrap();
        let read = self.framer.buffered() - held;
        self.settle_down().await;
        read
    }
}

#[tokio::test]
async fn an_answers_room_is_given_back_once_nothing_is_owed() {
    let session = Session::open();
    let (mut answers, mut server) = asked(&session, 1);
    answers.take(&mut server, &rows(LONG)).await;
    assert!(answers.grown && answers.out.capacity() > 0, "more may come");
    answers.take(&mut server, &end()).await;
    assert!(!answers.grown && answers.out.capacity() == 0, "{} bytes", answers.out.capacity());
    let room = answers.framer.room().capacity();
    assert_eq!(room, BackendFramer::new().room().capacity());
}

#[tokio::test]
async fn the_reader_of_a_long_answer_lets_it_come_together_until_it_ends() {
    let session = Session::open();
    let (mut answers, mut server) = asked(&session, 2);
    let one = rows(PIECE).len();
    assert_eq!(answers.reads_beside(&mut server).await, one, "it is short so far");
    answers.take(&mut server, &rows(LONG)).await;
    assert_eq!(answers.reads_beside(&mut server).await, 2 * one, "it is long");
    answers.take(&mut server, &[rows(4 * PIECE), end()].concat()).await;
    assert_eq!(answers.reads_beside(&mut server).await, one, "another one begins");
}
