//! OPA decision log events, version 1, built from an INTENT and its OUTCOME: when the outcome is known, and
//! again at any time from the journal. `docs/events.md` says what each key is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::payload::{self, IntentPayload, OutcomePayload};
use crate::model::{Labels, acts};

/// One event. Texts of the client in it are untrusted: every rendering escapes what could act on a terminal.
#[derive(Clone, Debug)]
pub struct Event {
    labels: Arc<Labels>,
    intent: Stored,
    ended_wall: u64,
    /// `None` when another process ended it.
    ended_mono: Option<u64>,
    outcome: OutcomePayload,
}

/// An INTENT record as it was read or written.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    sequence: u64,
    wall: u64,
    mono: u64,
    payload: Arc<[u8]>,
}

impl Stored {
    pub(super) fn new(sequence: u64, wall: u64, mono: u64, payload: Vec<u8>) -> Self {
        Self { sequence, wall, mono, payload: payload.into() }
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// The keys in OPA's console order, which is sorted; `error` is a text there and an object in an upload.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    bundles: BTreeMap<&'a str, Bundle<'a>>,
    custom: Custom<'a>,
    decision_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    input: &'a RawValue,
    labels: &'a Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    metrics: Metrics,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<&'static str>,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    timestamp: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

#[derive(Serialize)]
struct Bundle<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    revision: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Error<'a> {
    Text(&'a str),
    Object { message: &'a str },
}

#[derive(Serialize)]
struct Custom<'a> {
    sidegate: Sidegate<'a>,
}

/// Every key is always there, `null` where there is nothing to say.
#[derive(Serialize)]
struct Sidegate<'a> {
    approval: Option<&'a RawValue>,
    bytes: u64,
    cause: Option<&'a str>,
    journal: Place<'a>,
    listener: &'a str,
    masked: Option<u64>,
    outcome: &'static str,
    reason: Option<&'a str>,
    rows: u64,
    session: &'a str,
    sqlstate: Option<&'a str>,
    stage: &'static str,
    upstream_ns: u64,
}

#[derive(Serialize)]
struct Place<'a> {
    chain: Option<&'a str>,
    class: &'a str,
    sequence: u64,
}

#[derive(Serialize)]
struct Metrics {
    counter_server_query_cache_hit: u8,
    timer_rego_query_eval_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer_server_handler_ns: Option<u64>,
}

impl Event {
    pub(super) fn new(
        labels: Arc<Labels>,
        intent: Stored,
        ended_wall: u64,
        ended_mono: Option<u64>,
        outcome: OutcomePayload,
    ) -> Self {
        Self { labels, intent, ended_wall, ended_mono, outcome }
    }

    /// The event as OPA uploads it: one line of JSON. `None` if its INTENT is of a format this program does not know.
    pub fn to_json(&self) -> Option<String> {
        self.render(false)
    }

    /// The line of OPA's console log.
    pub fn to_console(&self) -> Option<String> {
        self.render(true)
    }

    /// One line for people: when, how it ended, who, where, why, what.
    pub fn to_text(&self) -> Option<String> {
        let intent: IntentPayload<'_> = payload::parse(&self.intent.payload)?;
        let input: serde_json::Value = serde_json::from_str(intent.input.get()).ok()?;
        let text = |path: &str| input.pointer(path).and_then(|value| value.as_str());
        let mut line = format!(
            "{} {:9} {} {} {}",
            rfc3339(self.intent.wall),
            self.outcome.outcome.label(),
            intent.listener,
            intent.stage.label(),
            text("/caller/subject").unwrap_or("-"),
        );
        // Writing to a `String` does not fail.
        if let Some(cause) = &self.outcome.cause {
            let _ = write!(line, " cause={cause}");
        }
        if let Some(reason) = &self.outcome.reason {
            let _ = write!(line, " reason={reason}");
        }
        if let Some(sqlstate) = &self.outcome.sqlstate {
            let _ = write!(line, " sqlstate={sqlstate}");
        }
        let _ = write!(line, " rows={} decision={}", self.outcome.rows, intent.decision_id);
        if let Some(sql) = text("/sql/text") {
            let _ = write!(line, " | {sql}");
        }
        Some(visible(&line, false))
    }

