//! Requests from messages.

use std::sync::Arc;

use super::facts::Facts;
use super::request::{Parameter, Protocol, Request};
use crate::wire::postgres::Frame;

/// A Query. Its parameters are the literals that were lifted.
pub fn simple(frame: Frame, text: Arc<str>, facts: Arc<Facts>) -> Request {
    let literals = facts.literals.iter().map(|literal| Parameter {
        type_name: literal.type_name.to_owned(),
        value: literal.value.clone(),
        null: false,
        decoded: true,
    });
    let parameters = literals.collect();
    Request::new(frame, text, facts, Protocol::Simple, parameters)
}

/// A Parse, judged before its values are known.
pub fn prepared(frame: Frame, text: Arc<str>, facts: Arc<Facts>) -> Request {
    Request::new(frame, text, facts, Protocol::Extended, Vec::new())
}

/// An Execute of what was bound to these values.
pub fn executed(frame: Frame, text: Arc<str>, facts: Arc<Facts>, parameters: Vec<Parameter>) -> Request {
    Request::new(frame, text, facts, Protocol::Extended, parameters)
}

/// A Bind.
pub fn bound(
    frame: Frame,
    text: Arc<str>,
    facts: Arc<Facts>,
    values: &[Option<&[u8]>],
    _formats: &[i16],
    _types: &[u32],
) -> Request {
    let parameters = values
        .iter()
        .map(|value| Parameter {
            type_name: "unknown".to_owned(),
            value: serde_json::Value::Null,
            null: value.is_none(),
            decoded: value.is_none(),
        })
        .collect();
    Request::new(frame, text, facts, Protocol::Extended, parameters)
}
