//! The right to send one message upstream.

use bytes::Bytes;

use crate::decide::Verdict;
use crate::journal::{Entry, Mark};
use crate::parse::Request;
use crate::wire::postgres::{Close, Frame, Object, Parse, Query, WireError};

use super::mask::Woven;
use super::refuse::Refusal;

/// Proof that a decision was carried out. Private fields and no `Clone`: `forward` takes it by
/// value, and it owns the bytes that were judged and the open journal entry, so what was judged
/// is what is sent, once, and nothing is sent unrecorded.
#[derive(Debug)]
pub struct Permit {
    before: Option<Bytes>,
    frame: Frame,
    entry: Entry,
}

impl Permit {
    /// What the journal must have before anything of it is sent.
    pub fn mark(&self) -> Mark {
        self.entry.mark()
    }

    /// Gives up the bytes and the entry, which `forward` needs to send the one and keep the other. First come messages
    /// of sidegate's own that prepare the statement anew, if they are needed.
    pub fn into_parts(self) -> (Option<Bytes>, Frame, Entry) {
        (self.before, self.frame, self.entry)
    }
}

/// In which words a statement goes upstream.
#[derive(Clone, Copy, Debug)]
pub enum Wording<'a> {
    /// In the client's.
    Own,
    /// In the client's with masks woven into them.
    Woven(&'a Woven),
    /// What was prepared in other words is prepared in these before it is bound.
    Anew {
        /// The prepared statement's name.
        name: &'a str,
        /// Its new words.
        text: &'a str,
        /// The OIDs of its parameters' types as the client gave them.
        types: &'a [u32],
    },
}

/// A request that may not go upstream, with the entry that must be closed as denied.
#[derive(Debug)]
pub struct Refused {
    /// What the client will see.
    pub refusal: Refusal,
    /// The open entry.
    pub entry: Entry,
}

/// Turns an answered question into the right to send, or into the refusal.
pub fn carry_out(request: Request, entry: Entry, wording: Wording<'_>) -> Result<Permit, Box<Refused>> {
    let refusal = match entry.decision().verdict() {
        Verdict::Allow | Verdict::Unasked => match worded(request.into_frame(), wording) {
            Ok((before, frame)) => return Ok(Permit { before, frame, entry }),
            Err(error) => Refusal::fault(&error),
        },
        Verdict::Deny { cause, reasons } => {
            Refusal::denied(entry.decision().id(), *cause, reasons, request.facts().unparsed.as_ref())
        }
    };
    Err(Box::new(Refused { refusal, entry }))
}

/// The message in other words, and what must come before it.
fn worded(frame: Frame, wording: Wording<'_>) -> Result<(Option<Bytes>, Frame), WireError> {
    match (wording, frame.tag()) {
        (Wording::Own, _) => Ok((None, frame)),
        (Wording::Woven(woven), b'Q') => Ok((None, Query { sql: woven.text().as_bytes() }.encode()?)),
        (Wording::Woven(woven), b'P') => {
            let parse = Parse::decode(frame.body())?;
            Ok((None, Parse { sql: woven.text().as_bytes(), ..parse }.encode()?))
        }
        (Wording::Anew { name, text, types }, b'B') => {
            let close = Close { object: Object::Statement, name: name.as_bytes() }.encode()?;
            let parse = Parse { name: name.as_bytes(), sql: text.as_bytes(), types: types.to_vec() }.encode()?;
            Ok((Some(Bytes::from([close.bytes().as_ref(), parse.bytes().as_ref()].concat())), frame))
        }
        (Wording::Woven(_) | Wording::Anew { .. }, tag) => Err(WireError::Tag { tag }),
    }
}

/// The right to send an Execute under the entry that its Bind opened. `None` if that entry's
/// decision was not an allow, which leaves the entry to its caller's next question.
pub fn resume(frame: Frame, entry: Entry) -> Option<Permit> {
    match entry.decision().verdict() {
        Verdict::Allow | Verdict::Unasked => Some(Permit { before: None, frame, entry }),
        Verdict::Deny { .. } => None,
    }
}