    fn render(&self, console: bool) -> Option<String> {
        let intent: IntentPayload<'_> = payload::parse(&self.intent.payload)?;
        let outcome = &self.outcome;
        let message = |message| if console { Error::Text(message) } else { Error::Object { message } };
        let line = Line {
            bundles: intent.bundles.iter().map(|(name, revision)| (name.as_str(), Bundle { revision })).collect(),
            custom: Custom {
                sidegate: Sidegate {
                    approval: None,
                    bytes: outcome.bytes,
                    cause: outcome.cause.as_deref(),
                    journal: Place { chain: None, class: &intent.class, sequence: self.intent.sequence },
                    listener: &intent.listener,
                    masked: outcome.masked,
                    outcome: outcome.outcome.label(),
                    reason: outcome.reason.as_deref(),
                    rows: outcome.rows,
                    session: &intent.session,
                    sqlstate: outcome.sqlstate.as_deref(),
                    stage: intent.stage.label(),
                    upstream_ns: outcome.upstream_ns,
                },
            },
            decision_id: &intent.decision_id,
            error: intent.error.as_deref().map(message),
            input: intent.input,
            labels: &self.labels,
            level: console.then_some("info"),
            metrics: Metrics {
                counter_server_query_cache_hit: u8::from(intent.cached),
                timer_rego_query_eval_ns: intent.evaluation_ns,
                timer_server_handler_ns: self.ended_mono.map(|end| end.saturating_sub(self.intent.mono)),
            },
            msg: console.then_some("Decision Log"),
            path: &intent.path,
            requested_by: requested_by(intent.input),
            result: intent.result,
            time: console.then(|| rfc3339(self.ended_wall / 1_000_000_000 * 1_000_000_000)),
            timestamp: rfc3339(self.intent.wall),
            kind: console.then_some("openpolicyagent.org/decision_logs"),
        };
        // Such characters stand only inside JSON strings, where an escape means the same.
        serde_json::to_string(&line).ok().map(|line| visible(&line, true))
    }
}

/// The client's address, where policy sees it too.
fn requested_by(input: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Input {
        session: Option<Session>,
    }
    #[derive(serde::Deserialize)]
    struct Session {
        client: Option<Client>,
    }
    #[derive(serde::Deserialize)]
    struct Client {
        address: Option<String>,
    }
    serde_json::from_str::<Input>(input.get()).ok()?.session?.client?.address
}

/// RFC 3339 in UTC, as many digits as there are.
fn rfc3339(nanoseconds: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).map_or_else(|_| String::new(), |time| time.to_string())
}

/// Escapes what a terminal or a reader's eye would obey instead of show: control characters (C1 too),
/// bidirectional and invisible marks. `json` keeps to JSON's escapes; otherwise a backslash is doubled, so that
/// what looks like an escape is one.
fn visible(text: &str, json: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\\' && !json {
            out.push_str("\\\\");
        } else if acts(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escaped_json_means_the_same_and_shows_nothing_that_acts(text: String) {
            let plain = serde_json::to_string(&text).unwrap();
            let escaped = visible(&plain, true);
            prop_assert!(!escaped.chars().any(acts));
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        }

        #[test]
        fn escaped_text_can_be_told_from_any_other(text: String) {
            let escaped = visible(&text, false);
            prop_assert!(!escaped.chars().any(acts));
            let read: String = serde_json::from_str(&format!("\"{}\"", escaped.replace('"', "\\\""))).unwrap();
            prop_assert_eq!(read, text);
        }
    }

    #[test]
    fn escape_sequences_and_bidirectional_marks_are_shown_not_obeyed() {
        assert_eq!(visible("a\u{1b}[2J\u{9b}1m\u{202e}\n\\", false), r"a\u001b[2J\u009b1m\u202e\u000a\\");
        assert_eq!(visible("\u{e0041}", true), r"\udb40\udc41");
    }

    #[test]
    fn times_are_written_as_go_writes_them() {
        assert_eq!(rfc3339(1_795_252_868_037_230_803), "2026-11-21T09:21:08.037230803Z");
        assert_eq!(rfc3339(1_795_252_868_500_000_000), "2026-11-21T09:21:08.5Z");
        assert_eq!(rfc3339(1_795_252_868_000_000_000), "2026-11-21T09:21:08Z");
    }
}
