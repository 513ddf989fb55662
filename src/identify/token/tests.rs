use serde_json::{Value, json};
use sha2::Digest as _;

use super::*;
use crate::config::{Algorithm, Issuer, KeySource};
use crate::identify::keys::KeySet;
use crate::identify::tests::provider::{NOW, Signer, b64, claims, claims_with, groups, issuer, set};

const ALL: [Algorithm; 9] = Algorithm::ALL;

fn file() -> Issuer {
    issuer(KeySource::File("/nowhere".into()))
}

fn keys(signers: &[&Signer]) -> KeySet {
    KeySet::read(set(signers).as_bytes(), &ALL).unwrap()
}

/// Who a token speaks for, all checks made.
fn check(keys: &KeySet, issuer: &Issuer, text: &str) -> Result<Known, TokenError> {
    let token = Token::read(text)?;
    keys.verify(&token)?;
    token.into_claims().check(issuer, NOW, None)
}

/// Why claims are refused whose signature is right; `None` if they are not.
fn fault(issuer: &Issuer, claims: &Value) -> Option<TokenError> {
    let signer = Signer::ed25519("a");
    check(&keys(&[&signer]), issuer, &signer.token(claims)).err()
}

fn claim(name: &str) -> impl Fn(&TokenError) -> bool {
    move |error| matches!(error, TokenError::Claim { name: wrong, .. } if wrong == name)
}

#[test]
fn a_token_says_who_it_is() {
    let signer = Signer::p256("a");
    let mut issuer = file();
    issuer.groups = groups("groups", false);
    issuer.claims = vec!["department".into(), "absent".into()];
    let mut claims = claims();
    claims["groups"] = json!(["b", "a", "b"]);
    claims["department"] = json!({"name": "risk"});
    claims["salary"] = json!(1);
    claims["act"] = json!({"sub": "agent", "act": {"sub": "inner"}});
    let known = check(&keys(&[&signer]), &issuer, &signer.token(&claims)).unwrap();
    assert_eq!(
        serde_json::to_value(&known.caller).unwrap(),
        json!({"subject": "alice", "issuer": "https://idp.example.com", "method": "jwt", "verified": true,
               "groups": ["a", "b"], "claims": {"department": {"name": "risk"}, "absent": null},
               "expires_at": "2027-01-15T08:10:00Z", "actor": {"subject": "agent"}})
    );
    assert_eq!(known.expires_at, NOW + 600);
}

#[test]
fn every_standard_claim_of_a_wrong_type_is_refused() {
    let times = [
        json!("never"),
        json!("99999999999"),
        Value::Null,
        json!([NOW]),
        json!({}),
        json!(true),
        json!(1.5e9),
        json!(1e308),
        json!(9_223_372_036_854_775_808_u64),
        json!(-1),
        json!(253_402_300_800_i64),
    ];
    for name in ["exp", "nbf", "iat"] {
        for value in &times {
            let error = fault(&file(), &claims_with(name, value.clone()));
            assert!(error.as_ref().is_some_and(claim(name)), "{name} {value}: {error:?}");
        }
    }
    let texts = [Value::Null, json!(""), json!(1), json!(true), json!(["alice"]), json!({"a": 1}), json!("a@b@c")];
    for name in ["iss", "sub"] {
        for value in &texts {
            let error = fault(&file(), &claims_with(name, value.clone()));
            assert!(error.as_ref().is_some_and(claim(name)), "{name} {value}: {error:?}");
        }
    }
    for value in
        [Value::Null, json!(1), json!(true), json!({}), json!([1]), json!(["sidegate", 1]), json!([["sidegate"]])]
    {
        let error = fault(&file(), &claims_with("aud", value.clone()));
        assert!(error.as_ref().is_some_and(claim("aud")), "{value}: {error:?}");
    }
    for value in [json!("agent"), json!([]), json!(1), Value::Null, json!({}), json!({"sub": ""}), json!({"sub": 1})] {
        let error = fault(&file(), &claims_with("act", value.clone()));
        assert!(error.as_ref().is_some_and(claim("act")), "{value}: {error:?}");
    }
}

