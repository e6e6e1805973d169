//! Issuers' keys: fetched in the background, on an unknown key id at most once an interval, and never believed when stale.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use poort_identity::token::{KeyLookup, KeySet, Keys};
use rustls::pki_types::CertificateDer;
use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    config::checked::zone::IssuerKeys as Origin,
    discovery::{Discovery, Reach, Within},
};

/// How often keys are fetched without anybody asking.
const REFRESH: Duration = Duration::from_secs(300);
/// How soon after a failure they are fetched again.
const RETRY: Duration = Duration::from_secs(10);
/// A token with an unknown key id makes at most one fetch in this time, however many come.
const INTERVAL: Duration = Duration::from_secs(30);
/// Keys older than this are not used: an issuer that cannot be reached can revoke nothing.
const CEILING: Duration = Duration::from_secs(3600);
/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// One issuer's keys.
#[derive(Debug)]
pub struct IssuerKeys {
    alias: String,
    at: At,
    discovery: Option<Arc<Discovery>>,
    keys: ArcSwapOption<KeySet>,
    /// Milliseconds from `started` to the last success, plus one; 0 for none.
    fetched: AtomicU64,
    /// When they were last tried to be fetched, or when that ended.
    attempted: Mutex<Option<Instant>>,
    started: Instant,
}

/// Where they are.
#[derive(Debug)]
enum At {
    /// In a file that was read.
    File,
    /// At this address, which the configuration names.
    Url(String, reqwest::Client),
    /// Where the issuer itself says.
    Discovered,
}

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// The authorities' file or the system's trust store is unusable.
    #[error("cannot make a client for issuer `{alias}`: {cause}")]
    Client {
        /// The issuer.
        alias: String,
        /// What the TLS library says.
        cause: String,
    },
    /// The issuer does not say where they are.
    #[error("where the keys of issuer `{alias}` are is not known: what it says of itself was not to be had")]
    Undiscovered {
        /// The issuer.
        alias: String,
    },
    /// The document did not arrive.
    #[error("cannot fetch the keys of issuer `{alias}` from `{url}`: {cause}")]
    Transport {
        /// The issuer.
        alias: String,
        /// From where.
        url: String,
        /// What went wrong, down to its root.
        cause: String,
    },
    /// What arrived is no key set.
    #[error("the keys of issuer `{alias}` from `{url}` are unusable: {cause}")]
    Document {
        /// The issuer.
        alias: String,
        /// From where.
        url: String,
        /// Why.
        cause: String,
    },
}

impl IssuerKeys {
    /// The keys of one issuer, not yet fetched; `discovery` is what it says of itself, where that is asked.
    ///
    /// # Errors
    /// [`FetchFault::Client`] if no client can be made with these authorities.
    pub fn new(alias: &str, origin: &Origin, discovery: Option<Arc<Discovery>>) -> Result<Self, FetchFault> {
        let (at, keys) = match origin {
            Origin::File { keys, .. } => (At::File, Some(Arc::clone(keys))),
            Origin::Url { url, ca } => {
                let client = client(ca.as_deref())
                    .map_err(|cause| FetchFault::Client { alias: alias.to_owned(), cause })?;
                (At::Url(url.clone(), client), None)
            }
            Origin::Discovered => (At::Discovered, None),
        };
        Ok(Self {
            alias: alias.to_owned(),
            at,
            discovery,
            keys: ArcSwapOption::new(keys),
            fetched: AtomicU64::new(0),
            attempted: Mutex::new(None),
            started: Instant::now(),
        })
    }

