//! From raw to checked: everything that is wrong is found in one go.
//!
//! One module a kind of file or part of one; [`cross`] compares what several files say. [`cursor`] is how all of them read and report.

mod cross;
mod cursor;
mod data_subject;
mod day;
mod deploy;
mod desk;
mod devices;
mod directory;
mod distinct;
mod entities;
mod folder;
mod identity;
mod inventory;
mod issuer;
mod material;
mod mission;
mod name;
mod operation;
mod policies;
mod redis;
mod report;
mod rule_files;
mod sign_in;
mod source;
pub(super) mod suggest;
mod trial;
mod upstream;
mod value;
mod waf;
mod web;
mod zone;

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    checked::{
        Access, Checked, FileRead,
        policies::Policies,
        waf::Exclusion,
        zone::{Devices, InventoryDevice, Zone},
    },
    fault::{Faults, Warning},
    raw,
    tree::{self, Tree},
};
use crate::trials::Trials;
use desk::Desk;
use entities::Vocabulary;
pub(super) use inventory::certified_name_objection;
use poort_policy::PolicyFile;
use report::{File, Report};

/// Reads and checks everything that an operators' file leads to, as of `now`.
pub(super) fn everything(tree: Tree, file: &Path, now: SystemTime) -> Result<Checked, Faults> {
    let report = Report::default();
    let parts = parts(&Desk { tree: &tree, report: &report, now }, desk::typed(file));
    let (faults, mut warnings) = report.into_parts();
    match parts {
        Some(parts) if faults.is_empty() => {
            warnings.sort();
            warnings.dedup();
            Ok(parts.finish(tree, warnings))
        }
        // INVARIANT: nothing reads as `None` without a fault.
        _ => Err(Faults::new(faults)),
    }
}

/// Reads and checks an operators' file, and not the policies that it leads to, as of `now`.
pub(super) fn operators(file: &Path, now: SystemTime) -> Result<super::checked::Deploy, Faults> {
    let (tree, report) = (Tree::disk(), Report::default());
    let desk = Desk { tree: &tree, report: &report, now };
    let document = desk.document::<raw::deploy::Deploy>(desk::typed(file), None);
    let deploy = document.and_then(|document| deploy::check(&desk, document.field(&report)).deploy);
    let (faults, _) = report.into_parts();
    match deploy {
        Some(deploy) if faults.is_empty() => Ok(deploy),
        // INVARIANT: nothing reads as `None` without a fault.
        _ => Err(Faults::new(faults)),
    }
}

/// Reads and checks a directory of policies by itself, with the policies, and tests if they are wanted, of a `candidate` or else its own.
pub(super) fn policies(
    directory: &Path,
    candidate: Option<&Path>,
    tests: bool,
) -> Result<(Policies, Trials), Faults> {
    let (tree, report) = (Tree::disk(), Report::default());
    // Nothing that is read here expires.
    let desk = Desk { tree: &tree, report: &report, now: SystemTime::UNIX_EPOCH };
    let (directory, candidate) = (desk::typed(directory), desk::typed(candidate.unwrap_or(directory)));
    let tests = tests.then(|| candidate.inside("tests"));
    let read = policies::check(&desk, &directory, &candidate.inside("access"), tests.as_ref());
    let (faults, mut warnings) = report.into_parts();
    match read {
        Some((policies, trials)) if faults.is_empty() => {
            warnings.sort();
            warnings.dedup();
            Ok((Policies { warnings, ..policies }, trials))
        }
        // INVARIANT: nothing reads as `None` without a fault.
        _ => Err(Faults::new(faults)),
    }
}

/// Exclusions as a source's file has them under `waf:`, from a text of them alone.
pub(super) fn exclusions(text: &str, now: SystemTime) -> Result<Vec<Exclusion>, Faults> {
    let path = PathBuf::from("/exclusions.yaml");
    let bytes = zeroize::Zeroizing::new(text.as_bytes().to_vec());
    let read = FileRead { path: path.clone(), sha256: tree::sha256(&bytes), bytes: bytes.into() };
    let (tree, report) = (Tree::kept(vec![read]), Report::default());
    let desk = Desk { tree: &tree, report: &report, now };
    let read = desk.document::<raw::source::Waf>(desk::typed(&path), None).and_then(|document| {
        let field = document.field(&report);
        field.required("exclusions:", |here| waf::exclusions(&desk, here.open()))
    });
    let (faults, _) = report.into_parts();
    match read {
        Some(exclusions) if faults.is_empty() => Ok(exclusions),
        // INVARIANT: nothing reads as `None` without a fault.
        _ => Err(Faults::new(faults)),
    }
}

