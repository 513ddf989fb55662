//! The form of an answer against what was foreseen. Under masks nothing of an answer is given before the server has said
//! what it looks like, and what it says is what sidegate makes of the statement: else one of them reads it otherwise.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::wire::postgres::Frame;

use super::answers::Answers;
use super::corridor::{Corridor, End};
use super::judge::{Read, mentions_names};
use super::masks::{Masked, is_same, unmasked};
use super::names::Portal;
use super::owed::{Owed, Own, Running};
use super::requests::Requests;
use super::watch::Watch;

/// What an answer that has another form is of.
enum Of {
    /// A Query: its rows follow. Before it so many statements of the text were answered.
    Query(usize),
    /// A question of the client's: rows may follow.
    Describe,
    /// A question of sidegate's own, which an Execute waits for.
    Own,
}

impl Corridor {
    /// Whether an answer is what was foreseen once the catalog is read again: a relation may have changed since.
    async fn admits_after_all(&self, masked: &Masked, at: usize, description: &Frame) -> bool {
        let same = self.foreseen_again(masked).await.is_some_and(|again| again.compares(at, description).is_ok());
        if same {
            masked.described(description);
        }
        same
    }

    /// A statement once the catalog is read again, if it goes upstream in the same words and comes back alike.
    pub(super) async fn foreseen_again(&self, masked: &Masked) -> Option<Arc<Masked>> {
        let page = {
            let state = self.state.lock();
            state.page().filter(|_| state.sees_what_others_see()).cloned()?
        };
        if !page.look_again().await {
            return None;
        }
        let text = masked.text();
        let Read { facts, .. } = self.read(text.as_bytes(), mentions_names(text.as_bytes())).await?;
        let again = self.woven((text, &facts), masked.masks()).await.ok()??;
        is_same(Some(masked), Some(&again)).then_some(again)
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// Whether nothing more is given of the answer that is owed first.
    pub(super) fn is_cut_off(&self) -> bool {
        self.cutting && self.corridor.state.lock().ledger.watch().is_some_and(|watch| watch.is_over())
    }

    /// Whether the form of the answer that is owed first is the one that was foreseen. If not, nothing of it is given.
    pub(super) async fn foreseen(&mut self, description: &Frame) -> Result<bool, End> {
        let (masked, of) = {
            let mut state = self.corridor.state.lock();
            match state.ledger.front().map(|line| &line.owed) {
                Some(Owed::Query(Running { masked: Some(masked), completed, .. })) => {
                    (Arc::clone(masked), Of::Query(*completed))
                }
                Some(Owed::Describe { masked: Some(masked) }) => (Arc::clone(masked), Of::Describe),
                Some(Owed::Own(Own::Describe(masked))) => (Arc::clone(masked), Of::Own),
                Some(_) | None => return Ok(true),
            }
        };
        let at = if let Of::Query(completed) = of { completed } else { 0 };
        let Err(problem) = masked.admits(at, description) else { return Ok(true) };
        if Box::pin(self.corridor.admits_after_all(&masked, at, description)).await {
            return Ok(true);
        }
        self.corridor.house.metrics.unforeseen(&self.corridor.lane.listener.name);
        let session = self.corridor.session;
        tracing::error!(%session, problem, "an answer is not of the form that was foreseen, and some columns are masked");
        match of {
            Of::Own => {
                masked.refuse();
                Ok(true)
            }
            Of::Describe => {
                masked.refuse();
                let runs = |owed: &Owed| matches!(owed, Owed::Execute(_));
                if self.corridor.state.lock().ledger.owes(runs) { Err(unmasked(&problem)) } else { Ok(true) }
            }
            Of::Query(_) => {
                let mut state = self.corridor.state.lock();
                // What was sent behind it would be hit, too.
                let last = state.ledger.is_last();
                let Some(running) = state.ledger.running().filter(|_| last) else { return Err(unmasked(&problem)) };
                running.watched = true;
                running.watch.get_or_insert_with(|| Box::new(Watch::new(None, None, None))).is_unforeseen();
                drop(state);
                self.cutting = true;
                Ok(false)
            }
        }
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Waits until the server has said what the rows of a portal look like, the first time that any come of its words.
    pub(super) async fn described(&mut self, portal: &Portal) -> Result<(), End> {
        match portal.masked.as_ref().filter(|masked| masked.is_unseen()) {
            None => Ok(()),
            Some(_) => self.answered(Owed::tells_form).await,
        }
    }
}