    /// How long ago the keys were fetched; none if never, or if they come from a file.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let fetched = self.fetched.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.started.elapsed().saturating_sub(Duration::from_millis(fetched)))
    }

    /// For how long they are still believed; zero when they are not, or were never fetched; none if they come from a file.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        if matches!(self.at, At::File) {
            return None;
        }
        Some(self.age().map_or(Duration::ZERO, |age| CEILING.saturating_sub(age)))
    }

    /// The issuer.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// What the issuer says of itself; none: it is not asked.
    #[must_use]
    pub const fn discovery(&self) -> Option<&Arc<Discovery>> {
        self.discovery.as_ref()
    }

    /// What the keys are worth at this age.
    fn at_age(&self, age: Option<Duration>) -> Keys {
        match (self.keys.load_full(), age) {
            (Some(_), Some(age)) if age > CEILING => Keys::Stale,
            (Some(keys), _) => Keys::Fresh(keys),
            (None, _) => Keys::Absent,
        }
    }

    /// Fetches now, unless that was tried within `interval`. Whoever asks meanwhile waits for the same fetch.
    async fn refresh(&self, interval: Duration) -> Result<bool, FetchFault> {
        let before = self.fetched.load(Ordering::Acquire);
        let mut attempted = self.attempted.lock().await;
        if self.fetched.load(Ordering::Acquire) != before {
            return Ok(true);
        }
        if attempted.is_some_and(|at| at.elapsed() < interval) {
            return Ok(false);
        }
        *attempted = Some(Instant::now());
        let fetched = self.fetch().await;
        // An issuer that answers nobody takes as long to fail as the interval: whoever waited for this fetch makes none of their own.
        *attempted = Some(Instant::now());
        let Some(keys) = fetched? else { return Ok(false) };
        self.keys.store(Some(Arc::new(keys)));
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.fetched.store(elapsed + 1, Ordering::Release);
        Ok(true)
    }

    async fn fetch(&self) -> Result<Option<KeySet>, FetchFault> {
        let Some((url, client)) = self.place().await? else { return Ok(None) };
        let document = document(&client, &url).await.map_err(|cause| FetchFault::Transport {
            alias: self.alias.clone(),
            url: url.clone(),
            cause,
        })?;
        KeySet::parse(&document).map(Some).map_err(|fault| FetchFault::Document {
            alias: self.alias.clone(),
            url: url.clone(),
            cause: fault.to_string(),
        })
    }

    /// Where they are fetched, and what fetches them; none: nowhere.
    async fn place(&self) -> Result<Option<(String, reqwest::Client)>, FetchFault> {
        match (&self.at, &self.discovery) {
            (At::File, _) => Ok(None),
            (At::Url(url, client), _) => Ok(Some((url.clone(), client.clone()))),
            (At::Discovered, Some(discovery)) => {
                let said = discovery.at_hand().await;
                let said = said.ok_or_else(|| FetchFault::Undiscovered { alias: self.alias.clone() })?;
                Ok(Some((said.keys().to_owned(), discovery.client().clone())))
            }
            (At::Discovered, None) => Err(FetchFault::Undiscovered { alias: self.alias.clone() }),
        }
    }

    /// Keeps the keys fresh, and what the issuer says of itself, for as long as it is polled.
    async fn keep_fresh(self: Arc<Self>) {
        if matches!(self.at, At::File) && self.discovery.is_none() {
            return;
        }
        loop {
            let discovered = match &self.discovery {
                Some(discovery) => discovery.ask().await,
                None => true,
            };
            let fetched = self.refresh(RETRY / 2).await;
            if let Err(fault) = &fetched {
                tracing::warn!(event = "keys_not_fetched", issuer = self.alias, %fault);
            }
            tokio::time::sleep(if discovered && fetched.is_ok() { REFRESH } else { RETRY }).await;
        }
    }
}

