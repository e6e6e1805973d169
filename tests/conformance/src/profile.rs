//! Profiles: a whole request, with its answer, and which rules of which set match it at which level, and which do not.
//!
//! ```yaml
//! profiles:
//!   - name: a name with an apostrophe
//!     request: { uri: "/search?q=O%27Neill", headers: { Host: persons.zone.example } }
//!     answer: { status: 200, headers: { Content-Type: text/html }, body: "..." }   # an empty 200 unless said
//!     expect:
//!       - rules: own          # or crs
//!         level: 1
//!         stopped: false
//!         triggered: []
//!         not_triggered: [107010]
//!         exact: true         # nothing but `triggered`
//! ```
//!
//! Nothing is stopped on the way, so that all rules are seen; `stopped` is whether one would have. The rules that only sum
//! up scores are not listed.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use poort_waf::{Match, Program, Transaction, TransactionLimits};
use serde::Deserialize;

use crate::accuracy::is_summary;
use crate::backend::Response;
use crate::fault::Fault;
use crate::report::{Outcome, Report};
use crate::wire::{Arrival, Received, Request};
use crate::{run, setup, shared};

/// A file of profiles.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    profiles: Vec<Profile>,
}

/// A request and what it does to rules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is.
    pub name: String,
    request: RawRequest,
    answer: Option<RawAnswer>,
    expect: Vec<Expectation>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest {
    #[serde(default = "get")]
    method: String,
    uri: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    data: String,
}

fn get() -> String {
    "GET".into()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// A set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSet {
    /// The gate's own.
    Own,
    /// CRS 4.28.
    Crs,
}

/// What one set of rules makes of the request at one level.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    rules: RuleSet,
    level: u8,
    stopped: bool,
    triggered: BTreeSet<u64>,
    #[serde(default)]
    not_triggered: BTreeSet<u64>,
    #[serde(default)]
    exact: bool,
}

/// The profiles in the text of `file`.
///
/// # Errors
/// Where it is not of the format, or an expectation could not fail for a rule too many.
pub fn parse(file: &str, text: &str) -> Result<Vec<Profile>, Fault> {
    let parsed: File = serde_yaml::from_str(text).map_err(|error| Fault::format(file, error.to_string()))?;
    for profile in &parsed.profiles {
        if profile.expect.is_empty()
            || profile.expect.iter().any(|one| !one.exact && one.not_triggered.is_empty())
        {
            let message = format!(
                "`{}` lists no rule that stays silent; add `not_triggered`, or `exact: true`",
                profile.name
            );
            return Err(Fault::format(file, message));
        }
    }
    Ok(parsed.profiles)
}

/// Runs all profiles of this crate as the suite `name`; those of CRS are skipped where it is not.
///
/// # Errors
/// Profiles that are not of the format, or faults in the rules.
pub fn all(name: &str) -> Result<Report, Vec<Fault>> {
    let mut profiles = Vec::new();
    for (file, text) in FILES {
        profiles.extend(parse(file, text).map_err(|fault| vec![fault])?);
    }
    let crs = shared::path("crs/rules");
    suite(name, &profiles, |rules, level| match (rules, &crs) {
        (RuleSet::Own, _) => setup::own(SILENT, level).map(Some),
        (RuleSet::Crs, Some(crs)) => {
            setup::program(crs, &format!("{}{SILENT}", setup::at_level(level))).map(Some)
        }
        (RuleSet::Crs, None) => Ok(None),
    })
}

/// Matches are listed, nothing is stopped.
const SILENT: &str = "SecRuleEngine DetectionOnly\n";

/// The profiles of this crate.
const FILES: [(&str, &str); 4] = [
    ("ordinary.yaml", include_str!("../profiles/ordinary.yaml")),
    ("attacks.yaml", include_str!("../profiles/attacks.yaml")),
    ("protocol.yaml", include_str!("../profiles/protocol.yaml")),
    ("answers.yaml", include_str!("../profiles/answers.yaml")),
];

