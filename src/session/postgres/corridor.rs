//! What one session's two directions share, and how its journal entries end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::decide::Memo;
use crate::enforce::{Permit, Refusal};
use crate::identify::{Ending, Validity};
use crate::journal::{Entry, Mark, Outcome};
use crate::model::{Cause, FaultKind, OutcomeKind, SessionId, Stage};
use crate::session::atlas::HELD;
use crate::session::house::{House, Lane};
use crate::telemetry::Tally;

use super::estimate::Expected;
use super::masks::Loom;
use super::names::{Portal, RestsOn};
use super::owed::{Owed, Own, Running};
use super::recent::Recent;
use super::signals::{Signal, Signals};
use super::state::State;

/// One open session.
pub(super) struct Corridor {
    /// What the process offers every session.
    pub(super) house: Arc<House>,
    /// What the listener is configured to do.
    pub(super) lane: Arc<Lane>,
    /// Which session this is.
    pub(super) session: SessionId,
    /// What the answers so far have left.
    pub(super) state: Mutex<State>,
    /// What it sent last.
    pub(super) recent: Mutex<Recent>,
    /// Some statement of it is masked in its rows.
    pub(super) masks_cells: AtomicBool,
    /// What was woven for it last.
    pub(super) loom: Mutex<Loom>,
    /// What the server expects of what it sent lately.
    pub(super) expected: Mutex<Expected>,
    /// What it asked last.
    pub(super) memo: Mutex<Memo>,
    /// What its directions tell each other.
    pub(super) signals: Signals,
    /// Draining has begun.
    pub(super) draining: AtomicBool,
    /// For how long the caller is somebody.
    pub(super) validity: Validity,
    /// Counts statements that were let through.
    pub(super) forwarded: Tally,
    /// Rung when the client asks to cancel what runs.
    pub(super) cancelled: Option<Arc<Notify>>,
    /// A question of sidegate's own is being answered.
    pub(super) asking: AtomicBool,
    /// An answer is being written down; the client has not got it yet.
    pub(super) answering: AtomicBool,
    /// What the journal must have before the client hears anything more.
    pub(super) told: Mutex<Option<Mark>>,
}

/// The end of an identity, in the client's words.
const EXPIRED: &str = "the identity that the session was opened with has expired: connect again";
const WITHDRAWN: &str = "the identity that the session was opened with was withdrawn: connect again";

/// Why a direction ended.
#[derive(Debug)]
pub(super) enum End {
    /// The client said goodbye: what it sent before still runs, as it would without sidegate.
    Goodbye,
    /// The client went away.
    Client,
    /// The server went away, after saying so to the client if it could.
    Server,
    /// sidegate ends it: the client is told why.
    Fault(Refusal),
}

impl Corridor {
    /// An answer was settled: whoever waits may look again.
    pub(super) fn rang(&self) {
        self.signals.give(Signal::ANSWERED);
        let awaited = self.is_draining() || self.lane.listener.limits.idle > Duration::ZERO;
        if awaited && (self.is_quiet() || self.takes_data()) {
            self.signals.give(Signal::WENT_QUIET);
        }
    }

