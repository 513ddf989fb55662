//! Against a real PostgreSQL with TLS.

use super::certificates::{Authority, Shown, expired, for_clients, future};
use super::server::{Server, ask, password};
use super::*;
use crate::config::{CertificateCheck, UpstreamTls};

const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];
const MODES: [(&str, CertificateCheck); 4] = [
    ("verify-full", CertificateCheck::Name),
    ("verify-ca", CertificateCheck::Chain),
    ("require and ca", CertificateCheck::Chain),
    ("require", CertificateCheck::Nothing),
];

fn file(pem: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    file
}

fn tls(check: CertificateCheck, ca: &tempfile::NamedTempFile) -> Option<UpstreamTls> {
    let ca = (check != CertificateCheck::Nothing).then(|| ca.path().to_owned());
    Some(UpstreamTls { check, ca })
}

/// What a login came to: `in`, or one word on why not.
fn word(result: &Result<Upstream, ForwardError>) -> String {
    match result {
        Ok(_) => "in".to_owned(),
        Err(ForwardError::Certificate { problem, .. }) => {
            let words = ["expired", "not valid yet", "signed it", "another host", "not for servers", "signature"];
            words.into_iter().find(|word| problem.contains(word)).unwrap_or(problem).to_owned()
        }
        Err(ForwardError::Unbound { .. }) => "unbound".to_owned(),
        Err(ForwardError::Refused { sqlstate, .. }) => sqlstate.clone(),
        Err(other) => format!("{other}"),
    }
}

#[tokio::test]
async fn every_mode_lets_in_by_the_certificates_that_it_should() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (ca, secret) = (file(&ours.pem()), password(PASSWORD));
    let good = ours.sign(&HOSTS, |_| {});
    let server = Server::with("", "", Some(&good));
    let alone = Shown::alone(|_| {});
    for (what, shown, [full, chain, none]) in [
        ("good", &good, ["in", "in", "in"]),
        ("another host", &ours.sign(&["db.example.com"], |_| {}), ["another host", "in", "in"]),
        ("no host", &ours.sign(&[], |_| {}), ["another host", "in", "in"]),
        ("a part of the host", &ours.sign(&["local", "*.localhost"], |_| {}), ["another host", "in", "in"]),
        ("expired", &ours.sign(&HOSTS, expired), ["expired", "expired", "in"]),
        ("in the future", &ours.sign(&HOSTS, future), ["not valid yet", "not valid yet", "in"]),
        ("for clients", &ours.sign(&HOSTS, for_clients), ["not for servers", "not for servers", "in"]),
        ("another signer", &theirs.sign(&HOSTS, |_| {}), ["signed it", "signed it", "in"]),
        ("a signer of the same name", &Authority::new("ours").sign(&HOSTS, |_| {}), ["signature", "signature", "in"]),
        ("nobody", &alone, ["signed it", "signed it", "in"]),
    ] {
        server.show(shown).await;
        for ((mode, check), expected) in MODES.into_iter().zip([full, chain, chain, none]) {
            let upstream = config::Upstream { tls: tls(check, &ca), ..server.upstream(false, &secret) };
            let result = Connector::new(upstream).connect("postgres", &[]).await;
            assert_eq!(word(&result), expected, "{what}: {mode}");
            if let Ok(mut upstream) = result {
                let ssl = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
                assert_eq!(ask(&mut upstream, ssl).await, (vec!["t".to_owned()], None), "{what}: {mode}");
            }
        }
        let plain = Connector::new(server.upstream(false, &secret)).connect("postgres", &[]).await;
        assert_eq!(word(&plain), "in", "`disable` does not look");
    }
}

#[tokio::test]
async fn a_certificate_that_is_named_itself_will_do_while_it_is_valid() {
    let secret = password(PASSWORD);
    let good = Shown::alone(|_| {});
    let server = Server::with("", "", Some(&good));
    let old = Shown::alone(expired);
    let early = Shown::alone(future);
    for (what, shown, [checked, unchecked]) in
        [("good", &good, ["in", "in"]), ("old", &old, ["expired", "in"]), ("early", &early, ["not valid yet", "in"])]
    {
        server.show(shown).await;
        let ca = file(&shown.certificate_pem);
        for ((mode, check), expected) in MODES.into_iter().zip([checked, checked, checked, unchecked]) {
            let upstream = config::Upstream { tls: tls(check, &ca), ..server.upstream(false, &secret) };
            let result = Connector::new(upstream).connect("postgres", &[]).await;
            assert_eq!(word(&result), expected, "{what}: {mode}");
        }
    }
}

