//! Agreement with the C library on its corpus.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

mod shared;

fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (text[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'+', _) => out.push(b' '),
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    out
}

#[test]
fn agrees_on_every_case() {
    let Some(path) = shared::path("libinjection/cases.tsv") else { return };
    let cases = std::fs::read(path).unwrap();
    let (mut total, mut wrong) = (0, Vec::new());
    for line in cases.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
        let [input, sqli, fingerprint, xss] = fields[..] else { unreachable!("four fields a line") };
        // The corpus was read as C strings: a raw zero byte (one case has it) ended the input; `%00` did not.
        let input = decode(input.split(|byte| *byte == 0).next().unwrap_or_default());
        let found = poort_waf::detect::sqli(&input);
        let got = found.as_ref().map_or(&b"-"[..], |found| found.as_bytes());
        total += 1;
        if (sqli == b"1") != found.is_some() || got != fingerprint {
            wrong.push(format!(
                "sqli {:?} expected {}",
                String::from_utf8_lossy(line),
                String::from_utf8_lossy(got)
            ));
        }
        if (xss == b"1") != poort_waf::detect::xss(&input) {
            wrong.push(format!("xss {:?}", String::from_utf8_lossy(line)));
        }
    }
    println!("{} passed, {} failed, 0 skipped", total - wrong.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.iter().take(30).cloned().collect::<Vec<_>>().join("\n"));
}
