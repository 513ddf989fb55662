//! The questions behind a statement: may its answer go back, may its transaction commit?

use crate::harness::raw::{Raw, bind, execute, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres};

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
    assert_eq!(statement["custom"]["sidegate"]["outcome"], "forwarded", "it ran");
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
