use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::*;
use crate::config::{self, Address, Identify, Limits, Settings};
use crate::model::{Fault, FaultKind, ListenerName};
use crate::wire::postgres::{BackendKey, ErrorFields, Severity};

const SSL: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
const GSS: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x30];
/// What was accepted of a client that has shown a certificate, and the client.
pub(crate) use super::tls::tests::certified;

pub(super) const STARTUP: &[u8] = b"\0\0\0\x14\0\x03\0\0user\0alice\0\0";

/// A listener's configuration on a free port of the loopback.
pub(crate) fn configuration(identify: Vec<Identify>, connections: usize, startup: Duration) -> config::Listener {
    let limits = Limits { connections, startup, idle: Duration::ZERO, statement: 64 << 10, tokens: 20_000 };
    let upstream = config::Upstream {
        address: Address::Tcp { host: "127.0.0.1".into(), port: 5432 },
        user: "app".into(),
        tls: None,
        password: None,
        allow_md5: false,
        connect: Duration::from_secs(5),
    };
    config::Listener {
        name: ListenerName::new("orders-db"),
        address: Address::Tcp { host: "127.0.0.1".into(), port: 0 },
        tls: None,
        identify,
        stages: Vec::new(),
        settings: Settings::Free,
        allowed_parameters: Vec::new(),
        limits,
        upstream,
        labels: Default::default(),
    }
}

async fn listener(connections: usize, startup: Duration) -> Listener {
    Listener::bind(Arc::new(configuration(Vec::new(), connections, startup))).await.unwrap()
}

pub(super) async fn dial(listener: &Listener) -> TcpStream {
    let Address::Tcp { host, port } = listener.address() else { panic!("not TCP") };
    TcpStream::connect((host.as_str(), *port)).await.unwrap()
}

/// What becomes of a client that sends these bytes and then waits.
async fn opening(bytes: &[u8]) -> Result<Opening, AcceptError> {
    let listener = listener(5, Duration::from_secs(20)).await;
    let mut client = dial(&listener).await;
    client.write_all(bytes).await.unwrap();
    listener.accept().await.open().await.map_err(|refused| refused.error)
}

#[tokio::test]
async fn encryption_is_refused_once_each_and_the_session_goes_on_in_clear() {
    for requests in [vec![SSL], vec![GSS], vec![GSS, SSL], vec![SSL, GSS]] {
        let listener = listener(5, Duration::from_secs(20)).await;
        let mut client = dial(&listener).await;
        let opened = tokio::spawn(async move { listener.accept().await.open().await });
        for request in requests {
            client.write_all(&request).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'N');
        }
        client.write_all(STARTUP).await.unwrap();
        let Ok(Opening::Session(accepted)) = opened.await.unwrap() else { panic!("no session") };
        assert_eq!(accepted.startup.user(), Some("alice"));
        assert!(accepted.peer.is_local() && accepted.buffered.is_empty());
    }
}

#[tokio::test]
async fn whoever_is_accepted_is_watched_for_being_there_and_answered_without_delay() {
    let listener = listener(5, Duration::from_secs(20)).await;
    let mut client = dial(&listener).await;
    client.write_all(STARTUP).await.unwrap();
    let Ok(Opening::Session(accepted)) = listener.accept().await.open().await else { panic!("no session") };
    let Stream::Tcp(stream) = accepted.stream else { panic!("not TCP") };
    let socket = socket2::SockRef::from(&stream);
    assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
    assert_eq!(
        (socket.tcp_keepalive_interval().unwrap(), socket.tcp_keepalive_retries().unwrap()),
        (Duration::from_secs(20), 3)
    );
}

#[tokio::test]
async fn asking_for_encryption_twice_is_a_breach() {
    let listener = listener(5, Duration::from_secs(20)).await;
    let mut client = dial(&listener).await;
    let opened = tokio::spawn(async move { listener.accept().await.open().await });
    client.write_all(&SSL).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'N');
    client.write_all(&SSL).await.unwrap();
    let refused = opened.await.unwrap().unwrap_err();
    assert!(matches!(refused.error, AcceptError::Repeated), "{}", refused.error);
    assert_eq!(refused.error.kind(), FaultKind::Protocol);
}

#[tokio::test]
async fn bytes_behind_a_request_for_encryption_are_never_taken() {
    for request in [SSL, GSS] {
        let error = opening(&[&request[..], STARTUP].concat()).await.unwrap_err();
        assert!(matches!(error, AcceptError::EarlyBytes), "{error}");
    }
}

#[tokio::test]
async fn bytes_behind_a_startup_packet_are_kept() {
    let Ok(Opening::Session(accepted)) = opening(&[STARTUP, b"p\0\0\0\x04"].concat()).await else {
        panic!("no session")
    };
    assert_eq!(&accepted.buffered[..], b"p\0\0\0\x04");
}

