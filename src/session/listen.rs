//! From listeners to sessions: each connection gets a task of its own, on one thread from beginning to end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::contain::contain;
use super::house::{House, Lane};
use super::postgres;
use super::workers::{Place, Seats, Workers};
use crate::accept::{Connection, Listener};

/// After a defect at the door.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves a listener that was bound at the [`Workers::door`], until draining has ended its last session.
pub async fn listen(house: Arc<House>, lane: Arc<Lane>, listener: Listener, workers: Arc<Workers>) {
    let mut chores = JoinSet::new();
    if let Some(certificates) = listener.certificates() {
        chores.spawn(Arc::clone(certificates).keep(house.metrics.clone()));
    }
    let (keeper, certificates) = (Arc::clone(&lane), listener.certificates().map(Arc::clone));
    chores.spawn(async move { keeper.identifier.keep(certificates).await });
    let (mapping, counting) = (Arc::clone(&lane), house.metrics.clone());
    chores.spawn(async move {
        mapping.atlas.keep(&mapping.connector, &mapping.listener.name, &counting).await;
        std::future::pending().await
    });
    let mut doors = JoinSet::new();
    doors.spawn_on(let_in(house, lane, listener, workers.seats().clone()), workers.door());
    while let Some(ended) = doors.join_next().await {
        report(&ended);
    }
}

/// Accepts until draining begins, then waits for the sessions to end, at most for the grace.
async fn let_in(house: Arc<House>, lane: Arc<Lane>, listener: Listener, seats: Seats) {
    let mut sessions = JoinSet::new();
    loop {
        let accepting = pin!(accept(&listener, &seats));
        tokio::select! {
            accepted = contain(accepting) => {
                let Some(accepted) = accepted else {
                    tracing::error!(listener = %lane.listener.name, "a connection was lost by a defect");
                    // Another may await the next one: it must not be met as fast as the machine can.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                // There is always one.
                let (connection, Some(place)) = accepted else { continue };
                let (house, lane, runtime) = (Arc::clone(&house), Arc::clone(&lane), place.runtime().clone());
                // Boxed: what moves into a task stays in it, though nobody needs it any more.
                sessions.spawn_on(postgres::serve(house, lane, Box::new(connection), place), &runtime);
            }
            Some(ended) = sessions.join_next() => report(&ended),
            () = house.drain.requested() => break,
        }
    }
    // Nobody new gets in; whoever asks is refused by the system, not kept waiting.
    drop(listener);
    while let Some(ended) = sessions.join_next().await {
        report(&ended);
    }
}

/// The next connection, and a place for it to live.
async fn accept(listener: &Listener, seats: &Seats) -> (Connection, Option<Place>) {
    let connection = listener.accept().await;
    (connection, seats.place())
}

/// A session that panicked took nobody else with it; somebody must hear of it all the same. What it said is not
/// repeated: it may quote a statement.
fn report(ended: &Result<(), tokio::task::JoinError>) {
    if ended.is_err() {
        tracing::error!("a session ended by a defect");
    }
}
