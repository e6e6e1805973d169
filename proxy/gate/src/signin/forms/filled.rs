//! What was filled in, as a page can give it back.

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use super::multipart;

/// What was filled in, in order.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::signin) struct Filled {
    pub(in crate::signin) fields: Vec<(Zeroizing<String>, Value)>,
    /// Whether it was written in UTF-8; otherwise it was ISO 8859-1.
    pub(in crate::signin) utf8: bool,
    /// Whether it goes as `multipart/form-data`.
    pub(in crate::signin) multipart: bool,
}

/// One of it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::signin) enum Value {
    Text(Zeroizing<String>),
    File {
        /// Its name; empty, as its content is, where none was chosen.
        name: String,
        /// Its media type.
        kind: String,
        bytes: Zeroizing<Vec<u8>>,
    },
}

/// One of it, before its letters are known.
pub(super) struct Raw {
    pub(super) name: Zeroizing<Vec<u8>>,
    pub(super) value: Zeroizing<Vec<u8>>,
    /// A file's name and media type.
    pub(super) file: Option<(Vec<u8>, String)>,
}

impl Filled {
    /// The fields of a form of this Content-Type; none where a page could not give them back as they were.
    pub(in crate::signin) fn read(kind: &str, body: &[u8]) -> Option<Self> {
        let (essence, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        let essence = essence.trim();
        if essence.eq_ignore_ascii_case("multipart/form-data") {
            let boundary = multipart::boundary(parameters)?;
            return Self::decoded(&multipart::parts(boundary, body)?, true);
        }
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded").then_some(())?;
        Self::decoded(&pairs(body), false)
    }

    /// The names of the files in it.
    pub(in crate::signin) fn files(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter_map(|(_, value)| match value {
            Value::File { name, bytes, .. } if !name.is_empty() || !bytes.is_empty() => Some(name.as_str()),
            Value::File { .. } | Value::Text(_) => None,
        })
    }

    fn decoded(raw: &[Raw], multipart: bool) -> Option<Self> {
        let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned()));
        let latin1 =
            |bytes: &[u8]| Some(Zeroizing::new(bytes.iter().copied().map(char::from).collect::<String>()));
        let (fields, utf8) = match all(raw, &utf8) {
            Some(fields) => (fields, true),
            None => (all(raw, &latin1)?, false),
        };
        let sound = fields.iter().all(|(name, value)| match value {
            Value::Text(value) => !is_odd(name) && !is_odd(value),
            Value::File { name: file, .. } => !is_odd(name) && !is_odd(file),
        });
        sound.then_some(Self { fields, utf8, multipart })
    }
}

/// A page cannot hold other control characters, and browsers take the upper ones for Windows-1252's letters.
fn is_odd(text: &str) -> bool {
    text.chars().any(|one| one.is_control() && !matches!(one, '\r' | '\n' | '\t'))
}

type Decode<'d> = &'d dyn Fn(&[u8]) -> Option<Zeroizing<String>>;

fn all(raw: &[Raw], decode: Decode<'_>) -> Option<Vec<(Zeroizing<String>, Value)>> {
    let one = |Raw { name, value, file }: &Raw| {
        let value = match file {
            None => Value::Text(decode(value)?),
            Some((name, kind)) => {
                let name = decode(name)?.to_string();
                Value::File { name, kind: kind.clone(), bytes: value.clone() }
            }
        };
        Some((decode(name)?, value))
    };
    raw.iter().map(one).collect()
}

/// The fields of an urlencoded form (URL standard, 5.1).
fn pairs(body: &[u8]) -> Vec<Raw> {
    let plain = |part: &[u8]| -> Zeroizing<Vec<u8>> {
        let spaced: Zeroizing<Vec<u8>> =
            part.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect::<Vec<_>>().into();
        percent_decode(&spaced).collect::<Vec<_>>().into()
    };
    let one = |pair: &[u8]| {
        let place = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(place);
        Raw { name: plain(name), value: plain(value.get(1..).unwrap_or_default()), file: None }
    };
    body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Option<Filled> {
        Filled::read("application/x-www-form-urlencoded; charset=utf-8", body)
    }

    #[test]
    fn a_form_is_read_as_it_was_filled_in_or_not_at_all() {
        let pair = |name: &str, value: &str| {
            (Zeroizing::new(name.to_owned()), Value::Text(Zeroizing::new(value.to_owned())))
        };
        for (body, fields, utf8) in [
            (&b"a=1&b=%C3%A9+%2B&a=2"[..], vec![pair("a", "1"), pair("b", "é +"), pair("a", "2")], true),
            (b"a=%E9&b=x", vec![pair("a", "é"), pair("b", "x")], false),
            (b"a&&=b&c=d=e", vec![pair("a", ""), pair("", "b"), pair("c", "d=e")], true),
            (b"a=1%0D%0A2", vec![pair("a", "1\r\n2")], true),
            (b"", vec![], true),
        ] {
            let filled = Filled { fields, utf8, multipart: false };
            assert_eq!(read(body), Some(filled), "{}", String::from_utf8_lossy(body));
        }
        for body in [&b"a=%00"[..], b"a=%1B", b"a=%80", b"a=%E9&b=%C3%A9%80"] {
            assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
        }
        for kind in
            ["text/plain", "application/json", "", "multipart/form-data", "multipart/mixed; boundary=x"]
        {
            assert_eq!(Filled::read(kind, b"a=b"), None, "{kind}");
        }
    }
}
