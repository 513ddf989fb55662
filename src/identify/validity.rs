//! How long an identity holds: until its time is over, or until what proved it is withdrawn, whichever is first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::clock::Expiry;

/// How long an identity holds.
#[derive(Clone, Debug, Default)]
pub struct Validity {
    expiry: Option<Expiry>,
    grant: Option<Arc<Grant>>,
}

/// Why an identity is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its time is over.
    Expired,
    /// Its user was struck or has another password, its key or its authority is trusted no more.
    Withdrawn,
}

impl Ending {
    /// The name used in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One identity, as those know it that may withdraw it.
#[derive(Debug, Default)]
pub(super) struct Grant {
    withdrawn: AtomicBool,
    bell: Notify,
}

/// The identities that one source of proofs has given, each with the proof that it rests on.
#[derive(Debug)]
pub(super) struct Grants<P> {
    entered: Mutex<Vec<(Weak<Grant>, P)>>,
    /// One look at a time: what a look has taken out, the next one must not miss.
    looking: Mutex<()>,
}

/// So many are kept before the first look for those that have gone.
const FEW: usize = 64;

impl Validity {
    /// Holds until then, and until the grant is withdrawn.
    pub(super) fn granted(grant: Arc<Grant>, expiry: Option<Expiry>) -> Self {
        Self { expiry, grant: Some(grant) }
    }

    /// Why it is over, once it is.
    pub fn ended(&self) -> Option<Ending> {
        if self.grant.as_ref().is_some_and(|grant| grant.is_withdrawn()) {
            return Some(Ending::Withdrawn);
        }
        self.expiry.as_ref().is_some_and(Expiry::is_over).then_some(Ending::Expired)
    }

    /// Returns once it is over.
    pub async fn end(&self) {
        let expired = async {
            match &self.expiry {
                Some(expiry) => Box::pin(expiry.reached()).await,
                None => std::future::pending().await,
            }
        };
        let withdrawn = async {
            match &self.grant {
                // Boxed, so that who is nobody's to withdraw pays nothing for it.
                Some(grant) => Box::pin(grant.ended()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = expired => {}
            () = withdrawn => {}
        }
    }
}

impl Grant {
    fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    async fn ended(&self) {
        let mut rung = std::pin::pin!(self.bell.notified());
        // Listens before it looks: what is withdrawn in between rings.
        rung.as_mut().enable();
        if !self.is_withdrawn() {
            rung.await;
        }
    }
}

impl<P> Grants<P> {
    /// From now on the grant is withdrawn when the proof is worth nothing any more. Whether it still is worth
    /// something has to be asked after this, of the newest state: what changed before is not seen here.
    pub(super) fn enter(&self, grant: &Arc<Grant>, proof: P) {
        let mut entered = self.entered.lock();
        if entered.len() >= FEW && entered.len() == entered.capacity() {
            entered.retain(|(grant, _)| grant.strong_count() > 0);
        }
        entered.push((Arc::downgrade(grant), proof));
    }

    /// Withdraws whatever rests on a proof that does not hold; says how many that are.
    pub(super) fn keep(&self, holds: impl Fn(&P) -> bool) -> usize {
        let _looking = self.looking.lock();
        // Taken out meanwhile, since a look may take long and nobody who logs in should wait for it.
        let mut taken = Taken { entered: std::mem::take(&mut *self.entered.lock()), from: self };
        let mut withdrawn: usize = 0;
        taken.entered.retain(|(grant, proof)| {
            let Some(grant) = grant.upgrade() else { return false };
            let keeps = holds(proof);
            if !keeps {
                grant.withdraw();
                withdrawn = withdrawn.saturating_add(1);
            }
            keeps
        });
        withdrawn
    }
}

/// What a look has taken out. It comes back whatever becomes of the look.
struct Taken<'a, P> {
    entered: Vec<(Weak<Grant>, P)>,
    from: &'a Grants<P>,
}

impl<P> Drop for Taken<'_, P> {
    fn drop(&mut self) {
        self.from.entered.lock().append(&mut self.entered);
    }
}

impl<P> Default for Grants<P> {
    fn default() -> Self {
        Self { entered: Mutex::default(), looking: Mutex::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_grant_ends_with_any_of_the_proofs_that_it_rests_on() {
        let (users, keys) = (Grants::default(), Grants::default());
        let [struck, rolled, kept]: [Arc<Grant>; 3] = Default::default();
        for (grant, name, key) in [(&struck, "alice", 1), (&rolled, "bob", 2), (&kept, "carol", 3)] {
            users.enter(grant, name);
            keys.enter(grant, key);
        }
        let [struck, rolled, kept] = [struck, rolled, kept].map(|grant| Validity::granted(grant, None));
        let waiting = tokio::spawn({
            let struck = struck.clone();
            async move { struck.end().await }
        });
        tokio::task::yield_now().await;
        assert_eq!(struck.ended(), None);
        assert_eq!(users.keep(|name| *name != "alice"), 1);
        assert_eq!(keys.keep(|key| *key != 2), 1);
        waiting.await.unwrap();
        rolled.end().await;
        let ends = [&struck, &rolled, &kept].map(Validity::ended);
        assert_eq!(ends, [Some(Ending::Withdrawn), Some(Ending::Withdrawn), None]);
        assert!(tokio::time::timeout(Duration::from_millis(1), kept.end()).await.is_err());
    }

    #[test]
    fn what_has_gone_by_itself_is_forgotten() {
        let grants = Grants::default();
        let kept: Arc<Grant> = Arc::default();
        grants.enter(&kept, 0);
        for number in 1..100_000 {
            grants.enter(&Arc::default(), number);
        }
        assert!(grants.entered.lock().len() <= FEW, "{}", grants.entered.lock().len());
        assert_eq!(grants.keep(|_| false), 1);
        assert!(kept.is_withdrawn());
    }

    #[test]
    fn a_defect_in_a_look_forgets_nobody() {
        let grants = Grants::default();
        let held: [Arc<Grant>; 3] = Default::default();
        for (number, grant) in held.iter().enumerate() {
            grants.enter(grant, number);
        }
        let look = || grants.keep(|number| if *number == 1 { panic!("a defect") } else { *number == 2 });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).is_err());
        assert_eq!(grants.keep(|_| false), 2, "all that the look did not withdraw");
        assert!(held.iter().all(|grant| grant.is_withdrawn()));
    }
}
