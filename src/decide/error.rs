use std::time::Duration;

use thiserror::Error;

use crate::model::Cause;

/// Why a question, or one rule of it, has no usable answer. Every one of them denies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecideError {
    /// No bundle serves yet.
    #[error("no policy bundle serves; `/health?bundles` says why")]
    NoPolicy,
    /// The rule failed.
    #[error("`{rule}` failed: {detail}")]
    Evaluation {
        /// What was asked, such as `data.policies.shop.deny`.
        rule: String,
        /// The engine's own words.
        detail: String,
    },
    /// The rule's value, or a member of it, is not what the contract says.
    #[error("the value of `{rule}` is not usable: {detail}")]
    Type {
        /// What was asked.
        rule: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The decision has no value for this input.
    #[error("`{rule}` is undefined for this input; give it a `default`")]
    Undefined {
        /// What was asked.
        rule: String,
    },
    /// The rule reads what the sidecar does not know.
    #[error("`{rule}` reads `input.{path}`, which is not known for this question")]
    Unknown {
        /// What was asked.
        rule: String,
        /// Dotted path below `input`.
        path: String,
    },
    /// Evaluation took too long.
    #[error("evaluation took longer than `deadline` ({limit:?})")]
    Deadline {
        /// The configured deadline.
        limit: Duration,
    },
    /// Too many questions were waiting.
    #[error("all evaluators are busy and {waiting} questions wait; raise `evaluators` or make the policy cheaper")]
    Overload {
        /// How many wait.
        waiting: usize,
    },
    /// The evaluator broke down; a defect of the engine's.
    #[error("the evaluator broke down in `{rule}`")]
    Breakdown {
        /// What was asked.
        rule: String,
    },
    /// The input is more than policy is asked about.
    #[error("the policy input has {size} bytes, more than the {limit} that policy is asked about")]
    InputTooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The input is nested more deeply than policy is asked about.
    #[error("the policy input is nested {depth} levels deep, more than the {limit} that policy is asked about")]
    InputTooDeep {
        /// Its depth.
        depth: usize,
        /// The limit.
        limit: usize,
    },
    /// The rule said more than a decision may hold.
    #[error("the value of `{rule}` has {size} bytes, more than the {limit} that a rule may say")]
    AnswerTooLarge {
        /// What was asked.
        rule: String,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The evaluator threads could not be started.
    #[error("cannot start an evaluator thread: {detail}")]
    NoThread {
        /// The system's own words.
        detail: String,
    },
}

impl DecideError {
    /// The cause that its denial has.
    pub fn cause(&self) -> Cause {
        match self {
            Self::NoPolicy => Cause::NoBundle,
            Self::Evaluation { .. } | Self::Breakdown { .. } => Cause::Error,
            Self::Type { .. } => Cause::Type,
            Self::Undefined { .. } => Cause::Undefined,
            Self::Unknown { .. } => Cause::Unknown,
            Self::Deadline { .. } => Cause::Deadline,
            Self::Overload { .. } | Self::NoThread { .. } => Cause::Overload,
            Self::InputTooLarge { .. } | Self::InputTooDeep { .. } | Self::AnswerTooLarge { .. } => Cause::Limit,
        }
    }

    /// The reason that a client may see: names the package, never values or the engine's words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::NoPolicy => "no policy serves yet".to_owned(),
            Self::Evaluation { rule, .. } | Self::Breakdown { rule } => {
                format!("a rule of `{}` failed", package(rule))
            }
            Self::Type { rule, .. } => format!("a rule of `{}` has a value of the wrong type", package(rule)),
            Self::AnswerTooLarge { rule, .. } => format!("a rule of `{}` says too much", package(rule)),
            Self::Undefined { rule } => format!("`{}` is undefined", package(rule)),
            Self::Unknown { rule, path } => format!("`{}` reads `{path}`, which is not known", package(rule)),
            Self::Deadline { .. } => "policy took too long".to_owned(),
            Self::Overload { .. } | Self::NoThread { .. } => "too many questions are waiting for policy".to_owned(),
            Self::InputTooLarge { .. } | Self::InputTooDeep { .. } => {
                "the statement is too large to be judged".to_owned()
            }
        }
    }
}

/// `data.policies.shop.deny` → `policies.shop`; any other rule keeps its whole path.
fn package(rule: &str) -> &str {
    let path = rule.strip_prefix("data.").unwrap_or(rule);
    match path.rsplit_once('.') {
        Some((package, _)) if path.starts_with("policies.") => package,
        _ => path,
    }
}
