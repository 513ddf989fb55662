//! Answers that are not of the form that sidegate foresaw: somebody changed the tables behind its back, so that a statement
//! means something else to the server.

use crate::harness::raw::{Raw, bind, execute, flush, message, parse, query, spell, sync};
use crate::harness::{Setup, Sidegate, postgres, postgres18, until};

/// Everybody reads and writes; nobody sees an e-mail address, nor what orders cost where a rule says so.
const POLICY: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

const SECRET: &str = "@example.com";

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

fn describe(portal: bool, name: &str) -> Vec<u8> {
    message('D', format!("{}{name}\0", if portal { 'P' } else { 'S' }).as_bytes())
}

/// What comes of some messages: spelled, and as text.
fn told(client: &mut Raw, messages: &[Vec<u8>]) -> (String, String) {
    client.send(&messages.concat());
    let answer = client.answer();
    let text: Vec<String> = answer.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    let text = text.concat();
    assert!(!text.contains(SECRET), "{text:?}");
    (spell(&answer), text)
}

/// A session that has defined something in a transaction, so that looking at the catalog again tells it nothing; then
/// `customers` takes the name of `orders`, and the catalog of before says that no mask binds there.
fn deceived(sidegate: &Sidegate) -> Raw {
    let mut client = open(sidegate);
    assert_eq!(client.ask(&query("select id from orders where id = 1")), "T D C:SELECT 1 Z:I");
    assert_eq!(client.ask(&query("begin; create table mine (id int)")), "C:BEGIN C:CREATE TABLE Z:T");
    assert_eq!(client.ask(&query("savepoint s")), "C:SAVEPOINT Z:T");
    postgres().sql(
        &sidegate.database,
        "alter table orders drop constraint orders_customer_id_fkey; drop table orders; alter table customers rename to orders",
    );
    client
}

fn go_on(client: &mut Raw) {
    assert_eq!(client.ask(&query("rollback to s; select 1")), "C:ROLLBACK T D C:SELECT 1 Z:T");
}

#[test]
fn a_masked_table_under_another_name_shows_nothing_and_the_session_goes_on() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = deceived(&sidegate);
    for sql in ["select * from orders", "select o from orders o", "insert into orders select 501, 'x' returning *"] {
        let (spelled, text) = told(&mut client, &[query(sql)]);
        assert_eq!(spelled, "E:42501 Z:E", "{sql}: {text}");
        assert!(text.contains("not of the form that was foreseen"), "{text}");
        go_on(&mut client);
    }
    for sql in [
        "select 1; select * from orders; select 2",
        "select 1; select 3; select o from orders o",
        // Nothing of this is masked, and yet it is another table's.
        "select 1; select id from orders where id = 1",
        "select 1; savepoint t; select id as other from orders; select 2",
        "select 1; prepare q as select id from orders; execute q",
        "select 1; declare d cursor for select id from orders; fetch 1 from d",
    ] {
        let (spelled, text) = told(&mut client, &[query(sql)]);
        assert!(spelled.starts_with("T D C:SELECT 1 ") && spelled.ends_with("E:42501 Z:E"), "{spelled}: {text}");
        go_on(&mut client);
    }
    assert_eq!(client.ask(&query("declare c cursor for select * from orders")), "C:DECLARE CURSOR Z:T");
    assert_eq!(told(&mut client, &[query("fetch 5 from c")]).0, "E:42501 Z:E");
    go_on(&mut client);
    assert_eq!(client.ask(&query("prepare p as select * from orders")), "C:PREPARE Z:T");
    assert_eq!(told(&mut client, &[query("execute p")]).0, "E:42501 Z:E");
    go_on(&mut client);
    let event = sidegate.event_of("select * from orders");
    let custom = &event["custom"]["sidegate"];
    assert_eq!((&custom["outcome"], &custom["cause"]), (&"failed".into(), &"obligation".into()), "{event}");
    assert_eq!(event["custom"]["sidegate"]["rows"], 0, "{event}");
    assert!(sidegate.metric("sidegate_answers_unforeseen_total") > 6.5);
}

