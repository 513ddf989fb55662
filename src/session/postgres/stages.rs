//! The question behind an answer: may it go back?

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::decide::{Decision, Verdict};
use crate::enforce::Refusal;
use crate::input::{self, Answered, AnsweredColumn, Document, Done};
use crate::journal::IntentKind;
use crate::model::Stage;
use crate::parse::{self, Effect, Facts, Trust};
use crate::wire::postgres::{Column, Frame, RowDescription, WireError};

use super::super::atlas::Seen;
use super::corridor::{Corridor, bound_only, denied};
use super::transaction::Commits;

/// The columns of an answer as the server described them; `None` while, or where, nobody did.
pub(super) type Columns = Arc<Mutex<Option<Vec<Described>>>>;

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    name: String,
    relation: u32,
    attribute: i16,
}

/// Columns of the statements of one Query that are remembered.
const MANY: usize = 4_096;

/// Adds the columns of an answer as they were described: of none if there are none.
pub(super) fn described(columns: &Columns, frame: &Frame) -> Result<(), WireError> {
    if frame.tag() != b'T' {
        columns.lock().get_or_insert_default();
        return Ok(());
    }
    let described = RowDescription::decode(frame.body())?;
    let read = |column: &Column<'_>| Described {
        name: String::from_utf8_lossy(column.name).into_owned(),
        relation: column.relation,
        attribute: column.attribute,
    };
    let mut known = columns.lock();
    let all = known.get_or_insert_default();
    all.extend(described.columns.iter().map(read));
    if all.len() > MANY {
        *known = None;
    }
    Ok(())
}

impl Corridor {
    /// Whether policy is asked at a stage behind the first.
    pub(super) fn asks(&self, stage: Stage) -> bool {
        self.lane.asks(stage)
            && self.house.store.snapshot().is_some_and(|policy| self.house.decider.asks(&policy, stage))
    }

    /// Whether policy is asked about what comes back of a statement.
    pub(super) fn asks_about_answer(&self, facts: &Facts) -> bool {
        self.asks(Stage::Response) && answers(&facts.effects)
    }

    /// The same decision, unless the answer could not be kept back until policy is asked about it: the client gives no
    /// data for a COPY before it has read what comes before.
    pub(super) fn keeps_back(&self, facts: &Facts, decision: Decision) -> Decision {
        let tops = facts.statements.iter().filter(|statement| !statement.nested);
        let several = tops.filter(|statement| answers(&statement.effects)).count() > 1;
        if !several || !facts.effects.contains(&Effect::CopyIn) || *decision.verdict() != Verdict::Allow {
            return decision;
        }
        let reason =
            "policy is asked about the answer, which a COPY in the same text would let pass: send it by itself";
        self.house.decider.unfulfilled(decision, vec![reason.to_owned()])
    }

    /// What an answer was, its columns with the names that the catalog knows.
    pub(super) async fn answered(
        &self,
        columns: Option<Vec<Described>>,
        counted: (u64, u64),
        error: Option<String>,
    ) -> Answered {
        let wanted = columns.iter().flatten().any(|column| column.relation != 0);
        let seen = if wanted && self.policy_reads(&["result", "columns"]) { self.catalog().await } else { None };
        let mut uncertain = false;
        let columns = columns.map(|columns| {
            let named = |column: Described| {
                let (relation, origin) = origin(seen.as_ref(), &column);
                uncertain |= column.relation != 0 && (relation.is_none() || origin.is_none());
                AnsweredColumn { name: column.name, relation, column: origin }
            };
            columns.into_iter().map(named).collect()
        });
        Answered { columns, uncertain, rows: counted.0, bytes: counted.1, error }
    }

    /// The catalog as it is now.
    async fn catalog(&self) -> Option<Seen> {
        let holds = |seen: &Seen| seen.trust != Trust::Outdated && seen.defined.is_empty();
        let page = {
            let state = self.state.lock();
            state.page().filter(|_| state.sees_what_others_see()).cloned()?
        };
        match page.known().filter(holds) {
            Some(seen) => Some(seen),
            None if page.look_again().await => page.known().filter(holds),
            None => None,
        }
    }

