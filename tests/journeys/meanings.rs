//! What names mean to a session that does what it can to make them mean something else.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::catalog::{MORE, READERS};
use crate::harness::raw::{Raw, bind, execute, flush, parse, query, sync};
use crate::harness::{Setup, Sidegate, postgres, said};

const HIDES: &str = "alter view wages rename to innocent";
const LOOKS: &str = "select count(*) from innocent";

/// READERS, who may also call functions and change settings.
fn daring() -> String {
    format!(
        "{READERS}\nallow contains \"more\" if {{\n\tsome effect in input.sql.effects\n\t\
         effect in {{\"procedure\", \"settings\"}}\n}}\n"
    )
}

fn shop(setup: Setup) -> Sidegate {
    let sidegate = setup.start();
    postgres().sql(&sidegate.database, MORE);
    sidegate
}

/// What psql says to these statements of one session.
fn session(sidegate: &Sidegate, statements: &[&str]) -> String {
    let arguments: Vec<&str> = statements.iter().flat_map(|statement| ["-c", statement]).collect();
    said(&sidegate.psql(&arguments))
}

/// Ids of the relations that a statement was judged by.
fn relations(sidegate: &Sidegate, sql: &str) -> Vec<String> {
    let event = sidegate.event_of(sql);
    let relations = event["input"]["sql"]["relations"].as_array().expect("a list").clone();
    relations.iter().filter_map(|relation| relation["id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn what_a_transaction_has_defined_is_not_relied_on_in_it() {
    let sidegate = shop(Setup::policy(READERS));
    let text = session(&sidegate, &["begin", HIDES, LOOKS]);
    assert!(text.contains("denied by policy") && !text.contains("10\n"), "{text}");
    let text = session(&sidegate, &["begin", "create view v as select 1 as a", "select count(*) from orders"]);
    assert!(text.contains("1000\n"), "the others are what they were: {text}");
    let text = session(&sidegate, &["begin", HIDES, "select count(*) from public.innocent"]);
    assert!(text.contains("denied by policy"), "{text}");
}

#[test]
fn what_a_text_defines_is_not_relied_on_behind_it() {
    let sidegate = shop(Setup::policy(READERS));
    for text in [format!("{HIDES}; {LOOKS}"), format!("begin; {HIDES}; {LOOKS}; rollback")] {
        let said = session(&sidegate, &[&text]);
        assert!(said.contains("denied by policy"), "{text}: {said}");
    }
    let text = session(&sidegate, &["create view v as select 1 as a; select count(*) from orders"]);
    assert!(text.contains("1000\n"), "{text}");
}

#[test]
fn temporary_relations_do_not_hide_what_others_are() {
    let sidegate = shop(Setup::policy(READERS));
    let temporary = "create temp table mine as select 1 as id";
    for view in ["wages", "public.wages"] {
        let text = session(&sidegate, &[temporary, &format!("select count(*) from {view}")]);
        assert!(text.contains("payroll is nobody's business"), "{view}: {text}");
    }
    let text = session(&sidegate, &[temporary, "select count(*) from mine", "select count(*) from orders"]);
    assert!(text.ends_with("1\n1000\n"), "{text}");
    assert_eq!(relations(&sidegate, "select count(*) from mine"), ["pg_temp.mine"]);
    let text = session(&sidegate, &["create temp view look as select 1 as a", "select * from look"]);
    assert!(text.contains("reads `sql.relations`, which is not known"), "nobody has looked behind it: {text}");
    for discard in ["discard all", "discard temp"] {
        let text = session(&sidegate, &[discard, "select count(*) from orders", "select count(*) from wages"]);
        assert!(text.contains("1000\n") && text.contains("payroll is nobody's business"), "{discard}: {text}");
    }
}

#[test]
fn a_function_that_moves_the_path_is_followed() {
    let sidegate = shop(Setup::policy(&daring()));
    postgres().sql(
        &sidegate.database,
        "create function moves(text) returns text language sql as 'select set_config(''search_path'', $1, false)'",
    );
    let moves = "select moves('sales, public, pg_temp')";
    let there = "select count(*) from orders where 1 = 1";
    let text = session(&sidegate, &[moves, there]);
    assert!(text.ends_with("\n0\n"), "{text}");
    assert_eq!(relations(&sidegate, there), ["sales.orders"]);
    let back = "select count(*) from orders where 2 = 2";
    let text = session(&sidegate, &["begin", moves, "select count(*) from orders", "rollback", back]);
    assert!(text.contains("\n0\n") && text.ends_with("\n1000\n"), "{text}");
    assert_eq!(relations(&sidegate, back), ["public.orders"]);
    let text = session(&sidegate, &["select moves('public')", "select count(*) from wages"]);
    assert!(text.contains("payroll is nobody's business"), "{text}");
}

#[test]
fn a_question_of_sidegates_own_takes_nothing_from_the_client() {
    let sidegate = shop(Setup::policy(&daring()));
    let mut raw = Raw::open(sidegate.port, &sidegate.database);
    let prepared = [parse("", "select count(*) from orders"), sync()].concat();
    assert_eq!(raw.ask(&prepared), "1 Z:I");
    let leak = "select leak(c) from customers c limit 1";
    let called = [parse("m", leak), bind("p", "m", &[]), execute("p", 0), sync()];
    assert_eq!(raw.ask(&called.concat()), "1 2 D C:SELECT 1 Z:I");
    let again = [bind("", "", &[]), execute("", 0), sync()].concat();
    assert_eq!(raw.ask(&again), "2 D C:SELECT 1 Z:I", "the unnamed statement is still there");
    assert_eq!(raw.ask(&query("begin isolation level serializable")), "C:BEGIN Z:T");
    assert_eq!(raw.ask(&query(leak)), "T D C:SELECT 1 Z:T");
    assert_eq!(raw.ask(&query("select count(*) from orders")), "T D C:SELECT 1 Z:T");
    assert_eq!(raw.ask(&query("commit")), "C:COMMIT Z:I");
    let left = "select 1 from pg_prepared_statements where name like 'sidegate%'";
    assert_eq!(raw.ask(&query(left)), "T C:SELECT 0 Z:I");
}

#[test]
fn free_settings_are_asked_for() {
    let sidegate = shop(Setup::policy(&daring()).free_settings());
    let text = session(&sidegate, &["select count(*) from wages"]);
    assert!(text.contains("payroll is nobody's business"), "{text}");
    let there = "select count(*) from orders where 3 = 3";
    let text = session(&sidegate, &["select count(*) from orders", "set search_path = sales, public", there]);
    assert!(text.ends_with("1000\nSET\n0\n"), "{text}");
    assert_eq!(relations(&sidegate, there), ["sales.orders"]);
    let text = session(&sidegate, &["create temp table orders as select 1", "select count(*) from orders"]);
    assert!(text.contains("which is not known"), "what is temporary comes first: {text}");
}

#[test]
fn what_was_prepared_in_sql_is_read_again_when_names_mean_something_else() {
    let sidegate = shop(Setup::policy(READERS));
    postgres().sql(&sidegate.database, "create table innocent (id int)");
    let mut raw = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(raw.ask(&query("prepare p as select count(*) from innocent")), "C:PREPARE Z:I");
    assert_eq!(raw.ask(&query("execute p")), "T D C:SELECT 1 Z:I");
    let swapped = session(&sidegate, &["drop table innocent", HIDES]);
    assert!(swapped.ends_with("ALTER VIEW\n"), "{swapped}");
    assert_eq!(raw.ask(&query("execute p")), "E:42501 Z:I");
    let by_name = [bind("", "p", &[]), execute("", 0), sync()].concat();
    assert_eq!(raw.ask(&by_name), "E:42501 Z:I");
}

#[test]
fn a_commit_without_a_sync_is_seen() {
    let sidegate = shop(Setup::policy(READERS));
    postgres().sql(&sidegate.database, "create table innocent (id int)");
    let mut raw = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(raw.ask(&query("begin; drop table innocent")), "C:BEGIN C:DROP TABLE Z:T");
    assert_eq!(raw.ask(&query(HIDES)), "C:ALTER VIEW Z:T");
    // Nothing asks for the answer.
    raw.send(&[parse("", "commit"), bind("", "", &[]), execute("", 0)].concat());
    for _ in 0..5 {
        let text = session(&sidegate, &[LOOKS]);
        assert!(text.contains("denied by policy"), "{text}");
    }
    raw.send(&[flush(), sync()].concat());
    assert!(raw.until_ready().iter().any(|message| message.tag == 'C'));
}

#[test]
fn whoever_defines_in_a_loop_keeps_nobody_else_waiting() {
    let sidegate = shop(Setup::policy(READERS));
    assert_eq!(session(&sidegate, &["select count(*) from orders"]), "1000\n");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut raw = Raw::open(sidegate.port, &sidegate.database);
            let mut round = 0;
            while !over.load(Ordering::Relaxed) {
                round += 1;
                let view = format!("create or replace view churn as select {round} as a");
                assert_eq!(raw.ask(&query(&view)), "C:CREATE VIEW Z:I");
                let function = "create or replace function churned() returns int language sql as 'select 1'";
                assert_eq!(raw.ask(&query(function)), "C:CREATE FUNCTION Z:I");
            }
        });
        let mut said = Vec::new();
        for round in 0..20 {
            let text = format!("select count(*), upper('a') from orders where {round} = {round}");
            said.push(session(&sidegate, &[&text]));
        }
        over.store(true, Ordering::Relaxed);
        assert!(said.iter().all(|text| text == "1000|A\n"), "{said:?}");
    });
}

