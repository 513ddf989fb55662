//! Object mappers make their tables, ask, and look around as they do without sidegate, where masks elsewhere must hold.

use std::process::Command;

use crate::harness::{PASSWORD, Postgres, Setup, node, postgres, postgres18, said};
use crate::suites::POLICY;

fn furnished(server: &Postgres) -> String {
    let database = server.database();
    server.sql(&database, "create table vault (id int, content text); insert into vault values (1, 'a secret')");
    database
}

fn mappers() -> Command {
    let mut program = node();
    program.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/mappers.js"));
    program
}

/// What it prints for people to read; warnings of its own are elsewhere.
fn printed(program: &mut Command) -> String {
    let output = program.output().expect("node runs");
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn notice_nothing(server: &'static Postgres) {
    let (alone, behind) = (furnished(server), furnished(server));
    let port = server.port.to_string();
    let mut direct = mappers();
    direct.env("PGHOST", "127.0.0.1").env("PGPORT", port).env("PGUSER", "app").env("PGPASSWORD", PASSWORD);
    let direct = printed(direct.env("PGDATABASE", alone));
    assert_eq!(direct.lines().filter(|line| line.starts_with("qualified")).count(), 1, "{direct}");
    let sidegate = Setup::policy(POLICY).server(server).database(&behind).start();
    assert_eq!(printed(sidegate.environment(&mut mappers())), direct);
}

#[test]
fn object_mappers_of_node_notice_nothing_on_15() {
    notice_nothing(postgres());
}

#[test]
fn object_mappers_of_node_notice_nothing_on_18() {
    notice_nothing(postgres18());
}
