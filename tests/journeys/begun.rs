//! What the server expects of a statement that comes in one exchange with its BEGIN, or in the middle of a pipeline: the
//! server is asked behind a Sync that the client knows nothing of, and only where that ends nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::raw::{Raw, bind, execute, parse, query, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, python, said, tools};

const RULE: &str = "package policies.open\n\nallow contains \"everything\" if true\n\n\
    deny contains \"reads too much\" if input.sql.estimate.rows > 10000\n";

fn start(server: &'static Postgres) -> Sidegate {
    let sidegate = Setup::policy(RULE).server(server).start();
    server.sql(
        &sidegate.database,
        "create table big (id int primary key, kind text, body text); \
         insert into big select n, case when n % 1000 = 0 then 'rare' else 'often' end, 'body ' || n \
         from generate_series(1, 50000) n; analyze",
    );
    sidegate
}

fn open(sidegate: &Sidegate) -> Raw {
    Raw::open(sidegate.port, &sidegate.database)
}

/// One statement under extended protocol, and nothing behind it.
fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", "", &[]), execute("", 0)].concat()
}

/// Some of them in one exchange.
fn at_once(statements: &[&str]) -> Vec<u8> {
    [statements.iter().flat_map(|sql| run(sql)).collect(), sync()].concat()
}

#[test]
fn the_first_statement_of_a_transaction_is_judged_by_its_estimate() {
    for server in [postgres(), postgres18()] {
        let sidegate = start(server);
        let mut client = open(&sidegate);
        for begin in ["begin", "start transaction isolation level serializable read only", "BEGIN READ WRITE;"] {
            let tag = if begin.starts_with('s') { "START TRANSACTION" } else { "BEGIN" };
            let few = format!("select body from big where id = {}", begin.len());
            assert_eq!(client.ask(&at_once(&[begin, &few])), format!("1 2 C:{tag} 1 2 D C:SELECT 1 Z:T"), "{begin}");
            assert_eq!(client.ask(&query("commit")), "C:COMMIT Z:I");
            assert_eq!(
                client.ask(&at_once(&[begin, "select * from big", "select 1"])),
                format!("1 2 C:{tag} E:42501 Z:E")
            );
            assert_eq!(client.ask(&query("commit")), "C:ROLLBACK Z:I");
        }
        let event = sidegate.event_of("select body from big where id = 5");
        assert_eq!(event["input"]["sql"]["estimate"]["rows"], 1, "{event}");
        assert_eq!(event["input"]["session"]["transaction"], "open", "{event}");
        // Further on in a pipeline, with savepoints and writes between.
        let all = [
            "begin",
            "insert into payroll values (910, 1)",
            "savepoint s",
            "select body from big where id = 11",
            "release s",
            "select body from big where id = 12",
            "delete from payroll where id = 910",
            "select body from big where id = 13",
            "commit",
        ];
        let told = "1 2 C:BEGIN 1 2 C:INSERT 0 1 1 2 C:SAVEPOINT 1 2 D C:SELECT 1 1 2 C:RELEASE 1 2 D C:SELECT 1 \
                    1 2 C:DELETE 1 1 2 D C:SELECT 1 1 2 C:COMMIT Z:I";
        assert_eq!(client.ask(&at_once(&all)), told);
    }
}

#[test]
fn a_sync_of_sidegates_own_commits_nothing_that_the_client_wants_to_be_one() {
    for server in [postgres(), postgres18()] {
        let sidegate = start(server);
        let mut client = open(&sidegate);
        let count = || server.sql(&sidegate.database, "select count(*) from payroll where id >= 920");
        for (at, between) in [&[] as &[&str], &["begin", "commit"], &["begin", "rollback"]].into_iter().enumerate() {
            // What was never asked about cannot be now.
            let last = format!("select body from big where id = {}", 20 + at);
            let all =
                [&["insert into payroll values (920, 1)"], between, &["insert into payroll values (921, 1)", &last]];
            let told = client.ask(&at_once(&all.concat()));
            assert!(told.ends_with("E:42501 Z:I"), "{told}");
            let kept = if between == ["begin", "commit"] { "1" } else { "0" };
            assert_eq!(count(), kept, "{between:?}");
            server.sql(&sidegate.database, "delete from payroll where id >= 920");
        }
        for all in [
            &["begin", "commit", "select body from big where id = 31"] as &[&str],
            &["begin", "rollback", "select body from big where id = 32"],
            &["begin", "commit and chain", "select body from big where id = 33"],
        ] {
            let told = client.ask(&at_once(all));
            assert!(told.contains("E:42501 Z:"), "{all:?}: {told}");
            client.ask(&query("rollback"));
        }
        assert_eq!(count(), "0");
    }
}

