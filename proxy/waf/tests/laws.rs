//! What holds for any input: what a client encodes comes out of the processors as it was, and how a request is handed over does
//! not change what is said of it.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use poort_waf::{Files, LoadLimits, Opening, Program, Transaction, TransactionLimits, Verdict};
use proptest::prelude::*;

const RULES: &str = "SecRule REQUEST_HEADERS:Content-Type \"@contains json\" \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n\
    SecRule REQUEST_HEADERS:Content-Type \"@contains xml\" \"id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n\
    SecRule ARGS|XML:/*|XML://@* \"@unconditionalMatch\" \"id:3,phase:2,pass,msg:'%{MATCHED_VAR_NAME}',logdata:'%{MATCHED_VAR}'\"\n\
    SecRule ARGS|REQUEST_COOKIES \"@rx (?i)select.+from\" \"id:4,phase:2,deny,t:urlDecodeUni,t:replaceComments,t:compressWhitespace\"";

fn transaction() -> Transaction {
    let files: Files = [("main.conf".to_owned(), RULES.as_bytes().to_vec())].into();
    let program = Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap();
    Transaction::new(Arc::new(program), TransactionLimits::default())
}

type Seen = (Verdict, Vec<(u64, String, String)>, u64);

fn run(transaction: &mut Transaction, target: &str, kind: &str, pieces: &[&[u8]]) -> Seen {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    transaction.open(&Opening { id: "id", now: 0, client: (address, 1), server: (address, 2) });
    transaction.request_line(b"POST", target.as_bytes(), b"HTTP/1.1");
    transaction.request_header(b"Content-Type", kind.as_bytes());
    assert_eq!(transaction.phase1(), Verdict::Continue);
    for piece in pieces {
        assert_eq!(transaction.request_body(piece), Verdict::Continue);
    }
    let verdict = transaction.phase2();
    let matches = transaction.matches().iter();
    let matches = matches.map(|found| (found.rule.id, found.message.clone(), found.data.clone())).collect();
    (verdict, matches, transaction.fuel())
}

/// The value of the one thing that rule 3 sees in a body.
fn value(kind: &str, body: &str) -> Option<String> {
    let (_, matches, _) = run(&mut transaction(), "/", kind, &[body.as_bytes()]);
    matches.into_iter().find(|(id, _, data)| *id == 3 && !data.is_empty()).map(|(_, _, data)| data)
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            },
        )
        .collect()
}

fn json(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()
}

fn xml(text: &str) -> String {
    text.chars().map(|char| format!("&#{};", u32::from(char))).collect()
}

proptest! {
    #[test]
    fn what_is_encoded_comes_out_as_it_was(text in "[^\\x00]{1,40}") {
        for (kind, body) in [
            ("application/x-www-form-urlencoded", format!("a={}", percent(&text))),
            ("application/json", format!("{{\"a\":[\"{}\"]}}", json(&text))),
            ("text/xml", format!("<a>{}</a>", xml(&text))),
            ("text/xml", format!("<a b=\"{}\"/>", xml(&text))),
            ("multipart/form-data; boundary=-b-", format!("---b-\r\nContent-Disposition: form-data; name=a\r\n\r\n{text}\r\n---b---\r\n")),
        ] {
            prop_assert_eq!(value(kind, &body), Some(text.clone()), "{} {}", kind, body);
        }
    }

    #[test]
    fn names_come_out_of_multipart_as_they_were(name in "[^\\x00-\\x1f\\x7f]{1,20}") {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let body = format!("--b\r\nContent-Disposition: form-data; name=\"{quoted}\"\r\n\r\nx\r\n--b--\r\n");
        let (_, matches, _) = run(&mut transaction(), "/", "multipart/form-data; boundary=b", &[body.as_bytes()]);
        prop_assert_eq!(&matches[0].1, &format!("ARGS:{name}"));
    }

    #[test]
    fn pieces_and_reuse_change_nothing(
        target in "/[a-z%?&=+' ;-]{0,30}",
        kind in prop::sample::select(vec!["application/x-www-form-urlencoded", "application/json", "text/xml", "multipart/form-data; boundary=0"]),
        body in "(select|from|[a-z<>/\"'{}:,=&%\\[\\]\r\n -]|--0|/\\*){0,60}",
        cut in 0_usize..60,
    ) {
        let whole = run(&mut transaction(), &target, kind, &[body.as_bytes()]);
        let (one, two) = body.as_bytes().split_at(cut.min(body.len()));
        let mut worn = transaction();
        for _ in 0..3 {
            prop_assert_eq!(&run(&mut worn, &target, kind, &[one, two]), &whole);
            run(&mut worn, "/?x=select/**/1/**/from", "text/xml", &[b"<a b='c'>".as_slice()]);
        }
    }
}

