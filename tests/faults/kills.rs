//! Killed at any moment: whatever the server ran has its INTENT, whatever a client was told has its OUTCOME.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::harness::raw::{Raw, bind, execute, parse, query, sync};
use crate::harness::{Setup, Sidegate};
use crate::hold::{assert_written_down, journal};

/// How often each of the two is killed; `make kill KILLS=1000` shares its number between them.
fn kills() -> usize {
    std::env::var("SIDEGATE_KILLS").map_or(50, |kills| kills.parse().expect("SIDEGATE_KILLS is a number")) / 2
}

/// Asks on until the line breaks. Gives the marks of what was answered whole.
fn client(sidegate: (u16, &str), mark: &str, stop: &AtomicBool) -> BTreeSet<String> {
    let mut answered = BTreeSet::new();
    let Some(mut raw) = Raw::try_open(sidegate.0, sidegate.1) else { return answered };
    for n in 0.. {
        let mark = format!("/* {mark} {n} ");
        // A class of audit each, and one that is prepared.
        let write = format!("{mark}*/ update orders set total = total where id = 1");
        let message = match n % 3 {
            0 => query(&write),
            1 => query(&format!("{mark}*/ select 1")),
            _ => [parse("", &write), bind("", "", &[]), execute("", 0), sync()].concat(),
        };
        raw.send(&message);
        let Some(true) = raw.answered() else { break };
        answered.insert(mark);
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    answered
}

/// A moment between the first statement and long after it. Printed with a failure, since no two runs share them.
fn moment() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    Duration::from_micros(u64::from(now.subsec_nanos()) % 300_000)
}

fn is_killed_again_and_again(mut sidegate: Sidegate, class: &str) {
    let name = format!("kill {class} {}", std::process::id());
    let (mut acknowledged, began) = (BTreeSet::new(), Instant::now());
    let mut moments = Vec::new();
    for round in 0..kills() {
        let stop = AtomicBool::new(false);
        let (port, database) = (sidegate.port, sidegate.database.clone());
        thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|number| {
                    let (mark, database, stop) = (format!("{name} {round} {number}"), &database, &stop);
                    scope.spawn(move || client((port, database), &mark, stop))
                })
                .collect();
            moments.push(moment());
            thread::sleep(moments[round]);
            sidegate.kill_and_restart();
            stop.store(true, Ordering::Relaxed);
            for client in clients {
                acknowledged.extend(client.join().expect("the client ends"));
            }
        });
    }
    eprintln!("{class}: {} acknowledged over {} kills in {:?}", acknowledged.len(), kills(), began.elapsed());
    assert!(acknowledged.len() > kills() * 4, "there was load: {}, killed after {moments:?}", acknowledged.len());
    assert_written_down(&sidegate, &name, &acknowledged);
    let gaps: Vec<_> = journal(&sidegate).into_iter().filter(|line| line.get("gap").is_some()).collect();
    assert!(gaps.is_empty(), "the machine went on, so nothing may be missing: {gaps:?}");
}

#[test]
fn killed_at_any_moment_it_has_written_down_whatever_the_server_ran() {
    is_killed_again_and_again(Setup::open().sidegate("deadline: 5s").start(), "auto");
}

#[test]
fn killed_at_any_moment_it_has_written_down_as_much_where_it_waits_for_no_disk() {
    is_killed_again_and_again(Setup::open().sidegate("audit: {class: async}\ndeadline: 5s").start(), "async");
}
