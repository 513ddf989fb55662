//! Every refusal on the wire: one table from fault to SQLSTATE, one text per refusal.

use crate::model::{Cause, DecisionId, Fault, FaultKind};
use crate::parse::{Unparsed, UnparsedKind};
use crate::wire::postgres::{self, ErrorFields, Frame};

/// What happens to the session after the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It goes on.
    Error,
    /// It ends.
    Fatal,
}

/// The SQLSTATE of each fault, and whether the session survives it. The only such table.
pub fn sqlstate(kind: FaultKind) -> (&'static str, Severity) {
    match kind {
        FaultKind::Denied => ("42501", Severity::Error),
        FaultKind::Unreadable => ("0A000", Severity::Error),
        FaultKind::TooLarge => ("54000", Severity::Error),
        FaultKind::TooComplex => ("54001", Severity::Error),
        FaultKind::UnknownStatement => ("26000", Severity::Error),
        FaultKind::UnknownPortal => ("34000", Severity::Error),
        FaultKind::NoPolicy => ("57P03", Severity::Error),
        FaultKind::JournalFailed => ("58030", Severity::Error),
        FaultKind::JournalFull => ("53100", Severity::Error),
        FaultKind::Protocol => ("08P01", Severity::Fatal),
        FaultKind::Unauthenticated => ("28000", Severity::Fatal),
        FaultKind::WrongPassword => ("28P01", Severity::Fatal),
        FaultKind::StartupParameter => ("42501", Severity::Fatal),
        FaultKind::TooManyConnections => ("53300", Severity::Fatal),
        FaultKind::StartupTimeout => ("57014", Severity::Fatal),
        FaultKind::IdleTimeout => ("57P05", Severity::Fatal),
        FaultKind::Cancelled => ("57014", Severity::Error),
        FaultKind::UpstreamUnreachable => ("08001", Severity::Fatal),
        FaultKind::UpstreamLogin => ("08004", Severity::Fatal),
        FaultKind::UpstreamLost => ("08006", Severity::Fatal),
        FaultKind::ShuttingDown | FaultKind::IdentityExpired => ("57P01", Severity::Fatal),
        FaultKind::Internal => ("XX000", Severity::Fatal),
    }
}

/// One refusal: what went wrong and what the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    kind: FaultKind,
    message: String,
    detail: Option<String>,
    /// The server's own, where it is its refusal.
    of_server: Option<[u8; 5]>,
}

/// What a client is told of an answer that is not the one that was foreseen.
pub const UNFORESEEN: &str = "the answer is not of the form that was foreseen for it, and some columns are masked: a \
                              relation may have changed, so run the statement again";

impl Refusal {
    /// A refusal for a fault outside any decision.
    pub fn fault(fault: &dyn Fault) -> Self {
        Self::new(fault.kind(), fault.public())
    }