/// Conditions of all kinds: with literals, with rare bytes, with a choice of such, with neither; after transformations or before.
const CONDITIONS: [&str; 14] = [
    "ARGS \"@rx (?i)select.+from\" \"t:none",
    "ARGS \"@rx (?i)select.+from\" \"t:none,t:urlDecodeUni,t:lowercase",
    "ARGS \"@rx union|[;<][a-z]\" \"t:none",
    "ARGS \"@rx (?:[;<]|a.*'|select-)[a-z]{2}\" \"t:none",
    "ARGS \"@rx (?:[;<]|a.*'|select-)[a-z]{2}\" \"t:none,t:lowercase,t:removeWhitespace",
    "ARGS \"@rx ^(?:a|select|')$\" \"t:none",
    "ARGS \"@rx ^sel\" \"t:none,t:lowercase",
    "ARGS \"@rx [a-z] [a-z]\" \"t:none",
    "ARGS \"@rx '--$\" \"t:none",
    "ARGS \"@rx <.*>|''\" \"t:none,t:htmlEntityDecode",
    "ARGS \"@pm from union ;--\" \"t:none",
    "ARGS \"@pm select< <b\" \"t:none,t:removeWhitespace",
    "ARGS \"@contains '-\" \"t:none",
    "ARGS \"@rx .\" \"t:none",
];

fn program(rules: impl Iterator<Item = String>) -> Transaction {
    let text: String = rules
        .enumerate()
        .map(|(id, rule)| format!("SecRule {rule},phase:2,pass,id:{}\"\n", id + 1))
        .collect();
    let files: Files = [("main.conf".to_owned(), text.into_bytes())].into();
    let program = Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap();
    Transaction::new(Arc::new(program), TransactionLimits::default())
}

/// The numbers of the rules that match, from 0.
fn found(transaction: &mut Transaction, values: &[String]) -> Vec<usize> {
    let pairs: Vec<String> =
        values.iter().enumerate().map(|(at, value)| format!("{at}={}", percent(value))).collect();
    let (_, matches, _) = run(transaction, &format!("/?{}", pairs.join("&")), "text/plain", &[]);
    matches.iter().map(|(id, ..)| usize::try_from(*id).unwrap() - 1).collect()
}

proptest! {
    /// What is looked at before an operator is asked never decides otherwise: a condition that is turned round is asked of every value.
    #[test]
    fn rules_together_find_what_their_operators_find(
        values in prop::collection::vec("(select|union|from|a|--|[a-z '<>;&%A-]){0,7}", 1..6),
        multi in any::<bool>(),
    ) {
        let rule = |condition: &&str| format!("{condition}{}", if multi { ",multiMatch" } else { "" });
        let together = found(&mut program(CONDITIONS.iter().map(rule)), &values);
        let alone: Vec<usize> = (0..CONDITIONS.len())
            .filter(|at| !found(&mut program(CONDITIONS.iter().skip(*at).take(1).map(rule)), &values).is_empty())
            .collect();
        prop_assert_eq!(&together, &alone);
        if multi {
            return Ok(());
        }
        let turned = |condition: &&str| condition.replacen("\"@", "\"!@", 1);
        let mut turned = program(CONDITIONS.iter().map(turned));
        let others: Vec<Vec<usize>> = values.iter().map(|value| found(&mut turned, std::slice::from_ref(value))).collect();
        let asked: Vec<usize> = (0..CONDITIONS.len()).filter(|at| others.iter().any(|other| !other.contains(at))).collect();
        prop_assert_eq!(&together, &asked);
    }
}