    /// From now on the session ends as soon as nothing is lost by it.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.signals.give(Signal::WENT_QUIET);
    }

    /// Whether it should end.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether nothing is owed and no transaction is open: the session may end without losing anything.
    pub(super) fn is_quiet(&self) -> bool {
        self.state.lock().is_quiet()
    }

    /// Whether the server only waits to be asked for its answers.
    pub(super) fn is_withheld(&self) -> bool {
        self.state.lock().is_withheld()
    }

    /// Whether the server waits for the data of a COPY.
    pub(super) fn takes_data(&self) -> bool {
        self.state.lock().copy.takes_data()
    }

    /// Whether the client has every answer that it waits for.
    pub(super) fn has_answered(&self) -> bool {
        !self.answering.load(Ordering::Relaxed) && self.state.lock().ledger.is_empty()
    }

    /// Whether the caller's identity has ended.
    pub(super) fn is_expired(&self) -> bool {
        self.validity.ended().is_some()
    }

    /// Returns when the caller's identity ends.
    pub(super) async fn expired(&self) {
        self.validity.end().await;
    }

    /// What a client is told whose identity has ended.
    pub(super) fn epitaph(&self) -> &'static str {
        match self.validity.ended() {
            Some(Ending::Withdrawn) => WITHDRAWN,
            Some(Ending::Expired) | None => EXPIRED,
        }
    }

    /// Whether any rule reads this path of the input.
    pub(super) fn policy_reads(&self, path: &[&str]) -> bool {
        self.house.store.snapshot().is_some_and(|policy| policy.reads_any(path))
    }

    /// Whether any rule reads the values of statements.
    pub(super) fn policy_reads_values(&self) -> bool {
        self.house.store.snapshot().is_some_and(|policy| policy.reads_values())
    }

    /// What an answer computed now rests on.
    pub(super) fn rests_on(&self) -> RestsOn {
        let generation = self.house.store.snapshot().map_or(0, |policy| policy.generation());
        self.state.lock().rests_on(generation, jiff::Timestamp::now().as_second())
    }

    /// Ends a journal entry. What cannot be written down is not answered: the session ends. What was not denied may be
    /// written down later, but before the client hears of it.
    pub(super) fn close(&self, entry: Entry, outcome: Outcome) -> impl Future<Output = Result<(), End>> {
        self.close_any(Some((entry, outcome)))
    }

    /// The same, if there is one.
    pub(super) fn close_any(&self, ended: Option<(Entry, Outcome)>) -> impl Future<Output = Result<(), End>> {
        // Begun at once: a session that waits is smaller by what was given here.
        let (denied, settled) = match ended {
            None => (None, None),
            Some((entry, outcome)) => {
                self.count(&entry, &outcome);
                if outcome.kind == OutcomeKind::Denied {
                    (Some(Box::pin(entry.close(outcome))), None)
                } else {
                    (None, Some(entry.settle(outcome)))
                }
            }
        };
        async move {
            let unrecorded = |error| End::Fault(Refusal::fault(&error));
            if let Some(denied) = denied {
                denied.await.map_err(unrecorded)?;
            }
            if let Some(settled) = settled {
                let mark = settled.await.map_err(unrecorded)?;
                let mut told = self.told.lock();
                *told = Some(mark.and(*told));
            }
            Ok(())
        }
    }

    fn count(&self, entry: &Entry, outcome: &Outcome) {
        if !outcome.event {
            return;
        }
        let stage = entry.decision().stage();
        match (outcome.kind, outcome.cause) {
            (OutcomeKind::Forwarded, None) if stage == Stage::Request => self.forwarded.count(),
            (kind, cause) => self.house.metrics.decided(&self.lane.listener.name, stage, kind, cause),
        }
    }

    /// Ends the entry of what was permitted and not sent after all, since the server would ignore it.
    pub(super) async fn abandon(&self, permit: Permit) -> Result<(), End> {
        self.keep_back(permit, Outcome { kind: OutcomeKind::Failed, ..bound_only() }).await
    }

    /// Ends the entry of what was permitted and not sent after all, for whatever reason.
    pub(super) async fn keep_back(&self, permit: Permit, outcome: Outcome) -> Result<(), End> {
        let (_, _, entry) = permit.into_parts();
        self.close(entry, outcome).await?;
        self.write_down();
        Ok(())
    }

    /// Brings into the file what nobody else will: no client waits to hear of it.
    pub(super) fn write_down(&self) {
        let told = *self.told.lock();
        // What is not written now stays owed, and whoever is told of it hears that.
        if let Some(mark) = told
            && self.house.journal.commit(mark).is_ok()
        {
            self.told.lock().take_if(|told| *told == mark);
        }
    }

    /// A statement ran to its end: what it forgot is forgotten.
    pub(super) fn ran(&self, sequence: u64, running: &Running) {
        self.state.lock().ran(sequence, running);
        self.loom.lock().given().ran(running);
    }

    /// Ends the entry of a statement that was answered whole.
    pub(super) fn finish(&self, running: Running) -> impl Future<Output = Result<(), End>> {
        self.close_any(running.end())
    }

    /// Ends the entries of portals that are gone without having been executed.
    pub(super) async fn close_portals(&self, gone: impl IntoIterator<Item = Arc<Portal>>) -> Result<(), End> {
        for portal in gone {
            let entry = portal.entry.lock().take();
            if let Some(entry) = entry {
                self.close(entry, bound_only()).await?;
            }
        }
        Ok(())
    }

    /// Ends the entry of a message that will not be answered whole.
    pub(super) fn give_up(&self, owed: Owed, kind: OutcomeKind) -> impl Future<Output = Result<(), End>> {
        self.close_any(given_up(owed, kind))
    }

    /// Ends every entry that is still open, when the session ends: what was sent and not answered
    /// may or may not have run.
    pub(super) async fn give_up_all(&self) {
        let (lines, portals) = {
            let mut state = self.state.lock();
            (state.ledger.drain().collect::<Vec<_>>(), state.names.drain_portals())
        };
        for line in lines {
            // The entry writes its own end when it is dropped, should the journal refuse this one.
            let _ = self.give_up(line.owed, OutcomeKind::Unknown).await;
        }
        let _ = self.close_portals(portals).await;
        self.write_down();
    }
}

