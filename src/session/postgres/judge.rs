//! The question: a statement is read, asked about, written down, and becomes a permit or a refusal.

use std::sync::Arc;

use memchr::memchr3_iter;
use tokio::sync::Notify;

use crate::decide::{Decision, Verdict};
use crate::enforce::{self, Permit, Refusal, Wording};
use crate::input::{self, Document, PolicyInfo};
use crate::journal::{Intent, IntentKind};
use crate::model::{Cause, Stage};
use crate::parse::{self, Encoding, Facts, Names, Reading, Remembered, Request, UnparsedKind};

use super::super::atlas::Page;
use super::alone::outlasts_its_transaction;
use super::corridor::{Corridor, denied};
use super::names::{Statement, remember, unsure};
use super::recent::Conditions;
use super::state::{Stamp, State};

/// What was read of a text.
pub(super) struct Read {
    /// What it would do.
    pub(super) facts: Arc<Facts>,
    /// What it rests on.
    pub(super) stamp: Stamp,
}

/// A statement that was judged: the permit to send it, or what the client is told instead.
pub(super) enum Judged {
    /// It may be sent.
    Permitted(Box<Permit>),
    /// It may not; the denial stands in the journal.
    Refused(Refusal),
}

/// What the catalog tells of a statement.
const FOUND_OUT: [&str; 6] = ["effects", "relations", "columns", "functions", "statements", "estimate"];

impl Corridor {
    /// What the text would do, read as the server would read it now. Where the catalog does not know enough for that,
    /// it is read once more; `None` if the client cancels it meanwhile. `by_name`: it [may look names up](mentions_names).
    pub(super) async fn read(&self, text: &[u8], by_name: bool) -> Option<Read> {
        let read = self.read_now(text, by_name, false).await;
        let page = {
            let state = self.state.lock();
            // What it alone has changed, nobody else can see; but others may have changed more.
            let settled = |page: &&Arc<Page>| page.known().is_some_and(|seen| seen.defined.is_empty());
            state.page().filter(|page| state.sees_what_others_see() || !settled(page)).cloned()
        };
        let Some(page) = page else { return Some(read) };
        let names_something = !(read.facts.relations.is_empty() && read.facts.functions.is_empty());
        let changed = page.known().is_some_and(|seen| !seen.defined.is_empty());
        let runs_more = changed && read.facts.unknown.contains("sql.functions");
        let wanting = read.facts.outdated || runs_more || (page.is_new() && names_something);
        // Nobody waits for what no rule reads.
        if !(wanting && self.policy_reads_names()) {
            return Some(read);
        }
        // Boxed, as are the others that are rare: a session that waits is as large as the largest thing that it may do.
        Box::pin(self.read_anew(read, &page, text, by_name)).await
    }

    /// The same once the catalog is read again.
    async fn read_anew(&self, read: Read, page: &Page, text: &[u8], by_name: bool) -> Option<Read> {
        let looked = tokio::select! {
            looked = page.look_again() => looked,
            () = cancelled(self.cancelled.as_deref()) => return None,
        };
        Some(if looked { self.read_now(text, by_name, true).await } else { read })
    }

    /// Whether policy reads what names mean.
    pub(super) fn policy_reads_names(&self) -> bool {
        let masks = || self.house.store.snapshot().is_some_and(|policy| policy.may_mask());
        let later = || self.policy_reads(&["transaction"]);
        FOUND_OUT.iter().any(|fact| self.policy_reads(&["sql", fact])) || masks() || later()
    }

    /// `looked`: the catalog was read after the text came.
    pub(super) async fn read_now(&self, text: &[u8], by_name: bool, looked: bool) -> Read {
        let read = self.read_once(text, by_name, looked).await;
        let outlasted = outlasts_its_transaction(&read.facts) && self.state.lock().doubts_alone();
        if outlasted { Box::pin(self.read_once(text, by_name, looked)).await } else { read }
    }

    async fn read_once(&self, text: &[u8], by_name: bool, looked: bool) -> Read {
        // What it does depends on more than itself.
        if by_name { Box::pin(self.read_by_name(text, looked)).await } else { self.read_alone(text, looked).await }
    }

    /// A text that may run something by name.
    async fn read_by_name(&self, text: &[u8], looked: bool) -> Read {
        let view = self.state.lock().settled_view();
        let mut prepared = self.prepared(text, looked).await;
        let (conditions, names, stamp, cursors) = {
            let mut state = self.state.lock();
            // Before the names: what others define meanwhile makes it old.
            let stamp = state.stamp();
            let (conditions, names) = conditions(&mut state, looked);
            if state.view() != view {
                // What it runs was read by what counts no more.
                prepared.clear();
            }
            (conditions, names, stamp, state.names.cursors())
        };
        let facts = self.read_under(text, &conditions, names, (&prepared, &cursors)).await;
        Read { facts, stamp }
    }

