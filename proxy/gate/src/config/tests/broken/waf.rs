//! What can be wrong with what is said of inspection.

use super::Ground;

/// The zone's file with inspection, and a rule to inspect with.
fn ground(zone: &str, persons: &str) -> Ground {
    let ground = Ground::new();
    ground.write("policies/waf/a.conf", "SecRule ARGS \"@rx x\" \"id:1,phase:2,deny\"\n");
    let text = std::fs::read_to_string(ground.path("policies/poort.yaml")).unwrap();
    ground.write("policies/poort.yaml", format!("{text}{zone}"));
    let text = std::fs::read_to_string(ground.path("policies/sources/persons.yaml")).unwrap();
    ground.write("policies/sources/persons.yaml", format!("{text}{persons}"));
    ground
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table is as long as it is")]
fn faults_of_inspection() {
    const BLOCK: &str = "waf: { mode: block }\n";
    let cases: [(&str, &str, &str, &[&str]); 19] = [
        ("nothing wrong", BLOCK, "waf: { level: 2 }\n", &[]),
        ("off, as YAML reads it", "waf: { mode: off }\n", "", &[]),
        ("no mode", "waf: {}\n", "", &["policies/poort.yaml:33:6: `mode` is missing; add `mode: block`"]),
        (
            "an unknown mode",
            "waf: { mode: blok }\n",
            "waf: { mode: block }\n",
            &["policies/poort.yaml:33:14: `blok` is not known here; did you mean `block`?"],
        ),
        (
            "a mode without rules",
            "",
            "waf: { mode: block }\n",
            &[
                "policies/sources/persons.yaml:37:14: the zone has no rules to inspect with; restore `waf:` in `poort.yaml`",
            ],
        ),
        (
            "a level without rules",
            "",
            "waf: { level: 2 }\n",
            &[
                "policies/sources/persons.yaml:37:6: the zone has no rules to inspect with; restore `waf:` in `poort.yaml`",
            ],
        ),
        ("off without rules", "", "waf: { mode: off }\n", &[]),
        (
            "no such directory",
            "waf: { mode: block, rules: [crs] }\n",
            "",
            &["policies/poort.yaml:33:29: `policies/crs` does not exist; create it or correct the path"],
        ),
        (
            "a directory without rules",
            "waf: { mode: block, rules: [access] }\n",
            "",
            &[
                "policies/poort.yaml:33:29: `policies/access` holds no `*.conf`; name a directory of rules, or `off` as the mode",
            ],
        ),
        (
            "a file twice",
            "waf: { mode: block, rules: [waf, waf/a.conf] }\n",
            "",
            &[
                "policies/waf/a.conf:1:1: this file is named twice, so its rules are there twice; name it once",
            ],
        ),
        (
            "detection without a beginning",
            "waf: { mode: detect }\n",
            "",
            &["policies/poort.yaml:33:6: `since` is missing; add `since: 2026-01-31`"],
        ),
        (
            "detection from tomorrow on",
            "waf: { mode: detect, since: 2199-01-01 }\n",
            "",
            &["policies/poort.yaml:33:29: `2199-01-01` is still to come; write the day on which this began"],
        ),
        (
            "a beginning without detection",
            "waf: { mode: block, since: 2026-01-01 }\n",
            "",
            &["policies/poort.yaml:33:28: `since` is for `mode: detect`; remove it"],
        ),
        (
            "no day",
            "waf: { mode: detect, since: 1.2.2026 }\n",
            "",
            &["policies/poort.yaml:33:29: `1.2.2026` is no day; write it as `2026-12-31`: year, month, day"],
        ),
        (
            "a level that is none",
            "waf: { mode: block, level: 5 }\n",
            "",
            &["policies/poort.yaml:33:28: `5` is no whole number from 1 to 4; write one"],
        ),
        (
            "a threshold of nothing",
            BLOCK,
            "waf: { thresholds: { inbound: 0 } }\n",
            &["policies/sources/persons.yaml:37:31: `0` is no whole number from 1 to 1000000000; write one"],
        ),
        (
            "answers of another kind",
            BLOCK,
            "waf: { response: { larger: cut } }\n",
            &["policies/sources/persons.yaml:37:28: `cut` is not known here; use one of `pass`, `refuse`"],
        ),
        (
            "an exclusion of everything, for ever, for no reason",
            BLOCK,
            "waf: { exclusions: [{ path: /a }] }\n",
            &[
                "policies/sources/persons.yaml:37:21: `expires` is missing; add `expires: 2026-12-31`",
                "policies/sources/persons.yaml:37:21: `reason` is missing; add `reason: \"…\"`",
                "policies/sources/persons.yaml:37:21: `rule` is missing; add `rule: 942100`",
            ],
        ),
        (
            "a rule that is none, a path that is none",
            BLOCK,
            "waf: { exclusions: [{ rule: sqli, path: a, reason: x, expires: 2199-01-01 }] }\n",
            &[
                "policies/sources/persons.yaml:37:29: `sqli` is no rule; write its id, such as `942100`, or a range: `942100-942199`",
                "policies/sources/persons.yaml:37:41: `a` does not begin with `/`; write `/a`",
            ],
        ),
    ];
    for (name, zone, persons, faults) in cases {
        assert_eq!(ground(zone, persons).faults(), faults, "{name}");
    }
}

#[test]
fn what_has_lasted_too_long_is_worth_a_warning() {
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(5 * 24);
    let soon = soon.to_zoned(jiff::tz::TimeZone::UTC).date();
    let persons = format!(
        "waf:\n  exclusions:\n    - {{ rule: 1, reason: x, expires: 2020-01-31 }}\n    - {{ rule: 1, reason: x, expires: {soon} }}\n    \
         - {{ rule: 1, reason: x, expires: 2199-01-31 }}\n"
    );
    let ground = ground("waf: { mode: detect, since: 2020-01-01 }\n", &persons);
    let warnings = ground.warnings();
    for expected in [
        "policies/poort.yaml:33:29: warning: attacks are let through and only recorded, since `2020-01-01`, which is more than 30 days; write `mode: block`".to_owned(),
        "policies/sources/persons.yaml:39:38: warning: this ended on `2020-01-31` and does not hold any more; remove it, or write a later day".to_owned(),
        format!("policies/sources/persons.yaml:40:38: warning: this ends on `{soon}`; what it lets through will be refused from then on"),
    ] {
        assert!(warnings.contains(&expected), "{expected}: {warnings:#?}");
    }
    assert!(!warnings.iter().any(|warning| warning.contains("2199")), "{warnings:#?}");
}

#[test]
fn thresholds_that_few_attacks_reach_are_worth_a_warning() {
    let ground = ground(
        "waf: { mode: block, thresholds: { inbound: 100 } }\n",
        "waf: { thresholds: { inbound: 10, outbound: 9 } }\n",
    );
    let mut warnings = ground.warnings();
    warnings.retain(|warning| warning.contains("grave findings"));
    assert_eq!(
        warnings,
        [
            "policies/poort.yaml:33:44: warning: nothing is refused below `100`, which takes 20 grave findings at once, and few attacks have so many; write `5`, and leave out by `exclusions` what is in the way",
            "policies/sources/persons.yaml:37:45: warning: nothing is refused below `9`, which takes 3 grave findings at once, and few attacks have so many; write `4`, and leave out by `exclusions` what is in the way",
        ]
    );
}
