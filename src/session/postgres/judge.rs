//! The question: a statement is read, asked about, written down, and becomes a permit or a refusal.

use std::sync::Arc;

use crate::decide::{Decision, Verdict};
use crate::enforce::{self, Permit, Refusal, Wording};
use crate::input::{self, Document, PolicyInfo};
use crate::journal::{Intent, IntentKind};
use crate::model::{Cause, Stage};
use crate::parse::{self, Encoding, Facts, Known, Names, Reading, Remembered, Request, Trust, UnparsedKind};

use super::super::atlas::{Page, Seen};
use super::corridor::{Corridor, denied};
use super::names::Statement;
use super::recent::Conditions;

/// What was read of a text.
pub(super) struct Read {
    /// What it would do.
    pub(super) facts: Arc<Facts>,
    /// Whether unqualified names were certain.
    pub(super) certain: bool,
    /// Which catalog it rests on.
    pub(super) catalog: u64,
}

/// A statement that was judged: the permit to send it, or what the client is told instead.
pub(super) enum Judged {
    /// It may be sent.
    Permitted(Box<Permit>),
    /// It may not; the denial stands in the journal.
    Refused(Refusal),
}

/// What the catalog tells of a statement.
const FOUND_OUT: [&str; 5] = ["effects", "relations", "columns", "functions", "statements"];

impl Corridor {
    /// What the text would do, read as the server would read it now. Where the catalog does not know enough for that,
    /// it is read once more. `by_name`: it [may look names up](mentions_names).
    pub(super) async fn read(&self, text: &[u8], by_name: bool) -> Read {
        let read = self.read_now(text, by_name, false).await;
        let page = self.state.lock().page().cloned();
        let Some(page) = page else { return read };
        let names_something = !(read.facts.relations.is_empty() && read.facts.functions.is_empty());
        let wanting = read.facts.outdated || (page.is_new() && names_something);
        // Nobody waits for what no rule reads.
        let masks = || self.house.store.snapshot().is_some_and(|policy| policy.may_mask());
        let reads = || masks() || FOUND_OUT.iter().any(|fact| self.policy_reads(&["sql", fact]));
        if wanting && reads() && page.look_again().await { self.read_now(text, by_name, true).await } else { read }
    }

    /// `looked`: the catalog was read after the text came.
    async fn read_now(&self, text: &[u8], by_name: bool, looked: bool) -> Read {
        let (quoting, encoding, certain, page) = {
            let state = self.state.lock();
            (state.quoting(), state.encoding(), state.names_certain(), state.page().cloned())
        };
        let catalog = page.as_ref().map_or(0, |page| page.stamp());
        let names = self.names(certain, page.as_deref(), looked);
        let conditions = Conditions { quoting, encoding, names: names.key() };
        // What it does depends on more than itself: nothing is remembered.
        if by_name {
            let (prepared, cursors) = {
                let state = self.state.lock();
                (state.names.prepared(), state.names.cursors())
            };
            let facts = self.read_under(text, &conditions, names, (&prepared, &cursors)).await;
            return Read { facts, certain, catalog };
        }
        let known = self.recent.lock().facts(text, &conditions);
        let facts = match known {
            Some(facts) => facts,
            None => {
                let none = Remembered::new();
                let facts = self.read_under(text, &conditions, names, (&none, &none)).await;
                self.recent.lock().keep(text, conditions, &facts);
                facts
            }
        };
        Read { facts, certain, catalog }
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

    fn names(&self, certain: bool, page: Option<&Page>, looked: bool) -> Names {
        // With several schemas a name moves from one to another when somebody drops or makes what it meant, at any
        // moment up to the one in which the server reads it.
        let Some(schema) = self.lane.schema.as_ref().filter(|_| certain) else { return Names::Uncertain };
        match page.and_then(Page::known) {
            Some(Seen { snapshot, trust, functions }) => {
                let path = Arc::clone(&self.lane.path);
                let trust = match trust {
                    Trust::Recent if looked => Trust::Fresh,
                    Trust::Fresh | Trust::Recent | Trust::Outdated => trust,
                };
                Names::Known(Known { path, schema: Some(Arc::clone(schema)), snapshot, trust, functions, searched: true, temporary: Arc::default(), defined: Arc::default() })
            }
            None => Names::Certain { schema: Arc::clone(schema) },
        }
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

    fn document(&self, request: &Request, policy: &PolicyInfo) -> Document {
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

    /// A prepared statement's facts as they are now: names that were certain may not be any more, and
    /// what it runs by name may be something else.
    pub(super) async fn read_again(&self, statement: &Statement, facts: &Arc<Facts>) -> Arc<Facts> {
        if !self.is_stale(statement) {
            return Arc::clone(facts);
        }
        parse::typed(self.read(statement.text.as_bytes(), statement.by_name).await.facts, &statement.declared)
    }

    /// Whether a statement must be read again before it is judged.
    pub(super) fn is_stale(&self, statement: &Statement) -> bool {
        let state = self.state.lock();
        statement.by_name
            || (statement.certain && !state.names_certain())
            || (!statement.within && statement.catalog != state.catalog())
    }

    /// The types of a statement's parameters, for reading their values. In an encoding that is not
    /// UTF-8 no value means what its bytes would say.
    pub(super) fn types_of(&self, statement: &Statement) -> Vec<u32> {
        match self.state.lock().encoding() {
            Encoding::Safe => statement.types.lock().clone(),
            Encoding::AsciiTrailBytes | Encoding::Unknown => Vec::new(),
        }
    }

    fn intent(&self, kind: IntentKind, decision: Decision) -> Intent {
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
        let entry = match self.house.journal.open(intent).await {
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

/// SQL's EXECUTE, FETCH and MOVE look prepared statements and cursors up by name.
pub(super) fn mentions_names(text: &[u8]) -> bool {
    text.iter().enumerate().any(|(at, byte)| {
        let word: &[u8] = match byte.to_ascii_lowercase() {
            b'e' => b"execute",
            b'f' => b"fetch",
            b'm' => b"move",
            _ => return false,
        };
        text.get(at..at.saturating_add(word.len())).is_some_and(|found| found.eq_ignore_ascii_case(word))
    })
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
}
