//! Crowds at the door that cost the server more than themselves: sessions go on, and whoever may come in does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use crate::harness::pki::Pki;
use crate::harness::raw::{Raw, RawTls, SSL_REQUEST, message, query, startup};
use crate::harness::{Setup, Sidegate, postgres, said};

/// How long a crowd stays, and how many come at a time.
const STAYS: Duration = Duration::from_secs(4);
const CROWD: usize = 8;

/// Whatever else waits: the same machine is the crowd's.
const SLOW: Duration = Duration::from_secs(2);

/// Lets a crowd try while `asks` and `enters` are done again and again, none of them slowly; gives how often one of the
/// crowd had its try.
fn beside(tries: impl Fn() + Send + Sync + 'static, mut asks: impl FnMut(), enters: impl Fn()) -> usize {
    let (over, tried) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let tries = Arc::new(tries);
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| {
            let (over, tried, tries) = (Arc::clone(&over), Arc::clone(&tried), Arc::clone(&tries));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    tries();
                    tried.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let begun = Instant::now();
    while begun.elapsed() < STAYS {
        for _ in 0..10 {
            let now = Instant::now();
            asks();
            assert!(now.elapsed() < SLOW, "a statement took {:?}", now.elapsed());
        }
        let now = Instant::now();
        enters();
        assert!(now.elapsed() < SLOW, "a login took {:?}", now.elapsed());
    }
    over.store(true, Ordering::Relaxed);
    crowd.into_iter().for_each(|one| one.join().expect("it ends"));
    tried.load(Ordering::Relaxed)
}

#[test]
fn handshakes_that_cost_a_client_nothing_keep_nobody_waiting() {
    let pki = Pki::new();
    let sidegate = Setup::open().listener(&pki.yaml()).start();
    let (port, database) = (sidegate.port, sidegate.database.clone());
    let open = || {
        let mut client = RawTls::encrypted(port, &pki.client()).expect("a handshake");
        client.send(&startup(&[("user", "alice"), ("database", &database)]));
        client.until_ready();
        client
    };
    let mut neighbour = open();
    // One and the same hello does: the server has the work.
    let mut hello = Vec::new();
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(pki.client(), name).expect("a client").write_tls(&mut hello).expect("a hello");
    let tries = move || {
        let crowd: Vec<TcpStream> = (0..20)
            .map(|_| {
                let mut one = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
                one.write_all(&SSL_REQUEST).expect("it is sent");
                one
            })
            .collect();
        for mut one in crowd {
            let mut answer = [0];
            if one.read_exact(&mut answer).is_ok() && answer == *b"S" {
                let _ = one.write_all(&hello);
            }
        }
    };
    let asks = || assert_eq!(neighbour.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    let tried = beside(tries, asks, || drop(open()));
    assert!(tried > 50, "{tried} times is no crowd");
}

/// A user of PostgreSQL's with that password, as a file has him.
fn users(name: &str, password: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let role = format!("crowded_{}", std::process::id());
    postgres().sql("postgres", &format!("create role {role} password '{password}'"));
    let stored = format!("select rolpassword from pg_authid where rolname = '{role}'");
    let verifier = postgres().sql("postgres", &stored);
    postgres().sql("postgres", &format!("drop role {role}"));
    std::fs::write(file.path(), format!("{name}:{verifier}\n")).expect("written");
    file
}

/// One wrong proof, without any of the work that a right one takes.
fn proves_nothing(port: u16, user: &str) {
    let mut client = Raw::silent(port);
    client.send(&startup(&[("user", user), ("database", "postgres")]));
    if client.next().is_none_or(|message| message.tag != 'R') {
        return;
    }
    let first = b"n,,n=,r=abcdefghijklmnopqrstuvwx";
    let mut body = b"SCRAM-SHA-256\0".to_vec();
    body.extend_from_slice(&u32::try_from(first.len()).expect("short").to_be_bytes());
    body.extend_from_slice(first);
    client.send(&message('p', &body));
    let Some(challenge) = client.next() else { return };
    let challenge = String::from_utf8_lossy(&challenge.body[4..]).into_owned();
    let nonce = challenge.split(',').next().unwrap_or_default().to_owned();
    client.send(&message('p', format!("c=biws,{nonce},p={}", STANDARD.encode([0; 32])).as_bytes()));
    drop(client.until_end());
}

fn logs_in(sidegate: &Sidegate) {
    assert_eq!(said(&sidegate.psql_as("wonderland", &["-c", "select 1"])), "1\n");
}

#[test]
fn wrong_passwords_keep_nobody_waiting() {
    let users = users("alice", "wonderland");
    let identify = format!("[{{scram: {{users: {}}}}}]", users.path().display());
    let sidegate = Setup::open().identify(&identify).start();
    let port = sidegate.port;
    let turn = AtomicUsize::new(0);
    let tries = move || proves_nothing(port, ["alice", "nobody"][turn.fetch_add(1, Ordering::Relaxed) % 2]);
    let tried = beside(tries, || {}, || logs_in(&sidegate));
    assert!(tried > 500, "{tried} times is no crowd");
}
