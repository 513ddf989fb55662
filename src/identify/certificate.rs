//! Who a client certificate says that its holder is. The chain was verified in the handshake; here its leaf is read.

use serde_json::Map;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate, X509Name};

use super::IdentifyError;
use super::token::Known;
use crate::model::{Caller, Hidden, Method};

/// Of a SPIFFE ID.
const MAX_ID: usize = 2048;
/// Of a subject, written out.
const MAX_SUBJECT: usize = 2048;

/// The caller that a verified certificate names: its SPIFFE ID, else its subject.
pub(super) fn caller(der: &[u8]) -> Result<Known, IdentifyError> {
    let wrong = |problem| IdentifyError::Certificate { problem };
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| wrong("it cannot be read"))?;
    if !rest.is_empty() {
        return Err(wrong("it has bytes after its end"));
    }
    let subject = match spiffe_id(&certificate)? {
        Some(id) => id,
        None => written(certificate.subject())?.filter(|name| !name.is_empty()).ok_or(wrong("it names nobody"))?,
    };
    let issuer = written(certificate.issuer())?;
    let expires_at = certificate.validity().not_after.timestamp();
    let caller = Caller {
        subject,
        issuer,
        method: Method::Mtls,
        verified: true,
        groups: Vec::new(),
        claims: Map::new(),
        expires_at: jiff::Timestamp::from_second(expires_at).ok().map(|at| at.to_string()),
        actor: None,
    };
    Ok(Known { caller, expires_at })
}

/// The SPIFFE ID of a certificate that has one. As its standard says it is then the only URI; with two, each reader
/// could take another.
fn spiffe_id(certificate: &X509Certificate<'_>) -> Result<Option<String>, IdentifyError> {
    let wrong = |problem| IdentifyError::Certificate { problem };
    let mut uris = Vec::new();
    for extension in certificate.extensions().iter().filter(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME)
    {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else {
            return Err(wrong("its alternative names cannot be read"));
        };
        for name in &names.general_names {
            if let GeneralName::URI(uri) = name {
                uris.push(*uri);
            } else if let GeneralName::Invalid(..) = name {
                return Err(wrong("an alternative name cannot be read"));
            }
        }
    }
    let claims = uris.iter().any(|uri| uri.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("spiffe:")));
    match uris.as_slice() {
        _ if !claims => Ok(None),
        [uri] if is_spiffe_id(uri) => Ok(Some((*uri).to_owned())),
        [_] => Err(wrong("its SPIFFE ID has a wrong form")),
        _ => Err(wrong("it has several URIs, one of them a SPIFFE ID")),
    }
}

/// The form of a workload's SPIFFE ID: a trust domain and a path, and nothing that another reader could normalise.
fn is_spiffe_id(uri: &str) -> bool {
    let Some((domain, path)) = uri.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let common = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let segment = |segment: &str| {
        let fits = segment.bytes().all(|byte| common(byte) || byte.is_ascii_uppercase());
        fits && !segment.is_empty() && segment != "." && segment != ".."
    };
    uri.len() <= MAX_ID
        && !domain.is_empty()
        && domain.len() <= 255
        && domain.bytes().all(common)
        && path.split('/').all(segment)
}

/// A name as RFC 4514 writes it: the last part first, and what could be taken for the syntax escaped.
fn written(name: &X509Name<'_>) -> Result<Option<String>, IdentifyError> {
    let mut parts = Vec::new();
    for set in name.iter_rdn() {
        let mut pairs = Vec::new();
        for attribute in set.iter() {
            let id = attribute.attr_type().to_id_string();
            let Ok(value) = attribute.as_str() else { return Ok(None) };
            if let Some(hidden) = Hidden::of(value) {
                return Err(IdentifyError::Hidden { what: "a name in the client's certificate", hidden });
            }
            pairs.push(format!("{}={}", short_name(&id), escaped(value)));
        }
        parts.push(pairs.join("+"));
    }
    parts.reverse();
    let text = parts.join(",");
    Ok((text.len() <= MAX_SUBJECT).then_some(text))
}

fn escaped(value: &str) -> String {
    let mut text = String::new();
    for (index, c) in value.chars().enumerate() {
        if (c == '#' && index == 0) || r#""+,;<>\="#.contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// The names that RFC 4514 gives; others stay numbers.
fn short_name(id: &str) -> &str {
    match id {
        "2.5.4.3" => "CN",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.6" => "C",
        "2.5.4.9" => "STREET",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        other => other,
    }
}

#[cfg(test)]
mod tests;
