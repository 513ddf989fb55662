//! What one session asked last, and what came of it.
//!
//! A question is the same as an earlier one if every part of the document that any rule can read, or that the
//! judgement itself reads, is not only equal but the very same part: parts never change, so nothing need be hashed or
//! compared to know it. Whatever is not found here is asked in the ordinary way.

use std::collections::HashMap;
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

/// What the judgement reads beside the rules' answers. The first tells questions apart.
const JUDGED: [&[&str]; 4] = [&["sql", "effects"], &["sql", "relations"], &["sql", "unparsed"], &["stage"]];

/// One session's questions, by what their statement does.
#[derive(Debug, Default)]
pub struct Memo {
    known: HashMap<Name, Known>,
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
    /// The judgement of the same question, and how many rules made it.
    pub(super) fn recall(&self, generation: u64, stage: Stage, document: &Document) -> Option<(Arc<Judgement>, u64)> {
        let known = self.known.get(&name(document)?)?;
        let same = known.generation == generation
            && known.stage == stage
            && document.unknown() == known.unknown
            && known.seen.iter().all(|placed| document.has(placed));
        same.then(|| (Arc::clone(&known.judgement), known.rules))
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
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let (judgement, unknown) = (Arc::clone(&decision.judgement), document.unknown().to_vec());
        self.known.insert(name, Known { generation: policy.generation(), stage, seen, unknown, judgement, rules });
    }
}

fn name(document: &Document) -> Option<Name> {
    document.part(JUDGED.first()?).map(|part| (Arc::as_ptr(part).addr(), document.unknown().len()))
}
