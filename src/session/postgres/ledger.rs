//! What the server still owes: one line per message sent, in order. The server answers in
//! order, and after an error it skips to the next Sync; so does the ledger.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::enforce::Refusal;
use crate::enforce::mask::cells::Cells;
use crate::journal::Entry;
use crate::model::Cause;
use crate::parse::Facts;

use super::masks::Masked;
use super::names::{Portal, Statement};
use super::stages::Columns;
use super::watch::{Sent, Watch};

/// One message that was sent and not yet answered whole.
#[derive(Debug)]
pub(super) struct Line {
    /// Counts messages; what is learned from this answer binds only what was sent before it.
    pub(super) sequence: u64,
    /// What kind of answer is owed.
    pub(super) owed: Owed,
}

/// The answer that is owed.
#[derive(Debug)]
pub(super) enum Owed {
    /// Rows, completions, errors, then ReadyForQuery. Of a FunctionCall, its result instead of rows.
    Query(Running),
    /// ParseComplete.
    Parse {
        /// The INTENT of kind `prepare`.
        entry: Entry,
        /// The name it gives.
        name: String,
        /// What it gives the name to.
        statement: Arc<Statement>,
    },
    /// BindComplete.
    Bind {
        /// The name it gives.
        name: String,
        /// What it gives the name to.
        portal: Arc<Portal>,
    },
    /// RowDescription or NoData, after ParameterDescription for a statement.
    Describe,
    /// The same, asked by sidegate itself: not relayed.
    OwnDescribe {
        /// What is wanted.
        wanted: Wanted,
    },
    /// The answer to a message of sidegate's own: not relayed.
    Own(Own),
    /// Rows, then CommandComplete, PortalSuspended, EmptyQueryResponse or an error.
    Execute(Running),
    /// CloseComplete.
    Close {
        /// Whether a portal or a statement is closed.
        portal: bool,
        /// Its name.
        name: String,
    },
    /// ReadyForQuery.
    Sync,
    /// An error, because a poison stands in the refused message's place.
    Refused {
        /// What the client sees instead of the server's words.
        refusal: Refusal,
        /// Whether ReadyForQuery follows (Query, FunctionCall).
        ready: bool,
    },
    /// ReadyForQuery after a refused Query.
    Ready,
    /// CommandComplete and ReadyForQuery of a ROLLBACK of sidegate's own.
    Undone {
        /// What the client sees instead of the first, if it waits for them.
        refusal: Option<Refusal>,
        /// It does not: neither goes to it.
        own: bool,
    },
}

/// A message of sidegate's own.
#[derive(Debug)]
pub(super) enum Own {
    /// Closes what was prepared before.
    Close,
    /// Prepares it anew.
    Parse(Option<Arc<Masked>>),
    /// Asks what its answer looks like.
    Describe(Arc<Masked>),
    /// A whole exchange between two statements, which asks what names mean.
    Question {
        /// What came of its answer.
        rows: Vec<u8>,
        /// Whether it failed.
        failed: bool,
    },
}

/// What sidegate asks for by itself.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The parameter types of a statement.
    Types(Arc<Statement>),
    /// The columns of a portal.
    Columns(Columns),
}

/// A statement that runs.
#[derive(Debug)]
pub(super) struct Running {
    /// Its INTENT.
    pub(super) entry: Option<Entry>,
    /// What it does.
    pub(super) facts: Arc<Facts>,
    /// The masks in it.
    pub(super) masked: Option<Arc<Masked>>,
    /// The masks of its rows, once there is one.
    pub(super) cells: Option<Arc<Cells>>,
    /// The formats that its values were asked for in; `None` where the server says them.
    pub(super) formats: Option<Arc<[i16]>>,
    /// Whether it is a FunctionCall.
    pub(super) called: bool,
    /// When its first byte went upstream.
    pub(super) sent: Instant,
    /// Rows relayed so far.
    pub(super) rows: u64,
    /// Bytes of answer relayed so far.
    pub(super) bytes: u64,
    /// SQLSTATE of the error it ended with.
    pub(super) sqlstate: Option<String>,
    /// The tag of the last command that completed.
    pub(super) tag: Option<String>,
    /// What is between it and the client, if its answer may end otherwise than the server ends it.
    pub(super) watch: Option<Box<Watch>>,
    /// It is: what comes after it must wait, since the server may have to fail here.
    pub(super) watched: bool,
    /// Not even a Sync may follow it before it is answered, since its failure would undo something.
    pub(super) exposed: bool,
    /// What was sent of its portal.
    pub(super) sent_before: Option<Arc<Sent>>,
    /// Why the client was told something else than the server said.
    pub(super) cause: Option<Cause>,
}

