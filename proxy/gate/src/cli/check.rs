//! `poort check`: the same build as a start or a reload, without serving.

use std::{path::Path, process::ExitCode, sync::Arc};

use prometheus::Registry;

use crate::{
    carry_over::{CarryOver, Closures},
    config::{self, Faults},
    ending::Endings,
    listen, listeners,
    metrics::Metrics,
    snapshot::{self, Built, Snapshot},
};

use super::{complain, conclude, count};

pub(super) fn check(file: &Path) -> ExitCode {
    conclude(build(file))
}

fn build(file: &Path) -> Result<String, Faults> {
    // The clients that would fetch issuers' keys are built too, and need a TLS provider as a gate does.
    listen::install_provider().map_err(|fault| crate::live::one_fault(fault.to_string()))?;
    let checked = config::load(file)?;
    for warning in &checked.warnings {
        complain(warning);
    }
    listeners::certificates(&checked.deploy)?;
    let metrics =
        Metrics::register(&Registry::new()).map_err(|fault| crate::live::one_fault(fault.to_string()))?;
    let carry = CarryOver::new(
        Arc::new(metrics),
        Closures::none(),
        Endings::default(),
        checked.zone.limits.keys.get(),
    );
    let digest = snapshot::digest(&checked);
    let snapshot = Snapshot::build(Built::of(&checked, &digest), &carry, 1)?;
    for warning in &snapshot.warnings {
        complain(warning);
    }
    Ok(format!(
        "{}, {}, {}, {}; configuration {}",
        count(checked.sources.len(), "source"),
        count(checked.zone.issuers.len(), "issuer"),
        count(checked.access.policies.len(), "policy file"),
        count(checked.warnings.len() + snapshot.warnings.len(), "warning"),
        snapshot.digest.get(..16).unwrap_or(&snapshot.digest),
    ))
}
