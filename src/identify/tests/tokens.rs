//! What is said to a client that has a token, a certificate, or a user of this machine behind it.

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;
use tokio::net::UnixStream;

use super::provider::{NOW, Signer, claims, claims_with, issuer, set};
use super::*;
use crate::accept::tests::certified;
use crate::config::{Ask, Issuer, KeySource};
use crate::identify::clock::Clock;
use crate::telemetry::Metrics;

/// Issuers whose keys are in files.
struct House {
    directory: tempfile::TempDir,
    issuers: Vec<Issuer>,
    clock: Arc<Clock>,
}

impl House {
    fn new(signer: &Signer) -> Self {
        let clock = Clock::reading(|| NOW, || 0);
        let mut house = Self { directory: tempfile::tempdir().unwrap(), issuers: Vec::new(), clock };
        house.add("corp", "https://idp.example.com", signer);
        house
    }

    fn add(&mut self, name: &str, iss: &str, signer: &Signer) {
        let path = self.directory.path().join(name);
        std::fs::write(&path, set(&[signer])).unwrap();
        let issuer = Issuer { name: name.into(), issuer: iss.into(), ..issuer(KeySource::File(path)) };
        self.issuers.push(issuer);
    }

    async fn identifier(&self, methods: Vec<Identify>) -> Arc<Identifier> {
        let issuers = Issuers::start(&self.issuers, &Metrics::new()).await.unwrap();
        let config = Arc::new(configuration(methods, 5, Duration::from_secs(20)));
        Arc::new(
            Identifier::with_clock(config, &issuers, MockSecret::random().unwrap(), Arc::clone(&self.clock)).unwrap(),
        )
    }

    async fn begin(&self, methods: Vec<Identify>, user: &str) -> Dialogue {
        let identifier = self.identifier(methods).await;
        let (client, accepted) = connected(user, Duration::from_secs(20)).await;
        let outcome = tokio::spawn(async move { identifier.identify(accepted).await.map_err(|refused| refused.error) });
        Dialogue { client, outcome }
    }
}

/// A client that is being asked, and what becomes of it.
struct Dialogue {
    client: Client,
    outcome: tokio::task::JoinHandle<Result<Identified, IdentifyError>>,
}

impl Dialogue {
    /// The next question, as text.
    async fn question(&mut self) -> String {
        let Some(frame) = self.client.receive().await else { return "the end".to_owned() };
        match Authentication::decode(frame.body()).unwrap() {
            Authentication::Cleartext => "password?".to_owned(),
            Authentication::Sasl(mechanisms) => mechanisms.join(" "),
            Authentication::SaslContinue(data) => String::from_utf8(data.to_vec()).unwrap(),
            other @ (Authentication::Ok
            | Authentication::Md5 { .. }
            | Authentication::SaslFinal(_)
            | Authentication::Other(_)) => format!("{other:?}"),
        }
    }

    async fn password(&mut self, password: &str) {
        let body = [password.as_bytes(), b"\0"].concat();
        self.client.send(Frame::build(b'p', &body).unwrap()).await;
    }

    async fn initial(&mut self, mechanism: &str, data: Option<&[u8]>) {
        self.client.send(SaslInitialResponse { mechanism, data }.encode().unwrap()).await;
    }

    async fn bearer(&mut self, auth: &str) {
        let message = format!("n,,\u{1}auth={auth}\u{1}\u{1}");
        self.initial("OAUTHBEARER", Some(message.as_bytes())).await;
    }

    async fn answer(&mut self, data: &[u8]) {
        self.client.send(SaslResponse { data }.encode().unwrap()).await;
    }

    async fn end(self) -> Result<Identified, IdentifyError> {
        self.outcome.await.unwrap()
    }

    async fn caller(self) -> (String, Method) {
        let caller = self.end().await.unwrap().caller;
        (caller.subject, caller.method)
    }
}

fn jwt(issuer: &str, ask: Ask) -> Identify {
    Identify::Jwt { issuer: issuer.into(), ask }
}

fn missing(error: &IdentifyError) -> bool {
    matches!(error, IdentifyError::Token { problem: TokenError::Missing, .. })
}

