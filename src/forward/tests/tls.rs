//! Servers that do with TLS what they should not.

use tokio_rustls::server::TlsStream;

use super::certificates::{Authority, Shown};
use super::*;
use crate::config::{CertificateCheck, UpstreamTls};

const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

fn ca(pem: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    file
}

fn verified(port: u16, ca: &tempfile::NamedTempFile, password: Option<&tempfile::NamedTempFile>) -> config::Upstream {
    config::Upstream {
        tls: Some(UpstreamTls { check: CertificateCheck::Name, ca: Some(ca.path().to_owned()) }),
        password: password.map(|file| SecretSource::File(file.path().to_owned())),
        ..plain(Address::Tcp { host: "localhost".into(), port })
    }
}

/// A server that takes one connection, reads SSLRequest and goes on by the script; gives what it was told after that.
async fn asked<F, S>(script: F) -> (u16, tokio::task::JoinHandle<Vec<u8>>)
where
    F: FnOnce(TcpStream) -> S + Send + 'static,
    S: Future<Output = TcpStream> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(request, StartupPacket::SSL_REQUEST);
        let mut stream = script(stream).await;
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        told
    });
    (port, served)
}

/// How a server that answers SSLRequest with these bytes fares, and what it was told after it.
async fn answers(bytes: Vec<u8>) -> (ForwardError, Vec<u8>) {
    let (port, served) = asked(async move |mut stream: TcpStream| {
        stream.write_all(&bytes).await.unwrap();
        stream
    })
    .await;
    let authority = ca(&Authority::new("a").pem());
    let error = Connector::new(verified(port, &authority, None)).connect("orders", &[]).await.unwrap_err();
    (error, served.await.unwrap())
}

#[tokio::test]
async fn an_answer_that_is_not_yes_ends_the_attempt_and_nothing_is_sent_in_clear() {
    let refusal = ErrorFields::new(Severity::Fatal, "28000", "call 555-0100").encode_error().unwrap().bytes().to_vec();
    for (bytes, problem) in [
        (b"N".to_vec(), "it has TLS turned off"),
        (refusal, "it answered with an error, which nobody vouches for"),
        (b"G".to_vec(), "its answer means nothing"),
        (b"s".to_vec(), "its answer means nothing"),
        (b"\0\0".to_vec(), "its answer means nothing"),
        ([b"S".to_vec(), ok()].concat(), "it sent more than its answer before the handshake"),
        (b"SS".to_vec(), "it sent more than its answer before the handshake"),
        (b"S\x16\x03".to_vec(), "it sent more than its answer before the handshake"),
    ] {
        let (error, told) = answers(bytes).await;
        assert!(matches!(&error, ForwardError::NoTls { problem: told, .. } if *told == problem), "{error}");
        assert!(told.is_empty(), "{error}: {told:?}");
        assert!(!error.to_string().contains("555-0100"), "{error}");
        assert_eq!(
            (error.kind(), error.public().as_str()),
            (FaultKind::UpstreamUnreachable, "there is no trusted connection to the database")
        );
    }
}