#[test]
fn a_view_that_is_too_long_to_read_costs_nobody_but_itself() {
    let sidegate = shop(Setup::policy(READERS));
    let many: Vec<String> = (0..12_000).map(|number| number.to_string()).collect();
    postgres().sql(&sidegate.database, &format!("create view huge as select array[{}] as a", many.join(",")));
    assert_eq!(session(&sidegate, &["select count(*) from orders"]), "1000\n");
    let text = session(&sidegate, &["select count(*) from wages"]);
    assert!(text.contains("payroll is nobody's business"), "{text}");
    let text = session(&sidegate, &["select count(*) from huge"]);
    assert!(text.contains("reads `sql.relations`, which is not known"), "{text}");
    assert!(!sidegate.stderr().iter().any(|line| line.contains("a catalog was not read")));
}

#[test]
fn somebodys_aggregate_is_what_computes_it() {
    let sidegate = shop(Setup::policy(READERS));
    postgres().sql(
        &sidegate.database,
        "create function reads(text, int) returns text language sql as 'select coalesce($1, $2::text)';
         create aggregate count(int) (sfunc = reads, stype = text);",
    );
    let text = session(&sidegate, &["select count(id) from orders"]);
    assert!(text.contains("denied by policy"), "somebody's code may compute it: {text}");
    assert_eq!(session(&sidegate, &["select max(id) from orders"]), "1000\n");
}
