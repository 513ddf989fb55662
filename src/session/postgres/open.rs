//! From a connection to an open session, and from there to its end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{timeout, timeout_at};

use crate::accept::{AcceptError, Accepted, Connection, Opening, Slot, Stream};
use crate::decide::Stay;
use crate::enforce::Refusal;
use crate::forward::{self, CancelTarget, KeyGuard, Link, Sender, Upstream};
use crate::identify::{Identified, Validity};
use crate::input::SessionContext;
use crate::model::{Cause, Fault, FaultKind, OutcomeKind, SessionId, Stage};
use crate::session::atlas::Page;
use crate::session::contain::contain;
use crate::session::house::{House, Lane};
use crate::session::workers::Place;
use crate::telemetry::{Cancelled, SessionGauge, TurnedAway};
use crate::wire::postgres::{
    BackendFramer, CancelRequest, FrontendFramer, ParameterStatus, ReadyForQuery, Startup, WireError,
};

use super::answers::{Answers, gone};
use super::corridor::{Corridor, End, held_too_long};
use super::fill::Fill;
use super::greet::Greeting;
use super::requests::Requests;
use super::search::Search;
use super::signals::Signals;
use super::state::State;
use super::transaction::Deeds;

/// Leads one connection to its end, and keeps its place until then.
pub(in crate::session) async fn serve(house: Arc<House>, lane: Arc<Lane>, connection: Box<Connection>, _place: Place) {
    // Boxed, so that what getting in takes is given back before the session begins.
    let Some(entered) = Box::pin(enter(&house, &lane, connection)).await else { return };
    run(&house, &lane, entered).await;
}

/// A session that is open on both sides.
struct Entered {
    session: SessionId,
    state: State,
    validity: Validity,
    ends: Ends,
}

/// What of a session its two directions do not share.
struct Ends {
    client: Stream,
    requests: FrontendFramer,
    server: Link,
    answers: BackendFramer,
    /// What the client is told once it is in.
    welcome: BytesMut,
    cancel: Option<CancelTarget>,
    held: Held,
}

/// What is given back when a session ends.
type Held = (SessionGauge, Slot, Option<KeyGuard>, Stay);

/// Everything before a session is open; `None` if there is none.
async fn enter(house: &Arc<House>, lane: &Arc<Lane>, connection: Box<Connection>) -> Option<Box<Entered>> {
    let peer = connection.peer().to_string();
    let opening = pin!(connection.open());
    match house.drain.lets(opening).await? {
        Ok(Opening::Cancel(cancelling)) => {
            house.metrics.cancel_requested(&lane.listener.name, cancel(lane, &cancelling.request, &peer).await);
            cancelling.close().await;
            None
        }
        Ok(Opening::Lost(error)) => {
            house.metrics.handshake_failed(&lane.listener.name);
            tracing::info!(listener = %lane.listener.name, %error, "lost a client");
            None
        }
        Ok(Opening::Session(accepted)) => session(house, lane, accepted).await,
        Err(refused) => {
            if matches!(refused.error, AcceptError::TooManyConnections { .. } | AcceptError::TooManyStarting { .. }) {
                house.metrics.connection_refused(&lane.listener.name);
            }
            turn_away(house, lane, peer, &refused.error).await;
            say(refused.stream, &Refusal::fault(&refused.error)).await;
            None
        }
    }
}

/// Passes a request to cancel on, if it has the key of somebody. As in PostgreSQL nobody is told.
async fn cancel(lane: &Lane, request: &CancelRequest, peer: &str) -> Cancelled {
    let Some(target) = lane.cancels.find(request) else {
        if lane.strangers.admit() {
            tracing::info!(listener = %lane.listener.name, peer, "a cancel request has a key that nobody holds");
        }
        return Cancelled::WrongKey;
    };
    // What waits on this side of the server is cancelled here.
    target.heard().notify_waiters();
    match forward::cancel(&target).await {
        Ok(()) => Cancelled::Delivered,
        Err(error) => {
            tracing::warn!(listener = %lane.listener.name, %error, "a cancel request was not delivered");
            Cancelled::Failed
        }
    }
}