    /// A text that runs nothing by name.
    async fn read_alone(&self, text: &[u8], looked: bool) -> Read {
        let (conditions, names, stamp) = {
            let mut state = self.state.lock();
            let stamp = state.stamp();
            let (conditions, names) = conditions(&mut state, looked);
            (conditions, names, stamp)
        };
        let known = self.recent.lock().facts(text, &conditions);
        let facts = match known {
            Some(facts) => facts,
            None => {
                let none = Remembered::new();
                let facts = Box::pin(self.read_under(text, &conditions, names, (&none, &none))).await;
                self.recent.lock().keep(text, conditions, &facts);
                facts
            }
        };
        Read { facts, stamp }
    }

    /// What an EXECUTE in this text may run. What was prepared under another catalog is read again, as the server
    /// plans it anew.
    async fn prepared(&self, text: &[u8], looked: bool) -> Remembered {
        let (runnable, stamp) = {
            let state = self.state.lock();
            (state.names.runnable(text), state.stamp())
        };
        let (mut all, mut lost) = (Remembered::new(), Vec::new());
        for (name, statement) in runnable {
            let facts = if statement.stamp == stamp && !statement.by_name {
                Some(Arc::clone(&statement.facts))
            } else {
                self.anew(&name, &statement, looked).await
            };
            match facts {
                Some(facts) => _ = remember(&mut all, &name, &facts),
                None => lost.push(name),
            }
        }
        unsure(&mut all);
        all.retain(|name, _| !lost.contains(name));
        all
    }

    /// A prepared statement as it is read now; `None` if it cannot be.
    async fn anew(&self, name: &str, statement: &Statement, looked: bool) -> Option<Arc<Facts>> {
        match &statement.source {
            Some(source) => inner(&self.read_alone(source.as_bytes(), looked).await.facts, name),
            // PREPARE cannot hold an EXECUTE, so one that holds one is run by nobody's EXECUTE.
            None if statement.by_name => Some(Arc::clone(&statement.facts)),
            None => {
                let facts = self.read_alone(statement.text.as_bytes(), looked).await.facts;
                Some(parse::typed(facts, &statement.declared))
            }
        }
    }

    async fn read_under(
        &self,
        text: &[u8],
        conditions: &Conditions,
        names: Names,
        (prepared, cursors): (&Remembered, &Remembered),
    ) -> Arc<Facts> {
        let reading = Reading {
            quoting: conditions.quoting,
            encoding: conditions.encoding,
            names,
            read_only: self.lane.listener.settings.holds_read_only(),
            limits: self.lane.reading_limits(),
            prepared,
            cursors,
        };
        self.lane.reader.bytes(text, &reading).await
    }

    /// Asks policy about a request. Over a limit, nobody is asked.
    pub(super) async fn ask(&self, request: &Request) -> Decision {
        let policy = self.house.store.snapshot();
        let document = self.document(request, &self.house.info(policy.as_ref()));
        let decider = &self.house.decider;
        let unparsed = request.facts().unparsed.as_ref();
        if unparsed.is_some() {
            self.house.metrics.unparsed(&self.lane.listener.name);
        }
        let cause = unparsed.map(|unparsed| match unparsed.kind {
            UnparsedKind::TooLarge | UnparsedKind::TooComplex => Cause::Limit,
            UnparsedKind::Unreadable => Cause::Unparsed,
        });
        match (cause, unparsed) {
            (Some(cause), Some(unparsed)) if cause == Cause::Limit || !self.lane.asks(Stage::Request) => {
                decider.refuse(policy.as_ref(), Stage::Request, document, cause, vec![unparsed.reason.clone()])
            }
            _ if self.lane.asks(Stage::Request) => {
                decider.decide_within(&self.memo, policy, Stage::Request, document).await
            }
            _ => decider.unasked(policy.as_ref(), Stage::Request, document),
        }
    }

    /// A decision for a Parse whose answer needs the values that only its Bind will bring.
    pub(super) fn put_off(&self, request: &Request) -> Decision {
        let policy = self.house.store.snapshot();
        let document = self.document(request, &self.house.info(policy.as_ref()));
        self.house.decider.unasked(policy.as_ref(), Stage::Request, document)
    }

    pub(super) fn document(&self, request: &Request, policy: &PolicyInfo) -> Document {
        input::request_document(&self.state.lock().context, request, jiff::Timestamp::now(), policy)
    }

    /// Refuses what was not even read: writes the denial down and gives what the client is told.
    pub(super) async fn refuse_outright(&self, cause: Cause, reason: &str) -> Refusal {
        let policy = self.house.store.snapshot();
        let info = self.house.info(policy.as_ref());
        let document = input::session_document(&self.state.lock().context, jiff::Timestamp::now(), &info);
        let reasons = vec![reason.to_owned()];
        let decision = self.house.decider.refuse(policy.as_ref(), Stage::Request, document, cause, reasons.clone());
        let refusal = Refusal::denied(decision.id(), cause, &reasons, None);
        let intent = self.intent(IntentKind::Statement, decision);
        if let Ok(entry) = self.house.journal.open(intent).await {
            // A denial that cannot be written down is still that denial.
            let _ = self.close(entry, denied(cause)).await;
        }
        refusal
    }

