use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use super::*;
use crate::model::{Fault, FaultKind};

fn leaf(names: &[(DnType, &str)], uris: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in names {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params.subject_alt_names.push(SanType::DnsName(Ia5String::try_from("orders.example.com").unwrap()));
    params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI(Ia5String::try_from(*uri).unwrap())));
    params.not_after = rcgen::date_time_ymd(2030, 1, 2);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

const ORDERS: &str = "spiffe://example.com/ns/shop/sa/orders";

#[test]
fn a_spiffe_id_is_who_it_is() {
    let known = caller(&leaf(&[(DnType::CommonName, "whatever")], &[ORDERS])).unwrap();
    assert_eq!(known.caller.subject, ORDERS);
    assert_eq!((known.caller.method, known.caller.verified), (Method::Mtls, true));
    assert_eq!(known.caller.issuer.as_deref(), Some("CN=whatever"), "it signed itself");
    assert_eq!(known.caller.expires_at.as_deref(), Some("2030-01-02T00:00:00Z"));
}

#[test]
fn a_spiffe_id_that_another_reader_could_take_for_another_is_refused() {
    for uri in [
        "spiffe://example.com",
        "spiffe://example.com/",
        "spiffe://example.com/a/",
        "spiffe://example.com//a",
        "spiffe://example.com/a/../b",
        "spiffe://example.com/./a",
        "spiffe://example.com/a%2fb",
        "spiffe://example.com/a?x=1",
        "spiffe://example.com/a#x",
        "spiffe://user@example.com/a",
        "spiffe://example.com:443/a",
        "spiffe://Example.com/a",
        "SPIFFE://example.com/a",
        "spiffe:///a",
        "spiffe:example.com/a",
        &format!("spiffe://example.com/{}", "a".repeat(2048)),
        &format!("spiffe://{}/a", "a".repeat(256)),
    ] {
        let error = caller(&leaf(&[(DnType::CommonName, "orders")], &[uri])).unwrap_err();
        assert_eq!(error.kind(), FaultKind::Unauthenticated, "{uri}");
    }
    for uris in
        [&[ORDERS, "spiffe://example.com/ns/shop/sa/admin"][..], &[ORDERS, ORDERS], &[ORDERS, "https://x.example"]]
    {
        let error = caller(&leaf(&[], uris)).unwrap_err();
        assert!(error.to_string().contains("several URIs"), "{error}");
    }
}

#[test]
fn without_a_spiffe_id_the_subject_is_who_it_is() {
    let names = [(DnType::CountryName, "CH"), (DnType::OrganizationName, "Shop"), (DnType::CommonName, "orders")];
    for uris in [&[][..], &["https://orders.example.com"]] {
        assert_eq!(caller(&leaf(&names, uris)).unwrap().caller.subject, "CN=orders,O=Shop,C=CH");
    }
    assert!(caller(&leaf(&[], &[])).is_err(), "it names nobody");
}

#[test]
fn a_name_cannot_pretend_to_be_several() {
    let forged = caller(&leaf(&[(DnType::CommonName, "orders,O=Shop")], &[])).unwrap().caller.subject;
    let real = caller(&leaf(&[(DnType::OrganizationName, "Shop"), (DnType::CommonName, "orders")], &[])).unwrap();
    assert_eq!(forged, r"CN=orders\,O\=Shop");
    assert_eq!(real.caller.subject, "CN=orders,O=Shop");
    assert_eq!(caller(&leaf(&[(DnType::CommonName, "#a+b c")], &[])).unwrap().caller.subject, r"CN=\#a\+b c");
}

#[test]
fn a_name_that_hides_something_is_nobodys() {
    for (name, code_point) in [
        ("a\nb", "U+000A"),
        (" orders", "U+0020"),
        ("orders ", "U+0020"),
        ("or\u{ad}ders", "U+00AD"),
        ("orders\u{e0061}", "U+E0061"),
    ] {
        for kind in [DnType::CommonName, DnType::OrganizationName] {
            let error = caller(&leaf(&[(kind, name)], &[])).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Unauthenticated);
            let want =
                format!("a name in the client's certificate has the character {code_point} where nobody sees it");
            assert_eq!(error.to_string(), want, "{name:?}");
        }
    }
}

#[test]
fn what_is_no_certificate_is_nobody() {
    let good = leaf(&[(DnType::CommonName, "orders")], &[]);
    for bytes in [&[][..], b"-----BEGIN CERTIFICATE-----", &good[..good.len() - 1], &[&good[..], b"x"].concat()] {
        assert!(caller(bytes).is_err());
    }
    assert!(caller(&good).is_ok());
}
