//! sqlsmith makes statements of what a database has, as long as it is let. What it is told back is looked at message by
//! message: `make sqlsmith`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::raw::{Message, Raw, query};
use crate::harness::{Setup, until};

/// Everybody reads everything and calls nearly everything, and nobody sees a token or a PIN.
const POLICY: &str = "package policies.shop\n\n\
    allow contains \"reads\" if {\n\tevery effect in input.sql.effects {\n\
    \t\teffect in {\"read\", \"procedure\", \"session\", \"transaction\"}\n\t}\n}\n\n\
    deny contains \"the server and its sessions go on\" if {\n\tsome function in input.sql.functions\n\
    \tfunction.name in {\"pg_cancel_backend\", \"pg_promote\", \"pg_terminate_backend\"}\n}\n\n\
    allow contains \"what it sets\" if {\n\tinput.sql.effects == [\"settings\"]\n\
    \tevery setting in input.sql.settings {\n\t\tsetting.name == \"client_min_messages\"\n\t}\n}\n\n\
    mask contains {\"column\": \"public.vault.token\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n\n\
    mask contains {\"column\": \"public.vault.pin\", \"with\": {\"replace\": {\"value\": 0}}} if true\n";

const VAULT: &str = "create table vault (id int primary key, token text not null, pin int not null, note text);
    insert into vault select n, 'CANARY' || n || 'canary', 918273600 + n, 'note ' || n from generate_series(1, 60) n;
    create index on vault (token); create index on vault (pin) where token > 'A';
    create table boxes (id int, vault int references vault, tags text[], more jsonb, at timestamptz default now());
    insert into boxes select n, 1 + n % 60, array['a', 'b'], '{\"a\": 1}' from generate_series(1, 30) n;
    create view shelf as select b.id, v.note from boxes b join vault v on v.id = b.vault;
    analyze;";

/// What must not come back, as text.
const CANARIES: [&[u8]; 3] = [b"CANARY", b"canary", b"9182736"];

/// The address space of a process that only proxies, in KiB.
const MEMORY: u64 = 1_000_000;

/// What went through.
#[derive(Default)]
struct Seen {
    asked: usize,
    ready: usize,
    rows: usize,
    completed: usize,
    sessions: usize,
    refusals: BTreeMap<String, usize>,
    errors: BTreeMap<String, usize>,
    wrong: Vec<String>,
    last: Option<Instant>,
}

impl Seen {
    fn answer(&mut self, message: &Message) {
        self.last = Some(Instant::now());
        if CANARIES.iter().any(|canary| message.body.windows(canary.len()).any(|part| part == *canary)) {
            self.wrong.push(format!("a canary in {}: {}", message.tag, String::from_utf8_lossy(&message.body)));
        }
        match message.tag {
            'Z' => self.ready += 1,
            'D' => self.rows += 1,
            'C' => self.completed += 1,
            'E' => self.error(message),
            'R' | 'S' | 'K' | 'T' | 'N' | 'I' | '1' | '2' | '3' | 'n' | 't' | 's' => {}
            tag => self.wrong.push(format!("a message that nobody asked for: {tag}")),
        }
    }

    fn error(&mut self, message: &Message) {
        let (code, text) = (message.field('C'), message.field('M'));
        if message.field('S') == "FATAL" || code.starts_with("08") {
            self.wrong.push(format!("{code} {text}"));
        }
        if message.field('D').starts_with("decision ") {
            // Without what is in backticks, and where it was.
            let cause = text.split('`').step_by(2).collect::<Vec<_>>().join("…");
            let cause: String = cause.chars().filter(|c| !c.is_ascii_digit()).collect();
            *self.refusals.entry(format!("{code} {cause}")).or_default() += 1;
        } else {
            *self.errors.entry(code).or_default() += 1;
        }
    }
}

fn frame(stream: &mut TcpStream) -> Option<(Message, Vec<u8>)> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).ok()?;
    let length = u32::from_be_bytes(header[1..].try_into().ok()?);
    let mut body = vec![0; usize::try_from(length.checked_sub(4)?).ok()?];
    stream.read_exact(&mut body).ok()?;
    let bytes = [&header[..], &body].concat();
    Some((Message { tag: char::from(header[0]), body }, bytes))
}

/// Listens between the client and sidegate.
fn tap(port: u16, seen: &Arc<Mutex<Seen>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let tapped = listener.local_addr().expect("an address").port();
    let seen = Arc::clone(seen);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, seen) = (client.expect("a connection"), Arc::clone(&seen));
            let server = TcpStream::connect(("127.0.0.1", port)).expect("sidegate listens");
            seen.lock().expect("whole").sessions += 1;
            let (from, to) = (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
            let asks = Arc::clone(&seen);
            thread::spawn(move || questions(from, to, &asks));
            thread::spawn(move || answers(server, client, &seen));
        }
    });
    tapped
}

