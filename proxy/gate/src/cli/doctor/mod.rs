//! `poort doctor`: whether a source refuses what does not come through the gate. It tries what somebody inside the network would, with
//! safe methods alone, and the gate's own way beside it: a source that answers nobody proves nothing.

mod attempt;
mod forged;
mod report;
mod target;
mod verdict;
mod wire;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use http::Method;

use self::{
    attempt::{Attempt, Way},
    forged::Forgeries,
    report::{Examined, Report},
    target::Target,
    verdict::{Check, Own},
    wire::Wire,
};
use super::{ConfigArgument, WRONG, audit, complain, say};
use crate::{
    config::{self, Checked, Faults, checked::source::Source},
    listen, snapshot,
};

/// The exit code of a source that is not proved to be closed.
const OPEN: u8 = 1;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The source; else every one of them.
    source: Option<String>,
    #[command(flatten)]
    config: ConfigArgument,
    /// On a neighbour, without configuration or key: what listens at this address and port. Only what must be refused is tried.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "source")]
    at: Option<String>,
    /// The name that it is asked for there, in TLS and as Host.
    #[arg(long, requires = "at")]
    host: Option<String>,
    /// It speaks plain HTTP there.
    #[arg(long, requires = "at")]
    plain: bool,
    /// A path at the source, as clients of the gate ask for it; else the first that its `operations` name without a blank to fill in.
    #[arg(long)]
    path: Option<String>,
    /// GET, or HEAD. Of no answer more than the head is read.
    #[arg(long, default_value = "GET", value_parser = safe)]
    method: Method,
    /// As whom the gate's own way is tried, and whom forged headers name.
    #[arg(long, default_value = "poort-doctor")]
    user: String,
    /// A role of that user.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Where the source sends people to sign in with itself, as its `Location` begins: a redirect there is a refusal.
    #[arg(long, value_name = "LOCATION")]
    login: Option<String>,
    /// The certificate chain of a neighbour: of the authority that signed the gate's, and not the gate's.
    #[arg(long, value_name = "FILE", requires = "neighbour_key")]
    neighbour: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "neighbour")]
    neighbour_key: Option<PathBuf>,
    /// How long each attempt may take, at most, to connect and to be answered.
    #[arg(long, default_value = "10s", value_parser = config::duration)]
    timeout: Duration,
    /// Why; it is recorded.
    #[arg(long)]
    reason: Option<String>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

fn safe(text: &str) -> Result<Method, String> {
    match text {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        _ => Err("write `GET` or `HEAD`: nothing may be changed in a source".to_owned()),
    }
}

/// What went wrong, and the exit code.
type Fault = (String, u8);

pub(super) fn obey(arguments: &Arguments) -> ExitCode {
    match examine(arguments) {
        Ok(report) => {
            if arguments.json {
                say(report.json());
            } else {
                say(&report);
            }
            if report.is_closed() { ExitCode::SUCCESS } else { ExitCode::from(OPEN) }
        }
        Err((why, code)) => {
            complain(why);
            ExitCode::from(code)
        }
    }
}

fn examine(arguments: &Arguments) -> Result<Report, Fault> {
    listen::install_provider().map_err(|fault| (fault.to_string(), WRONG))?;
    let neighbour = arguments.neighbour.as_deref().zip(arguments.neighbour_key.as_deref());
    let neighbour = neighbour.map(|(chain, key)| wire::identity(chain, key)).transpose();
    let neighbour = neighbour.map_err(|why| (why, WRONG))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| (fault.to_string(), OPEN))?;
    let mut report = Report::default();
    let mut try_all = |target: &Target<'_>, forgeries: &Forgeries| {
        let wire = Wire::new(target, forgeries, neighbour.as_ref()).map_err(|why| (why, WRONG))?;
        report.sources.extend(runtime.block_on(everywhere(target, forgeries, &wire)));
        Ok(())
    };
    match &arguments.at {
        Some(address) => {
            let target = Target::outside(address, arguments).map_err(|why| (why, WRONG))?;
            try_all(&target, &Forgeries::default())?;
        }
        None => configured(arguments, try_all)?,
    }
    Ok(report)
}

