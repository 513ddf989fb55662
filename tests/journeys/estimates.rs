//! What the server expects of a statement, where a rule reads that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::harness::raw::{Raw, bind, execute, parse, query, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, python, said};

const RULE: &str = "deny contains \"reads too much\" if input.sql.estimate.rows > 10000";

/// The server's log does not say who asked: one journey at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(server: &'static Postgres, rules: &str) -> Sidegate {
    let policy = format!("package policies.open\n\nallow contains \"everything\" if true\n\n{rules}\n");
    let sidegate = Setup::policy(&policy).server(server).start();
    server.sql(
        &sidegate.database,
        "create table big (id int primary key, kind text, body text); \
         insert into big select n, case when n % 1000 = 0 then 'rare' else 'often' end, 'body ' || n \
         from generate_series(1, 50000) n; analyze",
    );
    sidegate
}

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

/// How often anybody was asked.
fn questions(server: &Postgres) -> usize {
    server.log().matches("EXPLAIN (FORMAT JSON) EXECUTE \"sidegate").count()
}

fn extended(sql: &str, values: &[&str]) -> Vec<u8> {
    [parse("", sql), bind("", "", values), execute("", 0), sync()].concat()
}

fn servers() -> [&'static Postgres; 2] {
    [postgres(), postgres18()]
}

const TOO_MUCH: [&str; 8] = [
    "select * from big",
    "table big",
    "select id from big where kind = 'often'",
    "update big set body = ''",
    "delete from big where id > 0",
    "with gone as (delete from big returning 1) select 1",
    "insert into payroll select id + 100, 1 from big",
    "declare c cursor with hold for select * from big",
];

const LITTLE: [(&str, &str); 7] = [
    ("select body from big where id = 7", "T D C:SELECT 1 Z:I"),
    ("select id from big limit 2", "T D D C:SELECT 2 Z:I"),
    ("select count(*) from big", "T D C:SELECT 1 Z:I"),
    ("update big set body = 'b' where id = 7", "C:UPDATE 1 Z:I"),
    ("set datestyle = 'ISO'", "C:SET Z:I"),
    ("show server_version_num", "T D C:SHOW Z:I"),
    ("", "I Z:I"),
];

#[test]
fn a_rule_refuses_what_would_read_too_much_and_lets_the_rest_through() {
    let _alone = alone();
    for server in servers() {
        let sidegate = start(server, RULE);
        let mut client = open(&sidegate);
        for sql in TOO_MUCH {
            assert_eq!(client.ask(&query(sql)), "E:42501 Z:I", "{sql}");
            assert_eq!(client.ask(&extended(sql, &[])), "E:42501 Z:I", "{sql}");
        }
        for (sql, answer) in LITTLE {
            assert_eq!(client.ask(&query(sql)), answer, "{sql}");
            let answer = answer.strip_prefix("T ").unwrap_or(answer);
            assert_eq!(client.ask(&extended(sql, &[])), format!("1 2 {answer}"), "{sql}");
        }
        let event = sidegate.event_of("select body from big where id = 7");
        assert_eq!(event["input"]["sql"]["estimate"]["rows"], 1, "{event}");
        assert!(event["input"]["sql"]["estimate"]["cost"].as_f64().is_some_and(|cost| cost > 1.0), "{event}");
        assert_eq!(sidegate.event_of("select * from big")["input"]["sql"]["estimate"]["rows"], 50_000);
        assert_eq!(sidegate.event_of("show server_version_num")["input"]["sql"]["estimate"], serde_json::json!({}));
        assert_eq!(server.sql(&sidegate.database, "select count(*) from big where body like 'b%'"), "50000");
        let cost = start(server, "deny contains \"costs too much\" if input.sql.estimate.cost > 100");
        let mut client = open(&cost);
        assert_eq!(client.ask(&query("select count(*) from big")), "E:42501 Z:I");
        assert_eq!(client.ask(&query("select body from big where id = 7")), "T D C:SELECT 1 Z:I");
    }
}

#[test]
fn prepared_statements_are_judged_by_a_plan_that_fits_any_values() {
    let _alone = alone();
    for server in servers() {
        let sidegate = start(server, RULE);
        let mut client = open(&sidegate);
        assert_eq!(client.ask(&extended("select body from big where id = $1", &["7"])), "1 2 D C:SELECT 1 Z:I");
        assert_eq!(client.ask(&extended("select body from big where id > $1", &["49999"])), "E:42501 Z:I");
        assert_eq!(client.ask(&[parse("s", "select body from big where id = $1"), sync()].concat()), "1 Z:I");
        let run = |value| [bind("", "s", &[value]), execute("", 0)].concat();
        // In the middle of an exchange nobody can be asked again: what was said of it holds.
        assert_eq!(
            client.ask(&[run("1"), run("2"), run("3"), sync()].concat()),
            "2 D C:SELECT 1 2 D C:SELECT 1 2 D C:SELECT 1 Z:I"
        );
        server.sql(&sidegate.database, "alter table big drop constraint big_pkey; update big set id = 1; analyze big");
        assert_eq!(client.ask(&[run("1"), sync()].concat()), "E:42501 Z:I", "it is asked anew with every Bind");
    }
}

