//! What policy says is what happens.

use crate::harness::{Setup, said};

const READERS: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"reads of customers\" if {\n\tsql.reads_only\n\tsql.only_touches({\"public.customers\"})\n}\n\n\
    deny contains \"payroll is nobody's business\" if sql.touches({\"public.payroll\"})\n";

#[test]
fn a_refusal_names_the_operators_reason_and_the_decision() {
    let sidegate = Setup::policy(READERS).start();
    let output = sidegate.psql(&["-v", "VERBOSITY=verbose", "-c", "select * from payroll"]);
    let text = said(&output);
    assert!(text.contains("ERROR:  42501: denied by policy: payroll is nobody's business"), "{text}");
    let event = sidegate.event_of("select * from payroll");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&format!("DETAIL:  decision {}", event["decision_id"].as_str().expect("an id"))), "{told}");
    assert_eq!(event["result"]["allow"], false);
    assert_eq!(event["custom"]["sidegate"]["cause"], "policy");
}

#[test]
fn an_edited_policy_changes_the_answers_without_a_restart() {
    let sidegate = Setup::policy(READERS).start();
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from customers"])), "100\n");
    sidegate.edit_policy("package policies.shop\n\ndeny contains \"closed today\" if true\n");
    let text = said(&sidegate.psql(&["-c", "select count(*) from customers"]));
    assert!(text.contains("denied by policy: closed today"), "{text}");
}
