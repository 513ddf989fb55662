//! What the corridor knows about one session, and the sections made from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

use super::alike::Alike;
use super::asker::Asker;
use super::clock;
use super::constant;
use super::document::{Fields, Fixed, Moved, Section};
use super::part::Part;
use super::sql::Memory;
use crate::model::{Caller, SessionId, Target, Workload};

/// What is known once a session opens and never changes in it.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The session.
    pub id: SessionId,
    /// Who is calling.
    pub caller: Caller,
    /// The workload this process stands beside.
    pub workload: Workload,
    /// What the caller wants to reach.
    pub target: Target,
    /// When the connection was accepted.
    pub started_at: Timestamp,
    /// The client's address, `host:port` or `unix`, without IPv4-mapped forms.
    pub address: String,
    /// The user name it claims; never an identity.
    pub user: String,
    /// `application_name` of its start-up message; empty when it gave none.
    pub application_name: String,
    /// Its other start-up parameters.
    pub parameters: BTreeMap<String, String>,
}

/// Where a session stands in PostgreSQL's transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transaction {
    /// None is open.
    Idle,
    /// One is open.
    Open,
    /// One is open and aborted.
    Failed,
}

/// A search path, and the part made from it.
type LastPath = (Option<Vec<String>>, Arc<Part>);

/// One session as the policy input shows it: constant sections built once, and what moves.
#[derive(Debug)]
pub struct SessionContext {
    /// The transaction status of the last ReadyForQuery.
    pub transaction: Transaction,
    /// A statement that may have changed it is unanswered: `session.transaction` is unknown.
    pub transaction_uncertain: bool,
    /// The schemas that unqualified names are looked up in; `None` when that is not certain.
    pub search_path: Option<Vec<String>>,
    /// Statements judged so far.
    pub statements: u64,
    /// Rows sent to the client so far.
    pub rows: u64,
    /// Bytes of answers sent to the client so far.
    pub bytes: u64,
    pub(super) caller: Arc<Part>,
    pub(super) workload: Arc<Part>,
    pub(super) target: Arc<Part>,
    pub(super) memory: Memory,
    /// The members of its section that never change.
    fixed: Arc<Fixed>,
    /// The part made from the search path that it had last.
    path: Mutex<Option<LastPath>>,
}

impl SessionContext {
    /// Builds the constant sections. `search_path` is the pinned one, or `None`.
    pub fn new(opening: &Opening, search_path: Option<Vec<String>>) -> Self {
        Self::among(&Alike::default(), opening, search_path)
    }

    /// The same, of the parts that sessions like it have.
    pub fn among(others: &Alike, opening: &Opening, search_path: Option<Vec<String>>) -> Self {
        let path = others.paths.part(json!(search_path));
        Self {
            transaction: Transaction::Idle,
            transaction_uncertain: false,
            search_path: search_path.clone(),
            statements: 0,
            rows: 0,
            bytes: 0,
            caller: others.callers.part(caller(&opening.caller)),
            workload: others.workloads.part(workload(&opening.workload)),
            target: others.targets.part(target(&opening.target)),
            memory: Memory::default(),
            fixed: Arc::new(Fixed::new(vec![
                ("id", shared(json!(opening.id.to_string()))),
                ("started_at", shared(json!(clock::seconds(opening.started_at)))),
                (
                    "client",
                    shared(json!({
                        "address": opening.address,
                        "application_name": opening.application_name,
                        "user": opening.user,
                        "parameters": opening.parameters,
                    })),
                ),
            ])),
            path: Mutex::new(Some((search_path, path))),
        }
    }

    /// Whose questions about this session are.
    pub fn asker(&self) -> Asker {
        Asker::new(Some(self.caller.value()), self.fixed.members().first().map(|(_, id)| id.value()))
    }

    /// What of the `session` section is not known.
    pub(super) fn unknown(&self) -> Vec<&'static str> {
        let mut unknown = Vec::new();
        if self.transaction_uncertain {
            unknown.push("session.transaction");
        }
        if self.search_path.is_none() {
            unknown.push("session.search_path");
        }
        unknown
    }

    /// The members of the section that move, in order.
    pub(super) fn moved(&self) -> [Moved<'static>; 5] {
        let constant = constant::parts();
        let transaction = if self.transaction_uncertain {
            Arc::clone(&constant.null)
        } else {
            constant.transaction(self.transaction)
        };
        [
            Moved::Part(transaction),
            Moved::Part(self.path()),
            Moved::Number(self.statements),
            Moved::Number(self.rows),
            Moved::Number(self.bytes),
        ]
    }

    /// The section, of those members.
    pub(super) fn section(&self) -> Section {
        let [transaction, path, statements, rows, bytes] = self.moved().map(Moved::into_part);
        let moving = vec![
            ("transaction", transaction),
            ("search_path", path),
            ("statements", statements),
            ("rows", rows),
            ("bytes", bytes),
        ];
        Section::Fields(Fields::new(Arc::clone(&self.fixed), moving))
    }

    fn path(&self) -> Arc<Part> {
        let mut last = self.path.lock();
        match last.as_ref() {
            Some((path, part)) if *path == self.search_path => Arc::clone(part),
            _ => {
                let made = shared(json!(self.search_path));
                *last = Some((self.search_path.clone(), Arc::clone(&made)));
                made
            }
        }
    }
}

/// A part of many documents.
pub(super) fn shared(value: Value) -> Arc<Part> {
    Arc::new(Part::shared(value))
}

pub(super) fn part(value: Value) -> Arc<Part> {
    Arc::new(Part::new(value))
}

// The sections are spelled out, not serialised from the model: a field that somebody adds to a
// model type must not appear in the public input by itself.

fn caller(caller: &Caller) -> Value {
    json!({
        "subject": caller.subject,
        "issuer": caller.issuer,
        "method": caller.method,
        "verified": caller.verified,
        "groups": caller.groups,
        "claims": caller.claims,
        "expires_at": caller.expires_at,
        "actor": caller.actor.as_ref().map(|actor| json!({"subject": actor.subject})),
    })
}

fn workload(workload: &Workload) -> Value {
    json!({
        "name": workload.name,
        "namespace": workload.namespace,
        "service_account": workload.service_account,
        "labels": workload.labels,
    })
}

fn target(target: &Target) -> Value {
    json!({
        "listener": target.listener,
        "address": target.address,
        "database": target.database,
        "user": target.user,
        "labels": target.labels,
    })
}
