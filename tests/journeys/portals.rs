//! Portals, cursors and COPY: what a name stands for, and whose turn it is.

use crate::harness::raw::{Raw, bind, execute, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres};

const OPEN: &str = "package policies.open\n\nallow contains \"everything\" if true\n";

const NO_PAYROLL: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"everything else\" if true\n\n\
    deny contains \"payroll is nobody's business\" if sql.touches({\"public.payroll\"})\n";

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

#[test]
fn a_cursor_that_took_a_portals_name_is_not_run_as_that_portal() {
    let declare = "declare p cursor for select salary from payroll";
    for pipelined in [false, true] {
        let sidegate = Setup::policy(OPEN).start();
        let mut client = open(&sidegate);
        client.ask(&query("begin"));
        let portal = [parse("", "select 1"), bind("p", "", &[]), sync()].concat();
        let cursor = [query("close p"), query(declare)].concat();
        if pipelined {
            client.send(&[portal, cursor].concat());
        } else {
            assert_eq!(client.ask(&portal), "1 2 Z:T");
            client.send(&cursor);
        }
        let expected = if pipelined { vec!["1 2 Z:T"] } else { vec![] };
        for answer in expected.into_iter().chain(["C:CLOSE CURSOR Z:T", "C:DECLARE CURSOR Z:T"]) {
            assert_eq!(spell(&client.until_ready()), answer);
        }
        sidegate.edit_policy(NO_PAYROLL);
        assert_eq!(client.ask(&[execute("p", 0), sync()].concat()), "E:34000 Z:E");
    }
}

#[test]
fn cursors_are_judged_by_what_they_read() {
    let sidegate = Setup::policy(OPEN).start();
    let mut client = open(&sidegate);
    client.ask(&query("begin"));
    client.ask(&query("declare c scroll cursor for select salary from payroll order by id"));
    assert_eq!(client.ask(&query("fetch 2 from c")), "T D D C:FETCH 2 Z:T");
    sidegate.edit_policy(NO_PAYROLL);
    assert_eq!(client.ask(&query("fetch 1 from c")), "E:42501 Z:E");
    client.ask(&query("rollback"));
    let text = query("begin; declare d cursor for select 1; fetch 1 from d");
    assert_eq!(client.ask(&text), "C:BEGIN C:DECLARE CURSOR T D C:FETCH 1 Z:T");
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
    assert_eq!(client.ask(&query("declare c cursor for select salary from payroll")), "E:42501 Z:I");
}

#[test]
fn a_cursors_name_means_nothing_once_its_transaction_has_ended() {
    let sidegate = Setup::policy(OPEN).start();
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("declare kept cursor with hold for select id from orders")), "C:DECLARE CURSOR Z:I");
    // More of them, one unlike the other, than one name is told apart in.
    for function in ["abs", "ceil", "exp", "floor", "ln", "log", "round", "sign", "sqrt", "trunc"] {
        client.ask(&query("begin"));
        client.ask(&query(&format!("declare c cursor for select {function}(total) from orders where id = 9")));
        assert_eq!(client.ask(&query("fetch all from c")), "T D C:FETCH 1 Z:T", "{function}");
        client.ask(&query("commit"));
        assert_eq!(client.ask(&query("fetch 1 from kept")), "T D C:FETCH 1 Z:I", "{function}");
    }
    sidegate.edit_policy(NO_PAYROLL);
    client.ask(&query("begin; declare c cursor for select 1; commit"));
    assert_eq!(client.ask(&query("declare c cursor with hold for select salary from payroll")), "E:42501 Z:I");
}

