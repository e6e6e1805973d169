//! Bodies of type `application/json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| poort_fuzz::check_body(b"application/json", body));
