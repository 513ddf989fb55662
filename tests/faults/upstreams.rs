//! A server that goes away, goes silent, dawdles or lies, at any point of a session.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::raw::{Raw, message, query, spell, startup};
use crate::harness::{Sidegate, postgres, until};
use crate::hold::{self, Hold, files, together};
use crate::proxy::{Act, Lie, Plan, Way, proxy};

/// What the cue brings: rows of a thousand bytes.
const ROWS: &str = "select 'fault' || repeat('x', 1000) from generate_series(1, 100)";

/// sidegate in front of a server with somebody on the line, and one place less than a leak would need.
fn behind(after: usize, act: Act) -> Sidegate {
    let port = proxy(postgres().port, Plan { cue: "'fault'", way: Way::Answers, after, act });
    hold::open().upstream(port).listener("limits: {connections: 4}").start()
}

/// Brings the fault three times, more often than there are places left, and gives what a client saw.
fn seen(hold: &Hold, sidegate: &Sidegate, sql: &str) -> String {
    let mut answers: Vec<_> = (0..3)
        .map(|_| {
            let mut client = Raw::open(sidegate.port, &sidegate.database);
            client.send(&query(&hold.marked(sql)));
            spell(&client.until_end())
        })
        .collect();
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

fn outcome_of(sidegate: &Sidegate, sql: &str) -> serde_json::Value {
    let asked = |event: &serde_json::Value| event["input"]["sql"]["text"].as_str().is_some_and(|t| t.ends_with(sql));
    sidegate.event(sql, asked)["custom"]["sidegate"].clone()
}

#[test]
fn a_reset_in_the_middle_of_a_row_is_never_taken_for_the_end() {
    let _turn = together();
    let sidegate = behind(3_500, Act::Reset);
    let hold = Hold::on(&sidegate);
    let answer = hold.during(|| seen(&hold, &sidegate, ROWS));
    let rows = answer.matches('D').count();
    // What was read before the reset is passed on, as far as the system still gave it.
    assert!(rows <= 3 && !answer.contains('C') && !answer.contains('Z'), "{answer}");
    let outcome = outcome_of(&sidegate, ROWS);
    assert_eq!(outcome["outcome"], "unknown");
    assert!(outcome["rows"].as_u64().is_some_and(|rows| rows <= 3), "{outcome}");
    hold.ends();
}

#[test]
fn an_end_between_messages_is_told_of_and_frees_the_place() {
    let _turn = together();
    // The description of one column has 34 bytes.
    let sidegate = behind(34, Act::Close);
    let hold = Hold::on(&sidegate);
    let answer = hold.during(|| seen(&hold, &sidegate, ROWS));
    assert_eq!(answer, "T E:08006");
    assert_eq!(outcome_of(&sidegate, ROWS)["outcome"], "unknown");
    hold.ends();
}

#[test]
fn a_server_that_falls_silent_holds_nobody_who_leaves() {
    let _turn = together();
    // Before the statement reaches it, and after.
    for way in [Way::Requests, Way::Answers] {
        let port = proxy(postgres().port, Plan { cue: "'fault'", way, after: 0, act: Act::Silence });
        let sidegate = hold::open().upstream(port).listener("limits: {connections: 4}").start();
        let hold = Hold::on(&sidegate);
        hold.during(|| {
            for _ in 0..6 {
                let mut client = Raw::open(sidegate.port, &sidegate.database);
                client.send(&query(&hold.marked(ROWS)));
                drop(client);
                // One place is the neighbour's.
                until("the place", || (sidegate.metric("sidegate_sessions_open") <= 1.0).then_some(()));
            }
        });
        assert_eq!(outcome_of(&sidegate, ROWS)["outcome"], "unknown", "nobody knows whether it ran");
        hold.ends();
    }
}

#[test]
fn a_machine_that_vanished_is_noticed_on_either_side() {
    let _turn = together();
    let sidegate = hold::open().start();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    // What is not answered any more is asked three times within two minutes, and then given up.
    let armed = |end: &str| {
        let sockets = Command::new("ss").args(["-tnpoH", "state", "established", end]).output().expect("ss runs");
        let sockets = String::from_utf8_lossy(&sockets.stdout).into_owned();
        let ours = sockets.lines().find(|line| line.contains(&format!("pid={},", sidegate.pid())))?;
        // Bytes that are not yet acknowledged have a timer of their own.
        ours.contains("timer:(keepalive,").then_some(())
    };
    until("the client's side", || armed(&format!("sport = :{}", sidegate.port)));
    until("the server's side", || armed(&format!("dport = :{}", postgres().port)));
}

#[test]
fn a_login_has_one_time_limit_however_slowly_it_is_answered() {
    let _turn = together();
    // The limit is `upstream.connect`, 5 seconds.
    for act in [Act::Silence, Act::Trickle(Duration::from_millis(100))] {
        let port = proxy(postgres().port, Plan { cue: "", way: Way::Answers, after: 1, act });
        let sidegate = hold::open().upstream(port).listener("limits: {connections: 4}").start();
        let free = files(&sidegate);
        for _ in 0..2 {
            let began = Instant::now();
            let mut waiting: Vec<_> = (0..4).map(|_| Raw::silent(sidegate.port)).collect();
            for client in &mut waiting {
                client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
            }
            for client in &mut waiting {
                assert_eq!(spell(&client.until_end()), "E:08001");
            }
            assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
            drop(waiting);
            until("the places", || (files(&sidegate) <= free).then_some(()));
        }
    }
}

#[test]
fn an_answer_that_dawdles_arrives_whole_and_delays_nobody_else() {
    let _turn = together();
    let sidegate = behind(0, Act::Trickle(Duration::from_millis(20)));
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        assert_eq!(hold.ask(&mut client, "select 'fault'"), "T D C:SELECT 1 Z:I");
    });
    hold.ends();
}

#[test]
fn an_answer_that_makes_no_sense_ends_the_session_in_a_sentence() {
    let _turn = together();
    let swap = |bytes: &[u8]| {
        let first = usize::try_from(u32::from_be_bytes(bytes[1..5].try_into().expect("a length"))).expect("small") + 1;
        [&bytes[first..], &bytes[..first]].concat()
    };
    let lies: [(Lie, &str); 3] = [
        (|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "E:08006"),
        (|_| vec![0; 4096], "E:08006"),
        // A server that answers another question first.
        (|bytes| [message('Z', b"I"), bytes.to_vec()].concat(), "Z:I E:08006"),
    ];
    for (lie, expected) in lies {
        let sidegate = behind(0, Act::Rewrite(lie));
        let hold = Hold::on(&sidegate);
        assert_eq!(hold.during(|| seen(&hold, &sidegate, ROWS)), expected);
        hold.ends();
    }
    let sidegate = behind(0, Act::Rewrite(swap));
    let hold = Hold::on(&sidegate);
    let answer = hold.during(|| seen(&hold, &sidegate, "select 'fault'"));
    assert!(answer.ends_with("E:08006"), "{answer}");
    hold.ends();
}
