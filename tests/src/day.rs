//! A day at a gate in some seconds: of everything that happens, something.

use poort_demo::{DemoError, client::Browser, issuer::Token, layout::Layout, zone::Zone};

use crate::{PERSON, World, ask, get, without_limits};

/// Rules that are few and score as CRS does.
const RULES: &str = r#"
SecRule ARGS|REQUEST_COOKIES "@detectSQLi" \
    "id:50001,phase:2,pass,log,msg:'SQL injection',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule TX:blocking_inbound_anomaly_score "@ge %{tx.inbound_anomaly_score_threshold}" \
    "id:50009,phase:2,deny,status:403,log,msg:'Too much'"
"#;

/// What is tried on the zone without counting.
const SHADOW: &str = "@id(\"day\") forbid (principal, action, resource) unless { context.session.strong };\n";

const ATTACK: &str = "/search?name=1'+OR+'1'='1";

/// A configuration in which everything has a place: persons are guarded by rules that leave something alone, vehicles' rules only watch.
///
/// # Errors
/// When a file cannot be read or written.
pub fn everything(zone: &Zone) -> Result<(), DemoError> {
    let yaml = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap_or_default();
    without_limits(zone)?;
    zone.layout.write_file("policies/waf/day.conf", RULES)?;
    zone.layout
        .edit("policies/poort.yaml", |zone| zone["waf"] = yaml("{ rules: [waf/day.conf], mode: block }"))?;
    zone.layout.write_file("policies/access/shadow/day.cedar", SHADOW)?;
    zone.layout.edit("policies/sources/persons.yaml", |source| {
        source["limits"] = yaml("{ concurrent: 50, user: { rate: 1/1h, burst: 40 } }");
        source["waf"] =
            yaml("exclusions: [{ rule: 50001, path: /echo, reason: free text, expires: 2199-12-31 }]");
    })?;
    zone.layout.edit("policies/sources/vehicles.yaml", |source| {
        source["waf"] = yaml("{ mode: detect, since: 2026-01-01 }");
    })
}

/// Officers look people up; some are refused, some attack, a source fails, a browser comes, a reload goes wrong and another right.
///
/// # Errors
/// When something of the zone fails; what the gate says is not judged here.
pub async fn spend(world: &World) -> Result<(), Box<dyn std::error::Error>> {
    let zone = &world.zone;
    let an = world.officer()?;
    for _ in 0..3 {
        get(&an, &zone.persons, PERSON).await?;
        get(&an, &zone.vehicles, "/vehicles/1-ABC-123").await?;
    }
    let host = Layout::host("persons");
    let http2 = an.http(&[&host])?;
    http2.get(an.url(&host, PERSON)).send().await?.bytes().await?;
    for source in [&zone.persons, &zone.vehicles] {
        get(&an, source, ATTACK).await?;
    }
    refused(world).await?;
    get(&an, &zone.persons, "/broken/reset").await?;
    let browser = Browser::new(zone, &zone.caller("car-12")?)?;
    browser.go(&browser.at("persons", PERSON)).await?;
    world.edit("policies/poort.yaml", |zone| zone["nonsense"] = true.into())?;
    world.reload(&[]).await?;
    world.edit("policies/poort.yaml", |zone| {
        zone.as_mapping_mut().map(|zone| zone.remove("nonsense"));
    })?;
    world.reload(&[]).await?;
    Ok(())
}

async fn refused(world: &World) -> Result<(), Box<dyn std::error::Error>> {
    let zone = &world.zone;
    let an = world.officer()?;
    // Without strong sign-in, without a token, from devices that are not the zone's or are stolen, at no source, with no single reading.
    get(&an, &zone.firearms, "/firearms/DEMO-71802").await?;
    get(&zone.caller("car-12")?, &zone.persons, PERSON).await?;
    let token = zone.zone.mint(&Token::officer("an.janssens"))?;
    for device in ["private-7", "car-99"] {
        get(&zone.caller(device)?.bearer(&token), &zone.persons, PERSON).await?;
    }
    an.send(&Layout::host("persons"), b"GET / HTTP/1.1\r\nHost: nowhere.localhost\r\n\r\n").await?;
    ask(&an, "GET", &zone.persons, "/a/../b", &[]).await?;
    for device in ["nobody", "stranger"] {
        // The handshake fails.
        zone.caller(device)?.ask("GET", &Layout::host("persons"), "/", &[]).await.err();
    }
    // The end of a budget.
    for _ in 0..45 {
        get(&world.caller(&Token::officer("bo.maes"))?, &zone.persons, PERSON).await?;
    }
    Ok(())
}
