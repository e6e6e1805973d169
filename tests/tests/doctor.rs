//! `poort doctor`: sources that take the gate alone, and what it says of those that do not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::{fs, net::SocketAddr, path::PathBuf};

use poort_demo::{
    pki::Leaf,
    ports,
    sources::{Register, Source, SourceOptions},
    zone::Zone,
};
use poort_tests::{PERSON, World, get, nginx::Nginx, tools};
use serde_json::{Value, json};

/// Of the gate's certificate in the demo, as RFC 2253 writes it.
const SUBJECT: &str = "CN=poort gate,O=Zone Example (demo)";

/// What the doctor says, and its exit code.
async fn doctor(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = world.gate.command("doctor", &[arguments, &["--json"]].concat()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

/// The checks with this verdict, of the first source.
fn checks<'a>(report: &'a Value, verdict: &str) -> Vec<&'a str> {
    let all = report["sources"][0]["checks"].as_array().unwrap().iter();
    all.filter(|check| check["verdict"] == verdict).map(|check| check["check"].as_str().unwrap()).collect()
}

/// The shipped recipe in front of an application, at ports and paths of this machine.
struct Front {
    directory: PathBuf,
    recipe: String,
    port: u16,
    application: SocketAddr,
    /// One that knows nobody but who is named in a header.
    strict: SocketAddr,
}

impl Front {
    fn new(zone: &Zone, application: SocketAddr) -> Self {
        let (pki, directory) = (&zone.pki, zone.layout.path("nginx"));
        let server = pki.internal.issue(&Leaf::server(&["persons.internal"])).unwrap();
        server.write(&directory, "persons").unwrap();
        let (port, strict) = (ports::free().unwrap().port(), ports::free().unwrap());
        let mut recipe = fs::read_to_string(tools::repository("deploy/sources/nginx.conf")).unwrap();
        let file = |path: PathBuf| path.to_str().unwrap().to_owned();
        for (theirs, ours) in [
            ("10.20.3.11:8443", format!("127.0.0.1:{port}")),
            ("firearms.internal", "persons.internal".to_owned()),
            ("/etc/nginx/poort/firearms.crt", file(directory.join("persons.crt"))),
            ("/etc/nginx/poort/firearms.key", file(directory.join("persons.key"))),
            ("/etc/nginx/poort/gate-ca.crt", file(pki.path("internal-ca.crt"))),
            ("CN=poort gate", SUBJECT.to_owned()),
        ] {
            assert!(recipe.contains(theirs), "the recipe has no {theirs}");
            recipe = recipe.replace(theirs, &ours);
        }
        Self { directory, recipe, port, application, strict }
    }

    /// nginx with the recipe after these changes; nothing where there is none.
    fn start(&self, changes: &[(&str, &str)]) -> Option<Nginx> {
        let mut recipe = self.recipe.clone();
        for (from, to) in changes {
            assert!(recipe.contains(from), "the recipe has no {from}");
            recipe = recipe.replace(from, to);
        }
        let recipe = recipe.replace("127.0.0.1:8080", &self.application.to_string());
        let servers = format!(
            "{recipe}server {{ listen {}; location / {{ if ($http_x_remote_user = \"\") {{ return 401; }} proxy_pass http://{}; }} }}\n",
            self.strict, self.application
        );
        Nginx::start(&self.directory, &servers, self.port)
    }
}

/// A gate whose persons register is behind nginx.
async fn behind_nginx(application: &Source) -> (World, Front) {
    let mut front = None;
    let world = World::start_with(|zone| {
        let at = front.insert(Front::new(zone, application.address()));
        zone.pki.issue(&zone.pki.internal, "neighbour", &Leaf::client("another source"))?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            let file = |name: &str| zone.pki.path(name).to_str().unwrap().to_owned();
            let tls = json!({
                "ca": file("internal-ca.crt"), "name": "persons.internal",
                "certificate": file("upstream-client.crt"), "key": file("upstream-client.key"),
            });
            let upstream = json!({ "addresses": [format!("127.0.0.1:{}", at.port)], "host": "persons.internal", "tls": tls });
            yaml["upstream"] = serde_yaml::to_value(upstream).unwrap();
            yaml["identity"] = serde_yaml::to_value(json!({ "assertion": false, "headers": { "X-Remote-User": "user" } })).unwrap();
        })
    });
    (world.await.unwrap(), front.unwrap())
}

