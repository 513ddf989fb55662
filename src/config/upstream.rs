//! `upstream` of a listener.

use std::time::Duration;

use super::checked::{Address, SecretSource, Upstream};
use super::plugin::duration;
use super::value::{Table, Value};
use super::{keys, listener};

const CONNECT: Duration = Duration::from_secs(5);

/// Checks `upstream`.
pub(super) fn upstream(value: &Value<'_>) -> Option<Upstream> {
    let table = value.table(&keys::UPSTREAM)?;
    let address = table.need("address", "where the database is, such as `db.internal:5432`");
    let address = address.and_then(|value| address_of(&value).map(|address| (address, value)));
    let disabled = tls_disabled(&table);
    let credential = table.need("credential", "who sidegate is there, such as {user: app}");
    let credential = credential.and_then(|value| user_and_password(&value));
    let connect = duration(&table, "connect", CONNECT, Duration::from_millis(10), Duration::from_secs(300));
    let (address, value) = address?;
    check_plain(&address, disabled?, &value)?;
    let (user, password) = credential?;
    Some(Upstream { address, user, password, connect: connect? })
}

/// What crosses a network unprotected has to be asked for.
fn check_plain(address: &Address, disabled: bool, value: &Value<'_>) -> Option<()> {
    match (address.is_local(), disabled) {
        (true, _) => Some(()),
        (false, true) => {
            value.warn("TLS is off: whoever is on the way reads and changes what passes");
            Some(())
        }
        (false, false) => {
            value.problem(format!(
                "`{address}` is not on this machine and TLS towards it (verify-full) is not in this version: \
                 use loopback or a unix socket, or say `tls: {{mode: disable}}`"
            ));
            None
        }
    }
}

/// Whether TLS is switched off in so many words.
fn tls_disabled(table: &Table<'_>) -> Option<bool> {
    let Some(value) = table.get("tls") else { return Some(false) };
    let tls = value.table(&keys::UPSTREAM_TLS)?;
    let mode = tls.need("mode", "write mode: disable")?;
    let choices = [("disable", true), ("require", false), ("verify-ca", false), ("verify-full", false)];
    let disabled = mode.choice(&choices)?;
    if !disabled {
        mode.problem("TLS towards the database is not in this version: only `disable` can be kept");
    }
    disabled.then_some(true)
}

fn address_of(value: &Value<'_>) -> Option<Address> {
    let text = value.text()?;
    if let Some(path) = text.strip_prefix("unix:") {
        return listener::unix(path, value);
    }
    let address = host_and_port(text);
    if address.is_none() {
        value.wrong("host:port or unix:/path");
    }
    address
}

fn host_and_port(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    if let Some(inner) = host.strip_prefix('[') {
        let ip: std::net::Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(Address::Tcp { host: ip.to_string(), port });
    }
    let is_label = |label: &str| {
        let fits = (1..=63).contains(&label.len());
        fits && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let fits = name.len() <= 253 && name.split('.').all(is_label);
    fits.then(|| Address::Tcp { host: host.to_ascii_lowercase(), port })
}

fn user_and_password(value: &Value<'_>) -> Option<(String, Option<SecretSource>)> {
    let table = value.table(&keys::CREDENTIAL)?;
    let user = table.need("user", "who sidegate is at the database")?.text().map(str::to_owned);
    let password = match table.get("password") {
        Some(value) => secret(&value).map(Some),
        None => Some(None),
    };
    if let Some(value) = table.get("allow_md5")
        && value.bool()?
    {
        value.problem("md5 is not spoken in this version: let the database ask for scram-sha-256");
        return None;
    }
    Some((user?, password?))
}

/// `{file: PATH}` or `{env: NAME}`. The value of anything else may be the secret itself, so it is never shown.
fn secret(value: &Value<'_>) -> Option<SecretSource> {
    if !value.is_mapping() {
        value.problem("must be {file: PATH} or {env: NAME}, got something else, which is not shown");
        return None;
    }
    let table = value.table(&keys::SECRET)?;
    match (table.get("file"), table.get("env")) {
        (Some(file), None) => file.file().map(SecretSource::File),
        (None, Some(name)) => name.text().map(|name| SecretSource::Env(name.to_owned())),
        (Some(_), Some(_)) | (None, None) => {
            value.problem("must be either {file: PATH} or {env: NAME}");
            None
        }
    }
}
