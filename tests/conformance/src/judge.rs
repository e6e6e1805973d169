//! What was seen against what was expected.

use regex_automata::meta::Regex;

use crate::case::{Expected, Stage};

/// What came of a request.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The status of the answer; `None` when the connection ended without one.
    pub status: Option<u16>,
    /// The answer: head and body, or the body alone.
    pub response: Vec<u8>,
    /// The rules that matched and log, in order.
    pub log: Vec<Logged>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The rule.
    pub rule: u64,
    /// The line, which expectations search with expressions.
    pub line: String,
}

impl Logged {
    /// The line of a match, as ModSecurity writes its fields.
    #[must_use]
    pub fn new(rule: u64, message: &str, data: &str, variable: &str) -> Self {
        let plain = |text: &str| text.replace('\r', "\\r").replace('\n', "\\n");
        let line = format!(
            "[id \"{rule}\"] [msg \"{}\"] [data \"{}\"] [variable \"{}\"]",
            plain(message),
            plain(data),
            plain(variable)
        );
        Self { rule, line }
    }
}

impl From<&poort_waf::Match> for Logged {
    fn from(found: &poort_waf::Match) -> Self {
        Self::new(found.rule.id, &found.message, &found.data, &found.variable)
    }
}

impl Stage {
    /// Judges as go-ftw does: the error, the status, the answer, the log.
    ///
    /// # Errors
    /// What was not as expected, in words.
    pub fn judge(&self, seen: &Seen) -> Result<(), String> {
        let expected = &self.expected;
        match (expected.error, seen.status) {
            (true, None) => return Ok(()),
            (true, Some(status)) => return Err(format!("an error was expected, not status {status}")),
            (false, None) => return Err("there was no answer".into()),
            (false, Some(status)) if expected.status.is_some_and(|wanted| wanted != status) => {
                return Err(format!("status {status}, expected {}", expected.status.unwrap_or_default()));
            }
            (false, Some(_)) => {}
        }
        if expected.response.as_ref().is_some_and(|pattern| !pattern.is_match(&seen.response)) {
            return Err("the answer lacks what was expected".into());
        }
        expected.rules(&seen.log)?;
        expected.lines(&seen.log)
    }
}

impl Expected {
    fn rules(&self, log: &[Logged]) -> Result<(), String> {
        let rules = || {
            let mut rules: Vec<u64> = log.iter().map(|logged| logged.rule).collect();
            rules.sort_unstable();
            rules.dedup();
            rules
        };
        if let Some(missing) = self.ids.iter().find(|id| log.iter().all(|logged| logged.rule != **id)) {
            return Err(format!("rule {missing} did not match; {:?} did", rules()));
        }
        if let Some(unwanted) = log.iter().find(|logged| self.no_ids.contains(&logged.rule)) {
            return Err(format!("rule {} matched: {}", unwanted.rule, unwanted.line));
        }
        if self.isolated && rules().len() != 1 {
            return Err(format!("{:?} matched, expected one", rules()));
        }
        Ok(())
    }

    fn lines(&self, log: &[Logged]) -> Result<(), String> {
        let find = |pattern: &Regex| log.iter().find(|logged| pattern.is_match(&logged.line));
        if self.log.as_ref().is_some_and(|pattern| find(pattern).is_none()) {
            let lines: Vec<&str> = log.iter().map(|logged| logged.line.as_str()).collect();
            return Err(format!("no line of the log is as expected: {}", lines.join(" ")));
        }
        match self.no_log.as_ref().and_then(find) {
            Some(unwanted) => Err(format!("a line of the log is not expected: {}", unwanted.line)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Logged, Seen};
    use crate::case;

    #[test]
    fn verdicts() {
        let log = vec![Logged::new(1, "one\ntwo", "found in ARGS:x", "ARGS:x"), Logged::new(2, "", "", "")];
        let seen = Seen { status: Some(200), response: b"HTTP/1.1 200 OK".to_vec(), log };
        for (output, expected) in [
            ("{}", true),
            ("{status: 200}", true),
            ("{status: 403}", false),
            ("{expect_error: true}", false),
            ("{response_contains: '200 O.'}", true),
            ("{response_contains: '201'}", false),
            ("{log: {expect_ids: [2, 1]}}", true),
            ("{log: {expect_ids: [1, 3]}}", false),
            ("{log: {no_expect_ids: [3]}}", true),
            ("{log: {no_expect_ids: [3, 2]}}", false),
            ("{log: {expect_ids: [1]}, isolated: true}", false),
            ("{log: {match_regex: 'in ARGS:.\"'}}", true),
            ("{log: {match_regex: 'one.*id'}}", false),
            ("{log: {no_match_regex: 'id \"3'}}", true),
            ("{log: {no_match_regex: 'id \"2'}}", false),
            ("{log_contains: 'id \"1'}", true),
            ("{no_log_contains: 'id \"1'}", false),
        ] {
            let text = format!("tests: [{{stages: [{{input: {{}}, output: {output}}}]}}]");
            let stage = &case::parse("1.yaml", &text).unwrap()[0].stages[0];
            assert_eq!(stage.judge(&seen).is_ok(), expected, "{output}");
            let silent = stage.judge(&Seen::default());
            assert_eq!(silent.is_ok(), stage.expected.error, "{output}, no answer");
        }
    }
}
