//! A gate process in front of the suite's back end, with CRS at level 4 in `detect`, and somebody who may call it.

use std::collections::BTreeSet;
use std::path::Path;

use poort_conformance::{Case, setup};
use poort_demo::client::Caller;
use poort_demo::gate::Gate;
use poort_demo::layout::{Layout, LayoutOptions, Posture};
use poort_demo::pki::Pki;
use poort_demo::ports;
use serde_json::json;
use serde_yaml::Value;
use time::OffsetDateTime;
use tokio::io::AsyncRead;

use crate::backend::Backend;
use crate::exchange::{self, Answer};
use crate::fault::Fault;
use crate::front::Answers;
use crate::records::{Found, Records};

/// The name that the caller asks TLS for, and nearly every test asks HTTP for.
const HOST: &str = "localhost";
/// A device that the gate knows; the source wants nobody signed in.
const DEVICE: &str = "car-12";
/// Whoever has a device of the zone may do anything: what is tested is inspection.
const POLICY: &str = "@id(\"all\")\npermit (principal, action, resource);\n";

/// With what status the gate refuses what it does not let as far as inspection.
const REFUSALS: [u16; 7] = [400, 401, 404, 405, 411, 414, 431];

/// A gate process with what it needs before and behind it. Dropping it ends the process and removes its files.
pub struct Stand {
    caller: Caller,
    records: Records,
    // In the order in which they go.
    _gate: Gate,
    _backend: Backend,
    _directory: tempfile::TempDir,
}

/// What came of one request.
pub struct Exchanged {
    /// The answer; none when the connection ended without one.
    pub answer: Option<Answer>,
    /// What the gate recorded of it.
    pub found: Found,
}

impl Exchanged {
    /// Why the gate refused the request before the rules saw it.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        // What is malformed, unknown or unsigned. Budgets, policies and faults of the gate are no reason why a test says nothing.
        let answer = self.answer.as_ref().filter(|answer| REFUSALS.contains(&answer.status))?;
        match answer.header("poort-request-id") {
            Some(_) => self.found.refused.clone(),
            // What its HTTP library cannot read at all, that answers by itself.
            None => Some(format!("unreadable, {}", answer.status)),
        }
    }
}

impl Stand {
    /// Starts a gate that inspects with the rules of the directory `crs` and serves every host that `cases` ask for.
    ///
    /// # Errors
    /// When something does not start; the gate's own words are in it.
    pub async fn start(crs: &Path, cases: &[Case]) -> Result<Self, Fault> {
        let directory = tempfile::tempdir().map_err(Fault::Directory)?;
        let pki = Pki::create(&directory.path().join("certs"))?;
        let backend = Backend::start()?;
        let layout = Layout::write(&LayoutOptions {
            directory: directory.path(),
            policies: &poort_demo::zone::shipped_policies(),
            pki: &pki,
            address: ports::free()?,
            console: None,
            admin: ports::free()?,
            issuers: &[],
            sources: &[],
            devices: &Posture::demo(),
        })?;
        configure(&layout, crs, &backend, &hosts(cases))?;
        let gate = Gate::start(&layout).await?;
        let device = pki.issued(DEVICE);
        let caller = Caller::new(layout.address(), pki.gate.certificate().der(), device.as_ref())?;
        let records = Records::new(layout.path("deploy/audit"));
        Ok(Self { caller, records, _gate: gate, _backend: backend, _directory: directory })
    }
}

impl Answers for Stand {
    /// Sends the gate what comes from `request`, on a connection of its own, and gathers the first answer and the record.
    ///
    /// # Errors
    /// When there is no connection, or what the gate says it recorded is not there.
    async fn ask(&self, request: impl AsyncRead + Unpin + Send) -> Result<Exchanged, Fault> {
        let connection = self.caller.connect(HOST).await.map_err(Fault::Connection)?;
        let answer = exchange::exchange(connection.into_parts().1, request).await;
        let id = answer.as_ref().and_then(|answer| answer.header("poort-request-id"));
        let found = match id {
            Some(id) => self.records.find(id).await?,
            None => Found::default(),
        };
        Ok(Exchanged { answer, found })
    }
}

fn configure(layout: &Layout, crs: &Path, backend: &Backend, hosts: &BTreeSet<String>) -> Result<(), Fault> {
    let crs = std::path::absolute(crs).unwrap_or_else(|_| crs.to_owned());
    let schema = layout.read_file("policies/access/schema.cedarschema")?;
    layout.remove_file("policies/access")?;
    layout.write_file("policies/access/schema.cedarschema", &schema)?;
    layout.write_file("policies/access/all.cedar", POLICY)?;
    layout.write_file("policies/waf/regression.conf", setup::REGRESSION)?;
    // What is recorded is read at once; no test pulls the plug. Each request is a connection.
    let deploy = json!({
        "audit": { "durable": false }, "connections": { "handshakes_per_prefix": "1000000/1s" },
    });
    layout.edit("deploy/poort.yaml", |yaml| merge(yaml, &deploy))?;
    layout.edit("policies/poort.yaml", |yaml| {
        merge(
            yaml,
            &json!({
                "limits": {
                    "address": unlimited(), "device": unlimited(), "user": unlimited(), "source": unlimited(),
                },
                "waf": {
                    "rules": ["waf/regression.conf", crs], "mode": "detect", "since": today(), "level": 4,
                    // Rules' macros name what matched, and some tests look for it.
                    "record_data": true,
                },
            }),
        );
    })?;
    let source = json!({
        "title": "Regression tests", "owner": "CRS", "classification": "restricted",
        "hosts": hosts, "device": "required", "subject": "optional",
        "upstream": { "addresses": [backend.address()], "host": HOST },
        "operations": [{ "path": "/**", "operation": "use" }],
        // What has one reading in none of these is for the rules to judge.
        "url": ["double_slash", "encoded_slash", "path_parameters", "latin1"],
    });
    layout.write_file("policies/sources/crs.yaml", &source.to_string())?;
    Ok(())
}

fn unlimited() -> serde_json::Value {
    json!({ "rate": "1000000/1s", "burst": 1_000_000 })
}

/// Puts every leaf of `changes` where it is in `yaml`.
fn merge(yaml: &mut Value, changes: &serde_json::Value) {
    match changes {
        serde_json::Value::Object(members) => {
            for (key, change) in members {
                merge(&mut yaml[key.as_str()], change);
            }
        }
        leaf => *yaml = serde_yaml::to_value(leaf).unwrap_or_default(),
    }
}

/// Hosts that requests name and a source may have: names in lower case, without port. Others the gate refuses, which is
/// counted.
fn hosts(cases: &[Case]) -> BTreeSet<String> {
    let stages = cases.iter().flat_map(|case| &case.stages);
    let headers = stages.flat_map(|stage| &stage.request.headers);
    let named = headers.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let names = named.map(|(_, host)| host.split(':').next().unwrap_or_default().to_ascii_lowercase());
    names.filter(|name| is_name(name)).chain([HOST.to_owned()]).collect()
}

fn is_name(name: &str) -> bool {
    let mut labels = name.split('.');
    let letters = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_alphabetic())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    labels.all(letters)
}

/// The day on which the gate began to only detect, as its files write it.
fn today() -> String {
    OffsetDateTime::now_utc().date().to_string()
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn only_names_are_hosts() {
        for (name, expected) in
            [("localhost", true), ("a.example", true), ("1.2.3.4", false), ("", false), ("%00", false)]
        {
            assert_eq!(is_name(name), expected, "{name}");
        }
    }
}
