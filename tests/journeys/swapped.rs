//! Another policy between two messages of one statement: what is shown is masked as that policy says, or nothing is.

use crate::harness::raw::{Message, Raw, bind, execute, flush, message, parse, query, sync};
use crate::harness::{Postgres, Setup, postgres, postgres18, until};

/// What masks which column; a policy has one, or none.
const MASKS: [(&str, &str); 6] = [
    ("email", "{\"replace\": {\"value\": \"***\"}}"),
    ("email", "{\"hash\": {\"key\": \"masks\"}}"),
    ("email", "{\"tokenize\": {\"key\": \"masks\"}}"),
    ("email", "{\"detect\": {}}"),
    ("name", "{\"hash\": {\"key\": \"masks\"}}"),
    ("name", "{\"redact\": {}}"),
];

/// In this order, so that each follows some other kind: none, woven, on their way back, of another column.
const ORDER: [Option<usize>; 12] =
    [Some(1), None, Some(0), Some(2), Some(1), Some(3), None, Some(4), Some(1), Some(5), Some(4), Some(0)];

const QUESTION: &str = "select id, name, email from customers where id <= 3 order by id";

fn policy(mask: Option<usize>) -> String {
    let mask = mask.map(|mask| {
        let (column, with) = MASKS[mask];
        format!("mask contains {{\"column\": \"public.customers.{column}\", \"with\": {with}}} if true\n")
    });
    format!("package policies.shop\n\nallow contains \"everything\" if true\n\n{}", mask.unwrap_or_default())
}

/// A statement of which a part is sent before the policy is another, and the rest after.
struct Way {
    name: &'static str,
    before: Vec<Vec<u8>>,
    /// Without a Sync behind it.
    open: Vec<u8>,
    after: Vec<u8>,
    /// Rows that came before.
    fetched: usize,
}

fn ways() -> Vec<Way> {
    let way = |name, before: &[Vec<u8>], after: Vec<u8>| Way {
        name,
        before: before.to_vec(),
        open: Vec::new(),
        after,
        fetched: 0,
    };
    let begin = query("begin");
    let prepare = parse("s", QUESTION);
    let run = |portal: &str| [execute(portal, 0), sync()].concat();
    let bound = [prepare.clone(), bind("p", "s", &[])].concat();
    let describe = message('D', b"Pp\0");
    vec![
        way("parsed", &[[prepare.clone(), sync()].concat()], [bind("p", "s", &[]), run("p")].concat()),
        way("bound", &[begin.clone(), [bound.clone(), sync()].concat()], run("p")),
        way("described", &[begin.clone(), [bound.clone(), describe, sync()].concat()], run("p")),
        Way {
            fetched: 1,
            ..way("suspended", &[begin.clone(), [bound.clone(), execute("p", 1), sync()].concat()], run("p"))
        },
        Way {
            open: [bound.clone(), execute("p", 1), flush()].concat(),
            fetched: 1,
            ..way("suspended within a pipeline", &[], run("p"))
        },
        Way { open: [bound, flush()].concat(), ..way("bound within a pipeline", &[], run("p")) },
        way("prepared by SQL", &[query(&format!("prepare s as {QUESTION}"))], query("execute s")),
        Way {
            fetched: 1,
            ..way(
                "a cursor",
                &[begin, query(&format!("declare c cursor for {QUESTION}")), query("fetch c")],
                query("fetch all in c"),
            )
        },
    ]
}

fn rows(answer: &[Message]) -> Vec<Vec<u8>> {
    answer.iter().filter(|message| message.tag == 'D').map(|message| message.body.clone()).collect()
}

fn a_statement_is_masked_as_the_policy_says_that_serves(server: &'static Postgres) {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
    let sidegate = Setup::policy(&policy(None)).server(server).sidegate(&keys).start();
    let open = || Raw::open(sidegate.port, &sidegate.database);
    until("the catalog", || {
        open().ask(&query("select * from nowhere"));
        (open().ask(&query(QUESTION)) == "T D D D C:SELECT 3 Z:I").then_some(())
    });
    let mut answered = 0;
    for mask in ORDER {
        let mut begun: Vec<(Way, Raw)> = ways().into_iter().map(|way| (way, open())).collect();
        for (way, client) in &mut begun {
            for messages in &way.before {
                client.send(messages);
                client.until_ready();
            }
            client.send(&way.open);
            let open = if way.open.is_empty() { 0 } else { 2 + 2 * way.fetched };
            (0..open).for_each(|_| drop(client.next()));
        }
        sidegate.edit_policy(&policy(mask));
        let mut fresh = open();
        fresh.send(&query(QUESTION));
        let expected = rows(&fresh.until_ready());
        assert_eq!(expected.len(), 3, "{mask:?}");
        for (way, client) in &mut begun {
            client.send(&way.after);
            let answer = client.until_ready();
            let shown = rows(&answer);
            // What could not even be prepared or declared under the masks of before is not known.
            let refusals = ["42501", "0A000", "34000"];
            let is_refusal = |message: &Message| message.tag == 'E' && refusals.contains(&message.field('C').as_str());
            let refused = answer.iter().any(is_refusal);
            let right = if refused { shown.is_empty() } else { shown == expected[way.fetched..] };
            assert!(right, "{} under {mask:?}: {answer:?}", way.name);
            answered += usize::from(!refused);
        }
    }
    assert!(answered >= ORDER.len(), "what was only parsed is parsed anew: {answered}");
}

#[test]
fn a_statement_is_masked_as_the_policy_says_that_serves_on_15() {
    a_statement_is_masked_as_the_policy_says_that_serves(postgres());
}

#[test]
fn a_statement_is_masked_as_the_policy_says_that_serves_on_18() {
    a_statement_is_masked_as_the_policy_says_that_serves(postgres18());
}

#[test]
fn each_answer_of_one_text_is_masked_where_its_own_columns_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
    for mask in [1, 2, 3] {
        let sidegate = Setup::policy(&policy(Some(mask))).sidegate(&keys).start();
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        for text in [
            "select id, email from customers where id = 1; select email, id from customers where id = 1",
            "select name, email from customers where id = 1; select email, name from customers where id = 1",
            "select 1, 'x'; select email, id from customers where id = 1; select id, email from customers where id = 1",
        ] {
            client.send(&query(text));
            let answer = client.until_ready();
            let raw = |message: &Message| String::from_utf8_lossy(&message.body).contains("c1@example.com");
            assert!(!answer.iter().any(raw), "{text}: {answer:?}");
        }
    }
}
