//! COPY out of columns that no expression masks: every format, the clients that people use, and what is refused.

use tempfile::TempDir;

use crate::harness::raw::{Raw, bind, execute, parse, query, spell, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, python, said, until};

const POLICY: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.people.ssn\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if true\n\n\
    mask contains {\"column\": \"public.people.card\", \"with\": {\"tokenize\": {\"key\": \"masks\"}}} if true\n\n\
    mask contains {\"column\": \"public.people.note\", \"with\": {\"detect\": {}}} if true\n\n\
    mask contains {\"column\": \"public.people.mail\", \"with\": {\"email\": {}}} if true\n";

/// What nobody may see.
const RAW: [&str; 5] = ["987-65", "65-4321", "550000", "paul@", "4111 1"];

fn setup(server: &'static Postgres, folder: &TempDir) -> Sidegate {
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let sidegate =
        Setup::policy(POLICY).server(server).sidegate(&format!("keys: {{masks: {{file: {}}}}}", key.display())).start();
    server.sql(
        &sidegate.database,
        "create table people (id int primary key, ssn text, card bigint, note text, mail varchar(40));
         insert into people values (1, '987-65-4321', 5500000055555559, E'a,\"b\"\tc\\\\ 4111 1111 1111 1111\nnext', 'paul@example.com'),
           (2, null, null, null, null), (3, '', 5500000055555560, '\\N', 'x');",
    );
    until("the catalog", || {
        (!said(&sidegate.psql(&["-Atc", "select id from people"])).contains("not known")).then_some(())
    });
    sidegate
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The rows of a table, as one that reads them by every way: SELECT in text and binary, COPY in every format.
const PROGRAM: &str = "import csv, io, os, psycopg
dsn = os.environ['DSN']
columns = ['id', 'ssn', 'card', 'note', 'mail']
types = ['int4', 'text', 'int8', 'text', 'varchar']
with psycopg.connect(dsn, autocommit=True) as c:
    rows = c.execute('select * from people order by id').fetchall()
    assert rows[1] == (2, None, None, None, None) and rows[0][3].startswith('a,\"b\"\\tc\\\\ **'), rows
    assert rows == c.execute('select * from people order by id', binary=True).fetchall()
    for table in ('people', '(select * from people order by id)', '(with p as (select * from people) select * from p order by id)'):
        for options in ('', '(format text, header false)', '(format binary)', 'binary'):
            with c.cursor().copy(f'copy {table} to stdout {options}') as copy:
                copy.set_types(types)
                assert sorted(copy.rows()) == rows, (table, options)
        for options in ('csv', '(format csv, header)', \"(format csv, delimiter ';', null 'nil', quote '''', escape '\\\\')\", '(format csv, force_quote *)'):
            with c.cursor().copy(f'copy {table} to stdout {options}') as copy:
                text = b''.join(copy).decode()
            text = text[text.index('\\n') + 1:] if 'header' in options else text
            if 'nil' in options:
                got = list(csv.reader(io.StringIO(text), delimiter=';', quotechar=\"'\", escapechar='\\\\', doublequote=False))
            else:
                got = list(csv.reader(io.StringIO(text)))
            nothing = 'nil' if 'nil' in options else ''
            assert got == [[nothing if v is None else str(v) for v in row] for row in rows], (options, text)
    # Columns in another order, and twice.
    with c.cursor().copy('copy people (note, ssn) to stdout (format binary)') as copy:
        copy.set_types(['text', 'text'])
        assert list(copy.rows()) == [(row[3], row[1]) for row in rows]
    with c.cursor().copy('copy (select ssn, id, ssn as again from people order by id) to stdout') as copy:
        copy.set_types(['text', 'int4', 'text'])
        assert list(copy.rows()) == [(row[1], row[0], row[1]) for row in rows]
# In a transaction that had something to do, and goes on.
with psycopg.connect(dsn) as c:
    c.execute('create temporary table mine (id int) on commit drop')
    with c.cursor().copy('copy people to stdout') as copy:
        assert len(list(copy)) == 3
    assert c.execute('select count(*) from mine').fetchone() == (0,)
print('every row')";

#[test]
fn rows_that_are_copied_out_are_those_that_are_selected() {
    for server in [postgres(), postgres18()] {
        let folder = folder();
        let sidegate = setup(server, &folder);
        let mut command = python();
        let dsn = format!("host=127.0.0.1 port={} dbname={} user=alice", sidegate.port, sidegate.database);
        let output = sidegate.environment(command.args(["-c", PROGRAM]).env("DSN", dsn)).output().expect("it runs");
        assert!(said(&output).ends_with("every row\n"), "{}", said(&output));
        let event = sidegate.event_of("copy people to stdout binary");
        assert_eq!(event["custom"]["sidegate"]["masked"], 4, "{event}");
    }
}

#[test]
fn psql_copies_masked_rows_into_a_file_and_they_can_be_read_again() {
    for server in [postgres(), postgres18()] {
        let folder = folder();
        let sidegate = setup(server, &folder);
        let psql = |words: &str| said(&sidegate.psql(&["-Atc", words]));
        for options in
            ["", "csv header", "(format binary)", "delimiter '|'", "with (format csv, header, delimiter ';')"]
        {
            let file = folder.path().join("rows");
            let shown = psql(&format!("\\copy people to '{}' {options}", file.display()));
            assert_eq!(shown, "COPY 3\n", "{options}");
            let bytes = std::fs::read(&file).expect("a file");
            let text = String::from_utf8_lossy(&bytes);
            assert!(!RAW.iter().any(|raw| text.contains(raw)), "{options}: {text}");
            server.sql(&sidegate.database, "drop table if exists again; create table again (like people)");
            assert_eq!(psql(&format!("\\copy again from '{}' {options}", file.display())), "COPY 3\n", "{options}");
            let of = |table: &str| psql(&format!("select * from {table} order by id"));
            assert_eq!(of("again"), of("people"), "{options}");
        }
    }
}

#[test]
fn a_copy_that_cannot_be_masked_is_refused_and_the_session_goes_on() {
    let folder = folder();
    let sidegate = setup(postgres(), &folder);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut ask = |sql: &str| {
        client.send(&query(sql));
        let answer = client.until_ready();
        for message in &answer {
            let text = String::from_utf8_lossy(&message.body).into_owned();
            assert!(!RAW.iter().any(|raw| text.contains(raw)), "{sql}: {text}");
        }
        spell(&answer)
    };
    for sql in [
        // Which rows are NULL would say what the others are.
        "copy people to stdout (null '987-65-4321')",
        "copy people to stdout null as ''",
        "copy people to stdout (encoding 'latin1')",
        "copy people to stdout (format csv, force_quote (ssn))",
        "copy people to '/tmp/sidegate.copied'",
        "copy people to program 'cat'",
        "copy people to stdout; select 1",
        "select 1; copy (select ssn from people) to stdout",
        "copy (select upper(ssn) from people) to stdout",
        "copy (select id from people order by ssn) to stdout",
        "copy (select id from people where ssn like '9%') to stdout",
        "copy (select ssn from people union select 'x') to stdout",
        "copy (select p from people p) to stdout",
        "copy (select row(ssn) from people) to stdout",
        "copy (delete from people returning ssn) to stdout",
        "explain copy people to stdout",
    ] {
        let answer = ask(sql);
        let refused = ["E:42501 Z:I", "E:0A000 Z:I", "E:42601 Z:I"].contains(&answer.as_str());
        assert!(refused, "{sql}: {answer}");
    }
    // What the server itself does not take is told in its words, wherever it is noticed.
    assert_eq!(ask("copy (select ssn from people where id = 'x') to stdout"), "E:22P02 Z:I");
    assert_eq!(ask("copy people to stdout (delimiter 'a')"), "E:22023 Z:I");
    assert_eq!(ask("begin"), "C:BEGIN Z:T");
    assert_eq!(ask("copy people (ssn) to stdout"), "H d d d c C:COPY 3 Z:T");
    assert_eq!(ask("copy (select ssn from people where id = 'x') to stdout"), "E:22P02 Z:E");
    assert_eq!(ask("copy people to stdout"), "E:25P02 Z:E");
    assert_eq!(ask("rollback"), "C:ROLLBACK Z:I");
    assert_eq!(ask("copy people (ssn) to stdout"), "H d d d c C:COPY 3 Z:I");
    assert_eq!(client.ask(&query("copy (select id from people) to stdout")), "H d d d c C:COPY 3 Z:I");
}

#[test]
fn a_copy_in_an_extended_exchange_is_looked_at_before_it_runs_and_masked() {
    for server in [postgres(), postgres18()] {
        let folder = folder();
        let sidegate = setup(server, &folder);
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        for sql in [
            "copy people to stdout",
            "copy people (note, ssn) to stdout (format csv, header)",
            "copy (select ssn, id, card from people order by id) to stdout (format binary)",
            "copy (select id, mail from people order by id) to stdout",
        ] {
            let ((simple, rows), (extended, again)) =
                (copied(&mut client, &[query(sql)]), copied(&mut client, &[run(sql), sync()]));
            assert_eq!((extended, &again), (format!("1 2 {simple}"), &rows), "{sql}");
            assert!(simple.ends_with("C:COPY 3 Z:I") && rows.len() > 20, "{sql}: {simple}");
        }
        let among = [run("select 1"), run("copy people to stdout"), run("select 2"), sync()];
        assert_eq!(copied(&mut client, &among).0, "1 2 D C:SELECT 1 1 2 H d d d c C:COPY 3 1 2 D C:SELECT 1 Z:I");
        // Its own names are not the client's, and one exchange fails as a whole.
        let named =
            [parse("", "select 3"), parse("s", "copy people (ssn) to stdout"), bind("p", "s", &[]), execute("p", 0)];
        assert_eq!(copied(&mut client, &[named.concat(), sync()]).0, "1 1 2 H d d d c C:COPY 3 Z:I");
        let again = [bind("", "", &[]), execute("", 0), bind("", "s", &[]), execute("", 0), sync()];
        assert_eq!(copied(&mut client, &again).0, "2 D C:SELECT 1 2 H d d d c C:COPY 3 Z:I");
        let wrong = run("copy (select ssn from people where id = 'x') to stdout");
        assert_eq!(copied(&mut client, &[wrong.clone(), run("select 1"), sync()]).0, "1 2 E:22P02 Z:I");
        assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
        assert_eq!(copied(&mut client, &[wrong, sync()]).0, "1 2 E:22P02 Z:E");
        assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
        assert_eq!(
            copied(&mut client, &[run("copy (select upper(ssn) from people) to stdout"), sync()]).0,
            "E:42501 Z:I"
        );
        // The catalog has not seen it yet, nor is the text read by the server before it runs.
        assert_eq!(client.ask(&[parse("t", "copy people (id) to stdout"), sync()].concat()), "1 Z:I");
        server.sql(&sidegate.database, "alter table people rename id to x; alter table people rename mail to id");
        for sent in [[bind("", "t", &[]), execute("", 0)].concat(), run("copy (select id from people) to stdout")] {
            let (spelled, rows) = copied(&mut client, &[sent, sync()]);
            assert!(spelled.contains("E:42501 Z:I") && rows.is_empty(), "{spelled}");
        }
        assert_eq!(client.ask(&[run("select 1"), sync()].concat()), "1 2 D C:SELECT 1 Z:I");
    }
}

fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", "", &[]), execute("", 0)].concat()
}

/// What comes of some messages, spelled, and what is copied out.
fn copied(client: &mut Raw, messages: &[Vec<u8>]) -> (String, Vec<u8>) {
    client.send(&messages.concat());
    let answer = client.until_ready();
    let mut rows = Vec::new();
    for message in &answer {
        let text = String::from_utf8_lossy(&message.body);
        assert!(!RAW.iter().any(|raw| text.contains(raw)), "{text}");
        if message.tag == 'd' {
            rows.extend_from_slice(&message.body);
        }
    }
    (spell(&answer), rows)
}

#[test]
fn an_error_in_what_is_copied_is_placed_in_the_clients_text() {
    let folder = folder();
    let sidegate = setup(postgres(), &folder);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let sql = "copy (select p.ssn, 'ä' from people p where id = 'x') to stdout";
    client.send(&query(sql));
    let answer = client.until_ready();
    assert_eq!(answer[0].field('P'), sql.find("'x'").expect("it is there").to_string(), "{answer:?}");
}

#[test]
fn a_copy_that_the_server_refuses_when_it_is_looked_at_is_an_event_like_any_other() {
    for server in [postgres(), postgres18()] {
        let folder = folder();
        let sidegate = setup(server, &folder);
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        for (sql, sqlstate) in [
            ("copy (select ssn from people where id = 'x') to stdout", "22P02"),
            ("copy (select id from nowhere) to stdout", "42P01"),
        ] {
            assert_eq!(client.ask(&query(sql)), format!("E:{sqlstate} Z:I"), "{sql}");
            let event = sidegate.event_of(sql);
            let custom = &event["custom"]["sidegate"];
            assert_eq!((&custom["outcome"], &custom["sqlstate"]), (&"failed".into(), &sqlstate.into()), "{sql}");
        }
        // Its Parse says nothing of what is copied.
        let sql = "copy (select ssn from people where id = 'y') to stdout";
        assert_eq!(client.ask(&[run(sql), sync()].concat()), "1 2 E:22P02 Z:I");
        assert_eq!(sidegate.event_of(sql)["custom"]["sidegate"]["sqlstate"], "22P02");
    }
}

#[test]
fn a_relation_that_changed_under_a_copy_shows_nothing_that_is_masked() {
    for server in [postgres(), postgres18()] {
        let folder = folder();
        let sidegate = setup(server, &folder);
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        assert_eq!(client.ask(&query("copy people (id, mail) to stdout")), "H d d d c C:COPY 3 Z:I");
        // sidegate's catalog has not seen it yet.
        server.sql(
            &sidegate.database,
            "alter table people rename note to spare; alter table people rename ssn to note;
             alter table people rename spare to ssn; alter table people rename id to x;
             alter table people rename mail to id",
        );
        for sql in ["copy people (id) to stdout", "copy (select id from people) to stdout"] {
            client.send(&query(sql));
            let answer = client.until_ready();
            assert!(answer.iter().all(|message| message.tag != 'd'), "{sql}: {}", spell(&answer));
            assert!(answer[0].tag == 'E', "{sql}: {}", spell(&answer));
            // Whoever tried is written down.
            let tried = |event: &serde_json::Value| {
                let outcome = event["custom"]["sidegate"]["outcome"].as_str();
                event["input"]["sql"]["text"] == sql && outcome.is_some_and(|outcome| outcome != "forwarded")
            };
            let custom = &sidegate.event(sql, tried)["custom"]["sidegate"];
            assert_eq!((&custom["outcome"], &custom["cause"]), (&"denied".into(), &"obligation".into()), "{custom}");
        }
    }
}

#[test]
fn a_cell_of_a_hundred_megabytes_is_refused_or_passes_beside_what_is_woven_and_is_never_held() {
    let folder = folder();
    let sidegate = setup(postgres(), &folder);
    postgres().sql(
        &sidegate.database,
        "insert into people (id, ssn, mail) values (4, repeat('987-65-4321 ', 8738134), 'x@example.com');
         create table files (id int, body text); insert into files values (1, repeat('x', 104857600))",
    );
    let before = sidegate.resident();
    // The message that a session ends with, and the bytes of rows before it.
    let told = |sql: &str| {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        client.send(&query(sql));
        let (mut bytes, mut last) = (0, ' ');
        while let Some((tag, length)) = client.pass_over() {
            bytes += if matches!(tag, 'D' | 'd') { length } else { 0 };
            last = tag;
            if tag == 'Z' {
                break;
            }
        }
        (bytes, last)
    };
    for sql in [
        "select ssn from people where id = 4",
        "copy (select ssn from people where id = 4) to stdout",
        "copy (select ssn from people where id = 4) to stdout (format binary)",
        "select p.card, f.body from people p, files f where p.id = 1",
    ] {
        assert_eq!(told(sql), (0, 'E'), "{sql}");
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        client.send(&query(sql));
        let answer = client.until_end();
        let error = answer.last().expect("an error");
        assert_eq!((error.tag, error.field('C').as_str(), error.field('S').as_str()), ('E', "54000", "FATAL"), "{sql}");
        assert!(error.field('M').contains("masked on their way back"), "{sql}: {}", error.field('M'));
    }
    // What nobody masks on its way back is never held, however long it is.
    for sql in ["select p.mail, f.body from people p, files f where p.id = 1", "copy files to stdout"] {
        let (bytes, last) = told(sql);
        assert!(bytes > 100 << 20 && last == 'Z', "{sql}: {bytes} {last}");
    }
    let grown = sidegate.resident().saturating_sub(before);
    assert!(grown < 48 << 10, "{grown} KiB");
}
