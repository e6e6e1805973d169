//! Detection of XSS.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    std::hint::black_box(poort_waf::detect::xss(input));
});
