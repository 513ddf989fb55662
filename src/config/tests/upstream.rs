//! TLS and credentials towards the database.

use super::super::checked::{CertificateCheck, Upstream, UpstreamTls};
use super::{load, problems, with};

/// The upstream with this address and further keys, and what was warned of.
fn upstream(address: &str, keys: &str) -> (Upstream, Vec<String>) {
    let instead = format!("address: '{address}', {keys}");
    let (config, warnings) = load(&with("address: 127.0.0.1:5432,", &instead)).unwrap();
    (config.sidegate.listeners[0].upstream.clone(), warnings.into_iter().map(|warning| warning.text).collect())
}

fn on(check: CertificateCheck, ca: Option<&str>) -> Option<UpstreamTls> {
    Some(UpstreamTls { check, ca: ca.map(Into::into) })
}

#[test]
fn what_leaves_this_machine_is_verified_in_full_unless_the_file_says_otherwise() {
    for address in ["db.internal:5432", "192.0.2.1:5432", "[2001:db8::1]:5432"] {
        let (upstream, warnings) = upstream(address, "");
        assert_eq!((upstream.tls, warnings.len()), (on(CertificateCheck::Name, None), 0), "{address}");
    }
    for address in ["localhost:5432", "127.0.0.2:5432", "[::1]:5432", "unix:/run/.s.PGSQL.5432"] {
        let (upstream, warnings) = upstream(address, "");
        assert_eq!((upstream.tls, warnings.len()), (None, 0), "{address}");
    }
    let (upstream, warnings) = upstream("db.internal:5432", "tls: {mode: disable},");
    assert_eq!(upstream.tls, None);
    assert!(warnings.len() == 1 && warnings[0].contains("TLS is off"), "{warnings:?}");
}

#[test]
fn modes_mean_what_they_mean_in_libpq() {
    for (mode, check) in [
        ("{mode: require, ca: /c.pem}", on(CertificateCheck::Chain, Some("/c.pem"))),
        ("{mode: verify-ca, ca: /c.pem}", on(CertificateCheck::Chain, Some("/c.pem"))),
        ("{mode: verify-full, ca: /c.pem}", on(CertificateCheck::Name, Some("/c.pem"))),
        ("{mode: verify-full}", on(CertificateCheck::Name, None)),
    ] {
        let (upstream, warnings) = upstream("127.0.0.1:5432", &format!("tls: {mode},"));
        assert_eq!((upstream.tls, warnings.len()), (check, 0), "{mode}");
    }
    let (upstream, warnings) = upstream("db.internal:5432", "tls: {mode: require},");
    assert_eq!(upstream.tls, on(CertificateCheck::Nothing, None));
    assert!(warnings.len() == 1 && warnings[0].contains("nobody checks the certificate"), "{warnings:?}");
}

#[test]
fn verify_ca_never_means_any_certificate_that_the_system_trusts() {
    for address in ["127.0.0.1:5432", "db.internal:5432"] {
        let text = with("address: 127.0.0.1:5432,", &format!("address: '{address}', tls: {{mode: verify-ca}},"));
        let problems = problems(&text);
        assert!(problems.len() == 1, "{address}: {problems:?}");
        assert!(format!("{problems:?}").contains("`verify-ca` needs `ca`"), "{address}: {problems:?}");
    }
}

#[test]
fn md5_is_taken_only_with_a_warning() {
    let text = with("{user: app}", "{user: app, allow_md5: true}");
    let (config, warnings) = load(&text).unwrap();
    assert!(config.sidegate.listeners[0].upstream.allow_md5);
    assert!(warnings.len() == 1 && warnings[0].text.contains("md5"), "{warnings:?}");
    let (config, warnings) = load(&with("{user: app}", "{user: app, allow_md5: false}")).unwrap();
    assert!(!config.sidegate.listeners[0].upstream.allow_md5 && warnings.is_empty());
}
