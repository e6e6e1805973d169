//! Judges a record by the compiled OCSF schema, for tests.

use std::{fs, net::IpAddr, path::PathBuf, sync::OnceLock};

use serde_json::{Map, Value};

/// The schema; none, and loudly, where the shared data is not at hand.
pub(crate) fn schema() -> Option<&'static Schema> {
    static SCHEMA: OnceLock<Option<Schema>> = OnceLock::new();
    SCHEMA.get_or_init(load).as_ref()
}

fn load() -> Option<Schema> {
    let shared = std::env::var_os("POORT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("vectors/ocsf-schema.json");
    match fs::read(&path) {
        Ok(text) => Some(Schema(serde_json::from_slice(&text).unwrap())),
        Err(error) => {
            eprintln!(
                "SKIPPED: records are not validated, since `{}` cannot be read: {error}",
                path.display()
            );
            None
        }
    }
}

/// A compiled schema.
pub(crate) struct Schema(Value);

impl Schema {
    /// What is wrong with an event; nothing if it is valid.
    pub(crate) fn faults(&self, event: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let class =
            self.0["classes"].as_object().unwrap().values().find(|class| class["uid"] == event["class_uid"]);
        let Some(class) = class else { return vec![format!("no class has uid {}", event["class_uid"])] };
        let profiles = event["metadata"]["profiles"].as_array().cloned().unwrap_or_default();
        for profile in &profiles {
            if !class["profiles"].as_array().unwrap().contains(profile) {
                faults.push(format!("the class has no profile {profile}"));
            }
        }
        let uids = (event["class_uid"].as_u64(), event["activity_id"].as_u64(), event["type_uid"].as_u64());
        if !matches!(uids, (Some(class), Some(activity), Some(kind)) if class * 100 + activity == kind) {
            faults.push("type_uid is not class_uid * 100 + activity_id".into());
        }
        if event["metadata"]["version"] != self.0["version"] {
            faults.push("metadata.version is another".into());
        }
        self.object(class, event, &profiles, "", &mut faults);
        faults
    }

    fn object(&self, kind: &Value, value: &Value, profiles: &[Value], at: &str, faults: &mut Vec<String>) {
        let Some(members) = value.as_object() else { return faults.push(format!("{at} is no object")) };
        let attributes = kind["attributes"].as_object().unwrap();
        for (name, attribute) in attributes {
            let active = attribute["profile"].is_null() || profiles.contains(&attribute["profile"]);
            if active && attribute["requirement"] == "required" && !members.contains_key(name) {
                faults.push(format!("{at}.{name} is missing"));
            }
        }
        constrain(&kind["constraints"], members, at, faults);
        for (name, value) in members {
            let at = format!("{at}.{name}");
            match attributes.get(name) {
                None => faults.push(format!("{at} is no attribute")),
                Some(attribute)
                    if !attribute["profile"].is_null() && !profiles.contains(&attribute["profile"]) =>
                {
                    faults.push(format!("{at} needs the profile {}", attribute["profile"]));
                }
                Some(attribute) => self.attribute(attribute, value, profiles, &at, faults),
            }
        }
    }

    fn attribute(
        &self,
        attribute: &Value,
        value: &Value,
        profiles: &[Value],
        at: &str,
        faults: &mut Vec<String>,
    ) {
        if attribute["is_array"] != true {
            return self.value(attribute, value, profiles, at, faults);
        }
        let Some(values) = value.as_array() else { return faults.push(format!("{at} is no array")) };
        for (place, value) in values.iter().enumerate() {
            self.value(attribute, value, profiles, &format!("{at}[{place}]"), faults);
        }
    }

    fn value(
        &self,
        attribute: &Value,
        value: &Value,
        profiles: &[Value],
        at: &str,
        faults: &mut Vec<String>,
    ) {
        let kind = attribute["type"].as_str().unwrap();
        match kind {
            "object" if value.is_object() => {}
            "json_t" => {}
            kind if kind.ends_with("_t") => {
                if !scalar(kind, value) {
                    faults.push(format!("{at} is no {kind}: {value}"));
                }
            }
            kind => self.object(&self.0["objects"][kind], value, profiles, at, faults),
        }
        let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if attribute["enum"].as_object().is_some_and(|words| !words.contains_key(&word)) {
            faults.push(format!("{at} cannot be {word}"));
        }
    }
}

fn constrain(constraints: &Value, members: &Map<String, Value>, at: &str, faults: &mut Vec<String>) {
    if let Some(names) = constraints["at_least_one"].as_array()
        && !names.iter().any(|name| members.contains_key(name.as_str().unwrap()))
    {
        faults.push(format!("{at} has none of {names:?}"));
    }
    if let Some(names) = constraints["just_one"].as_array()
        && names.iter().filter(|name| members.contains_key(name.as_str().unwrap())).count() != 1
    {
        faults.push(format!("{at} has not just one of {names:?}"));
    }
}

fn scalar(kind: &str, value: &Value) -> bool {
    match kind {
        "boolean_t" => value.is_boolean(),
        "float_t" => value.is_number(),
        "integer_t" => value.as_i64().is_some_and(|value| i32::try_from(value).is_ok()),
        "port_t" => value.as_u64().is_some_and(|value| value <= 65_535),
        "long_t" => value.is_i64() || value.is_u64(),
        // Milliseconds, and none of this millennium's first years nor of the next one's: seconds and microseconds are out of it.
        "timestamp_t" => {
            value.as_i64().is_some_and(|value| (900_000_000_000..=32_503_680_000_000).contains(&value))
        }
        "ip_t" => value.as_str().is_some_and(|value| value.parse::<IpAddr>().is_ok()),
        "file_hash_t" => {
            value.as_str().is_some_and(|value| value.bytes().all(|byte| byte.is_ascii_hexdigit()))
        }
        _ => value.is_string(),
    }
}

#[test]
fn the_schema_finds_faults() {
    let Some(schema) = schema() else { return };
    let event = || {
        serde_json::json!({
            "class_uid": 4002, "category_uid": 4, "activity_id": 3, "type_uid": 400203, "severity_id": 1,
            "time": 1_770_000_000_000_u64, "src_endpoint": { "name": "a", "ip": "192.0.2.1" },
            "metadata": { "version": "1.8.0", "product": { "name": "p" }, "profiles": ["security_control"] },
        })
    };
    assert_eq!(schema.faults(&event()), Vec::<String>::new());
    for (name, path, value, fault) in [
        ("a missing attribute", "/time", None, ".time is missing"),
        (
            "an unknown attribute",
            "/src_endpoint/shoe",
            Some("1".into()),
            ".src_endpoint.shoe is no attribute",
        ),
        ("an unknown value", "/activity_id", Some(44.into()), ".activity_id cannot be 44"),
        ("a wrong type", "/src_endpoint/ip", Some("a".into()), ".src_endpoint.ip is no ip_t: \"a\""),
        (
            "seconds for milliseconds",
            "/time",
            Some(1_770_000_000.into()),
            ".time is no timestamp_t: 1770000000",
        ),
        (
            "an attribute of another profile",
            "/actor",
            Some(serde_json::json!({ "app_uid": "a" })),
            ".actor needs the profile \"host\"",
        ),
        ("one of several", "/src_endpoint/name", None, ".src_endpoint has none of"),
        (
            "an object for a list",
            "/metadata/labels",
            Some(serde_json::json!({})),
            ".metadata.labels is no array",
        ),
        ("an unknown class", "/class_uid", Some(1.into()), "no class has uid 1"),
    ] {
        let mut event = event();
        let (parent, member) = path.rsplit_once('/').unwrap();
        let members = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            None => drop(members.remove(member)),
            Some(value) => drop(members.insert(member.into(), value)),
        }
        let faults = schema.faults(&event);
        assert!(faults.iter().any(|found| found.starts_with(fault)), "{name}: {faults:?}");
    }
}
