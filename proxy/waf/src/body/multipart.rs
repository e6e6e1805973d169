//! `multipart/form-data` (RFC 7578), read strictly: wherever servers are known to read a body differently, a flag says so
//! (the `MULTIPART_*` variables), and what has no single reading is an error.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::charset;

/// Bounds on one body.
pub(crate) struct Limits {
    pub(crate) parts: usize,
    pub(crate) files: usize,
    /// Bytes of all parts that are no files.
    pub(crate) plain_bytes: usize,
}

/// One part.
pub(crate) struct Part<'a> {
    pub(crate) name: Vec<u8>,
    /// `None`: an ordinary field.
    pub(crate) filename: Option<Vec<u8>>,
    /// Whether servers read it as a field: all of them, or some although it names a file.
    pub(crate) is_field: bool,
    /// Header lines, unfolded.
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) value: Cow<'a, [u8]>,
}

/// What is odd about a body.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flags {
    pub(crate) boundary_quoted: bool,
    pub(crate) boundary_whitespace: bool,
    pub(crate) crlf_line: bool,
    pub(crate) data_after: bool,
    pub(crate) data_before: bool,
    pub(crate) header_folding: bool,
    pub(crate) invalid_header_folding: bool,
    pub(crate) invalid_part: bool,
    pub(crate) invalid_quoting: bool,
    pub(crate) lf_line: bool,
    pub(crate) missing_semicolon: bool,
    pub(crate) too_many_files: bool,
    pub(crate) unmatched_boundary: bool,
}

impl Flags {
    /// Whether lines end in both ways.
    pub(crate) fn crlf_lf_lines(&self) -> bool {
        self.crlf_line && self.lf_line
    }

    /// Whether anything makes the body ambiguous.
    pub(crate) fn is_strict_error(&self) -> bool {
        self.boundary_quoted
            || self.boundary_whitespace
            || self.data_before
            || self.data_after
            || self.header_folding
            || self.invalid_header_folding
            || self.lf_line
            || self.missing_semicolon
            || self.invalid_quoting
            || self.invalid_part
            || self.too_many_files
    }
}

/// A parsed body.
#[derive(Default)]
pub(crate) struct Parsed<'a> {
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) flags: Flags,
    pub(crate) error: Option<&'static str>,
}

/// Parses `body` by the boundary in `content_type`.
pub(crate) fn parse<'a>(content_type: &[u8], body: &'a [u8], limits: &Limits) -> Parsed<'a> {
    let mut parsed = Parsed::default();
    match boundary(content_type, &mut parsed.flags) {
        Ok(boundary) => {
            let delimiter = [b"--", boundary.as_slice()].concat();
            if let Err(message) = parts(&delimiter, body, limits, &mut parsed) {
                parsed.error = Some(message);
            }
        }
        Err(message) => parsed.error = Some(message),
    }
    parsed
}

/// The boundary parameter (RFC 2046, 5.1.1).
fn boundary(content_type: &[u8], flags: &mut Flags) -> Result<Vec<u8>, &'static str> {
    const INVALID: &str = "the multipart boundary is invalid";
    let named = |parameter: &&[u8]| {
        parameter.trim_ascii_start().get(..8).is_some_and(|name| name.eq_ignore_ascii_case(b"boundary"))
    };
    let mut found = content_type.split(|byte| matches!(byte, b';' | b',')).skip(1).filter(named);
    let parameter = found.next().ok_or("the multipart boundary is missing")?;
    if found.next().is_some() || is_named_elsewhere(content_type, parameter) {
        return Err("the multipart boundary is given twice");
    }
    let after = parameter.trim_ascii_start().get(8..).unwrap_or_default();
    let value = after.trim_ascii_start();
    let value = value.strip_prefix(b"=").ok_or(INVALID)?;
    if value.len() + 1 != after.len() || value.first().is_some_and(u8::is_ascii_whitespace) {
        flags.boundary_whitespace = true;
    }
    let value = value.trim_ascii();
    let boundary = if let Some(quoted) = value.strip_prefix(b"\"") {
        flags.boundary_quoted = true;
        let end = memchr(b'"', quoted).ok_or(INVALID)?;
        if !quoted.get(end + 1..).unwrap_or_default().trim_ascii().is_empty() {
            return Err(INVALID);
        }
        quoted.get(..end).unwrap_or_default()
    } else {
        value
    };
    flags.boundary_whitespace |= boundary.iter().any(u8::is_ascii_whitespace);
    let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    if boundary.is_empty() || boundary.len() > 200 || !boundary.iter().all(valid) {
        return Err(INVALID);
    }
    Ok(boundary.to_vec())
}

