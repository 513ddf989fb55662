use std::sync::Arc;

use super::*;
use crate::input::stub;
use crate::model::FaultKind;
use crate::parse::{Effect, Facts};

fn refused(ready: bool) -> Owed {
    Owed::Refused { refusal: Refusal::new(FaultKind::Denied, "no"), ready }
}

fn describe() -> Owed {
    Owed::Describe { masked: None }
}

fn close(name: &str) -> Owed {
    Owed::Close { portal: false, name: name.to_owned() }
}

#[test]
fn after_an_error_everything_up_to_the_next_sync_is_struck_out() {
    let mut ledger = Ledger::default();
    for owed in [refused(false), describe(), close("a"), Owed::Sync, describe()] {
        ledger.owe(owed);
    }
    ledger.settle();
    assert_eq!(ledger.skip_to_sync().len(), 2);
    assert!(!ledger.skipping(), "the Sync was sent already");
    assert!(matches!(ledger.settle().map(|line| line.owed), Some(Owed::Sync)));
    assert!(matches!(ledger.settle().map(|line| line.owed), Some(Owed::Describe { .. })));
}

#[test]
fn without_a_sync_the_server_ignores_everything_until_one_is_sent() {
    let mut ledger = Ledger::default();
    ledger.owe(refused(false));
    ledger.settle();
    assert!(ledger.skip_to_sync().is_empty());
    assert!(ledger.skipping());
    ledger.owe(Owed::Sync);
    assert!(!ledger.skipping());
}

fn copies(effect: Effect) -> Running {
    Running::new(None, Arc::new(Facts { effects: [effect].into(), ..stub::facts() }))
}

#[test]
fn nothing_but_data_follows_what_may_ask_for_it_until_its_data_has_ended() {
    let mut ledger = Ledger::default();
    ledger.owe(Owed::Execute(copies(Effect::CopyOut)));
    assert!(!ledger.may_take_data(false) && ledger.takes_data().is_none(), "it was not to take any");
    ledger.owe(Owed::Execute(copies(Effect::CopyIn)));
    assert!(ledger.may_take_data(false) && ledger.may_take_data(true), "what runs is the one before it");
    ledger.flushed();
    assert!(ledger.lags(), "the Flush may be swallowed");
    ledger.data_ends();
    assert!(!ledger.may_take_data(false));
    ledger.settle();
    assert_eq!(ledger.takes_data(), Some(true));
    assert!(ledger.may_take_data(false) && !ledger.may_take_data(true), "it has ended, which the session knows");
    ledger.settle();
    assert!(!ledger.may_take_data(false));
}

#[test]
fn a_text_may_ask_for_data_several_times() {
    let mut ledger = Ledger::default();
    ledger.owe(Owed::Query(copies(Effect::CopyIn)));
    ledger.data_ends();
    ledger.data_ends();
    assert!(ledger.may_take_data(true));
    assert_eq!([ledger.takes_data(), ledger.takes_data(), ledger.takes_data()], [Some(true), Some(true), Some(false)]);
    let unread = Running::new(None, Arc::new(stub::unparsed()));
    assert!(unread.may_take_data() && !Running { called: true, ..unread }.may_take_data());
}

#[test]
fn answers_are_withheld_until_somebody_asks_for_them() {
    let mut ledger = Ledger::default();
    assert!(!ledger.lags() && !ledger.is_withheld(), "nothing is owed");
    ledger.owe(close("a"));
    assert!(ledger.lags() && ledger.is_withheld());
    ledger.flushed();
    assert!(!ledger.lags() && !ledger.is_withheld());
    ledger.owe(describe());
    assert!(ledger.lags() && !ledger.is_withheld(), "the first was asked for");
    ledger.settle();
    assert!(ledger.lags() && ledger.is_withheld());
    ledger.owe(Owed::Sync);
    assert!(!ledger.lags() && !ledger.is_withheld());
    ledger.owe(refused(true));
    assert!(!ledger.lags());
}

#[test]
fn what_is_learned_from_an_answer_binds_only_what_was_sent_before_it() {
    let mut ledger = Ledger::default();
    ledger.owe(close("a"));
    let first = ledger.sequence();
    ledger.owe(close("b"));
    assert!(ledger.sequence() > first);
    let line = ledger.settle().expect("it is owed");
    assert_eq!(line.sequence, first);
    ledger.owe_first(line.sequence, Owed::Ready);
    assert!(matches!(ledger.front(), Some(Line { owed: Owed::Ready, .. })));
}