/// A recipe with walls taken away: what it is then, what is changed, and who is let in.
type Opened<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const CERTIFICATE: [&str; 8] = [
    "no-certificate",
    "no-certificate-headers",
    "other-authority",
    "other-authority-headers",
    "wrong-signature",
    "wrong-signature-headers",
    "neighbour",
    "neighbour-headers",
];

#[tokio::test]
async fn behind_the_recipe_for_nginx_a_source_takes_the_gate_alone_and_by_each_wall() {
    let application = Source::start(SourceOptions::new(Register::Persons)).unwrap();
    let (world, front) = behind_nginx(&application).await;
    let Some(nginx) = front.start(&[]) else { return };
    let an = world.officer().unwrap();
    let (answer, received) = get(&an, &application, PERSON).await.unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), world.gate.log());
    assert_eq!(received.unwrap().header("x-remote-user"), Some("an.janssens"));
    let (certificate, key) = world.zone.pki.device_files("neighbour");
    let arguments = [
        "persons",
        "--path",
        PERSON,
        "--neighbour",
        certificate.to_str().unwrap(),
        "--neighbour-key",
        key.to_str().unwrap(),
    ];
    let before = application.count();
    let (code, report) = doctor(&world, &arguments).await;
    assert_eq!((code, &report["closed"]), (Some(0), &json!(true)), "{report:#}");
    let mut refused = vec!["plain-http"];
    refused.extend(CERTIFICATE);
    assert_eq!(checks(&report, "refused"), refused, "{report:#}");
    assert_eq!(checks(&report, "answered"), ["own-way", "own-way-again"]);
    assert_eq!(application.count() - before, 2, "nobody else got as far as the application");
    drop(nginx);

    let demanded = ("ssl_verify_client on;", "ssl_verify_client optional;");
    let pinned = ("if ($from_gate = 0) { return 403; }", "");
    let strict = front.strict.to_string();
    let knows_nobody = ("127.0.0.1:8080", strict.as_str());
    let anybodys = ("X-Remote-User $gate_user", "X-Remote-User $http_x_remote_user");
    let pin = format!("\"SUCCESS {SUBJECT}\"");
    let unverified = format!("\"{SUBJECT}\"");
    let any_authority = [
        ("ssl_verify_client on;", "ssl_verify_client optional_no_ca;"),
        ("\"$ssl_client_verify $ssl_client_s_dn\"", "$ssl_client_s_dn"),
        (pin.as_str(), unverified.as_str()),
    ];
    let cases: &[Opened<'_>] = &[
        ("another wall stands behind it", &[demanded], &[]),
        (
            "no certificate is demanded",
            &[demanded, pinned],
            &[CERTIFICATE[0], CERTIFICATE[1], CERTIFICATE[6], CERTIFICATE[7]],
        ),
        ("any authority will do", &any_authority, &CERTIFICATE[2..4]),
        ("any subject will do", &[pinned], &CERTIFICATE[6..]),
        ("headers count of the gate alone", &[demanded, pinned, knows_nobody], &[]),
        (
            "headers count of anybody",
            &[demanded, pinned, knows_nobody, anybodys],
            &[CERTIFICATE[1], CERTIFICATE[7]],
        ),
    ];
    for (case, changes, let_in) in cases {
        let _nginx = front.start(changes).unwrap();
        let (code, report) = doctor(&world, &arguments).await;
        assert_eq!(checks(&report, "let_in"), *let_in, "{case}: {report:#}");
        assert!(checks(&report, "unclear").is_empty(), "{case}: {report:#}");
        assert_eq!(code, Some(if let_in.is_empty() { 0 } else { 1 }), "{case}");
    }
    let (code, report) = doctor(&world, &arguments).await;
    assert_eq!(
        (code, checks(&report, "unclear")),
        (Some(1), vec!["own-way"]),
        "nothing is there: {report:#}"
    );
}

