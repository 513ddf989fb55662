use std::collections::BTreeMap;

use super::*;
use crate::catalog::{Builder, Snapshot, Table};
use crate::parse::definitions::Definitions;
use crate::parse::facts::CalledBy;
use crate::parse::sql::reading::{Known, Trust};

/// A table with a generated column, one with a trigger, one with row security, one with a default, and a type with a
/// cast of somebody's.
fn names() -> Names {
    Names::Known(Known {
        path: Arc::from([Arc::from("public")]),
        schema: Some(Arc::from("public")),
        snapshot: snapshot(&[]),
        trust: Trust::Recent,
        functions: Trust::Recent,
        searched: true,
        temporary: Arc::default(),
        defined: Arc::default(),
    })
}

/// The same with a domain that somebody's function checks.
fn with_domain() -> Arc<Snapshot> {
    snapshot(&["700 505"])
}

fn snapshot(domains: &'static [&'static str]) -> Arc<Snapshot> {
    let told: [(Table, &[&str]); 14] = [
        (Table::Server, &["150018 shop app 10 t UTF8"]),
        (Table::Namespaces, &["11 pg_catalog t f", "2200 public t t"]),
        (
            Table::Relations,
            &[
                "100 2200 people r 10 0 f f f f",
                "101 2200 noted r 10 0 f f f t",
                "102 2200 hidden r 10 0 t f f f",
                "103 2200 drawn r 10 0 f f f f",
                "104 2200 tagged r 10 0 f f f f",
                "105 2200 parts p 10 0 f f f f",
                "106 2200 part r 10 0 f f t f",
                "107 2200 members r 10 0 t f f f",
                "108 2200 shown v 10 0 f f f f",
                "109 2200 guarded r 10 0 t f f f",
            ],
        ),
        (
            Table::Columns,
            &[
                "100 1 ssn 25 -1 0 f f f  ",
                "100 2 copy 25 -1 0 f f t s ",
                "101 1 id 23 -1 0 f f f  ",
                "102 1 id 23 -1 0 f f f  ",
                "103 1 id 23 -1 0 f f t  ",
                "104 1 id 23 -1 0 f f f  ",
                "104 2 tag 700 -1 0 f f f  ",
                "105 1 id 23 -1 0 f f f  ",
                "106 1 id 23 -1 0 f f f  ",
            ],
        ),
        (Table::Generated, &["100 2 1"]),
        (
            Table::Attached,
            &["101 t 1 500", "102 p 23 501", "103 d 5 502", "103 d 5 503", "101 c 5 0", "107 p 23 501", "104 i 37 505"],
        ),
        (Table::Inheritance, &["105 106"]),
        (Table::Rules, &["900 108 _RETURN 1 t O f t tree"]),
        (Table::RuleFunctions, &["900 506"]),
        (Table::PolicyRelations, &["109 23 107", "109 23 108", "109 2 777"]),
        (Table::EventTriggers, &["500 [\"CREATE\\u0020TABLE\"]", "507 ~"]),
        (
            Table::Functions,
            &[
                "500 2200 note f  0 0 2279 v t f f f plpgsql ~",
                "501 2200 sees f 23 0 0 16 s f f f f sql ~",
                "502 2200 draws f  0 0 23 v f f f f sql ~",
                "503 11 nextval f 2205 0 0 20 v f f f f internal ~",
                "504 2200 says f 700 0 0 25 i f f f f sql ~",
                "505 2200 keyed f 23 0 0 23 i f f f f sql ~",
                "506 2200 peeks f 23 0 0 16 v f f f f sql ~",
                "507 2200 logs f  0 0 3838 v t f f f plpgsql ~",
            ],
        ),
        (
            Table::Types,
            &[
                "23 11 int4 b N f 0 0 0 0 -1 f 0 0",
                "25 11 text b S t 0 0 0 0 -1 f 0 0",
                "700 2200 tag e E f 0 0 0 0 -1 f 0 0",
            ],
        ),
        (Table::Casts, &["700 25 504 i f"]),
    ];
    let mut builder = Builder::default();
    for (table, rows) in told.into_iter().chain([(Table::DomainFunctions, domains)]) {
        for row in rows {
            let values: Vec<_> = row.split(' ').map(|value| (value != "~").then_some(value.as_bytes())).collect();
            builder.row(table, &values).unwrap();
        }
    }
    Arc::new(builder.finish().unwrap())
}

fn read_here(sql: &str) -> Facts {
    try_walk_with(sql, &names(), &|_| None).unwrap_or_else(|reason| panic!("{sql}: {reason}")).facts
}