#[tokio::test]
async fn a_lying_startup_length_is_refused_without_waiting_for_its_body() {
    for length in [0_u32, 3, 4, 5, 10_001, 1 << 30, 0x7fff_ffff, 1 << 31, u32::MAX] {
        let error = opening(&length.to_be_bytes()).await.unwrap_err();
        assert!(matches!(error, AcceptError::Wire(_)), "{length}: {error}");
        assert_eq!(error.kind(), FaultKind::Protocol);
    }
}

#[tokio::test]
async fn odd_options_are_read_like_any_other() {
    for options in ["-c=", "-c", "--=", &"-".repeat(9_000)] {
        let body = [b"\0\x03\0\0user\0a\0options\0", options.as_bytes(), b"\0\0"].concat();
        let packet = [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat();
        let Ok(Opening::Session(accepted)) = opening(&packet).await else { panic!("no session") };
        assert_eq!(accepted.startup.settings().collect::<Vec<_>>(), [("options", options)]);
    }
}

#[tokio::test]
async fn a_client_that_dawdles_is_given_up_and_holds_up_nobody() {
    let listener = listener(5, Duration::from_millis(200)).await;
    let mut slow = dial(&listener).await;
    slow.write_all(&STARTUP[..7]).await.unwrap();
    let slow_connection = listener.accept().await;
    let dawdling = tokio::spawn(async move { slow_connection.open().await });
    let mut quick = dial(&listener).await;
    quick.write_all(STARTUP).await.unwrap();
    assert!(matches!(listener.accept().await.open().await, Ok(Opening::Session(_))));
    let refused = dawdling.await.unwrap().unwrap_err();
    assert!(matches!(refused.error, AcceptError::TooSlow { .. }), "{}", refused.error);
}

#[tokio::test]
async fn a_client_that_leaves_is_gone() {
    let listener = listener(5, Duration::from_secs(20)).await;
    drop(dial(&listener).await);
    let refused = listener.accept().await.open().await.unwrap_err();
    assert!(matches!(refused.error, AcceptError::Gone | AcceptError::Connection { .. }));
}

#[tokio::test]
async fn the_connection_above_the_limit_is_told_so_but_may_still_cancel() {
    let listener = listener(1, Duration::from_secs(20)).await;
    let open = async |bytes: &[u8]| {
        let mut client = dial(&listener).await;
        client.write_all(bytes).await.unwrap();
        (listener.accept().await.open().await, client)
    };
    let (first, _client) = open(STARTUP).await;
    let Ok(Opening::Session(first)) = first else { panic!("no session") };
    let (second, mut client) = open(STARTUP).await;
    let Err(refused) = second else { panic!("not refused") };
    assert_eq!(refused.error.kind(), FaultKind::TooManyConnections);
    let word = ErrorFields::new(Severity::Fatal, "53300", &refused.error.public()).encode_error().unwrap();
    let parting = tokio::spawn(async move { refused.stream.farewell(word.bytes()).await });
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert!(String::from_utf8_lossy(&heard).contains("too many connections"));
    drop(client);
    parting.await.unwrap();
    let key = BackendKey { process_id: 1, secret: vec![0; 4].into() }.cancel_request();
    let (cancel, _client) = open(&key.encode().unwrap()).await;
    assert!(matches!(cancel, Ok(Opening::Cancel(cancelling)) if cancelling.request == key));
    drop(first);
    let (third, _client) = open(STARTUP).await;
    assert!(matches!(third, Ok(Opening::Session(_))), "the slot is free again");
}

#[tokio::test]
async fn a_parting_word_arrives_although_the_client_is_still_sending() {
    let listener = listener(1, Duration::from_secs(20)).await;
    let mut client = dial(&listener).await;
    client.write_all(&[0xff; 100_000]).await.unwrap();
    let refused = listener.accept().await.open().await.unwrap_err();
    let parting = tokio::spawn(refused.stream.farewell(b"last word"));
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"last word");
    drop(client);
    parting.await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_is_for_owner_and_group_and_goes_with_its_listener() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(".s.PGSQL.6432");
    let mut config = configuration(Vec::new(), 5, Duration::from_secs(20));
    config.address = Address::Unix(path.clone());
    let config = Arc::new(config);
    // A dead process's socket is in the way.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listener = Listener::bind(Arc::clone(&config)).await.unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    let mut client = UnixStream::connect(&path).await.unwrap();
    client.write_all(STARTUP).await.unwrap();
    let Ok(Opening::Session(accepted)) = listener.accept().await.open().await else { panic!("no session") };
    assert_eq!((accepted.peer.is_local(), accepted.peer.to_string().as_str()), (true, "unix"));
    let error = Listener::bind(Arc::clone(&config)).await.unwrap_err();
    assert!(matches!(error, AcceptError::InUse { .. }), "{error}");
    drop(listener);
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    let error = Listener::bind(config).await.unwrap_err();
    assert!(matches!(error, AcceptError::NotASocket { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = listener(1, Duration::from_secs(1)).await;
    let mut config = configuration(Vec::new(), 1, Duration::from_secs(1));
    config.address = first.address().clone();
    let error = Listener::bind(Arc::new(config)).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("listener `orders-db` cannot listen on `{}`", first.address())), "{error}");
}
