//! The policy input. Takes a caller, a request and what is known of the session, gives the
//! [`Document`] that policy reads (`rego/schema/input.json`, `docs/input.md`). Pure; refuses
//! nothing: what is not known is `null` and named in `unknown`.

mod alike;
mod asker;
mod clock;
mod constant;
mod document;
mod later;
mod part;
mod session;
mod spelling;
mod sql;
#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

pub use alike::Alike;
pub use asker::Asker;
pub use document::{Document, Fields, Fixed, Members, Placed, Section};
pub use later::{Answered, AnsweredColumn, Done, Touched, commit_document, response_document};
pub use part::Part;
pub use session::{Opening, SessionContext, Transaction};
pub use spelling::Spelling;

use crate::model::Stage;
use crate::parse::Request;
use document::Moved;
use session::{part, shared};

/// What the `policy` section says about the snapshot that will be asked. Built once per snapshot.
#[derive(Clone, Debug)]
pub struct PolicyInfo {
    bundles: Arc<Part>,
    activated_at: Option<Timestamp>,
}

impl PolicyInfo {
    /// From the revision of every active bundle and the time they were activated.
    pub fn new(revisions: &BTreeMap<String, String>, activated_at: Timestamp) -> Self {
        let bundles: BTreeMap<_, _> =
            revisions.iter().map(|(name, revision)| (name, json!({"revision": revision}))).collect();
        Self { bundles: shared(json!(bundles)), activated_at: Some(activated_at) }
    }

    /// No bundle serves.
    pub fn none() -> Self {
        Self { bundles: shared(json!({})), activated_at: None }
    }

    /// The members of the section, in order.
    fn moved(&self, now: Timestamp) -> [Moved<'static>; 2] {
        let age = self.activated_at.map_or(0, |at| now.as_second().saturating_sub(at.as_second()).max(0));
        [Moved::Part(Arc::clone(&self.bundles)), Moved::Number(u64::try_from(age).unwrap_or(0))]
    }

    fn section(&self, now: Timestamp) -> Section {
        let [bundles, age] = self.moved(now).map(Moved::into_part);
        Section::Fields(Fields::new(Arc::default(), vec![("bundles", bundles), ("age_seconds", age)]))
    }
}

/// The input of the question "may this session open?".
pub fn session_document(context: &SessionContext, now: Timestamp, policy: &PolicyInfo) -> Document {
    let mut unknown = context.unknown();
    unknown.sort_unstable();
    assemble(Stage::Session, context, None, unknown, now, policy)
}

/// The input of the question "may this statement run?".
pub fn request_document(context: &SessionContext, request: &Request, now: Timestamp, policy: &PolicyInfo) -> Document {
    let (said, mut unknown) = sql::said(request);
    unknown.extend(context.unknown());
    unknown.sort_unstable();
    unknown.dedup();
    let renew = |document: &mut Document, text: Arc<Part>| {
        let (session, sql, policy) = (context.moved(), sql::moved(&said, text), policy.moved(now));
        document.renew(&clock::section(now), [("session", &session), ("sql", &sql), ("policy", &policy)])
    };
    let made = |members: Arc<Fixed>, text: Arc<Part>| {
        let sql = sql::section(members, sql::moved(&said, text));
        assemble(Stage::Request, context, Some(sql), unknown.clone(), now, policy)
    };
    context.memory.document(request, &said, &unknown, renew, made)
}

fn assemble(
    stage: Stage,
    context: &SessionContext,
    sql: Option<Section>,
    unknown: Vec<&'static str>,
    now: Timestamp,
    policy: &PolicyInfo,
) -> Document {
    let constant = constant::parts();
    let named = if unknown.is_empty() { Arc::clone(&constant.none) } else { part(json!(unknown)) };
    let mut sections = Vec::with_capacity(12);
    sections.extend([
        ("version", Section::Whole(Arc::clone(&constant.version))),
        ("stage", Section::Whole(constant.stage(stage))),
        ("protocol", Section::Whole(Arc::clone(&constant.postgres))),
        ("unknown", Section::Whole(named)),
        ("caller", Section::Whole(Arc::clone(&context.caller))),
        ("workload", Section::Whole(Arc::clone(&context.workload))),
        ("target", Section::Whole(Arc::clone(&context.target))),
        ("session", context.section()),
        ("time", clock::section(now)),
    ]);
    sections.extend(sql.map(|sql| ("sql", sql)));
    sections.push(("approvals", Section::Whole(Arc::clone(&constant.none))));
    sections.push(("policy", policy.section(now)));
    Document::new(sections, unknown)
}