#[test]
fn what_fails_in_such_an_exchange_ends_it_as_it_would_without_the_question() {
    for server in [postgres(), postgres18()] {
        let sidegate = start(server);
        let mut client = open(&sidegate);
        for (all, told) in [
            // Behind an error nothing runs, whatever Sync came before.
            (
                &["begin", "select body from big where id = 41", "select 1 / 0 from big where id = 1", "drop table big"]
                    as &[&str],
                "1 2 C:BEGIN 1 2 D C:SELECT 1 E:42501 Z:E",
            ),
            (&["begin", "select nothing from big", "drop table big"], "1 2 C:BEGIN E:42703 Z:E"),
            (&["begin", "select body::int from big where id = 42", "drop table big"], "1 2 C:BEGIN 1 2 E:22P02 Z:E"),
            (&["begin; set datestyle = 'ISO'", "select body from big where id = 43"], "E:42601 Z:I"),
            (&["begin", "begin", "rollback", "select 1"], ""),
        ] {
            let said = client.ask(&at_once(all));
            assert!(told.is_empty() || said == told, "{all:?}: {said}");
            let state = client.ask(&query("rollback"));
            assert!(state.ends_with("C:ROLLBACK Z:I"), "{all:?}: {state}");
        }
        assert_eq!(server.sql(&sidegate.database, "select count(*) from big where id = 41"), "1");
        assert_eq!(client.ask(&at_once(&["begin", "select body from big where id = 44"])), {
            "1 2 C:BEGIN 1 2 D C:SELECT 1 Z:T"
        });
    }
}

#[test]
fn portals_and_settings_are_there_behind_the_question() {
    for server in [postgres(), postgres18()] {
        let sidegate = start(server);
        let mut client = open(&sidegate);
        let rows = "select id from big where id < 6 order by id";
        let all = [
            run("begin"),
            [parse("s", rows), bind("p", "s", &[]), execute("p", 2)].concat(),
            run("select body from big where id = 51"),
            execute("p", 2),
            run("set local statement_timeout = '9s'"),
            run("select body from big where id = 52"),
            execute("p", 2),
            run("show statement_timeout"),
            sync(),
        ];
        let told =
            "1 2 C:BEGIN 1 2 D D s 1 2 D C:SELECT 1 D D s 1 2 C:SET 1 2 D C:SELECT 1 D C:SELECT 1 1 2 D C:SHOW Z:T";
        client.send(&all.concat());
        let answer = client.until_ready();
        assert_eq!(crate::harness::raw::spell(&answer), told);
        let shown = answer.iter().rev().find(|message| message.tag == 'D').expect("what is set");
        assert!(String::from_utf8_lossy(&shown.body).contains("9s"), "{shown:?}");
        // A text that is too long to be remembered is asked about again when it is bound.
        let long = format!("select body from big where id = 53 /* {} */", "x".repeat(20_000));
        assert_eq!(client.ask(&at_once(&[&long])), "1 2 D C:SELECT 1 Z:T");
        assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
    }
}

