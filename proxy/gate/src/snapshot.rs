//! Everything built from files, as one immutable whole. A request takes it once and keeps its generation.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use poort_enforce::{
    gauge::Gauge,
    operations::{Operations, certain_demands},
    pipeline::{Counted, Pipeline, Rules},
    routes::Routes,
    sign_in::SignIn,
    source::Source,
    subject::OpenSessions,
};
use poort_identity::{AssertionKey, Assertions, Issuers, VerifiedTokens};
use poort_policy::{Corpus, Engine, Place, PolicyFile, SourceFacts, console::Console};

use crate::{
    audit::{Digests, Usual},
    carry_over::CarryOver,
    config::{
        Checked, Fault, Faults, Warning,
        checked::{Access, TlsVersion, Zone, deploy::Deploy, source, zone},
    },
    forward::{Outbound, Pool, UpstreamSettings, UpstreamTls},
    inspect::Inspectors,
    keys::{FetchFault, IssuerKeys, KeyRing},
    limits::{Quotas, SourceQuotas},
    metrics::SourceCounts,
    signin::{Desk, Stating},
    time_zone,
    world::World,
};

/// How many verified tokens and how many assertions are remembered.
const REMEMBERED: usize = 100_000;

/// One generation of the configuration.
pub struct Snapshot {
    /// Counts reloads, from 1.
    pub generation: u64,
    /// SHA-256 over every file it was built from, in hex.
    pub digest: Arc<str>,
    /// The same and the policies' own, for the record.
    pub digests: Arc<Digests>,
    /// The decision.
    pub pipeline: Pipeline<World>,
    /// How each source is reached, by id.
    pub upstreams: HashMap<Arc<str>, Upstream>,
    /// What vouches for subjects.
    pub assertions: Option<Assertions>,
    /// Who may look at the console; none if no file says so, and then nobody may.
    pub console: Option<Console>,
    /// What the policies were loaded from, for whoever explains an answer.
    pub corpus: Corpus,
    /// What only building finds, and works but should be looked at.
    pub warnings: Vec<Warning>,
    bounds: Bounds,
}

/// How much may be in flight and held. What counts that outlives generations, and takes the bounds of the one that comes into force.
struct Bounds {
    in_flight: u32,
    bodies: u64,
    sources: Vec<(Arc<Gauge>, u32)>,
}

/// How one source is reached.
pub struct Upstream {
    /// Its addresses.
    pub pool: Pool,
    /// Whether TLS below 1.3 is refused towards it.
    pub modern_tls_only: bool,
    /// How requests to it are written.
    pub outbound: Outbound,
    /// Names it may call itself by in `Location`.
    pub names: Vec<String>,
    /// What is counted of it.
    pub counts: Arc<SourceCounts>,
}

impl Snapshot {
    /// Builds a generation. `poort check` builds the same.
    ///
    /// # Errors
    /// Every fault that only building finds: policies that do not parse or fit the schema, unusable keys.
    pub fn build(checked: Built<'_>, carry: &CarryOver, generation: u64) -> Result<Self, Faults> {
        let Built { zone, sources, digest, .. } = checked;
        let Parts { engine, corpus, candidate, console, issuers, keys, assertions, inspectors, warnings } =
            Parts::load(checked, carry)?;
        let digests = Digests {
            configuration: digest.to_string(),
            policies: engine.digest().to_owned(),
            candidate: candidate.as_ref().map(|engine| engine.digest().to_owned()),
        };
        let bounds = Bounds {
            in_flight: u32::try_from(zone.limits.concurrent.get()).unwrap_or(u32::MAX),
            bodies: zone.held,
            sources: sources.iter().map(|source| (carry.gauge(&source.id), concurrent(source))).collect(),
        };
        let known = |device: &zone::InventoryDevice| (device.name.clone(), device.facts());
        let enforced = |source| Arc::new(enforced(source, carry, &inspectors));
        let rules = Rules {
            routes: Routes::new(sources.iter().map(enforced).collect()),
            issuers,
            pinning: zone.issuers.iter().filter(|one| one.pins).map(|one| one.rules.alias.clone()).collect(),
            sign_in: zone.sign_in.as_ref().map(enforced_sign_in),
            purposes: Arc::clone(&zone.purposes),
            inventory: zone.devices.inventory.iter().map(known).collect(),
            aggregators: sources.iter().flat_map(|source| source.on_behalf_of.iter().cloned()).collect(),
            engine,
            candidate,
            strong: zone.strong_sign_in.iter().cloned().collect(),
            failure_cost: zone.limits.failure_cost.get(),
            counted: zone.unusual.as_ref().and_then(counted),
            time_zone: time_zone::local(),
        };
        let ports = world(checked, KeyRing::new(keys), carry)?;
        let upstreams = sources.iter().map(|source| {
            let id = Arc::from(source.id.as_str());
            let upstream = upstream(source, carry, generation, carry.metrics.source(&id));
            (id, upstream)
        });
        Ok(Self {
            generation,
            digest: Arc::clone(digest),
            digests: Arc::new(digests),
            upstreams: upstreams.collect(),
            pipeline: Pipeline {
                rules,
                ports,
                in_flight: Arc::clone(&carry.in_flight),
                bodies: Arc::clone(&carry.bodies),
                tokens: VerifiedTokens::new(REMEMBERED),
                sessions: OpenSessions::new(REMEMBERED),
            },
            assertions,
            console,
            corpus,
            warnings,
            bounds,
        })
    }

