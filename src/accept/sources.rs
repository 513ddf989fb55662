//! Where connections come from while nobody knows yet who they are: one place must not take them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
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
            Peer::Tcp(address) => Some(place(address.ip())),
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

/// Where an address is. Whoever has an IPv6 address has the 2^64 of its network: all of them count as one.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
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

    #[test]
    fn who_has_a_network_of_ipv6_has_one_share_of_it() {
        let sources = Arc::new(Sources::new(100));
        let from = |address: &str| sources.admit(&Peer::Tcp(format!("[{address}]:1").parse().unwrap()));
        let crowd: Vec<Starting> = (0..50).map(|host| from(&format!("2001:db8:0:7::{host:x}")).unwrap()).collect();
        for address in ["2001:db8:0:7::1", "2001:db8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:7:8000::"] {
            assert!(from(address).is_none(), "{address}");
        }
        let others: Vec<_> = ["2001:db8:0:8::1", "2001:db8:0:6:ffff::", "::1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"]
            .map(|address| from(address).unwrap())
            .into();
        assert_eq!(sources.starting.lock().len(), 6, "and IPv4 goes by address, however it is written");
        drop((crowd, others));
        assert!(sources.starting.lock().is_empty());
    }
}
