//! Members that are written down first, and become values only where somebody reads them.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::Fixed;
use crate::input::part::Part;

/// Collects such members.
#[derive(Default)]
pub(in crate::input) struct Spelled {
    json: Vec<u8>,
    places: Vec<(&'static str, Range<usize>)>,
}

impl Spelled {
    /// Adds one. The members of objects in it are to be in the order of the alphabet, as those of every value are.
    pub(in crate::input) fn add<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        if self.places.is_empty() {
            self.json.reserve(ROOM);
            self.places.reserve(MEMBERS);
        } else {
            self.json.push(b',');
        }
        self.json.push(b'"');
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
        let start = self.json.len();
        if serde_json::to_writer(&mut self.json, value).is_err() {
            // Plain data always serialises. If it ever did not, `null` is not a list and denies.
            self.json.truncate(start);
            self.json.extend_from_slice(b"null");
        }
        self.places.push((name, start..self.json.len()));
    }

    /// The members.
    pub(in crate::input) fn into_fixed(self) -> Fixed {
        // What serde_json writes is text.
        let all: Arc<str> = Arc::from(String::from_utf8(self.json).unwrap_or_default());
        let part = |(name, place)| (name, Arc::new(Part::spelled(&all, place)));
        let members = self.places.into_iter().map(part).collect();
        Fixed { members, text: OnceLock::from(all) }
    }
}

/// Bytes that most statements' facts take.
const ROOM: usize = 1024;

/// Members of a statement.
const MEMBERS: usize = 10;
