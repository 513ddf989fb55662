//! Statements that sqlparser does not read: what real servers take passes where policy allows it, and hides nothing where
//! it does not. Each on PostgreSQL 15 and 18.

use crate::harness::raw::{Raw, message, query};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, said, until};

/// Definitions and changes of what is the client's own, of which all is known.
const NARROW: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    own := {\"public.mine\", \"public.lent\"}\n\n\
    allow contains \"own tables\" if {\n\
    \tevery effect in input.sql.effects {\n\t\teffect in {\"read\", \"write\", \"copy_in\", \"ddl\"}\n\t}\n\
    \tsql.only_touches(own)\n\
    \tevery f in input.sql.functions {\n\t\tf.builtin\n\t}\n}\n";

const MASKED: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.vault.content\", \"with\": {\"null\": {}}} if true\n";

const TABLES: &str = "create table mine (id int primary key, a int, b text); create table lent (id int, c text); \
    create table vault (id int, content text); insert into vault values (1, 'hidden 4711'); \
    create function code() returns trigger language plpgsql as 'begin return new; end'; \
    create trigger told before update on mine for each row execute function code(); create domain few as int";

fn start(server: &'static Postgres, setup: Setup) -> Sidegate {
    let sidegate = setup.server(server).start();
    server.sql(&sidegate.database, TABLES);
    sidegate
}

fn answer(sidegate: &Sidegate, sql: &str) -> String {
    said(&sidegate.psql(&["-Atc", sql]))
}

/// What every version takes, with its command tag.
const FORMS: &[(&str, &str)] = &[
    ("analyze mine, lent (c)", "ANALYZE"),
    ("vacuum (analyze) mine, lent", "VACUUM"),
    ("alter table lent add constraint one exclude using btree (id with =) where (id > 0)", "ALTER TABLE"),
    (
        "create function adds(x int) returns int begin atomic select case when x > 0 then x + 1 end; end",
        "CREATE FUNCTION",
    ),
    (
        "create procedure puts(x int) language sql begin atomic insert into lent values (x, 'c'); end",
        "CREATE PROCEDURE",
    ),
    ("alter trigger told on mine rename to asked", "ALTER TRIGGER"),
    ("alter domain few add constraint positive check (value > 0) not valid", "ALTER DOMAIN"),
    ("alter domain few set default 5", "ALTER DOMAIN"),
    (
        "merge into lent using mine m join vault s on m.id = s.id on lent.id = m.id \
         when not matched then insert values (m.id, s.content)",
        "MERGE 0",
    ),
    ("select count(*) from mine group by grouping sets (grouping sets ((a), (b)), cube (a, b))", "0"),
    (
        "create table likely (x int, like mine including all, y int generated always as identity (start with 3 increment by 2))",
        "CREATE TABLE",
    ),
    ("alter index if exists likely_pkey rename to likely_key", "ALTER INDEX"),
    ("create publication told for table mine where (id > 5)", "CREATE PUBLICATION"),
    ("create view seen with (security_barrier) as select id from mine", "CREATE VIEW"),
    ("alter view seen alter column id set default 7", "ALTER VIEW"),
    ("create rule put as on insert to seen do instead insert into mine values (new.id)", "CREATE RULE"),
    ("create text search configuration words (copy = simple)", "CREATE TEXT SEARCH CONFIGURATION"),
    (
        "alter text search configuration words alter mapping for word, asciiword with simple",
        "ALTER TEXT SEARCH CONFIGURATION",
    ),
    ("create statistics pairs on (a + 1), id from mine", "CREATE STATISTICS"),
    ("select id from mine * where id > 5", ""),
    ("drop database if exists nobody_has_this with (force)", "DROP DATABASE"),
    ("select 'a\u{b}\u{1f}' || $$\u{3}$$ = e'a\\x0b\\x1f\\x03'", "t"),
    ("select id from mine for update", ""),
    ("explain (select id from mine) union ((select 1) union all select 2)", "cost="),
    ("explain analyze (select 1) union all (select 2)", "Append"),
    ("select 1 for no key update", "1"),
    ("begin; declare c cursor for select 1 for update; fetch c; commit", "1"),
    ("select id from mine where b ^@ any (array['x']) or b || 'x' ~~ any (array['y'])", ""),
    (
        "select ((select 1) union select 1) + (values (2)), 5 <> all (values (2), (3)), 2 in ((select 1), (select 2))",
        "3|t|t",
    ),
    ("select '{b,a}'::text[] collate \"C\", lent.*::text from lent", ""),
    ("create unique index on lent ((c::text collate \"C\") text_pattern_ops)", "CREATE INDEX"),
    ("create unique index on lent (c collate \"C\")", "CREATE INDEX"),
    ("insert into lent values (1, 'c') on conflict (c collate \"C\") do nothing", "INSERT 0 1"),
    ("set role to default", "SET"),
    ("begin; set local session authorization default; commit", "SET"),
    ("set xml option content", "SET"),
    ("reset time zone", "RESET"),
    (
        "with recursive s(f) as (select 1 union all select 1 from s) cycle f set again to true default false using path \
         select count(*) from s",
        "2",
    ),
    ("alter table lent alter id set statistics 100, add d int generated by default as identity", "ALTER TABLE"),
    ("alter table lent alter d drop identity, alter d drop not null, alter c set storage plain", "ALTER TABLE"),
    ("create table parts (a int not null, b text) partition by list (a int4_ops)", "CREATE TABLE"),
    (
        "create table part partition of parts (a with options default 3, b not null default 'x', \
         constraint k primary key (a)) for values in (3)",
        "CREATE TABLE",
    ),
    ("create function mode(input in int, result out int) language sql as 'select input'", "CREATE FUNCTION"),
    ("create recursive view counted (n) as values (1) union all select n + 1 from counted where n < 3", "CREATE VIEW"),
    ("select sum(n) from counted", "6"),
    ("create domain fewer as few", "CREATE DOMAIN"),
    ("drop domain fewer, few", "DROP DOMAIN"),
    ("create materialized view kept as select id from mine", "SELECT 0"),
    ("alter materialized view kept alter id set statistics 10, set (fillfactor = 50)", "ALTER MATERIALIZED VIEW"),
];

/// What applications write, whatever is masked elsewhere.
const ORDINARY: &[(&str, &str)] = &[
    ("select count(*) from mine* x join lent * as y on x.id = y.id", "0"),
    (
        "select count(*) from mine x where exists (select from lent* y where y.id = x.id) and x.a is distinct from 2 * x.id",
        "0",
    ),
    ("select count(*) from mine tablesample bernoulli (10) repeatable (1+1)", "0"),
    ("update mine* x set a = 2 * a where x.id = 1", "UPDATE 0"),
    ("grant all (id, a) on mine to current_user", "GRANT"),
    ("revoke all privileges (a) on mine from current_user", "REVOKE"),
    ("create table days (d date not null) partition by range (d)", "CREATE TABLE"),
    ("create table day (d date not null)", "CREATE TABLE"),
    (
        "alter table days attach partition day for values from ('2020-01-01'::date) to ('2021-01-01'::date)",
        "ALTER TABLE",
    ),
];

const FORMS_OF_18: &[(&str, &str)] = &[
    ("create table spans (id int4range, at daterange, primary key (id, at without overlaps))", "CREATE TABLE"),
    (
        "create table within (id int4range, at daterange, foreign key (id, period at) references spans (id, period at))",
        "CREATE TABLE",
    ),
    (
        "create table twice (a int, b int generated always as (a * 2) virtual, c int generated always as (a), not null a)",
        "CREATE TABLE",
    ),
    ("alter table twice alter b set expression as (a * 3)", "ALTER TABLE"),
    ("alter table twice add constraint few check (a > 0) not enforced", "ALTER TABLE"),
    ("select (timestamp '2026-01-01' at local) is null", "f"),
    ("grant select, maintain on mine to current_user", "GRANT"),
    ("create table few_are (a int unique nulls not distinct, b int not null no inherit)", "CREATE TABLE"),
];

fn forms_pass(server: &'static Postgres, forms: &[(&str, &str)]) {
    let sidegate = start(server, Setup::open());
    for (sql, told) in forms {
        let text = answer(&sidegate, sql);
        assert!(text.contains(told) && !text.contains("ERROR"), "{sql}: {text}");
    }
    assert_eq!(server.sql(&sidegate.database, "select count(*) from pg_class where relname = 'vault'"), "1");
}

#[test]
fn forms_that_sqlparser_does_not_know_pass_on_15() {
    forms_pass(postgres(), &[FORMS, ORDINARY].concat());
}

#[test]
fn forms_that_sqlparser_does_not_know_pass_on_18() {
    forms_pass(postgres18(), &[FORMS, ORDINARY, FORMS_OF_18].concat());
}

/// What a client that may change its own tables tries, to see or run more.
const ATTACKS: &[&str] = &[
    "copy mine from stdin where b = pg_read_file('/etc/hosts')",
    "copy mine from stdin where id in (select id from vault)",
    "copy mine from stdin where lent()",
    "create function f() returns int begin atomic select 1; end; select content from vault",
    "create procedure p() language sql begin atomic delete from vault; end; call p()",
    "merge into mine using lent l join vault s on true on mine.id = l.id when not matched then insert values (1, 2, s.content)",
    "alter table lent add constraint c exclude using btree (lower(pg_read_file('/etc/hosts')) with =)",
    "alter table mine add column d text generated always as (pg_read_file('/etc/hosts')) stored",
    "create rule r as on insert to mine do also insert into lent select id, content from vault",
    "create table t (x int, like vault)",
    "create foreign table f (a text) server s options (program 'id')",
    "alter system set archive_command = 'id'",
    "alter domain few add check (pg_read_file('/etc/hosts') = '')",
    "create publication told for all tables",
    "select count(*) from mine group by grouping sets (grouping sets ((a), (pg_read_file('/etc/hosts'))))",
    "analyze mine, vault",
    "do $$ begin delete from vault; end $$",
    "select b from mine where b % any (select content from vault)",
    "select ((select 1) union select length(content) from vault)",
    "select 1 where 2 <> all (values ((select max(id) from vault)))",
    "select id in ((select 1), (select id from vault)) from mine",
    "select vault.*::text from vault",
    "alter table lent alter c set statistics 5, add d text default pg_read_file('/etc/hosts')",
    "create recursive view v (n) as select content from vault union select n from v",
    "select x.content from vault* x",
    "select (select from vault* x) is null",
    "select count(*) from mine* x tablesample bernoulli ((select length(content) from vault)) repeatable (1+1)",
    "select count(*) from mine tablesample bernoulli (10) repeatable (1+(select length(content) from vault))",
    "grant all (content) on vault to public",
    "alter table mine attach partition vault for values in ('a'::text)",
    "create table p partition of vault (content default 'x') for values in (1)",
];

fn forms_hide_nothing(server: &'static Postgres) {
    let sidegate = start(server, Setup::policy(NARROW));
    until("the catalog", || answer(&sidegate, "select count(*) from mine").contains('0').then_some(()));
    for sql in ATTACKS {
        let text = answer(&sidegate, sql);
        assert!(text.contains("sidegate") || text.contains("ERROR"), "{sql}: {text}");
        assert!(!text.contains("4711") && !text.contains("localhost"), "{sql}: {text}");
        assert_ne!(sidegate.event_of(sql)["result"]["allow"], serde_json::json!(true), "{sql}: {text}");
    }
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    client.send(&query("copy mine (id, a) from stdin with (format text) where id > 1 and mine.a = 2"));
    client.send(&[message('d', b"1\t2\n2\t2\n3\t3\n"), message('c', b"")].concat());
    let answered = client.answer();
    let tags: Vec<String> = answered
        .iter()
        .filter(|one| one.tag == 'C')
        .map(|one| String::from_utf8_lossy(&one.body).into_owned())
        .collect();
    assert!(tags.iter().any(|tag| tag.starts_with("COPY 1")), "{answered:?}");
    assert_eq!(server.sql(&sidegate.database, "select count(*) from vault, mine"), "1");
}

#[test]
fn forms_that_sqlparser_does_not_know_hide_nothing_on_15() {
    forms_hide_nothing(postgres());
}

#[test]
fn forms_that_sqlparser_does_not_know_hide_nothing_on_18() {
    forms_hide_nothing(postgres18());
}

fn masks_are_not_passed_by(server: &'static Postgres) {
    let sidegate = start(server, Setup::policy(MASKED));
    until("the catalog", || answer(&sidegate, "select count(*) from vault").contains('1').then_some(()));
    for sql in [
        "create rule r as on insert to mine do also insert into lent select id, content from vault",
        "create rule r as on insert to vault do also insert into lent values (new.id, new.content)",
        "alter table vault add column other text generated always as (content) stored",
        "create publication told for table vault where (content > 'h')",
        "create statistics pairs on (lower(content)), id from vault",
        "create subscription s connection 'dbname=x' publication p",
        "create user mapping for current_user server s",
        "create index on vault ((content::text collate \"C\"))",
        "create recursive view v (n) as select content from vault union select n from v",
    ] {
        let text = answer(&sidegate, sql);
        assert!(text.contains("masked columns") && !text.contains("4711"), "{sql}: {text}");
    }
    for (sql, told) in ORDINARY {
        let text = answer(&sidegate, sql);
        assert!(text.contains(told) && !text.contains("ERROR"), "{sql}: {text}");
    }
    for (sql, told) in [
        ("select id, content is null from vault* x", "1|t\n"),
        ("select count(content) from vault tablesample bernoulli (100) repeatable (1+2*3)", "0\n"),
        ("select count(*) from (select from vault* x where content like 'hidden%') y", "0\n"),
    ] {
        assert_eq!(answer(&sidegate, sql), told, "{sql}");
    }
    // What comes of it is masked.
    let merged = "merge into lent using mine m right join vault s on m.id = s.id on lent.id = s.id \
                  when not matched then insert values (s.id, s.content)";
    assert!(answer(&sidegate, merged).contains("MERGE 1"));
    assert_eq!(server.sql(&sidegate.database, "select count(*) from lent where c is null"), "1");
}

#[test]
fn masks_are_not_passed_by_with_forms_that_sqlparser_does_not_know_on_15() {
    masks_are_not_passed_by(postgres());
}

#[test]
fn masks_are_not_passed_by_with_forms_that_sqlparser_does_not_know_on_18() {
    masks_are_not_passed_by(postgres18());
}
