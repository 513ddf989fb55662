//! What the two directions of one session share. Only ever locked for a moment, never across an await.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::input::{SessionContext, Transaction};
use crate::parse::{Effect, Encoding, Facts, Quoting};

use super::super::atlas::Page;
use super::ledger::{Ledger, Owed, Running};
use super::names::{Names, RestsOn};

/// The session as the answers so far have left it.
#[derive(Debug)]
pub(super) struct State {
    /// What the server owes.
    pub(super) ledger: Ledger,
    /// Prepared statements, portals, cursors.
    pub(super) names: Names,
    /// COPY … FROM STDIN, while it runs.
    pub(super) copy: Copy,
    /// The session as policy sees it.
    pub(super) context: SessionContext,
    quoting: Quoting,
    encoding: Encoding,
    reading_moves: bool,
    names_certain: bool,
    /// What is known of the database; `None` where names never are.
    page: Option<Arc<Page>>,
    /// It changed the database, and nobody else sees that before the transaction ends.
    altered: bool,
    /// And that may have made functions.
    made_functions: bool,
    version: u64,
}

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
    /// A session that has just begun. With a page its path is pinned.
    pub(super) fn new(context: SessionContext, page: Option<Arc<Page>>) -> Self {
        Self {
            ledger: Ledger::default(),
            names: Names::default(),
            copy: Copy::No,
            context,
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            reading_moves: false,
            names_certain: page.is_some(),
            page,
            altered: false,
            made_functions: false,
            version: 0,
        }
    }

    /// The server reported a parameter.
    pub(super) fn parameter(&mut self, name: &str, value: &str) {
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
        self.context.transaction = status;
        self.context.transaction_uncertain = self.pending(|facts| facts.aftermath.transaction);
        // Changed parameters are reported just before ReadyForQuery, not before CommandComplete.
        self.reading_moves = self.pending(|facts| facts.aftermath.waits);
        if self.altered && status == Transaction::Idle && !self.pending(|facts| !facts.aftermath.defines.is_empty()) {
            self.altered = false;
            self.changed();
            self.made_functions = false;
        }
    }

    fn changed(&self) {
        if let Some(page) = &self.page {
            page.changed(self.made_functions);
        }
    }

    fn pending(&self, of: impl Fn(&Facts) -> bool) -> bool {
        self.ledger.newest_first().any(|line| match &line.owed {
            Owed::Query(running) | Owed::Execute(running) => of(&running.facts),
            Owed::Parse { .. }
            | Owed::Bind { .. }
            | Owed::Describe
            | Owed::OwnDescribe { .. }
            | Owed::Own(_)
            | Owed::Close { .. }
            | Owed::Sync
            | Owed::Refused { .. }
            | Owed::Ready => false,
        })
    }

    /// COPY … FROM STDIN is over. A Sync that was held back because the server would have swallowed it
    /// is wanted now, since an error made the client count on its answer.
    pub(super) fn copy_ended(&mut self, sync_wanted: &Notify) {
        if let Copy::In { sync_held: true } = self.copy {
            sync_wanted.notify_one();
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
    }

    /// A statement is about to be sent: from now on the next one is judged as if it had run.
    pub(super) fn sends(&mut self, facts: &Facts) {
        let aftermath = &facts.aftermath;
        self.context.statements = self.context.statements.saturating_add(1);
        self.context.transaction_uncertain |= aftermath.transaction;
        self.reading_moves |= aftermath.waits;
        if !aftermath.defines.is_empty() {
            self.altered = true;
            // What keeps the session's names makes relations and their types; rights show functions to somebody.
            self.made_functions |= aftermath.names || facts.effects.contains(&Effect::Dcl);
            self.changed();
        }
        let sequence = self.ledger.sequence();
        if aftermath.names {
            self.names_certain = false;
            self.context.search_path = None;
            // Before it prepares: what it reads itself may already mean something else.
            self.names.lose_certainty();
        }
        self.names.declare(sequence, facts);
        if aftermath.names && facts.statements.iter().filter(|statement| !statement.nested).count() > 1 {
            // What it prepared may have been prepared before names moved, and be planned anew after.
            self.names.lose_certainty();
        }
        self.version = self.version.saturating_add(1);
    }

    /// Rows and bytes of answers went to the client.
    pub(super) fn count(&mut self, rows: u64, bytes: u64) {
        self.context.rows = self.context.rows.saturating_add(rows);
        self.context.bytes = self.context.bytes.saturating_add(bytes);
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

    /// Whether unqualified names still mean what the pinned path says.
    pub(super) fn names_certain(&self) -> bool {
        self.names_certain
    }

    /// What is known of the database, where it is for this session what it is for others.
    pub(super) fn page(&self) -> Option<&Arc<Page>> {
        self.page.as_ref().filter(|_| self.names_certain && !self.altered)
    }

    /// Which catalog facts rest on that are found now; 0 for none.
    pub(super) fn catalog(&self) -> u64 {
        self.page().map_or(0, |page| page.stamp())
    }

    /// What an answer computed now rests on.
    pub(super) fn rests_on(&self, generation: u64, second: i64) -> RestsOn {
        RestsOn { generation, second, state: self.version, catalog: self.catalog() }
    }
}

/// What was on its way when the session ended may still have been done.
impl Drop for State {
    fn drop(&mut self) {
        if self.altered {
            self.changed();
        }
    }
}
