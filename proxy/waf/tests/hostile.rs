//! Rule files and requests made to cost: each ends in a clear refusal, with bounded work and memory. Sizes are such that
//! anything worse than linear would not end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::too_many_lines)]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use poort_conformance::backend::Response;
use poort_conformance::run::inspect;
use poort_conformance::wire::Received;
use poort_waf::{
    Fault, Files, Interruption, InterruptionKind, LoadLimits, Program, Transaction, TransactionLimits, detect,
};

fn load(files: &[(&str, Vec<u8>)]) -> Result<Program, Vec<Fault>> {
    let files: Files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
    Program::compile(&files, &["main.conf"], &LoadLimits::default())
}

#[test]
fn hostile_rule_files_are_refused() {
    let deep_chain =
        format!("SecRule ARGS a \"id:1,chain\"\n{}", "SecRule ARGS a \"chain\"\n".repeat(30_000));
    let mut many = String::new();
    for id in 0..30_000 {
        writeln!(many, "SecAction id:{id}").unwrap();
    }
    let doubling: Vec<(String, Vec<u8>)> = (0..20)
        .map(|at| {
            let name = if at == 0 { "main.conf".to_owned() } else { format!("{at}.conf") };
            (name, format!("Include {0}.conf\nInclude {0}.conf\n", at + 1).into_bytes())
        })
        .collect();
    let doubling: Vec<(&str, Vec<u8>)> =
        doubling.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let main = |text: String| vec![("main.conf", text.into_bytes())];
    for (name, files, message) in [
        ("a cycle", main("Include main.conf".into()), "includes itself"),
        (
            "a long cycle",
            vec![("main.conf", b"Include a.conf".to_vec()), ("a.conf", b"Include main.conf".to_vec())],
            "includes itself",
        ),
        ("a cycle by wildcard", main("Include *.conf".into()), "includes itself"),
        ("doubling includes", doubling, "more than 16 files deep"),
        ("out of the directory", main("Include ../../etc/passwd".into()), "leaves the directory"),
        ("100 MB", main("#".repeat(100 << 20)), "larger than allowed"),
        (
            "100 MB of data",
            vec![
                ("main.conf", b"SecRule ARGS \"@pmFromFile d\" id:1".to_vec()),
                ("d", vec![b'a'; 100 << 20]),
            ],
            "larger than allowed",
        ),
        (
            "a data file over and over",
            vec![
                (
                    "main.conf",
                    (0..100)
                        .fold(String::new(), |text, id| {
                            text + &format!("SecRule ARGS \"@pmFromFile d\" id:{id}\n")
                        })
                        .into_bytes(),
                ),
                ("d", vec![b'a'; 4 << 20]),
            ],
            "larger than allowed",
        ),
        ("no UTF-8", vec![("main.conf", b"SecAction \xff".to_vec())], "not UTF-8"),
        ("garbage", main("garbage\n".repeat(500_000)), "not supported"),
        ("open quotes", main("SecAction \"id:1\n".repeat(250_000)), "never closed"),
        ("one line of continuations", main("\\\n".repeat(2_000_000) + "x"), "not supported"),
        (
            "actions, each on a line",
            main("SecAction \"id:1".to_owned() + &",\\\nt:x".repeat(500_000) + "\""),
            "unknown transformation",
        ),
        (
            "unknown targets, each on a line",
            main("SecRule ".to_owned() + &"X|\\\n".repeat(500_000) + "X x id:1"),
            "unknown variable",
        ),
        ("many rules", main(many), "more than 20000"),
        ("many markers", main("SecMarker x\n".repeat(30_000)), "more than 20000"),
        ("many removals", main("SecRuleRemoveById 7\n".repeat(30_000)), "more than 20000"),
        ("a long chain", main(deep_chain), "more than 20000"),
        (
            "deep groups",
            main(format!("SecRule ARGS \"@rx {}{}\" id:1", "(".repeat(100_000), ")".repeat(100_000))),
            "regular expression",
        ),
        (
            "a large repetition",
            main("SecRule ARGS \"@rx ((a{1000}){1000}){1000}\" id:1".into()),
            "regular expression",
        ),
        ("a large look-ahead", main("SecRule ARGS \"@rx a(?![a-z]{50})\" id:1".into()), "look-around"),
    ] {
        let faults = load(&files).err().unwrap_or_else(|| panic!("{name} was accepted"));
        assert!(faults.iter().any(|fault| fault.message.contains(message)), "{name}: {:?}", faults.first());
        assert!(faults.len() <= LoadLimits::default().faults, "{name}: {} faults", faults.len());
        assert!(faults.iter().all(|fault| fault.message.len() < 1000), "{name} has a long message");
    }
    let rules = (0..20).fold(String::new(), |text, id| {
        text + &format!(
            "SecRule ARGS \"@rx {id}[ab]{{5000}}\" id:1{id}\nSecRule ARGS \"@pm phrase{id}\" id:2{id}\n"
        )
    });
    let files: Files = [("main.conf".to_owned(), rules.into_bytes())].into();
    for (limits, message) in [
        (
            LoadLimits { regex_total_bytes: 1 << 20, ..LoadLimits::default() },
            "regular expressions of more than 1048576 bytes",
        ),
        (LoadLimits { phrases: 10, ..LoadLimits::default() }, "more than 10 phrases"),
        (LoadLimits { phrase_bytes: 50, ..LoadLimits::default() }, "more bytes than are allowed"),
        (LoadLimits { files: 0, ..LoadLimits::default() }, "more than 0 files"),
    ] {
        let faults = Program::compile(&files, &["main.conf"], &limits).expect_err(message);
        assert!(faults[0].message.contains(message), "{message}: {}", faults[0]);
    }
}

