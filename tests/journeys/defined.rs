//! What a session has defined itself, in the transaction that has defined it and before anybody else can see it, while
//! masks hold: migrations do so, and so do attackers.

use crate::harness::raw::{Raw, bind, execute, message, parse, query, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, python, said};
use crate::views::shown;

/// Nobody sees an e-mail address.
const POLICY: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

/// The same, but for whoever defines something.
fn but_definitions() -> String {
    POLICY.replacen("}}} if true", "}}} if not \"ddl\" in input.sql.effects", 1)
}

const VIEWS: &str = "
    create view contacts as select id, name, email as mail from customers;
    create view wages as select id, salary from payroll;
    create function touch() returns trigger language plpgsql as 'begin new.total := 7; return new; end'
";

/// Statements of one transaction, each with what shows that it was answered.
type Story = &'static [(&'static str, &'static str)];

/// What migrations do.
const USES: &[Story] = &[
    &[
        ("create table x (id serial primary key, note text default 'n')", "CREATE TABLE"),
        ("insert into x (note) values ('a'), (default)", "INSERT 0 2"),
        ("select * from x where id = 1", "D(1,a)"),
        ("update x set note = note || 'b' where id = 1 returning note", "D(ab)"),
        ("alter table x add column more int not null default 3", "ALTER TABLE"),
        ("select note, more from x order by id", "D(ab,3)D(n,3)"),
        ("copy x (note) to stdout", "COPY 2"),
        ("drop table x", "DROP TABLE"),
        ("select total from orders where id = 1", "D(1.5)"),
    ],
    &[
        ("create table x as select id, email from customers", "SELECT 100"),
        ("alter table x rename email to mail", "ALTER TABLE"),
        ("select mail from x where id = 7", "D(***)"),
    ],
    &[
        ("alter table orders add column note text", "ALTER TABLE"),
        ("select id, note from orders where id = 1", "D(1,)"),
        ("update orders set note = 'a'", "UPDATE 1000"),
        ("alter table orders alter note set not null", "ALTER TABLE"),
        ("create index on orders (note)", "CREATE INDEX"),
        ("select * from orders where id = 1", "D(1,2,1.5,a)"),
        ("select o.note, c.email from orders o join customers c on c.id = o.customer_id where o.id = 1", "D(a,***)"),
        ("update orders o set note = c.email from customers c where c.id = o.customer_id", "UPDATE 1000"),
        ("select distinct note from orders", "D(***)"),
    ],
    &[
        ("alter table orders rename total to amount", "ALTER TABLE"),
        ("alter table orders alter amount type text", "ALTER TABLE"),
        ("alter table orders drop column customer_id", "ALTER TABLE"),
        ("select * from orders where id = 2", "D(2,3.0)"),
    ],
    &[
        ("alter table payroll rename to paid", "ALTER TABLE"),
        ("select salary from paid where id = 1", "D(1000)"),
        ("select salary from wages where id = 1", "D(1000)"),
        ("create view more as select id, salary * 2 as twice from paid", "CREATE VIEW"),
        ("select twice from more where id = 1", "D(2000)"),
    ],
    &[
        ("drop view wages", "DROP VIEW"),
        ("drop table payroll", "DROP TABLE"),
        ("create table payroll (id int, pay numeric, check (pay > 0))", "CREATE TABLE"),
        ("insert into payroll values (1, 2)", "INSERT 0 1"),
        ("alter table payroll add foreign key (id) references orders", "ALTER TABLE"),
        ("select pay from payroll join orders using (id)", "D(2)"),
    ],
    &[
        ("savepoint a", "SAVEPOINT"),
        ("alter table orders add column note text", "ALTER TABLE"),
        ("select note from orders where id = 1", "D()"),
        ("rollback to a", "ROLLBACK"),
        ("select * from orders where id = 1", "D(1,2,1.5)"),
        ("select note from orders where id = 1", "42703"),
    ],
    &[
        ("create schema hr", "CREATE SCHEMA"),
        ("create type hr.mood as enum ('sad', 'glad')", "CREATE TYPE"),
        ("create table hr.people (id int primary key, mood hr.mood)", "CREATE TABLE"),
        ("insert into hr.people values (1, 'glad')", "INSERT 0 1"),
        ("alter table hr.people add column boss int references hr.people on delete cascade", "ALTER TABLE"),
        ("update hr.people set boss = 1", "UPDATE 1"),
        ("select mood, boss from hr.people", "D(glad,1)"),
        ("delete from hr.people", "DELETE 1"),
    ],
    &[
        ("create temp table y (id int)", "CREATE TABLE"),
        ("alter table orders add column note text", "ALTER TABLE"),
        ("insert into y select id from orders where note is null and id < 3", "INSERT 0 2"),
        ("select count(*) from y", "D(2)"),
    ],
    &[
        ("create table days (day date, n int) partition by range (day)", "CREATE TABLE"),
        ("create table june partition of days for values from ('2026-06-01') to ('2026-07-01')", "CREATE TABLE"),
        ("insert into days values ('2026-06-02', 1)", "INSERT 0 1"),
        ("select n from june", "D(1)"),
        ("select n from days", "D(1)"),
    ],
];

