use std::net::SocketAddr;

use serde_yaml::{Mapping, Value};

use super::{ANCHOR, Layout, LayoutOptions, Posture};
use crate::DemoError;
use crate::issuer::{CLIENT, Issuer};
use crate::pki::Pki;
use crate::sources::{Authentication, Source};
use crate::wire::ServedOver;

/// The operators' file, whole: nothing of it is shipped.
pub(super) fn deploy(options: &LayoutOptions<'_>) -> Result<String, DemoError> {
    let pki = options.pki;
    let mut certificates = file_pair(pki, "gate");
    pki.server("signin", &[&Layout::host("signin")])?;
    certificates.push_str(&file_pair(pki, "signin"));
    for source in options.sources {
        pki.server(source.id(), &[&Layout::host(source.id())])?;
        certificates.push_str(&file_pair(pki, source.id()));
    }
    let (address, admin) = (options.address, options.admin);
    let (assertion, audit) = (shown(pki, "assertion.key"), shown(pki, "audit.key"));
    let pseudonyms = shown(pki, "pseudonyms.keys");
    let console = options.console.map(|address| console(address, pki)).transpose()?.unwrap_or_default();
    Ok(format!(
        "# Written by the demo; see policies/ beside it for the security team's part.\n\
         listeners:\n\
         \x20 - address: {address}\n\
         \x20   certificates:                # chosen by SNI, one a host, so that browsers keep the hosts apart\n\
         {certificates}\
         \x20   client_certificate: required\n\
         admin: {{ address: {admin} }}\n\
         {console}\
         policies: ../policies\n\
         state: {{ directory: ./state }}\n\
         audit:\n\
         \x20 directory: ./audit\n\
         \x20 durable: true\n\
         \x20 pseudonyms: {pseudonyms}\n\
         \x20 log: {{ key: {audit}, anchor: ../{ANCHOR} }}\n\
         assertion: {{ key: {assertion}, issuer: \"https://gate.localhost\" }}\n\
         workers: 2\n\
         drain: 5s\n"
    ))
}

/// Where people look at the gate, with certificates of the staff's own authority.
fn console(address: SocketAddr, pki: &Pki) -> Result<String, DemoError> {
    pki.server("console", &[&Layout::host("console")])?;
    let (anchors, crls) = (shown(pki, "staff-ca.crt"), shown(pki, "staff-ca.crl"));
    let certificate = file_pair(pki, "console");
    Ok(format!(
        "console:\n  address: {address}\n  certificates:\n{certificate}  anchors: [{anchors}]\n  crls: [{crls}]\n"
    ))
}

fn file_pair(pki: &Pki, name: &str) -> String {
    let (chain, key) = (shown(pki, &format!("{name}.crt")), shown(pki, &format!("{name}.key")));
    format!("      - {{ chain: {chain}, key: {key} }}\n")
}

/// A path as a YAML scalar, whatever is in it.
fn shown(pki: &Pki, name: &str) -> String {
    serde_json::Value::from(file(pki, name)).to_string()
}

fn file(pki: &Pki, name: &str) -> String {
    let path = pki.path(name);
    std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned()
}

pub(super) fn inventory(devices: &[Posture]) -> String {
    let mut text = String::from(
        "# Written by the demo: the devices whose certificates are in certs/devices, and those of the policies' tests.\ndevices:\n",
    );
    for device in devices {
        let Posture { name, managed, compliant, fleet, unit } = device;
        text.push_str(&format!("  - {{ name: \"{name}\", managed: {managed}, compliant: {compliant}"));
        for (key, value) in [("fleet", fleet), ("unit", unit)] {
            if let Some(value) = value {
                text.push_str(&format!(", {key}: {value}"));
            }
        }
        text.push_str(" }\n");
    }
    text
}

/// The security team's main file: anchors, revocation list, inventory and issuers become the demo's.
pub(super) fn policies(yaml: &mut Value, options: &LayoutOptions<'_>) {
    let devices = member(yaml, "devices");
    set(devices, "anchors", vec![file(options.pki, "device-ca.crt")]);
    set(devices, "crls", vec![file(options.pki, "device-ca.crl")]);
    set(devices, "inventory", "inventory.yaml");
    let issuers = member(yaml, "issuers");
    let mut kept = issuers.as_sequence().cloned().unwrap_or_default();
    kept.retain(|entry| options.issuers.iter().any(|issuer| is_about(entry, issuer)));
    for issuer in options.issuers {
        match kept.iter_mut().find(|entry| is_about(entry, issuer)) {
            Some(entry) => fill_issuer(entry, issuer, options.pki),
            None => {
                let mut entry = Value::Mapping(Mapping::new());
                fill_issuer(&mut entry, issuer, options.pki);
                kept.push(entry);
            }
        }
    }
    *issuers = Value::Sequence(kept);
    sign_in(yaml, options);
}

