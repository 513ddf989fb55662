//! Fetching keys from a provider: by TLS, without redirects, within limits of size and time.

use std::io;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{KeySet, KeysError};
use crate::config::{self, Issuer, KeySource, read_file, read_file_aside};
use crate::identify::json;

/// Far above any provider's answer.
const MAX_ANSWER: usize = 1 << 20;
const CONNECT: Duration = Duration::from_secs(3);
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// The keys as the source has them now.
pub(super) async fn keys(issuer: &Issuer) -> Result<KeySet, KeysError> {
    match &issuer.keys {
        KeySource::File(path) => of_file(path, issuer).await,
        KeySource::Url(url) => of_url(&client(issuer).await?, url, issuer).await,
        KeySource::Discovery => {
            let client = client(issuer).await?;
            let url = discover(&client, issuer).await?;
            of_url(&client, &url, issuer).await
        }
    }
}

/// Where a provider describes itself.
pub(in crate::identify) fn configuration_of(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

async fn of_file(path: &Path, issuer: &Issuer) -> Result<KeySet, KeysError> {
    set_of(path, read_file_aside(path, MAX_ANSWER).await, issuer)
}

fn set_of(path: &Path, read: io::Result<Zeroizing<Vec<u8>>>, issuer: &Issuer) -> Result<KeySet, KeysError> {
    let from = path.display().to_string();
    let text = read.map_err(|source| KeysError::File { key: "jwks.file", path: from.clone(), source })?;
    KeySet::read(&text, &issuer.algorithms).map_err(|problem| KeysError::Content { from, problem })
}

/// Whether the files that an issuer's configuration names can be used, and otherwise the key that names the one.
///
/// # Errors
/// A file cannot be read, or holds no keys or no certificates.
pub fn check_issuer(issuer: &Issuer) -> Result<(), (&'static str, KeysError)> {
    if let KeySource::File(path) = &issuer.keys {
        set_of(path, read_file(path, MAX_ANSWER), issuer).map_err(|error| ("jwks.file", error))?;
    }
    if let Some(path) = &issuer.ca {
        client_of(issuer, Some((path, read_file(path, MAX_ANSWER)))).map_err(|error| ("ca", error))?;
    }
    Ok(())
}

const TOO_LONG: &str = "it is longer than 1 MiB";

async fn of_url(client: &Client, url: &str, issuer: &Issuer) -> Result<KeySet, KeysError> {
    let text = get(client, url).await?;
    let wrong = |problem| KeysError::Content { from: url.to_owned(), problem };
    KeySet::read(&text, &issuer.algorithms).map_err(wrong)
}

/// Where the provider says that its keys are. It must be the provider that it says it is: to the letter, or keys of
/// one issuer could be put under another.
async fn discover(client: &Client, issuer: &Issuer) -> Result<String, KeysError> {
    let url = configuration_of(&issuer.issuer);
    let text = get(client, &url).await?;
    let wrong = |problem| KeysError::Content { from: url.clone(), problem };
    let configuration =
        json::object(&text).ok_or_else(|| wrong("it is no JSON object in which every name is there once"))?;
    if configuration.get("issuer").and_then(Value::as_str) != Some(&issuer.issuer) {
        return Err(wrong("its `issuer` is not the configured one, to the letter"));
    }
    let keys = configuration.get("jwks_uri").and_then(Value::as_str).ok_or_else(|| wrong("it has no `jwks_uri`"))?;
    // A provider elsewhere does not send sidegate to the services of its own machine.
    let secure = keys.starts_with("https://") || issuer.issuer.starts_with("http://");
    if !secure || !config::is_fetchable(keys) {
        return Err(wrong("its `jwks_uri` is no https address"));
    }
    // Nor does one whose configuration was tampered with have its tokens checked with anybody's keys.
    if !config::is_same_origin(keys, &issuer.issuer) {
        return Err(wrong(
            "its `jwks_uri` is not at the issuer's own host: if that is right, name it as `jwks: {url: …}`",
        ));
    }
    Ok(keys.to_owned())
}

/// A client that trusts the system's authorities, or the configured ones alone; read anew, since they change.
pub(super) async fn client(issuer: &Issuer) -> Result<Client, KeysError> {
    let authorities = match &issuer.ca {
        Some(path) => Some((path.as_path(), read_file_aside(path, MAX_ANSWER).await)),
        None => None,
    };
    client_of(issuer, authorities)
}

fn client_of(
    issuer: &Issuer,
    authorities: Option<(&Path, io::Result<Zeroizing<Vec<u8>>>)>,
) -> Result<Client, KeysError> {
    let failed = |problem: String| KeysError::Fetch { url: issuer.issuer.clone(), problem };
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .hickory_dns(true)
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("sidegate/", env!("CARGO_PKG_VERSION")));
    if let Some((path, read)) = authorities {
        let from = path.display().to_string();
        let pem = read.map_err(|source| KeysError::File { key: "ca", path: from.clone(), source })?;
        let wrong = |problem| KeysError::Content { from: from.clone(), problem };
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| wrong("a PEM section of it is broken"))?;
        if certificates.is_empty() {
            return Err(wrong("it has no certificate"));
        }
        builder = builder.tls_built_in_root_certs(false);
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| failed(said(error)))
}

async fn get(client: &Client, url: &str) -> Result<Vec<u8>, KeysError> {
    let failed = |error: reqwest::Error| KeysError::Fetch { url: url.to_owned(), problem: said(error) };
    let mut answer = client.get(url).header("accept", "application/json").send().await.map_err(failed)?;
    let status = answer.status();
    if status != reqwest::StatusCode::OK {
        let problem = format!("it answered with status {}, where 200 is expected", status.as_u16());
        return Err(KeysError::Fetch { url: url.to_owned(), problem });
    }
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if text.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(KeysError::Content { from: url.to_owned(), problem: TOO_LONG });
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// All that an error knows: its first line alone is "error sending request".
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
