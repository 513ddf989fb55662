//! From a connection to an open session, and from there to its end.

use std::sync::Arc;

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::accept::{Accepted, Connection, Opening, Slot, Stream};
use crate::enforce::Refusal;
use crate::forward::{self, Sender};
use crate::identify::{self, Identified};
use crate::model::{FaultKind, SessionId};
use crate::session::house::{House, Lane};
use crate::wire::postgres::{BackendFramer, FrontendFramer, FrontendLimits};

use super::answers::Answers;
use super::corridor::{Corridor, End};
use super::greet::{self, Greeting};
use super::requests::Requests;
use super::state::State;

/// Leads one connection to its end.
pub(in crate::session) async fn serve(house: Arc<House>, lane: Arc<Lane>, connection: Connection) {
    match connection.open().await {
        Ok(Opening::Cancel(request)) => house.cancels.cancel(&request).await,
        Ok(Opening::Session(accepted)) => session(house, lane, accepted).await,
        Err(refused) => part(refused.stream, &Refusal::fault(&refused.error)).await,
    }
}

async fn session(house: Arc<House>, lane: Arc<Lane>, accepted: Accepted) {
    let id = SessionId::random();
    let deadline = accepted.deadline;
    let greeting = Greeting::new(&house, &lane, id, &accepted);
    let identified = match timeout_at(deadline, identify::identify(accepted, &lane.listener)).await {
        Ok(Ok(identified)) => identified,
        Ok(Err(refused)) => {
            let refusal = greeting.unidentified(&refused.error).await;
            return part(refused.stream, &refusal).await;
        }
        Err(_) => return,
    };
}

/// Says a last word to a client that never had a session.
async fn part(stream: Stream, refusal: &Refusal) {
    if let Some(response) = refusal.fatal_response() {
        stream.farewell(response.bytes()).await;
    }
}
