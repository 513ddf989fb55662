//! What the two directions of one session share. Only ever locked for a moment, never across an await.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::forward::NamesAnswer;
use crate::input::{Done, SessionContext, Transaction};
use crate::parse::{self, Definitions, Effect, Encoding, Facts, Known, Quoting, Trust};

use super::super::atlas::{Hold, Page, Seen};
use super::alone::Alone;
use super::ledger::Ledger;
use super::names::{Names, RestsOn};
use super::owed::{Owed, Running};
use super::pause::Since;
use super::search::Search;
use super::signals::{Signal, Signals};
use super::transaction::{Commits, Deeds};
use super::tripwire::Tripwire;

/// The session as the answers so far have left it.
#[derive(Debug)]
pub(super) struct State {
    /// What the server owes.
    pub(super) ledger: Ledger,
    /// Prepared statements, portals, cursors.
    pub(super) names: Names,
    /// COPY … FROM STDIN, while it runs.
    pub(super) copy: Copy,
    /// The kind of message that must fail at the server now, since the client was told that something did.
    pub(super) wanted: Option<u8>,
    /// What the transaction has done, where policy is asked whether it may commit.
    pub(super) deeds: Option<Deeds>,
    /// The session as policy sees it.
    pub(super) context: SessionContext,
    /// What has become of the transaction since.
    pub(super) since: Since,
    quoting: Quoting,
    encoding: Encoding,
    reading_moves: bool,
    /// What unqualified names mean; `None` while that is not certain.
    search: Option<Search>,
    /// The same at the beginning.
    pinned: Option<Search>,
    /// It was asked in a transaction, and its end may take back what made it so.
    provisional: bool,
    /// Settings that must not change by themselves.
    tripwire: Tripwire,
    /// What is known of the database.
    page: Option<Arc<Page>>,
    /// What the server calls the session's process.
    process: Option<i32>,
    /// What it has defined, and nobody else sees before the transaction ends.
    pub(super) own: Definitions,
    /// What the catalog is to it with that, once the server was asked.
    pub(super) alone: Option<Box<Alone>>,
    /// While that may be seen by others at any moment.
    hold: Option<(Hold, u64)>,
    /// Rung when that takes too long.
    pub(super) over: Arc<Notify>,
    view: u64,
    views: u64,
    version: u64,
}

/// Which catalog facts rest on, and what of the session's own. While equal, they are what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    page: u64,
    view: u64,
}

impl Stamp {
    /// No other stamp is equal to it for long: what bears it is read again.
    pub(super) const NEVER: Self = Self { page: u64::MAX, view: 0 };
}

/// The session's view as it began, and while its names mean nothing certain.
const AT_FIRST: u64 = 1;
const LOST: u64 = 2;
/// A view as it was, of which something may have changed.
const PAST: u64 = 1 << 63;

/// COPY … FROM STDIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// Does not run.
    No,
    /// The server takes data.
    In {
        /// A Sync that the server would swallow was held back.
        sync_held: bool,
    },
    /// The client said that the data ended.
    Ended,
}

impl Copy {
    /// Whether the server waits for data and for nothing else.
    pub(super) fn takes_data(self) -> bool {
        matches!(self, Self::In { .. })
    }
}

impl State {
    /// A session that has just begun; with `search` its path is pinned.
    pub(super) fn new(context: SessionContext, page: Option<Arc<Page>>, search: Option<Search>) -> Self {
        Self {
            ledger: Ledger::default(),
            names: Names::default(),
            copy: Copy::No,
            wanted: None,
            deeds: None,
            context,
            since: Since::Same,
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            reading_moves: false,
            search: search.clone(),
            pinned: search,
            provisional: false,
            tripwire: Tripwire::default(),
            page,
            process: None,
            own: Definitions::default(),
            alone: None,
            hold: None,
            over: Arc::default(),
            view: AT_FIRST,
            views: LOST,
            version: 0,
        }
    }

    /// The session is that process of the server's.
    pub(super) fn runs_as(&mut self, process: Option<i32>) {
        self.process = process;
    }

