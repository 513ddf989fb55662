use serde_json::json;

use super::*;
use crate::input::request_document;
use crate::input::stub::{asked, context, lone, now, policy, request, unparsed};

async fn decision_of(body: &str) -> Decision {
    let policy = Policy::stub_rule(&[&format!("package authz\n{body}\n")], "authz/allow", &["caller"], 1);
    say(policy, asked(|_| {})).await
}

#[tokio::test]
async fn every_odd_value_of_the_decision_denies_with_its_cause() {
    for (body, cause) in [
        ("allow := false if true", Cause::Policy),
        ("allow if false", Cause::Undefined),
        ("allow := \"true\" if true", Cause::Type),
        ("allow := 1 if true", Cause::Type),
        ("allow := null if true", Cause::Type),
        ("allow := [true] if true", Cause::Type),
        ("allow := {true} if true", Cause::Type),
        ("allow := {} if true", Cause::Type),
        ("allow := {\"allow\": false} if true", Cause::Policy),
        ("allow := {\"allow\": \"yes\"} if true", Cause::Type),
        ("allow := {\"allow\": 1} if true", Cause::Type),
        ("allow := {\"allowed\": true} if true", Cause::Type),
        ("allow := {\"allow\": true, \"extra\": 1} if true", Cause::Type),
        ("allow := {\"allow\": true, 1: true} if true", Cause::Type),
        ("allow := {\"allow\": true, \"reasons\": \"one\"} if true", Cause::Type),
        ("allow := {\"allow\": true, \"reasons\": null} if true", Cause::Type),
        ("allow := {\"allow\": true, \"mask\": null} if true", Cause::Type),
        (
            "allow := {\"allow\": true, \"mask\": {\"public.customers\": {\"email\": {\"blur\": {}}}}} if true",
            Cause::Type,
        ),
        ("allow := {\"allow\": true, \"mask\": {\"Customers\": {\"email\": {\"redact\": {}}}}} if true", Cause::Type),
        (
            "allow := {\"allow\": true, \"mask\": {\"public.customers\": {\"email\": {\"redact\": {\"paths\": []}}}}} if true",
            Cause::Type,
        ),
        (
            "allow := {\"allow\": true, \"mask\": {\"public.customers\": {\"email\": {\"redact\": {\"paths\": [\"a\"]}}}}} if true",
            Cause::Type,
        ),
        (
            "allow := {\"allow\": true, \"mask\": {\"public.customers\": {\"email\": {\"redact\": {\"paths\": \"/a\"}}}}} if true",
            Cause::Type,
        ),
        (
            "allow := {\"allow\": true, \"mask\": {\"public.customers\": {\"email\": {\"redact\": {\"paths\": null}}}}} if true",
            Cause::Type,
        ),
        (
            "allow := {\"allow\": true, \"mask\": {\"public.customers\": {\"email\": {\"redact\": {\"paths\": [1]}}}}} if true",
            Cause::Type,
        ),
        ("allow := {\"allow\": true, \"approval\": {}} if true", Cause::Type),
        ("allow := {\"allow\": true, \"approval\": null} if true", Cause::Type),
        (
            "allow := {\"allow\": true, \"approval\": {\"reason\": \"r\", \"approvers\": [\"a\"]}} if true",
            Cause::Obligation,
        ),
        ("allow := {\"allow\": true, \"limit\": {}} if true", Cause::Type),
        ("allow := {\"allow\": true, \"limit\": {\"rows\": -1}} if true", Cause::Type),
        ("allow := {\"allow\": true, \"limit\": {\"rows\": 1.5}} if true", Cause::Type),
        ("allow := {\"allow\": true, \"audit\": \"none\"} if true", Cause::Type),
        ("allow := {\"allow\": true, \"record\": \"full\"} if true", Cause::Obligation),
        ("allow := {\"allow\": true, \"alerts\": [{\"severity\": \"huge\", \"message\": \"m\"}]} if true", Cause::Type),
        ("allow if to_number(input.caller.subject) > 1", Cause::Error),
        ("allow := true if true\nallow := false if true", Cause::Error),
    ] {
        let decision = decision_of(body).await;
        assert_eq!(denial(&decision).0, cause, "{body}: {:?}", decision.error());
    }
}

