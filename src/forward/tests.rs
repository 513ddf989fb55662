mod certificates;
mod passwords;
mod server;
mod server_tls;
mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{self, Address, SecretSource};
use crate::model::{Fault, FaultKind};
use crate::wire::postgres::{
    Authentication, BackendKey, CancelRequest, ErrorFields, Frame, ParameterStatus, Severity, StartupPacket,
};

const PASSWORD: &str = "correct horse";

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    Frame::build(tag, body).unwrap().bytes().to_vec()
}

fn sasl() -> Vec<u8> {
    Authentication::sasl("SCRAM-SHA-256").unwrap().bytes().to_vec()
}

fn ok() -> Vec<u8> {
    Authentication::ok().unwrap().bytes().to_vec()
}

/// Without TLS and password.
fn plain(address: Address) -> config::Upstream {
    let connect = Duration::from_secs(5);
    config::Upstream { address, tls: None, user: "app".into(), password: None, allow_md5: false, connect }
}

/// How a login ends at a server that plays `script` after the start-up packet, and what that server was told after it.
async fn against<F, S>(password: bool, limit: Duration, script: F) -> (Result<Upstream, ForwardError>, Vec<u8>)
where
    F: FnOnce(TcpStream) -> S + Send + 'static,
    S: Future<Output = TcpStream> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u32().await.unwrap();
        let mut packet = vec![0; length as usize - 4];
        stream.read_exact(&mut packet).await.unwrap();
        let mut stream = script(stream).await;
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        told
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, format!("{PASSWORD}\n")).unwrap();
    let upstream = config::Upstream {
        password: password.then_some(SecretSource::File(path)),
        connect: limit,
        ..plain(Address::Tcp { host: "127.0.0.1".into(), port })
    };
    let result = Connector::new(upstream).connect("orders", &[]).await;
    let result = match result {
        Err(error) => Err(error),
        Ok(upstream) => {
            let Upstream { stream, framer, parameters, status, cancel } = upstream;
            // Kept open until the test has looked, the server would else not come to its end.
            let (mut read, mut write) = tokio::io::split(stream);
            write.shutdown().await.unwrap();
            let _ = tokio::time::timeout(Duration::from_secs(5), read.read(&mut [0])).await;
            Ok(Upstream { stream: read.unsplit(write), framer, parameters, status, cancel })
        }
    };
    (result, server.await.unwrap())
}

/// The same, for a server that says something and waits.
async fn says(password: bool, bytes: Vec<u8>) -> (Result<Upstream, ForwardError>, Vec<u8>) {
    against(password, Duration::from_secs(10), async move |mut stream| {
        let _ = stream.write_all(&bytes).await;
        stream
    })
    .await
}

/// A server that gets to its first SCRAM answer, made from our nonce.
async fn scram(answer: impl FnOnce(&str) -> Vec<u8> + Send + 'static) -> (ForwardError, Vec<u8>) {
    let (result, told) = against(true, Duration::from_secs(10), async move |mut stream| {
        stream.write_all(&sasl()).await.unwrap();
        let mut first = vec![0; 1024];
        let read = stream.read(&mut first).await.unwrap();
        let first = String::from_utf8_lossy(&first[..read]).into_owned();
        let nonce = first.rsplit_once("r=").unwrap().1;
        let _ = stream.write_all(&answer(nonce)).await;
        stream
    })
    .await;
    (result.unwrap_err(), told)
}

fn server_first(text: &str) -> Vec<u8> {
    Authentication::sasl_continue(text.as_bytes().to_vec()).unwrap().bytes().to_vec()
}

#[tokio::test]
async fn no_password_byte_goes_to_a_server_that_asks_for_it_unsafely() {
    for (request, name) in [
        (message(b'R', &[0, 0, 0, 3]), "a password in clear"),
        (message(b'R', b"\0\0\0\x05salt"), "md5"),
        (message(b'R', &[0, 0, 0, 7]), "a method that is not known"),
        (message(b'R', b"\0\0\0\x0aOAUTHBEARER\0\0"), "another SASL mechanism"),
        (message(b'R', b"\0\0\0\x0a\0"), "another SASL mechanism"),
    ] {
        let (result, told) = says(true, request).await;
        let error = result.unwrap_err();
        assert!(matches!(error, ForwardError::Method { method, .. } if method == name), "{error}");
        assert_eq!((error.kind(), told.len()), (FaultKind::UpstreamLogin, 0));
    }
}