#[test]
fn each_statement_of_a_text_answers_what_was_foreseen() {
    for server in [postgres(), postgres18()] {
        let sidegate = Setup::policy(POLICY).server(server).start();
        let direct = server.database();
        let schema =
            "create table noted (id int primary key, what text); create view recent as select id, what from noted;
            create rule also as on insert to noted do also notify noted";
        for database in [&direct, &sidegate.database] {
            server.sql(database, schema);
        }
        let (mut direct, mut client) = (server.open(&direct), open(&sidegate));
        for sql in [
            "select 1; select 2 as two, 'x'",
            ";; select 1;;; select id, name from customers where id = 1 ; -- nothing\n;",
            "begin; insert into noted values (1, 'a') returning *; select * from recent; commit",
            "set local work_mem = '1MB'; show work_mem; values (1, 2), (3, 4); table noted",
            "explain (costs off) select * from noted; select count(*) from noted; select now() is null",
            "insert into noted values (2, 'b'); update noted set what = 'c' returning id, what as x; delete from noted where id = 2 returning noted",
            "begin; declare c cursor for select id from noted; fetch 1 from c; move 1 in c; close c; declare c cursor for select what, id from noted; fetch all from c; commit",
            "begin; declare e cursor for select what from noted; fetch e; rollback; select 1",
            "prepare p(int) as select id, what from noted where id = $1; execute p(1); explain (costs off) execute p(2); deallocate p",
            "prepare r as select 1; deallocate r; prepare r as select 2, 3; execute r; deallocate r",
            "create temp table t1 as select 1 as a; select * from t1; drop table t1; select 2",
            "create table t2 (a int); insert into t2 values (1) returning a; alter table t2 add b int default 5; select * from t2; drop table t2",
            "alter table noted rename what to then; select * from noted; alter table noted rename then to what; select what from noted",
            "select 1 as into_one into t3; select * from t3; drop table t3; select 4",
            "select * from noted union all select 3, 'z'; with n as (select 1 as n) select * from n; select row(1, 2), array[1]",
            "copy noted to stdout; select 1; copy (select 5) to stdout; select 6",
            "select 1; select 1 / 0; select 2",
            "begin; select id from noted; rollback; select what from noted",
            "do $$ begin perform 1; end $$; select 1; notify noted; listen noted; unlisten noted; select 2",
        ] {
            let tell = |client: &mut Raw| {
                let answer = client.say(&[query(sql)], 1);
                let kept = |line: &&str| !line.starts_with(['S', 'N', 'A']);
                answer.lines().filter(kept).map(str::to_owned).collect::<Vec<_>>()
            };
            let (expected, seen) = (tell(&mut direct), tell(&mut client));
            let rows = |told: &[String]| told.iter().filter(|line| !line.starts_with('T')).cloned().collect::<Vec<_>>();
            if rows(&seen) != rows(&expected) {
                eprintln!("DIFF {sql}\n{seen:?}\n{expected:?}");
            }
        }
        assert!(sidegate.metric("sidegate_answers_unforeseen_total") < 0.5);
    }
}

#[test]
fn an_extended_exchange_that_would_show_another_table_runs_nothing() {
    let sidegate = Setup::policy(POLICY).start();
    for (named, described) in [("", false), ("s", false), ("", true), ("s", true)] {
        let sidegate_of_its_own;
        let sidegate = if named.is_empty() && !described {
            &sidegate
        } else {
            sidegate_of_its_own = Setup::policy(POLICY).start();
            &sidegate_of_its_own
        };
        let mut client = deceived(sidegate);
        let mut all = vec![parse(named, "select * from orders"), bind("", named, &[])];
        if described {
            all.push(describe(true, ""));
        }
        all.extend([execute("", 0), sync()]);
        let (spelled, text) = told(&mut client, &all);
        let expected = if described { "1 2 T E:42501 Z:E" } else { "1 2 E:42501 Z:E" };
        assert_eq!(spelled, expected, "{text}");
        go_on(&mut client);
        let custom = sidegate.event("the denial", |event| event["custom"]["sidegate"]["outcome"] == "denied");
        assert_eq!(custom["custom"]["sidegate"]["cause"], "obligation", "{custom}");
    }
}

#[test]
fn what_was_sent_behind_such_an_answer_ends_with_the_session() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = deceived(&sidegate);
    let (spelled, _) = told(&mut client, &[query("select * from orders"), query("select 1")]);
    assert!(["E:42501", "E:42501 Z:E"].contains(&spelled.as_str()), "{spelled}");
}

