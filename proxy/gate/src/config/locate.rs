//! Where each key and value of a YAML file stands, and what no file of ours may contain.
//!
//! The deserialiser knows values but not places. This index is made first, from parse events, and refuses what would make
//! one text mean two things or a small text large: duplicate keys, anchors and aliases, tags, several documents, deep nesting.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScanError, Span, StrInput};

/// How deeply lists and mappings may be nested. Ours need six levels; the parsers recurse.
const DEPTH_LIMIT: usize = 32;

/// A position: line and column, in characters, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Mark {
    /// The beginning of a file.
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

impl From<&Marker> for Mark {
    fn from(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// A value's position and those of everything in it.
#[derive(Debug)]
pub(super) struct Located {
    /// Where the value begins.
    pub(super) mark: Mark,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Nothing,
    Items(Vec<Located>),
    Entries(BTreeMap<String, Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where the key begins.
    pub(super) mark: Mark,
    /// The value.
    pub(super) value: Located,
}

impl Located {
    const fn leaf(mark: Mark) -> Self {
        Self { mark, inside: Inside::Nothing }
    }

    /// The entry of a key; of a duplicate key the first.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.inside {
            Inside::Entries(entries) => entries.get(key),
            _ => None,
        }
    }

    /// An item of a list, from 0.
    pub(super) fn item(&self, index: usize) -> Option<&Self> {
        match &self.inside {
            Inside::Items(items) => items.get(index),
            _ => None,
        }
    }
}

/// What was found while a file was indexed.
#[derive(Debug)]
pub(super) struct Indexed {
    /// The whole document; none if it cannot be read any further.
    pub(super) root: Option<Located>,
    /// Where something is wrong, and what.
    pub(super) faults: Vec<(Mark, String)>,
}

/// Indexes one YAML document.
pub(super) fn index(text: &str) -> Indexed {
    let mut indexer = Indexer { parser: Parser::new_from_str(text), faults: Vec::new() };
    let root = match indexer.document() {
        Ok(root) => root,
        Err(Stop(mark, message)) => {
            indexer.faults.push((mark, message));
            None
        }
    };
    Indexed { root, faults: indexer.faults }
}

struct Indexer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    faults: Vec<(Mark, String)>,
}

/// Beyond this nothing can be trusted.
struct Stop(Mark, String);

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        let hint = "check indentation, quotes and brackets just before";
        Self(error.marker().into(), format!("this is no YAML: {}; {hint}", error.info()))
    }
}

impl<'t> Indexer<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Mark), Stop> {
        match self.parser.next_event() {
            Some(event) => {
                let (event, Span { start, .. }) = event?;
                Ok((event, (&start).into()))
            }
            None => Err(Stop(Mark::START, "the file ends too early; restore the rest".to_owned())),
        }
    }

    fn document(&mut self) -> Result<Option<Located>, Stop> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => break,
                (Event::DocumentStart(_), mark) if root.is_some() => {
                    return Err(Stop(mark, "a second document begins here; keep one a file".to_owned()));
                }
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (event, mark) => root = Some(self.value(&event, mark, 0)?),
            }
        }
        if root.is_none() {
            self.faults.push((Mark::START, "the file is empty; write its keys or restore it".to_owned()));
        }
        Ok(root)
    }

    fn value(&mut self, event: &Event<'t>, mark: Mark, depth: usize) -> Result<Located, Stop> {
        if depth > DEPTH_LIMIT {
            return Err(Stop(mark, format!("nested more than {DEPTH_LIMIT} levels deep; no key of ours is")));
        }
        refuse_cleverness(event, mark)?;
        match event {
            Event::SequenceStart(..) => self.items(mark, depth),
            Event::MappingStart(..) => self.entries(mark, depth),
            _ => Ok(Located::leaf(mark)),
        }
    }

    fn items(&mut self, mark: Mark, depth: usize) -> Result<Located, Stop> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Located { mark, inside: Inside::Items(items) }),
                (event, at) => items.push(self.value(&event, at, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, mark: Mark, depth: usize) -> Result<Located, Stop> {
        let mut entries = BTreeMap::new();
        loop {
            let (event, at) = self.next()?;
            refuse_cleverness(&event, at)?;
            let key = match event {
                Event::MappingEnd => return Ok(Located { mark, inside: Inside::Entries(entries) }),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(Stop(at, "a key must be a plain word, not a list or mapping".to_owned())),
            };
            let (event, value_at) = self.next()?;
            let value = self.value(&event, value_at, depth + 1)?;
            self.keep(&mut entries, key, Entry { mark: at, value });
        }
    }

    fn keep(&mut self, entries: &mut BTreeMap<String, Entry>, key: String, entry: Entry) {
        match entries.get(&key) {
            Some(first) => {
                let line = first.mark.line;
                let message = format!("`{key}` is here a second time, after line {line}; keep one of them");
                self.faults.push((entry.mark, message));
            }
            None => {
                entries.insert(key, entry);
            }
        }
    }
}

