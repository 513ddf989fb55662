//! `plugins.sidegate`, except its listeners.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use super::checked::{Admin, Audit, AuditRule, Identify, Issuer, Listener, MaskKey, Sidegate};
use super::value::{Table, Value};
use super::{issuer, keys, listener, upstream};
use crate::model::{Labels, Workload};

const DECISION: &str = "sidegate/decision";
const STATE_DIRECTORY: &str = "/var/lib/sidegate";
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8181);
const DEADLINE: Duration = Duration::from_millis(50);
const SYNC: Duration = Duration::from_millis(500);
const DRAIN: Duration = Duration::from_secs(30);
const MAX_EVALUATORS: usize = 256;
const MAX_KEY_NAME: usize = 64;

/// `decision`, if it is sound, with the deadline; and everything, if all of it is.
pub(super) type Plugin = (Option<(String, Duration)>, Option<Sidegate>);

/// Checks `plugins.sidegate`.
pub(super) fn sidegate(value: &Value<'_>, env: &dyn Fn(&str) -> Option<String>) -> Plugin {
    let Some(table) = value.table(&keys::SIDEGATE) else { return (None, None) };
    let millisecond = Duration::from_millis(1);
    let decision = decision(&table);
    let deadline = duration(&table, "deadline", DEADLINE, millisecond, Duration::from_secs(5));
    let evaluators = match table.get("evaluators") {
        Some(value) => value.integer(1..=MAX_EVALUATORS),
        None => Some(std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_EVALUATORS)),
    };
    let state_directory = match table.get("state_directory") {
        Some(value) => value.file(),
        None => Some(PathBuf::from(STATE_DIRECTORY)),
    };
    let admin = admin(&table);
    let audit = audit(&table);
    let drain = duration(&table, "drain", DRAIN, Duration::ZERO, Duration::from_secs(3600));
    let workload = workload(&table, env);
    let keys = mask_keys(&table);
    let issuers = issuer::issuers(&table);
    // Without them each listener would complain of an issuer that is only misspelt elsewhere.
    let listeners = listener::listeners(&table, issuers.as_deref());
    if let (Some(issuers), Some(listeners)) = (&issuers, &listeners) {
        unused(&table, issuers, listeners);
    }
    let policy = decision.clone().map(|decision| (decision, deadline.unwrap_or(DEADLINE)));
    let whole = || {
        Some(Sidegate {
            decision: decision?,
            deadline: deadline?,
            evaluators: evaluators?,
            state_directory: state_directory?,
            admin: admin?,
            audit: audit?,
            drain: drain?,
            workload: workload?,
            keys: keys?,
            issuers: issuers?,
            listeners: listeners?,
        })
    };
    (policy, whole())
}

/// The keys that masks name. Whether they are there and long enough is seen when they are read.
fn mask_keys(table: &Table<'_>) -> Option<Vec<MaskKey>> {
    let Some(value) = table.get("keys") else { return Some(Vec::new()) };
    let mut found = Vec::new();
    let mut whole = true;
    for (name, value) in value.entries()? {
        let fits = !name.is_empty() && name.len() <= MAX_KEY_NAME && !name.contains(char::is_control);
        if !fits {
            value.problem("a key needs a name of one line, of at most 64 bytes");
        }
        match upstream::secret(&value, &keys::MASK_KEY).filter(|_| fits) {
            Some(source) => found.push(MaskKey { name: name.to_owned(), source }),
            None => whole = false,
        }
    }
    whole.then_some(found)
}

/// Warns of issuers that no listener asks for.
fn unused(table: &Table<'_>, issuers: &[Issuer], listeners: &[Listener]) {
    let Some(items) = table.get("issuers").and_then(|value| value.list()) else { return };
    for (item, issuer) in items.iter().zip(issuers) {
        let mut methods = listeners.iter().flat_map(|listener| &listener.identify);
        if !methods.any(|method| matches!(method, Identify::Jwt { issuer: name, .. } if *name == issuer.name)) {
            item.warn(format!("no listener has {{jwt: {{issuer: {}}}}}", issuer.name));
        }
    }
}

/// A duration with a default and bounds.
pub(super) fn duration(
    table: &Table<'_>,
    key: &str,
    default: Duration,
    low: Duration,
    high: Duration,
) -> Option<Duration> {
    match table.get(key) {
        Some(value) => value.duration(low..=high),
        None => Some(default),
    }
}

