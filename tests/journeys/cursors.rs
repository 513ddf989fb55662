//! Cursors and statements that SQL's own names stand for, of which cells are masked on their way back.

mod attacks;

use attacks::ATTACKS;

use crate::harness::raw::{Message, Raw, bind, close, execute, message, parse, query, spell, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, python, said};

/// Everybody reads and writes; addresses are enciphered, names are hashed and salaries are nobody's.
const KEYED: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"tokenize\": {\"key\": \"masks\"}}} if true\n\n\
    mask contains {\"column\": \"public.customers.name\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if true\n\n\
    mask contains {\"column\": \"public.payroll.salary\", \"with\": {\"tokenize\": {\"key\": \"masks\"}}} if true\n";

/// The same for who asks about customers alone, so that other statements have no masks.
const BY_RELATION: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    reads if {\n\tsome relation in input.sql.relations\n\trelation.id == \"public.customers\"\n}\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"tokenize\": {\"key\": \"masks\"}}} if reads\n\n\
    mask contains {\"column\": \"public.customers.name\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if reads\n";

const OPEN: &str = "package policies.shop\n\nallow contains \"everything\" if true\n";

const OTHERS: &str = "
    create view contacts as select id, email as mail from customers;
    create function opens(name text, sql text) returns void language plpgsql as
      $$ declare r refcursor := name; begin open r for execute sql; end $$;
    create function reopens(name text, sql text) returns void language plpgsql as
      $$ declare r refcursor := name; begin close r; open r for execute sql; end $$;
    create function reads(name text) returns text language plpgsql as
      $$ declare r refcursor := name; one record; begin fetch r into one; return one::text; end $$;
    grant execute on all functions in schema public to public; grant select on contacts to public";

struct Shop {
    sidegate: Sidegate,
    _keys: tempfile::TempDir,
}

fn shop(policy: &str, server: &'static Postgres) -> Shop {
    let keys = tempfile::tempdir().expect("a folder");
    let key = keys.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let setup = Setup::policy(policy).server(server).sidegate(&format!("keys: {{masks: {{file: {}}}}}", key.display()));
    let sidegate = setup.start();
    server.sql(&sidegate.database, OTHERS);
    let shop = Shop { sidegate, _keys: keys };
    let mut client = shop.open();
    crate::harness::until("the catalog", || {
        (client.ask(&query("select mail from contacts where id = 7")) == "T D C:SELECT 1 Z:I").then_some(())
    });
    shop
}

impl Shop {
    fn open(&self) -> Raw {
        Raw::open(self.sidegate.port, &self.sidegate.database)
    }
}

/// Values as a client has them: text and binary of a text are the same.
fn cells(answer: &[Message]) -> Vec<Vec<String>> {
    let row = |message: &Message| {
        let (mut rest, mut row) = (&message.body[2..], Vec::new());
        while let [a, b, c, d, behind @ ..] = rest {
            let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).expect("no NULL");
            row.push(String::from_utf8_lossy(&behind[..length]).into_owned());
            rest = &behind[length..];
        }
        row
    };
    answer.iter().filter(|message| message.tag == 'D').map(row).collect()
}

/// What comes of some messages: spelled, and the rows. Nothing in it is raw.
fn told(client: &mut Raw, messages: &[Vec<u8>]) -> (String, Vec<Vec<String>>) {
    client.send(&messages.concat());
    let answer = client.answer();
    for message in &answer {
        let text = String::from_utf8_lossy(&message.body);
        assert!(!text.contains("@example.com") && !text.contains("customer "), "{}: {text}", spell(&answer));
    }
    (spell(&answer), cells(&answer))
}

/// What could not be read is refused with another number.
fn refused(spelled: &str) -> String {
    spelled.replace("E:42501", "refused").replace("E:0A000", "refused")
}

fn rows(client: &mut Raw, sql: &str) -> Vec<Vec<String>> {
    let (spelled, rows) = told(client, &[query(sql)]);
    assert!(spelled.starts_with("T D "), "{sql}: {spelled}");
    rows
}

/// A Bind of no values, whose result comes in this format.
fn bind_as(portal: &str, statement: &str, format: u8) -> Vec<u8> {
    message('B', format!("{portal}\0{statement}\0\0\0\0\0\0\u{1}\0{}", char::from(format)).as_bytes())
}

