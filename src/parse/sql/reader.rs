//! The reader that sessions share: it remembers what it read, and goes where the stack is big enough.

use std::sync::Arc;

use super::cache::{Cache, LONGEST_TEXT, ReadingKey};
use super::lexer::{self, Lexeme};
use super::pool::{self, Pool};
use super::read::{self, Read};
use super::reading::{Reading, ReadingLimits, Remembered};
use super::skeleton::Skeleton;
use crate::parse::facts::Facts;

/// Texts up to this many bytes are read where they arrive, if the stack there is big.
const SMALL: usize = 4 * 1024;

/// Whether the threads that ask have big stacks themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// 64 MiB: small statements are read in place.
    Big,
    /// Whatever the system gives: every statement goes to the pool.
    Ordinary,
}

/// Reads statements. Cheap to clone; every clone shares one memory and one pool.
#[derive(Clone, Debug)]
pub struct Reader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: Pool,
    cache: Cache,
    stack: Stack,
}

impl Reader {
    /// Starts a reader with that many threads for big statements, which remembers about `cache` bytes.
    ///
    /// # Errors
    /// The system's, when it has no thread left.
    pub fn new(threads: usize, cache: usize, stack: Stack) -> std::io::Result<Self> {
        Ok(Self(Arc::new(Shared { pool: Pool::new(threads)?, cache: Cache::new(cache), stack })))
    }

    /// What a text would do. Never fails: what cannot be read is `unparsed`.
    pub async fn statement(&self, text: &str, reading: &Reading<'_>) -> Arc<Facts> {
        let asked = Asked::of(text, reading);
        if let Some(known) = self.known(asked.as_ref()) {
            return known;
        }
        let read = if self.fits(text) {
            let lexemes = asked.as_ref().map(|asked| asked.lexemes.as_slice());
            pool::guarded(|| read::read(text, lexemes, reading))
        } else if text.len() > reading.limits.statement {
            // Nothing deep happens to what is refused for its length, and nothing of it is copied.
            pool::guarded(|| read::read(text, None, reading))
        } else {
            let job = Job::of(text, reading);
            self.0.pool.run(move || job.read()).await
        };
        self.keep(text, asked.as_ref(), read)
    }

    /// What bytes would do that may not even be text.
    pub async fn bytes(&self, text: &[u8], reading: &Reading<'_>) -> Arc<Facts> {
        match std::str::from_utf8(text) {
            Ok(text) => self.statement(text, reading).await,
            Err(_) => Arc::new(read::not_utf8(text, reading)),
        }
    }

    /// The same as [`Reader::statement`] where nothing can wait; it always uses the pool.
    pub fn statement_blocking(&self, text: &str, reading: &Reading<'_>) -> Arc<Facts> {
        let asked = Asked::of(text, reading);
        if let Some(known) = self.known(asked.as_ref()) {
            return known;
        }
        let job = Job::of(text, reading);
        let read = self.0.pool.run_blocking(move || job.read());
        self.keep(text, asked.as_ref(), read)
    }

    fn known(&self, asked: Option<&Asked<'_>>) -> Option<Arc<Facts>> {
        asked.and_then(|Asked { skeleton, key, .. }| self.0.cache.get(skeleton, key))
    }

    fn fits(&self, text: &str) -> bool {
        match self.0.stack {
            Stack::Big => text.len() <= SMALL,
            Stack::Ordinary => false,
        }
    }

    fn keep(&self, text: &str, asked: Option<&Asked<'_>>, read: Option<Read>) -> Arc<Facts> {
        let Some(Read { facts, asked_session }) = read else { return Arc::new(read::failed(text)) };
        let facts = Arc::new(facts);
        // What names a session's own statements means something else in another session, and a
        // password is not kept longer than its statement.
        if let (Some(Asked { skeleton, key, .. }), false) = (asked, asked_session || facts.sensitive) {
            self.0.cache.put(skeleton, key, Arc::clone(&facts));
        }
        facts
    }
}

/// A text as it is remembered, and all that its facts depend on beside it.
struct Asked<'t> {
    lexemes: Vec<Lexeme>,
    skeleton: Skeleton<'t>,
    key: ReadingKey,
}

impl<'t> Asked<'t> {
    /// `None` for what is not remembered: what is over a limit, long, cannot be cut, or looks as if it had marks.
    fn of(text: &'t str, reading: &Reading<'_>) -> Option<Self> {
        if text.len() > reading.limits.statement.min(LONGEST_TEXT) {
            return None;
        }
        let lexemes = lexer::lex(text).ok()?;
        let skeleton = Skeleton::of(text, &lexemes, reading.encoding)?;
        Some(Self { lexemes, skeleton, key: ReadingKey::of(reading) })
    }
}

/// A reading that owns what it needs, to go to another thread.
struct Job {
    text: String,
    reading: OwnedReading,
}

struct OwnedReading {
    quoting: super::reading::Quoting,
    encoding: super::reading::Encoding,
    names: super::reading::Names,
    read_only: bool,
    limits: ReadingLimits,
    prepared: Remembered,
    cursors: Remembered,
}

impl Job {
    fn of(text: &str, reading: &Reading<'_>) -> Self {
        let reading = OwnedReading {
            quoting: reading.quoting,
            encoding: reading.encoding,
            names: reading.names.clone(),
            read_only: reading.read_only,
            limits: reading.limits,
            prepared: reading.prepared.clone(),
            cursors: reading.cursors.clone(),
        };
        Self { text: text.to_owned(), reading }
    }

    fn read(self) -> Read {
        let Self { text, reading } = self;
        let reading = Reading {
            quoting: reading.quoting,
            encoding: reading.encoding,
            names: reading.names,
            read_only: reading.read_only,
            limits: reading.limits,
            prepared: &reading.prepared,
            cursors: &reading.cursors,
        };
        read::read(&text, None, &reading)
    }
}

#[cfg(test)]
mod tests;
