//! The product of this room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::answer::{Masks, RowLimit};
use super::judge::Judgement;
use crate::input::{Document, Part};
use crate::model::{AuditClass, Cause, DecisionId, Stage};

/// What policy said to one question. Owns the input it was computed from.
#[derive(Clone, Debug)]
pub struct Decision {
    pub(super) id: DecisionId,
    pub(super) stage: Stage,
    pub(super) judgement: Arc<Judgement>,
    pub(super) input: Document,
    pub(super) path: Arc<str>,
    pub(super) revisions: Arc<BTreeMap<String, String>>,
    pub(super) generation: u64,
    pub(super) evaluation: Duration,
    pub(super) cached: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It may happen.
    Allow,
    /// Nobody was asked: the listener does not ask at this stage, or the answer needs values that only a
    /// later message brings.
    Unasked,
    /// It may not.
    Deny {
        /// Which kind of denial.
        cause: Cause,
        /// The operator's reasons, for the client.
        reasons: Vec<String>,
    },
}

impl Decision {
    /// Its id, as in the error's DETAIL, the journal and the event.
    pub fn id(&self) -> DecisionId {
        self.id
    }

    /// Which question it answers.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The answer.
    pub fn verdict(&self) -> &Verdict {
        &self.judgement.verdict
    }

    /// How durable its journal entry must be.
    pub fn class(&self) -> AuditClass {
        self.judgement.class
    }

    /// The most that may come back of what it lets through; `None` where no limit binds.
    pub fn limit(&self) -> Option<RowLimit> {
        self.judgement.limit
    }

    /// The decision object of the contract, for the event; `None` when undefined or failed.
    pub fn result(&self) -> Option<&Value> {
        self.judgement.result.as_ref().map(Part::value)
    }

    /// The same as it is written down.
    pub fn result_part(&self) -> Option<&Part> {
        self.judgement.result.as_ref()
    }

    /// What went wrong in evaluation, for operators.
    pub fn error(&self) -> Option<&str> {
        self.judgement.error.as_deref()
    }

    /// What must be masked where it is read.
    pub fn masks(&self) -> &Arc<Masks> {
        &self.judgement.masks
    }

    /// What is to be said of its judgement, made by whoever asks first: every decision of the same judgement has the
    /// same stage, answer, path, revisions and generation.
    ///
    /// # Errors
    /// What `make` says.
    pub fn told<E>(&self, make: impl FnOnce() -> Result<Arc<str>, E>) -> Result<&Arc<str>, E> {
        match self.judgement.told.get() {
            Some(told) => Ok(told),
            None => {
                let told = make()?;
                Ok(self.judgement.told.get_or_init(|| told))
            }
        }
    }

    /// What it was computed from.
    pub fn input(&self) -> &Document {
        &self.input
    }

    /// The configured decision path, without a leading slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Revision of every active bundle, by name.
    pub fn revisions(&self) -> &BTreeMap<String, String> {
        &self.revisions
    }

    /// Which policy snapshot gave it; grows with every swap.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Time spent in evaluation.
    pub fn evaluation(&self) -> Duration {
        self.evaluation
    }

    /// Whether every rule's answer came from the cache.
    pub fn cached(&self) -> bool {
        self.cached
    }
}

#[cfg(test)]
impl Decision {
    /// A decision for the tests of later rooms.
    pub(crate) fn sample(verdict: Verdict, class: AuditClass, input: Document) -> Self {
        Self {
            id: DecisionId::random(),
            stage: Stage::Request,
            judgement: Arc::new(Judgement {
                verdict,
                class,
                limit: None,
                result: Some(Part::new(serde_json::json!({"allow": true, "reasons": ["readers may read"]}))),
                error: None,
                masks: Arc::default(),
                told: std::sync::OnceLock::new(),
            }),
            input,
            path: Arc::from("sidegate/decision"),
            revisions: Arc::new(BTreeMap::from([("main".to_owned(), "r41".to_owned())])),
            generation: 1,
            evaluation: Duration::from_micros(42),
            cached: false,
        }
    }
}
