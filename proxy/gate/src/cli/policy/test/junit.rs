//! What came of tests, as JUnit's XML: the form that pipelines read.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Outcome, Report, at};

pub(super) fn written(report: &Report) -> String {
    let mut files: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in &report.outcomes {
        files.entry(&outcome.case.place.file).or_default().push(outcome);
    }
    let failed =
        |outcomes: &[&Outcome]| outcomes.iter().filter(|outcome| outcome.objection.is_some()).count();
    let all: Vec<&Outcome> = report.outcomes.iter().collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"poort policy test\" tests=\"{}\" failures=\"{}\">",
        all.len(),
        failed(&all)
    );
    for (file, outcomes) in files {
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            escaped(file),
            outcomes.len(),
            failed(&outcomes)
        );
        for outcome in outcomes {
            one(&mut xml, outcome);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn one(xml: &mut String, Outcome { case, objection }: &Outcome) {
    let (name, file, line) = (escaped(&case.name), escaped(&case.place.file), case.place.line);
    let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\"");
    match objection {
        None => xml.push_str("/>\n"),
        Some(objection) => {
            let (objection, place) = (escaped(objection), escaped(&at(&case.place)));
            let _ = writeln!(
                xml,
                ">\n      <failure message=\"{objection}\">{place}: {objection}</failure>\n    </testcase>"
            );
        }
    }
}

/// Text for an attribute or an element; what XML 1.0 has no way to write is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b> & \"c\"\n\u{1}d"), "a&lt;b&gt; &amp; &quot;c&quot; d");
    }
}
