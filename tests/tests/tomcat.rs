//! The recipe for Tomcat: a source that takes the gate alone, by certificate and by assertion. `make conformance` runs this.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::fs;

use poort_demo::{layout::Layout, pki::Leaf, ports};
use poort_tests::{World, tomcat::Tomcat, tools};
use serde_json::{Value, json};

/// The wall that the recipe puts up within Tomcat.
const VALVE: &str = "<Valve className=\"PoortValve\"";
const ASSERTIONS: [&str; 5] =
    ["no-assertion", "expired-assertion", "other-audience", "other-key", "unsigned-assertion"];

async fn doctor(world: &World) -> (Option<i32>, Value) {
    let (certificate, key) = world.zone.pki.device_files("neighbour");
    let neighbour = ["--neighbour", certificate.to_str().unwrap(), "--neighbour-key", key.to_str().unwrap()];
    let arguments =
        [&["persons", "--path", "/who.jsp", "--json", "--timeout", "60s"][..], &neighbour].concat();
    let output = world.gate.command("doctor", &arguments).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let report =
        serde_json::from_slice(&said).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said)));
    (output.status.code(), report)
}

fn checks<'a>(report: &'a Value, verdict: &str) -> Vec<&'a str> {
    let all = report["sources"][0]["checks"].as_array().unwrap().iter();
    all.filter(|check| check["verdict"] == verdict).map(|check| check["check"].as_str().unwrap()).collect()
}

#[tokio::test]
#[ignore = "`make conformance` runs it"]
async fn behind_the_recipe_for_tomcat_an_application_takes_the_gate_alone() {
    let port = ports::free().unwrap().port();
    let world = World::start_with(|zone| {
        zone.pki.issue(&zone.pki.internal, "neighbour", &Leaf::client("another source"))?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            let file = |name: &str| zone.pki.path(name).to_str().unwrap().to_owned();
            let tls = json!({
                "ca": file("internal-ca.crt"), "name": "persons.internal",
                "certificate": file("upstream-client.crt"), "key": file("upstream-client.key"),
            });
            let upstream = json!({ "addresses": [format!("127.0.0.1:{port}")], "tls": tls, "timeouts": { "read": "60s", "total": "60s" } });
            yaml["upstream"] = serde_yaml::to_value(upstream).unwrap();
        })
    });
    let world = world.await.unwrap();
    let Some(tomcat) = Tomcat::prepare(&world.zone.layout.path("tomcat")) else { return };
    let pki = &world.zone.pki;
    tomcat.trust(&pki.path("internal-ca.crt"));
    let server = pki.internal.issue(&Leaf::server(&["persons.internal"])).unwrap();
    server.write(tomcat.file("").as_path(), "firearms").unwrap();
    fs::write(tomcat.file("jwks.json"), world.gate.admin("/.well-known/jwks.json").await.unwrap().1).unwrap();
    let mut recipe = fs::read_to_string(tools::repository("deploy/sources/tomcat/server.xml")).unwrap();
    for (theirs, ours) in [
        ("port=\"8443\" address=\"10.20.3.11\"", format!("port=\"{port}\" address=\"127.0.0.1\"")),
        ("https://gate.zone.example", "https://gate.localhost".to_owned()),
        ("audience=\"firearms\"", "audience=\"persons\"".to_owned()),
        ("subject=\"CN=poort gate\"", "subject=\"CN=poort gate,O=Zone Example (demo)\"".to_owned()),
    ] {
        assert!(recipe.contains(theirs), "the recipe has no {theirs}");
        recipe = recipe.replace(theirs, &ours);
    }

    let running = tomcat.start(&recipe, port);
    let an = world.officer().unwrap();
    let answer = an.ask("GET", &Layout::host("persons"), "/who.jsp", &[]).await.unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), tomcat.log());
    assert!(
        answer.text().trim_end().ends_with(" officer"),
        "a user with a role, as Tomcat knows them: {}",
        answer.text()
    );
    assert!(answer.text().starts_with("zone|"), "{}", answer.text());
    let (code, report) = doctor(&world).await;
    assert_eq!((code, &report["closed"]), (Some(0), &json!(true)), "{report:#}\n{}", tomcat.log());
    assert_eq!(checks(&report, "refused").len(), 9 + ASSERTIONS.len(), "{report:#}");
    drop(running);

    let demanded = ("certificateVerification=\"required\"", "certificateVerification=\"optional\"");
    let (before, rest) = recipe.split_once(VALVE).unwrap();
    let open = format!("{before}{}", rest.split_once("/>").unwrap().1);
    let neighbour = ["neighbour", "neighbour-headers"];
    let nobody = ["no-certificate", "no-certificate-headers"];
    for (case, server, let_in) in [
        ("another wall stands behind it", recipe.replace(demanded.0, demanded.1), vec![]),
        ("no subject and no assertion is looked at", open.clone(), [&neighbour[..], &ASSERTIONS].concat()),
        ("nothing is", open.replace(demanded.0, demanded.1), [&nobody[..], &neighbour, &ASSERTIONS].concat()),
    ] {
        let _running = tomcat.start(&server, port);
        let (code, report) = doctor(&world).await;
        assert_eq!(checks(&report, "let_in"), let_in, "{case}: {report:#}\n{}", tomcat.log());
        assert_eq!(code, Some(i32::from(!let_in.is_empty())), "{case}: {report:#}");
    }
}
