use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client};

use super::*;
use crate::accept::tests::{STARTUP, configuration, dial};
use crate::accept::{Accepted, Listener, Opening, Refused};
use crate::model::{Fault, FaultKind};
use crate::wire::postgres::BackendKey;

const SSL: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
const GSS: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x30];

/// A CA and a folder in which a listener finds its files.
struct Pki {
    ca: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

/// A certificate and its key.
struct Leaf {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Pki {
    fn new() -> Self {
        let pki = Self { ca: authority(), directory: tempfile::tempdir().unwrap() };
        pki.install(&pki.issue(|_| {}));
        std::fs::write(pki.paths().client_ca.unwrap(), pki.ca.pem()).unwrap();
        pki
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        Leaf { certificate: params.signed_by(&key, &self.ca).unwrap(), key }
    }

    fn paths(&self) -> ListenerTls {
        let path = |name| self.directory.path().join(name);
        ListenerTls { certificate: path("tls.crt"), key: path("tls.key"), client_ca: Some(path("ca.crt")) }
    }

    fn install(&self, leaf: &Leaf) {
        std::fs::write(self.paths().certificate, leaf.certificate.pem()).unwrap();
        std::fs::write(self.paths().key, leaf.key.serialize_pem()).unwrap();
    }

    async fn listener(&self, startup: Duration) -> Listener {
        let mut config = configuration(Vec::new(), 5, startup);
        config.tls = Some(self.paths());
        Listener::bind(Arc::new(config)).await.unwrap()
    }

    async fn load(&self) -> Result<Certificates, AcceptError> {
        Certificates::load(ListenerName::new("orders-db"), self.paths()).await
    }

