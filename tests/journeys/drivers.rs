//! Drivers hold the same conversation with PostgreSQL itself and through sidegate, and are told the same:
//! on PostgreSQL 15 and 18, with settings pinned, under a policy that denies one table.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{PASSWORD, Postgres, Setup, Sidegate, postgres, postgres18, python, said, tools};

/// What an application and its tools need, and nothing else: a driver that sends more on its own fails here.
const POLICY: &str = include_str!("clients/policy.rego");

/// What stands for the database's name in what is compared.
const DATABASE: &str = "the_database";

/// What the server itself says instead of the policy, so that direct runs hear the same.
const PRIVATE: &str = "
    drop table payroll;
    create function private() returns int language plpgsql as $$ begin
        raise exception using errcode = '42501', message = 'denied by policy: nobody reads payroll',
            detail = 'decision 00000000-0000-0000-0000-000000000000';
    end $$;
    create view payroll as select private() as id, private() as salary;
";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journeys/clients").join(name)
}

/// What a driver prints when it talks to the server itself.
fn directly(server: &Postgres, mut program: Command) -> String {
    let database = server.database();
    server.sql(&database, PRIVATE);
    program.env("PGHOST", "127.0.0.1").env("PGPORT", server.port.to_string()).env("PGUSER", "app");
    environment(&mut program).env("PGDATABASE", &database).env("PGPASSWORD", PASSWORD);
    let output = program.output().unwrap_or_else(|error| panic!("{program:?}: {error}: `make tools` installs it"));
    let text = said(&output);
    assert!(output.status.success(), "{program:?}:\n{text}");
    text.replace(&database, DATABASE)
}

/// Where what is printed does not depend on the machine.
fn environment(program: &mut Command) -> &mut Command {
    program.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").stdin(Stdio::null())
}

fn through(server: &'static Postgres) -> Sidegate {
    let sidegate = Setup::policy(POLICY).server(server).start();
    // Listed like the other one, but it runs nobody's function: that would be `procedure`, after which names in the same
    // text are not certain, and the reason would be another.
    server.sql(&sidegate.database, "drop table payroll; create view payroll as select 1 as id, 1 as salary");
    sidegate
}

/// What was denied beside that which the conversation wanted denied.
fn denials(sidegate: &Sidegate) -> Vec<String> {
    let events = sidegate.events();
    let statements = events.iter().filter(|event| event["result"]["allow"] != true);
    let unwanted = statements
        .filter(|event| !event["input"]["sql"]["text"].as_str().is_some_and(|text| text.contains("from payroll")));
    unwanted.map(|event| format!("{} {}", event["result"], event["input"]["sql"])).collect()
}

/// The same conversation four times, one denial in it.
fn is_told_the_same(program: impl Fn() -> Command) {
    for sidegate in is_told(program) {
        sidegate.event("a denial", |event| event["custom"]["sidegate"]["outcome"] == "denied");
    }
}

fn is_told(program: impl Fn() -> Command) -> Vec<Sidegate> {
    let both = [postgres(), postgres18()].map(|server| {
        let direct = directly(server, program());
        let sidegate = through(server);
        let mut program = program();
        let output = sidegate.environment(environment(&mut program)).output().expect("it ran before");
        let (proxied, denials) = (said(&output).replace(&sidegate.database, DATABASE), denials(&sidegate));
        assert!(denials.is_empty(), "{denials:#?}\n{proxied}");
        for (direct, proxied) in direct.lines().zip(proxied.lines()) {
            assert_eq!(proxied, direct, "\n{program:?}");
        }
        assert_eq!(proxied.lines().count(), direct.lines().count());
        assert!(output.status.success() && direct.lines().count() > 10, "{direct}");
        sidegate
    });
    both.into()
}

fn python_says(name: &str, arguments: &[&str]) {
    is_told_the_same(|| {
        let mut program = python();
        program.arg(script(name)).args(arguments);
        program
    });
}

#[test]
fn asyncpg_is_told_the_same() {
    python_says("asyncpg_client.py", &[]);
}

#[test]
fn psycopg2_is_told_the_same() {
    python_says("psycopg2_client.py", &[]);
}

#[test]
fn pg8000_is_told_the_same() {
    python_says("pg8000_client.py", &[]);
}

#[test]
fn sqlalchemy_is_told_the_same_over_three_drivers() {
    python_says("sqlalchemy_client.py", &["psycopg", "psycopg2", "pg8000"]);
}

#[test]
fn django_is_told_the_same() {
    python_says("django_client.py", &[]);
}

#[test]
fn pgjdbc_is_told_the_same_in_its_four_modes() {
    is_told_the_same(|| {
        let mut program = Command::new("java");
        let java = tools().join("java");
        let path = format!("{0}/*:{0}/classes", java.display());
        // One short program: no time for a second compiler or a parallel collector.
        program.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", &path, "Client"]);
        program
    });
}

#[test]
fn lib_pq_is_told_the_same() {
    is_told_the_same(|| go("pq"));
}

#[test]
fn pgx_is_told_the_same_in_its_five_modes() {
    is_told_the_same(|| go("pgx"));
}

fn go(driver: &str) -> Command {
    let mut program = Command::new(tools().join("bin/go-clients"));
    program.arg(driver);
    program
}

#[test]
fn sqlx_is_told_the_same() {
    is_told_the_same(|| Command::new(tools().join("bin/rust-clients")));
}

/// Message by message. Where in PostgreSQL's source an error comes from, sidegate's own answers do not say.
#[test]
fn pgproto_sees_the_same_messages() {
    is_told(|| {
        let mut program = Command::new("sh");
        let command = "\"$0\" -h \"$PGHOST\" -p \"$PGPORT\" -u \"$PGUSER\" -d \"$PGDATABASE\" -f \"$1\" 2>&1 \
            | sed 's/ F [a-z_]*[.]c L [0-9]* R [A-Za-z_]* )/ )/'";
        program.args(["-c", command]).arg(tools().join("bin/pgproto")).arg(script("pgproto_client.data"));
        program
    });
}

#[test]
fn ruby_is_told_the_same() {
    is_told_the_same(|| {
        let mut program = Command::new("ruby");
        program.arg(script("ruby_client.rb"));
        program
    });
}

#[test]
fn perl_is_told_the_same() {
    is_told_the_same(|| {
        let mut program = Command::new("perl");
        program.arg(script("perl_client.pl"));
        program
    });
}

#[test]
fn psql_is_told_the_same() {
    is_told_the_same(|| {
        let mut program = Command::new("psql");
        program.args(["-X", "-f"]).arg(script("psql_client.sql"));
        program
    });
}
