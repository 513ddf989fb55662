//! How the server would read a text just now: what the session knows about it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalog::Snapshot;
use crate::parse::definitions::Definitions;
use crate::parse::facts::Facts;

/// What a session remembers under a name of SQL's own (PREPARE, DECLARE): every statement that may be
/// behind it now.
pub type Remembered = HashMap<String, Vec<Arc<Facts>>>;

/// What the meaning of a statement depends on, beside its text.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// How quoted text is read.
    pub quoting: Quoting,
    /// Whether the client's encoding keeps quotes apart from letters.
    pub encoding: Encoding,
    /// What unqualified names mean.
    pub names: Names,
    /// Whether a pin holds transactions read-only, so that READ WRITE undoes it.
    pub read_only: bool,
    /// The most that is read.
    pub limits: ReadingLimits,
    /// Statements behind names of SQL-level PREPARE.
    pub prepared: &'a Remembered,
    /// Statements behind cursors.
    pub cursors: &'a Remembered,
}

/// `standard_conforming_strings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// On: a backslash in `'…'` is a backslash.
    Standard,
    /// Off, or not known: it may escape what follows.
    Backslash,
}

/// What is known of `client_encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Every byte of a character outside ASCII is outside ASCII (UTF-8, LATIN1, EUC…).
    Safe,
    /// A character may end in an ASCII byte (SJIS, BIG5, GBK…).
    AsciiTrailBytes,
    /// Not known.
    Unknown,
}

/// What unqualified names mean.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Names {
    /// `pg_catalog`, then this schema.
    Certain {
        /// The schema that relations are in which are not PostgreSQL's own.
        schema: Arc<str>,
    },
    /// `pg_catalog`, then the schemas of a path, with what the catalog knows of them.
    Known(Known),
    /// There is a catalog that nobody has read: what is behind a name, nobody knows.
    Unseen {
        /// The one schema that is searched behind `pg_catalog`, where that is known.
        schema: Option<Arc<str>>,
    },
    /// The search path is not known, or temporary tables may be in the way.
    Uncertain,
}

/// What tells readings apart that differ in what names mean. It does not keep the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamesKey {
    /// [`Names::Certain`].
    Certain {
        /// The schema.
        schema: Arc<str>,
    },
    /// [`Names::Known`].
    Known {
        /// The path's schemas.
        path: Arc<[Arc<str>]>,
        /// The only one of them, if there is one.
        schema: Option<Arc<str>>,
        /// The catalog's version, which no other one has.
        version: u64,
        /// Whether it still holds, and whether what it says of functions does.
        trust: (Trust, Trust),
        /// Whether the path is known.
        searched: bool,
        /// What is temporary.
        temporary: Arc<Temporary>,
        /// What was defined since.
        defined: Arc<Definitions>,
    },
    /// [`Names::Unseen`].
    Unseen {
        /// The schema.
        schema: Option<Arc<str>>,
    },
    /// [`Names::Uncertain`].
    Uncertain,
}

impl Names {
    /// The same where the path is not known any more: what is qualified is found as before.
    #[must_use]
    pub fn unsearched(&self) -> Self {
        match self {
            Self::Known(known) => Self::Known(Known {
                path: Arc::default(),
                schema: None,
                searched: false,
                temporary: Arc::default(),
                ..known.clone()
            }),
            Self::Unseen { .. } => Self::Unseen { schema: None },
            Self::Certain { .. } | Self::Uncertain => Self::Uncertain,
        }
    }

    /// What they mean in the texts of rules and views as the catalog holds them: whatever is not PostgreSQL's own is
    /// qualified there.
    pub fn of_definitions(snapshot: Arc<Snapshot>) -> Self {
        Self::Known(Known {
            path: Arc::default(),
            schema: None,
            snapshot,
            trust: Trust::Fresh,
            functions: Trust::Fresh,
            searched: true,
            temporary: Arc::default(),
            defined: Arc::default(),
        })
    }

    /// What tells it apart from others.
    pub fn key(&self) -> NamesKey {
        match self {
            Self::Certain { schema } => NamesKey::Certain { schema: Arc::clone(schema) },
            Self::Known(known) => NamesKey::Known {
                path: Arc::clone(&known.path),
                schema: known.schema.clone(),
                version: known.snapshot.version(),
                trust: (known.trust, known.functions),
                searched: known.searched,
                temporary: Arc::clone(&known.temporary),
                defined: Arc::clone(&known.defined),
            },
            Self::Unseen { schema } => NamesKey::Unseen { schema: schema.clone() },
            Self::Uncertain => NamesKey::Uncertain,
        }
    }
}

impl NamesKey {
    /// About how many bytes it takes. Its session chooses how long a path is, and makes temporary relations.
    pub fn weight(&self) -> usize {
        match self {
            Self::Known { path, temporary, defined, .. } => {
                let names = path.iter().map(|schema| schema.len()).chain(temporary.keys().map(|name| name.len()));
                names.fold(defined.weight(), |sum, bytes| sum.saturating_add(bytes).saturating_add(NAME))
            }
            Self::Certain { .. } | Self::Unseen { .. } | Self::Uncertain => 0,
        }
    }
}

/// What a name takes in memory beside its bytes.
const NAME: usize = 64;

/// A catalog, and how far it can be relied on just now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    /// The path's schemas, those of PostgreSQL left out.
    pub path: Arc<[Arc<str>]>,
    /// The only one of them, if there is one: it holds what is not PostgreSQL's, whether the catalog knows it or not.
    pub schema: Option<Arc<str>>,
    /// The catalog.
    pub snapshot: Arc<Snapshot>,
    /// Whether it still holds.
    pub trust: Trust,
    /// Whether what it says of functions still holds: most definitions make none.
    pub functions: Trust,
    /// Whether `path` is what is searched. If not, it is empty, and only what is qualified means something.
    pub searched: bool,
    /// Temporary relations of the session, which come last.
    pub temporary: Arc<Temporary>,
    /// What was defined since the catalog was read.
    pub defined: Arc<Definitions>,
}

/// The session's own temporary relations, by name, and whether each is nothing but its rows.
pub type Temporary = BTreeMap<Box<str>, bool>;

impl Known {
    /// How far what the catalog says of relations with that name in these schemas can be relied on.
    pub fn trust_of<S: AsRef<str>>(&self, schemas: &[S], relation: &str) -> Trust {
        if self.defined.touch_relation(schemas, relation) { Trust::Outdated } else { self.trust }
    }
}

/// Whether a catalog still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// It was read after the text came: what it does not know is not there.
    Fresh,
    /// Nobody has changed it through sidegate since it was read. What it does not know may be new.
    Recent,
    /// It was changed, or is old: nothing in it is certain.
    Outdated,
}

/// The most that is read of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReadingLimits {
    /// Bytes of text.
    pub statement: usize,
    /// Tokens.
    pub tokens: usize,
}

impl Default for ReadingLimits {
    fn default() -> Self {
        Self { statement: 64 * 1024, tokens: 20_000 }
    }
}
