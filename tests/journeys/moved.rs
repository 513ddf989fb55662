//! Names that a definition moves, and those that it does not; definitions that outlive their session; casts of columns.

use crate::catalog::{MORE, READERS};
use crate::harness::raw::{Raw, query};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, said, until};

fn shop(setup: Setup, server: &'static Postgres) -> Sidegate {
    let sidegate = setup.server(server).start();
    server.sql(&sidegate.database, MORE);
    sidegate
}

/// Whether the server is busy with a text that begins so.
fn is_busy(server: &Postgres, database: &str, text: &str) -> bool {
    let asked = format!(
        "select count(*) from pg_stat_activity where datname = '{database}' and state = 'active' \
         and pid <> pg_backend_pid() and query like '{text}%'"
    );
    server.sql("postgres", &asked) != "0"
}

fn names_of_others_stay(server: &'static Postgres) {
    let sidegate = shop(Setup::policy(READERS), server);
    server.sql(&sidegate.database, "create table part2 partition of parts for values from (10) to (19)");
    let many: Vec<String> = (0..400).map(|number| format!("sales.t{number}")).collect();
    for (text, moved) in [
        ("alter table sales.orders add x int".to_owned(), "sales.orders"),
        (format!("drop table if exists {}", many.join(", ")), "sales.t7"),
        ("alter view wages rename to innocent".to_owned(), "innocent"),
        ("alter table parts detach partition part2".to_owned(), "part2"),
        ("create type sales.pairs as (a int)".to_owned(), "sales.pairs"),
        ("create schema other".to_owned(), "other.orders"),
    ] {
        let mut definer = Raw::open(sidegate.port, &sidegate.database);
        // It holds what it moves as long as it runs.
        definer.send(&query(&format!("{text}; select pg_sleep(60)")));
        let begins: String = text.chars().take(30).collect();
        until("the text to run", || is_busy(server, &sidegate.database, &begins).then_some(()));
        let others = said(&sidegate.psql(&["-c", "select count(*) from orders"]));
        assert_eq!(others, "1000\n", "{text}");
        let own = said(&sidegate.psql(&["-c", &format!("select count(*) from {moved}")]));
        assert!(own.contains("which is not known"), "{text}: {own}");
        server.sql(
            "postgres",
            &format!(
                "select pg_cancel_backend(pid) from pg_stat_activity where datname = '{}' and query like '{begins}%'",
                sidegate.database
            ),
        );
        definer.until_ready();
        let done = said(&sidegate.psql(&["-c", &text]));
        assert!(!done.contains("denied"), "{text}: {done}");
        let others = said(&sidegate.psql(&["-c", "select count(*) from orders"]));
        assert_eq!(others, "1000\n", "{text}");
    }
    let hidden = said(&sidegate.psql(&["-c", "select count(*) from innocent"]));
    assert!(hidden.contains("payroll is nobody's business"), "{hidden}");
}

#[test]
fn what_somebody_moves_leaves_the_names_of_others_on_15() {
    names_of_others_stay(postgres());
}

#[test]
fn what_somebody_moves_leaves_the_names_of_others_on_18() {
    names_of_others_stay(postgres18());
}

fn what_is_left_running_is_held(server: &'static Postgres) {
    let sidegate = shop(Setup::policy(READERS), server);
    server.sql(&sidegate.database, "create table innocent (id int)");
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from innocent"])), "0\n");
    let database = sidegate.database.clone();
    let locks = std::thread::spawn(move || {
        server.sql(&database, "begin; lock table innocent in share mode; select pg_sleep(6); commit")
    });
    until("the lock", || is_busy(server, &sidegate.database, "begin; lock table").then_some(()));
    let mut definer = Raw::open(sidegate.port, &sidegate.database);
    // The first takes the cancel request that the session's end brings; the second waits for the lock when nobody is
    // there any more.
    let waits = query("alter table innocent add column x int");
    definer.send(&[waits, query("drop table innocent; alter view wages rename to innocent")].concat());
    until("the first to wait", || is_busy(server, &sidegate.database, "alter table innocent").then_some(()));
    drop(definer);
    let is_left = until("the second, or its end", || {
        let runs = is_busy(server, &sidegate.database, "drop table innocent");
        (runs || !is_busy(server, &sidegate.database, "alter table innocent")).then_some(runs)
    });
    // Whether the server came to the second before it heard that nobody is there is its own affair.
    until("the names to be settled", || {
        let text = said(&sidegate.psql(&["-c", "select count(*) from innocent"]));
        assert!(!text.lines().any(|line| line == "10"), "it shows the payroll: {text}");
        let settled = text.contains("payroll is nobody's business") || (!is_left && text == "0\n");
        settled.then_some(())
    });
    locks.join().expect("it ends");
}

