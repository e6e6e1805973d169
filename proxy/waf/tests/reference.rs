//! The SecLang reference, item by item: what each variable holds, what each operator asks, what each action and `ctl` does, and
//! which items are refused with which reason. Transformations are tested beside their code.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::too_many_lines)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use poort_conformance::backend::Response;
use poort_conformance::run::inspect;
use poort_conformance::wire::Received;
use poort_waf::{
    Fault, Files, InterruptionKind, LoadLimits, Opening, Program, Transaction, TransactionLimits,
};

fn compile(rules: &str) -> Result<Program, Vec<Fault>> {
    let files: Files = [
        ("main.conf".to_owned(), rules.as_bytes().to_vec()),
        ("words.data".to_owned(), b"# comment\nalpha\nbeta\n".to_vec()),
        (
            "unicode.mapping".to_owned(),
            b"1250 (Central Europe)\n00ab:3e\n\n20127 (US-ASCII)\n00ab:3c\n".to_vec(),
        ),
        ("networks.data".to_owned(), b"# ours\n192.0.2.0/24 # documentation\n2001:db8::/32\n".to_vec()),
    ]
    .into();
    Program::compile(&files, &["main.conf"], &LoadLimits::default())
}

fn transaction(rules: &str) -> Transaction {
    let program = compile(rules).unwrap_or_else(|faults| panic!("{rules}: {faults:?}"));
    Transaction::new(Arc::new(program), TransactionLimits::default())
}

fn ids(transaction: &Transaction) -> Vec<u64> {
    transaction.matches().iter().map(|found| found.rule.id).collect()
}

