//! Documents as JSON.

use std::convert::Infallible;
use std::sync::Arc;

use serde::Serialize;

use super::{Document, Section};
use crate::input::part::Part;
use crate::input::spelling::Spelling;

/// A piece of a document's JSON.
#[derive(Debug)]
pub(super) enum Step {
    /// Stays.
    Said(Arc<str>),
    /// The numbers of a section and of one of its members, which may change.
    Member(usize, usize),
}

impl Document {
    /// Writes it down as JSON: an object of its sections.
    ///
    /// # Errors
    /// What `out` says of a piece.
    pub fn spell<S: Spelling>(&self, out: &mut S) -> Result<(), S::Error> {
        match &self.0.script {
            None => self.spell_members(out, |_, _| false, |_, _, _| Ok(())),
            Some(script) => script.get_or_init(|| self.script()).iter().try_for_each(|step| match step {
                Step::Said(text) => out.shared(text),
                Step::Member(section, member) => self.at(*section, *member).map_or(Ok(()), |(_, part)| part.spell(out)),
            }),
        }
    }

    /// How documents like this one are spelled: what stays in them is one piece from one moving member to the next,
    /// or up to a text that other documents have, too.
    fn script(&self) -> Vec<Step> {
        let mut script = Script::default();
        let moves = |section: usize, member: usize| {
            self.at(section, member).is_some_and(|(name, part)| *name == "text" || !part.is_shared())
        };
        let spelled = self.spell_members(&mut script, moves, |script, section, member| {
            script.end_run();
            script.steps.push(Step::Member(section, member));
            Ok(())
        });
        match spelled {
            Ok(()) => script.end_run(),
            Err(never) => match never {},
        }
        script.steps
    }

    /// Spells it member by member, but leaves those that move to `moving`.
    fn spell_members<S: Spelling>(
        &self,
        out: &mut S,
        moves: impl Fn(usize, usize) -> bool,
        moving: impl Fn(&mut S, usize, usize) -> Result<(), S::Error>,
    ) -> Result<(), S::Error> {
        let mut before = "{";
        for (at, (name, section)) in self.0.sections.iter().enumerate() {
            name_member(out, before, name)?;
            before = ",";
            let fields = match section {
                Section::Whole(part) => {
                    part.spell(out)?;
                    continue;
                }
                Section::Fields(fields) => fields,
            };
            out.own("{")?;
            if !fields.fixed.members.is_empty() {
                out.shared(fields.fixed.text())?;
            }
            let fixed = fields.fixed.members.len();
            for (number, (name, part)) in fields.moving.iter().enumerate() {
                let member = fixed.saturating_add(number);
                name_member(out, if member == 0 { "" } else { "," }, name)?;
                if moves(at, member) { moving(out, at, member)? } else { part.spell(out)? }
            }
            out.own("}")?;
        }
        out.own(if before == "{" { "{}" } else { "}" })
    }

    fn at(&self, section: usize, member: usize) -> Option<&(&'static str, Arc<Part>)> {
        match self.0.sections.get(section)? {
            (_, Section::Fields(fields)) => fields.at(member),
            (_, Section::Whole(_)) => None,
        }
    }
}

/// Joins what is spelled into as few pieces as there can be.
#[derive(Default)]
struct Script {
    steps: Vec<Step>,
    run: String,
}

/// A text that is longer is a piece of its own: other documents have it, too.
const LONG: usize = 256;

impl Script {
    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.steps.push(Step::Said(Arc::from(std::mem::take(&mut self.run))));
        }
    }
}

impl Spelling for Script {
    type Error = Infallible;

    fn own(&mut self, json: &str) -> Result<(), Infallible> {
        self.run.push_str(json);
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Infallible> {
        // Plain data always serialises; `null` is no list and no object.
        self.run.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()));
        Ok(())
    }

    fn shared(&mut self, json: &Arc<str>) -> Result<(), Infallible> {
        if json.len() < LONG {
            return self.own(json);
        }
        self.end_run();
        self.steps.push(Step::Said(Arc::clone(json)));
        Ok(())
    }
}

/// The names of members are identifiers: nothing in them must be escaped.
fn name_member<S: Spelling>(out: &mut S, before: &str, name: &str) -> Result<(), S::Error> {
    out.own(before)?;
    out.own("\"")?;
    out.own(name)?;
    out.own("\":")
}
