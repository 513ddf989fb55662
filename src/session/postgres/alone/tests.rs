use super::*;
use crate::catalog::{Builder, Table};
use crate::input::stub;
use crate::parse::{Aftermath, Names};
use crate::session::atlas::{Atlas, Page};

/// A catalog with these relations, as a role sees it.
fn catalog(user: &str, relations: &[&str]) -> Snapshot {
    let mut builder = Builder::default();
    let mut row = |table, row: &[&str]| {
        let values: Vec<_> = row.iter().map(|text| Some(text.as_bytes())).collect();
        builder.row(table, &values).unwrap();
    };
    row(Table::Server, &["150000", "shop", user, "10", "f", "UTF8"]);
    row(Table::Namespaces, &["7", "a", "t", "t"]);
    for (oid, name) in ["100", "101", "102"].into_iter().zip(relations) {
        row(Table::Relations, &[oid, "7", name, "r", "10", "0", "f", "f", "f", "f"]);
    }
    row(Table::Inheritance, &["100", "101"]);
    builder.finish().unwrap()
}

fn looks(page: &Page) {
    page.looked_and_saw(Arc::new(catalog("app", &["parts", "part", "orders"])));
}

fn facts(aftermath: Aftermath, effects: &[Effect]) -> Facts {
    Facts { aftermath, effects: effects.iter().copied().collect(), ..stub::facts() }
}

fn send(state: &mut State, facts: &Facts) {
    let stamp = state.stamp();
    state.sends(facts, &Arc::from("text"), stamp);
}

/// A session that has renamed a table in its transaction, after which somebody has looked at what others see.
fn renamed() -> (State, Arc<Page>) {
    let page = Atlas::default().page("shop");
    looks(&page);
    let mut state = State::new(stub::context(), Some(Arc::clone(&page)), None);
    state.ready(Transaction::Open);
    let places = ["orders", "bills"].map(|name| (Some("a".to_owned()), name.to_owned()));
    let defines = Definitions::relations(places);
    send(&mut state, &facts(Aftermath { defines, ..Aftermath::default() }, &[Effect::Ddl]));
    looks(&page);
    (state, page)
}

fn told(state: &mut State, user: &str) {
    let seen = state.page().unwrap().known().unwrap();
    assert!(state.may_ask_alone(&seen));
    state.sees_alone(Some(catalog(user, &["parts", "part", "bills"])), &seen);
}

/// Whether a table of the new name is known for certain.
fn knows(state: &mut State) -> bool {
    let Names::Known(known) = state.meaning(false) else { return false };
    known.trust_of(&["a"], "bills") == Trust::Recent && known.snapshot.relation_in("a", "bills").is_some()
}

#[test]
fn what_the_server_said_counts_until_somebody_has_looked_again() {
    let (mut state, page) = renamed();
    assert!(!knows(&mut state));
    told(&mut state, "app");
    let (stamp, snapshot) = (state.stamp(), state.snapshot().unwrap());
    assert!(knows(&mut state) && state.stamp() == stamp);
    looks(&page);
    assert!(state.stamp() != stamp && state.is_alone_no_more());
    assert!(state.snapshot().unwrap() == snapshot, "what was read by it is masked by it");
    assert!(!knows(&mut state));
    assert!(state.alone().is_none() && state.snapshot().unwrap() != snapshot);
}

#[test]
fn what_says_the_same_stays_the_same() {
    let (mut state, page) = renamed();
    told(&mut state, "app");
    let (stamp, snapshot) = (state.stamp(), state.snapshot().unwrap());
    looks(&page);
    told(&mut state, "app");
    assert!(state.snapshot().unwrap() == snapshot && state.stamp() == stamp);
    let before = snapshot.before().unwrap();
    assert!(before.snapshot.relation_in("a", "orders").is_some());
    assert_eq!(before.altered, BTreeSet::from([102]));
}

#[test]
fn it_ends_with_whatever_may_change_it() {
    let undoes = || Aftermath { undoes: true, transaction: true, ..Aftermath::default() };
    let sent = [
        facts(undoes(), &[Effect::Transaction]),
        facts(Aftermath::default(), &[Effect::Procedure]),
        facts(Aftermath::default(), &[Effect::Settings]),
        facts(Aftermath::default(), &[Effect::Ddl]),
    ];
    for facts in sent {
        let (mut state, _page) = renamed();
        told(&mut state, "app");
        send(&mut state, &facts);
        assert!(state.alone().is_none() && !knows(&mut state), "{facts:?}");
    }
    let (mut state, _page) = renamed();
    told(&mut state, "app");
    send(&mut state, &facts(Aftermath::default(), &[Effect::Write]));
    assert!(knows(&mut state));
    send(&mut state, &facts(Aftermath { transaction: true, ..Aftermath::default() }, &[Effect::Transaction]));
    assert!(!knows(&mut state), "nobody knows whether a transaction is open");
    told(&mut state, "app");
    state.ready(Transaction::Idle);
    assert!(state.alone().is_none() && state.sees_what_others_see());
}

#[test]
fn what_is_told_to_another_role_or_not_at_all_is_not_asked_again() {
    for user in ["app", "other"] {
        let (mut state, page) = renamed();
        let seen = page.known().unwrap();
        state.sees_alone((user == "other").then(|| catalog(user, &["parts", "part", "bills"])), &seen);
        assert!(!knows(&mut state) && !state.may_ask_alone(&seen), "{user}");
        looks(&page);
        assert!(state.may_ask_alone(&page.known().unwrap()));
    }
}

#[test]
fn what_shares_columns_with_what_was_altered_was_altered_too() {
    let (told, before) = (catalog("app", &["parts", "part", "bills"]), catalog("app", &["parts", "part", "orders"]));
    let touching = |name: &str| altered(&Definitions::relations([(None, name.to_owned())]), &told, &before);
    assert_eq!(touching("part"), BTreeSet::from([100, 101]));
    assert_eq!((touching("orders"), touching("bills")), (BTreeSet::from([102]), BTreeSet::from([102])));
    assert_eq!(altered(&Definitions::everything(), &told, &before).len(), 3);
}

#[test]
fn a_text_that_goes_on_behind_its_transaction_is_told() {
    let [select] = stub::facts().statements.try_into().unwrap();
    let texts = |count: usize, aftermath: Aftermath| {
        let statements = vec![select.clone(); count];
        outlasts_its_transaction(&Facts { statements, aftermath, ..stub::facts() })
    };
    let undoes = || Aftermath { undoes: true, ..Aftermath::default() };
    assert!(texts(2, undoes()) && !texts(1, undoes()) && !texts(2, Aftermath::default()));
}
