//! Issuers, and the methods that need them.

use super::super::*;
use super::{LEAST, load, no_env, problems, with};
use std::time::Duration;

/// The least configuration with this issuer and a listener that asks for it.
fn issued(issuer: &str) -> String {
    with("[{anonymous: {}}]", "[{jwt: {issuer: corp}}]")
        .replace("    listeners:", &format!("    issuers: [{issuer}]\n    listeners:"))
}

const CORP: &str = "{name: corp, issuer: 'https://idp.example.com', audience: sidegate}";

#[test]
fn an_issuer_has_the_documented_defaults() {
    let (config, warnings) = load(&issued(CORP)).unwrap();
    assert_eq!(warnings, []);
    let want = Issuer {
        name: "corp".into(),
        issuer: "https://idp.example.com".into(),
        keys: KeySource::Discovery,
        ca: None,
        audience: "sidegate".into(),
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
        subject_claim: "sub".into(),
        actor_claim: "act".into(),
        groups: None,
        claims: Vec::new(),
        skew: Duration::from_secs(60),
        max_age: Duration::from_secs(7200),
    };
    assert_eq!(config.sidegate.issuers, [want]);
    assert_eq!(config.sidegate.listeners[0].identify, [Identify::Jwt { issuer: "corp".into(), ask: Ask::Password }]);
}

#[test]
fn an_issuer_without_an_audience_or_a_safe_way_to_its_keys_is_a_problem() {
    for issuer in [
        "{name: corp, issuer: 'https://idp.example.com'}",
        "{name: corp, issuer: 'https://idp.example.com', audience: ''}",
        "{name: corp, audience: sidegate}",
        "{name: corp, issuer: 'http://idp.example.com', audience: a}",
        "{name: corp, issuer: 'https://user:password@idp.example.com', audience: a}",
        "{name: corp, issuer: 'https://idp.example.com?x=1', audience: a}",
        "{name: corp, issuer: 'https://idp.example.com#x', audience: a}",
        "{name: corp, issuer: 'file:///etc/passwd', audience: a}",
        "{name: corp, issuer: idp, audience: a}",
        "{name: corp, issuer: 'http://127.0.0.1.example.com', audience: a}",
        "{name: corp, issuer: x, audience: a, jwks: {url: 'http://idp.example.com/keys'}}",
        "{name: corp, issuer: x, audience: a, jwks: {}}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a, url: 'https://b.example'}}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, algorithms: []}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, algorithms: [HS256]}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, algorithms: [none]}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, groups_optional: true}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, skew: 6m}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, max_age: 0s}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, claims: department}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}, secret: x}",
        "{name: corp, issuer: x, audience: a, jwks: {file: a}}, {name: corp, issuer: y, audience: a, jwks: {file: a}}",
    ] {
        assert_eq!(problems(&issued(issuer)).len(), 1, "{issuer}: {:?}", load(&issued(issuer)));
    }
    for issuer in [
        "{name: corp, issuer: 'http://127.0.0.1:8080/realm', audience: a}",
        "{name: corp, issuer: 'http://[::1]:8080', audience: a}",
        "{name: corp, issuer: 'http://localhost', audience: a}",
        "{name: corp, issuer: kubernetes/serviceaccount, audience: a, jwks: {file: keys.json}, groups_claim: g, groups_optional: true}",
    ] {
        assert!(load(&issued(issuer)).is_ok(), "{issuer}: {:?}", load(&issued(issuer)));
    }
}

