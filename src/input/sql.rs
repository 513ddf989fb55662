//! The `sql` section: what one statement would do.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

use super::constant;
use super::document::{Fields, Members, Section};
use super::part::Part;
use super::session::{part, shared};
use crate::parse::{Facts, Protocol, Request};

/// Statements whose sections one session keeps; past it all are forgotten.
const REMEMBERED: usize = 64;

/// Weight of facts whose sections are worth keeping.
const LIGHT: usize = 16 * 1024;

/// Bytes of a text that is worth keeping beside them.
const SHORT: usize = 4 * 1024;

/// The constant members of the sections of statements this session sent before.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<usize, Known>>);

#[derive(Debug)]
struct Known {
    /// Kept beside what was made of them, so that their address stays theirs.
    _facts: Arc<Facts>,
    members: Arc<Members>,
    /// The text that was sent last, if it is short.
    text: Option<Arc<Part>>,
}

impl Memory {
    /// The constant members, and the text.
    fn members(&self, facts: &Arc<Facts>, text: &str) -> (Arc<Members>, Arc<Part>) {
        let address = Arc::as_ptr(facts).addr();
        let mut remembered = self.0.lock();
        if let Some(known) = remembered.get_mut(&address) {
            if let Some(last) = known.text.as_ref().filter(|last| last.value().as_str() == Some(text)) {
                return (Arc::clone(&known.members), Arc::clone(last));
            }
            let text = part(json!(text));
            known.text = (text.size() <= SHORT).then(|| Arc::clone(&text));
            return (Arc::clone(&known.members), text);
        }
        if facts.weight() > LIGHT {
            return (Arc::new(fixed(facts)), part(json!(text)));
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        let (members, text) = (Arc::new(fixed(facts)), part(json!(text)));
        let last = (text.size() <= SHORT).then(|| Arc::clone(&text));
        let known = Known { _facts: Arc::clone(facts), members: Arc::clone(&members), text: last };
        remembered.insert(address, known);
        (members, text)
    }
}

/// The section of one request, and what of it is not known.
pub(super) fn section(request: &Request, memory: &Memory) -> (Section, Vec<&'static str>) {
    let facts = request.facts();
    let mut unknown: Vec<&'static str> = facts.unknown.iter().copied().collect();
    if facts.unparsed.is_some() {
        unknown.extend(UNREAD);
    }

    // A statement with a PASSWORD clause shows neither its text nor its literals.
    let text = if facts.sensitive { facts.normalized.as_str() } else { request.text() };
    let (members, text) = memory.members(facts, text);
    let parameters = if !are_known(request) {
        unknown.push("sql.parameters");
        part(Value::Null)
    } else if request.parameters().is_empty() {
        Arc::clone(&constant::parts().none)
    } else {
        Arc::new(Part::parameters(request.shared_parameters()))
    };
    let protocol = constant::parts().protocol(request.protocol());
    let moving = vec![("text", text), ("protocol", protocol), ("parameters", parameters)];
    (Section::Fields(Fields::new(members, moving)), unknown)
}

/// What is not known about a statement that could not be read whole.
pub(super) const UNREAD: [&str; 3] = ["sql.relations", "sql.columns", "sql.functions"];

fn fixed(facts: &Facts) -> Members {
    let unread = facts.unparsed.is_some();
    // A list of which one entry is uncertain still says which names were written: relations keep
    // theirs (`?.name`). The others are null as soon as they are not whole.
    let relations = if unread { Value::Null } else { list(&facts.relations) };
    let known = |path: &str, value: Value| if unread || facts.unknown.contains(path) { Value::Null } else { value };
    let settings = if facts.unknown.contains("sql.settings") { Value::Null } else { list(&facts.settings) };
    vec![
        ("normalized", shared(json!(facts.normalized))),
        ("fingerprint", shared(json!(facts.fingerprint))),
        ("effects", shared(list(&facts.effects))),
        ("statements", shared(list(&facts.statements))),
        ("relations", shared(relations)),
        ("columns", shared(known("sql.columns", list(&facts.columns)))),
        ("functions", shared(known("sql.functions", list(&facts.functions)))),
        ("settings", shared(settings)),
        (
            "unparsed",
            shared(
                facts
                    .unparsed
                    .as_ref()
                    .map_or(Value::Null, |unparsed| json!({"keyword": unparsed.keyword, "reason": unparsed.reason})),
            ),
        ),
    ]
}

/// Whether every value is known.
fn are_known(request: &Request) -> bool {
    let facts = request.facts();
    let values = request.parameters();
    let missing = match request.protocol() {
        // Placeholders of a simple query are an error of the server's, not values.
        Protocol::Simple | Protocol::FunctionCall => false,
        Protocol::Extended => values.len() < usize::from(facts.placeholders),
    };
    let hidden = facts.sensitive && !values.is_empty();
    !missing && !hidden && values.iter().all(|value| value.decoded)
}

/// Facts are plain data: they always serialise. If one ever did not, `null` is not a list and denies.
fn list<T: Serialize + ?Sized>(facts: &T) -> Value {
    serde_json::to_value(facts).unwrap_or(Value::Null)
}