#[tokio::test]
async fn a_token_is_taken_as_a_password_and_says_when_it_ends() {
    let signer = Signer::p256("a");
    let house = House::new(&signer);
    let mut dialogue = house.begin(vec![jwt("corp", Ask::Password)], "whoever").await;
    assert_eq!(dialogue.question().await, "password?");
    dialogue.password(&signer.token(&claims())).await;
    let identified = dialogue.end().await.unwrap();
    assert_eq!((identified.caller.subject.as_str(), identified.caller.method), ("alice", Method::Jwt));
    assert_eq!(identified.caller.expires_at.as_deref(), Some("2027-01-15T08:10:00Z"));
    assert_eq!(identified.validity.ended(), None);
}

#[tokio::test]
async fn a_wrong_token_is_the_end_whatever_else_is_listed() {
    let (signer, mallory) = (Signer::ed25519("a"), Signer::ed25519("a"));
    let house = House::new(&signer);
    let expired = signer.token(&claims_with("exp", (NOW - 60).into()));
    let foreign = signer.token(&claims_with("iss", "https://evil.example".into()));
    for (password, public) in [
        ("hunter2", "the token was not accepted"),
        (mallory.token(&claims()).as_str(), "the token was not accepted"),
        (foreign.as_str(), "the token was not accepted"),
        (expired.as_str(), "the token has expired"),
    ] {
        let methods = vec![jwt("corp", Ask::Password), workload(), Identify::Anonymous];
        let mut dialogue = house.begin(methods, "alice").await;
        dialogue.question().await;
        dialogue.password(password).await;
        let error = dialogue.end().await.unwrap_err();
        assert_eq!((error.kind(), error.public().as_str()), (FaultKind::Unauthenticated, public), "{error}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hunter2") && !told.contains("eyJ"), "{told}");
    }
}

#[tokio::test]
async fn no_token_goes_on_to_the_next_method() {
    let house = House::new(&Signer::ed25519("a"));
    let mut dialogue = house.begin(vec![jwt("corp", Ask::Password), workload()], "alice").await;
    assert_eq!(dialogue.question().await, "password?");
    dialogue.password("").await;
    assert_eq!(dialogue.caller().await.1, Method::Workload);

    let mut dialogue = house.begin(vec![jwt("corp", Ask::Password)], "alice").await;
    dialogue.question().await;
    dialogue.password("").await;
    let error = dialogue.end().await.unwrap_err();
    assert!(missing(&error) && error.kind() == FaultKind::Unauthenticated, "{error}");
}

#[tokio::test]
async fn a_method_that_knows_without_asking_is_not_kept_waiting_by_one_that_asks() {
    let house = House::new(&Signer::ed25519("a"));
    let dialogue = house.begin(vec![workload(), jwt("corp", Ask::Password)], "alice").await;
    assert_eq!(dialogue.caller().await.1, Method::Workload);
}

#[tokio::test]
async fn the_user_name_chooses_between_scram_and_a_token() {
    let signer = Signer::ed25519("a");
    let house = House::new(&signer);
    let users = Users::new(&[("bob", "s3cret")]);
    for methods in [vec![jwt("corp", Ask::Password), users.method()], vec![users.method(), jwt("corp", Ask::Password)]]
    {
        let mut dialogue = house.begin(methods.clone(), "bob").await;
        assert!(dialogue.client.scram("s3cret").await);
        assert_eq!(dialogue.caller().await, ("bob".to_owned(), Method::Scram));

        let mut dialogue = house.begin(methods.clone(), "bob").await;
        assert!(!dialogue.client.scram("wrong").await);
        assert_eq!(dialogue.end().await.unwrap_err().kind(), FaultKind::WrongPassword);

        let mut dialogue = house.begin(methods, "alice").await;
        assert_eq!(dialogue.question().await, "password?");
        dialogue.password(&signer.token(&claims())).await;
        assert_eq!(dialogue.caller().await, ("alice".to_owned(), Method::Jwt));
    }
}

