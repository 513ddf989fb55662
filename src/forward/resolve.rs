//! Names to addresses without the system's resolver: a static binary has none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_resolver::TokioResolver;
use tokio::sync::OnceCell;

use super::ForwardError;

/// Reads resolv.conf and the hosts file once; its cache honours the records' times to live.
static RESOLVER: OnceCell<TokioResolver> = OnceCell::const_new();

/// The addresses of a host, in the order to be tried. IP addresses and `localhost` need no resolver.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ForwardError> {
    let failed = |problem: String| ForwardError::Resolve { host: host.to_owned(), problem };
    let ips: Vec<IpAddr> = if let Ok(ip) = host.parse() {
        vec![ip]
    } else if host == "localhost" {
        vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
    } else {
        let resolver = RESOLVER
            .get_or_try_init(|| async { TokioResolver::builder_tokio().map(|builder| builder.build()) })
            .await
            .map_err(|error| failed(error.to_string()))?;
        resolver.lookup_ip(host).await.map_err(|error| failed(error.to_string()))?.iter().collect()
    };
    if ips.is_empty() {
        return Err(failed("it has no address".to_owned()));
    }
    Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_and_localhost_need_no_resolver() {
        assert_eq!(resolve("192.0.2.7", 5432).await.unwrap(), ["192.0.2.7:5432".parse().unwrap()]);
        assert_eq!(resolve("::1", 1).await.unwrap(), ["[::1]:1".parse().unwrap()]);
        let local = resolve("localhost", 1).await.unwrap();
        assert!(local.iter().all(|address| address.ip().is_loopback()) && local.len() == 2);
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_named() {
        let error = resolve("db.example.invalid", 5432).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot resolve `db.example.invalid`: "), "{error}");
    }
}
