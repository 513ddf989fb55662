//! Refusals in every state of the protocol: the answer is where the server's would be, the
//! session goes on in sync, and the server's own log is the witness that nothing arrived.

use crate::harness::raw::{Raw, bind, execute, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres};

/// Everything but payroll; values above 100 are refused, too.
const POLICY: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"everything else\" if true\n\n\
    deny contains \"payroll is nobody's business\" if sql.touches({\"public.payroll\"})\n";

const VALUES: &str = "\ndeny contains \"that is too much\" if {\n\tsome p in input.sql.parameters\n\tis_number(p.value)\n\tp.value > 100\n}\n";

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

/// A mark that only statements of this journey carry, to find them in the server's log.
fn mark(name: &str) -> String {
    format!("/* {name} {} */", std::process::id())
}

fn arrived(mark: &str) -> usize {
    postgres().log().matches(mark).count()
}

#[test]
fn a_refused_query_leaves_every_transaction_state_as_the_server_would() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    let mark = mark("simple");
    let denied = query(&format!("select {mark} * from payroll"));
    assert_eq!(client.ask(&denied), "E:42501 Z:I", "idle");
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    assert_eq!(client.ask(&denied), "E:42501 Z:E", "in a transaction");
    assert_eq!(client.ask(&denied), "E:42501 Z:E", "in an aborted one");
    assert_eq!(client.ask(&query("select 1")), "E:25P02 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    let both = query(&format!("insert into orders values (5000, 1, 1); select {mark} * from payroll"));
    assert_eq!(client.ask(&both), "E:42501 Z:I", "one of several");
    assert_eq!(client.ask(&query("select id from orders where id = 5000")), "T C:SELECT 0 Z:I", "none of them ran");
    assert_eq!(arrived(&mark), 0);
}

#[test]
fn a_refusal_carries_its_reason_and_its_decision() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    client.send(&query("select * from payroll"));
    let answer = client.until_ready();
    assert_eq!(answer[0].field('M'), "denied by policy: payroll is nobody's business");
    assert_eq!(answer[0].field('S'), "ERROR");
    let event = sidegate.event_of("select * from payroll");
    assert_eq!(answer[0].field('D'), format!("decision {}", event["decision_id"].as_str().expect("an id")));
}

#[test]
fn a_refused_parse_fails_where_it_stands_in_the_pipeline() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    let mark = mark("parse");
    let denied = format!("select {mark} * from payroll");
    for (before, status) in [("", 'I'), ("begin", 'T'), ("select 1/0", 'E')] {
        if !before.is_empty() {
            client.ask(&query(before));
        }
        let pipeline = [
            parse("", "select 7"),
            bind("", "", &[]),
            execute("", 0),
            parse("", &denied),
            bind("", "", &[]),
            execute("", 0),
            parse("", "select 8"),
            sync(),
            parse("", "select 9"),
            sync(),
        ];
        client.send(&pipeline.concat());
        let (first, second) = (spell(&client.until_ready()), spell(&client.until_ready()));
        match status {
            'I' => assert_eq!((first.as_str(), second.as_str()), ("1 2 D C:SELECT 1 E:42501 Z:I", "1 Z:I")),
            'T' => assert_eq!((first.as_str(), second.as_str()), ("1 2 D C:SELECT 1 E:42501 Z:E", "E:25P02 Z:E")),
            _ => assert_eq!((first.as_str(), second.as_str()), ("E:25P02 Z:E", "E:25P02 Z:E")),
        }
    }
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    assert_eq!(arrived(&mark), 0);
}

#[test]
fn the_event_of_an_extended_statement_that_failed_has_the_servers_sqlstate() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    for (statement, code) in [
        ("select * from nothing_here", "42P01"),
        ("select 1 / 0 as planned", "22012"),
        ("select 1 / id from customers where id = 0", ""),
    ] {
        client.send(&[parse("", statement), bind("", "", &[]), execute("", 0), sync()].concat());
        let answer = spell(&client.until_ready());
        let event = sidegate.event_of(statement);
        let said = &event["custom"]["sidegate"];
        if code.is_empty() {
            assert_eq!(
                (&said["outcome"], &said["sqlstate"]),
                (&"forwarded".into(), &serde_json::Value::Null),
                "{event}"
            );
        } else {
            assert!(answer.contains(&format!("E:{code} Z:I")), "{statement}: {answer}");
            assert_eq!((&said["outcome"], &said["sqlstate"]), (&"failed".into(), &code.into()), "{event}");
        }
    }
}

#[test]
fn a_bind_is_judged_with_its_values() {
    let sidegate = Setup::policy(&format!("{POLICY}{VALUES}")).start();
    let mut client = open(&sidegate);
    let statement = parse("by_id", "select name from customers where id = $1");
    // The client gives no type: sidegate asks the server for it, and nobody sees that answer.
    client.send(&[statement, bind("", "by_id", &["7"]), execute("", 0), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "1 2 D C:SELECT 1 Z:I");
    for before in ["", "begin"] {
        if !before.is_empty() {
            client.ask(&query(before));
        }
        client.send(&[bind("", "by_id", &["101"]), execute("", 0), sync()].concat());
        let answer = client.until_ready();
        assert!(spell(&answer).starts_with("E:42501 Z:"), "{answer:?}");
        assert_eq!(answer[0].field('M'), "denied by policy: that is too much");
        client.ask(&query("rollback"));
    }
    client.send(&[bind("", "by_id", &["8"]), execute("", 0), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "2 D C:SELECT 1 Z:I");
    let event = sidegate.event("the denied bind's", |event| event["custom"]["sidegate"]["cause"] == "policy");
    assert_eq!(event["input"]["sql"]["parameters"][0]["value"], 101);
    assert_eq!(event["input"]["sql"]["parameters"][0]["type"], "int4");
}

#[test]
fn what_sidegate_has_not_read_cannot_be_bound_or_executed() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&[bind("", "nobody", &[]), sync()].concat()), "E:26000 Z:I");
    assert_eq!(client.ask(&[execute("nobody", 0), sync()].concat()), "E:34000 Z:I");
    // A cursor of SQL's is a portal, too: its rows are not to be had past FETCH.
    assert_eq!(client.ask(&query("begin; declare c cursor for select 1")), "C:BEGIN C:DECLARE CURSOR Z:T");
    assert_eq!(client.ask(&[execute("c", 0), sync()].concat()), "E:34000 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
}