    /// A refusal with its own words.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, of_server: None }
    }

    /// A refusal that is the server's, with its SQLSTATE.
    pub fn of_server(kind: FaultKind, sqlstate: &str, message: &str) -> Self {
        Self { of_server: sqlstate.as_bytes().try_into().ok(), ..Self::new(kind, message) }
    }

    /// The refusal that a denial earns. Only reasons that were written for the caller are shown, such as which package
    /// failed: what the engine said of it stays in the event.
    pub fn denied(id: DecisionId, cause: Cause, reasons: &[String], unparsed: Option<&Unparsed>) -> Self {
        let kind = fault_of(cause, unparsed);
        let message = match cause {
            Cause::Policy
            | Cause::Unknown
            | Cause::Obligation
            | Cause::Contained
            | Cause::Undefined
            | Cause::Type
            | Cause::Error
            | Cause::Deadline
            | Cause::Overload => with_reasons("denied by policy", reasons),
            Cause::Identity => with_reasons("caller not recognised", reasons),
            Cause::Unparsed => with_reasons("statement could not be read", reasons),
            Cause::Limit => with_reasons("statement is over a limit", reasons),
            Cause::Protocol => with_reasons("protocol not allowed", reasons),
            Cause::NoBundle => "no policy is loaded yet".to_owned(),
        };
        Self { detail: Some(format!("decision {id}")), ..Self::new(kind, message) }
    }

    /// The refusal of an answer that was begun, and that policy does not let end. `stays`: the statement ran to its end,
    /// and what it changed cannot be undone.
    pub fn cut_short(id: Option<DecisionId>, message: &str, stays: bool) -> Self {
        Self::new(FaultKind::TooLarge, message).of_answer(id, stays)
    }

    /// The same of an answer that is not the one that was foreseen.
    pub fn unforeseen(id: Option<DecisionId>, stays: bool) -> Self {
        Self::new(FaultKind::Denied, format!("denied by policy: {UNFORESEEN}")).of_answer(id, stays)
    }

    /// The same of an answer that policy was asked about.
    pub fn answer_denied(id: DecisionId, cause: Cause, reasons: &[String], stays: bool) -> Self {
        Self::denied(id, cause, reasons, None).of_answer(Some(id), stays)
    }

    fn of_answer(mut self, id: Option<DecisionId>, stays: bool) -> Self {
        let stayed = stays.then(|| "the statement had run to its end, and what it changed stays".to_owned());
        let parts: Vec<_> = id.map(|id| format!("decision {id}")).into_iter().chain(stayed).collect();
        self.detail = (!parts.is_empty()).then(|| parts.join("; "));
        self
    }

    /// Which fault it is.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// What the client is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The SQLSTATE it carries.
    pub fn sqlstate(&self) -> &str {
        let of_server = self.of_server.as_ref().and_then(|code| std::str::from_utf8(code).ok());
        of_server.unwrap_or(sqlstate(self.kind).0)
    }

    /// Whether the session survives it.
    pub fn severity(&self) -> Severity {
        sqlstate(self.kind).1
    }

    /// The ErrorResponse for it. `None` only if it is longer than the protocol can say.
    pub fn error_response(&self) -> Option<Frame> {
        self.response(self.severity())
    }

    /// The ErrorResponse for it where the session cannot go on, whatever the fault.
    pub fn fatal_response(&self) -> Option<Frame> {
        self.response(Severity::Fatal)
    }

    fn response(&self, severity: Severity) -> Option<Frame> {
        let severity = match severity {
            Severity::Error => postgres::Severity::Error,
            Severity::Fatal => postgres::Severity::Fatal,
        };
        // A policy may write anything into a reason; a NUL would end the text early on the wire.
        let mut fields = ErrorFields::new(severity, self.sqlstate(), &self.message.replace('\0', " "));
        if let Some(detail) = &self.detail {
            fields = fields.with_detail(detail);
        }
        fields.encode_error().ok()
    }
}

fn with_reasons(start: &str, reasons: &[String]) -> String {
    if reasons.is_empty() { start.to_owned() } else { format!("{start}: {}", reasons.join("; ")) }
}

fn fault_of(cause: Cause, unparsed: Option<&Unparsed>) -> FaultKind {
    match cause {
        Cause::Unparsed => FaultKind::Unreadable,
        Cause::NoBundle => FaultKind::NoPolicy,
        Cause::Limit => match unparsed.map(|unparsed| unparsed.kind) {
            Some(UnparsedKind::TooComplex) => FaultKind::TooComplex,
            Some(UnparsedKind::TooLarge | UnparsedKind::Unreadable) | None => FaultKind::TooLarge,
        },
        Cause::Identity => FaultKind::Unauthenticated,
        Cause::Policy
        | Cause::Undefined
        | Cause::Type
        | Cause::Error
        | Cause::Deadline
        | Cause::Overload
        | Cause::Unknown
        | Cause::Obligation
        | Cause::Contained
        | Cause::Protocol => FaultKind::Denied,
    }
}

#[cfg(test)]
mod tests;
