//! What can run script: tags, attributes, URL schemes and comments.

use std::sync::LazyLock;

use memchr::memchr;

/// Why an attribute matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Danger {
    /// It does not.
    None,
    /// An event handler or the like.
    Always,
    /// Its value is a URL.
    Url,
    /// Its value is style.
    Style,
    /// Its value names another attribute.
    NamesAttribute,
}

static EVENTS: LazyLock<Vec<&'static [u8]>> = LazyLock::new(|| {
    include_str!("events.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(str::as_bytes)
        .collect()
});

const ATTRIBUTES: [(&[u8], Danger); 20] = [
    (b"ACTION", Danger::Url),
    (b"ATTRIBUTENAME", Danger::NamesAttribute),
    (b"BY", Danger::Url),
    (b"BACKGROUND", Danger::Url),
    (b"DATAFORMATAS", Danger::Always),
    (b"DATASRC", Danger::Always),
    (b"DYNSRC", Danger::Url),
    (b"FILTER", Danger::Style),
    (b"FORMACTION", Danger::Url),
    (b"FOLDER", Danger::Url),
    (b"FROM", Danger::Url),
    (b"HANDLER", Danger::Url),
    (b"HREF", Danger::Url),
    (b"LOWSRC", Danger::Url),
    (b"POSTER", Danger::Url),
    (b"SRC", Danger::Url),
    (b"STYLE", Danger::Style),
    (b"TO", Danger::Url),
    (b"VALUES", Danger::Url),
    (b"XLINK:HREF", Danger::Url),
];

const TAGS: [&[u8]; 20] = [
    b"APPLET",
    b"BASE",
    b"COMMENT",
    b"EMBED",
    b"FRAME",
    b"FRAMESET",
    b"HANDLER",
    b"IFRAME",
    b"IMPORT",
    b"ISINDEX",
    b"LINK",
    b"LISTENER",
    b"META",
    b"NOSCRIPT",
    b"OBJECT",
    b"SCRIPT",
    b"STYLE",
    b"VMLFRAME",
    b"XML",
    b"XSS",
];

/// The danger of the attribute name in the first `len` bytes of `rest`.
pub(super) fn attribute(rest: &[u8], len: usize) -> Danger {
    let name = rest.get(..len).unwrap_or(rest);
    if len < 2 {
        return Danger::None;
    }
    if len >= 5 {
        let handler = rest.get(2..).filter(|_| starts_with(name, b"ON"));
        if handler.is_some_and(|handler| EVENTS.iter().any(|event| is_prefix(event, handler))) {
            return Danger::Always;
        }
        if is_prefix(b"XMLNS", rest) || is_prefix(b"XLINK", rest) {
            return Danger::Always;
        }
    }
    ATTRIBUTES.iter().find(|(black, _)| equals(black, name)).map_or(Danger::None, |(_, danger)| *danger)
}

/// Whether a tag of this name can run script: the listed ones, and all of SVG and XSL.
pub(super) fn is_tag(name: &[u8]) -> bool {
    name.len() >= 3
        && (TAGS.iter().any(|tag| equals(tag, name))
            || starts_with(name, b"SVG")
            || starts_with(name, b"XSL"))
}

/// Whether the URL in the first `len` bytes of `rest` has a scheme that runs script.
pub(super) fn is_url(rest: &[u8], len: usize) -> bool {
    let skipped = rest.iter().take(len).take_while(|byte| **byte <= 32 || **byte >= 127).count();
    let (rest, len) = (rest.get(skipped..).unwrap_or_default(), len - skipped);
    [&b"DATA"[..], b"VIEW-SOURCE", b"JAVA", b"VBSCRIPT"]
        .iter()
        .any(|scheme| decoded_starts_with(scheme, rest, len))
}

/// Whether a comment is one that old browsers act upon.
pub(super) fn is_comment(text: &[u8]) -> bool {
    memchr(b'`', text).is_some()
        || (text.len() > 3 && (starts_with(text, b"[IF") || starts_with(text, b"XML")))
        || (text.len() > 5 && (is_prefix(b"IMPORT", text) || is_prefix(b"ENTITY", text)))
}

fn starts_with(text: &[u8], upper: &[u8]) -> bool {
    text.get(..upper.len()).is_some_and(|head| head.eq_ignore_ascii_case(upper))
}

/// Whether as many bytes as `upper` has, zero bytes skipped, spell it.
fn is_prefix(upper: &[u8], text: &[u8]) -> bool {
    text.get(..upper.len()).is_some_and(|head| equals(upper, head))
}

/// Whether `text` spells `upper`, whatever its case, zero bytes skipped: some browsers ignore them.
fn equals(upper: &[u8], text: &[u8]) -> bool {
    let mut expected = upper.iter();
    text.iter().filter(|byte| **byte != 0).all(|byte| expected.next() == Some(&byte.to_ascii_uppercase()))
        && expected.next().is_none()
}

/// Whether the first `len` bytes of `rest`, character references decoded, start with `upper`.
fn decoded_starts_with(upper: &[u8], rest: &[u8], len: usize) -> bool {
    let mut expected = upper.iter().copied().peekable();
    let (mut at, mut first) = (0, true);
    while at < len {
        let Some(&wanted) = expected.peek() else { return true };
        let (decoded, used) = decode(rest.get(at..).unwrap_or_default(), len - at);
        at += used;
        if first && decoded <= 32 {
            continue;
        }
        first = false;
        if decoded == 0 || decoded == 10 {
            continue;
        }
        // Truncation to a byte is the original's: `&#362;` counts as `j`.
        let byte = u8::try_from(decoded & 0xff).unwrap_or(0);
        let upper = if (97..=122).contains(&decoded) { byte.to_ascii_uppercase() } else { byte };
        if upper != wanted {
            return false;
        }
        expected.next();
    }
    expected.peek().is_none()
}

/// The character at the start of `rest`, of which `len` bytes count, and the bytes it takes.
fn decode(rest: &[u8], len: usize) -> (u32, usize) {
    let byte = |at: usize| rest.get(at).copied().unwrap_or(0);
    if byte(0) != b'&' || len < 2 {
        return (u32::from(byte(0)), 1);
    }
    let plain = (u32::from(b'&'), 1);
    if byte(1) != b'#' {
        return plain;
    }
    let (radix, start) = if matches!(byte(2), b'x' | b'X') { (16, 3) } else { (10, 2) };
    let Some(mut value) = char::from(byte(start)).to_digit(radix) else { return plain };
    let mut at = start + 1;
    while at < len {
        if byte(at) == b';' {
            return (value, at + 1);
        }
        let Some(digit) = char::from(byte(at)).to_digit(radix) else { return (value, at) };
        value = value * radix + digit;
        if value > 0x0010_00ff {
            return plain;
        }
        at += 1;
    }
    (value, at)
}
