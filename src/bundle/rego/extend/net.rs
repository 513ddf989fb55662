//! Networks and addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use regorus::Value;

use super::{CallError, strings};

/// `net.cidr_contains`, with IPv4-mapped IPv6 addresses (`::ffff:10.0.0.1`) taken for the IPv4
/// addresses that they are. The engine's own lets them past a block-list.
pub(super) fn cidr_contains(name: &'static str, arguments: &[Value]) -> Result<Value, CallError> {
    let (network, inner) = strings(name, arguments)?;
    let network = cidr(network)?;
    let contained = if inner.contains('/') {
        network.contains(&cidr(inner)?)
    } else {
        let address: IpAddr = inner.parse().map_err(|_| CallError::Address { text: inner.to_owned() })?;
        network.contains(&address.to_canonical())
    };
    Ok(Value::from(contained))
}

fn cidr(text: &str) -> Result<IpNet, CallError> {
    let wrong = || CallError::Cidr { text: text.to_owned() };
    let network: IpNet = text.parse().map_err(|_| wrong())?;
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) if network.addr().is_ipv6() => {
            Ipv4Net::new(address, length).map(IpNet::V4).map_err(|_| wrong())
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _) => Ok(network),
    }
}