#[test]
fn a_generated_column_uses_what_it_is_made_of() {
    for (sql, wanted) in [
        ("select copy from people", Some(vec![Use::Output])),
        ("select 1 from people where copy = 'x'", Some(vec![Use::Predicate])),
        ("select 1 from people", None),
        ("insert into people (copy) values (default)", None),
    ] {
        let facts = read_here(sql);
        let ssn = facts.columns.iter().find(|column| column.name == "ssn");
        assert_eq!(ssn.map(|ssn| ssn.uses.iter().copied().collect::<Vec<_>>()), wanted, "{sql}");
    }
    assert!(read_here("select copy from people").only_passed("public.people", "copy"));
}

#[test]
fn what_runs_unasked_is_listed_with_its_reason() {
    let trigger = Some(("public.note", CalledBy::Trigger));
    let policy = Some(("public.sees", CalledBy::RowSecurity));
    let default = Some(("public.draws", CalledBy::Default));
    for (sql, function, effects) in [
        ("insert into noted values (1)", trigger, "write"),
        ("copy noted from stdin", trigger, "copy_in write"),
        ("update noted set id = 2", None, "write"),
        ("select id from noted", None, "read"),
        ("select id from hidden", policy, "read"),
        ("copy hidden to stdout", policy, "copy_out read"),
        ("insert into drawn default values", default, "procedure write"),
        ("delete from drawn", None, "write"),
    ] {
        let facts = read_here(sql);
        let found: Vec<_> =
            facts.functions.iter().flat_map(|one| one.called_by.iter().map(|by| (one.id.as_str(), *by))).collect();
        assert_eq!((found, super::effects(&facts).as_str()), (function.into_iter().collect(), effects), "{sql}");
    }
    let unread = |sql: &str| read_here(sql).unknown.contains("sql.functions");
    assert!(unread("insert into noted values (1)") && !unread("delete from noted"), "a check is too long to be read");
    let noted = read_here("insert into noted values (1)");
    assert_eq!(noted.functions.first().and_then(|note| note.security_definer), Some(true));
}

#[test]
fn a_column_of_a_type_with_a_cast_of_somebodys_runs_it() {
    for sql in [
        "select tag::text from tagged",
        "select upper(tag) from tagged",
        "with q as (select tag from tagged) select tag || 'x' from q",
    ] {
        let facts = read_here(sql);
        assert!(facts.effects.contains(&Effect::Procedure) && !facts.describes, "{sql}");
        assert!(facts.functions.iter().any(|function| function.id == "public.says"), "{sql}");
    }
    assert!(!read_here("select id::text from tagged").effects.contains(&Effect::Procedure));
}

#[test]
fn what_is_made_where_no_schema_is_may_be_temporary() {
    let Names::Known(known) = names() else { panic!("it is known") };
    let nowhere =
        Names::Known(Known { path: Arc::from([Arc::from("nowhere")]), schema: Some(Arc::from("nowhere")), ..known });
    let facts = try_walk_with("create view v as select 1 as a", &nowhere, &|_| None).unwrap().facts;
    assert!(facts.aftermath.names && facts.relations.iter().all(|relation| relation.schema.is_none()));
    assert!(!read_here("create view v as select 1 as a").aftermath.names);
}

fn called(facts: &Facts) -> Vec<(&str, CalledBy)> {
    facts.functions.iter().flat_map(|one| one.called_by.iter().map(|by| (one.name.as_str(), *by))).collect()
}

fn knows_functions(sql: &str) -> bool {
    !read_here(sql).unknown.contains("sql.functions")
}

#[test]
fn what_runs_where_row_security_reads_other_relations_is_told() {
    let facts = read_here("select 1 from guarded");
    assert_eq!(called(&facts), [("peeks", CalledBy::RowSecurity), ("sees", CalledBy::RowSecurity)]);
    assert!(facts.effects.contains(&Effect::Procedure), "a view that a policy reads calls what is volatile");
    assert_eq!(ids(&facts), ["public.guarded"]);
    assert!(facts.unknown.is_empty() && !knows_functions("delete from guarded"), "it reads what nobody knows then");
}

#[test]
fn event_triggers_run_where_something_is_defined() {
    let logs = ("logs", CalledBy::Trigger);
    for (sql, wanted) in [
        ("create table t (id int)", vec![logs, ("note", CalledBy::Trigger)]),
        ("drop table noted", vec![logs]),
        ("grant select on noted to bob", vec![logs]),
        ("create table t as select 1 as a", vec![logs]),
        ("comment on table noted is 'x'", vec![logs]),
        ("refresh materialized view noted", vec![logs]),
        ("create role bob", vec![]),
        ("vacuum noted", vec![]),
        ("checkpoint", vec![]),
        ("insert into tagged values (1)", vec![("keyed", CalledBy::Index)]),
    ] {
        assert_eq!(called(&read_here(sql)), wanted, "{sql}");
    }
    assert!(!knows_functions("create extension e; drop table noted"));
    assert!(knows_functions("create table t (id int); drop table noted"));
}

