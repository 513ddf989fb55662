//! The policy input document.

mod renewal;
mod script;
mod spelled;

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::asker::Asker;
use super::part::{self, Part, Tag};
use script::Step;

pub(super) use renewal::Moved;
pub(super) use spelled::Spelled;

/// One policy input: named sections, most of them shared with the session or the statement,
/// and the list of paths that are not known. Cloning shares everything.
#[derive(Clone, Debug)]
pub struct Document(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sections: Vec<(&'static str, Section)>,
    unknown: Vec<&'static str>,
    size: usize,
    depth: usize,
    /// How it is spelled, of a document that was renewed: the next one is spelled like it.
    script: Option<OnceLock<Vec<Step>>>,
}

/// One top-level member of a document.
#[derive(Clone, Debug)]
pub enum Section {
    /// Shared as a whole.
    Whole(Arc<Part>),
    /// An object whose members are shared one by one.
    Fields(Fields),
}

/// The members of a section.
pub type Members = Vec<(&'static str, Arc<Part>)>;

/// Members of many documents.
#[derive(Debug, Default)]
pub struct Fixed {
    members: Members,
    /// Their JSON, without braces.
    text: OnceLock<Arc<str>>,
}

/// The members of a section, and the object they make once somebody wants it in one piece.
#[derive(Clone, Debug)]
pub struct Fields {
    /// Of many documents.
    fixed: Arc<Fixed>,
    /// Of this one.
    moving: Members,
    joined: OnceLock<Value>,
}

/// A part and its place: the numbers of its section and member.
pub type Placed = (usize, usize, Arc<Part>);

impl Fixed {
    pub(super) fn new(members: Members) -> Self {
        Self { members, text: OnceLock::new() }
    }

    pub(super) fn members(&self) -> &[(&'static str, Arc<Part>)] {
        &self.members
    }

    fn text(&self) -> &Arc<str> {
        self.text.get_or_init(|| {
            let pairs = self.members.iter().map(|(name, part)| ["\"", name, "\":", &part.json()].concat());
            Arc::from(pairs.collect::<Vec<_>>().join(","))
        })
    }
}

impl Fields {
    pub(super) fn new(fixed: Arc<Fixed>, moving: Members) -> Self {
        Self { fixed, moving, joined: OnceLock::new() }
    }

    /// How many members it has.
    pub fn count(&self) -> usize {
        self.fixed.members.len().saturating_add(self.moving.len())
    }

    /// The members, in order.
    pub fn members(&self) -> impl Iterator<Item = &(&'static str, Arc<Part>)> {
        self.fixed.members.iter().chain(&self.moving)
    }

    fn at(&self, place: usize) -> Option<&(&'static str, Arc<Part>)> {
        match place.checked_sub(self.fixed.members.len()) {
            None => self.fixed.members.get(place),
            Some(place) => self.moving.get(place),
        }
    }

    fn member(&self, name: &str) -> Option<&Part> {
        self.members().find(|(member, _)| *member == name).map(|(_, part)| part.as_ref())
    }

    fn joined(&self) -> &Value {
        self.joined.get_or_init(|| {
            let pairs = self.members().map(|(name, part)| ((*name).to_owned(), part.value().clone()));
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
    pub(super) fn new(sections: Vec<(&'static str, Section)>, unknown: Vec<&'static str>) -> Self {
        let (size, depth) = measure(&sections);
        Self(Arc::new(Inner { sections, unknown, size, depth, script: None }))
    }

    /// The top-level sections in order.
    pub fn sections(&self) -> &[(&'static str, Section)] {
        &self.0.sections
    }

    /// Whether it has a section of that name.
    pub fn has_section(&self, name: &str) -> bool {
        self.section(name).is_some()
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
    pub fn unknown(&self) -> &[&'static str] {
        &self.0.unknown
    }

    /// The first unknown path that a reader of `path` would touch: one above it, at it or below it.
    pub fn unknown_under<S: AsRef<str>>(&self, path: &[S]) -> Option<&str> {
        self.0.unknown.iter().copied().find(|unknown| overlap(unknown, path))
    }

    /// About how many bytes of JSON it is.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// How many containers lie inside each other.
    pub fn depth(&self) -> usize {
        self.0.depth
    }

    /// The parts that a reader of `path` can see, with their places. While the parts in those places are the same
    /// ones in another document of the same stage, that reader sees the same values there.
    pub fn parts_under<S: AsRef<str>>(&self, path: &[S], found: &mut Vec<Placed>) {
        let named = |section: &str| path.first().is_none_or(|name| name.as_ref() == section);
        for (at, (_, section)) in self.0.sections.iter().enumerate().filter(|(_, (name, _))| named(name)) {
            match section {
                Section::Whole(part) => found.push((at, 0, Arc::clone(part))),
                Section::Fields(fields) => {
                    let named = |member: &str| path.get(1).is_none_or(|name| name.as_ref() == member);
                    let members = fields.members().enumerate().filter(|(_, (name, _))| named(name));
                    found.extend(members.map(|(member, (_, part))| (at, member, Arc::clone(part))));
                }
            }
        }
    }

    /// The part at a section and a member of it.
    pub fn part(&self, path: &[&str]) -> Option<&Arc<Part>> {
        let [section, member] = path else { return None };
        match self.section(section)? {
            Section::Fields(fields) => fields.members().find(|(name, _)| name == member).map(|(_, part)| part),
            Section::Whole(_) => None,
        }
    }

    /// The part in that place, of a section and a member.
    pub fn stands(&self, section: usize, member: usize) -> Option<&Arc<Part>> {
        match self.0.sections.get(section)? {
            (_, Section::Whole(part)) => Some(part),
            (_, Section::Fields(fields)) => fields.at(member).map(|(_, part)| part),
        }
    }

    /// Whether this very part stands in that place.
    pub fn has(&self, (section, member, part): &Placed) -> bool {
        self.stands(*section, *member).is_some_and(|found| Arc::ptr_eq(found, part))
    }

    /// Whether it does, or one that is known to be of the same value.
    pub fn has_like(&self, (section, member, part): &Placed) -> bool {
        self.stands(*section, *member).is_some_and(|found| Arc::ptr_eq(found, part) || found.is_like(part))
    }

    /// Feeds what a reader of `path` can see into a hash, every piece behind its tag and its
    /// length: equal bytes mean equal values, and missing is not `null` is not `""`.
    pub fn feed<S: AsRef<str>>(&self, path: &[S], hasher: &mut blake3::Hasher) {
        let Some((first, rest)) = path.split_first() else {
            part::count(hasher, Tag::Fields, self.0.sections.len());
            for (name, section) in &self.0.sections {
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
            self.0.sections.iter().map(|(name, section)| ((*name).to_owned(), section.value().clone())).collect(),
        )
    }

    fn section(&self, name: &str) -> Option<&Section> {
        self.0.sections.iter().find(|(section, _)| *section == name).map(|(_, section)| section)
    }
}

fn measure(sections: &[(&'static str, Section)]) -> (usize, usize) {
    let (mut size, mut depth) = (2_usize, 1_usize);
    let mut count = |name: &str, part: &Part| {
        size = size.saturating_add(name.len().saturating_add(4)).saturating_add(part.size());
        depth = depth.max(part.depth().saturating_add(2));
    };
    for (name, section) in sections {
        match section {
            Section::Whole(part) => count(name, part),
            Section::Fields(fields) => fields.members().for_each(|(name, part)| count(name, part)),
        }
    }
    (size, depth)
}

fn feed_section(section: &Section, hasher: &mut blake3::Hasher) {
    match section {
        Section::Whole(part) => feed_digest(part, hasher),
        Section::Fields(fields) => {
            part::count(hasher, Tag::Fields, fields.count());
            for (name, part) in fields.members() {
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

#[cfg(test)]
impl Document {
    /// A document for the tests of later rooms.
    pub(crate) fn sample(sections: Vec<(&'static str, Value)>) -> Self {
        Self::sample_of(sections.into_iter().map(|(name, value)| (name, Arc::new(Part::new(value)))).collect())
    }

    /// The same of parts, which other documents may have, too.
    pub(crate) fn sample_of(parts: Members) -> Self {
        Self::new(parts.into_iter().map(|(name, part)| (name, Section::Whole(part))).collect(), Vec::new())
    }
}
