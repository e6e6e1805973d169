use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

use super::Table;
use super::rows::{FIREARM, Tour, VEHICLE};
use crate::DemoError;
use crate::gate::Gate;
use crate::layout::Layout;

/// A policy that is tried without counting.
const TRIED: &str = "@id(\"vehicles-strong\")\n\
    forbid (principal, action, resource == Poort::Source::\"vehicles\") unless { context.session.strong };\n";
const IN_SHADOW: &str = "policies/access/shadow/tour.cedar";
/// A policy that closes what was open.
const CLOSED: &str =
    "@id(\"firearms-closed\")\nforbid (principal, action, resource == Poort::Source::\"firearms\");\n";

/// A test that holds all the same once that is closed, as the shipped ones do not.
const TEST: &str = "people:\n  an: { roles: [officer], units: [team-a] }\n\
    tests:\n  - { who: an, on: car-12, does: consult, to: persons, expect: allowed }\n";

/// What the policies' authors see: why somebody was refused, what a policy would do, and what it would have done.
pub(super) async fn walk(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let policies = tour.zone.layout.path("policies");
    let tested = gate.policy("test", &policies, &["--least", "100"]).await?;
    let said = if tested.status.success() { "passed" } else { "failed" };
    table.row("`poort policy test --least 100`", "passed", said.to_owned());
    explained(tour, gate, table).await?;
    in_shadow(tour, gate, table).await?;
    replayed(tour, gate, table).await?;
    on_trial(tour, gate, table).await
}

async fn explained(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let (an, firearms) = (tour.officer()?, &tour.zone.firearms);
    let answer = an.ask("GET", &Layout::host(firearms.id()), FIREARM, &[]).await;
    let body: Value =
        answer.ok().and_then(|answer| serde_json::from_str(&answer.text()).ok()).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_str).unwrap_or("none");
    let policies = tour.zone.layout.path("policies").display().to_string();
    let said = text(&gate.command("policy explain", &[code, "--policies", &policies]).await?);
    let first = said.lines().next().unwrap_or_default();
    let remedy =
        said.lines().find(|line| line.starts_with("  - ")).unwrap_or_default().trim_start_matches("  - ");
    table.row(
        "`poort policy explain` with the code of a refusal",
        "refused by `firearms-strong-sign-in`: a strong sign-in",
        format!("{first}: {remedy}"),
    );
    Ok(())
}

async fn in_shadow(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let (layout, vehicles) = (&tour.zone.layout, &tour.zone.vehicles);
    layout.write_file(IN_SHADOW, TRIED)?;
    gate.command("reload", &[]).await?;
    let an = tour.officer()?;
    table.row("a policy in shadow would refuse", "200 vehicles", tour.get(&an, vehicles, VEHICLE).await);
    let said = layout.records().into_iter().rev().find_map(|record| {
        let said = record.pointer("/unmapped/policy/disagreements/0")?;
        let outcome = if said.get("allow")?.as_bool()? { "allowed" } else { "refused" };
        Some(format!("{outcome} by {}", said.pointer("/determining/0")?.as_str()?))
    });
    table.row(
        "... and the record says so",
        "refused by vehicles-strong",
        said.unwrap_or_else(|| "nothing".to_owned()),
    );
    const COUNTER: &str =
        "poort_shadow_disagreements_total{mode=\"shadow\",outcome=\"refuse\",source=\"vehicles\"} ";
    let (_, metrics) = gate.admin("/metrics").await?;
    let counted = metrics.lines().find_map(|line| line.strip_prefix(COUNTER)).unwrap_or("nothing");
    table.row("... and it is counted", "1", counted.to_owned());
    layout.remove_file(IN_SHADOW)?;
    gate.command("reload", &[]).await?;
    Ok(())
}

/// The tour's own log, put to policies of which one is new: whoever loses something by it is listed, whoever gains by what the tour took
/// back, and nobody else.
async fn replayed(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    const CANDIDATE: &str = "candidate";
    let layout = &tour.zone.layout;
    layout.copy("policies", CANDIDATE)?;
    layout.write_file(&format!("{CANDIDATE}/access/tour.cedar"), CLOSED)?;
    let records = layout.records();
    let decided = |allow: bool, pointer: &str, value: &str| {
        let by_it = records.iter().filter(|record| record.pointer(pointer).is_some_and(|said| said == value));
        by_it.filter(|record| record.pointer("/unmapped/policy/allow") == Some(&allow.into())).count()
    };
    let (lost, gained) = (
        decided(true, "/unmapped/source", "firearms"),
        decided(false, "/unmapped/policy/determining/0", "vehicles-closed-for-checks"),
    );
    let candidate = layout.path(CANDIDATE).display().to_string();
    let said = gate.command("policy replay", &["--policies", &candidate, "--json"]).await?;
    let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let groups = said.get("groups").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut changed: BTreeMap<String, u64> = BTreeMap::new();
    for group in &groups {
        let word = |pointer| group.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let requests = group.get("requests").and_then(Value::as_u64).unwrap_or_default();
        *changed.entry(format!("{} {}", word("/source"), word("/turn"))).or_default() += requests;
    }
    let seen: Vec<String> = changed.iter().map(|(what, requests)| format!("{what} {requests}")).collect();
    let expected = format!("firearms loss {lost}, vehicles gain {gained}");
    table.row("`poort policy replay` of this tour, with firearms closed", &expected, seen.join(", "));
    layout.remove_file(CANDIDATE)
}

/// Policies that nobody confirms.
async fn on_trial(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    const CANDIDATE: &str = "candidate";
    let (layout, firearms) = (&tour.zone.layout, &tour.zone.firearms);
    layout.copy("policies", CANDIDATE)?;
    layout.write_file(&format!("{CANDIDATE}/access/tour.cedar"), CLOSED)?;
    // The shipped tests hold that firearms are open.
    layout.remove_file(&format!("{CANDIDATE}/tests"))?;
    layout.write_file(&format!("{CANDIDATE}/tests/tour.yaml"), TEST)?;
    let candidate = layout.path(CANDIDATE).display().to_string();
    let arguments = [candidate.as_str(), "--confirm", "2s", "--over-limit", "the tour shows it"];
    let applied = gate.command("policy apply", &arguments).await?;
    let done = if applied.status.success() { "done" } else { "refused" };
    table.row("`poort policy apply --confirm 2s`", "done", done.to_owned());
    let strong = tour.strong()?;
    table.row("... closes firearms", "403 not_permitted", tour.get(&strong, firearms, FIREARM).await);
    let mut seen = String::new();
    // Refusals count against the officer's limit: few are asked for.
    for _ in 0..8 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        seen = tour.get(&strong, firearms, FIREARM).await;
        if seen == "403 purpose_required" {
            break;
        }
    }
    table.row("... and goes back by itself", "403 purpose_required", seen);
    let late = gate.command("policy confirm", &[]).await?.status.code();
    table.row(
        "`poort policy confirm` comes too late",
        "exit code 2",
        format!("exit code {}", late.unwrap_or(-1)),
    );
    layout.remove_file(CANDIDATE)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
