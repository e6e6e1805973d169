use std::process::Output;

use super::Table;
use super::rows::Tour;
use crate::DemoError;
use crate::gate::Gate;

/// Never live: it is only looked at.
const CANDIDATE: &str = "@id(\"vehicles-by-day\")\n\
    forbid (principal, action, resource == Poort::Source::\"vehicles\")\n\
    when { context.time.hour < 6 };\n";
const FILE: &str = "policies/access/candidate.cedar";

/// What holds for every request, and what a change of the policies would make of it. Needs a solver; without one it is said.
pub(super) async fn walk(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let layout = &tour.zone.layout;
    let policies = layout.path("policies");
    let proved = gate.policy("prove", &policies, &["--only", "fit-devices"]).await?;
    let complaint = String::from_utf8_lossy(&proved.stderr);
    if complaint.contains("there is no solver") {
        eprintln!("SKIPPED: `poort policy prove`, as there is no cvc5 (apt install cvc5)");
        return Ok(());
    }
    table.row(
        "`poort policy prove`: whatever is allowed comes from a fit device",
        "proved",
        outcome(&proved),
    );
    layout.write_file(FILE, CANDIDATE)?;
    let refuted = gate.policy("prove", &policies, &["--only", "officers-look-up"]).await?;
    layout.remove_file(FILE)?;
    table.row(
        "... and officers can always look up vehicles, with a candidate that ends it at night",
        "refuted",
        outcome(&refuted),
    );
    Ok(())
}

fn outcome(output: &Output) -> String {
    let said =
        String::from_utf8_lossy(if output.stdout.is_empty() { &output.stderr } else { &output.stdout });
    said.split_whitespace().next().unwrap_or("nothing").to_owned()
}
