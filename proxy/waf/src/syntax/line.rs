//! Logical lines: comments dropped, continuations joined, arguments unquoted, every byte's place known.

use std::sync::Arc;

use crate::fault::{Fault, Place};

/// A directive with its arguments, as text with places.
pub(crate) struct Line {
    pub(crate) name: Word,
    pub(crate) arguments: Vec<Word>,
}

/// One argument: its text, and where each part of it stood.
#[derive(Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    file: Arc<str>,
    /// (offset in `text`, line, column), ascending.
    marks: Vec<(usize, u32, u32)>,
}

impl Word {
    /// The place of byte `offset` of the text.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let (start, line, column) = mark_at(&self.marks, offset).unwrap_or((offset, 0, 1));
        let past = u32::try_from(offset.saturating_sub(start)).unwrap_or(0);
        Place { file: self.file.clone(), line, column: column + past }
    }

    /// The part of this word between two offsets.
    pub(crate) fn part(&self, start: usize, end: usize) -> Self {
        let here = self.place(start);
        let mut marks = vec![(0, here.line, here.column)];
        let first = self.marks.partition_point(|(at, ..)| *at <= start);
        let inside = self.marks.iter().skip(first).take_while(|(at, ..)| *at < end);
        marks.extend(inside.map(|(at, line, column)| (at - start, *line, *column)));
        Self {
            text: self.text.get(start..end).unwrap_or_default().to_owned(),
            file: self.file.clone(),
            marks,
        }
    }

    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        self.place(0).fault(message)
    }
}

/// The last mark at or before `offset`. A logical line may have as many as its file has lines.
fn mark_at(marks: &[(usize, u32, u32)], offset: usize) -> Option<(usize, u32, u32)> {
    let after = marks.partition_point(|(start, ..)| *start <= offset);
    marks.get(after.checked_sub(1)?).copied()
}

/// Cuts a file into logical lines, until there are `most` faults. A comment ends with its line, whatever stands at its end.
pub(crate) fn lines(file: &Arc<str>, text: &str, faults: &mut Vec<Fault>, most: usize) -> Vec<Line> {
    let mut found = Vec::new();
    let mut joined = Joined::new(file);
    for (number, physical) in (1_u32..).zip(text.lines()) {
        if faults.len() >= most {
            return found;
        }
        let physical = physical.strip_suffix('\r').unwrap_or(physical);
        if joined.text.is_empty() && physical.trim_start().starts_with('#') {
            continue;
        }
        if joined.push(number, physical) {
            continue;
        }
        finish(&mut joined, &mut found, faults);
    }
    finish(&mut joined, &mut found, faults);
    found
}

fn finish(joined: &mut Joined, found: &mut Vec<Line>, faults: &mut Vec<Fault>) {
    match joined.split() {
        Ok(Some(line)) => found.push(line),
        Ok(None) => {}
        Err(fault) => faults.push(fault),
    }
    joined.text.clear();
    joined.marks.clear();
}

struct Joined {
    file: Arc<str>,
    text: String,
    marks: Vec<(usize, u32, u32)>,
}

impl Joined {
    fn new(file: &Arc<str>) -> Self {
        Self { file: file.clone(), text: String::new(), marks: Vec::new() }
    }

    /// Adds a physical line; whether it continues on the next.
    fn push(&mut self, number: u32, physical: &str) -> bool {
        let body = physical.strip_suffix('\\');
        let kept = body.unwrap_or(physical);
        // Leading space of a continuation is the author's indentation.
        let trimmed = if self.text.is_empty() { kept } else { kept.trim_start() };
        let column = u32::try_from(kept.len() - trimmed.len()).unwrap_or(0) + 1;
        self.marks.push((self.text.len(), number, column));
        self.text.push_str(trimmed);
        body.is_some()
    }

    fn place(&self, offset: usize) -> (u32, u32) {
        let (start, line, column) = mark_at(&self.marks, offset).unwrap_or((0, 0, 1));
        (line, column + u32::try_from(offset - start).unwrap_or(0))
    }

    fn split(&self) -> Result<Option<Line>, Fault> {
        let mut words = Vec::new();
        let mut at = 0;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            at += rest.len() - rest.trim_start().len();
            if at >= self.text.len() {
                break;
            }
            let (word, end) = self.word(at)?;
            words.push(word);
            at = end;
        }
        let mut words = words.into_iter();
        Ok(words.next().map(|name| Line { name, arguments: words.collect() }))
    }

    /// The word at `start`, unquoted, and where it ends. `\"` is a quote; every other backslash stays.
    fn word(&self, start: usize) -> Result<(Word, usize), Fault> {
        let rest = self.text.get(start..).unwrap_or_default();
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let mut word = Word { text: String::new(), file: self.file.clone(), marks: Vec::new() };
        let mut mark = true;
        let mut chars = rest.char_indices().skip(usize::from(quote.is_some())).peekable();
        while let Some((at, char)) = chars.next() {
            if quote.map_or(char.is_whitespace(), |quote| char == quote) {
                let end = start + at + usize::from(quote.is_some());
                return Ok((word, end));
            }
            let at_line_start =
                self.marks.binary_search_by_key(&(start + at), |(offset, ..)| *offset).is_ok();
            if mark || at_line_start {
                let (line, column) = self.place(start + at);
                word.marks.push((word.text.len(), line, column));
                mark = false;
            }
            if char == '\\' && quote.is_some() {
                match chars.peek().copied() {
                    Some((_, next)) if Some(next) == quote => {
                        word.text.push(next);
                        chars.next();
                        mark = true;
                        continue;
                    }
                    Some((_, '\\')) => {
                        word.text.push_str("\\\\");
                        chars.next();
                        continue;
                    }
                    _ => {}
                }
            }
            word.text.push(char);
        }
        if quote.is_some() {
            let (line, column) = self.place(start);
            let place = Place { file: self.file.clone(), line, column };
            return Err(place.fault("this quote is never closed; close it, or end the line before with `\\`"));
        }
        if word.marks.is_empty() {
            let (line, column) = self.place(start);
            word.marks.push((0, line, column));
        }
        Ok((word, self.text.len()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::lines;

    #[test]
    fn continuations_keep_their_places() {
        let mut faults = Vec::new();
        let text = "# comment \\\nSecRule ARGS \"@rx a\\\"b\" \\\n    \"id:1,\\\n    deny\"\nSecMarker x";
        let found = lines(&Arc::from("f"), text, &mut faults, 9);
        assert!(faults.is_empty());
        assert_eq!(found.len(), 2);
        let words: Vec<&str> = found[0].arguments.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(words, ["ARGS", "@rx a\"b", "id:1,deny"]);
        let place = found[0].arguments[2].place(5);
        assert_eq!((place.line, place.column), (4, 5));
        assert_eq!(found[1].name.text, "SecMarker");
    }

    #[test]
    fn open_quote_is_a_fault_with_a_place() {
        let mut faults = Vec::new();
        lines(&Arc::from("f"), "\n SecAction \"id:1", &mut faults, 9);
        assert_eq!((faults[0].line, faults[0].column), (2, 12));
    }
}
