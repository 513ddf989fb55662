//! The same document with other values in some places: who sends a statement again is not described anew.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::{Document, Fields, Section, measure};
use crate::input::part::Part;
use crate::parse::Parameter;

/// What stands in a place from now on.
pub(in crate::input) enum Moved<'a> {
    /// This part, which seldom changes.
    Part(Arc<Part>),
    /// This part, which often changes.
    Text(Arc<Part>),
    /// A number.
    Number(u64),
    /// The values of a statement.
    Values(&'a Arc<[Parameter]>),
}

impl Moved<'_> {
    /// The part that stands there.
    pub(in crate::input) fn into_part(self) -> Arc<Part> {
        match self {
            Self::Part(part) | Self::Text(part) => part,
            Self::Number(number) => Arc::new(Part::new(Value::from(number))),
            Self::Values(values) => Arc::new(Part::parameters(values)),
        }
    }
}

impl Document {
    /// Whether nobody else has it.
    pub(in crate::input) fn is_lone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Puts other values where values move, instead of making another document: the members of `moved` in the order
    /// they have. `false`, and nothing has changed, if somebody else still has the document.
    ///
    /// A part that anybody else has is replaced and not changed, so that who remembers it cannot take the new value
    /// for the old.
    pub(in crate::input) fn renew(&mut self, time: &Section, moved: [(&'static str, &[Moved<'_>]); 3]) -> bool {
        let Some(inner) = Arc::get_mut(&mut self.0) else { return false };
        let mut same = true;
        for (name, section) in &mut inner.sections {
            let Section::Fields(fields) = section else { continue };
            if *name == "time" {
                same &= fields.follow(time);
            }
            for (_, moved) in moved.iter().filter(|(section, _)| section == name) {
                fields.joined.take();
                for ((_, part), moved) in fields.moving.iter_mut().zip(moved.iter()) {
                    same &= put(part, moved);
                }
            }
        }
        (inner.size, inner.depth) = measure(&inner.sections);
        if !same || inner.script.is_none() {
            inner.script = Some(OnceLock::new());
        }
        true
    }
}

impl Fields {
    /// Takes the fixed members of a section of the same kind; whether they were these.
    fn follow(&mut self, section: &Section) -> bool {
        let Section::Fields(other) = section else { return false };
        let same = Arc::ptr_eq(&self.fixed, &other.fixed);
        if !same {
            self.fixed = Arc::clone(&other.fixed);
            self.joined.take();
        }
        same
    }
}

/// Puts a value in a part's place; whether what stays is the same.
fn put(part: &mut Arc<Part>, moved: &Moved<'_>) -> bool {
    match moved {
        Moved::Part(new) if Arc::ptr_eq(part, new) => {}
        Moved::Part(new) => {
            *part = Arc::clone(new);
            return false;
        }
        Moved::Text(new) => part.clone_from(new),
        Moved::Number(number) if part.is_number(*number) => {}
        Moved::Number(number) => replace(part, Part::new(Value::from(*number))),
        Moved::Values(values) if part.has_parameters(values) => {}
        Moved::Values(values) => {
            // Where none were, their place was spelled with what surrounds it.
            let moved = !part.is_shared();
            replace(part, Part::parameters(values));
            return moved;
        }
    }
    true
}

/// Saves the allocation where nobody else has the old part.
fn replace(part: &mut Arc<Part>, new: Part) {
    match Arc::get_mut(part) {
        Some(old) => *old = new,
        None => *part = Arc::new(new),
    }
}
