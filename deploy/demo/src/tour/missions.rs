//! What an officer says in a browser: what it is for, and why the glass has to be broken.

use super::Table;
use super::rows::{FIREARM, PERSON, Tour};
use crate::DemoError;
use crate::client::{Browser, Landed};
use crate::gate::Gate;
use crate::sources::{Received, Source};

pub(super) async fn walk(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    missions(tour, table).await?;
    broken_glass(tour, gate, table).await
}

async fn missions(tour: &Tour<'_>, table: &mut Table) -> Result<(), DemoError> {
    let firearms = &tour.zone.firearms;
    let browser = Browser::new(tour.zone, &tour.car)?;
    let page = browser.go(&browser.at("firearms", FIREARM)).await?;
    let asked = browser.go(&format!("{}&user=cas.willems&strong=1", page.url)).await?;
    table.row("an officer opens firearms in a browser", "200 at signin/mission", place(&asked));
    let before = firearms.count();
    let form = form(&asked, "purpose=investigation&case=2026%2F4711");
    let landed = browser.submit(&browser.at("signin", ""), asked.url.as_str(), &form).await?;
    let heard = heard(firearms, before);
    let seen = format!("{} at firearms, for {heard}", landed.status);
    table.row("... says what it is for, and goes on", "200 at firearms, for investigation 2026/4711", seen);
    Ok(())
}

async fn broken_glass(tour: &Tour<'_>, gate: &Gate, table: &mut Table) -> Result<(), DemoError> {
    let persons = &tour.zone.persons;
    let browser = Browser::new(tour.zone, &tour.car)?;
    let page = browser.go(&browser.at("persons", PERSON)).await?;
    let refused = browser.go(&format!("{}&user=eva.lambert", page.url)).await?;
    let offered = refused.link("/break-glass");
    let seen = format!("{}, {}", refused.status, if offered.is_some() { "an offer" } else { "no offer" });
    table.row("an officer of another zone consults a person", "403, an offer", seen);
    let Some(offered) = offered else { return Ok(()) };
    let asked = browser.go(&offered).await?;
    let before = persons.count();
    let form = form(&asked, "reason=A+child+is+missing&case=2026%2F4711");
    let landed = browser.submit(&browser.at("signin", ""), asked.url.as_str(), &form).await?;
    let reached = if persons.count() > before { "persons" } else { "nobody" };
    table.row("... breaks the glass", "200 persons", format!("{} {reached}", landed.status));
    let list = gate.command("audit review", &[]).await?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let code = list.split_whitespace().next().unwrap_or_default().to_owned();
    let waits = list.contains("zone|eva.lambert") && list.contains("A child is missing");
    table.row(
        "... which waits for a review",
        "listed",
        if waits { "listed" } else { "not there" }.to_owned(),
    );
    for (what, name, expected) in [
        ("... not by the same officer", "eva.lambert", "refused"),
        ("... by somebody else", "bo.maes", "done"),
    ] {
        let arguments = [code.as_str(), "--finding", "the child was found", "--as", name];
        let output = gate.command("audit review", &arguments).await?;
        table.row(what, expected, if output.status.success() { "done" } else { "refused" }.to_owned());
    }
    Ok(())
}

/// Status, host and path of a page.
fn place(landed: &Landed) -> String {
    let host = landed.url.host_str().unwrap_or_default().trim_end_matches(".localhost");
    format!("{} at {host}{}", landed.status, landed.url.path())
}

/// A page's hidden fields, and what is written into the others.
fn form(page: &Landed, written: &str) -> String {
    let hidden = |name| page.field(name).unwrap_or_default();
    format!("proof={}&to={}&{written}", hidden("proof"), hidden("to"))
}

/// What a source is told a request is for.
fn heard(source: &Source, before: usize) -> String {
    let received = source.received().into_iter().nth(before);
    let claims = received.as_ref().and_then(Received::assertion).unwrap_or_default();
    let says =
        |name: &str| claims.get(name).and_then(serde_json::Value::as_str).unwrap_or("nothing").to_owned();
    format!("{} {}", says("purpose"), says("case"))
}
