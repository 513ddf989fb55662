//! Facts by form: a statement that comes again, with whatever data, is not read again.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::reading::{Encoding, NamesKey, Quoting, Reading, ReadingLimits};
use super::skeleton::Skeleton;
use crate::parse::facts::Facts;

/// Longer texts rarely come twice.
pub(super) const LONGEST_TEXT: usize = 16 * 1024;

/// What facts weigh beside their text: a guess on the safe side.
const OVERHEAD: usize = 2 * 1024;

/// Everything beside the text that facts depend on, but for what the walk asks the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ReadingKey {
    quoting: Quoting,
    encoding: Encoding,
    names: NamesKey,
    read_only: bool,
    limits: ReadingLimits,
}

impl ReadingKey {
    /// The key of a reading.
    pub(super) fn of(reading: &Reading<'_>) -> Self {
        Self {
            quoting: reading.quoting,
            encoding: reading.encoding,
            names: reading.names.key(),
            read_only: reading.read_only,
            limits: reading.limits,
        }
    }
}

/// Two generations of facts: when the young one is full, the old one is forgotten. The maps compare
/// whole forms and hash with a random key, so no text can stand for another or crowd one out.
#[derive(Debug)]
pub(super) struct Cache {
    generations: Mutex<Generations>,
    capacity: usize,
}

type Shelf = HashMap<ReadingKey, HashMap<Box<str>, Form>>;

/// What is known of the texts of one form. Most forms have one; data that facts come from makes more.
#[derive(Debug, Default)]
struct Form {
    known: Vec<Known>,
    /// Which one is replaced next when there are too many.
    next: usize,
}

/// Facts, and the data that a text must have for them to be its own: which, by place, and what.
#[derive(Debug)]
struct Known {
    kept: Box<[(usize, Box<str>)]>,
    facts: Arc<Facts>,
    weight: usize,
}

/// Data that facts come from is rarely what changes: one that always does must not fill the memory.
const KNOWN_OF_A_FORM: usize = 16;

/// Nor may data that is long: more than this of one form is forgotten together.
const WEIGHT_OF_A_FORM: usize = 64 * 1024;

impl Form {
    fn get(&self, data: &[(usize, &str)]) -> Option<&Arc<Facts>> {
        let fits = |known: &&Known| {
            known.kept.iter().all(|(place, kept)| data.get(*place).is_some_and(|(_, found)| *found == kept.as_ref()))
        };
        self.known.iter().find(fits).map(|known| &known.facts)
    }

    fn weight(&self) -> usize {
        self.known.iter().map(|known| known.weight).fold(0, usize::saturating_add)
    }

    /// Keeps one more, and says what it weighs.
    fn put(&mut self, data: &[(usize, &str)], facts: Arc<Facts>) -> usize {
        // An unread text is known by everything in it.
        let free = |token: usize| facts.unparsed.is_none() && facts.lifted.binary_search(&token).is_ok();
        let kept: Box<[(usize, Box<str>)]> = data
            .iter()
            .enumerate()
            .filter(|(_, (token, _))| !free(*token))
            .map(|(place, (_, source))| (place, Box::from(*source)))
            .collect();
        let kept_bytes = kept.iter().map(|(_, text)| text.len().saturating_add(32)).fold(0, usize::saturating_add);
        let weight = facts.weight().saturating_add(kept_bytes);
        if self.weight().saturating_add(weight) > WEIGHT_OF_A_FORM {
            *self = Self::default();
        }
        let known = Known { kept, facts, weight };
        match self.known.get_mut(self.next) {
            Some(place) if self.next < KNOWN_OF_A_FORM => *place = known,
            Some(_) | None => self.known.push(known),
        }
        self.next = if self.known.len() < KNOWN_OF_A_FORM {
            self.known.len()
        } else {
            self.next.saturating_add(1) % KNOWN_OF_A_FORM
        };
        weight
    }
}

#[derive(Debug, Default)]
struct Generations {
    young: Shelf,
    old: Shelf,
    weight: usize,
}

impl Generations {
    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.weight = 0;
    }
}

impl Cache {
    /// Holds about `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self { generations: Mutex::default(), capacity }
    }

    /// The facts of a text if one like it was read this way before.
    pub(super) fn get(&self, skeleton: &Skeleton<'_>, key: &ReadingKey) -> Option<Arc<Facts>> {
        let mut generations = self.generations.lock();
        let form = skeleton.form.as_str();
        if let Some(known) = generations.young.get(key).and_then(|shelf| shelf.get(form)) {
            return known.get(&skeleton.data).map(Arc::clone);
        }
        let (form, known) = generations.old.get_mut(key)?.remove_entry(form)?;
        let found = known.get(&skeleton.data).map(Arc::clone);
        self.insert(&mut generations, form, key, known);
        found
    }

    /// Remembers the facts of a text.
    pub(super) fn put(&self, skeleton: &Skeleton<'_>, key: &ReadingKey, facts: Arc<Facts>) {
        let mut generations = self.generations.lock();
        if let Some(known) = generations.young.get_mut(key).and_then(|shelf| shelf.get_mut(skeleton.form.as_str())) {
            let weight = known.put(&skeleton.data, facts);
            generations.weight = generations.weight.saturating_add(weight);
            if generations.weight > self.capacity / 2 {
                generations.turn();
            }
        } else {
            let mut known = Form::default();
            known.put(&skeleton.data, facts);
            self.insert(&mut generations, Box::from(skeleton.form.as_str()), key, known);
        }
    }

    fn insert(&self, generations: &mut Generations, form: Box<str>, key: &ReadingKey, known: Form) {
        let weight = form.len().saturating_add(OVERHEAD).saturating_add(known.weight());
        // A shelf is held for its key, too.
        let shelf = key.names.weight();
        let more =
            |kept: &Generations| if kept.young.contains_key(key) { weight } else { weight.saturating_add(shelf) };
        if generations.weight.saturating_add(more(generations)) > self.capacity / 2 {
            generations.turn();
        }
        generations.weight = generations.weight.saturating_add(more(generations));
        match generations.young.get_mut(key) {
            Some(shelf) => shelf.insert(form, known),
            None => generations.young.entry(key.clone()).or_default().insert(form, known),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::super::reading::{Names, Remembered, Trust};
    use super::*;

    /// A session's that looks along so many schemas.
    fn names(session: usize, schemas: usize) -> NamesKey {
        NamesKey::Known {
            path: (0..schemas).map(|schema| Arc::from(format!("schema {schema} of {session}"))).collect(),
            schema: None,
            version: 1,
            trust: (Trust::Recent, Trust::Recent),
            searched: true,
            temporary: Arc::default(),
            defined: Arc::default(),
        }
    }

    #[test]
    fn what_names_mean_weighs_as_well_as_what_is_remembered_under_it() {
        let nothing = Remembered::new();
        let reading = Reading {
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            names: Names::Uncertain,
            read_only: true,
            limits: ReadingLimits::default(),
            prepared: &nothing,
            cursors: &nothing,
        };
        let facts = Arc::new(read::read("select 1", None, &reading).facts);
        let kept = |schemas: usize| {
            let cache = Cache::new(1 << 20);
            for session in 0..200 {
                let key = ReadingKey { names: names(session, schemas), ..ReadingKey::of(&reading) };
                cache.put(&Skeleton { form: "select 1".to_owned(), data: Vec::new() }, &key, Arc::clone(&facts));
            }
            let generations = cache.generations.lock();
            generations.young.len() + generations.old.len()
        };
        assert_eq!(kept(1), 200);
        assert!((2..40).contains(&kept(1_000)), "{}", kept(1_000));
    }
}
