//! `poort-demo` puts a police zone up on loopback and stays; `poort-demo tour` walks through it and goes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use poort_demo::gate::Gate;
use poort_demo::layout::Layout;
use poort_demo::prometheus::{self, Prometheus};
use poort_demo::zone::{Ports, Zone, ZoneOptions, shipped_policies};
use poort_demo::{DemoError, pki, tour};
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

/// A throw-away police zone on loopback, with the gate in front of it.
#[derive(Parser)]
struct Arguments {
    /// Where everything is written.
    #[arg(long, default_value_os_t = Path::new(env!("CARGO_MANIFEST_DIR")).join("run"))]
    directory: PathBuf,
    /// The policies to run on.
    #[arg(long, default_value_os_t = shipped_policies())]
    policies: PathBuf,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Walks through the demo, prints what was expected and seen, and fails if the two differ.
    Tour,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.verb {
        Some(Verb::Tour) => walk(&arguments).await,
        None => stay(&arguments).await,
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            say(&mut io::stderr(), &format!("poort-demo: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn walk(arguments: &Arguments) -> Result<ExitCode, DemoError> {
    let (zone, mut gate) = start(arguments, Ports::Free).await?;
    let table = tour::walk(&zone, &gate).await?;
    gate.stop().await?;
    say(&mut io::stdout(), &table.to_string());
    if table.differences().next().is_none() {
        return Ok(ExitCode::SUCCESS);
    }
    say(
        &mut io::stderr(),
        &format!("The gate's own words are in `{}`.", zone.layout.path("gate.log").display()),
    );
    Ok(ExitCode::FAILURE)
}

async fn stay(arguments: &Arguments) -> Result<ExitCode, DemoError> {
    let (zone, mut gate) = start(arguments, Ports::Friendly).await?;
    let prometheus =
        prometheus::binary().map(|binary| Prometheus::start(&binary, &zone.layout)).transpose()?;
    let dashboards = match &prometheus {
        Some(prometheus) => format!(
            "Prometheus scrapes the gate: http://{}/alerts; what the dashboards ask it: {}",
            prometheus.address(),
            shown(&prometheus.write_page(&zone.layout)?)
        ),
        None => {
            "Prometheus is not installed here: with it, this shows what the dashboards of deploy/grafana ask."
                .to_owned()
        }
    };
    say(&mut io::stdout(), &format!("{}\n\n{dashboards}\n\nCtrl-C ends it.", overview(&zone)));
    let fault = |source| DemoError::Socket { what: "a wait for signals".into(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    tokio::select! {
        interrupted = ctrl_c() => interrupted.map_err(fault)?,
        _ = terminate.recv() => {}
        error = gate.watch() => return Err(error),
    }
    gate.stop().await?;
    Ok(ExitCode::SUCCESS)
}

async fn start(arguments: &Arguments, ports: Ports) -> Result<(Zone, Gate), DemoError> {
    let Arguments { directory, policies, .. } = arguments;
    let options = ZoneOptions { directory: directory.clone(), policies: policies.clone(), ports };
    let zone = Zone::start(&options)?;
    let gate = Gate::start(&zone.layout).await?;
    Ok((zone, gate))
}

/// What is up, and lines to paste.
fn overview(zone: &Zone) -> String {
    let layout = &zone.layout;
    let (port, admin) = (layout.address().port(), layout.admin());
    let file = |name: &str| shown(&zone.pki.path(name));
    let (certificate, key) = zone.pki.device_files("car-12");
    let curl =
        format!("curl --cacert {} --cert {} --key {}", file("gate-ca.crt"), shown(&certificate), shown(&key));
    let ask = |token: &str, source: &str, path: &str| {
        let host = Layout::host(source);
        format!(
            "  {curl} -H \"Authorization: Bearer ${token}\" \\\n    \
             --resolve {host}:{port}:127.0.0.1 'https://{host}:{port}{path}'\n"
        )
    };
    let token = |label: &str, acr: &str| {
        let (issuer, authority) = (zone.zone.root(), file("internal-ca.crt"));
        let query = format!("user=an.janssens&role=officer&unit=team-a{acr}&minutes=30&format=text");
        format!("  {label}=$(curl -s --cacert {authority} '{issuer}/token?{query}')\n")
    };
    let search = zone.aggregator.address();
    let console = layout.console().map_or(0, |address| address.port());
    let mut text = format!(
        "\nThe gate is up on https://*.localhost:{port}; its admin listener is http://{admin} \
         (/metrics, /healthz, /readyz).\n\
         Configuration: {}   record: {}   gate's own words: {}\n\n\
         An officer signs in with a password, and with a security key:\n",
        shown(&layout.path("deploy/poort.yaml")),
        shown(&layout.path("deploy/audit")),
        shown(&layout.path("gate.log")),
    );
    text.push_str(&token("TOKEN", ""));
    text.push_str(&token("STRONG", "&acr=https://refeds.org/profile/mfa"));
    text.push_str("\nA person, a vehicle, and a firearm, which needs the security key and a purpose (in a browser, or through the search):\n");
    text.push_str(&ask("TOKEN", "persons", "/persons/85073100190"));
    text.push_str(&ask("TOKEN", "vehicles", "/vehicles/0-ABC-123"));
    text.push_str(&ask("STRONG", "firearms", "/firearms/DEMO-71802"));
    text.push_str(&format!(
        "\nOne search in all three, through the search application:\n  \
         curl -H \"Authorization: Bearer $STRONG\" 'http://{search}/search?name=peeters'\n\n\
         A browser: import {} (password `{}`) and trust {}, then open https://persons.localhost:{port}/persons/85073100190 (and let it trust {} for the issuer),\n\
         and https://vehicles.localhost:{port}/vehicles/0-ABC-123 without signing in again; https://signin.localhost:{port}/ signs out;\n\
         https://firearms.localhost:{port}/firearms/DEMO-71802 asks what it is for, and Eva Lambert may break the glass of persons\n\
         The console: import {} (password `{}`), then open https://console.localhost:{console}/ and choose that certificate;\n\
         {} may write down what was found of a broken glass\n\
         Another device: private-7 (unmanaged), car-99 (revoked) or car-31 (expired) in place of car-12.",
        file("devices/car-12.p12"),
        pki::BUNDLE_PASSWORD,
        file("gate-ca.crt"),
        file("internal-ca.crt"),
        file("staff/security-els.p12"),
        pki::BUNDLE_PASSWORD,
        file("staff/dpo-mia.p12"),
    ));
    text
}

/// A path as short as it can be typed here, quoted when the shell would not take it as one word.
fn shown(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().unwrap_or_default();
    let text = absolute.strip_prefix(&here).unwrap_or(&absolute).to_string_lossy().into_owned();
    let plain = text.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
    if plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn say(to: &mut impl Write, text: &str) {
    // Nobody left to tell is no reason to fail.
    let _ = writeln!(to, "{text}");
}