    /// Asks. What is refused stands in the journal, and so does what raises an alert.
    pub(super) async fn ask_about_answer(
        &self,
        request: &Document,
        answered: &Answered,
        stays: bool,
    ) -> Option<Refusal> {
        let document = input::response_document(request, answered);
        let policy = self.house.store.snapshot();
        let decision = self.house.decider.decide(policy, Stage::Response, document).await;
        let of_answer = |decision: &Decision| match decision.verdict() {
            Verdict::Deny { cause, reasons } => Some(Refusal::answer_denied(decision.id(), *cause, reasons, stays)),
            Verdict::Allow | Verdict::Unasked => None,
        };
        self.answer_with(decision, of_answer).await
    }

    /// Asks whether a statement that is allowed may commit what it commits. Gives that beside the refusal, since it says
    /// what the server is told instead.
    pub(super) async fn commit_refused(&self, facts: &Facts, decision: &Decision) -> Option<(Commits, Refusal)> {
        if matches!(decision.verdict(), Verdict::Deny { .. }) {
            return None;
        }
        let (commits, done) = self.state.lock().commits(facts)?;
        if !self.asks(Stage::Commit) {
            return None;
        }
        Box::pin(self.ask_about_commit(decision, commits, &done)).await
    }

    async fn ask_about_commit(&self, decision: &Decision, commits: Commits, done: &Done) -> Option<(Commits, Refusal)> {
        let document = input::commit_document(decision.input(), done);
        let policy = self.house.store.snapshot();
        let decision = self.house.decider.decide(policy, Stage::Commit, document).await;
        let of_commit = |decision: &Decision| match decision.verdict() {
            Verdict::Deny { cause, reasons } => Some(Refusal::denied(decision.id(), *cause, reasons, None)),
            Verdict::Allow | Verdict::Unasked => None,
        };
        self.answer_with(decision, of_commit).await.map(|refusal| (commits, refusal))
    }

    /// Writes a decision down that refuses, or raises an alert.
    pub(super) async fn answer_with(
        &self,
        decision: Decision,
        refusal: impl FnOnce(&Decision) -> Option<Refusal>,
    ) -> Option<Refusal> {
        let refusal = refusal(&decision);
        if refusal.is_none() && decision.result().is_none_or(|result| result.get("alerts").is_none()) {
            return None;
        }
        let outcome = match decision.verdict() {
            Verdict::Deny { cause, .. } => denied(*cause),
            Verdict::Allow | Verdict::Unasked => crate::journal::Outcome { event: true, ..bound_only() },
        };
        match self.house.journal.open(self.intent(IntentKind::Statement, decision)).await {
            // A denial that cannot be written down is still that denial.
            Err(error) => refusal.or_else(|| Some(Refusal::fault(&error))),
            Ok(entry) => {
                let _ = self.close(entry, outcome).await;
                refusal
            }
        }
    }
}

/// Whether more comes back than of what begins and ends transactions.
fn answers(effects: &BTreeSet<Effect>) -> bool {
    !effects.iter().all(|effect| matches!(effect, Effect::Session | Effect::Transaction))
}

/// The relation that a column comes from, and its name there.
fn origin(seen: Option<&Seen>, column: &Described) -> (Option<String>, Option<String>) {
    if column.relation == 0 {
        return (None, None);
    }
    let Some(relation) = seen.and_then(|seen| seen.snapshot.by_oid(column.relation)) else { return (None, None) };
    let name = match u16::try_from(column.attribute) {
        Ok(number) => {
            relation.columns().find(|column| column.number() == number).map(|column| column.name().to_owned())
        }
        Err(_) => system(column.attribute).map(str::to_owned),
    };
    (Some(parse::relation_id(relation.schema(), relation.name())), name)
}

/// Columns that every table has.
fn system(attribute: i16) -> Option<&'static str> {
    Some(match attribute {
        -1 => "ctid",
        -2 => "xmin",
        -3 => "cmin",
        -4 => "xmax",
        -5 => "cmax",
        -6 => "tableoid",
        _ => return None,
    })
}
