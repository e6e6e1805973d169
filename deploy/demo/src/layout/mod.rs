//! A complete directory that the gate runs on: `certs/`, `deploy/poort.yaml`, and a copy of the shipped policies in which hosts, ports,
//! issuers and certificate files are the demo's. The rules themselves are untouched: what the demo shows is what is shipped.

mod files;
mod overrides;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::DemoError;
use crate::issuer::Issuer;
use crate::pki::Pki;
use crate::sources::Source;

/// Where the record's checkpoints are anchored. An operator takes another disk.
const ANCHOR: &str = "anchor";

/// A device in the inventory.
#[derive(Debug, Clone)]
pub struct Posture {
    /// The name in its certificate.
    pub name: String,
    /// Whether the zone manages it.
    pub managed: bool,
    /// Whether it is as it should be.
    pub compliant: bool,
    /// Its fleet.
    pub fleet: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
}

impl Posture {
    /// A managed, compliant device of a fleet.
    pub fn managed(name: &str, fleet: &str, unit: Option<&str>) -> Self {
        let name = format!("spiffe://{}/{name}", crate::pki::TRUST_DOMAIN);
        Self {
            name,
            managed: true,
            compliant: true,
            fleet: Some(fleet.to_owned()),
            unit: unit.map(str::to_owned),
        }
    }

    /// A device that somebody brought along.
    pub fn private(name: &str) -> Self {
        Self { managed: false, compliant: false, fleet: None, ..Self::managed(name, "", None) }
    }

    /// What the demo's certificates are known as, and the devices besides that the tests of the shipped policies speak of.
    pub fn demo() -> Vec<Self> {
        vec![
            Self::managed("device/car-12", "cars", Some("team-a")),
            Self::managed("device/car-31", "cars", Some("team-b")),
            Self::managed("device/car-99", "cars", Some("team-a")),
            Self::managed("device/desk-4", "office", Some("zone")),
            Self::private("device/private-7"),
            Self::managed("workload/search", "workloads", None),
            Self::managed("workload/registry-sync", "workloads", None),
        ]
    }
}

/// What a layout is made of.
pub struct LayoutOptions<'a> {
    /// Where it is written; what is there is removed first, but for [`Layout::path`]`("certs")`.
    pub directory: &'a Path,
    /// The shipped policies.
    pub policies: &'a Path,
    /// The certificates; in `directory/certs` or elsewhere.
    pub pki: &'a Pki,
    /// Where callers reach the gate.
    pub address: SocketAddr,
    /// Where the admin listener is.
    pub admin: SocketAddr,
    /// Where the console is; none: there is none.
    pub console: Option<SocketAddr>,
    /// The issuers that run; others are left out of the copy.
    pub issuers: &'a [&'a Issuer],
    /// The sources that run; others are left out of the copy.
    pub sources: &'a [&'a Source],
    /// The inventory.
    pub devices: &'a [Posture],
}

/// A written layout.
#[derive(Debug, Clone)]
pub struct Layout {
    directory: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
    console: Option<SocketAddr>,
}

impl Layout {
    /// Writes the directory.
    ///
    /// # Errors
    /// When a file cannot be read, written or understood.
    pub fn write(options: &LayoutOptions<'_>) -> Result<Self, DemoError> {
        let layout = Self {
            directory: options.directory.to_owned(),
            address: options.address,
            admin: options.admin,
            console: options.console,
        };
        for part in ["deploy", "policies", ANCHOR] {
            files::remove(&layout.path(part))?;
        }
        files::make(&layout.path(ANCHOR))?;
        files::copy(options.policies, &layout.path("policies"))?;
        layout.write_file("policies/inventory.yaml", &overrides::inventory(options.devices))?;
        layout.write_file("deploy/poort.yaml", &overrides::deploy(options)?)?;
        layout.edit("policies/poort.yaml", |yaml| overrides::policies(yaml, options))?;
        layout.write_sources(options)?;
        Ok(layout)
    }

    /// The operators' file, which `poort run --config` takes.
    pub fn config(&self) -> PathBuf {
        self.path("deploy/poort.yaml")
    }

    /// A file or directory below this one.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where callers reach the gate.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the admin listener is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where the console is, if there is one.
    pub fn console(&self) -> Option<SocketAddr> {
        self.console
    }

    /// The host at which the gate serves a source.
    pub fn host(source: &str) -> String {
        format!("{source}.localhost")
    }

    /// Reads a file below this directory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_file(&self, name: &str) -> Result<String, DemoError> {
        let path = self.path(name);
        fs::read_to_string(&path).map_err(DemoError::file("read", &path))
    }

    /// Writes a file below this directory, and the directories above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, name: &str, text: &str) -> Result<(), DemoError> {
        files::write(&self.path(name), text)
    }

    /// Copies a directory below this one to another.
    ///
    /// # Errors
    /// When something cannot be read or written.
    pub fn copy(&self, from: &str, to: &str) -> Result<(), DemoError> {
        files::copy(&self.path(from), &self.path(to))
    }

    /// Removes a file below this directory.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn remove_file(&self, name: &str) -> Result<(), DemoError> {
        files::remove(&self.path(name))
    }

    /// Changes a YAML file below this directory; comments are lost. An absent file starts as `null`.
    ///
    /// # Errors
    /// When it cannot be read, understood or written.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) -> Result<(), DemoError> {
        let path = self.path(name);
        let fault =
            |error: serde_yaml::Error| DemoError::Yaml { path: path.clone(), message: error.to_string() };
        let text = if path.exists() { self.read_file(name)? } else { String::new() };
        let mut yaml: Value = serde_yaml::from_str(&text).map_err(fault)?;
        change(&mut yaml);
        self.write_file(name, &serde_yaml::to_string(&yaml).map_err(fault)?)
    }

    /// The gate's record so far: every JSON line of every file in its audit directory.
    pub fn records(&self) -> Vec<serde_json::Value> {
        let texts = files::below(&self.path("deploy/audit"))
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
            .filter_map(|path| fs::read_to_string(path).ok());
        texts
            .flat_map(|text| {
                text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>()
            })
            .collect()
    }

    fn write_sources(&self, options: &LayoutOptions<'_>) -> Result<(), DemoError> {
        for path in files::below(&self.path("policies/sources")) {
            let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if !options.sources.iter().any(|source| source.id() == id) {
                files::remove(&path)?;
            }
        }
        for source in options.sources {
            let name = format!("policies/sources/{}.yaml", source.id());
            self.edit(&name, |yaml| overrides::source(yaml, source, options.pki))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
