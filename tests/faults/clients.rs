//! Clients that dawdle, do not read, or go away at the worst moment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::harness::raw::{Message, Raw, bind, execute, message, parse, query, spell, startup, sync};
use crate::harness::{Sidegate, postgres, until};
use crate::hold::{self, Hold, together};
use crate::proxy::{Act, Plan, Way, proxy};

/// Sessions of its database that the server runs something like this for.
fn running(sidegate: &Sidegate, like: &str) -> u32 {
    let count = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and state = 'active' and query like '%{like}%'",
        sidegate.database
    );
    postgres().sql("postgres", &count).parse().expect("a number")
}

#[test]
fn whoever_dawdles_at_the_door_is_shut_out_in_time() {
    let _turn = together();
    let sidegate = hold::open().listener("limits: {startup: 2s}").start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        let began = Instant::now();
        let packet = startup(&[("user", "alice"), ("database", &sidegate.database)]);
        let mut slow: Vec<_> =
            (0..50).map(|_| TcpStream::connect(("127.0.0.1", sidegate.port)).expect("it listens")).collect();
        // A byte now and then shows that somebody is there, and must not buy time.
        for byte in packet.iter().take(25) {
            for client in &mut slow {
                let _ = client.write_all(&[*byte]);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        for client in &mut slow {
            client.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
            let mut said = Vec::new();
            let _ = client.read_to_end(&mut said);
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(said.is_empty() || said.contains("start-up took too long"), "{said}");
        }
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    });
    hold.ends();
}

#[test]
fn whoever_reads_nothing_for_half_a_minute_loses_the_session_and_the_server_its_work() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let resident = sidegate.resident();
    let mut deaf = Raw::open(sidegate.port, &sidegate.database);
    let flood = hold.marked("select 'deaf', repeat('x', 1000000) from generate_series(1, 1000)");
    let began = Instant::now();
    hold.during(|| {
        deaf.send(&query(&flood));
        until("rows", || deaf.answers_within(Duration::from_secs(1)).then_some(()));
        let grown = sidegate.resident().saturating_sub(resident);
        assert!(grown < 16 << 10, "{grown} KiB more for one who does not read");
    });
    assert_eq!(running(&sidegate, "''deaf''"), 1, "it is given time");
    until("its end", || (running(&sidegate, "''deaf''") == 0).then_some(()));
    assert!(began.elapsed() > Duration::from_secs(25), "{:?}", began.elapsed());
    let event = sidegate.event_of(&flood);
    assert_eq!(event["custom"]["sidegate"]["outcome"], "unknown", "{event}");
    // What it reads now is the part that was on its way, and no end that never was.
    let late = spell(&deaf.until_end());
    assert!(!late.contains("C:") && !late.contains("Z:"), "{late}");
    drop(deaf);
    hold.ends();
}

#[test]
fn whoever_is_reset_after_execute_leaves_a_cancelled_statement_with_its_outcome() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let plan = Plan { cue: "'reset'", way: Way::Answers, after: 0, act: Act::Reset };
    let behind = proxy(sidegate.port, plan);
    let sleep = hold.marked("select 'reset' from pg_sleep(600)");
    hold.during(|| {
        // The line breaks on the first answer: prepared and bound, not yet executed.
        let mut client = Raw::open(behind, &sidegate.database);
        client.send(&[parse("", &sleep), bind("", "", &[]), message('H', b"")].concat());
        assert_eq!(client.next(), None, "the line broke");
        // Or while it runs.
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        client.send(&[parse("", &sleep), bind("", "", &[]), execute("", 0), sync()].concat());
        until("the statement", || (running(&sidegate, "''reset''") == 1).then_some(()));
        client.reset();
        until("its cancellation", || (running(&sidegate, "''reset''") == 0).then_some(()));
    });
    let ended = |event: &serde_json::Value| event["input"]["sql"]["text"] == sleep.as_str();
    let event = sidegate.event("its outcome", ended);
    assert_eq!(event["custom"]["sidegate"]["outcome"], "unknown", "{event}");
    hold.ends();
}

