//! Bodies of type `multipart/form-data; boundary=0`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| poort_fuzz::check_body(b"multipart/form-data; boundary=0", body));
