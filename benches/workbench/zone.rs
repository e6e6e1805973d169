//! Directories of policies, and a record.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use poort_policy::{Engine, Question};
use serde_json::json;

/// A zone with so many policies over so many sources; everything else is as shipped.
pub(crate) fn large(root: &Path, policies: usize, sources: usize) {
    shipped(root);
    let directory = root.join("policies");
    // Properties and tests are about the shipped sources.
    for about in ["access", "properties", "sources", "tests"] {
        fs::remove_dir_all(directory.join(about)).unwrap();
    }
    fs::create_dir(directory.join("access")).unwrap();
    fs::create_dir(directory.join("sources")).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/access/schema.cedarschema");
    fs::copy(schema, directory.join("access/schema.cedarschema")).unwrap();
    for source in 0..sources {
        let text = format!(
            "title: Source {source}\nowner: Desk\nclassification: restricted\nhosts: [source-{source}.zone.example]\n\
             operations:\n  - {{ methods: [GET], path: \"/{{plate}}\", operation: consult }}\n  - {{ path: \"/**\", operation: alter }}\n"
        );
        fs::write(directory.join(format!("sources/source-{source}.yaml")), text).unwrap();
        let mut text = String::new();
        for number in (source..policies).step_by(sources) {
            one(&mut text, number, source);
        }
        fs::write(directory.join(format!("access/source-{source}.cedar")), text).unwrap();
    }
}

/// A policy about one source, of a handful of kinds.
fn one(text: &mut String, number: usize, source: usize) {
    let (scope, when) = match number % 10 {
        0 | 5 => (
            "permit (principal in Poort::Role::\"officer\", action == Poort::Action::\"consult\",",
            "context has device && context.device in Poort::Fleet::\"cars\"",
        ),
        1 | 6 => (
            "permit (principal in Poort::Role::\"supervisor\", action in [Poort::Action::\"consult\", Poort::Action::\"alter\"],",
            "context.session.strong && context.session has auth_age && context.session.auth_age < 3600",
        ),
        2 | 7 => (
            "forbid (principal, action,",
            "context.request.path like \"*/admin/*\" && !(principal in Poort::Role::\"supervisor\")",
        ),
        3 | 8 => (
            "forbid (principal, action == Poort::Action::\"consult\",",
            "context.request.captures has plate && context.request.captures.plate like \"X-*\" && context.time.hour < 6",
        ),
        _ => (
            "permit (principal in Poort::Role::\"firearms-desk\", action,",
            "context has purpose && context has case",
        ),
    };
    writeln!(
        text,
        "@id(\"p{number}\") @reason(\"number {number}\")\n{scope} resource == Poort::Source::\"source-{source}\")\nwhen {{ {when} }};"
    )
    .unwrap();
}