#[tokio::test]
async fn a_token_names_which_of_several_issuers_it_is_from() {
    let (corp, partner) = (Signer::ed25519("a"), Signer::p256("a"));
    let mut house = House::new(&corp);
    house.add("partner", "https://partner.example.com", &partner);
    let methods = || vec![jwt("corp", Ask::Password), jwt("partner", Ask::Password)];
    let of_partner = claims_with("iss", "https://partner.example.com".into());
    for (token, want) in [
        (corp.token(&claims()), true),
        (partner.token(&of_partner), true),
        (corp.token(&of_partner), false),
        (partner.token(&claims()), false),
    ] {
        let mut dialogue = house.begin(methods(), "alice").await;
        dialogue.question().await;
        dialogue.password(&token).await;
        assert_eq!(dialogue.end().await.is_ok(), want);
    }
    let mut dialogue = house.begin(vec![jwt("corp", Ask::Password)], "alice").await;
    dialogue.question().await;
    dialogue.password(&partner.token(&of_partner)).await;
    assert!(dialogue.end().await.is_err(), "an issuer that this listener does not list");
}

#[tokio::test]
async fn oauthbearer_takes_a_token_and_says_where_to_get_one() {
    let signer = Signer::p256("a");
    let house = House::new(&signer);
    let methods = || vec![jwt("corp", Ask::OauthBearer)];
    let mut dialogue = house.begin(methods(), "whoever").await;
    assert_eq!(dialogue.question().await, "OAUTHBEARER");
    dialogue.bearer(&format!("Bearer {}", signer.token(&claims()))).await;
    assert_eq!(dialogue.caller().await, ("alice".to_owned(), Method::Jwt));

    for auth in ["", "Bearer nonsense"] {
        let mut dialogue = house.begin(methods(), "whoever").await;
        dialogue.question().await;
        dialogue.bearer(auth).await;
        let said: Value = serde_json::from_str(&dialogue.question().await).unwrap();
        assert_eq!(said["status"], "invalid_token");
        assert_eq!(said["openid-configuration"], "https://idp.example.com/.well-known/openid-configuration");
        dialogue.answer(b"\x01").await;
        let error = dialogue.end().await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::Unauthenticated, "{error}");
        assert_eq!(missing(&error), auth.is_empty());
    }
}

#[tokio::test]
async fn who_shows_a_wrong_token_and_hangs_up_is_refused_and_who_shows_nothing_is_only_gone() {
    let house = House::new(&Signer::ed25519("a"));
    let mallory = Signer::ed25519("a").token(&claims());
    for (shown, gone) in [(true, false), (false, true)] {
        let mut dialogue = house.begin(vec![jwt("corp", Ask::OauthBearer)], "whoever").await;
        dialogue.question().await;
        if shown {
            dialogue.bearer(&format!("Bearer {mallory}")).await;
            dialogue.question().await;
        }
        let Dialogue { client, outcome } = dialogue;
        drop(client);
        let error = outcome.await.unwrap().unwrap_err();
        assert_eq!((error.is_gone(), matches!(error, IdentifyError::Token { .. })), (gone, shown), "{error}");
    }
}

#[tokio::test]
async fn a_client_may_be_silent_at_first_but_not_break_the_exchange() {
    let signer = Signer::p256("a");
    let house = House::new(&signer);
    let methods = || vec![jwt("corp", Ask::OauthBearer)];
    let mut dialogue = house.begin(methods(), "whoever").await;
    dialogue.question().await;
    dialogue.initial("OAUTHBEARER", None).await;
    assert_eq!(dialogue.question().await, "");
    dialogue.answer(format!("n,,\u{1}auth=Bearer {}\u{1}\u{1}", signer.token(&claims())).as_bytes()).await;
    assert_eq!(dialogue.caller().await.1, Method::Jwt);

    for (mechanism, data) in [
        ("OAUTHBEARER", &b"p=tls-exporter,,\x01auth=Bearer x\x01\x01"[..]),
        ("OAUTHBEARER", b"garbage"),
        ("SCRAM-SHA-256", b"n,,n=,r=abc"),
        ("SCRAM-SHA-256-PLUS", b"n,,n=,r=abc"),
        ("PLAIN", b"\0alice\0x"),
    ] {
        let mut dialogue = house.begin(methods(), "whoever").await;
        dialogue.question().await;
        dialogue.initial(mechanism, Some(data)).await;
        assert_eq!(dialogue.end().await.unwrap_err().kind(), FaultKind::Protocol, "{mechanism}");
    }
    let mut dialogue = house.begin(methods(), "whoever").await;
    dialogue.question().await;
    dialogue.bearer("Bearer nonsense").await;
    dialogue.question().await;
    dialogue.bearer(&format!("Bearer {}", signer.token(&claims()))).await;
    assert_eq!(dialogue.end().await.unwrap_err().kind(), FaultKind::Protocol, "one try a connection");
}