/// A transaction that began to see before others have defined something sees the catalogs as they were, and names as they
/// are: there nobody is believed.
const UNCERTAIN: Story = &[
    ("set transaction isolation level repeatable read", "SET"),
    ("alter table orders add column note text", "ALTER TABLE"),
    ("select note from orders where id = 1", "42501"),
];

/// What attackers do who may define what they like, and see no addresses all the same.
const ATTACKS: &[Story] = &[
    &[
        ("alter table customers rename email to mail", "ALTER TABLE"),
        ("select mail from customers where id = 7", "42501"),
    ],
    &[("alter table customers rename email to mail", "ALTER TABLE"), ("select * from customers where id = 7", "42501")],
    &[("alter table customers rename email to mail", "ALTER TABLE"), ("select c from customers c", "42501")],
    &[("alter table customers rename email to mail", "ALTER TABLE"), ("select mail from contacts", "42501")],
    &[
        ("alter table customers rename to old", "ALTER TABLE"),
        ("alter table payroll rename to customers", "ALTER TABLE"),
        ("select email from old where id = 7", "42501"),
    ],
    &[
        ("create table fresh (id int, name text, email text)", "CREATE TABLE"),
        ("alter table customers rename to old", "ALTER TABLE"),
        ("alter table fresh rename to customers", "ALTER TABLE"),
        ("select to_jsonb(o) from old o where id = 7", "42501"),
    ],
    &[
        ("alter table customers rename to old", "ALTER TABLE"),
        ("create view customers as select id, email as name, name as email from old", "CREATE VIEW"),
        ("select name from customers where id = 7", "42501"),
    ],
    &[
        ("create schema s", "CREATE SCHEMA"),
        ("alter table customers set schema s", "ALTER TABLE"),
        ("select email from s.customers where id = 7", "42501"),
    ],
    &[
        ("alter schema public rename to p", "ALTER SCHEMA"),
        ("create schema public", "CREATE SCHEMA"),
        ("select email from p.customers where id = 7", "42501"),
    ],
    &[
        ("drop view contacts", "DROP VIEW"),
        ("alter table customers alter name type text using email", "ALTER TABLE"),
        ("select name from customers where id = 7", "42501"),
    ],
    &[
        ("alter table customers add column copy text generated always as (email) stored", "ALTER TABLE"),
        ("alter table customers alter copy drop expression", "ALTER TABLE"),
        ("select copy from customers where id = 7", "42501"),
    ],
    &[
        ("create table above (id int, name text, email text)", "CREATE TABLE"),
        ("alter table customers inherit above", "ALTER TABLE"),
        ("select email from above where id = 7", "42501"),
    ],
    &[
        (
            "create table parts (id int not null, name text not null, email text) partition by range (id)",
            "CREATE TABLE",
        ),
        ("alter table parts attach partition customers for values from (0) to (1000)", "ALTER TABLE"),
        ("select email from parts where id = 7", "42501"),
    ],
    &[
        ("create table below (extra int) inherits (customers)", "CREATE TABLE"),
        ("insert into below values (700, 'n', 'c700@example.com', 1)", "42501"),
    ],
    &[
        ("create view v as select id, email as e from customers", "CREATE VIEW"),
        ("select e from v where id = 7", "D(***)"),
        ("select count(*) from v where e like 'c7@%'", "D(0)"),
        ("create view w as select e as f from v", "CREATE VIEW"),
        ("select f, w from w limit 1", "D(***,(***))"),
        ("create or replace view v as select id, upper(email) as e from customers", "CREATE VIEW"),
        ("select e from v where id = 7", "42501"),
    ],
    &[
        ("create or replace view contacts as select id, email as name, name as mail from customers", "CREATE VIEW"),
        ("select name, mail from contacts where id = 7", "D(***,customer 7)"),
        ("alter view contacts rename name to nobody", "ALTER VIEW"),
        ("select nobody from contacts where id = 7", "D(***)"),
        ("drop view contacts", "DROP VIEW"),
        ("create view contacts as select id, name from customers where email like 'c7%'", "CREATE VIEW"),
        ("select count(*) from contacts", "42501"),
    ],
    &[
        ("create materialized view m as select id, email as e from customers", "SELECT 100"),
        ("select e from m where id = 7", "D(***)"),
        ("alter materialized view m rename e to f", "ALTER MATERIALIZED VIEW"),
        ("select f from m where id = 7", "D(***)"),
    ],
    &[
        ("create function f(int) returns text language sql as 'select email from customers where id = $1'", "CREATE"),
        ("select f(7)", "42501"),
    ],
    &[
        ("create function f(int) returns text language sql as 'select email from customers where id = $1'", "CREATE"),
        ("create view v as select f(7)", "CREATE VIEW"),
        ("select * from v", "42501"),
    ],
    &[
        ("create table t (id int, note text)", "CREATE TABLE"),
        ("create rule r as on insert to t do also select email from customers", "CREATE RULE"),
        ("insert into t values (7, 'x')", "42501"),
    ],
    &[
        ("savepoint a", "SAVEPOINT"),
        ("alter table customers rename email to mail", "ALTER TABLE"),
        ("rollback to a", "ROLLBACK"),
        ("select email from customers where id = 7", "42501"),
    ],
    &[
        ("alter table orders add column note text", "ALTER TABLE"),
        ("prepare p as select note from orders where id = 1", "PREPARE"),
        ("execute p", "D()"),
        ("alter table orders rename to gone", "ALTER TABLE"),
        ("create view orders as select id, email as note from customers", "CREATE VIEW"),
        ("execute p", "42501"),
    ],
    &[("alter table customers rename to old", "ALTER TABLE"), ("copy old to stdout", "42501")],
];

