//! Limits: an answer ends where policy says, in an error, and the session goes on in step.

use std::process::Command;

use crate::harness::raw::{Raw, bind, execute, flush, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres, python, said, until};

/// Everything is allowed, and comes back up to a limit.
fn limited(limit: &str) -> Sidegate {
    Setup::policy(&format!(
        "package policies.open\n\nallow contains \"everything\" if true\n\nlimit contains {limit} if true\n"
    ))
    .start()
}

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

fn rows(count: usize) -> String {
    "D ".repeat(count)
}

#[test]
fn an_answer_ends_at_the_limit_and_the_session_goes_on() {
    let sidegate = limited("{\"rows\": 3}");
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("select id from orders limit 3")), "T D D D C:SELECT 3 Z:I");
    client.send(&query("select id from orders limit 4"));
    let answer = client.until_ready();
    assert_eq!(spell(&answer), "T D D D E:54000 Z:I");
    assert_eq!(answer[4].field('M'), "the answer is over the policy's limit of 3 rows");
    assert!(answer[4].field('D').starts_with("decision "), "{answer:?}");
    // One that would not end by itself is cancelled, and the next one is not hit.
    for _ in 0..10 {
        let endless = "select generate_series(1, 1000000000000)";
        assert_eq!(client.ask(&query(endless)), "T D D D E:54000 Z:I");
        assert_eq!(client.ask(&query("select pg_sleep(0.001)")), "T D C:SELECT 1 Z:I");
    }
    let event = sidegate.event_of("select id from orders limit 4");
    let custom = &event["custom"]["sidegate"];
    assert_eq!((&custom["outcome"], &custom["cause"]), (&"failed".into(), &"limit".into()), "{event}");
    assert_eq!((&custom["rows"], &custom["sqlstate"]), (&3.into(), &"54000".into()), "{event}");
    assert_eq!(event["result"]["limit"]["rows"], 3);
}

#[test]
fn all_rows_of_one_query_count_whatever_statement_they_are_of() {
    let sidegate = limited("{\"rows\": 3}");
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("select 1; select 2; select 3")), "T D C:SELECT 1 T D C:SELECT 1 T D C:SELECT 1 Z:I");
    let four = "select 1; values (1), (2); select 3; select 4";
    assert_eq!(client.ask(&query(four)), "T D C:SELECT 1 T D D C:SELECT 2 T E:54000 Z:I");
    // What comes later in the text does not stay done: the transaction fails where the client is told so.
    let writes = "begin; select id from orders; insert into payroll values (500, 1)";
    assert_eq!(client.ask(&query(writes)), "C:BEGIN T D D D E:54000 Z:E");
    assert_eq!(client.ask(&query("commit")), "C:ROLLBACK Z:I");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id = 500"), "0");
}

#[test]
fn a_transaction_fails_at_the_server_where_the_client_is_told_so() {
    let sidegate = limited("{\"rows\": 2}");
    let mut client = open(&sidegate);
    let over = "select id from orders limit 5";
    let extended = |sql: &str| [parse("", sql), bind("", "", &[]), execute("", 0)].concat();
    for long in [over, "select generate_series(1, 1000000000000)"] {
        for messages in [query(long), [extended(long), sync()].concat()] {
            let begin = if messages[0] == b'Q' { "T " } else { "1 2 " };
            assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
            assert_eq!(client.ask(&query("update payroll set salary = 0 where id = 1")), "C:UPDATE 1 Z:T");
            assert_eq!(client.ask(&messages), format!("{begin}D D E:54000 Z:E"));
            assert_eq!(client.ask(&query("select 1")), "E:25P02 Z:E");
            assert_eq!(client.ask(&query("commit")), "C:ROLLBACK Z:I");
        }
    }
    // A pipeline ends there, with what was done before it in the same implicit transaction.
    let insert = extended("insert into payroll values (600, 1)");
    client.send(&[insert.clone(), extended(over), insert.clone(), sync(), query("select 1")].concat());
    assert_eq!(spell(&client.until_ready()), "1 2 C:INSERT 0 1 1 2 D D E:54000 Z:I");
    assert_eq!(spell(&client.until_ready()), "T D C:SELECT 1 Z:I");
    // What returns rows of its own is undone where somebody waits for its end.
    let returning = "insert into payroll select n, 1 from generate_series(700, 709) n returning id";
    assert_eq!(client.ask(&[extended(returning), sync()].concat()), "1 2 D D E:54000 Z:I");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id >= 600"), "0");
    // A Query alone commits by itself: the client is told.
    client.send(&query(returning));
    let answer = client.until_ready();
    assert_eq!(spell(&answer), "T D D E:54000 Z:I");
    assert!(answer[3].field('D').contains("what it changed stays"), "{answer:?}");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id >= 600"), "10");
    let event = sidegate.event_of(returning);
    let other = sidegate.events().into_iter().rfind(|event| event["input"]["sql"]["text"] == returning);
    let custom = other.unwrap_or(event)["custom"]["sidegate"].clone();
    assert_eq!((&custom["outcome"], &custom["cause"]), (&"forwarded".into(), &"limit".into()), "{custom}");
}

