//! `poort check`: the same build as a start or a reload, without serving.

use std::{path::Path, process::ExitCode, sync::Arc};

use prometheus::Registry;

use crate::{
    carry_over::{CarryOver, Persisted},
    config::{self, Checked, Faults},
    listen, listeners,
    metrics::Metrics,
    snapshot::{self, Built, Snapshot},
};

use super::{complain, conclude, count};

pub(super) fn check(file: &Path) -> ExitCode {
    match config::load(file) {
        Ok(checked) => conclude(build(&checked)),
        Err(faults) => {
            let code = conclude(Err(faults));
            complain("policies and rules of inspection are looked at once that is done: there may be more");
            code
        }
    }
}

fn build(checked: &Checked) -> Result<String, Faults> {
    // The clients that would fetch issuers' keys are built too, and need a TLS provider as a gate does.
    listen::install_provider().map_err(|fault| crate::live::one_fault(fault.to_string()))?;
    for warning in &checked.warnings {
        complain(warning);
    }
    listeners::certificates(&checked.deploy)?;
    let metrics =
        Metrics::register(&Registry::new()).map_err(|fault| crate::live::one_fault(fault.to_string()))?;
    let carry = CarryOver::new(Arc::new(metrics), Persisted::none(), checked.zone.limits.keys.get());
    let digest = snapshot::digest(checked);
    let snapshot = Snapshot::build(Built::of(checked, &digest), &carry, 1)?;
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