/// One source of the configuration, or each.
fn configured(
    arguments: &Arguments,
    mut try_all: impl FnMut(&Target<'_>, &Forgeries) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let checked = config::load(&arguments.config.config).map_err(|faults| (faults.to_string(), WRONG))?;
    let wanted: Vec<_> = match &arguments.source {
        None => checked.sources.iter().collect(),
        Some(id) => vec![named(&checked, id)?],
    };
    let targets: Result<Vec<_>, _> = wanted.into_iter().map(|source| Target::of(source, arguments)).collect();
    let targets = targets.map_err(|why| (why, WRONG))?;
    let assertions = snapshot::assertions(&checked.deploy);
    let assertions = assertions.map_err(|faults| (Faults::new(faults).to_string(), WRONG))?;
    for target in targets {
        // The gate vouches for somebody there: that is written down before it is done, as any other request of its would be.
        let tried =
            vec![("source".to_owned(), target.source.to_owned()), ("path".to_owned(), target.path.clone())];
        audit::access::examined(&checked.deploy, target.source, arguments.reason.as_deref(), tried)
            .map_err(|why| (why, OPEN))?;
        let other = checked.sources.iter().map(|source| source.id.as_str()).find(|id| *id != target.source);
        let forgeries = Forgeries::new(&target, assertions.as_ref(), other).map_err(|why| (why, OPEN))?;
        try_all(&target, &forgeries)?;
    }
    Ok(())
}

fn named<'a>(checked: &'a Checked, id: &str) -> Result<&'a Source, Fault> {
    checked.sources.iter().find(|source| source.id == id).ok_or_else(|| {
        let known = checked.sources.iter().map(|source| source.id.as_str());
        (format!("no source is named `{id}`{}", config::suggest(id, known)), WRONG)
    })
}

/// At every address of a source, since each is a machine of its own.
async fn everywhere(target: &Target<'_>, forgeries: &Forgeries, wire: &Wire) -> Vec<Examined> {
    let mut examined = Vec::new();
    for place in &target.addresses {
        let found = tokio::net::lookup_host(place).await;
        let mut found: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            examined.push(Examined::nowhere(target, place.clone()));
        }
        for address in found {
            examined.push(Examined::at(target, address, at(target, address, forgeries, wire).await));
        }
    }
    examined
}

async fn at(target: &Target<'_>, address: SocketAddr, forgeries: &Forgeries, wire: &Wire) -> Vec<Check> {
    if !target.is_gate {
        return refusals(target, address, forgeries, wire, &Own::Untried, None).await;
    }
    let way = Attempt::own(target, forgeries);
    let came = wire.send(Way::Gate, address, &way.request(target)).await;
    let own = Own::of(target, &came);
    let mut checks = vec![Check::own("own-way", &way, &came, &own)];
    if !own.is_answered() {
        // Whatever is refused now is refused to everyone.
        return checks;
    }
    let basic = came.asks_basic().then_some(Way::Gate);
    checks.extend(refusals(target, address, forgeries, wire, &own, basic).await);
    // A source that fell over meanwhile refuses everything, too.
    let came = wire.send(Way::Gate, address, &way.request(target)).await;
    checks.push(Check::own("own-way-again", &way, &came, &Own::of(target, &came)));
    checks
}

/// What must be refused. `basic` is a way by which passwords are asked for, if one is known already.
async fn refusals(
    target: &Target<'_>,
    address: SocketAddr,
    forgeries: &Forgeries,
    wire: &Wire,
    own: &Own,
    mut basic: Option<Way>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for attempt in attempt::all(target, forgeries, wire.has_neighbour()) {
        match attempt {
            Ok(attempt) => {
                let came = wire.send(attempt.way, address, &attempt.request(target)).await;
                basic = basic.or(came.asks_basic().then_some(attempt.way));
                checks.push(Check::of(target, &attempt, &came, own));
            }
            Err(not_tried) => checks.push(not_tried),
        }
    }
    checks.push(match basic {
        Some(way) => {
            let attempt = Attempt::basic(way);
            let came = wire.send(way, address, &attempt.request(target)).await;
            Check::of(target, &attempt, &came, own)
        }
        None => Check::not_applicable(
            "basic-credentials",
            "wrong basic credentials",
            "the source asks nobody for any",
        ),
    });
    checks
}