fn extended(sql: &str, format: u8) -> Vec<u8> {
    [parse("", sql), bind_as("", "", format), message('D', b"P\0"), execute("", 0), sync()].concat()
}

#[test]
fn rows_of_a_cursor_are_those_of_its_query_masked_on_their_way_back() {
    for server in [postgres(), postgres18()] {
        let shop = shop(KEYED, server);
        let mut client = shop.open();
        let expected = rows(&mut client, "select email, name from customers order by id limit 6");
        let mail = rows(&mut client, "select mail from contacts order by id limit 6");
        assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
        for (name, kind) in [
            ("c", "cursor"),
            ("\"Odd one\"", "binary cursor"),
            ("UPPER", "scroll cursor with hold"),
            ("select_", "no scroll cursor"),
        ] {
            let declare = format!("declare {name} {kind} for select email, name from customers order by id");
            assert_eq!(client.ask(&query(&declare)), "C:DECLARE CURSOR Z:T");
            assert_eq!(rows(&mut client, &format!("fetch 2 from {name}")), expected[..2]);
            for format in [0, 1] {
                let (spelled, seen) = told(&mut client, &[extended(&format!("fetch next from {name}"), format)]);
                assert_eq!(spelled, "1 2 T D C:FETCH 1 Z:T", "{name}");
                assert_eq!(seen, expected[2 + usize::from(format)..3 + usize::from(format)]);
            }
            assert_eq!(told(&mut client, &[query(&format!("move 1 in {name}"))]).0, "C:MOVE 1 Z:T");
            assert_eq!(rows(&mut client, &format!("fetch forward 1 from {name}")), expected[5..]);
        }
        assert_eq!(
            client.ask(&query("declare m cursor for select mail from contacts order by id")),
            "C:DECLARE CURSOR Z:T"
        );
        assert_eq!(rows(&mut client, "FETCH 6 IN M"), mail);
        assert_eq!(
            client.ask(&query("declare ids cursor for select id from customers order by id")),
            "C:DECLARE CURSOR Z:T"
        );
        assert_eq!(rows(&mut client, "fetch 2 in ids"), [["1"], ["2"]], "nothing of it is masked");
        assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
        assert_eq!(told(&mut client, &[query("fetch all from upper")]).0.split("C:").nth(1), Some("FETCH 94 Z:I"));
        assert_eq!(told(&mut client, &[query("close all")]).0, "C:CLOSE CURSOR ALL Z:I");
        // Another transaction gives the name to another query, as applications do that close nothing.
        for (query_of, seen) in
            [("select name, email from customers order by id", 1), ("select email, name from customers order by id", 0)]
        {
            assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
            assert_eq!(client.ask(&query(&format!("declare c cursor for {query_of}"))), "C:DECLARE CURSOR Z:T");
            assert_eq!(rows(&mut client, "fetch 1 from c")[0][0], expected[0][seen]);
            assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
        }
        assert!(shop.sidegate.metric("sidegate_answers_unforeseen_total") < 0.5);
    }
}

#[test]
fn drivers_read_named_cursors_in_text_and_binary() {
    for server in [postgres(), postgres18()] {
        let shop = shop(KEYED, server);
        let program = "import os, psycopg
with psycopg.connect(os.environ['DSN']) as c:
    for binary in (False, True):
        want = c.execute('select id, email, name from customers order by id', binary=binary).fetchall()
        pay = c.execute('select salary, id from payroll order by id', binary=binary).fetchall()
        assert not any('@example.com' in row[1] or 'customer' in row[2] for row in want) and len(want) == 100
        for hold in (False, True):
            one = c.cursor('one', binary=binary, withhold=hold)
            other = c.cursor('Other \"one\"', binary=binary, scrollable=True)
            one.itersize = 7
            one.execute('select id, email, name from customers where id > %s order by id', (0,))
            other.execute('select salary, id from payroll order by id')
            assert other.fetchmany(3) == pay[:3]
            assert one.fetchone() == want[0]
            if hold: c.commit()
            else: other.scroll(0, mode='absolute'); assert other.fetchall() == pay
            assert list(one) == want[1:], 'rows'
            one.close()
            if not hold: other.close()
            c.commit()
    with c.pipeline() as p, c.cursor() as cursor:
        cursor.execute('declare piped cursor for select email from customers order by id')
        cursor.execute('fetch 5 from piped')
        assert [row[0] for row in cursor.fetchall()] == [row[1] for row in want[:5]]
print('every row')";
        let mut command = python();
        let dsn = format!("host=127.0.0.1 port={} dbname={} user=alice", shop.sidegate.port, shop.sidegate.database);
        let output =
            shop.sidegate.environment(command.args(["-c", program]).env("DSN", dsn)).output().expect("it runs");
        assert!(said(&output).ends_with("every row\n"), "{}", said(&output));
        // psql up to 16 declares a cursor for this.
        let psql = |sets: &str| {
            said(&shop.sidegate.psql(&["-At", "-v", sets, "-c", "select email, name from customers order by id"]))
        };
        assert_eq!(psql("FETCH_COUNT=7"), psql("FETCH_COUNT=0"));
        assert_eq!(psql("FETCH_COUNT=7").lines().count(), 100);
    }
}

