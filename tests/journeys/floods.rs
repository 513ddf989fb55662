//! Clients that ask and do not listen: what is kept for them stays small, and nobody else waits.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::harness::raw::{Raw, bind, close, execute, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres};

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

#[test]
fn what_one_session_prepares_and_binds_is_bounded_in_bytes() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    let resident = sidegate.resident();
    let text = |number: usize| format!("select {number} /* {} */", "x".repeat(60_000));
    let taken = (0..1_000)
        .take_while(|number| {
            let answer = client.ask(&[parse(&format!("s{number}"), &text(*number)), sync()].concat());
            assert!(answer == "1 Z:I" || answer == "E:54000 Z:I", "{answer}");
            answer == "1 Z:I"
        })
        .count();
    assert!((100..300).contains(&taken), "{taken}");
    let grown = sidegate.resident().saturating_sub(resident);
    assert!(grown < 65_536, "{grown} KiB more for {taken} statements");
    // Neither a large Bind nor SQL's own PREPARE finds another way, and the refusal says what to do.
    let many = bind("p", "s0", &[]);
    let binds = (0..400).map(|_| [&many[..], &message('C', b"Sx\0")].concat()).collect::<Vec<_>>().concat();
    assert!(!client.ask(&[&binds[..], &sync()].concat()).is_empty());
    let refused = (0..100).find_map(|number| {
        client.send(&query(&format!("prepare z{number} as select 1")));
        Some((number, client.until_ready())).filter(|(_, answer)| spell(answer) != "C:PREPARE Z:I")
    });
    let (last, refused) = refused.unwrap();
    assert_eq!(spell(&refused), "E:54000 Z:I");
    assert!(refused[0].field('M').contains("16 MiB: close some first"), "{}", refused[0].field('M'));
    assert_eq!(client.ask(&query(&format!("execute z{last}"))), "E:0A000 Z:I", "it stands for nothing");
    // What is closed can be prepared again, and nobody else notices.
    assert_eq!(client.ask(&[message('C', b"Ss0\0"), message('C', b"Ss1\0"), sync()].concat()), "3 3 Z:I");
    assert_eq!(client.ask(&[parse("again", &text(0)), sync()].concat()), "1 Z:I");
    assert_eq!(open(&sidegate).ask(&query("prepare z as select 1")), "C:PREPARE Z:I");
}

#[test]
fn one_name_prepared_again_and_again_costs_its_budget_once() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    let text = format!("select /* {} */ $1::text", "x".repeat(60_000));
    let value = "y".repeat(60_000);
    let turn = [parse("", &text), bind("", "", &[&value]), execute("", 0), sync()].concat();
    for _ in 0..60 {
        client.send(&turn.repeat(5));
        for _ in 0..5 {
            assert_eq!(spell(&client.until_ready()), "1 2 D C:SELECT 1 Z:I");
        }
    }
}

/// One column of a wide table.
const MASKED: &str = "package policies.wide\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.wide.c\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

/// Beside a table of 401 columns.
fn wide() -> Sidegate {
    let sidegate = Setup::policy(MASKED).start();
    let columns: Vec<String> = (0..400).map(|number| format!("a_column_with_a_long_name_{number} int")).collect();
    let made = format!("create table wide (c text, {}); grant all on wide to public", columns.join(", "));
    postgres().sql(&sidegate.database, &made);
    sidegate
}

#[test]
fn what_masks_make_of_statements_is_bounded_in_bytes() {
    let sidegate = wide();
    let mut client = open(&sidegate);
    client.ask(&query("select * from nowhere"));
    let resident = sidegate.resident();
    let mut prepare = |name: &str, times: usize| {
        let from: Vec<String> = (0..times).map(|at| format!("wide {name}_{at}")).collect();
        let text = format!("select count(*) from {}", from.join(","));
        client.send(&[parse(name, &text), sync()].concat());
        let answer = client.until_ready();
        (spell(&answer), answer[0].field('M'))
    };
    // Five kilobytes that would be five megabytes.
    let (long, why) = prepare("a", 400);
    assert!(long == "E:42501 Z:I" && why.contains("longer by more than 4 MiB"), "{long} {why}");
    let taken = (0..60).take_while(|number| prepare(&format!("s{number}"), 100).0 == "1 Z:I").count();
    let (full, why) = prepare("z", 100);
    assert!(full == "E:54000 Z:I" && why.contains("16 MiB: close some first"), "{full} {why}");
    assert!((8..20).contains(&taken), "{taken}");
    let grown = sidegate.resident().saturating_sub(resident);
    assert!(grown < 65_536, "{grown} KiB more for {taken} statements");
    // What nobody keeps is answered all the same, and what was closed makes room.
    assert_eq!(client.ask(&query("select count(*) from wide")), "T D C:SELECT 1 Z:I");
    assert_eq!(client.ask(&[close("s0"), close("s1"), sync()].concat()), "3 3 Z:I");
    assert_eq!(client.ask(&[parse("s0", "select c from wide"), sync()].concat()), "1 Z:I");
}

#[test]
fn what_cursors_that_are_gone_would_have_answered_costs_little() {
    let sidegate = wide();
    let mut client = open(&sidegate);
    client.ask(&query("select * from nowhere"));
    let resident = sidegate.resident();
    for number in 0..400 {
        let declare = format!("declare c{number} cursor for select * from wide a, wide b, wide c, wide d");
        let answers = ["begin", &declare, "commit"].map(|text| client.ask(&query(text)));
        assert_eq!(answers, ["C:BEGIN Z:T", "C:DECLARE CURSOR Z:T", "C:COMMIT Z:I"], "{number}");
    }
    let grown = sidegate.resident().saturating_sub(resident);
    assert!(grown < 65_536, "{grown} KiB more");
}

#[test]
fn sessions_that_had_long_answers_are_small_again() {
    let sidegate = Setup::open().start();
    let mut clients: Vec<_> = (0..200).map(|_| open(&sidegate)).collect();
    let resident = sidegate.resident();
    for client in &mut clients {
        client.send(&query("select repeat('x', 1000) from generate_series(1, 3000)"));
        client.until_ready();
    }
    let grown = sidegate.resident().saturating_sub(resident);
    assert!(grown < 12_288, "{grown} KiB more for {} idle sessions", clients.len());
}