/// Where an operators' file wants state kept, if that much can be read; otherwise `state` beside it.
pub(super) fn state_directory(file: &Path) -> PathBuf {
    let (tree, report) = (Tree::disk(), Report::default());
    let desk = Desk { tree: &tree, report: &report, now: SystemTime::UNIX_EPOCH };
    let file = desk::typed(file);
    let usual = file.beside("state").path;
    let Some(document) = desk.document::<raw::deploy::Deploy>(file, None) else { return usual };
    deploy::state(document.field(&report)).unwrap_or(usual)
}

/// The directory of policies that an operators' file names, if that much can be read.
pub(super) fn policies_directory(file: &Path) -> Option<PathBuf> {
    let (tree, report) = (Tree::disk(), Report::default());
    let desk = Desk { tree: &tree, report: &report, now: SystemTime::UNIX_EPOCH };
    let document = desk.document::<raw::deploy::Deploy>(desk::typed(file), None)?;
    deploy::policies(document.field(&report))
}

/// Everything but the files themselves.
struct Parts {
    deploy: super::checked::Deploy,
    zone: Zone,
    sources: Vec<super::checked::Source>,
    access: Access,
    candidate: Option<Access>,
    console: Option<PolicyFile>,
}

impl Parts {
    fn finish(self, tree: Tree, warnings: Vec<Warning>) -> Checked {
        let Self { deploy, zone, sources, access, candidate, console } = self;
        Checked { deploy, zone, sources, access, candidate, console, files: tree.into_files(), warnings }
    }
}

fn devices((trusted, inventory): (devices::Trusted, Vec<InventoryDevice>)) -> Devices {
    let devices::Trusted { anchors, revocations, rule } = trusted;
    Devices { anchors, revocations, rule, inventory }
}

fn parts(desk: &Desk<'_>, file: File) -> Option<Parts> {
    let document = desk.document::<raw::deploy::Deploy>(file, None)?;
    let operators = deploy::check(desk, document.field(desk.report));
    let policies = operators.policies?;
    let read = desk.document::<raw::entities::Entities>(policies.inside("entities.yaml"), None);
    let entities = read.and_then(|document| entities::check(desk.report, document.field(desk.report)));
    let vocabulary = Vocabulary::new(entities.as_ref());
    let main = desk.document::<raw::zone::Zone>(policies.inside("poort.yaml"), None);
    let mut zone = match &main {
        Some(document) => zone::check(desk, &vocabulary, document.field(desk.report)),
        None => zone::Outcome::default(),
    };
    let inventory = zone.inventory.take().and_then(|(file, named)| {
        let document = desk.document::<raw::inventory::Inventory>(file, Some(named))?;
        inventory::check(&vocabulary, document.field(desk.report))
    });
    // A source that leaves out what is wrong in the main file is not wrong itself.
    let defaults = zone.defaults.clone().unwrap_or_else(zone::usual_defaults);
    let around = source::Around {
        vocabulary: &vocabulary,
        defaults: &defaults,
        waf: zone.waf.as_ref().map(Option::as_ref),
        asserts: operators.asserts,
        pseudonyms: operators.pseudonyms.as_ref().map(Option::as_ref),
        purposes: zone.purposes.as_ref().map(|purposes| !purposes.all().is_empty()),
        signs_in: zone.sign_in.as_ref().map(Option::is_some),
    };
    let drafts = folder::sources(desk, around, &policies.inside("sources"));
    let access = folder::access(desk, &policies.inside("access"));
    let console = folder::console(desk, &policies.inside("console.cedar"));
    let candidate =
        zone.candidate.take().map(|named| folder::candidate(desk, named.as_ref(), access.as_ref()));
    let sign_in = zone.sign_in.as_ref().and_then(Option::as_ref);
    cross::sealed(desk, operators.deploy.as_ref(), zone.issuers.as_deref(), zone.sign_in.as_ref());
    cross::closed_console(desk, operators.deploy.as_ref(), console.as_ref());
    cross::check(desk, operators.deploy.as_ref(), inventory.as_deref(), sign_in, &drafts);
    let sources = drafts.into_iter().map(|draft| draft.source).collect::<Option<Vec<_>>>();
    let devices = zone.trusted.zip(inventory).map(devices);
    let zone = Zone {
        devices: devices?,
        issuers: zone.issuers?,
        strong_sign_in: zone.strong_sign_in?,
        sign_in: zone.sign_in?,
        purposes: zone.purposes?.into(),
        missions: zone.missions?,
        limits: zone.limits?,
        defaults: zone.defaults?,
        unusual: zone.unusual?,
        held: zone.waf?.map_or(0, |waf| waf.held),
        entities: entities?,
    };
    Some(Parts {
        deploy: operators.deploy?,
        zone,
        sources: sources?,
        access: access?,
        candidate: candidate?,
        console: console?,
    })
}
