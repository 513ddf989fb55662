//! The texts that one session sent last, and what they do. Who sends the same bytes again, to be read in the same
//! way, is read without looking at each of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::parse::{Encoding, Facts, NamesKey, Quoting};

/// Texts that one session keeps; past it all are forgotten.
const REMEMBERED: usize = 64;

/// Bytes of a text that is worth keeping.
const SHORT: usize = 4 << 10;

/// Weight of facts that are worth keeping, and of what their names mean.
const LIGHT: usize = 16 << 10;

/// What decides what a text means, beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conditions {
    /// How quotes are read.
    pub(super) quoting: Quoting,
    /// How bytes are read.
    pub(super) encoding: Encoding,
    /// What names mean.
    pub(super) names: NamesKey,
}

/// One session's texts.
#[derive(Debug, Default)]
pub(super) struct Recent {
    known: HashMap<Box<[u8]>, (Conditions, Arc<Facts>)>,
}

impl Recent {
    /// What the text does, if it was read under these conditions.
    pub(super) fn facts(&self, text: &[u8], conditions: &Conditions) -> Option<Arc<Facts>> {
        let (known, facts) = self.known.get(text)?;
        (known == conditions).then(|| Arc::clone(facts))
    }

    /// Keeps what a text does, unless it was not read to its end, holds a secret or is too much to keep.
    pub(super) fn keep(&mut self, text: &[u8], conditions: Conditions, facts: &Arc<Facts>) {
        let heavy = facts.weight() > LIGHT || conditions.names.weight() > LIGHT;
        if text.len() > SHORT || heavy || facts.unparsed.is_some() || facts.sensitive {
            return;
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(text.into(), (conditions, Arc::clone(facts)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::stub;

    fn conditions() -> Conditions {
        let names = NamesKey::Certain { schema: "public".into() };
        Conditions { quoting: Quoting::Standard, encoding: Encoding::Safe, names }
    }

    #[test]
    fn a_text_is_known_only_under_the_conditions_that_it_was_read_under() {
        let mut recent = Recent::default();
        let facts = Arc::new(stub::facts());
        recent.keep(b"select 1", conditions(), &facts);
        assert!(recent.facts(b"select 1", &conditions()).is_some_and(|known| Arc::ptr_eq(&known, &facts)));
        assert!(recent.facts(b"select  1", &conditions()).is_none());
        for other in [
            Conditions { quoting: Quoting::Backslash, ..conditions() },
            Conditions { encoding: Encoding::AsciiTrailBytes, ..conditions() },
            Conditions { names: NamesKey::Uncertain, ..conditions() },
            Conditions { names: NamesKey::Certain { schema: "secret".into() }, ..conditions() },
        ] {
            assert!(recent.facts(b"select 1", &other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn neither_many_texts_nor_long_ones_nor_secrets_are_kept() {
        let (mut recent, facts) = (Recent::default(), Arc::new(stub::facts()));
        recent.keep(&[b'x'; SHORT + 1], conditions(), &facts);
        let heavy = Facts { normalized: "x".repeat(LIGHT + 1), ..stub::facts() };
        recent.keep(b"heavy", conditions(), &Arc::new(heavy));
        let secret = Facts { sensitive: true, ..stub::facts() };
        recent.keep(b"alter role a password 'b'", conditions(), &Arc::new(secret));
        assert!(recent.known.is_empty());
        for number in 0..10 * REMEMBERED {
            recent.keep(number.to_string().as_bytes(), conditions(), &facts);
            assert!(recent.known.len() <= REMEMBERED);
        }
    }
}
