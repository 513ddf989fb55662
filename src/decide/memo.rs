//! What one session asked last, and what came of it.
//!
//! A question is the same as an earlier one if every part of the document that any rule can read, or that the
//! judgement itself reads, is not only equal but the very same part: parts never change, so nothing need be hashed or
//! compared to know it. A statement that comes for the first time may ask the same as another one did, in other words:
//! then these parts are equal. Whatever is not found here is asked in the ordinary way.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

use super::decision::Decision;
use super::judge::Judgement;
use super::questions::questions;
use crate::bundle::Policy;
use crate::input::{Document, Placed};
use crate::model::Stage;

/// Bytes of the parts of one question that is worth keeping.
const LIGHT: usize = 16 * 1024;

/// Questions that one session keeps; past it all are forgotten.
const REMEMBERED: usize = 64;

/// Of these, the ones that others may be compared with; past it all are forgotten.
const COMPARED: usize = 16;

/// What the judgement reads beside the rules' answers. The first tells questions apart.
const JUDGED: [&[&str]; 4] = [&["sql", "effects"], &["sql", "relations"], &["sql", "unparsed"], &["stage"]];

/// One session's questions, by what their statement does.
#[derive(Debug, Default)]
pub struct Memo {
    known: HashMap<Name, Arc<Known>>,
    /// Those that were asked, by what they were asked about.
    asked: HashMap<u64, Arc<Known>>,
    /// The one that was asked last: it tells in which places to look.
    last: Option<Arc<Known>>,
}

/// Where the part lies that says what the statement does, and how much about it is not known.
type Name = (usize, usize);

#[derive(Debug)]
struct Known {
    generation: u64,
    stage: Stage,
    /// Kept, so that no other part can ever have the address of one of them.
    seen: Vec<Placed>,
    /// What was not known. Rules that read any of it deny; nothing is kept where one did.
    unknown: Vec<&'static str>,
    judgement: Arc<Judgement>,
    rules: u64,
}

impl Memo {
    /// The judgement of a question, if one like it was asked, and how many rules made it.
    pub(super) fn find(&mut self, generation: u64, stage: Stage, document: &Document) -> Option<(Arc<Judgement>, u64)> {
        self.recall(generation, stage, document).or_else(|| self.recall_like(generation, stage, document))
    }

    /// That of the same question.
    pub(super) fn recall(&self, generation: u64, stage: Stage, document: &Document) -> Option<(Arc<Judgement>, u64)> {
        let known = self.known.get(&name(document)?)?;
        let same = known.is_about(generation, stage, document) && known.seen.iter().all(|placed| document.has(placed));
        same.then(|| known.told())
    }

    /// That of a question about the same values, which is this one's from now on.
    fn recall_like(&mut self, generation: u64, stage: Stage, document: &Document) -> Option<(Arc<Judgement>, u64)> {
        let name = name(document)?;
        let key = self.key(self.last.as_ref()?.places(), document);
        let like = self.asked.get(&key)?;
        let same =
            like.is_about(generation, stage, document) && like.seen.iter().all(|placed| document.has_like(placed));
        if !same {
            return None;
        }
        let here = |(section, member)| Some((section, member, Arc::clone(document.stands(section, member)?)));
        let seen = like.places().map(here).collect::<Option<Vec<_>>>()?;
        let known = Known { seen, unknown: like.unknown.clone(), judgement: Arc::clone(&like.judgement), ..**like };
        let told = known.told();
        self.insert(name, Arc::new(known));
        Some(told)
    }

    /// Keeps what came of a question whose every answer may be used again.
    pub(super) fn keep(&mut self, policy: &Policy, decision: &Decision) {
        let (document, stage) = (decision.input(), decision.stage());
        let Some(name) = name(document) else { return };
        let mut seen = Vec::new();
        JUDGED.iter().for_each(|path| document.parts_under(path, &mut seen));
        let mut rules = 0_u64;
        for (_, _, _, reads) in questions(policy, stage) {
            if reads.whole() || !reads.deterministic() {
                return;
            }
            reads.paths().iter().for_each(|path| document.parts_under(path, &mut seen));
            rules = rules.saturating_add(1);
        }
        seen.sort_unstable_by_key(|(section, member, _)| (*section, *member));
        seen.dedup_by_key(|(section, member, _)| (*section, *member));
        if seen.iter().map(|(_, _, part)| part.size()).fold(0, usize::saturating_add) > LIGHT {
            return;
        }
        let (judgement, unknown) = (Arc::clone(&decision.judgement), document.unknown().to_vec());
        let known = Arc::new(Known { generation: policy.generation(), stage, seen, unknown, judgement, rules });
        if self.asked.len() >= COMPARED {
            self.asked.clear();
        }
        self.asked.insert(self.key(known.places(), document), Arc::clone(&known));
        self.last = Some(Arc::clone(&known));
        self.insert(name, known);
    }

    fn insert(&mut self, name: Name, known: Arc<Known>) {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(name, known);
    }

    /// Stands for what a document says in these places, as far as that is at hand: who finds something by it compares.
    fn key(&self, places: impl Iterator<Item = (usize, usize)>, document: &Document) -> u64 {
        let mut hasher = self.asked.hasher().build_hasher();
        for json in places.filter_map(|(section, member)| document.stands(section, member)?.written()) {
            hasher.write(json.as_bytes());
        }
        hasher.finish()
    }
}

impl Known {
    fn is_about(&self, generation: u64, stage: Stage, document: &Document) -> bool {
        self.generation == generation && self.stage == stage && document.unknown() == self.unknown
    }

    fn told(&self) -> (Arc<Judgement>, u64) {
        (Arc::clone(&self.judgement), self.rules)
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.seen.iter().map(|(section, member, _)| (*section, *member))
    }
}

fn name(document: &Document) -> Option<Name> {
    document.part(JUDGED.first()?).map(|part| (Arc::as_ptr(part).addr(), document.unknown().len()))
}
