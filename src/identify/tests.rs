pub(crate) mod provider;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::password::scram_sha_256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::accept::tests::configuration;
use crate::accept::{Accepted, Listener, Opening, Peer};
use crate::config::{Address, Identify};
use crate::model::{Caller, Fault, FaultKind, Method};
use crate::wire::postgres::{
    Authentication, BackendFramer, BackendMessage, BackendPiece, Frame, Query, SaslInitialResponse, SaslResponse,
    Startup, WireError,
};

struct Client {
    stream: TcpStream,
    framer: BackendFramer,
}

impl Client {
    async fn send(&mut self, frame: Frame) {
        self.stream.write_all(frame.bytes()).await.unwrap();
    }

    /// The next message; `None` at the end of the connection.
    async fn receive(&mut self) -> Option<Frame> {
        loop {
            match self.framer.next_piece().unwrap() {
                Some(BackendPiece::Frame(frame)) => return Some(frame),
                Some(BackendPiece::Relay(_) | BackendPiece::Rows(_)) => panic!("a row"),
                None if self.stream.read_buf(self.framer.room()).await.unwrap_or(0) == 0 => return None,
                None => {}
            }
        }
    }

    /// The server's first SCRAM message, after ours.
    async fn server_first(&mut self, first: &[u8]) -> Option<Vec<u8>> {
        let offer = self.receive().await?;
        assert_eq!(Authentication::decode(offer.body()), Ok(Authentication::Sasl(vec!["SCRAM-SHA-256"])));
        let first = SaslInitialResponse { mechanism: "SCRAM-SHA-256", data: Some(first) };
        self.send(first.encode().unwrap()).await;
        let frame = self.receive().await?;
        let Ok(Authentication::SaslContinue(data)) = Authentication::decode(frame.body()) else { panic!("no answer") };
        Some(data.to_vec())
    }

    /// A whole exchange; whether the server proved itself, too.
    async fn scram(&mut self, password: &str) -> bool {
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let Some(data) = self.server_first(scram.message()).await else { return false };
        scram.update(&data).unwrap();
        self.send(SaslResponse { data: scram.message() }.encode().unwrap()).await;
        let Some(frame) = self.receive().await else { return false };
        let Ok(Authentication::SaslFinal(data)) = Authentication::decode(frame.body()) else { panic!("no proof") };
        scram.finish(data).is_ok()
    }
}

/// A client that has sent its start-up packet, and what was accepted of it.
async fn connected(user: &str, limit: Duration) -> (Client, Accepted) {
    let listener = Listener::bind(Arc::new(configuration(Vec::new(), 5, limit))).await.unwrap();
    let Address::Tcp { host, port } = listener.address() else { panic!("not TCP") };
    let mut stream = TcpStream::connect((host.as_str(), *port)).await.unwrap();
    let parameters = [("user".to_owned(), user.to_owned())].into();
    let packet = Startup { parameters, ..Startup::default() }.encode().unwrap();
    stream.write_all(&packet).await.unwrap();
    let Ok(Opening::Session(accepted)) = listener.accept().await.open().await else { panic!("no session") };
    (Client { stream, framer: BackendFramer::new() }, accepted)
}

fn identifier(methods: Vec<Identify>) -> Arc<Identifier> {
    Arc::new(
        Identifier::new(
            Arc::new(configuration(methods, 5, Duration::from_secs(20))),
            &Issuers::default(),
            MockSecret::random().unwrap(),
        )
        .unwrap(),
    )
}

struct Users {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Users {
    fn new(users: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let this = Self { path: directory.path().join("users"), _directory: directory };
        this.write(users);
        this
    }

    fn write(&self, users: &[(&str, &str)]) {
        let lines = users.iter().map(|(name, password)| format!("{name}:{}\n", scram_sha_256(password.as_bytes())));
        std::fs::write(&self.path, format!("# our people\n\n{}", lines.collect::<String>())).unwrap();
    }