/// Counts who gets no session before anybody asks who it is, and writes it down: never what it sent, and not of
/// everybody. Who says nothing or goes away asked for nothing.
async fn turn_away(house: &Arc<House>, lane: &Arc<Lane>, peer: String, error: &AcceptError) {
    let (why, cause) = match error {
        AcceptError::Plain => (TurnedAway::Clear, Some(Cause::Identity)),
        AcceptError::EarlyBytes => (TurnedAway::EarlyBytes, Some(Cause::Protocol)),
        AcceptError::TooManyConnections { .. } | AcceptError::TooManyStarting { .. } => {
            (TurnedAway::Full, Some(Cause::Limit))
        }
        AcceptError::TooSlow { .. } => (TurnedAway::Slow, None),
        AcceptError::Gone | AcceptError::Connection { .. } => (TurnedAway::Gone, None),
        AcceptError::Repeated
        | AcceptError::Wire(_)
        | AcceptError::NoTls
        | AcceptError::NoApplicationProtocol
        | AcceptError::Handshake { .. }
        | AcceptError::Bind { .. }
        | AcceptError::InUse { .. }
        | AcceptError::NotASocket { .. }
        | AcceptError::ReadFile { .. }
        | AcceptError::TlsFile { .. }
        | AcceptError::KeyMismatch { .. }
        | AcceptError::Expired { .. }
        | AcceptError::NotYetValid { .. }
        | AcceptError::Tls { .. }
        | AcceptError::Reader { .. }
        | AcceptError::Defect => (TurnedAway::Protocol, Some(Cause::Protocol)),
    };
    house.metrics.turned_away(&lane.listener.name, why);
    let Some(cause) = cause else { return };
    if !lane.strangers.admit() {
        return house.metrics.refusal_unrecorded(&lane.listener.name);
    }
    let greeting = Greeting::new(house, lane, SessionId::random(), &Startup::default(), peer);
    greeting.refuse(cause, &error.public()).await;
}

async fn session(house: &Arc<House>, lane: &Arc<Lane>, accepted: Accepted) -> Option<Box<Entered>> {
    let id = SessionId::random();
    let mut greeting = Greeting::new(house, lane, id, &accepted.startup, accepted.peer.to_string());
    let identifying = pin!(lane.identifier.identify(accepted));
    let identified = match house.drain.lets(identifying).await? {
        Ok(identified) => identified,
        Err(refused) => {
            tracing::info!(session = %id, listener = %lane.listener.name, error = %refused.error, "refused a caller");
            house.metrics.login_refused(&lane.listener.name);
            if refused.error.is_gone() {
                return None;
            }
            let broke = refused.error.kind() == FaultKind::Protocol;
            let cause = if broke { Cause::Protocol } else { Cause::Identity };
            if lane.refused.admit() {
                greeting.refuse(cause, &refused.error.public()).await;
            } else {
                house.metrics.refusal_unrecorded(&lane.listener.name);
            }
            say(refused.stream, &Refusal::fault(&refused.error)).await;
            return None;
        }
    };
    house.metrics.logged_in(&lane.listener.name, identified.caller.method);
    greeting.identified(&identified);
    let context = greeting.context();
    let stay = house.decider.stay(context.asker());
    let deadline = identified.deadline;
    let opened = {
        let opening = pin!(timeout_at(deadline, open(house, lane, &greeting, &context, &identified)));
        contain(opening).await
    };
    match opened.unwrap_or_else(|| Ok(Err(defect(id)))).unwrap_or_else(|_| Err(too_slow(lane))) {
        Ok((upstream, key)) => {
            let page = lane.atlas.page(&greeting.database);
            admit(house, lane, id, (context, page, stay), identified, (upstream, key)).await
        }
        Err(refusal) => {
            say(identified.stream, &refusal).await;
            None
        }
    }
}

/// The client is in: what only the way here needed is let go.
async fn admit(
    house: &House,
    lane: &Lane,
    session: SessionId,
    (context, page, stay): (SessionContext, Arc<Page>, Stay),
    mut identified: Identified,
    (upstream, key): (Upstream, Option<KeyGuard>),
) -> Option<Box<Entered>> {
    identified.slot.settle();
    let begun = {
        let beginning = pin!(async { begin(context, (page, lane), &mut identified, &upstream, key.as_ref()) });
        contain(beginning).await
    };
    let refusal = match begun {
        Some(Ok((mut welcome, state))) => {
            // Whoever does not take even this is noticed when the session begins.
            // Not `write_buf`, which asks for a vectored write: the kernel spends more on one.
            let taken = timeout(PARTING, identified.stream.write(&welcome)).await;
            welcome.advance(taken.ok().and_then(Result::ok).unwrap_or(0));
            if welcome.is_empty() {
                welcome = BytesMut::new();
            }
            let opened = house.metrics.session_opened(&lane.listener.name);
            return Some(entered(session, state, welcome, identified, upstream, (opened, key, stay)));
        }
        Some(Err(error)) => Refusal::fault(&error),
        None => defect(session),
    };
    say(identified.stream, &refusal).await;
    None
}

fn entered(
    session: SessionId,
    state: State,
    welcome: BytesMut,
    identified: Identified,
    upstream: Upstream,
    (opened, key, stay): (SessionGauge, Option<KeyGuard>, Stay),
) -> Box<Entered> {
    let (mut requests, mut answers) = (identified.framer, upstream.framer);
    requests.tidy();
    answers.tidy();
    let held = (opened, identified.slot, key, stay);
    let (client, server, cancel) = (identified.stream, upstream.stream, upstream.cancel);
    let ends = Ends { client, requests, server, answers, welcome, cancel, held };
    Box::new(Entered { session, state, validity: identified.validity, ends })
}

