//! The JOSE vectors of Project Wycheproof: what is marked invalid is refused, and what is marked valid is verified.
//!
//! Out of scope, and checked to be refused for that reason: keys that are symmetric (a gate holds no issuer's secret) and encrypted
//! tokens (they are for the issuer's own applications).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

mod shared;

use std::collections::BTreeMap;

use poort_identity::{Algorithm, KeySet, KeySetFault};
use serde_json::{Value, json};

const FILES: [&str; 3] =
    ["json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"];

/// What is marked valid and refused all the same: test of the first file, reason of the refusal, and why it is right.
const DISAGREEMENTS: [(u64, &str, &str); 4] = [
    (
        346,
        "token_algorithm",
        "the key says PS256 and the header PS384; RFC 8725, 3.1 binds a key to one algorithm",
    ),
    (347, "no usable key", "P-521 is not verified here, and `ES521` is no algorithm"),
    (350, "token_algorithm", "as 346"),
    (351, "no usable key", "as 347"),
];

#[derive(Default)]
struct Tally {
    verified: usize,
    refused: usize,
    symmetric: usize,
    encrypted: usize,
    disagreements: BTreeMap<u64, String>,
}

/// One key or a set, as a set.
fn set_of(key: &Value) -> Result<KeySet, KeySetFault> {
    let set = if key.get("keys").is_some() { key.clone() } else { json!({ "keys": [key] }) };
    KeySet::parse(set.to_string().as_bytes())
}

fn open(key: &Value, jws: &Value) -> Result<Vec<u8>, String> {
    let set = set_of(key).map_err(|_| "no usable key".to_owned())?;
    let jws = jws.as_str().map_or_else(|| jws.to_string(), str::to_owned);
    set.open(jws.as_bytes(), &Algorithm::ALL, &"issuer".into()).map_err(|fault| fault.code().to_owned())
}

fn run(file: &str, group: &Value, tally: &mut Tally) {
    let public = group.get("public");
    for test in group["tests"].as_array().unwrap() {
        let id = test["tcId"].as_u64().unwrap();
        let label = format!("{file} {id} ({})", test["comment"]);
        if let Some(jwe) = test.get("jwe") {
            let key =
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
            assert!(open(&key, jwe).is_err(), "{label}: an encrypted token was accepted");
            tally.encrypted += 1;
            continue;
        }
        let Some(public) = public else {
            let fault = set_of(&group["private"]).map(|set| set.len());
            assert_eq!(fault, Err(KeySetFault::Secret), "{label}: a secret among the keys");
            tally.symmetric += 1;
            continue;
        };
        assert_eq!(
            set_of(&group["private"]).unwrap_err(),
            KeySetFault::Secret,
            "{label}: a private key among the keys"
        );
        match (open(public, &test["jws"]), test["result"].as_str().unwrap()) {
            (Ok(_), "valid") => tally.verified += 1,
            (Err(_), "invalid") => tally.refused += 1,
            (Err(fault), "valid") => {
                assert_eq!(file, FILES[0], "{label}: refused ({fault})");
                tally.disagreements.insert(id, fault);
            }
            (Ok(_), "invalid") => panic!("{label}: was accepted"),
            (_, other) => panic!("{label}: unknown result {other}"),
        }
    }
}

#[test]
fn jose_vectors() {
    let mut tally = Tally::default();
    for file in FILES {
        let Some(vectors) = shared::vectors(file) else { return };
        for group in vectors["testGroups"].as_array().unwrap() {
            run(file, group, &mut tally);
        }
    }
    let expected = DISAGREEMENTS.map(|(id, reason, _)| (id, reason.to_owned())).into();
    assert_eq!(tally.disagreements, expected);
    // Counted, so that vectors which are passed over by mistake do not go unnoticed.
    let counts = (tally.verified, tally.refused, tally.symmetric, tally.encrypted);
    assert_eq!(counts, (35, 362, 75, 34));
}
