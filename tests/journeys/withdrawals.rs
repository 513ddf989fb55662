//! Identities that are taken back while sessions are open that rest on them: a user who is struck, a password that is
//! another, a key that the issuer has no more, an authority that nobody trusts any more.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::password::scram_sha_256;

use crate::harness::pki::Pki;
use crate::harness::provider::{Key, Provider};
use crate::harness::raw::{Raw, RawTls, bind, execute, message, parse, query, spell, startup};
use crate::harness::{Setup, Sidegate, postgres, until};

/// A line of a file of users.
fn line(name: &str, password: &str) -> String {
    format!("{name}:{}\n", scram_sha_256(password.as_bytes()))
}

/// As an editor saves it: at once.
fn replace(path: &Path, text: &str) {
    std::fs::write(path.with_extension("new"), text).expect("the file is written");
    std::fs::rename(path.with_extension("new"), path).expect("the file is replaced");
}

/// A session of a user who proves a password.
fn log_in(sidegate: &Sidegate, user: &str, password: &str) -> Option<Raw> {
    let mut raw = Raw::silent(sidegate.port);
    let database = sidegate.database.as_str();
    raw.send(&startup(&[("user", user), ("database", database)]));
    raw.next().expect("an offer");
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    let length = u32::try_from(scram.message().len()).expect("short").to_be_bytes();
    raw.send(&message('p', &[b"SCRAM-SHA-256\0", &length[..], scram.message()].concat()));
    scram.update(&raw.next().expect("an answer").body[4..]).expect("a challenge");
    raw.send(&message('p', scram.message()));
    let told = raw.next().expect("an answer");
    (told.tag == 'R').then(|| {
        raw.until_ready();
        raw
    })
}

fn end<S: Read + Write>(raw: &mut Raw<S>) -> (String, String) {
    let told = raw.until_end();
    let words = told.iter().find(|message| message.tag == 'E').map(|message| message.field('M')).unwrap_or_default();
    (spell(&told), words)
}

#[test]
fn who_is_struck_from_the_users_or_has_another_password_is_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = folder.path().join("users");
    let (alice, bob, carol) = (line("alice", "a"), line("bob", "b"), line("carol", "c"));
    std::fs::write(&users, [&alice[..], &bob, &carol].concat()).expect("the users");
    let sidegate = Setup::open().identify(&format!("[{{scram: {{users: {}}}}}]", users.display())).start();
    let open = |user: &str, password: &str| log_in(&sidegate, user, password).expect("a session");
    let mut struck = open("alice", "a");
    let mut running = open("alice", "a");
    let mut withheld = open("alice", "a");
    let mut changed = open("bob", "b");
    let mut kept = open("carol", "c");
    assert_eq!(changed.ask(&query("begin")), "C:BEGIN Z:T");
    withheld.send(&[parse("", "insert into payroll values (950, 1)"), bind("", "", &[]), execute("", 0)].concat());
    running.send(&query("select pg_sleep(4)"));
    replace(&users, &[&carol[..], &line("bob", "other")].concat());
    for client in [&mut struck, &mut changed] {
        let (told, words) = end(client);
        assert_eq!(told, "E:57P01");
        assert_eq!(words, "the identity that the session was opened with was withdrawn: connect again");
    }
    running.send(&query("select 'too late'"));
    assert_eq!(end(&mut running).0, "T D C:SELECT 1 Z:I E:28000");
    assert_eq!(end(&mut withheld).0, "1 2 C:INSERT 0 1 E:57P01");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id = 950"), "0");
    assert!(!postgres().log().contains("too late"), "it never arrived");
    let refused = sidegate.event("the refusal", |event| event["custom"]["sidegate"]["cause"] == "identity");
    assert_eq!(refused["input"]["caller"]["subject"], "alice");
    assert_eq!(kept.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    assert!(log_in(&sidegate, "bob", "b").is_none() && log_in(&sidegate, "bob", "other").is_some());
}

