//! Bodies of type `application/x-www-form-urlencoded`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| poort_fuzz::check_body(b"application/x-www-form-urlencoded", body));