/// The end of a session whose statement keeps from others what their names mean.
pub(super) fn held_too_long() -> End {
    let limit = humantime::format_duration(HELD);
    let problem = format!(
        "a statement that changes what names mean to everybody ran for longer than {limit}: \
         run what takes long in a text of its own"
    );
    End::Fault(Refusal::new(FaultKind::Cancelled, problem))
}

impl Running {
    /// Its entry, and how it ended.
    pub(super) fn end(mut self) -> Option<(Entry, Outcome)> {
        let kind = if self.sqlstate.is_some() { OutcomeKind::Failed } else { OutcomeKind::Forwarded };
        let entry = self.entry.take()?;
        Some((entry, self.ended(kind)))
    }

    /// How it ended, with what was counted.
    fn ended(&self, kind: OutcomeKind) -> Outcome {
        Outcome {
            kind,
            cause: self.cause,
            rows: self.rows,
            bytes: self.bytes,
            upstream: self.sent.elapsed(),
            masked: self.masked.as_ref().map(|masked| masked.columns()).filter(|columns| *columns > 0),
            sqlstate: self.sqlstate.clone(),
            event: true,
        }
    }
}

/// The entry of a message that will not be answered whole, if it has one, and its end.
fn given_up(owed: Owed, kind: OutcomeKind) -> Option<(Entry, Outcome)> {
    let nothing = Outcome { kind, ..bound_only() };
    match owed {
        Owed::Query(mut running) | Owed::Execute(mut running) => {
            let entry = running.entry.take()?;
            Some((entry, running.ended(kind)))
        }
        Owed::Parse { entry, .. } => Some((entry, nothing)),
        Owed::Bind { portal, .. } => portal.entry.lock().take().map(|entry| (entry, nothing)),
        Owed::Own(Own::Parse { statement, .. }) => {
            statement.words.lock().stay();
            None
        }
        Owed::Describe { .. }
        | Owed::OwnDescribe { .. }
        | Owed::Own(_)
        | Owed::Close { .. }
        | Owed::Sync
        | Owed::Refused { .. }
        | Owed::Undone { .. }
        | Owed::Ready => None,
    }
}

/// The end of an entry for which the server did nothing that has rows, and nobody wants an event.
pub(super) fn bound_only() -> Outcome {
    Outcome {
        kind: OutcomeKind::Forwarded,
        cause: None,
        rows: 0,
        bytes: 0,
        upstream: std::time::Duration::ZERO,
        masked: None,
        sqlstate: None,
        event: false,
    }
}

/// The end of an entry that was denied.
pub(super) fn denied(cause: Cause) -> Outcome {
    Outcome { kind: OutcomeKind::Denied, cause: Some(cause), event: true, ..bound_only() }
}