#[tokio::test]
async fn a_server_that_wants_no_proof_gets_a_session_only_where_no_password_is_held() {
    let settled = [ok(), message(b'K', b"\0\0\0\x07keys"), message(b'Z', b"I")].concat();
    let (result, _) = says(true, settled.clone()).await;
    assert!(matches!(result, Err(ForwardError::Unproven { .. })));
    let (result, _) = says(false, settled).await;
    assert!(result.unwrap().cancel.is_some());
    let (result, _) = says(false, sasl()).await;
    assert!(matches!(result, Err(ForwardError::NoCredential { .. })));
}

#[tokio::test]
async fn a_server_that_skips_its_own_proof_is_refused() {
    let begun = |nonce: &str| [server_first(&format!("r={nonce}more,s=c2FsdA==,i=4096")), ok()].concat();
    let (error, told) = scram(begun).await;
    assert!(matches!(error, ForwardError::Unproven { .. }), "{error}");
    assert!(!told.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
    let (error, _) = scram(|nonce| {
        let proof = Authentication::sasl_final(b"v=AAAA".to_vec()).unwrap();
        [&server_first(&format!("r={nonce}more,s=c2FsdA==,i=4096")), &proof.bytes()[..]].concat()
    })
    .await;
    assert!(matches!(error, ForwardError::Scram { problem: "its proof is wrong", .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_wants_billions_of_hashes_or_a_cheap_proof_is_refused_at_once() {
    for count in ["2147483647", "4294967295", "100001", "99999999999999", "4095", "1", "0", "-1", "+4096", ""] {
        let started = Instant::now();
        let (error, told) = scram(move |nonce| server_first(&format!("r={nonce}more,s=c2FsdA==,i={count}"))).await;
        assert!(matches!(error, ForwardError::Scram { .. }), "{count}: {error}");
        assert!(told.is_empty(), "no proof goes to it");
        assert!(started.elapsed() < Duration::from_secs(2), "{count}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_servers_first_answer_must_be_one_of_this_exchange() {
    for answer in [
        "r=,s=c2FsdA==,i=4096",
        "r=another,s=c2FsdA==,i=4096",
        "r=NONCE,s=c2FsdA==,i=4096",
        "r=NONCEmore,s=,i=4096",
        "r=NONCEmore,i=4096",
        "r=NONCEmore,s=c2FsdA==",
        "r=NONCEmore,s=!!!!,i=4096",
        "r=NONCEmore,s=c2FsdA==,i=4096,x=1",
        "m=x,r=NONCEmore,s=c2FsdA==,i=4096",
        "e=other-error",
        "",
    ] {
        let (error, told) = scram(move |nonce| server_first(&answer.replace("NONCE", nonce))).await;
        assert!(matches!(error, ForwardError::Scram { .. }), "{answer}: {error}");
        assert!(told.is_empty(), "no proof goes to it");
    }
    for length in [2_000, 29_000, 64 << 10] {
        let (error, _) = scram(move |nonce| {
            let text = format!("r={nonce}{},s=c2FsdA==,i=4096", "x".repeat(length));
            message(b'R', &[&[0, 0, 0, 11], text.as_bytes()].concat())
        })
        .await;
        assert!(matches!(error, ForwardError::Scram { .. } | ForwardError::Protocol { .. }), "{length}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_before_the_login_is_told_by_its_sqlstate_alone() {
    for (code, expected) in [("28P01", "28P01"), ("3D000", "3D000"), ("<b>", "-----"), ("", "-----")] {
        let fields = ErrorFields::new(Severity::Fatal, code, "call 555-0100 and say your password");
        let (result, _) = says(true, fields.encode_error().unwrap().bytes().to_vec()).await;
        let error = result.unwrap_err();
        assert!(matches!(&error, ForwardError::Refused { sqlstate, .. } if sqlstate == expected), "{error}");
        assert!(!format!("{error} {error:?} {}", error.public()).contains("555"));
        assert_eq!(error.of_server(), None);
    }
    let (result, _) = says(true, message(b'E', b"Mno code\0\0")).await;
    assert!(matches!(result, Err(ForwardError::Refused { sqlstate, .. }) if sqlstate == "-----"));
    for code in ["53300", "57P03"] {
        let fields = ErrorFields::new(Severity::Fatal, code, "call 555-0100 and say your password");
        let error = says(true, fields.encode_error().unwrap().bytes().to_vec()).await.0.unwrap_err();
        let own = "the database takes no connections at present";
        assert_eq!(error.of_server(), Some((code, own)), "clients come again by the code");
    }
}

#[tokio::test]
async fn what_a_server_says_of_the_session_after_the_login_is_the_clients_to_hear() {
    for (code, heard) in [
        ("3D000", true),
        ("22023", true),
        ("42501", true),
        ("53300", true),
        ("55000", true),
        ("57P03", true),
        ("P0001", false),
        ("22P02", false),
        ("23505", false),
        ("XX000", false),
        ("<b>", false),
    ] {
        let words = ErrorFields::new(Severity::Fatal, code, "in its own words");
        let words = words.encode_error().unwrap();
        let error = says(false, [&ok()[..], words.bytes()].concat()).await.0.unwrap_err();
        assert_eq!(error.of_server(), heard.then_some((code, "in its own words")), "{code}");
        assert!(!format!("{error} {error:?} {}", error.public()).contains("own words"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_left() {
    let after_login = |rest: Vec<u8>| [ok(), rest].concat();
    for bytes in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        b"R\0\0\0\0".to_vec(),
        b"R\0\0\0\x03".to_vec(),
        b"R\x7f\xff\xff\xff".to_vec(),
        b"R\xff\xff\xff\xff".to_vec(),
        b"E\xff\xff\xff\xff".to_vec(),
        message(b'R', b""),
        message(b'E', b""),
        message(b'Z', b"I"),
        message(b'D', b"\0\0"),
        message(b'v', b"\0\0\0\0\0\0\0\0"),
        [ok(), ok()].concat(),
        after_login(message(b'D', b"\0\0")),
        after_login(message(b'T', b"\0\0")),
        after_login(message(b'K', b"\0\0\0\x01")),
        after_login(message(b'S', b"TimeZone\0UTC")),
        after_login(message(b'Z', b"T")),
        after_login(message(b'Z', b"")),
        after_login(message(b'N', b"\0").repeat(2_000)),
        after_login((0..300).flat_map(|n| message(b'S', format!("s{n}\0x\0").as_bytes())).collect()),
    ] {
        let (result, _) = says(false, bytes.clone()).await;
        let error = result.unwrap_err();
        assert!(matches!(error, ForwardError::Protocol { .. }), "{error} for {:?}", &bytes[..bytes.len().min(40)]);
        assert_eq!(error.kind(), FaultKind::UpstreamLost);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_gone() {
    let hang_up = async |mut stream: TcpStream| {
        let _ = stream.shutdown().await;
        stream
    };
    let (result, _) = against(true, Duration::from_secs(10), hang_up).await;
    assert!(matches!(result, Err(ForwardError::Gone { .. })));
}

#[tokio::test]
async fn the_limit_is_for_the_whole_login_not_for_each_byte() {
    let limit = Duration::from_millis(300);
    let (result, _) = against(true, limit, async |stream| stream).await;
    assert!(matches!(result, Err(ForwardError::TooSlow { .. })));
    let (result, _) = against(false, limit, async |mut stream| {
        let mut drip = tokio::time::interval(Duration::from_millis(50));
        for byte in [ok(), message(b'N', b"\0").repeat(100)].concat() {
            drip.tick().await;
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        stream
    })
    .await;
    let error = result.unwrap_err();
    assert!(matches!(error, ForwardError::TooSlow { .. }), "{error}");
    assert_eq!(error.kind(), FaultKind::UpstreamUnreachable);
}

#[tokio::test]
async fn what_the_server_reports_is_kept_once_each() {
    let status = |name, value| ParameterStatus { name, value }.encode().unwrap().bytes().to_vec();
    let bytes = [
        ok(),
        status("TimeZone", "UTC"),
        message(b'N', b"SNOTICE\0\0"),
        status("server_version", "15.1"),
        status("TimeZone", "Europe/Berlin"),
        message(b'Z', b"I"),
    ];
    let (result, _) = says(false, bytes.concat()).await;
    let upstream = result.unwrap();
    let expected = [("server_version", "15.1"), ("TimeZone", "Europe/Berlin")];
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(upstream.parameters, expected);
    assert!(upstream.cancel.is_none(), "a server without a key cannot cancel");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    for address in [
        Address::Tcp { host: "localhost".into(), port },
        Address::Tcp { host: "::1".into(), port },
        Address::Unix("/nowhere/.s.PGSQL.5432".into()),
    ] {
        let error = Connector::new(plain(address)).connect("orders", &[]).await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::UpstreamUnreachable, "{error}");
        assert_eq!(error.public(), "the database cannot be reached");
    }
}

#[tokio::test]
async fn a_database_name_that_would_smuggle_parameters_is_not_sent() {
    let connector = Connector::new(plain(Address::Tcp { host: "127.0.0.1".into(), port: 1 }));
    let error = connector.connect("orders\0options\0-crole=admin", &[]).await.unwrap_err();
    assert!(matches!(error, ForwardError::Startup { .. }), "{error}");
}

fn target(process_id: i32, address: std::net::SocketAddr) -> CancelTarget {
    let key = BackendKey { process_id, secret: vec![9; 4].into() };
    CancelTarget { endpoint: super::connect::Endpoint::Tcp(address), tls: None, key, heard: Arc::default() }
}

#[tokio::test]
async fn a_cancel_request_carries_the_servers_key_to_the_same_place() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = target(7, listener.local_addr().unwrap());
    let delivered = tokio::spawn(async move { cancel(&target).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut packet = vec![0; 16];
    stream.read_exact(&mut packet).await.unwrap();
    drop(stream);
    delivered.await.unwrap().unwrap();
    let mut packet = bytes::BytesMut::from(&packet[..]);
    let Ok(Some(StartupPacket::Cancel(request))) = StartupPacket::take(&mut packet) else { panic!("no request") };
    assert_eq!((request.process_id, &request.secret[..]), (7, &[9; 4][..]));
}

#[test]
fn only_the_right_key_cancels_and_only_while_its_session_lives() {
    let registry = Arc::new(CancelKeys::default());
    let found = |request: &CancelRequest| registry.find(request).map(|target| target.key.process_id);
    let there = "127.0.0.1:1".parse().unwrap();
    let short = registry.register(false, target(1, there)).unwrap();
    let long = registry.register(true, target(2, there)).unwrap();
    assert_eq!((short.key().secret.len(), long.key().secret.len()), (4, 32));
    assert_ne!(short.key().process_id, 1, "the server's own id is not told");
    assert_eq!(found(&short.key().cancel_request()), Some(1));
    assert_eq!(found(&long.key().cancel_request()), Some(2));
    let crossed = CancelRequest { process_id: short.key().process_id, ..long.key().cancel_request() };
    assert_eq!(found(&crossed), None);
    let cut = CancelRequest { secret: long.key().secret.slice(..4), ..long.key().cancel_request() };
    assert_eq!(found(&cut), None);
    let request = short.key().cancel_request();
    drop(short);
    assert_eq!(found(&request), None, "a key dies with its session");
    assert_eq!(found(&long.key().cancel_request()), Some(2));
}

#[test]
fn wrong_keys_keep_nobody_from_cancelling() {
    let registry = Arc::new(CancelKeys::default());
    let guard = registry.register(false, target(1, "127.0.0.1:1".parse().unwrap())).unwrap();
    let right = guard.key().cancel_request();
    let guess = |process_id: i32, secret: Vec<u8>| CancelRequest { process_id, secret: secret.into() };
    for index in 0..1000_u32 {
        assert!(registry.find(&guess(right.process_id ^ 1, index.to_be_bytes().into())).is_none());
        let flipped = [&right.secret[..3], &[!right.secret[3]]].concat();
        assert!(registry.find(&guess(right.process_id, flipped)).is_none());
        assert!(registry.find(&right).is_some(), "after {index} wrong ones");
    }
}
