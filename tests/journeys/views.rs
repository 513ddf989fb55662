//! Views over masked tables as a client meets them, on both servers and in every protocol, with what an attacker tries.

use crate::harness::raw::{Raw, bind, execute, message, parse, query, spell, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, python, said};

/// Nobody sees an e-mail address.
const POLICY: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

/// The same, but for whoever defines something.
fn but_definitions() -> String {
    POLICY.replacen("}}} if true", "}}} if not \"ddl\" in input.sql.effects", 1)
}

const SECRET: &str = "@example.com";

const VIEWS: &str = "
    create view contacts as select id, name, email as mail from customers;
    create view near as select mail, id from contacts where id < 50;
    create schema odd; create view odd.customers as select id, email as name from public.customers;
    create view barrier with (security_barrier) as select id, email from customers where id > 0;
    create view invoker with (security_invoker) as select id, email from customers where id > 0;
    create view checked as select id, name, email from customers where id < 200 with check option;
    create materialized view stored as select id, email from customers; create unique index on stored (id);
    create table guests (visits int) inherits (customers);
    insert into guests values (300, 'guest', 'g300@example.com', 2);
    create view visitors as select id, email, visits from guests;
    create view found as select id from customers where email like 'c7%';
    create view loud as select id, upper(email) as email from customers;
    create function mail_of(int) returns text language sql stable as 'select email from customers where id = $1';
    create view called as select id, mail_of(id) as email from orders;
    create table secured (id int, email text); alter table secured enable row level security;
    insert into secured values (1, 'r1@example.com');
    create view rowwise as select c.id, c.email from customers c join secured s on s.id = c.id;
    create view everybody as select id, email from customers union all select id, email from secured union all select 0, 'none';
    create view everyone as select * from everybody where id < 10;
    create materialized view kept as select id, email from customers union all select id, email from secured;
    create view counted as select id, email, (select count(*) from orders o where o.customer_id = c.id) as many from customers c;
    create view inner_union as select u.email, u.id from (select id, email from customers union all select id, email from secured) u
      where u.id < 10;
    create view inner_cut as select u.email from (select id, email from customers union all select id, email from secured) u
      where u.email like 'c7%';
    create view anybody as select id, email from customers union select id, email from secured;
    create view swapping as select name, email from customers union all select email, name from customers;
    create view shouting as select id, email from customers union all select id, upper(email) from customers;
    create view cutting as select id, email from customers union all select id, email::varchar(9) from customers;
    create view short as select id, email::varchar(9) as email from customers where false union all select id, email from customers;
    create view first as (select id, email from customers order by email limit 3) union all select 0, 'none';
    create view except_for as select id, email from customers except all select id, email from secured;
    create view looked_up as select o.id, (select c.email from customers c where c.id = o.customer_id) as email from orders o;
    create view climbing as with recursive r as (select id, email from customers where id = 1 union all
      select c.id, c.email from customers c join r on c.id = r.id + 1 where c.id < 4) select id, email from r;
";

fn start(server: &'static Postgres, policy: &str) -> Sidegate {
    let sidegate = Setup::policy(policy).server(server).start();
    server.sql(&sidegate.database, VIEWS);
    sidegate
}