#[test]
fn transactions_and_errors_are_what_they_would_be_without_the_question() {
    let _alone = alone();
    for server in servers() {
        let sidegate = start(server, RULE);
        let mut client = open(&sidegate);
        let before = client.say(&[query("show statement_timeout"), query("show plan_cache_mode")], 2);
        for send in [query as fn(&str) -> Vec<u8>, |sql| extended(sql, &[])] {
            let mut ask = |sql: &str| client.ask(&send(sql)).replace("1 2 ", "").replace("T D", "D");
            assert_eq!(ask("begin"), "C:BEGIN Z:T");
            assert_eq!(ask("insert into payroll values (500, 1)"), "C:INSERT 0 1 Z:T");
            assert_eq!(ask("savepoint mine"), "C:SAVEPOINT Z:T");
            assert_eq!(ask("select body from big where id = 7"), "D C:SELECT 1 Z:T");
            assert_eq!(ask("select * from big"), "E:42501 Z:E");
            assert_eq!(ask("select 1"), "1 E:25P02 Z:E".replace("1 ", ""));
            assert_eq!(ask("rollback to mine"), "C:ROLLBACK Z:T");
            assert_eq!(ask("commit"), "C:COMMIT Z:I");
            assert_eq!(ask("delete from payroll where id = 500"), "C:DELETE 1 Z:I");
            for (sql, error) in [
                ("select * from nowhere", "42P01"),
                ("select nothing from big", "42703"),
                ("select 'x'::int", "22P02"),
                ("selec 1", "42601"),
            ] {
                assert_eq!(ask("begin"), "C:BEGIN Z:T");
                let answer = ask(sql);
                assert!(answer.ends_with(&format!("E:{error} Z:E")) || sql.starts_with("selec "), "{sql}: {answer}");
                assert_eq!(ask("commit"), "C:ROLLBACK Z:I");
            }
            assert!(ask("select body::int from big where id = 7").ends_with("E:22P02 Z:I"));
        }
        // What was set for the question is as it was, and nothing of it is left.
        assert_eq!(client.say(&[query("show statement_timeout"), query("show plan_cache_mode")], 2), before);
    }
}

#[test]
fn what_cannot_be_asked_about_is_unknown_and_denied() {
    let _alone = alone();
    let sidegate = start(postgres(), RULE);
    let mut client = open(&sidegate);
    postgres().sql(
        &sidegate.database,
        "create function loud() returns bool language plpgsql immutable as $$ begin raise warning 'it ran'; return true; end $$",
    );
    let denied = [
        "select 1; select 2",
        "select id from big where loud()",
        "explain select * from big",
        "prepare p as select * from big",
        "copy big to stdout",
        // It fails where a time-out is set for the question, and nowhere else.
        "select id from big where id < 1 / case when current_setting('statement_timeout') = '2s' then 0 else 1 end",
    ];
    for sql in denied {
        assert_eq!(client.ask(&query(sql)), "E:42501 Z:I", "{sql}");
        let event = sidegate.event_of(sql);
        assert_eq!(event["custom"]["sidegate"]["cause"], "unknown", "{event}");
        assert_eq!(event["input"]["unknown"], serde_json::json!(["sql.estimate"]), "{event}");
    }
    assert!(!postgres().log().contains("WARNING:  it ran"), "planning it would have run the function");
}

#[test]
fn code_that_is_computed_while_planning_changes_nothing() {
    let _alone = alone();
    for server in servers() {
        let sidegate = start(server, RULE);
        server.sql(
            &sidegate.database,
            "create function writes() returns bool language plpgsql immutable as $$ begin \
             execute 'insert into payroll values (700, 1)'; return true; end $$; \
             create view open_view as select id from big where writes()",
        );
        let mut client = open(&sidegate);
        for sql in ["select * from open_view", "select id from open_view where id = 1"] {
            assert_eq!(client.ask(&query(sql)), "E:42501 Z:I", "{sql}");
        }
        client.ask(&query("begin"));
        assert_eq!(client.ask(&query("select * from open_view")), "E:42501 Z:E");
        assert_eq!(client.ask(&query("commit")), "C:ROLLBACK Z:I");
        assert_eq!(server.sql(&sidegate.database, "select count(*) from payroll where id = 700"), "0");
    }
}