/// What a login is bound to depends on what has signed the certificate, and the server must come to the same.
#[tokio::test]
async fn logins_are_bound_by_the_hash_of_the_signature_and_without_one_only_a_checked_certificate_will_do() {
    let secret = password(PASSWORD);
    let edwards = Shown::by_openssl("-newkey ed25519");
    let server = Server::with("", "", Some(&edwards));
    for (what, unchecked) in [
        ("-newkey ed25519", "unbound"),
        ("-newkey rsa:2048 -sha256", "in"),
        ("-newkey rsa:2048 -sha384", "in"),
        ("-newkey rsa:2048 -sha512", "in"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256", "in"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384", "in"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha512", "in"),
    ] {
        let shown = Shown::by_openssl(what);
        server.show(&shown).await;
        let ca = file(&shown.certificate_pem);
        for ((mode, check), expected) in MODES.into_iter().zip(["in", "in", "in", unchecked]) {
            let upstream = config::Upstream { tls: tls(check, &ca), ..server.upstream(false, &secret) };
            let result = Connector::new(upstream).connect("postgres", &[]).await;
            assert_eq!(word(&result), expected, "{what}: {mode}");
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Plain,
    Tls,
}

/// Somebody in between who ends TLS on both sides, with a certificate of his own. He may take the binding off the offer.
async fn in_between(server: &Server, shown: &Shown, towards: Towards, strips: bool) -> u16 {
    let (acceptor, port) = (shown.acceptor(&["postgresql"]), server.port);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            client.read_exact(&mut [0; 8]).await.unwrap();
            client.write_all(b"S").await.unwrap();
            let Ok(mut client) = acceptor.accept(client).await else { continue };
            let stream = crate::accept::Stream::tcp(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).unwrap();
            let mut server = if towards == Towards::Tls {
                let asked = UpstreamTls { check: CertificateCheck::Nothing, ca: None };
                let tls = Arc::new(super::super::tls::Tls::new(asked, "localhost", crate::accept::Hands::default()));
                Link::Tls(Box::new(tls.encrypt(stream, "localhost").await.unwrap().0))
            } else {
                Link::Plain(stream)
            };
            if strips {
                let length = client.read_u32().await.unwrap();
                let mut packet = vec![0; length as usize - 4];
                client.read_exact(&mut packet).await.unwrap();
                server.write_u32(length).await.unwrap();
                server.write_all(&packet).await.unwrap();
                server.flush().await.unwrap();
                let mut offer = vec![0; 1024];
                let count = server.read(&mut offer).await.unwrap();
                assert!(offer[..count].windows(18).any(|window| window == b"SCRAM-SHA-256-PLUS"), "it was offered");
                client.write_all(&sasl()).await.unwrap();
                client.flush().await.unwrap();
            }
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    });
    here
}

#[tokio::test]
async fn somebody_in_between_gets_no_session_by_a_certificate_of_his_own() {
    let ours = Authority::new("ours");
    let (ca, secret) = (file(&ours.pem()), password(PASSWORD));
    let server = Server::with("", "", Some(&ours.sign(&HOSTS, |_| {})));
    let (stolen, forged) = (ours.sign(&HOSTS, |_| {}), Shown::alone(|_| {}));
    // Where `ours` has signed his certificate as well, only the binding can tell; with nothing to bind to at the real
    // server, he is as good as the server.
    for (what, shown, towards, strips, [full, chain, none]) in [
        ("forged", &forged, Towards::Tls, false, ["signed it", "signed it", "28000"]),
        ("forged and stripped", &forged, Towards::Tls, true, ["signed it", "signed it", "unbound"]),
        ("forged, plain behind", &forged, Towards::Plain, false, ["signed it", "signed it", "unbound"]),
        ("stolen", &stolen, Towards::Tls, false, ["28000", "28000", "28000"]),
        ("stolen and stripped", &stolen, Towards::Tls, true, ["28000", "28000", "unbound"]),
        ("stolen, plain behind", &stolen, Towards::Plain, false, ["in", "in", "unbound"]),
    ] {
        let port = in_between(&server, shown, towards, strips).await;
        for ((mode, check), expected) in MODES.into_iter().zip([full, chain, chain, none]) {
            let address = Address::Tcp { host: "localhost".into(), port };
            let upstream = config::Upstream { address, tls: tls(check, &ca), ..server.upstream(false, &secret) };
            let result = Connector::new(upstream).connect("postgres", &[]).await;
            assert_eq!(word(&result), expected, "{what}: {mode}");
        }
    }
}

#[tokio::test]
async fn a_servers_certificate_rotates_while_sessions_are_opened() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let (ca, secret) = (file(&old.pem()), password(PASSWORD));
    let server = Server::with("", "", Some(&old.sign(&HOSTS, |_| {})));
    let upstream = config::Upstream { tls: tls(CertificateCheck::Name, &ca), ..server.upstream(false, &secret) };
    let connector = Arc::new(Connector::new(upstream));
    let mut before = connector.connect("postgres", &[]).await.unwrap();
    let (opened, rounds) = tokio::sync::watch::channel(0);
    let shared = Arc::clone(&connector);
    let opening = tokio::spawn(async move {
        while !opened.is_closed() {
            shared.connect("postgres", &[]).await.unwrap();
            opened.send_modify(|count| *count += 1);
        }
    });
    // As it is done: first both are trusted, then the certificate changes, then, once nobody is shown the old one any
    // more, its signer goes.
    for authority in [&new, &old, &new] {
        std::fs::write(ca.path(), format!("{}{}", old.pem(), new.pem())).unwrap();
        server.show(&authority.sign(&HOSTS, |_| {})).await;
        let mut rounds = rounds.clone();
        let begun = *rounds.borrow();
        rounds.wait_for(|count| *count >= begun + 2).await.unwrap();
        std::fs::write(ca.path(), authority.pem()).unwrap();
        connector.connect("postgres", &[]).await.unwrap();
    }
    drop(rounds);
    opening.await.unwrap();
    assert_eq!(ask(&mut before, "select 1").await, (vec!["1".to_owned()], None), "open sessions go on");
}
