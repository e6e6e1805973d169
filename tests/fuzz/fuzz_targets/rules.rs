//! Rule files. What compiles must run; what does not must say where.
#![no_main]

use std::sync::Arc;

use poort_fuzz::{Request, run, transaction};
use poort_waf::{Files, LoadLimits, Program};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let files: Files = [
        ("main.conf".to_owned(), text.to_vec()),
        ("a.conf".to_owned(), b"Include main.conf\nSecMarker END".to_vec()),
        ("words".to_owned(), b"one\ntwo\n127.0.0.1\n".to_vec()),
    ]
    .into();
    let limits = LoadLimits { regex_bytes: 1 << 16, regex_total_bytes: 1 << 20, ..LoadLimits::default() };
    match Program::compile(&files, &["main.conf"], &limits) {
        Ok(program) => {
            let headers = [
                (&b"Host"[..], &b"example.com"[..]),
                (b"Content-Type", b"application/x-www-form-urlencoded"),
            ];
            let request = Request {
                method: b"POST",
                target: b"/a?b=c",
                headers: &headers,
                body: b"d=e&f=%27",
                response: b"<a>",
            };
            let program = Arc::new(program);
            let mut one = transaction(program.clone());
            assert_eq!(run(&mut one, &request, 1), run(&mut transaction(program), &request, 1));
        }
        Err(faults) => {
            assert!(!faults.is_empty() && faults.len() <= limits.faults);
            for fault in faults {
                assert!(fault.column > 0 && !fault.message.is_empty(), "{fault}");
            }
        }
    }
});
