//! Asks a policy snapshot one question at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;

use super::answer::{Answer, Masks};
use super::cache::{Cache, Key};
use super::decision::{Decision, Verdict};
use super::error::DecideError;
use super::evaluate::{Asked, evaluate};
use super::judge::{self, Judgement};
use super::memo::Memo;
use super::pool::Pool;
use super::questions::{Lookup, Question, questions, says_anything, unknown};
use super::said::Said;
use crate::bundle::{EntryRule, EntrySet, Policy};
use crate::config::{AuditRule, Sidegate};
use crate::input::{Asker, Document, Part};
use crate::model::{AuditClass, Cause, DecisionId, Stage};
use crate::telemetry::Metrics;

/// Bytes of input that policy is asked about at most.
const LARGEST_INPUT: usize = 256 * 1024;

/// Levels of input that policy is asked about at most.
const DEEPEST_INPUT: usize = 64;

/// Bytes that cached answers may take in one process.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// How much later than the deadline the asker stops waiting: the engine stops by itself first.
const GRACE: Duration = Duration::from_millis(25);

/// How long a thread may be busy beyond deadline and grace before it counts as stuck.
const STUCK_AFTER: Duration = Duration::from_millis(250);

/// How questions are asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `decision`: shown in events when no policy serves; a policy brings its own.
    pub decision: Arc<str>,
    /// `deadline`: one question; past it the answer is no.
    pub deadline: Duration,
    /// `evaluators`: threads that evaluate what is not cached.
    pub evaluators: usize,
    /// `audit.class`.
    pub audit: AuditRule,
    /// Bytes that cached answers may take.
    pub cache: usize,
    /// Counts answers that were cached and answers that were not.
    pub metrics: Metrics,
}

impl Settings {
    /// As configured.
    pub fn of(config: &Sidegate, metrics: Metrics) -> Self {
        Self {
            decision: config.decision.as_str().into(),
            deadline: config.deadline,
            evaluators: config.evaluators,
            audit: config.audit.class,
            cache: CACHE_BYTES,
            metrics,
        }
    }
}

/// The one place where policy is evaluated. Cheap to clone; clones share threads and cache. It asks
/// the snapshots of one store: their generations tell cached answers apart.
#[derive(Clone)]
pub struct Decider {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    cache: Cache,
    pool: Pool<Vec<Result<Answer, DecideError>>>,
}

/// A session's share of the cache. Dropped when the session ends.
#[derive(Debug)]
pub struct Stay {
    decider: Decider,
    asker: Asker,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.decider.inner.cache.left(&self.asker);
    }
}

/// One rule that this question asks, and what it said.
pub(super) struct Reply<'a> {
    pub(super) path: &'a str,
    pub(super) rule: Option<&'a EntryRule>,
    /// `None`: skipped, because it reads what cannot be known of an unparsed statement.
    pub(super) answer: Option<Result<Arc<Answer>, DecideError>>,
    pub(super) cached: bool,
}

