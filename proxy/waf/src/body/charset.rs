//! Character sets whose bytes mean what they mean in ASCII. In another (UTF-7, UTF-16, an EBCDIC page, Shift JIS) a body says
//! something else to the application than to the rules.

use memchr::memmem;

/// Whether whatever a server may take for a `charset` parameter of a `Content-Type` names one of these. Tomcat before 10.1 looks for the
/// word wherever it stands, and Django decodes one that is coded (RFC 2231).
pub(crate) fn is_read(content_type: &[u8]) -> bool {
    const WORD: &[u8] = b"charset";
    let text = content_type.to_ascii_lowercase();
    memmem::find_iter(&text, WORD).all(|at| {
        let after = text.get(at + WORD.len()..).unwrap_or_default().trim_ascii_start();
        match after.split_first() {
            Some((b'=', value)) => {
                let value = value.split(|byte| matches!(byte, b';' | b',')).next();
                value.is_some_and(is_ascii_superset)
            }
            other => other.is_none_or(|(byte, _)| *byte != b'*'),
        }
    })
}

/// The field, or the parameter of a query, by which a form says what its other fields are in (HTML, "Selecting a form submission
/// encoding"; RFC 7578, 4.6). Jetty, aiohttp and Sling do as it says.
pub(crate) fn says_unread(name: &[u8], value: &[u8]) -> bool {
    name == b"_charset_" && !value.trim_ascii().is_empty() && !is_ascii_superset(value)
}

/// Whether `name`, quoted or not, is a single-byte superset of ASCII, or UTF-8 (names as in the IANA registry).
pub(crate) fn is_ascii_superset(name: &[u8]) -> bool {
    let quotes = |byte: &u8| matches!(byte, b'"' | b'\'' | b' ' | b'\t');
    let start = name.iter().take_while(|byte| quotes(byte)).count();
    let end = name.len() - name.iter().rev().take_while(|byte| quotes(byte)).count();
    let name = name.get(start..end).unwrap_or_default().to_ascii_lowercase();
    let family = |prefix: &[u8]| {
        name.strip_prefix(prefix).is_some_and(|number| {
            !number.is_empty() && number.len() < 5 && number.iter().all(u8::is_ascii_digit)
        })
    };
    matches!(name.as_slice(), b"utf-8" | b"utf8" | b"us-ascii" | b"ascii" | b"latin1")
        || family(b"iso-8859-")
        || family(b"windows-125")
        || family(b"cp125")
}

#[cfg(test)]
mod tests {
    use super::is_read;

    #[test]
    fn charsets() {
        for (content_type, expected) in [
            ("text/xml", true),
            ("text/xml; charset=UTF-8", true),
            ("text/xml; charset=\"iso-8859-15\"", true),
            ("text/xml; Charset = 'windows-1252' ", true),
            ("text/xml; charset=utf-16", false),
            ("text/xml; charset=utf-7", false),
            ("text/xml; charset=ibm037", false),
            ("text/xml; charset=utf-8; charset=ibm500", false),
            ("text/xml; charset=", false),
            ("text/xml; charset", true),
            ("text/xml; boundary=charset", true),
            ("text/xml; x=charset=ibm037", false),
            ("text/xml; x=y charset=utf-16", false),
            ("text/xml; charset*=us-ascii''utf-7", false),
        ] {
            assert_eq!(is_read(content_type.as_bytes()), expected, "{content_type}");
        }
    }
}
