//! `plugins.sidegate.listeners`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::checked::{Address, Issuer, Limits, Listener, ListenerTls};
use super::plugin::duration;
use super::settings;
use super::value::{Table, Value};
use super::{identify, keys, upstream};
use crate::model::{Labels, ListenerName, Stage};

/// The path of a unix socket has to fit into the kernel's `sockaddr_un`.
const MAX_SOCKET_PATH: usize = 107;
const MAX_NAME: usize = 63;
const DEFAULTS: Limits = Limits {
    connections: 1000,
    startup: Duration::from_secs(10),
    idle: Duration::ZERO,
    statement: 64 << 10,
    tokens: 20_000,
};

/// Checks all listeners of `plugins.sidegate`. `issuers` is `None` where they have problems of their own.
pub(super) fn listeners(table: &Table<'_>, issuers: Option<&[Issuer]>) -> Option<Vec<Listener>> {
    let value = table.need("listeners", "without one there is nothing to guard")?;
    let items = value.list()?;
    if items.is_empty() {
        value.problem("it is empty: without a listener there is nothing to guard");
        return None;
    }
    let listeners: Option<Vec<Listener>> =
        items.iter().map(|item| listener(item, issuers)).collect::<Vec<_>>().into_iter().collect();
    let listeners = listeners?;
    let unique_names = unique(&items, "name", &listeners, |listener| listener.name.to_string());
    let unique_addresses = unique(&items, "address", &listeners, |listener| listener.address.to_string());
    (unique_names && unique_addresses).then_some(listeners)
}

fn unique(items: &[Value<'_>], key: &str, listeners: &[Listener], name: fn(&Listener) -> String) -> bool {
    let mut seen = BTreeMap::new();
    let mut unique = true;
    for (item, listener) in items.iter().zip(listeners) {
        let text = name(listener);
        // Port 0 is a different port each time.
        if text.ends_with(":0") {
            continue;
        }
        if let Some(first) = seen.insert(text.clone(), item.path()) {
            item.problem(format!("`{key}` is `{text}`, which {first} has already"));
            unique = false;
        }
    }
    unique
}

fn listener(value: &Value<'_>, issuers: Option<&[Issuer]>) -> Option<Listener> {
    let protocol = value.open()?.need("protocol", "write protocol: postgres")?;
    match protocol.text()? {
        "postgres" => {}
        "http" => {
            protocol.problem("`http` is not in this version: only `postgres` is");
            return None;
        }
        _ => {
            protocol.wrong("`postgres`");
            return None;
        }
    }
    let table = value.table(&keys::LISTENER)?;
    let name = table.need("name", "it names the listener in policy, events and metrics").and_then(|value| name(&value));
    let tls = tls(&table);
    let address = address(&table);
    let identify = identify::identify(&table, issuers);
    let possible = match (&address, &identify) {
        (Some(address), Some(methods)) => identify::possible(&table, address, methods),
        (None, _) | (_, None) => None,
    };
    let stages = stages(&table);
    let (settings, allowed_parameters) = match settings::settings(&table) {
        Some((settings, allowed)) => (Some(settings), Some(allowed)),
        None => (None, None),
    };
    let limits = limits(&table);
    let upstream = table.need("upstream", "where the database is").and_then(|value| upstream::upstream(&value));
    let labels = match table.get("labels") {
        Some(value) => value.labels(),
        None => Some(Labels::new()),
    };
    possible?;
    Some(Listener {
        name: name?,
        address: address?,
        tls: tls?,
        identify: identify?,
        stages: stages?,
        settings: settings?,
        allowed_parameters: allowed_parameters?,
        limits: limits?,
        upstream: upstream?,
        labels: labels?,
    })
}

fn name(value: &Value<'_>) -> Option<ListenerName> {
    let text = value.text()?;
    let fits = text.len() <= MAX_NAME && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !fits {
        value.wrong(format!("at most {MAX_NAME} letters, digits, `.`, `_` and `-`"));
        return None;
    }
    Some(ListenerName::new(text))
}

fn address(table: &Table<'_>) -> Option<Address> {
    let value = table.need("address", "where clients connect, such as `127.0.0.1:6432`")?;
    let text = value.text()?;
    let address = match text.strip_prefix("unix:") {
        Some(path) => unix(path, &value)?,
        None => tcp(text, &value)?,
    };
    match (&address, table.get("tls")) {
        // What is wrong with `tls` is said there.
        (Address::Tcp { .. }, Some(_)) => Some(address),
        (Address::Unix(_), Some(tls)) => {
            tls.problem("clients do not speak TLS on a unix socket: leave it out, or listen on an IP address");
            None
        }
        (Address::Tcp { .. } | Address::Unix(_), None) if address.is_local() => Some(address),
        (Address::Tcp { .. } | Address::Unix(_), None) => {
            value.problem(format!(
                "plain connections are only for loopback or a unix socket, got `{address}`: add `tls`"
            ));
            None
        }
    }
}

/// `Some(None)` where there is no `tls`.
fn tls(table: &Table<'_>) -> Option<Option<ListenerTls>> {
    let Some(value) = table.get("tls") else { return Some(None) };
    let table = value.table(&keys::LISTENER_TLS)?;
    let certificate = table.need("certificate", "the PEM file that clients verify").and_then(|value| value.file());
    let key = table.need("key", "the PEM file of the certificate's private key").and_then(|value| value.file());
    let client_ca = match table.get("client_ca") {
        Some(value) => value.file().map(Some),
        None => Some(None),
    };
    Some(Some(ListenerTls { certificate: certificate?, key: key?, client_ca: client_ca? }))
}

fn tcp(text: &str, value: &Value<'_>) -> Option<Address> {
    let parsed: Option<SocketAddr> = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        None => text.parse().ok(),
    };
    if parsed.is_none() {
        value.wrong("an IP address and a port, or unix:/path");
    }
    parsed.map(|address| Address::Tcp { host: address.ip().to_string(), port: address.port() })
}