#[test]
fn what_indexes_and_statistics_compute_is_told_where_they_are_computed_anew() {
    for sql in ["analyze tagged", "vacuum tagged", "reindex table tagged", "cluster tagged", "update tagged set id = 1"]
    {
        assert!(called(&read_here(sql)).contains(&("keyed", CalledBy::Index)), "{sql}");
    }
    assert_eq!(called(&read_here("delete from tagged")), []);
    for sql in ["analyze", "vacuum", "reindex database shop"] {
        assert!(!knows_functions(sql), "{sql}");
    }
}

#[test]
fn what_was_just_made_or_altered_is_not_said_to_run_nothing() {
    for (sql, known) in [
        ("create table t (id int, at timestamptz default now()); insert into t values (1)", true),
        ("create table t (id int check (id > 0)); copy t from stdin", true),
        ("create table t (id tag); insert into t values ('x')", false),
        ("create table t (id tag); copy t from stdin", false),
        ("create table t (id tag); select 1 from t; delete from t", true),
        ("create table t (id int default draws()); insert into t default values", false),
        ("create table t (id int check (draws() = id)); update t set id = 1", false),
        ("create table t as select 1 as a; insert into t values (1)", false),
        ("create table t as select 1 as a; select a from t", true),
        ("create table t (like tagged); insert into t values (1)", false),
        (
            "create domain d as int check (draws() = value); create table public.t (id d); insert into public.t values (1)",
            false,
        ),
        (
            "create trigger g before insert on part for each row execute function note(); insert into public.parts values (1)",
            false,
        ),
        (
            "create trigger g before insert on part for each row execute function note(); select 1 from public.parts",
            true,
        ),
        ("create index on people (draws(ssn)); insert into people (ssn) values ('x')", false),
        ("create index on people (ssn) where draws() = 1; update people set ssn = ''", false),
        ("create index on people (ssn); insert into people (ssn) values ('x')", true),
        (
            "create or replace function keyed(int) returns int language sql as 'select 1'; update public.tagged set id = 1",
            false,
        ),
        (
            "create or replace function other(int) returns int language sql as 'select 1'; update public.tagged set id = 1",
            true,
        ),
    ] {
        let facts = read_here(sql);
        let unknown = facts.unknown.contains("sql.functions");
        assert_eq!(unknown, !known, "{sql}");
    }
}

#[test]
fn what_a_temporary_table_runs_is_told_where_it_is_made() {
    assert_eq!(called(&read_here("create temp table t (like drawn)")).first(), Some(&("draws", CalledBy::Default)));
    assert!(!called(&read_here("create temp table t (id int)")).iter().any(|(_, by)| *by == CalledBy::Default));
    let Names::Known(known) = names() else { panic!("it is known") };
    let own = Arc::new(BTreeMap::from([(Box::from("t"), true)]));
    let knows = |sql: &str, checks: bool| {
        let snapshot = if checks { with_domain() } else { Arc::clone(&known.snapshot) };
        let known = Known { temporary: Arc::clone(&own), snapshot, ..known.clone() };
        let facts = try_walk_with(sql, &Names::Known(known), &|_| None).unwrap().facts;
        assert_eq!(ids(&facts), ["pg_temp.t"], "{sql}");
        !facts.unknown.contains("sql.functions")
    };
    for sql in ["insert into t values (1)", "update t set a = 1", "copy t from stdin"] {
        assert!(knows(sql, false) && !knows(sql, true), "{sql}: a query may have given it a column that is checked");
    }
    assert!(knows("select 1 from t", true) && knows("delete from t", true));
}

#[test]
fn what_runs_unasked_is_not_known_where_the_catalog_is_outdated_or_a_definition_is_open() {
    let Names::Known(known) = names() else { panic!("it is known") };
    let read_by = |sql: &str, known: &Known| {
        try_walk_with(sql, &Names::Known(known.clone()), &|_| None)
            .unwrap_or_else(|reason| panic!("{sql}: {reason}"))
            .facts
    };
    let outdated = Known { trust: Trust::Outdated, functions: Trust::Outdated, ..known.clone() };
    let open = Known { defined: Arc::new(Definitions::relations([(None, "tagged".to_owned())])), ..known.clone() };
    for sql in [
        "select 1 from tagged",
        "insert into tagged values (1)",
        "update tagged set id = 1",
        "delete from tagged",
        "copy tagged from stdin",
        "copy tagged to stdout",
        "truncate tagged",
        "analyze tagged",
    ] {
        for known in [&outdated, &open] {
            let facts = read_by(sql, known);
            assert!(facts.unknown.contains("sql.functions") && facts.outdated, "{sql}");
        }
        assert!(!read_by(sql, &known).unknown.contains("sql.functions"), "{sql}");
    }
    assert!(!read_by("drop table noted", &known).unknown.contains("sql.functions"));
    assert!(read_by("drop table noted", &outdated).unknown.contains("sql.functions"), "event triggers may be new");
    let everything = Known { defined: Arc::new(Definitions::everything()), ..known };
    assert!(read_by("drop table noted", &everything).unknown.contains("sql.functions"));
}
