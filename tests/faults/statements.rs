//! Statements and policies that are made to take long.

use std::time::{Duration, Instant};

use crate::harness::Setup;
use crate::harness::raw::{Raw, query, spell};
use crate::hold::{self, Hold, together};

/// In the released binary a statement that is too much is refused within 50 ms; this one is built for finding faults,
/// on a machine that does other things as well.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn statements_that_are_too_much_are_refused_at_once_and_the_session_goes_on() {
    let _turn = together();
    let sidegate = hold::open().listener("limits: {statement: 1MiB}").start();
    let hold = Hold::on(&sidegate);
    let flat = |count: usize| format!("select 1{}", "+1".repeat(count));
    let list = |count: usize| format!("select * from orders where id in (1{})", ",1".repeat(count));
    let nested = |count: usize| format!("select {}1{}", "(".repeat(count), ")".repeat(count));
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
            let began = Instant::now();
            client.send(&query(&hold.marked(sql)));
            let answer = client.until_ready();
            let start = &sql[..60.min(sql.len())];
            assert!(["E:54000 Z:I", "E:54001 Z:I"].contains(&spell(&answer).as_str()), "{start}: {}", spell(&answer));
            assert!(began.elapsed() < REFUSED_WITHIN, "{start}: {:?}", began.elapsed());
            assert_eq!(hold.ask(&mut client, "select 1"), "T D C:SELECT 1 Z:I", "after {start}");
        }
    });
    hold.ends();
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
	regex.match("^(([a-z]+)+)+$", sprintf("%s%d%d!", [input.sql.text, a, b]))
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
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        for (word, causes) in [
            ("loops", &["deadline"][..]),
            ("comprehension", &["deadline"]),
            ("pattern", &["deadline"]),
            ("much", &["deadline", "error", "type"]),
        ] {
            let began = Instant::now();
            let sql = hold.marked(&format!("select '{word}'"));
            assert_eq!(client.ask(&query(&sql)), "E:42501 Z:I", "{word}");
            assert!(began.elapsed() < Duration::from_secs(5), "{word}: {:?}", began.elapsed());
            let cause = sidegate.event_of(&sql)["custom"]["sidegate"]["cause"].clone();
            assert!(causes.iter().any(|known| cause == **known), "{word}: {cause}");
        }
    });
    hold.ends();
}
