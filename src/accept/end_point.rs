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
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;

    #[test]
    fn a_certificate_is_hashed_as_its_signature_is() {
        let certificate = |algorithm| {
            let key = KeyPair::generate_for(algorithm).unwrap();
            CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().der().to_vec()
        };
        let short = certificate(&PKCS_ECDSA_P256_SHA256);
        assert_eq!(end_point(&short), Some(Sha256::digest(&short).to_vec()));
        let long = certificate(&PKCS_ECDSA_P384_SHA384);
        assert_eq!(end_point(&long), Some(Sha384::digest(&long).to_vec()));
        assert_eq!(end_point(&certificate(&PKCS_ED25519)), None);
        assert_eq!(end_point(b"no certificate"), None);
    }
}
