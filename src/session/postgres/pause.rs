//! When the server can be asked something of sidegate's own. Between two exchanges it can. In the middle of one it can
//! where a transaction block is open for certain: a Sync of sidegate's own, sent once all before it is answered, commits
//! nothing there and closes no portal, and the client sees nothing of its ReadyForQuery. Outside of a block it would
//! commit what the client wants to be one, and is never sent.

use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::input::Transaction;
use crate::parse::{Effect, Facts};

use super::corridor::End;
use super::owed::{Asked, Owed, Own, Question};
use super::requests::Requests;
use super::state::{Copy, State};

/// What the Executes that have completed since the last ReadyForQuery make of the transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Since {
    /// Nothing.
    #[default]
    Same,
    /// They have begun one, and done nothing to it since.
    Begun,
    /// Nobody knows.
    Unknown,
}

/// How the server can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Askable {
    /// A transaction block is open.
    pub(super) within: bool,
    /// A Sync must go first.
    pub(super) amid: bool,
}

impl Since {
    /// An Execute completed, with this tag if it ran a command to its end.
    pub(super) fn completes(&mut self, facts: &Facts, tag: Option<&str>) {
        if !facts.aftermath.transaction {
            return;
        }
        *self = match (*self, tag) {
            (Self::Same, Some("BEGIN" | "START TRANSACTION")) if begins(facts) => Self::Begun,
            // There are none outside of a block, and they leave it open.
            (known, Some("SAVEPOINT" | "RELEASE")) if facts.unparsed.is_none() => known,
            (Self::Same | Self::Begun | Self::Unknown, _) => Self::Unknown,
        };
    }
}

/// Whether this is a BEGIN and nothing else.
fn begins(facts: &Facts) -> bool {
    let commands: Vec<_> = facts.statements.iter().map(|statement| statement.command.as_str()).collect();
    matches!(commands.as_slice(), ["BEGIN" | "START TRANSACTION"]) && facts.unparsed.is_none()
}

impl State {
    /// How the server can be asked something now; `None` where it cannot.
    pub(super) fn askable(&self) -> Option<Askable> {
        if self.may_be_asked() {
            return Some(Askable { within: self.context.transaction == Transaction::Open, amid: false });
        }
        let settled = self.ledger.is_empty() && !self.ledger.skipping() && self.copy == Copy::No;
        (settled && self.is_in_block()).then_some(Askable { within: true, amid: true })
    }

    /// Whether what the server has answered so far leaves a transaction block open.
    fn is_in_block(&self) -> bool {
        match (self.since, self.context.transaction) {
            (Since::Begun, Transaction::Idle | Transaction::Open) | (Since::Same, Transaction::Open) => true,
            (Since::Same, Transaction::Idle | Transaction::Failed)
            | (Since::Begun, Transaction::Failed)
            | (Since::Unknown, Transaction::Idle | Transaction::Open | Transaction::Failed) => false,
        }
    }

