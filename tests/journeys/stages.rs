//! The questions behind a statement: may its answer go back, may its transaction commit?

use crate::harness::raw::{Raw, bind, execute, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres, python, said};

fn asking(stages: &str, rules: &str) -> Sidegate {
    Setup::policy(&format!("package policies.open\n\nallow contains \"everything\" if true\n\n{rules}\n"))
        .listener(&format!("stages: [session, request, {stages}]"))
        .start()
}

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

fn extended(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", "", &[]), execute("", 0)].concat()
}

fn denied_at(sidegate: &Sidegate, stage: &str) -> Vec<serde_json::Value> {
    let denied = |event: &serde_json::Value| {
        event["custom"]["sidegate"]["stage"] == stage && event["custom"]["sidegate"]["outcome"] == "denied"
    };
    // Events come in order, and later than answers.
    let last = format!("select {}", sidegate.events().len());
    said(&sidegate.psql(&["-c", &last]));
    sidegate.event_of(&last);
    sidegate.events().into_iter().filter(|event| denied(event)).collect()
}

#[test]
fn an_answer_that_is_refused_and_small_shows_no_row() {
    let sidegate = asking("response", "deny_response contains \"too many rows\" if input.result.rows > 3");
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("select id from orders limit 3")), "T D D D C:SELECT 3 Z:I");
    client.send(&query("select id from orders limit 4"));
    let answer = client.until_ready();
    assert_eq!(spell(&answer), "E:42501 Z:I");
    assert_eq!(answer[0].field('M'), "denied by policy: too many rows");
    assert_eq!(client.ask(&[extended("select id from orders limit 4"), sync()].concat()), "1 2 E:42501 Z:I");
    assert_eq!(client.ask(&[extended("select id from orders limit 2"), sync()].concat()), "1 2 D D C:SELECT 2 Z:I");
    assert_eq!(client.ask(&query("copy payroll to stdout")), "E:42501 Z:I");
    assert_eq!(client.ask(&query("select 1; select 2; values (1), (2)")), "E:42501 Z:I");
    assert_eq!(client.ask(&query("select 1; select 2")), "T D C:SELECT 1 T D C:SELECT 1 Z:I");
    // Of a large one the rows went as they came; only its end does not.
    client.send(&query("select repeat('x', 1000) from generate_series(1, 1000)"));
    let answer = client.until_ready();
    let rows = answer.iter().filter(|message| message.tag == 'D').count();
    assert_eq!((rows, spell(&answer[rows + 1..]).as_str()), (1000, "E:42501 Z:I"));
    let denied = denied_at(&sidegate, "response");
    assert_eq!(denied.len(), 5);
    assert_eq!(denied[0]["input"]["stage"], "response");
    assert_eq!(
        (&denied[0]["input"]["result"]["rows"], &denied[0]["input"]["result"]["error"]),
        (&4.into(), &serde_json::Value::Null)
    );
    let ran = |event: &serde_json::Value| {
        event["input"]["sql"]["text"] == "select id from orders limit 4" && event["input"]["stage"] == "request"
    };
    let statement = sidegate.event("the statement's own event", ran);
    let custom = &statement["custom"]["sidegate"];
    assert_eq!((&custom["outcome"], &custom["rows"]), (&"forwarded".into(), &0.into()), "it ran, and nobody saw it");
}

#[test]
fn a_refused_answer_fails_the_transaction_at_the_server_too() {
    let sidegate = asking("response", "deny_response contains \"no\" if input.result.rows > 3");
    let mut client = open(&sidegate);
    let insert = "insert into payroll select n, 1 from generate_series(700, 709) n returning id";
    for messages in [query(insert), [extended(insert), sync()].concat()] {
        client.ask(&query("begin"));
        assert!(client.ask(&messages).ends_with("E:42501 Z:E"));
        assert_eq!(client.ask(&query("commit")), "C:ROLLBACK Z:I");
    }
    assert_eq!(client.ask(&[extended(insert), sync()].concat()), "1 2 E:42501 Z:I");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll where id >= 700"), "0");
    client.send(&query(insert));
    let answer = client.until_ready();
    assert!(answer[0].field('D').contains("what it changed stays"), "{answer:?}");
    client.ask(&query("begin"));
    client.send(&query("copy payroll from stdin"));
    assert_eq!(client.next().map(|message| message.tag), Some('G'), "it is not kept back");
    assert_eq!(client.ask(&[message('d', b"800\t1\n"), message('c', b"")].concat()), "C:COPY 1 Z:T");
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
}

