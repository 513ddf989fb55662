//! One shared piece of a document, measured once.

mod measured;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use measured::measure;

use super::spelling::Spelling;
use crate::parse::Parameter;

/// A value that never changes, with its size, its depth and (once asked for) its digest and its text.
#[derive(Debug)]
pub struct Part {
    content: Content,
    size: usize,
    depth: usize,
    digest: OnceLock<[u8; 32]>,
    /// Its JSON, of a part that many documents share.
    text: Option<OnceLock<Arc<str>>>,
}

#[derive(Debug)]
enum Content {
    Value(Value),
    /// Spelled with its neighbours. Most policies read few of them, and the others are never values.
    Json {
        all: Arc<str>,
        place: Range<usize>,
        value: OnceLock<Value>,
    },
    /// Most policies read no values: they are written as they are.
    Parameters {
        list: Arc<[Parameter]>,
        value: OnceLock<Value>,
    },
}

impl Part {
    /// A value of one document.
    pub fn new(value: Value) -> Self {
        let (size, depth) = measure(&value);
        Self { content: Content::Value(value), size, depth, digest: OnceLock::new(), text: None }
    }

    /// A value of many documents: it is serialised once.
    pub fn shared(value: Value) -> Self {
        Self { text: Some(OnceLock::new()), ..Self::new(value) }
    }

    /// What stands in that place of a text that serde_json wrote.
    pub(super) fn spelled(all: &Arc<str>, place: Range<usize>) -> Self {
        let (size, depth) = measured::json(all.get(place.clone()).unwrap_or_default());
        let content = Content::Json { all: Arc::clone(all), place, value: OnceLock::new() };
        Self { content, size, depth, digest: OnceLock::new(), text: None }
    }

    /// The values of one statement.
    pub(super) fn parameters(list: &Arc<[Parameter]>) -> Self {
        let measured = list.iter().map(|parameter| {
            let (size, depth) = measure(&parameter.value);
            (size.saturating_add(parameter.type_name.len()).saturating_add(64), depth)
        });
        let (size, depth) = measured.fold((2_usize, 0), |(size, depth), (more, inner)| {
            (size.saturating_add(more), depth.max(inner.saturating_add(2)))
        });
        let content = Content::Parameters { list: Arc::clone(list), value: OnceLock::new() };
        Self { content, size, depth: depth.max(1), digest: OnceLock::new(), text: None }
    }

    /// Whether many documents have it.
    pub(super) fn is_shared(&self) -> bool {
        self.text.is_some()
    }

    /// Whether it is this number.
    pub(super) fn is_number(&self, number: u64) -> bool {
        matches!(&self.content, Content::Value(Value::Number(known)) if known.as_u64() == Some(number))
    }

    /// Whether these are its values.
    pub(super) fn has_parameters(&self, wanted: &Arc<[Parameter]>) -> bool {
        matches!(&self.content, Content::Parameters { list, .. } if Arc::ptr_eq(list, wanted))
    }

    /// The value.
    pub fn value(&self) -> &Value {
        match &self.content {
            Content::Value(value) => value,
            // What was written reads back. If it ever did not, `null` is not a list and denies.
            Content::Json { all, place, value } => value.get_or_init(|| {
                serde_json::from_str(all.get(place.clone()).unwrap_or_default()).unwrap_or(Value::Null)
            }),
            // Plain data always serialises. If it ever did not, `null` is not a list and denies.
            Content::Parameters { list, value } => {
                value.get_or_init(|| serde_json::to_value(&**list).unwrap_or(Value::Null))
            }
        }
    }

    /// About how many bytes of JSON it is; never less than its strings hold.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many containers lie inside each other; 0 for a scalar.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// A 256-bit digest: equal only when the values are.
    pub(super) fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| match self.written() {
            // No value's encoding begins as a text does.
            Some(json) => *blake3::hash(json.as_bytes()).as_bytes(),
            None => {
                let mut hasher = blake3::Hasher::new();
                encode(self.value(), &mut hasher);
                *hasher.finalize().as_bytes()
            }
        })
    }

    /// Whether the value is the same, where that can be told at once.
    pub fn is_like(&self, other: &Self) -> bool {
        match (&self.content, &other.content) {
            (Content::Json { .. }, Content::Json { .. }) => self.written() == other.written(),
            (Content::Value(one), Content::Value(other)) => one == other,
            _ => false,
        }
    }

    /// Its JSON, of a part that was spelled with its neighbours.
    pub fn written(&self) -> Option<&str> {
        match &self.content {
            Content::Json { all, place, .. } => all.get(place.clone()),
            Content::Value(_) | Content::Parameters { .. } => None,
        }
    }
}

impl Part {
    /// Its JSON. Not by way of [`std::fmt`], which takes twice as long.
    pub(super) fn json(&self) -> String {
        // Plain data always serialises; `null` is no list and no object.
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }

    /// Writes it down as JSON.
    pub(super) fn spell<S: Spelling>(&self, out: &mut S) -> Result<(), S::Error> {
        match (&self.text, &self.content) {
            (Some(text), _) => out.shared(text.get_or_init(|| Arc::from(self.json()))),
            (None, Content::Json { all, place, .. }) => out.own(all.get(place.clone()).unwrap_or("null")),
            (None, Content::Value(value)) => out.value(value),
            (None, Content::Parameters { list, .. }) => out.value(list),
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.content {
            Content::Value(_) | Content::Json { .. } => self.value().serialize(serializer),
            Content::Parameters { list, .. } => list.serialize(serializer),
        }
    }
}

/// Feeds a value, every piece behind its tag and its length: no two different values feed the same bytes.
pub(super) fn encode(value: &Value, hasher: &mut blake3::Hasher) {
    match value {
        Value::Null => tag(hasher, Tag::Null),
        Value::Bool(false) => tag(hasher, Tag::False),
        Value::Bool(true) => tag(hasher, Tag::True),
        Value::Number(number) => text(hasher, Tag::Number, &number.to_string()),
        Value::String(string) => text(hasher, Tag::String, string),
        Value::Array(items) => {
            count(hasher, Tag::Array, items.len());
            items.iter().for_each(|item| encode(item, hasher));
        }
        Value::Object(members) => {
            count(hasher, Tag::Object, members.len());
            for (name, member) in members {
                text(hasher, Tag::String, name);
                encode(member, hasher);
            }
        }
    }
}

/// What the next bytes of an encoding are.
#[derive(Clone, Copy)]
pub(super) enum Tag {
    Missing = 0,
    Null = 1,
    False = 2,
    True = 3,
    Number = 4,
    String = 5,
    Array = 6,
    Object = 7,
    Digest = 8,
    Fields = 9,
}

pub(super) fn tag(hasher: &mut blake3::Hasher, tag: Tag) {
    hasher.update(&[tag as u8]);
}

pub(super) fn text(hasher: &mut blake3::Hasher, kind: Tag, text: &str) {
    count(hasher, kind, text.len());
    hasher.update(text.as_bytes());
}

pub(super) fn count(hasher: &mut blake3::Hasher, kind: Tag, count: usize) {
    let mut head = [0; 9];
    if let Some((first, rest)) = head.split_first_mut() {
        *first = kind as u8;
        rest.copy_from_slice(&u64::try_from(count).unwrap_or(u64::MAX).to_le_bytes());
    }
    hasher.update(&head);
}
