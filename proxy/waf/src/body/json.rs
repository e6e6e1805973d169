//! JSON (RFC 8259). Each leaf becomes an argument named by its path: `json.order.items.sku`.
//!
//! Elements of an array have the array's name, without an index: rules that look at how a name ends (CRS 934210) then
//! see the name that the client chose, and an exclusion holds for every element.
//! An object or array with nothing in it is the empty value, so that its name is seen: `{"$ne":{}}` asks for everything, too.
//! `null` is the empty value, `true` and `false` their words, numbers their text. A repeated name is an argument each
//! time, so that no reading of it stays uninspected.

/// Takes a name and a value; `false` stops the parsing.
type Sink<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

const MALFORMED: &str = "the JSON body is malformed";
const TOO_DEEP: &str = "the JSON body is nested too deep";

/// Parses `body`, at most `depth` levels deep.
///
/// # Errors
///
/// When it is malformed or too deep; what came before has gone to `sink`.
pub(crate) fn parse(body: &[u8], depth: usize, sink: &mut Sink<'_>) -> Result<(), &'static str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut parser = Parser { body, at: 0, path: b"json".to_vec(), open: Vec::new(), text: Vec::new() };
    parser.run(depth, sink)
}

/// Whether `body` starts as an object or array does. Many applications read it as one whatever its type says, as Go's decoder and
/// Flask's `get_json(force=True)` do.
pub(crate) fn may_be(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    matches!(body.first(), Some(b'{' | b'['))
}

/// An open object or array, and how long the path is without its members.
struct Open {
    path_len: usize,
    is_array: bool,
}

struct Parser<'a> {
    body: &'a [u8],
    at: usize,
    path: Vec<u8>,
    open: Vec<Open>,
    text: Vec<u8>,
}

impl Parser<'_> {
    fn run(&mut self, depth: usize, sink: &mut Sink<'_>) -> Result<(), &'static str> {
        loop {
            let first = self.skip_white();
            let is_container = matches!(first, Some(b'{' | b'['));
            let closed = match first {
                Some(b'{') => self.enter(depth, false)?,
                Some(b'[') => self.enter(depth, true)?,
                _ => {
                    if !self.leaf(sink)? {
                        return Ok(());
                    }
                    true
                }
            };
            if closed && is_container && !self.open.is_empty() && !sink(&self.path, b"") {
                return Ok(());
            }
            if closed && !self.next_member()? {
                return if self.skip_white().is_none() { Ok(()) } else { Err(MALFORMED) };
            }
        }
    }

    fn skip_white(&mut self) -> Option<u8> {
        while let Some(byte) = self.body.get(self.at).copied() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Opens an object or array; whether it is closed again at once.
    fn enter(&mut self, depth: usize, is_array: bool) -> Result<bool, &'static str> {
        if self.open.len() >= depth {
            return Err(TOO_DEEP);
        }
        self.at += 1;
        self.open.push(Open { path_len: self.path.len(), is_array });
        match (self.skip_white(), is_array) {
            (Some(b'}'), false) | (Some(b']'), true) => {
                self.at += 1;
                self.open.pop();
                Ok(true)
            }
            (_, false) => self.name().map(|()| false),
            (_, true) => Ok(false),
        }
    }

    /// Reads a member's name and the colon.
    fn name(&mut self) -> Result<(), &'static str> {
        if self.skip_white() != Some(b'"') {
            return Err(MALFORMED);
        }
        self.string()?;
        self.path.push(b'.');
        self.path.extend_from_slice(&self.text);
        if self.skip_white() != Some(b':') {
            return Err(MALFORMED);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes on after a value; `false` at the end of the document.
    fn next_member(&mut self) -> Result<bool, &'static str> {
        while let Some(open) = self.open.last() {
            let is_array = open.is_array;
            self.path.truncate(open.path_len);
            match (self.skip_white(), is_array) {
                (Some(b','), false) => {
                    self.at += 1;
                    return self.name().map(|()| true);
                }
                (Some(b','), true) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b'}'), false) | (Some(b']'), true) => {
                    self.at += 1;
                    self.open.pop();
                }
                _ => return Err(MALFORMED),
            }
        }
        Ok(false)
    }

    fn leaf(&mut self, sink: &mut Sink<'_>) -> Result<bool, &'static str> {
        if self.skip_white() == Some(b'"') {
            self.string()?;
            return Ok(sink(&self.path, &self.text));
        }
        let rest = self.body.get(self.at..).unwrap_or_default();
        let len = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            .count();
        let word = rest.get(..len).unwrap_or_default();
        self.at += len;
        match word {
            b"null" => Ok(sink(&self.path, b"")),
            b"true" | b"false" => Ok(sink(&self.path, word)),
            word if is_number(word) => Ok(sink(&self.path, word)),
            _ => Err(MALFORMED),
        }
    }

    /// Reads a string into `text`.
    fn string(&mut self) -> Result<(), &'static str> {
        self.at += 1;
        self.text.clear();
        loop {
            let rest = self.body.get(self.at..).unwrap_or_default();
            let plain =
                rest.iter().position(|byte| matches!(byte, b'"' | b'\\') || *byte < 0x20).ok_or(MALFORMED)?;
            self.text.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.at += plain + 1;
            match rest.get(plain) {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.escape()?,
                _ => return Err(MALFORMED),
            }
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        let byte = self.body.get(self.at).copied().ok_or(MALFORMED)?;
        self.at += 1;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(),
            _ => return Err(MALFORMED),
        };
        self.text.push(plain);
        Ok(())
    }

    fn unicode(&mut self) -> Result<(), &'static str> {
        let high = self.unit()?;
        let mut code = u32::from(high);
        if (0xd800..0xdc00).contains(&high) && self.body.get(self.at..self.at + 2) == Some(b"\\u") {
            let before = self.at;
            self.at += 2;
            let low = self.unit()?;
            if (0xdc00..0xe000).contains(&low) {
                code = 0x1_0000 + ((code - 0xd800) << 10) + u32::from(low - 0xdc00);
            } else {
                self.at = before;
            }
        }
        // A lone surrogate is no character; readers differ on it, so it must not vanish.
        let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn unit(&mut self) -> Result<u16, &'static str> {
        let digits = self.body.get(self.at..self.at + 4).ok_or(MALFORMED)?;
        self.at += 4;
        let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+')).ok_or(MALFORMED)?;
        u16::from_str_radix(text, 16).map_err(|_| MALFORMED)
    }
}

