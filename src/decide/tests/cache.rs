use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bundle::{Entrypoint, Reads};
use crate::decide::answer::Answer;
use crate::decide::cache::Cache;
use crate::input::Asker;
use crate::input::stub::{asked, lone};
use crate::parse::Effect;

fn reads(paths: &'static [&'static str], deterministic: bool) -> Reads {
    let policy = Policy::stub(
        &["package p\n"],
        &[StubRule { package: "p", set: EntrySet::Deny, reads: paths, deterministic }],
        1,
    );
    match policy.entrypoint() {
        Entrypoint::Packages(questions) => questions[0].reads.clone(),
        Entrypoint::Rule(question) => question.reads.clone(),
    }
}

fn cache() -> Cache {
    Cache::new([7; 32], 1024 * 1024)
}

fn key(number: u64) -> [u8; 32] {
    *blake3::hash(&number.to_le_bytes()).as_bytes()
}

fn asker(subject: &str, session: u64) -> Asker {
    let caller = Value::from_iter([("subject", json!(subject)), ("issuer", Value::Null)]);
    Document::sample(vec![("caller", caller), ("session", json!({"id": session}))]).asker()
}

#[tokio::test]
async fn the_second_time_nothing_is_evaluated() {
    let decider = decider();
    let policy = shop("allow contains \"x\" if input.sql.effects == [\"read\"]\ndeny contains \"y\" if false");
    let cold = decider.decide(Some(policy.clone()), Stage::Request, asked(|_| {})).await;
    let warm = decider.decide(Some(policy.clone()), Stage::Request, asked(|_| {})).await;
    assert!(!cold.cached() && warm.cached());
    assert_eq!((cold.verdict(), cold.result()), (warm.verdict(), warm.result()));
    assert_ne!(cold.id(), warm.id());
    let write = asked(|facts| facts.effects = BTreeSet::from([Effect::Write]));
    let other = decider.decide(Some(policy), Stage::Request, write).await;
    assert!(!other.cached() && !allowed(&other));
}

#[tokio::test]
async fn a_swap_asks_again_and_forgets() {
    let decider = decider();
    let body = "package policies.shop\nallow contains \"x\" if true\n";
    for generation in [1, 2] {
        let policy = Policy::stub(&[body], &[rule(EntrySet::Allow)], generation);
        assert!(!decider.decide(Some(policy.clone()), Stage::Request, asked(|_| {})).await.cached());
        assert!(decider.decide(Some(policy), Stage::Request, asked(|_| {})).await.cached());
        assert_eq!(decider.cached_answers(), 1);
    }
}

#[tokio::test]
async fn errors_and_wrong_types_are_never_cached() {
    let decider = decider();
    for body in ["deny contains \"x\" if to_number(input.caller.subject) > 1", "deny contains 1 if true"] {
        for _ in 0..2 {
            let decision = decider.decide(Some(shop(body)), Stage::Request, asked(|_| {})).await;
            assert!(!decision.cached() && !allowed(&decision));
        }
    }
    assert_eq!(decider.cached_answers(), 0);
}

#[tokio::test]
async fn what_is_not_deterministic_is_asked_each_time() {
    let decider = decider();
    let rule = StubRule { deterministic: false, ..rule(EntrySet::Allow) };
    let policy = Policy::stub(&["package policies.shop\nallow contains \"x\" if true\n"], &[rule], 1);
    for _ in 0..2 {
        assert!(!decider.decide(Some(policy.clone()), Stage::Request, asked(|_| {})).await.cached());
    }
}

#[test]
fn answers_stay_within_their_bytes_and_the_used_ones_survive() {
    let cache = cache();
    let somebody = asker("alice", 0);
    let answer = Arc::new(Answer::Reasons(vec!["r".repeat(100)]));
    cache.put(key(0), Arc::clone(&answer), &somebody);
    for number in 1..20_000 {
        cache.put(key(number), Arc::clone(&answer), &somebody);
        assert!(cache.get(&key(0)).is_some(), "{number}");
    }
    assert!(cache.len() < 1024 * 1024 / 200 && cache.len() > 1000, "{}", cache.len());
    assert!(cache.get(&key(1)).is_none());
    cache.put(key(20_000), Arc::new(Answer::Reasons(vec!["r".repeat(1024 * 1024)])), &somebody);
    assert!(cache.get(&key(20_000)).is_none());
}

/// Answers of one session that fit into its even share, then `flood`: all must still be there.
fn nobody_loses_answers_to(flood: impl Fn(&Cache, &dyn Fn())) {
    let (cache, victim) = (cache(), asker("victim", 1));
    let answer = Arc::new(Answer::Reasons(vec!["r".repeat(100)]));
    cache.came(&victim);
    (0..200).for_each(|number| cache.put(key(number), Arc::clone(&answer), &victim));
    let holds = || assert!((0..200).all(|number| cache.get(&key(number)).is_some()));
    flood(&cache, &holds);
    // Answers that the victim does not ask for meanwhile are as safe.
    holds();
    assert!(cache.len() < 1024 * 1024 / 200, "{}", cache.len());
}

#[test]
fn a_flood_of_new_shapes_takes_no_hit_from_another_caller() {
    nobody_loses_answers_to(|cache, _| flood(cache, &asker("mallory", 2), 1_000..60_000));
}

