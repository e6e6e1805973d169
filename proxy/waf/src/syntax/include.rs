//! Reading a rule file and all it includes.

use std::sync::Arc;

use super::directive::{self, Directive, DirectiveKind};
use super::line;
use crate::fault::{Fault, Place};
use crate::limits::LoadLimits;
use crate::source::{self, RuleSource};

/// All directives, in the order in which they take effect.
pub(crate) struct Loaded {
    pub(crate) directives: Vec<Directive>,
    /// Bytes of the files.
    pub(crate) bytes: usize,
}

/// Loads `entries` and what they include.
pub(crate) fn load(
    source: &dyn RuleSource,
    entries: &[&str],
    limits: &LoadLimits,
    faults: &mut Vec<Fault>,
) -> Loaded {
    let mut reader =
        Reader { source, limits, open: Vec::new(), files: 0, bytes: 0, directives: Vec::new(), faults };
    for entry in entries {
        let place = Place { file: Arc::from(*entry), line: 0, column: 1 };
        reader.file(&place, entry);
    }
    Loaded { directives: reader.directives, bytes: reader.bytes }
}

struct Reader<'a> {
    source: &'a dyn RuleSource,
    limits: &'a LoadLimits,
    /// Files that are being read, outermost first.
    open: Vec<String>,
    files: usize,
    bytes: usize,
    directives: Vec<Directive>,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, place: &Place, message: String) {
        self.faults.push(place.fault(message));
    }

    fn file(&mut self, place: &Place, path: &str) {
        if self.faults.len() >= self.limits.faults {
            return;
        }
        if self.open.iter().any(|open| open == path) {
            return self.fault(place, format!("`{path}` includes itself; remove this Include"));
        }
        if self.open.len() >= self.limits.include_depth {
            return self.fault(
                place,
                format!("more than {} files deep; flatten the Includes", self.limits.include_depth),
            );
        }
        self.files += 1;
        if self.files == self.limits.files + 1 {
            self.fault(place, format!("more than {} files; load fewer", self.limits.files));
        }
        if self.files > self.limits.files {
            return;
        }
        let Some(bytes) = self.source.read(path) else {
            return self.fault(
                place,
                format!("there is no file `{path}`; check the path, which is relative to this file"),
            );
        };
        self.bytes = self.bytes.saturating_add(bytes.len());
        if bytes.len() > self.limits.file_bytes || self.bytes > self.limits.total_bytes {
            let message = format!(
                "`{path}` makes the rules larger than allowed ({} bytes a file, {} in all)",
                self.limits.file_bytes, self.limits.total_bytes
            );
            return self.fault(place, message);
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return self.fault(place, format!("`{path}` is not UTF-8; write other bytes as `\\xhh`"));
        };
        // Editors on Windows begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        self.open.push(path.to_owned());
        let file: Arc<str> = Arc::from(path);
        for line in line::lines(&file, text, self.faults, self.limits.faults) {
            if self.faults.len() >= self.limits.faults {
                break;
            }
            if let Some(directive) = directive::parse(&line, self.faults) {
                self.directive(path, directive);
            }
        }
        self.open.pop();
    }

    fn directive(&mut self, path: &str, directive: Directive) {
        let DirectiveKind::Include { pattern, optional } = &directive.kind else {
            self.directives.push(directive);
            return;
        };
        let Some(resolved) = source::resolve(path, pattern) else {
            return self.fault(
                &directive.place,
                format!("`{pattern}` leaves the directory of rules; use a path inside it"),
            );
        };
        let paths = source::expand(self.source, &resolved);
        if paths.is_empty() && !optional {
            self.fault(
                &directive.place,
                format!("`{pattern}` matches no file; use IncludeOptional if that is meant"),
            );
        }
        for included in paths {
            if *optional && self.source.read(&included).is_none() {
                continue;
            }
            self.file(&directive.place, &included);
        }
    }
}