    /// Has what is in flight and held counted against this generation's bounds, just before it is in force: one that never is has none.
    pub fn bind(&self) {
        let Bounds { in_flight, bodies, sources } = &self.bounds;
        self.pipeline.in_flight.resize(*in_flight);
        self.pipeline.bodies.resize(*bodies);
        sources.iter().for_each(|(gauge, limit)| gauge.resize(*limit));
    }
}

/// The ports of the decision, of which most outlive this generation.
fn world(checked: Built<'_>, keys: KeyRing, carry: &CarryOver) -> Result<World, Faults> {
    Ok(World {
        quotas: quotas(checked.deploy, checked.zone, checked.sources),
        tables: Arc::clone(&carry.tables),
        shifts: Arc::clone(&carry.shifts),
        state: Arc::clone(&carry.sessions),
        sign_in: desk(checked.zone, &keys, carry)?,
        endings: Arc::clone(&carry.endings),
        keys,
        metrics: Arc::clone(&carry.metrics),
    })
}

/// What is loaded rather than copied, and can therefore fail.
struct Parts {
    engine: Engine,
    corpus: Corpus,
    candidate: Option<Engine>,
    console: Option<Console>,
    issuers: Issuers,
    keys: Vec<Arc<IssuerKeys>>,
    assertions: Option<Assertions>,
    inspectors: Inspectors,
    warnings: Vec<Warning>,
}

impl Parts {
    /// All of it, or every fault of all of it.
    fn load(checked: Built<'_>, carry: &CarryOver) -> Result<Self, Faults> {
        let Built { deploy, zone, sources, access, .. } = checked;
        let mut faults = Vec::new();
        let corpus = corpus(zone, sources, access);
        let engine = Engine::load(&corpus);
        let engine =
            collect(engine.map_err(|found| found.into_iter().map(policy_fault).collect()), &mut faults);
        let rules = zone.issuers.iter().map(|issuer| issuer.rules.clone()).collect();
        let placeless = |message: String| Fault { place: Place::default(), message };
        let issuers = Issuers::new(rules)
            .map_err(|found| found.iter().map(|fault| placeless(fault.to_string())).collect());
        let issuers = collect(issuers, &mut faults);
        let keys = zone.issuers.iter().map(|issuer| {
            let fault =
                |fault: FetchFault| vec![Fault { place: issuer.place.clone(), message: fault.to_string() }];
            carry.issuer_keys(issuer).map_err(fault)
        });
        let keys = collect(keys.collect(), &mut faults);
        let assertions = collect(assertions(deploy), &mut faults);
        let console =
            checked.console.map(|file| Console::load(file, &corpus.units, &corpus.fleets)).transpose();
        let console =
            collect(console.map_err(|found| found.into_iter().map(policy_fault).collect()), &mut faults);
        let inspectors = collect(Inspectors::load(sources, &carry.compiled), &mut faults);
        match (engine, console, issuers, keys, assertions, inspectors) {
            (
                Some(engine),
                Some(console),
                Some(issuers),
                Some(keys),
                Some(assertions),
                Some(mut inspectors),
            ) => {
                let (candidate, mut warnings) = candidate(checked);
                warnings.append(&mut inspectors.warnings);
                Ok(Self {
                    engine,
                    corpus,
                    candidate,
                    console,
                    issuers,
                    keys,
                    assertions,
                    inspectors,
                    warnings,
                })
            }
            _ => Err(Faults::new(faults)),
        }
    }
}

