//! Any bytes, from either side, cut anywhere: the same pieces as uncut, no byte lost, added or changed,
//! nothing held that did not come, and no decoder panics.
#![no_main]

use bytes::{BufMut, BytesMut};
use libfuzzer_sys::fuzz_target;
use sidegate::wire::postgres::{
    BackendFramer, BackendMessage, BackendPiece, FrontendFramer, FrontendLimits, FrontendMessage, FrontendPiece,
    StartupPacket,
};

/// Small, so that inputs of fuzzing size reach beyond them.
const LIMITS: FrontendLimits = FrontendLimits { sql: 200, bind: 200 };

/// What came out, in order: bytes, and where a message was dropped for its size.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    bytes: Vec<u8>,
    dropped: Vec<(usize, u8, u32)>,
    broken: bool,
}

fn frontend(bytes: &[u8], cut: usize) -> Seen {
    let mut framer = FrontendFramer::new(LIMITS, BytesMut::new());
    framer.authenticated();
    let mut seen = Seen::default();
    for chunk in bytes.chunks(cut) {
        framer.room().put_slice(chunk);
        loop {
            match framer.next_piece() {
                Ok(None) => break,
                Ok(Some(FrontendPiece::Frame(frame))) => {
                    let _ = FrontendMessage::decode(&frame);
                    seen.bytes.extend_from_slice(frame.bytes());
                }
                Ok(Some(FrontendPiece::CopyData(relay))) => seen.bytes.extend_from_slice(&relay.bytes),
                Ok(Some(FrontendPiece::TooLarge { tag, length, .. })) => {
                    seen.dropped.push((seen.bytes.len(), tag, length));
                }
                Err(_) => {
                    seen.broken = true;
                    return seen;
                }
            }
        }
    }
    assert!(framer.buffered() <= bytes.len());
    seen
}

fn backend(bytes: &[u8], cut: usize) -> Seen {
    let mut framer = BackendFramer::new();
    let mut seen = Seen::default();
    for chunk in bytes.chunks(cut) {
        framer.room().put_slice(chunk);
        loop {
            match framer.next_piece() {
                Ok(None) => break,
                Ok(Some(BackendPiece::Frame(frame))) => {
                    let _ = BackendMessage::decode(&frame);
                    seen.bytes.extend_from_slice(frame.bytes());
                }
                Ok(Some(BackendPiece::Relay(relay) | BackendPiece::Rows(relay))) => {
                    seen.bytes.extend_from_slice(&relay.bytes);
                }
                Err(_) => {
                    seen.broken = true;
                    return seen;
                }
            }
        }
    }
    seen
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    let cut = usize::from(*cut).max(1);
    let client = frontend(bytes, bytes.len().max(1));
    assert_eq!(frontend(bytes, cut), client);
    if client.dropped.is_empty() {
        assert!(bytes.starts_with(&client.bytes));
    }
    let server = backend(bytes, bytes.len().max(1));
    assert_eq!(backend(bytes, cut), server);
    assert!(bytes.starts_with(&server.bytes));
    let _ = StartupPacket::take(&mut BytesMut::from(bytes));
});
