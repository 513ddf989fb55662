//! Statements and policies that are made to take long.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::raw::{Raw, query, spell};
use crate::harness::sidegate::is_released;
use crate::harness::{Setup, Sidegate};
use crate::hold::{self, Hold, together};

/// The released binary refuses a statement that is too much within 50 ms (`make test-faults`). The usual one is built
/// for finding faults.
fn refused_within() -> Duration {
    if is_released() { Duration::from_millis(50) } else { Duration::from_secs(5) }
}

/// What sidegate did itself so far: where others have the processors, the clock on the wall runs for them as well.
fn worked(sidegate: &Sidegate) -> Duration {
    let threads = fs::read_dir(format!("/proc/{}/task", sidegate.pid())).expect("it runs");
    let files = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok());
    Duration::from_nanos(files.filter_map(|file| file.split(' ').next()?.parse::<u64>().ok()).sum())
}

#[test]
fn statements_that_are_too_much_are_refused_at_once_and_the_session_goes_on() {
    // A machine that does other things as well takes longer now and then, and a statement that is too slow always.
    let tries = if is_released() { 3 } else { 1 };
    are_refused(hold::open().start(), 1, tries, refused_within());
}

#[test]
fn statements_that_are_too_much_are_refused_where_the_longest_are_allowed() {
    // A megabyte is read, looked through and written down. Twice: threads keep what their largest statement took.
    are_refused(hold::open().listener("limits: {statement: 1MiB}").start(), 2, 1, refused_within() * 4);
}

fn are_refused(sidegate: Sidegate, rounds: usize, tries: usize, within: Duration) {
    let _turn = together();
    let mut hold = Hold::on(&sidegate);
    for round in 0..rounds {
        are_refused_once(&sidegate, &hold, tries, within);
        if round + 1 < rounds {
            hold.may_keep(sidegate.resident());
        }
    }
    hold.ends();
}

fn are_refused_once(sidegate: &Sidegate, hold: &Hold, tries: usize, within: Duration) {
    let flat = |count: usize| format!("select 1{}", "+1".repeat(count));
    let list = |count: usize| format!("select * from orders where id in (1{})", ",1".repeat(count));
    let nested = |count: usize| format!("select {}1{}", "(1+".repeat(count), ")".repeat(count));
    let deep = |count: usize, open: &str, close: &str| format!("select {}1{}", open.repeat(count), close.repeat(count));
    let much = [
        flat(7_500),
        flat(500_000),
        flat(2_500_000),
        list(2_500_000),
        nested(1_000),
        nested(100_000),
        nested(1_000_000),
        deep(20_000, "case when true then ", " end"),
        deep(20_000, "(select ", ")"),
        deep(100_000, "- ", ""),
        deep(50_000, "array[", "]"),
        format!("select 1 {}", "union select 1 ".repeat(20_000)),
        format!("select '{}'", "x".repeat(5 << 20)),
    ];
    hold.during(|| {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        for sql in &much {
            let start = &sql[..60.min(sql.len())];
            let times = (0..tries).map(|_| {
                let message = query(&hold.marked(sql));
                let (began, before) = (Instant::now(), worked(sidegate));
                client.send(&message);
                let answer = spell(&client.until_ready());
                assert!(["E:54000 Z:I", "E:54001 Z:I"].contains(&answer.as_str()), "{start}: {answer}");
                began.elapsed().min(worked(sidegate).saturating_sub(before))
            });
            let fastest = times.min().expect("some");
            assert!(fastest < within, "{} bytes, {start}: {fastest:?}", sql.len());
            assert_eq!(hold.ask(&mut client, "select 1"), "T D C:SELECT 1 Z:I", "after {start}");
        }
    });
}

/// Rules that burn time, each where its word is in the text, and one that says too much.
const SLOW: &str = r#"package policies.slow

numbers := [NUMBERS]

allow contains "everything" if true

deny contains "loops" if {
	contains(input.sql.text, "'loops'")
	some a in numbers
	some b in numbers
	some c in numbers
	a + b + c == 0
}

deny contains "a comprehension" if {
	contains(input.sql.text, "'comprehension'")
	count([1 | some a in numbers; some b in numbers; some c in numbers]) == 0
}

deny contains "a pattern" if {
	contains(input.sql.text, "'pattern'")
	some a in numbers
	some b in numbers
	some c in numbers
	regex.match("^(([a-z]+)+)+$", sprintf("%s%d%d%d!", [input.sql.text, a, b, c]))
}

deny contains reason if {
	contains(input.sql.text, "'much'")
	some a in numbers
	some b in numbers
	reason := sprintf("%d %d %s", [a, b, input.sql.text])
}
"#;

#[test]
fn rules_that_burn_time_or_say_too_much_deny_and_disturb_nobody() {
    let _turn = together();
    let numbers: Vec<_> = (1..400).map(|n| n.to_string()).collect();
    let policy = SLOW.replace("NUMBERS", &numbers.join(", "));
    let sidegate = Setup::policy(&policy).sidegate("deadline: 1s\nevaluators: 4").start();
    let mut hold = Hold::on(&sidegate);
    for round in 0..2 {
        hold.during(|| {
            let mut client = Raw::open(sidegate.port, &sidegate.database);
            for (word, causes) in [
                ("loops", &["deadline"][..]),
                ("comprehension", &["deadline"]),
                ("pattern", &["deadline"]),
                // Too much to say, or too long to say it.
                ("much", &["deadline", "limit"]),
            ] {
                let began = Instant::now();
                let sql = hold.marked(&format!("select '{word}'"));
                let answer = client.ask(&query(&sql));
                assert!(began.elapsed() < Duration::from_secs(5), "{word}: {:?}", began.elapsed());
                let cause = sidegate.event_of(&sql)["custom"]["sidegate"]["cause"].clone();
                assert!(causes.iter().any(|known| cause == **known), "{word}: {cause}");
                assert_eq!(answer, if cause == "limit" { "E:54000 Z:I" } else { "E:42501 Z:I" }, "{word}");
            }
        });
        if round == 0 {
            // Each of the four threads keeps what its largest question took, for the next one.
            hold.may_keep(sidegate.resident() + 4 * (24 << 10));
        }
    }
    hold.ends();
}
