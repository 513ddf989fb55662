use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::keyring::Keyring;
use super::*;
use crate::config::{Algorithm, Issuer, KeySource};
use crate::identify::IdentifyError;
use crate::identify::tests::provider::{Server, Signer, b64, claims, issuer, ok, set};
use crate::identify::token::{Token, TokenError};
use crate::model::{Fault, FaultKind};
use crate::telemetry::Metrics;

fn read(keys: &Value) -> Result<KeySet, &'static str> {
    KeySet::read(json!({"keys": keys}).to_string().as_bytes(), &Algorithm::ALL)
}

fn of(issuer: Issuer) -> Arc<Keyring> {
    Arc::new(Keyring::new(issuer, Metrics::new()))
}

fn discovered(server: &Server) -> Issuer {
    Issuer { issuer: server.url.clone(), ..issuer(KeySource::Discovery) }
}

fn token(signer: &Signer) -> Token {
    Token::read(&signer.token(&claims())).unwrap()
}

#[test]
fn keys_for_other_purposes_are_left_out() {
    let signer = Signer::p256("a");
    let with = |name: &str, value: Value| {
        let mut key = signer.jwk();
        key[name] = value;
        key
    };
    for key in [
        with("use", json!("enc")),
        with("use", json!(["sig"])),
        with("key_ops", json!(["sign"])),
        with("key_ops", json!("verify")),
        with("alg", json!("RS256")),
        with("alg", json!("none")),
        with("alg", json!(null)),
        with("d", json!("AAAA")),
        with("kid", json!(1)),
        with("kty", json!("OKP")),
        with("crv", json!("P-384")),
        with("crv", json!("secp256k1")),
        with("x", json!(b64([1; 31]))),
        with("y", json!("!")),
        json!({"kty": "oct", "kid": "a", "k": b64([7; 32]), "alg": "HS256"}),
        json!({"kty": "RSA", "kid": "a", "n": "AQAB"}),
        json!("a"),
        json!(null),
    ] {
        assert_eq!(read(&json!([key])).unwrap_err(), "it has no key that could verify a token", "{key}");
        let beside = read(&json!([key, Signer::ed25519("b").jwk()])).unwrap();
        assert_eq!(beside.len(), 1, "{key}");
    }
    for key in [with("key_ops", json!(["verify"])), with("alg", json!("ES256")), with("x5c", json!(["MIIB"]))] {
        let keys = read(&json!([key])).unwrap();
        assert!(keys.verify(&token(&signer)).is_ok(), "{key}");
    }
}

#[test]
fn a_set_that_is_none_is_refused_whole() {
    let many = vec![Signer::ed25519("a").jwk(); 201];
    for text in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":[]}"#.to_owned(),
        r#"{"keys":[],"keys":[]}"#.to_owned(),
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        json!({"keys": many}).to_string(),
        set(&[&Signer::ed25519("a")]).replacen("\"kid\"", "\"kid\":\"b\",\"kid\"", 1),
    ] {
        assert!(KeySet::read(text.as_bytes(), &Algorithm::ALL).is_err(), "{text:.100}");
    }
}

#[test]
fn a_name_that_two_keys_share_is_neithers() {
    let (one, other, third) = (Signer::ed25519("a"), Signer::ed25519("a"), Signer::p256("a"));
    let keys = read(&json!([one.jwk(), other.jwk(), third.jwk()])).unwrap();
    assert_eq!(keys.verify(&token(&one)).map(drop), Err(TokenError::AmbiguousKey));
    assert_eq!(keys.verify(&token(&third)).map(drop), Ok(()), "only one key of this name is for its algorithm");
    // Without a name there must be no choice.
    let nameless = |signer: &Signer| {
        let header = json!({"alg": signer.algorithm()}).to_string();
        Token::read(&signer.of_texts(&header, &claims().to_string())).unwrap()
    };
    let alone = read(&json!([one.jwk(), third.jwk()])).unwrap();
    assert_eq!(alone.verify(&nameless(&one)).map(drop), Ok(()));
    assert_eq!(keys.verify(&nameless(&one)).map(drop), Err(TokenError::AmbiguousKey));
}