/// The shipped policies.
pub(crate) fn shipped(root: &Path) {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies"), &root.join("policies"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A record of so many decisions: the questions of the shipped tests, by 100 people each, at other moments and about other records.
/// That is some 8,000 different ones: what 500 officers ask on a day, each on a device or two, of a handful of sources.
pub(crate) fn record(root: &Path, decisions: usize) {
    let (mut read, trials) = poort::config::policies_with_tests(&root.join("policies")).unwrap();
    let engine = Engine::load(&std::mem::take(&mut read.corpus)).unwrap();
    fs::create_dir(root.join("audit")).unwrap();
    let mut file = BufWriter::new(File::create(root.join("audit/audit-20260106.jsonl")).unwrap());
    for number in 0..decisions {
        let mut question = trials.cases[number % trials.cases.len()].question.clone();
        question.principal.id = format!("zone|officer-{}", number / trials.cases.len() % 100);
        question.context.time.epoch += number as i64;
        question.context.request.path = format!("/persons/{number:011}");
        question.context.request.captures.insert("national_number".to_owned(), format!("{number:011}"));
        lines(&mut file, number, &engine, &question);
    }
    file.flush().unwrap();
}

/// A decision and an outcome, about as long as those of a gate.
fn lines(file: &mut impl std::io::Write, number: usize, engine: &Engine, question: &Question) {
    let prepared = engine.prepare(&question.principal, question.device.as_ref(), question.actor.as_ref());
    let decision = engine.decide(question, &prepared);
    let id = format!("{number:032x}");
    let epoch = question.context.time.epoch * 1000;
    let device = question.device.as_ref().map_or("", |device| &device.id);
    let metadata = |code: &str| {
        json!({
            "correlation_uid": id, "event_code": code, "log_name": "poort", "log_version": "1", "version": "1.8.0",
            "product": { "name": "Poort", "vendor_name": "Poort", "version": "0.1.0" }, "profiles": ["security_control", "host"],
        })
    };
    let decided = json!({
        "class_uid": 4002, "category_uid": 4, "activity_id": 3, "type_uid": 400_203, "time": epoch, "severity_id": 1,
        "action_id": 1, "disposition_id": 1, "is_alert": false, "status_id": 1, "status_detail": (!decision.allow).then_some("not_permitted"),
        "message": "request allowed", "metadata": metadata("decision"),
        "actor": { "user": { "uid": question.principal.id, "name": "a.janssens", "type_id": 1, "type": "User",
            "groups": [{ "name": "officer", "type": "role" }, { "name": "team-a", "type": "unit" }] },
            "session": { "issuer": "zone", "is_mfa": question.context.session.strong, "expiration_time": epoch },
            "idp": { "name": "zone" } },
        "device": { "uid": device, "name": device, "type_id": 0, "is_trusted": true, "is_managed": true, "is_compliant": true },
        "src_endpoint": { "name": device, "ip": "10.0.0.1" },
        "dst_endpoint": { "hostname": question.context.request.host, "svc_name": &*question.source },
        "http_request": { "uid": id, "http_method": "GET", "version": "2",
            "url": { "scheme": "https", "hostname": question.context.request.host, "path": question.context.request.path } },
        "tls": { "version": "1.3", "sni": question.context.request.host, "certificate": { "issuer": "CN=Police zone devices",
            "serial_number": "5e3c1a", "created_time": epoch, "expiration_time": epoch,
            "fingerprints": [{ "algorithm_id": 3, "value": format!("{number:064x}") }], "sans": [{ "type": "URI", "name": device }] } },
        "policy": { "uid": format!("{:064x}", 7), "is_applied": true },
        "unmapped": {
            "code": format!("{:06}", number % 1_000_000), "connection": number, "source": &*question.source,
            "operation": question.operation.as_str(), "verdict": if decision.allow { "allow" } else { "refuse" }, "certificate": "accepted",
            "waf": { "mode": "block", "score": 0 },
            "steps": { "protocol": 3, "flood": 1, "route": 2, "device": 4, "subject": 40, "quota": 2, "policy": 6, "waf": 90 },
            "digests": { "policies": format!("{:064x}", 7), "configuration": format!("{:064x}", 9) },
            "policy": decision, "question": question,
        },
    });
    let ended = json!({
        "class_uid": 4002, "category_uid": 4, "activity_id": 3, "time": epoch, "duration": 12, "status_code": "200",
        "metadata": metadata("outcome"), "traffic": { "bytes_in": 0, "bytes_out": 5120 },
        "unmapped": { "source": &*question.source, "attempts": 1, "ended": "complete" },
    });
    writeln!(file, "{decided}\n{ended}").unwrap();
}

/// One condition less.
pub(crate) fn change(root: &Path) {
    let path = root.join("policies/access/firearms.cedar");
    let text = fs::read_to_string(&path).unwrap();
    let from = "principal in Poort::Unit::\"zone\" && context.session.strong";
    assert_eq!(text.matches(from).count(), 1);
    fs::write(path, text.replace(from, "context.session.strong")).unwrap();
}
