//! What others do to a masked table while a statement on it is under way, what its size does, and a catalog that cannot
//! be asked: an answer is masked, or there is none.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::raw::{Message, Raw, bind, execute, message, parse, query, sync};
use crate::harness::{PASSWORD, Setup, Sidegate, postgres, python, said, until};

/// Nobody sees an e-mail address: by an expression of the server's, or masked on its way back.
const WOVEN: &str = "{\"replace\": {\"value\": \"***\"}}";
const KEYED: &str = "{\"hash\": {\"key\": \"masks\"}}";

fn policy(column: &str, mask: &str) -> String {
    format!(
        "package policies.shop\n\nallow contains \"everything\" if true\n\n\
         mask contains {{\"column\": \"{column}\", \"with\": {mask}}} if true\n"
    )
}

/// A sidegate with a key for masks, and the folder that the key is in.
fn keyed(column: &str, mask: &str) -> (Sidegate, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
    (Setup::policy(&policy(column, mask)).sidegate(&keys).start(), folder)
}

/// Part of every address, and of every one as bytes are shown.
const SECRETS: [&str; 2] = ["@example.com", "406578616d706c65"];

fn is_raw(answer: &[Message]) -> bool {
    answer.iter().any(|message| {
        let text = String::from_utf8_lossy(&message.body).to_lowercase();
        SECRETS.iter().any(|secret| text.contains(secret))
    })
}

/// Sends this and takes what comes, which shows nothing; a session that ends says why, and another one is opened.
fn ask(sidegate: &Sidegate, client: &mut Raw, bytes: &[u8], what: &str) -> Vec<Message> {
    client.send(bytes);
    let answer = client.answer();
    assert!(!is_raw(&answer), "{what}: {answer:?}");
    let last = answer.last().unwrap_or_else(|| panic!("{what}: the session ended without a word"));
    if last.tag != 'Z' {
        // What the server has begun to send is not what was foreseen: nothing else stops it.
        assert_eq!(last.field('M'), "the answer would have shown what is masked", "{what}");
        *client = Raw::open(sidegate.port, &sidegate.database);
    }
    answer
}

/// A session in which the masked column is masked: sidegate knows the table.
fn opened(sidegate: &Sidegate) -> Raw {
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    until("the table", || {
        // What sidegate does not know makes it look.
        ask(sidegate, &mut client, &query("select 1 from nobody"), "before");
        let answer = ask(sidegate, &mut client, &query("select email from customers where id = 1"), "before");
        (answer.iter().filter(|message| message.tag == 'D').count() == 1).then_some(())
    });
    client
}

/// What another session does to the table, past sidegate.
const ALTERATIONS: [&str; 8] = [
    "alter table customers rename email to mail",
    "alter table customers drop column email",
    "alter table customers alter email type bytea using convert_to(email, 'UTF8')",
    "alter table customers alter email type text[] using array[email]",
    "alter table customers alter email type jsonb using to_jsonb(email)",
    "alter table customers alter email type varchar(30)",
    "alter table customers add column more text default 'x'",
    "alter table customers rename to people",
];

/// What is still asked as if nothing had happened. No statement names what an alteration makes of the address: a name
/// that policy does not mask may be shown.
const QUESTIONS: [&str; 6] = [
    "select * from customers",
    "select id, email from customers where id < 5",
    "select c from customers c",
    "select to_jsonb(c) from customers c where id = 1",
    "select max(email), count(distinct email) from customers",
    "copy customers to stdout",
];

/// A session of the server's own, whose statements are written to it.
struct Other(Child);

impl Other {
    fn open(database: &str) -> Self {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-h", "127.0.0.1", "-U", "app", "-d", database, "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-p", &postgres().port.to_string()]).env("PGPASSWORD", PASSWORD);
        Self(psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql runs"))
    }

    fn says(&mut self, sql: &str) {
        let stdin = self.0.stdin.as_mut().expect("it is open");
        stdin.write_all(format!("{sql};\n").as_bytes()).expect("it listens");
        stdin.flush().expect("it listens");
    }

    fn ends(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("it ends").success());
    }
}

