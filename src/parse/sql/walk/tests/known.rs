use super::*;
use crate::catalog::{Builder, Snapshot, Table};
use crate::parse::definitions::Definitions;
use crate::parse::sql::reading::{Known, Trust};

const COLUMNS: &[&str] = &["100 1 id 23 -1 0 f f f  ", "102 1 salary 23 -1 0 f f f  "];

/// `orders` in two schemas, a table, views on it, a rule, functions.
fn shop(columns: &'static [&'static str]) -> Arc<Snapshot> {
    let told: [(Table, &[&str]); 9] = [
        (Table::Server, &["150018 shop app 10 f UTF8"]),
        (Table::Namespaces, &["11 pg_catalog t f", "2200 public t t", "50 sales t t"]),
        (
            Table::Relations,
            &[
                "100 2200 orders r 10 0 f f f f",
                "101 50 orders r 10 0 f f f f",
                "102 2200 payroll r 10 0 f f f f",
                "103 2200 wages v 10 0 f f f f",
                "104 2200 log r 10 0 f f f f",
                "105 2200 lost v 10 0 f f f f",
                "106 2200 knobs v 10 0 f f f f",
                "107 11 pg_settings v 10 0 f f f f",
            ],
        ),
        (Table::Columns, columns),
        (
            Table::Rules,
            &[
                "900 103 _RETURN 1 t O f t tree",
                "901 104 copy 3 f O f t tree",
                "902 105 _RETURN 1 t O f t tree",
                "903 106 _RETURN 1 t O f t tree",
            ],
        ),
        (Table::RuleRelations, &["900 102 0", "900 102 1", "901 102 0", "902 777 0", "903 107 0"]),
        (Table::RuleFunctions, &["900 500"]),
        (
            Table::Functions,
            &[
                "500 2200 leak f 25 0 0 25 v f f f f sql ~",
                "501 2200 lower f 23 0 0 25 i f f f f sql ~",
                "502 2200 max a 9999 0 0 25 i f f f f internal ~",
                "503 11 lower f 25 0 0 25 i f f f f internal ~",
                "504 2200 min a 9999 0 0 25 i f f f f internal ~",
                "505 2200 sum a 9999 0 0 25 i f f f f internal ~",
                "506 2200 smaller f 25,25 0 0 25 i f f f f c ~",
                "507 11 pg_read_file f 25 0 0 25 v f f f f internal ~",
                "508 11 upper f 25 0 0 25 i f f f f internal ~",
                "509 2200 upper f 25 0 0 25 v f f f f sql ~",
                "510 11 repeat f 25,23 0 0 25 i f f f f internal ~",
                "511 2200 repeat f 25,23 1 0 25 v f f f f sql ~",
                "512 11 array_to_string f 1009,25 0 0 25 s f f f f internal ~",
                "513 2200 array_to_string f 1009,25 0 25 25 v f f f f sql ~",
            ],
        ),
        (Table::Aggregates, &["502 506", "502 503", "504 500", "505 507"]),
    ];
    built(&told)
}

/// A catalog of these rows.
pub(super) fn built(told: &[(Table, &[&str])]) -> Arc<Snapshot> {
    let mut builder = Builder::default();
    for (table, rows) in told {
        for row in *rows {
            let values: Vec<Option<String>> =
                row.split(' ').map(|value| (value != "~").then(|| value.replace(',', " "))).collect();
            let values: Vec<_> = values.iter().map(|value| value.as_ref().map(String::as_bytes)).collect();
            builder.row(*table, &values).unwrap();
        }
    }
    Arc::new(builder.finish().unwrap())
}

fn names(path: &[&str], trust: Trust) -> Names {
    names_in(shop(COLUMNS), path, trust)
}

pub(super) fn names_in(snapshot: Arc<Snapshot>, path: &[&str], trust: Trust) -> Names {
    let path: Arc<[Arc<str>]> = path.iter().map(|schema| Arc::from(*schema)).collect();
    let schema = if let [only] = &*path { Some(Arc::clone(only)) } else { None };
    Names::Known(Known {
        path,
        schema,
        snapshot,
        trust,
        functions: trust,
        searched: true,
        temporary: Arc::default(),
        defined: Arc::default(),
    })
}

