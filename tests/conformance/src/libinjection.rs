//! Verdicts and fingerprints of the C library libinjection 3, one case a line: input (`+` and `%xx` are decoded), whether it
//! is SQL injection, its fingerprint or `-`, whether it is XSS; separated by tabs.

use crate::fault::Fault;
use crate::report::{Outcome, Report};

/// Runs all cases of `text` as the suite `name`; a case is named by its line.
///
/// # Errors
/// The first line that has not four fields.
pub fn run(name: &str, text: &[u8]) -> Result<Report, Fault> {
    let mut report = Report::new(name);
    for (at, case) in cases(text) {
        let Case { input, sqli, fingerprint, xss } = case?;
        report.add(format!("line {at}"), judge(&input, sqli, fingerprint, xss));
    }
    Ok(report)
}

/// The inputs that the library calls SQL injection or XSS, decoded.
///
/// # Errors
/// The first line that has not four fields.
pub fn injections(text: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let mut found = Vec::new();
    for (_, case) in cases(text) {
        let case = case?;
        if case.sqli || case.xss {
            found.push(case.input);
        }
    }
    Ok(found)
}

struct Case<'a> {
    input: Vec<u8>,
    sqli: bool,
    fingerprint: &'a [u8],
    xss: bool,
}

/// Lines by number.
fn cases(text: &[u8]) -> impl Iterator<Item = (usize, Result<Case<'_>, Fault>)> {
    let lines = (1..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty());
    lines.map(|(at, line)| {
        let mut fields = line.split(|byte| *byte == b'\t');
        let (Some(input), Some(sqli), Some(fingerprint), Some(xss), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return (at, Err(Fault::format("cases.tsv", format!("line {at} has not four fields"))));
        };
        // The corpus was read as C strings: a raw zero byte (one case has it) ended the input; `%00` did not.
        let input = decode(input.split(|byte| *byte == 0).next().unwrap_or_default());
        (at, Ok(Case { input, sqli: sqli == b"1", fingerprint, xss: xss == b"1" }))
    })
}

fn judge(input: &[u8], sqli: bool, fingerprint: &[u8], xss: bool) -> Outcome {
    let found = poort_waf::detect::sqli(input);
    let got = found.as_ref().map_or(&b"-"[..], |found| found.as_bytes());
    if found.is_some() != sqli || got != fingerprint {
        let (got, fingerprint) = (got.escape_ascii(), fingerprint.escape_ascii());
        return Outcome::Failed(format!("{}: `{got}`, expected `{fingerprint}`", input.escape_ascii()));
    }
    if poort_waf::detect::xss(input) != xss {
        return Outcome::Failed(format!("{}: XSS is {}, expected {xss}", input.escape_ascii(), !xss));
    }
    Outcome::Passed
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let hex = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'+', _) => out.push(b' '),
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = rest.get(2..).unwrap_or_default();
            }
            _ => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn disagreements_fail() {
        let text = b"1'+or+'1'%3d'1\t1\ts&sos\t0\nplain\t0\t-\t0\nplain\t1\ts&sos\t0\nplain\t0\t-\t1\n";
        let report = run("s", text).unwrap();
        let counts = report.counts();
        assert_eq!((counts.passed, counts.failed, counts.skipped), (2, 2, 0), "{report}");
        assert!(run("s", b"a\tb").is_err());
    }
}
