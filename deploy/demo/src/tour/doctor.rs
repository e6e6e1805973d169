use serde_json::Value;

use super::{
    Table,
    rows::{FIREARM, PERSON},
};
use crate::DemoError;
use crate::gate::Gate;

/// What sources say to whoever comes past the gate: one verifies certificate and assertion, one believes everybody.
pub(super) async fn walk(gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let closed = examined(gate, "firearms", FIREARM).await?;
    table.row("`poort doctor firearms`: past the gate, with forgeries", "closed: 12 refused", closed);
    let open = examined(gate, "persons", PERSON).await?;
    table.row("`poort doctor persons`, which believes whoever reaches it", "open: 6 let in", open);
    Ok(())
}

async fn examined(gate: &Gate, source: &str, path: &str) -> Result<String, DemoError> {
    let said = gate.command("doctor", &[source, "--path", path, "--json"]).await?;
    let report: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let checks = report.pointer("/sources/0/checks").and_then(Value::as_array).cloned().unwrap_or_default();
    let count = |verdict: &str| {
        checks.iter().filter(|check| check.get("verdict").is_some_and(|said| said == verdict)).count()
    };
    Ok(match said.status.code() {
        Some(0) => format!("closed: {} refused", count("refused")),
        Some(1) => format!("open: {} let in", count("let_in")),
        _ => String::from_utf8_lossy(&said.stderr).lines().next().unwrap_or_default().to_owned(),
    })
}
