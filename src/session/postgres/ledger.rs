//! What the server still owes: one line per message sent, in order. The server answers in
//! order, and after an error it skips to the next Sync; so does the ledger.

use std::collections::VecDeque;

use crate::enforce::Refusal;

use super::owed::{Owed, Own, Running};
use super::watch::Watch;

/// One message that was sent and not yet answered whole.
#[derive(Debug)]
pub(super) struct Line {
    /// Counts messages; what is learned from this answer binds only what was sent before it.
    pub(super) sequence: u64,
    /// What kind of answer is owed.
    pub(super) owed: Owed,
}

/// The lines in the order in which their messages were sent.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    lines: VecDeque<Line>,
    sequence: u64,
    /// Up to this message a Sync, Flush or Query has asked for the answers; what comes later the server keeps back.
    asked: u64,
    /// The server ignores everything until the next Sync, which was not sent yet.
    skipping: bool,
    /// Messages were sent that no Sync stands behind.
    open: bool,
    /// Executes that were sent since the last Sync or Query.
    executed: u64,
}

/// With more lines than this the server is waited for: each costs far more memory than the bytes
/// that made it, and every question looks through all of them.
const CROWD: usize = 1_000;

impl Ledger {
    /// Whether a message must wait until an answer that is watched is there. `sync`: it is a Sync. Nothing but one
    /// ever stands behind such an answer.
    pub(super) fn must_wait(&self, sync: bool) -> bool {
        let mut newest = self.lines.iter().rev().map(|line| &line.owed);
        let (last, before) = (newest.next(), newest.next());
        // One Sync, right behind it.
        let lets_sync = sync && matches!(last, Some(Owed::Execute(running)) if !running.exposed);
        last.is_some_and(|owed| owed.is_watched() && !lets_sync) || before.is_some_and(Owed::is_watched)
    }

    /// What is between the next answer and the client.
    pub(super) fn watch(&mut self) -> Option<&mut Watch> {
        self.running().and_then(|running| running.watch.as_deref_mut())
    }

    /// What the client is told in place of the next answer, if that is of a ROLLBACK of sidegate's own.
    pub(super) fn undone(&mut self) -> Option<&mut Option<Refusal>> {
        match self.lines.front_mut() {
            Some(Line { owed: Owed::Undone { refusal, .. }, .. }) => Some(refusal),
            Some(_) | None => None,
        }
    }

    /// Whether the next answer is an Execute's.
    pub(super) fn is_executing(&self) -> bool {
        matches!(self.lines.front(), Some(Line { owed: Owed::Execute(_), .. }))
    }