/// What an attacker tries, and what shows that it was answered: an answer, or the beginning of a refusal's SQLSTATE.
const ATTACKS: &[(&str, &str)] = &[
    ("select * from contacts where id = 7", "***"),
    ("table near", "***"),
    ("select count(*) from contacts where mail like 'c7@%'", "D(0)"),
    ("select count(*) from contacts where mail = '***'", "D(101)"),
    ("select count(*) from contacts v join customers c on c.name = v.name and c.email > v.mail", "D(0)"),
    ("select count(*) from near v join contacts w on v.mail = w.mail", "D(4949)"),
    ("select id from contacts order by mail desc, id limit 1", "D(1)"),
    ("select min(mail), max(mail), count(distinct mail) from contacts", "D(***,***,1)"),
    ("select string_agg(v::text, '') from contacts v where id = 7", "***"),
    ("select to_jsonb(v), (v).mail, v.* from contacts v where id = 7", "***"),
    ("select n.mail::int from near n", "22P02"),
    ("select name from odd.customers where id = 7", "D(***)"),
    (
        "select odd.customers.name from odd.customers, public.customers c where c.id = 7 and odd.customers.id = 7",
        "D(***)",
    ),
    ("select email from barrier where id = 7 and email::text <> ''", "D(***)"),
    ("select email from invoker where id = 7", "D(***)"),
    ("select email from stored where id = 7", "D(***)"),
    ("select email from visitors", "D(***)"),
    ("select email from rowwise", "D(***)"),
    ("select x.mail from orders o, lateral (select mail from near n where n.id = o.id) x where o.id = 7", "D(***)"),
    ("explain (verbose, analyze, timing off, summary off, costs off) select mail from near where mail > 'c'", "T"),
    (
        "with w as (update contacts set name = 'n' where id = 7 returning id) select v.mail from contacts v, w limit 1",
        "***",
    ),
    ("select mail from near where id = 7 for update", "D(***)"),
    ("select email from everybody where id = 7", "D(***)"),
    ("select count(*) from everybody where email like 'c7%' or email = 'none'", "D(0)"),
    ("select e.email, length(e.email), e from everybody e where id = 0", "D(***,3,(0,***))"),
    ("select email, count(*) from everyone group by email", "D(***,1"),
    ("select email from kept where id = 7", "D(***)"),
    ("select email, many from counted where id = 7", "D(***,"),
    ("select * from swapping limit 1", "D(***,***)"),
    ("select email from inner_union where id = 7 and email <> ''", "D(***)"),
    ("select email from inner_cut", "42501"),
    ("select email from anybody", "42501"),
    ("select email from shouting", "42501"),
    ("select email from cutting", "42501"),
    ("select email from short", "42501"),
    ("select email from first", "42501"),
    ("select id from except_for", "42501"),
    ("select email from looked_up", "42501"),
    ("select email from climbing", "42501"),
    ("select * from found", "42501"),
    ("select count(*) from found", "42501"),
    ("select email from loud", "42501"),
    ("select email from called", "42501"),
    ("update contacts set name = mail where id = 7", "42501"),
    ("update contacts set name = 'x' where id = 7 returning mail", "42501"),
    ("update contacts set name = 'x' where id = 7 returning *", "42501"),
    ("delete from contacts where mail like 'c7%'", "42501"),
    ("insert into checked values (7, 'x', 'y') on conflict (id) do update set name = checked.email", "42501"),
    ("merge into orders o using near n on n.id = o.id and n.mail like 'c7@%' when matched then delete", "MERGE 0"),
    ("update checked set id = id + 1000 where id = 7", "44000"),
    ("insert into checked values (7, 'x', 'y')", "23505"),
];

/// The answer as the test's lines name it.
pub fn shown(client: &mut Raw, messages: &[u8]) -> String {
    client.send(messages);
    let answer = client.until_ready();
    let all: String = answer.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    assert!(!all.contains(SECRET) && !all.to_lowercase().contains(SECRET), "{all}");
    let row = |body: &[u8]| {
        let (mut values, mut at) = (Vec::new(), 2);
        while let Some(length) = body.get(at..at + 4) {
            let length = i32::from_be_bytes(length.try_into().expect("four bytes"));
            let end = at + 4 + usize::try_from(length).unwrap_or(0);
            values.push(String::from_utf8_lossy(&body[at + 4..end]).into_owned());
            at = end;
        }
        format!("D({})", values.join(","))
    };
    let rows: String = answer.iter().filter(|message| message.tag == 'D').map(|message| row(&message.body)).collect();
    format!("{} {rows}", spell(&answer))
}

