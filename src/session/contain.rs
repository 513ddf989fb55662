//! A defect in one session, or at the door, ends no more than that; nobody else notices.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// What the future gives; `None` if it panicked. It must not be polled again then, and what it holds is to be dropped:
/// an open journal entry writes its own end. The future stays where it is: moved in here, it would take its place twice.
pub(super) fn contain<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = Option<F::Output>> {
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_ends_well_gives_what_it_gave() {
        let future = pin!(async {
            tokio::task::yield_now().await;
            7
        });
        assert_eq!(contain(future).await, Some(7));
    }

    #[tokio::test]
    async fn what_panics_is_over_and_lets_go_of_what_it_held() {
        let held = Arc::new(());
        let inside = Arc::clone(&held);
        let mut future = Box::pin(async move {
            tokio::task::yield_now().await;
            assert_eq!(Arc::strong_count(&inside), 0, "a defect");
        });
        assert_eq!(contain(future.as_mut()).await, None);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
