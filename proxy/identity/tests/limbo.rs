//! x509-limbo: certification paths that must and must not be accepted, judged as a device's would be.
//!
//! Most cases are about servers. Their leaves are not for clients, and many are wildcards; so a case counts as accepted when nothing but
//! its purpose or its name kept the leaf from standing for a device (the judgement comes to those last). Out of scope are the cases that
//! must fail because the leaf has another name than the server that was asked for, or a name no server may have: a device is not asked
//! for by name.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

mod shared;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, CertificateRevocationListDer};
use poort_identity::{Anchors, DeviceFault, RevocationRule, Revocations, Trust, Unfit};
use serde_json::Value;

const AKI: &str = "key identifiers help to find a path and prove nothing; webpki builds it by name and key";
const PURPOSE: &str =
    "about the purpose of a server's leaf; a device's must have clientAuth, which the unit tests cover";
const NO_ROLE: &str = "a rule for authorities on how to issue, which opens nothing when it is broken";
const CAUTION: &str = "webpki supports less than the RFC allows, and refuses";
const DEPTH: &str = "no such setting here: a chain has at most 6 certificates";
const MAIL: &str = "webpki refuses constraints on mail addresses; and one is no device's name";
const CLIENTS: &str = "the authority's extended key usage is for servers only";

/// Every case that comes out otherwise: what comes out here, and why it is right.
#[rustfmt::skip]
const DISAGREEMENTS: &[(&str, &str, &str)] = &[
    ("crl::crlnumber-critical", "accepted", NO_ROLE),
    ("crl::crlnumber-missing", "accepted", NO_ROLE),
    ("cve::cve-2024-0567", "certificate_foreign", "ten certificates are sent; more than 6 are refused, to bound what a stranger can make us search"),
    ("online::bing.com", "unfit authority", CLIENTS),
    ("online::fastly.com", "anchor", "the root's serial number is zero"),
    ("online::microsoft.com", "unfit authority", CLIENTS),
    ("pathlen::max-chain-depth-0-exhausted", "accepted", DEPTH),
    ("pathlen::max-chain-depth-1-exhausted", "accepted", DEPTH),
    ("pathlen::self-issued-certs-pathlen", "certificate_foreign", CAUTION),
    ("pathlen::validation-ignores-pathlen-in-leaf", "authority as leaf", "an authority is no device"),
    ("pathological::nc-dos-3", "accepted", "not wrong, only costly; webpki bounds the comparisons of one search"),
    ("rfc5280::aki::cross-signed-root-missing-aki", "accepted", AKI),
    ("rfc5280::aki::intermediate-missing-aki", "accepted", AKI),
    ("rfc5280::aki::leaf-missing-aki", "accepted", AKI),
    ("rfc5280::ca-as-leaf", "authority as leaf", "an authority is no device"),
    ("rfc5280::eku::ee-wrong-eku", "accepted", "the leaf is for clients, as a device's must be"),
    ("rfc5280::nc::invalid-dnsname-leading-period", "accepted", "everybody reads `.example.com` as any name below example.com"),
    ("rfc5280::nc::nc-permits-email-domain", "certificate_foreign", MAIL),
    ("rfc5280::nc::nc-permits-email-exact", "certificate_foreign", MAIL),
    ("rfc5280::nc::nc-permits-email-literal-asterisk-exact-match", "certificate_foreign", MAIL),
    ("rfc5280::nc::nc-permits-email-literal-double-asterisk", "certificate_foreign", MAIL),
    ("rfc5280::nc::nc-permits-email-literal-mid-asterisk", "certificate_foreign", MAIL),
    ("rfc5280::nc::permitted-dn-match", "certificate_foreign", CAUTION),
    ("rfc5280::nc::permitted-dns-match-noncritical", "accepted", "the constraint is obeyed, critical or not; webpki::nc::permitted-dns-match-noncritical wants the opposite"),
    ("rfc5280::nc::permitted-self-issued", "certificate_foreign", CAUTION),
    ("rfc5280::pc::ica-noncritical-pc", "accepted", NO_ROLE),
    ("rfc5280::root-non-critical-basic-constraints", "accepted", NO_ROLE),
    ("rfc5280::san::ip-in-dns", "accepted", "about the server's name; as a device's it is refused (unit tests)"),
    ("rfc5280::san::noncritical-with-empty-subject", "accepted", NO_ROLE),
    ("rfc5280::san::underscore-dns", "accepted", "hosts of Windows domains have such names"),
    ("rfc5280::ski::intermediate-missing-ski", "accepted", AKI),
    ("rfc5280::ski::root-missing-ski", "accepted", AKI),
    ("rfc5280::unknown-critical-extension-unrelated-root", "anchor", "every anchor must be sound, needed or not: the fault is told when it is loaded"),
    ("webpki::aki::root-with-aki-all-fields", "accepted", AKI),
    ("webpki::aki::root-with-aki-authoritycertissuer", "accepted", AKI),
    ("webpki::aki::root-with-aki-authoritycertserialnumber", "accepted", AKI),
    ("webpki::aki::root-with-aki-missing-keyidentifier", "accepted", AKI),
    ("webpki::aki::root-with-aki-ski-mismatch", "accepted", AKI),
    ("webpki::eku::ee-anyeku", "accepted", PURPOSE),
    ("webpki::eku::ee-critical-eku", "accepted", PURPOSE),
    ("webpki::eku::ee-without-eku", "accepted", PURPOSE),
    ("webpki::eku::root-has-eku", "accepted", NO_ROLE),
    ("webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf", "accepted", NO_ROLE),
    ("webpki::forbidden-rsa-not-divisible-by-8-in-root", "accepted", NO_ROLE),
    ("webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences", "accepted", "constraints that constrain nothing"),
    ("webpki::nc::intermediate-permitted-excluded-subtrees-both-null", "accepted", "constraints that constrain nothing"),
];