#[tokio::test]
async fn scram_is_offered_beside_oauthbearer_and_a_name_that_nobody_has_is_asked_alike() {
    let house = House::new(&Signer::ed25519("a"));
    let users = Users::new(&[("bob", "s3cret")]);
    for (user, password, want) in [("bob", "s3cret", true), ("bob", "wrong", false), ("eve", "s3cret", false)] {
        let mut dialogue = house.begin(vec![jwt("corp", Ask::OauthBearer), users.method()], user).await;
        assert_eq!(dialogue.question().await, "OAUTHBEARER SCRAM-SHA-256");
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        dialogue.initial("SCRAM-SHA-256", Some(scram.message())).await;
        scram.update(dialogue.question().await.as_bytes()).unwrap();
        dialogue.answer(scram.message()).await;
        match dialogue.end().await {
            Ok(identified) => assert!(want && identified.caller.method == Method::Scram, "{user}"),
            Err(error) => assert!(!want && error.kind() == FaultKind::WrongPassword, "{user}: {error}"),
        }
    }
}

#[tokio::test]
async fn nobody_is_asked_for_a_token_where_somebody_could_listen() {
    let house = House::new(&Signer::ed25519("a"));
    for ask in [Ask::Password, Ask::OauthBearer] {
        let identifier = house.identifier(vec![jwt("corp", ask)]).await;
        let (mut client, mut accepted) = connected("alice", Duration::from_secs(20)).await;
        accepted.peer = Peer::Tcp("192.0.2.1:50000".parse().unwrap());
        let error = identifier.identify(accepted).await.unwrap_err().error;
        assert!(matches!(error, IdentifyError::Unrecognised { .. }), "{error}");
        assert_eq!(client.receive().await, None, "not a word");
    }
}

