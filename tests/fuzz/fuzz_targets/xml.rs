//! Bodies of type `text/xml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| poort_fuzz::check_body(b"text/xml", body));
