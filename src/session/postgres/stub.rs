//! A session without a client and a server, for tests of its parts.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;

use super::super::atlas::Page;
use super::super::{Drain, House, Lane};
use super::corridor::Corridor;
use super::search::Search;
use super::signals::Signals;
use super::state::State;
use crate::accept::Hands;
use crate::bundle::{self, Store};
use crate::config::Config;
use crate::decide::{self, Decider};
use crate::enforce::mask::cells::Keyring;
use crate::identify::{Identifier, Issuers, MockSecret, Validity};
use crate::input::stub;
use crate::journal::{Journal, JournalSettings};
use crate::model::{OutcomeKind, SessionId, Stage};
use crate::parse::{Reader, Stack};
use crate::telemetry::Metrics;

/// Nobody listens at its upstream.
const CONFIGURATION: &str = "
plugins:
  sidegate:
    state_directory: STATE
    listeners:
      - name: shop
        protocol: postgres
        address: 127.0.0.1:0
        identify: [{anonymous: {}}]
        upstream: {address: '127.0.0.1:1', credential: {user: app, password: {env: NOBODYS}}}
";

/// A session, and what it lives in.
pub(in crate::session) struct Session {
    pub(super) corridor: Corridor,
    _directory: TempDir,
    _draining: watch::Sender<bool>,
}

impl Session {
    /// Of a database that nobody has looked at, and nobody looks at.
    pub(in crate::session) fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = CONFIGURATION.replace("STATE", &directory.path().display().to_string());
        let (config, _) =
            Config::parse("c.yaml", &text, &[], &[], &|name| (name == "NOBODYS").then(|| "secret".to_owned())).unwrap();
        let (metrics, sidegate) = (Metrics::new(), &config.sidegate);
        let (draining, state) = watch::channel(false);
        let listener = Arc::new(sidegate.listeners[0].clone());
        let identifier =
            Identifier::new(Arc::clone(&listener), &Issuers::default(), MockSecret::of(directory.path()).unwrap());
        let lane =
            Lane::new(listener, identifier.unwrap(), Reader::new(1, 0, Stack::Ordinary).unwrap(), Hands::default());
        let house = House::new(
            Store::start(bundle::Settings::new(Vec::new(), sidegate.decision.clone(), sidegate.deadline)).unwrap(),
            Decider::new(decide::Settings::of(sidegate, metrics.clone())).unwrap(),
            Journal::start(&directory.path().join("journal"), JournalSettings::default()).unwrap(),
            metrics,
            sidegate.workload.clone(),
            Drain::new(state, Duration::from_secs(1)),
            Keyring::default(),
        );
        let page = lane.atlas.page("shop");
        let corridor = corridor(house, lane, page);
        Self { corridor, _directory: directory, _draining: draining }
    }

    /// Its listener.
    pub(in crate::session) fn lane(&self) -> &Lane {
        &self.corridor.lane
    }
}

fn corridor(house: House, lane: Lane, page: Arc<Page>) -> Corridor {
    let search = Search::pinned(&lane);
    Corridor {
        session: SessionId::random(),
        state: Mutex::new(State::new(stub::context(), Some(page), search)),
        recent: Mutex::default(),
        masks_cells: AtomicBool::new(false),
        loom: Mutex::default(),
        expected: Mutex::default(),
        memo: Mutex::default(),
        signals: Signals::default(),
        draining: AtomicBool::new(false),
        validity: Validity::default(),
        forwarded: house.metrics.tally(&lane.listener.name, Stage::Request, OutcomeKind::Forwarded),
        cancelled: None,
        asking: AtomicBool::new(false),
        answering: AtomicBool::new(false),
        told: Mutex::default(),
        house: Arc::new(house),
        lane: Arc::new(lane),
    }
}
