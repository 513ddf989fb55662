//! The threads that sessions live on. A session stays on one of them, so that nothing it does wakes another thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// One thread a core. Dropping it ends the threads, and whatever lives on them.
pub struct Workers(Vec<Worker>);

struct Worker {
    runtime: Handle,
    sessions: Arc<AtomicUsize>,
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A place on a thread, taken until it is dropped.
pub(super) struct Place {
    runtime: Handle,
    sessions: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts the threads, each with so much stack, touched lazily.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(count: usize, stack: usize) -> io::Result<Self> {
        (0..count.max(1)).map(|_| Worker::start(stack)).collect::<io::Result<_>>().map(Self)
    }

    /// A place where the fewest sessions are.
    pub(super) fn place(&self) -> Option<Place> {
        let worker = self.0.iter().min_by_key(|worker| worker.sessions.load(Ordering::Relaxed))?;
        worker.sessions.fetch_add(1, Ordering::Relaxed);
        Some(Place { runtime: worker.runtime.clone(), sessions: Arc::clone(&worker.sessions) })
    }
}

impl Worker {
    fn start(stack: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("sidegate".to_owned())
            .stack_size(stack)
            .spawn(move || Self::run(&runtime, stopped))?;
        Ok(Self { runtime: handle, sessions: Arc::default(), stop: Some(stop), thread: Some(thread) })
    }

    fn run(runtime: &Runtime, stopped: oneshot::Receiver<()>) {
        // Ends when the sender is dropped, which is all that ever becomes of it.
        let _ = runtime.block_on(stopped);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|worker| drop(worker.stop.take()));
        for worker in &mut self.0 {
            if let Some(thread) = worker.thread.take() {
                // A panic there was already printed, and there is nobody left to tell.
                let _ = thread.join();
            }
        }
    }
}

impl Place {
    /// The runtime of the thread.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_where_there_are_fewest() {
        let workers = Workers::start(2, 1 << 20).unwrap();
        let taken =
            |workers: &Workers| workers.0.iter().map(|w| w.sessions.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let places: Vec<_> = (0..4).filter_map(|_| workers.place()).collect();
        assert_eq!(taken(&workers), [2, 2]);
        drop(places);
        assert_eq!(taken(&workers), [0, 0]);
    }

    #[test]
    fn what_lives_on_a_thread_ends_with_it() {
        let workers = Workers::start(1, 1 << 20).unwrap();
        let (dropped, ended) = std::sync::mpsc::channel::<()>();
        workers.place().unwrap().runtime().spawn(async move {
            std::future::pending::<()>().await;
            drop(dropped);
        });
        drop(workers);
        assert_eq!(ended.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
    }
}