#[tokio::test]
async fn true_and_an_object_that_allows_are_the_only_ways_in() {
    for (body, reasons) in [
        ("allow if true", json!([])),
        ("allow := {\"allow\": true} if true", json!([])),
        (
            "allow := {\"allow\": true, \"reasons\": [\"r\"], \"audit\": \"async\", \"unparsed\": false} if true",
            json!(["r"]),
        ),
    ] {
        let decision = decision_of(body).await;
        assert!(allowed(&decision), "{body}: {:?}", decision.verdict());
        assert_eq!(decision.result().unwrap()["reasons"], reasons);
        assert_eq!(decision.path(), "authz/allow");
    }
}

#[tokio::test]
async fn a_rule_that_is_not_there_denies() {
    let policy = Policy::stub_rule(&["package authz\nother if true\n"], "authz/allow", &[], 1);
    assert_eq!(denial(&say(policy, asked(|_| {})).await).0, Cause::Error);
}

#[tokio::test]
async fn an_unparsed_statement_needs_a_decision_that_says_so() {
    let document = || request_document(&context(), &request(unparsed(), Vec::new()), now(), &policy());
    for (body, cause) in [
        ("allow if true", Some(Cause::Unparsed)),
        ("allow := {\"allow\": true, \"unparsed\": true} if true", None),
        ("allow := {\"allow\": false, \"unparsed\": true} if true", Some(Cause::Policy)),
    ] {
        let policy = Policy::stub_rule(&[&format!("package authz\n{body}\n")], "authz/allow", &["caller"], 1);
        let decision = say(policy, document()).await;
        assert_eq!((!allowed(&decision)).then(|| denial(&decision).0), cause, "{body}");
    }
}

#[tokio::test]
async fn every_odd_member_of_a_set_denies_and_names_its_package() {
    for member in [
        "allow contains 1 if true",
        "allow contains null if true",
        "allow contains {\"reason\": \"r\"} if true",
        "deny contains [\"no\"] if true",
        "deny contains true if true",
        "allow_unparsed contains true if true",
        "approve contains \"dba\" if true",
        "approve contains {\"reason\": \"r\"} if true",
        "approve contains {\"reason\": \"r\", \"approvers\": []} if true",
        "approve contains {\"reason\": \"r\", \"approvers\": [\"a\"], \"quorum\": 0} if true",
        "approve contains {\"reason\": \"r\", \"approvers\": [\"a\"], \"hold\": \"soon\"} if true",
        "approve contains {\"reason\": \"r\", \"approvers\": [\"a\"], \"who\": 1} if true",
        "mask contains {\"column\": \"email\", \"with\": {\"redact\": {}}} if true",
        "mask contains {\"column\": \"public.Customers.email\", \"with\": {\"redact\": {}}} if true",
        "mask contains {\"column\": \"public.customers.email\", \"with\": \"redact\"} if true",
        "mask contains {\"column\": \"public.customers.email\", \"with\": {\"redact\": {}, \"email\": {}}} if true",
        "mask contains {\"column\": \"public.customers.email\", \"with\": {\"hash\": {}}} if true",
        "limit contains {} if true",
        "limit contains {\"rows\": \"10\"} if true",
        "limit contains 10 if true",
        "audit contains \"async\" if true",
        "record contains \"all\" if true",
        "alert contains {\"severity\": \"low\"} if true",
    ] {
        let decision = say(shop(member), asked(|_| {})).await;
        let (cause, reasons) = denial(&decision);
        assert_eq!(cause, Cause::Type, "{member}");
        assert!(reasons[0].contains("policies.shop"), "{reasons:?}");
        assert_eq!(decision.result().unwrap()["allow"], json!(false));
    }
}

