//! Prepared texts that the server plans anew: they run as what their names mean by then, and are masked as that.

use crate::harness::raw::{Raw, query};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, until};

/// Nobody sees an e-mail address.
const POLICY: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

/// Somebody's own, of the same form as what is masked; and a view whose columns may change places.
const OTHERS: &str = "
    create schema mine; create table mine.customers (id int, name text, email text);
    create view swapped as select id, name as one, email as two from public.customers;
    grant all on schema mine to public; grant all on all tables in schema mine to public";

fn start(server: &'static Postgres) -> Sidegate {
    let sidegate =
        Setup::policy(POLICY).server(server).listener("pins: {search_path: \"mine, public, pg_temp\"}").start();
    server.sql(&sidegate.database, OTHERS);
    until("the catalog", || {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        client.ask(&query("select * from nowhere"));
        (client.ask(&query("select email from customers")) == "T C:SELECT 0 Z:I").then_some(())
    });
    sidegate
}

fn what_is_planned_anew_is_masked_or_refused(server: &'static Postgres) {
    let sidegate = start(server);
    let open = || Raw::open(sidegate.port, &sidegate.database);
    let prepare = "prepare p as select upper(email) from customers";
    let moves = "set search_path = public, pg_temp";
    // In one text, and in two.
    assert_eq!(open().ask(&query(&format!("{prepare}; {moves}; execute p"))), "E:42501 Z:I");
    let mut client = open();
    assert_eq!(client.ask(&query(prepare)), "C:PREPARE Z:I");
    assert_eq!(client.ask(&query("execute p")), "T C:SELECT 0 Z:I");
    assert_eq!(client.ask(&query(&format!("{moves}; execute p"))), "E:42501 Z:I");
    assert_eq!(client.ask(&query(moves)), "C:SET Z:I");
    assert_eq!(client.ask(&query("execute p")), "E:42501 Z:I", "it was not prepared with masks");
    assert_eq!(client.ask(&query("deallocate all")), "C:DEALLOCATE ALL Z:I");
    assert_eq!(client.ask(&query("prepare p as select upper(email) from customers limit 1")), "C:PREPARE Z:I");
    client.send(&query("execute p"));
    let bodies: Vec<u8> = client.until_ready().into_iter().flat_map(|message| message.body).collect();
    let answer = String::from_utf8_lossy(&bodies);
    assert!(answer.contains("***") && !answer.to_lowercase().contains("@example.com"), "{answer}");
}

fn a_view_that_became_another_is_not_run_as_it_was(server: &'static Postgres) {
    let sidegate = start(server);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(client.ask(&query("prepare p as select upper(one) from swapped limit 1")), "C:PREPARE Z:I");
    assert_eq!(client.ask(&query("execute p")), "T D C:SELECT 1 Z:I");
    server.sql(
        &sidegate.database,
        "create or replace view swapped as select id, email as one, name as two from public.customers",
    );
    // A name that is not known asks for a look.
    client.ask(&query("select * from nowhere2"));
    assert_eq!(client.ask(&query("execute p")), "E:42501 Z:I");
}

fn no_key_leads_to_what_is_masked(server: &'static Postgres) {
    let sidegate = start(server);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    for sql in [
        "create table mine.probe (id int references public.customers (id))",
        "create table mine.probe (e int, foreign key (e) references public.customers (id) on update cascade)",
    ] {
        assert_eq!(client.ask(&query(sql)), "E:42501 Z:I", "{sql}");
    }
    assert_eq!(
        client.ask(&query("create table mine.probe (id int references public.orders (id))")),
        "C:CREATE TABLE Z:I"
    );
}

#[test]
fn what_is_planned_anew_on_15_is_masked_or_refused() {
    what_is_planned_anew_is_masked_or_refused(postgres());
}

#[test]
fn what_is_planned_anew_on_18_is_masked_or_refused() {
    what_is_planned_anew_is_masked_or_refused(postgres18());
}

#[test]
fn a_view_that_became_another_is_not_run_as_it_was_on_15() {
    a_view_that_became_another_is_not_run_as_it_was(postgres());
}

#[test]
fn a_view_that_became_another_is_not_run_as_it_was_on_18() {
    a_view_that_became_another_is_not_run_as_it_was(postgres18());
}

#[test]
fn no_key_leads_to_what_is_masked_on_15() {
    no_key_leads_to_what_is_masked(postgres());
}
