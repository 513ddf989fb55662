//! `plugins.sidegate.listeners[].identify`.

use std::collections::BTreeMap;

use super::checked::{Address, Ask, Identify, Issuer};
use super::keys;
use super::value::{Table, Value};
use crate::model::Hidden;

/// Checks the methods of one listener.
pub(super) fn identify(table: &Table<'_>, issuers: Option<&[Issuer]>) -> Option<Vec<Identify>> {
    let value = table.need("identify", "how callers are recognised, such as [{scram: {users: PATH}}]")?;
    let items = value.list()?;
    if items.is_empty() {
        value.problem("it is empty: nobody could ever connect");
        return None;
    }
    let methods: Vec<Option<Identify>> = items.iter().map(|item| method(item, issuers)).collect();
    let methods: Vec<Identify> = methods.into_iter().collect::<Option<_>>()?;
    order(&items, &methods);
    apart(&items, &methods, issuers?)?;
    Some(methods)
}

/// A token is for the row whose issuer it names: of two with one name the second would never see any.
fn apart(items: &[Value<'_>], methods: &[Identify], issuers: &[Issuer]) -> Option<()> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut apart = Some(());
    for (item, method) in items.iter().zip(methods) {
        let Identify::Jwt { issuer: name, .. } = method else { continue };
        let Some(issuer) = issuers.iter().find(|issuer| issuer.name == *name) else { continue };
        match seen.get(issuer.issuer.as_str()) {
            Some(first) => {
                let text = &issuer.issuer;
                item.problem(format!(
                    "its `issuer` is `{text}`, as that of `{first}` before it, which gets all tokens"
                ));
                apart = None;
            }
            None => {
                seen.insert(&issuer.issuer, name);
            }
        }
    }
    apart
}

/// What can never match on this listener is a mistake, not a choice.
pub(super) fn possible(table: &Table<'_>, address: &Address, methods: &[Identify]) -> Option<()> {
    let value = table.get("identify")?;
    let mut possible = Some(());
    for (item, method) in value.list()?.iter().zip(methods) {
        match method {
            Identify::Peer { .. } if !matches!(address, Address::Unix(_)) => {
                item.problem(format!("`peer` needs a unix socket, and this listener is on `{address}`"));
                possible = None;
            }
            Identify::Mtls if !asks_for_certificates(table) => {
                item.problem("`mtls` needs `tls.client_ca`: without it no client shows a certificate");
                possible = None;
            }
            Identify::Peer { .. }
            | Identify::Mtls
            | Identify::Jwt { .. }
            | Identify::Workload { .. }
            | Identify::Scram { .. }
            | Identify::Anonymous => {}
        }
    }
    possible
}

fn asks_for_certificates(table: &Table<'_>) -> bool {
    table.get("tls").filter(Value::is_mapping).and_then(|tls| tls.open()?.get("client_ca")).is_some()
}

/// Warns of methods that are never tried, or hardly ever.
fn order(items: &[Value<'_>], methods: &[Identify]) {
    let takes_everybody = methods.iter().position(|method| match method {
        Identify::Workload { .. } | Identify::Anonymous => true,
        Identify::Scram { .. } | Identify::Jwt { .. } | Identify::Mtls | Identify::Peer { .. } => false,
    });
    if let Some(index) = takes_everybody {
        for item in items.iter().skip(index.saturating_add(1)) {
            item.warn("never tried: the method before it takes everybody");
        }
    }
    let asks = methods.iter().position(|method| matches!(method, Identify::Jwt { .. }));
    let Some(asks) = asks.filter(|index| takes_everybody.is_none_or(|everybody| *index < everybody)) else { return };
    let tried = takes_everybody.map_or(items.len(), |index| index.saturating_add(1));
    let later = items.iter().zip(methods).take(tried).skip(asks.saturating_add(1));
    for (item, method) in later {
        match method {
            Identify::Mtls | Identify::Peer { .. } | Identify::Workload { .. } | Identify::Anonymous => {
                item.warn("only for clients that answer `jwt` with an empty password: list it before `jwt`");
            }
            Identify::Jwt { .. } | Identify::Scram { .. } => {}
        }
    }
}

fn method(value: &Value<'_>, issuers: Option<&[Issuer]>) -> Option<Identify> {
    let table = value.table(&keys::IDENTIFY)?;
    let entries = value.entries()?;
    let [(name, _)] = entries.as_slice() else {
        value.wrong("one method a row, such as `{anonymous: {}}`");
        return None;
    };
    match *name {
        "workload" => {
            let inner = table.need("workload", "write workload: {subject: NAME}")?.table(&keys::IDENTIFY_WORKLOAD)?;
            let subject = name_of(&inner.need("subject", "who the workload is")?)?;
            Some(Identify::Workload { subject })
        }
        "scram" => {
            let inner = table.need("scram", "write scram: {users: PATH}")?.table(&keys::IDENTIFY_SCRAM)?;
            let users = inner.need("users", "a file of `name:SCRAM-SHA-256$…` lines")?.file()?;
            Some(Identify::Scram { users })
        }
        "jwt" => jwt(&table, issuers),
        "mtls" => {
            table.need("mtls", "write mtls: {}")?.table(&keys::IDENTIFY_MTLS)?;
            Some(Identify::Mtls)
        }
        "peer" => peer(&table),
        "anonymous" => {
            table.need("anonymous", "write anonymous: {}")?.table(&keys::IDENTIFY_ANONYMOUS)?;
            Some(Identify::Anonymous)
        }
        _ => None, // An unknown key was reported already.
    }
}

/// A name that policy will see, and its author must see alike.
fn name_of(value: &Value<'_>) -> Option<String> {
    let name = value.text()?;
    if let Some(hidden) = Hidden::of(name) {
        value.problem(format!("it has the character {hidden} where nobody sees it: write it without"));
        return None;
    }
    Some(name.to_owned())
}

fn jwt(table: &Table<'_>, issuers: Option<&[Issuer]>) -> Option<Identify> {
    let inner = table.need("jwt", "write jwt: {issuer: NAME}")?.table(&keys::IDENTIFY_JWT)?;
    let value = inner.need("issuer", "the `name` of one of `issuers`")?;
    let name = value.text()?;
    let ask = match inner.get("ask") {
        Some(value) => value.choice(&[("password", Ask::Password), ("oauthbearer", Ask::OauthBearer)])?,
        None => Ask::Password,
    };
    let Some(issuer) = issuers?.iter().find(|issuer| issuer.name == name) else {
        value.wrong("the `name` of one of `plugins.sidegate.issuers`");
        return None;
    };
    Some(Identify::Jwt { issuer: issuer.name.clone(), ask })
}

fn peer(table: &Table<'_>) -> Option<Identify> {
    let inner = table.need("peer", "write peer: {uids: {1000: NAME}}")?.table(&keys::IDENTIFY_PEER)?;
    let value = inner.need("uids", "who each user of this machine is, such as {1000: orders}")?;
    let mut uids = BTreeMap::new();
    let mut whole = true;
    for (uid, name) in value.entries()? {
        // Written as the system writes it, so that no two keys are the same user.
        match (uid.parse::<u32>().ok().filter(|number| number.to_string() == uid), name_of(&name)) {
            (Some(uid), Some(name)) => {
                uids.insert(uid, name);
            }
            (None, _) => {
                name.problem(format!("`{}` is no number of a user", uid.escape_debug()));
                whole = false;
            }
            (Some(_), None) => whole = false,
        }
    }
    if uids.is_empty() && whole {
        value.problem("it is empty: it names nobody");
        return None;
    }
    whole.then_some(Identify::Peer { uids })
}