#[test]
fn a_question_that_is_cancelled_or_waits_for_a_lock_denies_and_the_session_goes_on() {
    let server = postgres();
    let sidegate = start(server);
    let other = Setup::open().server(server).database(&sidegate.database).start();
    let (mut holder, mut client) = (open(&other), open(&sidegate));
    assert_eq!(holder.ask(&query("begin; lock table big")), "C:BEGIN C:LOCK TABLE Z:T");
    let asked = Instant::now();
    let told =
        client.ask(&at_once(&["begin", "insert into payroll values (930, 1)", "select body from big where id = 61"]));
    assert_eq!(told, "1 2 C:BEGIN 1 2 C:INSERT 0 1 E:42501 Z:E");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(client.ask(&query("commit")), "C:ROLLBACK Z:I");
    // Who goes away meanwhile leaves nothing.
    client.send(
        &[run("begin"), run("insert into payroll values (931, 1)"), run("select body from big where id = 62")].concat(),
    );
    drop(client);
    assert_eq!(holder.ask(&query("commit")), "C:COMMIT Z:I");
    assert_eq!(server.sql(&sidegate.database, "select count(*) from payroll where id >= 930"), "0");
    assert_eq!(open(&sidegate).ask(&at_once(&["begin", "select body from big where id = 63"])), {
        "1 2 C:BEGIN 1 2 D C:SELECT 1 Z:T"
    });
}

#[test]
fn what_the_server_refused_to_read_is_not_remembered_as_what_has_no_plan() {
    let sidegate = start(postgres());
    let mut client = open(&sidegate);
    let all = "select * from big where '31/12/2026'::date is not null";
    assert!(client.ask(&at_once(&[all])).ends_with("E:22008 Z:I"));
    assert_eq!(client.ask(&query("set datestyle = 'ISO, DMY'")), "C:SET Z:I");
    // In the middle of an exchange outside of a transaction nobody can be asked.
    assert_eq!(client.ask(&[parse("a", "select 1"), run(all), sync()].concat()), "1 E:42501 Z:I");
    for sql in ["select * from big", "select * from big where id > 0"] {
        assert_eq!(client.ask(&query("begin")), "C:BEGIN Z:T");
        assert!(client.ask(&query("select 1 / 0")).ends_with("Z:E"));
        assert!(client.ask(&at_once(&[sql])).ends_with("E:25P02 Z:E"));
        assert_eq!(client.ask(&query("rollback")), "C:ROLLBACK Z:I");
        assert_eq!(client.ask(&[parse("b", "select 2"), run(sql), sync()].concat()), "1 E:42501 Z:I", "{sql}");
        assert_eq!(client.ask(&[crate::harness::raw::close("b"), sync()].concat()), "3 Z:I");
    }
}

#[test]
fn pgjdbc_without_auto_commit_meets_the_rule() {
    for server in [postgres(), postgres18()] {
        let sidegate = start(server);
        let mut program = Command::new("java");
        let java = tools().join("java");
        let path = format!("{0}/*:{0}/classes", java.display());
        program.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", &path, "Estimate"]);
        let output = sidegate.environment(&mut program).output().expect("java runs: `make tools` installs it");
        assert!(said(&output).ends_with("every mode\n"), "{}", said(&output));
    }
}

const PIPELINE: &str = "import psycopg
with psycopg.connect('') as c:
    for number in range(3):
        with c.pipeline():
            rows = [c.execute('select body from big where id = %s and %s < 100', (n, number)) for n in (1, 2)]
            other = c.execute(f'select id from big where id = 7{number}')
        assert [row.fetchone() for row in rows] == [('body 1',), ('body 2',)] and other.fetchone() == (70 + number,)
        c.commit()
    try:
        with c.pipeline():
            c.execute('insert into payroll values (940, 1)')
            c.execute('select * from big')
            c.execute('insert into payroll values (941, 1)')
        raise SystemExit('it was not refused')
    except psycopg.errors.InsufficientPrivilege as error:
        assert 'reads too much' in str(error), error
    c.rollback()
    assert c.execute('select count(*) from payroll where id >= 940').fetchone() == (0,)
print('every pipeline')";

#[test]
fn pipelines_of_psycopg_meet_the_rule() {
    for server in [postgres(), postgres18()] {
        let sidegate = start(server);
        let mut program = python();
        let output = sidegate.environment(program.args(["-c", PIPELINE])).output().expect("python runs");
        assert!(said(&output).ends_with("every pipeline\n"), "{}", said(&output));
    }
}