#[tokio::test]
async fn keys_are_discovered_and_a_new_one_is_asked_for_once() {
    let server = Server::start().await;
    let (old, new, never) = (Signer::ed25519("old"), Signer::p256("new"), Signer::ed25519("never"));
    server.has(&[&old]);
    let ring = of(discovered(&server));
    ring.verify(&token(&old)).await.unwrap();
    assert_eq!(server.asked(), 2, "the configuration, and the keys");
    ring.verify(&token(&old)).await.unwrap();
    assert_eq!(server.asked(), 2);
    server.has(&[&old, &new]);
    let unknown =
        |error: IdentifyError| matches!(error, IdentifyError::Token { problem: TokenError::UnknownKey { .. }, .. });
    for _ in 0..50 {
        assert!(unknown(ring.verify(&token(&never)).await.unwrap_err()));
    }
    assert_eq!(server.asked(), 2, "the first question was a moment ago");
}

#[tokio::test]
async fn a_key_that_came_with_a_rotation_is_known_after_one_question() {
    let server = Server::start().await;
    let (old, new) = (Signer::ed25519("old"), Signer::p256("new"));
    server.has(&[&old]);
    let ring = of(discovered(&server));
    assert!(ring.fetch().await, "as in the background");
    assert!(ring.verify(&token(&old)).await.is_ok());
    let before = server.asked();
    server.has(&[&new]);
    let mut together = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (ring, token) = (Arc::clone(&ring), token(&new));
        together.spawn(async move { ring.verify(&token).await.is_ok() });
    }
    let outcomes = together.join_all().await;
    assert!(outcomes.into_iter().all(|known| known));
    assert_eq!(server.asked(), before + 2, "one question for all of them");
    assert!(ring.verify(&token(&old)).await.is_err(), "a key that is gone is gone");
}