#[test]
fn a_method_that_could_never_match_is_a_problem() {
    for method in [
        "{jwt: {issuer: partner}}",
        "{jwt: {}}",
        "{jwt: {issuer: corp, ask: nicely}}",
        "{mtls: {}}",
        "{peer: {uids: {1000: orders}}}",
    ] {
        let text = issued(CORP).replace("{jwt: {issuer: corp}}", &format!("{{jwt: {{issuer: corp}}}}, {method}"));
        assert_eq!(problems(&text).len(), 1, "{method}: {:?}", load(&text));
    }
    let unix = |uids: &str| {
        with("[{anonymous: {}}]", &format!("[{{peer: {{uids: {uids}}}}}]")).replace("127.0.0.1:6432", "unix:/run/s")
    };
    for uids in ["{}", "{orders: x}", "{01: orders}", "{-1: orders}", "{4294967296: orders}", "{1000: ''}", "[1000]"] {
        assert_eq!(problems(&unix(uids)).len(), 1, "{uids}: {:?}", load(&unix(uids)));
    }
    let (config, _) = load(&unix("{1000: orders, 0: admin}")).unwrap();
    let uids = [(0, "admin".to_owned()), (1000, "orders".to_owned())].into();
    assert_eq!(config.sidegate.listeners[0].identify, [Identify::Peer { uids }]);
}

#[test]
fn two_issuers_of_one_listener_that_call_themselves_the_same_are_a_problem() {
    let issuers = |second: &str| {
        let other = format!("{{name: partner, issuer: '{second}', audience: other, jwks: {{file: keys.json}}}}");
        issued(&format!("{CORP}, {other}"))
    };
    let both = |text: String| text.replace("{jwt: {issuer: corp}}", "{jwt: {issuer: corp}}, {jwt: {issuer: partner}}");
    let same = both(issuers("https://idp.example.com"));
    let problems = problems(&same);
    assert!(problems.len() == 1 && problems[0].contains("identify[1]"), "{problems:?}");
    assert!(problems[0].contains("`https://idp.example.com`, as that of `corp`"), "{problems:?}");
    let twice = issued(CORP).replace("{jwt: {issuer: corp}}", "{jwt: {issuer: corp}}, {jwt: {issuer: corp}}");
    assert_eq!(super::problems(&twice).len(), 1, "nor is one of them listed twice");
    assert!(load(&both(issuers("https://idp.example.com/"))).is_ok(), "another text is another issuer");
    assert!(load(&issuers("https://idp.example.com")).is_ok(), "on listeners of their own they do no harm");
}

#[test]
fn a_configured_name_that_hides_something_is_a_problem() {
    for methods in [r#"[{workload: {subject: "or\u00ADders"}}]"#, r#"[{peer: {uids: {1000: "orders\u200B"}}}]"#] {
        let text = issued(CORP).replace("[{jwt: {issuer: corp}}]", methods);
        let text = if methods.contains("peer") { text.replace("127.0.0.1:6432", "unix:/run/x.sock") } else { text };
        let problems = problems(&text);
        assert!(problems.len() == 1 && problems[0].contains("has the character U+"), "{problems:?}");
        assert!(
            problems[0].contains("identify[0].workload.subject") || problems[0].contains("identify[0].peer.uids.1000")
        );
    }
}

#[test]
fn methods_that_are_hardly_ever_tried_are_named() {
    let warned = |methods: &str| {
        let text = issued(CORP).replace("[{jwt: {issuer: corp}}]", methods);
        let (_, warnings) = Config::parse("c.yaml", &text, &[], &[], &no_env).unwrap();
        warnings.iter().map(|warning| format!("{} {}", warning.key, warning.text)).collect::<Vec<_>>()
    };
    assert_eq!(warned("[{scram: {users: u}}, {jwt: {issuer: corp}}]"), Vec::<String>::new());
    assert_eq!(warned("[{jwt: {issuer: corp}}, {scram: {users: u}}]"), Vec::<String>::new());
    let after = "only for clients that answer `jwt` with an empty password: list it before `jwt`";
    let key = "plugins.sidegate.listeners[0].identify[1]";
    assert_eq!(warned("[{jwt: {issuer: corp}}, {workload: {subject: x}}]"), [format!("{key} {after}")]);
    let never = "never tried: the method before it takes everybody";
    assert_eq!(warned("[{anonymous: {}}, {jwt: {issuer: corp}}]"), [format!("{key} {never}")]);
    let unused = LEAST.replace("    listeners:", &format!("    issuers: [{CORP}]\n    listeners:"));
    let (_, warnings) = load(&unused).unwrap();
    assert_eq!(warnings[0].text, "no listener has {jwt: {issuer: corp}}");
}
