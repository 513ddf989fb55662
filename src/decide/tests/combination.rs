use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::input::stub::{asked, context, now, opened, policy, request, unparsed};
use crate::input::{PolicyInfo, request_document};
use crate::model::AuditClass;
use crate::parse::Effect;

const ALLOW: &str = "allow contains \"everybody reads\" if true\n";

fn effects(effects: &[Effect]) -> Document {
    asked(|facts| facts.effects = effects.iter().copied().collect())
}

fn not_parsed() -> Document {
    request_document(&context(), &request(unparsed(), Vec::new()), now(), &policy())
}

#[tokio::test]
async fn an_allow_lets_it_through_with_its_reasons() {
    let decision = say(shop("allow contains \"b\" if true\nallow contains \"a\" if true"), asked(|_| {})).await;
    assert!(allowed(&decision));
    assert_eq!(decision.result(), Some(&json!({"allow": true, "reasons": ["a", "b"]})));
    assert_eq!(decision.path(), "sidegate/decision");
    assert_eq!(decision.revisions()["main"], "r1");
}

#[tokio::test]
async fn any_deny_wins() {
    let decision = say(shop(&format!("{ALLOW}deny contains \"not today\" if true")), asked(|_| {})).await;
    assert_eq!(denial(&decision), (Cause::Policy, vec!["not today"]));
    assert_eq!(decision.result(), Some(&json!({"allow": false, "reasons": ["not today"]})));
    assert_eq!(decision.class(), AuditClass::Strict);
}

#[tokio::test]
async fn without_an_allow_the_answer_is_no_and_has_no_reasons() {
    let decision = say(shop("allow contains \"x\" if false"), asked(|_| {})).await;
    assert_eq!(denial(&decision), (Cause::Policy, Vec::new()));
    assert_eq!(denial(&say(shop(""), asked(|_| {})).await), (Cause::Policy, Vec::new()));
}

#[tokio::test]
async fn session_and_transaction_commands_need_no_allow() {
    let policy = shop("allow contains \"x\" if false");
    for (list, free) in [
        (&[Effect::Session][..], true),
        (&[Effect::Session, Effect::Transaction], true),
        (&[], true),
        (&[Effect::Transaction, Effect::Read], false),
        (&[Effect::Settings], false),
        (&[Effect::Unknown], false),
    ] {
        assert_eq!(allowed(&say(policy.clone(), effects(list)).await), free, "{list:?}");
    }
    let denied = say(shop("deny contains \"no transactions\" if true"), effects(&[Effect::Transaction])).await;
    assert_eq!(denial(&denied).0, Cause::Policy);
}

#[tokio::test]
async fn a_session_opens_unless_somebody_denies_it() {
    let decider = decider();
    let open = decider.decide(Some(shop("deny contains \"x\" if true")), Stage::Session, opened()).await;
    assert!(allowed(&open));
    assert_eq!(open.class(), AuditClass::Strict);
    let policy = Policy::stub(
        &["package policies.shop\ndeny_session contains \"closed\" if input.stage == \"session\"\n"],
        &[StubRule { package: "policies.shop", set: EntrySet::DenySession, reads: &["stage"], deterministic: true }],
        2,
    );
    let closed = decider.decide(Some(policy), Stage::Session, opened()).await;
    assert_eq!(denial(&closed), (Cause::Policy, vec!["closed"]));
}

#[tokio::test]
async fn without_a_bundle_everything_is_refused() {
    for (stage, document) in [(Stage::Session, opened()), (Stage::Request, effects(&[Effect::Session]))] {
        let decision = decider().decide(None, stage, document).await;
        assert_eq!(denial(&decision).0, Cause::NoBundle);
        assert_eq!(decision.result(), None);
        assert!(decision.error().is_some());
    }
}

#[tokio::test]
async fn obligations_that_bind_are_refused_with_their_name() {
    for (obligation, words) in [
        (
            "approve contains {\"reason\": \"reads people\", \"approvers\": [\"dba\"]} if true".to_owned(),
            "approval by dba (reads people)",
        ),
        ("record contains \"full\" if true".to_owned(), "recording"),
    ] {
        let decision = say(shop(&format!("{ALLOW}{obligation}")), asked(|_| {})).await;
        let (cause, reasons) = denial(&decision);
        assert_eq!(cause, Cause::Obligation, "{obligation}");
        assert!(reasons[0].contains(words) && reasons[0].contains("cannot carry out"), "{reasons:?}");
    }
}

