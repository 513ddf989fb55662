//! Masks as a client meets them: in every protocol, beside every other thing that a session does.

use crate::harness::raw::{Raw, bind, close, execute, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres, python, said};

/// Everybody reads and writes; nobody sees an e-mail address, and of a name only its last two characters.
const POLICY: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n\n\
    mask contains {\"column\": \"public.customers.name\", \"with\": {\"partial\": {\"keep_last\": 2}}} if true\n";

/// A rule that reads values, so that a Parse is judged when its Bind comes.
const VALUES: &str = "\ndeny contains \"that is too much\" if {\n\tsome p in input.sql.parameters\n\tis_number(p.value)\n\tp.value > 5000\n}\n";

const SECRET: &str = "@example.com";

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

fn shown(client: &mut Raw, messages: &[Vec<u8>]) -> String {
    client.send(&messages.concat());
    let answer = client.until_ready();
    let text: Vec<String> = answer.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    assert!(!text.iter().any(|text| text.contains(SECRET)), "{text:?}");
    text.concat()
}

#[test]
fn a_masked_column_is_masked_wherever_it_is_read() {
    let sidegate = Setup::policy(POLICY).start();
    let psql = |sql: &str| {
        let output = sidegate.psql(&["-Atc", sql]);
        let text = said(&output);
        assert!(!text.contains(SECRET), "{sql}: {text}");
        text.trim().to_owned()
    };
    assert_eq!(psql("select * from customers where id = 7"), "7|********7|***".replace("********7", "******** 7"));
    assert_eq!(psql("select email from customers c where c.email = 'c7@example.com'"), "");
    assert_eq!(psql("select distinct email from customers"), "***");
    assert_eq!(psql("select count(*) from customers where email like '%c7%'"), "0");
    assert_eq!(psql("with x as (select email e from customers) select max(upper(e)) from x"), "***");
    assert_eq!(psql("select (select email from customers where id = o.customer_id) from orders o where id = 1"), "***");
    assert_eq!(psql("select to_jsonb(c) ->> 'email' from customers c limit 1"), "***");
    assert_eq!(psql("copy customers (email) to stdout").lines().next(), Some("***"));
    assert!(psql("select email::int from customers").contains("a value of the statement is not valid"));
    assert_eq!(psql("select id from orders where id = 3"), "3");
    let event = sidegate.event_of("select distinct email from customers");
    assert_eq!(event["result"]["mask"]["public.customers"]["email"]["replace"]["value"], "***");
    assert_eq!(event["custom"]["sidegate"]["masked"], 2, "{event}");
    assert!(sidegate.event_of("select id from orders where id = 3")["custom"]["sidegate"]["masked"].is_null());
}

#[test]
fn prepared_statements_and_portals_are_masked_with_and_without_values() {
    for policy in [POLICY.to_owned(), format!("{POLICY}{VALUES}")] {
        let sidegate = Setup::policy(&policy).start();
        let mut client = open(&sidegate);
        let sql = "select email, id from customers where id < $1 order by id";
        let first = [parse("s", sql), message('D', b"Ss\0"), bind("p", "s", &["3"]), execute("p", 1), sync()];
        client.send(&first.concat());
        assert_eq!(spell(&client.until_ready()), "1 t T 2 D s Z:I");
        for _ in 0..3 {
            let again = [bind("", "s", &["4"]), execute("", 0), sync()];
            let text = shown(&mut client, &again);
            assert!(text.contains("***") && text.contains("SELECT 3"), "{text}");
        }
        client.send(&[close("s"), sync()].concat());
        assert_eq!(spell(&client.until_ready()), "3 Z:I");
    }
}

#[test]
fn a_mask_that_policy_no_longer_demands_ends_with_the_next_bind() {
    let sidegate = Setup::policy(&format!("{POLICY}{VALUES}")).start();
    let mut client = open(&sidegate);
    let again = [bind("", "s", &["4"]), execute("", 0), sync()];
    shown(&mut client, &[parse("s", "select email from customers where id < $1"), sync()]);
    assert!(shown(&mut client, &again).contains("***"));
    sidegate.edit_policy("package policies.shop\n\nallow contains \"everything\" if true\n");
    client.send(&again.concat());
    assert!(client.until_ready().iter().any(|message| String::from_utf8_lossy(&message.body).contains(SECRET)));
    sidegate.edit_policy(POLICY);
    assert!(shown(&mut client, &again).contains("***"));
    assert!(shown(&mut client, &again).contains("***"));
}

#[test]
fn a_statement_that_the_server_ignored_is_not_taken_for_prepared_anew() {
    let sidegate = Setup::policy("package policies.shop\n\nallow contains \"everything\" if true\n").start();
    let mut client = open(&sidegate);
    client.send(&[parse("s", "select email from customers where id < $1 and 1 / $2::int = 1"), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "1 Z:I");
    sidegate.edit_policy(POLICY);
    // The division fails, and the server ignores what comes up to the Sync: the masks, too.
    let fails = [parse("t", "select 1 / $1::int"), bind("", "t", &["0"]), execute("", 0)];
    let run = [bind("", "s", &["4", "1"]), execute("", 0), sync()];
    client.send(&[fails.concat(), run.concat()].concat());
    assert_eq!(spell(&client.until_ready()), "1 E:22012 Z:I");
    for _ in 0..2 {
        assert!(shown(&mut client, &run).contains("***"));
    }
    // Nor where its values are none, and the answer was not described for that.
    client.send(&[bind("", "s", &["x", "1"]), execute("", 0), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "E:22P02 Z:I");
    assert!(shown(&mut client, &run).contains("***"));
}

#[test]
fn names_that_messages_gave_are_not_run_past_their_masks() {
    let sidegate = Setup::policy(&format!("{POLICY}{VALUES}")).start();
    let mut client = open(&sidegate);
    // It cannot be masked: so it is not prepared either, although its values come later.
    let update = "update customers set name = email where $1::text = 'x'";
    client.send(&[parse("u", update), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "E:42501 Z:I");
    client.send(&[parse("p", "select email from customers where $1::text = 'x'"), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "1 Z:I");
    assert_eq!(client.ask(&query("execute p('x')")), "E:42501 Z:I");
    assert_eq!(client.ask(&query("prepare q as update customers set id = null where id = 1")), "C:PREPARE Z:I");
    client.send(&[bind("", "q", &[]), execute("", 0), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "E:42501 Z:I");
    assert_eq!(client.ask(&query("deallocate p")), "C:DEALLOCATE Z:I");
    assert_eq!(client.ask(&query("prepare r as select email from customers where id = 1")), "C:PREPARE Z:I");
    assert!(shown(&mut client, &[query("execute r")]).contains("***"));
    assert!(
        shown(&mut client, &[query("select c.to_jsonb ->> 'email' from customers c where c.id = 1")]).contains("***")
    );
}

#[test]
fn errors_from_masked_relations_that_nobody_named_show_no_values() {
    let sidegate = Setup::policy(POLICY).start();
    postgres().sql(
        &sidegate.database,
        "create table orgs (id int primary key); insert into orgs values (1);
         alter table customers add org int not null default 1 references orgs on delete set null;
         create table mails (mail text primary key); create unique index on customers (email);
         create table sent (mail text references customers (email) deferrable initially deferred);
         insert into customers values (500, 'x', 'c500@example.com'); insert into sent values ('c500@example.com')",
    );
    let mut client = open(&sidegate);
    let told = shown(&mut client, &[query("delete from orgs where id = 1")]);
    assert!(told.contains("23502") && told.contains("its values are masked"), "{told}");
    assert!(shown(&mut client, &[query("begin; delete from customers where id = 500; commit")]).contains("23503"));
    let own = shown(&mut client, &[query("insert into mails values ('a'); insert into mails values ('a')")]);
    assert!(own.contains("Key (mail)=(a) already exists"), "what nobody masks is told as it is: {own}");
}

#[test]
fn what_cannot_be_masked_is_refused_and_the_session_goes_on() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    for sql in [
        "update customers set name = 'x' where email like 'c7%'",
        "delete from customers where id = 1 returning *",
        "create view mine as select email from customers",
        "insert into customers values (1, 'x', 'y') on conflict (id) do update set name = customers.email",
        "do $$ begin raise notice '%', (select email from customers limit 1); end $$",
        "select ctid from customers",
        "update customers set id = id where id = 1 returning id as set, email = 'c1@example.com'",
        "delete from customers where id = (select update.update set from (select 1 as update) update) returning email = ''",
    ] {
        assert_eq!(client.ask(&query(sql)).split(' ').next_back(), Some("Z:I"), "{sql}");
        client.send(&query(sql));
        let answer = client.until_ready();
        assert_eq!(answer[0].tag, 'E', "{sql}: {}", spell(&answer));
    }
    assert_eq!(client.ask(&query("select id from customers where id = 1")), "T D C:SELECT 1 Z:I");
}

#[test]
fn a_driver_reads_masked_rows_in_text_and_binary() {
    let sidegate = Setup::policy(POLICY).start();
    let program = "import os, psycopg
for binary in (False, True):
    with psycopg.connect(os.environ['DSN'], autocommit=True) as c:
        for _ in range(8):
            rows = c.execute('select id, name, email from customers where id = %s', (7,), binary=binary, prepare=True).fetchall()
            assert rows == [(7, '******** 7', '***')], rows
        with c.transaction(), c.cursor('named', binary=binary) as cursor:
            cursor.execute('select email from customers order by id')
            assert {row[0] for row in cursor.fetchmany(5)} == {'***'}
print('every row')";
    let mut command = python();
    let dsn = format!("host=127.0.0.1 port={} dbname={} user=alice", sidegate.port, sidegate.database);
    let output = sidegate.environment(command.args(["-c", program]).env("DSN", dsn)).output().expect("it runs");
    assert!(said(&output).ends_with("every row\n"), "{}", said(&output));
}

const KEYED: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"tokenize\": {\"key\": \"masks\"}}} if true\n\n\
    mask contains {\"column\": \"public.customers.name\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if true\n";

#[test]
fn cells_that_no_expression_masks_are_masked_on_their_way_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let sidegate = Setup::policy(KEYED).sidegate(&format!("keys: {{masks: {{file: {}}}}}", key.display())).start();
    let psql = |sql: &str| {
        let output = sidegate.psql(&["-Atc", sql]);
        let text = said(&output);
        assert!(!text.contains(SECRET) && !text.contains("customer 7"), "{sql}: {text}");
        text.trim().to_owned()
    };
    let plain = psql("select id, email, name from customers where id = 7");
    let cells: Vec<&str> = plain.split('|').collect();
    assert_eq!((cells[0], cells[2].len()), ("7", 64), "{plain}");
    assert_eq!(
        cells[1].chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect::<String>(),
        "xx@xxxxxxx.xxx"
    );
    let star = psql("with x as (select * from customers c) select * from x where id = 7");
    assert_eq!(star, format!("7|{}|{}", cells[2], cells[1]), "however it gets there");
    assert_eq!(psql("select count(*) from customers"), "100");
    for refused in [
        "select upper(email) from customers",
        "select id from customers where email like 'c7%'",
        "select id from customers order by name",
        "select email from customers union select 'x'",
        "select email from customers union all select name from customers",
        "declare c cursor for select upper(email) from customers",
        "explain select email from customers",
    ] {
        assert!(psql(refused).contains("does more with it than show it"), "{refused}: {}", psql(refused));
    }
    let program = "import os, psycopg
token, digest = os.environ['TOKEN'], os.environ['DIGEST']
with psycopg.connect(os.environ['DSN'], autocommit=True) as c:
    for binary in (False, True):
        for _ in range(8):
            rows = c.execute('select id, email, name from customers where id = %s', (7,), binary=binary, prepare=True).fetchall()
            assert rows == [(7, token, digest)], rows
        assert c.execute('select id from orders where id = 3', binary=binary).fetchall() == [(3,)]
print('every row')";
    let mut command = python();
    let dsn = format!("host=127.0.0.1 port={} dbname={} user=alice", sidegate.port, sidegate.database);
    let environment = [("DSN", dsn.as_str()), ("TOKEN", cells[1]), ("DIGEST", cells[2])];
    let output = sidegate.environment(command.args(["-c", program]).envs(environment)).output().expect("it runs");
    assert!(said(&output).ends_with("every row\n"), "{}", said(&output));
    std::fs::write(&key, "another key, of which there is enough to serve").expect("the key is written");
    let changed = crate::harness::until("another key", || {
        let now = psql("select email from customers where id = 7");
        (now != cells[1]).then_some(now)
    });
    assert_eq!(changed.len(), cells[1].len());
    sidegate.edit_policy(&KEYED.replace("\"key\": \"masks\"", "\"key\": \"nobodys\""));
    assert!(psql("select email from customers").contains("the key `nobodys`"));
}

#[test]
fn rows_of_many_reads_are_each_masked_and_end_where_any_would() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let limited = format!("{KEYED}\nlimit contains {{\"rows\": 4000}} if true\n");
    let sidegate = Setup::policy(&limited).sidegate(&format!("keys: {{masks: {{file: {}}}}}", key.display())).start();
    let lines = |sql: &str| {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let each = |id: &String| lines(&format!("select id, email, name from customers where id = {id}")).concat();
    let ids = lines("select id from customers order by id limit 5");
    let expected: Vec<String> = ids.iter().map(each).collect();
    let sql = "select c.id, c.email, c.name from customers c, generate_series(1, 40) n";
    let all = lines(sql);
    assert_eq!(all.len(), 4_000, "{:?}", all.first());
    for (id, row) in ids.iter().zip(&expected) {
        assert_eq!(all.iter().filter(|other| *other == row).count(), 40, "{row}");
        assert_eq!(all.iter().filter(|other| other.starts_with(&format!("{id}|"))).count(), 40, "{id}");
    }
    assert!(!all.iter().any(|row| row.contains(SECRET) || row.contains("customer ")));
    let copied = lines("copy (select c.id, c.email, c.name from customers c, generate_series(1, 40) n) to stdout");
    let mut columns: Vec<String> = copied.iter().map(|row| row.replace('\t', "|")).collect();
    let mut all = all;
    columns.sort();
    all.sort();
    assert_eq!(columns, all);
    let mut client = open(&sidegate);
    client.send(&query(&sql.replace("40", "41")));
    assert_eq!(spell(&client.until_ready()), format!("T {}E:54000 Z:I", "D ".repeat(4_000)));
}

/// Documents of which parts are masked, beside one that is none.
const PATHS: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.notes.payload\", \"with\": {\"replace\": {\"value\": \"***\", \"paths\": [\"/card/number\"]}}} if true\n\n\
    mask contains {\"column\": \"public.notes.payload\", \"with\": {\"email\": {\"paths\": [\"/contacts/*/mail\"]}}} if true\n\n\
    mask contains {\"column\": \"public.notes.plain\", \"with\": {\"partial\": {\"keep_first\": 1, \"paths\": [\"/name\"]}}} if true\n";

#[test]
fn parts_of_documents_are_masked_and_the_rest_stays() {
    let sidegate = Setup::policy(PATHS).start();
    postgres().sql(
        &sidegate.database,
        r#"create domain document as json; create table notes (id int primary key, payload jsonb, plain document, words text);
           insert into notes values (1, '{"card": {"number": 4111222233, "name": "A"}, "contacts": [{"mail": "paul@example.com"}, 7], "ok": 1.50}',
             '{ "name" : "Paul", "n\u0061me":"Pauline", "x":1.0 }', 'w'), (2, null, null, null), (3, '[1]', '3', 'x')"#,
    );
    let psql = |sql: &str| {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        assert!(!["4111222233", "paul@", "aul\"", "auline"].iter().any(|raw| text.contains(raw)), "{sql}: {text}");
        text.trim().to_owned()
    };
    crate::harness::until("the catalog", || (!psql("select id from notes").contains("not known")).then_some(()));
    let payload = r#"{"ok": 1.50, "card": {"name": "A", "number": "***"}, "contacts": [{"mail": "***"}, 7]}"#;
    let plain = r#"{ "name" : "P***", "n\u0061me":"P******", "x":1.0 }"#;
    assert_eq!(psql("select * from notes order by id"), format!("1|{payload}|{plain}|w\n2|||\n3|[1]|3|x"));
    assert_eq!(psql("select payload from notes where id = 1"), payload);
    assert_eq!(psql("copy notes (id, payload) to stdout").lines().next(), Some(format!("1\t{payload}").as_str()));
    for refused in [
        "select payload ->> 'ok' from notes",
        "select id from notes where payload @> '{\"card\": {\"number\": 4111222233}}'",
        "select jsonb_path_query(payload, '$.card') from notes",
        "select payload['card'] from notes",
        "select plain::text from notes",
        "select to_jsonb(n) from notes n",
    ] {
        assert!(psql(refused).contains("denied by policy"), "{refused}: {}", psql(refused));
    }
    let program = "import os, psycopg
with psycopg.connect(os.environ['DSN'], autocommit=True) as c:
    for binary in (False, True):
        for _ in range(6):
            row = c.execute('select payload, plain from notes where id = %s', (1,), binary=binary, prepare=True).fetchone()
            assert row[0] == {'ok': 1.5, 'card': {'name': 'A', 'number': '***'}, 'contacts': [{'mail': '***'}, 7]}, row
            assert row[1] == {'name': 'P******', 'x': 1.0}, row
print('every row')";
    let mut command = python();
    let dsn = format!("host=127.0.0.1 port={} dbname={} user=alice", sidegate.port, sidegate.database);
    let output = sidegate.environment(command.args(["-c", program]).env("DSN", dsn)).output().expect("it runs");
    assert!(said(&output).ends_with("every row\n"), "{}", said(&output));
    // Where it has no meaning, the statement is denied before anything is sent.
    sidegate.edit_policy(&PATHS.replace("notes.plain", "notes.words"));
    assert!(psql("select words from notes").contains("column `words` is no JSON: leave the paths of its mask out"));
    assert!(psql("copy notes to stdout").contains("column `words` is no JSON"));
    assert_eq!(psql("select id from notes where id = 3"), "3");
}
