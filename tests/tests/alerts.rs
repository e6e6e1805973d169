//! Alerts and dashboards: each alert fires, falls silent and has a runbook; each panel of each dashboard shows something.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use poort_demo::{
    client::plain,
    gate::binary,
    prometheus::{Dashboard, Prometheus, of_everything},
};
use poort_tests::{
    World, day, eventually,
    tools::{directory, program, repository},
};
use serde_json::Value;

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&read(path)).unwrap()
}

/// The rules of a file of rules.
fn rules(path: &str) -> Vec<Value> {
    let groups = yaml(path)["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn alerts() -> Vec<String> {
    let rules = rules("deploy/prometheus/alerts.yml");
    rules.iter().map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

fn dashboards() -> Vec<PathBuf> {
    poort_demo::prometheus::dashboards().unwrap()
}

/// Every query of a dashboard: the panel's title, and the expression.
fn queries(path: &Path) -> Vec<(String, String)> {
    let Dashboard { title, panels } = Dashboard::read(path).unwrap();
    panels.into_iter().map(|panel| (format!("{title}: {}", panel.title), panel.query)).collect()
}

#[test]
fn each_alert_fires_and_falls_silent() {
    let tests = yaml("deploy/prometheus/alerts_test.yml");
    let looks: Vec<Value> = tests["tests"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap().clone())
        .collect();
    for alert in alerts() {
        let of = |fires: bool| {
            looks.iter().any(|look| {
                look["alertname"] == *alert && look["exp_alerts"].as_array().unwrap().is_empty() != fires
            })
        };
        assert!(of(true) && of(false), "{alert} is not seen to fire and to fall silent");
    }
    let Some(promtool) = program("promtool") else { return };
    for arguments in [
        &["check", "config", "prometheus.yml"][..],
        &["check", "rules", "recording.yml", "alerts.yml"],
        &["test", "rules", "alerts_test.yml"],
    ] {
        let mut command = Command::new(&promtool);
        let output = command.args(arguments).current_dir(repository("deploy/prometheus")).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "promtool {arguments:?}\n{said}");
    }
}

#[test]
fn each_alert_has_a_runbook_with_queries_and_a_command() {
    let runbooks = read("deploy/runbooks.md");
    let sections: Vec<(&str, &str)> =
        runbooks.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect();
    let titles: Vec<&str> = sections.iter().map(|(title, _)| *title).collect();
    assert_eq!(titles, alerts(), "a section each, in the order of the alerts");
    for rule in rules("deploy/prometheus/alerts.yml") {
        let anchor = format!("runbooks.md#{}", rule["alert"].as_str().unwrap().to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], anchor);
    }
    for (title, text) in sections {
        for system in
            ["Splunk    index=poort", "Sentinel  PoortWebSession | ", "Elastic   FROM logs-poort* | "]
        {
            let queries = text.lines().filter(|line| line.starts_with(system)).count();
            assert_eq!(queries, 1, "{title}: {system}");
        }
        let (_, contain) =
            text.split_once("\nContain:\n\n```sh\n").unwrap_or_else(|| panic!("{title}: Contain"));
        let commands: Vec<&str> = contain.split("\n```").next().unwrap().lines().collect();
        assert!(!commands.is_empty(), "{title}");
        for command in commands.iter().filter_map(|command| command.strip_prefix("poort ")) {
            does_exist(title, command);
        }
    }
}

/// Whether the gate's own command line knows a command and its options.
fn does_exist(title: &str, command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_verb = |word: &&&str| word.chars().all(|letter| letter.is_ascii_lowercase());
    let verbs: Vec<&str> = words.iter().take_while(is_verb).copied().collect();
    let output = Command::new(binary().unwrap()).args(&verbs).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{title}: `poort {command}`");
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{title}: `poort {command}`\n{help}");
    }
}

#[test]
fn whatever_is_asked_for_is_a_metric() {
    let listed = read("deploy/prometheus/README.md");
    let mut asked: Vec<String> =
        dashboards().iter().flat_map(|path| queries(path)).map(|(_, query)| query).collect();
    for file in ["recording", "alerts"] {
        let rules = rules(&format!("deploy/prometheus/{file}.yml"));
        asked.extend(rules.iter().map(|rule| rule["expr"].as_str().unwrap().to_owned()));
    }
    let recorded: BTreeSet<String> = rules("deploy/prometheus/recording.yml")
        .iter()
        .map(|rule| rule["record"].as_str().unwrap().to_owned())
        .collect();
    for query in asked {
        let words = query.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_:".contains(letter)));
        for word in words.filter(|word| word.contains("poort_")) {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            let known = |name: &str| listed.contains(&format!("| `{name}` |"));
            assert!(known(word) || base.is_some_and(known) || recorded.contains(word), "{word} in {query}");
        }
    }
}

