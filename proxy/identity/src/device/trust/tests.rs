//! What is admitted, what is judged, and the reasons.

use super::super::test_authority::{
    Authority, DAY, authority, authority_params, below, device_params, issue, key, list, list_params, now,
};
use super::*;
use proptest::prelude::{any, prop_assert, proptest};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension,
    ExtendedKeyUsagePurpose as Purpose, IsCa, KeyUsagePurpose, SanType, SerialNumber, SubjectPublicKeyInfo,
    date_time_ymd,
};

const STRICT: RevocationRule = RevocationRule { required: true, grace: Duration::ZERO };
const LENIENT: RevocationRule = RevocationRule { required: false, grace: Duration::ZERO };

fn trust(authorities: &[&Authority], crls: &[Vec<u8>], rule: RevocationRule) -> Trust {
    let ders: Vec<_> = authorities.iter().map(|authority| authority.der().clone()).collect();
    let anchors = Anchors::new(&ders, now()).unwrap();
    let revocations = Revocations::new(crls, &anchors, now()).unwrap();
    Trust::new(anchors, revocations, rule)
}

fn fault(trust: &Trust, chain: &[CertificateDer<'_>], at: SystemTime) -> Option<DeviceFault> {
    trust.judge(chain, at).err().map(|rejected| rejected.fault)
}

#[test]
fn a_device_of_ours_is_what_its_certificate_says() {
    let root = authority("Root, of trust");
    let mut params = device_params(12);
    params.serial_number = Some(SerialNumber::from_slice(&[0xab, 0x01]));
    let leaf = issue(&params, &root);
    let judged =
        trust(&[&root], &[list(&root, &[])], STRICT).judge(std::slice::from_ref(&leaf), now()).unwrap();
    let expected = Certificate {
        name: "spiffe://zone.example/device/car-12".to_owned(),
        kind: super::super::NameKind::Spiffe,
        serial: "ab01".to_owned(),
        sha256: aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &leaf).as_ref().try_into().unwrap(),
        issuer: "CN=Root\\, of trust".to_owned(),
        not_before: SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600),
        not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(2_051_222_400),
    };
    assert_eq!(judged, expected);
}

#[test]
fn an_older_list_does_not_take_the_place_of_a_newer_one() {
    let (root, other, namesake) = (authority("Root"), authority("Other"), authority("Root"));
    let older = |issuer: &Authority, serials: &[u64]| {
        let mut params = list_params(serials);
        params.this_update = date_time_ymd(2029, 12, 30);
        params.signed_by(issuer).unwrap().der().to_vec()
    };
    let stolen = issue(&device_params(7), &root);
    let stolen = std::slice::from_ref(&stolen);
    let in_force = trust(&[&root, &other], &[list(&root, &[7]), older(&other, &[])], STRICT);

    let back = trust(&[&root, &other], &[older(&root, &[]), list(&other, &[])], STRICT);
    assert_eq!(fault(&back, stolen, now()), None, "it was revoked later");
    let (back, named) = back.after(&in_force);
    assert_eq!(fault(&back, stolen, now()), Some(DeviceFault::Revoked));
    assert_eq!(named, ["CN=Root"], "the other one's is newer");

    let (newer, named) = trust(&[&root], &[list(&root, &[])], STRICT).after(&back);
    assert_eq!((fault(&newer, stolen, now()), named.len()), (None, 0), "as new: it counts");
    let (another, named) = trust(&[&namesake], &[older(&namesake, &[7])], STRICT).after(&back);
    assert_eq!((another.revocations().ages(now()).len(), named.len()), (1, 0), "another's of that name");
    let (none, named) = trust(&[&root], &[], LENIENT).after(&back);
    assert_eq!((fault(&none, stolen, now()), named.len()), (None, 0), "a list that is not named is none");
}