#[test]
fn nobody_waits_for_a_question_that_is_not_answered() {
    let _alone = alone();
    for server in servers() {
        let sidegate = start(server, RULE);
        let other = Setup::open().server(server).database(&sidegate.database).start();
        let (mut holder, mut client) = (open(&other), open(&sidegate));
        assert_eq!(holder.ask(&query("begin; lock table big")), "C:BEGIN C:LOCK TABLE Z:T");
        for (begun, state) in [("rollback", "Z:I"), ("begin", "Z:E")] {
            client.ask(&query(begun));
            let asked = Instant::now();
            assert_eq!(client.ask(&query("select body from big where id = 7")), format!("E:42501 {state}"));
            assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
        }
        assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
        assert_eq!(holder.ask(&query("commit")), "C:COMMIT Z:I");
        assert_eq!(client.ask(&query("select body from big where id = 7")), "T D C:SELECT 1 Z:I");
    }
}

#[test]
fn a_policy_that_does_not_read_it_asks_nobody() {
    let _alone = alone();
    let sidegate = start(postgres(), "deny contains \"no\" if input.sql.effects[_] == \"ddl\"");
    let before = questions(postgres());
    let mut client = open(&sidegate);
    for (sql, answer) in LITTLE {
        assert_eq!(client.ask(&query(sql)), answer, "{sql}");
    }
    assert_eq!(questions(postgres()), before);
    let unaware = start(postgres(), "deny contains \"no\" if object.get(input, [\"sql\", \"nosuch\"], 0) > 10000");
    for (sql, answer) in LITTLE {
        assert_eq!(open(&unaware).ask(&query(sql)), answer, "{sql}");
    }
    assert_eq!(questions(postgres()), before, "who never heard of it does not read it");
    let whole =
        start(postgres(), "deny contains \"no\" if object.get(input, [\"sql\", \"estimate\", \"rows\"], 0) > 10000");
    let mut client = open(&whole);
    assert_eq!(client.ask(&query("select * from big")), "E:42501 Z:I", "who reads the whole input reads this, too");
    assert_eq!(questions(postgres()), before + 1);
}

#[test]
fn a_masked_column_is_not_told_by_what_the_planner_knows_of_it() {
    let _alone = alone();
    let rules = "mask contains {\"column\": \"public.big.kind\", \"with\": {\"null\": {}}}\n\n\
        deny contains \"reads too much\" if input.sql.estimate.rows > 10000";
    let sidegate = start(postgres(), rules);
    let mut client = open(&sidegate);
    let counts = |value: &str| format!("select id from big where kind = '{value}'");
    assert_eq!(client.ask(&query(&counts("often"))), client.ask(&query(&counts("rare"))));
    assert_eq!(client.ask(&query("select kind from big")), "E:42501 Z:I");
    assert_eq!(client.ask(&query("select kind from big where id = 7")), "T D C:SELECT 1 Z:I");
}

#[test]
fn psycopg_and_tokio_postgres_meet_the_rule() {
    let _alone = alone();
    for server in servers() {
        let sidegate = start(server, RULE);
        let mut program = python();
        program.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/estimate_journey.py"));
        let output = sidegate.environment(&mut program).output().expect("python runs");
        assert!(output.status.success(), "{}", said(&output));
        let output = sidegate.psql(&["-c", "select body from big where id = 7", "-c", "select * from big"]);
        let text = said(&output);
        assert!(text.contains("body 7") && text.contains("denied by policy: reads too much"), "{text}");
    }
}

#[tokio::test]
async fn tokio_postgres_prepares_under_the_rule() {
    let sidegate = start(postgres(), RULE);
    let config = format!("host=127.0.0.1 port={} user=alice dbname={}", sidegate.port, sidegate.database);
    let (mut client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.expect("connects");
    let driver = tokio::spawn(connection);
    let transaction = client.transaction().await.expect("begins");
    let statement = transaction.prepare("select body from big where id = $1").await.expect("prepares");
    for id in [1, 2] {
        let row = transaction.query_one(&statement, &[&id]).await.expect("a row");
        assert_eq!(row.get::<_, String>(0), format!("body {id}"));
    }
    transaction.commit().await.expect("commits");
    let error = client.query("select * from big", &[]).await.expect_err("it reads too much");
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("42501"));
    drop(client);
    driver.await.expect("it ends").expect("well");
}