fn is_number(word: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = word.strip_prefix(b"-").unwrap_or(word);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.first() == Some(&b'0')) {
        return false;
    }
    let mut rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = digits(fraction);
        if len == 0 {
            return false;
        }
        rest = fraction.get(len..).unwrap_or_default();
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let unsigned =
            exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        return !unsigned.is_empty() && digits(unsigned) == unsigned.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{TOO_DEEP, parse};

    fn leaves(text: &str) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let parsed = parse(text.as_bytes(), 4, &mut |name, value| {
            found.push(format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
            true
        });
        (found, parsed.is_ok())
    }

    #[test]
    fn documents() {
        for (text, expected, well_formed) in [
            (
                r#"{"a":1,"b":[true,null,"x\u0041\n"],"a":{"c":-1.5e3}}"#,
                &["json.a=1", "json.b=true", "json.b=", "json.b=xA\n", "json.a.c=-1.5e3"][..],
                true,
            ),
            (r#""x""#, &["json=x"], true),
            ("[]", &[], true),
            (
                r#"{"a":{"$ne":{}},"b":[[ ],{}],"c":[]}"#,
                &["json.a.$ne=", "json.b=", "json.b=", "json.c="],
                true,
            ),
            (" { } ", &[], true),
            (r#"{"a":1"#, &["json.a=1"], false),
            (r#"{"a":1}x"#, &["json.a=1"], false),
            (r#"{"a" 1}"#, &[], false),
            ("[1,]", &["json=1"], false),
            ("[01]", &[], false),
            ("", &[], false),
            (r#"["\ud83d\ude00\ud800"]"#, &["json=😀\u{fffd}"], true),
            ("[\"a\tb\"]", &[], false),
        ] {
            let (found, ok) = leaves(text);
            assert_eq!(
                (found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), ok),
                (expected, well_formed),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        assert_eq!(parse(deep.as_bytes(), 512, &mut |_, _| true), Err(TOO_DEEP));
    }
}
