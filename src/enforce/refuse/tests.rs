use super::*;

/// Every fault, its SQLSTATE and whether the session survives it. A new fault belongs here, too.
const TABLE: [(FaultKind, &str, Severity); 23] = [
    (FaultKind::Denied, "42501", Severity::Error),
    (FaultKind::Unreadable, "0A000", Severity::Error),
    (FaultKind::TooLarge, "54000", Severity::Error),
    (FaultKind::TooComplex, "54001", Severity::Error),
    (FaultKind::UnknownStatement, "26000", Severity::Error),
    (FaultKind::UnknownPortal, "34000", Severity::Error),
    (FaultKind::NoPolicy, "57P03", Severity::Error),
    (FaultKind::JournalFailed, "58030", Severity::Error),
    (FaultKind::JournalFull, "53100", Severity::Error),
    (FaultKind::Protocol, "08P01", Severity::Fatal),
    (FaultKind::Unauthenticated, "28000", Severity::Fatal),
    (FaultKind::WrongPassword, "28P01", Severity::Fatal),
    (FaultKind::StartupParameter, "42501", Severity::Fatal),
    (FaultKind::TooManyConnections, "53300", Severity::Fatal),
    (FaultKind::StartupTimeout, "57014", Severity::Fatal),
    (FaultKind::IdleTimeout, "57P05", Severity::Fatal),
    (FaultKind::Cancelled, "57014", Severity::Error),
    (FaultKind::UpstreamUnreachable, "08001", Severity::Fatal),
    (FaultKind::UpstreamLogin, "08004", Severity::Fatal),
    (FaultKind::UpstreamLost, "08006", Severity::Fatal),
    (FaultKind::ShuttingDown, "57P01", Severity::Fatal),
    (FaultKind::IdentityExpired, "57P01", Severity::Fatal),
    (FaultKind::Internal, "XX000", Severity::Fatal),
];

#[test]
fn every_fault_has_one_sqlstate_and_one_severity() {
    for (kind, code, severity) in TABLE {
        assert_eq!(sqlstate(kind), (code, severity), "{kind:?}");
    }
}

#[test]
fn a_denial_shows_the_operators_reasons_and_the_decision_only() {
    let id = DecisionId::random();
    let reasons = ["no writes".to_owned(), "not\0today".to_owned()];
    let refusal = Refusal::denied(id, Cause::Policy, &reasons, None);
    let frame = refusal.error_response().expect("it fits");
    let fields = ErrorFields::decode(frame.body()).expect("it is one ErrorResponse");
    assert_eq!(fields.get(ErrorFields::MESSAGE), Some(&b"denied by policy: no writes; not today"[..]));
    assert_eq!(fields.get(ErrorFields::DETAIL), Some(format!("decision {id}").as_bytes()));
    assert_eq!(fields.get(ErrorFields::SEVERITY), Some(&b"ERROR"[..]));
    for cause in [Cause::Undefined, Cause::Type, Cause::Error, Cause::Deadline, Cause::Overload] {
        let failed = Refusal::denied(id, cause, &["a rule of `policies.shop` failed".to_owned()], None);
        assert_eq!(
            (failed.message(), failed.sqlstate()),
            ("denied by policy: a rule of `policies.shop` failed", "42501")
        );
    }
}

#[test]
fn a_denial_without_reasons_is_still_a_sentence() {
    assert_eq!(Refusal::denied(DecisionId::random(), Cause::Policy, &[], None).message(), "denied by policy");
}

#[test]
fn what_is_over_a_limit_says_which_kind() {
    let unparsed = |kind| Unparsed { keyword: "SELECT".to_owned(), reason: "too much".to_owned(), kind };
    for (kind, code) in [(UnparsedKind::TooLarge, "54000"), (UnparsedKind::TooComplex, "54001")] {
        let refusal = Refusal::denied(DecisionId::random(), Cause::Limit, &[], Some(&unparsed(kind)));
        assert_eq!(refusal.sqlstate(), code);
    }
}