/// Runs `profiles` as the suite `name`. `compile` makes a program that stops nothing; none when its rules are not here.
///
/// # Errors
/// All faults in the rules.
pub fn suite(
    name: &str,
    profiles: &[Profile],
    compile: impl Fn(RuleSet, u8) -> Result<Option<Program>, Vec<Fault>>,
) -> Result<Report, Vec<Fault>> {
    let mut report = Report::new(name);
    let mut open: BTreeMap<(RuleSet, u8), Option<Transaction>> = BTreeMap::new();
    for profile in profiles {
        for expected in &profile.expect {
            let transaction = match open.entry((expected.rules, expected.level)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let program = compile(expected.rules, expected.level)?;
                    let start =
                        |program: Program| Transaction::new(program.into(), TransactionLimits::default());
                    new.insert(program.map(start))
                }
            };
            let outcome = match transaction {
                Some(transaction) => profile.check(expected, transaction),
                None => Outcome::Skipped("its rules are not there; set POORT_SHARED".into()),
            };
            report.add(format!("{} ({:?}, level {})", profile.name, expected.rules, expected.level), outcome);
        }
    }
    Ok(report)
}

impl Profile {
    fn check(&self, expected: &Expectation, transaction: &mut Transaction) -> Outcome {
        let Some(request) = self.received() else { return Outcome::Failed("it is no request".into()) };
        run::inspect(transaction, &request, &self.answer());
        let is_verdict = |found: &&Match| !is_summary(&found.rule);
        let found: BTreeSet<u64> =
            transaction.matches().iter().filter(is_verdict).map(|found| found.rule.id).collect();
        let stopped = transaction.matches().iter().any(|found| found.disruptive);
        let missing: Vec<&u64> = expected.triggered.difference(&found).collect();
        let unwanted: Vec<&u64> = expected.not_triggered.intersection(&found).collect();
        if !missing.is_empty() || !unwanted.is_empty() {
            return Outcome::Failed(format!("missing {missing:?}, unwanted {unwanted:?}; {found:?} matched"));
        }
        if expected.exact && found != expected.triggered {
            return Outcome::Failed(format!("{found:?} matched, expected exactly {:?}", expected.triggered));
        }
        if stopped != expected.stopped {
            return Outcome::Failed(format!("stopped: {stopped}; {found:?} matched"));
        }
        Outcome::Passed
    }

    fn received(&self) -> Option<Received> {
        let raw = self.request.clone();
        let request = Request {
            method: raw.method,
            uri: raw.uri,
            version: "HTTP/1.1".into(),
            headers: raw.headers.into_iter().collect(),
            data: raw.data.into(),
            completes_headers: true,
            raw: None,
        };
        match Arrival::read(&request.bytes()) {
            Arrival::Request(received) => Some(received),
            Arrival::Bad | Arrival::Closed => None,
        }
    }

    fn answer(&self) -> Response {
        match self.answer.clone() {
            None => Response { status: 200, headers: Vec::new(), body: Vec::new() },
            Some(answer) => Response {
                status: answer.status,
                headers: answer.headers.into_iter().collect(),
                body: answer.body.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use poort_waf::{Files, LoadLimits, Program};

    use super::{Outcome, parse, suite};

    const RULES: &str = "SecRuleEngine DetectionOnly\nSecRule ARGS \"@streq x\" \"id:1,phase:2,deny\"\nSecRule ARGS:b \"@streq x\" \"id:2,phase:2,pass\"";

    fn outcome(expectation: &str) -> Outcome {
        let text = format!(
            "profiles: [{{name: n, request: {{uri: '/?a=x&b=y'}}, expect: [{{rules: own, level: 1, {expectation}}}]}}]"
        );
        let files: Files = [("main.conf".to_owned(), RULES.into())].into();
        let program = || Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap();
        let report = suite("s", &parse("p.yaml", &text).unwrap(), |_, _| Ok(Some(program()))).unwrap();
        report.cases[0].1.clone()
    }

    #[test]
    fn expectations() {
        for (expectation, passes) in [
            ("stopped: true, triggered: [1], not_triggered: [2]", true),
            ("stopped: true, triggered: [1], exact: true", true),
            ("stopped: false, triggered: [1], exact: true", false),
            ("stopped: true, triggered: [], exact: true", false),
            ("stopped: true, triggered: [1, 2], not_triggered: [3]", false),
            ("stopped: true, triggered: [], not_triggered: [1]", false),
        ] {
            assert_eq!(outcome(expectation) == Outcome::Passed, passes, "{expectation}");
        }
    }

    #[test]
    fn what_could_not_fail_is_refused() {
        for text in [
            "profiles: [{name: n, request: {uri: /}, expect: []}]",
            "profiles: [{name: n, request: {uri: /}, expect: [{rules: own, level: 1, stopped: false, triggered: [1]}]}]",
            "profiles: [{name: n, request: {uri: /}, expect: [{rules: other, level: 1, stopped: false, triggered: [], exact: true}]}]",
        ] {
            assert!(parse("p.yaml", text).is_err(), "{text}");
        }
    }
}
