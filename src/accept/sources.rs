//! Where connections come from while nobody knows yet who they are: one place must not take them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Peer;

/// Counts the connections in start-up, by where they come from.
#[derive(Debug)]
pub(super) struct Sources {
    limit: usize,
    starting: Mutex<HashMap<Option<IpAddr>, usize>>,
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
pub(super) struct Starting {
    sources: Arc<Sources>,
    source: Option<IpAddr>,
}

/// A listener with few connections gives all of them to whoever comes.
const FEW: usize = 16;

impl Sources {
    /// For a listener with that many connections: each source may have half of them in start-up.
    pub(super) fn new(connections: usize) -> Self {
        Self { limit: (connections / 2).max(FEW), starting: Mutex::default() }
    }

    /// The most that one source may have in start-up.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Counts a connection; `None` if its source has too many. All of a unix socket come from one.
    pub(super) fn admit(self: &Arc<Self>, peer: &Peer) -> Option<Starting> {
        let source = match peer {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix => None,
        };
        let mut starting = self.starting.lock();
        let count = starting.entry(source).or_default();
        if *count >= self.limit {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Starting { sources: Arc::clone(self), source })
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let mut starting = self.sources.starting.lock();
        let left = starting.get(&self.source).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            starting.remove(&self.source);
        } else {
            starting.insert(self.source, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_half_of_the_connections_in_startup_and_leaves_nothing_behind() {
        let sources = Arc::new(Sources::new(100));
        let peer = |text: &str| Peer::Tcp(text.parse().unwrap());
        let of = |index: u16| sources.admit(&peer(&format!("192.0.2.1:{}", 1000 + index)));
        let mut crowd: Vec<Starting> = (0..50).map(|index| of(index).unwrap()).collect();
        assert!(of(50).is_none());
        let others = [sources.admit(&peer("192.0.2.2:1")), sources.admit(&Peer::Unix), sources.admit(&peer("[::1]:1"))];
        assert!(others.iter().all(Option::is_some));
        crowd.pop();
        crowd.push(of(50).unwrap());
        assert!(of(51).is_none());
        drop((crowd, others));
        assert!(sources.starting.lock().is_empty());
        assert_eq!(Sources::new(4).limit(), 16);
    }
}
