//! What runs and what is read although no statement says so: generated columns, triggers, row security, checks, defaults,
//! indexes. Each on PostgreSQL 15 and 18.

use serde_json::{Value, json};

use crate::harness::raw::{Raw, query};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, said, until};

const MASKED: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.people.ssn\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n\n\
    mask contains {\"column\": \"public.people.phone\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if true\n\n\
    mask contains {\"column\": \"public.parts.ssn\", \"with\": {\"null\": {}}} if true\n\n\
    mask contains {\"column\": \"public.shown.ssn\", \"with\": {\"null\": {}}} if true\n\n\
    mask contains {\"column\": \"public.shown.digits\", \"with\": {\"partial\": {\"keep_last\": 1}}} if true\n";

const SECRET: &str = "987654321";

const GENERATED: &str = "create table people (id int primary key, ssn text, phone text, plain text, \
        copy text generated always as (upper(ssn)) stored, tail text generated always as (right(phone, 9)) stored, \
        kept text generated always as (lower(plain)) stored); \
    insert into people values (1, '987654321', '987654321', 'P'); \
    create view seen as select id, copy from people; \
    create table parts (id int, ssn text, copy text generated always as ('s' || ssn) stored) partition by list (id); \
    create table part1 partition of parts for values in (1); insert into parts values (1, '987654321'); \
    create table shown (ssn text, digits text generated always as ('x' || ssn) stored); \
    insert into shown values ('987654321')";

const VIRTUAL: &str = "alter table people add virt text generated always as ('v' || ssn) virtual";

fn masked(server: &'static Postgres) -> Sidegate {
    let setup = Setup::policy(MASKED).server(server).variable("UNSEEN_KEY", "0123456789abcdefghijklmnopqrstuvwxyzABCD");
    let sidegate = setup.sidegate("keys: {masks: {env: UNSEEN_KEY}}").start();
    server.sql(&sidegate.database, GENERATED);
    sidegate
}

fn nothing_is_shown(sidegate: &Sidegate, statements: &[&str]) {
    for sql in statements {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        assert!(!text.contains(SECRET) && !text.contains("7654321"), "{sql}: {text}");
    }
}

fn generated_columns_are_masked(server: &'static Postgres, virtually: bool) {
    let sidegate = masked(server);
    let mut statements = vec![
        "select copy from people",
        "select tail from people",
        "select * from people",
        "table people",
        "select p from people p",
        "select to_jsonb(p) from people p",
        "select (p).copy from people p",
        "select max(copy || 'x') from people",
        "copy people (copy) to stdout",
        "copy (select copy from people) to stdout",
        "update people set plain = copy returning plain",
        "update people set plain = 'q' returning copy",
        "delete from people where copy = '987654321' returning copy",
        "insert into people (id, ssn) values (2, '1') on conflict (id) do update set plain = people.copy returning plain",
        "select * from seen",
        "select copy from parts",
        "select copy from part1",
        "select copy from only part1",
        "create table stolen as select copy, tail from people; select * from stolen",
        "select digits from shown",
        "select copy::int from people",
        "select most_common_vals from pg_stats where attname = 'copy'",
        "explain (analyze, verbose) select copy from people where copy > '0'",
    ];
    if virtually {
        server.sql(&sidegate.database, VIRTUAL);
        statements.extend(["select virt from people", "select max(virt) from people"]);
    }
    nothing_is_shown(&sidegate, &statements);
    let shows = |sql: &str| said(&sidegate.psql(&["-Atc", sql])).trim().to_owned();
    assert_eq!(shows("select count(*) from people where copy is not null or tail is not null"), "0");
    assert_eq!(shows("select id, kept from people"), "1|p", "what is made of nothing masked is shown");
    assert_eq!(shows("select digits from shown"), "*********1", "policy says what it shows");
    assert_eq!(shows("select copy from people where copy like '%987%'"), "");
    if virtually {
        assert_eq!(shows("select virt is null from people"), "t");
    }
}

#[test]
fn what_is_generated_from_a_masked_column_is_masked_on_15() {
    generated_columns_are_masked(postgres(), false);
}

#[test]
fn what_is_generated_from_a_masked_column_is_masked_on_18() {
    generated_columns_are_masked(postgres18(), true);
}

const FORBIDS_COLUMN: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    deny contains \"nobody reads numbers\" if {\n\tsome c in input.sql.columns\n\t\
    c.relation == \"public.people\"\n\tc.name == \"ssn\"\n}\n";

fn generated_columns_use_what_they_are_made_of(server: &'static Postgres) {
    let sidegate = Setup::policy(FORBIDS_COLUMN).server(server).start();
    server.sql(&sidegate.database, GENERATED);
    for sql in [
        "select copy from people",
        "select 1 from people where copy = 'A'",
        "select * from seen",
        "select id from people order by copy",
        "update people set plain = copy",
        "copy people (id, copy) to stdout",
    ] {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        assert!(text.contains("nobody reads numbers"), "{sql}: {text}");
    }
    assert_eq!(said(&sidegate.psql(&["-Atc", "select tail, kept from people"])), "987654321|p\n");
    let event = sidegate.event_of("select 1 from people where copy = 'A'");
    let columns = event["input"]["sql"]["columns"].as_array().expect("a list").clone();
    let ssn = columns.iter().find(|column| column["name"] == "ssn").expect("it is used");
    assert_eq!(ssn["uses"], json!(["predicate"]));
}

#[test]
fn a_generated_column_uses_what_it_is_made_of_on_15() {
    generated_columns_use_what_they_are_made_of(postgres());
}

#[test]
fn a_generated_column_uses_what_it_is_made_of_on_18() {
    generated_columns_use_what_they_are_made_of(postgres18());
}

/// Only functions that are known, whatever the statement is.
const KNOWN: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    deny contains \"payroll is nobody's business\" if sql.touches({\"public.payroll\"})\n\nallow contains \"reads and writes\" if {\n\t\
    count({e | some e in input.sql.effects} - {\"read\", \"write\", \"copy_in\", \"session\", \"transaction\"}) == 0\n\tcount(strange) == 0\n}\n\n\
    strange contains f.id if {\n\tsome f in input.sql.functions\n\tnot f.builtin\n}\n";

const RUNS: &str = "create function note() returns trigger language plpgsql security definer as \
        'begin insert into payroll values (999, 1) on conflict do nothing; return new; end'; \
    create function sees(int) returns bool language sql stable as 'select exists (select from payroll where id = $1)'; \
    create function draws() returns int language sql volatile as 'select 1'; \
    create function small(int) returns bool language plpgsql immutable as 'begin return $1 < 1000000; end'; \
    create table noted (id serial primary key, at timestamptz default now(), name text default 'x'); \
    create trigger note after insert on noted for each row execute function note(); \
    create table hidden (id int, owner text default current_user); alter table hidden enable row level security; \
    create policy some_rows on hidden for select using (sees(id)); \
    create table drawn (id int default draws(), v int); create table tested (id int check (small(id))); \
    create table keyed (id int); create index on keyed (small(id)); \
    create domain little as int check (small(value)); create table littles (id little, more little[]); \
    create view through as select id, name from noted; \
    create table split (id int, name text) partition by list (id); create table split1 partition of split for values in (1); \
    create trigger note after insert on split1 for each row execute function note(); \
    create table plain (id bigserial primary key, key uuid default gen_random_uuid(), at timestamptz default now(), \
        day date default current_date, who text default current_user, n int check (n > 0 and n < 100), \
        name text not null default lower('X'), doubled text generated always as (upper(name)) stored); \
    create unique index on plain (lower(name), id); \
    create table tenants (id int, tenant text); alter table tenants enable row level security; \
    alter table tenants force row level security; create policy own on tenants using (tenant = current_setting('a.b', true))";

fn functions(sidegate: &Sidegate, sql: &str) -> Vec<(String, Value)> {
    let event = sidegate.event_of(sql);
    let functions = event["input"]["sql"]["functions"].as_array().expect("a list").clone();
    functions.iter().map(|f| (f["id"].as_str().expect("an id").to_owned(), f["called_by"].clone())).collect()
}

fn what_runs_unasked_is_told(server: &'static Postgres) {
    let sidegate = Setup::policy(KNOWN).server(server).start();
    server.sql(&sidegate.database, RUNS);
    let is = |id: &str, by: &str| vec![(id.to_owned(), json!([by]))];
    for (sql, id, by) in [
        ("insert into noted (name) values ('a')", "public.note", "trigger"),
        ("insert into through (name) values ('a')", "public.note", "trigger"),
        ("copy noted (name) from stdin", "public.note", "trigger"),
        (
            "merge into noted n using (values (5)) v(i) on n.id = v.i when not matched then insert values (v.i)",
            "public.note",
            "trigger",
        ),
        ("insert into split values (1, 'a')", "public.note", "trigger"),
        ("update split set id = 1", "public.note", "trigger"),
        ("select * from hidden", "public.sees", "row_security"),
        ("delete from hidden", "public.sees", "row_security"),
        ("copy hidden to stdout", "public.sees", "row_security"),
        ("insert into drawn (v) values (1)", "public.draws", "default"),
        ("insert into tested values (1)", "public.small", "check"),
        ("insert into keyed values (1)", "public.small", "index"),
        ("insert into littles values (1)", "public.small", "check"),
        ("insert into littles (more) values ('{1}')", "public.small", "check"),
    ] {
        let text = said(&sidegate.psql(&["-Atc", sql]));
        assert!(text.contains("denied by policy"), "{sql}: {text}");
        assert_eq!(functions(&sidegate, sql), is(id, by), "{sql}");
    }
    assert_eq!(server.sql(&sidegate.database, "select count(*) from payroll where id = 999"), "0");
    let event = sidegate.event_of("insert into noted (name) values ('a')");
    let function = &event["input"]["sql"]["functions"][0];
    assert_eq!((&function["security_definer"], &function["volatility"]), (&json!(true), &json!("volatile")));
    assert_eq!(event["input"]["sql"]["effects"], json!(["write"]), "a trigger by itself is no effect");
    let drawn = sidegate.event_of("insert into drawn (v) values (1)");
    assert_eq!(drawn["input"]["sql"]["effects"], json!(["procedure", "write"]));
    for sql in [
        "select * from noted",
        "update noted set name = 'b'",
        "delete from noted where id = 7",
        "select count(*) from split",
        "delete from drawn",
        "select * from littles",
        "insert into plain (n) values (1)",
        "insert into plain (n, name) values (2, 'b') returning id, doubled",
        "update plain set name = 'c', n = default where n = 1",
        "select * from tenants",
        "insert into tenants values (1, 'x')",
        "insert into orders values (5000, 1, 1)",
        "truncate noted",
    ] {
        let output = sidegate.psql(&["-Atc", sql]);
        assert!(!said(&output).contains("denied by policy"), "{sql}: {}", said(&output));
    }
    server.sql(&sidegate.database, "alter table payroll add column of_customer int references customers");
    until("the catalog", || {
        let cascades = said(&sidegate.psql(&["-Atc", "truncate customers cascade"]));
        cascades.contains("payroll is nobody's business").then_some(())
    });
}

#[test]
fn what_runs_unasked_is_told_on_15() {
    what_runs_unasked_is_told(postgres());
}

#[test]
fn what_runs_unasked_is_told_on_18() {
    what_runs_unasked_is_told(postgres18());
    let sidegate = Setup::policy(KNOWN).server(postgres18()).start();
    postgres18().sql(&sidegate.database, "create table modern (id uuid default uuidv7(), n int)");
    let output = sidegate.psql(&["-Atc", "insert into modern (n) values (1)"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn triggers_of_other_tables_do_not_disturb_masks() {
    let sidegate = masked(postgres());
    postgres().sql(&sidegate.database, RUNS);
    let mut raw = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(raw.ask(&query("insert into noted (name) values ('a')")), "C:INSERT 0 1 Z:I");
    assert_eq!(raw.ask(&query("select kept from people")), "T D C:SELECT 1 Z:I");
}
