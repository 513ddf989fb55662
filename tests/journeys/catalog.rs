//! What a name means in the database that is there: views, rules, functions, paths, and what changes meanwhile.

use std::time::Duration;

use sidegate::catalog::{RelationKind, Snapshot};
use sidegate::config::{Address, SecretSource, Upstream};
use sidegate::forward::Connector;

use crate::harness::raw::query;
use crate::harness::{PASSWORD, Postgres, Setup, postgres, postgres18, said, until};

pub const READERS: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"reads\" if sql.reads_only\n\n\
    allow contains \"writes of orders\" if {\n\tinput.sql.effects == [\"write\"]\n\tsql.only_touches({\"public.orders\"})\n}\n\n\
    allow contains \"definitions\" if \"ddl\" in input.sql.effects\n\n\
    deny contains \"payroll is nobody's business\" if sql.touches({\"public.payroll\"})\n";

/// Things of every kind, beside the shop.
pub const MORE: &str = "create schema sales; create table sales.orders (id int, note text); create table sales.own (id int);
    create view wages as select p.salary from payroll p;
    create view far as select w.salary + 1 as more from wages w join orders o on o.id = w.salary;
    create view whole as select p from payroll p where p.id = 1;
    create view roles_of as select rolname from pg_authid;
    create materialized view stored as select id from orders;
    create table log (id int); create rule copied as on insert to log do also insert into payroll values (new.id, 0);
    create table parts (id int) partition by range (id); create table part1 partition of parts for values from (0) to (9);
    create function lower(integer) returns text language sql immutable as 'select $1::text';
    create function leak(customers) returns text language sql as 'select $1.email';
    create function def(a int, b text default 'x', variadic c int[] default '{}') returns int language sql
        security definer set search_path = sales as 'select 1';
    create view calls as select leak(c) from customers c; create view files as select pg_read_file('x');
    create domain mail as text check (value like '%@%'); create type mood as enum ('a', 'b');
    create type pair as (a int, b text); create type span as range (subtype = int);
    create function same(text, text) returns bool language sql as 'select true';
    create operator public.=== (leftarg = text, rightarg = text, function = same);
    create view \"Odd :relid 1260 Name\" as select id as \":relid 1260 :funcid 1\" from orders;";