#[test]
fn a_portals_rows_count_over_all_its_executes() {
    let sidegate = limited("{\"rows\": 5}");
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    let start = [parse("", "select id from orders"), bind("p", "", &[]), execute("p", 2), sync()].concat();
    assert_eq!(client.ask(&start), "1 2 D D s Z:T");
    assert_eq!(client.ask(&[execute("p", 2), sync()].concat()), "D D s Z:T");
    assert_eq!(client.ask(&[execute("p", 2), sync()].concat()), "D E:54000 Z:E");
    client.ask(&query("rollback"));
    // All at once, and by Flush.
    client.ask(&query("begin"));
    let fetch = execute("p", 2);
    let all =
        [parse("", "select id from orders"), bind("p", "", &[]), fetch.clone(), fetch.clone(), fetch, sync()].concat();
    assert_eq!(client.ask(&all), "1 2 D D s D D s D E:54000 Z:E");
    client.ask(&query("rollback"));
    client.send(&[parse("", "select id from orders"), bind("", "", &[]), execute("", 0), flush()].concat());
    let seen: String = (0..8).filter_map(|_| client.next()).map(|message| message.tag).collect();
    assert_eq!(seen, "12DDDDDE");
    // Until the Sync the server ignores everything, as it would after its own error.
    assert_eq!(client.ask(&[parse("x", "select 1"), execute("", 0), sync()].concat()), "Z:I");
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    // A cursor's FETCH is a statement of its own.
    client.ask(&query("begin"));
    client.ask(&query("declare c cursor for select id from orders"));
    for _ in 0..3 {
        assert_eq!(client.ask(&query("fetch 5 from c")), format!("T {}C:FETCH 5 Z:T", rows(5)));
    }
    assert_eq!(client.ask(&query("fetch 6 from c")), format!("T {}E:54000 Z:E", rows(5)));
}

#[test]
fn the_row_that_crosses_a_limit_of_bytes_is_not_sent() {
    let sidegate = limited("{\"bytes\": 1000}");
    let mut client = open(&sidegate);
    // A row with one cell of text takes 11 bytes more than the cell.
    assert_eq!(client.ask(&query("select repeat('x', 489) from generate_series(1, 2)")), "T D D C:SELECT 2 Z:I");
    assert_eq!(client.ask(&query("select repeat('x', 490) from generate_series(1, 2)")), "T D E:54000 Z:I");
    assert_eq!(client.ask(&query("select repeat('x', 100000000)")), "T E:54000 Z:I");
    let event = sidegate.event_of("select repeat('x', 490) from generate_series(1, 2)");
    assert_eq!(event["custom"]["sidegate"]["bytes"], 501, "{event}");
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
}

#[test]
fn a_copy_ends_at_the_limit_too() {
    let sidegate = limited("{\"rows\": 4}");
    let mut client = open(&sidegate);
    let ten = "copy payroll to stdout";
    assert_eq!(client.ask(&query("copy (select 1 from generate_series(1, 4)) to stdout")), "H d d d d c C:COPY 4 Z:I");
    assert_eq!(client.ask(&query(ten)), "H d d d d E:54000 Z:I");
    let extended = [parse("", ten), bind("", "", &[]), execute("", 0), sync()].concat();
    assert_eq!(client.ask(&extended), "1 2 H d d d d E:54000 Z:I");
    let endless = "copy (select generate_series(1, 1000000000000)) to stdout (format binary)";
    assert_eq!(client.ask(&query(endless)), "H d d d d E:54000 Z:I");
    // Data that goes in is no answer.
    client.send(&query("copy payroll from stdin"));
    assert_eq!(client.next().map(|message| message.tag), Some('G'));
    let data: Vec<u8> = (800..810).flat_map(|id| message('d', format!("{id}\t1\n").as_bytes())).collect();
    assert_eq!(client.ask(&[data, message('c', b"")].concat()), "C:COPY 10 Z:I");
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
}

