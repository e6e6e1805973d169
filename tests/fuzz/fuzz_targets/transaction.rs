//! Whole exchanges: lines of method, target, headers (`name: value`), then a blank line, the body, a zero byte and the response.
#![no_main]

use poort_fuzz::{Request, check};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let cut = |text: &'_ [u8], mark: &[u8]| text.windows(mark.len()).position(|window| window == mark);
    let (head, rest) = cut(input, b"\n\n").map_or((input, &b""[..]), |at| (&input[..at], &input[at + 2..]));
    let (body, response) = cut(rest, b"\0").map_or((rest, &b""[..]), |at| (&rest[..at], &rest[at + 1..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, target) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let headers: Vec<(&[u8], &[u8])> = lines
        .map(|line| cut(line, b": ").map_or((line, &b""[..]), |at| (&line[..at], &line[at + 2..])))
        .collect();
    check(&Request { method, target, headers: &headers, body, response });
});
