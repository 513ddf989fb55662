//! Threads with big stacks, for what is too deep for the caller's own. A syntax tree is built, walked
//! and dropped here and never leaves.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

/// Touched lazily: an idle thread costs a page or two.
const STACK: usize = 64 * 1024 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads; who finds all of them taken waits.
#[derive(Debug)]
pub(super) struct Pool {
    jobs: Sender<Job>,
    free: Arc<Semaphore>,
}

impl Pool {
    /// Starts the threads; they end when the pool is dropped.
    ///
    /// # Errors
    /// The system's, when it has no thread left.
    pub(super) fn new(threads: usize) -> std::io::Result<Self> {
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads.max(1) {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name("sql".to_owned()).stack_size(STACK).spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs, free: Arc::new(Semaphore::new(threads.max(1))) })
    }

    /// Runs `job` on one of the threads. `None` if it panicked.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // The permit goes back when the thread is free, not when the caller stops waiting.
            let _permit = permit;
            let _ = answer.send(guarded(job));
        });
        self.jobs.send(job).ok()?;
        answered.await.ok().flatten()
    }

    /// Runs `job` on one of the threads and blocks until it is done. `None` if it panicked.
    pub(super) fn run_blocking<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = channel();
        self.jobs.send(Box::new(move || drop(answer.send(guarded(job))))).ok()?;
        answered.recv().ok().flatten()
    }
}

/// Runs `job` here. `None` if it panicked.
pub(super) fn guarded<T>(job: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(job)).map_err(forget).ok()
}

/// A panic's payload may panic in its own drop.
fn forget(payload: Box<dyn Any + Send>) {
    let _ = catch_unwind(AssertUnwindSafe(move || drop(payload)));
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_loses_its_answer_and_not_its_thread() {
        let pool = Pool::new(1).unwrap();
        assert_eq!(pool.run(|| panic!("a defect")).await, None::<()>);
        assert_eq!(pool.run(|| 7).await, Some(7));
    }

    #[tokio::test]
    async fn a_caller_that_stops_waiting_leaves_the_pool_whole() {
        let pool = Pool::new(1).unwrap();
        let (begun, wait_begun) = oneshot::channel();
        let (go, gate) = channel::<()>();
        tokio::select! {
            _ = pool.run(move || { let _ = begun.send(()); let _ = gate.recv(); }) => panic!("the gate is shut"),
            _ = wait_begun => {}
        }
        go.send(()).unwrap();
        assert_eq!(pool.run(|| 7).await, Some(7));
    }

    #[test]
    fn a_thread_has_room_for_deep_recursion() {
        fn depth(n: u32) -> u32 {
            let room = std::hint::black_box([0_u8; 4096]);
            if n == 0 { u32::from(room[0]) } else { 1 + depth(n - 1) }
        }
        assert_eq!(Pool::new(1).unwrap().run_blocking(|| depth(5_000)), Some(5_000));
    }
}
