//! The tests that others wrote for themselves end as they do without sidegate: `make suites`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::{PASSWORD, Postgres, Setup, postgres, postgres18, python, said};

/// Everything passes, and one table, which nobody reads, has a mask: so each statement is looked at for it.
pub const POLICY: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.vault.content\", \"with\": {\"null\": {}}} if true\n";

/// What the tests of SQLAlchemy expect to be there.
const FURNITURE: &str = "create schema test_schema; create table vault (id int, content text)";

/// More of its tests pass than this on a PostgreSQL without anything before it.
const LEAST: usize = 800;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journeys/clients/sqlalchemy_suite")
}

/// A database that the tests begin in.
fn furnished(server: &'static Postgres) -> String {
    let database = server.database();
    server.sql(&database, FURNITURE);
    database
}

/// How each test ended.
fn ends(user: &str, port: u16, database: &str) -> BTreeSet<String> {
    let place = tempfile::tempdir().expect("a folder");
    let mut pytest = python();
    pytest.args(["-B", "-m", "pytest", "-q", "-rA", "-c"]).arg(folder().join("setup.cfg")).arg(folder());
    pytest.args(["--dburi", &format!("postgresql+psycopg://{user}:{PASSWORD}@127.0.0.1:{port}/{database}")]);
    let output = pytest.current_dir(place.path()).env("PYTHONPATH", folder()).output().expect("pytest runs");
    let text = said(&output);
    let ended = |line: &&str| ["PASSED ", "FAILED ", "ERROR "].iter().any(|word| line.starts_with(word));
    let ends: BTreeSet<String> =
        text.lines().filter(ended).map(|line| line.split(" - ").next().unwrap_or(line).to_owned()).collect();
    assert!(!ends.is_empty(), "{text}");
    ends
}

fn sqlalchemy_sees_no_difference(server: &'static Postgres) {
    let (alone, behind) = (furnished(server), furnished(server));
    let sidegate = Setup::policy(POLICY).server(server).database(&behind).quiet().start();
    let (direct, through) = std::thread::scope(|scope| {
        let direct = scope.spawn(|| ends("app", server.port, &alone));
        let through = ends("alice", sidegate.port, &behind);
        (direct.join().expect("pytest ends"), through)
    });
    let passed = |ends: &BTreeSet<String>| ends.iter().filter(|end| end.starts_with("PASSED")).count();
    eprintln!("{} passed without sidegate, {} through it", passed(&direct), passed(&through));
    assert!(passed(&through) > LEAST, "{through:#?}");
    let differ: Vec<&String> = direct.symmetric_difference(&through).collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

#[test]
#[ignore = "takes a minute, and is a target of its own: make suites"]
fn sqlalchemys_own_tests_end_as_they_do_without_it_on_15() {
    sqlalchemy_sees_no_difference(postgres());
}

#[test]
#[ignore = "takes a minute, and is a target of its own: make suites"]
fn sqlalchemys_own_tests_end_as_they_do_without_it_on_18() {
    sqlalchemy_sees_no_difference(postgres18());
}