#[test]
fn what_a_dead_session_left_running_is_held_on_15() {
    what_is_left_running_is_held(postgres());
}

#[test]
fn what_a_dead_session_left_running_is_held_on_18() {
    what_is_left_running_is_held(postgres18());
}

fn what_is_made_nowhere_is_temporary(server: &'static Postgres) {
    let sidegate = shop(Setup::policy(READERS).listener("pins: {search_path: \"nowhere, pg_temp\"}"), server);
    let text = said(&sidegate.psql(&[
        "-c",
        "create view look as select * from public.payroll",
        "-c",
        "select count(*) from look",
    ]));
    assert!(!text.lines().any(|line| line == "10") && text.contains("denied by policy"), "{text}");
    let made = "create view look as select 1 as a";
    let text = said(&sidegate.psql(&[
        "-c",
        made,
        "-c",
        "create or replace view look as select 1 as a",
        "-c",
        "select count(*) from look",
    ]));
    assert!(text.contains("denied by policy"), "nobody has looked behind it: {text}");
    let event = sidegate.event_of(made);
    assert_eq!(event["input"]["sql"]["relations"][0]["schema"], serde_json::Value::Null, "{event}");
}

#[test]
fn what_is_made_where_no_schema_is_is_temporary_on_15() {
    what_is_made_nowhere_is_temporary(postgres());
}

#[test]
fn what_is_made_where_no_schema_is_is_temporary_on_18() {
    what_is_made_nowhere_is_temporary(postgres18());
}

fn casts_of_columns_count(server: &'static Postgres) {
    let sidegate = shop(Setup::policy(READERS), server);
    server.sql(
        &sidegate.database,
        "create type tag as enum ('a', 'b'); create type plain as enum ('x', 'y'); \
         create function says(tag) returns text language sql as 'select max(salary)::text from payroll'; \
         create cast (tag as text) with function says(tag) as implicit; \
         create function tags(int) returns tag language sql as 'select ''a''::tag'; \
         create cast (int as tag) with function tags(int) as assignment; \
         create table tagged (id int, t tag, ts tag[], p plain); insert into tagged values (1, 'a', '{a}', 'x')",
    );
    for sql in [
        "select t::text from tagged",
        "select upper(t) from tagged",
        "select t || 'x' from tagged",
        "select cast(t as text) from tagged",
        "select ts::text[] from tagged",
        "select 1 from tagged where t like '9%'",
    ] {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        assert!(text.contains("denied by policy") && !text.contains("10000"), "{sql}: {text}");
        let functions = sidegate.event_of(sql)["input"]["sql"]["functions"].clone();
        let is_told = functions.as_array().expect("a list").iter().any(|function| function["id"] == "public.says");
        assert!(is_told, "{sql}: {functions}");
    }
    assert_eq!(said(&sidegate.psql(&["-Atc", "select p::text, id::text from tagged where p = 'x'"])), "x|1\n");
}

#[test]
fn a_cast_that_somebody_made_for_a_columns_type_counts_on_15() {
    casts_of_columns_count(postgres());
}

#[test]
fn a_cast_that_somebody_made_for_a_columns_type_counts_on_18() {
    casts_of_columns_count(postgres18());
}