/// Whether somebody who looks for the word in all of the header finds another boundary than that of `parameter`: PHP takes the first
/// such word, formidable the first that has a value, Rack before 3.1 the last.
fn is_named_elsewhere(content_type: &[u8], parameter: &[u8]) -> bool {
    const WORD: &[u8] = b"boundary";
    let text = content_type.to_ascii_lowercase();
    let first = memmem::find(&text, WORD).and_then(|at| content_type.get(at..)).unwrap_or_default();
    let with_value = memmem::find_iter(&text, WORD).filter(|at| {
        let after = text.get(at + WORD.len()..).unwrap_or_default();
        after.trim_ascii_start().starts_with(b"=")
    });
    !first.starts_with(parameter.trim_ascii_start()) || with_value.count() > 1
}

/// What a line that starts with the delimiter is.
enum Delimiter {
    /// The next part starts behind it, so many bytes on.
    Part(usize),
    /// The last one.
    Last(usize),
    /// Data that looks like one.
    None,
}

fn delimiter(rest: &[u8], flags: &mut Flags) -> Delimiter {
    let (last, tail) = match rest.strip_prefix(b"--") {
        Some(tail) => (true, tail),
        None => (false, rest),
    };
    let blanks = tail.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line_end = tail.get(blanks..).unwrap_or_default();
    // RFC 2046, 5.1.1 allows blanks here; PHP, formidable and multiparty read on.
    flags.unmatched_boundary |= blanks > 0;
    let ends = if line_end.starts_with(b"\r\n") {
        flags.crlf_line = true;
        2
    } else if line_end.starts_with(b"\n") {
        flags.lf_line = true;
        1
    } else if line_end.is_empty() && last {
        0
    } else {
        flags.unmatched_boundary = true;
        return Delimiter::None;
    };
    let len = rest.len() - line_end.len() + ends;
    if last { Delimiter::Last(len) } else { Delimiter::Part(len) }
}

fn parts<'a>(
    mark: &[u8],
    body: &'a [u8],
    limits: &Limits,
    parsed: &mut Parsed<'a>,
) -> Result<(), &'static str> {
    let finder = memmem::Finder::new(mark);
    let mut start = None;
    let mut from = 0;
    let mut plain_bytes = 0;
    while let Some(at) = finder.find(body.get(from..).unwrap_or_default()).map(|at| from + at) {
        from = at + mark.len();
        let before = at.checked_sub(1).and_then(|at| body.get(at));
        if !matches!(before, None | Some(b'\n')) {
            // Django delimits by it wherever it stands, others where a bare CR is before it.
            parsed.flags.unmatched_boundary = true;
            continue;
        }
        let found = delimiter(body.get(from..).unwrap_or_default(), &mut parsed.flags);
        let (len, last) = match found {
            Delimiter::None => continue,
            Delimiter::Part(len) => (len, false),
            Delimiter::Last(len) => (len, true),
        };
        // Strict servers know a delimiter by the whole line end before it, and read on where there is less.
        parsed.flags.lf_line |= at > 0 && !body.get(..at).is_some_and(|before| before.ends_with(b"\r\n"));
        match start {
            None => parsed.flags.data_before |= at > 0,
            Some(start) => part(body.get(start..at).unwrap_or_default(), limits, parsed, &mut plain_bytes)?,
        }
        from += len;
        if last {
            parsed.flags.data_after = from < body.len();
            return Ok(());
        }
        start = Some(from);
    }
    if let Some(start) = start {
        // What an unterminated part holds is inspected all the same.
        part(body.get(start..).unwrap_or_default(), limits, parsed, &mut plain_bytes)?;
    }
    Err("the last multipart boundary is missing")
}

