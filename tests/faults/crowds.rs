//! Many at once, one after the other, or one with very much: memory and descriptors come back, and
//! nobody else is kept waiting.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::Sidegate;
use crate::harness::raw::{Raw, query};
use crate::hold::{self, Hold, alone};

/// How many: more of them in a long run, by `SIDEGATE_CROWD` (up to the server's 500 connections) and `SIDEGATE_CHURN`.
fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn those_who_are_idle_cost_little_and_disturb_nobody() {
    let _turn = alone();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let (crowd, resident) = (number("SIDEGATE_CROWD", 200), sidegate.resident());
    hold.during(|| {
        let idle: Vec<_> = (0..crowd).map(|_| Raw::open(sidegate.port, &sidegate.database)).collect();
        let each = sidegate.resident().saturating_sub(resident) / u64::try_from(idle.len()).expect("few");
        // Twice what a build for finding faults was seen to take; `make bench` has the figures of the released one.
        assert!(each <= 160, "{each} KiB for one who is idle");
    });
    hold.ends();
}

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
                    // As fast as the system gives connections.
                    let _ = TcpStream::connect(("127.0.0.1", sidegate.port));
                    knocks += 1;
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
