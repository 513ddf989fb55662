//! `tls-server-end-point` (RFC 5929): a login that is bound to the server's certificate is worth nothing to whoever
//! stands in between with another one.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use x509_parser::der_parser::oid;
use x509_parser::der_parser::oid::Oid;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::AlgorithmIdentifier;

/// The certificate's hash by the function of its own signature; `None` where that has none, as with Ed25519.
pub fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let hash = match hash_of(&parsed.signature_algorithm)? {
        // What is broken counts as SHA-256.
        Hash::Weak | Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    };
    Some(hash)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    /// MD5 and SHA-1.
    Weak,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Hash functions, and the signature algorithms that are made of one.
const HASHES: [(Oid<'static>, Hash); 17] = [
    (oid!(1.2.840.113549.2.5), Hash::Weak),
    (oid!(1.2.840.113549.1.1.4), Hash::Weak),
    (oid!(1.3.14.3.2.26), Hash::Weak),
    (oid!(1.2.840.113549.1.1.5), Hash::Weak),
    (oid!(1.2.840.10045.4.1), Hash::Weak),
    (oid!(2.16.840.1.101.3.4.2.4), Hash::Sha224),
    (oid!(1.2.840.113549.1.1.14), Hash::Sha224),
    (oid!(1.2.840.10045.4.3.1), Hash::Sha224),
    (oid!(2.16.840.1.101.3.4.2.1), Hash::Sha256),
    (oid!(1.2.840.113549.1.1.11), Hash::Sha256),
    (oid!(1.2.840.10045.4.3.2), Hash::Sha256),
    (oid!(2.16.840.1.101.3.4.2.2), Hash::Sha384),
    (oid!(1.2.840.113549.1.1.12), Hash::Sha384),
    (oid!(1.2.840.10045.4.3.3), Hash::Sha384),
    (oid!(2.16.840.1.101.3.4.2.3), Hash::Sha512),
    (oid!(1.2.840.113549.1.1.13), Hash::Sha512),
    (oid!(1.2.840.10045.4.3.4), Hash::Sha512),
];

fn hash_of(algorithm: &AlgorithmIdentifier<'_>) -> Option<Hash> {
    // RSASSA-PSS names its hash function beside itself.
    let inner = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => Some(parameters.hash_algorithm_oid().to_owned()),
        Ok(_) | Err(_) => None,
    };
    let wanted = inner.as_ref().unwrap_or(&algorithm.algorithm);
    HASHES.iter().find(|(oid, _)| oid == wanted).map(|(_, hash)| *hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A certificate of OpenSSL's, by the arguments of `openssl req`.
    fn made(arguments: &str) -> Vec<u8> {
        let mut command = std::process::Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-keyout", "/dev/null", "-outform", "DER", "-subj", "/CN=x"]);
        command.args(arguments.split(' ')).output().unwrap().stdout
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let (rsa, curve) = ("-newkey rsa:2048", "-newkey ec -pkeyopt ec_paramgen_curve:P-256");
        for key in [rsa, curve] {
            for (weak, hash) in [("sha1", "sha256"), ("sha224", "sha224"), ("sha384", "sha384"), ("sha512", "sha512")] {
                let certificate = made(&format!("{key} -{weak}"));
                assert_eq!(end_point(&certificate), Some(digest(hash, &certificate)), "{key} {weak}");
            }
        }
        for hash in ["sha256", "sha384", "sha512"] {
            let certificate = made(&format!("{rsa} -{hash} -sigopt rsa_padding_mode:pss"));
            assert_eq!(end_point(&certificate), Some(digest(hash, &certificate)), "PSS {hash}");
        }
        assert_eq!(end_point(&made("-newkey ed25519")), None);
        assert_eq!(end_point(&made("-newkey ed448")), None);
    }

    fn digest(hash: &str, certificate: &[u8]) -> Vec<u8> {
        match hash {
            "sha224" => Sha224::digest(certificate).to_vec(),
            "sha256" => Sha256::digest(certificate).to_vec(),
            "sha384" => Sha384::digest(certificate).to_vec(),
            _ => Sha512::digest(certificate).to_vec(),
        }
    }

    proptest! {
        #[test]
        fn bytes_that_are_no_certificate_are_bound_to_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(end_point(&bytes), None);
        }

        #[test]
        fn a_certificate_with_a_byte_changed_never_has_the_same_hash(at in any::<prop::sample::Index>(), flip in 1_u8..) {
            static CERTIFICATE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
            let certificate = CERTIFICATE.get_or_init(|| made("-newkey ec -pkeyopt ec_paramgen_curve:P-256"));
            let mut changed = certificate.clone();
            changed[at.index(certificate.len())] ^= flip;
            prop_assert_ne!(end_point(&changed), end_point(certificate));
        }
    }
}
