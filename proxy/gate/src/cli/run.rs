//! `poort run`: from files to a serving gate.

use std::{net::TcpListener, path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context as _, anyhow, bail};
use pingora::{
    apps::http_app::HttpServer,
    proxy::http_proxy,
    server::{RunArgs, Server, configuration::ServerConf},
    services::{background::background_service, listening::Service},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    admin::Admin,
    audit::{
        Audit, AuditSettings, Change, Changed, Record, Reviews, reviews,
        tlog::{LOG_DIRECTORY, LogSettings},
    },
    carry_over::{CarryOver, Persisted},
    config::{
        self, Checked,
        checked::{self, Deploy},
    },
    console::Console,
    control,
    editions::{self, AccessFiles, Ledger, Pending},
    housekeeping::Housekeeping,
    last_good,
    listen::{self, Surroundings},
    listeners,
    live::{Author, Live, Start},
    machine_users,
    machines::Machines,
    metrics::Metrics,
    service::Proxy,
    world::WallClock,
};

use super::{WRONG, complain};

pub(super) fn run(file: &Path) -> ExitCode {
    trace();
    match serve(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(format_args!("{fault:#}"));
            ExitCode::from(WRONG)
        }
    }
}

fn trace() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        // The server library logs an error for every client that goes away.
        .unwrap_or_else(|_| "info,pingora_core=off,pingora_proxy=off".into());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn serve(file: &Path) -> anyhow::Result<()> {
    let hangups = hangups().context("SIGHUP cannot be listened for")?;
    listen::install_provider()?;
    let state = config::state_directory(file);
    let mut ledger = alone_with_ledger(&state)?;
    let access = config::access_directory(file);
    let unconfirmed =
        ledger.recover(access.as_deref()).context("the policies that waited cannot be given up")?;
    let (checked, origin) = configuration(file, &ledger)?;
    can_listen(&checked.deploy)?;
    make_private(&checked.deploy.state)?;
    let metrics = Arc::new(Metrics::register(prometheus::default_registry())?);
    let persisted = Persisted::open(&checked.deploy, checked.seal())?;
    for source in persisted.closures().all() {
        tracing::warn!(event = "source_closed", source, remedy = "poort reload --allow SOURCE");
    }
    let carry = CarryOver::new(Arc::clone(&metrics), persisted, checked.zone.limits.keys.get());
    let settings = audit_settings(&checked.deploy.audit);
    let (audit, recovered) = Audit::open(settings, WallClock)?;
    tracing::info!(event = "audit_opened", ?recovered);
    learn_reviews(&checked.deploy.audit.directory, &carry.reviews);
    if matches!(origin, Origin::Files) {
        keep(file, &checked, &mut ledger);
    }
    let deploy = Arc::new(Summary::of(&checked.deploy));
    let start = Start {
        file: file.to_owned(),
        checked,
        carry: Arc::new(carry),
        audit: Arc::new(audit),
        origin: origin.name(),
        ledger,
    };
    let live = Arc::new(Live::start(start)?);
    if let Some(pending) = unconfirmed {
        given_up(&pending, &live);
    }
    metrics.started(matches!(origin, Origin::Files));
    let server = server(&deploy, &live, hangups)?;
    let audit = Arc::clone(&live.audit);
    drop(live);
    server.run(RunArgs::default());
    audit.close();
    Ok(())
}

/// What is kept of the policies in a state directory that is this gate's alone.
fn alone_with_ledger(state: &Path) -> anyhow::Result<Ledger> {
    // What waits to be confirmed there is that gate's: it is given up at a start.
    if control::is_answered(state) {
        bail!("a gate runs on `{}` already; end it first, or name another state directory", state.display());
    }
    if let Some(owner) = machine_users::owner_beside_root(state) {
        bail!(
            "the state directory `{}` is user `{owner}`'s, whose gate could not read what root writes there; run this as that user: \
             `sudo -u {owner} poort …`",
            state.display()
        );
    }
    Ledger::open(state).with_context(|| {
        format!(
            "what is kept of the policies in `{}` cannot be read; restore or remove `policies` in it",
            state.display()
        )
    })
}

