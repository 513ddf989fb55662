//! Masks. Takes a statement's text, its facts and the masks that a decision demands, gives the text with the masks woven
//! into it; refuses, with the reason, what cannot be answered masked.

use crate::catalog::Snapshot;
use crate::decide::Masks;
use crate::parse::Facts;
use crate::wire::postgres::RowDescription;

/// A statement with masks in it.
#[derive(Clone, Debug)]
pub struct Woven {
    text: String,
    guard: Guard,
}

/// What no answer to it may show.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard;

impl Woven {
    /// What goes upstream.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a character of it stands in the client's text, both counted from 1; `None` inside a mask.
    pub fn original_position(&self, position: usize) -> Option<usize> {
        Some(position)
    }

    /// What no answer may show.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}

impl Guard {
    /// Whether an answer of this form shows nothing that is masked.
    pub fn admits(&self, _description: &RowDescription<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// Weaves masks into a text. `None` where none binds.
///
/// # Errors
/// Why the statement cannot be answered masked.
pub fn weave(_text: &str, facts: &Facts, masks: &Masks, _catalog: Option<&Snapshot>) -> Result<Option<Woven>, String> {
    let touched = facts.relations.iter().any(|relation| masks.contains_key(&relation.id));
    if touched || facts.unparsed.is_some() || facts.unknown.contains("sql.relations") {
        return Err("it may read what is masked, and masks are not woven yet".to_owned());
    }
    Ok(None)
}
