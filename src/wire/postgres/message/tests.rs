use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::wire::postgres::{Frame, WireError};

fn name() -> impl Strategy<Value = Vec<u8>> {
    vec(1_u8..=255, 0..20)
}

fn frame(tag: u8, body: &[u8]) -> Frame {
    Frame::build(tag, body).unwrap()
}

/// A body cut short, or with a byte too many, is no body. (Lists at the end make some cuts a shorter list's body only
/// if their count said so, which it does not.)
fn every_cut_is_refused(whole: &Frame, decode: impl Fn(&Frame) -> bool) {
    assert!(decode(whole));
    for end in 0..whole.body().len() {
        assert!(!decode(&frame(whole.tag(), &whole.body()[..end])), "cut at {end} of {:?}", whole.body());
    }
    assert!(!decode(&frame(whole.tag(), &[whole.body(), b"\0"].concat())));
}

proptest! {
    #[test]
    fn a_client_message_that_is_written_reads_as_itself(
        first in name(), second in name(), types in vec(any::<u32>(), 0..5), max_rows in any::<i32>(),
        portal in any::<bool>(),
    ) {
        let object = if portal { Object::Portal } else { Object::Statement };
        let messages = [
            (FrontendMessage::Query(Query { sql: &first }), Query { sql: &first }.encode()),
            {
                let parse = Parse { name: &first, sql: &second, types };
                (FrontendMessage::Parse(parse.clone()), parse.encode())
            },
            {
                let describe = Describe { object, name: &first };
                (FrontendMessage::Describe(describe.clone()), describe.encode())
            },
            {
                let close = Close { object, name: &first };
                (FrontendMessage::Close(close.clone()), close.encode())
            },
            {
                let execute = Execute { portal: &first, max_rows };
                (FrontendMessage::Execute(execute.clone()), execute.encode())
            },
            (FrontendMessage::CopyFail(CopyFail { reason: &first }), CopyFail { reason: &first }.encode()),
        ];
        for (message, written) in messages {
            let written = written.unwrap();
            prop_assert_eq!(FrontendMessage::decode(&written), Ok(message));
            every_cut_is_refused(&written, |frame| FrontendMessage::decode(frame).is_ok());
        }
    }

    #[test]
    fn a_bind_that_is_written_reads_as_itself(
        portal in name(), statement in name(), one in any::<bool>(),
        values in vec(proptest::option::of(vec(any::<u8>(), 0..9)), 0..6), result_formats in vec(0_i16..2, 0..4),
    ) {
        let formats = if one { vec![1] } else { values.iter().map(|_| 0).collect() };
        let values = values.iter().map(Option::as_deref).collect();
        let bind = Bind { portal: &portal, statement: &statement, formats, values, result_formats };
        let written = bind.encode().unwrap();
        prop_assert_eq!(Bind::decode(written.body()), Ok(bind));
        every_cut_is_refused(&written, |frame| Bind::decode(frame.body()).is_ok());
    }

    #[test]
    fn a_function_call_that_is_written_reads_as_itself(
        function in any::<u32>(), one in any::<bool>(), result_format in 0_i16..2,
        arguments in vec(proptest::option::of(vec(any::<u8>(), 0..9)), 0..6),
    ) {
        let formats = if one { vec![1] } else { arguments.iter().map(|_| 0).collect() };
        let arguments = arguments.iter().map(Option::as_deref).collect();
        let call = FunctionCall { function, formats, arguments, result_format };
        let written = call.encode().unwrap();
        prop_assert_eq!(FrontendMessage::decode(&written), Ok(FrontendMessage::FunctionCall(call)));
        every_cut_is_refused(&written, |frame| FrontendMessage::decode(frame).is_ok());
    }

    #[test]
    fn error_fields_survive_in_any_encoding(fields in vec((1_u8..=255, name()), 0..6)) {
        let mut body = Vec::new();
        for (code, value) in &fields {
            body.push(*code);
            body.extend_from_slice(value);
            body.push(0);
        }
        body.push(0);
        let read = ErrorFields::decode(&body).unwrap();
        prop_assert_eq!(read.encode_error().unwrap(), frame(b'E', &body));
        prop_assert_eq!(read.encode_notice().unwrap(), frame(b'N', &body));
        every_cut_is_refused(&frame(b'E', &body), |frame| ErrorFields::decode(frame.body()).is_ok());
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(tag in any::<u8>(), body in vec(any::<u8>(), 0..60)) {
        let frame = frame(tag, &body);
        // What decodes has been read whole; that is `Reader::finish`. Here it only must not panic.
        let _ = (FrontendMessage::decode(&frame).is_ok(), BackendMessage::decode(&frame).is_ok());
        let _ = (Password::decode(&body).is_ok(), SaslInitialResponse::decode(&body).is_ok());
        let mut packet = BytesMut::from(&body[..]);
        let _ = StartupPacket::take(&mut packet).is_ok();
    }

    #[test]
    fn a_startup_packet_that_is_written_reads_as_itself(
        parameters in proptest::collection::btree_map("[a-z.]{1,8}", "[^\0]{0,12}", 0..5),
    ) {
        let startup = Startup { minor: 0, parameters, options: Vec::new() };
        let written = startup.clone().encode().unwrap();
        let mut buffer = BytesMut::new();
        for byte in &written[..written.len() - 1] {
            buffer.extend_from_slice(&[*byte]);
            prop_assert!(StartupPacket::take(&mut buffer).unwrap().is_none());
        }
        buffer.extend_from_slice(&written[written.len() - 1..]);
        buffer.extend_from_slice(b"more");
        let Some(StartupPacket::Startup(read)) = StartupPacket::take(&mut buffer).unwrap() else { panic!("no start-up") };
        prop_assert_eq!(read, startup);
        prop_assert_eq!(&buffer[..], b"more");
    }
}

/// A start-up packet around a body.
fn packet(body: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::from(&(body.len() as u32 + 4).to_be_bytes()[..]);
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn bytes_that_panic_a_careless_reader_are_refused() {
    // Truncated Parse and Execute, a Bind whose value is longer than its message, CopyData and password without a
    // body, a ReadyForQuery, error and key without theirs.
    let client: [(u8, &[u8]); 6] = [
        (b'P', b"\0\0"),
        (b'P', b"\0\0\0\x05"),
        (b'E', b"\0\0\0"),
        (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff"),
        (b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
        (b'D', b""),
    ];
    for (tag, body) in client {
        assert!(FrontendMessage::decode(&frame(tag, body)).is_err(), "{tag} {body:?}");
    }
    let server: [(u8, &[u8]); 9] = [
        (b'Z', b""),
        (b'Z', b"X"),
        (b'E', b""),
        (b'E', b"SERROR\0"),
        (b'K', b"\0\0\0\x01\0\0\0"),
        (b'T', b"\0\x01a\0"),
        (b'D', b"\0\x01\xff\xff\xff\xfe"),
        (b'D', b"\0\x02\0\0\0\0"),
        (b'R', b"\0\0"),
    ];
    for (tag, body) in server {
        assert!(BackendMessage::decode(&frame(tag, body)).is_err(), "{tag} {body:?}");
    }
}

#[test]
fn a_message_inside_a_message_is_no_second_message() {
    let inner = Query { sql: b"drop table t" }.encode().unwrap();
    let body = [b"select 1\0", &inner.bytes()[..]].concat();
    let refused = FrontendMessage::decode(&frame(b'Q', &body)).unwrap_err();
    assert_eq!(refused, WireError::Body { message: "Query", problem: "it has bytes after its end" });
    assert!(FrontendMessage::decode(&frame(b'Q', b"select 1")).is_err(), "a text without its NUL");
    assert!(FrontendMessage::decode(&frame(b'S', b"\0")).is_err(), "a Sync with a body");
}

#[test]
fn a_sasl_response_may_not_claim_more_than_it_has() {
    for length in [[0xff; 4], [0xff, 0xff, 0xff, 0xfe], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 3], [0, 0, 0, 1]] {
        let body = [&b"SCRAM-SHA-256\0"[..], &length, b"n,"].concat();
        assert!(SaslInitialResponse::decode(&body).is_err(), "{length:?}");
    }
    let body = [&b"SCRAM-SHA-256\0"[..], &[0, 0, 0, 2], b"n,"].concat();
    assert_eq!(SaslInitialResponse::decode(&body).unwrap().data, Some(&b"n,"[..]));
}

#[test]
fn startup_lengths_that_lie_are_refused_at_once() {
    for length in [0_u32, 3, 4, 5, 7, 10_001, 1 << 30, 0x7fff_ffff, 1 << 31, u32::MAX, 0x1603_0102] {
        let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
        assert_eq!(StartupPacket::take(&mut buffer).unwrap_err(), WireError::StartupLength { length, limit: 10_000 });
    }
}

#[test]
fn startup_layouts_are_read_as_postgresql_reads_them() {
    let read = |body: &[u8]| StartupPacket::take(&mut packet(body));
    let startup = |body: &[u8]| match read(body) {
        Ok(Some(StartupPacket::Startup(startup))) => startup,
        other => panic!("{other:?}"),
    };
    let twice = startup(b"\0\x03\0\0user\0alice\0user\0admin\0\0");
    assert_eq!((twice.user(), twice.database()), (Some("admin"), Some("admin")), "the last value holds");
    assert_eq!(startup(b"\0\x03\0\0\0").user(), None);
    assert_eq!(startup(b"\0\x03\0\0user\0\0\0").user(), None);
    let newer = startup(b"\0\x03\x27\x0fuser\0a\0_pq_.x\0on\0database\0d\0\0");
    assert!(newer.wants_negotiation() && newer.has_long_keys());
    assert_eq!((newer.options, newer.parameters.len()), (vec!["_pq_.x".to_owned()], 2));
    for body in [
        &b"\0\x03\0\0"[..],
        b"\0\x03\0\0user\0alice\0",
        b"\0\x03\0\0user\0alice",
        b"\0\x03\0\0user\0",
        b"\0\x03\0\0user\0alice\0\0x",
        b"\0\x03\0\0user\0\xff\0\0",
        b"\0\x02\0\0user\0alice\0\0",
        b"\0\x04\0\0user\0alice\0\0",
        b"\x04\xd2\x16\x2f\0",
        b"\x04\xd2\x16\x2e\0\0\0\x01\0\0\0",
    ] {
        assert!(read(body).is_err(), "{body:?}");
    }
    assert!(matches!(read(b"\x04\xd2\x16\x2f"), Ok(Some(StartupPacket::Ssl))));
    assert!(matches!(read(b"\x04\xd2\x16\x30"), Ok(Some(StartupPacket::GssEncryption))));
}

#[test]
fn startup_packets_that_a_server_would_read_differently_are_not_written() {
    for (name, value) in [("user", "a\0database\0secret"), ("us\0er", "a"), ("", "a")] {
        let parameters = [(name.to_owned(), value.to_owned())].into();
        assert!(Startup { parameters, ..Startup::default() }.encode().is_err(), "{name:?} {value:?}");
    }
    let parameters = [("user".to_owned(), "x".repeat(10_000))].into();
    assert!(Startup { parameters, ..Startup::default() }.encode().is_err());
}

#[test]
fn cancel_keys_of_either_protocol_survive_the_wire() {
    for length in [4_usize, 32, 256] {
        let key = BackendKey { process_id: 7, secret: Bytes::from(vec![0xab; length]) };
        let written = key.encode().unwrap();
        assert_eq!((written.tag(), written.body().len()), (b'K', 4 + length));
        assert_eq!(BackendKey::decode(written.body()).unwrap(), key);
        let mut buffer = BytesMut::from(&key.cancel_request().encode().unwrap()[..]);
        let Ok(Some(StartupPacket::Cancel(read))) = StartupPacket::take(&mut buffer) else {
            panic!("no cancel request")
        };
        assert_eq!((read, buffer.len()), (key.cancel_request(), 0));
        assert!(!format!("{key:?} {:?}", key.cancel_request()).contains("171"), "keys are not printed");
    }
    for length in [0_usize, 3, 257] {
        let key = BackendKey { process_id: 7, secret: Bytes::from(vec![1; length]) };
        assert!(key.cancel_request().encode().is_err() && key.encode().is_err());
    }
}

#[test]
fn what_pgwire_writes_for_us_is_what_the_protocol_says() {
    assert_eq!(Authentication::ok().unwrap(), frame(b'R', &[0, 0, 0, 0]));
    assert_eq!(Authentication::sasl("SCRAM-SHA-256").unwrap(), frame(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"));
    assert_eq!(Authentication::sasl_continue(b"r=x".to_vec()).unwrap(), frame(b'R', b"\0\0\0\x0br=x"));
    assert_eq!(Authentication::sasl_final(b"v=x".to_vec()).unwrap(), frame(b'R', b"\0\0\0\x0cv=x"));
    let status = ParameterStatus { name: "TimeZone", value: "UTC" };
    assert_eq!(status.encode().unwrap(), frame(b'S', b"TimeZone\0UTC\0"));
    assert!(ParameterStatus { name: "a\0b", value: "" }.encode().is_err());
    for (status, byte) in
        [(TransactionStatus::Idle, b"I"), (TransactionStatus::Transaction, b"T"), (TransactionStatus::Failed, b"E")]
    {
        assert_eq!(ReadyForQuery { status }.encode().unwrap(), frame(b'Z', byte));
        assert_eq!(ReadyForQuery::decode(byte).unwrap().status, status);
    }
    let unsupported = ["_pq_.x".to_owned()];
    let negotiate = NegotiateProtocolVersion { minor: 2, unsupported: &unsupported };
    assert_eq!(negotiate.encode().unwrap(), frame(b'v', b"\0\x03\0\x02\0\0\0\x01_pq_.x\0"));
}

#[test]
fn authentication_requests_are_told_apart() {
    let read = |body: &'static [u8]| Authentication::decode(body);
    assert_eq!(read(b"\0\0\0\0"), Ok(Authentication::Ok));
    assert_eq!(read(b"\0\0\0\x03"), Ok(Authentication::Cleartext));
    assert_eq!(read(b"\0\0\0\x05salt"), Ok(Authentication::Md5 { salt: *b"salt" }));
    assert_eq!(read(b"\0\0\0\x0aA\0B\0\0"), Ok(Authentication::Sasl(vec!["A", "B"])));
    assert_eq!(read(b"\0\0\0\x07"), Ok(Authentication::Other(7)));
    assert!(read(b"\0\0\0\0\0").is_err() && read(b"\0\0\0\x05sal").is_err() && read(b"\0\0\0\x0aA\0").is_err());
}

#[test]
fn an_error_is_rewritten_in_place_and_its_text_ends_at_a_nul() {
    let mut fields = ErrorFields::decode(b"SERROR\0VERROR\0C42601\0Msyntax error\0P8\0\0").unwrap();
    fields.set(ErrorFields::CODE, "42501");
    fields.set(ErrorFields::MESSAGE, "denied by policy: no\0Cxxxxx");
    fields.retain(b"SVCM");
    let fields = fields.with_detail("decision 1");
    let written = fields.encode_error().unwrap();
    assert_eq!(written.body(), b"SERROR\0VERROR\0C42501\0Mdenied by policy: no\0Ddecision 1\0\0");
    assert_eq!((fields.sqlstate(), fields.is_fatal()), (Some("42501"), false));
    assert!(ErrorFields::new(Severity::Fatal, "28000", "no").is_fatal());
    assert!(!format!("{fields:?}").contains("denied"), "texts are not logged");
}

#[test]
fn an_error_without_a_sqlstate_has_none() {
    for body in
        [&b"\0"[..], b"Mx\0\0", b"C\0\0", b"C4250\0\0", b"C4250x\0\0", b"C42\n01\0\0", b"C\xff\xff\xff\xff\xff\0\0"]
    {
        assert_eq!(ErrorFields::decode(body).unwrap().sqlstate(), None, "{body:?}");
    }
}

#[test]
fn a_command_tag_ends_with_its_rows() {
    for (tag, rows) in [
        ("SELECT 3", Some(3)),
        ("INSERT 0 12", Some(12)),
        ("COPY 5", Some(5)),
        ("BEGIN", None),
        ("CREATE TABLE", None),
        ("SELECT 99999999999999999999", None),
    ] {
        let written = CommandComplete { tag }.encode().unwrap();
        assert_eq!(CommandComplete::decode(written.body()).unwrap().rows(), rows, "{tag}");
    }
}

#[test]
fn a_row_description_tells_where_columns_come_from() {
    let body = b"\0\x01email\0\0\0\x40\x01\0\x02\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\x01";
    let read = RowDescription::decode(body).unwrap();
    let column = Column { name: b"email", relation: 16_385, attribute: 2, type_oid: 25, modifier: -1, format: 1 };
    assert_eq!(read.columns, [column]);
    every_cut_is_refused(&frame(b'T', body), |frame| RowDescription::decode(frame.body()).is_ok());
}
