//! Rules tried on an ordinary request before a gate runs on them: a set that refuses everybody, or does not do what the source's file
//! says, is found at load and not by officers.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use poort_waf::{Engine, Opening, Program, Transaction, TransactionLimits, Verdict};

use crate::config::{Fault, checked::waf::Waf};

/// The members of `TX` that a source's file sets, in CRS and in the gate's own rules.
const INBOUND_THRESHOLD: &str = "inbound_anomaly_score_threshold";
const OUTBOUND_THRESHOLD: &str = "outbound_anomaly_score_threshold";

const HEADERS: [(&[u8], &[u8]); 4] = [
    (b"host", b"register.example"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"text/html,application/json;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"nl-BE,nl;q=0.8,fr;q=0.6"),
];

/// What an ordinary request and its answer show to be wrong.
pub(super) fn faults(waf: &Waf, program: &Arc<Program>) -> Vec<Fault> {
    let mut transaction = Transaction::new(Arc::clone(program), TransactionLimits::default());
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    transaction.open(&Opening { id: "trial", now: 0, client: (address, 0), server: (address, 443) });
    transaction.set_engine(Engine::On);
    transaction.set_tx(INBOUND_THRESHOLD, &waf.thresholds.inbound.to_string());
    transaction.set_tx(OUTBOUND_THRESHOLD, &waf.thresholds.outbound.to_string());
    let fault = |message: String| Fault { place: waf.place.clone(), message };
    if let Some(rule) = refusing(&mut transaction) {
        return vec![fault(format!(
            "an ordinary request is refused by {rule}; check that all files of the rule set are named, in its order"
        ))];
    }
    let expected = [
        (INBOUND_THRESHOLD, "thresholds: { inbound: … }", waf.thresholds.inbound),
        (OUTBOUND_THRESHOLD, "thresholds: { outbound: … }", waf.thresholds.outbound),
    ];
    let told_otherwise = expected.iter().filter_map(|(name, key, wanted)| {
        let found = String::from_utf8_lossy(transaction.tx(name)?).into_owned();
        (found != wanted.to_string()).then(|| {
            fault(format!(
                "the rule files set `tx.{name}` to `{found}`, and this means `{wanted}`; leave it to `{key}`, and remove that rule"
            ))
        })
    });
    told_otherwise.collect()
}

/// Which rule refuses; its message with it.
fn refusing(transaction: &mut Transaction) -> Option<String> {
    transaction.request_line(b"GET", b"/register?name=peeters", b"HTTP/1.1");
    HEADERS.iter().for_each(|(name, value)| transaction.request_header(name, value));
    let mut verdicts = vec![transaction.phase1()];
    verdicts.push(transaction.phase2());
    transaction.response_line(200, b"HTTP/1.1");
    transaction.response_header(b"content-type", b"text/html; charset=utf-8");
    verdicts.push(transaction.phase3());
    verdicts.push(transaction.response_body(b"<!doctype html><title>Register</title><p>Nothing found."));
    verdicts.push(transaction.phase4());
    let refused = verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Continue => None,
        Verdict::Interrupt(interruption) => Some(interruption.rule),
    })?;
    let rule = refused.map_or_else(|| "a limit".to_owned(), |rule| format!("rule `{rule}`"));
    let why: Vec<_> = transaction.matches().iter().map(|found| format!("`{}`", found.message)).collect();
    Some(if why.is_empty() { rule } else { format!("{rule} ({})", why.join(", ")) })
}