    /// A client that trusts the CA, with these application protocols and perhaps a certificate.
    fn connector(&self, protocols: &[&[u8]], own: Option<&Leaf>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match own {
            Some(leaf) => {
                let key = PrivateKeyDer::try_from(leaf.key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![leaf.certificate.der().clone()], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

type Client = client::TlsStream<TcpStream>;
type Opened = tokio::task::JoinHandle<Result<Opening, Refused<AcceptError>>>;

/// Connects; the listener's side goes on by itself.
async fn connect(listener: Listener) -> (TcpStream, Opened) {
    let client = dial(&listener).await;
    let opened = tokio::spawn(async move { listener.accept().await.open().await });
    (client, opened)
}

async fn encrypt(connector: TlsConnector, mut client: TcpStream, way: Way) -> std::io::Result<Client> {
    if way == Way::Asked {
        client.write_all(&SSL).await?;
        assert_eq!(client.read_u8().await?, b'S');
    }
    connector.connect(ServerName::try_from("localhost").unwrap(), client).await
}

async fn session(opened: Opened) -> Accepted {
    match opened.await.unwrap() {
        Ok(Opening::Session(accepted)) => accepted,
        other => panic!("no session: {other:?}"),
    }
}

async fn lost(opened: Opened) -> AcceptError {
    match opened.await.unwrap() {
        Ok(Opening::Lost(error)) => error,
        other => panic!("not lost: {other:?}"),
    }
}

/// What was accepted of `alice`, who has shown a certificate that ends then, and the client.
pub(crate) async fn certified(year: i32) -> (impl Sized, Accepted) {
    let pki = Pki::new();
    let own = pki.issue(|params| params.not_after = date_time_ymd(year, 1, 1));
    let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    let mut client = encrypt(pki.connector(&[ALPN], Some(&own)), client, Way::Direct).await.unwrap();
    client.write_all(STARTUP).await.unwrap();
    (client, session(opened).await)
}

#[tokio::test]
async fn sessions_are_encrypted_either_way_and_show_a_verified_certificate() {
    let pki = Pki::new();
    let own = pki.issue(|_| {});
    for way in [Way::Asked, Way::Direct] {
        for own in [None, Some(&own)] {
            let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
            let mut client = encrypt(pki.connector(&[ALPN], own), client, way).await.unwrap();
            client.write_all(&[STARTUP, b"p\0\0\0\x04"].concat()).await.unwrap();
            let mut accepted = session(opened).await;
            assert!(accepted.encrypted());
            assert_eq!(accepted.shown().and_then(Shown::leaf), own.map(|leaf| leaf.certificate.der().as_ref()));
            assert_eq!((accepted.startup.user(), &accepted.buffered[..]), (Some("alice"), &b"p\0\0\0\x04"[..]));
            accepted.stream.write_all(b"hello").await.unwrap();
            accepted.stream.flush().await.unwrap();
            let mut heard = [0; 5];
            client.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_another_ca_or_another_time_is_no_certificate() {
    let pki = Pki::new();
    let stranger = Pki::new().issue(|_| {});
    let expired = pki.issue(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let future = pki.issue(|params| params.not_before = date_time_ymd(3000, 1, 1));
    for own in [stranger, expired, future] {
        let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
        let client = encrypt(pki.connector(&[ALPN], Some(&own)), client, Way::Asked).await;
        let error = lost(opened).await;
        assert!(matches!(error, AcceptError::Handshake { .. }), "{error}");
        // In TLS 1.3 a client learns it with its first read.
        if let Ok(mut client) = client {
            assert!(client.read(&mut [0]).await.unwrap_err().to_string().contains("fatal alert"));
        }
    }
}

#[tokio::test]
async fn nothing_in_clear_opens_a_session_but_a_cancel_request_comes_through() {
    let pki = Pki::new();
    let (mut client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    client.write_all(&GSS).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'N');
    client.write_all(STARTUP).await.unwrap();
    let refused = opened.await.unwrap().unwrap_err();
    assert!(matches!(refused.error, AcceptError::Plain), "{}", refused.error);
    assert_eq!(refused.error.kind(), FaultKind::Unauthenticated);

    let key = BackendKey { process_id: 1, secret: vec![7; 32].into() }.cancel_request();
    let (mut client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    client.write_all(&key.encode().unwrap()).await.unwrap();
    assert!(matches!(opened.await.unwrap(), Ok(Opening::Cancel(cancelling)) if cancelling.request == key));

    let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    let mut client = encrypt(pki.connector(&[ALPN], None), client, Way::Direct).await.unwrap();
    client.write_all(&key.encode().unwrap()).await.unwrap();
    let Ok(Opening::Cancel(cancelling)) = opened.await.unwrap() else { panic!("no request") };
    assert_eq!(cancelling.request, key);
    let closing = tokio::spawn(cancelling.close());
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "closed in order, without a word");
    drop(client);
    closing.await.unwrap();
}

/// CVE-2021-23214 and its kin: what comes before the handshake is never read as if it came inside.
#[tokio::test]
async fn bytes_in_clear_behind_the_request_end_the_connection() {
    let pki = Pki::new();
    let (mut client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    client.write_all(&[&SSL[..], STARTUP].concat()).await.unwrap();
    let refused = opened.await.unwrap().unwrap_err();
    assert!(matches!(refused.error, AcceptError::EarlyBytes), "{}", refused.error);
    // Where they come later they are no TLS.
    let (mut client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    client.write_all(&SSL).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'S');
    client.write_all(STARTUP).await.unwrap();
    assert!(matches!(lost(opened).await, AcceptError::Handshake { .. }));
}

#[tokio::test]
async fn encryption_is_not_agreed_on_again_inside() {
    let pki = Pki::new();
    for (way, again) in [(Way::Asked, SSL), (Way::Asked, GSS), (Way::Direct, SSL), (Way::Direct, GSS)] {
        let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
        let mut client = encrypt(pki.connector(&[ALPN], None), client, way).await.unwrap();
        client.write_all(&again).await.unwrap();
        let refused = opened.await.unwrap().unwrap_err();
        assert!(matches!(refused.error, AcceptError::Repeated), "{}", refused.error);
        assert_eq!(refused.error.kind(), FaultKind::Protocol);
        assert!(refused.stream.is_encrypted(), "the client can be told");
    }
}

#[tokio::test]
async fn another_protocol_inside_tls_is_not_spoken_to() {
    let pki = Pki::new();
    let http: &[&[u8]] = &[b"h2", b"http/1.1"];
    for way in [Way::Asked, Way::Direct] {
        let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
        let error = encrypt(pki.connector(http, None), client, way).await.unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
        assert!(matches!(lost(opened).await, AcceptError::Handshake { .. }));
    }
    // Whoever begins with TLS has to say what it wants; an SSLRequest has said it.
    let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    let mut client = encrypt(pki.connector(&[], None), client, Way::Direct).await.unwrap();
    let _ = client.write_all(STARTUP).await;
    assert_eq!(client.read(&mut [0]).await.unwrap_or(0), 0, "not a word");
    drop(client);
    assert!(matches!(lost(opened).await, AcceptError::NoApplicationProtocol));
    let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
    let mut client = encrypt(pki.connector(&[], None), client, Way::Asked).await.unwrap();
    client.write_all(STARTUP).await.unwrap();
    assert!(session(opened).await.encrypted());
}

#[tokio::test]
async fn garbage_in_place_of_a_hello_is_answered_with_an_alert_at_most() {
    let pki = Pki::new();
    let record = |length: u16, body: &[u8]| [&[0x16, 3, 1][..], &length.to_be_bytes(), body].concat();
    let hellos = [
        record(0, &[]),
        record(5, b"hello"),
        record(0xffff, &[0xff; 70_000]),
        record(4, &[1, 0xff, 0xff, 0xff]),
        record(16_384, &[&[1, 0, 0x3f, 0xfc, 3, 3][..], &[0xff; 16_378]].concat()),
        record(40, &[&[1, 0, 0, 36, 3, 3][..], &[0; 32], &[0xff, 0xff]].concat()),
        [&[0x16, 9, 9, 0, 1][..], &[1]].concat(),
    ];
    for hello in hellos {
        for way in [Way::Asked, Way::Direct] {
            let (mut client, opened) = connect(pki.listener(Duration::from_secs(20)).await).await;
            if way == Way::Asked {
                client.write_all(&SSL).await.unwrap();
                assert_eq!(client.read_u8().await.unwrap(), b'S');
            }
            let _ = client.write_all(&hello).await;
            let _ = client.shutdown().await;
            let mut heard = Vec::new();
            let _ = client.read_to_end(&mut heard).await;
            assert!(matches!(heard.as_slice(), [] | [0x15, 3, ..]) && heard.len() < 20, "{heard:?}");
            drop(client);
            let error = lost(opened).await;
            assert!(matches!(error, AcceptError::Handshake { .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn a_handshake_that_takes_its_time_is_given_up() {
    let pki = Pki::new();
    for said in [&[][..], &[0x16, 3, 1, 2][..], &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]] {
        let (mut client, opened) = connect(pki.listener(Duration::from_millis(200)).await).await;
        client.write_all(&SSL).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'S');
        client.write_all(said).await.unwrap();
        assert!(matches!(lost(opened).await, AcceptError::TooSlow { .. }));
        assert_eq!(client.read(&mut [0]).await.unwrap_or(0), 0);
    }
}

/// A thread for handshakes that does nothing until the sender is dropped.
fn busy_hands() -> (tokio::runtime::Runtime, Hands, std::sync::mpsc::Sender<()>) {
    let thread = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (busy, until) = std::sync::mpsc::channel();
    thread.spawn(async move { until.recv() });
    let hands = Hands::new([thread.handle().clone()]);
    (thread, hands, busy)
}

#[tokio::test]
async fn handshakes_are_led_by_a_thread_of_their_own_and_sessions_stay_where_they_are() {
    let pki = Pki::new();
    let (thread, hands, busy) = busy_hands();
    let (client, opened) = connect(pki.listener(Duration::from_secs(20)).await.shaking(hands)).await;
    let mut encrypting = Box::pin(encrypt(pki.connector(&[ALPN], None), client, Way::Asked));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut encrypting).await.is_err());
    drop(busy);
    let mut client = encrypting.await.unwrap();
    client.write_all(STARTUP).await.unwrap();
    let mut accepted = session(opened).await;
    thread.shutdown_background();
    accepted.stream.write_all(b"hello").await.unwrap();
    accepted.stream.flush().await.unwrap();
    let mut hello = [0; 5];
    client.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
}

#[tokio::test]
async fn nobody_is_told_to_begin_before_somebody_has_time_for_it() {
    let pki = Pki::new();
    let (thread, hands, busy) = busy_hands();
    let (mut client, _opened) = connect(pki.listener(Duration::from_secs(20)).await.shaking(hands)).await;
    client.write_all(&SSL).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(100), client.read_u8()).await.is_err());
    drop(busy);
    assert_eq!(client.read_u8().await.unwrap(), b'S');
    thread.shutdown_background();
}

#[tokio::test]
async fn a_handshake_that_nobody_comes_to_lead_is_given_up() {
    let pki = Pki::new();
    let (thread, hands, busy) = busy_hands();
    let (client, opened) = connect(pki.listener(Duration::from_millis(200)).await.shaking(hands)).await;
    let encrypting = tokio::spawn(encrypt(pki.connector(&[ALPN], None), client, Way::Asked));
    assert!(matches!(lost(opened).await, AcceptError::TooSlow { .. }));
    drop(busy);
    assert!(encrypting.await.unwrap().is_err());
    thread.shutdown_background();
}

#[tokio::test]
async fn without_a_certificate_nobody_begins_with_tls() {
    let listener = Listener::bind(Arc::new(configuration(Vec::new(), 5, Duration::from_secs(20)))).await.unwrap();
    let (client, opened) = connect(listener).await;
    let error = encrypt(Pki::new().connector(&[ALPN], None), client, Way::Direct).await.unwrap_err();
    assert!(!error.to_string().contains("InvalidContentType"), "not a word that is no TLS: {error}");
    assert!(matches!(lost(opened).await, AcceptError::NoTls));
}

#[tokio::test]
async fn what_cannot_serve_at_start_is_named_with_its_file() {
    let pki = Pki::new();
    let expired = pki.issue(|params| params.not_after = date_time_ymd(2020, 1, 2));
    let future = pki.issue(|params| params.not_before = date_time_ymd(3000, 1, 2));
    let good = pki.issue(|_| {});
    let (certificate, key) = (good.certificate.pem(), good.key.serialize_pem());
    let broken = certificate.replacen("-----END", "----END", 1);
    let cases = [
        (expired.certificate.pem(), expired.key.serialize_pem(), "tls.crt` expired on 2020-01-02T00:00:00Z"),
        (future.certificate.pem(), future.key.serialize_pem(), "tls.crt` is valid only from 3000-01-02T00:00:00Z"),
        (format!("{certificate}{}", expired.certificate.pem()), key.clone(), "tls.crt` expired on 2020-01-02"),
        (certificate.clone(), expired.key.serialize_pem(), "tls.key` is not that of the certificate in"),
        (certificate.clone(), certificate.clone(), "tls.key` cannot be used: it has no private key"),
        (key.clone(), key.clone(), "tls.crt` cannot be used: it has no certificate"),
        (String::new(), key.clone(), "tls.crt` cannot be used: it has no certificate"),
        (broken, key.clone(), "tls.crt` cannot be used: a PEM section of it is broken"),
        ("x".repeat(2 << 20), key.clone(), "it is larger than 1048576 bytes"),
    ];
    for (certificate, key, want) in cases {
        std::fs::write(pki.paths().certificate, certificate).unwrap();
        std::fs::write(pki.paths().key, &key).unwrap();
        let said = pki.load().await.unwrap_err().to_string();
        assert!(said.contains(want), "{said}");
        assert!(!said.contains("PRIVATE") && !said.contains(key.lines().nth(1).unwrap_or("-")), "{said}");
    }
    pki.install(&good);
    std::fs::remove_file(pki.paths().client_ca.unwrap()).unwrap();
    let said = pki.load().await.unwrap_err().to_string();
    assert!(said.starts_with("cannot read") && said.contains("ca.crt"), "{said}");
    std::fs::create_dir(pki.paths().client_ca.unwrap()).unwrap();
    let said = pki.load().await.unwrap_err().to_string();
    assert!(said.contains("it is not a regular file"), "{said}");
}

/// Which certificate a new handshake shows.
async fn shown(pki: &Pki, certificates: &Arc<Certificates>) -> CertificateDer<'static> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let certificates = Arc::clone(certificates);
    let served =
        tokio::spawn(
            async move { certificates.shake_hands(Stream::Tcp(server), Way::Direct, &Hands::default()).await },
        );
    let client = encrypt(pki.connector(&[ALPN], None), client, Way::Direct).await.unwrap();
    served.await.unwrap().unwrap();
    client.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn a_new_certificate_serves_after_two_equal_looks_and_a_broken_one_never() {
    let pki = Pki::new();
    let (metrics, first, second) = (Metrics::new(), pki.issue(|_| {}), pki.issue(|_| {}));
    let failures = || metrics.render().contains("reload_failures_total{listener=\"orders-db\"} 1");
    pki.install(&first);
    let certificates = Arc::new(pki.load().await.unwrap());
    assert_eq!(&shown(&pki, &certificates).await, first.certificate.der());
    pki.install(&second);
    certificates.look(&metrics);
    assert_eq!(&shown(&pki, &certificates).await, first.certificate.der(), "somebody may still be writing");
    certificates.look(&metrics);
    assert_eq!(&shown(&pki, &certificates).await, second.certificate.der());
    // The key comes a look before the certificate: nobody is told of it.
    std::fs::write(pki.paths().key, first.key.serialize_pem()).unwrap();
    certificates.look(&metrics);
    pki.install(&first);
    certificates.look(&metrics);
    certificates.look(&metrics);
    assert_eq!(&shown(&pki, &certificates).await, first.certificate.der());
    assert!(!failures());
    // One that stays broken is told once.
    pki.install(&pki.issue(|params| params.not_after = date_time_ymd(2020, 1, 1)));
    for _ in 0..5 {
        certificates.look(&metrics);
    }
    assert!(failures());
    std::fs::remove_file(pki.paths().certificate).unwrap();
    for _ in 0..5 {
        certificates.look(&metrics);
    }
    assert!(metrics.render().contains("reload_failures_total{listener=\"orders-db\"} 2"));
    assert_eq!(&shown(&pki, &certificates).await, first.certificate.der());
    pki.install(&first);
    certificates.look(&metrics);
    assert!(!certificates.watch.lock().failed, "all is as it should be again");
}

#[test]
fn a_key_is_in_no_text() {
    let pki = Pki::new();
    let secret = std::fs::read_to_string(pki.paths().key).unwrap();
    let certificates = tokio::runtime::Runtime::new().unwrap().block_on(pki.load()).unwrap();
    let text = format!("{certificates:?}");
    assert!(secret.lines().skip(1).filter(|line| !line.starts_with('-')).all(|line| !text.contains(line)), "{text}");
}