    /// Whether more can be known once all that is owed is answered: it ends an exchange, or may leave a block open.
    fn is_worth_waiting(&self) -> bool {
        let begins = |owed: &Owed| matches!(owed, Owed::Execute(running) if begins(&running.facts));
        // What ends it the client may have sent already.
        let takes_data =
            |owed: &Owed| matches!(owed, Owed::Execute(running) if running.facts.effects.contains(&Effect::CopyIn));
        let begun = self.context.transaction == Transaction::Open || self.since == Since::Begun;
        let in_block = !self.ledger.is_empty() && (begun || self.ledger.owes(begins));
        self.ledger.ends_an_exchange() || (in_block && !self.ledger.owes(takes_data))
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Waits for the answers to what was sent, where the server can perhaps be asked something behind them.
    pub(super) async fn pause(&mut self) -> Result<(), End> {
        let waits = self.corridor.state.lock().is_worth_waiting();
        if waits { self.answered(|_| true).await } else { Ok(()) }
    }

    /// A question goes next: if it comes in the middle of an exchange, behind a Sync.
    pub(super) fn interrupts(&mut self, askable: Askable) {
        if askable.amid {
            let question = Question::new(Asked::Aside, true);
            self.corridor.state.lock().ledger.owe(Owed::Own(Own::Question(question)));
            self.upstream.send_sync();
        }
        self.corridor.asking.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::stub;
    use crate::parse::{Aftermath, StatementFacts};

    fn commands(commands: &[&str]) -> Facts {
        let [select] = stub::facts().statements.try_into().unwrap();
        let statement =
            |command: &&str| StatementFacts { command: (*command).to_owned(), ..StatementFacts::clone(&select) };
        let aftermath = Aftermath { transaction: true, ..Aftermath::default() };
        Facts { statements: commands.iter().map(statement).collect(), aftermath, ..stub::facts() }
    }

    fn state(transaction: Transaction, completed: &[(&str, &str)]) -> State {
        let mut state = State::new(stub::context(), None, None);
        state.ready(transaction);
        state.ledger.owe(Owed::Close { portal: true, name: String::new() });
        state.ledger.settle();
        for (command, tag) in completed {
            let tag = (!tag.is_empty()).then_some(*tag);
            state.since.completes(&commands(&[*command]), tag);
        }
        state
    }

    #[test]
    fn in_the_middle_of_an_exchange_only_an_open_block_is_interrupted() {
        let amid = Some(Askable { within: true, amid: true });
        for (transaction, completed, askable) in [
            (Transaction::Idle, &[("BEGIN", "BEGIN")] as &[_], amid),
            (Transaction::Idle, &[("START TRANSACTION", "START TRANSACTION"), ("SAVEPOINT", "SAVEPOINT")], amid),
            (Transaction::Open, &[], amid),
            (Transaction::Open, &[("SAVEPOINT", "SAVEPOINT"), ("RELEASE SAVEPOINT", "RELEASE")], amid),
            (Transaction::Idle, &[], None),
            (Transaction::Idle, &[("SAVEPOINT", "SAVEPOINT")], None),
            (Transaction::Failed, &[], None),
            (Transaction::Idle, &[("BEGIN", "BEGIN"), ("COMMIT", "COMMIT")], None),
            (Transaction::Idle, &[("COMMIT", "COMMIT"), ("BEGIN", "BEGIN")], None),
            (Transaction::Open, &[("COMMIT", "COMMIT")], None),
            (Transaction::Open, &[("ROLLBACK", "ROLLBACK")], None),
            (Transaction::Idle, &[("BEGIN", "")], None),
            (Transaction::Idle, &[("CALL", "BEGIN")], None),
            (Transaction::Idle, &[("BEGIN", "CALL")], None),
        ] {
            assert_eq!(state(transaction, completed).askable(), askable, "{transaction:?} {completed:?}");
        }
    }

    #[test]
    fn a_begin_that_is_not_alone_or_was_not_answered_is_none() {
        assert!(begins(&commands(&["BEGIN"])) && !begins(&commands(&["BEGIN", "SELECT"])) && !begins(&commands(&[])));
        let mut state = state(Transaction::Idle, &[("BEGIN", "BEGIN")]);
        state.ledger.owe(Owed::Close { portal: true, name: String::new() });
        assert_eq!(state.askable(), None);
        state.ledger.skip_to_sync();
        assert_eq!(state.askable(), None, "the server ignores what is sent now");
    }

    #[test]
    fn between_two_exchanges_nothing_is_interrupted() {
        let mut state = State::new(stub::context(), None, None);
        assert_eq!(state.askable(), Some(Askable { within: false, amid: false }));
        state.ready(Transaction::Open);
        assert_eq!(state.askable(), Some(Askable { within: true, amid: false }));
        state.since.completes(&commands(&["COMMIT"]), Some("COMMIT"));
        state.ready(Transaction::Idle);
        assert_eq!(state.since, Since::Same, "ReadyForQuery tells");
    }
}
