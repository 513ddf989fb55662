//! The answers to what sidegate asks between two statements. The client sees nothing of them.

use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::forward::{NamesAnswer, Told};
use crate::wire::postgres::{ErrorFields, Frame, ParameterStatus, ReadyForQuery};

use super::alone;
use super::answers::{Answers, broken};
use super::corridor::End;
use super::ledger::{Ledger, Line};
use super::owed::{Asked, Owed, Own, Question};
use super::state::State;
use super::transaction;

/// Bytes of an answer to sidegate's own question.
const LONGEST: usize = 1 << 20;

impl Question {
    /// A part of its rows.
    pub(super) fn row(&mut self, bytes: &[u8]) {
        let longest = match self.asked {
            Asked::Catalog(_) | Asked::Definitions(_) => alone::LONGEST,
            Asked::Names | Asked::Estimate(_) | Asked::Aside | Asked::Return => LONGEST,
        };
        self.overflown |= self.rows.len().saturating_add(bytes.len()) > longest;
        if !self.overflown {
            self.rows.extend_from_slice(bytes);
        }
    }

    /// Whether a setting that is reported is sidegate's own, for as long as it asks. What the client set before is
    /// reported before.
    fn sets(&self, frame: &Frame) -> bool {
        let asks = matches!(self.asked, Asked::Catalog(_) | Asked::Definitions(_) | Asked::Return);
        asks && ParameterStatus::decode(frame.body()).is_ok_and(|report| report.name == "search_path")
    }

    /// Gives what came of it to whoever asked.
    fn end(self, state: &mut State) {
        let failed = self.failed.as_deref();
        let whole = failed.is_none() && !self.overflown;
        match self.asked {
            Asked::Names => {
                state.told(if whole { NamesAnswer::read(&self.rows) } else { None });
            }
            Asked::Estimate(told) => {
                let failed = failed.map(|sqlstate| ((self.parsed, self.ran), sqlstate));
                *told.lock() = if self.overflown { Told::Nothing } else { Told::read(&self.rows, failed) };
            }
            Asked::Catalog(told) if whole => told.lock().whole = Some((self.rows, self.ends)),
            Asked::Definitions(told) if whole => told.lock().definitions = Some(self.rows),
            Asked::Catalog(_) | Asked::Definitions(_) | Asked::Aside | Asked::Return => {}
        }
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// Takes a message for the answer to sidegate's own question; `false` if it is none.
    pub(super) fn question(&mut self, frame: &Frame) -> Result<bool, End> {
        let mut state = self.corridor.state.lock();
        let Some(question) = asked(&mut state.ledger) else { return Ok(false) };
        match frame.tag() {
            b'1' => question.parsed = question.parsed.saturating_add(1),
            b'C' => {
                question.ran = question.ran.saturating_add(1);
                question.ends.push(question.rows.len());
            }
            b'S' if question.sets(frame) => {}
            // A notice nobody but sidegate has caused: where the session has all of them sent, they have its words.
            b'2' | b'3' | b'N' => {}
            b'E' => {
                let error = ErrorFields::decode(frame.body()).map_err(|error| broken(&error))?;
                if error.is_fatal() {
                    return Ok(false);
                }
                question.failed = Some(error.sqlstate().unwrap_or("XX000").to_owned());
            }
            b'Z' => {
                let ready = ReadyForQuery::decode(frame.body()).map_err(|error| broken(&error))?;
                let status = transaction::told(ready.status);
                let Some(Line { owed: Owed::Own(Own::Question(question)), .. }) = state.ledger.settle() else {
                    return Ok(false);
                };
                if question.last {
                    state.ready(status);
                }
                question.end(&mut state);
                self.corridor.asking.store(asked(&mut state.ledger).is_some(), Ordering::Relaxed);
                drop(state);
                self.corridor.rang();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn asked(ledger: &mut Ledger) -> Option<&mut Question> {
    match ledger.front() {
        Some(Line { owed: Owed::Own(Own::Question(question)), .. }) => Some(question),
        Some(_) | None => None,
    }
}