#[tokio::test]
async fn what_is_odd_about_a_decision_object_is_said_with_its_key_and_in_json_s_words() {
    for (object, said) in [
        ("{}", "missing key `allow`"),
        ("{\"allow\": 1}", "`allow`: invalid type: integer `1`, expected a boolean"),
        ("{\"allow\": true, \"zzz\": 1}", "unknown key `zzz`, expected one of `allow`, "),
        ("{\"allow\": true, \"reasons\": \"a\"}", "`reasons`: invalid type: string \"a\", expected a list"),
        (
            "{\"allow\": true, \"limit\": {\"rows\": -1}}",
            "`limit`: invalid value: integer `-1`, expected a whole number",
        ),
        ("{\"allow\": true, \"limit\": {\"x\": 1}}", "`limit`: unknown key `x`, expected `rows` or `bytes`"),
        ("{\"allow\": true, \"approval\": {\"reason\": \"r\"}}", "`approval`: missing key `approvers`"),
        ("{\"allow\": true, \"audit\": \"x\"}", "`audit`: unknown word `x`, expected one of `strict`, "),
        ("{\"allow\": true, \"mask\": []}", "`mask`: invalid type: list, expected an object"),
        ("{\"allow\": true, \"mask\": {\"a.b\": {\"c\": {}}}}", "`mask`: `a.b`, `c`: it names no masker"),
        ("{\"allow\": true, \"mask\": {\"a.b\": {\"c\": {\"blur\": {}}}}}", "`mask`: `a.b`, `c`: unknown word `blur`"),
        ("{\"allow\": true, \"mask\": {\"a.b\": {\"c\": {\"null\": null}}}}", "`mask`: `a.b`, `c`: invalid type: null"),
        ("{\"allow\": true, \"mask\": {\"a.b\": {\"c\": {\"hash\": {}}}}}", "`mask`: `a.b`, `c`: missing key `key`"),
    ] {
        let decision = decision_of(&format!("allow := {object} if true")).await;
        assert_eq!(denial(&decision).0, Cause::Type, "{object}");
        let error = decision.error().unwrap_or_default();
        assert!(error.contains(&format!("not usable: {said}")), "{object}: {error}");
    }
}

#[tokio::test]
async fn of_two_maskers_that_a_decision_object_names_for_a_column_the_first_in_order_wins() {
    let two = "{\"partial\": {\"keep_last\": 8}, \"replace\": {\"value\": \"***\"}, \"detect\": {}}";
    let object = format!("{{\"allow\": true, \"mask\": {{\"public.customers\": {{\"email\": {two}}}}}}}");
    let decision = decision_of(&format!("allow := {object} if true")).await;
    assert!(allowed(&decision));
    let mask = &decision.result().unwrap()["mask"]["public.customers"]["email"];
    assert_eq!(*mask, json!({"replace": {"value": "***"}}));
}

#[tokio::test]
async fn an_entry_rule_that_is_no_set_denies() {
    let policy = Policy::stub(&["package policies.shop\ndeny := false\n"], &[rule(EntrySet::Deny)], 1);
    assert_eq!(denial(&say(policy, asked(|_| {})).await).0, Cause::Type);
}

#[tokio::test]
async fn no_text_that_a_client_sees_holds_a_value_of_the_input() {
    let decision = say(shop("deny contains \"x\" if to_number(input.caller.subject) > 1"), asked(|_| {})).await;
    assert_eq!(denial(&decision), (Cause::Error, vec!["a rule of `policies.shop` failed"]));
}

#[tokio::test]
async fn too_large_and_too_deep_inputs_are_refused_unasked() {
    let large = lone("sql", json!({"text": "x".repeat(300 * 1024)}));
    let deep = lone("sql", (0..80).fold(json!(1), |inner, _| json!([inner])));
    for document in [large, deep] {
        let decision = say(shop("allow contains \"x\" if true"), document).await;
        assert_eq!(denial(&decision).0, Cause::Limit);
    }
}

#[tokio::test]
async fn a_rule_that_says_too_much_denies() {
    let long = "deny contains concat(\"\", [part | some i in numbers.range(1, 9000); part := \"0123456789\"]) if true";
    let decision = say(shop(long), asked(|_| {})).await;
    assert_eq!(denial(&decision), (Cause::Limit, vec!["a rule of `policies.shop` says too much"]));
}

#[tokio::test]
async fn an_evaluation_that_does_not_end_is_a_denial_in_time() {
    let policy = Policy::stub(
        &["package policies.shop
xs := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
deny contains \"x\" if { some a in xs; some b in xs; some c in xs; some d in xs; some e in xs; some f in xs; a + b + c + d + e + f == 0 }
allow contains \"y\" if true
"],
        &[rule(EntrySet::Deny), rule(EntrySet::Allow)],
        1,
    );
    let decider = Decider::new(Settings { deadline: std::time::Duration::from_millis(40), ..settings() }).unwrap();
    let started = std::time::Instant::now();
    let decision = decider.decide(Some(policy), Stage::Request, asked(|_| {})).await;
    assert_eq!(denial(&decision).0, Cause::Deadline);
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    assert_eq!(decider.cached_answers(), 0);
}
