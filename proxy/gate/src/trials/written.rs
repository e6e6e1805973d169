//! Questions written down as tests, in the words of `tests/*.yaml`.

use std::fmt::Write as _;

use poort_policy::{Context, DeviceFacts, Principal, PrincipalKind, Question};
use serde_json::{Map, Value, json};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A question that is to become a test.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the test is about.
    pub what: String,
    /// The question.
    pub question: Question,
    /// What should be said to it.
    pub allow: bool,
    /// The circumstances in which there is nothing to tell.
    pub usual: Context,
}

/// The text of a file of tests. `stem` is the file's own name: words have one meaning over all files, so each of these begins with it.
///
/// # Errors
/// Of each question that no test can ask, why.
pub fn written(stem: &str, head: &str, found: &[Found]) -> Result<String, Vec<String>> {
    let objections: Vec<String> = found
        .iter()
        .filter_map(|found| objection(&found.question).map(|why| format!("{}: {why}", found.what)))
        .collect();
    if !objections.is_empty() {
        return Err(objections);
    }
    let mut file = File::default();
    for (index, found) in found.iter().enumerate() {
        file.add(&format!("{stem}-{}", index + 1), found);
    }
    Ok(file.text(head))
}

/// Why no test can ask a question.
fn objection(question: &Question) -> Option<&'static str> {
    let Question { principal, device, actor, .. } = question;
    let issuer = principal.id.split_once('|').map(|(issuer, _)| issuer);
    if actor.as_ref().is_some_and(|actor| actor.service.is_some()) {
        Some("a test cannot name the service account of an application")
    } else if principal.kind == PrincipalKind::Device && device.is_none() {
        Some("in a test a device that asks by itself is always the device at hand")
    } else if principal.kind != PrincipalKind::Device && principal.issuer.as_deref() != issuer {
        Some("in a test the issuer is the one in the name")
    } else {
        None
    }
}

/// The parts of a file of tests, each line by line.
#[derive(Default)]
struct File {
    people: Map<String, Value>,
    services: Map<String, Value>,
    devices: Map<String, Value>,
    situations: Map<String, Value>,
    tests: Vec<Value>,
}

impl File {
    fn add(&mut self, name: &str, Found { what, question, allow, usual }: &Found) {
        let principal = &question.principal;
        let account = account(principal);
        let (own, through) = (format!("{name}-device"), format!("{name}-application"));
        let mut test = Map::new();
        test.insert("what".to_owned(), json!(what));
        match principal.kind {
            PrincipalKind::User => drop(self.people.insert(name.to_owned(), account)),
            PrincipalKind::Service => drop(self.services.insert(name.to_owned(), account)),
            PrincipalKind::Device => drop(self.devices.insert(name.to_owned(), itself(question))),
        }
        test.insert("who".to_owned(), json!(name));
        if let Some(facts) = &question.device {
            let itself = principal.kind == PrincipalKind::Device && facts.id == principal.id;
            if !itself {
                self.devices.insert(own.clone(), device(facts));
                test.insert("on".to_owned(), json!(own));
            }
        }
        if let Some(actor) = &question.actor {
            self.devices.insert(through.clone(), device(&actor.device));
            test.insert("through".to_owned(), json!(through));
        }
        test.insert("does".to_owned(), json!(question.operation.as_str()));
        test.insert("to".to_owned(), json!(&*question.source));
        let situation = situation(&question.context, usual);
        if !situation.is_empty() {
            self.situations.insert(name.to_owned(), Value::Object(situation));
            test.insert("given".to_owned(), json!(name));
        }
        test.insert("expect".to_owned(), json!(if *allow { "allowed" } else { "refused" }));
        self.tests.push(Value::Object(test));
    }

    /// YAML, a line for each thing.
    fn text(&self, head: &str) -> String {
        let mut text = String::new();
        for line in head.lines() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# {line}");
        }
        let parts = [
            ("people", &self.people),
            ("services", &self.services),
            ("devices", &self.devices),
            ("situations", &self.situations),
        ];
        for (key, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            let _ = writeln!(text, "{key}:");
            for (name, value) in part {
                let _ = writeln!(text, "  {name}: {}", flow(value));
            }
        }
        let _ = writeln!(text, "tests:");
        for test in &self.tests {
            let _ = writeln!(text, "  - {}", flow(test));
        }
        text
    }
}

/// YAML on one line. What could be read as something else than a word is quoted, as in JSON.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", word(key), flow(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

fn word(text: &str) -> String {
    let words = ["on", "off", "yes", "no", "y", "n", "true", "false", "null"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && !words.contains(&text.to_ascii_lowercase().as_str());
    // The keys of a test are words to its reader, `on` among them.
    if plain || text == "on" { text.to_owned() } else { json!(text).to_string() }
}

/// What is known of a device that asks by itself.
fn itself(question: &Question) -> Value {
    let own = question.device.as_ref().filter(|device| device.id == question.principal.id);
    own.map_or_else(|| json!({ "name": question.principal.id, "managed": false, "compliant": false }), device)
}

fn device(facts: &DeviceFacts) -> Value {
    let DeviceFacts { id, fleet, unit, managed, compliant } = facts;
    let mut device = Map::new();
    device.insert("name".to_owned(), json!(id));
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            device.insert(key.to_owned(), value);
        }
    };
    put("managed", Some(json!(managed)));
    put("compliant", Some(json!(compliant)));
    put("fleet", fleet.as_deref().map(|fleet| json!(fleet)));
    put("unit", unit.as_deref().map(|unit| json!(unit)));
    Value::Object(device)
}

fn account(principal: &Principal) -> Value {
    let mut account = Map::new();
    account.insert("id".to_owned(), json!(principal.id));
    for (key, names) in [("roles", &principal.roles), ("units", &principal.units)] {
        if !names.is_empty() {
            account.insert(key.to_owned(), json!(names));
        }
    }
    Value::Object(account)
}

/// What of the circumstances is not as usual.
fn situation(context: &Context, usual: &Context) -> Map<String, Value> {
    let mut all = Map::new();
    let mut put = |key: &str, differs: bool, value: Value| {
        if differs {
            all.insert(key.to_owned(), value);
        }
    };
    let (session, time, request) = (&context.session, &context.time, &context.request);
    put("sign_in", session.strong, json!("strong"));
    put("signed_in", session.auth_age.is_some(), json!(format!("{}s ago", session.auth_age.unwrap_or(0))));
    put("acr", session.acr.is_some(), json!(session.acr));
    put("amr", !session.amr.is_empty(), json!(session.amr));
    put("purpose", context.purpose.is_some(), json!(context.purpose));
    put("case", context.case.is_some(), json!(context.case));
    put("break_glass", context.break_glass.is_some(), json!(context.break_glass));
    put("inspection", context.inspection != usual.inspection, json!(context.inspection.score));
    put("shift", !context.shift.is_empty(), json!(context.shift));
    let day = DAYS.get(usize::from(time.weekday).saturating_sub(1)).unwrap_or(&"Mon");
    put("time", *time != usual.time, json!(format!("{day} {:02}:{:02}", time.hour, time.minute)));
    put("method", request.method != usual.request.method, json!(request.method));
    put("path", request.path != usual.request.path, json!(request.path));
    put("host", request.host != usual.request.host, json!(request.host));
    put("address", request.address != usual.request.address, json!(request.address));
    put("captures", !request.captures.is_empty(), json!(request.captures));
    all
}
