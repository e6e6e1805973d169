use std::process::Output;

use nix::sys::signal::Signal;

use super::Table;
use super::rows::{PERSON, Tour, VEHICLE};
use crate::DemoError;
use crate::gate::Gate;

/// A policy of the security team's, added while the gate runs.
const CLOSED_FOR_CHECKS: &str = "@id(\"vehicles-closed-for-checks\")\n\
    @reason(\"The vehicles register is being checked.\")\n\
    forbid (principal, action, resource == Poort::Source::\"vehicles\");\n";
const CAR: &str = "spiffe://zone.example/device/car-12";
const FILE: &str = "policies/access/tour.cedar";

/// What changes while the gate runs.
pub(super) async fn walk(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let (zone, layout) = (tour.zone, &tour.zone.layout);
    let (persons, vehicles) = (&zone.persons, &zone.vehicles);
    let an = tour.officer()?;

    vehicles.close().await;
    table.row("a source that is down", "502 source_unavailable", tour.get(&an, vehicles, VEHICLE).await);
    vehicles.open()?;
    table.row("the same source, up again", "200 vehicles", tour.get(&an, vehicles, VEHICLE).await);

    layout.write_file(FILE, CLOSED_FOR_CHECKS)?;
    table.row("`poort reload` with one more policy", "done", outcome(&gate.command("reload", &[]).await?));
    table.row(
        "... refuses from the next request on",
        "403 not_permitted",
        tour.get(&an, vehicles, VEHICLE).await,
    );

    layout.write_file(FILE, "forbid (principal, action, resource")?;
    table.row("`poort reload` with a broken policy", "refused", outcome(&gate.command("reload", &[]).await?));
    table.row("... keeps the last good ones", "403 not_permitted", tour.get(&an, vehicles, VEHICLE).await);
    table.row("... and serves on", "200 persons", tour.get(&an, persons, PERSON).await);

    layout.remove_file(FILE)?;
    gate.signal(Signal::SIGHUP)?;
    table.row("SIGHUP without it lets pass again", "200 vehicles", eventually(tour, "200 vehicles").await?);

    let denied = gate.command("reload", &["--deny", "persons"]).await?;
    table.row("`poort reload --deny persons`", "done", outcome(&denied));
    table.row("... closes that source", "503 source_closed", tour.get(&an, persons, PERSON).await);
    table.row("... and no other", "200 vehicles", tour.get(&an, vehicles, VEHICLE).await);
    let allowed = gate.command("reload", &["--allow", "persons"]).await?;
    table.row("`poort reload --allow persons`", "done", outcome(&allowed));
    table.row("... opens it again", "200 persons", tour.get(&an, persons, PERSON).await);

    let stolen = gate.command("access end", &["--device", CAR, "--reason", "stolen"]).await?;
    table.row("`poort access end --device` for a stolen tablet", "done", outcome(&stolen));
    table.row(
        "... refuses it from the next request on",
        "403 device_revoked",
        tour.get(&an, persons, PERSON).await,
    );
    let found = gate.command("access restore", &["--device", CAR, "--reason", "found"]).await?;
    table.row("`poort access restore --device`", "done", outcome(&found));
    table.row("... and it is back", "200 persons", tour.get(&an, persons, PERSON).await);
    Ok(())
}

fn outcome(output: &Output) -> String {
    if output.status.success() { "done".to_owned() } else { "refused".to_owned() }
}

/// A signal has no answer: asks until the answer is the expected one, or for five seconds.
async fn eventually(tour: &Tour<'_>, expected: &str) -> Result<String, DemoError> {
    let an = tour.officer()?;
    let mut seen = String::new();
    for _ in 0..50 {
        seen = tour.get(&an, &tour.zone.vehicles, VEHICLE).await;
        if seen == expected {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(seen)
}