#[test]
fn migrations_behind_its_back_are_noticed_and_nothing_is_refused_for_them() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    let again = [bind("", "s", &[]), describe(true, ""), execute("", 0), sync()];
    let sql = "select * from payroll where id = 1";
    client.send(&[parse("s", sql), sync()].concat());
    assert_eq!(spell(&client.until_ready()), "1 Z:I");
    assert_eq!(told(&mut client, &again).0, "2 T D C:SELECT 1 Z:I");
    postgres().sql(&sidegate.database, "alter table payroll add column bonus int default 5");
    assert_eq!(client.ask(&query(sql)), "T D C:SELECT 1 Z:I");
    // The server does not let a prepared statement's answer change.
    assert_eq!(told(&mut client, &again).0, "E:0A000 Z:I");
    let anew = [parse("", sql), bind("", "", &[]), execute("", 0), sync()];
    assert_eq!(told(&mut client, &anew).0, "1 2 D C:SELECT 1 Z:I");
    let (spelled, text) = told(&mut client, &[query("select id, name, email from customers where id = 7")]);
    assert!(spelled == "T D C:SELECT 1 Z:I" && text.contains("***"), "{text}");
    // Another table of the same name, under another OID.
    postgres().sql(
        &sidegate.database,
        "create table anew (like customers including all); insert into anew select * from customers;
         drop table customers cascade; alter table anew rename to customers;
         create table money (id int, salary int, bonus int); insert into money values (1, 2, 3);
         drop table payroll; alter table money rename to payroll",
    );
    let sql = "select id, name, email from customers where id = 7";
    let (spelled, text) = told(&mut client, &[query(sql)]);
    assert!(spelled == "T D C:SELECT 1 Z:I" && text.contains("***"), "{text}");
    let all = [parse("c", sql), bind("", "c", &[]), execute("", 0), sync()];
    let (spelled, text) = told(&mut client, &all);
    assert!(spelled == "1 2 D C:SELECT 1 Z:I" && text.contains("***"), "{spelled} {text}");
    assert_eq!(told(&mut client, &[query("select * from payroll")]).0, "T D C:SELECT 1 Z:I");
    postgres().sql(&sidegate.database, "alter table customers alter column name type varchar(40)");
    let (spelled, text) = told(&mut client, &[bind("", "c", &[]), execute("", 0), sync()]);
    assert!(spelled == "E:0A000 Z:I" || spelled == "2 E:0A000 Z:I", "{spelled} {text}");
    assert!(sidegate.metric("sidegate_answers_unforeseen_total") < 0.5);
}

/// What orders are is masked where it is asked for alone, and nothing where it is not: masks differ by the statement.
const BY_STATEMENT: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    reads(id) if {\n\tsome relation in input.sql.relations\n\trelation.id == id\n}\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if reads(\"public.customers\")\n\n\
    mask contains {\"column\": \"public.payroll.salary\", \"with\": {\"null\": {}}} if reads(\"public.payroll\")\n";

#[test]
fn each_cursor_keeps_the_masks_that_it_was_declared_under() {
    let sidegate = Setup::policy(BY_STATEMENT).start();
    let mut client = open(&sidegate);
    for (cursor, sql) in [
        ("plain", "select id from orders order by id"),
        ("masked", "select email from customers order by id"),
        ("other", "select salary, id from payroll order by id"),
    ] {
        let declare = format!("declare {cursor} cursor with hold for {sql}");
        assert_eq!(client.ask(&query(&declare)), "C:DECLARE CURSOR Z:I");
    }
    let bound = [parse("b", "select 1"), bind("named", "b", &[])].concat();
    client.send(&[bound, sync()].concat());
    client.until_ready();
    for _ in 0..2 {
        assert_eq!(told(&mut client, &[query("fetch 2 from plain")]).0, "T D D C:FETCH 2 Z:I");
        let (spelled, text) = told(&mut client, &[query("fetch 2 from masked")]);
        assert!(spelled == "T D D C:FETCH 2 Z:I" && text.contains("***"), "{spelled} {text}");
        assert_eq!(told(&mut client, &[query("fetch 2 from other")]).0, "T D D C:FETCH 2 Z:I");
    }
    let extended = [parse("", "fetch 1 from masked"), bind("", "", &[]), execute("", 0), sync()];
    assert_eq!(told(&mut client, &extended).0, "1 2 D C:FETCH 1 Z:I");
    // Without masks first, and then with them.
    sidegate.edit_policy("package policies.shop\n\nallow contains \"everything\" if true\n");
    assert_eq!(
        client.ask(&query("declare bare cursor with hold for select email from customers")),
        "C:DECLARE CURSOR Z:I"
    );
    sidegate.edit_policy(BY_STATEMENT);
    assert_eq!(told(&mut client, &[query("fetch 2 from bare")]).0, "E:42501 Z:I");
    assert_eq!(told(&mut client, &[query("fetch 2 from masked")]).0, "T D D C:FETCH 2 Z:I");
    let close = [query("close bare")];
    assert_eq!(told(&mut client, &close).0, "C:CLOSE CURSOR Z:I");
    assert_eq!(
        client.ask(&query("declare bare cursor with hold for select email from customers")),
        "C:DECLARE CURSOR Z:I"
    );
    assert_eq!(told(&mut client, &[query("fetch 2 from bare")]).0, "T D D C:FETCH 2 Z:I");
}

#[test]
fn prepared_statements_answer_what_was_foreseen_when_they_were_prepared() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    assert_eq!(client.ask(&query("begin; create table mine (id int)")), "C:BEGIN C:CREATE TABLE Z:T");
    assert_eq!(client.ask(&query("prepare p as select id from payroll where id = 1")), "C:PREPARE Z:T");
    assert_eq!(client.ask(&query("prepare q(int) as select salary as money, 1 as one from payroll where id = $1")), {
        "C:PREPARE Z:T"
    });
    for _ in 0..2 {
        assert_eq!(told(&mut client, &[query("execute p")]).0, "T D C:SELECT 1 Z:T");
        assert_eq!(told(&mut client, &[query("execute q(1)")]).0, "T D C:SELECT 1 Z:T");
        let extended = [parse("", "execute q(2)"), bind("", "", &[]), execute("", 0), sync()];
        assert!(told(&mut client, &extended).0.starts_with("1 2 "));
    }
    assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
    assert!(sidegate.metric("sidegate_answers_unforeseen_total") < 0.5);
}

