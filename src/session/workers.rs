//! The threads that sessions live on. A session stays on one of them, so that nothing it does wakes another thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use crate::accept::Hands;

/// One thread a core, one that lets connections in, and half as many as cores for handshakes. Dropping it ends the threads, and whatever lives on them.
pub struct Workers {
    seats: Seats,
    door: Handle,
    hands: Hands,
    threads: Vec<Thread>,
}

/// The threads that sessions live on, for whoever finds places on them.
#[derive(Clone)]
pub(super) struct Seats(Arc<[Seat]>);

struct Seat {
    runtime: Handle,
    sessions: Arc<AtomicUsize>,
    load: Mutex<Load>,
}

struct Thread {
    runtime: Handle,
    /// Dropped to end the thread.
    stop: Option<oneshot::Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

/// How busy a thread was lately.
#[derive(Debug)]
struct Load {
    since: Instant,
    worked: Duration,
    busy: bool,
}

/// Sessions that a thread may have more than another one. A thread that is awake for one session answers the next
/// without being woken, which is half of what a short statement costs.
const PACK: usize = 16;

/// How long a thread is watched to say how busy it is.
const WATCH: Duration = Duration::from_millis(100);

/// How often each thread wakes with nothing to do: sooner than what a login is given to reach the server.
const PULSE: Duration = Duration::from_secs(4);

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
        let door = Thread::start("door", stack)?;
        let mut threads =
            (0..count.max(1)).map(|_| Thread::start("sidegate", stack)).collect::<io::Result<Vec<_>>>()?;
        let seats = Seats(threads.iter().map(|thread| Seat::new(thread.runtime.clone())).collect());
        let entrance = door.runtime.clone();
        let shaking = (0..count.div_ceil(2).max(1)).map(|_| Thread::start("handshakes", stack));
        let shaking = shaking.collect::<io::Result<Vec<_>>>()?;
        let hands = Hands::new(shaking.iter().map(|thread| thread.runtime.clone()));
        threads.push(door);
        threads.extend(shaking);
        Ok(Self { seats, door: entrance, hands, threads })
    }

    /// Where connections come in. Threads that share their work wake each other for every one of them; this one is
    /// alone, and nothing that a session does keeps it waiting.
    pub fn door(&self) -> &Handle {
        &self.door
    }

    /// Where handshakes are led. One computes as much as a dozen short statements: on a thread where sessions live
    /// all of these would wait for it, and anybody may knock. Sessions keep half of the processors however many do.
    pub fn hands(&self) -> Hands {
        self.hands.clone()
    }

    pub(super) fn seats(&self) -> &Seats {
        &self.seats
    }
}

impl Seats {
    /// A place on the first thread that has time, as long as sessions are not too unevenly spread; else where the
    /// fewest are.
    pub(super) fn place(&self) -> Option<Place> {
        let emptiest = self.0.iter().min_by_key(|seat| seat.count())?;
        let most = emptiest.count().saturating_add(PACK);
        let idle = self.0.iter().find(|seat| seat.count() < most && !seat.is_busy());
        let seat = idle.unwrap_or(emptiest);
        seat.sessions.fetch_add(1, Ordering::Relaxed);
        Some(Place { runtime: seat.runtime.clone(), sessions: Arc::clone(&seat.sessions) })
    }
}

impl Seat {
    fn new(runtime: Handle) -> Self {
        let load = Mutex::new(Load { since: Instant::now(), worked: Duration::ZERO, busy: false });
        Self { runtime, sessions: Arc::default(), load }
    }

    fn count(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Whether it was at work for half of the time lately.
    fn is_busy(&self) -> bool {
        let mut load = self.load.lock();
        let watched = load.since.elapsed();
        if watched >= WATCH {
            // A runtime of one thread has one worker.
            let worked = self.runtime.metrics().worker_total_busy_duration(0);
            // Of a long time nobody knows how it was lately: whoever has sessions may be busy with them.
            let recent = watched < 100 * WATCH;
            let busy = if recent { worked.saturating_sub(load.worked) >= watched / 2 } else { self.count() > 0 };
            *load = Load { since: Instant::now(), worked, busy };
        }
        load.busy
    }
}

impl Thread {
    fn start(name: &str, stack: usize) -> io::Result<Self> {
        let own = Builder::new_current_thread().enable_all().build()?;
        let runtime = own.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(stack);
        let handle = thread.spawn(move || Self::run(&own, stopped))?;
        Ok(Self { runtime, stop: Some(stop), handle: Some(handle) })
    }

