//! A defect in one session, or at the door, ends no more than that; nobody else notices.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What the future gives; `None` if it panicked. It is not polled again then, and what it held is dropped: an open
/// journal entry writes its own end.
pub(super) async fn contain<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_ends_well_gives_what_it_gave() {
        let answer = contain(async {
            tokio::task::yield_now().await;
            7
        });
        assert_eq!(answer.await, Some(7));
    }

    #[tokio::test]
    async fn what_panics_is_over_and_lets_go_of_what_it_held() {
        let held = Arc::new(());
        let inside = Arc::clone(&held);
        let answer = contain(async move {
            tokio::task::yield_now().await;
            assert_eq!(Arc::strong_count(&inside), 0, "a defect");
        });
        assert_eq!(answer.await, None);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
