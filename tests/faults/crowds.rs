//! Many at once, one after the other, or one with very much: memory and descriptors come back, and
//! nobody else is kept waiting.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::harness::raw::{Raw, execute, message, parse, query, spell, startup, sync};
use crate::harness::sidegate::is_released;
use crate::harness::{Sidegate, postgres, until};
use crate::hold::{self, EndsWithValue, Hold, alone};
use crate::proxy::{Act, Plan, Way, proxy};

/// How many, or how much: more in runs of their own (`make test-faults`, `make long-faults`), by `SIDEGATE_CROWD`,
/// `SIDEGATE_CHURN` and `SIDEGATE_VALUE`.
fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// So many connections as this process and sidegate may have at a time: each holds two descriptors for one.
fn possible(crowd: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("as many descriptors as are allowed");
    let most = limit.maximum.map_or(usize::MAX, |most| usize::try_from(most.saturating_sub(1_000) / 2).expect("small"));
    if crowd > most {
        eprintln!("{most} instead of {crowd}: this system allows no more descriptors");
    }
    crowd.min(most)
}

/// What somebody who is idle may take: twice what a build for finding faults was seen to, and the promise of the
/// released one.
fn most_kib_each() -> u64 {
    if is_released() { 40 } else { 160 }
}

#[test]
fn those_who_are_idle_cost_little_and_disturb_nobody() {
    let _turn = alone();
    let crowd = possible(number("SIDEGATE_CROWD", 200));
    let setup = hold::open().listener("limits: {connections: 20000}");
    // The server of the run takes 500 connections; of more than that, it sees the logins.
    let setup = if crowd > 400 {
        setup.upstream(proxy(postgres().port, Plan { cue: PARKED, way: Way::Answers, after: 0, act: Act::Park }))
    } else {
        setup
    };
    let sidegate = setup.start();
    let mut hold = Hold::on(&sidegate);
    let resident = sidegate.resident();
    let packet = startup(&[("user", "alice"), ("database", &sidegate.database), ("application_name", PARKED)]);
    let come = |count: usize| {
        let one = |_| {
            let mut client = Raw::silent(sidegate.port);
            client.send(&packet);
            client.until_ready();
            client
        };
        (0..count).map(one).collect::<Vec<_>>()
    };
    let idle = hold.during(|| {
        let idle: Vec<_> = thread::scope(|scope| {
            let parts = [crowd / 2, crowd - crowd / 2].map(|count| scope.spawn(move || come(count)));
            parts.into_iter().flat_map(|part| part.join().expect("they come in")).collect()
        });
        let open = sidegate.metric("sidegate_sessions_open");
        assert!(open > idle.len() as f64, "they are all there: {open}");
        let each = sidegate.resident().saturating_sub(resident) / u64::try_from(idle.len()).expect("few");
        eprintln!("{crowd} idle sessions: {each} KiB each");
        assert!(each <= most_kib_each(), "{each} KiB for one who is idle");
        idle
    });
    // Not before the neighbour is done: its texts are kept, some 3 KiB for each, and are nobody's who is idle.
    let most = sidegate.resident();
    drop(idle);
    until("their end", || (sidegate.metric("sidegate_sessions_open") == 0.0).then_some(()));
    // The allocator keeps the most that there was, for whoever comes next.
    let more = come(crowd.div_ceil(10));
    assert!(sidegate.resident() <= most + most / 20, "{} KiB after {most}", sidegate.resident());
    drop(more);
    hold.may_keep(most);
    hold.ends();
}

/// In the name of an application that does nothing.
const PARKED: &str = "parked";

#[test]
fn those_who_come_and_go_leave_nothing_behind() {
    let _turn = alone();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let each = number("SIDEGATE_CHURN", 800) / 4;
    hold.during(|| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..each {
                        let mut client = Raw::open(sidegate.port, &sidegate.database);
                        hold.ask(&mut client, "select 1");
                    }
                });
            }
        });
    });
    hold.ends();
}

#[test]
fn those_who_knock_and_run_keep_nobody_out() {
    let _turn = alone();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut knocks = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    let _ = TcpStream::connect(("127.0.0.1", sidegate.port));
                    knocks += 1;
                    // Two thousand a second, where the machine gives as many.
                    thread::sleep(Duration::from_micros(400));
                }
                assert!(knocks > 200, "it was a flood: {knocks}");
            });
            let admitted = (0..100).filter(|_| {
                Raw::try_open(sidegate.port, &sidegate.database)
                    .is_some_and(|mut client| hold.ask(&mut client, "select 1") == "T D C:SELECT 1 Z:I")
            });
            let admitted = admitted.count();
            over.store(true, Ordering::Relaxed);
            assert!(admitted >= 99, "{admitted} of 100 were admitted");
        });
    });
    hold.ends();
}