#[test]
fn a_flood_takes_no_hit_from_another_session_of_the_same_caller() {
    nobody_loses_answers_to(|cache, holds| {
        let mallory = asker("victim", 2);
        cache.came(&mallory);
        flood(cache, &mallory, 1_000..60_000);
        holds();
        cache.left(&mallory);
    });
}

#[test]
fn session_after_session_of_one_flooding_caller_are_one_share() {
    nobody_loses_answers_to(|cache, _| {
        for session in 2..502 {
            let mallory = asker("mallory", session);
            cache.came(&mallory);
            flood(cache, &mallory, session * 1_000..session * 1_000 + 20);
            cache.left(&mallory);
        }
    });
}

#[test]
fn five_hundred_sessions_at_once_of_one_flooding_caller_are_one_share() {
    nobody_loses_answers_to(|cache, _| {
        (2..502).for_each(|session| cache.came(&asker("mallory", session)));
        (2..502).for_each(|session| {
            flood(cache, &asker("mallory", session), session * 1_000..session * 1_000 + 20);
        });
    });
}

#[test]
fn what_a_flooder_asked_first_is_paid_by_who_asks_for_it_again() {
    let (cache, victim, mallory) = (cache(), asker("victim", 1), asker("mallory", 2));
    let answer = Arc::new(Answer::Reasons(Vec::new()));
    cache.put(key(0), Arc::clone(&answer), &mallory);
    flood(&cache, &mallory, 1_000..20_000);
    assert!(cache.get(&key(0)).is_none(), "it went with the rest of what it was charged to");
    cache.put(key(0), answer, &victim);
    flood(&cache, &mallory, 20_000..60_000);
    assert!(cache.get(&key(0)).is_some());
}

fn flood(cache: &Cache, asker: &Asker, numbers: std::ops::Range<u64>) {
    for number in numbers {
        cache.put(key(number), Arc::new(Answer::Reasons(vec!["r".repeat(100)])), asker);
    }
}

#[tokio::test]
async fn another_sessions_hits_stay_hits_while_an_adversary_floods() {
    let decider = Decider::new(Settings { cache: 64 * 1024, ..settings() }).unwrap();
    let policy = Policy::stub(
        &["package policies.shop\nallow contains \"x\" if input.sql.text != \"\"\n"],
        &[StubRule { package: "policies.shop", set: EntrySet::Allow, reads: &["sql.text"], deterministic: true }],
        1,
    );
    let question = |subject: &str, session: u64, text: String| {
        let caller = Value::from_iter([("subject", json!(subject))]);
        Document::sample(vec![
            ("caller", caller),
            ("session", json!({"id": session})),
            ("sql", json!({"text": text, "effects": ["read"], "unparsed": null})),
        ])
    };
    let ask = async |document: Document| decider.decide(Some(policy.clone()), Stage::Request, document).await.cached();
    let (victim, mallory) = (question("victim", 1, "select 1".into()), question("mallory", 2, String::new()));
    let _stays = [decider.stay(victim.asker()), decider.stay(mallory.asker())];
    assert!(!ask(victim.clone()).await);
    for number in 0..600 {
        assert!(!ask(question("mallory", 2, format!("select {number} + 1"))).await);
    }
    assert!(ask(victim).await);
    assert!(!ask(question("mallory", 2, "select 0 + 1".into())).await, "the flood did not overflow anything");
}

#[test]
fn the_same_values_under_another_rule_or_snapshot_are_another_question() {
    let (cache, reads, document) = (cache(), reads(&["caller"], true), lone("caller", json!(1)));
    let keys = [(1, 0), (1, 1), (2, 0)].map(|(generation, rule)| cache.key(generation, rule, &reads, &document));
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>().len(), 3);
    assert_ne!(cache.key(1, 0, &reads, &document), Cache::new([8; 32], 0).key(1, 0, &reads, &document));
    assert_eq!(cache.key(1, 0, &super::cache::reads(&["caller"], false), &document), None);
}

fn text() -> impl Strategy<Value = String> {
    "[\\x00-\\x09a\",.]{0,5}"
}

proptest! {
    #[test]
    fn no_two_sets_of_read_values_share_a_key(a in (text(), text()), b in (text(), text())) {
        let (cache, reads) = (cache(), reads(&["x.a", "x.b"], true));
        let key = |pair: &(String, String)| cache.key(1, 0, &reads, &lone("x", json!({"a": pair.0, "b": pair.1})));
        prop_assert_eq!(key(&a) == key(&b), a == b);
    }

    #[test]
    fn what_is_not_read_is_not_in_the_key(read in text(), one in text(), other in text()) {
        let (cache, reads) = (cache(), reads(&["x.read"], true));
        let key = |rest: &str| cache.key(1, 0, &reads, &lone("x", json!({"read": read, "rest": rest})));
        prop_assert_eq!(key(&one), key(&other));
    }

    #[test]
    fn missing_null_and_empty_are_three_questions(rest in text()) {
        let (cache, reads) = (cache(), reads(&["x.a"], true));
        let key = |value: Value| cache.key(1, 0, &reads, &lone("x", value));
        let keys = [json!({"rest": rest}), json!({"a": null}), json!({"a": ""})].map(key);
        prop_assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }

    #[test]
    fn who_reads_everything_misses_nothing(a in text(), b in text()) {
        let (cache, reads) = (cache(), reads(&[""], true));
        let key = |value: &str| cache.key(1, 0, &reads, &lone("x", json!({"a": value})));
        prop_assert_eq!(key(&a) == key(&b), a == b);
    }
}
