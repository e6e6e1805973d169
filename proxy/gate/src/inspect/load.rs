//! Rule files compiled: once for all sources with the same files and level, and again only when one of them has changed.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Weak},
    thread,
};

use parking_lot::Mutex;
use poort_enforce::inspect::{BodyRules, Exclusion, Inspector, RuleSet};
use poort_policy::Place;
use poort_waf::{LoadLimits, Program, TransactionLimits};

use super::trial;
use crate::config::{
    Fault, Warning,
    checked::{
        source::Source,
        waf::{self, Waf},
    },
};

/// The name of the file that is loaded before all others; brackets keep it apart from files on disk.
const SETUP: &str = "[setup]";

/// What every set of rules begins with: which bodies are looked into. A rule file that says otherwise comes later and has the word,
/// limits apart: those are the source's file's to set, and the lower one holds.
const BASE: &str = r#"SecRequestBodyAccess On
SecRequestBodyLimit 1073741824
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml text/csv application/json application/xml application/problem+json application/hal+json application/xhtml+xml
SecResponseBodyLimit 1073741824
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application/(?:[a-z0-9.-]+\+)?|text/)xml\b" "id:90001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\+)?json\b" "id:90002,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecAction "id:90003,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=400"
SecRule MULTIPART_STRICT_ERROR|MULTIPART_UNMATCHED_BOUNDARY "!@eq 0" "id:90004,phase:2,t:none,log,deny,severity:CRITICAL,msg:'The multipart body has more than one reading'"
"#;

/// What is called the level in CRS 4 and CRS 3.
const LEVELS: [&str; 4] =
    ["blocking_paranoia_level", "detection_paranoia_level", "paranoia_level", "executing_paranoia_level"];

/// Work of one exchange, about one unit a byte looked at: some 100 ms at most, and far beyond what an ordinary request takes.
const FUEL: u64 = 400_000_000;

/// Rules that some generation of the configuration still uses, by digest.
#[derive(Debug, Default)]
pub struct Compiled(Mutex<HashMap<String, Weak<RuleSet>>>);

/// How sources are inspected, by id.
#[derive(Default)]
pub struct Inspectors {
    /// Those that are.
    pub by_source: HashMap<String, Arc<Inspector>>,
    /// What works but should be looked at.
    pub warnings: Vec<Warning>,
}

impl Inspectors {
    /// Compiles what is not compiled yet.
    ///
    /// # Errors
    /// Every fault of every rule file and exclusion.
    pub fn load(sources: &[Source], compiled: &Compiled) -> Result<Self, Vec<Fault>> {
        let mut inspectors = Self::default();
        let mut sets: HashMap<String, Result<Arc<RuleSet>, ()>> = HashMap::new();
        let mut faults = Vec::new();
        for source in sources {
            let Some(waf) = &source.waf else { continue };
            let digest = digest(waf);
            let set = sets.entry(digest.clone()).or_insert_with(|| {
                let set = compiled.get(waf, &digest).map_err(|found| faults.extend(found))?;
                inspectors.warnings.extend(set.program.warnings().iter().map(warning));
                Ok(set)
            });
            let Ok(set) = set else { continue };
            faults.extend(trial::faults(waf, &set.program));
            let warnings = &mut inspectors.warnings;
            if let Some(exclusions) = exclusions(waf, &set.program, warnings, &mut faults) {
                let inspector = inspector(source, waf, Arc::clone(set), exclusions);
                inspectors.by_source.insert(source.id.clone(), Arc::new(inspector));
            }
        }
        if faults.is_empty() { Ok(inspectors) } else { Err(faults) }
    }
}

impl Compiled {
    fn get(&self, waf: &Waf, digest: &str) -> Result<Arc<RuleSet>, Vec<Fault>> {
        if let Some(set) = self.0.lock().get(digest).and_then(Weak::upgrade) {
            return Ok(set);
        }
        let set = compile(waf, digest)?;
        let mut known = self.0.lock();
        known.retain(|_, set| set.strong_count() > 0);
        known.insert(digest.to_owned(), Arc::downgrade(&set));
        Ok(set)
    }
}

fn compile(waf: &Waf, digest: &str) -> Result<Arc<RuleSet>, Vec<Fault>> {
    let mut files = waf.rules.files.clone();
    files.insert(SETUP.to_owned(), BASE.as_bytes().to_vec());
    let entries: Vec<&str> =
        std::iter::once(SETUP).chain(waf.rules.entries.iter().map(String::as_str)).collect();
    let level = LEVELS.map(|name| (name, i64::from(waf.level)));
    let program = Program::compile_with(&files, &entries, &LoadLimits::default(), &level)
        .map_err(|found| found.iter().map(fault).collect::<Vec<_>>())?;
    let limits = TransactionLimits {
        fuel: FUEL,
        // The source's file bounds bodies.
        request_body_bytes: usize::MAX,
        response_body_bytes: usize::MAX,
        ..TransactionLimits::default()
    };
    let set = RuleSet::new(program, waf.level, digest.into(), limits);
    let program = Arc::clone(&set.program);
    // No request waits for it, and none is slower for it: without it the first ones compile what they ask for.
    if let Err(error) = thread::Builder::new().name("rules".to_owned()).spawn(move || program.warm()) {
        tracing::warn!(%error, "rules are compiled when they are first asked for");
    }
    Ok(set)
}