impl Owed {
    /// The masks in what this answers.
    pub(super) fn masked(&self) -> Option<Arc<Masked>> {
        match self {
            Self::Query(running) | Self::Execute(running) => running.masked.clone(),
            Self::Parse { statement, .. } => statement.masked.lock().clone(),
            Self::Bind { portal, .. } => portal.masked.clone(),
            Self::Own(Own::Parse(masked)) => masked.clone(),
            Self::Own(Own::Describe(masked)) => Some(Arc::clone(masked)),
            Self::Own(Own::Close | Own::Question { .. })
            | Self::Describe
            | Self::OwnDescribe { .. }
            | Self::Close { .. }
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => None,
        }
    }
}

impl Running {
    /// A statement whose message is about to be sent.
    pub(super) fn new(entry: Entry, facts: Arc<Facts>) -> Self {
        let sent = Instant::now();
        Self {
            entry: Some(entry),
            facts,
            masked: None,
            cells: None,
            formats: None,
            called: false,
            sent,
            rows: 0,
            bytes: 0,
            sqlstate: None,
            tag: None,
            watch: None,
            watched: false,
            exposed: true,
            sent_before: None,
            cause: None,
        }
    }

    /// The same with its answer watched, if it has a limit or policy is asked about it and its columns.
    pub(super) fn watched(mut self, sent_before: Option<Arc<Sent>>, asked: Option<Columns>) -> Self {
        let limit = self.entry.as_ref().and_then(|entry| entry.decision().limit());
        self.watched = limit.is_some() || asked.is_some();
        self.watch = self.watched.then(|| Box::new(Watch::new(limit, sent_before.clone(), asked)));
        self.sent_before = sent_before;
        self
    }
}

impl Owed {
    /// Whether its answer gives or takes the name of a prepared statement or portal.
    pub(super) fn names(&self) -> bool {
        match self {
            Self::Parse { .. } | Self::Bind { .. } | Self::Close { .. } => true,
            Self::Query(_)
            | Self::Describe
            | Self::OwnDescribe { .. }
            | Self::Own(_)
            | Self::Execute(_)
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => false,
        }
    }

    /// Whether its answer is watched.
    pub(super) fn is_watched(&self) -> bool {
        match self {
            Self::Query(running) | Self::Execute(running) => running.watched,
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe
            | Self::OwnDescribe { .. }
            | Self::Own(_)
            | Self::Close { .. }
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => false,
        }
    }

    /// Whether its answer tells what became of a transaction, or of a part of one.
    pub(super) fn tells_deeds(&self) -> bool {
        match self {
            Self::Query(_)
            | Self::Execute(_)
            | Self::Sync
            | Self::Refused { .. }
            | Self::Undone { .. }
            | Self::Ready => true,
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe
            | Self::OwnDescribe { .. }
            | Self::Own(_)
            | Self::Close { .. } => false,
        }
    }

    /// Whether the server answers it, and all before it, without being asked.
    fn answers_by_itself(&self) -> bool {
        matches!(self, Self::Sync | Self::Query(_) | Self::Undone { .. } | Self::Own(Own::Question { .. }))
    }