/// The parts of a checked configuration that a snapshot is built from.
#[derive(Clone, Copy)]
pub struct Built<'a> {
    deploy: &'a Deploy,
    zone: &'a Zone,
    sources: &'a [source::Source],
    access: &'a Access,
    candidate: Option<&'a Access>,
    console: Option<&'a PolicyFile>,
    digest: &'a Arc<str>,
}

impl<'a> Built<'a> {
    /// Of a checked configuration and its digest.
    #[must_use]
    pub fn of(checked: &'a Checked, digest: &'a Arc<str>) -> Self {
        let Checked { deploy, zone, sources, access, candidate, console, .. } = checked;
        let (candidate, console) = (candidate.as_ref(), console.as_ref());
        Self { deploy, zone, sources, access, candidate, console, digest }
    }
}

/// The candidate, or why it is not asked: that never keeps those that count from loading.
fn candidate(checked: Built<'_>) -> (Option<Engine>, Vec<Warning>) {
    let Some(access) = checked.candidate else { return (None, Vec::new()) };
    match Engine::load(&corpus(checked.zone, checked.sources, access)) {
        Ok(engine) => (Some(engine), Vec::new()),
        Err(found) => (None, found.into_iter().map(|fault| policy_fault(fault).of_candidate()).collect()),
    }
}

