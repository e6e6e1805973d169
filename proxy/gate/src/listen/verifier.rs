//! Which client certificates complete TLS.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{settings::ClientCertificate, trust::LiveTrust};

/// Lets every chain to our anchors complete TLS, whatever its dates and whether it is revoked or not: the holder of an expired or
/// revoked device gets a page, a code and a record instead of a dead screen. Foreign chains fail in TLS.
pub(super) struct Verifier {
    trust: Arc<LiveTrust>,
    rule: ClientCertificate,
    provider: Arc<CryptoProvider>,
    /// Browsers choose among their certificates by these. rustls borrows them, so they are fixed for a verifier's life.
    hints: Vec<DistinguishedName>,
}

impl Verifier {
    pub(super) fn new(trust: Arc<LiveTrust>, rule: ClientCertificate, provider: Arc<CryptoProvider>) -> Self {
        let hints = trust
            .load()
            .trust
            .anchors()
            .subjects()
            .map(|name| DistinguishedName::from(name.to_vec()))
            .collect();
        Self { trust, rule, provider, hints }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.rule == ClientCertificate::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let borrowed = |der| CertificateDer::from(<CertificateDer<'_> as AsRef<[u8]>>::as_ref(der));
        let chain: Vec<_> = std::iter::once(leaf).chain(intermediates).map(borrowed).collect();
        match self.trust.load().trust.admits(&chain) {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            Err(_) => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