/// An alias repeats what stands elsewhere, and nine nested ones make a gigabyte of a page; a tag changes what a value is.
fn refuse_cleverness(event: &Event<'_>, mark: Mark) -> Result<(), Stop> {
    let (anchor, tagged) = match event {
        Event::Alias(_) => (1, false),
        Event::Scalar(_, _, anchor, tag)
        | Event::SequenceStart(anchor, tag)
        | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
        _ => (0, false),
    };
    if anchor != 0 {
        return Err(Stop(
            mark,
            "anchors (`&`) and aliases (`*`) are refused; write the value out".to_owned(),
        ));
    }
    if tagged {
        return Err(Stop(
            mark,
            "tags (`!`) are refused; write the value alone, quoted if it is text".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(line: usize, column: usize) -> Mark {
        Mark { line, column }
    }

    #[test]
    fn keys_and_values_are_found() {
        let indexed = index("# é\na: 1\nb:\n  - x\n  - { c: d, 'e f': [1, 2] }\n");
        assert_eq!(indexed.faults, []);
        let root = indexed.root.unwrap();
        assert_eq!(root.mark, mark(2, 1));
        assert_eq!(root.entry("a").unwrap().mark, mark(2, 1));
        assert_eq!(root.entry("a").unwrap().value.mark, mark(2, 4));
        let second = root.entry("b").unwrap().value.item(1).unwrap();
        assert_eq!(second.entry("c").unwrap().value.mark, mark(5, 10));
        assert_eq!(second.entry("e f").unwrap().mark, mark(5, 13));
        assert_eq!(second.entry("e f").unwrap().value.item(1).unwrap().mark, mark(5, 24));
        assert!(root.entry("z").is_none() && root.item(0).is_none() && second.item(0).is_none());
    }

    #[test]
    fn columns_count_characters() {
        let root = index("{ é: ü, x: y }").root.unwrap();
        assert_eq!(root.entry("x").unwrap().mark, mark(1, 9));
    }

    #[test]
    fn what_no_file_may_contain_is_refused_at_its_place() {
        let deep = "[".repeat(40);
        for (name, text, expected, message) in [
            ("empty", "", mark(1, 1), "the file is empty"),
            ("comments only", "# nothing\n", mark(1, 1), "the file is empty"),
            ("anchor", "a: &x 1\nb: 2\n", mark(1, 7), "anchors"),
            ("anchored key", "&x a: 1\n", mark(1, 4), "anchors"),
            ("alias of nothing", "b: *x\n", mark(1, 4), "no YAML"),
            ("tag", "a: !!str 1\n", mark(1, 10), "tags"),
            ("own tag", "a: !secret x\n", mark(1, 12), "tags"),
            ("second document", "a: 1\n---\nb: 1\n", mark(2, 1), "a second document"),
            ("deep", &deep, mark(1, 34), "nested more than 32"),
            ("open bracket", "a: [1, 2\nb: 3\n", mark(2, 2), "no YAML"),
            ("tab", "a:\n\tb: 1\n", mark(2, 2), "no YAML"),
            ("list as key", "? [a]\n: b\n", mark(1, 3), "a key must be"),
            ("lone word", "a: 1\nb\n", mark(3, 1), "no YAML"),
        ] {
            let indexed = index(text);
            let last = indexed.faults.last().unwrap_or_else(|| panic!("{name}: no fault"));
            assert!(last.1.contains(message), "{name}: {last:?}");
            assert_eq!(last.0, expected, "{name}: {last:?}");
            assert!(indexed.root.is_none(), "{name}");
        }
    }

    #[test]
    fn every_duplicate_is_found_and_the_first_one_kept() {
        let indexed = index("a: 1\nb: { c: 1, c: 2 }\na: 2\na: 3\n");
        let places: Vec<_> = indexed.faults.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [mark(2, 12), mark(3, 1), mark(4, 1)]);
        assert_eq!(indexed.faults[1].1, "`a` is here a second time, after line 1; keep one of them");
        assert_eq!(indexed.root.unwrap().entry("a").unwrap().mark, mark(1, 1));
    }
}