/// Reads an answer to its end, and gives rows, bytes and the most memory that sidegate held meanwhile.
fn read(sidegate: &Sidegate, sql: &str) -> (usize, usize, u64) {
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let before = sidegate.resident();
    client.send(&query(sql));
    let (mut rows, mut bytes, mut most) = (0, 0, before);
    loop {
        let message = client.next().expect("the session goes on");
        match message.tag {
            'D' => {
                (rows, bytes) = (rows + 1, bytes + message.body.len());
                if rows % 50_000 == 1 {
                    most = most.max(sidegate.resident());
                }
            }
            'Z' => return (rows, bytes, most.max(sidegate.resident()) - before),
            'E' => panic!("{}", message.field('M')),
            _ => {}
        }
    }
}

#[test]
fn answers_of_any_form_stream_through() {
    let _turn = alone();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let wide: Vec<_> = (0..1_600).map(|n| format!("'{n}'")).collect();
    let forms = [
        ("select repeat('x', 100000000)".to_owned(), 1, 100_000_000),
        ("select i from generate_series(1, 1000000) i".to_owned(), 1_000_000, 1_000_000),
        (format!("select {} from generate_series(1, 100)", wide.join(", ")), 100, 160_000),
    ];
    hold.during(|| {
        for (sql, rows, bytes) in &forms {
            let (seen, size, grown) = read(&sidegate, &hold.marked(sql));
            assert!(seen == *rows && size >= *bytes, "{seen} rows, {size} bytes");
            assert!(grown < 16 << 10, "{grown} KiB more for {size} bytes");
        }
    });
    hold.ends();
}

/// A fifth of the longest text that PostgreSQL can hold in one piece with a little beside it, `(1 << 30) - 1000`,
/// which is what `make test-faults` takes.
const LONG: usize = 200_000_000;
const BOUND_KIB: u64 = 16 << 10;

/// What comes of something while the memory of sidegate is watched, and the most that it took beyond before.
fn watched<T>(sidegate: &Sidegate, what: impl FnOnce() -> T) -> (T, u64) {
    let (over, before) = (AtomicBool::new(false), sidegate.resident());
    thread::scope(|scope| {
        let most = scope.spawn(|| {
            let mut most = before;
            while !over.load(Ordering::Relaxed) {
                most = most.max(sidegate.resident());
                thread::sleep(Duration::from_millis(5));
            }
            most
        });
        let ends = EndsWithValue(&over);
        let given = what();
        drop(ends);
        (given, most.join().expect("it is watched").saturating_sub(before))
    })
}

#[test]
fn a_value_of_a_gigabyte_passes_or_is_refused_and_is_never_held() {
    let _turn = alone();
    let length = number("SIDEGATE_VALUE", LONG);
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    // To the client.
    let sql = hold.marked(&format!("select repeat('x', {length})"));
    let (seen, grown) = watched(&sidegate, || {
        client.send(&query(&sql));
        // The server first makes it, several times over.
        assert!(client.answers_within(Duration::from_secs(120)), "it comes");
        let mut seen = Vec::new();
        while seen.last().is_none_or(|(tag, _)| *tag != 'Z') {
            seen.push(client.pass_over().expect("the session goes on"));
        }
        seen
    });
    let row = u64::try_from(length).expect("small") + 6;
    assert!(seen.contains(&('D', row)) && seen.iter().all(|(tag, _)| *tag != 'E'), "{seen:?}");
    assert!(grown < BOUND_KIB, "{grown} KiB more for a row of {row} bytes");
    hold.acknowledged(&sql);
    // As a parameter.
    let (answer, grown) = watched(&sidegate, || {
        client.send(&parse("", &hold.marked("select length($1::text)")));
        let value = [&b"\0\0\0\0\0\x01"[..], &u32::try_from(length).expect("small").to_be_bytes()].concat();
        client.send_long('B', &value, length);
        client.send(&[execute("", 0), sync()].concat());
        spell(&client.until_ready())
    });
    assert_eq!(answer, "1 E:54000 Z:I");
    assert!(grown < BOUND_KIB, "{grown} KiB more for a parameter");
    // As data of a COPY.
    let (answer, grown) = watched(&sidegate, || {
        client.send(&query(&hold.marked("copy orders from stdin")));
        assert_eq!(client.next().map(|message| message.tag), Some('G'));
        client.send_long('d', b"", length);
        client.send(&message('f', b"enough\0"));
        spell(&client.until_ready())
    });
    assert_eq!(answer, "E:57014 Z:I");
    assert!(grown < BOUND_KIB, "{grown} KiB more for data of a COPY");
    assert_eq!(hold.ask(&mut client, "select 1"), "T D C:SELECT 1 Z:I");
    drop(client);
    hold.ends();
}