fn attacked(server: &'static Postgres) {
    let sidegate = start(server, POLICY);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut wrong = Vec::new();
    for (sql, told) in ATTACKS {
        client.ask(&query("begin"));
        let simple = shown(&mut client, &query(sql));
        client.ask(&query("rollback"));
        client.ask(&query("begin"));
        let messages = [parse("", sql), bind("", "", &[]), message('D', b"P\0"), execute("", 0), sync()];
        let extended = shown(&mut client, &messages.concat());
        client.ask(&query("rollback"));
        if !simple.contains(told) || !extended.contains(told) {
            wrong.push(format!("{sql}\n    {simple}\n    {extended}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let again = [parse("p", "select mail from near where id = $1"), sync()];
    client.send(&again.concat());
    assert_eq!(spell(&client.until_ready()), "1 Z:I");
    for _ in 0..3 {
        let text = shown(&mut client, &[bind("", "p", &["7"]), execute("", 0), sync()].concat());
        assert!(text.contains("D(***)"), "{text}");
    }
    copied(&sidegate, server);
    by_a_driver(&sidegate);
}

fn copied(sidegate: &Sidegate, server: &Postgres) {
    for sql in [
        "copy (select mail from near order by id limit 1) to stdout",
        "copy (select mail from near order by id limit 1) to stdout (format csv)",
        "copy (select email from stored limit 1) to stdout",
        "copy stored (email) to stdout",
    ] {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        assert!(text.starts_with("***\n") && !text.contains(SECRET), "{sql}: {text}");
    }
    // A unique index that is broken by now tells of a row.
    server.sql(
        &sidegate.database,
        "create materialized view pairs as select email, 1 as one from customers; create unique index on pairs (email);
         insert into customers values (500, 'x', 'c7@example.com')",
    );
    let text = said(&sidegate.psql(&["-Atc", "refresh materialized view concurrently pairs"]));
    assert!(text.contains("ERROR") && !text.contains(SECRET), "{text}");
}

fn by_a_driver(sidegate: &Sidegate) {
    let program = "import os, psycopg
for binary in (False, True):
    with psycopg.connect(os.environ['DSN'], autocommit=True) as c:
        for _ in range(8):
            rows = c.execute('select id, mail from near where id = %s', (7,), binary=binary, prepare=True).fetchall()
            assert rows == [(7, '***')], rows
        with c.transaction(), c.cursor('named', binary=binary) as cursor:
            cursor.execute('select * from contacts order by id')
            assert {row[2] for row in cursor.fetchmany(5)} == {'***'}
print('every row')";
    let mut command = python();
    let dsn = format!("host=127.0.0.1 port={} dbname={} user=alice", sidegate.port, sidegate.database);
    let output = sidegate.environment(command.args(["-c", program]).env("DSN", dsn)).output().expect("it runs");
    assert!(said(&output).ends_with("every row\n"), "{}", said(&output));
}

#[test]
fn attacks_on_views_of_postgresql_15_see_masked_values_only() {
    attacked(postgres());
}

#[test]
fn attacks_on_views_of_postgresql_18_see_masked_values_only() {
    attacked(postgres18());
}

#[test]
fn a_view_that_becomes_another_is_masked_as_it_then_is() {
    let sidegate = start(postgres(), &but_definitions());
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let select = "select one, two from swapped where id = 7";
    let swapped = |one: &str, two: &str| {
        format!("create or replace view swapped as select id, {one} as one, {two} as two from customers")
    };
    let mails = |client: &mut Raw| shown(client, &query(select)).contains("D(***,customer 7)");
    let names = |client: &mut Raw| shown(client, &query(select)).contains("D(customer 7,***)");
    assert!(client.ask(&query("alter table customers alter name drop not null")).starts_with("C:ALTER TABLE"));
    for _ in 0..2 {
        // By this session, or by another one of sidegate's.
        assert_eq!(client.ask(&query(&swapped("name", "email"))), "C:CREATE VIEW Z:I");
        assert!(names(&mut client));
        let text = said(&sidegate.psql(&["-Atc", &swapped("email", "name")]));
        assert!(text.contains("CREATE VIEW"), "{text}");
        assert!(mails(&mut client));
    }
    // By nobody that sidegate sees: the next look does, and takes the definition for another one.
    postgres().sql(&sidegate.database, &swapped("name", "email"));
    assert!(
        client.ask(&query("select * from nowhere")).contains("E:42P01"),
        "a name that is not known asks for a look"
    );
    assert!(names(&mut client));
    postgres().sql(
        &sidegate.database,
        "create or replace view swapped as select id, name as one, upper(email) as two from customers",
    );
    assert!(client.ask(&query("select * from nowhere2")).contains("E:42P01"));
    assert_eq!(client.ask(&query(select)), "E:42501 Z:I");
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    assert_eq!(client.ask(&query(&swapped("email", "name"))), "C:CREATE VIEW Z:T");
    assert!(mails(&mut client), "nobody else can see it yet, and the session itself is asked");
    assert_eq!(client.ask(&query(&swapped("email", "upper(email)"))), "C:CREATE VIEW Z:T");
    assert_eq!(client.ask(&query(select)), "E:42501 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    assert_eq!(client.ask(&query(select)), "E:42501 Z:I");
}

#[test]
fn views_pass_cells_that_are_masked_on_their_way_back() {
    let keyed = POLICY.replace("{\"replace\": {\"value\": \"***\"}}", "{\"hash\": {\"key\": \"masks\"}}");
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
    let sidegate = Setup::policy(&keyed).sidegate(&keys).start();
    postgres().sql(&sidegate.database, VIEWS);
    let psql = |sql: &str| {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        assert!(!text.contains(SECRET), "{sql}: {text}");
        text.trim().to_owned()
    };
    let hash = psql("select email from customers where id = 7");
    assert_eq!(hash.len(), 64, "{hash}");
    for sql in [
        "select mail from near where id = 7",
        "select mail from contacts where id = 7",
        "select email from stored where id = 7",
        "select n.mail from near n join customers c on c.id = n.id where c.id = 7",
        "select name from odd.customers where id = 7",
    ] {
        assert_eq!(psql(sql), hash, "{sql}");
    }
    assert_eq!(
        psql("select n.mail, c.email from near n, customers c where n.id = 7 and c.id = 7"),
        format!("{hash}|{hash}")
    );
    for sql in ["select mail || 'x' from near", "select id from near where mail like 'c7%'", "select n from near n"] {
        assert!(psql(sql).contains("does more with it than show it"), "{sql}: {}", psql(sql));
    }
    assert!(psql("select email from loud").contains("`public.customers.email` to compute with"));
}
