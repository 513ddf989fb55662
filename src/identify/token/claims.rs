//! Claims: every one that is read has the type that it must have, or the token is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::TokenError;
use crate::config::Issuer;
use crate::model::{Actor, Caller, Method};

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
const NAME: &str = "text of one line that is not empty";

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
        let subject = self.name(&issuer.subject_claim)?;
        // Some providers let anybody write any address there, and say nothing of it.
        if issuer.subject_claim == "email" && self.0.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(TokenError::Unverified);
        }
        let copied = issuer.claims.iter().filter_map(|name| Some((name.clone(), self.0.get(name)?.clone())));
        let caller = Caller {
            subject: subject.to_owned(),
            issuer: Some(issuer.issuer.clone()),
            method: Method::Jwt,
            verified: true,
            groups: self.groups(issuer)?,
            claims: copied.collect(),
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
    fn name(&self, name: &str) -> Result<&str, TokenError> {
        let text = self.0.get(name).and_then(Value::as_str).filter(|text| is_name(text));
        text.ok_or_else(|| wrong(name, NAME))
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
        let texts = |items: &Vec<Value>| -> Option<Vec<String>> {
            items.iter().map(|item| item.as_str().filter(|text| is_name(text)).map(str::to_owned)).collect()
        };
        match self.0.get(&claim.name).and_then(Value::as_array).and_then(texts) {
            Some(mut groups) => {
                groups.sort();
                groups.dedup();
                Ok(groups)
            }
            None if claim.optional => Ok(Vec::new()),
            None => Err(wrong(&claim.name, "a list of texts")),
        }
    }

    /// Who acts for the subject (RFC 8693). Where the claim is not `act`, such as `azp`, it may be the name itself.
    fn actor(&self, claim: &str) -> Result<Option<Actor>, TokenError> {
        let subject = match self.0.get(claim) {
            None => return Ok(None),
            Some(Value::Object(members)) => members.get("sub").and_then(Value::as_str),
            Some(Value::String(name)) if claim != "act" => Some(name.as_str()),
            Some(Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => None,
        };
        match subject.filter(|name| is_name(name)) {
            Some(name) => Ok(Some(Actor { subject: name.to_owned() })),
            None => Err(wrong(claim, "an object with the text `sub`")),
        }
    }
}

/// Names go into policy, events and logs: one line, of a sensible length, and nothing that hides itself. More than
/// one `@` would let the part that a rule compares be chosen by whoever chose the name.
fn is_name(text: &str) -> bool {
    let visible = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(visible) && text.matches('@').count() <= 1
}

fn wrong(name: &str, expected: &'static str) -> TokenError {
    TokenError::Claim { name: name.to_owned(), expected }
}