#[test]
fn the_handshake_takes_what_is_ours_and_nothing_else() {
    let root = authority("Root");
    let issuing = below("Issuing", &root);
    let namesake = authority("Root");
    let ours = trust(&[&root], &[list(&root, &[7])], STRICT);
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2026, 1, 1);
    let with = |issuer: &Authority, change: &dyn Fn(&mut CertificateParams)| {
        let mut params = device_params(7);
        change(&mut params);
        issue(&params, issuer)
    };
    let unchanged = |_: &mut CertificateParams| {};
    let late_root_leaf = with(&issuing, &expired);
    let cases = [
        ("revoked", vec![with(&root, &unchanged)], true),
        ("expired", vec![with(&root, &expired)], true),
        ("not yet valid", vec![with(&root, &|params| params.not_before = date_time_ymd(2034, 1, 1))], true),
        ("unfit", vec![with(&root, &|params| params.extended_key_usages.clear())], true),
        ("nameless", vec![with(&root, &|params| params.subject_alt_names.clear())], true),
        ("over an issuing authority", vec![with(&issuing, &unchanged), issuing.der().clone()], true),
        ("root sent too", vec![with(&issuing, &unchanged), issuing.der().clone(), root.der().clone()], true),
        ("expired below an issuing authority", vec![late_root_leaf, issuing.der().clone()], true),
        ("nothing", vec![], false),
        ("by a namesake", vec![with(&namesake, &unchanged)], false),
        ("by a namesake that is sent too", vec![with(&namesake, &unchanged), namesake.der().clone()], false),
        ("issuing authority not sent", vec![with(&issuing, &unchanged)], false),
        ("self-signed", vec![device_params(7).self_signed(&key()).unwrap().der().clone()], false),
        ("an authority", vec![issuing.der().clone()], false),
        ("the anchor itself", vec![root.der().clone()], false),
        ("not a certificate", vec![vec![0x30, 0].into()], false),
        ("seven certificates", vec![with(&root, &unchanged); 7], false),
        ("too many bytes", vec![with(&root, &unchanged), vec![0; 65 * 1024].into()], false),
    ];
    for (case, chain, admitted) in cases {
        assert_eq!(ours.admits(&chain).is_ok(), admitted, "{case}");
        if !admitted {
            assert!(
                ours.judge(&chain, now()).is_err_and(|rejected| rejected.certificate.is_none()),
                "{case}"
            );
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_unfit_leaf_has_its_reason() {
    let root = authority("Root");
    let ours = trust(&[&root], &[], LENIENT);
    let critical = || {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
        extension.set_criticality(true);
        extension
    };
    let harmless = || CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
    type Change = Box<dyn Fn(&mut CertificateParams)>;
    let cases: Vec<(&str, Change, Option<Unfit>)> = vec![
        ("as it should be", Box::new(|_| ()), None),
        ("no key usage", Box::new(|params| params.key_usages.clear()), None),
        ("unknown extension", Box::new(move |params| params.custom_extensions.push(harmless())), None),
        (
            "client and server",
            Box::new(|params| {
                params.extended_key_usages = vec![Purpose::ServerAuth, Purpose::ClientAuth];
            }),
            None,
        ),
        (
            "client and any",
            Box::new(|params| params.extended_key_usages = vec![Purpose::Any, Purpose::ClientAuth]),
            None,
        ),
        ("says it is no authority", Box::new(|params| params.is_ca = IsCa::ExplicitNoCa), None),
        ("no purpose", Box::new(|params| params.extended_key_usages.clear()), Some(Unfit::NoPurpose)),
        (
            "a server's",
            Box::new(|params| params.extended_key_usages = vec![Purpose::ServerAuth]),
            Some(Unfit::Purpose),
        ),
        (
            "any purpose",
            Box::new(|params| params.extended_key_usages = vec![Purpose::Any]),
            Some(Unfit::Purpose),
        ),
        (
            "an authority's",
            Box::new(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            Some(Unfit::Authority),
        ),
        (
            "may sign certificates",
            Box::new(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
            Some(Unfit::Authority),
        ),
        (
            "constrains names",
            Box::new(|params| {
                let name = rcgen::GeneralSubtree::DnsName("zone.example".to_owned());
                params.name_constraints = Some(rcgen::NameConstraints {
                    permitted_subtrees: vec![name],
                    excluded_subtrees: vec![],
                });
                params.is_ca = IsCa::ExplicitNoCa;
            }),
            Some(Unfit::Authority),
        ),
        (
            "may only encipher",
            Box::new(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            Some(Unfit::KeyUsage),
        ),
        (
            "zero serial",
            Box::new(|params| params.serial_number = Some(SerialNumber::from(0))),
            Some(Unfit::Serial),
        ),
        (
            "serial of 21 octets",
            Box::new(|params| params.serial_number = Some(SerialNumber::from_slice(&[1; 21]))),
            Some(Unfit::Serial),
        ),
        (
            "unknown critical extension",
            Box::new(move |params| params.custom_extensions.push(critical())),
            Some(Unfit::CriticalExtension),
        ),
        (
            "extension twice",
            Box::new(move |params| params.custom_extensions.extend([harmless(), harmless()])),
            Some(Unfit::DuplicateExtension),
        ),
        (
            "wildcard name",
            Box::new(|params| {
                params.subject_alt_names = vec![SanType::DnsName("*.zone.example".try_into().unwrap())];
            }),
            Some(Unfit::Name),
        ),
    ];
    for (case, change, unfit) in cases {
        let mut params = device_params(7);
        change(&mut params);
        assert_eq!(fault(&ours, &[issue(&params, &root)], now()), unfit.map(DeviceFault::Unfit), "{case}");
    }
}

#[test]
fn weak_and_unusual_keys_are_unfit() {
    use base64::Engine;
    // An RSA key of 1024 bits; no library here would make one any more.
    const RSA_1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDhsyD8/e1LG9be4nIx95y6cQWTzmTmmCKjo812srGRhw6rILtDab17pJnJZ7GE\
                            0db78jplC/r4YCtAF1Gpy9aGiw+WGPhPDrTeFYR1Rv0y7Gm6VYGaQ1HfJGDZhQwwpdqFvfGz33Le+O98O+Bk2/42NF9r8dSnUazU\
                            iugvWN9o5QIDAQAB";
    let root = authority("Root");
    let ours = trust(&[&root], &[], LENIENT);
    let der = base64::engine::general_purpose::STANDARD.decode(RSA_1024).unwrap();
    let weak = device_params(7).signed_by(&SubjectPublicKeyInfo::from_der(&der).unwrap(), &root).unwrap();
    let p521 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    let unusual = device_params(7).signed_by(&p521, &root).unwrap();
    for (case, leaf) in [("RSA 1024", weak), ("P-521", unusual)] {
        assert_eq!(
            fault(&ours, &[leaf.der().clone()], now()),
            Some(DeviceFault::Unfit(Unfit::Key)),
            "{case}"
        );
    }
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let leaf = device_params(7).signed_by(&key, &root).unwrap();
        assert_eq!(fault(&ours, &[leaf.der().clone()], now()), None, "{algorithm:?}");
    }
}

#[test]
fn a_leaf_without_a_name_is_nobody() {
    let root = authority("Root");
    let mut params = device_params(7);
    params.subject_alt_names.clear();
    let rejected = trust(&[&root], &[], LENIENT).judge(&[issue(&params, &root)], now()).unwrap_err();
    assert_eq!(rejected, Rejected { certificate: None, fault: DeviceFault::Nameless });
}

#[test]
fn time_is_asked_of_leaf_authority_and_anchor() {
    let root = authority("Root");
    let short = {
        let mut params = authority_params("Issuing");
        params.not_after = date_time_ymd(2031, 1, 1);
        CertifiedIssuer::signed_by(params, key(), &root).unwrap()
    };
    let ours = trust(&[&root], &[], LENIENT);
    let mut params = device_params(7);
    params.not_after = date_time_ymd(2040, 1, 1);
    let below_short = vec![issue(&params, &short), short.der().clone()];
    let direct = vec![issue(&params, &root)];
    let mut params = device_params(8);
    params.not_after = date_time_ymd(2030, 6, 1);
    let leaf = vec![issue(&params, &root)];
    let year = 365 * DAY;
    let cases = [
        ("leaf, today", &leaf, now(), None),
        ("leaf, last second", &leaf, now() + 151 * DAY, None),
        (
            "leaf, one second later",
            &leaf,
            now() + 151 * DAY + Duration::from_secs(1),
            Some(DeviceFault::Expired),
        ),
        ("leaf, too early", &leaf, now() - 6 * year, Some(DeviceFault::NotYetValid)),
        ("before 1970", &leaf, SystemTime::UNIX_EPOCH - DAY, Some(DeviceFault::NotYetValid)),
        ("authority, today", &below_short, now(), None),
        ("authority has expired", &below_short, now() + 2 * year, Some(DeviceFault::Expired)),
        ("anchor has expired", &direct, now() + 6 * year, Some(DeviceFault::Expired)),
    ];
    for (case, chain, at, expected) in cases {
        let judged = ours.judge(chain, at);
        assert_eq!(judged.as_ref().err().map(|rejected| rejected.fault), expected, "{case}");
        if let Err(rejected) = judged {
            assert!(rejected.certificate.is_some(), "{case}: the record names the device");
        }
    }
}

#[test]
fn a_renewed_anchor_takes_over_from_its_predecessor() {
    let mut old = authority_params("Root");
    old.not_after = date_time_ymd(2030, 2, 1);
    let key = key();
    let old = old.self_signed(&key).unwrap().der().clone();
    let new = CertifiedIssuer::self_signed(authority_params("Root"), key).unwrap();
    let anchors = Anchors::new(&[old, new.der().clone()], now()).unwrap();
    let ours = Trust::new(anchors, Revocations::default(), LENIENT);
    assert_eq!(fault(&ours, &[issue(&device_params(7), &new)], now() + 60 * DAY), None);
}

#[test]
fn authorities_on_the_path_must_be_fit() {
    let root = authority("Root");
    let ours = trust(&[&root], &[], LENIENT);
    type Change = Box<dyn Fn(&mut CertificateParams)>;
    let cases: Vec<(&str, Change, bool)> = vec![
        ("fit", Box::new(|_| ()), true),
        ("no key usage", Box::new(|params| params.key_usages.clear()), true),
        ("for clients", Box::new(|params| params.extended_key_usages = vec![Purpose::ClientAuth]), true),
        ("for anything", Box::new(|params| params.extended_key_usages = vec![Purpose::Any]), true),
        (
            "for servers only",
            Box::new(|params| params.extended_key_usages = vec![Purpose::ServerAuth]),
            false,
        ),
        (
            "may not sign certificates",
            Box::new(|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]),
            false,
        ),
        ("zero serial", Box::new(|params| params.serial_number = Some(SerialNumber::from(0))), false),
    ];
    for (case, change, fit) in cases {
        let mut params = authority_params("Issuing");
        change(&mut params);
        let issuing = CertifiedIssuer::signed_by(params, key(), &root).unwrap();
        let chain = [issue(&device_params(7), &issuing), issuing.der().clone()];
        let expected = (!fit).then_some(DeviceFault::Unfit(Unfit::Issuer));
        assert_eq!(fault(&ours, &chain, now()), expected, "{case}");
    }
}

#[test]
fn revocation() {
    let root = authority("Root");
    let issuing = below("Issuing", &root);
    let leaf = vec![issue(&device_params(7), &root)];
    let deep = vec![issue(&device_params(7), &issuing), issuing.der().clone()];
    let authorities = [&root, &issuing];
    let both = [list(&root, &[]), list(&issuing, &[])];
    let graceful = RevocationRule { required: true, grace: 2 * DAY };
    let due = now() + 29 * DAY;
    let revoked = Some(DeviceFault::Revoked);
    let unknown = Some(DeviceFault::RevocationUnknown);
    let cases = [
        ("covered", &leaf, &both[..1], STRICT, now(), None),
        ("another is revoked", &leaf, &[list(&root, &[8])][..], STRICT, now(), None),
        ("revoked", &leaf, &[list(&root, &[7])], STRICT, now(), revoked),
        ("revoked, lists not required", &leaf, &[list(&root, &[7])], LENIENT, now(), revoked),
        ("revoked, on a stale list", &leaf, &[list(&root, &[7])], LENIENT, due, revoked),
        ("no list", &leaf, &[], STRICT, now(), unknown),
        ("no list, none required", &leaf, &[], LENIENT, now(), None),
        ("the last second", &leaf, &both[..1], STRICT, due - Duration::from_secs(1), None),
        ("stale", &leaf, &both[..1], STRICT, due, unknown),
        ("stale, lists not required", &leaf, &both[..1], LENIENT, due, unknown),
        ("stale, within the grace", &leaf, &both[..1], graceful, due + DAY, None),
        ("stale, beyond the grace", &leaf, &both[..1], graceful, due + 2 * DAY, unknown),
        ("both lists", &deep, &both, STRICT, now(), None),
        ("another authority's list", &deep, &both[..1], STRICT, now(), unknown),
        ("another authority's serial", &deep, &[list(&root, &[7]), list(&issuing, &[])], STRICT, now(), None),
        (
            "the issuing authority is revoked",
            &deep,
            &[list(&root, &[1]), list(&issuing, &[])],
            STRICT,
            now(),
            revoked,
        ),
    ];
    for (case, chain, crls, rule, at, expected) in cases {
        assert_eq!(fault(&trust(&authorities, crls, rule), chain, at), expected, "{case}");
    }
}

#[test]
fn an_authority_below_the_anchor_needs_a_list_too() {
    let root = authority("Root");
    let issuing = below("Issuing", &root);
    let deep = [issue(&device_params(7), &issuing), issuing.der().clone()];
    // Only the root is an anchor: nobody can prove the issuing authority's list.
    assert_eq!(
        fault(&trust(&[&root], &[list(&root, &[])], STRICT), &deep, now()),
        Some(DeviceFault::RevocationUnknown)
    );
    assert_eq!(fault(&trust(&[&root], &[list(&root, &[])], LENIENT), &deep, now()), None);
    assert_eq!(
        fault(&trust(&[&root], &[list(&root, &[1])], LENIENT), &deep, now()),
        Some(DeviceFault::Revoked)
    );
}

#[test]
fn a_rejected_device_is_named_only_when_it_is_proven_ours() {
    let root = authority("Root");
    let ours = trust(&[&root], &[list(&root, &[7])], STRICT);
    let name = |chain: &[CertificateDer<'_>]| {
        ours.judge(chain, now()).unwrap_err().certificate.map(|known| known.name)
    };
    assert_eq!(
        name(&[issue(&device_params(7), &root)]).as_deref(),
        Some("spiffe://zone.example/device/car-7")
    );
    assert_eq!(name(&[issue(&device_params(7), &authority("Root"))]), None);
}

#[test]
fn a_list_with_a_thousand_entries_finds_each() {
    let root = authority("Root");
    let serials: Vec<u64> = (1000..2000).collect();
    let crl = list_params(&serials).signed_by(&root).unwrap().der().to_vec();
    let ours = trust(&[&root], &[crl], STRICT);
    for (serial, expected) in
        [(999, None), (1000, Some(DeviceFault::Revoked)), (1999, Some(DeviceFault::Revoked)), (2000, None)]
    {
        assert_eq!(fault(&ours, &[issue(&device_params(serial), &root)], now()), expected, "{serial}");
    }
}

/// What is made once and changed many times.
struct Sample {
    ours: Trust,
    leaf: Vec<u8>,
    root: Vec<u8>,
    crl: Vec<u8>,
}

fn sample() -> &'static Sample {
    static SAMPLE: std::sync::OnceLock<Sample> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        let root = authority("Root");
        let crl = list(&root, &[8]);
        let leaf = issue(&device_params(7), &root).to_vec();
        Sample {
            ours: trust(&[&root], std::slice::from_ref(&crl), STRICT),
            leaf,
            root: root.der().to_vec(),
            crl,
        }
    })
}

