//! What statements would do that sqlparser does not read by itself, and what they must not hide.

use std::collections::BTreeSet;

use crate::parse::facts::{Effect, Facts, Use};
use crate::parse::sql::reading::{Encoding, Names, Quoting, Reading, ReadingLimits, Remembered};
use crate::parse::sql::{Reader, Stack};

fn facts(sql: &str) -> std::sync::Arc<Facts> {
    let nothing = Remembered::new();
    let reading = Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: "public".into() },
        read_only: true,
        limits: ReadingLimits::default(),
        prepared: &nothing,
        cursors: &nothing,
    };
    Reader::new(1, 0, Stack::Ordinary).unwrap().statement_blocking(sql, &reading)
}

fn has(facts: &Facts, effect: Effect) -> bool {
    facts.effects.contains(&effect)
}

/// Relations with what is done to them, in the order of their names.
fn touched(facts: &Facts) -> String {
    let one = |relation: &crate::parse::RelationFacts| format!("{} {:?}", relation.id, relation.access);
    facts.relations.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn uses(facts: &Facts, relation: &str, name: &str) -> BTreeSet<Use> {
    let is = |column: &&crate::parse::ColumnFacts| column.relation.as_deref() == Some(relation) && column.name == name;
    facts.columns.iter().find(is).map(|column| column.uses.clone()).unwrap_or_default()
}

fn commands(facts: &Facts) -> Vec<&str> {
    facts.statements.iter().map(|entry| entry.command.as_str()).collect()
}

#[test]
fn a_condition_of_copy_is_part_of_it() {
    let read = facts("copy t (a) from stdin with (format csv, null 'where') where b > 1 and t.c = 'where'");
    assert_eq!((read.unparsed.as_ref(), read.unknown.len()), (None, 0));
    assert_eq!(read.effects, [Effect::Write, Effect::CopyIn].into());
    assert_eq!(touched(&read), "public.t {Write}");
    assert_eq!(uses(&read, "public.t", "a"), [Use::Assignment].into());
    assert_eq!(uses(&read, "public.t", "b"), [Use::Predicate].into());
    assert_eq!(uses(&read, "public.t", "c"), [Use::Predicate].into());
    // A name behind a dot is no keyword.
    assert_eq!(touched(&facts("copy public.where from stdin")), "public.\"where\" {Write}");
}

#[test]
fn a_condition_of_copy_hides_nothing() {
    assert!(has(&facts("copy t from stdin where pg_read_file('/etc/passwd') = a"), Effect::File));
    assert!(has(&facts("copy t from stdin where f(a)"), Effect::Procedure));
    assert!(has(&facts("copy t from program 'id' where a > 1"), Effect::Program));
    let read = facts("copy t from stdin where a in (select ssn from secrets)");
    assert_eq!(touched(&read), "public.secrets {Read}, public.t {Write}");
    assert_eq!(commands(&facts("copy t from stdin where a > 1; delete from u")), ["COPY", "DELETE"]);
    for sql in [
        "copy t from stdin where",
        "copy t from stdin where a > 1 where b > 1",
        "copy t from stdin where a > 1, b",
        "copy t from stdin where a > 1 delete from u",
        "copy t to stdout where a > 1",
        "copy (select 1) to stdout where true",
    ] {
        assert!(facts(sql).unparsed.is_some(), "{sql}");
    }
}

#[test]
fn a_body_of_statements_ends_where_the_server_ends_it() {
    for (sql, expected) in [
        (
            "create function f() returns int begin atomic select 1; select case when true then 2 end; end",
            "CREATE FUNCTION",
        ),
        (
            "create or replace procedure p(a int) language sql begin atomic delete from t where b = a; end",
            "CREATE PROCEDURE",
        ),
        ("create function f() returns int begin atomic ; select 1 as \"end\";; end;", "CREATE FUNCTION"),
        ("create function f() returns int begin atomic return 1; end; delete from secrets", "CREATE FUNCTION DELETE"),
        ("select 1; create function f() returns int begin atomic select 1; end", "SELECT CREATE FUNCTION"),
        // These have none.
        ("create view v as select begin atomic from secrets; end", "CREATE VIEW COMMIT"),
        (
            "create function f() returns table (begin atomic) language sql as 'x'; delete from secrets; end",
            "CREATE FUNCTION DELETE COMMIT",
        ),
        (
            "create function f() returns int language sql as 'begin atomic'; delete from secrets; end",
            "CREATE FUNCTION DELETE COMMIT",
        ),
    ] {
        let read = facts(sql);
        assert_eq!(read.unparsed, None, "{sql}");
        assert_eq!(commands(&read).join(" "), expected, "{sql}");
    }
    for sql in [
        "create function f() returns int begin atomic select 1; end delete from secrets",
        "create function f() returns int begin atomic select 1; delete from secrets",
        "create function f() returns int begin atomic select 1 end; delete from secrets",
        "create function f() returns int begin atomic create function g() returns int begin atomic select 1; end; end",
        "create aggregate begin atomic; select 1; end",
    ] {
        assert!(facts(sql).unparsed.is_some(), "{sql}");
    }
}

#[test]
fn a_function_is_as_much_with_a_body_of_statements_as_with_one_of_text() {
    let (text, atomic) = (
        facts("create function f() returns int language sql as 'delete from t returning 1'"),
        facts("create function f() returns int language sql begin atomic delete from t returning 1; end"),
    );
    assert_eq!((text.effects.clone(), text.statements.clone()), (atomic.effects.clone(), atomic.statements.clone()));
    assert_eq!(text.aftermath.defines, atomic.aftermath.defines);
    assert!(has(&facts("select f()"), Effect::Procedure));
}

#[test]
fn what_excludes_rows_is_asked_of_them() {
    let read = facts("create table t (a int, b tsrange, exclude using gist (a with =, b with &&) where (c > 0))");
    assert_eq!((read.effects.clone(), read.unknown.len()), ([Effect::Ddl].into(), 0));
    assert_eq!(uses(&read, "public.t", "a"), [Use::Order].into());
    assert_eq!(uses(&read, "public.t", "c"), [Use::Predicate].into());
    let exclude = |what: &str| facts(&format!("alter table t add constraint c exclude using gist ({what}"));
    assert_eq!(exclude("a with operator(pg_catalog.=))").effects, [Effect::Ddl].into());
    for own in ["a with ===)", "a with operator(public.=))", "f(a) with =)", "a with =) where (f(b))"] {
        assert!(has(&exclude(own), Effect::Procedure), "{own}");
    }
    assert!(has(&exclude("a with =) where (pg_read_file('x') = a)"), Effect::File));
}

#[test]
fn expressions_of_definitions_are_read() {
    for sql in [
        "alter domain d add constraint c check (f(value)) not valid",
        "alter domain d set default f()",
        "alter view v alter column a set default f()",
        "create publication p for table t where (f(a))",
        "create statistics s on (f(a)), b from t",
        "alter table t alter a set expression as (f(b)), alter c drop identity",
        "create table t (a int, b int generated always as (f(a)))",
        "create table t (a int, b int generated always as (f(a)) virtual)",
        "alter table t add column b int generated always as (f(a)) virtual",
        "create table t (a int check (f(a)) not enforced)",
    ] {
        let read = facts(sql);
        assert_eq!(read.unparsed, None, "{sql}");
        assert_eq!(read.effects, [Effect::Ddl, Effect::Procedure].into(), "{sql}");
        assert!(read.functions.iter().any(|function| function.name == "f"), "{sql}");
        let other = facts(&sql.replace("f(", "pg_read_file("));
        assert!(has(&other, Effect::File), "{sql}");
        let query = facts(&sql.replace("f(", "coalesce((select 1 from secrets), "));
        assert!(query.unparsed.is_some() || touched(&query).contains("public.secrets {Read"), "{sql}");
    }
}

#[test]
fn what_leaves_code_or_rows_that_nobody_read_says_so() {
    for sql in [
        "create rule r as on insert to t do also delete from secrets",
        "create rule r as on select to t do instead select * from secrets",
        "create rule r as on update to t where pg_read_file('x') = '' do instead nothing",
        "create foreign table t (a int) server s options (program 'id')",
        "alter foreign table t options (set table_name 'secrets')",
        "import foreign schema public from server loopback into other",
        "alter server s options (set host 'x')",
        "create user mapping for u server s options (user 'x')",
        "create subscription s connection 'host=x' publication p",
    ] {
        let read = facts(sql);
        assert!(read.unparsed.is_none() && has(&read, Effect::Procedure), "{sql}: {read:?}");
        for path in ["sql.relations", "sql.columns", "sql.functions"] {
            assert!(read.unknown.contains(path), "{sql}: {path}");
        }
    }
    // Whatever it would do, nobody can tell.
    for sql in ["do $$ begin delete from t; end $$", "do language plpgsql 'begin end'"] {
        assert!(facts(sql).unparsed.is_some(), "{sql}");
    }
}

#[test]
fn what_may_hold_a_password_is_not_shown() {
    for sql in [
        "create user mapping for u server s options (user 'x', password 'y')",
        "create subscription s connection 'host=x password=y' publication p",
        "alter subscription s connection 'y'",
        "alter server s options (set passfile 'y')",
        "alter system set primary_conninfo = 'y'",
    ] {
        let read = facts(sql);
        let hidden = !read.normalized.contains("'y'") && !read.normalized.contains("=y");
        assert!(read.unparsed.is_none() && read.sensitive && hidden, "{sql}: {}", read.normalized);
    }
}

#[test]
fn a_table_that_is_like_others_refers_to_them() {
    let read = facts("create table t (like a including all, b int, like s.c)");
    assert_eq!(touched(&read), "public.a {Reference}, public.t {Write}, s.c {Reference}");
    // Whatever their defaults and checks call runs where rows come.
    let made = |sql: &str| facts(sql).aftermath.defines.new_table("public.t") == Some(true);
    assert!(made("create table t (a int)") && !made("create table t (a int, like u)"));
    assert!(!made("create table t (a int, exclude using gist (a mine with =))"));
    assert!(facts("create table t (a int, foreign key (\"\") references u)").unparsed.is_some());
}

#[test]
fn what_is_maintained_together_is_touched_together() {
    let read = facts("analyze verbose a, s.b (c, d)");
    assert_eq!((commands(&read), touched(&read).as_str()), (vec!["ANALYZE"], "public.a {Read}, s.b {Read}"));
    assert_eq!(uses(&read, "s.b", "d"), [Use::Argument].into());
    let read = facts("vacuum (full, analyze) a, s.b (c)");
    assert_eq!(touched(&read), "public.a {Write}, s.b {Read, Write}");
    for all in ["analyze", "vacuum full", "analyze (verbose)", "vacuum (freeze)"] {
        let read = facts(all);
        assert!(read.unknown.contains("sql.relations") && read.unknown.contains("sql.functions"), "{all}");
    }
}

#[test]
fn a_merge_uses_every_table_of_its_join() {
    let read = facts(
        "merge into t using a left join secrets b on case when a.c then true end on t.d = b.e \
         when matched and b.f > 1 then update set g = a.h when not matched then insert (i) values (b.j)",
    );
    assert_eq!(touched(&read), "public.a {Read}, public.secrets {Read}, public.t {Write}");
    for (name, used) in [("e", Use::Join), ("f", Use::Predicate), ("j", Use::Output)] {
        assert!(uses(&read, "public.secrets", name).contains(&used), "{name}");
    }
    let nested = facts(
        "with m as (merge into t using a join b on true on true when matched then delete returning b.c) \
                        select * from m",
    );
    assert_eq!(commands(&nested), ["SELECT", "MERGE"]);
    assert!(touched(&nested).contains("public.b {Read}"));
}

#[test]
fn a_word_is_a_name_where_the_server_takes_it_for_one() {
    for (sql, relation, name) in [
        ("select at local from secrets", "public.secrets", "at"),
        ("select a, at local from secrets", "public.secrets", "at"),
        ("select a is distinct from b * c from secrets", "public.secrets", "c"),
        ("select a is distinct from b * least(c, 1) from secrets", "public.secrets", "c"),
    ] {
        let read = facts(sql);
        assert!(read.unparsed.is_none() && !uses(&read, relation, name).is_empty(), "{sql}: {read:?}");
    }
    assert_eq!(touched(&facts("select * from at local")), "public.at {Read}");
    assert_eq!(touched(&facts("delete from t * where a in (select b from u *)")), "public.t {Write}, public.u {Read}");
}

/// What others are asked of each statement.
fn told(sql: &str) -> String {
    let read = facts(sql);
    assert_eq!(read.unparsed, None, "{sql}");
    let columns = read.columns.iter().map(|column| format!("{:?} {} {:?}", column.relation, column.name, column.uses));
    let functions = read.functions.iter().map(|function| function.name.clone());
    let parts: Vec<String> = columns.chain(functions).collect();
    format!("{:?} {:?} {} {parts:?} {:?}", commands(&read), read.effects, touched(&read), read.unknown)
}

#[test]
fn what_is_put_otherwise_tells_what_it_told() {
    for (sql, other) in [
        ("select a from t where b % any (array[c, f(d)])", "select a from t where b % (array[c, f(d)])"),
        ("select a from t where b @@ all (select c from u)", "select a from t where b @@ (select c from u)"),
        (
            "select ((select a from t) union select b from u)",
            "select (select * from (select a from t union select b from u) x)",
        ),
        (
            "select a from t where b <> all (values (c), (f(d)))",
            "select a from t where b <> all (select * from (values (c), (f(d))) x)",
        ),
        (
            "select a from t where b in ((select c from u), (select d from v))",
            "select a from t where b in (0, (select c from u), (select d from v))",
        ),
        ("select t.*::text from t", "select (t.*)::text from t"),
        ("select (a || b)::text[] collate \"C\" from t", "select (a || b)::text[] from t"),
        (
            "insert into t (a) values (1) on conflict (b collate \"C\") do update set c = t.d",
            "insert into t (a) values (1) on conflict (b) do update set c = t.d",
        ),
        (
            "create recursive view v (a) as select b from t union all select a from v",
            "create view v (a) as with recursive v (a) as (select b from t union all select a from v) select a from v",
        ),
        ("alter table t alter a set statistics 5, add b int default f(1)", "alter table t add b int default f(1)"),
        ("create table p partition of q (a default f(1)) default", "create table p partition of q default"),
        ("set role to x", "set role x"),
        ("select a from t where b = 'x\u{3}\u{b}y'", "select a from t where b = 'xy'"),
        ("grant maintain on t to x", "grant trigger on t to x"),
    ] {
        if sql.starts_with("create table") {
            // But for what its default calls.
            assert!(told(sql).contains("\"f\"") && has(&facts(sql), Effect::Procedure), "{}", told(sql));
        } else {
            assert_eq!(told(sql), told(other), "{sql}");
        }
    }
}

#[test]
fn what_is_put_otherwise_hides_nothing() {
    for sql in [
        "select a % any (select pg_read_file('/etc/passwd'))",
        "select ((select 1) union select pg_read_file('/etc/passwd'))",
        "select 1 where 2 <> all (values (pg_read_file('/etc/passwd')))",
        "select 1 in ((select '1'), (select pg_read_file('/etc/passwd')))",
        "create index on t ((pg_read_file(a)::text collate \"C\"))",
        "create table p partition of q (a default pg_read_file('/etc/passwd')) for values in (1)",
        "create recursive view v (a) as select 1 union all select length(pg_read_file('/etc/passwd')) from v",
        "alter table t alter a set statistics 5, add b text default pg_read_file('/etc/passwd')",
        "alter table t add b text default pg_read_file('/etc/passwd'), alter a drop identity, cluster on i",
    ] {
        assert!(has(&facts(sql), Effect::File), "{sql}: {}", told(sql));
    }
    let read = facts("alter table t set (fillfactor = 70), inherit u, add column b int");
    assert!(touched(&read).contains("public.u") || read.unparsed.is_some(), "{}", touched(&read));
}
