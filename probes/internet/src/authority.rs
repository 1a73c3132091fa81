//! The run's certificate authority: every key, serial number and signature is a function of the
//! seed, so the same seed gives the same certificates byte by byte (RFC 6979 signatures).
//!
//! Cannot promise: that a component believes it. One that pins its vendor's key refuses, and the
//! refusal is recorded.

use crate::InternetError;
use crate::seed::Draw;
use lru::LruCache;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePrivateKey as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

/// Certificates kept; others are made anew, byte for byte the same.
const LEAVES: NonZeroUsize = NonZeroUsize::new(512).expect("is not zero");

/// Whom a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// A host name, lower case.
    Name(String),
    /// An address, for clients that name nobody.
    Address(IpAddr),
}

/// A P-256 key from the seed.
#[derive(Debug)]
struct Key {
    signing: SigningKey,
    public: Vec<u8>,
}

impl Key {
    fn draw(draw: Draw, purpose: &str, name: &[u8]) -> Self {
        // A draw is no valid scalar with a chance of about 2^-32.
        let signing = (0..)
            .find_map(|round| SigningKey::from_slice(&draw.bytes(purpose, name, round)).ok())
            .expect("valid scalars are nearly all");
        let public = signing.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Self { signing, public }
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: DerSignature =
            self.signing.try_sign(message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature.as_bytes().to_vec())
    }
}

/// The authority and the certificates made so far.
#[derive(Debug)]
pub(crate) struct Authority {
    draw: Draw,
    issuer: Issuer<'static, Key>,
    certificate: rcgen::Certificate,
    leaves: Mutex<LruCache<Subject, Arc<CertifiedKey>>>,
}

impl Authority {
    pub(crate) fn new(draw: Draw) -> Result<Self, InternetError> {
        let key = Key::draw(draw, "authority-key", b"");
        let mut params = params(draw, &key, "authority", b"");
        params.distinguished_name.push(DnType::CountryName, "GB");
        params.distinguished_name.push(DnType::OrganizationName, "Calder Trust Services Ltd");
        params.distinguished_name.push(DnType::CommonName, "Calder Global Root CA R3");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let certificate = params.self_signed(&key).map_err(InternetError::Authority)?;
        let leaves = Mutex::new(LruCache::new(LEAVES));
        Ok(Self { draw, issuer: Issuer::new(params, key), certificate, leaves })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The certificate and key for a subject.
    pub(crate) fn leaf(&self, subject: &Subject) -> Result<Arc<CertifiedKey>, InternetError> {
        let cached = self.lock().get(subject).cloned();
        if let Some(leaf) = cached {
            return Ok(leaf);
        }
        let leaf = Arc::new(self.make_leaf(subject)?);
        self.lock().put(subject.clone(), Arc::clone(&leaf));
        Ok(leaf)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<Subject, Arc<CertifiedKey>>> {
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_leaf(&self, subject: &Subject) -> Result<CertifiedKey, InternetError> {
        let (label, alternative) = match subject {
            Subject::Name(name) => (
                name.clone(),
                SanType::DnsName(name.as_str().try_into().map_err(InternetError::Certificate)?),
            ),
            Subject::Address(address) => (address.to_string(), SanType::IpAddress(*address)),
        };
        let key = Key::draw(self.draw, "leaf-key", label.as_bytes());
        let mut params = params(self.draw, &key, "leaf", label.as_bytes());
        // RFC 5280, appendix A.1: a common name has at most 64 characters.
        if label.len() <= 64 {
            params.distinguished_name.push(DnType::CommonName, label);
        }
        params.subject_alt_names = vec![alternative];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate =
            params.signed_by(&key, &self.issuer).map_err(InternetError::Certificate)?;
        let pkcs8 = p256::SecretKey::from(&key.signing)
            .to_pkcs8_der()
            .map_err(|error| InternetError::Key(error.to_string()))?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_bytes().to_vec()));
        let signer = rustls::crypto::ring::sign::any_ecdsa_type(&private)
            .map_err(|error| InternetError::Key(error.to_string()))?;
        let chain = vec![certificate.der().clone(), self.certificate.der().clone()];
        Ok(CertifiedKey::new(chain, signer))
    }
}

/// What all certificates have in common: fixed validity, serial and key identifier from the seed.
fn params(draw: Draw, key: &Key, purpose: &str, name: &[u8]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    let mut serial = draw.bytes(&format!("serial-{purpose}"), name, 0)[..16].to_vec();
    // Positive, and never a leading zero byte that DER would forbid.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    let identifier = Sha256::digest(key.subject_public_key_info())[..20].to_vec();
    params.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_certificates_byte_by_byte() {
        let subject = Subject::Name("update.vendor.example".into());
        let leaf = |seed| {
            let authority = Authority::new(Draw::new(seed)).expect("is made");
            (authority.pem(), authority.leaf(&subject).expect("is made").cert.clone())
        };
        assert_eq!(leaf(42), leaf(42));
        assert_ne!(leaf(42).0, leaf(43).0);
        assert_ne!(leaf(42).1, leaf(43).1);
    }

    #[test]
    fn a_certificate_does_not_depend_on_those_made_before() {
        let one = Authority::new(Draw::new(1)).expect("is made");
        let two = Authority::new(Draw::new(1)).expect("is made");
        let address = Subject::Address("198.18.7.9".parse().expect("is an address"));
        let _ = two.leaf(&Subject::Name("first.example".into())).expect("is made");
        assert_eq!(
            one.leaf(&address).expect("is made").cert,
            two.leaf(&address).expect("is made").cert
        );
    }
}
