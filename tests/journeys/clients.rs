//! Clients that others wrote work through it unchanged.

use std::process::Command;

use crate::harness::{Setup, node, python, said};

#[test]
fn psql_reads_and_its_event_says_so() {
    let sidegate = Setup::open().start();
    let output = sidegate.psql(&["-c", "select name from customers where id = 7"]);
    assert_eq!(said(&output), "customer 7\n");
    let event = sidegate.event_of("select name from customers where id = 7");
    assert_eq!(event["result"]["allow"], true, "{event}");
    assert_eq!(event["msg"], "Decision Log");
    assert_eq!(event["input"]["sql"]["effects"], serde_json::json!(["read"]));
    assert_eq!(event["input"]["sql"]["relations"][0]["id"], "public.customers");
    assert_eq!(event["custom"]["sidegate"]["outcome"], "forwarded");
    assert_eq!(event["custom"]["sidegate"]["rows"], 1);
    sidegate.event("the session's", |event| event["custom"]["sidegate"]["outcome"] == "opened");
}

#[test]
fn psql_describes_tables_through_it() {
    let sidegate = Setup::open().start();
    for command in ["\\d", "\\d customers", "\\l", "\\du", "\\df", "\\dn", "\\dt+", "\\sf lower(text)"] {
        let output = sidegate.psql(&["-v", "ON_ERROR_STOP=1", "-c", command]);
        assert!(output.status.success(), "{command}: {}", said(&output));
    }
}

#[test]
fn pgbench_runs_in_its_three_modes() {
    let sidegate = Setup::open().start();
    let mut init = Command::new("pgbench");
    let output = sidegate.environment(init.args(["-i", "-q", "-s", "1"])).output().expect("pgbench runs");
    assert!(output.status.success(), "{}", said(&output));
    for mode in ["simple", "extended", "prepared"] {
        let mut bench = Command::new("pgbench");
        bench.args(["-n", "-M", mode, "-c", "4", "-j", "2", "-t", "50"]);
        let output = sidegate.environment(&mut bench).output().expect("pgbench runs");
        let text = said(&output);
        assert!(output.status.success() && text.contains("transactions actually processed: 200/200"), "{mode}: {text}");
    }
}

#[test]
fn psycopg_pipelines_and_streams_and_copies() {
    let sidegate = Setup::open().start();
    let mut program = python();
    program.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/psycopg_journey.py"));
    let output = sidegate.environment(&mut program).output().expect("python runs");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn node_postgres_queries_with_values_and_cursors_of_errors() {
    let sidegate = Setup::open().start();
    let mut program = node();
    program.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/journeys/clients/node_journey.js"));
    let output = sidegate.environment(&mut program).output().expect("node runs");
    assert!(output.status.success(), "{}", said(&output));
}

#[tokio::test]
async fn tokio_postgres_prepares_binds_portals_and_copies() {
    let sidegate = Setup::open().start();
    let config = format!("host=127.0.0.1 port={} user=alice dbname={}", sidegate.port, sidegate.database);
    let (mut client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.expect("connects");
    let driver = tokio::spawn(connection);
    let statement = client.prepare("select name from customers where id = $1").await.expect("prepares");
    for id in [1, 2, 3] {
        let row = client.query_one(&statement, &[&id]).await.expect("a row");
        assert_eq!(row.get::<_, String>(0), format!("customer {id}"));
    }
    let transaction = client.transaction().await.expect("begins");
    let portal = transaction.bind("select id from orders order by id", &[]).await.expect("binds");
    let mut seen = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, 300).await.expect("rows");
        if rows.is_empty() {
            break;
        }
        seen.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
    }
    assert_eq!(seen, (1..=1000).collect::<Vec<_>>());
    transaction.commit().await.expect("commits");
    let token = client.cancel_token();
    let sleeping = client.query("select pg_sleep(30)", &[]);
    let cancel = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            token.cancel_query(tokio_postgres::NoTls).await.expect("the request is delivered");
        }
    };
    let error = tokio::select! {
        answer = sleeping => answer.expect_err("it is cancelled"),
        () = cancel => unreachable!("it loops"),
    };
    assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("57014"));
    drop(client);
    driver.await.expect("the driver ends").expect("cleanly");
}
