//! What applications, their mappers, reports and migrations say: each answer, byte for byte, is the one that the server
//! gives past sidegate on a database that holds the masked values themselves.

use std::path::Path;
use std::thread;

use crate::harness::{PASSWORD, Postgres, postgres, postgres18, python, said};
use crate::set::{MASKED, Policy, Site};

/// Statements that change something are an application's own, and roll back.
const OPEN: Policy = Policy::named("open", include_str!("open.rego"));

/// Puts into a copy of the database what its masks show.
const SHOWN: &str = "create temp table held as select *, row_number() over () as place from only customers; \
    create temp table few as select * from customers_vip; truncate customers, customers_vip; \
    insert into customers select id, name, repeat('*', length(email) - 4) || right(email, 4), '***' from held \
    order by place; \
    insert into customers_vip select id, name, repeat('*', length(email) - 4) || right(email, 4), '***', tier from few; \
    analyze customers; analyze customers_vip";

/// What starts a server, or finds it.
type Server = fn() -> &'static Postgres;

#[test]
fn ordinary_applications_notice_nothing() {
    let servers: [(Server, &str); 2] = [(postgres, "15"), (postgres18, "18")];
    let running = servers.map(|(server, version)| thread::spawn(move || differences(server(), version)));
    let found: Vec<String> = running.into_iter().map(|one| one.join().expect("it ends")).collect();
    assert!(found.concat().is_empty(), "these are answered otherwise than past sidegate:\n{}", found.concat());
}

fn differences(server: &'static Postgres, version: &'static str) -> String {
    server.sql("postgres", "select 1");
    let site = Site::open(server, version, "ordinary");
    server.sql(
        "postgres",
        &format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'", site.database),
    );
    let shown = format!("{}_shown", site.database);
    server.sql("postgres", &format!("create database {shown} template {}", site.database));
    server.sql(&shown, SHOWN);
    let (analysts, open) = (site.door("svc", &MASKED, ""), site.door("svc", &OPEN, ""));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/adversarial");
    let output = python()
        .arg(folder.join("ordinary.py"))
        .arg(folder.join("ordinary.sql"))
        .args([version, &server.port.to_string()])
        .args([analysts.sidegate.port.to_string(), open.sidegate.port.to_string()])
        .args([site.database.as_str(), &shown, PASSWORD])
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", said(&output));
    eprint!("PostgreSQL {version}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