#[test]
fn applications_stream_masked_rows_by_cursors() {
    for server in [postgres(), postgres18()] {
        let shop = shop(KEYED, server);
        let program = "import os, psycopg2, django, sqlalchemy
from django.conf import settings
port, name = os.environ['PORT'], os.environ['NAME']
with psycopg2.connect(host='127.0.0.1', port=port, dbname=name, user='alice') as c:
    with c.cursor() as plain:
        plain.execute('select email, name from customers order by id')
        want = plain.fetchall()
    assert len(want) == 100 and not any('@example.com' in row[0] for row in want)
    for hold in (False, True):
        for _ in range(3):
            with c.cursor('named', withhold=hold) as cursor:
                cursor.itersize = 9
                cursor.execute('select email, name from customers where id > %s order by id', (0,))
                assert cursor.fetchone() == want[0] and list(cursor) == want[1:]
for driver in ('psycopg', 'psycopg2'):
    engine = sqlalchemy.create_engine(f'postgresql+{driver}://alice@127.0.0.1:{port}/{name}')
    with engine.connect() as connection:
        for _ in range(3):
            streamed = connection.execution_options(yield_per=13)
            rows = streamed.execute(sqlalchemy.text('select email, name from customers order by id'))
            assert [tuple(row) for part in rows.partitions() for row in part] == want, driver
            connection.rollback()
database = {'ENGINE': 'django.db.backends.postgresql', 'HOST': '127.0.0.1', 'PORT': port, 'NAME': name, 'USER': 'alice'}
settings.configure(DATABASES={'default': database}, INSTALLED_APPS=[])
django.setup()
from django.db import models, transaction
class Customer(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField()
    email = models.TextField()
    class Meta: db_table, app_label, managed = 'customers', 'shop', False
for _ in range(3):
    found = Customer.objects.filter(id__gt=0).order_by('id')
    assert [(one.email, one.name) for one in found.iterator(chunk_size=17)] == want
    with transaction.atomic():
        assert [(one.email, one.name) for one in found.iterator(chunk_size=17)] == want
print('every row')";
        let mut command = python();
        command.args(["-c", program]).env("PORT", shop.sidegate.port.to_string()).env("NAME", &shop.sidegate.database);
        let output = shop.sidegate.environment(&mut command).output().expect("it runs");
        assert!(said(&output).ends_with("every row\n"), "{}", said(&output));
    }
}

#[test]
fn prepared_statements_of_sql_are_masked_on_their_way_back() {
    for server in [postgres(), postgres18()] {
        let shop = shop(KEYED, server);
        let mut client = shop.open();
        let expected = rows(&mut client, "select email, name from customers where id = 7");
        assert_eq!(
            client.ask(&query("prepare p(int) as select email, name from customers where id = $1")),
            "C:PREPARE Z:I"
        );
        assert_eq!(client.ask(&query("prepare \"Q\" as select name from customers where id = 7")), "C:PREPARE Z:I");
        assert_eq!(rows(&mut client, "execute p(7)"), expected);
        assert_eq!(rows(&mut client, "EXECUTE \"Q\"")[0], [expected[0][1].clone()]);
        for format in [0, 1] {
            let (spelled, seen) = told(&mut client, &[extended("execute p(7)", format)]);
            assert_eq!((spelled.as_str(), seen), ("1 2 T D C:SELECT 1 Z:I", expected.clone()));
        }
        for refused in [
            "create table stored as execute p(7)",
            "create temp table stored as execute p(7)",
            "explain analyze execute p(7)",
            "explain execute p(7)",
            "execute p(7); select 1",
            "prepare r as select email from customers; execute r",
            "prepare r as select upper(email) from customers",
            "prepare r as select email from customers where name = 'customer 7'",
        ] {
            assert_eq!(self::refused(&told(&mut client, &[query(refused)]).0), "refused Z:I", "{refused}");
        }
        let bound = [bind("", "p", &["7"]), execute("", 0), sync()];
        assert_eq!(told(&mut client, &bound).0, "E:42501 Z:I");
        // Under another policy it still has the values: nobody is told them, in whatever way.
        shop.sidegate.edit_policy(OPEN);
        for sql in ["execute p(7)", "create table stored as execute p(7)", "explain analyze execute p(7)"] {
            assert_eq!(refused(&told(&mut client, &[query(sql)]).0), "refused Z:I", "{sql}");
        }
        assert_eq!(told(&mut client, &bound).0, "E:42501 Z:I");
        assert_eq!(client.ask(&query("deallocate all")), "C:DEALLOCATE ALL Z:I");
        assert_eq!(client.ask(&query("prepare p as select email from customers where id = 7")), "C:PREPARE Z:I");
        client.send(&query("execute p"));
        assert_eq!(cells(&client.until_ready()), [["c7@example.com"]], "that is what it is allowed now");
        shop.sidegate.edit_policy(KEYED);
        assert_eq!(told(&mut client, &[query("execute p")]).0, "E:42501 Z:I");
    }
}

#[test]
fn no_attack_on_a_cursors_name_shows_a_raw_value() {
    for server in [postgres(), postgres18()] {
        for policy in [KEYED, BY_RELATION] {
            let shop = shop(policy, server);
            for (texts, last) in ATTACKS {
                let unforeseen = || shop.sidegate.metric("sidegate_answers_unforeseen_total");
                let before = unforeseen();
                let mut client = shop.open();
                let spelled: Vec<_> = texts.iter().map(|sql| told(&mut client, &[query(sql)]).0).collect();
                assert_eq!(spelled.last().map(|last| refused(last)).as_deref(), Some(*last), "{texts:?}: {spelled:?}");
                // What is not certain is refused before it is sent, and not for what the server says of it.
                assert!(unforeseen() - before < 0.5, "{texts:?}");
                // The same with every text in an exchange of its own.
                let mut client = shop.open();
                for sql in *texts {
                    told(&mut client, &[extended(sql, 0)]);
                }
                // And all of them at once, before any answer has come.
                for format in [0, 1] {
                    let mut client = shop.open();
                    let each = |sql: &&str| [parse("", sql), bind_as("", "", format), execute("", 0)].concat();
                    let mut all: Vec<Vec<u8>> = texts.iter().map(each).collect();
                    all.push(sync());
                    told(&mut client, &all);
                }
                let mut client = shop.open();
                client.send(&texts.iter().flat_map(|sql| query(sql)).collect::<Vec<_>>());
                for _ in *texts {
                    told(&mut client, &[]);
                }
            }
        }
    }
}

#[test]
fn a_cursor_that_was_declared_under_other_masks_stays_refused() {
    let shop = shop(KEYED, postgres());
    let mut client = shop.open();
    let declare = "declare c cursor with hold for select email from customers order by id";
    assert_eq!(client.ask(&query(declare)), "C:DECLARE CURSOR Z:I");
    let expected = rows(&mut client, "fetch 1 from c");
    for policy in [&KEYED.replace("tokenize", "hash"), OPEN, &KEYED.replace("customers.email", "customers.id")] {
        shop.sidegate.edit_policy(policy);
        assert_eq!(told(&mut client, &[query("fetch 1 from c")]).0, "E:42501 Z:I", "{policy}");
        assert_eq!(told(&mut client, &[extended("fetch 1 from c", 1)]).0, "E:42501 Z:I", "{policy}");
        assert_eq!(told(&mut client, &[query("select cursor_to_xml('c', 5, false, false, '')")]).0, "E:42501 Z:I");
        assert_eq!(told(&mut client, &[query("select id from orders where id = 1")]).0, "T D C:SELECT 1 Z:I");
    }
    shop.sidegate.edit_policy(KEYED);
    assert_ne!(rows(&mut client, "fetch 1 from c"), expected, "the next row");
    // What was prepared while there was none waits for who asks again.
    let run = [bind("", "x", &[]), execute("", 0), sync()];
    assert_eq!(told(&mut client, &[query("close c")]).0, "C:CLOSE CURSOR Z:I");
    shop.sidegate.edit_policy(BY_RELATION);
    let prepared = [parse("x", "select cursor_to_xml('c', 5, false, false, '')"), sync()];
    assert_eq!(told(&mut client, &prepared).0, "1 Z:I");
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    let bound =
        [bind("early", "x", &[]), parse("", declare), bind("", "", &[]), execute("", 0), execute("early", 0), sync()];
    assert_eq!(told(&mut client, &bound).0, "2 1 2 C:DECLARE CURSOR E:42501 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    assert_eq!(client.ask(&query(declare)), "C:DECLARE CURSOR Z:I");
    assert_eq!(told(&mut client, &run).0, "E:42501 Z:I");
}

#[test]
fn a_cursor_that_code_may_have_opened_anew_is_refused_until_it_is_closed() {
    let shop = shop(BY_RELATION, postgres());
    let mut client = shop.open();
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    // It is gone, and a function takes its name: with a value in the place of one that nobody masks.
    for text in ["savepoint s", "declare c cursor for select email, upper('x') as t from customers", "rollback to s"] {
        told(&mut client, &[query(text)]);
    }
    let opens = "select opens('c', 'select email, email || '''' as t from customers')";
    assert_eq!(told(&mut client, &[query(opens)]).0, "E:42501 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    assert_eq!(told(&mut client, &[query(opens)]).0, "T D C:SELECT 1 Z:T", "no cursor is there that is masked");
    assert_eq!(refused(&told(&mut client, &[query("fetch c")]).0), "refused Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
}

#[test]
fn a_name_that_is_a_portals_is_no_cursor() {
    let shop = shop(KEYED, postgres());
    let mut client = shop.open();
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    let bound = [parse("s", "select email from customers order by id"), bind("c", "s", &[]), execute("c", 1), sync()];
    assert_eq!(told(&mut client, &bound).0, "1 2 D s Z:T");
    for sql in ["fetch 1 from c", "fetch all in c"] {
        assert_eq!(told(&mut client, &[query("savepoint s")]).0, "C:SAVEPOINT Z:T");
        assert_eq!(told(&mut client, &[query(sql)]).0, "E:42501 Z:E");
        assert_eq!(told(&mut client, &[query("rollback to s")]).0, "C:ROLLBACK Z:T");
    }
    shop.sidegate.edit_policy(OPEN);
    assert_eq!(told(&mut client, &[query("fetch 1 from c")]).0, "E:42501 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    shop.sidegate.edit_policy(KEYED);
    // A FETCH that was bound before its cursor was closed and declared anew.
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    assert_eq!(client.ask(&query("declare d cursor for select email, id from customers")), "C:DECLARE CURSOR Z:T");
    let close_d = [parse("", "close d"), bind("", "", &[]), execute("", 0)].concat();
    for anew in ["select id, name from customers", "select email, upper('x') as id from customers"] {
        assert_eq!(client.ask(&query("savepoint s")), "C:SAVEPOINT Z:T");
        let anew = [parse("", &format!("declare d cursor for {anew}")), bind("", "", &[]), execute("", 0)].concat();
        let bound = [parse("f", "fetch 1 from d"), bind("p", "f", &[])].concat();
        let all = [bound, close_d.clone(), anew, execute("p", 0), sync()];
        let spelled = told(&mut client, &all).0;
        assert!(spelled.ends_with("C:CLOSE CURSOR 1 2 C:DECLARE CURSOR E:42501 Z:E"), "{spelled}");
        assert_eq!(client.ask(&[close("f"), query("rollback")].concat()), "3 C:ROLLBACK Z:I");
        assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
        assert_eq!(client.ask(&query("declare d cursor for select email, id from customers")), "C:DECLARE CURSOR Z:T");
    }
}
