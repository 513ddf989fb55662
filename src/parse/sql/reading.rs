//! How the server would read a text just now: what the session knows about it.

use std::collections::HashMap;
use std::sync::Arc;

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
    /// The search path is not known, or temporary tables may be in the way.
    Uncertain,
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
