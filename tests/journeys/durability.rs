//! Nothing is lost: not by a swap of policy, not by an end that was asked for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::harness::raw::{Raw, bind, execute, parse, query, spell, sync};
use crate::harness::{Setup, postgres, until};

#[test]
fn a_deny_file_replaced_a_thousand_times_lets_no_forbidden_statement_pass() {
    let sidegate = Setup::policy(POLICIES[0]).start();
    let name = format!("never {}", std::process::id());
    let (stop, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for client in 0..3 {
            let (sidegate, name, stop, asked) = (&sidegate, &name, &stop, &asked);
            scope.spawn(move || {
                let mut raw = Raw::open(sidegate.port, &sidegate.database);
                let forbidden = format!("select /* {name} {client} */ * from payroll");
                let prepared = format!("/* {name} */ select salary from payroll where id = $1");
                while !stop.load(Ordering::Relaxed) {
                    let answer = raw.ask(&query(&forbidden));
                    assert!(answer.starts_with("E:42501"), "{answer}");
                    let pipeline = [parse("", &prepared), bind("", "", &["1"]), execute("", 0), sync()].concat();
                    let answer = raw.ask(&pipeline);
                    assert!(answer.starts_with("E:42501"), "{answer}");
                    let answer = raw.ask(&query("select count(*) from customers"));
                    assert_eq!(answer, "T D C:SELECT 1 Z:I");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let file = sidegate.path("bundle/policy.rego");
        for round in 0..1_000 {
            let policy = POLICIES[round % POLICIES.len()];
            if round % 3 == 0 {
                // As an editor that truncates and writes in parts.
                let (first, second) = policy.split_at(policy.len() / 2);
                std::fs::write(&file, first).expect("written");
                thread::yield_now();
                let mut open = std::fs::OpenOptions::new().append(true).open(&file).expect("opened");
                std::io::Write::write_all(&mut open, second.as_bytes()).expect("written");
            } else {
                std::fs::write(file.with_extension("new"), policy).expect("written");
                std::fs::rename(file.with_extension("new"), &file).expect("renamed");
            }
            if round % 100 == 0 {
                // Long enough to be taken, so that swaps happen under load, too.
                thread::sleep(std::time::Duration::from_millis(1_200));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) > 100, "there was load");
    assert!(sidegate.activations().0 > 3.0, "there were swaps: {:?}", sidegate.activations());
    assert!(!postgres().log().contains(&name), "a forbidden statement arrived");
}

/// Each denies payroll, in its own words, and allows the rest; one of them is broken.
const POLICIES: [&str; 3] = [
    "package policies.shop\n\nimport data.sidegate.sql\n\nallow contains \"the rest\" if true\n\n\
     deny contains \"payroll\" if sql.touches({\"public.payroll\"})\n",
    "package policies.shop\n\nimport data.sidegate.sql\n\ndeny contains \"no salaries\" if {\n\tsome relation in \
     input.sql.relations\n\trelation.id == \"public.payroll\"\n}\n\nallow contains \"anything else\" if not \
     sql.touches({\"public.payroll\"})\n",
    "package policies.shop\n\ndeny := true\n\nallow contains \"everything\" if true\n",
];

#[test]
fn asked_to_end_it_lets_what_runs_finish_and_tells_the_idle() {
    let mut sidegate = Setup::open().sidegate("drain: 20s").start();
    let mut idle = Raw::open(sidegate.port, &sidegate.database);
    let mut busy = Raw::open(sidegate.port, &sidegate.database);
    let mut inside = Raw::open(sidegate.port, &sidegate.database);
    inside.ask(&query("begin"));
    busy.send(&query("select 7 from pg_sleep(2)"));
    let running = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and query like '%7 from pg_sleep%' and state = 'active' \
         and pid <> pg_backend_pid()",
        sidegate.database
    );
    until("the statement to run", || (postgres().sql(&sidegate.database, &running) == "1").then_some(()));
    let status = thread::scope(|scope| {
        let ended = scope.spawn(|| sidegate.terminate());
        assert_eq!(spell(&idle.until_end()), "E:57P01");
        assert_eq!(inside.ask(&query("update orders set total = 0 where id = 2")), "C:UPDATE 1 Z:T");
        assert!(spell(&busy.until_end()).starts_with("T D C:SELECT 1 Z:I E:57P01"));
        inside.send(&query("commit"));
        assert_eq!(spell(&inside.until_end()), "C:COMMIT Z:I E:57P01");
        ended.join().expect("it ends")
    });
    assert!(status.success(), "{status}");
    let total = postgres().sql(&sidegate.database, "select total from orders where id = 2");
    assert_eq!(total, "0", "what was committed is committed");
}

#[test]
fn a_client_that_goes_away_leaves_nothing_running() {
    let sidegate = Setup::open().start();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    client.ask(&query("begin"));
    client.send(&query("select pg_sleep(60)"));
    let running = format!("select count(*) from pg_stat_activity where datname = '{}'", sidegate.database);
    crate::harness::until("the statement", || {
        (postgres().sql("postgres", &format!("{running} and query like '%pg_sleep(60)%'")) == "1").then_some(())
    });
    drop(client);
    crate::harness::until("its end", || (postgres().sql("postgres", &running) == "0").then_some(()));
    let event = sidegate.event_of("select pg_sleep(60)");
    assert_ne!(event["custom"]["sidegate"]["outcome"], "forwarded", "{event}");
}

#[test]
fn what_a_client_sent_before_its_goodbye_still_runs() {
    let sidegate = Setup::open().start();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let last = query("insert into orders select 7777, 1, 1 from pg_sleep(1)");
    client.send(&[last, b"X\0\0\0\x04".to_vec()].concat());
    drop(client);
    let event = sidegate
        .event("its event", |event| event["input"]["sql"]["text"].as_str().is_some_and(|text| text.contains("7777")));
    assert_eq!(event["input"]["stage"], "request");
    crate::harness::until("the row", || {
        (postgres().sql(&sidegate.database, "select count(*) from orders where id = 7777") == "1").then_some(())
    });
}
