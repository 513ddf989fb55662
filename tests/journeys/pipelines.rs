//! Clients that do not wait: data that is sent before the server asks for it. What comes back is what the server would say
//! to them, byte for byte.

use crate::harness::raw::{Message, Raw, bind, execute, flush, message, parse, query, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18};

const SCHEMA: &str = "create table loaded (id int primary key, name text); create view seen as select * from loaded;";

const MASKED: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

const LIMITED: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    limit contains {\"rows\": 1000} if true\n";

fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", "", &[]), execute("", 0)].concat()
}

fn data(lines: &str) -> Vec<u8> {
    message('d', lines.as_bytes())
}

fn done() -> Vec<u8> {
    message('c', &[])
}

fn failed() -> Vec<u8> {
    message('f', b"no more\0")
}

/// What clients send in one go.
fn exchanges() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let copy = || run("copy loaded from stdin");
    let text = || query("copy loaded from stdin");
    vec![
        ("data, its end, Sync", vec![copy(), data("1\ta\n"), data("2\tb\n"), done(), sync()]),
        ("a Sync before the data, as libpq sends it", vec![copy(), sync(), data("3\ta\n"), done(), sync()]),
        ("Flushes", vec![copy(), flush(), data("4\ta\n"), flush(), done(), flush(), sync()]),
        (
            "Syncs in the midst of data",
            vec![copy(), sync(), data("5\ta\n"), sync(), data("6\tb\n"), sync(), done(), sync()],
        ),
        ("no data at all", vec![copy(), done(), sync()]),
        ("data that fails", vec![copy(), data("7\ta\n"), failed(), sync()]),
        ("data that is wrong", vec![copy(), data("x\ta\n"), data("8\ta\n"), done(), sync()]),
        ("wrong data behind a Sync", vec![copy(), sync(), data("1\ta\n"), done(), sync()]),
        ("two COPYs", vec![copy(), data("9\ta\n"), done(), copy(), data("10\ta\n"), done(), sync()]),
        (
            "two COPYs, the first of which fails",
            vec![copy(), data("y\n"), done(), copy(), data("11\ta\n"), done(), sync()],
        ),
        (
            "statements around it",
            vec![run("select 1"), copy(), data("12\ta\n"), done(), run("select id from loaded"), sync()],
        ),
        ("an exchange behind it", vec![copy(), data("13\ta\n"), done(), sync(), run("select 2"), sync()]),
        ("a view takes no data", vec![run("copy seen from stdin"), sync()]),
        ("data for a view", vec![run("copy seen from stdin"), data("14\ta\n"), done(), sync()]),
        ("rows that cannot be frozen", vec![run("copy loaded from stdin (freeze)"), sync(), run("select 3"), sync()]),
        ("a table that is not there", vec![run("copy nowhere from stdin"), data("14\ta\n"), done(), sync()]),
        (
            "a table that is not there, and a Sync",
            vec![run("copy nowhere from stdin"), sync(), run("select 4"), sync()],
        ),
        ("a Query", vec![text(), data("15\ta\n"), done()]),
        ("a Query and Syncs", vec![text(), sync(), data("16\ta\n"), done(), sync()]),
        (
            "two COPYs of a text",
            vec![
                query("copy loaded from stdin; copy loaded from stdin"),
                data("17\ta\n"),
                done(),
                data("18\ta\n"),
                done(),
            ],
        ),
        (
            "two COPYs of a text, the first of which fails",
            vec![query("copy loaded from stdin; copy loaded from stdin"), data("z\n"), done(), data("18\ta\n"), done()],
        ),
        (
            "a text with more than a COPY",
            vec![query("select 5; copy loaded from stdin; select 6"), data("19\ta\n"), done(), query("select 7")],
        ),
        (
            "ends that nobody waits for",
            vec![done(), data("20\ta\n"), failed(), sync(), copy(), done(), done(), failed(), sync()],
        ),
        ("a transaction", vec![run("begin"), copy(), data("21\ta\n"), done(), run("rollback"), sync()]),
        (
            "a COPY in a transaction",
            vec![
                query("begin"),
                copy(),
                data("22\ta\n"),
                done(),
                sync(),
                copy(),
                sync(),
                data("23\ta\n"),
                done(),
                sync(),
                query("commit"),
            ],
        ),
        (
            "a named statement",
            vec![
                parse("s", "copy loaded from stdin"),
                bind("p", "s", &[]),
                execute("p", 0),
                data("24\ta\n"),
                done(),
                bind("p", "s", &[]),
                execute("p", 0),
                data("25\ta\n"),
                done(),
                sync(),
            ],
        ),
    ]
}

/// Everything that comes back, up to the answer to a question that is sent last.
fn answered(client: &mut Raw, sent: &[Vec<u8>]) -> Vec<Message> {
    client.send(&[sent.concat(), query("select 'the last of ' || count(*) from loaded")].concat());
    let mut seen = Vec::new();
    while !seen.iter().any(|Message { tag, body }| *tag == 'D' && body.windows(8).any(|text| text == b"the last")) {
        let answer = client.answer();
        assert!(answer.last().is_some_and(|message| message.tag == 'Z'), "the session ended: {seen:?} {answer:?}");
        seen.extend(answer);
    }
    seen
}

fn compared(server: &'static Postgres, sidegate: &Sidegate, at_once: bool) {
    let database = server.database();
    for database in [&database, &sidegate.database] {
        server.sql(database, SCHEMA);
    }
    let (mut direct, mut through) = (server.open(&database), Raw::open(sidegate.port, &sidegate.database));
    for (what, sent) in exchanges() {
        let expected = answered(&mut direct, &sent);
        let seen = if at_once {
            answered(&mut through, &sent)
        } else {
            // Each message by itself: sidegate may see the answers to one before the next one comes.
            sent.iter().for_each(|bytes| through.send(bytes));
            answered(&mut through, &[])
        };
        assert_eq!(seen, expected, "{what}");
    }
}

#[test]
fn data_that_is_sent_ahead_is_answered_as_the_server_would() {
    for (server, policy) in
        [(postgres(), None), (postgres18(), None), (postgres(), Some(MASKED)), (postgres(), Some(LIMITED))]
    {
        for at_once in [true, false] {
            let setup = policy.map_or_else(Setup::open, Setup::policy);
            compared(server, &setup.server(server).start(), at_once);
        }
    }
}