#[tokio::test]
async fn obligations_that_do_not_bind_change_nothing() {
    for (obligation, document) in [
        ("mask contains {\"column\": \"public.orders.note\", \"with\": {\"null\": {}}} if true", asked(|_| {})),
        ("limit contains {\"bytes\": 10} if true", effects(&[Effect::Ddl])),
        ("record contains \"none\" if true", asked(|_| {})),
    ] {
        assert!(allowed(&say(shop(&format!("{ALLOW}{obligation}")), document).await), "{obligation}");
    }
}

#[tokio::test]
async fn masks_are_demanded_of_whoever_carries_the_decision_out() {
    let policy = shop(&format!(
        "{ALLOW}mask contains {{\"column\": \"public.orders.note\", \"with\": {{\"null\": {{}}}}}} if true"
    ));
    let decision = say(policy, asked(|facts| facts.unknown.extend(["sql.relations"]))).await;
    assert!(allowed(&decision));
    assert_eq!(decision.masks().keys().collect::<Vec<_>>(), ["public.orders"]);
    assert_eq!(decision.class(), AuditClass::Strict, "where it is not known what is touched, it may be what is masked");
    let refused = decider().unfulfilled(decision, vec!["it cannot be woven".to_owned()]);
    assert_eq!(denial(&refused), (Cause::Obligation, vec!["it cannot be woven"]));
    assert_eq!(refused.result().and_then(|result| result["allow"].as_bool()), Some(false));
    assert!(refused.masks().is_empty());
}

#[tokio::test]
async fn a_masked_relation_has_one_name_however_it_is_spelled() {
    for entrypoint in
        ["mask contains {\"column\": \"\\\"public\\\".customers.email\", \"with\": {\"redact\": {}}} if true"]
    {
        let decision = say(shop(&format!("{ALLOW}{entrypoint}")), asked(|_| {})).await;
        assert_eq!(decision.masks().keys().collect::<Vec<_>>(), ["public.customers"]);
    }
}

#[tokio::test]
async fn nobody_is_asked_for_an_approval_without_an_allow() {
    let policy = shop("approve contains {\"reason\": \"r\", \"approvers\": [\"dba\"]} if true");
    assert_eq!(denial(&say(policy, asked(|_| {})).await), (Cause::Policy, Vec::new()));
}