fn too_slow(lane: &Lane) -> Refusal {
    let limit = humantime::format_duration(lane.listener.limits.startup);
    Refusal::new(FaultKind::StartupTimeout, format!("start-up took longer than `limits.startup`, {limit}"))
}

/// What a client is told of a defect of sidegate's own.
fn defect(session: SessionId) -> Refusal {
    tracing::error!(%session, "a session ended by a defect");
    Refusal::new(FaultKind::Internal, "internal error")
}

/// Everything between knowing the caller and telling it so.
async fn open(
    house: &Arc<House>,
    lane: &Lane,
    greeting: &Greeting,
    context: &SessionContext,
    identified: &Identified,
) -> Result<(Upstream, Option<KeyGuard>), Refusal> {
    let parameters = match greeting.parameters(&identified.startup) {
        Ok(parameters) => parameters,
        Err(refusal) => {
            greeting.refuse(Cause::Protocol, refusal.message()).await;
            return Err(refusal);
        }
    };
    let entry = greeting.ask(context).await?;
    let connected = lane.connector.connect(&greeting.database, &parameters).await;
    let upstream = match connected {
        Ok(upstream) => upstream,
        Err(error) => {
            tracing::warn!(listener = %lane.listener.name, %error, "the upstream did not let sidegate in");
            house.metrics.upstream_failed(&lane.listener.name);
            greeting.close(entry, OutcomeKind::Failed).await?;
            let own = error.of_server().map(|(code, words)| Refusal::of_server(error.kind(), code, words));
            return Err(own.unwrap_or_else(|| Refusal::fault(&error)));
        }
    };
    let key = match &upstream.cancel {
        Some(target) => {
            let long = identified.startup.has_long_keys();
            let registered = lane.cancels.register(long, target.clone());
            Some(registered.map_err(|error| Refusal::fault(&error))?)
        }
        None => None,
    };
    greeting.close(entry, OutcomeKind::Opened).await?;
    Ok((upstream, key))
}

/// What the client is told once it is in.
fn welcome(identified: &mut Identified, upstream: &Upstream, key: Option<&KeyGuard>) -> Result<BytesMut, WireError> {
    let mut out = BytesMut::new();
    out.extend_from_slice(identified.admit()?.bytes());
    for (name, value) in &upstream.parameters {
        out.extend_from_slice(ParameterStatus { name, value }.encode()?.bytes());
    }
    if let Some(key) = key {
        out.extend_from_slice(key.key().encode()?.bytes());
    }
    out.extend_from_slice(ReadyForQuery { status: upstream.status }.encode()?.bytes());
    Ok(out)
}

/// How the session starts: what the client is told, and what is known of it.
fn begin(
    context: SessionContext,
    (page, lane): (Arc<Page>, &Lane),
    identified: &mut Identified,
    upstream: &Upstream,
    key: Option<&KeyGuard>,
) -> Result<(BytesMut, State), WireError> {
    let out = welcome(identified, upstream, key)?;
    let mut state = State::new(context, Some(page), Search::pinned(lane));
    state.runs_as(upstream.cancel.as_ref().map(CancelTarget::process));
    for (name, value) in &upstream.parameters {
        state.parameter(name, value);
    }
    Ok((out, state))
}

/// Apart from where the session runs, which would go on holding what has moved on.
fn furnish(house: &Arc<House>, lane: &Arc<Lane>, entered: Box<Entered>) -> (Corridor, Ends) {
    let Entered { session, mut state, validity, ends } = *entered;
    state.deeds = lane.asks(Stage::Commit).then(Deeds::default);
    let corridor = Corridor {
        house: Arc::clone(house),
        lane: Arc::clone(lane),
        session,
        state: Mutex::new(state),
        recent: Mutex::default(),
        masks_cells: AtomicBool::new(false),
        loom: Mutex::default(),
        expected: Mutex::default(),
        memo: Mutex::default(),
        draining: AtomicBool::new(false),
        signals: Signals::default(),
        validity,
        forwarded: house.metrics.tally(&lane.listener.name, Stage::Request, OutcomeKind::Forwarded),
        cancelled: ends.cancel.as_ref().map(|target| Arc::clone(target.heard())),
        asking: AtomicBool::new(false),
        answering: AtomicBool::new(false),
        told: Mutex::default(),
    };
    (corridor, ends)
}

