//! A document as the engine's own value.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::input::{Document, Part, Section};

/// The document as the engine reads it.
pub(super) fn document(document: &Document) -> regorus::Value {
    object(document.sections().iter().map(|(name, section)| {
        let value = match section {
            Section::Whole(part) => json(Part::value(part)),
            Section::Fields(fields) => object(fields.members().map(|(name, part)| (*name, json(part.value())))),
        };
        (*name, value)
    }))
}

fn json(value: &Json) -> regorus::Value {
    match value {
        Json::Null => regorus::Value::Null,
        Json::Bool(value) => regorus::Value::from(*value),
        Json::Number(number) => self::number(number),
        Json::String(string) => regorus::Value::from(string.as_str()),
        Json::Array(items) => regorus::Value::from(items.iter().map(json).collect::<Vec<_>>()),
        Json::Object(members) => object(members.iter().map(|(name, member)| (name.as_str(), json(member)))),
    }
}

fn number(number: &serde_json::Number) -> regorus::Value {
    if let Some(whole) = number.as_i64() {
        regorus::Value::from(whole)
    } else if let Some(whole) = number.as_u64() {
        regorus::Value::from(whole)
    } else {
        // JSON numbers are finite: a number that is neither has a fraction or an exponent.
        number.as_f64().map_or(regorus::Value::Undefined, regorus::Value::from)
    }
}

fn object<'a>(members: impl Iterator<Item = (&'a str, regorus::Value)>) -> regorus::Value {
    let members: BTreeMap<_, _> = members.map(|(name, value)| (regorus::Value::from(name), value)).collect();
    regorus::Value::from(members)
}
