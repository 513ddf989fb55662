//! What the records say, as JSON. An INTENT holds all that an event needs but its outcome, so that the same
//! event can be built from the two at any time later.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::record::{Draft, Kind};
use super::{Intent, IntentKind, JournalError, Outcome};
use crate::decide::{Decision, Verdict};
use crate::input::{Part, Spelling as _};
use crate::model::{AuditClass, Cause, ID_LENGTH, Labels, OutcomeKind, Stage};

/// Room kept for the OUTCOME of every open entry. No outcome is larger: its only text of free length is the
/// SQLSTATE, which has five characters.
pub(super) const OUTCOME_ROOM: u64 = 512;

/// GENESIS: who writes the segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Genesis {
    pub(super) format: u32,
    pub(super) program: String,
    /// The kernel's boot id: another one means that the machine went down in between.
    pub(super) boot: String,
    pub(super) labels: Labels,
    /// Every record below this sequence was on the disk when the segment began.
    pub(super) synced: u64,
}

/// GAP: sequence numbers whose records may be missing; `to` is `None` when nobody knows the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GapPayload {
    pub(super) from: u64,
    pub(super) to: Option<u64>,
    pub(super) reason: Cow<'static, str>,
}

/// OUTCOME: how the INTENT with that sequence ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutcomePayload {
    pub(super) intent: u64,
    pub(super) outcome: OutcomeKind,
    pub(super) cause: Option<Cow<'static, str>>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) upstream_ns: u64,
    pub(super) masked: Option<u64>,
    pub(super) sqlstate: Option<String>,
    pub(super) event: bool,
    /// Why the journal itself closed the entry; `None` when its owner did.
    pub(super) reason: Option<Cow<'static, str>>,
}

/// INTENT as it is read back.
#[derive(Debug, Deserialize)]
pub(super) struct IntentPayload<'a> {
    pub(super) kind: IntentKind,
    pub(super) session: String,
    pub(super) listener: String,
    pub(super) stage: Stage,
    pub(super) decision_id: String,
    pub(super) class: String,
    pub(super) allowed: bool,
    pub(super) cause: Option<String>,
    pub(super) path: String,
    pub(super) bundles: BTreeMap<String, String>,
    pub(super) evaluation_ns: u64,
    pub(super) cached: bool,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    pub(super) error: Option<String>,
    #[serde(borrow)]
    pub(super) input: &'a RawValue,
}

/// What every decision of one judgement says.
#[derive(Serialize)]
struct Judged<'a> {
    stage: Stage,
    class: AuditClass,
    allowed: bool,
    cause: Option<Cause>,
    reasons: &'a [String],
    path: &'a str,
    bundles: &'a BTreeMap<String, String>,
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl Genesis {
    pub(super) fn draft(&self) -> Result<Draft, JournalError> {
        Ok(Draft::new(Kind::Genesis, self)?)
    }
}

impl GapPayload {
    pub(super) fn draft(&self) -> Result<Draft, JournalError> {
        Ok(Draft::new(Kind::Gap, self)?)
    }
}

impl OutcomePayload {
    /// What its owner says.
    pub(super) fn told(intent: u64, outcome: &Outcome) -> Self {
        Self {
            intent,
            outcome: outcome.kind,
            cause: outcome.cause.map(|cause| Cow::Borrowed(cause.label())),
            rows: outcome.rows,
            bytes: outcome.bytes,
            upstream_ns: nanoseconds(outcome.upstream),
            masked: outcome.masked,
            sqlstate: outcome.sqlstate.as_deref().map(sqlstate),
            event: outcome.event,
            reason: None,
        }
    }

    /// What the journal says when the owner cannot.
    pub(super) fn untold(intent: u64, outcome: OutcomeKind, reason: &'static str, event: bool) -> Self {
        Self {
            intent,
            outcome,
            cause: None,
            rows: 0,
            bytes: 0,
            upstream_ns: 0,
            masked: None,
            sqlstate: None,
            event,
            reason: Some(Cow::Borrowed(reason)),
        }
    }