    /// What the next answer is of.
    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match self.lines.front_mut() {
            Some(Line { owed: Owed::Query(running) | Owed::Execute(running), .. }) => Some(running),
            Some(_) | None => None,
        }
    }

    /// Whether a Sync was sent behind the next answer.
    pub(super) fn is_synced(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.owed, Owed::Sync))
    }

    /// How many statements were sent since the last Sync or Query.
    pub(super) fn executed(&self) -> u64 {
        self.executed
    }

    /// Whether so much is owed that no more should be sent.
    pub(super) fn is_crowded(&self) -> bool {
        self.lines.len() >= CROWD
    }

    /// Whether enough was answered to go on after a crowd.
    pub(super) fn has_room(&self) -> bool {
        self.lines.len() <= CROWD / 2
    }

    /// Writes down a message that is about to be sent.
    pub(super) fn owe(&mut self, owed: Owed) {
        self.sequence = self.sequence.saturating_add(1);
        match owed {
            Owed::Sync => (self.skipping, self.executed) = (false, 0),
            Owed::Query(_) | Owed::Undone { .. } => self.executed = 0,
            Owed::Execute(_) => self.executed = self.executed.saturating_add(1),
            Owed::Parse { .. }
            | Owed::Bind { .. }
            | Owed::Describe { .. }
            | Owed::OwnDescribe { .. }
            | Owed::Own(_)
            | Owed::Close { .. }
            | Owed::Refused { .. }
            | Owed::Ready => {}
        }
        let whole = matches!(
            owed,
            Owed::Sync
                | Owed::Query(_)
                | Owed::Refused { ready: true, .. }
                | Owed::Undone { .. }
                | Owed::Ready
                | Owed::Own(Own::Question(_))
        );
        if whole {
            self.asked = self.sequence;
        }
        self.open = !whole;
        self.lines.push_back(Line { sequence: self.sequence, owed });
    }

    /// How many messages were written down so far.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The next answer's line.
    pub(super) fn front(&mut self) -> Option<&mut Line> {
        self.lines.front_mut()
    }

    /// Strikes the first line out.
    pub(super) fn settle(&mut self) -> Option<Line> {
        self.lines.pop_front()
    }

    /// Puts the answer that follows a struck-out line first.
    pub(super) fn owe_first(&mut self, sequence: u64, owed: Owed) {
        self.lines.push_front(Line { sequence, owed });
    }

    /// After an error in an extended exchange: strikes out everything up to the next Sync and
    /// returns it. Without one, everything that is sent until then is ignored by the server.
    pub(super) fn skip_to_sync(&mut self) -> Vec<Line> {
        let until = self.lines.iter().position(|line| matches!(line.owed, Owed::Sync));
        self.skipping = until.is_none();
        self.lines.drain(..until.unwrap_or(self.lines.len())).collect()
    }

    /// A Flush is about to be sent, which a server that takes data would swallow.
    pub(super) fn flushed(&mut self) {
        if !self.may_take_data(false) {
            self.asked = self.sequence;
        }
    }

    /// Whether nobody has asked for some of the answers yet.
    pub(super) fn lags(&self) -> bool {
        self.lines.back().is_some_and(|line| line.sequence > self.asked)
    }

    /// Whether nobody has asked for any of the answers that are owed yet.
    pub(super) fn is_withheld(&self) -> bool {
        self.lines.front().is_some_and(|line| line.sequence > self.asked)
    }

    /// Whether the server may ask for data before it reads what is sent now, and would take that for data's end or a
    /// breach: nothing but data, its end and a Flush may follow. `ended`: the data of what runs has ended already.
    pub(super) fn may_take_data(&self, ended: bool) -> bool {
        match self.lines.back().map(|line| &line.owed) {
            // Several statements of one text may ask for some each.
            Some(Owed::Query(running)) => running.may_take_data(),
            Some(Owed::Execute(running)) => {
                let ended = running.data_ends > 0 || (ended && self.is_last());
                running.may_take_data() && !ended
            }
            Some(_) | None => false,
        }
    }

    /// The client said that the data has ended for which the server has not asked yet.
    pub(super) fn data_ends(&mut self) {
        if let Some(Line { owed: Owed::Query(running) | Owed::Execute(running), .. }) = self.lines.back_mut() {
            running.data_ends = running.data_ends.saturating_add(1);
        }
    }

    /// COPY … FROM STDIN began. Whether its data has ended already; `None` if none was to begin.
    pub(super) fn takes_data(&mut self) -> Option<bool> {
        let running = self.running().filter(|running| running.may_take_data())?;
        let ended = running.data_ends > 0;
        running.data_ends = running.data_ends.saturating_sub(1);
        Some(ended)
    }

    /// Whether the server ignores what is sent now.
    pub(super) fn skipping(&self) -> bool {
        self.skipping
    }

    /// Whether the server waits for a Sync before it ends what was sent.
    pub(super) fn is_open(&self) -> bool {
        self.open || self.skipping
    }

    /// Whether something is owed that the server answers by itself, all of it.
    pub(super) fn ends_an_exchange(&self) -> bool {
        !self.is_empty() && !self.is_open()
    }

    /// Whether nothing was sent behind what is answered next.
    pub(super) fn is_last(&self) -> bool {
        self.lines.len() == 1
    }

    /// Whether nothing is owed.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether something like this is unanswered.
    pub(super) fn owes(&self, such: fn(&Owed) -> bool) -> bool {
        self.lines.iter().any(|line| such(&line.owed))
    }

    /// Whether a Sync or Query was sent behind everything such; if not, only a Flush will bring the answer.
    pub(super) fn answers_by_itself(&self, such: fn(&Owed) -> bool) -> bool {
        self.lines.iter().rev().take_while(|line| !such(&line.owed)).any(|line| line.owed.answers_by_itself())
            || self
                .lines
                .iter()
                .rev()
                .find(|line| such(&line.owed))
                .is_some_and(|line| !matches!(line.owed, Owed::Sync) && line.owed.answers_by_itself())
    }

    /// The unanswered messages, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().rev()
    }

    /// Everything that is left, when the session ends.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Line> + '_ {
        self.lines.drain(..)
    }
}

#[cfg(test)]
mod tests;
