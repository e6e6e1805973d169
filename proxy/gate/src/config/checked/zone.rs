//! The security team's part: `policies/poort.yaml`, `entities.yaml` and the inventory.

use std::{
    collections::BTreeSet,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use poort_enforce::stated::Purposes;
use poort_identity::{
    Anchors, IssuerRules, KeySet, RevocationRule, Revocations, Seal,
    sign_in::{Client, Endpoints},
};
use poort_policy::{DeviceFacts, Group, Place};
use rustls::pki_types::CertificateDer;

use crate::{
    audit::{Retention, Usual},
    discovery::Written,
};

/// What the security team decides, apart from sources and policies.
#[derive(Debug)]
pub struct Zone {
    /// Which devices are ours.
    pub devices: Devices,
    /// Whose tokens are believed. No two have one alias or one `iss`.
    pub issuers: Vec<Issuer>,
    /// `acr` and `amr` values that count as a strong sign-in.
    pub strong_sign_in: Vec<String>,
    /// How browsers sign in; none: they do not.
    pub sign_in: Option<SignIn>,
    /// What requests may be for.
    pub purposes: Arc<Purposes>,
    /// How long what is stated holds, and who may fill in the form.
    pub missions: Missions,
    /// Budgets.
    pub limits: Limits,
    /// What holds for a source whose file says nothing.
    pub defaults: Defaults,
    /// Bytes of request bodies and answers that inspection may hold at once.
    pub held: u64,
    /// What is still usual for an officer in a shift; none: nobody watches that.
    pub unusual: Option<Usual>,
    /// Names that policies, issuers and devices may use.
    pub entities: Entities,
}

/// Which devices are ours.
#[derive(Debug)]
pub struct Devices {
    /// Who issues their certificates.
    pub anchors: Anchors,
    /// Which of them are revoked.
    pub revocations: Revocations,
    /// What happens without a fresh list.
    pub rule: RevocationRule,
    /// Their posture. No two have one name.
    pub inventory: Vec<InventoryDevice>,
}

/// What is known of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryDevice {
    /// As in its certificate: SPIFFE id, URI or DNS name.
    pub name: String,
    /// Whether the zone manages it.
    pub managed: bool,
    /// Whether it is as it should be.
    pub compliant: bool,
    /// One of the zone's fleets.
    pub fleet: Option<String>,
    /// One of the zone's units.
    pub unit: Option<String>,
}

impl InventoryDevice {
    /// The device, as policies see it.
    #[must_use]
    pub fn facts(&self) -> DeviceFacts {
        DeviceFacts {
            id: self.name.clone(),
            fleet: self.fleet.as_deref().map(Arc::from),
            unit: self.unit.as_deref().map(Arc::from),
            managed: self.managed,
            compliant: self.compliant,
        }
    }
}

/// Whose tokens are believed.
#[derive(Debug)]
pub struct Issuer {
    /// Where it is declared.
    pub place: Place,
    /// What its tokens may say. Roles and units exist.
    pub rules: IssuerRules,
    /// Where its keys are.
    pub keys: IssuerKeys,
    /// How it is asked what it says of itself; none: it is not.
    pub discovery: Option<Discovery>,
    /// Whether a token of it that is bound to no certificate belongs to the device that it is first used on.
    pub pins: bool,
}

/// How an issuer is asked what it says of itself.
#[derive(Debug, Default)]
pub struct Discovery {
    /// Who vouches for its servers; none: the public authorities.
    pub ca: Option<Vec<CertificateDer<'static>>>,
    /// What is the issuer's beside its own origin, though it may not be public.
    pub origins: Vec<reqwest::Url>,
}

/// Where an issuer's keys are.
#[derive(Debug)]
pub enum IssuerKeys {
    /// Fetched.
    Url {
        /// `https`, or `http` on loopback.
        url: String,
        /// Who vouches for that server; none: the public authorities.
        ca: Option<Vec<CertificateDer<'static>>>,
    },
    /// Read.
    File {
        /// From here.
        path: PathBuf,
        /// What it says.
        keys: Arc<KeySet>,
    },
    /// Where the issuer itself says.
    Discovered,
}

/// How browsers sign in.
#[derive(Debug)]
pub struct SignIn {
    /// Where it is declared.
    pub place: Place,
    /// The sign-in host, lower-case; no source has it.
    pub host: String,
    /// `https://` with that host and, if it is not 443, the port; without a slash at the end.
    pub origin: String,
    /// What seals cookies.
    pub seal: Arc<Seal>,
    /// How long a session lasts, whatever is done in it.
    pub lifetime: Duration,
    /// For how long a session lasts on that its issuer does not confirm.
    pub outage: Duration,
    /// Where people sign in; never empty, no issuer twice.
    pub providers: Vec<SignInAt>,
}

/// An issuer at which people sign in.
#[derive(Debug)]
pub struct SignInAt {
    /// What the gate is there.
    pub client: Arc<Client>,
    /// Where that is.
    pub at: SignInPlace,
    /// What people know it by.
    pub title: String,
    /// Who vouches for its token endpoint; none: the public authorities.
    pub ca: Option<Vec<CertificateDer<'static>>>,
}

/// Where an issuer is at which people sign in.
#[derive(Debug)]
pub enum SignInPlace {
    /// All of it is written down.
    Written(Arc<Endpoints>),
    /// The issuer says so itself, but for what is written down.
    Discovered(Written),
}

/// How long what officers state holds, and who may fill in the form for them.
#[derive(Debug)]
pub struct Missions {
    /// How long a mission lasts, a shift at most.
    pub lifetime: Duration,
    /// Whose links fill in the form; none: nobody's.
    pub dispatch: Option<Dispatch>,
    /// How long a broken glass opens what policies open then.
    pub glass: Duration,
}

/// A dispatch centre that signs links.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// As which issuer its links are verified.
    pub rules: IssuerRules,
    /// The keys that sign them.
    pub keys: Arc<KeySet>,
}

impl Dispatch {
    /// Its alias among issuers, of which it is the only one.
    pub const ALIAS: &str = "dispatch";
}

/// So many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how long; never zero.
    pub per: Duration,
}

/// A rate, and how many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The rate.
    pub rate: Rate,
    /// How many at once.
    pub burst: NonZeroU32,
}

/// The zone's budgets; none: the file says `unlimited`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For strangers of one prefix.
    pub address: Option<Budget>,
    /// For one device.
    pub device: Option<Budget>,
    /// For one user.
    pub user: Option<Budget>,
    /// For one source, all together.
    pub source: Option<Budget>,
    /// How many requests a refused one counts as.
    pub failure_cost: NonZeroU32,
    /// Requests in flight through the gate.
    pub concurrent: NonZeroUsize,
    /// How many holders each table of budgets knows at most.
    pub keys: NonZeroUsize,
}

/// What holds for a source whose file says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// How long a source may take.
    pub timeouts: Timeouts,
    /// The largest request body, in bytes.
    pub body: u64,
    /// How long records are kept, those that belong to no source too; none: for ever.
    pub retention: Option<Retention>,
}

/// How long a source may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// Between two reads.
    pub read: Duration,
    /// All in all, streams apart.
    pub total: Duration,
}

/// Names that policies, issuers and devices may use.
#[derive(Clone, Debug, Default)]
pub struct Entities {
    /// Roles; parents exist and no role is its own ancestor.
    pub roles: Vec<Group>,
    /// Units; likewise.
    pub units: Vec<Group>,
    /// Classifications; likewise.
    pub classifications: Vec<Group>,
    /// Fleets.
    pub fleets: BTreeSet<String>,
}
