//! A hijacked client that has read the source: what was judged is what runs.

use crate::harness::raw::{Raw, bind, close, execute, flush, parse, query, sync, typed_parse};
use crate::harness::{Setup, Sidegate, postgres};

/// A rule reads values, so a Parse passes on unasked and its Bind is what is judged.
const BY_VALUE: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"reads of orders\" if {\n\tsql.reads_only\n\tsql.only_touches({\"public.orders\"})\n}\n\n\
    deny contains \"order 13\" if {\n\tsome parameter in input.sql.parameters\n\tparameter.value == 13\n}\n";

/// Everything but the payroll, by name.
const NOT_THE_PAYROLL: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"reads and writes\" if {\n\tevery effect in input.sql.effects {\n\t\t\
    effect in {\"read\", \"write\", \"session\", \"transaction\"}\n\t}\n\t\
    not sql.touches({\"public.payroll\"})\n}\n";

const PAYROLL: &str = "select salary from public.payroll where id = $1";
const ORDERS: &str = "select total from public.orders where id = $1";

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

/// The salary of the third in the payroll, as it would come in a row.
fn is_leaked(text: &str) -> bool {
    text.contains("3000")
}

#[test]
fn a_name_whose_new_meaning_fails_behind_a_sync_keeps_its_old_one() {
    let sidegate = Setup::policy(BY_VALUE).start();
    let mut client = open(&sidegate);
    client.say(&[parse("s", PAYROLL), sync()], 1);
    // The name is taken, so the second Parse fails, and the Bind behind the Sync means the first.
    let text = client.say(&[parse("s", ORDERS), sync(), bind("", "s", &["3"]), execute("", 0), sync()], 2);
    assert!(text.contains("C42501") && !is_leaked(&text), "{text}");
    client.say(&[parse("", PAYROLL), sync()], 1);
    // The server ignores the second Parse after an error of another message.
    let pipeline = [execute("nowhere", 0), parse("", ORDERS), sync(), bind("", "", &["3"]), execute("", 0), sync()];
    let text = client.say(&pipeline, 2);
    assert!(text.contains("C42501") && !is_leaked(&text), "{text}");
    let text = client.say(&[parse("", ORDERS), sync(), bind("", "", &["3"]), execute("", 0), sync()], 2);
    assert!(text.contains("D") && text.contains("4.5"), "an honest pipeline runs: {text}");
}

#[test]
fn execute_by_name_is_judged_by_what_the_name_stands_for_when_it_runs() {
    let sidegate = Setup::policy(BY_VALUE).start();
    let mut client = open(&sidegate);
    client.say(&[parse("s", ORDERS), sync()], 1);
    let text = client.say(&[close("s"), parse("s", PAYROLL), sync(), query("execute s(3)")], 2);
    assert!(text.contains("C42501") && !is_leaked(&text), "{text}");

    client.say(&[close("s"), parse("s", ORDERS), parse("x", "execute s(3)"), sync()], 1);
    assert!(client.say(&[bind("", "x", &[]), execute("", 0), sync()], 1).contains("4.5"));
    client.say(&[close("s"), parse("s", PAYROLL), sync()], 1);
    let text = client.say(&[bind("", "x", &[]), execute("", 0), sync()], 1);
    assert!(text.contains("C42501") && !is_leaked(&text), "{text}");

    // Bound while the name was harmless, run when it is not.
    client.say(&[close("s"), parse("s", ORDERS), sync()], 1);
    let pipeline = [bind("p", "x", &[]), close("s"), parse("s", PAYROLL), execute("p", 0), sync()];
    let text = client.say(&pipeline, 1);
    assert!(text.contains("C42501") && !is_leaked(&text), "{text}");
}

#[test]
fn a_parameter_of_a_users_own_type_is_code_that_nobody_read() {
    let sidegate = Setup::policy(
        "package policies.shop\n\nimport data.sidegate.sql\n\nallow contains \"reads\" if sql.reads_only\n",
    )
    .start();
    let server = postgres();
    server.sql(
        &sidegate.database,
        "create table ran (what text); \
         create function mine(text) returns boolean language sql as 'insert into ran values ($1); select true'; \
         create domain checked as text check (mine(value))",
    );
    let oid = server.sql(&sidegate.database, "select 'checked'::regtype::oid").parse().expect("a number");
    let mut client = open(&sidegate);
    let text = client.say(&[typed_parse("", "select $1", &[oid]), bind("", "", &["x"]), execute("", 0), sync()], 1);
    assert!(text.contains("C42501"), "{text}");
    for sql in ["select checked 'x'", "select public.checked 'x'", "select 'x'::checked"] {
        let text = client.say(&[query(sql)], 1);
        assert!(text.contains("C42501") || text.contains("C0A000"), "{sql}: {text}");
    }
    assert_eq!(server.sql(&sidegate.database, "select count(*) from ran"), "0");
    let text = client.say(&[typed_parse("", "select $1", &[25]), bind("", "", &["x"]), execute("", 0), sync()], 1);
    assert!(text.contains("SELECT 1"), "{text}");
}