pub(super) fn read_by(sql: &str, names: &Names) -> Facts {
    try_walk_with(sql, names, &|_| None).unwrap_or_else(|reason| panic!("{sql}: {reason}")).facts
}

fn recently(sql: &str) -> Facts {
    read_by(sql, &names(&["public"], Trust::Recent))
}

#[test]
fn an_unqualified_name_is_looked_up_along_the_path() {
    let both = names(&["sales", "public"], Trust::Recent);
    for (sql, wanted) in [
        ("select 1 from orders", "sales.orders"),
        ("select 1 from payroll", "public.payroll"),
        ("select 1 from public.orders", "public.orders"),
        ("select 1 from pg_class", "pg_catalog.pg_class"),
        ("update payroll set salary = 1", "public.payroll"),
        ("copy payroll from stdin", "public.payroll"),
        ("truncate payroll", "public.payroll"),
        ("lock payroll", "public.payroll"),
        ("select 'payroll'::regclass", "public.payroll"),
        ("drop table payroll", "public.payroll"),
        ("create table payroll (id int)", "sales.payroll"),
        ("create view payroll as select 1", "sales.payroll"),
        ("select 1 as a into payroll", "sales.payroll"),
        ("select 1 from shop.public.orders", "public.orders"),
        ("update shop.public.payroll set salary = 1", "public.payroll"),
        ("create table shop.public.payroll (id int)", "public.payroll"),
    ] {
        let facts = read_by(sql, &both);
        assert_eq!(
            (ids(&facts), facts.outdated, facts.unknown.contains("sql.relations")),
            (vec![wanted], false, false),
            "{sql}"
        );
    }
}

#[test]
fn a_table_has_the_columns_that_it_has_in_the_catalog_of_the_statement() {
    // One after the other on one thread, with the same ids: a catalog that was read again, or another database's.
    let one = names(&["public"], Trust::Recent);
    let other = names_in(shop(&["100 1 card 23 -1 0 f f f  ", "100 2 id 23 -1 0 f f f  "]), &["public"], Trust::Recent);
    for (catalog, wanted) in [(&one, vec!["id"]), (&other, vec!["card", "id"]), (&one, vec!["id"])] {
        let facts = read_by("select * from orders", catalog);
        let columns: Vec<&str> = facts.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(columns, wanted);
    }
}

#[test]
fn a_namesake_of_a_built_in_counts_wherever_a_call_may_mean_it() {
    for (sql, wanted) in [
        // The same arguments: the one of pg_catalog comes first.
        ("select upper('a')", "read"),
        ("select repeat('a', 2)", "read"),
        // Names that the one of pg_catalog does not have, a default, the last given more than once.
        ("select upper(x => 'a')", "procedure read"),
        ("select repeat('a')", "procedure read"),
        ("select array_to_string('{a}', 'b')", "procedure read"),
        ("select array_to_string('{a}', 'b', 'c')", "procedure read"),
        ("select public.upper('a')", "procedure read"),
    ] {
        assert_eq!(effects(&recently(sql)), wanted, "{sql}");
    }
}

#[test]
fn a_name_that_the_catalog_does_not_know_asks_for_another_look() {
    for (path, id, unknown) in [(&["public"][..], "public.fresh", false), (&["sales", "public"], "?.fresh", true)] {
        let recent = read_by("select 1 from fresh", &names(path, Trust::Recent));
        assert!(recent.outdated && recent.unknown.contains("sql.relations"), "{id}");
        let looked = read_by("select 1 from fresh", &names(path, Trust::Fresh));
        assert_eq!((looked.outdated, looked.unknown.contains("sql.relations")), (false, unknown), "{id}");
        assert_eq!(ids(&looked), [id]);
    }
}

