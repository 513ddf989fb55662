//! A text with some of its bytes replaced, and where the others came from.

use std::ops::Range;
use std::sync::Arc;

use super::copied::Copied;
use super::foresee::{Later, Rows};
use super::guard::Guard;
use crate::decide::Masker;

/// A replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// Bytes of the client's text; an empty range puts something in.
    pub(super) range: Range<usize>,
    /// What stands there instead.
    pub(super) text: String,
}

/// A statement with masks in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Woven {
    text: String,
    kept: Vec<Kept>,
    guard: Guard,
    columns: u64,
    copied: Option<Copied>,
    later: Arc<[Later]>,
    binds: bool,
}

/// Characters that are the client's own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    /// How many stand before them in the woven text.
    woven: usize,
    /// How many stand before them in the client's.
    original: usize,
    count: usize,
}

impl Woven {
    /// What goes upstream.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place in the client's text of a character of this one, both counted from 1; `None` inside a mask. One past
    /// the end is one past the end.
    pub fn original_position(&self, position: usize) -> Option<usize> {
        let before = position.checked_sub(1)?;
        let at = self.kept.partition_point(|kept| kept.woven <= before).checked_sub(1)?;
        let kept = self.kept.get(at)?;
        let within = before.checked_sub(kept.woven)?;
        let is_last = at.checked_add(1) == Some(self.kept.len());
        let is_inside = within < kept.count || (is_last && within == kept.count);
        is_inside.then(|| kept.original.saturating_add(within).saturating_add(1))
    }

    /// How many columns it reads masked.
    pub fn columns(&self) -> u64 {
        self.columns
    }

    /// Whether a mask binds in it. If none does, its text is the client's.
    pub fn binds(&self) -> bool {
        self.binds
    }

    /// The same, reading so many columns masked.
    pub(super) fn masking(self, columns: u64) -> Self {
        Self { columns, ..self }
    }

    /// The same, which copies out what a query gives.
    pub(super) fn copying(self, copied: Option<Copied>) -> Self {
        Self { copied, ..self }
    }

    /// The same, which gives these names.
    pub(super) fn leading(self, later: Arc<[Later]>) -> Self {
        Self { later, ..self }
    }

    /// The same, whose statements answer what was foreseen when the names were given that they run, in order.
    #[must_use]
    pub fn expecting(self, rows: &[Option<Rows>]) -> Self {
        Self { guard: self.guard.expecting(rows), ..self }
    }

    /// What the names that it gives will answer.
    pub fn later(&self) -> &[Later] {
        &self.later
    }

    /// What is masked on its way back of its own rows, and of those that its names will answer.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &Masker)> {
        let later = self.later.iter().flat_map(|later| later.rows.iter()).flat_map(Rows::cells);
        self.guard.cells().chain(later)
    }

    /// What it copies out, if that is all it does.
    pub fn copied(&self) -> Option<&Copied> {
        self.copied.as_ref()
    }

    /// What may not be in the answer.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}

/// Replaces. `None` where two replacements overlap or one is not in the text: then nothing is certain.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>, guard: Guard) -> Option<Woven> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut woven = String::with_capacity(text.len().saturating_add(added));
    let mut kept = Vec::with_capacity(edits.len().saturating_add(1));
    let (mut end, mut characters, mut original) = (0_usize, 0_usize, 0_usize);
    for edit in &edits {
        let before = text.get(end..edit.range.start)?;
        let count = before.chars().count();
        woven.push_str(before);
        kept.push(Kept { woven: characters, original, count });
        woven.push_str(&edit.text);
        characters = characters.checked_add(count)?.checked_add(edit.text.chars().count())?;
        let gone = text.get(edit.range.clone())?.chars().count();
        original = original.checked_add(count)?.checked_add(gone)?;
        end = edit.range.end;
    }
    let rest = text.get(end..)?;
    woven.push_str(rest);
    kept.push(Kept { woven: characters, original, count: rest.chars().count() });
    Some(Woven { text: woven, kept, guard, columns: 0, binds: true, copied: None, later: Arc::default() })
}

/// A text in which no mask binds.
pub(super) fn unchanged(text: &str, guard: Guard) -> Woven {
    Woven {
        text: text.to_owned(),
        kept: Vec::new(),
        guard,
        columns: 0,
        binds: false,
        copied: None,
        later: Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woven(text: &str, edits: &[(Range<usize>, &str)]) -> Option<Woven> {
        let edits = edits.iter().map(|(range, text)| Edit { range: range.clone(), text: (*text).to_owned() }).collect();
        apply(text, edits, Guard::default())
    }

    #[test]
    fn what_is_not_replaced_stays_and_knows_where_it_was() {
        let woven = woven("äb cd ef", &[(4..6, "<masked>"), (7..7, "ü")]).unwrap();
        assert_eq!(woven.text(), "äb <masked> üef");
        let places: Vec<_> = (0..=17).map(|at| woven.original_position(at)).collect();
        let expected = [
            None,
            Some(1),
            Some(2),
            Some(3),
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            Some(6),
            None,
            Some(7),
            Some(8),
            Some(9),
            None,
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn replacements_that_overlap_are_not_made() {
        assert!(woven("abcdef", &[(0..3, "x"), (2..4, "y")]).is_none());
        assert!(woven("abc", &[(2..9, "x")]).is_none());
        assert!(woven("ä", &[(1..2, "x")]).is_none());
    }
}