    /// Spelled member by member: a serialiser looks at every character of every name.
    pub(super) fn draft(&self) -> Result<Draft, JournalError> {
        let mut draft = Draft::empty(Kind::Outcome);
        draft.member("{\"intent\":", &self.intent)?;
        draft.word(",\"outcome\":", self.outcome.label())?;
        draft.member(",\"cause\":", &self.cause)?;
        draft.member(",\"rows\":", &self.rows)?;
        draft.member(",\"bytes\":", &self.bytes)?;
        draft.member(",\"upstream_ns\":", &self.upstream_ns)?;
        draft.member(",\"masked\":", &self.masked)?;
        draft.member(",\"sqlstate\":", &self.sqlstate)?;
        draft.member(",\"event\":", &self.event)?;
        draft.member(",\"reason\":", &self.reason)?;
        draft.own("}")?;
        Ok(draft)
    }
}

/// Serialises an intent: an object whose members come from three places.
pub(super) fn intent(intent: &Intent) -> Result<Draft, JournalError> {
    let decision = &intent.decision;
    let mut draft = Draft::empty(Kind::Intent);
    let mut id = [0; ID_LENGTH];
    draft.word("{\"kind\":", intent.kind.label())?;
    draft.word(",\"session\":", intent.session.spell(&mut id))?;
    draft.member(",\"listener\":", &intent.listener)?;
    draft.word(",\"decision_id\":", decision.id().spell(&mut id))?;
    draft.member(",\"evaluation_ns\":", &nanoseconds(decision.evaluation()))?;
    draft.member(",\"cached\":", &decision.cached())?;
    draft.own(",")?;
    draft.shared(decision.told(|| judged(decision).map(Arc::from))?)?;
    draft.own(",\"input\":")?;
    decision.input().spell(&mut draft)?;
    draft.own("}")?;
    Ok(draft)
}

/// The members of an object, without its braces.
fn judged(decision: &Decision) -> Result<String, serde_json::Error> {
    let (allowed, cause, reasons) = match decision.verdict() {
        Verdict::Allow | Verdict::Unasked => (true, None, [].as_slice()),
        Verdict::Deny { cause, reasons } => (false, Some(*cause), reasons.as_slice()),
    };
    let object = serde_json::to_string(&Judged {
        stage: decision.stage(),
        class: decision.class(),
        allowed,
        cause,
        reasons,
        path: decision.path(),
        bundles: decision.revisions(),
        generation: decision.generation(),
        result: decision.result_part(),
        error: decision.error(),
    })?;
    Ok(object.trim_start_matches('{').strip_suffix('}').unwrap_or_default().to_owned())
}

/// Reads a payload of this journal; `None` when a program with another format wrote it.
pub(super) fn parse<'a, P: Deserialize<'a>>(payload: &'a [u8]) -> Option<P> {
    serde_json::from_slice(payload).ok()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A hostile server chooses this text: five ASCII letters or digits, or it is not one.
fn sqlstate(text: &str) -> String {
    let valid = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { text.to_owned() } else { "?????".to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{DecisionId, SessionId};

    #[test]
    fn words_are_spelled_as_a_serialiser_spells_them() {
        for kind in [IntentKind::Session, IntentKind::Prepare, IntentKind::Statement] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.label());
        }
        let (session, decision, mut place) = (SessionId::random(), DecisionId::random(), [0; ID_LENGTH]);
        assert_eq!(serde_json::to_value(session).unwrap(), session.spell(&mut place));
        assert_eq!(serde_json::to_value(decision).unwrap(), decision.spell(&mut place));
    }

    proptest! {
        #[test]
        fn an_outcome_is_read_back_as_it_was_spelled(
            numbers: [u64; 4],
            kind in prop::sample::select(vec![OutcomeKind::Forwarded, OutcomeKind::Denied, OutcomeKind::Unknown]),
            texts: [Option<String>; 3],
            event: bool,
        ) {
            let [cause, sqlstate, reason] = texts;
            let [intent, rows, bytes, upstream_ns] = numbers;
            let (cause, reason) = (cause.map(Cow::Owned), reason.map(Cow::Owned));
            let masked = event.then_some(rows);
            let outcome =
                OutcomePayload { intent, outcome: kind, cause, rows, bytes, upstream_ns, masked, sqlstate, event, reason };
            let spelled = outcome.draft().unwrap().payload();
            prop_assert_eq!(parse::<OutcomePayload>(&spelled), Some(outcome.clone()));
            prop_assert_eq!(spelled, serde_json::to_vec(&outcome).unwrap());
        }
    }
}
