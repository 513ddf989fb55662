//! What is recalled must be what asking would give.

use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::bundle::{Entrypoint, Reads};
use crate::decide::memo::Memo;
use crate::input::stub::{context, facts, now, policy as info, request, seven};
use crate::input::{SessionContext, request_document};
use crate::parse::Request;

const READS: [&str; 7] = [
    "sql.effects",
    "caller.groups",
    "session.search_path",
    "session.statements",
    "time.hour",
    "sql.parameters",
    "sql.text",
];

fn reading(paths: &[&str], deterministic: bool, generation: u64) -> Arc<Policy> {
    Policy::stub(
        &["package policies.shop\nallow contains \"x\" if true\n"],
        &[StubRule { package: "policies.shop", set: EntrySet::Allow, reads: paths, deterministic }],
        generation,
    )
}

/// One session and two statements of it.
struct Asker {
    context: SessionContext,
    requests: [Request; 2],
    memo: Mutex<Memo>,
    decider: Decider,
}

impl Asker {
    fn new() -> Self {
        let other = crate::parse::Facts { normalized: "select 2".to_owned(), ..facts() };
        let requests = [request(facts(), vec![seven()]), request(other, vec![seven()])];
        Self { context: context(), requests, memo: Mutex::default(), decider: decider() }
    }

    fn document(&self, which: usize, later: Duration) -> Document {
        request_document(&self.context, &self.requests[which], now() + later, &info())
    }

    async fn ask(&self, policy: &Arc<Policy>, document: Document) -> Decision {
        self.decider.decide_within(&self.memo, Some(Arc::clone(policy)), Stage::Request, document).await
    }

    fn recalls(&self, policy: &Arc<Policy>, document: &Document) -> bool {
        self.memo.lock().recall(policy.generation(), Stage::Request, document).is_some()
    }
}

#[tokio::test]
async fn a_statement_that_comes_again_is_recalled_and_a_change_that_is_read_is_not() {
    let policy = reading(&["sql.effects", "session.search_path", "time.hour"], true, 1);
    let mut asker = Asker::new();
    let first = asker.document(0, Duration::ZERO);
    assert!(!asker.recalls(&policy, &first));
    let asked = asker.ask(&policy, first).await;
    asker.context.statements = 7;
    let again = asker.document(0, Duration::from_secs(60));
    assert!(asker.recalls(&policy, &again), "nobody reads the counter or the minute");
    let recalled = asker.ask(&policy, again).await;
    assert_eq!(
        (asked.verdict(), asked.result(), asked.class()),
        (recalled.verdict(), recalled.result(), recalled.class())
    );
    assert!(recalled.cached() && asked.id() != recalled.id());
    assert_eq!(recalled.input().get(&["session", "statements"]), Some(&serde_json::json!(7)));

    assert!(!asker.recalls(&policy, &asker.document(1, Duration::ZERO)), "another statement");
    assert!(!asker.recalls(&policy, &asker.document(0, Duration::from_secs(3600))), "the hour is read");
    assert!(!asker.recalls(&reading(&["sql.effects"], true, 2), &asker.document(0, Duration::ZERO)), "a swap");
    asker.context.search_path = Some(vec!["other".to_owned()]);
    assert!(!asker.recalls(&policy, &asker.document(0, Duration::ZERO)), "the search path is read");
}

#[tokio::test]
async fn where_something_is_not_known_only_the_same_question_is_recalled() {
    let policy = reading(&["sql.effects", "session.transaction"], true, 1);
    let mut asker = Asker::new();
    asker.ask(&policy, asker.document(0, Duration::ZERO)).await;
    asker.context.transaction_uncertain = true;
    let uncertain = asker.document(0, Duration::ZERO);
    assert!(!asker.recalls(&policy, &uncertain));
    assert!(!allowed(&asker.ask(&policy, uncertain.clone()).await), "it is read");
    assert!(!asker.recalls(&policy, &uncertain), "a failure is not kept");
    let unread = reading(&["sql.effects"], true, 2);
    assert!(allowed(&asker.ask(&unread, uncertain.clone()).await));
    assert!(asker.recalls(&unread, &uncertain));
    asker.context.transaction_uncertain = false;
    assert!(!asker.recalls(&unread, &asker.document(0, Duration::ZERO)));
    asker.context.search_path = None;
    assert!(!asker.recalls(&unread, &asker.document(0, Duration::ZERO)), "as much is unknown, but not the same");
}

#[tokio::test]
async fn nothing_is_kept_of_what_may_not_be_used_again() {
    for policy in [reading(&["sql.effects"], false, 1), reading(&[""], true, 1)] {
        let asker = Asker::new();
        asker.ask(&policy, asker.document(0, Duration::ZERO)).await;
        assert!(!asker.recalls(&policy, &asker.document(0, Duration::ZERO)));
    }
    let broken = shop("deny contains \"x\" if to_number(input.caller.subject) > 1");
    let asker = Asker::new();
    assert!(!allowed(&asker.ask(&broken, asker.document(0, Duration::ZERO)).await));
    assert!(!asker.recalls(&broken, &asker.document(0, Duration::ZERO)));
}

