//! `plugins.sidegate.issuers`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use super::checked::{Algorithm, GroupsClaim, Issuer, KeySource};
use super::keys;
use super::plugin::duration;
use super::value::{Table, Value};

const SKEW: Duration = Duration::from_secs(60);
const MOST_SKEW: Duration = Duration::from_secs(300);
const MAX_AGE: Duration = Duration::from_secs(2 * 3600);
const LONGEST_AGE: Duration = Duration::from_secs(7 * 86_400);
const DEFAULT_ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// Checks all issuers of `plugins.sidegate`.
pub(super) fn issuers(table: &Table<'_>) -> Option<Vec<Issuer>> {
    let Some(value) = table.get("issuers") else { return Some(Vec::new()) };
    let items = value.list()?;
    let issuers: Option<Vec<Issuer>> = items.iter().map(issuer).collect::<Vec<_>>().into_iter().collect();
    let issuers = issuers?;
    let mut names = BTreeSet::new();
    let mut unique = true;
    for (item, issuer) in items.iter().zip(&issuers) {
        if !names.insert(&issuer.name) {
            item.problem(format!("`name` is `{}`, which an issuer before it has already", issuer.name));
            unique = false;
        }
    }
    unique.then_some(issuers)
}

fn issuer(value: &Value<'_>) -> Option<Issuer> {
    let table = value.table(&keys::ISSUER)?;
    let name = table.need("name", "what `identify` calls it").and_then(|value| value.text().map(str::to_owned));
    let keys = match table.get("jwks") {
        Some(value) => key_source(&value),
        None => Some(KeySource::Discovery),
    };
    let issuer = table
        .need("issuer", "what the claim `iss` must be, to the letter")
        .and_then(|value| identifier(&value, keys.as_ref()));
    let audience = table
        .need("audience", "without it a token for any other service would do here")
        .and_then(|value| value.text().map(str::to_owned));
    let ca = match table.get("ca") {
        Some(value) => value.file().map(Some),
        None => Some(None),
    };
    let algorithms = algorithms(&table);
    let subject_claim = claim(&table, "subject_claim", "sub");
    let actor_claim = claim(&table, "actor_claim", "act");
    let groups = groups(&table);
    let claims = match table.get("claims") {
        Some(value) => texts(&value),
        None => Some(Vec::new()),
    };
    let skew = duration(&table, "skew", SKEW, Duration::ZERO, MOST_SKEW);
    let max_age = duration(&table, "max_age", MAX_AGE, Duration::from_secs(1), LONGEST_AGE);
    Some(Issuer {
        name: name?,
        issuer: issuer?,
        keys: keys?,
        ca: ca?,
        audience: audience?,
        algorithms: algorithms?,
        subject_claim: subject_claim?,
        actor_claim: actor_claim?,
        groups: groups?,
        claims: claims?,
        skew: skew?,
        max_age: max_age?,
    })
}

/// The issuer's name of itself. Only where it is looked up does it have to be an address.
fn identifier(value: &Value<'_>, keys: Option<&KeySource>) -> Option<String> {
    let text = value.text()?;
    if let Some(KeySource::Discovery) = keys {
        address(value, text)?;
    }
    Some(text.to_owned())
}

/// Keys come over TLS, or from this machine: whoever can change them on the way can be anybody.
fn address(value: &Value<'_>, text: &str) -> Option<()> {
    let expected = "an https address without user, query and fragment (http only on loopback)";
    if is_fetchable(text) {
        return Some(());
    }
    value.wrong(expected);
    None
}

/// Whether keys may be fetched from this address.
pub fn is_fetchable(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let local = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let scheme = url.scheme();
    plain && url.query().is_none() && (scheme == "https" || (scheme == "http" && local))
}

/// Whether two addresses are of the same scheme, host and port.
pub fn is_same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin().is_tuple() && one.origin() == other.origin(),
        _ => false,
    }
}

fn key_source(value: &Value<'_>) -> Option<KeySource> {
    let table = value.table(&keys::ISSUER_JWKS)?;
    match (table.get("file"), table.get("url")) {
        (Some(file), None) => Some(KeySource::File(file.file()?)),
        (None, Some(url)) => {
            let text = url.text()?;
            address(&url, text)?;
            Some(KeySource::Url(text.to_owned()))
        }
        (Some(_), Some(_)) | (None, None) => {
            value.wrong("either {file: PATH} or {url: ADDRESS}");
            None
        }
    }
}

fn algorithms(table: &Table<'_>) -> Option<Vec<Algorithm>> {
    let Some(value) = table.get("algorithms") else { return Some(DEFAULT_ALGORITHMS.to_vec()) };
    let choices = Algorithm::ALL.map(|algorithm| (algorithm.label(), algorithm));
    let items = value.list()?;
    if items.is_empty() {
        value.problem("it is empty: no token could ever be valid");
        return None;
    }
    // Collected first: every wrong name is reported, not only the first.
    items.iter().map(|item| item.choice(&choices)).collect::<Vec<_>>().into_iter().collect()
}

fn claim(table: &Table<'_>, key: &str, default: &str) -> Option<String> {
    match table.get(key) {
        Some(value) => value.text().map(str::to_owned),
        None => Some(default.to_owned()),
    }
}

fn groups(table: &Table<'_>) -> Option<Option<GroupsClaim>> {
    let optional = match table.get("groups_optional") {
        Some(value) => Some((value.bool()?, value)),
        None => None,
    };
    match (table.get("groups_claim"), optional) {
        (Some(name), optional) => {
            let optional = optional.is_some_and(|(optional, _)| optional);
            Some(Some(GroupsClaim { name: name.text()?.to_owned(), optional }))
        }
        (None, Some((true, value))) => {
            value.problem("`groups_claim` is missing: without it no group is ever read");
            None
        }
        (None, Some((false, _)) | None) => Some(None),
    }
}

fn texts(value: &Value<'_>) -> Option<Vec<String>> {
    let items = value.list()?;
    items.iter().map(|item| item.text().map(str::to_owned)).collect::<Vec<_>>().into_iter().collect()
}