#[test]
fn nothing_is_sent_while_an_answer_may_still_be_cut_short() {
    let sidegate = limited("{\"rows\": 2}");
    let mut client = open(&sidegate);
    let mark = format!("/* cut {} */", std::process::id());
    let over = "select id from orders limit 9";
    let second = format!("insert into payroll values (901, 1) {mark}");
    client.send(&[query("begin"), query(over), query(&second), query("commit")].concat());
    let answers: Vec<_> = (0..4).map(|_| spell(&client.until_ready())).collect();
    assert_eq!(answers, ["C:BEGIN Z:T", "T D D E:54000 Z:E", "E:25P02 Z:E", "C:ROLLBACK Z:I"]);
    // The client goes away right behind: what was cut short is rolled back.
    client
        .send(&[query("begin"), query("insert into payroll values (902, 1)"), query(over), message('X', b"")].concat());
    client.until_end();
    until("the server to be rid of it", || {
        let left = postgres().sql(
            &sidegate.database,
            "select count(*) from pg_stat_activity where state like 'idle in%' and datname = current_database()",
        );
        (left == "0").then_some(())
    });
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id > 900"), "0");
}

#[test]
fn a_session_may_be_limited_by_what_it_has_got() {
    let sidegate = Setup::policy(
        "package policies.open\n\nallow contains \"everything\" if true\n\n\
         deny contains \"enough for one session\" if input.session.rows >= 10\n",
    )
    .start();
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("select id from orders limit 10")), format!("T {}C:SELECT 10 Z:I", rows(10)));
    assert_eq!(client.ask(&query("select 1")), "E:42501 Z:I");
}

#[test]
fn a_session_gets_what_is_left_for_it_however_it_asks() {
    let sidegate = Setup::policy(
        "package policies.open\n\nallow contains \"everything\" if true\n\n\
         limit contains {\"rows\": max([0, 10 - input.session.rows])} if true\n",
    )
    .start();
    let six = "select id from orders limit 6";
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query(six)), format!("T {}C:SELECT 6 Z:I", rows(6)));
    assert_eq!(client.ask(&query(six)), format!("T {}E:54000 Z:I", rows(4)));
    assert_eq!(client.ask(&query(six)), "T E:54000 Z:I");
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:I".replace("Z:I", "Z:T"), "what gives no rows goes on");
    // Portals that were bound while all was left get no more than others.
    let mut client = open(&sidegate);
    let bound: Vec<u8> = ["a", "b", "c"].iter().flat_map(|name| bind(name, "s", &[])).collect();
    let run: Vec<u8> = ["a", "b", "c"].iter().flat_map(|name| execute(name, 0)).collect();
    let answer = client.ask(&[parse("s", six), bound, run, sync()].concat());
    assert_eq!(answer, format!("1 2 2 2 {}C:SELECT 6 {}E:54000 Z:I", rows(6), rows(4)));
    // A cursor's rows count with each FETCH.
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("begin; declare c cursor for select id from orders")), "C:BEGIN C:DECLARE CURSOR Z:T");
    assert_eq!(client.ask(&query("fetch 6 from c")), format!("T {}C:FETCH 6 Z:T", rows(6)));
    assert_eq!(client.ask(&query("fetch 6 from c")), format!("T {}E:54000 Z:E", rows(4)));
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("copy orders to stdout")), format!("H {}E:54000 Z:I", "d ".repeat(10)));
}

#[test]
fn psql_and_psycopg_see_an_ordinary_error() {
    let sidegate = limited("{\"rows\": 20}");
    let output = sidegate.psql(&["-c", "select id from orders", "-c", "select count(*) from payroll"]);
    let text = said(&output);
    assert!(text.contains("ERROR:  the answer is over the policy's limit of 20 rows") && text.contains("10"), "{text}");
    let script = "import psycopg\n\
        with psycopg.connect('') as c:\n\
        \x20   try:\n\
        \x20       c.execute('select id from orders where id > %s', (0,)).fetchall()\n\
        \x20       raise SystemExit('no error')\n\
        \x20   except psycopg.errors.ProgramLimitExceeded as e:\n\
        \x20       print(e.diag.message_primary, c.info.transaction_status.name)\n\
        \x20   c.rollback()\n\
        \x20   print(len(c.execute('select id from orders limit 20').fetchall()))\n";
    let mut command: Command = python();
    let output = sidegate.environment(command.args(["-c", script])).output().expect("python runs");
    let text = said(&output);
    assert!(text.contains("limit of 20 rows INERROR") && text.contains("\n20\n"), "{text}");
}
