//! Settings that the server reports when they change. A change that no statement of the session explains means that
//! something ran which nobody permitted, and ends the session.

use std::sync::Arc;

use crate::enforce::Refusal;
use crate::input;
use crate::journal::{Intent, IntentKind};
use crate::model::{Cause, FaultKind, OutcomeKind, Stage};
use crate::parse::{Effect, Facts};

use super::corridor::{Corridor, End, denied};

/// What statements are read by, and who the session is. `in_hot_standby` changes by itself.
const WATCHED: [&str; 6] = [
    "standard_conforming_strings",
    "client_encoding",
    "session_authorization",
    "is_superuser",
    // Reported since PostgreSQL 18.
    "search_path",
    "default_transaction_read_only",
];

/// What was reported last, and whether something was sent that may change it.
#[derive(Debug, Default)]
pub(super) struct Tripwire {
    reported: [Option<Box<str>>; WATCHED.len()],
    /// Stays: a rollback long after brings back what was before.
    explained: bool,
}

impl Tripwire {
    /// A statement is about to be sent.
    pub(super) fn sends(&mut self, facts: &Facts) {
        let moves = |effect: &Effect| matches!(effect, Effect::Settings | Effect::Procedure | Effect::Unknown);
        self.explained |= !facts.settings.is_empty() || facts.effects.iter().any(moves);
    }

    /// The server reported a setting. Gives the name of one whose change nothing explains.
    pub(super) fn reports(&mut self, name: &str, value: &str) -> Option<&'static str> {
        let mut all = WATCHED.into_iter().zip(&mut self.reported);
        let (watched, reported) = all.find(|(watched, _)| watched.eq_ignore_ascii_case(name))?;
        let before = reported.replace(Box::from(value));
        // A server that is made read-only for a while says so by this setting, too.
        let harmless = watched == "default_transaction_read_only" && value == "on";
        let moved = before.is_some_and(|before| *before != *value);
        (moved && !harmless && !self.explained).then_some(watched)
    }
}

impl Corridor {
    /// A setting changed, and nothing that was permitted explains it: written down, and the end of the session.
    pub(super) async fn tripped(&self, setting: &str) -> End {
        let reason = format!("`{setting}` changed, and no permitted statement explains that");
        tracing::error!(session = %self.session, listener = %self.lane.listener.name, setting, "a session is out of hand");
        let policy = self.house.store.snapshot();
        let info = self.house.info(policy.as_ref());
        let document = {
            let state = self.state.lock();
            input::session_document(&state.context, jiff::Timestamp::now(), &info)
        };
        let (stage, cause) = (Stage::Session, Cause::Protocol);
        let decision = self.house.decider.refuse(policy.as_ref(), stage, document, cause, vec![reason.clone()]);
        self.house.metrics.decided(&self.lane.listener.name, stage, OutcomeKind::Denied, Some(cause));
        let intent = Intent {
            kind: IntentKind::Session,
            session: self.session,
            listener: self.lane.listener.name.clone(),
            decision: Arc::new(decision),
        };
        // An end that cannot be written down is still the end.
        if let Ok(entry) = self.house.journal.open(intent).await {
            let _ = entry.close(denied(cause)).await;
        }
        End::Fault(Refusal::new(FaultKind::Denied, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::SettingFacts;

    #[test]
    fn a_change_that_nothing_explains_is_told() {
        let mut wire = Tripwire::default();
        for (name, value) in [("is_superuser", "off"), ("search_path", "public, pg_temp"), ("TimeZone", "UTC")] {
            assert_eq!(wire.reports(name, value), None, "the first report is how it begins");
        }
        assert_eq!(wire.reports("search_path", "public, pg_temp"), None, "the same again");
        assert_eq!(wire.reports("TimeZone", "CET"), None, "it is not watched");
        assert_eq!(wire.reports("in_hot_standby", "on"), None);
        assert_eq!(wire.reports("is_superuser", "on"), Some("is_superuser"));
        assert_eq!(wire.reports("Search_Path", "hr"), Some("search_path"));
    }

    #[test]
    fn what_was_sent_may_explain_it() {
        let setting = SettingFacts { name: "client_encoding".to_owned(), value: None, local: false };
        let set = Facts { settings: vec![setting], ..crate::input::stub::facts() };
        for facts in [Facts { effects: [Effect::Procedure].into(), ..crate::input::stub::facts() }, set] {
            let mut wire = Tripwire::default();
            wire.reports("client_encoding", "UTF8");
            wire.sends(&Facts { effects: [Effect::Read].into(), ..crate::input::stub::facts() });
            wire.sends(&facts);
            assert_eq!(wire.reports("client_encoding", "SQL_ASCII"), None);
        }
    }

    #[test]
    fn a_server_may_turn_read_only_and_not_back() {
        let mut wire = Tripwire::default();
        wire.reports("default_transaction_read_only", "off");
        assert_eq!(wire.reports("default_transaction_read_only", "on"), None);
        assert_eq!(wire.reports("default_transaction_read_only", "off"), Some("default_transaction_read_only"));
    }
}
