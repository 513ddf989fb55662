use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bundle::{Entrypoint, Reads};
use crate::decide::answer::Answer;
use crate::decide::cache::Cache;
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
    let key = |number: u64| *blake3::hash(&number.to_le_bytes()).as_bytes();
    let answer = Arc::new(Answer::Reasons(vec!["r".repeat(100)]));
    cache.put(key(0), Arc::clone(&answer));
    for number in 1..20_000 {
        cache.put(key(number), Arc::clone(&answer));
        assert!(cache.get(&key(0)).is_some(), "{number}");
    }
    assert!(cache.len() < 1024 * 1024 / 200 && cache.len() > 1000, "{}", cache.len());
    assert!(cache.get(&key(1)).is_none());
    cache.put(key(20_000), Arc::new(Answer::Reasons(vec!["r".repeat(1024 * 1024)])));
    assert!(cache.get(&key(20_000)).is_none());
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
