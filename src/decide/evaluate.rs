//! One job on an evaluator thread: every rule that missed, one after the other.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use regorus::utils::limits::ExecutionTimerConfig;

use super::answer::Answer;
use super::convert;
use super::error::DecideError;
use crate::bundle::{EntrySet, Policy};
use crate::input::Document;

/// Steps of the interpreter between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// Bytes that one rule may say: an answer goes into the event and, of a denial, to the client.
const LARGEST_ANSWER: usize = 64 * 1024;

/// One rule to ask: its path, and which set it is (`None` for the decision itself).
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) set: Option<EntrySet>,
}

/// Asks every rule by itself: an error of one stays its own.
pub(super) fn evaluate(
    policy: &Arc<Policy>,
    document: &Document,
    asked: &[Asked],
    until: Instant,
    limit: Duration,
) -> Vec<Result<Answer, DecideError>> {
    let input = convert::document(document);
    let mut engine = None;
    asked
        .iter()
        .map(|rule| {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DecideError::Deadline { limit });
            }
            let mut own = engine.take().unwrap_or_else(|| {
                let mut engine = policy.engine();
                engine.set_input(input.clone());
                engine
            });
            own.set_execution_timer_config(ExecutionTimerConfig { limit: left, check_interval: CHECK_INTERVAL });
            let answer = catch_unwind(AssertUnwindSafe(|| ask(&mut own, rule, until, limit)))
                .unwrap_or_else(|_| Err(DecideError::Breakdown { rule: rule.path.clone() }));
            // An engine that failed is not asked again: nobody says what state it is in.
            engine = answer.is_ok().then_some(own);
            answer
        })
        .collect()
}

fn ask(engine: &mut regorus::Engine, rule: &Asked, until: Instant, limit: Duration) -> Result<Answer, DecideError> {
    let value = engine.eval_rule(rule.path.clone()).map_err(|error| {
        if Instant::now() >= until || error.downcast_ref::<regorus::LimitError>().is_some() {
            DecideError::Deadline { limit }
        } else {
            DecideError::Evaluation { rule: rule.path.clone(), detail: first_line(&error.to_string()) }
        }
    })?;
    let answer = match rule.set {
        Some(set) => Answer::of_set(&rule.path, set, &value),
        None => Answer::of_rule(&rule.path, &value),
    }?;
    let size = answer.weight();
    if size > LARGEST_ANSWER {
        return Err(DecideError::AnswerTooLarge { rule: rule.path.clone(), size, limit: LARGEST_ANSWER });
    }
    Ok(answer)
}

/// The engine draws the source line below its message; where it is and what it says is enough.
fn first_line(text: &str) -> String {
    const MOST: usize = 400;
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains('|')).collect();
    lines.join(" ").chars().take(MOST).collect()
}
