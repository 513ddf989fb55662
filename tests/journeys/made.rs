//! A table that a session has just made is known to be nothing but a table, until its name may mean something else.

use crate::catalog::{MORE, READERS};
use crate::harness::raw::{Raw, query};
use crate::harness::{Postgres, Setup, postgres, postgres18, until};

/// More names than are told apart, none of which is anything.
fn many_names() -> Vec<String> {
    let names = |from: usize| (from..from + 1000).map(|number| format!("public.none{number}")).collect::<Vec<_>>();
    (0..9).map(|thousand| format!("drop table if exists {}", names(1000 * thousand).join(", "))).collect()
}

fn what_took_a_new_tables_name_is_judged_as_what_it_is(server: &'static Postgres) {
    let sidegate = Setup::policy(READERS).server(server).start();
    server.sql(&sidegate.database, MORE);
    until("the catalog", || {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        client.ask(&query("select * from sales.nowhere"));
        (client.ask(&query("select id from sales.own")) == "T C:SELECT 0 Z:I").then_some(())
    });
    let made = || "create table public.made (salary int)".to_owned();
    let becomes = "alter view wages rename to made";
    let asks = "select salary from made";
    let moved = format!("drop table made; {becomes}");
    let with_many = [vec![made()], many_names(), vec!["drop table made".to_owned(), becomes.to_owned()]].concat();
    let ways = [
        ("each by itself", vec![made(), "drop table made".to_owned(), becomes.to_owned()], asks.to_owned()),
        ("in one text", vec![made()], format!("{moved}; {asks}")),
        ("among many", with_many, asks.to_owned()),
        (
            "taken back",
            vec![
                "savepoint s".to_owned(),
                "alter view wages rename to other_wages".to_owned(),
                "create table public.wages (salary int)".to_owned(),
            ],
            "rollback to s; select salary from wages".to_owned(),
        ),
    ];
    let mut shown = Vec::new();
    for (way, before, last) in ways {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        client.ask(&query("begin"));
        for text in before {
            let answer = client.ask(&query(&text));
            assert!(answer.ends_with("Z:T"), "{way}: {answer} to {}", &text[..text.len().min(100)]);
        }
        let answer = client.ask(&query(&last));
        if !answer.starts_with("E:42501") {
            shown.push((way, answer));
        }
    }
    assert!(shown.is_empty(), "{shown:?}");
}

#[test]
fn what_took_a_new_tables_name_is_judged_as_what_it_is_on_15() {
    what_took_a_new_tables_name_is_judged_as_what_it_is(postgres());
}

#[test]
fn what_took_a_new_tables_name_is_judged_as_what_it_is_on_18() {
    what_took_a_new_tables_name_is_judged_as_what_it_is(postgres18());
}
