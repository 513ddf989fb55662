//! Every odd answer of a policy is a denial, with its cause in the event.

use crate::harness::raw::{Raw, query, spell};
use crate::harness::{Setup, said, until};

#[test]
fn every_odd_answer_is_a_denial_with_its_cause() {
    let odd = [
        ("undefined", "decision if input.stage == \"session\""),
        ("type", "decision := \"yes\" if input.stage == \"request\"\n\ndecision := true if input.stage == \"session\""),
        (
            "type",
            "decision := {\"allow\": \"true\"} if input.stage == \"request\"\n\ndecision := true if input.stage == \"session\"",
        ),
        (
            "type",
            "decision := {\"allow\": true, \"alow\": true} if input.stage == \"request\"\n\ndecision := true if input.stage == \"session\"",
        ),
        ("policy", "decision := false if input.stage == \"request\"\n\ndecision := true if input.stage == \"session\""),
        (
            "policy",
            "decision := {\"allow\": false} if input.stage == \"request\"\n\ndecision := true if input.stage == \"session\"",
        ),
        (
            "error",
            "decision := to_number(input.sql.text) > 0 if input.stage == \"request\"\n\ndecision := true if input.stage == \"session\"",
        ),
        (
            "obligation",
            "decision := {\"allow\": true, \"record\": \"full\"} if input.stage == \"request\"\n\ndecision := true if input.stage == \"session\"",
        ),
    ];
    for (cause, rule) in odd {
        let sidegate = Setup::policy(&format!("package shop\n\n{rule}\n")).sidegate("decision: shop/decision").start();
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        assert_eq!(client.ask(&query("select id from orders")), "E:42501 Z:I", "{rule}");
        let event = sidegate.event_of("select id from orders");
        assert_eq!(event["custom"]["sidegate"]["cause"], cause, "{rule}: {event}");
        assert_eq!(event["custom"]["sidegate"]["outcome"], "denied", "{rule}");
    }
}

#[test]
fn a_rule_that_takes_too_long_denies_and_the_next_statement_is_judged() {
    let numbers: Vec<_> = (1..400).map(|n| n.to_string()).collect();
    let slow = format!(
        "package policies.shop\n\nnumbers := [{}]\n\nallow contains \"everything\" if true\n\n\
         deny contains \"never\" if {{\n\tcontains(input.sql.text, \"slow\")\n\tsome a in numbers\n\t\
         some b in numbers\n\tsome c in numbers\n\ta + b + c == 0\n}}\n",
        numbers.join(", ")
    );
    let mut sidegate = Setup::policy(&slow).sidegate("deadline: 100ms").start();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(client.ask(&query("select 'slow'")), "E:42501 Z:I");
    let cause = sidegate.event_of("select 'slow'")["custom"]["sidegate"]["cause"].clone();
    assert_eq!(cause, "deadline");
    until("the evaluator to be free", || (client.ask(&query("select 1")) == "T D C:SELECT 1 Z:I").then_some(()));
    assert!(sidegate.is_alive());
}

#[test]
fn without_its_bundle_nothing_is_allowed_and_health_says_why() {
    let sidegate = Setup::open().never_ready().without_bundle().start();
    let (status, body) =
        until("the reason", || sidegate.get("/health?bundles").filter(|(_, body)| body.contains("bundle")));
    assert_eq!(status, 500, "{body}");
    let text = said(&sidegate.psql(&["-c", "select 1"]));
    assert!(text.contains("no policy is loaded yet"), "{text}");
    // It comes, and serves.
    sidegate.bring_bundle("package policies.open\n\nallow contains \"everything\" if true\n");
    until("the bundle", || sidegate.get("/health?bundles").filter(|(status, _)| *status == 200));
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    client.send(&query("select 1"));
    assert_eq!(spell(&client.until_ready()), "T D C:SELECT 1 Z:I");
}

#[test]
fn who_is_not_on_the_list_is_refused_like_who_has_the_wrong_password() {
    let users = tempfile::NamedTempFile::new().expect("a file");
    let verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    std::fs::write(users.path(), format!("alice:{verifier}\n")).expect("written");
    let sidegate = Setup::open().identify(&format!("[{{scram: {{users: {}}}}}]", users.path().display())).start();
    let wrong = said(&sidegate.psql_as("a guess", &["-c", "select 1"]));
    let unknown = said(&sidegate.psql_as("a guess", &["-U", "mallory", "-c", "select 1"]));
    let tail = |text: &str| text.split("FATAL:").nth(1).unwrap_or_default().replace("mallory", "alice");
    assert!(wrong.contains("FATAL"), "{wrong}");
    assert_eq!(tail(&wrong), tail(&unknown), "nobody learns which names exist");
}