#[tokio::test]
async fn what_comes_behind_a_yes_in_clear_is_never_taken_for_the_server() {
    for bytes in [
        [ok(), message(b'Z', b"I")].concat(),
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        vec![0; 5000],
        vec![0xff; 70_000],
        b"\x16\x03\x03\xff\xff".repeat(100),
        b"\x15\x03\x03\0\x02\x02\x28".to_vec(),
    ] {
        let (port, served) = asked(async move |mut stream: TcpStream| {
            stream.write_all(b"S").await.unwrap();
            // Sent once the handshake has begun, so that it does not come with the answer.
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).await.unwrap();
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            stream
        })
        .await;
        let authority = ca(&Authority::new("a").pem());
        let error = Connector::new(verified(port, &authority, None)).connect("orders", &[]).await.unwrap_err();
        let told = served.await.unwrap();
        assert!(matches!(error, ForwardError::Handshake { .. } | ForwardError::Gone { .. }), "{error}");
        assert!(!told.windows(3).any(|window| window == b"app"), "nothing but the handshake is sent");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_on_the_question_is_gone() {
    let (port, _) = asked(async |mut stream: TcpStream| {
        let _ = stream.shutdown().await;
        stream
    })
    .await;
    let authority = ca(&Authority::new("a").pem());
    let error = Connector::new(verified(port, &authority, None)).connect("orders", &[]).await.unwrap_err();
    assert!(matches!(error, ForwardError::Gone { .. }), "{error}");
}

#[tokio::test]
async fn the_limit_is_for_the_handshake_too() {
    let limit = Duration::from_millis(300);
    let silent = asked(async |stream| stream).await.0;
    let begun = asked(async |mut stream: TcpStream| {
        stream.write_all(b"S").await.unwrap();
        stream
    });
    let drip = asked(async |mut stream: TcpStream| {
        let mut each = tokio::time::interval(Duration::from_millis(50));
        // A record of 16 KiB that will never be whole.
        for byte in b"S\x16\x03\x03\x3f\xff\x02\0\x3f\xfb".iter().chain([0; 100].iter()) {
            each.tick().await;
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        stream
    });
    let authority = ca(&Authority::new("a").pem());
    for port in [silent, begun.await.0, drip.await.0] {
        let upstream = config::Upstream { connect: limit, ..verified(port, &authority, None) };
        let started = Instant::now();
        let error = Connector::new(upstream).connect("orders", &[]).await.unwrap_err();
        assert!(matches!(error, ForwardError::TooSlow { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

/// A server inside TLS that takes one connection and goes on by the script after the start-up packet.
async fn encrypted<F, S>(shown: &Shown, alpn: &[&str], script: F) -> u16
where
    F: FnOnce(TlsStream<TcpStream>) -> S + Send + 'static,
    S: Future<Output = TlsStream<TcpStream>> + Send,
{
    let acceptor = shown.acceptor(alpn);
    let (port, _) = asked(async move |mut stream: TcpStream| {
        stream.write_all(b"S").await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { panic!("the handshake failed") };
        let length = stream.read_u32().await.unwrap();
        let mut packet = vec![0; length as usize - 4];
        stream.read_exact(&mut packet).await.unwrap();
        let mut stream = script(stream).await;
        let _ = stream.shutdown().await;
        stream.into_inner().0
    })
    .await;
    port
}

/// The mechanism and first answer that are sent where these mechanisms are on offer.
async fn chosen(shown: &Shown, authority: &Authority, mechanisms: &[&str]) -> Result<String, ForwardError> {
    let offer: Vec<u8> = mechanisms.iter().flat_map(|name| [name.as_bytes(), b"\0"].concat()).collect();
    let request = message(b'R', &[&[0, 0, 0, 10], &offer[..], b"\0"].concat());
    let (sender, told) = tokio::sync::oneshot::channel();
    let port = encrypted(shown, &["postgresql"], async move |mut stream| {
        stream.write_all(&request).await.unwrap();
        stream.flush().await.unwrap();
        let mut first = vec![0; 1024];
        let count = stream.read(&mut first).await.unwrap_or(0);
        let _ = sender.send(String::from_utf8_lossy(&first[..count]).into_owned());
        stream
    })
    .await;
    let (authority, password) = (ca(&authority.pem()), ca("secret"));
    let error = Connector::new(verified(port, &authority, Some(&password))).connect("orders", &[]).await.unwrap_err();
    match told.await {
        Ok(first) if !first.is_empty() => Ok(first),
        Ok(_) | Err(_) => Err(error),
    }
}

#[tokio::test]
async fn a_login_is_bound_where_it_can_be_and_says_so_where_nobody_offers_it() {
    let authority = Authority::new("a");
    let shown = authority.sign(&HOSTS, |_| {});
    for mechanisms in [&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"][..], &["SCRAM-SHA-256", "X", "SCRAM-SHA-256-PLUS"]] {
        let first = chosen(&shown, &authority, mechanisms).await.unwrap();
        assert!(first.contains("SCRAM-SHA-256-PLUS\0") && first.contains("p=tls-server-end-point,,n=,r="), "{first:?}");
    }
    let first = chosen(&shown, &authority, &["SCRAM-SHA-256"]).await.unwrap();
    assert!(first.contains("SCRAM-SHA-256\0") && first.contains("y,,n=,r="), "{first:?}");
    let error = chosen(&shown, &authority, &["SCRAM-SHA-1"]).await.unwrap_err();
    assert!(matches!(error, ForwardError::Method { method: "another SASL mechanism", .. }), "{error}");
}

#[tokio::test]
async fn binding_to_tls_is_not_promised_where_there_is_none() {
    let offer = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    let (result, told) = says(true, offer).await;
    assert!(matches!(result, Err(ForwardError::Scram { .. })) && told.is_empty());
}

#[tokio::test]
async fn the_protocols_name_is_agreed_on_or_left_out() {
    let authority = Authority::new("a");
    let file = ca(&authority.pem());
    let shown = authority.sign(&HOSTS, |_| {});
    for alpn in [&[][..], &["postgresql"], &["h2", "postgresql"]] {
        let port = encrypted(&shown, alpn, async |mut stream| {
            let agreed = stream.get_ref().1.alpn_protocol();
            assert!(matches!(agreed, None | Some(b"postgresql")), "{agreed:?}");
            stream.write_all(&[ok(), message(b'Z', b"I")].concat()).await.unwrap();
            stream
        })
        .await;
        let upstream = Connector::new(verified(port, &file, None)).connect("orders", &[]).await.unwrap();
        assert!(matches!(upstream.stream, Link::Tls(_)), "{alpn:?}");
    }
    let acceptor = shown.acceptor(&["http/1.1"]);
    let (port, _) = asked(async move |mut stream: TcpStream| {
        stream.write_all(b"S").await.unwrap();
        let (refused, stream) = acceptor.accept(stream).into_fallible().await.err().unwrap();
        assert!(refused.to_string().contains("application protocol"), "{refused}");
        stream
    })
    .await;
    let error = Connector::new(verified(port, &file, None)).connect("orders", &[]).await.unwrap_err();
    assert!(matches!(error, ForwardError::Handshake { problem: "it broke the handshake off", .. }), "{error}");
}

#[tokio::test]
async fn whom_to_trust_is_read_each_time_and_stays_when_it_cannot_be() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let file = ca(&first.pem());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (show, shown) = tokio::sync::watch::channel(first.sign(&HOSTS, |_| {}).acceptor(&[]));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let acceptor = shown.borrow().clone();
            stream.read_exact(&mut [0; 8]).await.unwrap();
            stream.write_all(b"S").await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            stream.write_all(&[ok(), message(b'Z', b"I")].concat()).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    let connector = Connector::new(verified(port, &file, None));
    let tried = async || connector.connect("orders", &[]).await.map(drop).map_err(|error| error.to_string());
    let lets_in = async |expected: bool| {
        let tried = tried().await;
        assert_eq!(tried.is_ok(), expected, "{tried:?}");
    };
    lets_in(true).await;
    show.send_replace(second.sign(&HOSTS, |_| {}).acceptor(&[]));
    lets_in(false).await;
    std::fs::write(file.path(), format!("{}{}", first.pem(), second.pem())).unwrap();
    lets_in(true).await;
    for broken in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(file.path(), broken).unwrap();
        lets_in(true).await;
        let fresh = Connector::new(verified(port, &file, None)).refresh().await.unwrap_err();
        assert!(matches!(fresh, ForwardError::CaValue { .. }), "{fresh}");
    }
    std::fs::write(file.path(), first.pem()).unwrap();
    lets_in(false).await;
    std::fs::remove_file(file.path()).unwrap();
    lets_in(false).await;
    let fresh = Connector::new(verified(port, &file, None)).refresh().await.unwrap_err();
    assert!(matches!(fresh, ForwardError::CaFile { .. }), "{fresh}");
    std::fs::write(file.path(), second.pem()).unwrap();
    lets_in(true).await;
}

#[tokio::test]
async fn a_cancel_request_goes_through_tls_to_the_same_certificate_only() {
    let authority = Authority::new("a");
    let file = ca(&authority.pem());
    for (signer, delivered) in [(&authority, true), (&Authority::new("b"), false)] {
        let shown = authority.sign(&HOSTS, |_| {});
        let port = encrypted(&shown, &[], async |mut stream| {
            let key = BackendKey { process_id: 7, secret: vec![9; 4].into() }.encode().unwrap();
            stream.write_all(&[ok(), key.bytes().to_vec(), message(b'Z', b"I")].concat()).await.unwrap();
            stream
        })
        .await;
        let upstream = Connector::new(verified(port, &file, None)).connect("orders", &[]).await.unwrap();
        let mut target = upstream.cancel.unwrap();
        let acceptor = signer.sign(&HOSTS, |_| {}).acceptor(&[]);
        let (there, told) = asked(async move |mut stream: TcpStream| {
            stream.write_all(b"S").await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { panic!("the handshake failed") };
            let mut packet = vec![0; 16];
            stream.read_exact(&mut packet).await.unwrap();
            let mut packet = bytes::BytesMut::from(&packet[..]);
            let Ok(Some(StartupPacket::Cancel(request))) = StartupPacket::take(&mut packet) else { panic!("what?") };
            assert_eq!(request.process_id, 7);
            let _ = stream.shutdown().await;
            stream.into_inner().0
        })
        .await;
        target.endpoint = super::super::connect::Endpoint::Tcp(([127, 0, 0, 1], there).into());
        let result = cancel(&target).await;
        assert_eq!(result.is_ok(), delivered, "{result:?}");
        if !delivered {
            assert!(matches!(result, Err(ForwardError::Certificate { .. })), "{result:?}");
            assert!(told.await.is_err(), "no key came through");
        }
    }
}

#[tokio::test]
async fn a_host_that_no_certificate_can_name_is_refused_before_anything_is_sent() {
    let file = ca(&Authority::new("a").pem());
    let upstream = |address| config::Upstream { address, ..verified(1, &file, None) };
    let host = |host: &str| Address::Tcp { host: host.to_owned(), port: 1 };
    for address in [host("-db.example.com"), host("db..example.com"), Address::Unix("/run/.s.PGSQL.5432".into())] {
        let error = Connector::new(upstream(address)).refresh().await.unwrap_err();
        assert!(matches!(error, ForwardError::HostName { .. }), "{error}");
    }
    for name in ["db", "db.example.com", "db.example.com.", "db_1.example.com", "192.0.2.1", "2001:db8::1"] {
        Connector::new(upstream(host(name))).refresh().await.unwrap();
    }
    // Where TLS is asked for, a socket does not quietly do without.
    let listener = tokio::net::UnixListener::bind(file.path().with_extension("sock")).unwrap();
    let socket = upstream(Address::Unix(file.path().with_extension("sock")));
    let error = Connector::new(socket).connect("orders", &[]).await.unwrap_err();
    assert!(matches!(error, ForwardError::HostName { .. }), "{error}");
    let mut told = Vec::new();
    listener.accept().await.unwrap().0.read_to_end(&mut told).await.unwrap();
    assert!(told.is_empty());
    std::fs::remove_file(file.path().with_extension("sock")).unwrap();
}