/// A unix socket's absolute path that the kernel can hold.
pub(super) fn unix(path: &str, value: &Value<'_>) -> Option<Address> {
    if !Path::new(path).is_absolute() || path.len() > MAX_SOCKET_PATH || path.ends_with('/') {
        value.wrong(format!("unix: and an absolute path of at most {MAX_SOCKET_PATH} bytes"));
        return None;
    }
    Some(Address::Unix(PathBuf::from(path)))
}

fn stages(table: &Table<'_>) -> Option<Vec<Stage>> {
    let Some(value) = table.get("stages") else { return Some(vec![Stage::Session, Stage::Request]) };
    let choices = [Stage::Session, Stage::Request, Stage::Response, Stage::Commit].map(|stage| (stage.label(), stage));
    let mut stages = Vec::new();
    for item in value.list()? {
        let stage = item.choice(&choices)?;
        if stages.contains(&stage) {
            item.problem(format!("`{}` is there twice", stage.label()));
            return None;
        }
        stages.push(stage);
    }
    if !stages.contains(&Stage::Request) {
        value.problem("`request` is missing: without it no statement would be judged");
        return None;
    }
    Some(stages)
}

fn limits(table: &Table<'_>) -> Option<Limits> {
    let Some(value) = table.get("limits") else { return Some(DEFAULTS) };
    let table = value.table(&keys::LIMITS)?;
    let second = Duration::from_secs(1);
    let integer = |key: &str, default: usize, high: usize| match table.get(key) {
        Some(value) => value.integer(1..=high),
        None => Some(default),
    };
    let connections = integer("connections", DEFAULTS.connections, 100_000);
    let startup = duration(&table, "startup", DEFAULTS.startup, second / 10, second * 300);
    let idle = duration(&table, "idle", DEFAULTS.idle, Duration::ZERO, second * 86_400 * 7);
    let statement = match table.get("statement") {
        Some(value) => value.size(1..=1 << 20),
        None => Some(DEFAULTS.statement),
    };
    let tokens = integer("tokens", DEFAULTS.tokens, 1_000_000);
    Some(Limits { connections: connections?, startup: startup?, idle: idle?, statement: statement?, tokens: tokens? })
}
