//! A listener's TLS, replaced whole while it listens.

use std::{fmt, io, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    Error, ServerConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    server::{ServerSessionMemoryCache, StoresServerSessions},
    version,
};
use tokio_rustls::TlsAcceptor;

use super::{
    observer::HandshakeFault,
    resolver::Certificates,
    settings::{ClientCertificate, ListenSettings, TlsVersion},
    trust::LiveTrust,
    verifier::Verifier,
};

/// A listener's TLS configuration. A handshake takes it once; a reload replaces certificates and hints for the next one.
pub struct LiveTls {
    config: ArcSwap<ServerConfig>,
    recipe: Recipe,
}

impl fmt::Debug for LiveTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveTls").finish_non_exhaustive()
    }
}

/// What stays the same over reloads.
struct Recipe {
    provider: Arc<CryptoProvider>,
    trust: Arc<LiveTrust>,
    client_certificate: ClientCertificate,
    minimum: TlsVersion,
    /// Shared over reloads: a session of before may be resumed, and its chain is judged by the trust of now.
    sessions: Arc<dyn StoresServerSessions>,
}

impl LiveTls {
    /// TLS for one listener.
    ///
    /// # Errors
    /// If the provider has no cipher suite for the versions: none of ours.
    pub fn new(
        settings: &ListenSettings,
        certificates: Arc<Certificates>,
        trust: Arc<LiveTrust>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let recipe = Recipe {
            provider,
            trust,
            client_certificate: settings.client_certificate,
            minimum: settings.minimum_tls,
            sessions: ServerSessionMemoryCache::new(settings.sessions.max(1)),
        };
        Ok(Self { config: ArcSwap::from(recipe.config(certificates)?), recipe })
    }

    /// Replaces the certificates, and takes the hints for clients' certificates from the trust of now. Handshakes under way end as
    /// they began; open connections are not touched.
    ///
    /// # Errors
    /// As [`LiveTls::new`].
    pub fn replace(&self, certificates: Arc<Certificates>) -> Result<(), Error> {
        self.config.store(self.recipe.config(certificates)?);
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    pub(super) fn requires_certificate(&self) -> bool {
        self.recipe.client_certificate == ClientCertificate::Required
    }
}

impl Recipe {
    fn config(&self, certificates: Arc<Certificates>) -> Result<Arc<ServerConfig>, Error> {
        const MODERN: &[&SupportedProtocolVersion] = &[&version::TLS13];
        const OLD: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
        let versions = match self.minimum {
            TlsVersion::V13 => MODERN,
            TlsVersion::V12 => OLD,
        };
        let verifier = Verifier::new(self.trust.clone(), self.client_certificate, self.provider.clone());
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(certificates);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = self.sessions.clone();
        // SECURITY: early data can be replayed (RFC 8446 §8); no request of ours may be.
        config.max_early_data_size = 0;
        // SECURITY: without it a TLS 1.2 session with a client certificate can be spliced into another (RFC 7627 §1).
        config.require_ems = true;
        // One ticket a connection: each is an entry in the session store with a client chain in it.
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }
}

/// The class of a failed handshake.
pub(super) fn fault(error: &io::Error) -> HandshakeFault {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return HandshakeFault::Abandoned;
    };
    match error {
        Error::NoCertificatesPresented => HandshakeFault::CertificateMissing,
        Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            HandshakeFault::CertificateForeign
        }
        Error::InvalidCertificate(_) => HandshakeFault::CertificateBroken,
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => HandshakeFault::Incompatible,
        Error::AlertReceived(_) => HandshakeFault::RefusedByClient,
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => HandshakeFault::NotTls,
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::DecryptError => HandshakeFault::Misbehaved,
        _ => HandshakeFault::Internal,
    }
}
