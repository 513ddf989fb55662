//! What the server expects of a statement, where a rule wants to know: asked on the same session, between two
//! statements, right before the statement is judged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::forward::{Told, WhatIf};
use crate::input::Transaction;
use crate::model::Stage;
use crate::parse::{Encoding, Estimate, Planning, Request};

use super::corridor::{Corridor, End};
use super::owed::{Asked, Owed, Own, Question};
use super::requests::Requests;
use super::state::{Stamp, State};

/// What the server said lately of a session's texts. Where it cannot be asked again, in the middle of an exchange, that
/// holds for a while.
#[derive(Debug, Default)]
pub(super) struct Expected(VecDeque<Known>);

#[derive(Debug)]
struct Known {
    text: Box<str>,
    types: Box<[u32]>,
    stamp: Stamp,
    estimate: Estimate,
    at: Instant,
}

/// For so long.
const WHILE: Duration = Duration::from_secs(60);

/// Texts that are remembered, and bytes of each at most.
const REMEMBERED: usize = 32;
const LONGEST: usize = 16 << 10;

impl Expected {
    fn keep(&mut self, text: &str, types: &[u32], stamp: Stamp, estimate: Estimate) {
        self.0.retain(|known| !known.is_of(text, types, stamp));
        // What the server refuses now it may take with the next settings.
        if estimate == Estimate::Nothing {
            return;
        }
        if text.len().saturating_add(types.len().saturating_mul(4)) <= LONGEST {
            self.0.truncate(REMEMBERED.saturating_sub(1));
            let at = Instant::now();
            self.0.push_front(Known { text: text.into(), types: types.into(), stamp, estimate, at });
        }
    }

    fn recall(&self, text: &str, types: &[u32], stamp: Stamp) -> Option<Estimate> {
        let known = self.0.iter().find(|known| known.is_of(text, types, stamp))?;
        (known.at.elapsed() < WHILE).then_some(known.estimate)
    }
}