/// A client that trusts what the configuration names, follows no redirect and waits for nobody.
pub(crate) fn client(authorities: Option<&[CertificateDer<'_>]>) -> Result<reqwest::Client, String> {
    client_within(authorities, None)
}

/// The same, which goes no further than an issuer may send it.
pub(crate) fn client_within(
    authorities: Option<&[CertificateDer<'_>]>,
    reach: Option<&Arc<Reach>>,
) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(FETCH_TIMEOUT)
        .connect_timeout(FETCH_TIMEOUT / 2)
        .no_proxy();
    if let Some(reach) = reach {
        builder = builder.dns_resolver(Arc::new(Within(Arc::clone(reach))));
    }
    if let Some(authorities) = authorities {
        let certificates: Result<Vec<_>, _> =
            authorities.iter().map(|authority| reqwest::Certificate::from_der(authority)).collect();
        builder = builder.tls_certs_only(certificates.map_err(|fault| chain(&fault))?);
    }
    builder.build().map_err(|fault| chain(&fault))
}

async fn document(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, String> {
    let mut response = client.get(url).send().await.map_err(|fault| chain(&fault))?;
    if response.status() != 200 {
        return Err(format!("the answer was {}, not 200", response.status()));
    }
    let mut document = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|fault| chain(&fault))? {
        if document.len() + piece.len() > KeySet::LIMIT_BYTES {
            return Err(format!("the document is larger than {} bytes", KeySet::LIMIT_BYTES));
        }
        document.extend_from_slice(&piece);
    }
    Ok(document)
}

/// An error with its causes: reqwest's own words alone say only that sending failed.
pub(crate) fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// The keys of every issuer.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(HashMap<String, Arc<IssuerKeys>>);

impl KeyRing {
    /// A ring of these.
    #[must_use]
    pub fn new(issuers: Vec<Arc<IssuerKeys>>) -> Self {
        Self(issuers.into_iter().map(|keys| (keys.alias.clone(), keys)).collect())
    }

    /// Every issuer's keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<IssuerKeys>> {
        self.0.values()
    }

    /// What an issuer says of itself, where that is asked.
    #[must_use]
    pub fn discovery(&self, alias: &str) -> Option<&Arc<Discovery>> {
        self.0.get(alias)?.discovery()
    }

    /// Keeps all of them fresh until dropped.
    pub async fn keep_fresh(&self) {
        let mut tasks: JoinSet<()> = self.0.values().cloned().map(IssuerKeys::keep_fresh).collect();
        while tasks.join_next().await.is_some() {}
    }

    /// Fetches an issuer's keys because a token names an unknown one, or there are none; at most once an interval.
    pub async fn refresh(&self, alias: &str) -> bool {
        let Some(keys) = self.0.get(alias) else { return false };
        // Where none were ever had, whoever comes after an outage is not kept waiting.
        let interval = if keys.age().is_none() { RETRY / 2 } else { INTERVAL };
        match keys.refresh(interval).await {
            Ok(fetched) => fetched,
            Err(fault) => {
                tracing::warn!(event = "keys_not_fetched", issuer = alias, %fault);
                false
            }
        }
    }
}

impl KeyLookup for KeyRing {
    fn keys(&self, alias: &str) -> Keys {
        self.0.get(alias).map_or(Keys::Absent, |keys| keys.at_age(keys.age()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"one",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    fn fetched() -> IssuerKeys {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let origin = Origin::Url { url: "https://sso.zone.example/certs".to_owned(), ca: Some(Vec::new()) };
        let keys = IssuerKeys::new("zone", &origin, None).unwrap();
        keys.keys.store(Some(Arc::new(KeySet::parse(DOCUMENT).unwrap())));
        keys
    }

    #[test]
    fn keys_are_believed_for_an_hour_after_they_were_fetched() {
        let keys = fetched();
        let instant = Duration::from_millis(1);
        assert!(matches!(keys.at_age(Some(Duration::ZERO)), Keys::Fresh(_)));
        assert!(matches!(keys.at_age(Some(CEILING)), Keys::Fresh(_)), "to the hour");
        assert!(matches!(keys.at_age(Some(CEILING + instant)), Keys::Stale), "and no longer");
        assert!(CEILING > REFRESH + FETCH_TIMEOUT + RETRY, "an issuer that is up is never stale");
    }

    #[test]
    fn keys_from_a_file_have_no_age_and_keys_never_fetched_are_none() {
        let (file, never) = (fetched(), fetched());
        assert!(matches!(file.at_age(None), Keys::Fresh(_)));
        never.keys.store(None);
        assert_eq!(never.age(), None);
        assert!(matches!(never.at_age(never.age()), Keys::Absent));
    }

    #[tokio::test]
    async fn whoever_waits_for_an_issuer_that_does_not_answer_waits_for_one_fetch() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/certs", silent.local_addr().unwrap());
        let origin = Origin::Url { url, ca: Some(Vec::new()) };
        let ring = KeyRing::new(vec![Arc::new(IssuerKeys::new("zone", &origin, None).unwrap())]);
        let asked = Instant::now();
        let (one, other, third) =
            tokio::join!(ring.refresh("zone"), ring.refresh("zone"), ring.refresh("zone"));
        assert_eq!([one, other, third], [false; 3]);
        let waited = asked.elapsed();
        assert!(waited < FETCH_TIMEOUT * 3 / 2, "one after the other: {waited:?}");
    }
}