const RULES: &str = "SecResponseBodyAccess On\nSecRequestBodyNoFilesLimit 134217728\n\
    SecRule REQUEST_HEADERS:Content-Type \"@contains json\" \"id:8,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n\
    SecRule REQUEST_HEADERS:Content-Type \"@contains xml\" \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n\
    SecRule ARGS|ARGS_NAMES|XML:/*|XML://@*|FILES|REQUEST_COOKIES \"@rx (?i)needle[^b]*b\" \"id:1,phase:2,deny,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:replaceComments,t:compressWhitespace,logdata:'%{MATCHED_VAR}'\"\n\
    SecRule ARGS \"@detectSQLi\" \"id:2,phase:2,pass,nolog\"\nSecRule ARGS \"@detectXSS\" \"id:3,phase:2,pass,nolog\"";

struct Gate {
    transaction: Transaction,
    limits: TransactionLimits,
}

impl Gate {
    fn new(rules: &str) -> Self {
        let limits = TransactionLimits { memory_bytes: 64 << 20, ..TransactionLimits::default() };
        let program = load(&[("main.conf", rules.as_bytes().to_vec())]).unwrap();
        Self { transaction: Transaction::new(Arc::new(program), limits.clone()), limits }
    }

    fn ask(&mut self, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Interruption> {
        let bytes = |text: &&str| text.as_bytes().to_vec();
        let request = Received {
            method: b"POST".to_vec(),
            target: target.as_bytes().to_vec(),
            version: b"HTTP/1.1".to_vec(),
            headers: headers.iter().map(|(name, value)| (bytes(name), bytes(value))).collect(),
            body: body.to_vec(),
        };
        let response = Response { status: 200, headers: Vec::new(), body: Vec::new() };
        let stopped = inspect(&mut self.transaction, &request, &response);
        let kept: usize = self
            .transaction
            .matches()
            .iter()
            .map(|found| found.message.len() + found.data.len() + found.variable.len())
            .sum();
        assert!(kept <= 3 * self.limits.match_bytes * self.limits.matches);
        stopped
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn hostile_requests_are_refused() {
    let many_arguments: String = (0..10_000).fold(String::new(), |text, at| text + &format!("a{at}={at}&"));
    let empty_part = "--0\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    let deep_names = (0..500).fold(String::new(), |text, _| text + &format!("{{\"{}\":", "n".repeat(50_000)))
        + "["
        + &"1,".repeat(900)
        + "1]"
        + &"}".repeat(500);
    let attributes = (0..2_000_000).fold("<a ".to_owned(), |text, at| text + &format!("b{at}=''\n")) + "/>";
    let filenames =
        (0..100_000).fold("--0\r\nContent-Disposition: form-data; name=a".to_owned(), |text, at| {
            text + &format!("; filename*=utf-8''{at}")
        }) + "\r\n\r\n\r\n--0--";
    let uninspected = |reason| (InterruptionKind::Uninspected(reason), 400);
    let coded = "the request body has a content coding, which is not undone";
    let charset = "the request body is in a charset that is not read as its bytes are";
    let field = "the field `_charset_` names a charset that is not read as its bytes are";
    let types = "the request names two types of its body, of which servers choose either";
    let json = "the JSON body is malformed";
    let arguments = uninspected("more arguments than allowed");
    let mut gate = Gate::new(RULES);
    for (name, kind, body, expected) in [
        ("10,000 arguments", FORM, many_arguments.clone().into_bytes(), arguments.clone()),
        (
            "10,000 arguments in JSON",
            "application/json",
            format!("[{}1]", "1,".repeat(10_000)).into_bytes(),
            arguments.clone(),
        ),
        (
            "JSON 100,000 deep",
            "application/json",
            "[".repeat(100_000).into_bytes(),
            uninspected("the JSON body is nested too deep"),
        ),
        ("JSON that ends early", "application/json", b"{\"a\":".to_vec(), uninspected(json)),
        ("a form sent as JSON", "application/json", b"a=b".to_vec(), uninspected(json)),
        ("JSON in UTF-16", "application/json", b"{\0\"\0a\0\"\0:\x001\0}\0".to_vec(), uninspected(json)),
        (
            "long names over many leaves",
            "application/json",
            deep_names.into_bytes(),
            (InterruptionKind::Exhausted, 503),
        ),
        (
            "XML 100,000 deep",
            "text/xml",
            "<a>".repeat(100_000).into_bytes(),
            uninspected("the XML body is nested too deep"),
        ),
        (
            "XML with entities",
            "text/xml",
            b"<!DOCTYPE a [<!ENTITY x 'y'><!ENTITY z '&x;&x;&x;'>]><a>&z;</a>".to_vec(),
            uninspected("the XML body declares entities, which are not expanded"),
        ),
        (
            "XML with attributes that it does not write out",
            "text/xml",
            b"<!DOCTYPE a [<!ATTLIST a b CDATA 'needle b'>]><a/>".to_vec(),
            uninspected("the XML body declares attributes, whose usual values are not filled in"),
        ),
        (
            "XML whose document type is elsewhere",
            "text/xml",
            b"<!DOCTYPE a SYSTEM 'http://h.example/a.dtd'><a>&x;</a>".to_vec(),
            uninspected("the XML body has its document type elsewhere, from where it is not fetched"),
        ),
        (
            "XML in UTF-16",
            "text/xml",
            b"\xff\xfe<\0a\0/\0>\0".to_vec(),
            uninspected("the XML body is malformed"),
        ),
        (
            "XML in UTF-7",
            "text/xml",
            b"<?xml version='1.0' encoding='utf-7'?><a/>".to_vec(),
            uninspected("the XML body is in an encoding that is not read as its bytes are"),
        ),
        ("two million attributes", "text/xml", attributes.into_bytes(), (InterruptionKind::Exhausted, 503)),
        (
            "a million empty parts",
            "multipart/form-data; boundary=0",
            (empty_part.repeat(1_000_000) + "--0--").into_bytes(),
            uninspected("the multipart body has more parts than allowed"),
        ),
        (
            "a part of a million headers",
            "multipart/form-data; boundary=0",
            ("--0\r\n".to_owned() + &"a:\r\n".repeat(1_000_000)).into_bytes(),
            uninspected(
                "a multipart part has a header without name, with a zero byte or a bare CR, or too many",
            ),
        ),
        (
            "a file of 100,000 names",
            "multipart/form-data; boundary=0",
            filenames.into_bytes(),
            uninspected("a Content-Disposition header names its file twice"),
        ),
        (
            "boundaries that are none",
            "multipart/form-data; boundary=0",
            "\n--0x".repeat(2_000_000).into_bytes(),
            uninspected("the last multipart boundary is missing"),
        ),
        (
            "no boundary",
            "multipart/form-data",
            b"x".to_vec(),
            uninspected("the multipart boundary is missing"),
        ),
        (
            "EBCDIC",
            "application/x-www-form-urlencoded; charset=ibm037",
            b"a=b".to_vec(),
            uninspected(charset),
        ),
        ("UTF-7", "application/json; charset=utf-7", b"{}".to_vec(), uninspected(charset)),
        (
            "EBCDIC where Tomcat finds it",
            "application/x-www-form-urlencoded; x=charset=ibm037",
            b"a=%4c".to_vec(),
            uninspected(charset),
        ),
        (
            "UTF-7 as Django decodes it",
            "application/x-www-form-urlencoded; charset*=utf-8''utf-7",
            b"a=%2BADw-".to_vec(),
            uninspected(charset),
        ),
        ("EBCDIC by a field of a form", FORM, b"_charset_=IBM037&a=%4c".to_vec(), uninspected(field)),
        (
            "UTF-16 by a part",
            "multipart/form-data; boundary=0",
            format!("{}--0--\r\n", empty_part.replace("name=a\r\n\r\n", "name=_charset_\r\n\r\nUTF-16"))
                .into_bytes(),
            uninspected(field),
        ),
    ] {
        let found = gate.ask("/", &[("Content-Type", kind)], &body).map(|found| (found.kind, found.status));
        assert_eq!(found, Some(expected), "{name}");
    }
    for (name, target, headers, body, expected) in [
        ("a query of 10,000 arguments", format!("/?{many_arguments}"), vec![], &b""[..], arguments),
        (
            "gzip",
            "/".into(),
            vec![("Content-Type", FORM), ("Content-Encoding", "gzip")],
            b"\x1f\x8b\x08x",
            uninspected(coded),
        ),
        (
            "gzip by another name",
            "/".into(),
            vec![("content-encoding", "identity, X-GZIP")],
            b"\x1f\x8b\x08x",
            uninspected(coded),
        ),
        (
            "4 GB declared",
            "/".into(),
            vec![("Content-Length", "4294967296")],
            b"",
            (InterruptionKind::BodyTooLarge, 413),
        ),
        (
            "more declared than a number holds",
            "/".into(),
            vec![("Content-Length", "99999999999999999999")],
            b"",
            (InterruptionKind::BodyTooLarge, 413),
        ),
        ("2,000 headers", "/".into(), vec![("A", "b"); 2_000], b"", (InterruptionKind::TooManyHeaders, 431)),
        (
            "a million cookies",
            "/".into(),
            vec![("Cookie", Box::leak("a=b;".repeat(1_000_000).into_boxed_str()))],
            b"",
            (InterruptionKind::Exhausted, 503),
        ),
        (
            "two types",
            "/".into(),
            vec![("Content-Type", "multipart/form-data; boundary=0"), ("Content-Type", "text/plain")],
            b"a=b",
            uninspected(types),
        ),
        (
            "two types, of which the second hides a form in a file",
            "/".into(),
            vec![("Content-Type", FORM), ("Content-Type", "multipart/form-data; boundary=0")],
            b"--0\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n&c=needle+b&\r\n--0--\r\n",
            uninspected(types),
        ),
    ] {
        let found = gate.ask(&target, &headers, body).map(|found| (found.kind, found.status));
        assert_eq!(found, Some(expected), "{name}");
    }
    // What is odd but whole passes, as long as no rule minds.
    for (name, kind, body) in [
        ("repeated keys", "application/json", &b"{\"a\":1,\"a\":2}"[..]),
        ("invalid UTF-8", FORM, b"a=\xff\xfe%ff"),
        ("a form in a charset that is read", FORM, b"_charset_=windows-1252&a=%e9"),
        ("a form of a charset that nobody filled in", FORM, b"_charset_=&a=b"),
        ("a charset that is read", "text/xml; charset=ISO-8859-1", b"<a>\xe9</a>"),
        ("no body", "application/json", b""),
        ("an unknown type", "application/octet-stream", b"\0\x01"),
    ] {
        assert_eq!(gate.ask("/", &[("Content-Type", kind)], body), None, "{name}");
    }
    // Inspected all the same: each of the keys, and what stands behind a quote that is none.
    for (kind, body) in [
        ("application/json", &b"{\"a\":\"needle b\",\"a\":1}"[..]),
        ("application/json", b"{\"a\":1,\"a\":\"needle b\"}"),
        ("text/xml", b"<!DOCTYPE a [<!-- ' -->]><a>needle b<!-- '>]><a>x --></a>"),
        ("text/xml", b"<a>&#x00000000000000006e;eedle b</a>"),
    ] {
        let found = gate.ask("/", &[("Content-Type", kind)], body);
        assert_eq!(found.and_then(|found| found.rule), Some(1), "{}", body.escape_ascii());
    }
}

/// What is kept of each value for each chain of transformations counts, too: one value that all of them change makes each chain's
/// values differ from the others'.
#[test]
fn many_values_under_many_rules_take_no_more_than_allowed() {
    let chains = ["t:lowercase", "t:urlDecodeUni", "t:htmlEntityDecode", "t:jsDecode", "t:cssDecode"];
    let rules = (0..50).fold(RULES.to_owned(), |text, at| {
        let chain = format!("{},{},{}", chains[at % 5], chains[at / 5 % 5], chains[(at + at / 25) % 5]);
        text + &format!("\nSecRule XML://@* \"@rx zz{at}\" \"id:{},phase:2,pass,nolog,{chain}\"", 100 + at)
    });
    let mut gate = Gate::new(&rules);
    let body = |count: usize| format!("<a x='zzA%41&lt;\\x41'{}/>", " b='x'".repeat(count)).into_bytes();
    for (count, expected) in [(1_000, None), (100_000, Some(InterruptionKind::Exhausted))] {
        let found = gate.ask("/", &[("Content-Type", "text/xml")], &body(count));
        assert_eq!(found.map(|found| found.kind), expected, "{count}");
    }
}

#[test]
fn a_refusal_is_the_engines_only_when_it_is_on() {
    for (rules, expected) in [
        ("SecRuleEngine On", true),
        ("SecRuleEngine DetectionOnly", false),
        ("SecRuleEngine Off", false),
        ("SecAction id:1,phase:1,allow", false),
        ("SecAction id:1,phase:1,allow:phase", true),
        ("SecAction id:1,phase:1,ctl:ruleEngine=DetectionOnly", false),
        ("SecRequestBodyLimit 3\nSecRequestBodyLimitAction ProcessPartial", false),
    ] {
        let rules = format!("SecAction id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\n{rules}");
        let mut gate = Gate::new(&rules);
        let found = gate.ask("/", &[], b"{\"a\":");
        assert_eq!(found.is_some(), expected, "{rules}");
    }
}

/// What was done to multipart parsers before (CVE-2022-48279 and its like): each is an error or raises a flag that rules see.
#[test]
fn multipart_evasions_are_seen() {
    const HEAD: &str = "Content-Disposition: form-data; name=a";
    const TYPE: &str = "multipart/form-data; boundary=0";
    let mut gate = Gate::new(
        "SecRule MULTIPART_STRICT_ERROR|MULTIPART_UNMATCHED_BOUNDARY|REQBODY_ERROR \"!@eq 0\" \"id:1,phase:2,deny,status:400\"\n\
         SecRule MULTIPART_PART_HEADERS \"@rx (?i)^content-type:.*charset=utf-7\" \"id:2,phase:2,deny,status:400\"",
    );
    for (name, kind, body) in [
        ("two dispositions", TYPE, format!("--0\r\n{HEAD}\r\n{HEAD}; filename=b\r\n\r\nx\r\n--0--\r\n")),
        ("two names", TYPE, format!("--0\r\n{HEAD}; name=b\r\n\r\nx\r\n--0--\r\n")),
        ("two file names", TYPE, format!("--0\r\n{HEAD}; filename=a; filename=b.php\r\n\r\nx\r\n--0--\r\n")),
        ("single quotes", TYPE, format!("--0\r\n{HEAD}; filename='a;b.php'\r\n\r\nx\r\n--0--\r\n")),
        (
            "an escaped backslash before a quote",
            TYPE,
            format!("--0\r\n{HEAD}; x=\"\\\\\"; filename=\"b\"\r\n\r\nx\r\n--0--\r\n"),
        ),
        ("an open quote", TYPE, format!("--0\r\n{HEAD}; filename=\"a\r\n\r\nx\r\n--0--\r\n")),
        ("no semicolon", TYPE, "--0\r\nContent-Disposition: form-data name=a\r\n\r\nx\r\n--0--\r\n".into()),
        ("no form-data", TYPE, "--0\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--0--\r\n".into()),
        ("no name", TYPE, "--0\r\nContent-Disposition: form-data\r\n\r\nx\r\n--0--\r\n".into()),
        ("no disposition", TYPE, "--0\r\nContent-Type: text/plain\r\n\r\nx\r\n--0--\r\n".into()),
        ("a header without a colon", TYPE, format!("--0\r\n{HEAD}\r\nX\r\n\r\nx\r\n--0--\r\n")),
        ("a header that ends twice", TYPE, format!("--0\r\n{HEAD}\r\r\nX: y\r\n\r\nx\r\n--0--\r\n")),
        ("a zero byte", TYPE, format!("--0\r\n{HEAD}\0\r\n\r\nx\r\n--0--\r\n")),
        ("folding", TYPE, "--0\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\nx\r\n--0--\r\n".into()),
        (
            "folding by a vertical tab",
            TYPE,
            "--0\r\nContent-Disposition: form-data;\r\n\x0bname=a\r\n\r\nx\r\n--0--\r\n".into(),
        ),
        ("lines end both ways", TYPE, format!("--0\n{HEAD}\r\n\r\nx\r\n--0--\r\n")),
        (
            "base 64",
            TYPE,
            format!("--0\r\n{HEAD}\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--0--\r\n"),
        ),
        (
            "UTF-7 in a part",
            TYPE,
            format!("--0\r\n{HEAD}\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+ADw-\r\n--0--\r\n"),
        ),
        ("text before", TYPE, format!("x\r\n--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n")),
        ("text after", TYPE, format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\nx")),
        (
            "a boundary after half a line end",
            TYPE,
            format!("--0\r\n{HEAD}\r\n\r\nx\n--0\r\n{HEAD}; filename=b\r\n\r\nx\r\n--0--\r\n"),
        ),
        (
            "a boundary after the other half",
            TYPE,
            format!("--0\r\n{HEAD}; filename=b\r\n\r\nx\r--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n"),
        ),
        ("a last boundary after half a line end", TYPE, format!("--0\r\n{HEAD}\r\n\r\nx\n--0--\r\n")),
        (
            "a file name in sections",
            TYPE,
            format!("--0\r\n{HEAD}; filename*0=a.; filename*1=php\r\n\r\nx\r\n--0--\r\n"),
        ),
        ("white space before =", TYPE, format!("--0\r\n{HEAD}; filename =b\r\n\r\nx\r\n--0--\r\n")),
        ("white space behind =", TYPE, format!("--0\r\n{HEAD}; filename= b\r\n\r\nx\r\n--0--\r\n")),
        (
            "apostrophes around a file name",
            TYPE,
            format!("--0\r\n{HEAD}'; filename=\"b\"; x=y'\r\n\r\nx\r\n--0--\r\n"),
        ),
        ("a file name that is no token", TYPE, format!("--0\r\n{HEAD}; filename=\\\r\n\r\nx\r\n--0--\r\n")),
        ("a file name of nothing", TYPE, format!("--0\r\n{HEAD}; filename=;\r\n\r\nx\r\n--0--\r\n")),
        ("a coded name", TYPE, format!("--0\r\n{HEAD}; name*=UTF-8''b\r\n\r\nx\r\n--0--\r\n")),
        (
            "a boundary amid a line",
            TYPE,
            format!("--0\r\n{HEAD}; filename=b\r\n\r\nx --0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n"),
        ),
        (
            "a boundary with a blank behind",
            TYPE,
            format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0 \r\n{HEAD}; filename=b\r\n\r\nx\r\n--0--\r\n"),
        ),
        ("a boundary with more behind", TYPE, format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0z\r\n--0--\r\n")),
        ("no last boundary", TYPE, format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0\r\n")),
        ("no blank line", TYPE, format!("--0\r\n{HEAD}\r\n--0--\r\n")),
        ("another boundary", TYPE, format!("--1\r\n{HEAD}\r\n\r\nx\r\n--1--\r\n")),
        (
            "two boundaries",
            "multipart/form-data; boundary=1; boundary=0",
            format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n"),
        ),
        (
            "two boundaries by comma",
            "multipart/form-data; boundary=1, boundary=0",
            format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n"),
        ),
        (
            "a boundary in another parameter before",
            "multipart/form-data; type=boundary=1; boundary=0",
            format!("--0\r\n{HEAD}; filename=b\r\n\r\nx\r\n--1\r\n{HEAD}\r\n\r\nx\r\n--1--\r\n--0--\r\n"),
        ),
        (
            "a boundary in another parameter behind",
            "multipart/form-data; boundary=0; type=boundary=1",
            format!("--0\r\n{HEAD}; filename=b\r\n\r\nx\r\n--1\r\n{HEAD}\r\n\r\nx\r\n--1--\r\n--0--\r\n"),
        ),
        (
            "a boundary in the name of another parameter",
            "multipart/form-data; Xboundary=1; boundary=0",
            format!("--0\r\n{HEAD}; filename=b\r\n\r\nx\r\n--1\r\n{HEAD}\r\n\r\nx\r\n--1--\r\n--0--\r\n"),
        ),
        (
            "space around =",
            "multipart/form-data; boundary =0",
            format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n"),
        ),
        (
            "a quoted boundary",
            "multipart/form-data; boundary=\"0\"",
            format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n"),
        ),
        (
            "a boundary of no allowed bytes",
            "multipart/form-data; boundary=0\u{e9}",
            format!("--0\r\n{HEAD}\r\n\r\nx\r\n--0--\r\n"),
        ),
        (
            "a malformed extended name",
            TYPE,
            format!("--0\r\n{HEAD}; filename*=utf-16''a\r\n\r\nx\r\n--0--\r\n"),
        ),
    ] {
        let found = gate.ask("/", &[("Content-Type", kind)], body.as_bytes());
        assert_eq!(found.map(|found| found.status), Some(400), "{name}");
    }
    let plain = format!(
        "--0\r\n{HEAD}\r\n\r\nx\r\n--0\r\n{HEAD}; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\ny\r\n--0--\r\n"
    );
    assert_eq!(gate.ask("/", &[("Content-Type", TYPE)], plain.as_bytes()), None);
    let browser = "multipart/form-data; boundary=----WebKitFormBoundary0a";
    let body = format!(
        "------WebKitFormBoundary0a\r\n{HEAD}; filename*=UTF-8''na%C3%AFef.txt; filename=\"n'f.txt\"\r\n\r\ny\r\n------WebKitFormBoundary0a--\r\n"
    );
    assert_eq!(gate.ask("/", &[("Content-Type", browser)], body.as_bytes()), None);
}

/// What some servers read as a field is one, though it names a file.
#[test]
fn a_file_that_some_servers_take_for_a_field_is_inspected() {
    let mut gate = Gate::new("SecRule ARGS:a \"@streq attack\" \"id:1,phase:2,deny,status:403\"");
    for (names, inspected) in [
        ("", true),
        ("; filename=\"\"", true),
        ("; filename*=UTF-8''b.txt", true),
        ("; filename=\"\"; filename*=UTF-8''b.txt", true),
        ("; filename=\"b.txt\"; filename*=UTF-8''", true),
        ("; filename*=UTF-8''; filename=\"b.txt\"", true),
        ("; filename=\"b.txt\"", false),
        ("; filename=\"b.txt\"; filename*=UTF-8''b.txt", false),
    ] {
        let body = format!(
            "--0\r\nContent-Disposition: form-data; name=a{names}\r\nContent-Type: text/plain\r\n\r\nattack\r\n--0--\r\n"
        );
        let found = gate.ask("/", &[("Content-Type", "multipart/form-data; boundary=0")], body.as_bytes());
        assert_eq!(found.map(|found| found.status), inspected.then_some(403), "{names}");
    }
}

/// Rack before 3, CGI.pm and old Python part arguments by it.
#[test]
fn what_stands_behind_a_semicolon_is_an_argument_of_its_own() {
    let mut gate = Gate::new(
        "SecRule ARGS \"@detectSQLi\" \"id:1,phase:2,deny,status:403\"\nSecRule ARGS:sort \"!@rx ^[a-z]+$\" \"id:2,phase:2,deny,status:403\"",
    );
    for (target, refused) in [
        ("/?x=vermist;name=x'+or+'1'='1", true),
        ("/?x=1;sort=a.b", true),
        ("/?sort=name;x=1", true),
        ("/?x=1;y=2", false),
        ("/?x=1&amp;sort=name", false),
        ("/?x=1%3Bsort%3Da.b", false),
    ] {
        assert_eq!(gate.ask(target, &[], b"").is_some(), refused, "{target}");
        let body = &target.as_bytes()[2..];
        assert_eq!(gate.ask("/", &[("Content-Type", FORM)], body).is_some(), refused, "a form: {target}");
    }
    let text = gate.ask("/", &[("Content-Type", "text/plain")], b"x;sort=a.b");
    assert_eq!(text, None);
}

/// Go's decoder, and others that are told to, do not look at the type.
#[test]
fn json_in_a_form_is_inspected_as_json_too() {
    let mut gate = Gate::new("SecRule ARGS:json.a \"@streq '\" \"id:1,phase:2,deny,status:403\"");
    for (body, status) in [
        (r#"{"a":"\u0027"}"#, Some(403)),
        ("\u{feff} {\"a\":[1,\"\\u0027\"]", Some(403)),
        ("a={\"a\":\"'\"}", None),
        ("[a]=b&c=%7B", None),
        ("{a:b}", None),
    ] {
        let found = gate.ask("/", &[("Content-Type", FORM)], body.as_bytes());
        assert_eq!(found.map(|found| found.status), status, "{body}");
    }
}

/// Python, Tomcat and Jetty read cookies in quotes as RFC 2109 had them.
#[test]
fn a_cookie_in_quotes_is_inspected_as_servers_read_it() {
    let mut gate = Gate::new("SecRule REQUEST_COOKIES:a \"@rx ^1;?'\" \"id:1,phase:1,deny,status:403\"");
    for (cookies, inspected) in [
        ("a=1'", true),
        ("a=\"1'\"", true),
        (r#"a="\061\047""#, true),
        (r#"b=2; a= "\1\'""#, true),
        (r#"a="1;\047""#, true),
        (r#"b="2; a="\061\047""#, true),
        (r#"a=1\' b="2""#, true),
        (r#"a="1\047"#, false),
        (r#"a="2"; b="1\047""#, false),
    ] {
        let found = gate.ask("/", &[("Cookie", cookies)], b"");
        assert_eq!(found.map(|found| found.status), inspected.then_some(403), "{cookies}");
    }
}

/// An eighth of a megabyte of what each transformation, detector and body processor likes least. Milliseconds each; what is
/// quadratic takes a minute.
#[test]
fn no_value_is_super_linear() {
    const TRANSFORMATIONS: &str = "base64Decode base64DecodeExt base64Encode cmdLine compressWhitespace cssDecode escapeSeqDecode hexDecode hexEncode htmlEntityDecode jsDecode length lowercase md5 normalizePath normalizePathWin parityEven7bit removeComments removeCommentsChar removeNulls removeWhitespace replaceComments replaceNulls sha1 sqlHexDecode trim trimLeft trimRight uppercase urlDecode urlDecodeUni urlEncode utf8toUnicode";
    let patterns = [
        "a",
        "/",
        "/*",
        "*/",
        "/../",
        "../",
        "/./",
        "\\",
        "\\u",
        "\\x",
        "\\0",
        "%",
        "%u",
        "%25",
        "&",
        "&#",
        "&#x",
        "&amp",
        "<",
        "<!--",
        "-->",
        "<a ",
        "<a b=",
        "='",
        "`",
        "'",
        "\"",
        "\" ",
        "x'",
        "(",
        "((",
        ")",
        ";",
        "--",
        "-- ",
        "#",
        "\n#",
        " or ",
        "1 or ",
        "select ",
        "union all ",
        "0x",
        "e1",
        "@",
        "@@",
        "{",
        "}",
        "<![CDATA[",
        "<?",
        "<%",
        "</",
        "/>",
        "on",
        "onx=",
        "style=",
        "javascript:",
        "&#106;",
        "\0",
        "\u{e9}",
        " ",
        "\t \n",
        "1",
        "1e",
        ".",
        "1.",
        "$$",
        "$a$",
        "q'(",
        "n'",
        "b'1",
        "u&'",
    ];
    let quickly = |name: &str, pattern: &str, work: &mut dyn FnMut(&str)| {
        let value = pattern.repeat((128 << 10) / pattern.len());
        let start = Instant::now();
        work(&value);
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{name} of {pattern:?} took {:?}",
            start.elapsed()
        );
    };
    for transformation in TRANSFORMATIONS.split(' ') {
        let rules = format!(
            "SecRule REQUEST_HEADERS:X \"@rx zzz(?:y+z)*$\" \"id:1,phase:1,deny,t:none,t:{transformation}\""
        );
        let mut gate = Gate::new(&rules);
        for pattern in patterns {
            quickly(transformation, pattern, &mut |value| {
                assert_eq!(gate.ask("/", &[("X", value)], b""), None);
            });
        }
    }
    let mut gate =
        Gate::new("SecRule REQUEST_COOKIES|REQUEST_COOKIES_NAMES \"@rx zzz\" \"id:1,phase:1,deny\"");
    for pattern in patterns.into_iter().chain(["a=\"; ", "a=\"\\\"; ", "a=\";\\"]) {
        quickly("cookies", pattern, &mut |value| {
            gate.ask("/", &[("Cookie", &format!("a={value}"))], b"");
        });
    }
    let mut gate = Gate::new(RULES);
    for pattern in patterns {
        for prefix in ["", "'", "\"", "1 ", "<a "] {
            quickly("detection", pattern, &mut |value| {
                let value = format!("{prefix}{value}");
                std::hint::black_box((detect::sqli(value.as_bytes()), detect::xss(value.as_bytes())));
            });
        }
        for (kind, prefix) in [
            (FORM, ""),
            ("application/json", ""),
            ("application/json", "{\"a\":\""),
            ("text/xml", ""),
            ("text/xml", "<a>"),
            ("multipart/form-data; boundary=0", ""),
            ("multipart/form-data; boundary=0", "--0\r\n"),
        ] {
            quickly(kind, pattern, &mut |value| {
                gate.ask("/", &[("Content-Type", kind)], format!("{prefix}{value}").as_bytes());
            });
        }
    }
}

/// Editors on Windows begin a file with one.
#[test]
fn a_byte_order_mark_is_no_directive() {
    let with = |text: &str| {
        let files: Files = [("main.conf".to_owned(), text.as_bytes().to_vec())].into();
        Program::compile(&files, &["main.conf"], &LoadLimits::default()).map(drop)
    };
    assert!(with("\u{feff}# rules\nSecRuleEngine On\n").is_ok());
    assert!(with("# rules\n\u{feff}SecRuleEngine On\n").is_err(), "elsewhere it is");
}