#[test]
fn whoever_leaves_while_the_next_statement_waits_to_be_judged_is_not_waited_for() {
    let _turn = together();
    let sidegate = hold::open().free_settings().start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        for reset in [true, false] {
            let mut client = Raw::open(sidegate.port, &sidegate.database);
            let first = hold.marked("select set_config('work_mem', '8MB', false), 'waits' from pg_sleep(600)");
            client.send(&[query(&first), query(&hold.marked("select 1"))].concat());
            until("the statement", || (running(&sidegate, "''waits''") == 1).then_some(()));
            if reset {
                client.reset();
            } else {
                drop(client);
            }
            until("its end", || (running(&sidegate, "''waits''") == 0).then_some(()));
        }
    });
    hold.ends();
}

#[test]
fn whoever_said_goodbye_behind_a_statement_that_makes_the_next_wait_still_has_both_run() {
    let _turn = together();
    let sidegate = hold::open().free_settings().start();
    let hold = Hold::on(&sidegate);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let first = query(&hold.marked("select set_config('work_mem', '8MB', false) from pg_sleep(1)"));
    let second = query(&hold.marked("insert into orders values (7001, 1, 1)"));
    client.send(&[first, second, message('X', b"")].concat());
    drop(client);
    let row = "select count(*) from orders where id = 7001";
    until("the row", || (postgres().sql(&sidegate.database, row) == "1").then_some(()));
    hold.ends();
}

#[test]
fn a_line_that_breaks_in_the_middle_of_a_message_sends_no_half_of_it() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        for (after, act) in [(1, Act::Reset), (30, Act::Close), (30, Act::Reset)] {
            let behind = proxy(sidegate.port, Plan { cue: "'cut'", way: Way::Requests, after, act });
            let mut client = Raw::open(behind, &sidegate.database);
            client.send(&query(&hold.marked("select 'cut'")));
            assert_eq!(spell(&client.until_end()), "", "half a statement has no answer");
        }
    });
    assert_eq!(postgres().log().matches("select 'cut'").count(), 0);
    hold.ends();
}

fn welcome(sidegate: &Sidegate) -> (Raw, Vec<u8>) {
    let mut client = Raw::silent(sidegate.port);
    client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
    let welcome: Vec<Message> = client.until_ready();
    let key = welcome.into_iter().find(|message| message.tag == 'K').expect("a key").body;
    (client, key)
}

fn cancel(sidegate: &Sidegate, key: &[u8]) {
    let mut request = 16_u32.to_be_bytes().to_vec();
    request.extend_from_slice(&80_877_102_u32.to_be_bytes());
    request.extend_from_slice(key);
    let mut client = Raw::silent(sidegate.port);
    client.send(&request);
    assert!(client.until_end().is_empty(), "nobody learns whether there was something to cancel");
}

#[test]
fn a_cancel_key_stops_its_own_session_and_nothing_after_it() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        let (mut first, key) = welcome(&sidegate);
        let (mut other, others) = welcome(&sidegate);
        for client in [&mut first, &mut other] {
            client.send(&query(&hold.marked("select 'cancel' from pg_sleep(600)")));
        }
        until("both statements", || (running(&sidegate, "''cancel''") == 2).then_some(()));
        let mut mixed = others.clone();
        mixed[4..].copy_from_slice(&key[4..]);
        for wrong in [&mixed[..], &[0; 8], &[0xff; 8]] {
            cancel(&sidegate, wrong);
        }
        assert_eq!(running(&sidegate, "''cancel''"), 2, "wrong keys stop nobody");
        cancel(&sidegate, &key);
        assert_eq!(spell(&first.until_ready()), "T E:57014 Z:I");
        assert_eq!(running(&sidegate, "''cancel''"), 1, "the other goes on");
        // A key outlives no session: not even one that the server gave the same number.
        drop(first);
        until("its end", || (sidegate.metric("sidegate_sessions_open") == 2.0).then_some(()));
        cancel(&sidegate, &key);
        assert_eq!(running(&sidegate, "''cancel''"), 1, "replayed, it stops nobody");
        cancel(&sidegate, &others);
        assert_eq!(spell(&other.until_ready()), "T E:57014 Z:I");
    });
    hold.ends();
}

#[test]
fn every_socket_that_a_client_resets_is_given_back() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        let packet = startup(&[("user", "alice"), ("database", &sidegate.database)]);
        for n in 0..200 {
            let mut client = TcpStream::connect(("127.0.0.1", sidegate.port)).expect("it listens");
            let _ = client.write_all(&packet[..n % packet.len()]);
            let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
        }
    });
    hold.ends();
}
