//! What changes and runs in turn: foreign keys, event triggers, what other relations ask, and tables that were just made.
//! Each on PostgreSQL 15 and 18.

use serde_json::{Value, json};

use crate::harness::raw::{Raw, query};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, said};

/// Whatever is read of relations and functions must be known.
const POLICY: &str = "package policies.shop\n\nimport data.sidegate.sql\n\nallow contains \"everything else\" if true\n\n\
    deny contains \"chairs stay\" if sql.touches({\"public.chairs\"})\n\n\
    deny contains \"no code of others\" if {\n\tsome f in input.sql.functions\n\tnot f.builtin\n\tf.id != \"public.told\"\n}\n";

const HOUSES: &str = "create function told() returns trigger language plpgsql as 'begin return coalesce(new, old); end'; \
    create table houses (id int primary key, name text); \
    create table rooms (id int primary key, house int references houses on delete cascade on update cascade); \
    create table chairs (id int, room int references rooms on delete set null); \
    create table doors (id int primary key, house int references houses on delete cascade); \
    create trigger told after delete on doors for each row execute function told(); \
    create table keys (id int, door int references doors on delete set null, secret text); \
    create table walls (id int primary key, name text); \
    create table nails (wall int not null references walls on delete set null, secret text); \
    insert into houses values (1, 'a'), (2, 'b'); insert into rooms values (1, 1); insert into chairs values (1, 1); \
    create table lots (id int primary key) partition by list (id); create table lot1 partition of lots for values in (1); \
    create table plans (lot int references lots on delete cascade) partition by list (lot); \
    create table plan1 partition of plans for values in (1); \
    create table hooks (wall int not null references walls on delete set null) inherits (nails); \
    insert into walls values (1, 'w'), (2, 'v'); insert into nails values (1, 'hidden 4711'); \
    insert into hooks values (2, 'hidden 4711')";

fn start(server: &'static Postgres, policy: &str, sql: &str) -> Sidegate {
    let sidegate = Setup::policy(policy).server(server).start();
    server.sql(&sidegate.database, sql);
    sidegate
}

fn answer(sidegate: &Sidegate, sql: &str) -> String {
    said(&sidegate.psql(&["-Atc", sql]))
}

fn written(event: &Value) -> Vec<&str> {
    let relations = event["input"]["sql"]["relations"].as_array().expect("a list");
    let written =
        relations.iter().filter(|one| one["access"].as_array().is_some_and(|all| all.contains(&json!("write"))));
    written.filter_map(|one| one["id"].as_str()).collect()
}

fn keys_are_followed(server: &'static Postgres) {
    let sidegate = start(server, POLICY, HOUSES);
    for sql in
        ["delete from houses where id = 1", "delete from rooms", "truncate rooms cascade", "truncate houses cascade"]
    {
        let text = answer(&sidegate, sql);
        assert!(text.contains("chairs stay"), "{sql}: {text}");
    }
    assert_eq!(server.sql(&sidegate.database, "select count(*) from houses, rooms, chairs"), "2");
    for (sql, wanted) in [
        ("update houses set name = 'c' where id = 2", vec!["public.houses"]),
        ("update houses set id = 3 where id = 2", vec!["public.houses", "public.rooms"]),
        ("insert into houses values (3) on conflict (id) do update set name = 'd'", vec!["public.houses"]),
        ("delete from doors", vec!["public.doors", "public.keys"]),
        ("delete from lots", vec!["public.lots", "public.plans"]),
        ("delete from lot1", vec!["public.lot1", "public.plans"]),
        ("truncate lots cascade", vec!["public.lots", "public.plans"]),
        ("truncate lots, plans", vec!["public.lots", "public.plans"]),
    ] {
        let text = answer(&sidegate, sql);
        assert!(!text.contains("denied"), "{sql}: {text}");
        assert_eq!(written(&sidegate.event_of(sql)), wanted, "{sql}");
    }
    server.sql(&sidegate.database, "drop table chairs");
    let policy = POLICY.replace("f.id != \"public.told\"", "true");
    sidegate.edit_policy(&policy);
    let denied = |sql: &str| answer(&sidegate, sql).contains("no code of others");
    crate::harness::until("the catalog", || {
        (!answer(&sidegate, "delete from rooms where id = 77").contains("chairs")).then_some(())
    });
    assert!(denied("delete from houses where id = 3"), "a trigger of what goes in turn runs");
    let event = sidegate.event_of("delete from houses where id = 3");
    assert_eq!(event["input"]["sql"]["functions"][0]["called_by"], json!(["trigger"]), "{event}");
    assert!(!denied("update houses set name = 'e'"));
}

#[test]
fn what_foreign_keys_change_in_turn_is_told_on_15() {
    keys_are_followed(postgres());
}

#[test]
fn what_foreign_keys_change_in_turn_is_told_on_18() {
    keys_are_followed(postgres18());
}

const MASKED: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.nails.secret\", \"with\": {\"null\": {}}} if true\n";

