//! What rules mean, and which are refused: small programs, each with a request.
#![allow(clippy::unwrap_used, clippy::panic, clippy::too_many_lines)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use poort_waf::{
    Collections, Files, InterruptionKind, LoadLimits, Opening, Program, Scores, Transaction,
    TransactionLimits, Variable, Verdict,
};

fn compile(rules: &str) -> Result<Program, Vec<poort_waf::Fault>> {
    let files: Files = [
        ("main.conf".to_owned(), rules.as_bytes().to_vec()),
        ("loop.conf".to_owned(), b"Include loop.conf".to_vec()),
        ("words.data".to_owned(), b"# comment\nalpha\nbeta\n".to_vec()),
    ]
    .into();
    Program::compile(&files, &["main.conf"], &LoadLimits::default())
}

fn opening() -> Opening<'static> {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    Opening { id: "id", now: 1_000, client: (address, 1), server: (address, 443) }
}

/// Runs a request through phases 1 and 2; the ids that matched, and the verdict.
fn run(transaction: &mut Transaction, target: &str, body: Option<(&str, &str)>) -> (Vec<u64>, Verdict) {
    transaction.open(&opening());
    transaction.request_line(b"POST", target.as_bytes(), b"HTTP/1.1");
    transaction.request_header(b"Host", b"example.com");
    if let Some((kind, _)) = body {
        transaction.request_header(b"Content-Type", kind.as_bytes());
    }
    let mut verdict = transaction.phase1();
    if verdict == Verdict::Continue {
        verdict = transaction.request_body(body.map_or(b"", |(_, body)| body.as_bytes()));
    }
    if verdict == Verdict::Continue {
        verdict = transaction.phase2();
    }
    (transaction.matches().iter().map(|found| found.rule.id).collect(), verdict)
}

