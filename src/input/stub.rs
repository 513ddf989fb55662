//! A session and a statement for tests, here and in later rooms.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Document, Opening, PolicyInfo, SessionContext, part, request_document, session_document};
use crate::input::Section;
use crate::model::{Caller, Labels, Method, SessionId, Target, Workload};
use crate::parse::{
    Access, Aftermath, CalledBy, ColumnFacts, Effect, Facts, FunctionFacts, LimitKind, Parameter, Protocol,
    RelationFacts, Request, SettingFacts, StatementFacts, Unparsed, UnparsedKind, Use, Volatility,
};

pub(crate) fn opening() -> Opening {
    Opening {
        id: SessionId::random(),
        caller: Caller {
            subject: "spiffe://example.com/ns/shop/sa/orders".to_owned(),
            issuer: None,
            method: Method::Workload,
            verified: true,
            groups: vec!["analysts".to_owned()],
            claims: Map::new(),
            expires_at: None,
            actor: None,
        },
        workload: Workload { name: "orders".to_owned(), ..Workload::default() },
        target: Target {
            listener: "orders-db".to_owned(),
            address: "db.internal:5432".to_owned(),
            database: "orders".to_owned(),
            user: "orders_app".to_owned(),
            labels: Labels::from([("data".to_owned(), "pii".to_owned())]),
        },
        started_at: now(),
        address: "127.0.0.1:50112".to_owned(),
        user: "alice".to_owned(),
        application_name: "psql".to_owned(),
        parameters: BTreeMap::from([("client_encoding".to_owned(), "UTF8".to_owned())]),
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-21T09:05:00.75Z".parse().unwrap()
}

pub(crate) fn context() -> SessionContext {
    SessionContext::new(&opening(), Some(vec!["public".to_owned()]))
}

pub(crate) fn policy() -> PolicyInfo {
    let activated = "2026-11-21T09:04:48Z".parse().unwrap();
    PolicyInfo::new(&BTreeMap::from([("main".to_owned(), "r41".to_owned())]), activated)
}

/// `select email from customers where id = $1`, read whole.
pub(crate) fn facts() -> Facts {
    let effects = BTreeSet::from([Effect::Read]);
    let relation = "public.customers".to_owned();
    let column = |name: &str, used: Use| ColumnFacts {
        relation: Some(relation.clone()),
        name: name.to_owned(),
        uses: BTreeSet::from([used]),
        passed: false,
    };
    Facts {
        normalized: "select email from customers where id = $1".to_owned(),
        fingerprint: "00112233445566778899aabbccddeeff".to_owned(),
        effects: effects.clone(),
        statements: vec![StatementFacts {
            command: "SELECT".to_owned(),
            nested: false,
            effects,
            has_where: true,
            tautology: false,
            limit: 0,
            limit_kind: LimitKind::None,
        }],
        relations: vec![RelationFacts {
            id: relation.clone(),
            schema: Some("public".to_owned()),
            name: "customers".to_owned(),
            access: BTreeSet::from([Access::Read]),
            commands: BTreeSet::from(["SELECT".to_owned()]),
            columns: BTreeSet::from(["email".to_owned(), "id".to_owned()]),
        }],
        columns: vec![column("email", Use::Output), column("id", Use::Predicate)],
        outputs: None,
        answers: Vec::new(),
        functions: vec![FunctionFacts {
            id: "pg_catalog.lower".to_owned(),
            schema: Some("pg_catalog".to_owned()),
            name: "lower".to_owned(),
            volatility: Some(Volatility::Immutable),
            builtin: true,
            security_definer: Some(false),
            called_by: BTreeSet::from([CalledBy::Statement]),
        }],
        cursors: BTreeSet::new(),
        settings: vec![SettingFacts { name: "timezone".to_owned(), value: None, local: true }],
        unparsed: None,
        unknown: BTreeSet::new(),
        lifted: Vec::new(),
        references: Vec::new(),
        aftermath: Aftermath::default(),
        sensitive: false,
        placeholders: 1,
        empty: false,
        outdated: false,
        describes: false,
    }
}

pub(crate) fn unparsed() -> Facts {
    Facts {
        normalized: "do ?".to_owned(),
        effects: BTreeSet::from([Effect::Unknown]),
        statements: Vec::new(),
        relations: Vec::new(),
        columns: Vec::new(),
        functions: Vec::new(),
        settings: Vec::new(),
        unparsed: Some(Unparsed {
            keyword: "DO".to_owned(),
            reason: "a DO block cannot be read".to_owned(),
            kind: UnparsedKind::Unreadable,
        }),
        unknown: BTreeSet::from(["sql.columns", "sql.functions", "sql.relations"]),
        placeholders: 0,
        ..facts()
    }
}

pub(crate) fn seven() -> Parameter {
    Parameter { type_name: "int4".to_owned(), value: Value::from(7), null: false, decoded: true }
}

pub(crate) fn request(facts: Facts, parameters: Vec<Parameter>) -> Request {
    Request::stub("select email from customers where id = $1", facts, Protocol::Extended, parameters)
}

/// The question about [`facts`], changed as the test wants.
pub(crate) fn asked(change: impl FnOnce(&mut Facts)) -> Document {
    let mut facts = facts();
    change(&mut facts);
    let parameters = if facts.placeholders > 0 { vec![seven()] } else { Vec::new() };
    request_document(&context(), &request(facts, parameters), now(), &policy())
}

pub(crate) fn opened() -> Document {
    session_document(&context(), now(), &policy())
}

/// A document of one section, as no session would build it.
pub(crate) fn lone(name: &'static str, value: Value) -> Document {
    Document::new(vec![(name, Section::Whole(part(value)))], [].into())
}

/// Every property that a JSON Schema names, at any depth.
pub(crate) fn property_names(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                names.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| property_names(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| property_names(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
