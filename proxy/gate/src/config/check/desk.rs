//! What every check has at hand: the files, the report, the time.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use crate::config::{
    checked::FileRead,
    locate::{Located, Mark, index},
    raw::{Block, Part, Record, Scalar},
    tree::{MATERIAL_LIMIT, TEXT_LIMIT, Tree},
};

use super::{
    cursor::{Field, Here},
    report::{File, Report, Spot},
};

/// What every check has at hand.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) tree: &'a Tree,
    pub(super) report: &'a Report,
    pub(super) now: SystemTime,
}

/// A YAML file, read.
pub(super) struct Document<T> {
    file: File,
    located: Located,
    node: Block<T>,
}

impl<T: Record> Document<T> {
    /// Its only value.
    pub(super) fn field<'a>(&'a self, report: &'a Report) -> Field<'a, Part<T>> {
        Field::document(&self.file, report, &self.located, &self.node)
    }
}

impl Desk<'_> {
    /// How long ago a moment was; none if it is still to come.
    pub(super) fn since(&self, moment: SystemTime) -> Option<Duration> {
        self.now.duration_since(moment).ok()
    }

    /// A YAML file. What is wrong with it as a whole is reported where it is `named`, otherwise at its own beginning.
    pub(super) fn document<T: Record>(&self, file: File, named: Option<Spot<'_>>) -> Option<Document<T>> {
        let text = self.text(&file, named)?;
        let indexed = index(&text);
        for (mark, message) in indexed.faults {
            self.report.fault(file.at(mark), message);
        }
        let located = indexed.root?;
        match serde_yaml::from_str::<Block<T>>(&text) {
            Ok(node) => Some(Document { file, located, node }),
            Err(error) => {
                let mark = error
                    .location()
                    .map_or(Mark::START, |place| Mark { line: place.line(), column: place.column() });
                self.report
                    .fault(file.at(mark), format!("this is no YAML: {error}; check indentation and quotes"));
                None
            }
        }
    }

    /// A text file in UTF-8, without byte order mark.
    pub(super) fn text(&self, file: &File, named: Option<Spot<'_>>) -> Option<String> {
        let read = self.read(file, named, TEXT_LIMIT)?;
        match std::str::from_utf8(&read.bytes) {
            Ok(text) if text.contains('\0') => {
                self.report.fault(file.at(Mark::START), "this is a binary file; write text");
                None
            }
            Ok(text) => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                self.reads_as_shown(file, text).then(|| text.to_owned())
            }
            Err(error) => {
                let before = read.bytes.get(..error.valid_up_to()).unwrap_or_default();
                let message =
                    "this is not UTF-8; save the file as UTF-8, or restore it if it should be text at all";
                self.report.fault(file.at(end(&String::from_utf8_lossy(before))), message);
                None
            }
        }
    }

    /// Whether a text is read as an editor or a terminal shows it; the first of what is not is reported on each line.
    ///
    /// SECURITY: a `permit` behind a carriage return in a comment is in force, and a `forbid` that is turned round in one looks as if it
    /// were (CVE-2021-42574). YAML 1.1 and 1.2 do not end a line at the same characters either.
    fn reads_as_shown(&self, file: &File, text: &str) -> bool {
        let mut sound = true;
        for (line, number) in text.split('\n').zip(1..) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let Some((c, column)) = line.chars().zip(1..).find(|(c, _)| misleads(*c)) else { continue };
            let message = match c {
                '\r' => "a line break (U+000D) alone is read otherwise than it is shown; remove it, or end the line as the others end".to_owned(),
                c => format!("the character U+{:04X} shows the text otherwise than it is read; remove it", u32::from(c)),
            };
            self.report.fault(file.at(Mark { line: number, column }), message);
            sound = false;
        }
        sound
    }

    /// A file. What is wrong with it as a whole is reported where it is `named`, otherwise as the file's own.
    pub(super) fn read(&self, file: &File, named: Option<Spot<'_>>, limit_bytes: usize) -> Option<FileRead> {
        match self.tree.read(&file.path, &file.shown, limit_bytes) {
            Ok(read) => Some(read),
            Err(fault) => {
                let place = named.map_or_else(|| file.at(Mark { line: 0, column: 0 }), Spot::place);
                self.report.fault(place, fault.to_string());
                None
            }
        }
    }

    /// A certificate, key or revocation list that a value names.
    pub(super) fn material(&self, here: Here<'_, Scalar>) -> Option<(File, FileRead)> {
        let file = path(here)?;
        let read = self.read(&file, Some(here.spot), MATERIAL_LIMIT)?;
        if read.bytes.is_empty() {
            here.spot.fault(format!("`{}` is empty; restore it", file.shown));
            return None;
        }
        Some((file, read))
    }
}

/// What ends lines here and not there, turns text round, or moves the cursor of a terminal.
fn misleads(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || matches!(c, '\u{2028}' | '\u{2029}') || c.is_control() && c != '\t'
}

/// The position after a text.
fn end(text: &str) -> Mark {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Mark { line, column }
}

/// A path, relative to the file it stands in.
pub(super) fn path(here: Here<'_, Scalar>) -> Option<File> {
    let inline = match here.value {
        Scalar::Text(text) => text.contains("-----BEGIN"),
        _ => false,
    };
    if inline {
        // Not shown: it may be a key.
        here.spot.fault("this is a certificate or key, not a path; put it in a file and name that");
        return None;
    }
    let text = here.text()?;
    if text.starts_with('~') || text.contains("://") || text.contains("${") {
        here.spot
            .fault(format!("`{text}` is no path; `~`, variables and URLs are not followed: write it out"));
        return None;
    }
    Some(here.spot.file.beside(text))
}

/// A file whose path was typed on a command line.
pub(super) fn typed(path: &Path) -> File {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    File::new(absolute, path)
}