#[test]
fn rules_mean_what_the_reference_says() {
    let form = "application/x-www-form-urlencoded";
    for (name, rules, target, body, expected) in [
        ("a bare pattern is @rx", "SecRule ARGS \"^a+$\" \"id:1,pass\"", "/?x=aa", None, &[1][..]),
        ("!@ negates", "SecRule ARGS \"!@rx ^a+$\" \"id:1,pass\"", "/?x=b", None, &[1]),
        ("selector", "SecRule ARGS:X \"@streq b\" \"id:1,pass\"", "/?x=b&y=c", None, &[1]),
        ("pattern selector", "SecRule ARGS:/^x\\d/ \"@streq b\" \"id:1,pass\"", "/?x1=b&y=b", None, &[1]),
        ("exclusion", "SecRule ARGS|!ARGS:x \"@streq b\" \"id:1,pass\"", "/?x=b", None, &[]),
        ("count", "SecRule &ARGS \"@eq 2\" \"id:1,pass\"", "/?x=b&y=c", None, &[1]),
        (
            "chain",
            "SecRule ARGS:x \"@streq b\" \"id:1,pass,chain\"\nSecRule ARGS:y \"@streq c\" \"t:none\"",
            "/?x=b&y=d",
            None,
            &[],
        ),
        (
            "a word that begins in one that is none",
            "SecRule ARGS \"@containsWord b.b\" \"id:1,pass\"",
            "/?x=ab.b.b",
            None,
            &[1],
        ),
        (
            "white space across and down, as PCRE has it",
            "SecRule ARGS \"@rx ^\\v[\\v]\\h[\\h]$\" \"id:1,pass\"",
            "/?x=%0a%85%a0%a0",
            None,
            &[1],
        ),
        (
            "a macro of what reads the body",
            "SecAction \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON,setvar:'tx.by=%{REQBODY_PROCESSOR}'\"\nSecRule TX:by \"@streq JSON\" \"id:1,pass\"",
            "/",
            None,
            &[1],
        ),
        (
            "skipAfter a marker",
            "SecAction \"id:1,pass,nolog,skipAfter:END\"\nSecAction \"id:2,pass\"\nSecMarker END\nSecAction \"id:3,pass\"",
            "/",
            None,
            &[3],
        ),
        (
            "skip",
            "SecAction \"id:1,pass,nolog,skip:1\"\nSecAction \"id:2,pass\"\nSecAction \"id:3,pass\"",
            "/",
            None,
            &[3],
        ),
        (
            "setvar and capture",
            "SecRule ARGS \"@rx (b+)\" \"id:1,pass,nolog,capture,setvar:tx.n=+2,setvar:'tx.t=%{tx.1}'\"\nSecRule TX:n \"@eq 4\" \"id:2,pass,chain\"\nSecRule TX:T \"@streq bb\"",
            "/?x=abb&y=bb",
            None,
            &[2],
        ),
        (
            "ctl removes a rule",
            "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveById=2\"\nSecAction \"id:2,pass\"",
            "/",
            None,
            &[],
        ),
        (
            "ctl removes a target",
            "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetById=2;ARGS:x\"\nSecRule ARGS \"@streq b\" \"id:2,pass\"",
            "/?x=b",
            None,
            &[],
        ),
        ("SecRuleRemoveById", "SecAction \"id:2,pass\"\nSecRuleRemoveById 1-5", "/", None, &[]),
        (
            "SecRuleUpdateTargetByTag",
            "SecRule ARGS \"@streq b\" \"id:2,pass,tag:'t'\"\nSecRuleUpdateTargetByTag t \"!ARGS:x\"",
            "/?x=b",
            None,
            &[],
        ),
        (
            "default transformation",
            "SecDefaultAction \"phase:2,log,pass,t:lowercase\"\nSecRule ARGS \"@streq b\" \"id:1,block\"",
            "/?x=B",
            None,
            &[1],
        ),
        (
            "multiMatch sees every step",
            "SecRule ARGS \"@streq B%\" \"id:1,pass,t:none,t:lowercase,multiMatch\"",
            "/?x=B%25",
            None,
            &[1],
        ),
        (
            "words from a file",
            "SecRule ARGS \"@pmFromFile words.data\" \"id:1,pass\"",
            "/?x=the+BETA",
            None,
            &[1],
        ),
        (
            "urlencoded body",
            "SecRule ARGS_POST:a \"@streq b c\" \"id:1,pass\"",
            "/",
            Some((form, "a=b+c")),
            &[1],
        ),
        (
            "JSON body",
            "SecAction \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\nSecRule ARGS:json.a.b \"@streq 2\" \"id:1,pass\"",
            "/",
            Some(("application/json", "{\"a\":{\"b\":[1,2]}}")),
            &[1],
        ),
        (
            "path is decoded once",
            "SecRule REQUEST_FILENAME \"@streq /a%41\" \"id:1,pass\"",
            "/%61%2541",
            None,
            &[1],
        ),
    ] {
        let program = compile(rules).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        let mut transaction = Transaction::new(Arc::new(program), TransactionLimits::default());
        for round in 0..2 {
            let (ids, verdict) = run(&mut transaction, target, body);
            assert_eq!((ids.as_slice(), verdict), (expected, Verdict::Continue), "{name}, round {round}");
        }
    }
}