    fn run(runtime: &Runtime, mut stopped: oneshot::Receiver<()>) {
        runtime.block_on(async {
            // A timer that is due before all others wakes its own thread when it is set, by a system call. With this
            // one about, those of a login are not.
            let mut pulse = tokio::time::interval(PULSE);
            pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    // Ends when the sender is dropped, which is all that ever becomes of it.
                    _ = &mut stopped => break,
                    _ = pulse.tick() => {}
                }
            }
        });
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.threads.iter_mut().for_each(|thread| drop(thread.stop.take()));
        for handle in self.threads.iter_mut().filter_map(|thread| thread.handle.take()) {
            // A panic there was already printed, and there is nobody left to tell.
            let _ = handle.join();
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
    fn a_thread_that_has_time_is_filled_before_the_next_but_never_far_beyond_it() {
        let workers = Workers::start(2, 1 << 20).unwrap();
        let taken = |workers: &Workers| workers.seats.0.iter().map(Seat::count).collect::<Vec<_>>();
        let mut places: Vec<_> = (0..PACK).filter_map(|_| workers.seats.place()).collect();
        assert_eq!(taken(&workers), [PACK, 0]);
        places.extend((0..100).filter_map(|_| workers.seats.place()));
        assert!(taken(&workers).iter().all(|count| *count >= 50), "{:?}", taken(&workers));
        drop(places);
        assert_eq!(taken(&workers), [0, 0]);
    }

    #[test]
    fn a_thread_that_is_busy_gets_no_session_while_another_has_fewer() {
        let workers = Workers::start(2, 1 << 20).unwrap();
        let first = workers.seats.place().unwrap();
        let busy = first.runtime().spawn(async {
            // The runtime says how long it worked when it has nothing more to do.
            let until = Instant::now() + 100 * WATCH;
            while Instant::now() < until {
                let pause = Instant::now() + WATCH / 5;
                while Instant::now() < pause {
                    std::hint::spin_loop();
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        while !busy.is_finished() && !workers.seats.0[0].is_busy() {
            std::thread::yield_now();
        }
        assert!(workers.seats.0[0].is_busy());
        let _second = workers.seats.place().unwrap();
        assert_eq!(workers.seats.0.iter().map(Seat::count).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn a_timer_as_long_as_a_logins_wakes_nobody_when_it_is_set() {
        let workers = Workers::start(1, 1 << 20).unwrap();
        let place = workers.seats.place().unwrap();
        let metrics = place.runtime().metrics();
        let parked = |until: u64| {
            while metrics.worker_park_count(0) < until {
                std::thread::yield_now();
            }
            metrics.worker_park_count(0)
        };
        let set = || {
            let before = metrics.worker_park_count(0);
            let (done, timer) = std::sync::mpsc::channel();
            place.runtime().spawn(async move {
                let mut timer = std::pin::pin!(tokio::time::sleep(2 * PULSE));
                std::future::poll_fn(|context| std::task::Poll::Ready(timer.as_mut().poll(context).is_ready())).await;
                done.send(()).unwrap();
            });
            timer.recv().unwrap();
            parked(before + 1) - before
        };
        set();
        // A thread that wakes itself goes to sleep twice.
        let times: u64 = (0..50)
            .map(|_| {
                std::thread::sleep(Duration::from_millis(2));
                set()
            })
            .sum();
        assert!(times < 75, "{times} times for 50 timers");
    }

    #[test]
    fn what_lives_on_a_thread_ends_with_it() {
        let workers = Workers::start(1, 1 << 20).unwrap();
        let (dropped, ended) = std::sync::mpsc::channel::<()>();
        workers.seats.place().unwrap().runtime().spawn(async move {
            std::future::pending::<()>().await;
            drop(dropped);
        });
        drop(workers);
        assert_eq!(ended.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
    }
}
