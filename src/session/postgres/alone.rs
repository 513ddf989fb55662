//! What a session alone sees: what it has defined in a transaction that is still open. No other connection can tell, so
//! the server is asked on the session itself, between two statements, when one needs to know. What it says lies in the
//! place of the shared catalog until the session defines more, takes something back, runs what nobody has read, or its
//! transaction ends; and until somebody has looked at the shared one again, for others may have defined something, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::catalog::{Before, Relation, Snapshot};
use crate::forward::Described;
use crate::input::Transaction;
use crate::parse::{Definitions, Effect, Encoding, Facts, Quoting, Trust};

use super::super::atlas::Seen;
use super::budget::Charge;
use super::corridor::{Corridor, End};
use super::judge::Read;
use super::owed::{Asked, Owed, Own, Question};
use super::requests::Requests;
use super::state::State;

/// Bytes of an answer that is taken, and of a shared catalog beside which anybody is asked: it is read whole each time.
pub(super) const LONGEST: usize = 4 << 20;

/// How often the same text is asked about.
const ATTEMPTS: usize = 3;

/// What the server said.
#[derive(Debug)]
pub(super) struct Alone {
    /// When the look at the shared catalog began beside which it was asked.
    began: Instant,
    /// The catalog, and what it takes of the session's budget; `None` where the server did not tell, and is not asked
    /// the same again.
    seen: Option<(Arc<Snapshot>, Charge)>,
}

impl State {
    /// The catalog as the session alone sees it, where the last text was read by that.
    pub(super) fn alone(&self) -> Option<&Arc<Snapshot>> {
        self.alone.as_ref()?.seen.as_ref().map(|(snapshot, _)| snapshot)
    }

    /// The catalog by which the last text was read.
    pub(super) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.alone().cloned().or_else(|| Some(self.page()?.known()?.snapshot))
    }

    /// A text is about to be read. What the server said counts while nobody has looked at the shared catalog again, and
    /// the transaction is certainly open.
    pub(super) fn relies_alone(&mut self, seen: Option<&Seen>) {
        let current = |alone: &Alone| seen.is_some_and(|seen| seen.began == alone.began);
        let holds = self.alone.as_ref().is_none_or(|alone| current(alone) && self.is_within());
        if !holds {
            self.sees_no_more();
        }
    }

    /// Which view of names the session has once it is certain what counts.
    pub(super) fn settled_view(&mut self) -> u64 {
        if self.alone.is_some() {
            let seen = self.page().and_then(|page| page.known());
            self.relies_alone(seen.as_ref());
        }
        self.view()
    }

    /// Whether it would not count if a text were read now.
    pub(super) fn is_alone_no_more(&self) -> bool {
        let looked = || self.page().and_then(|page| page.looked_at());
        self.alone.as_ref().is_some_and(|alone| Some(alone.began) != looked() || !self.is_within())
    }

    /// A statement is about to be sent after which the catalog may be another.
    pub(super) fn moves_alone(&mut self, facts: &Facts) {
        let moves = |effect: &Effect| {
            matches!(effect, Effect::Ddl | Effect::Dcl | Effect::Procedure | Effect::Settings | Effect::Unknown)
        };
        let aftermath = &facts.aftermath;
        // What a deferred trigger runs was asked about when it was put off, and runs now.
        let runs = facts.statements.iter().any(|statement| statement.command == "SET CONSTRAINTS");
        if runs || aftermath.undoes || !aftermath.defines.is_empty() || facts.effects.iter().any(moves) {
            self.sees_no_more();
        }
    }

    /// What was read must not rest on it, if it does.
    pub(super) fn doubts_alone(&mut self) -> bool {
        let relied = self.alone().is_some();
        if relied {
            self.sees_no_more();
        }
        relied
    }

    fn sees_no_more(&mut self) {
        if self.alone.take().is_some() {
            self.turn();
        }
    }

    /// Whether a transaction is open for certain.
    fn is_within(&self) -> bool {
        self.context.transaction == Transaction::Open && !self.context.transaction_uncertain
    }

    /// Whether it is worth asking beside this catalog, and the answer would mean what it says.
    fn may_ask_alone(&self, seen: &Seen) -> bool {
        let plain = self.quoting() == Quoting::Standard && self.encoding() == Encoding::Safe;
        let in_vain = |alone: &Alone| alone.seen.is_none() && alone.began == seen.began;
        let small = seen.snapshot.bytes() <= LONGEST && seen.trust != Trust::Outdated;
        plain && small && !self.own.is_empty() && !self.alone.as_deref().is_some_and(in_vain)
    }

    /// The server has answered, or has not.
    fn sees_alone(&mut self, told: Option<Snapshot>, shared: &Seen) {
        let before = Arc::clone(&shared.snapshot);
        // To another role another part of it is open.
        let told = told.filter(|told| told.server() == before.server());
        let told = told.map(|told| {
            let altered = altered(&self.own, &told, &before);
            told.behind(Before { snapshot: before, altered })
        });
        let known = self.alone.take().and_then(|alone| alone.seen);
        let same = known.filter(|(known, _)| told.as_ref().is_some_and(|told| is_same(known, told)));
        // What says the same stays the same: what was prepared by it means the same.
        let seen = same.or_else(|| {
            self.turn();
            let told = told?;
            // The shared one is kept with it.
            let bytes = told.bytes().saturating_add(shared.snapshot.bytes());
            Some((Arc::new(told), self.names.budget.take(bytes)?))
        });
        self.alone = Some(Box::new(Alone { began: shared.began, seen }));
    }
}