#[test]
fn registered_claims_that_nothing_here_goes_by_have_their_types_all_the_same() {
    for name in ["jti", "azp", "client_id", "scope"] {
        for value in [Value::Null, json!(1), json!(true), json!({}), json!([1]), json!([["a"]])] {
            let error = fault(&file(), &claims_with(name, value.clone()));
            assert!(error.as_ref().is_some_and(claim(name)), "{name} {value}: {error:?}");
        }
        assert_eq!(fault(&file(), &claims_with(name, json!("a b"))), None, "{name}");
    }
    assert_eq!(fault(&file(), &claims_with("scope", json!(["a", "b"]))), None, "as some providers write it");
    assert!(fault(&file(), &claims_with("azp", json!(["a"]))).is_some());
}

#[test]
fn a_configured_claim_is_what_was_signed_or_the_token_is_refused() {
    let mut issuer = file();
    issuer.claims = vec!["level".into()];
    for text in ["9007199254740993.0", "18446744073709551616", "-9223372036854775809", "1e300", "[{\"a\":1e16}]"] {
        let signer = Signer::ed25519("a");
        let claims = claims_with("level", json!("VALUE")).to_string().replace("\"VALUE\"", text);
        let token = signer.of_texts(&signer.header().to_string(), &claims);
        let error = check(&keys(&[&signer]), &issuer, &token).unwrap_err();
        assert!(claim("level")(&error), "{text}: {error}");
        assert!(check(&keys(&[&signer]), &file(), &token).is_ok(), "{text}: who does not read it is not hindered");
    }
    for value in [json!(u64::MAX), json!(i64::MIN), json!(0.1), json!(-2.5), json!([1, "a", null, {"b": true}])] {
        let signer = Signer::ed25519("a");
        let known = check(&keys(&[&signer]), &issuer, &signer.token(&claims_with("level", value.clone()))).unwrap();
        assert_eq!(known.caller.claims["level"], value);
    }
}

#[test]
fn claims_that_have_to_be_there_are_missed() {
    for name in ["iss", "sub", "aud", "exp"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        let error = fault(&file(), &claims);
        assert!(error.as_ref().is_some_and(claim(name)), "{name}: {error:?}");
    }
    for name in ["nbf", "iat"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(fault(&file(), &claims), None, "{name}");
    }
}

#[test]
fn a_token_holds_for_its_audience_issuer_and_time_only() {
    for (name, value, want) in [
        ("aud", json!("sidegate"), None),
        ("aud", json!(["other", "sidegate"]), None),
        ("aud", json!("other"), Some(TokenError::Audience)),
        ("aud", json!([]), Some(TokenError::Audience)),
        ("aud", json!("Sidegate"), Some(TokenError::Audience)),
        ("iss", json!("https://idp.example.com/"), Some(TokenError::Issuer)),
        ("iss", json!("https://IDP.example.com"), Some(TokenError::Issuer)),
        ("exp", json!(NOW - 59), None),
        ("exp", json!(NOW - 60), Some(TokenError::Expired)),
        ("exp", json!(0), Some(TokenError::Expired)),
        ("nbf", json!(NOW + 60), None),
        ("nbf", json!(NOW + 61), Some(TokenError::Early)),
        ("iat", json!(NOW + 61), Some(TokenError::Early)),
    ] {
        assert_eq!(fault(&file(), &claims_with(name, value.clone())), want, "{name} {value}");
    }
}