fn part<'a>(
    text: &'a [u8],
    limits: &Limits,
    parsed: &mut Parsed<'a>,
    plain_bytes: &mut usize,
) -> Result<(), &'static str> {
    if parsed.parts.len() >= limits.parts {
        return Err("the multipart body has more parts than allowed");
    }
    let flags = &mut parsed.flags;
    let (headers, rest) = headers(text, flags)?;
    let disposition =
        headers.iter().filter(|header| is_named(header, b"content-disposition")).collect::<Vec<_>>();
    let [disposition] = disposition.as_slice() else {
        flags.invalid_part = true;
        return Err("a multipart part has none or several Content-Disposition headers");
    };
    if headers.iter().any(|header| is_coded(header)) {
        parsed.error.get_or_insert("a multipart part has a transfer coding, which is not undone");
    }
    let value = disposition.get(memchr(b':', disposition).unwrap_or(0) + 1..).unwrap_or_default();
    let parameters = parameters(value, flags);
    let value = rest.strip_suffix(b"\n").map_or(rest, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    let (name, filename, is_field) = match parameters {
        Ok(Parameters { name: Some(name), filename, is_field }) => (name, filename, is_field),
        other => {
            flags.invalid_part = true;
            let error = other.err().unwrap_or("a multipart part has no name");
            parsed.parts.push(Part {
                name: Vec::new(),
                filename: None,
                is_field: true,
                headers,
                value: Cow::Borrowed(value),
            });
            return Err(error);
        }
    };
    if filename.is_some() {
        let files = parsed.parts.iter().filter(|part| part.filename.is_some()).count();
        flags.too_many_files |= files >= limits.files;
    }
    if is_field {
        if !headers
            .iter()
            .filter(|header| is_named(header, b"content-type"))
            .all(|header| charset::is_read(header))
        {
            parsed.error.get_or_insert("a multipart field is in a charset that is not read as its bytes are");
        }
        *plain_bytes += value.len();
        if *plain_bytes > limits.plain_bytes {
            return Err("the multipart body is larger, without its files, than allowed");
        }
    }
    parsed.parts.push(Part { name, filename, is_field, headers, value: Cow::Borrowed(value) });
    Ok(())
}

fn is_named(header: &[u8], name: &[u8]) -> bool {
    let found = header.get(..memchr(b':', header).unwrap_or(0)).unwrap_or_default();
    found.trim_ascii().eq_ignore_ascii_case(name)
}

/// Whether a header says that a part is coded (RFC 7578, 4.7 deprecates it; some servers decode all the same).
fn is_coded(header: &[u8]) -> bool {
    let value = header.get(memchr(b':', header).unwrap_or(0) + 1..).unwrap_or_default().trim_ascii();
    is_named(header, b"content-transfer-encoding")
        && ![&b"7bit"[..], b"8bit", b"binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain))
}

/// The header lines of a part, unfolded, and what follows them.
fn headers<'a>(text: &'a [u8], flags: &mut Flags) -> Result<(Vec<Vec<u8>>, &'a [u8]), &'static str> {
    const HEADERS: usize = 64;
    let mut headers: Vec<Vec<u8>> = Vec::new();
    let mut rest = text;
    loop {
        let end = memchr(b'\n', rest);
        let Some(end) = end else {
            flags.invalid_part = true;
            return Err("the headers of a multipart part do not end");
        };
        let line = rest.get(..end).unwrap_or_default();
        rest = rest.get(end + 1..).unwrap_or_default();
        let line = match line.strip_suffix(b"\r") {
            Some(line) => {
                flags.crlf_line = true;
                line
            }
            None => {
                flags.lf_line = true;
                line
            }
        };
        if line.is_empty() {
            return Ok((headers, rest));
        }
        if let Some(folded) = line.first().filter(|byte| byte.is_ascii_whitespace() || **byte == 0x0b) {
            flags.header_folding = true;
            flags.invalid_header_folding |= !matches!(folded, b' ' | b'\t');
            let Some(last) = headers.last_mut() else {
                flags.invalid_part = true;
                return Err("a multipart part starts with a folded header");
            };
            last.extend_from_slice(line);
            continue;
        }
        let colon = memchr(b':', line).unwrap_or(0);
        if colon == 0 || headers.len() >= HEADERS || line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
            flags.invalid_part = true;
            return Err(
                "a multipart part has a header without name, with a zero byte or a bare CR, or too many",
            );
        }
        headers.push(line.to_vec());
    }
}

struct Parameters {
    name: Option<Vec<u8>>,
    filename: Option<Vec<u8>>,
    is_field: bool,
}

