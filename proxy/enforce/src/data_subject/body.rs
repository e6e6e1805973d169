//! Values in a body, read as widely as any application might: what is recorded of a request must not depend on how it is written.
//!
//! SECURITY: whoever looks somebody up could otherwise keep that out of the record by a name that is written twice, a byte that is no UTF-8,
//! or another form of the same fields. What no application reads is recorded too, and harms nobody.

use std::{borrow::Cow, fmt};

use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    lax,
    place::{Pointer, Token},
};
use crate::normal::form_values;

/// A body, and what it looks like: the header that names its type is the client's word.
pub(super) enum Body<'a> {
    None,
    Json(Cow<'a, str>),
    Form(&'a [u8]),
    /// With what stands between the parts.
    Parts(&'a [u8], &'a [u8]),
}

impl<'a> Body<'a> {
    pub(super) fn read(body: &'a [u8]) -> Self {
        if let Some(text) = wide(body) {
            return Self::Json(text.into());
        }
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match body.trim_ascii_start() {
            [] => Self::None,
            [b'{' | b'[', ..] => Self::Json(String::from_utf8_lossy(body)),
            [b'-', b'-', ..] => {
                let line = body.trim_ascii_start();
                let end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(line.len());
                line.get(..end).map_or(Self::None, |boundary| Self::Parts(boundary, line))
            }
            _ => Self::Form(body),
        }
    }

    /// The values that a pointer points at.
    pub(super) fn values(&self, pointer: &Pointer) -> Vec<String> {
        let field = || pointer.field();
        match self {
            Self::None => vec![],
            Self::Json(text) => json_values(text, pointer.tokens()),
            Self::Form(form) => field().map_or_else(Vec::new, |name| form_values(form, name)),
            Self::Parts(boundary, body) => {
                field().map_or_else(Vec::new, |name| part_values(boundary, body, name))
            }
        }
    }
}

/// The text of a document in UTF-16 (RFC 4627, 3: two of its first four bytes are zero, or it begins with a mark).
fn wide(body: &[u8]) -> Option<String> {
    let (units, is_big) = match body {
        [0xfe, 0xff, units @ ..] => (units, true),
        [0xff, 0xfe, units @ ..] => (units, false),
        [0, b'{' | b'[', ..] => (body, true),
        [b'{' | b'[', 0, ..] => (body, false),
        _ => return None,
    };
    let read = if is_big { u16::from_be_bytes } else { u16::from_le_bytes };
    let units = units.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(read);
    Some(char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// What a pointer points at in a JSON document: under a name that occurs more than once, at all of it. In a document that is broken, at whatever
/// has the last name of the pointer: an application may read more than RFC 8259 allows.
fn json_values(text: &str, tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    let mut document = serde_json::Deserializer::from_str(text);
    let read = Seek { tokens, listed: false, found: &mut found }.deserialize(&mut document);
    if read.and_then(|()| document.end()).is_err() {
        let name = tokens.iter().rev().find_map(|token| match token {
            Token::Name(name) => Some(name),
            Token::Each => None,
        });
        found.extend(name.map(|name| lax::values(text, name)).unwrap_or_default());
    }
    found
}

/// Goes where a pointer points, and passes over everything else, however deep.
struct Seek<'a> {
    tokens: &'a [Token],
    /// Within a list that stands in place of one value.
    listed: bool,
    found: &'a mut Vec<String>,
}

impl<'a> Seek<'a> {
    /// What it looks for below a name; none if it does not go there.
    fn below<'s>(&'s mut self, name: &str) -> Option<Seek<'s>>
    where
        'a: 's,
    {
        match self.tokens {
            // Many applications know no case in names of members.
            [Token::Name(wanted), tokens @ ..] if wanted.eq_ignore_ascii_case(name) => {
                Some(Seek { tokens, listed: false, found: self.found })
            }
            _ => None,
        }
    }

    /// What it looks for in an item of a list. A list in place of one value holds values.
    fn within(&mut self, place: usize) -> Option<Seek<'_>> {
        let (tokens, listed) = match self.tokens {
            [] if self.listed => return None,
            [] => (self.tokens, true),
            [Token::Each, tokens @ ..] => (tokens, false),
            [Token::Name(name), tokens @ ..] if name.parse() == Ok(place) => (tokens, false),
            [Token::Name(_), ..] => return None,
        };
        Some(Seek { tokens, listed, found: self.found })
    }

    fn find(self, text: impl FnOnce() -> String) {
        if self.tokens.is_empty() {
            self.found.push(text());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.find(|| number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.find(|| number.to_string());
        Ok(())
    }

    /// `85073100190.0` and `8.507310019e10` are the number `85073100190` to most applications.
    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.find(|| if number.fract() == 0.0 { format!("{number:.0}") } else { number.to_string() });
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.find(|| text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut place = 0;
        loop {
            let next = match self.within(place) {
                Some(seek) => items.next_element_seed(seek)?.is_some(),
                None => items.next_element::<IgnoredAny>()?.is_some(),
            };
            if !next {
                return Ok(());
            }
            place += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            match self.below(&name) {
                Some(seek) => members.next_value_seed(seek)?,
                None => members.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// The values of a field in `multipart/form-data` (RFC 7578): many applications read it as they read a form. A body with several readings is
/// refused by inspection before.
fn part_values(boundary: &[u8], body: &[u8], name: &str) -> Vec<String> {
    let mut starts = memmem::find_iter(body, boundary).peekable();
    let mut values = Vec::new();
    while let Some(start) = starts.next() {
        let part = body.get(start + boundary.len()..starts.peek().copied().unwrap_or(body.len()));
        values.extend(part.and_then(|part| part_value(part, name)));
    }
    values
}

fn part_value(part: &[u8], name: &str) -> Option<String> {
    let (head, value) = match (memmem::find(part, b"\r\n\r\n"), memmem::find(part, b"\n\n")) {
        (Some(end), _) => (part.get(..end)?, part.get(end + 4..)?),
        (None, Some(end)) => (part.get(..end)?, part.get(end + 2..)?),
        (None, None) => return None,
    };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    // Also in the name of a file, which is one too many, and harms nobody.
    let mut named =
        head.split([';', '\r', '\n']).filter_map(|parameter| parameter.trim().strip_prefix("name"));
    let is_it = |given: &str| {
        let given = given.trim_start().strip_prefix('=').map(str::trim);
        given.is_some_and(|given| crate::normal::is_field(given.trim_matches(['"', '\'']), name))
    };
    named.any(is_it).then(|| crate::normal::text(value.trim_ascii_end()).into_owned())
}
