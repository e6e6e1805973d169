//! Something said of a place in a file, with what stands there, as compilers print it.

use std::{collections::HashMap, env, fmt::Write as _, fs::File, io::Read as _, sync::Arc};

use crate::config::Place;

/// Files beyond this are not shown. The configuration reads none that is larger.
const LIMIT_BYTES: u64 = 1 << 20;
/// The longest line that is shown, in characters.
const WIDTH: usize = 160;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Nothing works until it is mended.
    Error,
    /// Somebody should look at it.
    Warning,
}

impl Level {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
        }
    }
}

/// Writes, in colour or not, and remembers the files it has shown.
pub(super) struct Pen {
    colour: bool,
    files: HashMap<Arc<str>, Option<Vec<String>>>,
}

impl Pen {
    /// In colour only on a terminal, and not where `NO_COLOR` is set (<https://no-color.org>).
    pub(super) fn new(terminal: bool) -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour: terminal && wanted, files: HashMap::new() }
    }

    /// Text in a colour, by its SGR code.
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A note of a place. `length` is in bytes; 0: the word that stands there.
    pub(super) fn note(
        &mut self,
        level: Level,
        name: &str,
        what: &str,
        place: &Place,
        length: usize,
        help: &str,
    ) -> String {
        let tag = if name.is_empty() { level.word().to_owned() } else { format!("{}[{name}]", level.word()) };
        let mut text = format!("{}: {}", self.paint(level.colour(), &tag), self.paint("1", what));
        let line = self.line(place);
        let margin = " ".repeat(place.line.to_string().len());
        let shown = match (place.line, place.column) {
            (0, _) => place.file.to_string(),
            (line, 0) => format!("{}:{line}", place.file),
            (line, column) => format!("{}:{line}:{column}", place.file),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{margin}{} {shown}", self.paint("1;34", "-->"));
        if let Some(line) = line {
            let bar = self.paint("1;34", "|");
            let number = self.paint("1;34", &place.line.to_string());
            let _ = write!(text, "\n{margin} {bar}\n{number} {bar} {line}");
            if let Some(marks) = marks(&line, place.column, length) {
                let _ = write!(text, "\n{margin} {bar} {}", self.paint(level.colour(), &marks));
            }
        }
        if !help.is_empty() {
            let _ = write!(text, "\n{margin} {} {help}", self.paint("1;34", "= help:"));
        }
        text.push('\n');
        text
    }

    /// The line of a place, with what could steer a terminal taken out.
    fn line(&mut self, place: &Place) -> Option<String> {
        let index = place.line.checked_sub(1)?;
        let lines = self.files.entry(place.file.clone()).or_insert_with(|| read(&place.file));
        let line = lines.as_ref()?.get(index)?;
        let tame = line.chars().map(|c| if c == '\t' || c.is_control() { ' ' } else { c });
        Some(tame.take(WIDTH).collect())
    }
}

fn read(path: &str) -> Option<Vec<String>> {
    let mut text = String::new();
    File::open(path).ok()?.take(LIMIT_BYTES).read_to_string(&mut text).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Some(text.lines().map(str::to_owned).collect())
}

/// What underlines a part of a line; none where it is beyond what is shown.
fn marks(line: &str, column: usize, length: usize) -> Option<String> {
    let before = column.checked_sub(1)?;
    let rest: String = line.chars().skip(before).collect();
    if rest.is_empty() && before > line.chars().count() {
        return None;
    }
    let taken = if length == 0 {
        rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | ':')).count()
    } else {
        // What goes on in the next line is not shown.
        let bytes = rest.char_indices().take_while(|(at, _)| *at < length).count();
        bytes.min(rest.trim_end().chars().count())
    };
    Some(format!("{}{}", " ".repeat(before), "^".repeat(taken.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_underlined() {
        for (name, line, column, length, expected) in [
            ("a word", "permit (principal)", 1, 0, Some("^^^^^^")),
            ("a part", "when { a == b };", 8, 6, Some("       ^^^^^^")),
            ("characters, not bytes", "é { é == b };", 5, 7, Some("    ^^^^^^")),
            ("up to the end", "a &&", 1, 50, Some("^^^^")),
            ("the end", "ab", 3, 0, Some("  ^")),
            ("beyond the end", "ab", 9, 0, None),
            ("the whole line", "ab", 0, 0, None),
        ] {
            assert_eq!(marks(line, column, length).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_note_shows_what_stands_there() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.cedar");
        std::fs::write(&file, "// \x1b[31m\npermit (principal, action);\n").unwrap();
        let place = Place { file: file.display().to_string().into(), line: 2, column: 9 };
        let mut pen = Pen { colour: false, files: HashMap::new() };
        let note = pen.note(Level::Warning, "some", "odd", &place, 0, "do this");
        let name = file.display();
        assert_eq!(
            note,
            format!(
                "warning[some]: odd\n --> {name}:2:9\n  |\n2 | permit (principal, action);\n  |         ^^^^^^^^^\n  = help: do this\n"
            )
        );
        let first = Place { line: 1, ..place };
        assert!(!pen.note(Level::Error, "", "odd", &first, 0, "").contains('\x1b'));
    }
}
