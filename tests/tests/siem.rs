//! What a SIEM is given: Sigma rules that find what they are about in the gate's own record, and fields that are there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use poort_demo::{
    gate::Gate,
    issuer::Token,
    tour,
    zone::{Zone, ZoneOptions},
};
use poort_tests::{
    PERSON, get,
    tools::{program, repository},
};
use serde_json::Value;

/// The files of a directory with this ending, in order.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(repository(directory)).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = all.filter(|path| path.extension().is_some_and(|end| end == ending)).collect();
    files.sort();
    files
}

/// What is at a dotted path.
fn at<'a>(record: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(record, |value, part| value.get(part))
}

/// Whether a record is what the rule's only selection selects.
fn selects(rule: &Value, record: &Value) -> bool {
    assert_eq!(rule["detection"]["condition"], "selection");
    rule["detection"]["selection"].as_object().unwrap().iter().all(|(field, wanted)| {
        match field.split_once('|') {
            Some((field, "exists")) => at(record, field).is_some() == (wanted == true),
            Some((field, modifier)) => panic!("{field}: nobody knows `{modifier}` here"),
            None => {
                let wanted = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                at(record, field).is_some_and(|found| wanted.contains(found))
            }
        }
    })
}

fn paths_into(record: &Value, path: &str, paths: &mut BTreeSet<String>) {
    paths.insert(path.to_owned());
    for (name, value) in record.as_object().into_iter().flatten() {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        paths_into(value, &below, paths);
    }
}

/// The record of a whole tour: some forty requests, most of which are refused. And of what it does not show: a stranger without a
/// certificate, a token on another device than its own, a workload that acts for officers where it may not.
async fn toured() -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    let listener =
        |yaml: &mut serde_yaml::Value| yaml["listeners"][0]["client_certificate"] = "optional".into();
    zone.layout.edit("deploy/poort.yaml", listener).unwrap();
    let mut gate = Gate::start(&zone.layout).await.unwrap();
    tour::walk(&zone, &gate).await.unwrap();

    let persons = &zone.persons;
    get(&zone.caller("nobody").unwrap(), persons, PERSON).await.unwrap();
    zone.pki.device("car-13").unwrap();
    let officer = Token::officer("an.janssens");
    let bound = zone.zone.mint(&officer.clone().bound_to(&zone.pki.issued("car-12").unwrap())).unwrap();
    get(&zone.caller("car-13").unwrap().bearer(&bound), persons, PERSON).await.unwrap();
    let nobody = |yaml: &mut serde_yaml::Value| yaml["on_behalf_of"] = serde_yaml::Value::Sequence(vec![]);
    zone.layout.edit("policies/sources/persons.yaml", nobody).unwrap();
    assert!(gate.command("reload", &[]).await.unwrap().status.success());
    let search = zone.caller("search").unwrap().bearer(&zone.zone.mint(&officer).unwrap());
    get(&search, persons, PERSON).await.unwrap();
    gate.stop().await.unwrap();
    zone.layout.records()
}

/// What nothing in a zone that works brings about: a policy that errs, and a disk that takes no record.
const NEVER_HERE: [&str; 2] = ["policy_error", "record_unwritable"];

#[tokio::test]
async fn rules_find_what_they_are_about_and_fields_are_there() {
    let records = toured().await;
    let reasons = fs::read_to_string(repository("proxy/enforce/src/reason.rs")).unwrap();
    let mut silent = Vec::new();
    let rules = files("deploy/siem/sigma", "yml");
    assert_eq!(rules.len(), 12);
    for path in rules {
        let rule: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let found = records.iter().filter(|record| selects(&rule, record)).count();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(found < records.len() / 2, "{name} finds everything");
        if found == 0 {
            silent.push(name);
        }
    }
    assert_eq!(silent, NEVER_HERE);
    for code in NEVER_HERE {
        assert!(reasons.contains(&format!("=> \"{code}\"")), "{code} is no reason of the gate's");
    }

    let mut paths = BTreeSet::new();
    records.iter().for_each(|record| paths_into(record, "", &mut paths));
    let readme = fs::read_to_string(repository("deploy/siem/README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"));
    let mapped: BTreeSet<&str> = rows.map(|(field, _)| field).collect();
    let missing: Vec<&&str> = mapped.iter().filter(|field| !paths.contains(**field)).collect();
    assert!(missing.is_empty(), "no record of the tour has {missing:?}");
    for field in asked_for() {
        assert!(paths.contains(&field), "a runbook asks for `{field}`, which no record has");
    }
}

/// The fields that runbooks ask Splunk for, which has the record as it is: those below another, which are no words of Splunk's.
fn asked_for() -> BTreeSet<String> {
    let runbooks = fs::read_to_string(repository("deploy/runbooks.md")).unwrap();
    let queries = runbooks.lines().filter(|line| line.starts_with("Splunk "));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.{}".contains(letter);
    let words = queries.flat_map(|query| query.split(move |letter| !is_part(letter)));
    // `{}` stands for each item of a list.
    let fields = words.filter_map(|word| word.split("{}").next().filter(|word| word.contains('.')));
    fields.map(str::to_owned).collect()
}

