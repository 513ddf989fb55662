//! `upstream` of a listener.

use std::time::Duration;

use super::checked::{Address, CertificateCheck, SecretSource, Upstream, UpstreamTls};
use super::plugin::duration;
use super::value::{Table, Value};
use super::{keys, listener};

const CONNECT: Duration = Duration::from_secs(5);

/// Checks `upstream`.
pub(super) fn upstream(value: &Value<'_>) -> Option<Upstream> {
    let table = value.table(&keys::UPSTREAM)?;
    let address = table.need("address", "where the database is, such as `db.internal:5432`");
    let address = address.and_then(|value| address_of(&value).map(|address| (address, value)));
    let asked = asked_tls(&table);
    let credential = table.need("credential", "who sidegate is there, such as {user: app}");
    let credential = credential.and_then(|value| credential_of(&value));
    let connect = duration(&table, "connect", CONNECT, Duration::from_millis(10), Duration::from_secs(300));
    let (address, value) = address?;
    let tls = tls(asked?, &address, &value)?;
    let Credential { user, password, md5 } = credential?;
    let unproven = tls.as_ref().is_some_and(|tls| tls.check == CertificateCheck::Nothing);
    if let Some(md5) = md5.as_ref().filter(|_| unproven) {
        md5.problem("with `mode: require` and no `ca` nothing would prove who the server is: name a `ca`");
        return None;
    }
    Some(Upstream { address, tls, user, password, allow_md5: md5.is_some(), connect: connect? })
}

/// What `tls` says, before it is known where the upstream is.
enum Asked<'a> {
    Nothing,
    Disable,
    On(UpstreamTls, Value<'a>),
}

/// TLS to where the upstream is. What crosses a network unprotected has to be asked for.
fn tls(asked: Asked<'_>, address: &Address, value: &Value<'_>) -> Option<Option<UpstreamTls>> {
    match (asked, address) {
        (Asked::On(_, mode), Address::Unix(_)) => {
            mode.problem("a unix socket has no TLS: leave `tls` out, or say `disable`");
            None
        }
        (Asked::On(tls, mode), Address::Tcp { .. }) => {
            if tls.check == CertificateCheck::Nothing {
                mode.warn(
                    "nobody checks the certificate: only a login by SCRAM-SHA-256-PLUS shows who the server is, and \
                     without a password nothing does; `verify-full` or a `ca` would check it",
                );
            }
            Some(Some(tls))
        }
        (Asked::Disable, _) => {
            if !address.is_local() {
                value.warn("TLS is off: whoever is on the way reads and changes what passes");
            }
            Some(None)
        }
        (Asked::Nothing, _) if address.is_local() => Some(None),
        (Asked::Nothing, _) => Some(Some(UpstreamTls { check: CertificateCheck::Name, ca: None })),
    }
}

fn asked_tls<'a>(table: &Table<'a>) -> Option<Asked<'a>> {
    let Some(value) = table.get("tls") else { return Some(Asked::Nothing) };
    let tls = value.table(&keys::UPSTREAM_TLS)?;
    let mode = tls.need("mode", "write mode: verify-full")?;
    let ca = match tls.get("ca") {
        Some(value) => Some(value.file()?),
        None => None,
    };
    // As for libpq, a `ca` that is named is one that counts, in `require`, too.
    let unchecked = if ca.is_some() { CertificateCheck::Chain } else { CertificateCheck::Nothing };
    let choices = [
        ("disable", None),
        ("require", Some(unchecked)),
        ("verify-ca", Some(CertificateCheck::Chain)),
        ("verify-full", Some(CertificateCheck::Name)),
    ];
    match mode.choice(&choices)? {
        None => {
            if let Some(ca) = tls.get("ca") {
                ca.warn("without effect: TLS is off");
            }
            Some(Asked::Disable)
        }
        // Every public authority signs for whoever asks: a signature of theirs says nothing without a name.
        Some(CertificateCheck::Chain) if ca.is_none() => {
            mode.problem("`verify-ca` needs `ca`: without it any public certificate would do, or write verify-full");
            None
        }
        Some(check) => Some(Asked::On(UpstreamTls { check, ca }, mode)),
    }
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

struct Credential<'a> {
    user: String,
    password: Option<SecretSource>,
    /// `allow_md5` where it is true.
    md5: Option<Value<'a>>,
}

fn credential_of<'a>(value: &Value<'a>) -> Option<Credential<'a>> {
    let table = value.table(&keys::CREDENTIAL)?;
    let user = table.need("user", "who sidegate is at the database")?.text().map(str::to_owned);
    let password = match table.get("password") {
        Some(value) => secret(&value, &keys::SECRET).map(Some),
        None => Some(None),
    };
    let md5 = match table.get("allow_md5") {
        Some(value) => value.bool()?.then_some(value),
        None => None,
    };
    if let Some(md5) = &md5 {
        md5.warn("whoever sees a login by md5 can log in like it: let the database ask for scram-sha-256");
    }
    Some(Credential { user: user?, password: password?, md5 })
}

/// `{file: PATH}` or `{env: NAME}`. The value of anything else may be the secret itself, so it is never shown.
pub(super) fn secret(value: &Value<'_>, section: &'static keys::Section) -> Option<SecretSource> {
    if !value.is_mapping() {
        value.problem("must be {file: PATH} or {env: NAME}, got something else, which is not shown");
        return None;
    }
    let table = value.table(section)?;
    match (table.get("file"), table.get("env")) {
        (Some(file), None) => file.file().map(SecretSource::File),
        (None, Some(name)) => name.text().map(|name| SecretSource::Env(name.to_owned())),
        (Some(_), Some(_)) | (None, None) => {
            value.problem("must be either {file: PATH} or {env: NAME}");
            None
        }
    }
}
