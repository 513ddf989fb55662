//! Which policy serves: taken from the files when they change, swapped as one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::config::BundleSource;

use super::error::BundleError;
use super::gate::{self, Limits};
use super::keeper::Keeper;
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
    /// The program that checks bundles when its first argument is [`gate::ARGUMENT`].
    pub program: PathBuf,
    /// What a checking process may use.
    pub limits: Limits,
    /// Time between two listings of the files.
    pub interval: Duration,
    /// Time until a check that failed for the machine's sake is tried again; it doubles up to sixteenfold.
    pub retry: Duration,
}

impl Settings {
    /// The contract's figures, and this program as the one that checks.
    pub fn new(sources: Vec<BundleSource>, decision: String, deadline: Duration) -> Self {
        let interval = Duration::from_millis(250);
        let retry = Duration::from_secs(5);
        Self { sources, decision, deadline, program: gate::program(), limits: Limits::default(), interval, retry }
    }
}

/// The policy that serves, and the thread that replaces it. Cheap to clone; the thread ends with the last clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    // The thread sees the end of this channel when the last store is gone.
    _alive: mpsc::Sender<()>,
}

/// What the store and its thread both hold.
pub(super) struct Shared {
    pub(super) policy: ArcSwapOption<Policy>,
    pub(super) status: Mutex<Vec<BundleStatus>>,
    pub(super) generation: watch::Sender<u64>,
}

impl Store {
    /// Starts the thread that looks at the bundles. Nothing serves until it has taken each of them once.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(settings: Settings) -> Result<Self, BundleError> {
        let shared = Arc::new(Shared {
            policy: ArcSwapOption::empty(),
            status: Mutex::new(settings.sources.iter().map(|source| BundleStatus::new(&source.name)).collect()),
            generation: watch::Sender::new(0),
        });
        let (alive, ended) = mpsc::channel();
        let interval = settings.interval;
        let mut keeper = Keeper::new(settings, Arc::clone(&shared));
        thread::Builder::new()
            .name("bundles".to_owned())
            .stack_size(gate::STACK)
            .spawn(move || {
                loop {
                    // A panic in the engine costs the bundle that caused it, not the watch over the others.
                    if catch_unwind(AssertUnwindSafe(|| keeper.look())).is_err() {
                        keeper.give_up();
                    }
                    if ended.recv_timeout(interval) == Err(mpsc::RecvTimeoutError::Disconnected) {
                        break;
                    }
                }
            })
            .map_err(|cause| BundleError::Thread { cause })?;
        Ok(Self { shared, _alive: alive })
    }

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