/// Keeps a configuration that works, to start from and to go back to.
fn keep(file: &Path, checked: &Checked, ledger: &mut Ledger) {
    if let Err(fault) = last_good::keep(&checked.deploy.state, file, &checked.files) {
        tracing::error!(event = "last_good_not_kept", %fault);
    }
    if let Err(fault) = ledger.observe(&AccessFiles::of(checked)) {
        tracing::error!(event = "edition_not_kept", %fault, remedy = "these policies cannot be gone back to");
    }
}

/// Listens for SIGHUP from now on: until somebody does, it ends the process. Who sends one while the gate starts has their files read again as
/// soon as it serves.
fn hangups() -> std::io::Result<Signal> {
    // What a runtime has once listened for is listened for after it is gone; another runtime hands it on.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    signal(SignalKind::hangup())
}

/// Reads, beside everything else, which broken glasses wait for a review: a long record takes a while.
fn learn_reviews(directory: &Path, reviews: &Arc<Reviews>) {
    let (directory, reviews) = (directory.to_owned(), Arc::clone(reviews));
    std::thread::spawn(move || match reviews::waiting(&directory) {
        Ok(waiting) => reviews.learn(waiting),
        Err(fault) => tracing::warn!(event = "reviews_not_read", %fault),
    });
}

/// Says and writes down that policies were not confirmed before the gate stopped.
fn given_up(pending: &Pending, live: &Live) {
    let Pending { number, by, policies, .. } = pending;
    tracing::error!(
        event = "policies_reverted",
        number,
        applied_by = by,
        why = "the gate stopped before they were confirmed",
        remedy = "poort policy apply"
    );
    let author = Author {
        reason: Some("the gate stopped before they were confirmed".to_owned()),
        ..Author::default()
    };
    let change =
        Change::by(Changed::Reverted, &author, policies.clone(), live.snapshot().digests.policies.clone());
    if let Err(fault) = live.audit.append(Record::Change(Box::new(change))) {
        tracing::error!(event = "change_unrecorded", %fault);
    }
}

/// How the record is kept.
pub(super) fn audit_settings(audit: &checked::deploy::Audit) -> AuditSettings {
    let mut settings = AuditSettings::new(audit.directory.clone(), audit.durable);
    settings.spill.clone_from(&audit.spill);
    settings.reserve_bytes = audit.reserve;
    settings.log = audit.log.as_ref().map(|log| LogSettings {
        directory: audit.directory.join(LOG_DIRECTORY),
        keys: Arc::clone(&log.keys),
        anchor: log.anchor.clone(),
    });
    settings
}

/// Where a configuration came from.
#[derive(Clone, Copy)]
enum Origin {
    Files,
    LastGood,
}

impl Origin {
    const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::LastGood => "last_good",
        }
    }
}

/// The files, or the last good configuration when they are broken: a typo must not keep a force out after a power cut.
fn configuration(file: &Path, ledger: &Ledger) -> anyhow::Result<(Checked, Origin)> {
    let faults = match editions::load(file, ledger) {
        Ok((checked, why)) => {
            if let Some(why) = why {
                tracing::error!(event = "policies_not_those_of_the_directory", why);
            }
            for warning in &checked.warnings {
                tracing::warn!(event = "configuration_warning", %warning);
            }
            return Ok((checked, Origin::Files));
        }
        Err(faults) => faults,
    };
    complain(&faults);
    let state = config::state_directory(file);
    let (entry, files) = last_good::open(&state).map_err(|_| {
        anyhow!("the configuration is broken, and no last good one is kept in `{}`", state.display())
    })?;
    let checked = config::load_from(&entry, files)
        .map_err(|faults| anyhow!("the configuration is broken, and so is the last good one:\n{faults}"))?;
    tracing::error!(
        event = "started_from_last_good",
        faults = faults.all().len(),
        remedy = "mend the files, then `poort reload`"
    );
    Ok((checked, Origin::LastGood))
}

