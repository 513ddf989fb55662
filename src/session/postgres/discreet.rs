//! Errors and notices beside masks: in words that show no value.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::decide;
use crate::wire::postgres::{ErrorFields, Frame};

use super::answers::{Answers, lost};
use super::corridor::End;
use super::masks::Masked;
use super::owed::Owed;

impl Masked {
    /// An error in words that show no value, at its place in the client's text. `before`: characters that what it is
    /// about has before it.
    pub(super) fn told(&self, error: &ErrorFields, before: usize) -> Option<Frame> {
        let mut told = discreet(error);
        let place = place(error).map(|place| place.saturating_add(before));
        match place.and_then(|place| self.original_position(place)) {
            Some(place) => told.set(POSITION, &place.to_string()),
            None => told.retain(&SAID),
        }
        told.encode_error().ok()
    }

    /// The same of the question what it copies out, which the client has not asked. `before`: `None` where that is not a
    /// part of its text.
    pub(super) fn told_of_copy(&self, error: &ErrorFields, before: Option<usize>) -> Option<Frame> {
        let mut told = if self.binds() { discreet(error) } else { error.clone() };
        match (before, place(error)) {
            (Some(before), Some(_)) if self.binds() => return self.told(error, before),
            (Some(before), Some(place)) => told.set(POSITION, &place.saturating_add(before).to_string()),
            (None, _) | (_, None) => told.retain(&UNPLACED),
        }
        told.encode_error().ok()
    }
}

/// The place in a text that an error is about.
fn place(error: &ErrorFields) -> Option<usize> {
    error.get(POSITION).and_then(|place| std::str::from_utf8(place).ok()?.parse().ok())
}

/// All fields but the place.
const UNPLACED: [u8; 17] = *b"SVCMDHpqWstcdnFLR";

/// Field `P` of an error: where in the text.
const POSITION: u8 = b'P';

/// What is said of an error beside its place.
const SAID: [u8; 4] = [ErrorFields::SEVERITY, ErrorFields::SEVERITY_PLAIN, ErrorFields::CODE, ErrorFields::MESSAGE];

/// An error in words that show no value.
fn discreet(error: &ErrorFields) -> ErrorFields {
    let mut told = error.clone();
    told.retain(&[SAID.as_slice(), &[POSITION]].concat());
    if let Some(words) = error.sqlstate().and_then(without_values) {
        told.set(ErrorFields::MESSAGE, words);
    }
    told
}

/// What is said in place of a message that may show a value; `None` for the classes whose messages name only what the
/// statement names.
fn without_values(sqlstate: &str) -> Option<&'static str> {
    match sqlstate.get(..2) {
        Some("22") => Some("a value of the statement is not valid (its text is masked)"),
        Some("23") => Some("a constraint was violated (its values are masked)"),
        Some("44") => Some("the WITH CHECK OPTION of a view was violated (its values are masked)"),
        Some("08" | "0A" | "25" | "26" | "34" | "40" | "42" | "53" | "54" | "55" | "57" | "3D" | "3F") => None,
        Some(_) | None => Some("the statement failed (its message is masked)"),
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Answers<'_, R, W> {
    /// What a masked statement is noticed for may show what is masked.
    pub(super) fn notice(&mut self, frame: &Frame) {
        if self.masks().is_none_or(|masked| !masked.binds()) {
            self.pass(frame);
        }
    }

    /// An error as the client may hear it: none of what is masked, wherever it comes from.
    pub(super) fn told(&self, frame: Frame, error: &ErrorFields) -> Result<Frame, End> {
        let told = match self.masks().filter(|masked| masked.binds()) {
            Some(masks) => masks.told(error, 0),
            None if self.shows_others(error) => discreet(error).encode_error().ok(),
            None => return Ok(frame),
        };
        told.ok_or_else(|| lost("the database sent an error that cannot be masked"))
    }

    /// Whether an error is about a row of a relation that its statement does not name, or that is masked: a foreign key or
    /// a trigger leads there, or a constraint that waits for the COMMIT.
    fn shows_others(&self, error: &ErrorFields) -> bool {
        const RELATION: u8 = b't';
        let Some(masks) = self.corridor.loom.lock().last().cloned() else { return false };
        let Some(relation) = error.get(RELATION) else { return false };
        let masked = masks.keys().filter_map(|key| decide::relation_name(key).ok());
        if masked.into_iter().any(|named| named.name.as_bytes() == relation) {
            return true;
        }
        match self.corridor.state.lock().ledger.front().map(|line| &line.owed) {
            Some(Owed::Query(running) | Owed::Execute(running)) => {
                !running.facts.relations.iter().any(|named| named.name.as_bytes() == relation)
            }
            Some(_) | None => true,
        }
    }

    /// The masks in what is answered now.
    pub(super) fn masks(&self) -> Option<Arc<Masked>> {
        self.corridor.state.lock().ledger.front().and_then(|line| line.owed.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_about_names_and_states_are_shown_beside_masks() {
        for shown in ["42703", "25P02", "57014", "40001", "0A000", "53300"] {
            assert_eq!(without_values(shown), None, "{shown}");
        }
        for hidden in ["22P02", "23505", "P0001", "XX000", "", "44000", "38000"] {
            assert!(without_values(hidden).is_some(), "{hidden}");
        }
    }
}
