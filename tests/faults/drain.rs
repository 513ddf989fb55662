//! Asked to end with two hundred sessions open.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::raw::{Raw, query, spell};
use crate::harness::{Setup, postgres, until};
use crate::hold::{alone, journal};

#[test]
fn two_hundred_sessions_end_in_time_and_what_still_runs_is_cancelled() {
    let _turn = alone();
    let mut sidegate = Setup::open().sidegate("drain: 4s\ndeadline: 5s").listener("limits: {startup: 2m}").start();
    let open = |_| Raw::open(sidegate.port, &sidegate.database);
    let mut idle: Vec<_> = (0..150).map(open).collect();
    let mut within: Vec<_> = (0..20).map(open).collect();
    let mut busy: Vec<_> = (0..30).map(open).collect();
    let mut knocking: Vec<_> = (0..5).map(|_| Raw::silent(sidegate.port)).collect();
    for client in &mut within {
        assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    }
    for client in &mut busy {
        client.send(&query("select 'busy' from pg_sleep(600)"));
    }
    let (server, database) = (postgres(), sidegate.database.clone());
    let running = |what: &str| server.sql("postgres", &format!("select count(*) from pg_stat_activity where {what}"));
    let at_work = format!("datname = '{database}' and state = 'active'");
    until("the statements", || (running(&at_work) == "30").then_some(()));
    let port = sidegate.port;
    let began = Instant::now();
    let status = thread::scope(|scope| {
        let ended = scope.spawn(|| sidegate.terminate());
        for client in &mut idle {
            assert_eq!(spell(&client.until_end()), "E:57P01");
        }
        assert!(began.elapsed() < Duration::from_secs(3), "the idle are not kept: {:?}", began.elapsed());
        assert!(Raw::try_open(port, &database).is_none(), "nobody new gets in");
        for client in &mut knocking {
            assert_eq!(client.next(), None, "nor does who is at the door");
        }
        for client in &mut within[..10] {
            assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:T", "a transaction may end");
            client.send(&query("commit"));
            assert_eq!(spell(&client.until_end()), "C:COMMIT Z:I E:57P01");
        }
        for client in within[10..].iter_mut().chain(&mut busy) {
            assert!(spell(&client.until_end()).ends_with("E:57P01"));
        }
        ended.join().expect("it ends")
    });
    assert!(status.success(), "{status}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    until("the server's last session", || (running(&format!("datname = '{database}'")) == "0").then_some(()));
    let outcomes: Vec<_> = journal(&sidegate)
        .into_iter()
        .filter(|event| event["input"]["sql"]["text"] == "select 'busy' from pg_sleep(600)")
        .map(|event| event["custom"]["sidegate"]["outcome"].as_str().expect("a word").to_owned())
        .collect();
    assert_eq!(outcomes.len(), 30);
    assert!(outcomes.iter().all(|outcome| outcome == "unknown"), "{outcomes:?}");
}