/// What of `deploy` the server needs after the configuration itself is built in.
struct Summary {
    listeners: Vec<listen::ListenSettings>,
    admin: std::net::SocketAddr,
    service: Option<listen::ListenSettings>,
    console: Option<listen::ListenSettings>,
    record: std::path::PathBuf,
    workers: usize,
    body: std::time::Duration,
    drain: std::time::Duration,
    watch: bool,
    state: std::path::PathBuf,
}

impl Summary {
    fn of(deploy: &Deploy) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let settings = |listener| listeners::settings(listener, &deploy.connections);
        Self {
            listeners: deploy.listeners.iter().map(settings).collect(),
            admin: deploy.admin,
            service: deploy.service.as_ref().map(settings),
            console: deploy.console.as_ref().map(settings),
            record: deploy.audit.directory.clone(),
            workers: deploy.workers.map_or_else(cores, std::num::NonZeroUsize::get),
            body: deploy.connections.body,
            drain: deploy.drain,
            watch: deploy.watch,
            state: deploy.state.clone(),
        }
    }
}

fn server(deploy: &Summary, live: &Arc<Live>, hangups: Signal) -> anyhow::Result<Server> {
    let conf = ServerConf {
        threads: deploy.workers,
        // Housekeeping ends the process as soon as nothing is in flight; these are the longest it may take.
        grace_period_seconds: Some(deploy.drain.as_secs() + 1),
        graceful_shutdown_timeout_seconds: Some(5),
        upgrade_sock: deploy.state.join("upgrade.sock").display().to_string(),
        max_retries: 8,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let surroundings = |settings: &listen::ListenSettings, trust| {
        let tls = live.tls(settings.address).ok_or_else(|| anyhow!("no TLS for `{}`", settings.address))?;
        let (admission, observer) = (Arc::clone(&live.admission), Arc::clone(live) as Arc<_>);
        anyhow::Ok(Surroundings { admission, tls, trust, observer })
    };
    for settings in &deploy.listeners {
        let surroundings = surroundings(settings, Arc::clone(&live.trust))?;
        let proxy = http_proxy(&server.configuration, Proxy::new(Arc::clone(live), deploy.body));
        server.add_service(listen::service("gate", settings, surroundings, proxy));
    }
    if let Some(settings) = &deploy.service {
        let machines = HttpServer::new_app(Machines::new(Arc::clone(live)));
        let surroundings = surroundings(settings, Arc::clone(&live.trust))?;
        let mut machines = listen::service("service", settings, surroundings, machines);
        machines.threads = Some(1);
        server.add_service(machines);
    }
    if let Some(settings) = &deploy.console
        && let Some(trust) = live.visitors.clone()
        && let Some(console) = Console::new(Arc::clone(live), &deploy.record)
    {
        let mut console = listen::service("console", settings, surroundings(settings, trust)?, console);
        console.threads = Some(1);
        server.add_service(console);
    }
    let mut admin = Service::new("admin".to_owned(), HttpServer::new_app(Admin::new(Arc::clone(live))));
    admin.threads = Some(1);
    admin.add_tcp(&deploy.admin.to_string());
    server.add_service(admin);
    let housekeeping = Housekeeping::new(Arc::clone(live), deploy.drain, deploy.watch, hangups);
    server.add_service(background_service("housekeeping", housekeeping));
    Ok(server)
}

/// Whether everything that the gate serves on can be had. The server library tries what is taken for half a minute without a word, and then
/// goes on without it.
fn can_listen(deploy: &Deploy) -> anyhow::Result<()> {
    for address in deploy.tls_listeners().map(|listener| listener.address).chain([deploy.admin]) {
        TcpListener::bind(address).with_context(|| {
            format!("nothing can listen on `{address}`; end what does so already (`ss -ltnp` names it), or name another address")
        })?;
    }
    Ok(())
}

fn make_private(directory: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make the state directory `{}`", directory.display()))
}
