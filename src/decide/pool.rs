//! The threads that evaluate: a fixed number with big stacks, behind a bounded queue.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::error::DecideError;
use crate::bundle::gate::STACK;

/// Questions that may wait for each thread.
const WAITING_PER_THREAD: usize = 256;

/// Threads that may be lost in built-ins at one time; past it no more are started.
const MOST_LOST: usize = 32;

/// Something to do on an evaluator thread.
pub(super) type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// The pool. Dropping it ends its threads once they are idle.
pub(super) struct Pool<T: Send + 'static> {
    shared: Arc<Shared<T>>,
    /// A thread that is busy for longer is stuck.
    patience: Duration,
    capacity: usize,
}

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    ready: Condvar,
    threads: Mutex<Vec<Arc<Thread>>>,
    /// Threads given up so far.
    stuck: AtomicUsize,
    /// Of those, the ones that have not come back yet.
    lost: AtomicUsize,
    started: Instant,
}

struct Queue<T> {
    jobs: VecDeque<Job<T>>,
    closed: bool,
}

struct Job<T> {
    work: Work<T>,
    reply: oneshot::Sender<Result<T, Broken>>,
}

/// The work panicked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken;

#[derive(Default)]
struct Thread {
    /// When its work began, in milliseconds since the pool's start plus one; 0 when idle,
    /// `REPLACED` when it was given up.
    busy: AtomicU64,
}

const IDLE: u64 = 0;
const REPLACED: u64 = u64::MAX;

impl<T: Send + 'static> Pool<T> {
    pub(super) fn start(threads: usize, patience: Duration) -> Result<Self, DecideError> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { jobs: VecDeque::new(), closed: false }),
            ready: Condvar::new(),
            threads: Mutex::new(Vec::new()),
            stuck: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            started: Instant::now(),
        });
        let pool = Self { shared, patience, capacity: threads.max(1).saturating_mul(WAITING_PER_THREAD) };
        for _ in 0..threads.max(1) {
            pool.shared.spawn()?;
        }
        Ok(pool)
    }

    /// Queues work; refuses when too much waits.
    pub(super) fn submit(&self, work: Work<T>) -> Result<oneshot::Receiver<Result<T, Broken>>, DecideError> {
        self.replace_stuck();
        let (reply, answer) = oneshot::channel();
        let mut queue = self.shared.queue.lock();
        if queue.jobs.len() >= self.capacity {
            // What nobody waits for any more makes room first.
            queue.jobs.retain(|job| !job.reply.is_closed());
        }
        let waiting = queue.jobs.len();
        if waiting >= self.capacity {
            return Err(DecideError::Overload { waiting });
        }
        queue.jobs.push_back(Job { work, reply });
        drop(queue);
        self.shared.ready.notify_one();
        Ok(answer)
    }

    /// Threads given up because one built-in never came back.
    pub(super) fn stuck(&self) -> usize {
        self.shared.stuck.load(Ordering::Relaxed)
    }

    /// Starts another thread for each that has been busy for too long. The old one ends when,
    /// if ever, its work does.
    pub(super) fn replace_stuck(&self) {
        let now = self.shared.now();
        let patience = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        let mut given_up = 0usize;
        self.shared.threads.lock().retain(|thread| {
            let since = thread.busy.load(Ordering::Acquire);
            let late = since != IDLE && since != REPLACED && now.saturating_sub(since) > patience;
            let replaced = late
                && self.shared.lost.load(Ordering::Relaxed) < MOST_LOST
                && thread.busy.compare_exchange(since, REPLACED, Ordering::AcqRel, Ordering::Acquire).is_ok();
            if replaced {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
                given_up = given_up.saturating_add(1);
            }
            !replaced
        });
        for _ in 0..given_up {
            self.shared.stuck.fetch_add(1, Ordering::Relaxed);
            tracing::error!("an evaluator thread is stuck in a built-in function and was replaced");
            if let Err(error) = self.shared.spawn() {
                tracing::error!(%error, "a stuck evaluator thread could not be replaced");
            }
        }
    }
}

impl<T: Send + 'static> Drop for Pool<T> {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.ready.notify_all();
    }
}

impl<T: Send + 'static> Shared<T> {
    fn spawn(self: &Arc<Self>) -> Result<(), DecideError> {
        let thread = Arc::new(Thread::default());
        let (shared, own) = (Arc::clone(self), Arc::clone(&thread));
        std::thread::Builder::new()
            .name("evaluator".to_owned())
            .stack_size(STACK)
            .spawn(move || shared.serve(&own))
            .map_err(|error| DecideError::NoThread { detail: error.to_string() })?;
        self.threads.lock().push(thread);
        Ok(())
    }

    fn serve(&self, own: &Thread) {
        while let Some(job) = self.next() {
            if job.reply.is_closed() {
                continue;
            }
            let since = self.now();
            own.busy.store(since, Ordering::Release);
            // Whatever the work was in the middle of is dropped with it.
            let done = catch_unwind(AssertUnwindSafe(job.work)).map_err(|_| Broken);
            let idle = own.busy.compare_exchange(since, IDLE, Ordering::AcqRel, Ordering::Acquire);
            // Nobody is left to tell when the question was given up.
            let _ = job.reply.send(done);
            if idle.is_err() {
                self.lost.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    }

    fn next(&self) -> Option<Job<T>> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            self.ready.wait(&mut queue);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 2).saturating_add(1)
    }
}
