use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

/// A length that lies, in every way that has hurt a proxy.
const LYING: [u32; 9] = [0, 1, 3, 70_000_000, 0x3fff_ffff, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

fn message(tag: u8, body: &[u8]) -> Bytes {
    Frame::build(tag, body).unwrap().bytes().clone()
}

fn header(tag: u8, length: u32) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes
}

fn ready() -> FrontendFramer {
    let mut framer = FrontendFramer::new(FrontendLimits::default(), BytesMut::new());
    framer.authenticated();
    framer
}

/// Everything that came out: messages as they are, and what was passed on as one run with its counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    frames: Vec<Frame>,
    relayed: BytesMut,
    begun: u64,
    ended: u64,
    too_large: Vec<(u8, u32)>,
    error: Option<WireError>,
}

impl Seen {
    fn relay(&mut self, relay: &Relay) {
        assert!(!relay.bytes.is_empty());
        self.relayed.put_slice(&relay.bytes);
        self.begun += relay.begins;
        self.ended += relay.ends;
    }
}

fn frontend(mut framer: FrontendFramer, chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Seen {
    let mut seen = Seen::default();
    for chunk in chunks {
        framer.room().put_slice(chunk.as_ref());
        loop {
            match framer.next_piece() {
                Ok(None) => break,
                Ok(Some(FrontendPiece::Frame(frame))) => seen.frames.push(frame),
                Ok(Some(FrontendPiece::CopyData(relay))) => seen.relay(&relay),
                Ok(Some(FrontendPiece::TooLarge { tag, length, .. })) => seen.too_large.push((tag, length)),
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
    }
    seen
}

fn backend(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Seen {
    let (mut framer, mut seen) = (BackendFramer::new(), Seen::default());
    for chunk in chunks {
        framer.room().put_slice(chunk.as_ref());
        loop {
            match framer.next_piece() {
                Ok(None) => break,
                Ok(Some(BackendPiece::Frame(frame))) => seen.frames.push(frame),
                Ok(Some(BackendPiece::Relay(relay) | BackendPiece::Rows(relay))) => seen.relay(&relay),
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
    }
    seen
}

fn stream_of(tags: &'static [u8]) -> impl Strategy<Value = Vec<Bytes>> {
    let one = (proptest::sample::select(tags), proptest::collection::vec(any::<u8>(), 0..40));
    proptest::collection::vec(one.prop_map(|(tag, body)| message(tag, &body)), 0..12)
}

/// What a client may send: messages that are their tag have no body.
fn client_stream() -> impl Strategy<Value = Vec<Bytes>> {
    let bare = |one: Bytes| if b"SHXc".contains(&one[0]) { message(one[0], b"") } else { one };
    stream_of(FRONTEND).prop_map(move |messages| messages.into_iter().map(bare).collect())
}

const FRONTEND: &[u8] = b"QPBDECFHSXcfddd";
const BACKEND: &[u8] = b"RSKv123sCIZENAtTnGHWcVDDDdd";

proptest! {
    #[test]
    fn a_client_stream_cut_anywhere_is_the_same_stream(messages in client_stream(), cut in 1_usize..50) {
        let whole = messages.concat();
        let at_once = frontend(ready(), [&whole]);
        prop_assert_eq!(&frontend(ready(), whole.chunks(cut)), &at_once);
        prop_assert_eq!(&frontend(ready(), whole.chunks(1)), &at_once);
        let (data, others): (Vec<_>, Vec<_>) = messages.iter().partition(|message| message[0] == b'd');
        prop_assert_eq!(at_once.error, None);
        prop_assert_eq!(at_once.begun, at_once.ended);
        prop_assert_eq!(at_once.ended, data.len() as u64);
        prop_assert_eq!(&at_once.relayed[..], &data.into_iter().cloned().collect::<Vec<_>>().concat()[..]);
        let frames: Vec<_> = at_once.frames.iter().map(|frame| frame.bytes().clone()).collect();
        prop_assert_eq!(frames, others.into_iter().cloned().collect::<Vec<_>>());
    }

    #[test]
    fn a_server_stream_cut_anywhere_is_the_same_stream(messages in stream_of(BACKEND), cut in 1_usize..50) {
        let whole = messages.concat();
        let at_once = backend([&whole]);
        prop_assert_eq!(&backend(whole.chunks(cut)), &at_once);
        prop_assert_eq!(&backend(whole.chunks(1)), &at_once);
        let (rows, others): (Vec<_>, Vec<_>) =
            messages.iter().partition(|message| matches!(message[0], b'D' | b'd'));
        prop_assert_eq!(at_once.error, None);
        prop_assert_eq!(at_once.ended, rows.len() as u64);
        prop_assert_eq!(&at_once.relayed[..], &rows.into_iter().cloned().collect::<Vec<_>>().concat()[..]);
        let frames: Vec<_> = at_once.frames.iter().map(|frame| frame.bytes().clone()).collect();
        prop_assert_eq!(frames, others.into_iter().cloned().collect::<Vec<_>>());
    }

    #[test]
    fn noise_is_refused_or_waited_for_but_never_grows_a_buffer(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        frontend(ready(), [&noise]);
        frontend(FrontendFramer::new(FrontendLimits::default(), BytesMut::new()), [&noise]);
        backend([&noise]);
    }
}

#[test]
fn the_order_of_frames_and_relayed_bytes_is_kept() {
    let stream = [message(b'T', b"\0\0"), message(b'D', b"\0\0"), message(b'C', b"SELECT 1\0"), message(b'Z', b"I")];
    let mut framer = BackendFramer::new();
    framer.room().put_slice(&stream.concat());
    for expected in &stream {
        let bytes = match framer.next_piece().unwrap().unwrap() {
            BackendPiece::Frame(frame) => frame.bytes().clone(),
            BackendPiece::Relay(relay) | BackendPiece::Rows(relay) => relay.bytes,
        };
        assert_eq!(&bytes, expected);
    }
    assert_eq!(framer.next_piece(), Ok(None));
}

#[test]
fn a_goodbye_at_the_end_is_seen_behind_whatever_waits() {
    let mut client = ready();
    assert!(!client.ends_with_goodbye());
    client.room().put_slice(&message(b'Q', b"select 1\0"));
    assert!(!client.ends_with_goodbye());
    client.room().put_slice(&message(b'X', b""));
    assert!(client.ends_with_goodbye());
}

#[test]
fn a_lying_length_is_refused_before_any_memory_is_taken() {
    for tag in 0..=255_u8 {
        for length in LYING {
            let mut client = ready();
            client.room().put_slice(&header(tag, length));
            match client.next_piece() {
                Ok(Some(FrontendPiece::TooLarge { .. })) => assert!(b"QPBF".contains(&tag) && length >= 4),
                // CopyData is passed on, whatever it says up to PostgreSQL's limit.
                Ok(Some(FrontendPiece::CopyData(_))) => assert!(tag == b'd' && length == 70_000_000),
                Ok(other) => panic!("{other:?} for {tag} of {length}"),
                Err(_) => {}
            }
            assert!(client.room().capacity() < 64 << 10);
            let mut unknown = FrontendFramer::new(FrontendLimits::default(), BytesMut::new());
            unknown.room().put_slice(&header(tag, length));
            assert!(unknown.next_piece().is_err(), "{tag} of {length} before authentication");
            let mut server = BackendFramer::new();
            server.room().put_slice(&header(tag, length));
            match server.next_piece() {
                Ok(Some(BackendPiece::Relay(_))) => assert!(b"Dd".contains(&tag) && length <= 0x7fff_ffff),
                Ok(other) => panic!("{other:?} for {tag} of {length}"),
                Err(_) => {}
            }
            assert!(server.room().capacity() < 64 << 10);
        }
    }
}

#[test]
fn a_statement_above_its_limit_is_reported_at_its_header_and_dropped_in_step() {
    let limits = FrontendLimits { sql: 100, bind: 100 };
    for tag in *b"QPBF" {
        let mut framer = FrontendFramer::new(limits, BytesMut::new());
        framer.authenticated();
        let big = message(tag, &[b'x'; 1000]);
        framer.room().put_slice(&big[..5]);
        let reported = framer.next_piece().unwrap();
        assert_eq!(reported, Some(FrontendPiece::TooLarge { tag, length: 1004, limit: 100 }));
        framer.room().put_slice(&big[5..500]);
        assert_eq!(framer.next_piece(), Ok(None));
        assert!(framer.buffered() == 0 && framer.is_mid_message());
        framer.room().put_slice(&[&big[500..], &message(b'S', b"")].concat());
        assert_eq!(framer.next_piece(), Ok(Some(FrontendPiece::Frame(FrontendMessage::sync().unwrap()))));
        assert!(!framer.is_mid_message());
    }
}

#[test]
fn every_limit_is_what_the_length_word_may_say_at_most() {
    let limits = FrontendLimits { sql: 20_000, bind: 20_000 };
    let bare = [(b'S', 4), (b'H', 4), (b'X', 4), (b'c', 4)];
    let others = [(b'Q', 20_000), (b'B', 20_000), (b'D', 10_000), (b'C', 10_000), (b'f', 10_000)];
    for (tag, limit) in others.into_iter().chain(bare) {
        let run = |length: usize| {
            let mut framer = FrontendFramer::new(limits, BytesMut::new());
            framer.authenticated();
            frontend(framer, [message(tag, &vec![0; length - 4])])
        };
        assert_eq!(run(limit).frames.len(), 1);
        let above = run(limit + 1);
        assert!(above.frames.is_empty() && (above.error.is_some() || above.too_large.len() == 1));
    }
    let password =
        |length: usize| frontend(FrontendFramer::new(limits, BytesMut::new()), [message(b'p', &vec![0; length - 4])]);
    assert_eq!(password(65_792).frames.len(), 1);
    assert_eq!(password(65_793).error, Some(WireError::Length { tag: b'p', length: 65_793, limit: 65_792 }));
}

#[test]
fn only_passwords_come_before_the_end_of_authentication_and_none_after() {
    for tag in *b"QPBDECFHSXcfd" {
        let before = frontend(FrontendFramer::new(FrontendLimits::default(), BytesMut::new()), [message(tag, b"")]);
        assert_eq!(before.error, Some(WireError::Tag { tag }));
    }
    assert_eq!(frontend(ready(), [message(b'p', b"secret\0")]).error, Some(WireError::Tag { tag: b'p' }));
    let mut startup = Startup { minor: 0, ..Startup::default() };
    startup.parameters.insert("user".into(), "admin".into());
    let again = startup.encode().unwrap();
    assert_eq!(frontend(ready(), [&again]).error, Some(WireError::Tag { tag: 0 }));
    let mid_login = FrontendFramer::new(FrontendLimits::default(), BytesMut::new());
    assert_eq!(frontend(mid_login, [&again]).error, Some(WireError::Tag { tag: 0 }));
}

#[test]
fn after_an_error_a_stream_means_nothing_any_more() {
    let mut framer = ready();
    framer.room().put_slice(&[&header(b'!', 4)[..], &message(b'S', b"")].concat());
    let error = framer.next_piece().unwrap_err();
    framer.room().put_slice(&message(b'S', b""));
    assert_eq!(framer.next_piece(), Err(error));
}

#[test]
fn a_row_of_a_gigabyte_is_passed_on_without_being_held() {
    let mut framer = BackendFramer::new();
    framer.room().put_slice(&header(b'D', 1 << 30));
    let chunk = vec![7; 64 << 10];
    let (mut passed, mut most) = (0, 0);
    for _ in 0..100 {
        framer.room().put_slice(&chunk);
        while let Some(BackendPiece::Relay(relay)) = framer.next_piece().unwrap() {
            passed += relay.bytes.len();
            assert_eq!(relay.ends, 0);
        }
        most = most.max(framer.room().capacity());
        assert!(framer.is_mid_message());
    }
    assert_eq!(passed, 5 + 100 * chunk.len());
    assert!(most < 256 << 10, "{most} bytes held");
}

#[test]
fn rows_come_whole_while_they_are_asked_for_whole() {
    let mut framer = BackendFramer::new();
    framer.set_rows(Rows::Whole);
    framer.room().put_slice(&message(b'D', &[0, 1, 0, 0, 0, 2, b'o', b'k']));
    let Some(BackendPiece::Frame(frame)) = framer.next_piece().unwrap() else { panic!("not whole") };
    let BackendMessage::DataRow(row) = BackendMessage::decode(&frame).unwrap() else { panic!("not a row") };
    assert_eq!(row.values, [Some(&b"ok"[..])]);
    framer.room().put_slice(&header(b'D', (16 << 20) + 1));
    assert!(framer.next_piece().is_err());
}

#[test]
fn rows_of_one_read_come_as_one_run() {
    let mut framer = BackendFramer::new();
    let row = message(b'D', &[0, 0]);
    framer.room().put_slice(&[&row[..], &row, &row, &row[..3]].concat());
    let Some(BackendPiece::Relay(run)) = framer.next_piece().unwrap() else { panic!("no run") };
    assert_eq!((run.begins, run.ends, run.bytes.len()), (3, 3, 3 * row.len()));
    assert!(!framer.is_mid_message());
    assert_eq!(framer.buffered(), 3);
}

#[test]
fn runs_are_of_whole_rows_only() {
    let mut framer = BackendFramer::new();
    framer.set_rows(Rows::Runs);
    let (row, other) = (message(b'D', &[0, 0]), message(b'D', &[0, 1, 255, 255, 255, 255]));
    let stream = [&row[..], &other, &row, &message(b'C', b"SELECT 3\0")].concat();
    for cut in 0..=stream.len() {
        let (before, after) = stream.split_at(cut);
        let (mut bytes, mut bodies) = (Vec::new(), Vec::new());
        for part in [before, after] {
            framer.room().put_slice(part);
            while let Some(piece) = framer.next_piece().unwrap() {
                match piece {
                    BackendPiece::Rows(rows) => {
                        assert_eq!((rows.tag, rows.begins), (b'D', rows.ends));
                        assert_eq!(u64::try_from(rows.bodies().count()), Ok(rows.ends));
                        bodies.extend(rows.bodies().map(<[u8]>::to_vec));
                        bytes.extend_from_slice(&rows.bytes);
                    }
                    BackendPiece::Frame(frame) => bytes.extend_from_slice(frame.bytes()),
                    BackendPiece::Relay(_) => panic!("a part of a row"),
                }
                assert!(!framer.is_mid_message());
            }
        }
        assert_eq!(bytes, stream, "cut at {cut}");
        assert_eq!(bodies, [&row[5..], &other[5..], &row[5..]]);
    }
    let long = message(b'D', &vec![7; 70 << 10]);
    framer.room().put_slice(&[&row[..], &long, &long].concat());
    for (count, length) in [(2, row.len() + long.len()), (1, long.len())] {
        let Some(BackendPiece::Rows(rows)) = framer.next_piece().unwrap() else { panic!("no rows") };
        assert_eq!((rows.ends, rows.bytes.len()), (count, length));
    }
    framer.room().put_slice(&header(b'd', (16 << 20) + 1));
    assert!(framer.next_piece().is_err());
}

#[test]
fn no_debug_shows_what_was_sent() {
    let secret = "correct-horse";
    let password = message(b'p', secret.as_bytes());
    let mut framer = FrontendFramer::new(FrontendLimits::default(), BytesMut::from(&password[..9]));
    let mut told = vec![format!("{framer:?}")];
    framer.put(&password[9..]);
    told.push(format!("{framer:?}"));
    let piece = framer.next_piece().unwrap();
    assert!(matches!(&piece, Some(FrontendPiece::Frame(frame)) if frame.body() == secret.as_bytes()));
    told.push(format!("{piece:?}"));
    let mut copying = ready();
    copying.put(&message(b'd', secret.as_bytes()));
    told.push(format!("{:?}", copying.next_piece()));
    let mut server = BackendFramer::new();
    server.put(&message(b'D', secret.as_bytes()));
    told.push(format!("{server:?}"));
    told.push(format!("{:?}", server.next_piece()));
    let bytes = format!("{:?}", secret.as_bytes());
    for text in &told {
        assert!(!text.contains("corr") && !text.contains(bytes.trim_matches(['[', ']'])), "{text}");
    }
    assert!(told[2].contains("Frame { tag: 'p', length: 18, .. }"), "{}", told[2]);
}