/// How a story's statements are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Simple,
    Extended,
}

fn tell(client: &mut Raw, way: Way, sql: &str) -> String {
    match way {
        Way::Simple => shown(client, &query(sql)),
        Way::Extended => {
            let messages = [parse("", sql), bind("", "", &[]), message('D', b"P\0"), execute("", 0), sync()];
            shown(client, &messages.concat())
        }
    }
}

/// Tells every story in both protocols, and takes all of it back.
fn told(sidegate: &Sidegate, stories: &[Story]) {
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut wrong = Vec::new();
    for story in stories {
        for way in [Way::Simple, Way::Extended] {
            client.ask(&query("begin"));
            for (sql, expected) in *story {
                let answer = tell(&mut client, way, sql);
                if !answer.contains(expected) {
                    wrong.push(format!("{way:?} {sql}\n    {answer}"));
                }
                if answer.contains("E:") {
                    break;
                }
            }
            client.ask(&query("rollback"));
            client.ask(&query("deallocate all"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn start(server: &'static Postgres, policy: &str) -> Sidegate {
    let sidegate = Setup::policy(policy).server(server).start();
    server.sql(&sidegate.database, VIEWS);
    sidegate
}

#[test]
fn what_a_session_defines_it_can_use_at_once_on_15() {
    told(&start(postgres(), POLICY), USES);
}

#[test]
fn what_a_session_defines_it_can_use_at_once_on_18() {
    told(&start(postgres18(), POLICY), USES);
}

fn attacked(server: &'static Postgres) {
    let sidegate = start(server, &but_definitions());
    told(&sidegate, ATTACKS);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    // A text that ends the transaction goes on without what was defined in it.
    for end in ["rollback", "savepoint a; rollback to a", "commit", "rollback to b"] {
        for (sql, told) in [
            ("begin", "BEGIN"),
            ("savepoint b", "SAVEPOINT"),
            ("create or replace view contacts as select id, name, name as mail from customers", "CREATE VIEW"),
            ("select mail from contacts where id = 7", "D(customer 7)"),
        ] {
            let answer = shown(&mut client, &query(sql));
            assert!(answer.contains(told), "{sql}: {answer}");
        }
        let answer = shown(&mut client, &query(&format!("{end}; select mail from contacts where id = 7")));
        assert!(answer.contains("E:42501"), "{end}: {answer}");
        client.ask(&query("rollback"));
    }
}

#[test]
fn what_a_session_defines_shows_nothing_masked_on_15() {
    attacked(postgres());
}

#[test]
fn what_a_session_defines_shows_nothing_masked_on_18() {
    attacked(postgres18());
}

fn in_other_ways(server: &'static Postgres) {
    let sidegate = start(server, POLICY);
    told(&sidegate, &[UNCERTAIN]);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    // All of it in one exchange: sidegate waits for what was sent before, and puts its question in the midst.
    let run = |sql| [parse("", sql), bind("", "", &[]), execute("", 0)].concat();
    let statements =
        ["begin", "alter table orders add column note text default 'new'", "select note from orders limit 1"];
    let answer = shown(&mut client, &[statements.map(run).concat(), sync()].concat());
    assert!(answer.contains("D(new)") && answer.contains("Z:T"), "{answer}");
    // What was prepared in it means what it meant, and nothing once it is taken back.
    client.send(&[parse("kept", "select note from orders where id = $1"), sync()].concat());
    client.until_ready();
    for _ in 0..2 {
        let answer = shown(&mut client, &[bind("", "kept", &["1"]), execute("", 0), sync()].concat());
        assert!(answer.contains("D(new)"), "{answer}");
    }
    client.ask(&query("rollback"));
    let answer = shown(&mut client, &[bind("", "kept", &["1"]), execute("", 0), sync()].concat());
    assert!(answer.contains("E:42"), "{answer}");
    // Once it is there for all, nobody is asked.
    for (sql, told) in [
        ("begin", "BEGIN"),
        ("alter table orders add column note text default 'new'", "ALTER TABLE"),
        ("select note from orders limit 1", "D(new)"),
        ("commit", "COMMIT"),
        ("select note from orders limit 1", "D(new)"),
        ("select 1/0", "22012"),
        ("select note from orders limit 1", "D(new)"),
    ] {
        let answer = shown(&mut client, &query(sql));
        assert!(answer.contains(told), "{sql}: {answer}");
    }
}

#[test]
fn what_a_session_defines_is_known_in_pipelines_and_no_longer_than_it_is_there_on_15() {
    in_other_ways(postgres());
}

#[test]
fn what_a_session_defines_is_known_in_pipelines_and_no_longer_than_it_is_there_on_18() {
    in_other_ways(postgres18());
}

#[test]
fn a_question_that_fails_leaves_the_transaction_as_it_was() {
    let server = postgres();
    let sidegate = start(server, POLICY);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut other = Raw::open(sidegate.port, &sidegate.database);
    // The texts of views cannot be read: those that show addresses are refused.
    for (sql, told) in [("begin", "BEGIN"), ("lock table contacts in access exclusive mode", "LOCK TABLE")] {
        let answer = shown(&mut other, &query(sql));
        assert!(answer.contains(told), "{sql}: {answer}");
    }
    for (sql, told) in [
        ("begin", "BEGIN"),
        ("insert into payroll values (77, 7)", "INSERT 0 1"),
        ("declare c cursor for select id from orders order by id", "DECLARE"),
        ("fetch c", "D(1)"),
        ("alter table payroll add column note text", "ALTER TABLE"),
        ("select id, note from payroll where id = 77", "D(77,)"),
        ("fetch c", "D(2)"),
        ("show lock_timeout", "D(0)"),
        ("select mail from contacts", "42501"),
    ] {
        let answer = shown(&mut client, &query(sql));
        assert!(answer.contains(told), "{sql}: {answer}");
    }
    client.ask(&query("rollback"));
    // Too much to be read whole: as if nobody had asked.
    let many = "do $$ begin for n in 1..4000 loop execute format('create table many%s (id int, a int, b int, c int, \
                d int, e int, f int, g int, h int, i int, j int, k int)', n); end loop; end $$";
    shown(&mut other, &query("rollback"));
    server.sql(&sidegate.database, many);
    shown(&mut client, &query("select id from many1"));
    for (sql, told) in [
        ("begin", "BEGIN"),
        ("alter table payroll add column note text", "ALTER TABLE"),
        ("select salary from payroll where id = 1", "42501"),
    ] {
        let answer = shown(&mut client, &query(sql));
        assert!(answer.contains(told), "{sql}: {answer}");
    }
}

#[test]
fn django_adds_a_column_and_fills_it_in_one_migration() {
    for server in [postgres(), postgres18()] {
        let sidegate = start(server, POLICY);
        let mut program = python();
        program.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/django_migration.py"));
        let output = said(&sidegate.environment(&mut program).output().expect("python runs"));
        assert_eq!(output, "filled ['Title 0', 'Title 1', 'Title 2'] ***\n");
    }
}

#[test]
fn djangos_text_that_fills_a_column_and_looks_at_keys_runs_behind_its_own_definition() {
    let sidegate = Setup::policy(POLICY).start();
    let mut raw = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(
        raw.ask(&query("begin; alter table orders alter column total set default 42")),
        "C:BEGIN C:ALTER TABLE Z:T"
    );
    let fills = "update orders set total = 42 where total is null; set constraints all immediate";
    assert_eq!(raw.ask(&query(fills)), "C:UPDATE 0 C:SET CONSTRAINTS Z:T");
    assert_eq!(raw.ask(&query("select count(*) from orders where total = 42")), "T D C:SELECT 1 Z:T");
    assert_eq!(raw.ask(&query("alter table orders alter column total set not null")), "C:ALTER TABLE Z:T");
    assert_eq!(raw.ask(&query("commit")), "C:COMMIT Z:I");
}