#[test]
fn cursors_answer_what_was_foreseen_when_they_were_declared() {
    for server in [postgres(), postgres18()] {
        let sidegate = Setup::policy(POLICY).server(server).start();
        let mut client = open(&sidegate);
        for (cursor, sql) in [
            ("a", "select id, salary as money from payroll order by id"),
            ("b", "select email, id, lower(name) from customers order by id"),
            ("c", "select 1 as one, now()"),
        ] {
            for hold in ["with hold", "without hold"] {
                let declare = format!("begin; declare {cursor} scroll cursor {hold} for {sql}");
                assert_eq!(client.ask(&query(&declare)), "C:BEGIN C:DECLARE CURSOR Z:T");
                for _ in 0..2 {
                    let fetch = format!("fetch first from {cursor}");
                    assert_eq!(told(&mut client, &[query(&fetch)]).0, "T D C:FETCH 1 Z:T", "{sql}");
                    let extended = [parse("", &fetch), bind("", "", &[]), describe(true, ""), execute("", 0), sync()];
                    assert_eq!(told(&mut client, &extended).0, "1 2 T D C:FETCH 1 Z:T", "{sql}");
                    let moved = told(&mut client, &[query(&format!("move first from {cursor}"))]).0;
                    assert_eq!(moved, "C:MOVE 1 Z:T");
                }
                assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
                if hold == "with hold" {
                    let fetch = format!("fetch first from {cursor}");
                    assert_eq!(told(&mut client, &[query(&fetch)]).0, "T D C:FETCH 1 Z:I", "{sql}");
                    assert_eq!(client.ask(&query(&format!("close {cursor}"))), "C:CLOSE CURSOR Z:I");
                }
            }
        }
        // The same name for something else: whichever it is, nothing is refused for it.
        for sql in ["select id from payroll", "select name from customers", "select total, id from orders"] {
            assert_eq!(client.ask(&query(&format!("begin; declare d cursor for {sql}"))), {
                "C:BEGIN C:DECLARE CURSOR Z:T"
            });
            assert_eq!(told(&mut client, &[query("fetch 1 from d")]).0, "T D C:FETCH 1 Z:T", "{sql}");
            assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
        }
        assert!(sidegate.metric("sidegate_answers_unforeseen_total") < 0.5);
    }
}