impl Known {
    fn is_of(&self, text: &str, types: &[u32], stamp: Stamp) -> bool {
        *self.text == *text && *self.types == *types && self.stamp == stamp
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// The request with what the server expects of it, if a rule reads that. `types`: those of its parameters that the
    /// client declares.
    pub(super) async fn expected(&mut self, request: Request, types: &[u32]) -> Result<Request, End> {
        if !self.corridor.policy_reads_estimate() {
            return Ok(request);
        }
        // Until it is known.
        let request = request.expected(Estimate::Unknown);
        let estimate = match request.facts().planning() {
            Planning::Nothing => Estimate::Nothing,
            Planning::Hidden => Estimate::Unknown,
            planning @ (Planning::Harmless | Planning::Doubtful) => {
                // Boxed: it would make every session larger.
                match self.said_of(&request, types) {
                    Some(estimate) => estimate,
                    None => Box::pin(self.estimate(&request, types, planning == Planning::Harmless)).await?,
                }
            }
        };
        Ok(request.expected(estimate))
    }

    /// What was said of the same text before, in the middle of an exchange: there nobody is asked twice.
    fn said_of(&self, request: &Request, types: &[u32]) -> Option<Estimate> {
        let stamp = {
            let state = self.corridor.state.lock();
            state.ledger.is_open().then(|| state.stamp())?
        };
        self.corridor.expected.lock().recall(request.text(), types, stamp)
    }

    /// Asks, and remembers what was said; unknown where nobody can be asked now.
    async fn estimate(&mut self, request: &Request, types: &[u32], plans: bool) -> Result<Estimate, End> {
        let Some(estimate) = self.asked(request, types, plans).await? else { return Ok(Estimate::Unknown) };
        let stamp = self.corridor.state.lock().stamp();
        self.corridor.expected.lock().keep(request.text(), types, stamp, estimate);
        Ok(estimate)
    }

    /// Asks; `None` where nobody can be asked now. `plans`: more than whether the server can read it.
    async fn asked(&mut self, request: &Request, types: &[u32], plans: bool) -> Result<Option<Estimate>, End> {
        self.pause().await?;
        if self.corridor.state.lock().refuses_all() {
            return Ok(Some(Estimate::Nothing));
        }
        let Some(text) = self.corridor.foreseen_words(request).await else { return Ok(None) };
        let told = Arc::new(Mutex::new(Told::Nothing));
        {
            let (askable, read_as_sent) = {
                let state = self.corridor.state.lock();
                (state.askable(), text.is_ascii() || state.encoding() == Encoding::Safe)
            };
            let Some(askable) = askable.filter(|_| read_as_sent) else { return Ok(None) };
            self.interrupts(askable);
            let within = askable.within;
            let parameters = request.facts().placeholders;
            let question = WhatIf { text: &text, types, parameters, plans, within };
            if !self.upstream.send_what_if(&question) {
                return Ok(None);
            }
            let mut state = self.corridor.state.lock();
            for (asked, last) in [
                within.then_some((Asked::Aside, false)),
                Some((Asked::Estimate(Arc::clone(&told)), false)),
                Some((Asked::Aside, true)),
            ]
            .into_iter()
            .flatten()
            {
                state.ledger.owe(Owed::Own(Own::Question(Question::new(asked, last))));
            }
        }
        self.answered(|owed| matches!(owed, Owed::Own(Own::Question(_)))).await?;
        let told = *told.lock();
        Ok(Some(match told {
            Told::Refuses => Estimate::Nothing,
            Told::Nothing => Estimate::Unknown,
            // It should have failed where it was only read.
            Told::Expects { .. } if !plans => Estimate::Unknown,
            Told::Expects { rows, cost } => Estimate::Of { rows, cost },
        }))
    }
}

impl Corridor {
    /// Whether policy is asked about statements and reads what the server expects of them.
    fn policy_reads_estimate(&self) -> bool {
        self.house.store.snapshot().is_some_and(|policy| policy.reads_estimate()) && self.lane.asks(Stage::Request)
    }
}

impl State {
    /// Whether the server refuses every statement but those that end its transaction, or ignores what it is sent.
    fn refuses_all(&self) -> bool {
        if self.ledger.skipping() {
            return true;
        }
        let failed = self.context.transaction == Transaction::Failed && !self.context.transaction_uncertain;
        failed && self.ledger.is_empty() && !self.ledger.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_a_while_for_the_same_text_and_not_longer() {
        let mut expected = Expected::default();
        let (stamp, estimate) = (Stamp::NEVER, Estimate::Of { rows: 1, cost: 2.5 });
        expected.keep("select $1", &[23], stamp, estimate);
        assert_eq!(expected.recall("select $1", &[23], stamp), Some(estimate));
        assert_eq!(expected.recall("select $1", &[25], stamp), None);
        assert_eq!(expected.recall("select $2", &[23], stamp), None);
        expected.keep("select $1", &[23], stamp, Estimate::Unknown);
        assert_eq!(expected.recall("select $1", &[23], stamp), Some(Estimate::Unknown), "the last word counts");
        expected.keep("select $1", &[23], stamp, estimate);
        expected.keep("refused", &[], stamp, estimate);
        expected.keep("refused", &[], stamp, Estimate::Nothing);
        assert_eq!(expected.recall("refused", &[], stamp), None, "the server may take it yet");
        for other in 1..REMEMBERED {
            expected.keep(&other.to_string(), &[], stamp, estimate);
        }
        assert_eq!(expected.recall("select $1", &[23], stamp), Some(estimate));
        expected.0.iter_mut().for_each(|known| known.at = known.at.checked_sub(WHILE).unwrap());
        assert_eq!(expected.recall("select $1", &[23], stamp), None);
        expected.keep("one more", &[], stamp, estimate);
        assert_eq!(expected.0.len(), REMEMBERED);
        expected.keep(&"x".repeat(LONGEST + 1), &[], stamp, estimate);
        assert_eq!(expected.0.len(), REMEMBERED);
    }
}
