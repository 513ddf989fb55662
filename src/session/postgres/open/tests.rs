use tokio::io::{duplex, split};

use super::super::owed::{Owed, Running};
use super::super::stub::Session;
use super::*;
use crate::input::stub;
use crate::parse::{Aftermath, Definitions, Facts};
use crate::session::atlas::HELD;
use crate::wire::postgres::FrontendLimits;
use std::time::Duration;

/// What the future takes that such a function gives.
fn bytes<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
    size_of::<F>()
}

#[test]
fn an_idle_session_is_no_larger_than_what_it_needs_to_go_on() {
    let (session, corridor) = (bytes(serve), size_of::<Corridor>());
    eprintln!("a session: {session} bytes, {corridor} of them its state");
    assert!(session <= 5_800, "{session} bytes: box what is rare where it is awaited");
}

/// A statement that leaves every name of a schema uncertain while it runs.
fn moves_a_schema() -> Facts {
    let defines = Definitions::schemas(["sales".to_owned()]);
    Facts { aftermath: Aftermath { defines, transaction: true, ..Aftermath::default() }, ..stub::facts() }
}

#[tokio::test]
async fn a_session_that_leaves_names_of_others_uncertain_for_too_long_ends() {
    let Session { corridor, .. } = &Session::open();
    let ((near, _client), (far, _server)) = (duplex(1024), duplex(1024));
    let (from_client, to_client) = split(near);
    let (from_server, to_server) = split(far);
    let facts = moves_a_schema();
    {
        let mut state = corridor.state.lock();
        let stamp = state.stamp();
        state.ledger.owe(Owed::Query(Running::new(None, Arc::new(facts.clone()))));
        state.sends(&facts, &Arc::from("text"), stamp);
    }
    let mut requests = Requests {
        corridor,
        client: from_client,
        framer: FrontendFramer::new(FrontendLimits::for_statements(1024), BytesMut::new()),
        fill: Fill::default(),
        upstream: Sender::new(to_server, corridor.house.journal.clone()),
        silent: false,
    };
    let mut answers = Answers {
        corridor,
        upstream: from_server,
        framer: BackendFramer::new(),
        fill: Fill::default(),
        client: to_client,
        out: BytesMut::new(),
        recorded: None,
        server_parted: false,
        cancel: None,
        cutting: false,
        grown: false,
    };
    let page = corridor.lane.atlas.page("shop");
    page.end_overdue(tokio::time::Instant::now() + HELD - Duration::from_secs(1));
    let running = both_ways(&corridor.house, &mut requests, &mut answers);
    let mut running = pin!(running);
    assert!(timeout(Duration::from_millis(100), &mut running).await.is_err(), "it may run so long");
    page.end_overdue(tokio::time::Instant::now() + HELD + Duration::from_secs(1));
    let Ok(End::Fault(refusal)) = timeout(Duration::from_secs(5), running).await else { panic!("it runs on") };
    assert!(format!("{refusal:?}").contains("15m"), "{refusal:?}");
}