#[tokio::test]
async fn a_token_may_have_64_kib_and_not_more() {
    let signer = Signer::ed25519("a");
    let house = House::new(&signer);
    let of_length = |length: usize| {
        let mut padding = length * 3 / 4;
        loop {
            let token = signer.token(&claims_with("padding", "x".repeat(padding).into()));
            if token.len() <= length {
                return token;
            }
            padding -= 1;
        }
    };
    let longest = of_length(64 << 10);
    assert!(longest.len() > 65_530, "{}", longest.len());
    let mut dialogue = house.begin(vec![jwt("corp", Ask::Password)], "alice").await;
    dialogue.question().await;
    dialogue.password(&longest).await;
    assert_eq!(dialogue.caller().await.1, Method::Jwt);

    let mut dialogue = house.begin(vec![jwt("corp", Ask::Password)], "alice").await;
    dialogue.question().await;
    dialogue.password(&of_length((64 << 10) + 100)).await;
    assert_eq!(dialogue.end().await.unwrap_err().public(), "the token is longer than 64 KiB");

    let mut dialogue = house.begin(vec![jwt("corp", Ask::Password)], "alice").await;
    dialogue.question().await;
    dialogue.client.stream.write_all(b"p\x00\x01\x01\x01").await.unwrap();
    let error = dialogue.end().await.unwrap_err();
    assert!(error.kind() == FaultKind::Protocol && error.to_string().contains("65792"), "{error}");
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_old_token_valid() {
    static WALL: AtomicI64 = AtomicI64::new(NOW);
    static PASSED: AtomicI64 = AtomicI64::new(0);
    let signer = Signer::ed25519("a");
    let mut house = House::new(&signer);
    house.clock = Clock::reading(|| WALL.load(Ordering::Relaxed), || PASSED.load(Ordering::Relaxed));
    let methods = || vec![jwt("corp", Ask::Password)];
    let short = signer.token(&claims_with("exp", (NOW + 60).into()));
    let login = async || {
        let mut dialogue = house.begin(methods(), "alice").await;
        dialogue.question().await;
        dialogue.password(&short).await;
        dialogue.end().await
    };
    let identified = login().await.unwrap();
    WALL.store(NOW + 315_360_000, Ordering::Relaxed);
    assert!(login().await.is_err() && identified.validity.ended() == Some(Ending::Expired));
    WALL.store(NOW, Ordering::Relaxed);
    assert!(login().await.is_ok(), "a clock that was wrong and is right again needs no restart");
    WALL.store(NOW + 120, Ordering::Relaxed);
    PASSED.store(120, Ordering::Relaxed);
    assert!(login().await.is_err() && identified.validity.ended() == Some(Ending::Expired));
    for back in [NOW, NOW - 3_600, NOW - 315_360_000] {
        WALL.store(back, Ordering::Relaxed);
        assert!(login().await.is_err() && identified.validity.ended() == Some(Ending::Expired), "{back}");
    }
}

#[tokio::test]
async fn an_identity_by_a_certificate_ends_a_minute_after_the_certificate() {
    // The first second of the year 2100.
    const END: i64 = 4_102_444_800;
    static WALL: AtomicI64 = AtomicI64::new(END - 60);
    let mut house = House::new(&Signer::ed25519("a"));
    house.clock = Clock::reading(|| WALL.load(Ordering::Relaxed), || 0);
    let identifier = house.identifier(vec![Identify::Mtls]).await;
    let (_client, accepted) = certified(2100).await;
    let identified = identifier.identify(accepted).await.unwrap();
    assert_eq!(identified.caller.expires_at.as_deref(), Some("2100-01-01T00:00:00Z"));
    for (now, ended) in [(END - 60, None), (END + 59, None), (END + 60, Some(Ending::Expired))] {
        WALL.store(now, Ordering::Relaxed);
        assert_eq!(identified.validity.ended(), ended, "{now}");
    }
    let (_client, accepted) = certified(2100).await;
    assert!(identifier.identify(accepted).await.is_err(), "nor does it begin");
}

#[tokio::test]
async fn a_user_of_this_machine_is_known_on_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let me = rustix::process::geteuid().as_raw();
    for (uids, want) in [([(me, "orders".to_owned())], Some("orders")), ([(me + 1, "somebody-else".to_owned())], None)]
    {
        let methods = vec![Identify::Peer { uids: uids.into() }];
        let config = crate::config::Listener {
            address: Address::Unix(path.clone()),
            ..configuration(methods.clone(), 5, Duration::from_secs(20))
        };
        let listener = Listener::bind(Arc::new(config)).await.unwrap();
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let parameters = [("user".to_owned(), "root".to_owned())].into();
        let packet = Startup { parameters, ..Startup::default() }.encode().unwrap();
        stream.write_all(&packet).await.unwrap();
        let Ok(Opening::Session(accepted)) = listener.accept().await.open().await else { panic!("no session") };
        let known = identifier(methods).identify(accepted).await.map_err(|refused| refused.error);
        match (known, want) {
            (Ok(identified), Some(name)) => {
                assert_eq!((identified.caller.subject.as_str(), identified.caller.method), (name, Method::Peer));
            }
            (Err(IdentifyError::Unrecognised { .. }), None) => {}
            (known, want) => panic!("{known:?} {want:?}"),
        }
        drop(listener);
    }
    let (_client, accepted) = connected("root", Duration::from_secs(20)).await;
    let methods = vec![Identify::Peer { uids: [(me, "orders".to_owned())].into() }];
    assert!(identifier(methods).identify(accepted).await.is_err(), "TCP says nothing of users");
}