#[test]
fn a_file_of_users_that_cannot_be_read_lets_nobody_in_and_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let users = folder.path().join("users");
    let (alice, bob) = (line("alice", "a"), line("bob", "b"));
    std::fs::write(&users, [&alice[..], &bob].concat()).expect("the users");
    let sidegate = Setup::open().identify(&format!("[{{scram: {{users: {}}}}}]", users.display())).start();
    let [mut alice_in, mut bob_in] =
        [("alice", "a"), ("bob", "b")].map(|(user, password)| log_in(&sidegate, user, password).expect("a session"));
    replace(&users, "alice is gone\n");
    until("the complaint", || {
        let lines = sidegate.stderr();
        lines
            .iter()
            .any(|line| line.contains("nobody who was in by it is out") && line.contains("users:1"))
            .then_some(())
    });
    let mut refused = Raw::silent(sidegate.port);
    refused.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
    assert_eq!(end(&mut refused), ("E:28000".to_owned(), "sidegate cannot recognise callers at present".to_owned()));
    assert_eq!(alice_in.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    replace(&users, &bob);
    assert_eq!(end(&mut alice_in).0, "E:57P01");
    assert_eq!(bob_in.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
}

/// A session that a token opened.
fn with_token(sidegate: &Sidegate, token: &str) -> Raw {
    let mut raw = Raw::silent(sidegate.port);
    raw.send(&startup(&[("user", "anybody"), ("database", &sidegate.database)]));
    raw.next().expect("a question");
    raw.send(&message('p', &[token.as_bytes(), b"\0"].concat()));
    raw.until_ready();
    raw
}

#[test]
fn a_key_that_the_issuer_withdraws_takes_its_sessions_along() {
    let (leaked, other, imposter) = (Key::new("k1"), Key::new("k2"), Key::new("k1"));
    let provider = Provider::start(&[&leaked, &other]);
    let sidegate = Setup::open().identify("[{jwt: {issuer: corp}}]").sidegate(&provider.configuration("")).start();
    let claims = provider.claims(600);
    let mut out = with_token(&sidegate, &leaked.token(&claims));
    let mut kept = with_token(&sidegate, &other.token(&claims));
    let hang_up = || {
        let before = sidegate.stderr().len();
        let status = Command::new("kill").args(["-HUP", &sidegate.pid().to_string()]).status().expect("kill runs");
        assert!(status.success());
        until("the keys to be fetched", || {
            sidegate.stderr()[before..].iter().any(|line| line.contains("asked by SIGHUP")).then_some(())
        });
    };
    // What is no set of keys withdraws none.
    provider.says("{\"keys\":[]}");
    hang_up();
    assert_eq!(out.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    // The name is not the key.
    provider.has(&[&imposter, &other]);
    hang_up();
    let (told, words) = end(&mut out);
    assert_eq!(told, "E:57P01");
    assert_eq!(words, "the identity that the session was opened with was withdrawn: connect again");
    assert_eq!(kept.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
}

#[test]
fn a_key_that_the_issuer_withdraws_is_missed_without_anybody_asking() {
    let (leaked, other) = (Key::new("k1"), Key::new("k2"));
    let provider = Provider::start(&[&leaked, &other]);
    // Keys are fetched four times within their age, and every 45 seconds at least.
    let issuers = provider.configuration(", max_age: 4s");
    let sidegate = Setup::open().identify("[{jwt: {issuer: corp}}]").sidegate(&issuers).start();
    let claims = provider.claims(600);
    let [mut out, mut kept] = [&leaked, &other].map(|key| with_token(&sidegate, &key.token(&claims)));
    let ended = "sidegate_identities_ended_total{listener=\"shop\",reason=\"withdrawn\"}";
    assert!(sidegate.metric(ended) < 0.5);
    provider.has(&[&other]);
    assert_eq!(end(&mut out).0, "E:57P01");
    assert_eq!(kept.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    assert!((sidegate.metric(ended) - 1.0).abs() < 0.5);
}

#[test]
fn a_key_that_leaves_a_file_takes_its_sessions_along() {
    let (gone, other) = (Key::new("k1"), Key::new("k2"));
    let provider = Provider::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, Key::set(&[&gone, &other])).expect("the keys");
    let more = format!(", jwks: {{file: {}}}", keys.display());
    let sidegate = Setup::open().identify("[{jwt: {issuer: corp}}]").sidegate(&provider.configuration(&more)).start();
    let claims = provider.claims(600);
    let [mut out, mut kept] = [&gone, &other].map(|key| with_token(&sidegate, &key.token(&claims)));
    replace(&keys, &Key::set(&[&other]));
    assert_eq!(end(&mut out).0, "E:57P01");
    assert_eq!(kept.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
}

#[test]
fn an_authority_that_is_struck_takes_its_clients_along() {
    let (pki, partner) = (Pki::new(), Pki::new());
    let own = std::fs::read_to_string(pki.path("ca.crt")).expect("the CA");
    let theirs = std::fs::read_to_string(partner.path("ca.crt")).expect("the CA");
    let authorities = pki.path("clients.crt");
    replace(&authorities, &format!("{own}{theirs}"));
    let tls = pki.yaml().replace("ca.crt", "clients.crt");
    let sidegate = Setup::open().identify("[{mtls: {}}]").listener(&tls).start();
    let open = |of: &Pki| {
        let config = pki.client_with(&of.issue(|_| {}));
        let mut client = RawTls::encrypted(sidegate.port, &config).expect("a handshake");
        client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
        let told = spell(&client.answer());
        told.ends_with("Z:I").then_some(client)
    };
    let (mut kept, mut out) = (open(&pki).expect("a session"), open(&partner).expect("a session"));
    // Another certificate of sidegate's own is no reason to end anything.
    pki.install(&pki.issue(|_| {}));
    until("the new certificate", || {
        let told = sidegate.stderr();
        told.iter().any(|line| line.contains("serves a new certificate")).then_some(())
    });
    assert_eq!(out.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    replace(&authorities, &own);
    let (told, words) = end(&mut out);
    assert_eq!(told, "E:57P01");
    assert_eq!(words, "the identity that the session was opened with was withdrawn: connect again");
    assert_eq!(kept.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    assert!(open(&partner).is_none(), "nor does it come back");
    assert!(open(&pki).is_some());
}
