//! Clients that ask and do not listen: what is kept for them stays small, and nobody else waits.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::harness::raw::{Raw, bind, execute, message, parse, query, sync};
use crate::harness::{Setup, Sidegate};

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

/// Floods a session until it takes no more, and checks what that costs.
fn flood(what: &str, before: &[u8], drop: &[u8]) {
    let mut sidegate = Setup::open().start();
    let mut neighbour = open(&sidegate);
    let mut client = open(&sidegate);
    client.send(before);
    let resident = sidegate.resident();
    let taken = client.flood(&drop.repeat(100_000), Duration::from_secs(3));
    assert!(taken > 256 << 10, "{what}: only {taken} bytes were taken");
    assert_eq!(neighbour.ask(&query("select 1")), "T D C:SELECT 1 Z:I", "{what}");
    let grown = sidegate.resident().saturating_sub(resident);
    assert!(grown < 65_536, "{what}: {grown} KiB more for {taken} bytes");
    assert!(sidegate.is_alive());
}

#[test]
fn syncs_whose_answers_nobody_reads_cost_little() {
    flood("syncs", &[], &sync());
}

#[test]
fn closes_that_nothing_answers_cost_little() {
    flood("closes", &[], &message('C', b"Sa\0"));
}

#[test]
fn questions_behind_a_statement_that_takes_its_time_cost_little() {
    flood(
        "describes",
        &[parse("", "select pg_sleep(60)"), bind("", "", &[]), execute("", 0)].concat(),
        &message('D', b"P\0"),
    );
}

#[test]
fn rows_that_nobody_reads_stay_at_the_server() {
    let mut sidegate = Setup::open().start();
    let mut neighbour = open(&sidegate);
    let resident = sidegate.resident();
    let mut deaf: Vec<_> = (0..8).map(|_| open(&sidegate)).collect();
    for client in &mut deaf {
        client.send(&query("select repeat('x', 1000000) from generate_series(1, 500)"));
        assert!(client.answers_within(Duration::from_secs(20)), "it began");
    }
    assert_eq!(neighbour.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    let grown = sidegate.resident().saturating_sub(resident);
    assert!(grown < 65_536, "{grown} KiB more for 8 clients");
    // They are not waited for, either.
    assert!(sidegate.terminate().success());
    drop(deaf);
}

#[test]
fn a_flood_from_one_address_keeps_no_place_from_another() {
    let mut sidegate = Setup::open().listener("limits: {connections: 60, startup: 20s}").start();
    let local = SocketAddr::from(([127, 0, 0, 2], 0));
    let server = SocketAddr::from(([127, 0, 0, 1], sidegate.port));
    let crowd: Vec<Socket> = (0..200)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.bind(&local.into()).expect("another address of the loopback");
            socket.connect(&server.into()).expect("somebody listens");
            socket
        })
        .collect();
    let mut clients: Vec<_> = (0..20).map(|_| open(&sidegate)).collect();
    for client in &mut clients {
        assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    }
    assert!(sidegate.metric("sidegate_sessions_open{") >= 20.0);
    drop(crowd);
    assert!(sidegate.is_alive());
}

/// Sends this ahead, with no Sync until the very end, and counts the answers with `tag`.
fn ahead(before: &[u8], message: &[u8], times: usize, tag: char) -> usize {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    client.send(before);
    let (mut writer, messages) = (client.another(), message.repeat(times));
    let writer = std::thread::spawn(move || writer.send(&[messages, sync()].concat()));
    let answers = client.until_ready();
    writer.join().expect("it ends");
    assert!(answers.iter().all(|answer| answer.tag != 'E'), "{:?}", answers.last());
    answers.iter().filter(|answer| answer.tag == tag).count()
}

#[test]
fn a_pipeline_longer_than_is_kept_is_answered_whole() {
    let run = [bind("", "s", &[]), execute("", 0)].concat();
    assert_eq!(ahead(&parse("s", "select 1"), &run, 5_000, 'D'), 5_000);
    assert_eq!(ahead(&parse("s", "select 1"), &message('D', b"Ss\0"), 5_000, 'T'), 5_000);
    assert_eq!(ahead(&[], &message('C', b"Sa\0"), 5_000, '3'), 5_000);
    assert_eq!(ahead(&[], &parse("", "select 1"), 3_000, '1'), 3_000);
}