#[test]
fn a_catalog_that_was_changed_is_not_relied_on() {
    for (sql, path) in [
        ("select 1 from orders", &["public"][..]),
        ("select 1 from public.orders", &["public"]),
        ("insert into orders values (1)", &["public"]),
        ("select 1 from orders", &["sales", "public"]),
        ("truncate orders", &["sales", "public"]),
        ("create table orders (id int)", &["sales", "public"]),
    ] {
        let facts = read_by(sql, &names(path, Trust::Outdated));
        assert!(facts.outdated && facts.unknown.contains("sql.relations"), "{sql}");
    }
    assert!(read_by("select lower('a')", &names(&["public"], Trust::Outdated)).outdated);
    let Names::Known(known) = names(&["public"], Trust::Outdated) else { panic!("it is known") };
    let functions = Names::Known(Known { functions: Trust::Recent, ..known });
    assert!(!read_by("select lower('a')", &functions).outdated, "the definition made no function");
    let own = read_by("select relname from pg_class", &names(&["public"], Trust::Outdated));
    assert!(!own.outdated, "PostgreSQL's own stay what they are");
}

#[test]
fn a_view_brings_along_what_it_shows_and_runs() {
    let facts = recently("select * from wages");
    assert_eq!(ids(&facts), ["public.payroll", "public.wages"]);
    assert!(
        column(&facts, Some("public.payroll"), "salary").is_superset(&BTreeSet::from([Use::Output, Use::Predicate]))
    );
    assert_eq!(effects(&facts), "procedure read");
    assert_eq!(facts.functions[0].id, "public.leak");
    assert!(facts.aftermath.names, "somebody's code ran");
    assert!(ids(&recently("drop view wages")) == ["public.wages"]);
    let changed = recently("delete from wages");
    let payroll = changed.relations.iter().find(|relation| relation.name == "payroll").unwrap();
    assert_eq!(payroll.access, BTreeSet::from([Access::Read, Access::Write]));
    assert!(recently("select 1 from lost").unknown.contains("sql.relations"), "it leads to what nobody knows");
    assert_eq!(effects(&recently("update knobs set setting = 'off'")), "settings write");
}

#[test]
fn a_rule_brings_along_what_it_names_when_rows_change() {
    let facts = recently("insert into log values (1)");
    assert_eq!(ids(&facts), ["public.log", "public.payroll"]);
    assert_eq!(effects(&facts), "procedure write");
    assert_eq!(ids(&recently("select 1 from log")), ["public.log"]);
}

#[test]
fn somebodys_function_of_a_built_ins_name_counts_unless_it_is_compiled() {
    let lower = recently("select lower('a')");
    assert_eq!(effects(&lower), "procedure read");
    assert_eq!(lower.functions.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["pg_catalog.lower", "public.lower"]);
    assert_eq!(effects(&recently("select max(id) from orders")), "read");
    assert_eq!(effects(&recently("select min(id) from orders")), "procedure read", "somebody's code computes it");
    assert_eq!(effects(&recently("select sum(id) from orders")), "procedure read", "it reads files");
    assert_eq!(effects(&recently("select pg_catalog.lower('a')")), "read");
    let leak = recently("select leak('a')");
    assert_eq!(
        (leak.functions[0].id.as_str(), leak.functions[0].volatility),
        ("public.leak", Some(Volatility::Volatile))
    );
    assert!(leak.unknown.is_empty());
    assert_eq!(recently("select nobodys('a')").functions[0].id, "?.nobodys");
    let both = names(&["sales", "public"], Trust::Recent);
    assert_eq!(effects(&read_by("select upper('a')", &both)), "read", "PostgreSQL's own come first in any path");
}

#[test]
fn a_field_that_is_no_column_is_a_call() {
    for (sql, wanted) in [
        ("select o.id from orders o", "read"),
        ("select orders.id, o.ctid, o.xmin from orders, orders o", "read"),
        ("select o.leak from orders o", "procedure read"),
        ("select o.nosuch from orders o", "procedure read"),
        ("select o.a from orders o(a)", "read"),
    ] {
        assert_eq!(effects(&recently(sql)), wanted, "{sql}");
    }
    let whole = column(&recently("select o.leak from orders o"), Some("public.orders"), "id");
    assert!(whole.contains(&Use::WholeRow));
}

