//! What the README tells a newcomer to write works as it stands there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{fs, path::Path, process::Command};

use poort_demo::{
    gate::binary,
    issuer::{Issuer, IssuerOptions, Profile, Token},
    pki::Leaf,
    sources::{Register, Source, SourceOptions},
    wire::ServedOver,
};
use poort_tests::{
    World,
    tools::{program, repository},
};
use serde_yaml::Value;

/// The first block of code below a heading.
fn block(heading: &str) -> String {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once(&format!("### {heading}\n")).unwrap_or_else(|| panic!("{heading}"));
    let block = section.split("```").nth(1).unwrap();
    // Behind the fence stands the language.
    block.split_once('\n').unwrap().1.to_owned()
}

const HOST: &str = "fines.zone.example";
const FINE: &str = "/fines/1-ABC-123";

#[tokio::test]
async fn a_source_and_a_policy_are_added_as_the_readme_says() {
    let fines = Source::start(SourceOptions::new(Register::Vehicles)).unwrap();
    let world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    // The operators' part: a certificate for the new host.
    world.zone.pki.server("fines", &[HOST]).unwrap();
    world
        .edit("deploy/poort.yaml", |yaml| {
            let certificates = yaml["listeners"][0]["certificates"].as_sequence_mut().unwrap();
            let path = |name: &str| world.zone.pki.path(name).display().to_string();
            let mut pair = certificates[0].clone();
            pair["chain"] = path("fines.crt").into();
            pair["key"] = path("fines.key").into();
            certificates.push(pair);
        })
        .unwrap();
    let file = block("Add a source").replace("10.1.2.3:8080", &fines.address().to_string());
    world.zone.layout.write_file("policies/sources/fines.yaml", &file).unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done, "{said}");
    let answer = an.ask("GET", HOST, FINE, &[]).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_str()), (403, "not_permitted"), "no policy permits it");
    assert_eq!(fines.count(), 0);

    world.zone.layout.write_file("policies/access/fines.cedar", &block("Add a policy")).unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done, "{said}");
    an.ask("GET", HOST, FINE, &[]).await.unwrap();
    let received = fines.last().expect("the source is asked");
    assert_eq!((&*received.target, received.header("host")), (FINE, Some("fines.internal")));
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));
    assert!(received.header("poort-assertion").is_some());
    for (method, target) in [("POST", "/fines"), ("GET", "/static/logo.svg"), ("GET", "/elsewhere")] {
        let answer = an.ask(method, HOST, target, &["Content-Length: 0"]).await.unwrap();
        assert_eq!(answer.status, 403, "{method} {target}: the policy is about consulting");
    }
    assert_eq!(fines.count(), 1);
}

#[tokio::test]
async fn an_issuer_is_added_as_the_readme_says() {
    let mut login = None;
    let world = World::start_with(|zone| {
        let certificate = zone.pki.internal.issue(&Leaf::server(&["localhost", "127.0.0.1"]))?;
        let options =
            IssuerOptions::new("newcomer", "https://login.newcomer.example/police", Profile::Keycloak);
        let issuer = Issuer::start(IssuerOptions { over: ServedOver::tls(&certificate), ..options })?;
        let text = block("Add an issuer");
        let entries: Value = serde_yaml::from_str(&text).unwrap();
        zone.layout.edit("policies/poort.yaml", |yaml| {
            let mut entry = entries["issuers"][0].clone();
            // Another is called `federal` here, and this one is not where its name says.
            entry["alias"] = issuer.alias().into();
            entry["issuer"] = issuer.issuer().into();
            let authority = yaml["issuers"][0]["discovery"]["ca"].clone();
            entry["keys"]["url"] = issuer.keys_url().into();
            entry["keys"]["ca"] = authority;
            yaml["issuers"].as_sequence_mut().unwrap().push(entry);
        })?;
        login = Some(issuer);
        Ok(())
    })
    .await
    .unwrap();
    let token = Token::of("i.dubois").role("investigator").role("officer").unit("team-a").audience("poort");
    let partner = world.zone.caller("car-12").unwrap().bearer(&login.unwrap().mint(&token).unwrap());
    let (answer, received) =
        poort_tests::get(&partner, &world.zone.vehicles, "/vehicles/0-ABC-123").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(received.unwrap().header("x-remote-roles"), Some("federal-partner"), "and no other role");
    let decision = world.record("decision", &answer).await.unwrap();
    assert!(decision["unmapped"]["dropped"].to_string().contains("officer"), "{decision}");
}