#[test]
fn a_function_call_is_refused_in_every_state_unless_policy_allows_what_is_unparsed() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    let mut body = 1598_u32.to_be_bytes().to_vec(); // random()
    body.extend_from_slice(&[0; 6]);
    let call = message('F', &body);
    assert_eq!(client.ask(&call), "E:0A000 Z:I");
    client.ask(&query("begin"));
    assert_eq!(client.ask(&call), "E:0A000 Z:E");
    assert_eq!(client.ask(&call), "E:0A000 Z:E");
    client.ask(&query("rollback"));
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    sidegate.edit_policy(
        "package policies.open\n\nallow contains \"everything\" if true\n\n\
         allow_unparsed contains \"calls\" if input.sql.text == \"function call 1598\"\n",
    );
    assert_eq!(client.ask(&call), "V Z:I");
    client.ask(&query("begin"));
    assert_eq!(client.ask(&[call.clone(), query("select 1")].concat()), "V Z:T");
    assert_eq!(spell(&client.until_ready()), "T D C:SELECT 1 Z:T");
    client.ask(&query("select 1/0"));
    assert_eq!(client.ask(&call), "E:25P02 Z:E", "the server's own refusal");
    client.ask(&query("rollback"));
    let mut other = 1599_u32.to_be_bytes().to_vec();
    other.extend_from_slice(&[0; 6]);
    assert_eq!(client.ask(&message('F', &other)), "E:0A000 Z:I");
    let event = sidegate.event_of("function call 1598");
    assert_eq!(event["input"]["sql"]["protocol"], "function_call");
}

#[test]
fn prepared_statements_are_judged_again_after_a_swap() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    let mark = mark("swap");
    client.ask(&[parse("pay", &format!("select {mark} salary from payroll where id = 1")), sync()].concat());
    let run = [bind("", "pay", &[]), execute("", 0), sync()].concat();
    assert_eq!(client.ask(&run), "2 D C:SELECT 1 Z:I");
    client.ask(&query("begin"));
    assert_eq!(client.ask(&[bind("held", "pay", &[]), sync()].concat()), "2 Z:T");
    let before = arrived(&format!("execute pay: select {mark}"));
    sidegate.edit_policy(POLICY);
    assert_eq!(client.ask(&[execute("held", 0), sync()].concat()), "E:42501 Z:E", "bound before, executed after");
    client.ask(&query("rollback"));
    assert_eq!(client.ask(&run), "E:42501 Z:I", "prepared before, bound after");
    assert_eq!(arrived(&format!("execute pay: select {mark}")), before);
    sidegate.edit_policy("package policies.open\n\nallow contains \"everything\" if true\n");
    assert_eq!(client.ask(&run), "2 D C:SELECT 1 Z:I");
}

#[test]
fn a_portal_with_a_row_limit_goes_on_where_it_was() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    client.ask(&query("begin"));
    client.send(&[parse("", "select id from orders order by id limit 5"), bind("p", "", &[]), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "1 2 Z:T");
    assert_eq!(client.ask(&[execute("p", 2), sync()].concat()), "D D s Z:T");
    assert_eq!(client.ask(&[execute("p", 2), sync()].concat()), "D D s Z:T");
    assert_eq!(client.ask(&[execute("p", 2), sync()].concat()), "D C:SELECT 1 Z:T");
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
    // The transaction took the portal with it.
    assert_eq!(client.ask(&[execute("p", 2), sync()].concat()), "E:34000 Z:I");
}

#[test]
fn a_statement_waits_for_what_changes_how_it_is_read() {
    let sidegate =
        Setup::policy("package policies.open\n\nallow contains \"everything that can be read\" if true\n").start();
    let mut client = open(&sidegate);
    let arm = "select set_config('standard_conforming_strings', 'off', false)";
    let hidden = r"select '\' , '; select 666; --'";
    client.send(&[query(arm), query(hidden)].concat());
    assert_eq!(spell(&client.until_ready()), "T D C:SELECT 1 Z:I");
    assert_eq!(spell(&client.until_ready()), "E:0A000 Z:I");
    // In a pipeline nothing answers before the Sync: sidegate asks for the answer itself.
    let pipeline = [
        parse("", "select set_config('standard_conforming_strings', 'on', false)"),
        bind("", "", &[]),
        execute("", 0),
        parse("", hidden),
        bind("", "", &[]),
        execute("", 0),
        sync(),
    ];
    client.send(&pipeline.concat());
    assert_eq!(spell(&client.until_ready()), "1 2 D C:SELECT 1 E:0A000 Z:I");
    // The error took the setting back with the pipeline's implicit transaction.
    assert_eq!(client.ask(&query(hidden)), "E:0A000 Z:I");
    client.ask(&query("set standard_conforming_strings = on"));
    assert_eq!(client.ask(&query(hidden)), "T D C:SELECT 1 Z:I", "two harmless strings again");
}
