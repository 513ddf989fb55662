//! SASL OAUTHBEARER (RFC 7628) as PostgreSQL 18 speaks it: one message with the token; after a failure an error in
//! JSON, which the client answers with a single ^A.

use serde_json::json;

use super::IdentifyError;

/// The mechanism's name.
pub(super) const MECHANISM: &str = "OAUTHBEARER";
/// What a client answers to an error.
pub(super) const ACKNOWLEDGEMENT: &[u8] = b"\x01";

/// A client's first message.
#[derive(PartialEq, Eq)]
pub struct BearerMessage<'a> {
    /// The token; `None` where the client asks how to get one.
    token: Option<&'a str>,
}

impl<'a> BearerMessage<'a> {
    /// Reads a message: a header without channel binding and without another identity, then pairs.
    ///
    /// # Errors
    /// Anything else; more or less than one `auth`.
    pub fn read(message: &'a [u8]) -> Result<Self, IdentifyError> {
        let broken = |problem| IdentifyError::Bearer { problem };
        let text = std::str::from_utf8(message).map_err(|_| broken("the message is not UTF-8"))?;
        let pairs = ["n,,\u{1}", "y,,\u{1}"]
            .iter()
            .find_map(|header| text.strip_prefix(header))
            .ok_or(broken("channel binding or another identity was asked for"))?;
        let pairs = pairs.strip_suffix("\u{1}\u{1}").ok_or(broken("the message has no end"))?;
        let mut auth = None;
        for pair in pairs.split('\u{1}') {
            let (key, value) = pair.split_once('=').ok_or(broken("a pair has no value"))?;
            if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                return Err(broken("a key is not of letters"));
            }
            if !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')) {
                return Err(broken("a value has characters that are not allowed"));
            }
            if key == "auth" && auth.replace(value).is_some() {
                return Err(broken("`auth` is there twice"));
            }
        }
        match auth.ok_or(broken("`auth` is missing"))? {
            "" => Ok(Self { token: None }),
            value => bearer(value).map(|token| Self { token: Some(token) }).ok_or(broken("`auth` is no bearer token")),
        }
    }

    /// The token; `None` where the client asks how to get one.
    pub fn token(&self) -> Option<&'a str> {
        self.token
    }
}

// Whoever has the text of a token is its subject.
impl std::fmt::Debug for BearerMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BearerMessage").field("has_token", &self.token.is_some()).finish()
    }
}

/// `Bearer`, in whatever case, blanks, and a token of RFC 6750's characters.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let body = token.trim_end_matches('=');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    (scheme.eq_ignore_ascii_case("bearer") && !body.is_empty() && body.bytes().all(fits)).then_some(token)
}

/// What a client is told that has no token that would do: where it may get one.
pub(super) fn failure(configuration: &str) -> Vec<u8> {
    json!({"status": "invalid_token", "openid-configuration": configuration}).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<&str>, String> {
        BearerMessage::read(text.as_bytes()).map(|message| message.token()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_or_the_question_for_one_is_read() {
        for (text, token) in [
            ("n,,\u{1}auth=Bearer a.b-c_d~e+f/g==\u{1}\u{1}", Some("a.b-c_d~e+f/g==")),
            ("y,,\u{1}auth=bEARER   x\u{1}\u{1}", Some("x")),
            ("n,,\u{1}host=db\u{1}port=5432\u{1}auth=Bearer x\u{1}\u{1}", Some("x")),
            ("n,,\u{1}auth=\u{1}\u{1}", None),
        ] {
            assert_eq!(read(text), Ok(token), "{text:?}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let message = BearerMessage::read(b"n,,\x01auth=Bearer secret\x01\x01").unwrap();
        assert_eq!(format!("{message:?}"), "BearerMessage { has_token: true }");
    }

    #[test]
    fn what_breaks_the_form_is_refused() {
        for (text, problem) in [
            ("", "channel binding"),
            ("p=tls-exporter,,\u{1}auth=Bearer x\u{1}\u{1}", "channel binding"),
            ("n,a=root,\u{1}auth=Bearer x\u{1}\u{1}", "another identity"),
            ("n,,auth=Bearer x\u{1}\u{1}", "channel binding"),
            ("n,,\u{1}auth=Bearer x\u{1}", "no end"),
            ("n,,\u{1}auth=Bearer x", "no end"),
            ("n,,\u{1}\u{1}", "no end"),
            ("n,,\u{1}\u{1}\u{1}", "a pair has no value"),
            ("n,,\u{1}auth=Bearer x\u{1}\u{1}\u{1}", "a pair has no value"),
            ("n,,\u{1}auth=Bearer x\u{1}auth=Bearer y\u{1}\u{1}", "twice"),
            ("n,,\u{1}auth=\u{1}auth=Bearer y\u{1}\u{1}", "twice"),
            ("n,,\u{1}host=x\u{1}\u{1}", "missing"),
            ("n,,\u{1}=x\u{1}auth=Bearer x\u{1}\u{1}", "letters"),
            ("n,,\u{1}auth=Bearer x\0\u{1}\u{1}", "characters"),
            ("n,,\u{1}auth=Basic x\u{1}\u{1}", "no bearer token"),
            ("n,,\u{1}auth=Bearer\u{1}\u{1}", "no bearer token"),
            ("n,,\u{1}auth=Bearer \u{1}\u{1}", "no bearer token"),
            ("n,,\u{1}auth=Bearer ==\u{1}\u{1}", "no bearer token"),
            ("n,,\u{1}auth=Bearer x y\u{1}\u{1}", "no bearer token"),
            ("n,,\u{1}auth=Bearer é\u{1}\u{1}", "characters"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(problem), "{text:?}: {error}");
        }
        assert!(BearerMessage::read(b"n,,\x01auth=Bearer \xff\x01\x01").is_err());
    }
}