#[test]
fn an_update_of_pg_settings_is_a_set() {
    let sidegate = Setup::policy(NOT_THE_PAYROLL).start();
    postgres().sql(&sidegate.database, "create schema hr; create table hr.orders as select * from payroll");
    let mut client = open(&sidegate);
    for setting in
        ["setting = 'off' where name = 'standard_conforming_strings'", "setting = 'hr' where name = 'search_path'"]
    {
        let update = format!("update pg_settings set {setting}");
        let text = client.say(&[query(&update), query("select 'a\\'' , salary from payroll --'")], 2);
        assert!(text.contains("C42501") && !is_leaked(&text), "{text}");
        let text = client.say(&[query(&update.replace("pg_settings", "pg_catalog.pg_settings"))], 1);
        assert!(text.contains("C42501"), "{text}");
    }
    let text = client.say(&[query("select * from orders where id = 3")], 1);
    assert!(text.contains("4.5"), "{text}");
}

#[test]
fn what_was_prepared_while_names_were_certain_is_not_run_by_name_when_they_are_not() {
    let sidegate = Setup::policy(
        "package policies.shop\n\nimport data.sidegate.sql\n\n\
         allow contains \"settings\" if input.sql.effects == [\"settings\"]\n\n\
         allow contains \"orders\" if {\n\t\"read\" in input.sql.effects\n\tsql.reads_only\n\t\
         sql.only_touches({\"public.orders\"})\n}\n",
    )
    .start();
    postgres().sql(&sidegate.database, "create schema hr; create table hr.orders as select 7777 as id");
    let mut client = open(&sidegate);
    let prepared = [query("prepare p as select max(id) from orders"), parse("s", "select max(id) from orders")];
    assert!(!client.say(&[prepared.concat(), sync()], 2).contains("C42501"));
    assert!(client.say(&[query("execute p"), bind("", "s", &[]), execute("", 0), sync()], 2).contains("1000"));
    assert!(client.say(&[query("set search_path = hr")], 1).contains("CSET"));
    for by_name in
        [vec![query("execute p")], vec![bind("", "p", &[]), execute("", 0), sync()], vec![query("execute s")]]
    {
        let text = client.say(&by_name, 1);
        assert!(text.starts_with("ESERROR") && !text.contains("7777"), "{text}");
    }
    let text = client.say(&[bind("", "s", &[]), execute("", 0), sync()], 1);
    assert!(text.starts_with("ESERROR") && !text.contains("7777"), "{text}");
}

#[test]
fn a_name_that_is_taken_again_stands_for_what_it_was_given_last() {
    let sidegate = Setup::policy(
        "package policies.shop\n\nimport data.sidegate.sql\n\nallow contains \"reads\" if sql.reads_only\n\n\
         deny contains \"not by name\" if {\n\tsql.touches({\"public.payroll\"})\n\t\
         some statement in input.sql.statements\n\tstatement.command in {\"EXECUTE\", \"FETCH\"}\n}\n",
    )
    .start();
    let mut client = open(&sidegate);
    client.say(&[query("prepare p as select 1"), query("execute p"), query("deallocate p")], 3);
    client.say(&[query("prepare p as select salary from payroll where id = 3")], 1);
    let text = client.say(&[query("execute p")], 1);
    assert!(text.contains("not by name") && !is_leaked(&text), "{text}");

    client.say(&[query("begin"), query("declare c cursor for select 1"), query("fetch 1 from c"), query("close c")], 4);
    client.say(&[query("declare c cursor for select salary from payroll where id = 3")], 1);
    let text = client.say(&[query("fetch 1 from c")], 1);
    assert!(text.contains("not by name") && !is_leaked(&text), "{text}");
    client.say(&[query("rollback")], 1);

    // Names are taken up again all day long.
    client.send(&query("begin"));
    client.until_ready();
    for n in 0..20 {
        let columns = vec!["id"; n + 1].join(", ");
        let declare = query(&format!("declare d cursor for select {columns} from orders where id = {n}"));
        let text = client.say(&[declare, query("fetch 1 from d"), query("close d")], 3);
        assert!(text.contains("CFETCH") && !text.contains("ERROR"), "{n}: {text}");
        let prepare = query(&format!("prepare q as select {columns} from orders where id = {n}"));
        let text = client.say(&[prepare, query("execute q"), query("deallocate q")], 3);
        assert!(text.contains("CSELECT") && !text.contains("ERROR"), "{n}: {text}");
    }
}

#[test]
fn nothing_but_data_passes_while_a_copy_waits_for_it() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    client.send(&query("copy customers from stdin"));
    assert_eq!(client.next().map(|message| message.tag), Some('G'));
    let text = client.say(&[query("select 'not data'")], 1);
    assert!(text.contains("FATAL") && text.contains("C08P01") && !text.ends_with("ZI\n"), "{text}");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from customers"), "100");
}

#[test]
fn a_statement_judged_while_an_error_comes_in_does_not_shift_the_answers() {
    let sidegate = Setup::policy(BY_VALUE).start();
    let mut client = open(&sidegate);
    for round in 0..20 {
        client.send(&[typed_parse("", "select 1 / $1", &[23]), bind("", "", &["0"]), execute("", 0), flush()].concat());
        // The server ignores this one, whether or not sidegate knows of the error yet.
        let denied = round % 2 == 0;
        let next = if denied { query("select * from public.payroll") } else { query("select 'ignored'") };
        let text = client.say(&[next, sync()], 1);
        assert!(text.contains("C22012") && !text.contains("ignored") && text.ends_with("ZI\n"), "{round}: {text}");
        let text = client.say(&[query("select 'first'"), query("select 'second'")], 2);
        assert!(text.contains("first") && text.contains("second"), "{round}: {text}");
        let text = client.say(&[query("select * from public.payroll")], 1);
        assert!(text.contains("denied by policy"), "{round}: {text}");
    }
}
