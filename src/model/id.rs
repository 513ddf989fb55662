use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

/// One client connection, from accept to close. Time-ordered (UUID version 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new id, unique across processes.
    pub fn random() -> Self {
        Self(Uuid::now_v7())
    }
}

impl SessionId {
    /// Its characters, written to a place of the caller's.
    pub fn spell<'p>(&self, place: &'p mut [u8; ID_LENGTH]) -> &'p str {
        self.0.hyphenated().encode_lower(place)
    }
}

/// Characters of an id.
pub const ID_LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One decision, as it appears in the error's DETAIL, the journal and the event (UUID version 4, as OPA's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DecisionId(Uuid);

impl DecisionId {
    /// A new random id.
    pub fn random() -> Self {
        Self(
            RANDOM
                .with_borrow_mut(Random::next)
                .map_or_else(Uuid::new_v4, |bytes| uuid::Builder::from_random_bytes(bytes).into_uuid()),
        )
    }
}

impl DecisionId {
    /// Its characters, written to a place of the caller's.
    pub fn spell<'p>(&self, place: &'p mut [u8; ID_LENGTH]) -> &'p str {
        self.0.hyphenated().encode_lower(place)
    }
}

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random { bytes: [0; IDS * 16], used: IDS * 16 }) };
}

/// How many ids one call to the system makes.
const IDS: usize = 64;

/// Random bytes of the system's, some calls' worth at a time.
struct Random {
    bytes: [u8; IDS * 16],
    used: usize,
}

impl Random {
    /// `None` if the system has none to give.
    fn next(&mut self) -> Option<[u8; 16]> {
        if self.used >= self.bytes.len() {
            getrandom::fill(&mut self.bytes).ok()?;
            self.used = 0;
        }
        let next = self.bytes.get(self.used..)?.first_chunk().copied();
        self.used = self.used.saturating_add(16);
        next
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The `name` of a configured listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ListenerName(Arc<str>);

impl ListenerName {
    /// Wraps a checked name.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name as configured.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