/// Whether a text does more than one thing, and may end or take back what it stands in before all of it is done.
pub(super) fn outlasts_its_transaction(facts: &Facts) -> bool {
    let aftermath = &facts.aftermath;
    let several = facts.statements.iter().filter(|statement| !statement.nested).count() > 1;
    (aftermath.undoes || aftermath.transaction) && (several || facts.unparsed.is_some())
}

fn is_same(known: &Snapshot, told: &Snapshot) -> bool {
    let definitions = known.has_definitions() || !told.has_definitions();
    let before = match (known.before(), told.before()) {
        (Some(one), Some(other)) => one.snapshot == other.snapshot && one.altered == other.altered,
        (_, _) => false,
    };
    definitions && before && known.says_the_same_as(told)
}

/// Relations that definitions touch, by the names that they have or had, and all that share columns with them.
fn altered(own: &Definitions, told: &Snapshot, before: &Snapshot) -> BTreeSet<u32> {
    let touched = |relation: &Relation<'_>| own.touch_relation(&[relation.schema()], relation.name());
    let all = told.relations().chain(before.relations()).filter(|relation| !relation.is_own());
    let named: BTreeSet<u32> = all.filter(touched).map(|relation| relation.oid()).collect();
    let family = |oid: &u32| {
        let relations = [told.by_oid(*oid), before.by_oid(*oid)].into_iter().flatten();
        relations.flat_map(|relation| relation.family().into_keys()).collect::<Vec<_>>()
    };
    named.iter().flat_map(family).collect()
}

impl Corridor {
    /// Whether a text says something of which only the session itself can tell what it means, and rules want to know.
    pub(super) fn is_puzzled_by_its_own(&self, facts: &Facts) -> bool {
        let unknown = facts.unknown.contains("sql.relations") || facts.unknown.contains("sql.functions");
        let settled = !(facts.outdated || unknown);
        if settled || facts.unparsed.is_some() || outlasts_its_transaction(facts) {
            return false;
        }
        let puzzled = {
            let state = self.state.lock();
            !state.sees_what_others_see() && (facts.outdated || state.alone().is_none())
        };
        puzzled && self.policy_reads_names()
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Reads a text again by what the server says on this session; as it was read where that does not tell more.
    pub(super) async fn read_with_its_own(&mut self, mut read: Read, text: &[u8], by_name: bool) -> Result<Read, End> {
        // Somebody may have looked at the shared catalog meanwhile.
        for _ in 0..ATTEMPTS {
            if !self.corridor.is_puzzled_by_its_own(&read.facts) || !self.ask_alone().await? {
                break;
            }
            read = self.corridor.read_now(text, by_name, true).await;
        }
        Ok(read)
    }

    /// Asks what the catalog is to this session alone. Whether that is known now.
    async fn ask_alone(&mut self) -> Result<bool, End> {
        self.pause().await?;
        let (askable, shared) = {
            let state = self.corridor.state.lock();
            let shared = state.page().and_then(|page| page.known()).filter(|seen| state.may_ask_alone(seen));
            let (Some(askable), Some(shared)) = (state.askable().filter(|askable| askable.within), shared) else {
                return Ok(false);
            };
            (askable, shared)
        };
        self.interrupts(askable);
        if !self.upstream.send_inquiry() {
            return Ok(false);
        }
        let told = Arc::new(Mutex::new(Described::default()));
        {
            let mut state = self.corridor.state.lock();
            for (asked, last) in [
                (Asked::Aside, false),
                (Asked::Catalog(Arc::clone(&told)), false),
                (Asked::Definitions(Arc::clone(&told)), false),
                (Asked::Return, true),
            ] {
                state.ledger.owe(Owed::Own(Own::Question(Question::new(asked, last))));
            }
        }
        let began = Instant::now();
        self.answered(|owed| matches!(owed, Owed::Own(Own::Question(_)))).await?;
        let told = std::mem::take(&mut *told.lock());
        let received = told.bytes();
        let told = told.read();
        let (bytes, took) = (told.as_ref().map(Snapshot::bytes), began.elapsed());
        tracing::debug!(session = %self.corridor.session, received, bytes, ?took, "asked a session for its catalog");
        let mut state = self.corridor.state.lock();
        state.sees_alone(told, &shared);
        Ok(state.alone().is_some())
    }
}

#[cfg(test)]
mod tests;