/// Locks in this database that are held, or waited for, in this mode.
fn locks(database: &str, granted: bool) -> usize {
    let sql = format!(
        "select count(*) from pg_locks where database = (select oid from pg_database where datname = '{database}') \
         and locktype = 'relation' and granted = {granted} and (not granted or mode = 'AccessExclusiveLock')"
    );
    postgres().sql("postgres", &sql).parse().expect("a number")
}

/// Puts the table back as the shop has it.
fn restore(database: &str) {
    postgres().sql(
        database,
        "drop table if exists customers, people cascade;
         create table customers (id int primary key, name text not null, email text);
         insert into customers select n, 'customer ' || n, 'c' || n || '@example.com' from generate_series(1, 100) n",
    );
}

#[test]
fn what_is_altered_between_parse_and_execute_is_masked_or_refused() {
    for mask in [WOVEN, KEYED] {
        let (sidegate, _key) = keyed("public.customers.email", mask);
        for (number, alteration) in ALTERATIONS.iter().enumerate() {
            restore(&sidegate.database);
            let mut client = opened(&sidegate);
            let prepared: Vec<(String, &str)> =
                QUESTIONS.iter().enumerate().map(|(at, sql)| (format!("s{number}_{at}"), *sql)).collect();
            for (name, sql) in &prepared {
                ask(&sidegate, &mut client, &[parse(name, sql), sync()].concat(), sql);
            }
            postgres().sql(&sidegate.database, alteration);
            for (name, sql) in &prepared {
                for describe in [false, true] {
                    let describe = if describe { message('D', b"P\0") } else { Vec::new() };
                    let run = [bind("", name, &[]), describe, execute("", 0), sync()].concat();
                    ask(&sidegate, &mut client, &run, &format!("{mask} {alteration}: {sql}"));
                }
            }
            assert_eq!(client.ask(&query("select id from orders where id = 1")), "T D C:SELECT 1 Z:I");
        }
    }
}

#[test]
fn what_is_altered_between_two_statements_is_masked_or_refused() {
    for mask in [WOVEN, KEYED] {
        let (sidegate, _key) = keyed("public.customers.email", mask);
        for alteration in ALTERATIONS {
            restore(&sidegate.database);
            let mut client = opened(&sidegate);
            postgres().sql(&sidegate.database, alteration);
            for sql in QUESTIONS {
                ask(&sidegate, &mut client, &query(sql), &format!("{mask} {alteration}: {sql}"));
            }
            assert_eq!(client.ask(&query("select id from orders where id = 1")), "T D C:SELECT 1 Z:I");
        }
    }
}

#[test]
fn what_is_altered_between_decision_and_execution_is_masked_or_refused() {
    for mask in [WOVEN, KEYED] {
        let (sidegate, _key) = keyed("public.customers.email", mask);
        for alteration in ALTERATIONS {
            for sql in ["select * from customers", "select id, email from customers where id < 5"] {
                restore(&sidegate.database);
                let mut client = opened(&sidegate);
                let mut other = Other::open(&sidegate.database);
                other.says("begin; lock table customers in access exclusive mode");
                until("the lock", || (locks(&sidegate.database, true) > 0).then_some(()));
                client.send(&query(sql));
                // Judged, sent, and waiting for the other one.
                until("the statement", || (locks(&sidegate.database, false) > 0).then_some(()));
                other.says(alteration);
                other.says("commit");
                ask(&sidegate, &mut client, &[], &format!("{mask} {alteration}: {sql}"));
                other.ends();
                assert_eq!(client.ask(&query("select id from orders where id = 1")), "T D C:SELECT 1 Z:I");
            }
        }
    }
}

/// As many columns as PostgreSQL has room for.
const COLUMNS: usize = 1600;

