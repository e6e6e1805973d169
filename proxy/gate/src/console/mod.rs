//! The console: pages on which the security team, the SOC and operators see a running gate. Read-only, but for reviews of broken glasses.
//!
//! It has a listener of its own, behind TLS with client certificates of its own authorities, and policies of their own
//! ([`poort_policy::console`]) say who sees which page. Everything is compiled in: no page loads anything from elsewhere, and all of them
//! work without script. A look at a page that shows the record is in the record itself.
//!
//! - [`serve`]: a connection's requests, and how answers are written; [`feed`]: decisions as they come, as server-sent events;
//! - [`visitor`]: who looks, and whether they may; [`looks`]: writing down that they do; [`form`]: what is posted;
//! - [`page`] and [`html`]: how pages look; [`views`]: what is on them; [`exclusions`]: what would have let requests pass.

mod assets;
mod exclusions;
mod feed;
mod form;
mod html;
mod looks;
mod page;
mod serve;
mod views;
mod visitor;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use poort_policy::workbench::Workbench;
use tokio::sync::Semaphore;

use crate::{listen::LiveTrust, live::Live};
use feed::Feed;
use form::Forms;
use looks::Looks;

/// Pages that read the record at once; more wait their turn.
const READERS: usize = 2;

/// What answers on the console's address.
pub struct Console {
    live: Arc<Live>,
    trust: Arc<LiveTrust>,
    /// Where the record is.
    directory: PathBuf,
    looks: Looks,
    forms: Forms,
    feed: Arc<Feed>,
    readers: Semaphore,
    /// The policies as they can be talked about, and the generation they are of.
    bench: Mutex<Option<(u64, Arc<Workbench>)>>,
}

impl Console {
    /// For this gate, whose record is in this directory. None if it has no console.
    #[must_use]
    pub fn new(live: Arc<Live>, directory: &Path) -> Option<Self> {
        Some(Self {
            trust: Arc::clone(live.visitors.as_ref()?),
            live,
            directory: directory.to_owned(),
            looks: Looks::default(),
            forms: Forms::new(),
            feed: Feed::new(directory),
            readers: Semaphore::new(READERS),
            bench: Mutex::default(),
        })
    }
}