fn decision(table: &Table<'_>) -> Option<String> {
    let Some(value) = table.get("decision") else { return Some(DECISION.to_owned()) };
    let text = value.text()?;
    let path = text.strip_prefix('/').unwrap_or(text);
    let is_name = |part: &str| {
        let first_fits = part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        first_fits && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !path.contains('/') || !path.split('/').all(is_name) {
        value.wrong("package and rule parted by `/`, such as `sidegate/decision`");
        return None;
    }
    Some(path.to_owned())
}

fn admin(table: &Table<'_>) -> Option<Admin> {
    let Some(value) = table.get("admin") else { return Some(Admin { address: ADMIN }) };
    let table = value.table(&keys::ADMIN)?;
    let address = match table.get("address") {
        Some(value) => admin_address(&value),
        None => Some(ADMIN),
    };
    let authentication = match table.get("authentication") {
        Some(value) => authentication(&value),
        None => Some(()),
    };
    let writable = match table.get("writable") {
        Some(value) => value.bool().map(|writable| {
            if writable {
                value.warn("accepted, but this version has no routes that write");
            }
        }),
        None => Some(()),
    };
    authentication.and(writable)?;
    Some(Admin { address: address? })
}

fn admin_address(value: &Value<'_>) -> Option<SocketAddr> {
    let parsed = socket_address(value.text()?);
    if parsed.is_none() {
        value.wrong("an IP address and a port, such as `127.0.0.1:8181`");
    }
    parsed
}

/// `127.0.0.1:8181`, `[::1]:8181` or `localhost:8181`.
pub(super) fn socket_address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?)),
        None => text.parse().ok(),
    }
}

fn authentication(value: &Value<'_>) -> Option<()> {
    #[derive(Clone, Copy)]
    enum Authentication {
        Token,
        Off,
        Tls,
    }
    let choices = [("token", Authentication::Token), ("off", Authentication::Off), ("tls", Authentication::Tls)];
    match value.choice(&choices)? {
        Authentication::Token => Some(()),
        Authentication::Off => {
            value.warn("accepted, but this version answers only /health and /metrics, with `off` as with `token`");
            Some(())
        }
        Authentication::Tls => {
            value.problem("TLS on the admin address is not in this version: use `token`");
            None
        }
    }
}

fn audit(table: &Table<'_>) -> Option<Audit> {
    let Some(value) = table.get("audit") else { return Some(Audit { class: AuditRule::Auto, sync: SYNC }) };
    let table = value.table(&keys::AUDIT)?;
    let choices = [("strict", AuditRule::Strict), ("async", AuditRule::Async), ("auto", AuditRule::Auto)];
    let class = match table.get("class") {
        Some(value) => value.choice(&choices),
        None => Some(AuditRule::Auto),
    };
    let sync = duration(&table, "sync", SYNC, Duration::from_millis(1), Duration::from_secs(60));
    Some(Audit { class: class?, sync: sync? })
}

/// What the file says; the environment fills in what the file leaves out.
fn workload(table: &Table<'_>, env: &dyn Fn(&str) -> Option<String>) -> Option<Workload> {
    let own = match table.get("workload") {
        Some(value) => Some(value.table(&keys::WORKLOAD)?),
        None => None,
    };
    let text = |key: &str, variable: &str| match own.as_ref().and_then(|own| own.get(key)) {
        Some(value) => value.text().map(str::to_owned),
        None => Some(env(variable).unwrap_or_default()),
    };
    let name = text("name", "SIDEGATE_WORKLOAD_NAME");
    let namespace = text("namespace", "SIDEGATE_WORKLOAD_NAMESPACE");
    let service_account = text("service_account", "SIDEGATE_WORKLOAD_SERVICE_ACCOUNT");
    let labels = match own.as_ref().and_then(|own| own.get("labels")) {
        Some(value) => value.labels(),
        None => labels_of(table.value(), &env("SIDEGATE_WORKLOAD_LABELS").unwrap_or_default()),
    };
    Some(Workload { name: name?, namespace: namespace?, service_account: service_account?, labels: labels? })
}

/// `app=orders,tier=backend`.
fn labels_of(value: &Value<'_>, text: &str) -> Option<Labels> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let parsed = pairs.map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    let labels: Option<Labels> = parsed.collect();
    if labels.is_none() {
        value.problem("the variable SIDEGATE_WORKLOAD_LABELS must be name=value pairs parted by commas");
    }
    labels
}