impl Decider {
    /// Starts the evaluator threads.
    ///
    /// # Errors
    /// When the system has no thread or no random bytes to give.
    pub fn new(settings: Settings) -> Result<Self, DecideError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| DecideError::NoThread { detail: error.to_string() })?;
        let patience = settings.deadline.saturating_add(GRACE).saturating_add(STUCK_AFTER);
        let pool = Pool::start(settings.evaluators, patience)?;
        let cache = Cache::new(secret, settings.cache);
        Ok(Self { inner: Arc::new(Inner { settings, cache, pool }) })
    }

    /// Asks. Every odd result is a denial with its cause; this never fails and never waits for
    /// longer than the deadline and a little.
    pub async fn decide(&self, policy: Option<Arc<Policy>>, stage: Stage, document: Document) -> Decision {
        self.decide_with(None, policy, stage, document).await
    }

    /// The same for a session, which remembers what it asked last.
    pub async fn decide_within(
        &self,
        memo: &Mutex<Memo>,
        policy: Option<Arc<Policy>>,
        stage: Stage,
        document: Document,
    ) -> Decision {
        self.decide_with(Some(memo), policy, stage, document).await
    }

    async fn decide_with(
        &self,
        memo: Option<&Mutex<Memo>>,
        policy: Option<Arc<Policy>>,
        stage: Stage,
        document: Document,
    ) -> Decision {
        let started = Instant::now();
        let policy = match self.ready(policy, stage, &document, started) {
            Ok(policy) => policy,
            Err(decision) => return *decision,
        };
        let recalled = memo.and_then(|memo| memo.lock().find(policy.generation(), stage, &document));
        if let Some((judgement, rules)) = recalled {
            self.inner.settings.metrics.cache(rules, 0);
            return self.decision(Some(&policy), stage, document, judgement, started, true);
        }
        let replies = self.ask(&policy, stage, &document).await;
        self.count(&replies, started);
        let decision = self.conclude(&policy, stage, document, &replies, started);
        let sure = replies.iter().all(|reply| matches!(reply.answer, Some(Ok(_))));
        if let Some(memo) = memo.filter(|_| sure) {
            memo.lock().keep(&policy, &decision);
        }
        decision
    }

    /// Rules that were skipped, or whose answer is that they read what is not known, are neither.
    fn count(&self, replies: &[Reply<'_>], started: Instant) {
        let is_hit = |reply: &&Reply<'_>| reply.cached && matches!(reply.answer, Some(Ok(_)));
        let hits = replies.iter().filter(is_hit).count();
        let misses = replies.iter().filter(|reply| !reply.cached).count();
        let metrics = &self.inner.settings.metrics;
        metrics.cache(u64::try_from(hits).unwrap_or(u64::MAX), u64::try_from(misses).unwrap_or(u64::MAX));
        if misses > 0 {
            metrics.evaluated(started.elapsed());
        }
    }

    /// The policy to ask, unless there is nothing to ask or too much to ask about.
    pub(super) fn ready(
        &self,
        policy: Option<Arc<Policy>>,
        stage: Stage,
        document: &Document,
        started: Instant,
    ) -> Result<Arc<Policy>, Box<Decision>> {
        let error = if policy.is_none() { Some(DecideError::NoPolicy) } else { too_much(document) };
        match (policy, error) {
            (Some(policy), None) => Ok(policy),
            (policy, error) => {
                let error = error.unwrap_or(DecideError::NoPolicy);
                Err(Box::new(self.failed(policy.as_ref(), stage, document.clone(), &error, started)))
            }
        }
    }

    /// The decision that the replies make.
    pub(super) fn conclude(
        &self,
        policy: &Arc<Policy>,
        stage: Stage,
        document: Document,
        replies: &[Reply<'_>],
        started: Instant,
    ) -> Decision {
        let cached = replies.iter().all(|reply| reply.cached);
        let judgement = self.judge(replies, stage, &document);
        self.decision(Some(policy), stage, document, Arc::new(judgement), started, cached)
    }

    /// A refusal that the sidecar makes itself, in the same form as policy's.
    pub fn refuse(
        &self,
        policy: Option<&Arc<Policy>>,
        stage: Stage,
        document: Document,
        cause: Cause,
        reasons: Vec<String>,
    ) -> Decision {
        let judgement = Judgement {
            told: OnceLock::new(),
            limit: None,
            class: judge::class(self.inner.settings.audit, false, false),
            result: Some(Part::new(json!({"allow": false, "reasons": reasons}))),
            error: None,
            masks: Arc::default(),
            verdict: Verdict::Deny { cause, reasons },
        };
        self.decision(policy, stage, document, Arc::new(judgement), Instant::now(), false)
    }

    /// The same decision where what it demands cannot be carried out, for these reasons: a denial.
    pub fn unfulfilled(&self, decision: Decision, reasons: Vec<String>) -> Decision {
        let mut result = decision.result().cloned().unwrap_or_else(|| json!({}));
        if let Some(result) = result.as_object_mut() {
            result.insert("allow".to_owned(), json!(false));
            result.insert("reasons".to_owned(), json!(reasons));
        }
        let judgement = Judgement {
            told: OnceLock::new(),
            class: judge::class(self.inner.settings.audit, decision.class() == AuditClass::Strict, false),
            result: Some(Part::new(result)),
            error: decision.error().map(ToOwned::to_owned),
            limit: None,
            masks: Arc::default(),
            verdict: Verdict::Deny { cause: Cause::Obligation, reasons },
        };
        Decision { judgement: Arc::new(judgement), ..decision }
    }

    /// The decision of a question that nobody asks now. Without a policy it is a denial all the same.
    pub fn unasked(&self, policy: Option<&Arc<Policy>>, stage: Stage, document: Document) -> Decision {
        if policy.is_none() {
            return self.failed(None, stage, document, &DecideError::NoPolicy, Instant::now());
        }
        let judgement = Judgement {
            told: OnceLock::new(),
            limit: None,
            verdict: Verdict::Unasked,
            class: judge::class(self.inner.settings.audit, false, true),
            result: None,
            error: None,
            masks: Arc::default(),
        };
        self.decision(policy, stage, document, Arc::new(judgement), Instant::now(), false)
    }

    /// Whether this policy has anything to say at a stage.
    pub fn asks(&self, policy: &Policy, stage: Stage) -> bool {
        says_anything(policy, stage)
    }

    /// Gives a session its own share of the cache, for as long as what this returns is kept.
    pub fn stay(&self, asker: Asker) -> Stay {
        self.inner.cache.came(&asker);
        Stay { decider: self.clone(), asker }
    }

    /// Evaluator threads that were given up because one built-in never came back.
    pub fn stuck(&self) -> usize {
        self.inner.pool.stuck()
    }

    pub(super) async fn ask<'a>(&self, policy: &'a Arc<Policy>, stage: Stage, document: &Document) -> Vec<Reply<'a>> {
        self.ask_each(policy, questions(policy, stage), document).await
    }

    /// The masks that a statement's decision will demand, as far as the rules that say so need nothing that is not
    /// known yet.
    pub async fn foresee(&self, policy: &Arc<Policy>, document: &Document) -> Arc<Masks> {
        let is_mask = |question: &Question<'_>| question.2.is_some_and(|rule| rule.set == EntrySet::Mask);
        let questions = questions(policy, Stage::Request).into_iter().filter(is_mask).collect();
        let mut said = Said::default();
        for reply in self.ask_each(policy, questions, document).await {
            if let (Some(Ok(answer)), Some(rule)) = (&reply.answer, reply.rule) {
                said.add(rule.set, answer);
            }
        }
        Arc::new(said.masks)
    }

    async fn ask_each<'a>(
        &self,
        policy: &'a Arc<Policy>,
        questions: Vec<Question<'a>>,
        document: &Document,
    ) -> Vec<Reply<'a>> {
        self.inner.cache.follow(policy.generation());
        let mut replies = Vec::new();
        let mut missing: Vec<(usize, Asked, Option<Key>)> = Vec::new();
        for (number, path, rule, reads) in questions {
            let answer = match unknown(path, rule, reads, document) {
                Lookup::Skip => None,
                Lookup::Deny(error) => Some(Err(error)),
                Lookup::Ask => {
                    let key = self.inner.cache.key(policy.generation(), number, reads, document);
                    match key.as_ref().and_then(|key| self.inner.cache.get(key)) {
                        Some(answer) => Some(Ok(answer)),
                        None => {
                            let asked = Asked { path: path.to_owned(), set: rule.map(|rule| rule.set) };
                            missing.push((replies.len(), asked, key));
                            // Stands until the evaluator says otherwise.
                            Some(Err(DecideError::Deadline { limit: self.inner.settings.deadline }))
                        }
                    }
                }
            };
            replies.push(Reply { path, rule, answer, cached: true });
        }
        if !missing.is_empty() {
            // Boxed: what a session takes while it waits for its client is the largest thing that it may ever do.
            Box::pin(self.evaluate(policy, document, missing, &mut replies)).await;
        }
        replies
    }

    fn judge(&self, replies: &[Reply<'_>], stage: Stage, document: &Document) -> Judgement {
        let mut said = Said::default();
        for reply in replies {
            said.sole |= reply.rule.is_none();
            match (&reply.answer, reply.rule) {
                (None, _) => {}
                (Some(Err(error)), _) => {
                    if !said.failures.contains(error) {
                        said.failures.push(error.clone());
                    }
                }
                (Some(Ok(answer)), Some(rule)) => said.add(rule.set, answer),
                (Some(Ok(answer)), None) => said.add_decision(answer),
            }
        }
        judge::judge(&said, stage, document, self.inner.settings.audit)
    }

    /// All rules that missed, as one job.
    async fn evaluate(
        &self,
        policy: &Arc<Policy>,
        document: &Document,
        missing: Vec<(usize, Asked, Option<Key>)>,
        replies: &mut [Reply<'_>],
    ) {
        let limit = self.inner.settings.deadline;
        let until = Instant::now().checked_add(limit).unwrap_or_else(Instant::now);
        let asked: Vec<_> = missing.iter().map(|(_, asked, _)| asked.clone()).collect();
        let (asked_about, policy, document) = (document, Arc::clone(policy), document.clone());
        let work = Box::new(move || evaluate(&policy, &document, &asked, until, limit));
        let answers = match self.inner.pool.submit(work) {
            Err(error) => Err(error),
            Ok(receiver) => match tokio::time::timeout(limit.saturating_add(GRACE), receiver).await {
                Ok(Ok(Ok(answers))) => Ok(answers),
                Ok(Ok(Err(_)) | Err(_)) => Err(DecideError::Breakdown { rule: policy_name(&missing) }),
                Err(_) => {
                    self.inner.pool.replace_stuck();
                    Err(DecideError::Deadline { limit })
                }
            },
        };
        let mut answers = answers.map(Vec::into_iter);
        let asker = asked_about.asker();
        for (at, _, key) in missing {
            let answer = match &mut answers {
                // A list that is too short leaves the denial that stands there already.
                Ok(answers) => answers.next().unwrap_or(Err(DecideError::Deadline { limit })),
                Err(error) => Err(error.clone()),
            };
            let answer = answer.map(Arc::new);
            if let (Ok(answer), Some(key)) = (&answer, key) {
                self.inner.cache.put(key, Arc::clone(answer), &asker);
            }
            if let Some(reply) = replies.get_mut(at) {
                reply.answer = Some(answer);
                reply.cached = false;
            }
        }
    }

    fn failed(
        &self,
        policy: Option<&Arc<Policy>>,
        stage: Stage,
        document: Document,
        error: &DecideError,
        started: Instant,
    ) -> Decision {
        let judgement = Judgement {
            told: OnceLock::new(),
            limit: None,
            verdict: Verdict::Deny { cause: error.cause(), reasons: vec![error.reason()] },
            class: judge::class(self.inner.settings.audit, false, false),
            result: None,
            error: Some(error.to_string()),
            masks: Arc::default(),
        };
        self.decision(policy, stage, document, Arc::new(judgement), started, false)
    }

    pub(super) fn decision(
        &self,
        policy: Option<&Arc<Policy>>,
        stage: Stage,
        document: Document,
        judgement: Arc<Judgement>,
        started: Instant,
        cached: bool,
    ) -> Decision {
        Decision {
            id: DecisionId::random(),
            stage,
            judgement,
            input: document,
            path: policy
                .map_or_else(|| Arc::clone(&self.inner.settings.decision), |policy| Arc::clone(policy.decision())),
            revisions: policy.map_or_else(|| Arc::new(BTreeMap::new()), |policy| Arc::clone(policy.revisions())),
            generation: policy.map_or(0, |policy| policy.generation()),
            evaluation: started.elapsed(),
            cached,
        }
    }

    #[cfg(test)]
    pub(super) fn cached_answers(&self) -> usize {
        self.inner.cache.len()
    }
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decider").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

fn too_much(document: &Document) -> Option<DecideError> {
    let (size, depth) = (document.size(), document.depth());
    if size > LARGEST_INPUT {
        return Some(DecideError::InputTooLarge { size, limit: LARGEST_INPUT });
    }
    (depth > DEEPEST_INPUT).then_some(DecideError::InputTooDeep { depth, limit: DEEPEST_INPUT })
}

fn policy_name(missing: &[(usize, Asked, Option<Key>)]) -> String {
    missing.first().map(|(_, asked, _)| asked.path.clone()).unwrap_or_default()
}