#[test]
fn a_subject_that_could_be_read_in_two_ways_is_nobody() {
    for subject in ["a@evil@corp", &"x".repeat(1025)] {
        let error = fault(&file(), &claims_with("sub", json!(subject)));
        assert!(error.as_ref().is_some_and(claim("sub")), "{subject:?}: {error:?}");
    }
    let mut issuer = file();
    issuer.groups = groups("groups", true);
    for (name, code_point) in [
        ("alice\u{202e}", "U+202E"),
        ("ali\u{200b}ce", "U+200B"),
        ("ali\u{ad}ce", "U+00AD"),
        ("alice\u{e0041}", "U+E0041"),
        ("a\u{0}b", "U+0000"),
        ("a\tb", "U+0009"),
        (" alice", "U+0020"),
        ("alice ", "U+0020"),
    ] {
        for (claim, value) in
            [("sub", json!(name)), ("act", json!({"sub": name})), ("groups", json!(["readers", name]))]
        {
            let error = fault(&issuer, &claims_with(claim, value)).unwrap().to_string();
            assert_eq!(error, format!("the claim `{claim}` has the character {code_point} where nobody sees it"));
        }
    }
    for subject in ["alice@corp", "spiffe://example.com/ns/shop/sa/orders", "Zoë", "auth0|5f7c", "00u1"] {
        assert_eq!(fault(&file(), &claims_with("sub", json!(subject))), None, "{subject}");
    }
}

#[test]
fn another_claim_may_be_the_subject_and_an_unverified_address_is_not() {
    let mut issuer = file();
    issuer.subject_claim = "email".into();
    let with = |verified: Value| {
        let mut claims = claims_with("email", json!("alice@corp"));
        claims["email_verified"] = verified;
        claims
    };
    assert_eq!(fault(&issuer, &with(json!(true))), None);
    let silent = claims_with("email", json!("alice@corp"));
    assert_eq!(fault(&issuer, &silent), Some(TokenError::Unverified), "nobody vouches for it");
    for verified in [json!(false), json!("true"), Value::Null] {
        assert_eq!(fault(&issuer, &with(verified)), Some(TokenError::Unverified));
    }
    assert!(fault(&issuer, &claims()).as_ref().is_some_and(claim("email")));
    issuer.actor_claim = "azp".into();
    let mut claims = with(json!(true));
    claims["azp"] = json!("agent");
    let signer = Signer::ed25519("a");
    let known = check(&keys(&[&signer]), &issuer, &signer.token(&claims)).unwrap();
    assert_eq!(known.caller.actor.unwrap().subject, "agent");
}

#[test]
fn groups_are_a_list_of_texts_or_the_login_fails_unless_they_are_optional() {
    let strange = [Value::Null, json!("admins"), json!(["a", 1]), json!([["a"]]), json!({"a": 1})];
    for value in &strange {
        let mut issuer = file();
        issuer.groups = groups("groups", false);
        assert!(fault(&issuer, &claims_with("groups", value.clone())).as_ref().is_some_and(claim("groups")), "{value}");
        issuer.groups = groups("groups", true);
        assert_eq!(fault(&issuer, &claims_with("groups", value.clone())), None, "{value}");
    }
    let mut issuer = file();
    issuer.groups = groups("groups", false);
    assert!(fault(&issuer, &claims()).as_ref().is_some_and(claim("groups")), "missing");
    assert_eq!(fault(&issuer, &claims_with("groups", json!([]))), None, "nobody's group");
}

#[test]
fn a_bound_token_is_only_for_who_shows_the_certificate() {
    let signer = Signer::ed25519("a");
    let thumbprint = b64(sha2::Sha256::digest(b"certificate"));
    let bound = |cnf: Value| Token::read(&signer.token(&claims_with("cnf", cnf))).unwrap().into_claims();
    let right = bound(json!({"x5t#S256": thumbprint}));
    assert!(right.check(&file(), NOW, Some(b"certificate")).is_ok());
    for (claims, certificate) in [
        (&right, None),
        (&right, Some(&b"another"[..])),
        (&bound(json!({"jkt": "x"})), Some(&b"certificate"[..])),
        (&bound(json!({"x5t#S256": thumbprint, "jkt": "x"})), Some(&b"certificate"[..])),
        (&bound(json!("x")), None),
        (&bound(json!({})), None),
    ] {
        assert_eq!(claims.check(&file(), NOW, certificate), Err(TokenError::Bound));
    }
}