#[test]
fn after_names_are_lost_the_catalog_is_not_asked() {
    let facts = recently("set search_path = sales; select 1 from wages");
    assert_eq!(ids(&facts), ["?.wages"]);
    assert!(!facts.outdated);
}

#[test]
fn definitions_that_others_see_are_told_from_those_that_they_do_not() {
    for seen in [
        "create table a (id int)",
        "drop view wages",
        "alter table orders rename to a",
        "grant usage on schema sales to bob",
        "create function f() returns int language sql as 'select 1'",
        "select 1 as a into b",
        "create temp table a (id int); create table b (id int)",
    ] {
        assert!(!read(seen).aftermath.defines.is_empty(), "{seen}");
    }
    for unseen in [
        "select 1",
        "insert into orders values (1)",
        "create temp table a (id int)",
        "create temp table a as select 1",
        "create temp view a as select 1",
        "select 1 as a into temp b",
        "vacuum orders",
        "analyze orders",
        "create index on orders (id)",
        "comment on table orders is 'x'",
        "grant select on orders to bob",
        "begin",
    ] {
        assert!(read(unseen).aftermath.defines.is_empty(), "{unseen}");
    }
}

fn with(change: impl FnOnce(&mut Known)) -> Names {
    let Names::Known(mut known) = names(&["public"], Trust::Recent) else { panic!("it is known") };
    change(&mut known);
    Names::Known(known)
}

#[test]
fn a_definition_tells_which_names_it_moves() {
    for (sql, relations, functions) in [
        ("create table a (id int)", "public.a", false),
        ("create table a () inherits (orders)", "public.a public.orders", false),
        ("create or replace view a as select 1 from payroll", "public.a", false),
        ("create materialized view a as select 1", "public.a", false),
        ("select 1 as x into a from orders", "public.a", false),
        ("alter table orders rename to a", "public.a public.orders", false),
        ("alter table sales.orders add x int", "sales.orders", false),
        ("alter table sales.orders rename to a", "sales.a sales.orders", false),
        ("alter view wages rename to a", "public.a public.wages", false),
        ("alter view sales.wages rename to a", "sales.a sales.wages", false),
        ("alter table orders set schema sales", "public.orders sales.orders", false),
        ("alter table orders attach partition log default", "public.log public.orders", false),
        ("alter table orders detach partition log", "public.log public.orders", false),
        ("create type mood as enum ('a')", "", false),
        ("create type pair as (a int)", "public.pair", false),
        ("drop view wages, lost", "public.lost public.wages", false),
        ("create rule r as on insert to log do nothing", "public.log", false),
        ("create policy p on orders using (true)", "public.orders", false),
        ("create function f() returns int language sql as 'select 1'", "", true),
    ] {
        let defined = read(sql).aftermath.defines;
        let names: Vec<_> =
            defined.relation_names().map(|(schema, name)| format!("{}.{name}", schema.unwrap_or("?"))).collect();
        assert_eq!(names.join(" "), relations, "{sql}");
        let function = |name| defined.touch_function(&["public"], name);
        assert_eq!((function("f"), function("g")), (functions, false), "{sql}");
        assert!(!defined.touch_relation(&["public", "sales"], "other"), "{sql}");
    }
    for sql in ["drop table a cascade", "create table a (id int); drop schema sales cascade", "create extension x"] {
        assert!(read(sql).aftermath.defines.touch_relation(&["public"], "other"), "{sql}");
    }
}

#[test]
fn what_moves_a_schema_moves_what_is_in_it_and_nothing_else() {
    for sql in [
        "create schema sales",
        "drop schema sales",
        "alter schema sales rename to b",
        "alter schema b rename to sales",
        "grant usage on schema sales to bob",
        "revoke usage on schema sales from bob",
    ] {
        let defined = read(sql).aftermath.defines;
        assert!(defined.touch_relation(&["sales"], "x") && defined.touch_function(&["sales"], "x"), "{sql}");
        assert!(!defined.touch_relation(&["public"], "x") && !defined.touch_operator(&["public"], "="), "{sql}");
    }
}