#[tokio::test]
async fn of_a_question_with_much_in_it_nothing_is_kept() {
    for (length, read, kept) in [
        (1024, "sql.normalized", true),
        (17 * 1024, "sql.normalized", false),
        (17 * 1024, "sql", false),
        (17 * 1024, "sql.effects", true),
    ] {
        let policy = reading(&[read, "sql.effects"], true, 1);
        let mut asker = Asker::new();
        let facts = crate::parse::Facts { normalized: "x".repeat(length), ..facts() };
        asker.requests[0] = request(facts, vec![seven()]);
        let document = asker.document(0, Duration::ZERO);
        assert!(allowed(&asker.ask(&policy, document.clone()).await));
        assert_eq!(asker.recalls(&policy, &document), kept, "{length} bytes, and a rule that reads {read}");
    }
}

#[tokio::test]
async fn a_statement_in_other_words_is_recalled_where_nobody_reads_the_words() {
    // Texts that are equal are not compared: they come with their own statements.
    for (read, recalled) in [("sql.relations", true), ("sql.normalized", false), ("sql", false)] {
        let policy = reading(&[read, "session.search_path"], true, 1);
        let mut asker = Asker::new();
        let first = asker.ask(&policy, asker.document(0, Duration::ZERO)).await;
        let other = asker.document(1, Duration::ZERO);
        let find = |asker: &Asker, generation| {
            asker.memo.lock().find(generation, Stage::Request, &asker.document(1, Duration::ZERO)).is_some()
        };
        assert!(!asker.recalls(&policy, &other) && !find(&asker, 2));
        assert_eq!(find(&asker, 1), recalled, "{read}");
        assert_eq!(asker.recalls(&policy, &other), recalled, "{read}: from now on as if asked");
        let second = asker.ask(&policy, other).await;
        assert_eq!(
            (first.verdict(), first.result(), first.class()),
            (second.verdict(), second.result(), second.class())
        );
        asker.context.search_path = Some(vec!["other".to_owned()]);
        assert!(!find(&asker, 1), "the search path is read");
    }
}

/// Effects, relations and what is not known of statements that may be asked about in one session.
fn several() -> impl Strategy<Value = Vec<(bool, bool, bool, u8)>> {
    proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), 0_u8..3), 2..12)
}

fn reads_of(policy: &Policy) -> &Reads {
    match policy.entrypoint() {
        Entrypoint::Packages(questions) => &questions[0].reads,
        Entrypoint::Rule(question) => &question.reads,
    }
}

proptest! {
    #[test]
    fn whatever_is_recalled_has_the_key_of_what_was_asked(
        read in proptest::sample::subsequence(READS.to_vec(), 1..4),
        paths in (any::<bool>(), any::<bool>()),
        statements in (0_u64..2, 0_u64..2),
        later in (0_u64..3, 0_u64..3),
        which in (0_usize..2, 0_usize..2),
    ) {
        let policy = reading(&read, true, 1);
        let mut asker = Asker::new();
        let document = |asker: &mut Asker, path: bool, statements: u64, later: u64, which: usize| {
            asker.context.search_path = Some(vec![if path { "public" } else { "other" }.to_owned()]);
            asker.context.statements = statements;
            asker.document(which, Duration::from_secs(later * 1800))
        };
        let asked = document(&mut asker, paths.0, statements.0, later.0, which.0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(asker.ask(&policy, asked.clone()));
        let again = document(&mut asker, paths.1, statements.1, later.1, which.1);
        let cache = crate::decide::cache::Cache::new([7; 32], 1024);
        let key = |document| cache.key(1, 0, reads_of(&policy), document);
        if asker.recalls(&policy, &again) {
            prop_assert_eq!(key(&asked), key(&again));
            prop_assert_eq!(which.0, which.1);
        }
        prop_assert!(asker.recalls(&policy, &asked));
    }

    #[test]
    fn whatever_is_found_is_what_asking_anew_would_say(statements in several()) {
        let body = "package policies.shop\nallow contains \"x\" if \"read\" in input.sql.effects\n\
                    deny contains \"y\" if input.sql.relations[_].name == \"wages\"\n";
        let rule = |set, reads| StubRule { package: "policies.shop", set, reads, deterministic: true };
        let rules = [rule(EntrySet::Allow, &["sql.effects"]), rule(EntrySet::Deny, &["sql.relations"])];
        let policy = Policy::stub(&[body], &rules, 1);
        let (asker, runtime) = (Asker::new(), tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap());
        for (read, wages, uncertain, words) in statements {
            let mut facts = crate::parse::Facts { normalized: format!("select {words}"), ..facts() };
            if !read {
                facts.effects = std::collections::BTreeSet::from([crate::parse::Effect::Write]);
            }
            if wages {
                facts.relations.iter_mut().for_each(|relation| "wages".clone_into(&mut relation.name));
            }
            if uncertain {
                facts.unknown.insert("sql.relations");
            }
            let document = request_document(&asker.context, &request(facts, vec![seven()]), now(), &info());
            let found = runtime.block_on(asker.ask(&policy, document.clone()));
            let anew = runtime.block_on(asker.decider.decide(Some(Arc::clone(&policy)), Stage::Request, document));
            prop_assert_eq!(
                (found.verdict(), found.result(), found.class(), found.error()),
                (anew.verdict(), anew.result(), anew.class(), anew.error())
            );
        }
    }
}