#[test]
fn faults_have_places_and_are_all_reported() {
    for (name, rules, line, column, message) in [
        ("network", "\nSecRule REMOTE_ADDR \"@rbl x.example\" \"id:1\"", 2, 22, "@rbl"),
        ("program", "SecAction \"id:1,\\\n  exec:/bin/x\"", 2, 3, "exec"),
        ("look-around", "SecRule ARGS \"@rx (?=a)b\" \"id:1\"", 1, 15, "look-around"),
        ("variable", "SecRule NONSENSE a \"id:1\"", 1, 9, "NONSENSE"),
        ("directive", "SecNonsense on", 1, 1, "SecNonsense"),
        ("no id", "SecRule ARGS a \"pass\"", 1, 1, "id"),
        ("same id", "SecAction \"id:1\"\nSecAction \"id:1\"", 2, 1, "taken"),
        ("marker", "SecAction \"id:1,skipAfter:NOWHERE\"", 1, 17, "NOWHERE"),
        ("open chain", "SecRule ARGS a \"id:1,chain\"", 1, 1, "chain"),
        ("cycle", "Include loop.conf", 1, 1, "includes itself"),
        ("missing file", "Include nothing.conf", 1, 1, "nothing.conf"),
        ("a default action", "SecDefaultAction \"phase:2,log,dney\"", 1, 31, "`dney`"),
        (
            "an effect by default",
            "SecDefaultAction \"phase:2,pass,setvar:tx.a=1\"",
            1,
            32,
            "do not inherit `setvar`",
        ),
        ("two values", "SecRuleEngine On Off", 1, 1, "`SecRuleEngine` takes one argument, not 2"),
        ("no value", "SecRequestBodyLimit", 1, 1, "takes one argument, not 0"),
        ("a value too many", "SecResponseBodyMimeTypesClear text/html", 1, 1, "takes no argument, not 1"),
        ("no types", "SecResponseBodyMimeType", 1, 1, "takes at least 1, not 0"),
        ("nothing to remove", "SecRuleRemoveById", 1, 1, "takes at least 1, not 0"),
        ("half a rule", "SecRule ARGS", 1, 1, "takes 2 or 3 arguments, not 1"),
        ("XML into arguments", "SecParseXmlIntoArgs maybe", 1, 1, "`maybe`"),
        ("XML into arguments, by a rule", "SecAction \"id:1,ctl:parseXmlIntoArgs=maybe\"", 1, 17, "`maybe`"),
        ("transformation", "SecRule ARGS a \"id:1,t:nonsense\"", 1, 22, "nonsense"),
    ] {
        let faults = compile(rules).err().unwrap_or_else(|| panic!("{name} was accepted"));
        let found = faults.iter().find(|fault| fault.message.contains(message));
        let found = found.unwrap_or_else(|| panic!("{name}: {faults:?}"));
        assert_eq!((found.line, found.column), (line, column), "{name}: {found}");
    }
    assert_eq!(compile("SecNonsense on\nSecRule NONSENSE a \"id:1\"").unwrap_err().len(), 2);
}

#[test]
fn what_weakens_the_rules_is_worth_a_warning() {
    let rules =
        (1..=20).fold(String::new(), |text, id| text + &format!("SecRule ARGS a \"id:{id},tag:t\"\n"));
    for (directive, expected) in [
        ("SecRuleRemoveById 30", Some("`30` removes no rule")),
        ("SecRuleRemoveById 1-10", None),
        ("SecRuleRemoveById 1-11", Some("`1-11` removes 11 rules; remove only those that are in the way")),
        ("SecRuleRemoveByTag .", Some("`.` removes 20 rules; remove only those that are in the way")),
        ("SecRuleUpdateTargetByTag t !ARGS:note", None),
        (
            "SecRuleUpdateTargetByTag t !ARGS",
            Some("`t` makes 20 rules look at nothing of a target; name a member, such as `!ARGS:note`"),
        ),
        (
            "SecRequestBodyAccess Off",
            Some("what stands in bodies of requests is not inspected; write `SecRequestBodyAccess On`"),
        ),
        ("SecRequestBodyAccess Off\nSecRequestBodyAccess On", None),
    ] {
        let program = compile(&format!("{rules}{directive}")).unwrap();
        let found: Vec<_> = program.warnings().iter().map(ToString::to_string).collect();
        let expected: Vec<_> = expected.iter().map(|message| format!("main.conf:21:1: {message}")).collect();
        assert_eq!(found, expected, "{directive}");
    }
}