/// Browsers sign in with the first issuer, the zone's own, at `signin.localhost`.
fn sign_in(yaml: &mut Value, options: &LayoutOptions<'_>) {
    remove(yaml, "sign_in");
    let Some(issuer) = options.issuers.first() else { return };
    let section = member(yaml, "sign_in");
    set(section, "url", format!("https://{}:{}", Layout::host("signin"), options.address.port()));
    set(section, "keys", file(options.pki, "session.keys"));
    let mut at = Value::Mapping(Mapping::new());
    set(&mut at, "issuer", issuer.alias());
    set(&mut at, "title", "The demo's own issuer");
    set(&mut at, "client_id", CLIENT);
    set(&mut at, "client_secret_file", file(options.pki, "client.secret"));
    if !says_where(issuer) {
        for (key, path) in [("authorization", "authorize"), ("token", "exchange"), ("end_session", "logout")]
        {
            set(&mut at, key, format!("{}/{path}", issuer.root()));
        }
        if issuer.root().starts_with("https:") {
            set(&mut at, "ca", file(options.pki, "internal-ca.crt"));
        }
        set(&mut at, "says_iss", true);
    }
    set(section, "issuers", vec![at]);
}

fn is_about(entry: &Value, issuer: &Issuer) -> bool {
    entry.get("alias").and_then(Value::as_str) == Some(issuer.alias())
}

fn fill_issuer(entry: &mut Value, issuer: &Issuer, pki: &Pki) {
    set(entry, "alias", issuer.alias());
    set(entry, "issuer", issuer.issuer());
    set(entry, "audiences", vec![issuer.audience().to_owned()]);
    set(entry, "algorithms", vec![issuer.signing_key().algorithm.as_str().to_owned()]);
    set(entry, "profile", issuer.profile().as_str());
    let (roles, units) = issuer.profile().claim_paths();
    set(member(entry, "roles"), "claim", roles);
    set(member(entry, "units"), "claim", units);
    remove(entry, "keys");
    remove(entry, "discovery");
    let asked = says_where(issuer);
    let place = member(entry, if asked { "discovery" } else { "keys" });
    *place = Value::Mapping(Mapping::new());
    if !asked {
        set(place, "url", issuer.keys_url());
    }
    if issuer.root().starts_with("https:") {
        set(place, "ca", file(pki, "internal-ca.crt"));
    }
}

/// Whether an issuer is where its name says, so that it can be asked where everything is.
fn says_where(issuer: &Issuer) -> bool {
    issuer.issuer() == issuer.root()
}

/// A source's file: host and upstream become the demo's.
pub(super) fn source(yaml: &mut Value, source: &Source, pki: &Pki) {
    set(yaml, "hosts", vec![Layout::host(source.id())]);
    let options = source.options();
    let upstream = member(yaml, "upstream");
    set(upstream, "addresses", vec![source.address().to_string()]);
    set(upstream, "host", options.internal_host.as_str());
    remove(upstream, "prefix");
    if !options.prefix.is_empty() {
        set(upstream, "prefix", options.prefix.as_str());
    }
    remove(upstream, "authentication");
    if options.authentication == Authentication::Connection {
        set(upstream, "authentication", "connection");
    }
    remove(upstream, "tls");
    if let ServedOver::Tls { clients, only_tls12, .. } = &options.over {
        let tls = member(upstream, "tls");
        set(tls, "ca", file(pki, "internal-ca.crt"));
        set(tls, "name", options.internal_host.as_str());
        set(tls, "minimum", if *only_tls12 { "1.2" } else { "1.3" });
        if clients.is_some() {
            set(tls, "certificate", file(pki, "upstream-client.crt"));
            set(tls, "key", file(pki, "upstream-client.key"));
        }
    }
}

/// The member of that name, made if it is not there; whatever is not a mapping becomes one.
fn member<'a>(yaml: &'a mut Value, name: &str) -> &'a mut Value {
    if !yaml.is_mapping() {
        *yaml = Value::Mapping(Mapping::new());
    }
    match yaml {
        Value::Mapping(members) => members.entry(name.into()).or_insert(Value::Null),
        other => other,
    }
}

fn set(yaml: &mut Value, name: &str, value: impl Into<Value>) {
    *member(yaml, name) = value.into();
}

fn remove(yaml: &mut Value, name: &str) {
    if let Value::Mapping(members) = yaml {
        members.remove(name);
    }
}