/// SHA-256 over everything that is compiled, in hex. Names stand without their directories: the same files elsewhere are the same rules.
fn digest(waf: &Waf) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut add = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    add(BASE.as_bytes());
    add(&[waf.level]);
    for entry in &waf.rules.entries {
        // By its place: files of two directories may have one name, and their order matters.
        let place = waf.rules.files.keys().position(|name| name == entry).unwrap_or(usize::MAX);
        add(&place.to_be_bytes());
    }
    for (name, bytes) in &waf.rules.files {
        add(file_name(name));
        add(bytes);
    }
    context.finish().as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn file_name(path: &str) -> &[u8] {
    path.rsplit('/').next().unwrap_or(path).as_bytes()
}

fn exclusions(
    waf: &Waf,
    program: &Program,
    warnings: &mut Vec<Warning>,
    faults: &mut Vec<Fault>,
) -> Option<Box<[Exclusion]>> {
    let mut one = |written: &waf::Exclusion| match poort_waf::Exclusion::new(
        program,
        &written.rule,
        written.target.as_deref(),
    ) {
        Ok(what) => {
            let idle =
                what.idle().map(|idle| format!("{idle}, so this excludes nothing; correct it or remove it"));
            let wide = what.wide().map(|wide| {
                format!("{wide}; name only rules that are in the way, and a `target` such as `ARGS:note`")
            });
            let place = &written.place;
            warnings.extend(idle.or(wide).map(|message| Warning { place: place.clone(), message }));
            let rule = written.rule.as_str().into();
            Some(Exclusion { what, rule, path: written.path.clone(), ends: written.ends })
        }
        Err(message) => {
            faults.push(Fault { place: written.place.clone(), message });
            None
        }
    };
    let made: Vec<_> = waf.exclusions.iter().map(&mut one).collect();
    made.into_iter().collect()
}

fn inspector(source: &Source, waf: &Waf, rules: Arc<RuleSet>, exclusions: Box<[Exclusion]>) -> Inspector {
    Inspector {
        mode: waf.mode,
        since: waf.since,
        rules,
        thresholds: waf.thresholds,
        exclusions,
        body: BodyRules { limit: waf.body, unframed: waf.unframed, within: source.upstream.timeouts.total },
        answer: waf.answer,
        streams: waf.streams,
        records_data: waf.records_data,
    }
}

fn place(fault: &poort_waf::Fault) -> Place {
    Place {
        file: Arc::clone(&fault.file),
        line: usize::try_from(fault.line).unwrap_or(0),
        column: usize::try_from(fault.column).unwrap_or(0),
    }
}

fn fault(fault: &poort_waf::Fault) -> Fault {
    Fault { place: place(fault), message: fault.message.clone() }
}

