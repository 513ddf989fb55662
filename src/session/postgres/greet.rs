//! Before a session is open: what the client asked for is checked, and the session question asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{self, Settings};
use crate::decide::{Decision, Verdict};
use crate::enforce::Refusal;
use crate::identify::Identified;
use crate::input::{self, Opening, SessionContext};
use crate::journal::{Entry, Intent, IntentKind, Outcome};
use crate::model::{Caller, Cause, FaultKind, Method, OutcomeKind, SessionId, Stage, Target, brief};
use crate::session::house::{House, Lane};
use crate::wire::postgres::Startup;

use super::corridor::{bound_only, denied};

/// A client at the door.
pub(super) struct Greeting {
    house: Arc<House>,
    lane: Arc<Lane>,
    session: SessionId,
    opening: Opening,
    /// The database it asked for.
    pub(super) database: String,
}

/// Start-up parameters that change nothing a decision rests on.
const HARMLESS: [&str; 6] =
    ["application_name", "client_encoding", "datestyle", "intervalstyle", "timezone", "extra_float_digits"];

impl Greeting {
    /// Takes down what the client said of itself; nobody knows yet who it is.
    pub(super) fn new(
        house: &Arc<House>,
        lane: &Arc<Lane>,
        session: SessionId,
        startup: &Startup,
        peer: String,
    ) -> Self {
        let user = startup.user().unwrap_or_default().to_owned();
        let database = startup.database().unwrap_or(&user).to_owned();
        let mut parameters: BTreeMap<String, String> =
            startup.settings().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let application_name = parameters.remove("application_name").unwrap_or_default();
        let upstream = &lane.listener.upstream;
        let target = Target {
            listener: lane.listener.name.to_string(),
            address: upstream.address.to_string(),
            database: database.clone(),
            user: upstream.user.clone(),
            labels: lane.listener.labels.clone(),
        };
        let opening = Opening {
            id: session,
            caller: nobody(),
            workload: house.workload.clone(),
            target,
            started_at: jiff::Timestamp::now(),
            address: peer,
            user,
            application_name,
            parameters,
        };
        Self { house: Arc::clone(house), lane: Arc::clone(lane), session, opening, database }
    }

    /// Writes down that there will be no session, and why. Nobody was asked, so the record needs nothing of what the
    /// client sent but its names, and of them the beginning: whoever proves nothing fills no disk.
    pub(super) async fn refuse(&self, cause: Cause, reason: &str) {
        let policy = self.house.store.snapshot();
        let info = self.house.info(policy.as_ref());
        let document = input::session_document(&self.context_of(&self.briefly()), jiff::Timestamp::now(), &info);
        let reasons = vec![reason.to_owned()];
        let decision = self.house.decider.refuse(policy.as_ref(), Stage::Session, document, cause, reasons);
        self.deny(decision, cause).await;
    }

    /// From now on it is known who it is.
    pub(super) fn identified(&mut self, identified: &Identified) {
        self.opening.caller = identified.caller.clone();
    }

    /// The session as policy sees it.
    pub(super) fn context(&self) -> SessionContext {
        self.context_of(&self.opening)
    }

    fn briefly(&self) -> Opening {
        let opening = &self.opening;
        let database = brief(&opening.target.database).to_owned();
        Opening {
            id: opening.id,
            caller: opening.caller.clone(),
            workload: opening.workload.clone(),
            target: Target { database, ..opening.target.clone() },
            started_at: opening.started_at,
            address: opening.address.clone(),
            user: brief(&opening.user).to_owned(),
            application_name: brief(&opening.application_name).to_owned(),
            parameters: BTreeMap::new(),
        }
    }

    fn context_of(&self, opening: &Opening) -> SessionContext {
        let path = match &self.lane.listener.settings {
            Settings::Pinned(_) => Some(self.lane.search_path.clone()),
            Settings::Free => None,
        };
        SessionContext::among(&self.lane.alike, opening, path)
    }