#[test]
fn what_is_no_signed_token_is_refused() {
    let signer = Signer::ed25519("a");
    let keys = keys(&[&signer]);
    let good = signer.token(&claims());
    let [header, payload, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let padded = format!("{header}=.{payload}.{signature}");
    let spaced = format!("{good} ");
    let standard = good.replace(signature, &format!("+/{}", signature.split_at(2).1));
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "....",
        &".".repeat(1 << 20),
        good.split_at(good.len() - 1).0,
        &format!("{good}.x"),
        &format!("{good}."),
        &format!("Bearer {good}"),
        &padded,
        &spaced,
        &standard,
        &format!("{header}.{payload}."),
        &format!("{header}.{payload}"),
        &format!("{header}..{signature}"),
        &format!("{payload}.{header}.{signature}"),
        &"x".repeat(65_537),
    ] {
        assert!(check(&keys, &file(), text).is_err(), "{text:.200}");
    }
    assert!(check(&keys, &file(), &good).is_ok());
    assert_eq!(Token::read(&".".repeat(1 << 20)).unwrap_err(), TokenError::TooLong);
    assert_eq!(Token::read(&".".repeat(60_000)).unwrap_err(), TokenError::Form);
}

#[test]
fn no_header_makes_another_algorithm_or_key_count() {
    let signer = Signer::ed25519("a");
    let keys = keys(&[&signer]);
    for header in [
        json!({"alg": "none", "kid": "a"}),
        json!({"alg": "None", "kid": "a"}),
        json!({"alg": "HS256", "kid": "a"}),
        json!({"alg": "eddsa", "kid": "a"}),
        json!({"alg": "ES256", "kid": "a"}),
        json!({"alg": "RS256", "kid": "a"}),
        json!({"alg": ["EdDSA"], "kid": "a"}),
        json!({"alg": null, "kid": "a"}),
        json!({"kid": "a"}),
        json!({"alg": "EdDSA", "kid": 1}),
        json!({"alg": "EdDSA", "kid": ""}),
        json!({"alg": "EdDSA", "kid": null}),
        json!({"alg": "EdDSA", "kid": "../a"}),
        json!({"alg": "EdDSA", "kid": "A"}),
        json!({"alg": "EdDSA", "kid": "a", "crit": ["exp"]}),
        json!({"alg": "EdDSA", "kid": "a", "crit": []}),
        json!({"alg": "EdDSA", "kid": "a", "b64": false}),
        json!({"alg": "EdDSA", "kid": "a", "zip": "DEF"}),
        json!({"alg": "EdDSA", "kid": "a", "cty": "JWT"}),
        json!({"alg": "EdDSA", "kid": "a", "enc": "A128GCM"}),
        json!({"alg": "EdDSA", "kid": "a", "typ": "logout+jwt"}),
        json!({"alg": "EdDSA", "kid": "a", "typ": 1}),
    ] {
        let text = signer.of_texts(&header.to_string(), &claims().to_string());
        assert!(check(&keys, &file(), &text).is_err(), "{header}");
    }
    for kind in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        let header = json!({"alg": "EdDSA", "kid": "a", "typ": kind, "x5t": "x"});
        assert!(check(&keys, &file(), &signer.of_texts(&header.to_string(), &claims().to_string())).is_ok(), "{kind}");
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_looked_at() {
    let (signer, mallory) = (Signer::ed25519("a"), Signer::ed25519("a"));
    let keys = keys(&[&signer]);
    for header in [
        json!({"alg": "EdDSA", "kid": "a", "jwk": mallory.jwk()}),
        json!({"alg": "EdDSA", "kid": "a", "jku": "https://evil.example/keys"}),
        json!({"alg": "EdDSA", "kid": "a", "x5u": "https://evil.example/chain", "x5c": ["MIIB"]}),
        json!({"alg": "EdDSA", "jwk": mallory.jwk()}),
    ] {
        let forged = mallory.of_texts(&header.to_string(), &claims().to_string());
        assert_eq!(check(&keys, &file(), &forged), Err(TokenError::Signature), "{header}");
        let own = signer.of_texts(&header.to_string(), &claims().to_string());
        assert!(check(&keys, &file(), &own).is_ok(), "{header}");
    }
}

#[test]
fn a_name_that_is_there_twice_and_endless_depth_are_refused() {
    let signer = Signer::ed25519("a");
    let keys = keys(&[&signer]);
    let (header, claims) = (signer.header().to_string(), claims().to_string());
    let twice = |text: &str, more: &str| format!("{},{more}}}", text.strip_suffix('}').unwrap());
    for (header, claims) in [
        (twice(&header, r#""alg":"EdDSA""#), claims.clone()),
        (header.clone(), twice(&claims, r#""sub":"root""#)),
        (header.clone(), twice(&claims, r#""s\u0075b":"root""#)),
        (header.clone(), twice(&claims, r#""x":{"a":1,"a":2}"#)),
        (header.clone(), twice(&claims, &format!("\"x\":{}1{}", "[".repeat(9000), "]".repeat(9000)))),
        (header.clone(), format!("[{claims}]")),
        (header.clone(), format!("{claims} x")),
        (header.clone(), format!("\u{feff}{claims}")),
        ("\"EdDSA\"".to_owned(), claims.clone()),
    ] {
        let error = check(&keys, &file(), &signer.of_texts(&header, &claims)).unwrap_err();
        assert!(matches!(error, TokenError::Json { .. }), "{claims}: {error}");
    }
}

#[test]
fn a_bit_turned_over_anywhere_is_noticed() {
    let signer = Signer::p256("a");
    let keys = keys(&[&signer]);
    let good = signer.token(&claims());
    for index in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[index] ^= 1;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(check(&keys, &file(), &text).is_err(), "{index}");
    }
}

#[test]
fn the_algorithm_is_the_keys_not_the_tokens() {
    let rsa: Value = serde_json::from_str(include_str!("../../../tests/data/jwt/rsa.json")).unwrap();
    let jwk = |alg: Option<&str>| {
        let mut key = json!({"kty": "RSA", "kid": "rsa", "n": rsa["n"], "e": rsa["e"]});
        if let Some(alg) = alg {
            key["alg"] = json!(alg);
        }
        json!({"keys": [key]}).to_string()
    };
    let names = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    for allowed in names {
        let only = ALL.into_iter().find(|one| one.label() == allowed).unwrap();
        for used in names {
            let text = rsa["tokens"][used].as_str().unwrap();
            let want = used == allowed;
            let by_key = KeySet::read(jwk(Some(allowed)).as_bytes(), &ALL).unwrap();
            assert_eq!(check(&by_key, &file(), text).is_ok(), want, "key {allowed}, token {used}");
            let by_configuration = KeySet::read(jwk(None).as_bytes(), &[only]).unwrap();
            assert_eq!(check(&by_configuration, &file(), text).is_ok(), want, "allowed {allowed}, token {used}");
        }
    }
    // The public key as a shared secret, in the forms that libraries were fooled with.
    let keys = KeySet::read(jwk(None).as_bytes(), &ALL).unwrap();
    let signed = format!("{}.{}", b64(r#"{"alg":"HS256","kid":"rsa"}"#), b64(claims().to_string()));
    for secret in [rsa["n"].as_str().unwrap().as_bytes(), b"", jwk(None).as_bytes()] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        let forged = format!("{signed}.{}", b64(ring::hmac::sign(&key, signed.as_bytes())));
        assert_eq!(check(&keys, &file(), &forged), Err(TokenError::Algorithm));
    }
    let short = json!({"keys": [{"kty": "RSA", "kid": "rsa", "n": rsa["short"]["n"], "e": "AQAB"}]}).to_string();
    let short = KeySet::read(short.as_bytes(), &ALL).unwrap();
    let text = rsa["short"]["token"].as_str().unwrap();
    assert_eq!(check(&short, &file(), text), Err(TokenError::Signature), "1,024 bits are none");
}

#[test]
fn a_token_shows_nothing_that_opens_a_session() {
    let signer = Signer::ed25519("a");
    let text = signer.token(&claims());
    let shown = format!("{:?}", Token::read(&text).unwrap());
    assert_eq!(shown, "Token { algorithm: EdDsa, kid: Some(\"a\"), .. }");
}