#[test]
fn a_type_that_is_made_moves_its_own_names() {
    for sql in ["create type mood as enum ('a')", "create type public.mood as (a int)"] {
        let defined = read(sql).aftermath.defines;
        let touches = |name| defined.touch_type(&["public"], name);
        assert!(touches("mood") && touches("_mood") && !touches("other"), "{sql}");
        assert!(!defined.touch_type(&["sales"], "mood") && !defined.touch_relation(&["public"], "orders"), "{sql}");
    }
    let operator = read("create operator + (function = f, leftarg = int)").aftermath.defines;
    assert!(operator.touch_operator(&["public"], "+") && !operator.touch_operator(&["public"], "="));
    assert!(!operator.touch_function(&["public"], "f") && !operator.touch_operator(&["sales"], "+"));
    let range = read("create type span as range (subtype = int)").aftermath.defines;
    assert!(range.touch_function(&["public"], "other"), "its functions may have any name");
}

#[test]
fn what_was_defined_since_is_not_relied_on_and_nothing_else() {
    let names = with(|known| known.defined = Arc::new(Definitions::relations([(None, "payroll".to_owned())])));
    for sql in ["select 1 from payroll", "select 1 from wages", "select 1 from public.payroll"] {
        let facts = read_by(sql, &names);
        assert!(facts.outdated && facts.unknown.contains("sql.relations"), "{sql}");
    }
    let other = read_by("select lower('a') from orders", &names);
    assert!(!other.outdated && !other.unknown.contains("sql.relations"));
    let names = with(|known| known.defined = Arc::new(Definitions::functions([(None, "upper".to_owned())])));
    let upper = read_by("select upper('a')", &names);
    assert!(upper.outdated && upper.unknown.contains("sql.functions") && effects(&upper) == "procedure read");
    assert_eq!(effects(&read_by("select abs(1)", &names)), "read");
}

#[test]
fn without_a_path_what_is_qualified_is_found() {
    let names = names(&["public"], Trust::Recent).unsearched();
    assert_eq!(ids(&read_by("select 1 from public.wages", &names)), ["public.payroll", "public.wages"]);
    for sql in ["select 1 from wages", "select 1 from pg_class", "select 1 from orders"] {
        assert!(read_by(sql, &names).unknown.contains("sql.relations"), "{sql}");
    }
    let lower = read_by("select abs(1)", &names);
    assert!(effects(&lower) == "procedure read" && lower.functions[0].schema.is_none());
    assert_eq!(ids(&read_by("insert into public.log values (1)", &names)), ["public.log", "public.payroll"]);
}

#[test]
fn what_nobody_has_looked_behind_is_unknown() {
    let names = Names::Unseen { schema: Some(Arc::from("public")) };
    let facts = read_by("select 1 from orders", &names);
    assert!(facts.outdated && facts.unknown.contains("sql.relations") && ids(&facts) == ["public.orders"]);
    assert!(read_by("select 1 from sales.orders", &names).unknown.contains("sql.relations"));
    let lower = read_by("select lower('a')", &names);
    assert!(lower.outdated && lower.unknown.contains("sql.functions") && effects(&lower) == "procedure read");
    assert!(read_by("select 1 from pg_class", &names).unknown.is_empty());
}