/// Parses `form-data; name="a"; filename="b"`.
fn parameters(value: &[u8], flags: &mut Flags) -> Result<Parameters, &'static str> {
    const INVALID: &str = "a Content-Disposition header is malformed";
    let value = value.trim_ascii();
    let mut rest = value
        .get(..9)
        .filter(|head| head.eq_ignore_ascii_case(b"form-data"))
        .and_then(|_| value.get(9..))
        .ok_or(INVALID)?;
    let mut found = Parameters { name: None, filename: None, is_field: true };
    let (mut plain, mut extended) = (false, false);
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Ok(found);
        }
        match rest.strip_prefix(b";") {
            Some(tail) => rest = tail.trim_ascii_start(),
            None => flags.missing_semicolon = true,
        }
        if rest.is_empty() {
            return Ok(found);
        }
        let len = rest
            .iter()
            .position(|byte| matches!(byte, b'=' | b';') || byte.is_ascii_whitespace())
            .ok_or(INVALID)?;
        let name = rest.get(..len).unwrap_or_default().to_ascii_lowercase();
        let tail = rest.get(len..).unwrap_or_default();
        let text = tail.trim_ascii_start().strip_prefix(b"=").ok_or(INVALID)?;
        // PHP and Werkzeug know no parameter whose name is not right before its `=`, and the value right behind it.
        flags.invalid_quoting |= !is_token(&name) || text.len() + 1 != tail.len();
        let value;
        (value, rest) = quoted(text, name.ends_with(b"*"), flags)?;
        match name.as_slice() {
            b"name" if found.name.is_some() => {
                return Err("a Content-Disposition header names its part twice");
            }
            b"name" => found.name = Some(value),
            b"filename" if std::mem::replace(&mut plain, true) => {
                return Err("a Content-Disposition header names its file twice");
            }
            b"filename*" if std::mem::replace(&mut extended, true) => {
                return Err("a Content-Disposition header names its file twice");
            }
            // RFC 7578, 4.2 forbids it, servers differ on which of the two wins: the extended one is checked and both count.
            b"filename*" => {
                let decoded = extended_value(&value).ok_or("an extended file name is malformed")?;
                // To Django it is the name, then.
                found.is_field |= decoded.is_empty();
                found.filename = Some(join(found.filename.take(), decoded));
            }
            b"filename" => {
                // PHP, Tomcat and Starlette know no other name of a file, and Django, Go and busboy take one without a name for a field.
                found.is_field = value.is_empty() || found.filename.as_ref().is_some_and(Vec::is_empty);
                found.filename = Some(join(found.filename.take(), value));
            }
            // RFC 2231, 3 and 4: some servers put the sections together, and some decode the name of a field.
            name if name.starts_with(b"filename*") || name.starts_with(b"name*") => {
                return Err("a Content-Disposition header has a name in sections, or a coded one");
            }
            _ => {}
        }
    }
}

fn join(first: Option<Vec<u8>>, second: Vec<u8>) -> Vec<u8> {
    match first {
        Some(first) if first != second => [first, second].join(&b' '),
        _ => second,
    }
}

/// Whether `text` is a token (RFC 9110, 5.6.2), and one without an apostrophe, which is a quote to PHP.
fn is_token(text: &[u8]) -> bool {
    let takes = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(takes)
}

