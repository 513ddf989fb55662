//! The `sql` section: what one statement would do.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

use super::document::{Fields, Section};
use super::part::Part;
use super::session::part;
use crate::parse::{Facts, Protocol, Request};

/// Statements whose sections one session keeps; past it all are forgotten.
const REMEMBERED: usize = 64;

type Members = Vec<(&'static str, Arc<Part>)>;

/// The constant members of the sections of statements this session sent before.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<usize, (Arc<Facts>, Members)>>);

impl Memory {
    fn members(&self, facts: &Arc<Facts>) -> Members {
        // The facts are kept beside their members, so that their address stays theirs.
        let address = Arc::as_ptr(facts).addr();
        let mut remembered = self.0.lock();
        if let Some((_, members)) = remembered.get(&address) {
            return members.clone();
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        let members = constant(facts);
        remembered.insert(address, (Arc::clone(facts), members.clone()));
        members
    }
}

/// The section of one request, and what of it is not known.
pub(super) fn section(request: &Request, memory: &Memory) -> (Section, Vec<&'static str>) {
    let facts = request.facts();
    let mut members = memory.members(facts);
    let mut unknown: Vec<&'static str> = facts.unknown.iter().copied().collect();
    if facts.unparsed.is_some() {
        unknown.extend(UNREAD);
    }

    // A statement with a PASSWORD clause shows neither its text nor its literals.
    let text = if facts.sensitive { facts.normalized.as_str() } else { request.text() };
    let parameters = parameters(request);
    if parameters.is_null() {
        unknown.push("sql.parameters");
    }
    members.push(("text", part(json!(text))));
    members.push(("protocol", part(json!(protocol(request.protocol())))));
    members.push(("parameters", part(parameters)));
    (Section::Fields(Fields::new(members)), unknown)
}

/// What is not known about a statement that could not be read whole.
pub(super) const UNREAD: [&str; 3] = ["sql.relations", "sql.columns", "sql.functions"];

fn constant(facts: &Facts) -> Members {
    let unread = facts.unparsed.is_some();
    // A list of which one entry is uncertain still says which names were written: relations keep
    // theirs (`?.name`). The others are null as soon as they are not whole.
    let relations = if unread { Value::Null } else { list(&facts.relations) };
    let known = |path: &str, value: Value| if unread || facts.unknown.contains(path) { Value::Null } else { value };
    vec![
        ("normalized", part(json!(facts.normalized))),
        ("fingerprint", part(json!(facts.fingerprint))),
        ("effects", part(list(&facts.effects))),
        ("statements", part(list(&facts.statements))),
        ("relations", part(relations)),
        ("columns", part(known("sql.columns", list(&facts.columns)))),
        ("functions", part(known("sql.functions", list(&facts.functions)))),
        ("settings", part(list(&facts.settings))),
        (
            "unparsed",
            part(
                facts
                    .unparsed
                    .as_ref()
                    .map_or(Value::Null, |unparsed| json!({"keyword": unparsed.keyword, "reason": unparsed.reason})),
            ),
        ),
    ]
}

/// The values, or `null` when one of them is not known.
fn parameters(request: &Request) -> Value {
    let facts = request.facts();
    let values = request.parameters();
    let missing = match request.protocol() {
        // Placeholders of a simple query are an error of the server's, not values.
        Protocol::Simple | Protocol::FunctionCall => false,
        Protocol::Extended => values.len() < usize::from(facts.placeholders),
    };
    let hidden = facts.sensitive && !values.is_empty();
    if missing || hidden || values.iter().any(|value| !value.decoded) { Value::Null } else { list(values) }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Simple => "simple",
        Protocol::Extended => "extended",
        Protocol::FunctionCall => "function_call",
    }
}

/// Facts are plain data: they always serialise. If one ever did not, `null` is not a list and denies.
fn list<T: Serialize + ?Sized>(facts: &T) -> Value {
    serde_json::to_value(facts).unwrap_or(Value::Null)
}
