//! The policy input document.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// One policy input: named sections, most of them shared with the session or the statement,
/// and the list of paths that are not known.
#[derive(Clone, Debug)]
pub struct Document {
    sections: Vec<(&'static str, Arc<Value>)>,
    unknown: Arc<[String]>,
}

impl Document {
    /// Builds a document from its sections. `unknown` must be among them, too.
    pub(super) fn new(sections: Vec<(&'static str, Arc<Value>)>, unknown: Arc<[String]>) -> Self {
        Self { sections, unknown }
    }

    /// The top-level sections in order.
    pub fn sections(&self) -> &[(&'static str, Arc<Value>)] {
        &self.sections
    }

    /// The value at a path below `input`; `None` when there is none.
    pub fn get<S: AsRef<str>>(&self, path: &[S]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let (_, section) = self.sections.iter().find(|(name, _)| *name == first.as_ref())?;
        rest.iter().try_fold(section.as_ref(), |value, key| value.get(key.as_ref()))
    }

    /// Dotted paths that are `null` because the sidecar does not know them.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The first unknown path that a reader of `path` would touch: one above it, at it or below it.
    pub fn unknown_under<S: AsRef<str>>(&self, path: &[S]) -> Option<&str> {
        self.unknown.iter().map(String::as_str).find(|unknown| overlap(unknown, path))
    }

    /// The whole document as one JSON value.
    pub fn to_value(&self) -> Value {
        Value::Object(self.sections.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref().clone())).collect())
    }
}

fn overlap<S: AsRef<str>>(unknown: &str, path: &[S]) -> bool {
    unknown.split('.').zip(path).all(|(a, b)| a == b.as_ref())
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.sections.len()))?;
        for (name, value) in &self.sections {
            map.serialize_entry(name, value.as_ref())?;
        }
        map.end()
    }
}

#[cfg(test)]
impl Document {
    /// A document for the tests of later rooms.
    pub(crate) fn sample(sections: Vec<(&'static str, Value)>) -> Self {
        let sections = sections.into_iter().map(|(name, value)| (name, Arc::new(value))).collect();
        Self::new(sections, Arc::from([]))
    }
}