#[test]
fn refusals_of_binds_and_executes_leave_every_transaction_state_as_the_server_would() {
    let values = format!(
        "{NO_PAYROLL}\ndeny contains \"that is too much\" if {{\n\tsome p in input.sql.parameters\n\t\
         is_number(p.value)\n\tp.value > 100\n}}\n"
    );
    let sidegate = Setup::policy(&values).start();
    let mut client = open(&sidegate);
    let mark = format!("/* bound {} */", std::process::id());
    client.ask(&[parse("s", &format!("select {mark} id from orders where id = $1")), sync()].concat());
    let good = [bind("", "s", &["7"]), execute("", 0)].concat();
    let bad = [bind("", "s", &["70013"]), execute("", 0)].concat();
    let nowhere = execute("nowhere", 0);
    let pipeline = |refused: &[u8]| [&good[..], refused, &good[..], &sync()].concat();
    assert_eq!(client.ask(&pipeline(&bad)), "2 D C:SELECT 1 E:42501 Z:I");
    assert_eq!(client.ask(&pipeline(&nowhere)), "2 D C:SELECT 1 E:34000 Z:I");
    for refused in [&bad, &nowhere] {
        client.ask(&query("begin"));
        let code = if refused == &bad { "42501" } else { "34000" };
        assert_eq!(client.ask(&pipeline(refused)), format!("2 D C:SELECT 1 E:{code} Z:E"), "in a transaction");
        assert_eq!(client.ask(&[&refused[..], &sync()].concat()), format!("E:{code} Z:E"), "in an aborted one");
        assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    }
    // Two refusals in one write, each behind a Sync of its own, then an honest statement.
    client.send(&[pipeline(&bad), pipeline(&nowhere), query("select 1")].concat());
    let answers: Vec<_> = (0..3).map(|_| spell(&client.until_ready())).collect();
    assert_eq!(answers, ["2 D C:SELECT 1 E:42501 Z:I", "2 D C:SELECT 1 E:34000 Z:I", "T D C:SELECT 1 Z:I"]);
    let log = postgres().log();
    let ran = log.lines().filter(|line| line.contains("execute s: ") && line.contains(&mark)).count();
    assert_eq!(ran, 6, "as often as it was answered, and never behind a refusal");
    assert!(!log.contains("$1 = '70013'"), "the refused value never arrived");
}