fn questions(mut client: TcpStream, mut server: TcpStream, seen: &Mutex<Seen>) {
    let mut length = [0; 4];
    if client.read_exact(&mut length).is_ok() {
        let mut rest = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("it fits") - 4];
        client.read_exact(&mut rest).expect("a start-up packet");
        server.write_all(&[&length[..], &rest].concat()).expect("sidegate listens");
        while let Some((message, bytes)) = frame(&mut client) {
            if matches!(message.tag, 'Q' | 'S') {
                seen.lock().expect("whole").asked += 1;
            }
            if server.write_all(&bytes).is_err() {
                break;
            }
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

fn answers(mut server: TcpStream, mut client: TcpStream, seen: &Mutex<Seen>) {
    while let Some((message, bytes)) = frame(&mut server) {
        seen.lock().expect("whole").answer(&message);
        if client.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[test]
#[ignore = "it takes minutes: `make sqlsmith`"]
fn sqlsmith_is_told_what_the_server_says_or_an_honest_refusal() {
    let server = crate::harness::postgres();
    let database = server.database();
    server.sql(&database, VAULT);
    let mut sidegate = Setup::policy(POLICY).server(server).database(&database).quiet().start();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let port = tap(sidegate.port, &seen);
    let (seconds, seed) = (number("SIDEGATE_SQLSMITH_SECONDS", 300), number("SIDEGATE_SQLSMITH_SEED", 1));
    let target = format!("host=127.0.0.1 port={port} user=alice dbname={database} sslmode=disable gssencmode=disable");
    let mut sqlsmith = Command::new("sqlsmith");
    sqlsmith.arg(format!("--target={target}")).arg(format!("--seed={seed}")).stdin(Stdio::null());
    let log = tempfile::NamedTempFile::new().expect("a file");
    let (out, err) = (log.reopen().expect("a handle"), log.reopen().expect("a handle"));
    let mut smith = sqlsmith.stdout(out).stderr(err).spawn().expect("`make sqlsmith` installs it");
    // First it asks what there is, in a session of its own.
    let loading = Instant::now();
    while seen.lock().expect("whole").sessions < 2 {
        assert!(sidegate.is_alive() && smith.try_wait().expect("it is ours").is_none(), "one of them has ended");
        assert!(loading.elapsed() < Duration::from_secs(900), "it asks what there is, and does not come to an end");
        thread::sleep(Duration::from_millis(100));
    }
    let started = Instant::now();
    let mut most = 0;
    let mut ended = None;
    while started.elapsed() < Duration::from_secs(seconds) && ended.is_none() {
        thread::sleep(Duration::from_millis(500));
        ended = smith.try_wait().expect("it is ours");
        most = most.max(sidegate.resident());
        assert!(sidegate.is_alive(), "sidegate has ended");
        let last = seen.lock().expect("whole").last.unwrap_or(started);
        // It makes a statement in no time, and each has a second on the server.
        assert!(last.elapsed() < Duration::from_secs(60), "nothing has come back for a minute");
    }
    let said = std::fs::read_to_string(log.path()).unwrap_or_default();
    assert!(ended.is_none(), "sqlsmith gave up: {ended:?} {said}");
    smith.kill().expect("it is ours");
    smith.wait().expect("it ends");
    until("the rest", || {
        let seen = seen.lock().expect("whole");
        seen.last.is_none_or(|last| last.elapsed() > Duration::from_secs(2)).then_some(())
    });
    let seen = seen.lock().expect("whole");
    println!(
        "seed {seed}, {seconds} s: {} statements in {} sessions, {} completed with {} rows, {} refused, {} errors of the \
         server's, at most {most} KiB",
        seen.asked,
        seen.sessions,
        seen.completed,
        seen.rows,
        seen.refusals.values().sum::<usize>(),
        seen.errors.values().sum::<usize>()
    );
    for (cause, count) in seen.refusals.iter().chain(&seen.errors) {
        println!("{count:8} {cause}");
    }
    assert!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
    assert!(seen.completed > 20 && seen.rows > 0, "next to nothing was run: {said}");
    // One answer to each, but to the last of a session that was broken off; and one when a session begins.
    let owed = (seen.asked + seen.sessions).abs_diff(seen.ready);
    assert!(owed <= seen.sessions, "{} answers to {} questions", seen.ready, seen.asked);
    assert!(most < MEMORY, "{most} KiB");
    assert!(!sidegate.stderr().iter().any(|line| line.contains("panicked")), "{:?}", sidegate.stderr());
    let mut client = Raw::open(sidegate.port, &database);
    assert_eq!(client.ask(&query("select token from vault where id = 1")), "T D C:SELECT 1 Z:I");
}
