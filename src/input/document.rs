//! The policy input document.

use std::sync::{Arc, OnceLock};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::asker::Asker;
use super::part::{self, Part, Tag};

/// One policy input: named sections, most of them shared with the session or the statement,
/// and the list of paths that are not known. Cloning shares everything.
#[derive(Clone, Debug)]
pub struct Document {
    sections: Arc<[(&'static str, Section)]>,
    unknown: Arc<[String]>,
}

/// One top-level member of a document.
#[derive(Clone, Debug)]
pub enum Section {
    /// Shared as a whole.
    Whole(Arc<Part>),
    /// An object whose members are shared one by one.
    Fields(Fields),
}

/// The members of a section, and the object they make once somebody wants it in one piece.
#[derive(Clone, Debug)]
pub struct Fields {
    members: Vec<(&'static str, Arc<Part>)>,
    joined: OnceLock<Value>,
}

impl Fields {
    pub(super) fn new(members: Vec<(&'static str, Arc<Part>)>) -> Self {
        Self { members, joined: OnceLock::new() }
    }

    /// The members, in order.
    pub fn members(&self) -> &[(&'static str, Arc<Part>)] {
        &self.members
    }

    fn member(&self, name: &str) -> Option<&Part> {
        self.members.iter().find(|(member, _)| *member == name).map(|(_, part)| part.as_ref())
    }

    fn joined(&self) -> &Value {
        self.joined.get_or_init(|| {
            let pairs = self.members.iter().map(|(name, part)| ((*name).to_owned(), part.value().clone()));
            Value::Object(pairs.collect::<Map<_, _>>())
        })
    }
}

impl Section {
    fn value(&self) -> &Value {
        match self {
            Self::Whole(part) => part.value(),
            Self::Fields(fields) => fields.joined(),
        }
    }
}

impl Document {
    /// Builds a document from its sections. `unknown` must be among them, too.
    pub(super) fn new(sections: Vec<(&'static str, Section)>, unknown: Arc<[String]>) -> Self {
        Self { sections: sections.into(), unknown }
    }

    /// The top-level sections in order.
    pub fn sections(&self) -> &[(&'static str, Section)] {
        &self.sections
    }

    /// The value at a path below `input`; `None` when there is none.
    pub fn get<S: AsRef<str>>(&self, path: &[S]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let (start, rest) = match (self.section(first.as_ref())?, rest.split_first()) {
            (Section::Fields(fields), Some((second, rest))) => (fields.member(second.as_ref())?.value(), rest),
            (section, _) => (section.value(), rest),
        };
        rest.iter().try_fold(start, |value, key| value.get(key.as_ref()))
    }

    /// Dotted paths that the sidecar does not know, sorted.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The first unknown path that a reader of `path` would touch: one above it, at it or below it.
    pub fn unknown_under<S: AsRef<str>>(&self, path: &[S]) -> Option<&str> {
        self.unknown.iter().map(String::as_str).find(|unknown| overlap(unknown, path))
    }

    /// About how many bytes of JSON it is.
    pub fn size(&self) -> usize {
        self.parts().fold(2, |size, (name, part)| size.saturating_add(name.len() + 4).saturating_add(part.size()))
    }

    /// How many containers lie inside each other.
    pub fn depth(&self) -> usize {
        self.parts().map(|(_, part)| part.depth().saturating_add(2)).max().unwrap_or(1)
    }

    /// Feeds what a reader of `path` can see into a hash, every piece behind its tag and its
    /// length: equal bytes mean equal values, and missing is not `null` is not `""`.
    pub fn feed<S: AsRef<str>>(&self, path: &[S], hasher: &mut blake3::Hasher) {
        let Some((first, rest)) = path.split_first() else {
            part::count(hasher, Tag::Fields, self.sections.len());
            for (name, section) in self.sections.iter() {
                part::text(hasher, Tag::String, name);
                feed_section(section, hasher);
            }
            return;
        };
        match (self.section(first.as_ref()), rest.split_first()) {
            (None, _) => part::tag(hasher, Tag::Missing),
            (Some(Section::Fields(fields)), Some((second, rest))) => match fields.member(second.as_ref()) {
                None => part::tag(hasher, Tag::Missing),
                Some(part) => feed_below(part, rest, hasher),
            },
            (Some(Section::Whole(part)), _) => feed_below(part, rest, hasher),
            (Some(section), None) => feed_section(section, hasher),
        }
    }

    /// Whose question it is.
    pub fn asker(&self) -> Asker {
        Asker::new(self.get(&["caller"]), self.get(&["session", "id"]))
    }

    /// The whole document as one JSON value.
    pub fn to_value(&self) -> Value {
        Value::Object(
            self.sections.iter().map(|(name, section)| ((*name).to_owned(), section.value().clone())).collect(),
        )
    }

    fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|(section, _)| *section == name).map(|(_, section)| section)
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, &Part)> {
        self.sections.iter().flat_map(|(name, section)| {
            let parts: Box<dyn Iterator<Item = (&'static str, &Part)>> = match section {
                Section::Whole(part) => Box::new(std::iter::once((*name, part.as_ref()))),
                Section::Fields(fields) => Box::new(fields.members.iter().map(|(name, part)| (*name, part.as_ref()))),
            };
            parts
        })
    }
}

fn feed_section(section: &Section, hasher: &mut blake3::Hasher) {
    match section {
        Section::Whole(part) => feed_digest(part, hasher),
        Section::Fields(fields) => {
            part::count(hasher, Tag::Fields, fields.members.len());
            for (name, part) in &fields.members {
                part::text(hasher, Tag::String, name);
                feed_digest(part, hasher);
            }
        }
    }
}

/// Goes down through objects only. What lies below anything else is fed with all of it: a
/// reader may index an array by number.
fn feed_below<S: AsRef<str>>(part: &Part, path: &[S], hasher: &mut blake3::Hasher) {
    if path.is_empty() {
        return feed_digest(part, hasher);
    }
    let mut value = part.value();
    for key in path {
        let Value::Object(members) = value else { break };
        match members.get(key.as_ref()) {
            Some(member) => value = member,
            None => return part::tag(hasher, Tag::Missing),
        }
    }
    part::encode(value, hasher);
}

fn feed_digest(part: &Part, hasher: &mut blake3::Hasher) {
    // Scalars and short strings are fed as they are: cheaper than a digest of their own.
    if part.depth() == 0 && part.size() < 64 {
        return part::encode(part.value(), hasher);
    }
    part::tag(hasher, Tag::Digest);
    hasher.update(part.digest());
}

fn overlap<S: AsRef<str>>(unknown: &str, path: &[S]) -> bool {
    unknown.split('.').zip(path).all(|(a, b)| a == b.as_ref())
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.sections.len()))?;
        for (name, section) in self.sections.iter() {
            match section {
                Section::Whole(part) => map.serialize_entry(name, part.value())?,
                Section::Fields(fields) => map.serialize_entry(name, &Members(&fields.members))?,
            }
        }
        map.end()
    }
}

struct Members<'a>(&'a [(&'static str, Arc<Part>)]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, part)| (name, part.value())))
    }
}

#[cfg(test)]
impl Document {
    /// A document for the tests of later rooms.
    pub(crate) fn sample(sections: Vec<(&'static str, Value)>) -> Self {
        let whole = |(name, value)| (name, Section::Whole(Arc::new(Part::new(value))));
        Self::new(sections.into_iter().map(whole).collect(), Arc::from([]))
    }
}
