//! What the demo shows: a read, a write, and where to change the answers.

use super::house::House;
use super::postgres::{DATABASE, Postgres};
use super::sidecar::Sidecar;
use super::{DemoError, child, output, shown};

const READ: &str = "select name, city from customers order by name limit 3";
/// What to try with the demo's own policy.
const EXAMPLE: &str = " For instance, take out the `deny` rule about sql.changes_data and add\n\n   \
    allow contains \"changes\" if input.sql.effects == [\"write\"]";
const WRITE: &str = "delete from customers";

/// Shows both answers and checks that they are what they should be.
pub(super) async fn tour(postgres: &Postgres, sidecar: &mut Sidecar) -> Result<(), DemoError> {
    output::say(&format!("\n3. A read, which policy allows:\n\n   {DATABASE}=> {READ}"));
    let rows = child::run(postgres.psql(sidecar.port, READ)).await?;
    output::say(&indented(&rows));
    output::say(&format!("\n   its decision log line:\n   {}", sidecar.decision("request").await?));

    output::say(&format!("\n4. A write, which policy refuses with the operator's reason:\n\n   {DATABASE}=> {WRITE}"));
    let before = postgres.count("customers").await?;
    let refused = match child::run(postgres.psql(sidecar.port, WRITE)).await {
        Err(DemoError::Failed { said, .. }) if said.contains("denied by policy") => said,
        Err(DemoError::Failed { said, .. }) => return Err(unexpected("a refusal by policy", said)),
        Err(error) => return Err(error),
        Ok(_) => return Err(unexpected("a refusal by policy", "the write ran".to_owned())),
    };
    output::say(&indented(&refused));
    output::say(&format!("\n   its decision log line:\n   {}", sidecar.decision("request").await?));
    let after = postgres.count("customers").await?;
    if before != after {
        return Err(unexpected("no row changed", format!("{before} rows before, {after} after")));
    }
    output::say(&format!("\n   PostgreSQL has its {after} customers still: the statement never reached it."));
    Ok(())
}

/// How to go on.
pub(super) fn farewell(house: &House, sidecar: &Sidecar, stays: bool) -> String {
    let example = if sidecar.policy.is_file() { EXAMPLE } else { "" };
    let end = if stays {
        "What sidegate says appears here. Ctrl-C ends the demo."
    } else {
        "The demo ends here, and all of this with it. On a terminal, without --once, it goes on until Ctrl-C."
    };
    format!(
        "\nNow yours. Connect with\n\n   psql -h 127.0.0.1 -p {port} -U alice {DATABASE}\n\n\
         Change the answers in\n\n   {policy}\n\n\
         and ask again: nothing needs a restart.{example}\n\n\
         The configuration is {config}.\n\
         {end}\n",
        port = sidecar.port,
        policy = shown(&sidecar.policy),
        config = shown(&house.path().join("sidegate.yaml")),
    )
}

fn unexpected(expected: &'static str, got: String) -> DemoError {
    DemoError::Unexpected { step: "the tour", expected, got }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