/// All certificates, and the revocation list that the shipped configuration requires, are made and renewed by the lines that stand there.
#[test]
fn certificates_and_the_revocation_list_are_made_as_their_page_says() {
    if program("openssl").is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let here = |path: &str| directory.path().join(path);
    for part in ["policies", "certs"] {
        copy(&repository(part), &here(part));
    }
    fs::create_dir(here("deploy")).unwrap();
    let deploy = fs::read_to_string(repository("deploy/poort.yaml")).unwrap();
    let at = |name: &str| here(name).display().to_string();
    let deploy = deploy.replace("/var/lib/poort", &at("state")).replace("/var/log/poort", &at("audit"));
    fs::write(here("deploy/poort.yaml"), deploy).unwrap();
    let page = include_str!("../../certs/README.md");
    let blocks: Vec<&str> =
        page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    let [make, revoke] = blocks[..] else { panic!("two blocks: {blocks:#?}") };
    let run = |script: &str| {
        let mut shell = Command::new("sh");
        let output = shell.args(["-ec", script]).current_dir(here("certs")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let check = || {
        let mut check = Command::new(binary().unwrap());
        let output = check.arg("check").current_dir(directory.path()).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success() && said.contains(" 0 warnings"), "{said}");
    };
    run(make);
    check();
    let listed = "openssl crl -in ../policies/certs/device-ca.crl -noout -text";
    assert!(!run(listed).contains("Serial Number: 1012"));
    // No gate runs here that could be told.
    let (revoke, reload) = revoke.split_once("poort reload").unwrap();
    assert_eq!(reload, " --config ../deploy/poort.yaml\n");
    run(revoke);
    // So are those of the listeners that are commented out.
    let deploy = fs::read_to_string(here("deploy/poort.yaml")).unwrap();
    let (before, faces) = deploy.split_once("\n# service: ").unwrap();
    let (faces, after) = faces.split_once("\npolicies:").unwrap();
    let faces = faces.replace("\n#   ", "\n  ").replace("\n# console:", "\nconsole:");
    fs::write(here("deploy/poort.yaml"), format!("{before}\nservice: {faces}\npolicies:{after}")).unwrap();
    assert!(run("cat ../deploy/poort.yaml").contains("\nconsole:\n  address: "));
    assert!(run(listed).contains("Serial Number: 1012"));
    check();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What a fleet's management is given: one rule, for every browser in its own way of writing.
#[test]
fn every_browser_is_told_to_show_the_same_certificate() {
    let rule = |text: &str| {
        let rule: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"));
        let issuer = rule["filter"]["ISSUER"]["CN"].as_str().unwrap().to_owned();
        (rule["pattern"].as_str().unwrap().to_owned(), issuer)
    };
    let whole: serde_json::Value =
        serde_json::from_str(include_str!("../../certs/fleet/chromium.json")).unwrap();
    let linux = rule(whole["AutoSelectCertificateForUrls"][0].as_str().unwrap());
    assert_eq!(linux, ("https://[*.]zone.example".to_owned(), "Zone devices".to_owned()));

    // In a registry file a text has backslashes before its quotes.
    let windows = include_str!("../../certs/fleet/windows.reg");
    let values = windows.lines().filter_map(|line| line.strip_prefix("\"1\"=\"")?.strip_suffix('"'));
    let values: Vec<_> = values.map(|value| rule(&value.replace("\\\"", "\""))).collect();
    assert_eq!(values, [linux.clone(), linux]);
    for product in ["Microsoft\\Edge", "Google\\Chrome"] {
        let key =
            format!("[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\{product}\\AutoSelectCertificateForUrls]");
        assert!(windows.contains(&key), "{key}");
    }

    let android: serde_json::Value =
        serde_json::from_str(include_str!("../../certs/fleet/android.json")).unwrap();
    let rules = android["choosePrivateKeyRules"].as_array().unwrap();
    assert!(android["privateKeySelectionEnabled"] == true && rules.len() == 1);
    assert!(rules[0]["urlPattern"].as_str().unwrap().contains("zone\\.example"));
}
