//! Character sets whose bytes mean what they mean in ASCII. In another (UTF-7, UTF-16, an EBCDIC page, Shift JIS) a body says
//! something else to the application than to the rules.

/// Whether every `charset` parameter of a `Content-Type` names one of these.
pub(crate) fn is_read(content_type: &[u8]) -> bool {
    content_type.split(|byte| matches!(byte, b';' | b',')).skip(1).all(|parameter| {
        let parameter = parameter.trim_ascii();
        let Some((name, value)) =
            parameter.iter().position(|byte| *byte == b'=').map(|at| parameter.split_at(at))
        else {
            return true;
        };
        let value = value.get(1..).unwrap_or_default();
        !name.trim_ascii().eq_ignore_ascii_case(b"charset") || is_ascii_superset(value)
    })
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
        ] {
            assert_eq!(is_read(content_type.as_bytes()), expected, "{content_type}");
        }
    }
}
