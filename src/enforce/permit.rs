//! The right to send one message upstream.

use crate::decide::Verdict;
use crate::journal::Entry;
use crate::parse::Request;
use crate::wire::postgres::Frame;

use super::refuse::Refusal;

/// Proof that a decision was carried out. Private fields and no `Clone`: `forward` takes it by
/// value, and it owns the bytes that were judged and the open journal entry, so what was judged
/// is what is sent, once, and nothing is sent unrecorded.
#[derive(Debug)]
pub struct Permit {
    frame: Frame,
    entry: Entry,
}

impl Permit {
    /// Gives up the bytes and the entry, which `forward` needs to send the one and keep the other.
    pub fn into_parts(self) -> (Frame, Entry) {
        (self.frame, self.entry)
    }
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
pub fn carry_out(request: Request, entry: Entry) -> Result<Permit, Box<Refused>> {
    let refusal = match entry.decision().verdict() {
        Verdict::Allow | Verdict::Unasked => return Ok(Permit { frame: request.into_frame(), entry }),
        Verdict::Deny { cause, reasons } => {
            Refusal::denied(entry.decision().id(), *cause, reasons, request.facts().unparsed.as_ref())
        }
    };
    Err(Box::new(Refused { refusal, entry }))
}

/// The right to send an Execute under the entry that its Bind opened. `None` if that entry's
/// decision was not an allow, which leaves the entry to its caller's next question.
pub fn resume(frame: Frame, entry: Entry) -> Option<Permit> {
    match entry.decision().verdict() {
        Verdict::Allow | Verdict::Unasked => Some(Permit { frame, entry }),
        Verdict::Deny { .. } => None,
    }
}
