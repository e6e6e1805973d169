//! Who looked this person up? The record answers that, and names nobody.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{fs, path::Path};

use poort_demo::{gate::binary, layout::Layout, sources::Register};
use poort_tests::{PERSON, World, get};
use serde_json::Value;

const NUMBER: &str = "85073100190";
const ABOUT: &str = "--subject=national_number=85.07.31-001.90";

/// Everything below a directory, as text.
fn text_below(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&text_below(&path));
        } else {
            text.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
        }
    }
    text
}

/// `poort audit …` on the zone's own record: whether it succeeded, and what was said.
async fn audit(world: &World, verb: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new(binary().unwrap());
    command.args(["audit", verb, "--config"]).arg(world.zone.layout.path("deploy/poort.yaml"));
    let output = command.args(arguments).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn accesses(world: &World) -> Vec<Value> {
    let records = world.zone.layout.records().into_iter();
    records.filter(|record| record["metadata"]["event_code"] == "access").collect()
}

#[tokio::test]
async fn whoever_was_looked_up_is_found_and_not_named() {
    let world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    let (answer, received) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(received.unwrap().target, format!("/app{PERSON}"), "the source is asked for the person");
    let decision = world.record("decision", &answer).await.unwrap();
    assert_eq!(decision["http_request"]["url"]["path"], "/persons/{national_number}");
    let subject = &decision["unmapped"]["subjects"][0];
    assert_eq!(subject["kind"], "national_number");
    let captures = &decision["unmapped"]["question"]["context"]["request"]["captures"];
    assert_eq!(captures["national_number"], subject["pseudonym"]);
    world.record("outcome", &answer).await.unwrap();
    // Refused before the policies, mistyped, and searched for by name: none of it names anybody.
    get(&world.zone.caller("car-12").unwrap(), &world.zone.persons, PERSON).await.unwrap();
    get(&an, &world.zone.persons, &format!("/person/{NUMBER}")).await.unwrap();
    let (answer, _) = get(&an, &world.zone.persons, "/search?name=Peeters%2C+Lotte").await.unwrap();
    world.record("outcome", &answer).await.unwrap();
    let written = text_below(&world.zone.layout.path("deploy/audit"));
    for name in [NUMBER, "Lotte", "lotte", "85.07.31"] {
        assert!(!written.contains(name), "{name} is in the record");
    }

    let (found, said) = audit(&world, "search", &[ABOUT]).await;
    assert!(found && said.contains("2 consultations"), "{said}");
    assert!(said.contains("An Janssens") || said.contains("an.janssens"), "{said}");
    let (_, said) = audit(&world, "search", &["--subject=name=lotte PEETERS", "--source=persons"]).await;
    assert!(said.contains("1 consultation\n"), "{said}");
    let (_, said) = audit(&world, "search", &["--subject=national_number=85073100191"]).await;
    assert!(said.contains("0 consultations"), "{said}");
    let (found, said) = audit(&world, "search", &["--subject=plates=1"]).await;
    assert!(!found && said.contains("`plate=…`"), "{said}");

    let accesses = accesses(&world);
    assert_eq!(accesses.len(), 3, "each look is written down: {accesses:#?}");
    let own = nix::unistd::Uid::current().to_string();
    assert_eq!(accesses[0]["actor"]["user"]["uid"], *own);
    assert_eq!(accesses[0]["unmapped"]["wanted"]["subject"], subject["pseudonym"]);
    assert_eq!(accesses[0]["count"], 2);
}

#[tokio::test]
async fn a_new_key_hides_nothing_that_the_old_one_recorded() {
    let world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    let mut keys = vec![];
    for turn in 0..2 {
        if turn == 1 {
            world.zone.pki.new_pseudonym_key().unwrap();
            let (done, said) = world.reload(&[]).await.unwrap();
            assert!(done, "{said}");
        }
        let (answer, _) = get(&an, &world.zone.persons, PERSON).await.unwrap();
        let decision = world.record("decision", &answer).await.unwrap();
        keys.push(decision["unmapped"]["subjects"][0].clone());
    }
    assert_ne!(keys[0]["key"], keys[1]["key"]);
    assert_ne!(keys[0]["pseudonym"], keys[1]["pseudonym"], "the two are not to be told to be one");
    let (found, said) = audit(&world, "search", &[ABOUT]).await;
    assert!(found && said.contains("2 consultations"), "{said}");
    let current = world.zone.pki.path("current.keys");
    let all = fs::read_to_string(world.zone.pki.path("pseudonyms.keys")).unwrap();
    fs::write(&current, all.lines().next().unwrap()).unwrap();
    let (found, said) = audit(&world, "search", &[ABOUT, "--pseudonyms", current.to_str().unwrap()]).await;
    assert!(found && said.contains("1 consultation\n"), "who lost the old key finds what is new: {said}");
    let old = keys[0]["key"].as_str().unwrap();
    assert!(said.contains("1 consultation about somebody under a key that is not at hand"), "{said}");
    assert!(said.contains(&format!("`{old}`")), "and which that is: {said}");
}

#[tokio::test]
async fn an_export_is_whole_proved_and_written_down_with_and_without_a_gate() {
    let mut world = World::start().await.unwrap();
    let an = world.officer().unwrap();
    let (answer, _) = get(&an, &world.zone.persons, PERSON).await.unwrap();
    let decision = world.record("decision", &answer).await.unwrap();
    world.gate.stop().await.unwrap();
    let output = world.directory().join("export");
    let arguments = [ABOUT, "--reason=request 2026/17 <b>", "--output", output.to_str().unwrap()];
    let (made, said) = audit(&world, "export", &arguments).await;
    assert!(made && said.contains("1 consultation in"), "{said}");
    let table = fs::read_to_string(output.join("consultations.csv")).unwrap();
    let code = decision["unmapped"]["code"].as_str().unwrap();
    assert!(table.lines().nth(1).unwrap().contains(code), "{table}");
    assert!(table.contains(",0,"), "it is entry 0 of the log: {table}");
    let page = fs::read_to_string(output.join("report.html")).unwrap();
    assert!(page.contains(code) && page.contains("request 2026/17 &lt;b&gt;"), "{page}");
    assert!(page.contains("gate.localhost/audit"), "the log is named: {page}");
    assert!(!page.contains(NUMBER) && !table.contains(NUMBER));
    let accesses = accesses(&world);
    assert_eq!(accesses.len(), 1);
    assert_eq!(accesses[0]["unmapped"]["reason"], "request 2026/17 <b>");

    let (made, said) = audit(&world, "export", &arguments).await;
    assert!(!made && said.contains("exists; name a directory that does not"), "{said}");
    // What is not whole does not leave the house.
    let record = fs::read_dir(world.zone.layout.path("deploy/audit")).unwrap();
    let mut files = record.map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|is| is == "jsonl")).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("an.janssens", "jo.janssens", 1)).unwrap();
    let other = world.directory().join("other");
    let arguments = [ABOUT, "--reason=x", "--output", other.to_str().unwrap()];
    let (made, said) = audit(&world, "export", &arguments).await;
    assert!(!made && said.contains("jsonl:1: this line is not what the log has in its place"), "{said}");
    assert!(!other.exists());
}