/// Whether `reason=~"…"` of a query takes a code.
fn takes(query: &str, code: &str) -> bool {
    let reasons =
        query.split("reason=~\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    reasons.split('|').any(|one| one.strip_suffix(".*").map_or(one == code, |begin| code.starts_with(begin)))
}

#[test]
fn a_device_or_person_whose_access_was_ended_is_seen_to_knock() {
    let access = dashboards().into_iter().find(|path| path.ends_with("access.json")).unwrap();
    let panels = queries(&access);
    for (panel, codes) in [
        ("Devices", &["device_missing", "device_blocked", "certificate_revoked"][..]),
        (
            "Tokens and sessions",
            &[
                "token_expired",
                "token_unbound",
                "session_ended",
                "sign_in_ended",
                "user_blocked",
                "not_on_behalf",
            ],
        ),
    ] {
        let (_, query) = panels.iter().find(|(title, _)| title.ends_with(&format!(": {panel}"))).unwrap();
        for code in codes {
            assert!(takes(query, code), "{panel}: {code} is not in {query}");
        }
    }
}

#[test]
fn dashboards_fit_the_schema_of_grafana() {
    assert_eq!(dashboards().len(), 4);
    let (Some(node), Some(npm)) = (program("node"), directory("npm")) else { return };
    let script = npm.join("check.mjs");
    fs::copy(repository("tests/soc/grafana/check.mjs"), &script).unwrap();
    let check = |files: &[PathBuf]| {
        let output = Command::new(&node).arg(&script).args(files).current_dir(&npm).output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let files: Vec<PathBuf> = dashboards().iter().map(|path| path.canonicalize().unwrap()).collect();
    let (valid, said) = check(&files);
    assert!(valid, "{said}");
    let spoilt = npm.join("spoilt.json");
    fs::write(&spoilt, fs::read_to_string(&files[0]).unwrap().replacen("\"gridPos\"", "\"gridpos\"", 1))
        .unwrap();
    let (valid, said) = check(&[spoilt]);
    assert!(!valid && said.contains("gridpos"), "and it can fail: {said}");
}

/// What is asked of a Prometheus.
struct Asked(Prometheus);

impl Asked {
    async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Option<Value> {
        let url = reqwest::Url::parse_with_params(
            &format!("http://{}/api/v1/{path}", self.0.address()),
            parameters,
        );
        let answer = plain().get(url.unwrap()).send().await.ok()?;
        // One that is not ready yet answers in words.
        let answer: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        assert_eq!(answer["status"], "success", "{path} {parameters:?}: {answer}");
        Some(answer["data"].clone())
    }

    /// What a query finds now.
    async fn find(&self, query: &str) -> Vec<Value> {
        let found = self.api("query", &[("query", query)]).await.unwrap_or_default();
        found["result"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the gate was scraped `times` more.
    async fn scraped(&self, times: u64) {
        let count = async || {
            let found = self.find("count_over_time(up{job=\"poort\"}[1h])").await;
            found.first().and_then(|sample| sample["value"][1].as_str()?.parse::<u64>().ok()).unwrap_or(0)
        };
        let before = count().await;
        eventually(async || (count().await >= before + times).then_some(())).await.unwrap();
    }
}

#[tokio::test]
async fn each_panel_shows_something_of_a_day_at_the_gate() {
    let Some(binary) = program("prometheus") else { return };
    let world = World::start_with(day::everything).await.unwrap();
    let prometheus = Asked(Prometheus::start(&binary, &world.zone.layout).unwrap());
    prometheus.scraped(1).await;
    // Twice: a counter that begins with its first event has grown only at the second.
    for _ in 0..2 {
        day::spend(&world).await.unwrap();
        prometheus.scraped(2).await;
    }
    let mut empty: Vec<(String, String)> = dashboards().iter().flat_map(|path| queries(path)).collect();
    // What is signed every ten seconds is not there at once.
    let all_found = eventually(async || {
        let mut left = Vec::new();
        for (title, query) in std::mem::take(&mut empty) {
            let asked = of_everything(&query);
            assert!(!asked.contains('$'), "{title}: {asked}");
            if prometheus.find(&asked).await.is_empty() {
                left.push((title, query));
            }
        }
        empty = left;
        empty.is_empty().then_some(())
    });
    all_found.await.ok_or_else(|| format!("{empty:#?}")).unwrap();
    let rules = prometheus.api("rules", &[]).await.unwrap();
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }
}