#[test]
fn data_for_a_copy_goes_by_the_extended_protocol_with_an_early_sync() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    let start = [parse("", "copy payroll from stdin"), bind("", "", &[]), execute("", 0), sync()].concat();
    client.send(&start);
    let begun: String = (0..3).filter_map(|_| client.next()).map(|message| message.tag).collect();
    assert_eq!(begun, "12G", "the server swallows this Sync");
    client.send(&[message('d', b"900\t1\n"), message('d', b"901\t2\n"), message('c', b""), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "C:COPY 2 Z:I");
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I", "in step");

    // It fails in the middle; what was sent after it is thrown away up to the Sync.
    client.send(&start);
    (0..3).for_each(|_| assert!(client.next().is_some()));
    client.send(&[message('d', b"not a number\t1\n"), message('d', b"902\t2\n"), message('c', b""), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "E:22P02 Z:I");
    client.send(&start);
    (0..3).for_each(|_| assert!(client.next().is_some()));
    client.send(&[message('d', b"903\t1\n"), message('f', b"changed my mind\0"), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "E:57014 Z:I");
    assert_eq!(client.ask(&query("select count(*) from payroll where id >= 900")), "T D C:SELECT 1 Z:I");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id >= 900"), "2");

    // Refused, it is never begun, and data that comes all the same is thrown away.
    sidegate.edit_policy(NO_PAYROLL);
    client.send(&[start, message('d', b"904\t1\n"), message('c', b""), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "E:42501 Z:I");
    assert_eq!(spell(&client.until_ready()), "Z:I");
    client.send(&[query("copy payroll from stdin"), message('d', b"905\t1\n"), message('c', b"")].concat());
    assert_eq!(spell(&client.until_ready()), "E:42501 Z:I");
    assert_eq!(client.ask(&query("copy payroll to stdout")), "E:42501 Z:I");
    assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I", "in step");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id >= 900"), "2");
}

/// A client may send data before it was asked for any. Which Sync the server swallows is as certain then as otherwise.
#[test]
fn data_that_nobody_has_asked_for_yet_shifts_no_answer() {
    let sidegate = Setup::open().start();
    postgres().sql(&sidegate.database, "create table staged (id int, amount int)");
    let copy = [parse("", "copy staged from stdin"), bind("", "", &[]), execute("", 0)].concat();
    let simple = query("copy staged from stdin");
    let [good, bad] = ["900\t1\n", "not a number\t1\n"].map(|row| message('d', row.as_bytes()));
    let (done, failed) = (message('c', b""), message('f', b"no\0"));
    let run = [parse("", "select 1"), bind("", "", &[]), execute("", 0), sync()].concat();
    let twice = query("copy staged from stdin; copy staged from stdin");
    let nowhere = [parse("", "copy nowhere from stdin"), bind("", "", &[]), execute("", 0)].concat();
    let cases: [(&[&[u8]], &str); 15] = [
        (&[&copy, &sync(), &good, &done, &sync()], "1 2 G C:COPY 1 Z:I"),
        (&[&copy, &sync(), &bad, &done, &sync()], "1 2 G E:22P02 Z:I"),
        (&[&copy, &sync(), &bad, &good, &good, &done, &sync()], "1 2 G E:22P02 Z:I"),
        (&[&copy, &sync(), &failed, &sync()], "1 2 G E:57014 Z:I"),
        (&[&copy, &good, &done, &sync()], "1 2 G C:COPY 1 Z:I"),
        (&[&copy, &bad, &done, &sync()], "1 2 G E:22P02 Z:I"),
        (&[&copy, &sync(), &sync(), &good, &done, &sync()], "1 2 G C:COPY 1 Z:I"),
        (&[&copy, &sync(), &good, &done, &sync(), &run], "1 2 G C:COPY 1 Z:I 1 2 D C:SELECT 1 Z:I"),
        (&[&copy, &sync(), &bad, &done, &sync(), &run], "1 2 G E:22P02 Z:I 1 2 D C:SELECT 1 Z:I"),
        (&[&copy, &sync(), &done, &sync(), &copy, &sync(), &done, &sync()], "1 2 G C:COPY 0 Z:I 1 2 G C:COPY 0 Z:I"),
        (&[&nowhere, &sync(), &good, &done, &sync()], "1 2 E:42P01 Z:I Z:I"),
        (&[&simple, &good, &done], "G C:COPY 1 Z:I"),
        (&[&simple, &bad, &done], "G E:22P02 Z:I"),
        (&[&twice, &good, &done, &good, &done], "G C:COPY 1 G C:COPY 1 Z:I"),
        (&[&good, &done, &failed, &run], "1 2 D C:SELECT 1 Z:I"),
    ];
    for (number, (batch, expected)) in cases.into_iter().enumerate() {
        // Also in pieces, whichever way they fall.
        for pieces in [1, 7, 4096] {
            let mut client = open(&sidegate);
            let last = query("select 'last'");
            for piece in [&batch.concat()[..], &last].concat().chunks(pieces) {
                client.send(piece);
            }
            let mut told = Vec::new();
            while !told.ends_with(&["T D C:SELECT 1 Z:I".to_owned()]) {
                told.push(spell(&client.until_ready()));
            }
            assert_eq!(told.join(" "), format!("{expected} T D C:SELECT 1 Z:I"), "{number} in {pieces}");
        }
    }
}

#[test]
fn a_name_behind_code_that_nobody_read_is_asked_for() {
    let sidegate = Setup::policy(
        "package policies.open\n\nallow contains \"what can be read\" if true\n\n\
         allow_unparsed contains \"code\" if input.sql.unparsed.keyword == \"DO\"\n\n\
         deny contains \"payroll\" if {\n\tsome relation in input.sql.relations\n\trelation.id == \"public.payroll\"\n}\n",
    )
    .start();
    let mut client = open(&sidegate);
    let code = "do $$ begin perform set_config('search_path', 'hr, public', false); end $$";
    client.send(&[query(code), query("select count(*) from orders")].concat());
    let first = spell(&client.until_ready());
    assert_eq!(first, "C:DO Z:I");
    assert_eq!(spell(&client.until_ready()), "T D C:SELECT 1 Z:I");
    let event = sidegate.event_of("select count(*) from orders");
    assert_eq!(event["input"]["sql"]["relations"][0]["id"], "public.orders");
    assert_eq!(event["input"]["session"]["search_path"], serde_json::json!(["hr", "public"]));
    let odd = "do $$ begin perform set_config('search_path', 'pg_temp, public', false); end $$";
    client.send(&[query(odd), query("select count(*) from orders o")].concat());
    assert_eq!(spell(&client.until_ready()), "C:DO Z:I");
    assert_eq!(spell(&client.until_ready()), "E:42501 Z:I", "a rule reads what is not known any more");
    assert_eq!(client.ask(&query("select count(*) from public.orders")), "T D C:SELECT 1 Z:I");
}

#[test]
fn discard_and_deallocate_take_what_was_prepared() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    let run = [bind("", "s", &[]), execute("", 0), sync()].concat();
    for forgets in ["deallocate s", "deallocate all", "discard all"] {
        assert_eq!(client.ask(&[parse("s", "select 1"), sync()].concat()), "1 Z:I");
        assert_eq!(client.ask(&run), "2 D C:SELECT 1 Z:I");
        client.send(&[query(forgets), run.clone()].concat());
        assert_eq!(spell(&client.until_ready()), format!("C:{} Z:I", forgets.to_uppercase().replace(" S", "")));
        assert_eq!(spell(&client.until_ready()), "E:26000 Z:I", "{forgets}");
    }
    assert_eq!(client.ask(&query("prepare q as select 1")), "C:PREPARE Z:I");
    assert_eq!(client.ask(&query("execute q")), "T D C:SELECT 1 Z:I");
    assert_eq!(client.ask(&query("discard all")), "C:DISCARD ALL Z:I");
    assert!(client.ask(&query("execute q")).starts_with("E:"));
}

