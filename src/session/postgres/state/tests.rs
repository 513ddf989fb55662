use std::collections::BTreeSet;

use super::*;
use crate::input::stub;
use crate::parse::Aftermath;

fn search(schema: &str, temporary: &[&str]) -> Search {
    let schema: Arc<str> = Arc::from(schema);
    let temporary = temporary.iter().map(|name| (Box::from(*name), true)).collect();
    Search { path: Arc::from([Arc::clone(&schema)]), schema: Some(schema), temporary: Arc::new(temporary) }
}

fn pinned() -> State {
    State::new(stub::context(), None, Some(search("public", &[])))
}

fn facts(aftermath: Aftermath, effects: &[Effect]) -> Facts {
    Facts { aftermath, effects: effects.iter().copied().collect::<BTreeSet<_>>(), ..stub::facts() }
}

fn send(state: &mut State, facts: &Facts) {
    let stamp = state.stamp();
    state.sends(facts, &Arc::from("text"), stamp);
}

fn moves() -> Facts {
    facts(Aftermath { names: true, ..Aftermath::default() }, &[Effect::Procedure])
}

fn ends() -> Facts {
    facts(Aftermath { transaction: true, ..Aftermath::default() }, &[Effect::Transaction])
}

fn schema_of(state: &State) -> Option<String> {
    state.search().and_then(|search| search.schema.as_deref().map(str::to_owned))
}

#[test]
fn names_are_lost_until_the_server_was_asked() {
    let mut state = pinned();
    let before = state.stamp();
    send(&mut state, &moves());
    assert!(state.search().is_none() && state.stamp() != before && state.context.search_path.is_none());
    assert!(matches!(state.meaning(false), parse::Names::Uncertain));
    state.finds(Some(search("public", &[])));
    assert_eq!(state.stamp(), before, "it is what it was");
    assert_eq!(state.context.search_path.as_deref(), Some(&["public".to_owned()][..]));
}

#[test]
fn what_was_asked_in_a_transaction_ends_with_it() {
    let mut state = pinned();
    state.ready(Transaction::Open);
    send(&mut state, &moves());
    state.finds(Some(search("sales", &[])));
    assert_eq!(schema_of(&state).as_deref(), Some("sales"));
    send(&mut state, &ends());
    assert_eq!(schema_of(&state), None, "a rollback takes the path back");
    state.ready(Transaction::Idle);
    state.finds(Some(search("sales", &[])));
    send(&mut state, &ends());
    assert_eq!(schema_of(&state).as_deref(), Some("sales"), "what was so before a transaction is so after it");
}

#[test]
fn beside_temporary_relations_a_definition_may_give_them_names() {
    let mut state = pinned();
    let defines = facts(Aftermath::default(), &[Effect::Ddl]);
    send(&mut state, &defines);
    assert!(state.search().is_some());
    state.finds(Some(search("public", &["mine"])));
    send(&mut state, &defines);
    assert!(state.search().is_none());
}

#[test]
fn what_a_session_defines_is_its_own_until_the_transaction_ends() {
    let mut state = pinned();
    state.ready(Transaction::Open);
    let before = state.stamp();
    let defined = Definitions::relations([(None, "orders".to_owned())]);
    send(&mut state, &facts(Aftermath { defines: defined, ..Aftermath::default() }, &[Effect::Ddl]));
    assert!(!state.sees_what_others_see() && state.stamp() != before);
    state.ready(Transaction::Open);
    assert!(!state.sees_what_others_see());
    state.ready(Transaction::Idle);
    assert!(state.sees_what_others_see());
    assert_eq!(state.stamp(), before);
}

#[test]
fn the_server_is_asked_only_while_it_waits() {
    let mut state = pinned();
    assert!(state.may_be_asked());
    state.ledger.owe(Owed::Describe { masked: None });
    assert!(!state.may_be_asked());
    state.ledger.settle();
    assert!(!state.may_be_asked(), "no Sync has ended that exchange");
    state.ledger.owe(Owed::Sync);
    state.ledger.settle();
    assert!(state.may_be_asked());
    state.ready(Transaction::Failed);
    assert!(!state.may_be_asked());
    state.ready(Transaction::Open);
    assert!(state.may_be_asked());
    send(&mut state, &ends());
    assert!(!state.may_be_asked(), "nobody knows whether a transaction is open");
}

#[test]
fn no_answer_leaves_names_lost() {
    let mut state = pinned();
    send(&mut state, &moves());
    state.told(None);
    assert!(state.search().is_none());
    let answer = NamesAnswer {
        setting: "a, b, pg_temp".to_owned(),
        role: "app".to_owned(),
        temporary: vec![("mine".to_owned(), true)],
        types: true,
    };
    state.told(Some(answer));
    let search = state.search().unwrap();
    assert_eq!((search.path.len(), search.schema.is_none(), search.temporary.len()), (2, true, 1));
}