/// A parameter's value, quoted or not, and what follows. An extended one has apostrophes.
fn quoted<'a>(
    text: &'a [u8],
    is_extended: bool,
    flags: &mut Flags,
) -> Result<(Vec<u8>, &'a [u8]), &'static str> {
    let Some(inner) = text.strip_prefix(b"\"") else {
        let end =
            text.iter().position(|byte| *byte == b';' || byte.is_ascii_whitespace()).unwrap_or(text.len());
        let value = text.get(..end).unwrap_or_default();
        flags.invalid_quoting |= !value
            .split(|byte| is_extended && *byte == b'\'')
            .all(|piece| is_token(piece) || (is_extended && piece.is_empty()));
        return Ok((value.to_vec(), text.get(end..).unwrap_or_default()));
    };
    let mut value = Vec::new();
    let mut bytes = inner.iter().enumerate();
    // Whether the byte before is a backslash that was escaped. PHP and Python take it for the escape of a quote that follows.
    let mut after_backslash = false;
    while let Some((at, byte)) = bytes.next() {
        match (byte, inner.get(at + 1)) {
            (b'"', _) => {
                flags.invalid_quoting |= after_backslash;
                return Ok((value, inner.get(at + 1..).unwrap_or_default()));
            }
            (b'\\', Some(next @ (b'"' | b'\\'))) => {
                value.push(*next);
                bytes.next();
                after_backslash = *next == b'\\';
            }
            (byte, _) => {
                value.push(*byte);
                after_backslash = false;
            }
        }
    }
    flags.invalid_quoting = true;
    Err("a quote in a Content-Disposition header is never closed")
}

/// `UTF-8''na%C3%AFve` (RFC 8187, 3.2.1).
fn extended_value(value: &[u8]) -> Option<Vec<u8>> {
    let mut fields = value.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, text) = (fields.next()?, fields.next()?, fields.next()?);
    if !charset.eq_ignore_ascii_case(b"utf-8") && !charset.eq_ignore_ascii_case(b"iso-8859-1") {
        return None;
    }
    let mut out = Vec::new();
    let bad = super::urlencoded::decode(text, &mut out);
    (!bad && !text.contains(&b'"')).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::{Limits, Parsed, parse};

    const TYPE: &[u8] = b"multipart/form-data; boundary=0000";

    fn read<'a>(content_type: &[u8], body: &'a str) -> Parsed<'a> {
        parse(content_type, body.as_bytes(), &Limits { parts: 3, files: 2, plain_bytes: 100 })
    }

    #[test]
    fn fields_and_files() {
        let parsed = read(
            TYPE,
            "--0000\r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\nvalue\r\n--0000\r\nContent-Disposition: form-data; name=f; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n--data\r\n--0000--\r\n",
        );
        assert_eq!(parsed.error, None);
        assert!(!parsed.flags.is_strict_error());
        assert_eq!((parsed.parts[0].name.as_slice(), &*parsed.parts[0].value), (&b"a\"b"[..], &b"value"[..]));
        assert_eq!(parsed.parts[1].filename.as_deref(), Some(&b"x.txt"[..]));
        assert_eq!(&*parsed.parts[1].value, b"--data");
        assert_eq!(parsed.parts[1].headers[1], b"Content-Type: text/plain");
    }

    #[test]
    fn oddities_are_flagged() {
        let part = "Content-Disposition: form-data; name=a\r\n\r\nx\r\n";
        type Check = fn(&Parsed<'_>) -> bool;
        let cases: [(&[u8], String, Check); 17] = [
            (TYPE, format!("x\r\n--0000\r\n{part}--0000--"), |parsed| parsed.flags.data_before),
            (TYPE, format!("--0000\r\n{part}--0000--\r\nx"), |parsed| parsed.flags.data_after),
            (TYPE, format!("--0000\n{part}--0000--\r\n"), |parsed| parsed.flags.crlf_lf_lines()),
            (TYPE, format!("--0000\r\n{}--0000--", part.replace("x\r", "x")), |parsed| parsed.flags.is_strict_error()),
            (TYPE, format!("--0000\r\n{}--0000\r\n{part}--0000--", part.replace("x\r", "x")), |parsed| parsed.flags.is_strict_error()),
            (TYPE, format!("--0000\r\n{part}--0000"), |parsed| parsed.error.is_some() && parsed.parts.len() == 1),
            (TYPE, format!("--0000\r\n{part}"), |parsed| parsed.error.is_some() && parsed.parts.len() == 1),
            (TYPE, "--0000\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\nx\r\n--0000--".into(), |parsed| parsed.flags.header_folding),
            (TYPE, "--0000\r\nContent-Disposition: form-data name=a\r\n\r\nx\r\n--0000--".into(), |parsed| parsed.flags.missing_semicolon),
            (TYPE, "--0000\r\nContent-Disposition: form-data; name='a'\r\n\r\nx\r\n--0000--".into(), |parsed| parsed.flags.invalid_quoting),
            (TYPE, "--0000\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--0000--".into(), |parsed| parsed.flags.invalid_part),
            (TYPE, "--0000\r\nContent-Disposition: form-data; name=a; filename=\"a.txt\"; filename*=UTF-8''b.php\r\n\r\nx\r\n--0000--".into(), |parsed| parsed.parts[0].filename.as_deref() == Some(b"a.txt b.php")),
            (TYPE, "--0000\r\nContent-Disposition: form-data; name=a; filename*0=\"b.\"; filename*1=php\r\n\r\nx\r\n--0000--".into(), |parsed| parsed.flags.invalid_part),
            (TYPE, "--0000\r\nContent-Disposition: form-data; name=a; name*=UTF-8''b\r\n\r\nx\r\n--0000--".into(), |parsed| parsed.flags.invalid_part),
            (TYPE, format!("--0000\r\n{part}").repeat(4) + "--0000--", |parsed| parsed.error.is_some() && parsed.parts.len() == 3),
            (b"multipart/form-data; boundary=\"0000\"", format!("--0000\r\n{part}--0000--"), |parsed| parsed.flags.boundary_quoted),
            (b"multipart/form-data; boundary=0; boundary=1", String::new(), |parsed| parsed.error.is_some()),
        ];
        for (at, (content_type, body, check)) in cases.iter().enumerate() {
            assert!(check(&read(content_type, body)), "case {at}: {body}");
        }
    }
}