#[test]
fn names_that_the_server_would_cut_are_refused() {
    // The server compares 63 bytes of a name, so these two are one there.
    let long = "n".repeat(63);
    let (one, other) = (format!("{long}x"), format!("{long}y"));
    let by_value = "\ndeny contains \"order 13\" if {\n\tsome p in input.sql.parameters\n\tp.value == 13\n}\n";
    let sidegate = Setup::policy(&format!("{NO_PAYROLL}{by_value}")).start();
    let orders = parse(&one, "select total from orders where id = $1");
    let payroll = parse(&other, "select salary from payroll where id = $1");
    let close = message('C', format!("S{other}\0").as_bytes());
    let run = [bind("", &one, &["3"]), execute("", 0), sync()].concat();
    let mut client = open(&sidegate);
    client.send(&[orders, sync(), close, payroll, sync(), run].concat());
    let answer = client.until_end();
    assert_eq!(spell(&answer), "E:08P01", "{answer:?}");
    assert!(answer[0].field('M').contains("63 bytes"), "{answer:?}");
    for named in [bind(&one, "", &[]), execute(&one, 0), message('C', format!("P{one}\0").as_bytes())] {
        let mut client = open(&sidegate);
        client.send(&[named, sync()].concat());
        client.close_write();
        assert_eq!(spell(&client.until_end()), "E:08P01");
    }
    let mut client = open(&sidegate);
    let run = [parse(&long, "select 1"), bind(&long, &long, &[]), execute(&long, 0), sync()].concat();
    assert_eq!(client.ask(&run), "1 2 D C:SELECT 1 Z:I");
}

#[test]
fn a_name_in_another_encoding_is_not_taken_for_the_one_it_looks_like() {
    let by_value = "\ndeny contains \"order 13\" if {\n\tsome p in input.sql.parameters\n\tp.value == 13\n}\n";
    let sidegate = Setup::policy(&format!("{NO_PAYROLL}{by_value}")).start();
    let mut client = open(&sidegate);
    // In LATIN1 the bytes of `é` are the name `Ã©`.
    let (latin, utf8) = ("é", "Ã©");
    assert_eq!(client.ask(&[parse(utf8, "select total from public.orders where id = $1"), sync()].concat()), "1 Z:I");
    assert_eq!(client.ask(&query("set client_encoding = latin1")), "C:SET Z:I");
    client.send(&[message('C', format!("S{latin}\0").as_bytes()), sync()].concat());
    client.send(&[parse(latin, "select salary from public.payroll where id = $1"), sync()].concat());
    client.send(&query("set client_encoding = utf8"));
    client.send(&[bind("", utf8, &["3"]), execute("", 0), sync()].concat());
    let answer = client.until_end();
    assert_eq!(spell(&answer), "E:08P01", "{answer:?}");
}
