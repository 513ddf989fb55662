//! From a connection to an open session, and from there to its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::accept::{AcceptError, Accepted, Connection, Opening, Stream};
use crate::enforce::Refusal;
use crate::forward::{self, KeyGuard, Sender, Upstream};
use crate::identify::Identified;
use crate::input::SessionContext;
use crate::model::{Cause, Fault, FaultKind, OutcomeKind, SessionId};
use crate::session::house::{House, Lane};
use crate::wire::postgres::{ParameterStatus, ReadyForQuery, WireError};

use super::answers::{Answers, gone};
use super::contain::contain;
use super::corridor::{Corridor, End};
use super::fill::Fill;
use super::greet::Greeting;
use super::requests::Requests;
use super::state::State;

/// Leads one connection to its end.
pub(in crate::session) async fn serve(house: Arc<House>, lane: Arc<Lane>, connection: Connection) {
    let connection = match connection.rehome() {
        Ok(connection) => connection,
        Err(error) => return tracing::warn!(listener = %lane.listener.name, %error, "a connection was lost"),
    };
    let Some(opened) = house.drain.lets(connection.open()).await else { return };
    match opened {
        Ok(Opening::Cancel(cancelling)) => {
            if let Some(target) = lane.cancels.find(&cancelling.request)
                && let Err(error) = forward::cancel(&target).await
            {
                tracing::warn!(listener = %lane.listener.name, %error, "a cancel request was not delivered");
            }
            cancelling.close().await;
        }
        Ok(Opening::Lost(error)) => {
            house.metrics.handshake_failed(&lane.listener.name);
            tracing::info!(listener = %lane.listener.name, %error, "lost a client");
        }
        Ok(Opening::Session(accepted)) => Box::pin(session(house, lane, accepted)).await,
        Err(refused) => {
            if matches!(refused.error, AcceptError::TooManyConnections { .. } | AcceptError::TooManyStarting { .. }) {
                house.metrics.connection_refused(&lane.listener.name);
            }
            say(refused.stream, &Refusal::fault(&refused.error)).await;
        }
    }
}