struct Case<'a>(&'a Value);

impl Case<'_> {
    fn certificates(&self, name: &str) -> Vec<CertificateDer<'static>> {
        let texts = self.0[name].as_array().unwrap().iter();
        texts.map(|pem| CertificateDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).unwrap()).collect()
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        let leaf = self.0["peer_certificate"].as_str().unwrap();
        let mut chain = vec![CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap()];
        chain.extend(self.certificates("untrusted_intermediates"));
        chain
    }

    fn crls(&self) -> Vec<Vec<u8>> {
        let texts = self.0["crls"].as_array().unwrap().iter();
        texts
            .map(|pem| {
                CertificateRevocationListDer::from_pem_slice(pem.as_str().unwrap().as_bytes())
                    .unwrap()
                    .to_vec()
            })
            .collect()
    }

    /// When the case happens; those that do not say were made in 2023 for any time.
    fn time(&self) -> SystemTime {
        let text = self.0["validation_time"].as_str().unwrap_or("2024-06-01T00:00:00+00:00");
        assert!(text.ends_with("+00:00"), "{text}");
        let text = text.get(..19).unwrap();
        let parts: Vec<u64> = text.split(['-', 'T', ':']).map(|part| part.parse().unwrap()).collect();
        let [year, month, day, hour, minute, second] = parts[..] else { panic!("{text}") };
        let days: u64 = (1970..year).map(|year| if year % 4 == 0 { 366 } else { 365 }).sum::<u64>()
            + [31, 28 + u64::from(year % 4 == 0), 31, 30, 31, 30, 31, 31, 30, 31, 30][..month as usize - 1]
                .iter()
                .sum::<u64>()
            + day
            - 1;
        SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    /// `accepted`, or what kept it from being so.
    fn outcome(&self) -> &'static str {
        let now = self.time();
        let Ok(anchors) = Anchors::new(&self.certificates("trusted_certs"), now) else { return "anchor" };
        let crls = self.crls();
        let Ok(revocations) = Revocations::new(&crls, &anchors, now) else { return "crl" };
        let rule = RevocationRule { required: !crls.is_empty(), grace: Duration::ZERO };
        let trust = Trust::new(anchors, revocations, rule);
        match trust.judge(&self.chain(), now).map_err(|rejected| rejected.fault) {
            Ok(_)
            | Err(
                DeviceFault::Nameless | DeviceFault::Unfit(Unfit::Purpose | Unfit::NoPurpose | Unfit::Name),
            ) => "accepted",
            Err(DeviceFault::Unfit(Unfit::Issuer)) => "unfit authority",
            Err(DeviceFault::Unfit(Unfit::Authority)) => "authority as leaf",
            Err(fault) => fault.code(),
        }
    }

    fn is_about_server_names(&self) -> bool {
        let id = self.0["id"].as_str().unwrap();
        id.starts_with("webpki::cn::") || id.starts_with("webpki::san::")
    }
}

#[test]
fn paths() {
    let Some(vectors) = shared::vectors("limbo.json") else { return };
    let (mut agreed, mut names) = (BTreeMap::new(), 0);
    let mut disagreements = BTreeMap::new();
    for value in vectors["testcases"].as_array().unwrap() {
        let case = Case(value);
        let (outcome, wanted) = (case.outcome(), value["expected_result"].as_str().unwrap());
        if (outcome == "accepted") == (wanted == "SUCCESS") {
            *agreed.entry(wanted).or_insert(0) += 1;
        } else if case.is_about_server_names() {
            names += 1;
        } else {
            disagreements.insert(value["id"].as_str().unwrap(), outcome);
        }
    }
    let expected: BTreeMap<_, _> = DISAGREEMENTS.iter().map(|&(id, outcome, _)| (id, outcome)).collect();
    for (id, outcome) in &disagreements {
        assert_eq!(
            expected.get(id),
            Some(outcome),
            "{id}: comes out otherwise than x509-limbo and this table say"
        );
    }
    assert_eq!(disagreements.len(), expected.len(), "a case in the table agrees now: take it out");
    // Counted, so that cases which are passed over by mistake do not go unnoticed.
    assert_eq!((agreed["SUCCESS"], agreed["FAILURE"], names), (48, 89, 25));
}