fn errors_of_what_is_reached_show_nothing(server: &'static Postgres) {
    let sidegate = start(server, MASKED, HOUSES);
    let shown = server.sql(&sidegate.database, "select distinct secret from nails");
    assert_eq!(shown, "hidden 4711");
    for sql in [
        "delete from walls",
        "with gone as (delete from walls returning 1) select 1",
        "explain analyze delete from walls",
    ] {
        let text = answer(&sidegate, sql);
        assert!(text.contains("ERROR") && !text.contains("4711"), "{sql}: {text}");
    }
    assert_eq!(answer(&sidegate, "update walls set name = 'x' returning name").trim(), "x\nx\nUPDATE 2");
}

#[test]
fn an_error_in_a_masked_table_that_a_key_reaches_shows_no_row_of_it_on_15() {
    errors_of_what_is_reached_show_nothing(postgres());
}

#[test]
fn an_error_in_a_masked_table_that_a_key_reaches_shows_no_row_of_it_on_18() {
    errors_of_what_is_reached_show_nothing(postgres18());
}

/// Code of the client's own would run without being called, and read what no mask reaches.
fn nobody_makes_code_run_unasked(server: &'static Postgres) {
    let sidegate = start(server, MASKED, HOUSES);
    crate::harness::until("the catalog", || answer(&sidegate, "select 1 from nails").contains("1\n1").then_some(()));
    let shows = "returns trigger language plpgsql as 'begin raise notice ''%'', (select max(secret) from nails); return new; end'";
    for (sql, told) in [
        ("create trigger shows before insert on houses for each row execute function told()", "what a trigger runs"),
        (&format!("create or replace function told() {shows}"), "`public.told` runs by itself"),
        (&format!("create function shows() {shows}"), "CREATE FUNCTION"),
        ("create trigger shows before insert on houses for each row execute function shows()", "what a trigger runs"),
        ("insert into houses values (7, 'c')", "INSERT 0 1"),
        ("delete from doors", "DELETE 0"),
    ] {
        let text = answer(&sidegate, sql);
        assert!(text.contains(told) && !text.contains("4711"), "{sql}: {text}");
    }
}

/// Nor what would run once a trigger is enabled, or somebody logs in.
fn nobody_makes_code_run_later(server: &'static Postgres) {
    let disabled = "create function spare() returns trigger language plpgsql as 'begin return new; end';
        create trigger spare before insert on houses for each row execute function spare();
        alter table houses disable trigger spare;
        create function aside() returns event_trigger language plpgsql as 'begin end';
        create event trigger aside on ddl_command_end execute function aside(); alter event trigger aside disable";
    let sidegate = start(server, MASKED, &format!("{HOUSES}; {disabled}"));
    crate::harness::until("the catalog", || answer(&sidegate, "select 1 from nails").contains("1\n1").then_some(()));
    let does = "language plpgsql as 'begin create table shown as select secret from nails; end'";
    for (sql, told) in [
        (format!("create or replace function spare() returns trigger {does}"), "`public.spare` runs by itself"),
        (format!("create or replace function aside() returns event_trigger {does}"), "`public.aside` runs by itself"),
        ("create event trigger mine on ddl_command_end execute function aside()".to_owned(), "what a trigger runs"),
        ("alter table houses enable trigger spare".to_owned(), "ALTER TABLE"),
        ("alter event trigger aside enable".to_owned(), "ALTER EVENT TRIGGER"),
        ("insert into houses values (7, 'c')".to_owned(), "INSERT 0 1"),
    ] {
        let text = answer(&sidegate, &sql);
        assert!(text.contains(told) && !text.contains("4711"), "{sql}: {text}");
    }
    // What is disabled is none of what statements run.
    assert_eq!(server.sql(&sidegate.database, "select count(*) from pg_class where relname = 'shown'"), "0");
}

#[test]
fn an_event_trigger_of_the_same_transaction_leaves_unknown_what_definitions_run() {
    let logs = "create function logs() returns event_trigger language plpgsql as 'begin end'";
    let sidegate = Setup::open().start();
    postgres().sql(&sidegate.database, logs);
    crate::harness::until("the catalog", || {
        let sql = "drop table if exists nothing";
        answer(&sidegate, sql);
        let known =
            |event: &Value| event["input"]["sql"]["normalized"] == sql && event["input"]["unknown"] == json!([]);
        sidegate.events().iter().any(known).then_some(())
    });
    let made = "create event trigger logged on ddl_command_end execute function logs()";
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let unknown = |sql: &str| sidegate.event_of(sql)["input"]["unknown"].to_string();
    assert_eq!(
        client.ask(&query(&format!("{made}; create table one (id int)"))),
        "C:CREATE EVENT TRIGGER C:CREATE TABLE Z:I"
    );
    assert!(unknown(&format!("{made}; create table one (id int)")).contains("sql.functions"));
    assert_eq!(
        client.ask(&query("alter event trigger logged disable; begin; alter event trigger logged enable")),
        "C:ALTER EVENT TRIGGER C:BEGIN C:ALTER EVENT TRIGGER Z:T"
    );
    assert_eq!(client.ask(&query("create table two (id int)")), "C:CREATE TABLE Z:T");
    assert!(unknown("create table two (id int)").contains("sql.functions"));
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
}

