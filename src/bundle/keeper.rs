//! The thread behind a store: looks, asks the gate, compiles, swaps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::error::BundleError;
use super::files::TextFile;
use super::gate::{self, Answer, Ask, Bundle, Checked};
use super::policy::Policy;
use super::source::Source;
use super::status::Problem;
use super::store::{Settings, Shared};

/// Owns everything that changes which policy serves.
pub(super) struct Keeper {
    settings: Settings,
    shared: Arc<Shared>,
    slots: Vec<Slot>,
    generation: u64,
    /// Policies that a decision may still hold. The last holder frees the memory, and that must be this thread.
    retired: Vec<Arc<Policy>>,
    retry: Option<Retry>,
}

struct Slot {
    name: String,
    source: Source,
    active: Option<Vec<TextFile>>,
    /// A whole version that does not serve (yet).
    pending: Option<Vec<TextFile>>,
}

/// When to ask again about what could not be answered.
struct Retry {
    at: Instant,
    delay: Duration,
}

/// Why a set of bundles does not serve.
enum Refusal {
    /// Something is wrong with them.
    Problems(Vec<Problem>),
    /// They could not be checked; the machine may be to blame.
    Failure(BundleError),
}

impl Keeper {
    pub(super) fn new(settings: Settings, shared: Arc<Shared>) -> Self {
        let slot = |bundle: &crate::config::BundleSource| Slot {
            name: bundle.name.clone(),
            source: Source::new(bundle.clone()),
            active: None,
            pending: None,
        };
        let slots = settings.sources.iter().map(slot).collect();
        Self { settings, shared, slots, generation: 0, retired: Vec::new(), retry: None }
    }

    /// Looks at every bundle once, and acts on what is new.
    pub(super) fn look(&mut self) {
        let mut arrived = false;
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(index) else { continue };
            match slot.source.look() {
                None => {}
                Some(Ok(files)) if slot.active.as_ref() == Some(&files) => {
                    slot.pending = None;
                    self.status(index, |status| status.error = None);
                }
                Some(Ok(files)) => {
                    slot.pending = Some(files);
                    arrived = true;
                }
                Some(Err(text)) => {
                    slot.pending = None;
                    self.refuse(index, &text);
                }
            }
        }
        if arrived {
            self.retry = None;
        }
        if arrived || self.retry.as_ref().is_some_and(|retry| retry.at <= Instant::now()) {
            self.activate();
        }
        self.retired.retain(|policy| Arc::strong_count(policy) > 1);
    }

    /// After a panic: what was being looked at is refused until it changes.
    pub(super) fn give_up(&mut self) {
        self.retry = None;
        for index in 0..self.slots.len() {
            if self.is_pending(index) {
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.pending = None;
                }
                self.refuse(index, "compiling it failed inside sidegate, although it was checked: change it");
            }
        }
    }

    /// All that is new together first, since bundles may need each other; then each by itself.
    fn activate(&mut self) {
        let pending: Vec<usize> = (0..self.slots.len()).filter(|index| self.is_pending(*index)).collect();
        let mut failed = false;
        let Some(refusal) = self.take(&pending) else {
            self.retry = None;
            return;
        };
        if let [only] = pending.as_slice() {
            failed = refusal.is_failure();
            self.refuse(*only, &refusal.text());
        } else {
            let mut progress = true;
            while progress {
                progress = false;
                for index in &pending {
                    if self.is_pending(*index) && self.take(&[*index]).is_none() {
                        progress = true;
                    }
                }
            }
            for index in pending {
                if let Some(refusal) = self.is_pending(index).then(|| self.take(&[index])).flatten() {
                    failed |= refusal.is_failure();
                    self.refuse(index, &refusal.text());
                }
            }
        }
        let first = self.settings.retry;
        let last = first.saturating_mul(16);
        let delay = self.retry.as_ref().map_or(first, |retry| retry.delay.saturating_mul(2).min(last));
        self.retry = Instant::now().checked_add(delay).filter(|_| failed).map(|at| Retry { at, delay });
    }

    /// Tries to serve what is pending of `chosen` and what is active of all others.
    fn take(&mut self, chosen: &[usize]) -> Option<Refusal> {
        let bundles = self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let pending = slot.pending.as_ref().filter(|_| chosen.contains(&index));
            let files = pending.or(slot.active.as_ref())?.clone();
            Some(Bundle { name: slot.name.clone(), files })
        });
        let question = Ask { decision: self.settings.decision.clone(), bundles: bundles.collect() };
        let checked = match gate::ask(&self.settings.program, self.settings.limits, &question) {
            Ok(Answer::Accepted(checked)) => checked,
            Ok(Answer::Refused(problems)) => return Some(Refusal::Problems(problems)),
            Err(error) => return Some(Refusal::Failure(error)),
        };
        let whole = question.bundles.len() == self.slots.len();
        let revisions = checked.revisions.clone();
        if whole && let Err(error) = self.serve(checked) {
            return Some(Refusal::Failure(error));
        }
        for index in chosen {
            let Some(slot) = self.slots.get_mut(*index) else { continue };
            if let Some(files) = slot.pending.take() {
                slot.active = Some(files);
            }
            let revision = revisions.get(&slot.name).cloned();
            tracing::info!(bundle = %slot.name, revision = revision.as_deref().unwrap_or_default(), "bundle activated");
            self.status(*index, |status| {
                status.active_revision = revision;
                status.last_successful_activation = Some(Timestamp::now());
                status.error = None;
                status.activations = status.activations.saturating_add(1);
            });
        }
        None
    }

    /// Compiles what the gate accepted, and swaps.
    fn serve(&mut self, checked: Checked) -> Result<(), BundleError> {
        let generation = self.generation.saturating_add(1);
        let policy = Policy::compile(checked, &self.settings, generation)?;
        self.generation = generation;
        self.retired.extend(self.shared.policy.swap(Some(Arc::new(policy))));
        self.shared.generation.send_replace(generation);
        Ok(())
    }

    fn is_pending(&self, index: usize) -> bool {
        self.slots.get(index).is_some_and(|slot| slot.pending.is_some())
    }

    fn refuse(&self, index: usize, text: &str) {
        self.status(index, |status| {
            tracing::error!(bundle = %status.name, serving = status.active_revision.as_deref(), "bundle refused: {text}");
            status.error = Some(text.to_owned());
            status.refusals = status.refusals.saturating_add(1);
        });
    }

    fn status(&self, index: usize, change: impl FnOnce(&mut super::status::BundleStatus)) {
        if let Some(status) = self.shared.status.lock().get_mut(index) {
            change(status);
        }
    }
}

impl Refusal {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Failure(_))
    }

    fn text(&self) -> String {
        match self {
            Self::Problems(problems) => {
                problems.iter().map(|problem| problem.text.as_str()).collect::<Vec<_>>().join("; ")
            }
            Self::Failure(error) => error.to_string(),
        }
    }
}