fn changed(bytes: &[u8], position: proptest::sample::Index, byte: u8) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let at = position.index(bytes.len());
    (std::mem::replace(&mut bytes[at], byte) != byte).then_some(bytes)
}

proptest! {
    #[test]
    fn any_bytes_are_judged_and_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let Sample { ours, .. } = sample();
        let chain = [CertificateDer::from(bytes.clone())];
        prop_assert!(ours.admits(&chain).is_err());
        prop_assert!(ours.judge(&chain, now()).is_err());
        prop_assert!(Anchors::new(&chain, now()).is_err());
        prop_assert!(Revocations::new(&[bytes], ours.anchors(), now()).is_err());
    }

    #[test]
    fn a_changed_certificate_is_never_ours(position in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let Sample { ours, leaf, .. } = sample();
        prop_assert!(ours.judge(&[leaf.clone().into()], now()).is_ok());
        if let Some(leaf) = changed(leaf, position, byte) {
            let chain = [CertificateDer::from(leaf)];
            prop_assert!(ours.admits(&chain).is_err());
            prop_assert!(ours.judge(&chain, now()).is_err());
        }
    }

    #[test]
    fn a_changed_list_is_never_taken(position in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let Sample { ours, crl, .. } = sample();
        if let Some(crl) = changed(crl, position, byte) {
            prop_assert!(Revocations::new(&[crl], ours.anchors(), now()).is_err());
        }
    }

    /// An anchor is trusted as it is; whatever it has become, reading it must not fail badly, and it must not vouch for another's device.
    #[test]
    fn a_changed_anchor_is_read_or_refused(position in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let Sample { root, .. } = sample();
        if let Some(root) = changed(root, position, byte)
            && let Ok(anchors) = Anchors::new(&[root.into()], now())
        {
            let stranger = issue(&device_params(7), &authority("Root"));
            prop_assert!(Trust::new(anchors, Revocations::default(), LENIENT).judge(&[stranger], now()).is_err());
        }
    }
}
