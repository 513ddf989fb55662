//! Parts that are the same in every document.

use std::sync::{Arc, LazyLock};

use serde_json::json;

use super::part::Part;
use super::session::{Transaction, shared};
use crate::model::Stage;
use crate::parse::Protocol;

/// The parts.
pub(super) struct Constant {
    pub(super) version: Arc<Part>,
    pub(super) postgres: Arc<Part>,
    /// An empty list.
    pub(super) none: Arc<Part>,
    pub(super) null: Arc<Part>,
    /// An empty object.
    pub(super) nothing: Arc<Part>,
    stages: [(Stage, Arc<Part>); 4],
    protocols: [(Protocol, Arc<Part>); 3],
    transactions: [(Transaction, Arc<Part>); 3],
}

pub(super) fn parts() -> &'static Constant {
    static PARTS: LazyLock<Constant> = LazyLock::new(|| Constant {
        version: shared(json!(1)),
        postgres: shared(json!("postgres")),
        none: shared(json!([])),
        null: shared(json!(null)),
        nothing: shared(json!({})),
        stages: [Stage::Session, Stage::Request, Stage::Response, Stage::Commit]
            .map(|stage| (stage, shared(json!(stage)))),
        protocols: [
            (Protocol::Simple, shared(json!("simple"))),
            (Protocol::Extended, shared(json!("extended"))),
            (Protocol::FunctionCall, shared(json!("function_call"))),
        ],
        transactions: [Transaction::Idle, Transaction::Open, Transaction::Failed]
            .map(|transaction| (transaction, shared(json!(transaction)))),
    });
    &PARTS
}

impl Constant {
    pub(super) fn stage(&self, stage: Stage) -> Arc<Part> {
        find(&self.stages, &stage).unwrap_or_else(|| shared(json!(stage)))
    }

    pub(super) fn protocol(&self, protocol: Protocol) -> Arc<Part> {
        // All are there; another would be unknown.
        find(&self.protocols, &protocol).unwrap_or_else(|| shared(json!(null)))
    }

    pub(super) fn transaction(&self, transaction: Transaction) -> Arc<Part> {
        find(&self.transactions, &transaction).unwrap_or_else(|| shared(json!(transaction)))
    }
}

fn find<K: PartialEq>(parts: &[(K, Arc<Part>)], wanted: &K) -> Option<Arc<Part>> {
    parts.iter().find(|(name, _)| name == wanted).map(|(_, part)| Arc::clone(part))
}
