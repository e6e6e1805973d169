//! Detection of SQL injection.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(fingerprint) = poort_waf::detect::sqli(input) {
        assert!((1..=8).contains(&fingerprint.as_bytes().len()));
    }
});