#[tokio::test]
async fn what_a_provider_should_not_say_changes_nothing() {
    let server = Server::start().await;
    let (held, other) = (Signer::ed25519("a"), Signer::ed25519("b"));
    server.has(&[&held]);
    let ring = of(discovered(&server));
    ring.verify(&token(&held)).await.unwrap();
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(10 << 20));
    let endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".iter().copied().chain(vec![b' '; 2 << 20]).collect();
    for (what, answer) in [
        ("an error", b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("nothing", Vec::new()),
        ("no HTTP", b"hello".to_vec()),
        ("an empty set", ok(r#"{"keys":[]}"#)),
        ("no set", ok("<html>")),
        ("10 MB", ok(&huge)),
        ("no end", endless),
        ("half of it", b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"keys\":[".to_vec()),
        ("another place", redirect(&server.url)),
    ] {
        server.says(answer);
        assert!(fetch::keys(ring.issuer()).await.is_err(), "{what}");
        assert!(ring.verify(&token(&held)).await.is_ok(), "{what}: the keys that are held serve");
        assert!(ring.verify(&token(&other)).await.is_err(), "{what}");
    }
}

#[test]
fn a_withdrawn_key_is_missed_within_a_minute_however_slowly_the_provider_answers() {
    // The configuration, and the keys.
    assert!(keyring::REFRESH + 2 * fetch::ANSWER <= Duration::from_secs(60));
}

/// To where there would be keys.
fn redirect(base: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {base}/.well-known/openid-configuration\r\ncontent-length: 0\r\n\r\n")
        .into_bytes()
}

#[tokio::test]
async fn keys_serve_until_they_are_too_old_and_then_nobody_gets_in() {
    let server = Server::start().await;
    let signer = Signer::ed25519("a");
    server.has(&[&signer]);
    let age = Duration::from_millis(700);
    let ring = of(Issuer { max_age: age, ..discovered(&server) });
    let asked = tokio::time::Instant::now();
    ring.verify(&token(&signer)).await.unwrap();
    server.says(Vec::new());
    assert!(ring.verify(&token(&signer)).await.is_ok());
    let error = loop {
        match ring.verify(&token(&signer)).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => break error,
        }
    };
    assert!(asked.elapsed() >= age, "they were refused before their time");
    assert_eq!(error.kind(), FaultKind::Unauthenticated);
    assert_eq!(error.public(), "sidegate cannot recognise callers at present");
    assert!(error.to_string().contains("issuer `corp`"), "{error}");
}

#[tokio::test]
async fn another_issuer_at_the_address_is_not_the_one_that_was_configured() {
    let server = Server::start().await;
    server.has(&[&Signer::ed25519("a")]);
    for (name, want) in [
        (format!("{}/", server.url), "to the letter"),
        (format!("{}//", server.url), "to the letter"),
        (server.url.replace("127.0.0.1", "localhost"), "to the letter"),
    ] {
        let error = fetch::keys(&Issuer { issuer: name.clone(), ..discovered(&server) }).await.unwrap_err();
        assert!(error.to_string().contains(want), "{name}: {error}");
    }
    // Keys at a known address need no discovery.
    let direct = issuer(KeySource::Url(format!("{}/keys", server.url)));
    assert_eq!(fetch::keys(&direct).await.unwrap().len(), 1);
}

#[tokio::test]
async fn keys_of_a_discovered_issuer_are_at_its_own_host_unless_the_configuration_says_where() {
    let (server, other) = (Server::start().await, Server::start().await);
    server.has(&[&Signer::ed25519("a")]);
    other.has(&[&Signer::ed25519("mallory")]);
    for address in [
        format!("{}/keys", other.url),
        format!("{}/keys", server.url.replace("127.0.0.1", "localhost")),
        format!("{}/keys", server.url.replace("http:", "https:")),
        format!("{}@evil.example/keys", server.url),
        "https://evil.example/keys".to_owned(),
    ] {
        server.has_keys_at(&address);
        let error = fetch::keys(&discovered(&server)).await.unwrap_err().to_string();
        assert!(error.contains("`jwks_uri` is"), "{address}: {error}");
    }
    assert_eq!(other.asked(), 0, "nobody is asked for them");
    server.has_keys_at(&format!("{}/elsewhere", server.url));
    assert_eq!(fetch::keys(&discovered(&server)).await.unwrap().len(), 1);
    let named = Issuer { keys: KeySource::Url(format!("{}/keys", other.url)), ..discovered(&server) };
    assert_eq!(fetch::keys(&named).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let (old, new) = (Signer::ed25519("a"), Signer::p256("b"));
    let configured = [issuer(KeySource::File(path.clone()))];
    let missing = Issuers::start(&configured, &Metrics::new()).await.unwrap_err();
    assert!(missing.to_string().contains("keys.json"), "{missing}");
    std::fs::write(&path, set(&[&old])).unwrap();
    let ring = Issuers::start(&configured, &Metrics::new()).await.unwrap().get("corp").unwrap();
    assert!(ring.verify(&token(&old)).await.is_ok() && ring.verify(&token(&new)).await.is_err());
    std::fs::write(&path, set(&[&new])).unwrap();
    assert!(ring.verify(&token(&new)).await.is_ok() && ring.verify(&token(&old)).await.is_err());
    std::fs::write(&path, " ".repeat(2 << 20)).unwrap();
    assert!(ring.verify(&token(&new)).await.unwrap_err().to_string().contains("larger than 1048576 bytes"));
    std::fs::write(&path, "{").unwrap();
    assert_eq!(ring.verify(&token(&new)).await.unwrap_err().kind(), FaultKind::Unauthenticated);
}