fn request(headers: &[(&str, &str)], body: &str) -> Received {
    let bytes = |text: &&str| text.as_bytes().to_vec();
    Received {
        method: b"POST".to_vec(),
        target: b"/a/b%2Ephp?x=1&y=2".to_vec(),
        version: b"HTTP/1.1".to_vec(),
        headers: headers.iter().map(|(name, value)| (bytes(name), bytes(value))).collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn response() -> Response {
    let headers =
        [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "5"), ("X-Powered-By", "old")];
    Response {
        status: 404,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: b"<b/>!".to_vec(),
    }
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const MULTIPART: &str = "--0\r\nContent-Disposition: form-data; name=f; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--0--\r\n";

#[test]
fn variables_hold_what_the_reference_says() {
    let form = request(
        &[
            ("Host", "example.com:8443"),
            FORM,
            ("Cookie", "a=b; c=d"),
            ("Authorization", "Basic YW5uOnBhc3M="),
        ],
        "p=q&x=3",
    );
    let multipart = request(&[("Content-Type", "multipart/form-data; boundary=0")], MULTIPART);
    for (name, value, multi) in [
        ("ARGS:p", "q", false),
        ("&ARGS", "4", false),
        ("ARGS_COMBINED_SIZE", "8", false),
        ("&ARGS_GET:x", "1", false),
        ("&ARGS_GET_NAMES", "2", false),
        ("ARGS_NAMES", "p", false),
        ("ARGS_POST:x", "3", false),
        ("ARGS_POST_NAMES", "p", false),
        ("AUTH_TYPE", "Basic", false),
        ("FILES", "x.txt", true),
        ("FILES_COMBINED_SIZE", "5", true),
        ("FILES_NAMES", "f", true),
        ("FILES_SIZES:f", "5", true),
        ("FILES_TMP_CONTENT:f", "hello", true),
        ("HIGHEST_SEVERITY", "255", false),
        ("INBOUND_DATA_ERROR", "0", false),
        ("MULTIPART_FILENAME", "x.txt", true),
        ("MULTIPART_NAME", "f", true),
        ("MULTIPART_PART_HEADERS:f", "Content-Type: text/plain", true),
        ("MULTIPART_STRICT_ERROR", "0", true),
        ("MULTIPART_UNMATCHED_BOUNDARY", "0", true),
        ("OUTBOUND_DATA_ERROR", "0", false),
        ("PATH_INFO", "/a/b.php", false),
        ("QUERY_STRING", "x=1&y=2", false),
        ("REMOTE_ADDR", "192.0.2.1", false),
        ("REMOTE_HOST", "192.0.2.1", false),
        ("REMOTE_PORT", "40000", false),
        ("REMOTE_USER", "ann", false),
        ("REQBODY_ERROR", "0", false),
        ("REQBODY_ERROR_MSG", "", false),
        ("REQBODY_PROCESSOR", "URLENCODED", false),
        ("REQBODY_PROCESSOR", "MULTIPART", true),
        ("REQBODY_PROCESSOR_ERROR", "0", false),
        ("REQUEST_BASENAME", "b.php", false),
        ("REQUEST_BODY", "p=q&x=3", false),
        ("REQUEST_BODY_LENGTH", "7", false),
        ("REQUEST_COOKIES:c", "d", false),
        ("REQUEST_COOKIES_NAMES", "a", false),
        ("REQUEST_FILENAME", "/a/b.php", false),
        ("REQUEST_HEADERS:host", "example.com:8443", false),
        ("REQUEST_HEADERS_NAMES", "Cookie", false),
        ("REQUEST_LINE", "POST /a/b%2Ephp?x=1&y=2 HTTP/1.1", false),
        ("REQUEST_METHOD", "POST", false),
        ("REQUEST_PROTOCOL", "HTTP/1.1", false),
        ("REQUEST_URI", "/a/b%2Ephp?x=1&y=2", false),
        ("REQUEST_URI_RAW", "/a/b%2Ephp?x=1&y=2", false),
        ("RESPONSE_BODY", "<b/>!", false),
        ("RESPONSE_CONTENT_LENGTH", "5", false),
        ("RESPONSE_CONTENT_TYPE", "text/html; charset=utf-8", false),
        ("RESPONSE_HEADERS:x-powered-by", "old", false),
        ("RESPONSE_HEADERS_NAMES", "X-Powered-By", false),
        ("RESPONSE_PROTOCOL", "HTTP/1.1", false),
        ("RESPONSE_STATUS", "404", false),
        ("SERVER_ADDR", "192.0.2.1", false),
        ("SERVER_NAME", "example.com", false),
        ("SERVER_PORT", "443", false),
        ("STATUS_LINE", "HTTP/1.1 404", false),
        ("TIME", "22:13:20", false),
        ("TIME_DAY", "14", false),
        ("TIME_EPOCH", "1700000000", false),
        ("TIME_HOUR", "22", false),
        ("TIME_MIN", "13", false),
        ("TIME_MON", "10", false),
        ("TIME_SEC", "20", false),
        ("TIME_WDAY", "2", false),
        ("TIME_YEAR", "2023", false),
        ("UNIQUE_ID", "aQ3x8Zk1", false),
        ("URLENCODED_ERROR", "0", false),
        ("WEBAPPID", "persons", false),
    ] {
        let rules = format!(
            "SecResponseBodyAccess On\nSecWebAppId persons\nSecRule {name} \"@streq {value}\" \"id:1,phase:5,pass\"\nSecRule {name} \"!@streq {value}\" \"id:2,phase:5,pass\""
        );
        let mut transaction = transaction(&rules);
        let stopped = inspect(&mut transaction, if multi { &multipart } else { &form }, &response());
        assert_eq!(stopped, None);
        assert!(ids(&transaction).contains(&1), "{name} is not {value}");
    }
}

#[test]
fn full_request_is_the_request_as_it_came() {
    let mut transaction = transaction(
        "SecRule FULL_REQUEST \"@rx ^POST /a/b%2Ephp\\?x=1&y=2 HTTP/1.1\\x0d\\x0aHost: h\\x0d\\x0a\\x0d\\x0abody$\" \"id:1,phase:2,pass\"\n\
         SecRule FULL_REQUEST_LENGTH \"@eq 49\" \"id:2,phase:2,pass\"",
    );
    inspect(&mut transaction, &request(&[("Host", "h")], "body"), &response());
    assert_eq!(ids(&transaction), [1, 2]);
}

#[test]
fn operators_ask_what_the_reference_says() {
    for (operator, value, expected) in [
        ("@beginsWith ab", "abc", true),
        ("@beginsWith b", "abc", false),
        ("@contains bc", "abcd", true),
        ("@containsWord cat", "a cat!", true),
        ("@containsWord cat", "concatenate", false),
        ("@detectSQLi", "1' or '1'='1", true),
        ("@detectXSS", "<script>alert(1)</script>", true),
        ("@endsWith cd", "abcd", true),
        ("@eq 5", "5", true),
        ("@eq 0", "x", true),
        ("@ge 5", "5", true),
        ("@gt 5", "5", false),
        ("@le 5", "5", true),
        ("@lt 5", "4", true),
        ("@ipMatch 192.0.2.0/24,2001:db8::1", "192.0.2.9", true),
        ("@ipMatch 192.0.2.0/24", "198.51.100.1", false),
        ("@ipMatchFromFile networks.data", "2001:db8:7::", true),
        ("@ipMatchF networks.data", "192.0.3.1", false),
        ("@noMatch", "x", false),
        ("@pm one two", "number TWO", true),
        ("@pmFromFile words.data", "alphabet", true),
        ("@pmf words.data", "# comment", false),
        ("@rx ^a(b+)c$", "abbc", true),
        ("@rxGlobal b", "abbc", true),
        ("^abb", "abbc", true),
        ("!@rx ^a", "abbc", false),
        ("@rx ^%{tx.pattern}$", "aaa", true),
        ("@rx ^%{tx.pattern}$", "bbb", false),
        ("!@rx ^%{tx.pattern}$", "bbb", true),
        ("@rx %{tx.no_pattern}", "x", false),
        ("!@rx %{tx.no_pattern}", "x", true),
        ("@rx %{2}", "%%", true),
        ("@strmatch bc", "abc", true),
        ("@streq abc", "abc", true),
        ("@streq %{tx.text}", "two words", true),
        ("@unconditionalMatch", "", true),
        ("@validateByteRange 97-99,32", "abc d", true),
        ("@validateByteRange 97-99", "abc", false),
        ("@validateUrlEncoding", "%4", true),
        ("@validateUrlEncoding", "%41", false),
        ("@validateUtf8Encoding", "caf\u{e9}", false),
        ("@verifyCC \\d{16}", "card 4111111111111111.", true),
        ("@verifyCC \\d{16}", "card 4111111111111112.", false),
        ("@verifyCPF [0-9.-]{14}", "529.982.247-25", true),
        ("@verifySSN \\d{3}-\\d\\d-\\d{4}", "078-05-1120", true),
        ("@verifySVNR \\d{4} ?\\d{6}", "1237 010180", true),
        ("@within one,two", "two", true),
        ("@within %{tx.list}", "|GET|", true),
        ("@within one,two", "three", false),
    ] {
        let operator = operator.replace('"', "\\\"");
        let rules = format!(
            "SecAction \"id:9,phase:1,pass,nolog,setvar:tx.pattern=a+,setvar:tx.no_pattern=(,setvar:'tx.text=two words',setvar:'tx.list=|GET| |POST|'\"\nSecRule REQUEST_HEADERS:X \"{operator}\" \"id:1,phase:2,pass\""
        );
        let mut transaction = transaction(&rules);
        inspect(&mut transaction, &request(&[("X", value)], ""), &response());
        assert_eq!(!ids(&transaction).is_empty(), expected, "{operator} on {value}");
    }
}

#[test]
fn actions_do_what_the_reference_says() {
    const TWO: &str =
        "\nSecAction \"id:2,phase:2,pass\"\nSecAction \"id:3,phase:3,pass\"\nSecAction \"id:5,phase:5,pass\"";
    for (action, stopped, matched) in [
        ("pass", None, &[1_u64, 2, 3, 5][..]),
        ("deny", Some((InterruptionKind::Deny, 403)), &[1, 5]),
        ("deny,status:418", Some((InterruptionKind::Deny, 418)), &[1, 5]),
        ("drop", Some((InterruptionKind::Drop, 403)), &[1, 5]),
        ("block", Some((InterruptionKind::Deny, 429)), &[1, 5]),
        (
            "redirect:'https://example.com/%{REQUEST_METHOD}'",
            Some((InterruptionKind::Redirect("https://example.com/POST".into()), 302)),
            &[1, 5],
        ),
        ("redirect:/x,status:307", Some((InterruptionKind::Redirect("/x".into()), 307)), &[1, 5]),
        ("allow", None, &[1, 5]),
        ("allow:phase", None, &[1, 2, 3, 5]),
        ("allow:request", None, &[1, 3, 5]),
        ("pass,nolog", None, &[2, 3, 5]),
        ("pass,ctl:ruleEngine=Off", None, &[1]),
        ("deny,ctl:ruleEngine=DetectionOnly", None, &[1, 2, 3, 5]),
        ("pass,ctl:ruleRemoveById=2-3", None, &[1, 5]),
    ] {
        let rules = format!(
            "SecDefaultAction \"phase:1,log,deny,status:429\"\nSecAction \"id:1,phase:1,t:none,{action}\"{TWO}"
        );
        let rules = if action.contains("status") || action == "block" {
            rules
        } else {
            rules.replace(",status:429", "")
        };
        let mut transaction = transaction(&rules);
        let found = inspect(&mut transaction, &request(&[], ""), &response());
        assert_eq!(found.map(|found| (found.kind, found.status)), stopped, "{action}");
        assert_eq!(ids(&transaction), matched, "{action}");
    }
}

#[test]
fn rules_describe_themselves_and_change_variables() {
    let mut transaction = transaction(
        "SecRule ARGS:x \"@rx (.)\" \"id:1,phase:2,pass,capture,rev:'2',ver:'v',maturity:3,accuracy:4,severity:ERROR,tag:'a b',tag:c,\
         msg:'%{rule.id} %{RULE.severity} %{TX.1}',logdata:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR} %{ARGS.y} %{ENV.mode} %{HIGHEST_SEVERITY}',\
         setenv:mode=slow,setvar:tx.a=1,setvar:tx.a=+2,setvar:tx.b=7,setvar:tx.b=-2,setvar:tx.c,setvar:tx.d=1,setvar:!tx.d,setvar:'tx.%{TX.1}_name=%{tx.a}'\"\n\
         SecRule TX:a \"@eq 3\" \"id:2,pass\"\nSecRule TX:b \"@eq 5\" \"id:3,pass\"\nSecRule TX:c \"@eq 1\" \"id:4,pass\"\n\
         SecRule &TX:d \"@eq 0\" \"id:5,pass\"\nSecRule TX:/_name$/ \"@streq 3\" \"id:6,pass\"\nSecRule ENV:mode \"@streq slow\" \"id:7,pass\"",
    );
    inspect(&mut transaction, &request(&[], ""), &response());
    assert_eq!(ids(&transaction), [1, 2, 3, 4, 5, 6, 7]);
    let found = &transaction.matches()[0];
    assert_eq!((found.message.as_str(), found.data.as_str()), ("1 3 1", "ARGS:x=1 2 slow 3"));
    assert_eq!(
        (found.rule.severity, found.rule.maturity, found.rule.accuracy, found.rule.tags.len()),
        (Some(3), Some(3), Some(4), 2)
    );
}

#[test]
fn ctl_changes_one_transaction() {
    const JSON: (&str, &str) = ("Content-Type", "application/json");
    const XML: (&str, &str) = ("Content-Type", "text/xml");
    for (ctl, kind, body, rule, expected) in [
        ("requestBodyProcessor=JSON", JSON, "{\"a\":\"b\"}", "ARGS:json.a \"@streq b\"", true),
        ("requestBodyProcessor=XML", XML, "<a b='c'>d</a>", "XML:/* \"@streq d\"", true),
        ("requestBodyProcessor=XML", XML, "<a b='c'>d</a>", "XML://@* \"@streq c\"", true),
        ("requestBodyProcessor=URLENCODED", JSON, "a=b", "ARGS_POST:a \"@streq b\"", true),
        ("forceRequestBodyVariable=On", JSON, "raw", "REQUEST_BODY \"@streq raw\"", true),
        ("forceRequestBodyVariable=Off", JSON, "raw", "REQUEST_BODY \"@streq raw\"", false),
        ("requestBodyAccess=Off", FORM, "p=q", "ARGS_POST:p \"@streq q\"", false),
        ("requestBodyAccess=On", FORM, "p=q", "ARGS_POST:p \"@streq q\"", true),
        ("ruleRemoveByTag=one", FORM, "p=q", "ARGS:p \"@streq q\"", false),
        ("ruleRemoveByMsg=first", FORM, "p=q", "ARGS:p \"@streq q\"", false),
        ("ruleRemoveTargetByTag=one;ARGS:p", FORM, "p=q", "ARGS:p \"@streq q\"", false),
        ("ruleRemoveTargetByMsg=first;ARGS", FORM, "p=q", "ARGS:p \"@streq q\"", false),
        ("ruleRemoveTargetById=1;ARGS:/^p/", FORM, "p=q", "ARGS:p \"@streq q\"", false),
        ("ruleRemoveTargetById=1;ARGS:other", FORM, "p=q", "ARGS:p \"@streq q\"", true),
        ("auditEngine=Off", FORM, "p=q", "ARGS:p \"@streq q\"", true),
    ] {
        let rules = format!(
            "SecAction \"id:9,phase:1,pass,nolog,ctl:{ctl}\"\nSecRule {rule} \"id:1,phase:2,pass,tag:'one',msg:'the first'\""
        );
        let mut transaction = transaction(&rules);
        inspect(&mut transaction, &request(&[kind], body), &response());
        assert_eq!(!ids(&transaction).is_empty(), expected, "{ctl}, {rule}");
    }
}

#[test]
fn directives_change_other_rules() {
    const RULE: &str = "SecRule ARGS:a \"@streq x\" \"id:1,phase:2,pass,tag:'t',msg:'m',chain\"\nSecRule ARGS:b \"@streq y\" \"t:none\"\n";
    for (directive, body, expected) in [
        ("", "a=x&b=y", true),
        ("SecRuleRemoveById 1", "a=x&b=y", false),
        ("SecRuleRemoveById \"5-9\" 1", "a=x&b=y", false),
        ("SecRuleRemoveByTag ^t$", "a=x&b=y", false),
        ("SecRuleRemoveByMsg m", "a=x&b=y", false),
        ("SecRuleUpdateTargetById 1 ARGS:c", "c=x&b=y", true),
        ("SecRuleUpdateTargetById 1 ARGS:c,ARGS:d", "d=x&b=y", true),
        ("SecRuleUpdateTargetById 1 ARGS:c ARGS:a", "a=x&b=y", false),
        ("SecRuleUpdateTargetById 1 ARGS:c ARGS:a", "c=x&b=y", true),
        ("SecRuleUpdateTargetById 1:1 ARGS:c", "a=x&c=y", true),
        ("SecRuleUpdateTargetByMsg m !ARGS:a", "a=x&b=y", false),
        ("SecRuleUpdateActionById 1 t:lowercase", "a=X&b=y", true),
        ("SecRuleUpdateActionById 1:1 t:lowercase", "a=x&b=Y", true),
    ] {
        let mut transaction = transaction(&format!("{RULE}{directive}"));
        inspect(&mut transaction, &request(&[FORM], body), &response());
        assert_eq!(!ids(&transaction).is_empty(), expected, "{directive} on {body}");
    }
    for directive in ["SecRuleRemoveById 7", "SecRuleUpdateTargetById 1:2 ARGS:c"] {
        let program = compile(&format!("{RULE}{directive}")).unwrap();
        assert_eq!(program.warnings().len(), 1, "{directive}: {:?}", program.warnings());
    }
}

#[test]
fn a_code_page_says_what_characters_become() {
    const RULE: &str = "SecRule ARGS:a \"@streq %{ARGS.b}\" \"id:1,phase:2,pass,t:urlDecodeUni\"\n";
    for (directive, body, expected) in [
        ("", "a=%25u00ab&b=%ab", true),
        ("", "a=%25uff1c&b=<", true),
        ("SecUnicodeMapFile unicode.mapping 20127", "a=%25u00ab&b=<", true),
        ("SecUnicodeMapFile unicode.mapping 1250", "a=%25u00ab&b=>", true),
        ("SecUnicodeCodePage 1250\nSecUnicodeMapFile unicode.mapping", "a=%25U00AB&b=>", true),
        ("SecUnicodeMapFile unicode.mapping\nSecUnicodeCodePage 20127", "a=%25u00ab&b=<", true),
        // What the page does not have, and what is no such escape, is read as without one.
        ("SecUnicodeMapFile unicode.mapping 20127", "a=%25u00bb&b=%bb", true),
        ("SecUnicodeMapFile unicode.mapping 20127", "a=%25uff1c&b=<", true),
        ("SecUnicodeMapFile unicode.mapping 20127", "a=%25u3002&b=.", true),
        ("SecUnicodeMapFile unicode.mapping 20127", "a=%ab&b=<", false),
        ("SecUnicodeMapFile unicode.mapping 20127", "a=%25u00a&b=%25u00a", true),
    ] {
        let mut transaction = transaction(&format!("{RULE}{directive}"));
        inspect(&mut transaction, &request(&[FORM], body), &response());
        assert_eq!(!ids(&transaction).is_empty(), expected, "{directive} on {body}");
    }
    for (directive, message) in [
        ("SecUnicodeMapFile none.mapping 20127", "main.conf:1:1: there is no file `none.mapping`"),
        ("SecUnicodeMapFile unicode.mapping", "main.conf:1:1: no code page is chosen of `unicode.mapping`"),
        (
            "SecUnicodeMapFile unicode.mapping 932",
            "`unicode.mapping`: there is no code page `932`, but 1250, 20127",
        ),
        ("SecUnicodeMapFile unicode.mapping latin", "`latin` is no code page"),
        ("SecUnicodeMapFile", "takes 1 or 2 arguments, not 0"),
        ("SecUnicodeMapFile ../unicode.mapping 20127", "leaves the directory"),
    ] {
        let faults = compile(directive).unwrap_err();
        assert!(faults[0].to_string().contains(message), "{directive}: {}", faults[0]);
    }
}

#[test]
fn duration_is_what_the_caller_says() {
    let rules = "SecRule DURATION \"@eq 0\" \"id:1,phase:1,pass,log\"\nSecRule DURATION \"@ge 1500\" \"id:2,phase:2,pass,log\"\n\
        SecRule DURATION \"@streq 2000\" \"id:3,phase:3,pass,log,logdata:'%{DURATION} ms'\"";
    let mut transaction = transaction(rules);
    for _ in 0..2 {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        transaction.open(&Opening { id: "1", now: 0, client: (address, 1), server: (address, 2) });
        transaction.request_line(b"GET", b"/", b"HTTP/1.1");
        transaction.phase1();
        transaction.set_duration(Duration::from_micros(1_500_900));
        transaction.phase2();
        transaction.set_duration(Duration::from_secs(2));
        transaction.phase3();
        assert_eq!(ids(&transaction), [1, 2, 3]);
        assert_eq!(transaction.matches()[2].data, "2000 ms");
    }
}

#[test]
fn persistent_variables_expire() {
    let mut transaction = transaction(
        "SecAction \"id:1,phase:1,pass,nolog,initcol:global=global,initcol:resource=%{REQUEST_FILENAME},setuid:ann,setsid:s1,setrsc:r1,\
         setvar:user.seen=1,setvar:session.seen=1,setvar:resource.seen=1,setvar:global.n=+1,expirevar:user.seen=0\"\n\
         SecRule USER:seen \"@eq 1\" \"id:2,pass\"\nSecRule SESSION:seen \"@eq 1\" \"id:3,pass\"\nSecRule GLOBAL:n \"@eq 2\" \"id:4,pass\"\n\
         SecRule RESOURCE:KEY \"@streq r1\" \"id:5,pass\"\nSecRule USERID \"@streq ann\" \"id:6,pass\"\nSecRule SESSIONID \"@streq s1\" \"id:7,pass\"",
    );
    inspect(&mut transaction, &request(&[], ""), &response());
    assert_eq!(ids(&transaction), [3, 5, 6, 7]);
    inspect(&mut transaction, &request(&[], ""), &response());
    assert_eq!(ids(&transaction), [3, 4, 5, 6, 7]);
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    for (rules, column, reason) in [
        ("SecRuleScript /x.lua", 1, "Lua"),
        ("SecRemoteRules key https://example.com/", 1, "files only"),
        ("SecGeoLookupDb x.mmdb", 1, "location"),
        ("SecHttpBlKey key", 1, "network"),
        ("SecStreamInBodyInspection On", 1, "rewritten"),
        ("SecHashEngine On", 1, "rewritten"),
        ("SecContentInjection On", 1, "rewritten"),
        ("SecXmlExternalEntity On", 1, "never fetched"),
        ("SecConnReadStateLimit 5", 1, "connections"),
        ("SecIgnoreRuleCompilationErrors On", 1, "stops the load"),
        ("SecCookieFormat 1", 1, "RFC 2109"),
        ("SecRequestBodyLimit lots", 1, "a number"),
        ("<IfModule security2>", 1, "sections"),
        ("SecRule ARGS \"@rbl x.example\" id:1", 15, "network"),
        ("SecRule ARGS @gsbLookup id:1", 14, "network"),
        ("SecRule ARGS \"@inspectFile /x.lua\" id:1", 15, "outside the rules"),
        ("SecRule ARGS @geoLookup id:1", 14, "location"),
        ("SecRule ARGS \"@rsub s/a/b/\" id:1", 15, "rewrite"),
        ("SecRule ARGS \"@validateSchema x.xsd\" id:1", 15, "schemas"),
        ("SecRule ARGS \"@fuzzyHash x 6\" id:1", 15, "outside the rules"),
        ("SecRule ARGS \"@pm %{tx.words}\" id:1", 15, "expands no macros"),
        ("SecRule ARGS @pmFromFile id:1", 14, "there is no phrase"),
        ("SecRule ARGS \"@rx %{no_such.thing} %{tx.a}\" id:1", 15, "NO_SUCH"),
        ("SecRule GEO:COUNTRY_CODE x id:1", 9, "location"),
        ("SecRule PERF_ALL x id:1", 9, "clock"),
        ("SecRule SCRIPT_UID x id:1", 9, "no scripts"),
        ("SecRule STREAM_INPUT_BODY x id:1", 9, "REQUEST_BODY"),
        ("SecRule ARGS|FILES_TMPNAMES x id:1", 14, "no upload"),
        ("SecRule REMOTE_ADDR:x x id:1", 9, "no selector"),
        ("SecRule XML:/a/b x id:1", 9, "XPath"),
        ("SecAction id:1,exec:/x.lua", 16, "no programs"),
        ("SecAction id:1,proxy:http://x", 16, "forwards"),
        ("SecAction id:1,append:x", 16, "rewrites"),
        ("SecAction id:1,pause:9", 16, "clock"),
        ("SecAction id:1,sanitiseArg:x", 16, "mask"),
        ("SecAction id:1,deprecatevar:ip.x=1/2", 16, "expirevar"),
        ("SecAction id:1,ctl:hashEngine=On", 16, "not supported"),
        ("SecAction id:1,ctl:requestBodyProcessor=YAML", 16, "body processor"),
        ("SecAction id:1,setvar:args.x=1", 16, "cannot be written"),
        ("SecAction id:1,initcol:tx=1", 16, "persistent"),
        ("SecAction id:1,phase:6", 16, "1 to 5"),
        ("SecAction id:1,status:700", 16, "599"),
        ("SecAction id:1,severity:9", 16, "severity"),
        ("SecAction id:1,msg:'%{nothing}'", 16, "nothing"),
        ("SecAction id:1,unknown", 16, "unknown action"),
        ("SecRuleUpdateActionById 1 id:2\nSecAction id:1", 27, "cannot be changed"),
        ("SecRuleUpdateTargetById 1:x ARGS", 1, "chain"),
        ("SecRuleRemoveById x", 1, "no rule id"),
        ("SecAction id:1 id:2", 1, "one argument, not 2"),
    ] {
        let faults = compile(rules).err().unwrap_or_else(|| panic!("{rules} was accepted"));
        let found = faults.iter().find(|fault| fault.message.to_lowercase().contains(&reason.to_lowercase()));
        let found = found.unwrap_or_else(|| panic!("{rules}: {faults:?}"));
        assert_eq!((found.line, found.column), (1, column), "{rules}: {found}");
        assert!(!found.message.contains('\n'), "{found}");
    }
    // On another rule than the first of a chain these would have no effect.
    for action in
        ["deny", "status:404", "msg:x", "phase:1", "skip:1", "skipAfter:X", "severity:2", "tag:x", "id:2"]
    {
        let rules = format!("SecRule ARGS a \"id:1,pass,chain\"\nSecRule ARGS b \"t:none,{action}\"");
        let faults = compile(&rules).expect_err(action);
        assert_eq!((faults[0].line, faults[0].column), (2, 24), "{action}: {}", faults[0]);
    }
}