pub fn survey(server: &Postgres, database: &str) -> Snapshot {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("password");
    std::fs::write(&path, PASSWORD).expect("the password is written");
    let upstream = Upstream {
        address: Address::Tcp { host: "127.0.0.1".to_owned(), port: server.port },
        tls: None,
        user: "app".to_owned(),
        password: Some(SecretSource::File(path)),
        allow_md5: false,
        connect: Duration::from_secs(30),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(Connector::new(upstream).survey(database)).expect("the database describes itself")
}

fn behind(snapshot: &Snapshot, name: &str, writes: bool) -> String {
    let relation = snapshot.relation_in("public", name).expect("it is there");
    let reach = if writes { snapshot.behind_write(relation) } else { snapshot.behind_read(relation) };
    assert!(!reach.open, "{name}");
    let mut shown: Vec<String> = reach
        .relations
        .values()
        .map(|reached| {
            let columns: Vec<&str> = reached.columns.iter().flatten().copied().collect();
            format!("{}{}({})", reached.relation.name(), if reached.written { "!" } else { "" }, columns.join(","))
        })
        .collect();
    let functions = reach.functions.values().filter(|function| !function.is_own());
    shown.extend(functions.map(|function| function.name().to_owned()));
    shown.sort();
    shown.join(" ")
}

fn describes_itself(server: &'static Postgres) {
    let database = server.database();
    server.sql(&database, MORE);
    let snapshot = survey(server, &database);
    assert_eq!(&*snapshot.server().database, database);
    assert!(snapshot.server().superuser);
    let told = server.sql(
        &database,
        "select c.oid || ' ' || coalesce(string_agg(a.attname || ':' || a.atttypid, ',' order by a.attnum), '') \
         from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
         where c.relkind not in ('i', 'I', 't') group by c.oid order by c.oid",
    );
    let held: Vec<String> = snapshot
        .relations()
        .map(|relation| {
            let columns = relation.columns().map(|column| format!("{}:{}", column.name(), column.data_type().0));
            format!("{} {}", relation.oid(), columns.collect::<Vec<_>>().join(","))
        })
        .collect();
    assert_eq!(held.join("\n"), told);
    let kind = |name| snapshot.relation(&["public"], name).map(|relation| relation.kind());
    assert_eq!(kind("orders"), Some(RelationKind::Table));
    assert_eq!(kind("wages"), Some(RelationKind::View));
    assert_eq!(kind("stored"), Some(RelationKind::Materialized));
    assert_eq!(kind("parts"), Some(RelationKind::Partitioned));
    assert_eq!(kind("pair"), Some(RelationKind::Composite));
    assert_eq!(snapshot.relation(&["sales", "public"], "orders").map(|found| found.schema()), Some("sales"));
    assert_eq!(behind(&snapshot, "far", false), "orders(id) payroll(salary) wages(salary)");
    assert_eq!(behind(&snapshot, "whole", false), "payroll()", "a whole row is all of its columns");
    assert_eq!(behind(&snapshot, "roles_of", false), "pg_authid()", "what is PostgreSQL's own is not passed over");
    assert_eq!(behind(&snapshot, "stored", false), "");
    assert_eq!(behind(&snapshot, "calls", false), "customers() leak");
    assert_eq!(behind(&snapshot, "log", true), "payroll!(id,salary)");
    assert_eq!(behind(&snapshot, "wages", true), "payroll!(salary)");
    assert_eq!(behind(&snapshot, "Odd :relid 1260 Name", false), "orders(id)");
    let wages = snapshot.relation_in("public", "wages").and_then(|view| view.rules().next()?.definition());
    assert!(wages.is_some_and(|text| text.contains("public.payroll")), "{wages:?}");
    let functions = |name, count| snapshot.functions(&["public"], name, count).count();
    assert_eq!((functions("def", 0), functions("def", 1), functions("def", 5)), (0, 1, 1));
    let def = snapshot.functions_named(&["public"], "def").next().expect("it is there");
    assert!(def.is_security_definer() && def.configuration().eq(["search_path=sales"]));
    let mail = snapshot.type_named(&["public"], "mail").expect("it is there");
    assert!(mail.constraints().next().is_some_and(|text| text.starts_with("CHECK")));
    assert_eq!(
        snapshot.type_named(&["public"], "span").and_then(|span| span.subtype()).map(|of| of.name().to_owned()),
        Some("int4".to_owned())
    );
    assert_eq!(snapshot.operators(&["public"], "===").filter_map(|operator| operator.function()).count(), 1);
    assert!(snapshot.extensions().any(|(name, _)| name == "plpgsql"));
    assert!(survey(server, &database).says_the_same_as(&snapshot));
    server.sql(&database, "alter table orders add more int");
    assert!(!survey(server, &database).says_the_same_as(&snapshot));
}

#[test]
fn a_database_of_postgresql_15_describes_itself() {
    describes_itself(postgres());
}

#[test]
fn a_database_of_postgresql_18_describes_itself() {
    describes_itself(postgres18());
}

#[test]
fn a_view_is_what_it_shows() {
    let sidegate = Setup::policy(READERS).start();
    postgres().sql(&sidegate.database, MORE);
    for view in ["wages", "far", "whole", "public.wages", "(select * from wages) x", "wages w join orders on true"] {
        let text = said(&sidegate.psql(&["-c", &format!("select count(*) from {view}")]));
        assert!(text.contains("payroll is nobody's business"), "{view}: {text}");
    }
    let event = sidegate.event_of("select count(*) from wages");
    let relations = event["input"]["sql"]["relations"].as_array().expect("a list");
    let ids: Vec<&str> = relations.iter().filter_map(|relation| relation["id"].as_str()).collect();
    assert_eq!(ids, ["public.payroll", "public.wages"]);
    assert_eq!(relations[0]["columns"], serde_json::json!(["salary"]));
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from stored"])), "1000\n");
    for (view, effect) in [("calls", "procedure"), ("files", "file")] {
        let text = said(&sidegate.psql(&["-c", &format!("select count(*) from {view}")]));
        assert!(text.contains("denied by policy"), "{effect}: {text}");
    }
}

#[test]
fn what_a_rule_does_counts() {
    let sidegate = Setup::policy(READERS).start();
    postgres().sql(&sidegate.database, MORE);
    let text = said(&sidegate.psql(&["-c", "insert into log values (77)"]));
    assert!(text.contains("payroll is nobody's business"), "{text}");
    let text = said(&sidegate.psql(&["-c", "insert into wages values (1)"]));
    assert!(text.contains("payroll is nobody's business"), "{text}");
    assert_eq!(postgres().sql(&sidegate.database, "select count(*) from payroll"), "10");
    let ok = sidegate.psql(&["-c", "insert into orders values (5000, 1, 1)"]);
    assert!(ok.status.success(), "{}", said(&ok));
}

#[test]
fn a_function_that_a_built_ins_name_may_mean_counts() {
    let sidegate = Setup::policy(READERS).start();
    postgres().sql(&sidegate.database, MORE);
    for text in ["select lower(1)", "select c.leak from customers c", "select leak from customers leak"] {
        let output = sidegate.psql(&["-c", text]);
        if text.contains("from customers leak") {
            assert!(output.status.success(), "{text}: {}", said(&output));
        } else {
            assert!(said(&output).contains("denied by policy"), "{text}: {}", said(&output));
        }
    }
    let event = sidegate.event_of("select c.leak from customers c");
    assert_eq!(event["input"]["sql"]["functions"][0]["id"], "public.leak");
    assert_eq!(said(&sidegate.psql(&["-c", "select c.name from customers c where c.id = 1"])), "customer 1\n");
    assert_eq!(said(&sidegate.psql(&["-c", "select upper('a')"])), "A\n");
}

#[test]
fn along_several_schemas_a_name_means_what_the_path_shows_first() {
    let policy = "package policies.shop\n\nimport data.sidegate.sql\n\n\
        allow contains \"some\" if sql.only_touches({\"sales.orders\", \"public.customers\"})\n\n\
        allow contains \"definitions\" if \"ddl\" in input.sql.effects\n";
    let sidegate = Setup::policy(policy).listener("pins: {search_path: \"sales, public, pg_temp\"}").start();
    postgres().sql(&sidegate.database, MORE);
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from orders"])), "0\n");
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from customers"])), "100\n");
    assert!(said(&sidegate.psql(&["-c", "select count(*) from payroll"])).contains("denied by policy"));
    assert_eq!(said(&sidegate.psql(&["-c", "drop table orders"])), "DROP TABLE\n");
    // By somebody else, a moment ago.
    let text = said(&sidegate.psql(&["-c", "select count(*) from orders"]));
    assert!(text.contains("denied by policy"), "it is another's now: {text}");
}

#[test]
fn what_was_changed_a_moment_ago_is_known_to_every_session() {
    let sidegate = Setup::policy(READERS).start();
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from customers"])), "100\n");
    // Through sidegate, by somebody else.
    postgres().sql(&sidegate.database, "create view hidden as select * from payroll");
    let text = said(&sidegate.psql(&["-c", "select count(*) from hidden"]));
    assert!(text.contains("payroll is nobody's business"), "a new name: {text}");
    let renamed = sidegate.psql(&["-c", "drop view if exists nothing", "-c", "alter view hidden rename to shown"]);
    assert!(renamed.status.success(), "{}", said(&renamed));
    let text = said(&sidegate.psql(&["-c", "select count(*) from shown"]));
    assert!(text.contains("payroll is nobody's business"), "a new name for it: {text}");
    postgres().sql(&sidegate.database, "create table innocent (id int)");
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from innocent"])), "0\n");
    let swapped = sidegate.psql(&["-c", "drop table innocent", "-c", "alter view shown rename to innocent"]);
    assert!(swapped.status.success(), "{}", said(&swapped));
    let text = said(&sidegate.psql(&["-c", "select count(*) from innocent"]));
    assert!(text.contains("payroll is nobody's business"), "another thing of that name: {text}");
}

#[test]
fn what_is_not_there_is_said_by_the_server() {
    let sidegate = Setup::policy(READERS).start();
    let text = said(&sidegate.psql(&["-c", "select count(*) from nosuch"]));
    assert!(text.contains("relation \"nosuch\" does not exist"), "{text}");
    let text = said(&sidegate.psql(&["-c", "begin; create table t (id int); select count(*) from t; rollback"]));
    assert!(!text.contains("does not exist"), "{text}");
}

#[test]
fn a_look_at_the_catalog_whose_connection_is_ended_is_taken_again() {
    let sidegate = Setup::policy(READERS).start();
    let asked = |sql: &str| said(&sidegate.psql(&["-Atc", sql]));
    assert_eq!(asked("create view of_orders as select id from orders"), "CREATE VIEW\n");
    assert_eq!(asked("select count(*) from of_orders"), "1000\n");
    for round in 0..3 {
        // Whoever asks what a view is made of waits.
        let mut holder = postgres().open(&sidegate.database);
        assert_eq!(holder.ask(&query("begin; lock table of_orders")), "C:BEGIN C:LOCK TABLE Z:T");
        let (made, counted) =
            (format!("create table made{round} (a int)"), format!("select count(*) from made{round}"));
        let text = std::thread::scope(|scope| {
            let text = scope.spawn(|| said(&sidegate.psql(&["-Atqc", &made, "-c", &counted])));
            until("the look waits", || {
                let end = "select pg_terminate_backend(pid) from pg_stat_activity \
                           where application_name = 'sidegate catalog' and wait_event_type = 'Lock'";
                (postgres().sql(&sidegate.database, end) == "t").then_some(())
            });
            assert_eq!(holder.ask(&query("rollback")), "C:ROLLBACK Z:I");
            text.join().expect("psql ends")
        });
        assert_eq!(text, "0\n", "nobody is sent away for it");
    }
    assert!(!sidegate.stderr().iter().any(|line| line.contains("a catalog was not read")));
}