/// SHA-256 over the names and contents of every file, in hex: two gates with one digest decide alike.
#[must_use]
pub fn digest(checked: &Checked) -> Arc<str> {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for file in &checked.files {
        // The name without its directory: the same files elsewhere are the same configuration.
        let name = file.path.file_name().unwrap_or_default().as_encoded_bytes();
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name);
        context.update(&file.sha256);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// What policies see of a shift; none if nothing.
fn counted(usual: &Usual) -> Option<Counted> {
    let Usual { shift, shared_fleets, in_policies, .. } = usual;
    (!in_policies.is_empty()).then(|| Counted {
        shift: *shift,
        counts: in_policies.clone(),
        shared_fleets: shared_fleets.iter().cloned().collect(),
    })
}

fn enforced_sign_in(sign_in: &zone::SignIn) -> SignIn {
    SignIn { host: sign_in.host.clone(), seal: Arc::clone(&sign_in.seal) }
}

fn desk(zone: &Zone, keys: &KeyRing, carry: &CarryOver) -> Result<Option<Arc<Desk>>, Faults> {
    let Some(sign_in) = &zone.sign_in else { return Ok(None) };
    let fault = |message: String| Faults::new(vec![Fault { place: sign_in.place.clone(), message }]);
    let rules = zone.issuers.iter().map(|issuer| issuer.rules.clone()).collect();
    let issuers =
        Issuers::new(rules).map_err(|found| fault(found.iter().map(ToString::to_string).collect()))?;
    let strong = zone.strong_sign_in.clone();
    let stating = Stating { purposes: &zone.purposes, missions: &zone.missions };
    let desk = Desk::new(sign_in, issuers, keys.clone(), strong, stating, carry).map_err(fault)?;
    Ok(Some(Arc::new(desk)))
}

fn collect<T>(result: Result<T, Vec<Fault>>, faults: &mut Vec<Fault>) -> Option<T> {
    result.map_err(|found| faults.extend(found)).ok()
}

/// A fault of the policies, as one of the configuration.
pub(crate) fn policy_fault(fault: poort_policy::Fault) -> Fault {
    let place = Place { file: fault.file.into(), line: fault.line, column: fault.column };
    let message =
        if fault.help.is_empty() { fault.message } else { format!("{}; {}", fault.message, fault.help) };
    Fault { place, message }
}

fn corpus(zone: &Zone, sources: &[source::Source], access: &Access) -> Corpus {
    Corpus {
        schema: access.schema.clone(),
        policies: access.policies.clone(),
        roles: zone.entities.roles.clone(),
        units: zone.entities.units.clone(),
        classifications: zone.entities.classifications.clone(),
        fleets: zone.entities.fleets.iter().cloned().collect(),
        sources: sources
            .iter()
            .map(|source| SourceFacts {
                id: source.id.clone(),
                classification: source.classification.0.clone(),
                owner: source.owner.clone(),
                place: source.classification.1.clone(),
                demands: certain_demands(&source.operations),
            })
            .collect(),
        purposes: zone.purposes.all().iter().map(|purpose| purpose.name.to_string()).collect(),
        counted: zone.unusual.as_ref().map(|usual| usual.in_policies.clone()).unwrap_or_default(),
    }
}

/// What signs assertions; none if the operators' file has no key.
pub(crate) fn assertions(deploy: &Deploy) -> Result<Option<Assertions>, Vec<Fault>> {
    let Some(assertion) = &deploy.assertion else { return Ok(None) };
    let key = AssertionKey::from_pkcs8_der(assertion.key.der().secret_der())
        .map_err(|fault| vec![Fault { place: assertion.place.clone(), message: fault.to_string() }])?;
    Ok(Some(Assertions::new(key, assertion.issuer.clone(), REMEMBERED)))
}

fn concurrent(source: &source::Source) -> u32 {
    source.limits.concurrent.map_or(u32::MAX, |limit| u32::try_from(limit.get()).unwrap_or(u32::MAX))
}

fn enforced(source: &source::Source, carry: &CarryOver, inspectors: &Inspectors) -> Source {
    Source {
        id: source.id.as_str().into(),
        hosts: source.hosts.clone(),
        prefixes: source.prefixes.clone(),
        device: source.device,
        subject: source.subject,
        token_binding: source.token_binding,
        operations: Operations::new(source.operations.clone()),
        url_forms: source.url,
        streams: source.streams,
        cors: source.cors.clone(),
        on_behalf_of: source.on_behalf_of.iter().cloned().collect(),
        stated_by: source.stated_by.clone(),
        in_flight: carry.gauge(&source.id),
        body_limit: source.body,
        data_subjects: source.data_subjects.clone(),
        inspector: inspectors.by_source.get(&source.id).cloned(),
        signs_in_by_connection: source.upstream.authentication == source::Authentication::Connection,
        closed: carry.closed(&source.id),
    }
}

fn quotas(deploy: &Deploy, zone: &Zone, sources: &[source::Source]) -> Quotas {
    let own = |source: &source::Source| SourceQuotas {
        user: source.limits.user,
        device: source.limits.device,
        total: source.limits.total,
    };
    Quotas {
        address: zone.limits.address,
        device: zone.limits.device,
        user: zone.limits.user,
        source: zone.limits.source,
        sources: sources.iter().map(|source| (source.id.as_str().into(), own(source))).collect(),
        prefix_v4: deploy.connections.prefix_v4,
        prefix_v6: deploy.connections.prefix_v6,
    }
}

fn upstream(
    source: &source::Source,
    carry: &CarryOver,
    generation: u64,
    counts: Arc<SourceCounts>,
) -> Upstream {
    let tls = source.upstream.tls.as_ref().map(|tls| UpstreamTls {
        authorities: tls.ca.iter().map(|der| der.to_vec()).collect(),
        client: tls.identity.as_ref().map(|identity| {
            let chain = identity.chain.iter().map(|der| der.to_vec()).collect();
            (chain, identity.key.der().secret_der().to_vec())
        }),
        name: tls.name.clone(),
    });
    let settings = UpstreamSettings {
        targets: source.upstream.addresses.clone(),
        tls,
        timeouts: source.upstream.timeouts,
        authentication: source.upstream.authentication,
        trust_generation: generation,
    };
    let addresses = source.upstream.addresses.iter().map(ToString::to_string);
    Upstream {
        pool: Pool::new(settings, Arc::clone(&carry.health)),
        modern_tls_only: source.upstream.tls.as_ref().is_some_and(|tls| tls.minimum == TlsVersion::V13),
        outbound: Outbound {
            host: source.upstream.host.clone(),
            prefix: source.upstream.prefix.clone(),
            identity: source.identity.clone(),
        },
        names: addresses.chain(source.upstream.host.clone()).collect(),
        counts,
    }
}

/// When a snapshot was built, for people and metrics.
#[must_use]
pub fn seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