    /// The server reported a parameter. Gives its name where nothing explains the change.
    pub(super) fn parameter(&mut self, name: &str, value: &str) -> Option<&'static str> {
        let unexplained = self.tripwire.reports(name, value);
        self.reads(name, value);
        unexplained
    }

    /// How text is read from now on.
    fn reads(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("standard_conforming_strings") {
            self.quoting = if value.eq_ignore_ascii_case("on") { Quoting::Standard } else { Quoting::Backslash };
        } else if name.eq_ignore_ascii_case("client_encoding") {
            // Whatever is not UTF-8 may give bytes above 0x7f another meaning than sidegate reads.
            self.encoding = if value.eq_ignore_ascii_case("UTF8") { Encoding::Safe } else { Encoding::AsciiTrailBytes };
        } else {
            return;
        }
        self.version = self.version.saturating_add(1);
    }

    /// ReadyForQuery: the transaction's state is known again, and so is how text is read, unless
    /// something that changes either was sent meanwhile.
    pub(super) fn ready(&mut self, status: Transaction) {
        if self.context.transaction != status {
            self.version = self.version.saturating_add(1);
        }
        (self.context.transaction, self.since) = (status, Since::Same);
        if let Some(deeds) = &mut self.deeds {
            deeds.ready(status == Transaction::Idle);
        }
        self.context.transaction_uncertain = self.pending(|facts| facts.aftermath.transaction);
        // Changed parameters are reported just before ReadyForQuery, not before CommandComplete.
        self.reading_moves = self.pending(|facts| facts.aftermath.waits);
        let pending = self.pending(|facts| !facts.aftermath.defines.is_empty());
        if !self.own.is_empty() && status == Transaction::Idle && !pending {
            self.changed();
            (self.own, self.alone) = (Definitions::default(), None);
            self.turn();
        }
        self.holds();
    }

    fn changed(&self) {
        if let Some(page) = &self.page {
            page.changed(&self.own);
        }
    }

    /// While an end of its transaction may be on its way, nobody relies on what it has defined.
    pub(super) fn holds(&mut self) {
        let alone = self.context.transaction == Transaction::Idle || self.context.transaction_uncertain;
        let ends = alone && self.ledger.newest_first().any(|line| matches!(line.owed, Owed::Sync | Owed::Query(_)));
        let ends = ends || self.pending(|facts| facts.aftermath.transaction);
        match (&self.page, self.own.is_empty() || !ends) {
            (Some(_), false) if self.hold.as_ref().is_some_and(|(_, view)| *view == self.view) => {}
            (Some(page), false) => {
                // The new one first: there is no moment without.
                let hold = page.hold(&self.own, &self.over);
                self.hold = Some((hold, self.view));
            }
            (_, true) | (None, _) => self.hold = None,
        }
    }

    fn pending(&self, of: impl Fn(&Facts) -> bool) -> bool {
        self.ledger.newest_first().any(|line| match &line.owed {
            Owed::Query(running) | Owed::Execute(running) => of(&running.facts),
            Owed::Parse { .. }
            | Owed::Bind { .. }
            | Owed::Describe { .. }
            | Owed::OwnDescribe { .. }
            | Owed::Own(_)
            | Owed::Close { .. }
            | Owed::Sync
            | Owed::Refused { .. }
            | Owed::Undone { .. }
            | Owed::Ready => false,
        })
    }

    /// What a statement would commit now, if anything, and what that did.
    pub(super) fn commits(&self, facts: &Facts) -> Option<(Commits, Done)> {
        let deeds = self.deeds.as_ref()?;
        let failed = self.context.transaction == Transaction::Failed && !self.context.transaction_uncertain;
        let commits = deeds.committed_by(facts, self.context.transaction == Transaction::Open);
        let done = match commits {
            Commits::Nothing => return None,
            // Where it failed, COMMIT is a ROLLBACK.
            Commits::Open if failed => return None,
            Commits::Open => deeds.done(None),
            Commits::Itself => deeds.done(Some(facts)),
            Commits::Prepared => Done { relations: None, rows_written: None, ..deeds.done(Some(facts)) },
        };
        Some((commits, done))
    }

    /// A command of the statement that is owed first completed.
    pub(super) fn completed(&mut self, tag: &str) {
        if let (Some(deeds), Some(running)) = (&mut self.deeds, self.ledger.running()) {
            deeds.completes(&running.facts, tag);
        }
    }

    /// The portal that is owed first has rows left.
    pub(super) fn suspended(&mut self) {
        if let (Some(deeds), Some(running)) = (&mut self.deeds, self.ledger.running()) {
            deeds.suspends(&running.facts);
        }
    }

    /// COPY … FROM STDIN is over. A Sync that was held back because the server would have swallowed it
    /// is wanted now, since an error made the client count on its answer.
    pub(super) fn copy_ended(&mut self, signals: &Signals) {
        if let Copy::In { sync_held: true } = self.copy {
            signals.give(Signal::SYNC_WANTED);
        }
        self.copy = Copy::No;
    }

    /// A statement ran to its end: what it forgot is forgotten.
    pub(super) fn ran(&mut self, sequence: u64, running: &Running) {
        if running.sqlstate.is_some() {
            return;
        }
        let aftermath = &running.facts.aftermath;
        // Of several statements, nobody knows here in which order they took and gave.
        let alone = running.facts.statements.len() == 1;
        match (running.tag.as_deref(), &aftermath.deallocates, &aftermath.closes) {
            (Some("DEALLOCATE ALL" | "DISCARD ALL"), _, _) => self.names.forgot_all(sequence),
            (Some("DEALLOCATE"), Some(name), _) if alone => {
                self.names.closed(sequence, false, name);
            }
            (Some("CLOSE CURSOR"), _, Some(name)) if alone => self.names.cursor_closed(name),
            _ => {}
        }
        if aftermath.transaction {
            self.holds();
        }
    }

    /// A statement is about to be sent: from now on the next one is judged as if it had run. `text` is what was read
    /// for it, and `stamp` what that rests on.
    pub(super) fn sends(&mut self, facts: &Facts, text: &Arc<str>, stamp: Stamp) {
        let aftermath = &facts.aftermath;
        self.tripwire.sends(facts);
        if let Some(deeds) = &mut self.deeds {
            deeds.sends(facts);
        }
        self.context.statements = self.context.statements.saturating_add(1);
        self.context.transaction_uncertain |= aftermath.transaction;
        self.reading_moves |= aftermath.waits;
        if !aftermath.defines.is_empty() {
            self.own.extend(&aftermath.defines);
            self.changed();
            self.turn();
        }
        self.moves_alone(facts);
        // Beside temporary relations it may be one of those that gets another name.
        let temporary = self.search.as_ref().is_some_and(|search| !search.temporary.is_empty());
        if aftermath.undoes && !self.own.is_empty() {
            self.own = std::mem::take(&mut self.own).without_tables();
            self.turn();
        }
        let moves = aftermath.names || (temporary && facts.effects.contains(&Effect::Ddl));
        if moves || (self.provisional && aftermath.transaction) {
            self.finds(None);
        }
        let several = facts.statements.iter().filter(|statement| !statement.nested).count() > 1;
        let moved = several && (moves || !aftermath.defines.is_empty());
        // It may have been prepared before names moved, and be planned anew after.
        let stamp = if moved { Stamp::NEVER } else { stamp };
        self.names.declare(self.ledger.sequence(), facts, text, stamp);
        if !self.own.is_empty() {
            self.holds();
        }
        self.version = self.version.saturating_add(1);
    }

    /// What unqualified names mean from now on.
    fn finds(&mut self, search: Option<Search>) {
        self.provisional = search.is_some() && self.context.transaction != Transaction::Idle;
        if self.search == search {
            return;
        }
        let path = |search: &Search| search.path.iter().map(|schema| schema.to_string()).collect();
        self.context.search_path = search.as_ref().map(path);
        self.search = search;
        self.version = self.version.saturating_add(1);
        self.turn();
    }

    /// The session's view is another now; the two that come again have numbers of their own.
    pub(super) fn turn(&mut self) {
        self.view = match (&self.search, self.own.is_empty()) {
            (search, true) if *search == self.pinned => AT_FIRST,
            (None, true) => LOST,
            (_, _) => {
                self.views = self.views.saturating_add(1);
                self.views
            }
        };
    }

    /// Whether the server can be asked something between two statements: it waits for one, and no transaction has failed.
    pub(super) fn may_be_asked(&self) -> bool {
        let awake = self.context.transaction != Transaction::Failed && !self.context.transaction_uncertain;
        awake && self.ledger.is_empty() && !self.ledger.is_open() && self.copy == Copy::No
    }

    /// The server said what names mean, or did not.
    pub(super) fn told(&mut self, answer: Option<NamesAnswer>) {
        let seen = self.page.as_ref().and_then(|page| page.known());
        // To another role another part of the path is open.
        let same = |answer: &NamesAnswer| seen.is_none_or(|seen| *seen.snapshot.server().user == *answer.role);
        let search = answer.filter(same).and_then(Search::answered);
        self.finds(search);
    }

    /// Rows and bytes of answers went to the client.
    pub(super) fn count(&mut self, rows: u64, bytes: u64) {
        self.context.rows = self.context.rows.saturating_add(rows);
        self.context.bytes = self.context.bytes.saturating_add(bytes);
    }

    /// Whether the failure of a statement that is sent now would undo something, or something would be undone with it.
    pub(super) fn exposes(&self, facts: &Facts) -> bool {
        let alone = self.ledger.executed() == 0;
        let outside = self.context.transaction == Transaction::Idle && !self.context.transaction_uncertain;
        !(alone && outside && only_reads(facts))
    }

    /// Whether a message of this kind can be sent now.
    pub(super) fn is_turn_of(&self, tag: u8) -> bool {
        let ended = self.copy == Copy::Ended;
        let data = matches!(tag, b'c' | b'f' | b'H');
        let waits = self.ledger.must_wait(tag == b'S') || (!data && self.ledger.may_take_data(ended));
        tag == b'X' || !waits || self.copy.takes_data()
    }

    /// Whether nothing is owed and no transaction is open.
    pub(super) fn is_quiet(&self) -> bool {
        self.ledger.is_empty() && self.context.transaction == Transaction::Idle && self.copy == Copy::No
    }

    /// Whether the server keeps all that is owed back until it is asked for it, and no transaction was open before.
    pub(super) fn is_withheld(&self) -> bool {
        self.ledger.is_withheld() && self.context.transaction == Transaction::Idle && !self.copy.takes_data()
    }

    /// How the server reads quotes. While that may be changing: the way in which least is certain.
    pub(super) fn quoting(&self) -> Quoting {
        if self.reading_moves { Quoting::Backslash } else { self.quoting }
    }

    /// How the server reads bytes above 0x7f, on the same terms.
    pub(super) fn encoding(&self) -> Encoding {
        if self.reading_moves { Encoding::AsciiTrailBytes } else { self.encoding }
    }

    /// What unqualified names mean; `None` while that is not certain.
    pub(super) fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    /// What is known of the database.
    pub(super) fn page(&self) -> Option<&Arc<Page>> {
        self.page.as_ref()
    }

    /// Whether it sees what others see: looking again may tell more.
    pub(super) fn sees_what_others_see(&self) -> bool {
        self.own.is_empty()
    }

    /// What names mean. `looked`: the catalog was read after the text came.
    pub(super) fn meaning(&mut self, looked: bool) -> parse::Names {
        let seen = self.page.as_ref().map(|page| page.known());
        self.relies_alone(seen.as_ref().and_then(Option::as_ref));
        let search = self.search.as_ref();
        let schema = search.and_then(|search| search.schema.clone());
        let Some(seen) = seen else {
            return schema.map_or(parse::Names::Uncertain, |schema| parse::Names::Certain { schema });
        };
        let Some(Seen { snapshot, trust, defined, .. }) = seen else { return parse::Names::Unseen { schema } };
        let trust = match trust {
            Trust::Recent if looked => Trust::Fresh,
            Trust::Fresh | Trust::Recent | Trust::Outdated => trust,
        };
        let alone = self.alone();
        let defined = if self.own.is_empty() || alone.is_some() {
            defined
        } else {
            let mut all = Definitions::clone(&defined);
            // Made in a transaction, it is there unless that has failed.
            let within = self.context.transaction == Transaction::Open && !self.context.transaction_uncertain;
            let own = self.own.clone();
            all.extend(&if within { own } else { own.without_tables() });
            Arc::new(all)
        };
        parse::Names::Known(Known {
            path: search.map(|search| Arc::clone(&search.path)).unwrap_or_default(),
            schema,
            snapshot: alone.map_or(snapshot, Arc::clone),
            trust,
            functions: trust,
            searched: search.is_some(),
            temporary: search.map(|search| Arc::clone(&search.temporary)).unwrap_or_default(),
            defined,
        })
    }

    /// Which view of names the session has: another number whenever it may be another.
    pub(super) fn view(&self) -> u64 {
        self.view
    }

    /// What facts rest on that are found now.
    pub(super) fn stamp(&self) -> Stamp {
        let view = if self.is_alone_no_more() { self.view | PAST } else { self.view };
        Stamp { page: self.page.as_ref().map_or(0, |page| page.stamp()), view }
    }

    /// What an answer computed now rests on.
    pub(super) fn rests_on(&self, generation: u64, second: i64) -> RestsOn {
        RestsOn { generation, second, state: self.version, catalog: self.stamp() }
    }
}

/// Whether a statement leaves nothing behind that its failure would undo.
pub(super) fn only_reads(facts: &Facts) -> bool {
    facts.effects.iter().all(|effect| matches!(effect, Effect::Read | Effect::CopyOut))
}

/// What was on its way when the session ended may still have been done.
impl Drop for State {
    fn drop(&mut self) {
        self.changed();
        if let (Some(page), Some(process), false) = (&self.page, self.process, self.own.is_empty()) {
            page.orphan(&self.own, process);
        }
    }
}

#[cfg(test)]
mod tests;