async fn session(house: Arc<House>, lane: Arc<Lane>, accepted: Accepted) {
    let id = SessionId::random();
    let mut greeting = Greeting::new(&house, &lane, id, &accepted.startup, accepted.peer.to_string());
    let Some(identified) = house.drain.lets(lane.identifier.identify(accepted)).await else { return };
    let identified = match identified {
        Ok(identified) => identified,
        Err(refused) => {
            tracing::info!(session = %id, listener = %lane.listener.name, error = %refused.error, "refused a caller");
            house.metrics.login_refused(&lane.listener.name);
            if refused.error.is_gone() {
                return;
            }
            let broke = refused.error.kind() == FaultKind::Protocol;
            let cause = if broke { Cause::Protocol } else { Cause::Identity };
            greeting.refuse(cause, &refused.error.public()).await;
            return say(refused.stream, &Refusal::fault(&refused.error)).await;
        }
    };
    house.metrics.logged_in(&lane.listener.name, identified.caller.method);
    greeting.identified(&identified);
    let context = greeting.context();
    let stay = house.decider.stay(context.asker());
    let deadline = identified.deadline;
    let opened = contain(timeout_at(deadline, open(&house, &lane, &greeting, &context, &identified))).await;
    match opened.unwrap_or_else(|| Ok(Err(defect(id)))).unwrap_or_else(|_| Err(too_slow(&lane))) {
        Ok((upstream, key)) => {
            let counted = house.metrics.session_opened(&lane.listener.name);
            let database = greeting.database.clone();
            run(&house, &lane, id, context, database, identified, (upstream, key)).await;
            drop(counted);
        }
        Err(refusal) => say(identified.stream, &refusal).await,
    }
    drop(stay);
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
            return Err(Refusal::fault(&error));
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

async fn run(
    house: &Arc<House>,
    lane: &Arc<Lane>,
    session: SessionId,
    context: SessionContext,
    database: String,
    mut identified: Identified,
    (upstream, key): (Upstream, Option<KeyGuard>),
) {
    identified.slot.settle();
    let out = match welcome(&mut identified, &upstream, key.as_ref()) {
        Ok(out) => out,
        Err(error) => return say(identified.stream, &Refusal::fault(&error)).await,
    };
    let page = lane.is_pinned().then(|| lane.atlas.page(&database));
    let mut state = State::new(context, page);
    for (name, value) in &upstream.parameters {
        state.parameter(name, value);
    }
    let corridor = Corridor {
        house: Arc::clone(house),
        lane: Arc::clone(lane),
        session,
        state: Mutex::new(state),
        memo: Mutex::default(),
        draining: AtomicBool::new(false),
        answered: Notify::new(),
        went_quiet: Notify::new(),
        sync_wanted: Notify::new(),
        expiry: identified.expiry.clone(),
        answering: AtomicBool::new(false),
    };
    let (from_client, to_client) = tokio::io::split(identified.stream);
    let (from_server, to_server) = tokio::io::split(upstream.stream);
    let mut requests = Requests {
        corridor: &corridor,
        client: from_client,
        framer: identified.framer,
        fill: Fill::default(),
        upstream: Sender::new(to_server),
        silent: false,
    };
    let mut answers = Answers {
        corridor: &corridor,
        upstream: from_server,
        framer: upstream.framer,
        fill: Fill::default(),
        client: to_client,
        out,
        server_parted: false,
    };
    let end = contain(both_ways(house, &mut requests, &mut answers)).await;
    let end = end.unwrap_or_else(|| End::Fault(defect(session)));
    finish(&corridor, end, &mut requests, &mut answers, upstream.cancel.as_ref()).await;
    // The slot counts the connection until here.
    drop((identified.slot, key));
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
    let mut answering = std::pin::pin!(answers.run());
    let corridor = requests.corridor;
    let mut draining = std::pin::pin!(async {
        house.drain.requested().await;
        corridor.drain();
        std::future::pending::<Infallible>().await
    });
    let overdue = || End::Fault(Refusal::new(FaultKind::ShuttingDown, "sidegate is shutting down"));
    let end = tokio::select! {
        end = requests.run() => end,
        end = &mut answering => return end,
        never = &mut draining => match never {},
        () = house.drain.overdue() => return overdue(),
    };
    match end {
        End::Goodbye => {}
        // Whoever could not write any more has not read what the server said before it went.
        End::Server => return tokio::time::timeout(PARTING, answering).await.unwrap_or(End::Server),
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
        () = house.drain.overdue() => overdue(),
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
        tracing::info!(session = %corridor.session, reason = refusal.message(), "ended a session");
        // A word in the middle of a row would be read as a part of it.
        if answers.is_between_messages()
            && let Some(response) = refusal.fatal_response()
        {
            answers.out.extend_from_slice(response.bytes());
        }
    }
    let parting = async {
        let _ = answers.flush().await;
        let _ = answers.client.shutdown().await;
    };
    // Whoever does not read any more does not keep the session.
    let _ = tokio::time::timeout(PARTING, parting).await;
    if running
        && let Some(target) = cancel
        && let Err(error) = forward::cancel(target).await
    {
        tracing::debug!(%error, "the statement of an ended session was not cancelled");
    }
    requests.upstream.send_terminate();
    let _ = tokio::time::timeout(PARTING, requests.upstream.close()).await;
    corridor.give_up_all().await;
}

/// How long a peer may take to read the last words.
const PARTING: std::time::Duration = std::time::Duration::from_secs(1);

/// Says a last word to a client that never had a session.
async fn say(stream: Stream, refusal: &Refusal) {
    if let Some(response) = refusal.fatal_response() {
        stream.farewell(response.bytes()).await;
    }
}