#[test]
fn a_statement_behind_a_definition_in_one_text_does_not_trust_what_was_known() {
    for sql in [
        "create or replace view orders as select 1; select 1 from orders",
        "create view v as select 1 from payroll; select 1 from v",
        "alter table payroll rename to secret; alter table orders rename to payroll; select 1 from payroll",
        "create or replace view payroll as select 2; select 1 from wages",
        "create or replace view orders as select 1; prepare p as select 1 from orders",
        "grant usage on schema public to bob; select 1 from orders",
        "grant usage on schema sales to bob; select 1 from sales.orders",
    ] {
        assert!(recently(sql).unknown.contains("sql.relations"), "{sql}");
    }
    for sql in [
        "create schema new; create table new.t (at timestamptz default now())",
        "create function one() returns int language sql as 'select 1'; select abs(1) from orders",
        "drop function one(); drop table payroll; select abs(1) from orders",
        "create trigger t after insert on orders for each row execute function one(); select abs(1) from payroll",
    ] {
        let facts = recently(sql);
        assert!(facts.unknown.is_empty() && !facts.outdated, "{sql}: {:?}", facts.unknown);
    }
    for sql in [
        "create schema new; create function public.now() returns int language sql as 'select 1'; select now()",
        "create function pg_temp.one() returns int language sql as 'select 1'; select pg_temp.one()",
        "create type shop.pg_temp.one as enum ('a'); select 1 from orders",
        "drop function one() cascade; select 1 from orders",
        "drop schema new cascade; select 1 from orders",
    ] {
        assert!(!recently(sql).unknown.is_empty(), "{sql}");
    }
    let call = "create function abs(int) returns int language sql as 'select 1'; select abs(1)";
    assert!(recently(call).unknown.contains("sql.functions"), "{call}");
    assert!(!recently("create view v as select 1; select 1 from orders").unknown.contains("sql.relations"));
}

#[test]
fn a_call_of_what_is_also_said_without_parentheses_is_looked_for_by_its_name() {
    let lost = with(|known| known.searched = false);
    for sql in ["select current_schema()", "select * from \"current_schema\"()"] {
        assert_eq!(effects(&read_by(sql, &lost)), "procedure read", "{sql}");
        assert_eq!(effects(&recently(sql)), "read", "{sql}");
    }
    assert_eq!(effects(&read_by("select current_schema", &lost)), "read");
}

#[test]
fn a_types_name_may_be_a_domains_where_the_path_is_not_known() {
    let lost = with(|known| known.searched = false);
    for sql in [
        "select 'x'::date",
        "select date 'x'",
        "select cast('y' as text)",
        "select '{a}'::text[]",
        "select 'x'::timestamptz",
        "select '1'::int4, '1'::pg_catalog.int8",
        "select 'orders'::regclass",
        "prepare q(text) as select $1",
        "alter table public.orders alter item type text",
    ] {
        assert!(effects(&read_by(sql, &lost)).contains("procedure"), "{sql}");
        assert!(!effects(&recently(sql)).contains("procedure"), "{sql}");
    }
    for sql in [
        "select '1'::int, '1'::varchar, '1'::numeric(3), '1'::timestamp with time zone, boolean '1', interval '1'",
        "select '1'::pg_catalog.text, '1'::pg_catalog.int4[]",
        "create table public.made (a text, b date, c uuid[])",
    ] {
        assert!(!effects(&read_by(sql, &lost)).contains("procedure"), "{sql}");
    }
}

#[test]
fn a_temporary_relation_is_its_rows_or_unknown() {
    let temporary = [("t", true), ("v", false), ("orders", true)].map(|(name, plain)| (Box::from(name), plain));
    let names = with(|known| known.temporary = Arc::new(temporary.into()));
    let plain = read_by("select 1 from t", &names);
    assert_eq!(
        (ids(&plain), plain.unknown.contains("sql.relations"), plain.outdated),
        (vec!["pg_temp.t"], false, false)
    );
    assert_eq!(ids(&read_by("insert into t values (1)", &names)), ["pg_temp.t"]);
    assert!(read_by("select 1 from v", &names).unknown.contains("sql.relations"));
    assert_eq!(ids(&read_by("select 1 from orders", &names)), ["public.orders"], "it comes last");
    let Names::Known(known) = names else { panic!("it is known") };
    let gone = Known {
        defined: Arc::new(Definitions::relations([(None, "t".to_owned()), (None, "orders".to_owned())])),
        ..known
    };
    for sql in ["select 1 from t", "select 1 from orders"] {
        assert!(read_by(sql, &Names::Known(gone.clone())).unknown.contains("sql.relations"), "{sql}");
    }
}