#[test]
fn a_copy_behind_an_answer_shows_nothing_of_it() {
    let sidegate = asking("response", "deny_response contains \"too many rows\" if input.result.rows > 3");
    let mut client = open(&sidegate);
    let copy = "copy payroll from stdin";
    for before in ["select id from orders limit 4", "select 1", "delete from payroll where id = 1 returning id"] {
        client.send(&query(&format!("{before}; {copy}")));
        let answer = client.until_ready();
        assert_eq!(spell(&answer), "E:42501 Z:I", "{before}");
        assert!(answer[0].field('M').contains("send it by itself"), "{answer:?}");
    }
    client.send(&query(&format!("begin; {copy}; commit")));
    assert_eq!(spell(&[client.next().expect("an answer"), client.next().expect("another")]), "C:BEGIN G");
    assert_eq!(client.ask(&[message('d', b"800\t1\n"), message('c', b"")].concat()), "C:COPY 1 C:COMMIT Z:I");
}

#[test]
fn policy_sees_where_the_columns_of_an_answer_come_from() {
    let rules = "deny_response contains \"salaries\" if {\n\tsome column in input.result.columns\n\t\
        column.relation == \"public.payroll\"\n\tcolumn.column == \"salary\"\n}";
    let sidegate = asking("response", rules);
    let mut client = open(&sidegate);
    for denied in
        ["select salary as harmless from payroll", "select * from payroll", "select (p).salary from payroll p"]
    {
        assert_eq!(client.ask(&query(denied)), "E:42501 Z:I", "{denied}");
        assert_eq!(client.ask(&[extended(denied), sync()].concat()), "1 2 E:42501 Z:I", "{denied}");
    }
    // An expression comes from no column: `sql.columns` says what it was made of.
    let expressions = "select salary + 0 from payroll limit 1";
    for good in [
        expressions,
        "select id as salary from payroll limit 1",
        "select 1 as salary",
        "select ctid from orders limit 1",
    ] {
        assert_eq!(client.ask(&query(good)), "T D C:SELECT 1 Z:I", "{good}");
        assert_eq!(client.ask(&[extended(good), sync()].concat()), "1 2 D C:SELECT 1 Z:I", "{good}");
    }
    assert_eq!(client.ask(&query("update payroll set salary = 1 where id = 1")), "C:UPDATE 1 Z:I");
    // A COPY has no columns that anybody tells.
    assert_eq!(client.ask(&query("copy orders to stdout")), "E:42501 Z:I");
    let denied = denied_at(&sidegate, "response");
    let last = denied.last().expect("it was denied");
    assert_eq!(last["custom"]["sidegate"]["cause"], "unknown");
    let column = &denied[0]["input"]["result"]["columns"][0];
    assert_eq!((&column["name"], &column["relation"]), (&"harmless".into(), &"public.payroll".into()), "{column}");
}

#[test]
fn an_error_is_an_answer_that_policy_sees_too() {
    let sidegate = asking("response", "deny_response contains \"no arithmetic\" if input.result.error == \"22012\"");
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("select 1/0")), "E:42501 Z:I");
    assert_eq!(client.ask(&[extended("select 1/(id - id) from orders"), sync()].concat()), "1 2 E:42501 Z:I");
    assert_eq!(client.ask(&query("select * from nowhere")), "E:42P01 Z:I");
    client.ask(&query("begin"));
    assert_eq!(client.ask(&query("select 1/0")), "E:42501 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
}

const FEW: &str = "deny_commit contains \"too many rows\" if input.transaction.rows_written > 3";

fn rows_in(sidegate: &Sidegate, table: &str, condition: &str) -> String {
    postgres().sql(&sidegate.database, &format!("select count(*) from {table} where {condition}"))
}

