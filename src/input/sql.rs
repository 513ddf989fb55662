//! The `sql` section: what one statement would do.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;

use super::constant;
use super::document::{Document, Fields, Fixed, Moved, Section, Spelled};
use super::part::Part;
use super::session::{part, shared};
use crate::parse::{Estimate, Facts, Parameter, Protocol, Request};

/// Statements whose sections one session keeps; past it all are forgotten.
const REMEMBERED: usize = 64;

/// Weight of facts whose sections are worth keeping, and size of a document that is.
const LIGHT: usize = 16 * 1024;

/// Bytes of a text that is worth keeping beside them.
const SHORT: usize = 4 * 1024;

/// Bytes of a text that is worth sharing between documents.
const LONG: usize = 256;

/// What was made of the statements this session sent before.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<usize, Known>>);

#[derive(Debug)]
struct Known {
    /// Kept beside what was made of them, so that their address stays theirs.
    _facts: Arc<Facts>,
    members: Arc<Fixed>,
    /// The text that was sent last, if it is short.
    text: Option<Arc<Part>>,
    /// The last documents: that of a Parse is still there when its Bind comes.
    documents: Vec<Document>,
}

/// Documents that are kept of one statement.
const KINDS: usize = 2;

/// What a request says that its facts do not.
pub(super) struct Said<'a> {
    pub(super) protocol: Protocol,
    pub(super) text: &'a str,
    /// `None` when they are not known.
    pub(super) values: Option<&'a Arc<[Parameter]>>,
    pub(super) estimate: Estimate,
}

impl Memory {
    /// The last document of the same statement, with everything in it that moves as `moved` says of a text; else what
    /// `made` makes of the constant members and the text.
    pub(super) fn document(
        &self,
        request: &Request,
        said: &Said<'_>,
        unknown: &[&'static str],
        renew: impl Fn(&mut Document, Arc<Part>) -> bool,
        made: impl FnOnce(Arc<Fixed>, Arc<Part>) -> Document,
    ) -> Document {
        let facts = request.facts();
        if facts.weight() > LIGHT {
            return made(Arc::new(fixed(facts)), part(json!(said.text)));
        }
        let mut remembered = self.0.lock();
        if remembered.len() >= REMEMBERED && !remembered.contains_key(&Arc::as_ptr(facts).addr()) {
            remembered.clear();
        }
        let known = remembered.entry(Arc::as_ptr(facts).addr()).or_insert_with(|| Known {
            _facts: Arc::clone(facts),
            members: Arc::new(fixed(facts)),
            text: None,
            documents: Vec::new(),
        });
        let text = known.text(said.text);
        let same = |document: &&mut Document| {
            let protocol = document.part(&["sql", "protocol"]);
            document.is_lone()
                && document.unknown() == unknown
                && protocol.is_some_and(|part| Arc::ptr_eq(part, &constant::parts().protocol(said.protocol)))
        };
        if let Some(at) = known.documents.iter_mut().position(|mut document| same(&mut document))
            && let Some(last) = known.documents.get_mut(at)
            && renew(last, Arc::clone(&text))
        {
            let document = last.clone();
            if document.size() > LIGHT {
                known.documents.remove(at);
            }
            return document;
        }
        let document = made(Arc::clone(&known.members), text);
        if document.size() <= LIGHT {
            if known.documents.len() >= KINDS {
                known.documents.remove(0);
            }
            known.documents.push(document.clone());
        }
        document
    }
}

impl Known {
    /// The part that is this text. One that comes again and again is shared, if it is long.
    fn text(&mut self, text: &str) -> Arc<Part> {
        let last = self.text.take().filter(|last| last.value().as_str() == Some(text));
        let part = match last {
            Some(last) if last.is_shared() || text.len() < LONG => last,
            Some(_) => shared(json!(text)),
            None => part(json!(text)),
        };
        self.text = (part.size() <= SHORT).then(|| Arc::clone(&part));
        part
    }
}

/// What a request says, and what of it is not known.
pub(super) fn said(request: &Request) -> (Said<'_>, Vec<&'static str>) {
    let facts = request.facts();
    let mut unknown: Vec<&'static str> = facts.unknown.iter().copied().collect();
    if facts.unparsed.is_some() {
        unknown.extend(UNREAD);
    }
    // A statement with a PASSWORD clause shows neither its text nor its literals.
    let text = if facts.sensitive { facts.normalized.as_str() } else { request.text() };
    let values = if are_known(request) {
        Some(request.shared_parameters())
    } else {
        unknown.push("sql.parameters");
        None
    };
    let estimate = request.estimate();
    if estimate == Estimate::Unknown {
        unknown.push("sql.estimate");
    }
    (Said { protocol: request.protocol(), text, values, estimate }, unknown)
}

/// The members of the section that move, in order.
pub(super) fn moved<'a>(said: &Said<'a>, text: Arc<Part>) -> [Moved<'a>; 4] {
    let constant = constant::parts();
    let values = match said.values {
        None => Moved::Part(Arc::clone(&constant.null)),
        Some(values) if values.is_empty() => Moved::Part(Arc::clone(&constant.none)),
        Some(values) => Moved::Values(values),
    };
    let estimate = match said.estimate {
        Estimate::Nothing => Arc::clone(&constant.nothing),
        Estimate::Unknown => Arc::clone(&constant.null),
        Estimate::Of { rows, cost } => part(json!({"rows": rows, "cost": cost})),
    };
    [Moved::Text(text), Moved::Part(constant.protocol(said.protocol)), values, Moved::Part(estimate)]
}

/// The section, of those members.
pub(super) fn section(members: Arc<Fixed>, moved: [Moved<'_>; 4]) -> Section {
    let [text, protocol, parameters, estimate] = moved.map(Moved::into_part);
    let moving = vec![("text", text), ("protocol", protocol), ("parameters", parameters), ("estimate", estimate)];
    Section::Fields(Fields::new(members, moving))
}

/// What is not known about a statement that could not be read whole.
pub(super) const UNREAD: [&str; 3] = ["sql.relations", "sql.columns", "sql.functions"];

fn fixed(facts: &Facts) -> Fixed {
    let unread = facts.unparsed.is_some();
    let known = |path: &str| !unread && !facts.unknown.contains(path);
    let mut members = Spelled::default();
    members.add("normalized", &facts.normalized);
    members.add("fingerprint", &facts.fingerprint);
    members.add("effects", &facts.effects);
    members.add("describes", &facts.describes);
    members.add("statements", &facts.statements);
    // A list of which one entry is uncertain still says which names were written: relations keep
    // theirs (`?.name`). The others are null as soon as they are not whole.
    members.add("relations", &(!unread).then_some(&facts.relations));
    members.add("columns", &known("sql.columns").then_some(&facts.columns));
    members.add("functions", &known("sql.functions").then_some(&facts.functions));
    members.add("settings", &(!facts.unknown.contains("sql.settings")).then_some(&facts.settings));
    members.add("unparsed", &facts.unparsed);
    members.into_fixed()
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
