//! XML 1.0, as much of it as inspection needs: text, attribute values, nesting. Nothing is expanded or fetched: entities other
//! than the five of XML and character references are left as they stand, and a document that declares some, or attributes, that has
//! its type elsewhere, or is in an encoding that is not read, is an error, since an application would read in it what no rule has seen.

use memchr::{memchr, memmem};

use super::charset;

/// What the parser finds.
pub(crate) enum Piece<'a> {
    /// Character data, references resolved.
    Text(&'a [u8]),
    /// An attribute's value, references resolved.
    Attribute(&'a [u8]),
    /// The path of an element without children, such as `xml.order.sku`, and its text.
    Leaf(&'a [u8], &'a [u8]),
}

const MALFORMED: &str = "the XML body is malformed";
const TOO_DEEP: &str = "the XML body is nested too deep";
const ENTITIES: &str = "the XML body declares entities, which are not expanded";
const ATTRIBUTES: &str = "the XML body declares attributes, whose usual values are not filled in";
const ELSEWHERE: &str = "the XML body has its document type elsewhere, from where it is not fetched";
const ENCODING: &str = "the XML body is in an encoding that is not read as its bytes are";

/// Parses `body`, at most `depth` levels deep; a `false` of the sink stops it.
///
/// # Errors
///
/// When it is malformed or too deep; what came before has gone to `sink`.
pub(crate) fn parse(
    body: &[u8],
    depth: usize,
    sink: &mut dyn FnMut(Piece<'_>) -> bool,
) -> Result<(), &'static str> {
    let mut parser = Parser {
        rest: body,
        open: Vec::new(),
        path: b"xml".to_vec(),
        leaf: Vec::new(),
        is_leaf: false,
        seen: false,
        text: Vec::new(),
        complaint: None,
    };
    while !parser.rest.is_empty() {
        if !parser.step(depth, sink)? {
            return Ok(());
        }
    }
    match parser.complaint {
        Some(complaint) => Err(complaint),
        None if parser.open.is_empty() && parser.seen => Ok(()),
        None => Err(MALFORMED),
    }
}

struct Parser<'a> {
    rest: &'a [u8],
    /// Names of open elements, and the path's length before each.
    open: Vec<(&'a [u8], usize)>,
    path: Vec<u8>,
    leaf: Vec<u8>,
    is_leaf: bool,
    seen: bool,
    text: Vec<u8>,
    /// What is wrong with it although it is well-formed.
    complaint: Option<&'static str>,
}

impl<'a> Parser<'a> {
    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Skips to behind `end`, which is looked for from `start` on; what lies between.
    fn past(&mut self, start: usize, end: &[u8]) -> Result<&'a [u8], &'static str> {
        let tail = self.rest.get(start..).unwrap_or_default();
        let len = memmem::find(tail, end).ok_or(MALFORMED)?;
        self.skip(start + len + end.len());
        Ok(tail.get(..len).unwrap_or_default())
    }

    fn step(&mut self, depth: usize, sink: &mut dyn FnMut(Piece<'_>) -> bool) -> Result<bool, &'static str> {
        match self.rest {
            [b'<', b'?', ..] => {
                let instruction = self.past(2, b"?>")?;
                if !has_read_encoding(instruction) {
                    self.complaint = Some(ENCODING);
                }
                Ok(true)
            }
            [b'<', b'!', b'-', b'-', ..] => self.past(4, b"-->").map(|_| true),
            [b'<', b'!', b'[', ..] if self.rest.starts_with(b"<![CDATA[") => {
                let text = self.past(9, b"]]>")?;
                self.leaf.extend_from_slice(text);
                Ok(sink(Piece::Text(text)))
            }
            [b'<', b'!', ..] => self.doctype().map(|()| true),
            [b'<', b'/', ..] => self.close(sink),
            [b'<', ..] => self.element(depth, sink),
            _ => self.characters(sink),
        }
    }

    fn characters(&mut self, sink: &mut dyn FnMut(Piece<'_>) -> bool) -> Result<bool, &'static str> {
        let len = memchr(b'<', self.rest).unwrap_or(self.rest.len());
        let raw = self.rest.get(..len).unwrap_or_default();
        self.skip(len);
        if self.open.is_empty() {
            // Outside the root only white space and a byte order mark may stand.
            let blank = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw).iter().all(u8::is_ascii_whitespace);
            return if blank { Ok(true) } else { Err(MALFORMED) };
        }
        self.text.clear();
        resolve(raw, &mut self.text);
        self.leaf.extend_from_slice(&self.text);
        Ok(sink(Piece::Text(&self.text)))
    }

    /// Skips a document type with its internal subset. A quote in a comment or an instruction opens nothing: whoever took it for one
    /// would skip elements, too.
    fn doctype(&mut self) -> Result<(), &'static str> {
        if self.seen || !self.rest.starts_with(b"<!DOCTYPE") {
            return Err(MALFORMED);
        }
        let mut depth = 0_usize;
        loop {
            self.skip(self.rest.iter().position(|byte| b"<>[]\"'".contains(byte)).ok_or(MALFORMED)?);
            match self.rest {
                [b'<', b'!', b'-', b'-', ..] => {
                    self.past(4, b"-->")?;
                }
                [b'<', b'?', ..] => {
                    self.past(2, b"?>")?;
                }
                [quote @ (b'"' | b'\''), ..] => {
                    // Outside the subset only what names another file is quoted.
                    if depth == 1 {
                        self.complaint = Some(ELSEWHERE);
                    }
                    self.past(1, &[*quote])?;
                }
                [b'<' | b'[', ..] => {
                    self.declaration();
                    depth += 1;
                    self.skip(1);
                }
                _ => {
                    depth = depth.checked_sub(1).ok_or(MALFORMED)?;
                    let ends = depth == 0 && self.rest.first() == Some(&b'>');
                    self.skip(1);
                    if ends {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Notes what is declared here, if it would change what the document says.
    fn declaration(&mut self) {
        for (opening, complaint) in [(&b"<!ENTITY"[..], ENTITIES), (b"<!ATTLIST", ATTRIBUTES)] {
            if self.rest.starts_with(opening) {
                self.complaint = Some(complaint);
            }
        }
    }

    fn close(&mut self, sink: &mut dyn FnMut(Piece<'_>) -> bool) -> Result<bool, &'static str> {
        let name = self.past(2, b">")?.trim_ascii_end();
        let Some((open, path_len)) = self.open.pop() else { return Err(MALFORMED) };
        if open != name {
            return Err(MALFORMED);
        }
        let go_on = !self.is_leaf || sink(Piece::Leaf(&self.path, &self.leaf));
        self.is_leaf = false;
        self.path.truncate(path_len);
        Ok(go_on)
    }

    fn element(
        &mut self,
        depth: usize,
        sink: &mut dyn FnMut(Piece<'_>) -> bool,
    ) -> Result<bool, &'static str> {
        self.skip(1);
        let len = name_len(self.rest);
        if len == 0 || (self.open.is_empty() && self.seen) {
            return Err(MALFORMED);
        }
        if self.open.len() >= depth {
            return Err(TOO_DEEP);
        }
        self.seen = true;
        let name = self.rest.get(..len).unwrap_or_default();
        self.skip(len);
        let path_len = self.path.len();
        self.path.push(b'.');
        self.path.extend_from_slice(name);
        self.leaf.clear();
        self.is_leaf = true;
        loop {
            self.skip_white();
            match self.rest {
                [b'>', ..] => {
                    self.skip(1);
                    self.open.push((name, path_len));
                    return Ok(true);
                }
                [b'/', b'>', ..] => {
                    self.skip(2);
                    let go_on = sink(Piece::Leaf(&self.path, b""));
                    self.is_leaf = false;
                    self.path.truncate(path_len);
                    return Ok(go_on);
                }
                _ => {
                    if !self.attribute(sink)? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn skip_white(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn attribute(&mut self, sink: &mut dyn FnMut(Piece<'_>) -> bool) -> Result<bool, &'static str> {
        let len = name_len(self.rest);
        if len == 0 {
            return Err(MALFORMED);
        }
        self.skip(len);
        self.skip_white();
        self.rest = self.rest.strip_prefix(b"=").ok_or(MALFORMED)?;
        self.skip_white();
        let quote = *self.rest.first().filter(|byte| matches!(byte, b'"' | b'\'')).ok_or(MALFORMED)?;
        let raw = self.past(1, &[quote])?;
        self.text.clear();
        resolve(raw, &mut self.text);
        Ok(sink(Piece::Attribute(&self.text)))
    }
}

/// Whether an instruction is no XML declaration, or one that names no encoding but such as are read.
fn has_read_encoding(instruction: &[u8]) -> bool {
    if !instruction.starts_with(b"xml") {
        return true;
    }
    let Some(at) = memmem::find(instruction, b"encoding") else { return true };
    let value = instruction.get(at + 8..).unwrap_or_default().trim_ascii_start();
    let Some(value) = value.strip_prefix(b"=") else { return false };
    let mut quoted = value.splitn(3, |byte| matches!(byte, b'"' | b'\''));
    quoted.nth(1).is_some_and(charset::is_ascii_superset)
}

fn name_len(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || **byte >= 0x80 || matches!(byte, b':' | b'_' | b'-' | b'.')
        })
        .count()
}

/// Resolves the references that XML itself defines; others stay as they are.
fn resolve(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr(b'&', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let tail = rest.get(at + 1..).unwrap_or_default();
        // As long as it may be: a number may have any zeros before it.
        let end = tail.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'#');
        let end = end.filter(|end| tail.get(*end) == Some(&b';'));
        let char = end.and_then(|end| reference(tail.get(..end)?));
        match (char, end) {
            (Some(char), Some(end)) => {
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = tail.get(end + 1..).unwrap_or_default();
            }
            _ => {
                out.push(b'&');
                rest = tail;
            }
        }
    }
    out.extend_from_slice(rest);
}

fn reference(name: &[u8]) -> Option<char> {
    let number = |digits: &[u8], radix| {
        char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?)
    };
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"apos" => Some('\''),
        b"quot" => Some('"'),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, TOO_DEEP, parse};

    fn pieces(text: &str) -> (String, bool) {
        let mut found = String::new();
        let parsed = parse(text.as_bytes(), 8, &mut |piece| {
            let (mark, bytes) = match piece {
                Piece::Text(bytes) => ('t', bytes),
                Piece::Attribute(bytes) => ('a', bytes),
                Piece::Leaf(path, _) => ('l', path),
            };
            found.push_str(&format!("{mark}:{} ", String::from_utf8_lossy(bytes)));
            true
        });
        (found, parsed.is_ok())
    }

    #[test]
    fn documents() {
        for (text, expected, well_formed) in [
            ("<?xml version='1.0'?><a b='1&lt;'>x<c/>y</a>", "a:1< t:x l:xml.a.c t:y ", true),
            ("<a><![CDATA[<b>]]>&#65;&x;</a>", "t:<b> t:A&x; l:xml.a ", true),
            ("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", "t:&x; l:xml.a ", false),
            ("<!DOCTYPE a SYSTEM \"a.dtd\"><a>x</a>", "t:x l:xml.a ", false),
            ("<!DOCTYPE a PUBLIC '-//A//EN' 'a.dtd' []><a>x</a>", "t:x l:xml.a ", false),
            ("<!DOCTYPE a><a>x</a>", "t:x l:xml.a ", true),
            ("<!DOCTYPE a [<!ELEMENT a (#PCDATA)><!NOTATION n SYSTEM 'n'>]><a>x</a>", "t:x l:xml.a ", true),
            ("<!DOCTYPE a [<!ATTLIST a b CDATA 'y'>]><a>x</a>", "t:x l:xml.a ", false),
            ("<!DOCTYPE a [<!-- ' -->]><a>y<!-- '>]><a>x --></a>", "t:y l:xml.a ", true),
            ("<!DOCTYPE a [<?b \" ?>]><a>y<?b \">]><a>x ?></a>", "t:y l:xml.a ", true),
            ("<!DOCTYPE a []]><a/>", "", false),
            ("<a><!DOCTYPE a [y]>x</a>", "", false),
            ("<a/><!DOCTYPE a [y]>", "l:xml.a ", false),
            ("<!FOO y><a/>", "", false),
            (
                "<a b='&#x0000000000000000003c;'>&#00000000000000065;&#x3c&lt;</a>",
                "a:< t:A&#x3c< l:xml.a ",
                true,
            ),
            ("<?xml version='1.0' encoding='UTF-7'?><a>+ADw-</a>", "t:+ADw- l:xml.a ", false),
            ("<?xml version='1.0' encoding = \"iso-8859-1\"?><a/>", "l:xml.a ", true),
            ("<a><b></a></b>", "", false),
            ("<a", "", false),
            ("<a>", "", false),
            ("x<a/>", "", false),
            ("<a/><b/>", "l:xml.a ", false),
            ("<a b=c/>", "", false),
            ("", "", false),
            ("<a><!-- <b> --></a>\n", "l:xml.a ", true),
        ] {
            assert_eq!(pieces(text), (expected.to_owned(), well_formed), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(parse("<a>".repeat(100_000).as_bytes(), 512, &mut |_| true), Err(TOO_DEEP));
    }
}