    /// Whether a statement must be read again before it is judged: names may mean something else by now, and what it
    /// runs by name may be something else.
    pub(super) fn is_stale(&self, statement: &Statement) -> bool {
        statement.by_name || statement.stamp != self.state.lock().stamp()
    }

    /// The types of a statement's parameters, for reading their values. In an encoding that is not
    /// UTF-8 no value means what its bytes would say.
    pub(super) fn types_of(&self, statement: &Statement) -> Vec<u32> {
        match self.state.lock().encoding() {
            Encoding::Safe => statement.types.lock().clone(),
            Encoding::AsciiTrailBytes | Encoding::Unknown => Vec::new(),
        }
    }

    pub(super) fn intent(&self, kind: IntentKind, decision: Decision) -> Intent {
        let listener = self.lane.listener.name.clone();
        Intent { kind, session: self.session, listener, decision: Arc::new(decision) }
    }

    /// Writes the decision down and carries it out.
    pub(super) async fn carry_out(
        &self,
        kind: IntentKind,
        request: Request,
        decision: Decision,
        wording: Wording<'_>,
    ) -> Judged {
        let intent = self.intent(kind, decision);
        let denial = match intent.decision.verdict() {
            Verdict::Deny { cause, reasons } => {
                let unparsed = request.facts().unparsed.as_ref();
                Some((*cause, Refusal::denied(intent.decision.id(), *cause, reasons, unparsed)))
            }
            Verdict::Allow | Verdict::Unasked => None,
        };
        let journal = &self.house.journal;
        // What goes out waits for its record there; a denial has to be in the file by itself.
        let opened = if denial.is_none() { journal.enqueue(intent).await } else { journal.open(intent).await };
        let entry = match opened {
            Ok(entry) => entry,
            // What cannot be written down is not done; a denial stays that denial.
            Err(error) => {
                return Judged::Refused(denial.map_or_else(|| Refusal::fault(&error), |(_, refusal)| refusal));
            }
        };
        match enforce::carry_out(request, entry, wording) {
            Ok(permit) => Judged::Permitted(Box::new(permit)),
            Err(refused) => {
                let cause = denial.map_or(Cause::Policy, |(cause, _)| cause);
                // A denial that cannot be written down is still that denial.
                let _ = self.close(refused.entry, denied(cause)).await;
                Judged::Refused(refused.refusal)
            }
        }
    }
}

/// How a text is read just now.
fn conditions(state: &mut State, looked: bool) -> (Conditions, Names) {
    let names = state.meaning(looked);
    (Conditions { quoting: state.quoting(), encoding: state.encoding(), names: names.key() }, names)
}

/// What a text prepares under a name, where that is one thing.
pub(super) fn inner(facts: &Facts, name: &str) -> Option<Arc<Facts>> {
    let mut found = facts.aftermath.prepares.iter().filter(|(prepared, _)| prepared == name);
    match (found.next(), found.next()) {
        (Some((_, inner)), None) => Some(Arc::clone(&inner.0)),
        (_, _) => None,
    }
}

/// Returns when the client asks to cancel what it waits for.
async fn cancelled(asked: Option<&Notify>) {
    match asked {
        Some(asked) => asked.notified().await,
        None => std::future::pending().await,
    }
}

/// SQL's EXECUTE, FETCH and MOVE look prepared statements and cursors up by name.
pub(super) fn mentions_names(text: &[u8]) -> bool {
    // Looked for by a letter that few other words have.
    let words: [(u8, usize, &[u8]); 3] = [(b'x', 1, b"execute"), (b'h', 4, b"fetch"), (b'v', 2, b"move")];
    let mentions = |at: usize| {
        words.iter().any(|(_, place, word)| {
            let start = at.checked_sub(*place);
            let found = start.and_then(|start| text.get(start..start.saturating_add(word.len())));
            found.is_some_and(|found| found.eq_ignore_ascii_case(word))
        })
    };
    let [x, h, v] = words.map(|(letter, _, _)| letter);
    memchr3_iter(x, h, v, text).any(mentions)
        || memchr3_iter(x.to_ascii_uppercase(), h.to_ascii_uppercase(), v.to_ascii_uppercase(), text).any(mentions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_look_names_up_are_found_wherever_they_stand() {
        for text in ["EXECUTE a", "select 1;eXecute a", "/**/fetch c", "fetcmove", "move", "xfetch"] {
            assert!(mentions_names(text.as_bytes()), "{text}");
        }
        for text in ["", "select e, f, m from mov", "fetc", "execut"] {
            assert!(!mentions_names(text.as_bytes()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_word_that_looks_names_up_is_passed_over(text in "[ aceEfFhHmMotTuvVxX]{0,40}") {
            let lower = text.to_ascii_lowercase();
            let mentioned = ["execute", "fetch", "move"].iter().any(|word| lower.contains(word));
            proptest::prop_assert_eq!(mentions_names(text.as_bytes()), mentioned);
            for word in ["ExecutE", "FETCH", "move"] {
                let among = format!("{text}{word}{text}");
                proptest::prop_assert!(mentions_names(among.as_bytes()));
            }
        }
    }
}
