//! Which policy serves: taken from the files when they change, swapped as one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::config::BundleSource;

use super::gate::Limits;
use super::policy::Policy;
use super::status::BundleStatus;

/// What a store is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `bundles`.
    pub sources: Vec<BundleSource>,
    /// `plugins.sidegate.decision`, without a leading slash.
    pub decision: String,
    /// `plugins.sidegate.deadline`: how long one evaluation may take.
    pub deadline: Duration,
    /// The program whose `__gate` checks bundles; normally [`super::gate::program`].
    pub program: PathBuf,
    /// What that process may use.
    pub limits: Limits,
    /// Time between two listings of the files.
    pub interval: Duration,
}

/// The policy that serves, and the thread that replaces it. Cheap to clone; the thread ends with the last clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    policy: ArcSwapOption<Policy>,
    status: Mutex<Vec<BundleStatus>>,
    generation: watch::Sender<u64>,
}

impl Store {
    /// The policy that serves; `None` until every bundle was activated once.
    pub fn snapshot(&self) -> Option<Arc<Policy>> {
        self.shared.policy.load_full()
    }

    /// How every bundle is doing, in the order of the configuration.
    pub fn status(&self) -> Vec<BundleStatus> {
        self.shared.status.lock().clone()
    }

    /// The generation that serves (0: none), and a wake-up at every swap.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.generation.subscribe()
    }
}
