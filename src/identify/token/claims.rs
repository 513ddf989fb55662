//! Claims: every one that is read has the type that it must have, or the token is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::TokenError;
use crate::config::Issuer;
use crate::model::{Actor, Caller, Hidden, Method};

/// The claims of a token whose signature is right.
#[derive(Debug)]
pub(in crate::identify) struct Claims(Map<String, Value>);

/// Who a token speaks for, and until when, in seconds since 1970.
#[derive(Debug, PartialEq)]
pub(in crate::identify) struct Known {
    pub(in crate::identify) caller: Caller,
    pub(in crate::identify) expires_at: i64,
}

/// Bytes of a subject, actor or group.
const MAX_NAME: usize = 1024;
/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;
const TIME: &str = "a whole number of seconds since 1970";
const NAME: &str = "text of one line that is not empty, has at most 1024 bytes and one `@`";
/// From here on a floating number cannot say which whole one it was.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Claims {
    pub(super) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Who it is, at this second. `certificate` is what the client has proved to have.
    pub(in crate::identify) fn check(
        &self,
        issuer: &Issuer,
        now: i64,
        certificate: Option<&[u8]>,
    ) -> Result<Known, TokenError> {
        if self.name("iss")? != issuer.issuer {
            return Err(TokenError::Issuer);
        }
        self.audience(&issuer.audience)?;
        let expires_at = self.times(issuer, now)?;
        self.binding(certificate)?;
        if self.0.contains_key("sub") {
            self.name("sub")?;
        }
        self.registered()?;
        let subject = self.name(&issuer.subject_claim)?;
        // Some providers let anybody write any address there, and say nothing of it.
        if issuer.subject_claim == "email" && self.0.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(TokenError::Unverified);
        }
        let caller = Caller {
            subject,
            issuer: Some(issuer.issuer.clone()),
            method: Method::Jwt,
            verified: true,
            groups: self.groups(issuer)?,
            claims: self.copied(&issuer.claims)?,
            expires_at: jiff::Timestamp::from_second(expires_at).ok().map(|at| at.to_string()),
            actor: self.actor(&issuer.actor_claim)?,
        };
        Ok(Known { caller, expires_at })
    }

    /// Whether it is worth something only beside a certificate.
    pub(in crate::identify) fn is_bound(&self) -> bool {
        self.0.contains_key("cnf")
    }

    /// A claim that names somebody.
    fn name(&self, claim: &str) -> Result<String, TokenError> {
        let text = self.0.get(claim).and_then(Value::as_str).ok_or_else(|| wrong(claim, NAME))?;
        named(text, claim)
    }

    /// Registered claims that nothing is decided by here, and policy may be: a token in which one of them is of a wrong
    /// type is none of those that their readers know.
    fn registered(&self) -> Result<(), TokenError> {
        for claim in ["jti", "azp", "client_id"] {
            if !self.0.get(claim).is_none_or(Value::is_string) {
                return Err(wrong(claim, "text"));
            }
        }
        let texts = |items: &Vec<Value>| items.iter().all(Value::is_string);
        // Text by its standard (RFC 8693); some providers give a list.
        match self.0.get("scope") {
            None | Some(Value::String(_)) => Ok(()),
            Some(Value::Array(items)) if texts(items) => Ok(()),
            Some(Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                Err(wrong("scope", "text or a list of texts"))
            }
        }
    }

    /// The configured claims. One that the token does not have is `null`, so that a rule that compares it is not
    /// skipped for want of it.
    fn copied(&self, names: &[String]) -> Result<Map<String, Value>, TokenError> {
        let copy = |name: &String| {
            let value = self.0.get(name).cloned().unwrap_or(Value::Null);
            let inexact =
                || wrong(name, "a value whose numbers can be held exactly (at most 2^64, or 2^53 with a fraction)");
            if is_exact(&value) { Ok((name.clone(), value)) } else { Err(inexact()) }
        };
        names.iter().map(copy).collect()
    }

    fn audience(&self, wanted: &str) -> Result<(), TokenError> {
        let mistyped = || wrong("aud", "text or a list of texts");
        let matches = match self.0.get("aud") {
            Some(Value::String(audience)) => audience == wanted,
            Some(Value::Array(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                texts.ok_or_else(mistyped)?.contains(&wanted)
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => return Err(mistyped()),
        };
        if matches { Ok(()) } else { Err(TokenError::Audience) }
    }

    /// When it ends, if now is between its beginning and then.
    fn times(&self, issuer: &Issuer, now: i64) -> Result<i64, TokenError> {
        let skew = i64::try_from(issuer.skew.as_secs()).unwrap_or(0);
        let expires_at = self.time("exp")?.ok_or_else(|| wrong("exp", TIME))?;
        let begins = [self.time("nbf")?, self.time("iat")?];
        if now >= expires_at.saturating_add(skew) {
            return Err(TokenError::Expired);
        }
        if begins.into_iter().flatten().any(|begin| begin > now.saturating_add(skew)) {
            return Err(TokenError::Early);
        }
        Ok(expires_at)
    }

    fn time(&self, name: &str) -> Result<Option<i64>, TokenError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let time = value.as_i64().filter(|time| (0..=LAST_SECOND).contains(time));
        time.map(Some).ok_or_else(|| wrong(name, TIME))
    }

    /// A token that is bound to a certificate is for whoever has shown that one (RFC 8705). Other bindings cannot
    /// be kept here, so such a token is not for anybody.
    fn binding(&self, certificate: Option<&[u8]>) -> Result<(), TokenError> {
        let Some(binding) = self.0.get("cnf") else { return Ok(()) };
        let members = binding.as_object().filter(|members| members.len() == 1).ok_or(TokenError::Bound)?;
        let wanted = members.get("x5t#S256").and_then(Value::as_str).ok_or(TokenError::Bound)?;
        let shown = certificate.map(|der| URL_SAFE_NO_PAD.encode(Sha256::digest(der)));
        if shown.as_deref() == Some(wanted) { Ok(()) } else { Err(TokenError::Bound) }
    }

    fn groups(&self, issuer: &Issuer) -> Result<Vec<String>, TokenError> {
        let Some(claim) = &issuer.groups else { return Ok(Vec::new()) };
        let texts = |items: &Vec<Value>| items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        let texts: Option<Vec<String>> = self.0.get(&claim.name).and_then(Value::as_array).and_then(texts);
        let Some(texts) = texts else {
            return if claim.optional { Ok(Vec::new()) } else { Err(wrong(&claim.name, "a list of texts")) };
        };
        let mut groups = texts.iter().map(|text| named(text, &claim.name)).collect::<Result<Vec<_>, _>>()?;
        groups.sort();
        groups.dedup();
        Ok(groups)
    }

    /// Who acts for the subject (RFC 8693). Where the claim is not `act`, such as `azp`, it may be the name itself.
    fn actor(&self, claim: &str) -> Result<Option<Actor>, TokenError> {
        let subject = match self.0.get(claim) {
            None => return Ok(None),
            Some(Value::Object(members)) => members.get("sub").and_then(Value::as_str),
            Some(Value::String(name)) if claim != "act" => Some(name.as_str()),
            Some(Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => None,
        };
        let subject = subject.ok_or_else(|| wrong(claim, "an object with the text `sub`"))?;
        Ok(Some(Actor { subject: named(subject, claim)? }))
    }
}

/// Names go into policy, events and logs: of a sensible length, and nothing that hides itself. More than one `@` would
/// let the part that a rule compares be chosen by whoever chose the name.
fn named(text: &str, claim: &str) -> Result<String, TokenError> {
    if let Some(hidden) = Hidden::of(text) {
        return Err(TokenError::Hidden { name: claim.to_owned(), hidden });
    }
    let fits = !text.is_empty() && text.len() <= MAX_NAME && text.matches('@').count() <= 1;
    if fits { Ok(text.to_owned()) } else { Err(wrong(claim, NAME)) }
}

/// Whether a value can be compared as what was signed: a whole number that is too large for that was rounded.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|it| it.abs() < EXACT)
        }
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn wrong(name: &str, expected: &'static str) -> TokenError {
    TokenError::Claim { name: name.to_owned(), expected }
}