#[tokio::test]
async fn a_form_a_json_body_and_an_answer_name_people_too() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["waf"]["mode"] = "detect".into();
            yaml["waf"]["since"] = "2026-01-01".into();
        })?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["data_subjects"] = serde_yaml::from_str(
                "[{ kind: national_number, body: /number }, { kind: national_number, answer: \"/found/*/national_number\" }]",
            )
            .unwrap();
        })
    })
    .await
    .unwrap();
    let an = world.officer().unwrap();
    let host = Layout::host("persons");
    let client = an.http(&[&host]).unwrap();
    for (kind, body) in [
        ("application/json", "{\"number\": \"85073100190\"}"),
        ("application/x-www-form-urlencoded", "number=85.07.31-001.90"),
        // None of these hides whom it names, whichever of them the application reads.
        ("application/json", "{\"number\": \"85073100190\", \"number\": null}"),
        ("application/json", "\u{feff}{\"Number\": 85073100190.0}"),
        ("application/x-www-form-urlencoded", "x=\u{1}&number[]=85073100190"),
        (
            "multipart/form-data; boundary=0",
            "--0\r\nContent-Disposition: form-data; name=\"number\"\r\n\r\n85073100190\r\n--0--\r\n",
        ),
    ] {
        let request = client.post(an.url(&host, "/echo")).header("content-type", kind).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let id = answer.headers()["poort-request-id"].to_str().unwrap();
        let decision = world.record_of("decision", id).await.unwrap();
        assert_eq!(
            decision["unmapped"]["subjects"].as_array().map(Vec::len),
            Some(1),
            "{kind}: {decision:#}"
        );
    }
    let (answer, _) = get(&an, &world.zone.persons, "/search?name=Peeters").await.unwrap();
    let outcome = world.record("outcome", &answer).await.unwrap();
    assert_eq!(outcome["unmapped"]["subjects"].as_array().map(Vec::len), Some(2), "{outcome:#}");
    let (found, said) = audit(&world, "search", &[ABOUT]).await;
    assert!(found && said.contains("7 consultations"), "{said}");
}

#[tokio::test]
async fn looking_up_more_people_than_usual_is_allowed_found_and_counted() {
    let mut world = World::start_with(|zone| {
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["unusual"] = serde_yaml::from_str("{ subjects: 2, shared_fleets: [cars] }").unwrap();
        })
    })
    .await
    .unwrap();
    let an = world.officer().unwrap();
    let numbers: Vec<_> = Register::Persons.keys().take(4).collect();
    for (number, unusual) in numbers.iter().zip([0, 0, 1, 1]) {
        let (answer, _) = get(&an, &world.zone.persons, &format!("/persons/{number}")).await.unwrap();
        assert_eq!(answer.status, 200, "it is refused to nobody");
        assert!(
            world.counts(&format!("poort_unusual_total{{kind=\"subjects\"}} {unusual}")).await,
            "{number}"
        );
    }
    world.gate.stop().await.unwrap();
    let records = world.zone.layout.records().into_iter();
    let findings: Vec<_> = records.filter(|record| record["class_uid"] == 2004).collect();
    assert_eq!(findings.len(), 1, "once in a shift: {findings:#?}");
    assert_eq!(findings[0]["unmapped"]["detector"], "unusual");
    assert_eq!(findings[0]["actor"]["user"]["uid"], "zone|an.janssens");
    assert_eq!(findings[0]["is_alert"], true);
}
