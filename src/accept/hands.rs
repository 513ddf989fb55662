use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Where handshakes are led: by themselves, so that no statement waits for what they compute. Without any such thread
/// whoever shakes hands does so on the spot.
#[derive(Clone, Debug, Default)]
pub struct Hands {
    threads: Arc<[Handle]>,
    next: Arc<AtomicUsize>,
}

impl Hands {
    /// Those of these threads, each in its turn: handshakes take about as long as each other.
    pub fn new(threads: impl IntoIterator<Item = Handle>) -> Self {
        Self { threads: threads.into_iter().collect(), next: Arc::default() }
    }

    /// Leads a handshake to its end; `None` if it ended by a defect. Dropped earlier, it ends with it. The connection
    /// stays with the thread that has it watched, which is told of what comes and passes it on.
    pub(crate) async fn lead<T: Send + 'static>(
        &self,
        handshake: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let thread = turn.checked_rem(self.threads.len()).and_then(|turn| self.threads.get(turn));
        let Some(thread) = thread else { return Some(handshake.await) };
        let mut led = JoinSet::new();
        led.spawn_on(handshake, thread);
        led.join_next().await?.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::thread::ThreadId;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;

    use super::*;

    fn threads() -> Vec<Runtime> {
        (0..2).map(|_| Builder::new_multi_thread().worker_threads(1).build().unwrap()).collect()
    }

    async fn led_by(hands: &Hands) -> ThreadId {
        hands.lead(async { std::thread::current().id() }).await.unwrap()
    }

    #[test]
    fn each_thread_leads_in_its_turn_and_none_is_whoever_asks() {
        let (threads, own) = (threads(), Builder::new_current_thread().build().unwrap());
        let hands = Hands::new(threads.iter().map(|thread| thread.handle().clone()));
        own.block_on(async {
            let (one, other, again) = (led_by(&hands).await, led_by(&hands).await, led_by(&hands).await);
            let here = std::thread::current().id();
            assert!(one != other && one == again && one != here && other != here);
            assert_eq!(led_by(&Hands::default()).await, here);
        });
    }

    #[test]
    fn what_nobody_waits_for_any_more_ends_and_a_defect_gives_nothing() {
        let (threads, own) = (threads(), Builder::new_current_thread().build().unwrap());
        let hands = Hands::new(threads.iter().map(|thread| thread.handle().clone()));
        own.block_on(async {
            let ((begun, begins), (dropped, ended)) = (oneshot::channel(), oneshot::channel::<()>());
            let handshake = hands.lead(async move {
                begun.send(()).unwrap();
                pending::<()>().await;
                drop(dropped);
            });
            tokio::select! {
                _ = handshake => unreachable!("it never ends"),
                begun = begins => begun.unwrap(),
            }
            assert!(ended.await.is_err());
            assert_eq!(hands.lead(async { assert!(begins_badly(), "a defect") }).await, None);
        });
    }

    fn begins_badly() -> bool {
        false
    }
}
