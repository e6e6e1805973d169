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
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use poort_demo::{client::plain, gate::binary, ports};
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
    let files = fs::read_dir(repository("deploy/grafana")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

/// Every query of a dashboard: the panel's title, and the expression.
fn queries(path: &Path) -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let of_panels = panels.flat_map(|panel| {
        let title = format!("{}: {}", dashboard["title"].as_str().unwrap(), panel["title"].as_str().unwrap());
        let targets = panel["targets"].as_array().unwrap().clone();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    });
    of_panels.collect()
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

/// A running Prometheus, ended on drop.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// One that scrapes a gate every second, with the shipped rules.
    fn start(binary: &Path, world: &World) -> Self {
        let directory = world.directory().join("prometheus");
        fs::create_dir_all(&directory).unwrap();
        let shipped = read("deploy/prometheus/prometheus.yml");
        let config =
            shipped.replace("15s", "1s").replace("127.0.0.1:9900", &world.zone.layout.admin().to_string());
        assert_ne!(config, shipped);
        fs::write(directory.join("prometheus.yml"), config).unwrap();
        for file in ["recording.yml", "alerts.yml"] {
            fs::copy(repository(&format!("deploy/prometheus/{file}")), directory.join(file)).unwrap();
        }
        let address = ports::free().unwrap();
        let log = fs::File::create(directory.join("log")).unwrap();
        let child = Command::new(binary)
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(&directory)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, address }
    }

    async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Option<Value> {
        let url =
            reqwest::Url::parse_with_params(&format!("http://{}/api/v1/{path}", self.address), parameters);
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
    let prometheus = Prometheus::start(&binary, &world);
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
            let asked = query.replace("$source", ".*").replace("$__rate_interval", "1m");
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