/// A table of fields: OCSF's, and what each is called elsewhere.
fn mapping(pipeline: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(repository(&format!("deploy/siem/pipelines/{pipeline}.yml"))).unwrap();
    let pipeline: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let mapping = pipeline["transformations"][0]["mapping"].as_mapping().unwrap();
    let text = |value: &serde_yaml::Value| value.as_str().unwrap().to_owned();
    mapping.iter().map(|(from, to)| (text(from), text(to))).collect()
}

#[test]
fn mappings_are_those_of_the_table() {
    let readme = fs::read_to_string(repository("deploy/siem/README.md")).unwrap();
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3)
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    for (pipeline, column) in [("ecs", 2), ("asim", 3)] {
        let listed: Vec<_> = rows.iter().map(|row| (row[1].to_owned(), row[column].to_owned())).collect();
        assert_eq!(mapping(pipeline), listed, "{pipeline}");
        let names: BTreeSet<&String> = listed.iter().map(|(_, name)| name).collect();
        assert_eq!(names.len(), listed.len(), "{pipeline}: two fields have one name");
    }
    // What runbooks ask Sentinel and Elastic for is mapped, or is the shipper's own.
    let runbooks = fs::read_to_string(repository("deploy/runbooks.md")).unwrap();
    let ecs: BTreeSet<String> = mapping("ecs").into_iter().map(|(_, name)| name).collect();
    for query in runbooks.lines().filter(|line| line.starts_with("Elastic ")) {
        let words = query.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_.@".contains(letter)));
        for word in words.filter(|word| word.contains('.')) {
            assert!(ecs.contains(word) || word == "host.name", "{word} in {query}");
        }
    }
}

/// Columns of the parser that runbooks and Sigma rules ask Sentinel by, each with what it is made of.
fn columns() -> Vec<(String, String)> {
    let parser = fs::read_to_string(repository("deploy/siem/sentinel/PoortWebSession.kql")).unwrap();
    let lines = parser.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" = "));
    lines.map(|(column, made)| (column.to_owned(), made.to_owned())).collect()
}

#[test]
fn the_parser_of_sentinel_has_every_column_of_the_table_and_of_the_runbooks() {
    let columns = columns();
    for (field, column) in mapping("asim") {
        let made = columns.iter().find(|(name, _)| *name == column).map(|(_, made)| made.as_str());
        let made = made.unwrap_or_else(|| panic!("the parser has no {column}"));
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
        let plain = format!("r.{field}");
        let reads = made.split(|letter| !is_part(letter)).any(|word| word == plain);
        assert!(
            reads || made.contains(&format!("r[\"{field}\"]")),
            "{column} is made of {made}, and not of {field}"
        );
    }
    let runbooks = fs::read_to_string(repository("deploy/runbooks.md")).unwrap();
    let queries: Vec<&str> = runbooks.lines().filter(|line| line.starts_with("Sentinel ")).collect();
    assert!(!queries.is_empty());
    for query in queries {
        // What stands between quotation marks is a value.
        let code: String = query.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        let words = code.split(|letter: char| !letter.is_ascii_alphanumeric()).skip(1);
        for word in words.filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase())) {
            let known = word == "PoortWebSession" || columns.iter().any(|(name, _)| name == word);
            assert!(known, "{word} is no column of the parser: {query}");
        }
    }
}

#[test]
fn rules_become_queries_of_splunk_elastic_and_sentinel() {
    let Some(sigma) = program("sigma") else { return };
    let run = |arguments: &[&str], rules: &[PathBuf]| {
        let mut command = Command::new(&sigma);
        let output =
            command.args(arguments).args(rules).current_dir(repository("deploy/siem")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "sigma {arguments:?}\n{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    };
    // The lists of tags are not to be had everywhere.
    let tags = ["--exclude", "attacktag", "--exclude", "d3_fendtag"];
    run(&[&["check", "--fail-on-error", "--fail-on-issues"][..], &tags, &["sigma"]].concat(), &[]);
    let single: Vec<PathBuf> =
        files("deploy/siem/sigma", "yml").iter().map(|path| path.canonicalize().unwrap()).collect();
    let correlated: Vec<PathBuf> = files("deploy/siem/sigma/correlation", "yml")
        .iter()
        .map(|path| path.canonicalize().unwrap())
        .collect();
    let ecs = ["--pipeline", "pipelines/ecs.yml"];
    for (target, pipeline, rules, expected) in [
        ("splunk", &["--without-pipeline"][..], &single, r#"status_detail="certificate_revoked""#),
        ("splunk", &["--without-pipeline"], &correlated, "event_count >= 10"),
        ("lucene", &ecs, &single, "event.reason:certificate_revoked"),
        ("esql", &ecs, &single, r#"event.reason=="certificate_revoked""#),
        ("esql", &ecs, &correlated, "event_count >= 10"),
        (
            "kusto",
            &["--pipeline", "pipelines/asim.yml"],
            &single,
            r#"PoortWebSession | where EventOriginalType =~ "decision" and EventOriginalResultDetails =~ "certificate_revoked""#,
        ),
    ] {
        let queries = run(&[&["convert", "--target", target], pipeline].concat(), rules);
        assert!(queries.contains(expected), "{target}: {expected} is not in\n{queries}");
        if pipeline.len() > 1 {
            let unmapped = ["status_detail", "metadata.", "unmapped.", "actor."];
            assert!(!unmapped.iter().any(|field| queries.contains(field)), "{target}: {queries}");
        }
    }
}