fn warning(fault: &poort_waf::Fault) -> Warning {
    Warning { place: place(fault), message: fault.message.clone() }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        time::SystemTime,
    };

    use poort_enforce::inspect::{Mode, Thresholds, Unframed};
    use poort_waf::{Opening, Transaction, Verdict};

    use super::*;
    use crate::config::checked::waf::RuleFiles;

    const VERDICT: &str = r#"SecRule TX:blocking_inbound_anomaly_score "@ge %{tx.inbound_anomaly_score_threshold}" "id:9,phase:2,deny""#;

    fn waf(rules: &str, exclusions: &[(&str, Option<&str>)]) -> Waf {
        let exclusion = |(line, (rule, target)): (usize, &(&str, Option<&str>))| waf::Exclusion {
            place: Place { file: "persons.yaml".into(), line, column: 1 },
            rule: (*rule).to_owned(),
            target: target.map(str::to_owned),
            path: None,
            reason: "test".to_owned(),
            ends: SystemTime::now(),
        };
        Waf {
            place: Place { file: "persons.yaml".into(), line: 9, column: 9 },
            mode: Mode::Block,
            since: None,
            level: 2,
            thresholds: Thresholds { inbound: 5, outbound: 4 },
            body: 1,
            unframed: Unframed::Refuse,
            answer: None,
            streams: false,
            records_data: false,
            rules: Arc::new(RuleFiles {
                entries: vec!["waf/a.conf".to_owned()],
                files: [("waf/a.conf".to_owned(), rules.as_bytes().to_vec())].into(),
            }),
            exclusions: exclusions.iter().enumerate().map(exclusion).collect(),
        }
    }

    fn faults(waf: &Waf) -> Vec<String> {
        match Compiled::default().get(waf, "digest") {
            Ok(set) => trial::faults(waf, &set.program).iter().map(ToString::to_string).collect(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn rules_that_do_not_what_the_file_says_are_found_at_load() {
        for (name, rules, expected) in [
            ("sound", VERDICT, None),
            ("no rules", "SecRule ARGS", Some("waf/a.conf:1:")),
            (
                "refuses everybody",
                "SecAction \"id:1,phase:1,deny,msg:'No setup'\"",
                Some("an ordinary request is refused by rule `1` (`No setup`)"),
            ),
            (
                "holds back every answer",
                "SecRule RESPONSE_STATUS 200 \"id:1,phase:3,deny\"",
                Some("refused by rule `1`"),
            ),
            (
                "sets the threshold",
                "SecAction \"id:1,phase:1,pass,setvar:tx.inbound_anomaly_score_threshold=10\"",
                Some("the rule files set `tx.inbound_anomaly_score_threshold` to `10`, and this means `5`"),
            ),
            (
                "sets the level",
                "SecAction \"id:1,phase:1,pass,setvar:tx.blocking_paranoia_level=1\"",
                Some("waf/a.conf:1:1: `tx.blocking_paranoia_level` is `2` in all of these rules"),
            ),
        ] {
            let faults = faults(&waf(rules, &[]));
            assert_eq!(faults.len(), usize::from(expected.is_some()), "{name}: {faults:#?}");
            assert!(
                faults.iter().zip(expected).all(|(fault, part)| fault.contains(part)),
                "{name}: {faults:#?}"
            );
        }
    }

    /// CRS leaves that to the configuration around it.
    #[test]
    fn a_body_of_more_than_one_reading_is_refused_whatever_the_rules() {
        let set = Compiled::default().get(&waf(VERDICT, &[]), "digest").unwrap();
        let mut transaction = Transaction::new(Arc::clone(&set.program), TransactionLimits::default());
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for (end, rule) in [("\r\n", None), ("\n", Some(90_004)), ("\r\n--0x\r\n", Some(90_004))] {
            transaction.open(&Opening { id: "id", now: 0, client: (address, 1), server: (address, 443) });
            transaction.request_line(b"POST", b"/", b"HTTP/1.1");
            transaction.request_header(b"content-type", b"multipart/form-data; boundary=0");
            let body = format!("--0\r\nContent-Disposition: form-data; name=a\r\n\r\nx{end}--0--\r\n");
            transaction.phase1();
            transaction.request_body(body.as_bytes());
            let refused = match transaction.phase2() {
                Verdict::Continue => None,
                Verdict::Interrupt(interruption) => interruption.rule,
            };
            assert_eq!(refused, rule, "{end:?}");
        }
    }

    #[test]
    fn what_has_not_changed_is_not_compiled_again() {
        let compiled = Compiled::default();
        let (one, other) = (waf(VERDICT, &[]), waf("SecAction \"id:1,phase:1,pass\"", &[]));
        let first = compiled.get(&one, &digest(&one)).unwrap();
        assert!(Arc::ptr_eq(&first, &compiled.get(&one, &digest(&one)).unwrap()));
        let elsewhere = Waf {
            rules: Arc::new(RuleFiles {
                entries: vec!["/etc/a.conf".to_owned()],
                files: [("/etc/a.conf".to_owned(), VERDICT.as_bytes().to_vec())].into(),
            }),
            ..one.clone()
        };
        assert_eq!(digest(&one), digest(&elsewhere), "the same rules elsewhere");
        let in_order = |entries: [&str; 2]| Waf {
            rules: Arc::new(RuleFiles {
                entries: entries.map(str::to_owned).into(),
                files: [
                    ("a/site.conf".to_owned(), b"SecMarker a".to_vec()),
                    ("b/site.conf".to_owned(), b"SecMarker b".to_vec()),
                ]
                .into(),
            }),
            ..one.clone()
        };
        let orders = [["a/site.conf", "b/site.conf"], ["b/site.conf", "a/site.conf"]].map(in_order);
        assert_ne!(digest(&orders[0]), digest(&orders[1]), "another order of files of one name");
        let stricter = Waf { level: 3, ..one.clone() };
        for changed in [&other, &stricter] {
            assert!(!Arc::ptr_eq(&first, &compiled.get(changed, &digest(changed)).unwrap()));
        }
        drop(first);
        let _again = compiled.get(&other, &digest(&other)).unwrap();
        assert_eq!(compiled.0.lock().len(), 1, "what nobody uses is forgotten");
    }

    #[test]
    fn exclusions_of_nothing_and_of_the_verdict_are_pointed_out() {
        let waf = waf(VERDICT, &[("9", None), ("10", None), ("9", Some("ARGS:q")), ("9", Some("ARG"))]);
        let set = Compiled::default().get(&waf, "digest").unwrap();
        let (mut warnings, mut faults) = (Vec::new(), Vec::new());
        assert!(exclusions(&waf, &set.program, &mut warnings, &mut faults).is_none());
        let said: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "persons.yaml: warning: rule `9`, which refuses for what others found, does not run then; name only rules that are in the way, and a `target` such as `ARGS:note`",
                "persons.yaml:1:1: warning: no rule has the id `10`, so this excludes nothing; correct it or remove it",
                "persons.yaml:2:1: warning: rule `9` does not look at `ARGS:q`, so this excludes nothing; correct it or remove it",
            ]
        );
        assert_eq!(faults.len(), 1);
        assert!(faults[0].to_string().starts_with("persons.yaml:3:1: "), "{}", faults[0]);
    }
}