#[tokio::test]
async fn of_two_maskers_on_one_column_the_first_in_the_contracts_order_wins() {
    let policy = shop(&format!(
        "{ALLOW}{}",
        "mask contains {\"column\": \"public.orders.note\", \"with\": {\"email\": {}}} if true
mask contains {\"column\": \"public.orders.note\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if true"
    ));
    let decision = say(policy, asked(|_| {})).await;
    assert_eq!(decision.result().unwrap()["mask"], json!({"public.orders": {"note": {"hash": {"key": "masks"}}}}));
}

#[tokio::test]
async fn what_two_maskers_are_for_in_one_column_the_first_masks() {
    let of = |one: &str, other: &str| {
        let mask =
            |with: &str| format!("mask contains {{\"column\": \"public.orders.note\", \"with\": {with}}} if true\n");
        shop(&format!("{ALLOW}{}{}", mask(one), mask(other)))
    };
    let (email, redact) = (r#"{"email": {"paths": ["/a", "/b"]}}"#, r#"{"redact": {"paths": ["/b", "/*/c"]}}"#);
    for (one, other, mut expected) in [
        (email, redact, vec!["/*/c", "/a", "/b"]),
        (redact, email, vec!["/*/c", "/a", "/b"]),
        (r#"{"email": {}}"#, redact, vec![]),
        (email, r#"{"redact": {}}"#, vec![]),
    ] {
        let decision = say(of(one, other), asked(|_| {})).await;
        let masker = decision.masks()["public.orders"]["note"].clone();
        let mut paths: Vec<&str> = masker.paths().iter().map(String::as_str).collect();
        paths.sort_unstable();
        expected.sort_unstable();
        assert_eq!((masker.label(), paths), ("redact", expected), "{one} {other}");
    }
}

#[tokio::test]
async fn an_unparsed_statement_needs_an_allow_unparsed_beside_an_allow() {
    let unparsed = "allow_unparsed contains \"we trust DO\" if true\n";
    let neither = say(shop(ALLOW), not_parsed()).await;
    assert_eq!(denial(&neither), (Cause::Unparsed, vec!["a DO block cannot be read"]));
    assert_eq!(denial(&say(shop(unparsed), not_parsed()).await).0, Cause::Policy);
    let both = say(shop(&format!("{ALLOW}{unparsed}")), not_parsed()).await;
    assert!(allowed(&both));
    assert_eq!(both.result().unwrap()["unparsed"], json!(true));
    assert_eq!(both.class(), AuditClass::Strict);
    let denied = say(shop(&format!("{ALLOW}{unparsed}deny contains \"no\" if true")), not_parsed()).await;
    assert_eq!(denial(&denied), (Cause::Policy, vec!["no"]));
}

fn reading(reads: &'static [&'static str]) -> Arc<Policy> {
    let body = format!(
        "package policies.shop\n{ALLOW}allow_unparsed contains \"we trust DO\" if true\ndeny contains \"x\" if input.sql.relations == 1\n"
    );
    let deny = StubRule { reads, ..rule(EntrySet::Deny) };
    Policy::stub(&[&body], &[rule(EntrySet::Allow), rule(EntrySet::AllowUnparsed), deny], 1)
}

#[tokio::test]
async fn a_rule_that_reads_what_is_not_known_denies_by_name() {
    for (path, reads) in [
        ("sql.relations", &["sql.relations"][..]),
        ("sql.relations", &["sql"]),
        ("sql.relations", &["sql.relations.0.id"]),
        ("sql.relations", &[""]),
    ] {
        let document = asked(|facts| facts.unknown.extend(["sql.relations"]));
        let decision = say(reading(reads), document).await;
        let (cause, reasons) = denial(&decision);
        assert_eq!(cause, Cause::Unknown);
        assert!(reasons[0].contains("`policies.shop`") && reasons[0].contains(path), "{reasons:?}");
    }
    let document = asked(|facts| facts.unknown.extend(["sql.relations"]));
    assert!(allowed(&say(reading(&["sql.effects"]), document).await));
}

#[tokio::test]
async fn of_an_unparsed_statement_only_what_it_is_about_is_skipped() {
    assert!(allowed(&say(reading(&["sql.relations"]), not_parsed()).await));
    let mut context = context();
    context.search_path = None;
    let document = request_document(&context, &request(unparsed(), Vec::new()), now(), &PolicyInfo::none());
    assert_eq!(denial(&say(reading(&["session.search_path"]), document).await).0, Cause::Unknown);
}

#[tokio::test]
async fn plain_allowed_reads_are_async_and_policy_only_raises() {
    let strict = format!("{ALLOW}audit contains \"strict\" if true");
    let alert = format!("{ALLOW}alert contains {{\"severity\": \"low\", \"message\": \"m\"}} if true");
    for (rule, body, list, class) in [
        (AuditRule::Auto, ALLOW, &[Effect::Read][..], AuditClass::Async),
        (AuditRule::Auto, ALLOW, &[Effect::Write], AuditClass::Strict),
        (AuditRule::Auto, ALLOW, &[Effect::Read, Effect::CopyOut], AuditClass::Strict),
        (AuditRule::Auto, &strict, &[Effect::Read], AuditClass::Strict),
        (AuditRule::Auto, &alert, &[Effect::Read], AuditClass::Strict),
        (AuditRule::Async, ALLOW, &[Effect::Write], AuditClass::Async),
        (AuditRule::Async, &strict, &[Effect::Read], AuditClass::Strict),
        (AuditRule::Strict, ALLOW, &[Effect::Read], AuditClass::Strict),
    ] {
        let decider = Decider::new(Settings { audit: rule, ..settings() }).unwrap();
        let decision = decider.decide(Some(shop(body)), Stage::Request, effects(list)).await;
        assert!(allowed(&decision), "{:?}", decision.verdict());
        assert_eq!(decision.class(), class, "{rule:?} {body} {list:?}");
    }
}

#[tokio::test]
async fn an_alert_is_part_of_the_decision() {
    let alert = format!("{ALLOW}alert contains {{\"severity\": \"high\", \"message\": \"m\"}} if true");
    let decision = say(shop(&alert), asked(|_| {})).await;
    assert_eq!(decision.result().unwrap()["alerts"], json!([{"severity": "high", "message": "m"}]));
}

#[tokio::test]
async fn an_error_in_one_package_keeps_the_others_denies_and_names_its_own() {
    let policy = Policy::stub(
        &[
            "package policies.a\ndeny contains \"a says no\" if true\n",
            "package policies.z\ndeny contains \"z\" if to_number(input.caller.subject) > 1\n",
        ],
        &["policies.a", "policies.z"].map(|package| StubRule { package, ..rule(EntrySet::Deny) }),
        1,
    );
    let decision = say(policy, asked(|_| {})).await;
    assert_eq!(denial(&decision), (Cause::Policy, vec!["a says no", "a rule of `policies.z` failed"]));
    assert!(decision.error().unwrap().contains("data.policies.z.deny"));
    assert_eq!(decision.result().unwrap()["allow"], json!(false));
}

#[tokio::test]
async fn what_the_sidecar_refuses_itself_has_the_same_form() {
    let decision = decider().refuse(None, Stage::Request, asked(|_| {}), Cause::Limit, vec!["too long".to_owned()]);
    assert_eq!(denial(&decision), (Cause::Limit, vec!["too long"]));
    assert_eq!(decision.result(), Some(&json!({"allow": false, "reasons": ["too long"]})));
    assert_eq!(decision.class(), AuditClass::Strict);
}

#[tokio::test]
async fn an_explanation_names_every_rule_and_what_it_said() {
    let policy = reading(&["sql.relations"]);
    let explanation = decider().explain(Some(policy), Stage::Request, not_parsed()).await;
    let told: Vec<_> = explanation
        .rules
        .iter()
        .map(|rule| (rule.package.as_str(), rule.set.as_str(), rule.members.clone(), rule.skipped))
        .collect();
    assert_eq!(
        told,
        [
            ("policies.shop", "allow", vec![json!("everybody reads")], false),
            ("policies.shop", "allow_unparsed", vec![json!("we trust DO")], false),
            ("policies.shop", "deny", Vec::<Value>::new(), true),
        ]
    );
    assert!(allowed(&explanation.decision));
}

#[tokio::test]
async fn every_result_is_what_the_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../../../rego/schema/decision.json")).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("decision.json", schema).unwrap();
    let schema = compiler.compile("decision.json", &mut schemas).unwrap();
    let everything = "
approve contains {\"reason\": \"r\", \"approvers\": [\"dba\"], \"quorum\": 2, \"hold\": \"60s\", \"valid\": \"15m\"} if true
approve contains {\"reason\": \"s\", \"approvers\": [\"owner\"], \"hold\": \"30s\"} if true
mask contains {\"column\": \"public.customers.email\", \"with\": {\"partial\": {\"keep_last\": 8}}} if true
mask contains {\"column\": \"public.customers.ssn\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true
mask contains {\"column\": \"public.orders.payload\", \"with\": {\"redact\": {\"paths\": [\"/card/number\"]}}} if true
limit contains {\"rows\": 10} if true
limit contains {\"rows\": 5, \"bytes\": 100} if true
audit contains \"strict\" if true
record contains \"full\" if true
alert contains {\"severity\": \"high\", \"message\": \"m\"} if true";
    for body in [ALLOW.to_owned(), String::new(), format!("{ALLOW}{everything}")] {
        let decision = say(shop(&body), asked(|_| {})).await;
        schemas.validate(decision.result().unwrap(), schema).unwrap();
    }
    let decision = say(shop(&format!("{ALLOW}{everything}")), asked(|_| {})).await;
    let result = decision.result().unwrap();
    assert_eq!(result["limit"], json!({"rows": 5, "bytes": 100}));
    assert_eq!(
        result["approval"],
        json!({"reason": "r; s", "approvers": ["dba", "owner"], "quorum": 2, "hold": "30s", "valid": "15m"})
    );
    let effects: BTreeSet<_> = result.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(effects, BTreeSet::from(["alerts", "allow", "approval", "audit", "limit", "mask", "reasons", "record"]));
}

#[test]
fn every_field_of_a_decision_is_documented() {
    let schema: Value = serde_json::from_str(include_str!("../../../rego/schema/decision.json")).unwrap();
    let text = include_str!("../../../docs/decision.md");
    let mut names = BTreeSet::new();
    crate::input::stub::property_names(&schema, &mut names);
    let causes = [
        "policy",
        "undefined",
        "type",
        "error",
        "deadline",
        "overload",
        "unknown",
        "unparsed",
        "obligation",
        "identity",
        "no_bundle",
        "limit",
        "contained",
        "protocol",
    ];
    names.extend(causes.map(str::to_owned));
    names.extend(EntrySet::ALL.map(|set| set.name().to_owned()));
    let missing: Vec<_> = names.iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/decision.md does not mention {missing:?}");
}