#[tokio::test]
async fn a_source_that_verifies_assertions_is_closed_and_one_that_believes_anybody_is_not() {
    let world = World::start().await.unwrap();
    let (code, report) =
        doctor(&world, &["firearms", "--path", "/firearms/DEMO-71802", "--reason", "a new source"]).await;
    assert_eq!(code, Some(0), "{report:#}");
    let assertions =
        ["no-assertion", "expired-assertion", "other-audience", "other-key", "unsigned-assertion"];
    let refused = checks(&report, "refused");
    assert!(assertions.iter().all(|check| refused.contains(check)), "{report:#}");
    assert_eq!(checks(&report, "not_applicable"), ["neighbour", "basic-credentials"]);
    let received = world.zone.firearms.received();
    assert!(received.iter().all(|request| request.method == "GET" && request.body.is_empty()));
    // One of them each for the gate's way twice and for the five assertions: who has no certificate gets no further than TLS.
    assert_eq!(received.len(), 7);
    let records = world.zone.layout.records();
    let recorded: Vec<_> = records.iter().filter(|record| record["entity"]["type"] == "Source").collect();
    assert_eq!(recorded.len(), 1, "{records:#?}");
    assert_eq!(recorded[0]["entity"]["name"], "firearms");
    assert_eq!(recorded[0]["message"], "source examined: a new source");

    let (code, report) = doctor(&world, &["persons", "--path", PERSON]).await;
    assert_eq!((code, &report["closed"]), (Some(1), &json!(false)), "{report:#}");
    let let_in = checks(&report, "let_in");
    assert_eq!(let_in.len(), 2 + 4, "nobody, with headers, and with each wrong assertion: {report:#}");
    assert!(let_in.contains(&"nobody") && let_in.contains(&"unsigned-assertion"), "{report:#}");

    let firearms = world.zone.firearms.address().to_string();
    let (code, report) = doctor(&world, &["--at", &firearms, "--host", "firearms.internal"]).await;
    assert_eq!((code, checks(&report, "refused").len()), (Some(0), 3), "as a neighbour: {report:#}");
    let persons = world.zone.persons.address().to_string();
    let (code, report) = doctor(&world, &["--at", &persons, "--plain", "--path", "/app/echo"]).await;
    assert_eq!((code, checks(&report, "let_in")), (Some(1), vec!["nobody", "forged-headers"]), "{report:#}");

    let (code, report) = doctor(&world, &[]).await;
    let places: Vec<_> = report["sources"].as_array().unwrap().iter().map(|one| &one["source"]).collect();
    assert_eq!((code, places), (Some(1), vec![&json!("firearms"), &json!("persons"), &json!("vehicles")]));
}

#[tokio::test]
async fn what_is_neither_refused_nor_let_in_is_not_proved() {
    let world = World::start().await.unwrap();
    for (path, said) in
        [("/status/503", "503"), ("/moved", "302 to http://persons.internal/app/echo?moved=1")]
    {
        let (code, report) = doctor(&world, &["persons", "--path", path]).await;
        let own = &report["sources"][0]["checks"][0];
        assert_eq!(
            (code, &own["verdict"], &own["came"]),
            (Some(1), &json!("unclear"), &json!(said)),
            "{report:#}"
        );
        assert_eq!(
            report["sources"][0]["checks"].as_array().unwrap().len(),
            1,
            "nothing else proves anything then"
        );
    }
    // The source's own sign-in, to which whoever comes is led as the gate is.
    let arguments = ["persons", "--path", "/moved", "--login", "http://persons.internal/app/echo"];
    let (code, report) = doctor(&world, &arguments).await;
    assert_eq!(code, Some(1), "{report:#}");
    assert!(
        checks(&report, "answered").len() == 2 && checks(&report, "let_in").contains(&"nobody"),
        "{report:#}"
    );
}

#[tokio::test]
async fn a_command_that_is_wrong_tries_nothing() {
    let world = World::start().await.unwrap();
    for (arguments, said) in [
        (&["firearm"][..], "did you mean `firearms`"),
        (&["persons", "--path", "persons"], "is no path"),
        (&["persons", "--method", "POST"], "nothing may be changed"),
        (&["persons", "--neighbour", "a.crt"], "--neighbour-key"),
        (&["persons", "--neighbour", "a.crt", "--neighbour-key", "a.key"], "`a.crt` cannot be read"),
    ] {
        let output = world.gate.command("doctor", arguments).await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains(said), "{arguments:?}: {complaint}");
    }
    assert!(world.zone.sources().iter().all(|source| source.count() == 0));
    assert!(world.zone.layout.records().is_empty(), "nothing was done, nothing is recorded");
}