async fn run(house: &Arc<House>, lane: &Arc<Lane>, entered: Box<Entered>) {
    let (corridor, Ends { client, requests, server, answers, welcome, cancel, held }) = furnish(house, lane, entered);
    let session = corridor.session;
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let mut requests = Requests {
        corridor: &corridor,
        client: from_client,
        framer: requests,
        fill: Fill::default(),
        upstream: Sender::new(to_server, house.journal.clone()),
        silent: false,
    };
    let mut answers = Answers {
        corridor: &corridor,
        upstream: from_server,
        framer: answers,
        fill: Fill::default(),
        client: to_client,
        out: welcome,
        recorded: None,
        server_parted: false,
        cancel: cancel.as_ref(),
        cutting: false,
        grown: false,
    };
    let end = {
        let both_ways = pin!(both_ways(house, &mut requests, &mut answers));
        contain(both_ways).await
    };
    let end = end.unwrap_or_else(|| End::Fault(defect(session)));
    // Boxed, as whatever else happens once: what a session is while it waits is what every idle one costs.
    Box::pin(finish(&corridor, end, &mut requests, &mut answers, cancel.as_ref())).await;
    // The slot counts the connection until here.
    drop(held);
}

/// Runs both directions until one ends, or until draining is overdue.
async fn both_ways<R, W, S, T>(house: &House, requests: &mut Requests<'_, R, T>, answers: &mut Answers<'_, S, W>) -> End
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: AsyncRead + Unpin,
    T: AsyncWrite + Unpin,
{
    // Kept across the goodbye: an answer that is being written down must not be cut off.
    let mut answering = pin!(answers.run());
    let corridor = requests.corridor;
    let mut overdue = pin!(house.drain.overdue(|| corridor.drain()));
    let over = Arc::clone(&corridor.state.lock().over);
    let mut over = pin!(over.notified());
    let too_long = || End::Fault(Refusal::new(FaultKind::ShuttingDown, "sidegate is shutting down"));
    let end = tokio::select! {
        // In the same order each time: all of them are looked at anyway.
        biased;
        end = requests.run() => end,
        end = &mut answering => return end,
        () = &mut overdue => return too_long(),
        () = &mut over => return held_too_long(),
    };
    match end {
        End::Goodbye => {}
        // Whoever could not write any more has not read what the server said before it went.
        End::Server => return Box::pin(timeout(PARTING, answering)).await.unwrap_or(End::Server),
        End::Client | End::Fault(_) => return end,
    }
    requests.upstream.send_terminate();
    if requests.upstream.flush().await.is_err() {
        return End::Server;
    }
    tokio::select! {
        end = &mut answering => match end {
            // It was asked to go.
            End::Server => End::Goodbye,
            End::Goodbye | End::Client | End::Fault(_) => end,
        },
        () = &mut overdue => too_long(),
        () = &mut over => held_too_long(),
    }
}

/// Leaves nothing behind: the client hears why, the server rolls back, every entry has its end.
async fn finish<R, W, S, T>(
    corridor: &Corridor,
    end: End,
    requests: &mut Requests<'_, R, T>,
    answers: &mut Answers<'_, S, W>,
    cancel: Option<&forward::CancelTarget>,
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: AsyncRead + Unpin,
    T: AsyncWrite + Unpin,
{
    let running = !corridor.state.lock().ledger.is_empty();
    let last_word = match end {
        End::Fault(refusal) => Some(refusal),
        End::Server if !answers.server_parted => Some(gone()),
        End::Server | End::Client | End::Goodbye => None,
    };
    if let Some(refusal) = &last_word {
        if let Some(ending) = corridor.validity.ended() {
            corridor.house.metrics.identity_ended(&corridor.lane.listener.name, ending.label());
        }
        tracing::info!(session = %corridor.session, reason = refusal.message(), "ended a session");
        // A word in the middle of a row would be read as a part of it.
        if answers.is_between_messages()
            && let Some(response) = refusal.fatal_response()
        {
            answers.out.extend_from_slice(response.bytes());
        }
    }
    // What the client hears of is written down before: nothing more is heard of what was cut off.
    corridor.give_up_all().await;
    let parting = async {
        let _ = answers.flush().await;
        let _ = answers.client.shutdown().await;
    };
    // Whoever does not read any more does not keep the session.
    let _ = timeout(PARTING, parting).await;
    if running
        && let Some(target) = cancel
        && let Err(error) = forward::cancel(target).await
    {
        tracing::debug!(%error, "the statement of an ended session was not cancelled");
    }
    let _ = timeout(PARTING, requests.upstream.close()).await;
}

/// How long a peer may take to read the last words.
const PARTING: std::time::Duration = std::time::Duration::from_secs(1);

/// Says a last word to a client that never had a session.
async fn say(stream: Stream, refusal: &Refusal) {
    if let Some(response) = refusal.fatal_response() {
        stream.farewell(response.bytes()).await;
    }
}

#[cfg(test)]
mod tests;