    /// Whether the next statement must wait to be judged until this one is answered.
    pub(super) fn makes_wait(&self) -> bool {
        match self {
            Self::Query(running) | Self::Execute(running) => {
                let aftermath = &running.facts.aftermath;
                aftermath.waits || aftermath.forgets || !aftermath.prepares.is_empty()
            }
            Self::OwnDescribe { .. } | Self::Own(Own::Question { .. }) | Self::Undone { .. } => true,
            Self::Parse { .. }
            | Self::Bind { .. }
            | Self::Describe
            | Self::Own(Own::Close | Own::Parse(_) | Own::Describe(_))
            | Self::Close { .. }
            | Self::Sync
            | Self::Refused { .. }
            | Self::Ready => false,
        }
    }
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
        let holds = |line: &Line| match &line.owed {
            Owed::Execute(running) if sync => running.watched && running.exposed,
            owed => owed.is_watched(),
        };
        self.lines.iter().rev().take(2).any(holds)
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
            | Owed::Describe
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
                | Owed::Own(Own::Question { .. })
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

    /// Whether the next answer is a statement's own.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.lines.front(), Some(Line { owed: Owed::Query(_) | Owed::Execute(_), .. }))
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

    /// A Flush is about to be sent.
    pub(super) fn flushed(&mut self) {
        self.asked = self.sequence;
    }

    /// Whether nobody has asked for some of the answers yet.
    pub(super) fn lags(&self) -> bool {
        self.lines.back().is_some_and(|line| line.sequence > self.asked)
    }

    /// Whether nobody has asked for any of the answers that are owed yet.
    pub(super) fn is_withheld(&self) -> bool {
        self.lines.front().is_some_and(|line| line.sequence > self.asked)
    }

    /// COPY … FROM STDIN began: the server swallows every Sync and Flush that was sent with it.
    pub(super) fn swallow_syncs(&mut self) {
        self.asked = match self.lines.front() {
            Some(Line { sequence, owed: Owed::Query(_) }) => *sequence,
            Some(_) | None => 0,
        };
        self.open = !matches!(self.lines.front(), Some(Line { owed: Owed::Query(_), .. }));
        self.lines.retain(|line| !matches!(line.owed, Owed::Sync));
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
mod tests {
    use super::*;
    use crate::model::FaultKind;

    fn refused(ready: bool) -> Owed {
        Owed::Refused { refusal: Refusal::new(FaultKind::Denied, "no"), ready }
    }

    fn close(name: &str) -> Owed {
        Owed::Close { portal: false, name: name.to_owned() }
    }

    #[test]
    fn after_an_error_everything_up_to_the_next_sync_is_struck_out() {
        let mut ledger = Ledger::default();
        for owed in [refused(false), Owed::Describe, close("a"), Owed::Sync, Owed::Describe] {
            ledger.owe(owed);
        }
        ledger.settle();
        assert_eq!(ledger.skip_to_sync().len(), 2);
        assert!(!ledger.skipping(), "the Sync was sent already");
        assert!(matches!(ledger.settle().map(|line| line.owed), Some(Owed::Sync)));
        assert!(matches!(ledger.settle().map(|line| line.owed), Some(Owed::Describe)));
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

    #[test]
    fn a_copy_swallows_the_syncs_that_were_sent_with_it() {
        let mut ledger = Ledger::default();
        for owed in [Owed::Describe, Owed::Sync, Owed::Sync] {
            ledger.owe(owed);
        }
        ledger.swallow_syncs();
        assert!(matches!(ledger.settle().map(|line| line.owed), Some(Owed::Describe)));
        assert!(ledger.is_empty());
    }

    #[test]
    fn answers_are_withheld_until_somebody_asks_for_them() {
        let mut ledger = Ledger::default();
        assert!(!ledger.lags() && !ledger.is_withheld(), "nothing is owed");
        ledger.owe(close("a"));
        assert!(ledger.lags() && ledger.is_withheld());
        ledger.flushed();
        assert!(!ledger.lags() && !ledger.is_withheld());
        ledger.owe(Owed::Describe);
        assert!(ledger.lags() && !ledger.is_withheld(), "the first was asked for");
        ledger.settle();
        assert!(ledger.lags() && ledger.is_withheld());
        ledger.owe(Owed::Sync);
        assert!(!ledger.lags() && !ledger.is_withheld());
        ledger.swallow_syncs();
        assert!(ledger.lags() && ledger.is_withheld(), "a COPY has swallowed what asked");
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
}
