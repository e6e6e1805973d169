//! What an issuer says of itself: where people sign in, where codes are exchanged, and where its keys are (OpenID Connect Discovery 1.0, 4;
//! RFC 8414).
//!
//! - [`document`] holds what was said against what the configuration says; nothing of it is believed that does not fit;
//! - [`reach`] is to which places an issuer may send the gate.
//!
//! It is fetched in the background, and the last that was good is kept, in the state directory too: an issuer that cannot be reached
//! changes nothing, over restarts either. Where nothing good was ever had, nobody signs in there and its tokens are refused; all else goes on.

mod document;
mod fault;
mod reach;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

pub use document::{Metadata, Written};
pub use fault::DiscoveryFault;
pub use reach::{Reach, Within};

use crate::{
    carry_over::write_whole,
    config::checked::zone::{Discovery as Settings, Issuer},
    keys::{chain, client_within},
};

/// Largest document that is read, in bytes.
const LIMIT_BYTES: usize = 64 * 1024;

/// An issuer is asked once in this time at most, however many would like to know.
const INTERVAL: Duration = Duration::from_secs(5);

/// What is known of one issuer by its own word.
#[derive(Debug)]
pub struct Discovery {
    alias: String,
    issuer: String,
    reach: Arc<Reach>,
    client: reqwest::Client,
    /// Where the last good document is kept; none: nowhere.
    file: Option<PathBuf>,
    known: ArcSwapOption<Known>,
    /// When it was asked last, and whether that went well.
    attempted: Mutex<Option<(Instant, bool)>>,
}

/// What was said, and when.
#[derive(Debug)]
struct Known {
    metadata: Arc<Metadata>,
    at: SystemTime,
}

impl Discovery {
    /// What is known of an issuer from before, if its last good document lies in `directory`. Nothing is fetched yet.
    ///
    /// # Errors
    /// When no client can be made with the authorities that the configuration names, or the issuer's name is no address.
    pub fn new(issuer: &Issuer, settings: &Settings, directory: Option<&Path>) -> Result<Self, String> {
        let rules = &issuer.rules;
        let reach = Reach::new(&rules.issuer, &settings.origins)
            .ok_or_else(|| format!("`{}` is no address to ask", rules.issuer))?;
        let reach = Arc::new(reach);
        let client = client_within(settings.ca.as_deref(), Some(&reach))?;
        let discovery = Self {
            alias: rules.alias.clone(),
            issuer: rules.issuer.clone(),
            reach,
            client,
            file: directory.map(|directory| directory.join(format!("issuer-{}.json", rules.alias))),
            known: ArcSwapOption::empty(),
            attempted: Mutex::new(None),
        };
        discovery.recall();
        Ok(discovery)
    }

    /// What the issuer said last that was good; none: nothing yet.
    #[must_use]
    pub fn metadata(&self) -> Option<Arc<Metadata>> {
        self.known.load().as_ref().map(|known| Arc::clone(&known.metadata))
    }

    /// How long ago that was; none: never.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        self.known.load().as_ref().map(|known| now.duration_since(known.at).unwrap_or_default())
    }

    /// What speaks to the places that the issuer names: it goes nowhere that they may not lead.
    #[must_use]
    pub const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// To which places the issuer may send the gate.
    #[must_use]
    pub const fn reach(&self) -> &Arc<Reach> {
        &self.reach
    }

    /// The same, asked for where nothing is known yet.
    pub async fn at_hand(&self) -> Option<Arc<Metadata>> {
        if self.metadata().is_none() {
            self.ask().await;
        }
        self.metadata()
    }

    /// Asks the issuer now, unless it was asked a moment ago. What is good is kept, and what changed is told; what is not, changes nothing but
    /// is told too. Whether it went well.
    pub async fn ask(&self) -> bool {
        let mut attempted = self.attempted.lock().await;
        if let Some((at, well)) = *attempted
            && at.elapsed() < INTERVAL
        {
            return well;
        }
        let answered = self.refresh().await;
        if let Err(fault) = &answered {
            let reason = fault.code();
            tracing::warn!(event = "issuer_not_discovered", issuer = self.alias, reason, %fault);
        }
        *attempted = Some((Instant::now(), answered.is_ok()));
        answered.is_ok()
    }

    async fn refresh(&self) -> Result<(), DiscoveryFault> {
        let document = self.fetch().await?;
        let metadata = Metadata::read(&document, &self.issuer, &self.reach)?;
        for address in metadata.spoken_to() {
            self.reach.resolve(address).await?;
        }
        self.learn(metadata);
        self.keep(document).await;
        Ok(())
    }

    /// The document, from where OpenID Connect Discovery has it (4.1: after the issuer's path), and otherwise from where RFC 8414 does (3.1:
    /// before it).
    async fn fetch(&self) -> Result<Vec<u8>, DiscoveryFault> {
        let [first, second] = self.reach.documents();
        match self.fetch_from(&first).await {
            Err(DiscoveryFault::Status { status: 404, .. }) => self.fetch_from(&second).await,
            answered => answered,
        }
    }

    async fn fetch_from(&self, at: &str) -> Result<Vec<u8>, DiscoveryFault> {
        let at = at.to_owned();
        let unreachable = |fault: reqwest::Error| DiscoveryFault::Unreachable {
            at: at.clone(),
            cause: chain(&fault.without_url()),
        };
        let request = self.client.get(&at).header("accept", "application/json");
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(DiscoveryFault::Redirect { at });
        }
        if status != 200 {
            return Err(DiscoveryFault::Status { at, status: status.as_u16() });
        }
        let mut document = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            if document.len() + piece.len() > LIMIT_BYTES {
                return Err(DiscoveryFault::Large { at, limit: LIMIT_BYTES });
            }
            document.extend_from_slice(&piece);
        }
        Ok(document)
    }

    fn learn(&self, metadata: Metadata) {
        let before = self.metadata();
        match before.as_deref() {
            None => tracing::info!(event = "issuer_discovered", issuer = self.alias, said = %metadata),
            Some(before) => {
                for (what, old, new) in metadata.differences(before) {
                    tracing::warn!(event = "issuer_changed", issuer = self.alias, what, old, new);
                }
            }
        }
        let known = Known { metadata: Arc::new(metadata), at: SystemTime::now() };
        self.known.store(Some(Arc::new(known)));
    }

    /// Keeps a good document for a gate that starts while the issuer is away.
    async fn keep(&self, document: Vec<u8>) {
        let Some(file) = self.file.clone() else { return };
        let written = tokio::task::spawn_blocking(move || write_whole(&file, &document)).await;
        if let Ok(Err(fault)) = written {
            tracing::warn!(event = "issuer_not_kept", issuer = self.alias, %fault);
        }
    }

    /// What was kept, held against the configuration of now.
    fn recall(&self) {
        let Some(file) = &self.file else { return };
        let Ok(document) = std::fs::read(file) else { return };
        let at = std::fs::metadata(file).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        match Metadata::read(&document, &self.issuer, &self.reach) {
            Ok(metadata) => {
                tracing::info!(event = "issuer_recalled", issuer = self.alias, said = %metadata);
                self.known.store(Some(Arc::new(Known { metadata: Arc::new(metadata), at })));
            }
            Err(fault) => tracing::info!(event = "issuer_not_recalled", issuer = self.alias, %fault),
        }
    }
}