    /// The settings that go into the start-up packet for the server: the client's harmless ones, then
    /// the pins, so that RESET returns to them.
    pub(super) fn parameters(&self, startup: &Startup) -> Result<Vec<(String, String)>, Refusal> {
        let mut sent = Vec::new();
        for (name, value) in startup.settings() {
            let lower = name.to_ascii_lowercase();
            let allowed = self.lane.listener.allowed_parameters.contains(&lower);
            if lower == "replication" || !(allowed || HARMLESS.contains(&lower.as_str())) {
                let may = config::may_be_allowed(&lower, &self.lane.listener.settings);
                let way = if may { "; `startup_parameters.allow` may name it" } else { "" };
                return Err(Refusal::new(
                    FaultKind::StartupParameter,
                    format!("start-up parameter \"{}\" is not allowed{way}", brief(name)),
                ));
            }
            if lower == "client_encoding" && !allowed && !is_utf8(value) {
                return Err(Refusal::new(
                    FaultKind::StartupParameter,
                    format!("client_encoding \"{}\" is not allowed: use UTF8", brief(value)),
                ));
            }
            sent.push((name.to_owned(), value.to_owned()));
        }
        if let Settings::Pinned(pins) = &self.lane.listener.settings {
            sent.retain(|(name, _)| !pins.iter().any(|(pin, _)| pin.eq_ignore_ascii_case(name)));
            sent.extend(pins.iter().cloned());
        }
        Ok(sent)
    }

    /// Asks whether this session may open. `Ok` holds the entry that says it is being opened.
    pub(super) async fn ask(&self, context: &SessionContext) -> Result<Entry, Refusal> {
        let policy = self.house.store.snapshot();
        let info = self.house.info(policy.as_ref());
        let document = input::session_document(context, jiff::Timestamp::now(), &info);
        let decision = if self.lane.asks(Stage::Session) {
            self.house.decider.decide(policy, Stage::Session, document).await
        } else {
            self.house.decider.unasked(policy.as_ref(), Stage::Session, document)
        };
        let refused = match decision.verdict() {
            Verdict::Allow | Verdict::Unasked => None,
            Verdict::Deny { cause, reasons } => Some((*cause, Refusal::denied(decision.id(), *cause, reasons, None))),
        };
        match refused {
            Some((cause, refusal)) => {
                self.deny(decision, cause).await;
                Err(refusal)
            }
            None => self.house.journal.open(self.intent(decision)).await.map_err(|error| Refusal::fault(&error)),
        }
    }

    /// Says in the journal that the session is open, or why it is not.
    pub(super) async fn close(&self, entry: Entry, kind: OutcomeKind) -> Result<(), Refusal> {
        let outcome = Outcome { kind, event: true, ..bound_only() };
        self.house.metrics.decided(&self.lane.listener.name, Stage::Session, kind, None);
        entry.close(outcome).await.map_err(|error| Refusal::fault(&error))
    }

    async fn deny(&self, decision: Decision, cause: Cause) {
        self.house.metrics.decided(&self.lane.listener.name, Stage::Session, OutcomeKind::Denied, Some(cause));
        // A denial that cannot be written down is still that denial.
        if let Ok(entry) = self.house.journal.open(self.intent(decision)).await {
            let _ = entry.close(denied(cause)).await;
        }
    }

    fn intent(&self, decision: Decision) -> Intent {
        Intent {
            kind: IntentKind::Session,
            session: self.session,
            listener: self.lane.listener.name.clone(),
            decision: Arc::new(decision),
        }
    }
}

/// PostgreSQL's spellings of UTF-8. A client in the C locale asks for no conversion at all, which leaves
/// its text in the server's encoding: the reader then takes nothing above 0x7f for certain.
fn is_utf8(encoding: &str) -> bool {
    let letters: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    ["utf8", "unicode", "sqlascii"].iter().any(|name| letters.eq_ignore_ascii_case(name))
}

/// The caller of a session of whom nothing is known.
fn nobody() -> Caller {
    Caller {
        subject: "unknown".to_owned(),
        issuer: None,
        method: Method::Anonymous,
        verified: false,
        groups: Vec::new(),
        claims: serde_json::Map::new(),
        expires_at: None,
        actor: None,
    }
}