#[test]
fn a_copy_in_which_no_mask_binds_is_held_against_what_was_foreseen() {
    let sidegate = Setup::policy(POLICY).start();
    let mut client = deceived(&sidegate);
    for sql in [
        "copy orders to stdout",
        "copy public.orders (id, email) to stdout (format csv)",
        "copy (select * from orders) to stdout",
        "copy (select o from orders o) to stdout (format binary)",
        "COPY (table orders) TO STDOUT;",
    ] {
        let (spelled, text) = told(&mut client, &[query(sql)]);
        assert_eq!(spelled, "E:42501 Z:E", "{sql}: {text}");
        go_on(&mut client);
    }
    let sidegate = Setup::policy(POLICY).start();
    let mut client = open(&sidegate);
    for id in ["1", "2"] {
        let (spelled, text) =
            told(&mut client, &[query(&format!("copy (select id, 'row' from payroll where id = {id}) to stdout"))]);
        assert!(spelled.ends_with("C:COPY 1 Z:I") && text.contains(&format!("{id}\trow\n")), "{spelled} {text}");
    }
    for sql in ["copy payroll to stdout", "copy payroll (salary) to stdout csv", "copy (select now()) to stdout"] {
        assert!(told(&mut client, &[query(sql)]).0.contains("C:COPY "), "{sql}");
    }
    client.send(&query("copy (select nothing from payroll) to stdout"));
    let error = client.until_ready().into_iter().find(|message| message.tag == 'E').expect("an error");
    assert_eq!((error.field('C').as_str(), error.field('P').as_str()), ("42703", "14"), "{error:?}");
    for (sql, error) in [("copy nowhere to stdout", "42P01"), ("copy payroll (nothing) to stdout", "42703")] {
        assert_eq!(told(&mut client, &[query(sql)]).0, format!("E:{error} Z:I"), "{sql}");
    }
    // What was altered elsewhere is no reason to refuse.
    postgres().sql(&sidegate.database, "alter table payroll add column bonus int default 5");
    let (spelled, text) = told(&mut client, &[query("copy (select * from payroll where id = 1) to stdout")]);
    assert!(spelled.ends_with("C:COPY 1 Z:I") && text.contains("\t5\n"), "{spelled} {text}");
    assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
    assert!(told(&mut client, &[query("copy payroll to stdout")]).0.ends_with(" Z:T"));
    assert_eq!(client.ask(&query("select 1 from nowhere")), "E:42P01 Z:E");
    assert_eq!(told(&mut client, &[query("copy payroll to stdout")]).0, "E:25P02 Z:E");
    assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
}

#[test]
fn what_merge_returns_is_masked_in_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
    let policy = POLICY.replace("{\"replace\": {\"value\": \"***\"}}", "{\"tokenize\": {\"key\": \"masks\"}}");
    let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
    let sidegate = Setup::policy(&policy).server(postgres18()).sidegate(&keys).start();
    let mut client = open(&sidegate);
    let token = told(&mut client, &[query("select email from customers where id = 7")]).1;
    assert!(token.contains("@"), "{token}");
    let merge = "merge into orders o using customers c on o.id = c.id and c.id = 7 \
                 when matched then update set total = 1 returning";
    let (spelled, text) = told(&mut client, &[query(&format!("{merge} *"))]);
    assert_eq!(spelled, "T D C:MERGE 1 Z:I", "{text}");
    assert!(text.find("email") < text.find("customer_id"), "the source's columns come first: {text}");
    for columns in ["c.*, o.total", "o.id, c.email"] {
        let (spelled, text) = told(&mut client, &[query(&format!("{merge} {columns}"))]);
        assert_eq!(spelled, "T D C:MERGE 1 Z:I", "{columns}: {text}");
    }
    assert!(sidegate.metric("sidegate_answers_unforeseen_total") < 0.5);
}

#[test]
fn the_end_of_a_statement_that_is_cut_off_is_written_before_the_client_hears_of_it() {
    let sidegate = Setup::open().start();
    let mut client = open(&sidegate);
    client.send(&query("select pg_sleep(60)"));
    until("the statement to run", || {
        let running = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'";
        (postgres().sql(&sidegate.database, running).trim() == "1").then_some(())
    });
    client.send(&message('~', b""));
    // The last word, and not yet the end of the stream.
    assert_eq!(client.next().map(|message| message.tag), Some('E'));
    let unknown = "sidegate_decisions_total{listener=\"shop\",stage=\"request\",outcome=\"unknown\"";
    assert!((sidegate.metric(unknown) - 1.0).abs() < 0.5);
    sidegate.event_of("select pg_sleep(60)");
}

#[test]
fn what_is_bound_under_one_catalog_runs_under_the_next_where_its_words_are_the_same() {
    let sidegate = Setup::policy(POLICY).start();
    let (mut client, mut other) = (open(&sidegate), open(&sidegate));
    until("the catalog", || {
        (other.ask(&query("select id from orders where id = 1")) == "T D C:SELECT 1 Z:I").then_some(())
    });
    client.send(&[parse("", "create table fresh (id int)"), bind("", "", &[]), flush()].concat());
    let bound: String = (0..2).filter_map(|_| client.next()).map(|message| message.tag).collect();
    assert_eq!(bound, "12");
    // Another one makes it first, and sidegate has seen it when the portal runs.
    postgres().sql(&sidegate.database, "create table fresh (id int)");
    until("the table", || (other.ask(&query("select count(*) from fresh")) == "T D C:SELECT 1 Z:I").then_some(()));
    let (spelled, text) = told(&mut client, &[execute("", 0), sync()]);
    assert_eq!(spelled, "E:42P07 Z:I", "{text}");
}