/// What a driver reads of a table of that many columns, one masked.
const READS_ALL: &str = "import os, time, psycopg
masked = os.environ['MASKED']
with psycopg.connect(os.environ['DSN'], autocommit=True) as c:
    for binary in (False, True):
        for sql in ('select * from wide', 'table wide', 'select w.* from wide w where c1 = %s'):
            values = ('1',) if '%s' in sql else None
            rows = c.execute(sql, values, binary=binary).fetchall()
            assert len(rows) == 20, (sql, rows)
            for row in rows:
                assert len(row) == 1600, sql
                wrong = [n for n, cell in enumerate(row, 1) if cell != (masked if n == 800 else str(n % 7))]
                assert not wrong, (sql, wrong)
        assert c.execute('select c800 from wide limit 1', binary=binary).fetchall() == [(masked,)]
        assert c.execute('select c799, c801 from wide limit 1', binary=binary).fetchall() == [(str(799 % 7), str(801 % 7))]
print('every cell')";

#[test]
fn a_table_of_1600_columns_is_read_with_one_masked() {
    for (mask, masked) in [(WOVEN, Some("***")), (KEYED, None)] {
        let (sidegate, _key) = keyed("public.wide.c800", mask);
        let list = |item: &dyn Fn(usize) -> String| (1..=COLUMNS).map(item).collect::<Vec<_>>().join(", ");
        let table = format!("create table wide ({})", list(&|n| format!("c{n} text")));
        let values = list(&|n| format!("'{}'", n % 7));
        postgres()
            .sql(&sidegate.database, &format!("{table}; insert into wide select {values} from generate_series(1, 20)"));
        let started = Instant::now();
        let one = said(&sidegate.psql(&["-c", "select c800 from wide limit 1"]));
        let one = one.trim();
        assert!(masked.is_none_or(|masked| masked == one) && one != "2", "{one}");
        assert!(masked.is_some() || one.len() == 64, "{one}");
        let mut command = python();
        let dsn = format!("host=127.0.0.1 port={} dbname={} user=alice", sidegate.port, sidegate.database);
        command.args(["-c", READS_ALL]).env("DSN", dsn).env("MASKED", one);
        let output = sidegate.environment(&mut command).output().expect("it runs");
        assert!(said(&output).ends_with("every cell\n"), "{mask}: {}", said(&output));
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    }
}

#[test]
fn a_catalog_that_cannot_be_asked_stops_nobody_else_and_lets_nothing_unknown_through() {
    let (sidegate, _key) = keyed("public.customers.email", WOVEN);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let known = query("select email from customers where id = 1");
    assert_eq!(client.ask(&known), "T D C:SELECT 1 Z:I");
    let mut asking = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(asking.ask(&known), "T D C:SELECT 1 Z:I");
    // A catalog that it cannot look into, and a view of the masked column that it has not seen.
    let mut other = Other::open(&sidegate.database);
    other.says("begin; lock table pg_range in access exclusive mode");
    until("the lock", || (locks(&sidegate.database, true) > 0).then_some(()));
    postgres().sql(&sidegate.database, "create view mails as select email from customers");
    let started = Instant::now();
    asking.send(&query("select * from mails"));
    let mut turns = 0;
    while !asking.answers_within(Duration::from_millis(1)) {
        let asked = Instant::now();
        assert_eq!(client.ask(&known), "T D C:SELECT 1 Z:I");
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?} beside a catalog that waits", asked.elapsed());
        assert!(started.elapsed() < Duration::from_secs(30), "the statement waits for ever");
        turns += 1;
    }
    let answer = asking.until_ready();
    assert!(!is_raw(&answer) && answer[0].tag == 'E', "{answer:?}");
    assert!(turns > 1, "nobody waited: {answer:?} after {:?}", started.elapsed());
    other.says("commit");
    other.ends();
    until("the view to be known", || {
        asking.send(&query("select * from mails"));
        let answer = asking.until_ready();
        assert!(!is_raw(&answer), "{answer:?}");
        let shown = answer.iter().filter(|message| message.tag == 'D').any(|row| row.body.ends_with(b"***"));
        (shown || answer[0].field('M').contains("masked columns of")).then_some(())
    });
}
