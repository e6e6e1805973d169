//! Constants: what they decide at load is decided as it would be when asked, and nothing changes them.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use poort_waf::{Exclusion, Files, LoadLimits, Opening, Program, Transaction, TransactionLimits, Verdict};

/// As CRS is built: each level's rules behind a jump that lower levels take.
const LEVELS: &str = r#"
SecRule &TX:level "@eq 0" "id:1,phase:1,pass,nolog,setvar:tx.level=1"
SecRule TX:level "@lt 1" "id:11,phase:2,pass,nolog,skipAfter:END"
SecRule ARGS "@rx one" "id:100,phase:2,pass,setvar:tx.score=+1"
SecRule TX:level "@lt 2" "id:12,phase:2,pass,nolog,skipAfter:END"
SecRule ARGS "@rx two" "id:200,phase:2,pass,setvar:tx.score=+2"
SecRule TX:level "@lt 3" "id:13,phase:2,pass,nolog,skipAfter:END"
SecRule ARGS "@rx three" "id:300,phase:2,pass,setvar:tx.score=+3"
SecMarker END
SecRule TX:level "@ge 2" "id:14,phase:2,pass,nolog,chain"
SecRule ARGS "@rx both" "setvar:tx.score=+10"
SecRule TX:score "@ge 1" "id:900,phase:2,pass,msg:'%{tx.score} at %{tx.level}'"
"#;

fn compile(rules: &str, constants: &[(&str, i64)]) -> Result<Program, Vec<String>> {
    let files: Files = [("main.conf".to_owned(), rules.as_bytes().to_vec())].into();
    Program::compile_with(&files, &["main.conf"], &LoadLimits::default(), constants)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn open(program: Arc<Program>) -> Transaction {
    let mut transaction = Transaction::new(program, TransactionLimits::default());
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    transaction.open(&Opening { id: "id", now: 0, client: (address, 1), server: (address, 2) });
    transaction
}

/// The ids and messages of what matched.
fn run(transaction: &mut Transaction, target: &str) -> Vec<(u64, String)> {
    transaction.request_line(b"GET", target.as_bytes(), b"HTTP/1.1");
    assert_eq!((transaction.phase1(), transaction.phase2()), (Verdict::Continue, Verdict::Continue));
    transaction.matches().iter().map(|found| (found.rule.id, found.message.clone())).collect()
}

#[test]
fn what_is_known_at_load_is_decided_as_when_it_is_asked() {
    let asked = Arc::new(compile(LEVELS, &[]).unwrap());
    for level in 0..=4 {
        let known = Arc::new(compile(LEVELS, &[("level", level)]).unwrap());
        assert_eq!(known.rules().len(), asked.rules().len(), "all rules are known by id");
        for target in ["/?a=one", "/?a=two", "/?a=three", "/?a=one+two+three+both", "/?a=both", "/"] {
            let mut other = open(asked.clone());
            other.set_tx("level", &level.to_string());
            let expected = run(&mut other, target);
            assert_eq!(run(&mut open(known.clone()), target), expected, "{target} at {level}");
        }
    }
}

#[test]
fn literals_of_rules_that_never_run_are_not_looked_for() {
    let bytes = |level| compile(LEVELS, &[("level", level)]).unwrap().gate_bytes();
    assert!(bytes(1) < bytes(2) && bytes(2) < bytes(3), "{} {} {}", bytes(1), bytes(2), bytes(3));
}

#[test]
fn nothing_changes_a_constant() {
    let rules = r#"
SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=2,setvar:tx.other=%{tx.level}"
SecRule ARGS_NAMES "@rx (.*)" "id:2,phase:2,pass,nolog,capture,setvar:tx.%{tx.1}=9"
SecRule TX:level "@eq 2" "id:3,phase:2,pass,msg:'%{tx.level}%{tx.other}%{tx.free}'"
"#;
    let mut transaction = open(Arc::new(compile(rules, &[("level", 2)]).unwrap()));
    transaction.set_tx("level", "7");
    assert_eq!(run(&mut transaction, "/?level=1&free=1"), [(3, "229".to_owned())]);
    assert_eq!(transaction.tx("level"), Some(&b"2"[..]));
}

#[test]
fn rules_that_set_a_constant_to_something_else_are_faults() {
    for (name, rule, is_fault) in [
        ("the same number", "SecAction \"id:1,pass,setvar:tx.level=2\"", false),
        ("another number", "SecAction \"id:1,pass,setvar:tx.level=3\"", true),
        ("a sum", "SecAction \"id:1,pass,setvar:tx.level=+1\"", true),
        ("nothing", "SecAction \"id:1,pass,setvar:!tx.level\"", true),
        (
            "what a request says",
            "SecRule ARGS \"@rx .\" \"id:1,pass,setvar:'tx.level=%{MATCHED_VAR}'\"",
            true,
        ),
        ("where it is never come to", "SecRule &TX:LEVEL \"@eq 0\" \"id:1,pass,setvar:tx.level=3\"", false),
    ] {
        let faults = compile(rule, &[("level", 2)]).err().unwrap_or_default();
        assert_eq!(faults.len(), usize::from(is_fault), "{name}: {faults:?}");
        let expected = "main.conf:1:1: `tx.level` is `2` in all of these rules";
        assert!(faults.iter().all(|fault| fault.starts_with(expected)), "{name}: {faults:?}");
    }
}

#[test]
fn faults_of_rules_that_never_run_are_found_all_the_same() {
    let rules = "SecRule TX:level \"@lt 2\" \"id:1,pass,nolog,skipAfter:END\"\nSecRule ARGS \"@rx (\" \"id:2,pass\"\nSecMarker END";
    let faults = compile(rules, &[("level", 1)]).err().unwrap_or_default();
    assert!(faults.len() == 1 && faults.iter().all(|fault| fault.starts_with("main.conf:2:")), "{faults:?}");
}

#[test]
fn rules_that_are_passed_over_are_counted_though_they_are_not_there() {
    let rules = r#"
SecAction "id:1,phase:2,pass,nolog,skip:3"
SecRule TX:level "@eq 9" "id:2,phase:2,pass"
SecAction "id:3,phase:1,pass"
SecAction "id:4,phase:2,pass"
SecAction "id:5,phase:2,pass"
SecAction "id:6,phase:2,pass"
"#;
    for constants in [&[("level", 1)][..], &[]] {
        let found = run(&mut open(Arc::new(compile(rules, constants).unwrap())), "/");
        let ids: Vec<u64> = found.into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [3, 6], "{constants:?}");
    }
}

#[test]
fn an_exclusion_of_what_never_runs_says_so() {
    let program = compile(LEVELS, &[("level", 1)]).unwrap();
    let idle = |rules: &str| Exclusion::new(&program, rules, None).unwrap().idle().map(str::to_owned);
    assert_eq!(idle("300").as_deref(), Some("rule `300` does not run at this level"));
    assert_eq!(idle("100-300"), None);
}