#[test]
fn under_masks_nobody_makes_code_run_later_on_15() {
    nobody_makes_code_run_later(postgres());
}

#[test]
fn under_masks_nobody_makes_code_run_later_on_18() {
    nobody_makes_code_run_later(postgres18());
}

#[test]
fn under_masks_nobody_makes_code_run_unasked_on_15() {
    nobody_makes_code_run_unasked(postgres());
}

#[test]
fn under_masks_nobody_makes_code_run_unasked_on_18() {
    nobody_makes_code_run_unasked(postgres18());
}

const UNASKED: &str = "create function note() returns trigger language plpgsql as 'begin return new; end'; \
    create function logs() returns event_trigger language plpgsql as 'begin end'; \
    create function sees(int) returns bool language plpgsql stable as 'begin return true; end'; \
    create function draws() returns int language sql volatile as 'select 1'; \
    create function ordered(int, int) returns int language sql immutable as 'select $1 - $2'; \
    create function half(int) returns int language sql immutable as 'select $1 / 2'; \
    create operator class mine for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, \
        operator 5 >, function 1 ordered(int, int); \
    create table members (id int); alter table members enable row level security; \
    create policy some_members on members using (sees(id)); \
    create table guarded (id int); alter table guarded enable row level security; \
    create policy of_members on guarded using (exists (select from members m where m.id = guarded.id)); \
    create table sorted (id int); create index on sorted (id mine); \
    create table counted (id int, n int); create statistics both_halves on (half(id)), n from counted; \
    create table split (id int) partition by list (id); create table split1 partition of split for values in (1); \
    create trigger note after insert on split for each row execute function note()";

/// Up to 14 a partition's copy of a trigger counts as internal.
const AS_ON_14: &str =
    "set allow_system_table_mods = on; update pg_trigger set tgisinternal = true where tgparentid <> 0";

fn what_others_ask_is_told(server: &'static Postgres) {
    let sidegate = start(server, POLICY, UNASKED);
    server.sql(&sidegate.database, AS_ON_14);
    for (sql, id, by) in [
        ("select * from guarded", "public.sees", "row_security"),
        ("insert into sorted values (1)", "public.ordered", "index"),
        ("analyze counted", "public.half", "index"),
        ("reindex table sorted", "public.ordered", "index"),
        ("insert into split1 values (1)", "public.note", "trigger"),
        ("insert into split values (1)", "public.note", "trigger"),
    ] {
        let text = answer(&sidegate, sql);
        assert!(text.contains("no code of others"), "{sql}: {text}");
        let event = sidegate.event_of(sql);
        let functions = event["input"]["sql"]["functions"].as_array().expect("a list");
        assert!(functions.iter().any(|f| f["id"] == id && f["called_by"] == json!([by])), "{sql}: {functions:?}");
    }
    for sql in ["insert into counted values (1)", "select * from sorted", "select * from split", "analyze guarded"] {
        let text = answer(&sidegate, sql);
        assert!(!text.contains("denied"), "{sql}: {text}");
    }
    assert!(!answer(&sidegate, "create table before (id int)").contains("denied"));
    server.sql(
        &sidegate.database,
        "create event trigger logs on ddl_command_end when tag in ('DROP TABLE') execute function logs()",
    );
    crate::harness::until("the catalog", || {
        answer(&sidegate, "create table again (id int)");
        answer(&sidegate, "drop table again").contains("no code of others").then_some(())
    });
    assert!(!answer(&sidegate, "create table other (id int)").contains("denied"), "it is not for that command");
}

#[test]
fn what_runs_where_others_ask_is_told_on_15() {
    what_others_ask_is_told(postgres());
}

#[test]
fn what_runs_where_others_ask_is_told_on_18() {
    what_others_ask_is_told(postgres18());
}

#[test]
fn a_table_made_in_the_same_transaction_is_said_to_run_what_it_runs() {
    let sidegate = start(postgres(), POLICY, UNASKED);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    for (made, behind, known) in [
        ("create table made (id int)", "insert into made values (1)", true),
        ("create table made as select 1 as id", "insert into made values (1)", true),
        ("create table made as select 1 as id", "select id from made", true),
        ("create index on sorted (id)", "select id from sorted", true),
        ("create table made (id int references sorted2 on delete cascade)", "delete from sorted2", true),
        (
            "create table made (id int); create trigger note before insert on made for each row execute function note()",
            "insert into made values (1)",
            false,
        ),
        (
            "create table made (id int references sorted2 on delete cascade); \
             create trigger note after delete on made for each row execute function note()",
            "delete from sorted2",
            false,
        ),
        ("create table made (id int references sorted2 on delete cascade)", "select 1 from sorted2", true),
    ] {
        assert_eq!(
            client.ask(&query("create table if not exists sorted2 (id int primary key)")).chars().last(),
            Some('I')
        );
        assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
        assert!(client.ask(&query(made)).starts_with("C:"), "{made}");
        let told = client.ask(&query(behind));
        assert_eq!(!told.contains("E:42501"), known, "{made}; {behind}: {told}");
        client.ask(&query("rollback"));
    }
}