    fn method(&self) -> Identify {
        Identify::Scram { users: self.path.clone() }
    }
}

fn workload() -> Identify {
    Identify::Workload { subject: "spiffe://example.com/ns/shop/sa/orders".into() }
}

/// Who a client is that knows `password`.
async fn login(identifier: &Arc<Identifier>, user: &str, password: &str) -> (Result<Caller, IdentifyError>, bool) {
    let (mut client, accepted) = connected(user, Duration::from_secs(20)).await;
    let identifier = Arc::clone(identifier);
    let identified = tokio::spawn(async move {
        identifier.identify(accepted).await.map(|identified| identified.caller).map_err(|refused| refused.error)
    });
    let proved = client.scram(password).await;
    (identified.await.unwrap(), proved)
}

/// Why a client is refused that says these bytes after the start-up packet.
async fn refusal(methods: Vec<Identify>, bytes: &[u8]) -> IdentifyError {
    let (mut client, accepted) = connected("alice", Duration::from_secs(20)).await;
    client.stream.write_all(bytes).await.unwrap();
    identifier(methods).identify(accepted).await.unwrap_err().error
}

#[tokio::test]
async fn whoever_knows_the_password_is_that_user() {
    let users = Users::new(&[("alice", "s3cret"), ("bob:smith", "p:ss")]);
    let identifier = identifier(vec![users.method()]);
    identifier.check().await.unwrap();
    for (user, password) in [("alice", "s3cret"), ("bob:smith", "p:ss")] {
        let (caller, proved) = login(&identifier, user, password).await;
        let caller = caller.unwrap();
        assert_eq!((caller.subject.as_str(), caller.method, caller.verified), (user, Method::Scram, true));
        assert!(proved, "the server knows the verifier");
    }
}

#[tokio::test]
async fn a_wrong_empty_or_foreign_password_is_the_end() {
    let users = Users::new(&[("alice", "s3cret"), ("bob", "other")]);
    let identifier = identifier(vec![users.method(), Identify::Anonymous]);
    for password in ["", "S3cret", "other"] {
        let (caller, proved) = login(&identifier, "alice", password).await;
        let error = caller.unwrap_err();
        assert!(matches!(error, IdentifyError::WrongPassword { .. }), "{error}");
        assert_eq!(error.kind(), FaultKind::WrongPassword);
        assert!(!proved);
    }
}

#[tokio::test]
async fn a_user_that_does_not_exist_looks_like_one_with_another_password() {
    let users = Users::new(&[("alice", "s3cret")]);
    let identifier = identifier(vec![users.method()]);
    let (mallory, _) = login(&identifier, "mallory", "x").await;
    let (alice, _) = login(&identifier, "alice", "x").await;
    assert_eq!(mallory.unwrap_err().public(), alice.unwrap_err().public());
    let mut salts = Vec::new();
    for user in ["mallory", "mallory", "alice", "trudy"] {
        let (mut client, accepted) = connected(user, Duration::from_secs(20)).await;
        let identifier = Arc::clone(&identifier);
        let identified = tokio::spawn(async move { identifier.identify(accepted).await.map(drop) });
        let first = String::from_utf8(client.server_first(b"n,,n=,r=abc").await.unwrap()).unwrap();
        let (nonce, rest) = first.split_once(',').unwrap();
        assert!(nonce.starts_with("r=abc") && nonce.len() == 5 + 24 && rest.ends_with(",i=4096"), "{first}");
        salts.push(rest.to_owned());
        drop(client);
        assert!(matches!(identified.await.unwrap().unwrap_err().error, IdentifyError::Gone));
    }
    assert_eq!(salts[0], salts[1], "a salt stays the same");
    assert_ne!(salts[0], salts[3]);
    assert_eq!(salts[0].len(), salts[2].len());
}

#[tokio::test]
async fn the_first_method_that_matches_decides() {
    let users = Users::new(&[("alice", "s3cret")]);
    let (_client, accepted) = connected("mallory", Duration::from_secs(20)).await;
    let nobody = identifier(vec![users.method(), Identify::Anonymous]).identify(accepted).await.unwrap().caller;
    assert_eq!((nobody.subject.as_str(), nobody.method, nobody.verified), ("anonymous", Method::Anonymous, false));
    let (_client, accepted) = connected("alice", Duration::from_secs(20)).await;
    let local = identifier(vec![workload(), users.method()]).identify(accepted).await.unwrap().caller;
    assert_eq!(local.subject, "spiffe://example.com/ns/shop/sa/orders");
    assert_eq!((local.method, local.verified), (Method::Workload, true));
}

#[tokio::test]
async fn a_workload_is_only_known_on_its_own_machine() {
    let (_client, mut accepted) = connected("postgres", Duration::from_secs(20)).await;
    accepted.peer = Peer::Tcp("192.0.2.1:50000".parse().unwrap());
    let refused = identifier(vec![workload()]).identify(accepted).await.unwrap_err();
    assert!(matches!(refused.error, IdentifyError::Unrecognised { .. }), "{}", refused.error);
    assert_eq!(refused.error.kind(), FaultKind::Unauthenticated);
}

#[tokio::test]
async fn a_startup_packet_without_a_user_is_nobody() {
    let (_client, mut accepted) = connected("alice", Duration::from_secs(20)).await;
    accepted.startup.parameters.clear();
    let refused = identifier(vec![Identify::Anonymous]).identify(accepted).await.unwrap_err();
    assert_eq!(refused.error.kind(), FaultKind::Unauthenticated);
}

#[tokio::test]
async fn another_startup_packet_or_a_query_during_authentication_is_a_breach() {
    let users = Users::new(&[("alice", "s3cret")]);
    let parameters = [("user".to_owned(), "admin".to_owned())].into();
    let startup = Startup { parameters, ..Startup::default() }.encode().unwrap();
    let query = Query { sql: b"select 1" }.encode().unwrap();
    let first = SaslInitialResponse { mechanism: "SCRAM-SHA-256", data: Some(b"n,,n=,r=abc") }.encode().unwrap();
    for (bytes, tag) in [
        (startup.to_vec(), 0),
        (query.bytes().to_vec(), b'Q'),
        ([&first.bytes()[..], &startup].concat(), 0),
        ([&first.bytes()[..], query.bytes()].concat(), b'Q'),
    ] {
        let error = refusal(vec![users.method()], &bytes).await;
        assert!(matches!(error, IdentifyError::Wire(WireError::Tag { tag: got }) if got == tag), "{error}");
        assert_eq!(error.kind(), FaultKind::Protocol);
    }
}

#[tokio::test]
async fn a_malformed_exchange_is_a_breach() {
    let users = Users::new(&[("alice", "s3cret")]);
    let initial = |mechanism, data| SaslInitialResponse { mechanism, data }.encode().unwrap().bytes().to_vec();
    let ours = |data: &'static [u8]| initial("SCRAM-SHA-256", Some(data));
    let then = |data: &[u8]| [ours(b"n,,n=,r=abc"), SaslResponse { data }.encode().unwrap().bytes().to_vec()].concat();
    for bytes in [
        initial("SCRAM-SHA-256-PLUS", Some(b"p=tls-server-end-point,,n=,r=abc")),
        initial("SCRAM-SHA-256", None),
        ours(b""),
        ours(b"p=tls-server-end-point,,n=,r=abc"),
        ours(b"n,a=admin,n=,r=abc"),
        ours(b"n,,m=x,n=,r=abc"),
        ours(b"n,,n=,r="),
        ours(b"n,,n=,r=a\x7fb"),
        ours(b"\xff\xfe"),
        ours(&[b'a'; 9_000]),
        then(b""),
        then(b"c=biws,r=abc,p="),
        then(b"c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        then(&[b','; 5_000]),
        Frame::build(b'p', b"SCRAM-SHA-256\0\xff\xff\xff\xf0n,,").unwrap().bytes().to_vec(),
        vec![b'p', 0xff, 0xff, 0xff, 0xff],
        vec![b'p', 0, 0, 0, 3],
    ] {
        let error = refusal(vec![users.method()], &bytes).await;
        assert_eq!(error.kind(), FaultKind::Protocol, "{error} for {bytes:?}");
    }
}

#[tokio::test]
async fn the_nonce_of_one_exchange_is_no_good_in_another() {
    let users = Users::new(&[("alice", "s3cret")]);
    let identifier = identifier(vec![users.method()]);
    let mut replay = None;
    for _ in 0..2 {
        let (mut client, accepted) = connected("alice", Duration::from_secs(20)).await;
        let identifier = Arc::clone(&identifier);
        let identified = tokio::spawn(async move { identifier.identify(accepted).await.map(drop) });
        let mut scram = ScramSha256::new(b"s3cret", ChannelBinding::unsupported());
        let first: &[u8] = scram.message();
        let data = client.server_first(first).await.unwrap();
        scram.update(&data).unwrap();
        let proof = replay.get_or_insert_with(|| scram.message().to_vec());
        client.send(SaslResponse { data: proof }.encode().unwrap()).await;
        let outcome = identified.await.unwrap();
        match outcome {
            Ok(()) => assert_eq!(proof, scram.message()),
            Err(refused) => {
                assert_ne!(proof, scram.message());
                assert_eq!(refused.error.kind(), FaultKind::Protocol);
                return;
            }
        }
    }
    panic!("a replayed proof was taken");
}

#[tokio::test]
async fn a_changed_file_is_taken_and_a_bad_one_recognises_nobody() {
    let users = Users::new(&[("alice", "old")]);
    let identifier = identifier(vec![users.method(), Identify::Anonymous]);
    assert!(login(&identifier, "alice", "old").await.0.is_ok());
    users.write(&[("alice", "newer password"), ("bob", "x")]);
    assert!(login(&identifier, "alice", "old").await.0.is_err());
    assert!(login(&identifier, "alice", "newer password").await.0.is_ok());
    std::fs::write(&users.path, "alice:SCRAM-SHA-256$4096:hunter2\n").unwrap();
    let (_client, accepted) = connected("mallory", Duration::from_secs(20)).await;
    let error = identifier.identify(accepted).await.unwrap_err().error;
    assert!(error.to_string().contains("users:1: this is no verifier"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(error.kind(), FaultKind::Unauthenticated);
    std::fs::remove_file(&users.path).unwrap();
    assert!(matches!(identifier.check().await, Err(IdentifyError::UsersFile { .. })));
}

#[tokio::test]
async fn a_user_named_twice_refuses_the_file() {
    let users = Users::new(&[("alice", "a"), ("alice", "b")]);
    let error = identifier(vec![users.method()]).check().await.unwrap_err();
    assert!(error.to_string().contains("users:4: this user was named before"), "{error}");
}

#[tokio::test]
async fn a_name_that_hides_something_is_nobodys_in_the_file_and_in_the_start_up_packet() {
    let users = Users::new(&[("alice", "a"), ("alice\u{200b}", "b")]);
    let error = identifier(vec![users.method()]).check().await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("users:4: the name has the character U+200B where nobody sees it, write it without")
    );
    for (user, code_point) in [("ali\u{ad}ce", "U+00AD"), ("alice ", "U+0020"), ("\u{202e}alice", "U+202E")] {
        let (_client, accepted) = connected(user, Duration::from_secs(20)).await;
        let error = identifier(vec![workload()]).identify(accepted).await.unwrap_err().error;
        assert_eq!(error.kind(), FaultKind::Unauthenticated);
        assert_eq!(error.public(), format!("the user name has the character {code_point} where nobody sees it"));
    }
}

#[tokio::test]
async fn a_client_that_never_answers_is_given_up_at_the_deadline_of_its_connection() {
    let users = Users::new(&[("alice", "s3cret")]);
    let (_client, accepted) = connected("alice", Duration::from_millis(100)).await;
    let error = identifier(vec![users.method()]).identify(accepted).await.unwrap_err().error;
    assert_eq!(error.kind(), FaultKind::StartupTimeout);
}

#[tokio::test]
async fn a_newer_protocol_is_negotiated_down() {
    let (mut client, mut accepted) = connected("alice", Duration::from_secs(20)).await;
    accepted.startup.minor = 9_999;
    accepted.startup.options.push("_pq_.x".to_owned());
    let mut identified = identifier(vec![workload()]).identify(accepted).await.unwrap();
    let ok = identified.admit().unwrap();
    identified.stream.write_all(ok.bytes()).await.unwrap();
    assert_eq!(client.receive().await.unwrap().body(), b"\0\x03\0\x02\0\0\0\x01_pq_.x\0");
    let frame = client.receive().await.unwrap();
    assert_eq!(BackendMessage::decode(&frame), Ok(BackendMessage::Authentication(Authentication::Ok)));
}