#[test]
fn costly_and_large_requests_end_in_a_refusal() {
    let program =
        Arc::new(compile("SecRequestBodyLimit 10\nSecRule ARGS \"@rx (?:a+)+b\" \"id:1,deny\"").unwrap());
    let mut transaction = Transaction::new(program.clone(), TransactionLimits::default());
    let (_, verdict) = run(&mut transaction, "/", Some(("text/plain", "12345678901")));
    assert!(matches!(verdict, Verdict::Interrupt(found) if found.kind == InterruptionKind::BodyTooLarge));
    let limits = TransactionLimits { fuel: 50, ..TransactionLimits::default() };
    let mut transaction = Transaction::new(program, limits);
    let (_, verdict) = run(&mut transaction, &format!("/?x={}", "ab".repeat(1000)), None);
    assert!(matches!(verdict, Verdict::Interrupt(found) if found.kind == InterruptionKind::Exhausted));
}

/// A variable that is only in a macro is filled, wherever the macro stands.
#[test]
fn macros_find_what_no_rule_looks_at() {
    let rules = "SecAction \"id:1,phase:1,pass,nolog,initcol:ip=x,setvar:ip.192.0.2.7=1,expirevar:ip.%{REMOTE_ADDR}=60\"\n\
        SecAction \"id:2,phase:2,redirect:'https://h.example/?%{SERVER_PORT}'\"";
    let mut transaction = Transaction::new(Arc::new(compile(rules).unwrap()), TransactionLimits::default());
    let (_, verdict) = run(&mut transaction, "/", None);
    let Verdict::Interrupt(found) = verdict else { panic!("{verdict:?}") };
    assert_eq!(found.kind, InterruptionKind::Redirect("https://h.example/?443".to_owned()));
    let kept = transaction.take_collections();
    let members = kept.members(Variable::Ip, b"x").unwrap();
    assert_eq!(members.get("192.0.2.7").unwrap().expires, Some(1_060));
}

#[test]
fn collections_outlive_a_transaction() {
    let rules = "SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.hits=+1,expirevar:ip.hits=60\"\nSecRule IP:hits \"@ge 2\" \"id:2,deny,status:429\"";
    let mut transaction = Transaction::new(Arc::new(compile(rules).unwrap()), TransactionLimits::default());
    transaction.set_collections(Collections::default());
    assert_eq!(run(&mut transaction, "/", None).1, Verdict::Continue);
    let kept = transaction.take_collections();
    assert_eq!(kept.members(Variable::Ip, b"192.0.2.7").unwrap().get("hits").unwrap().expires, Some(1_060));
    transaction.set_collections(kept);
    assert!(matches!(run(&mut transaction, "/", None).1, Verdict::Interrupt(found) if found.status == 429));
}

/// In its logging phase CRS 4 sums both scores up in `anomaly_score`, which in CRS 3 is the inbound score.
#[test]
fn scores_are_those_of_the_generation_that_keeps_them() {
    for (name, sets, inbound, outbound) in [
        (
            "CRS 4",
            "blocking_inbound_anomaly_score=5,setvar:tx.blocking_outbound_anomaly_score=4,setvar:tx.anomaly_score=9",
            5,
            4,
        ),
        (
            "CRS 4, nothing found in the request",
            "blocking_inbound_anomaly_score=0,setvar:tx.blocking_outbound_anomaly_score=4,setvar:tx.anomaly_score=4",
            0,
            4,
        ),
        ("CRS 3", "anomaly_score=5,setvar:tx.outbound_anomaly_score=4", 5, 4),
        ("neither", "x=1", 0, 0),
    ] {
        let rules = format!("SecAction \"id:1,phase:5,pass,nolog,setvar:tx.{sets}\"");
        let mut transaction =
            Transaction::new(Arc::new(compile(&rules).unwrap()), TransactionLimits::default());
        run(&mut transaction, "/", None);
        transaction.phase5();
        assert_eq!(transaction.scores(), Scores { inbound, outbound }, "{name}");
    }
}