#[test]
fn a_refused_commit_is_a_rollback_and_the_session_goes_on() {
    let sidegate = asking("commit", FEW);
    let mut client = open(&sidegate);
    let insert = |from: u32, rows: u32| {
        format!("insert into payroll select n, 1 from generate_series({from}, {}) n", from + rows - 1)
    };
    let commits = ["commit", "end", "commit and chain", "/* at */ COMMIT WORK;"];
    for (at, commit) in (0..).zip(commits) {
        for messages in [query(commit), [extended(commit), sync()].concat()] {
            assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
            assert_eq!(client.ask(&query(&insert(1000 + at * 10, 2))), "C:INSERT 0 2 Z:T");
            assert_eq!(
                client.ask(&[extended("delete from payroll where id = 1"), sync()].concat()),
                "1 2 C:DELETE 1 Z:T"
            );
            assert_eq!(client.ask(&query("update payroll set salary = 0 where id = 2")), "C:UPDATE 1 Z:T");
            client.send(&messages);
            let answer = client.until_ready();
            assert!(spell(&answer).ends_with("E:42501 Z:I"), "{commit}: {}", spell(&answer));
            let error = answer.iter().find(|message| message.tag == 'E').expect("there is one");
            assert_eq!(error.field('M'), "denied by policy: too many rows");
            assert_eq!(client.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
        }
    }
    assert_eq!(rows_in(&sidegate, "payroll", "id >= 1000"), "0");
    assert_eq!(rows_in(&sidegate, "payroll", "true"), "10");
    // With less it is one; a rollback to a savepoint keeps what was counted.
    client.ask(&query("begin"));
    client.ask(&query(&insert(2000, 3)));
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
    client.ask(&query("begin"));
    client.ask(&query(&insert(3000, 1)));
    client.ask(&query("savepoint s"));
    client.ask(&query(&insert(3100, 3)));
    assert_eq!(client.ask(&query("rollback to s")), "C:ROLLBACK Z:T");
    assert_eq!(client.ask(&query("commit")), "E:42501 Z:I");
    assert_eq!(rows_in(&sidegate, "payroll", "id >= 1000"), "3");
    // A failed transaction rolls back whatever is said.
    client.ask(&query("begin"));
    client.ask(&query(&insert(4000, 9)));
    client.ask(&query("select 1/0"));
    assert_eq!(client.ask(&query("commit")), "C:ROLLBACK Z:I");
    client.ask(&query("begin"));
    client.ask(&query(&insert(4000, 9)));
    assert_eq!(client.ask(&query("prepare transaction 'p'")), "E:42501 Z:I");
    let denied = denied_at(&sidegate, "commit");
    let transaction = &denied[0]["input"]["transaction"];
    assert_eq!((&transaction["statements"], &transaction["rows_written"]), (&4.into(), &4.into()), "{transaction}");
    assert_eq!(transaction["effects"], serde_json::json!(["transaction", "write"]));
    assert_eq!(transaction["relations"][0]["id"], "public.payroll");
    assert_eq!(denied[0]["input"]["sql"]["text"], "commit");
}

#[test]
fn what_commits_by_itself_is_asked_about_before_it_is_sent() {
    let rules = "deny_commit contains \"not payroll\" if {\n\tsome relation in input.transaction.relations\n\t\
        relation.id == \"public.payroll\"\n\t\"write\" in relation.access\n}";
    let sidegate = asking("commit", rules);
    let mut client = open(&sidegate);
    let insert = "insert into payroll values (500, 1)";
    let other = "insert into customers values (500, 'x')";
    assert_eq!(client.ask(&query(insert)), "E:42501 Z:I");
    assert_eq!(client.ask(&[extended(insert), sync()].concat()), "1 2 E:42501 Z:I");
    for text in [
        "begin; insert into payroll values (500, 1); commit",
        "insert into payroll values (500, 1); select 1",
        "begin; select 1; rollback; insert into payroll values (500, 1)",
        "with x as (insert into payroll values (500, 1) returning id) select * from x",
    ] {
        assert_eq!(client.ask(&query(text)), "E:42501 Z:I", "{text}");
    }
    client.send(&query("copy payroll from stdin"));
    assert_eq!(spell(&client.until_ready()), "E:42501 Z:I");
    // Within a pipeline the implicit transaction is undone as a whole.
    assert_eq!(client.ask(&[extended(other), extended(insert), sync()].concat()), "1 2 C:INSERT 0 1 1 2 E:42501 Z:I");
    assert_eq!(rows_in(&sidegate, "customers", "id = 500"), "0");
    // So it is with BEGIN and COMMIT in one, as drivers send them.
    let pipeline =
        [extended("begin"), extended(insert), extended("commit"), extended(other), sync(), query("select 1")];
    client.send(&pipeline.concat());
    assert_eq!(spell(&client.until_ready()), "1 2 C:BEGIN 1 2 C:INSERT 0 1 1 2 E:42501 Z:I");
    assert_eq!(spell(&client.until_ready()), "T D C:SELECT 1 Z:I");
    // A COMMIT in the middle of more: the transaction fails, with nothing done.
    client.ask(&query("begin"));
    client.ask(&query(insert));
    assert_eq!(client.ask(&query("commit; select 1")), "E:42501 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    assert_eq!(rows_in(&sidegate, "payroll", "id = 500"), "0");
    assert_eq!(client.ask(&query(other)), "C:INSERT 0 1 Z:I");
    assert_eq!(client.ask(&query("begin; insert into customers values (501, 'x')")), "C:BEGIN C:INSERT 0 1 Z:T");
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
    assert_eq!(rows_in(&sidegate, "customers", "id >= 500"), "2");
    // Who was prepared by somebody else did nobody knows what.
    assert_eq!(client.ask(&query("commit prepared 'x'")), "E:42501 Z:I");
}

/// What the rules do not let through, each in a session of its own; it goes on until its end, whatever is refused.
fn ways_around() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let (begin, insert) = ("begin", "insert into payroll values (500, 1)");
    let together = |texts: &[&str]| [texts.iter().flat_map(|text| extended(text)).collect(), sync()].concat();
    let each = |texts: &[&str]| texts.iter().map(|text| query(text)).collect::<Vec<_>>();
    let prepared = [parse("c", "commit"), sync()].concat();
    let two_phases = "create table payroll_copy as select 1 as id; prepare transaction 'two'; commit prepared 'two'";
    vec![
        ("a COMMIT that was prepared", [each(&[begin, insert]), vec![prepared], each(&["execute c"])].concat()),
        ("END and CHAIN", [each(&[begin, insert]), vec![together(&["end and chain", "commit"])]].concat()),
        ("a savepoint", each(&[begin, "savepoint s", insert, "release s", "commit work"])),
        (
            "a failed transaction that goes on",
            [
                each(&[begin, insert, "savepoint s", "select 1/0"]),
                vec![together(&["rollback to s", "commit"])],
                each(&["rollback to s; commit", "rollback to s", "commit"]),
            ]
            .concat(),
        ),
        ("two phases", each(&[begin, insert, "prepare transaction 'one'", "commit prepared 'one'"])),
        ("two phases in one text", each(&[begin, insert, two_phases])),
        ("VACUUM behind it", vec![together(&[insert, "vacuum orders"])]),
        (
            "VACUUM in one text",
            each(&[&format!("{insert}; vacuum orders"), &format!("{begin}; {insert}; commit; vacuum")]),
        ),
        ("an index behind it", vec![together(&[insert, "create index concurrently on orders (total)"])]),
        ("a database behind it", vec![together(&[insert, "create database another"])]),
        ("a procedure", each(&["call pays()"])),
        ("a procedure behind it", vec![together(&[insert, "call pays()"]), together(&["call pays()"])]),
        ("a procedure that was prepared", each(&["prepare p as select pays_too()", "execute p"])),
        ("code", each(&["do $$ begin insert into payroll values (500, 1); commit; end $$"])),
        (
            "a COPY",
            vec![[extended("copy payroll from stdin"), message('d', b"500\t1\n"), message('c', b""), sync()].concat()],
        ),
        ("a query", each(&["with x as (insert into payroll values (500, 1) returning id) select * from x"])),
        ("a plan", each(&["explain analyze insert into payroll values (500, 1)"])),
        (
            "a COMMIT without a Sync",
            vec![[extended(begin), extended(insert), extended("commit"), query("commit")].concat()],
        ),
        (
            "rows one by one",
            vec![[parse("", &format!("{insert} returning id")), bind("", "", &[]), execute("", 1), sync()].concat()],
        ),
    ]
}

#[test]
fn no_way_around_the_question_commits() {
    let rules = "deny_commit contains \"not payroll\" if {\n\tsome relation in input.transaction.relations\n\t\
        relation.id == \"public.payroll\"\n\t\"write\" in relation.access\n}\n\n\
        deny_commit contains \"no code\" if \"procedure\" in input.transaction.effects";
    let sidegate = asking("commit", rules);
    let code =
        "create procedure pays() language plpgsql as $$ begin insert into payroll values (500, 1); commit; end $$;
        create function pays_too() returns void language sql as $$ insert into payroll values (500, 1) $$";
    postgres().sql(&sidegate.database, code);
    for (way, messages) in ways_around() {
        let mut client = open(&sidegate);
        client.send(&messages.concat());
        client.send(&message('X', b""));
        let answer = client.until_end();
        assert_eq!(rows_in(&sidegate, "payroll", "id = 500"), "0", "{way}: {}", spell(&answer));
    }
    assert_eq!(
        postgres()
            .sql(&sidegate.database, "select count(*) from pg_prepared_xacts where database = current_database()"),
        "0"
    );
}

#[test]
fn rows_that_nobody_counted_are_unknown() {
    let sidegate = asking("commit", FEW);
    let mut client = open(&sidegate);
    for hidden in ["with x as (insert into payroll values (600, 1) returning id) select * from x", "truncate payroll"] {
        client.ask(&query("begin"));
        client.ask(&query(hidden));
        let answer = client.ask(&query("commit"));
        assert_eq!(answer, "E:42501 Z:I", "{hidden}");
    }
    assert_eq!(rows_in(&sidegate, "payroll", "true"), "10");
    let cause = denied_at(&sidegate, "commit")[0]["custom"]["sidegate"]["cause"].clone();
    assert_eq!(cause, "unknown");
}

#[test]
fn rows_of_a_suspended_portal_are_written_though_nobody_counted_them() {
    let sidegate = asking("commit", FEW);
    let mut client = open(&sidegate);
    let update = "update payroll set salary = 0 returning id";
    client.ask(&query("begin"));
    let answer = client.ask(&[parse("", update), bind("p", "", &[]), execute("p", 1), sync()].concat());
    assert_eq!(answer, "1 2 D s Z:T");
    assert_eq!(client.ask(&query("commit")), "E:42501 Z:I");
    assert_eq!(rows_in(&sidegate, "payroll", "salary = 0"), "0");
    // Where nothing is written, nothing is unknown.
    client.ask(&query("begin"));
    client.ask(&[parse("", "select id from payroll"), bind("p", "", &[]), execute("p", 1), sync()].concat());
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
}

#[test]
fn psql_and_psycopg_see_a_commit_that_failed() {
    let sidegate =
        asking("commit, response", &format!("{FEW}\n\ndeny_response contains \"x\" if input.result.rows > 50"));
    let script = "import psycopg\n\
        with psycopg.connect('') as c:\n\
        \x20   c.execute('insert into payroll select n, 1 from generate_series(700, 709) n')\n\
        \x20   try:\n\
        \x20       c.commit()\n\
        \x20       raise SystemExit('no error')\n\
        \x20   except psycopg.errors.InsufficientPrivilege as e:\n\
        \x20       print(e.diag.message_primary, c.info.transaction_status.name)\n\
        \x20   print(c.execute('select count(*) from payroll').fetchone())\n";
    let mut command = python();
    let text = said(&sidegate.environment(command.args(["-c", script])).output().expect("python runs"));
    assert!(text.contains("too many rows IDLE") && text.contains("(10,)"), "{text}");
    let text = said(&sidegate.psql(&["-c", "select id from orders", "-c", "select 7"]));
    assert!(text.contains("denied by policy: x") && text.contains('7'), "{text}");
}
