//! JSON that is safe to look at, and costs little: every request is written down twice.
//!
//! JSON itself escapes only U+0000 to U+001F; a log is read with `tail`, and U+009B starts an ANSI sequence there, U+202E turns the rest of
//! the line around, U+2028 ends a line for some parsers. So no character that can steer a terminal or break a line is written as it is.
//! Text that has none, nor anything else to escape, is found to be so many bytes at a time, and copied; names of fields are copied as
//! they are.

use std::{
    fmt::{self, Display, Write as _},
    io,
};

use serde::{
    Serialize,
    ser::{
        self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant, Serializer,
    },
};

/// Why something has no form in JSON. No record is of that kind.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct JsonFault(String);

impl ser::Error for JsonFault {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Appends a value as compact JSON. If that fails, a part of it may be there.
pub(super) fn write(value: &impl Serialize, to: &mut Vec<u8>) -> Result<(), JsonFault> {
    value.serialize(&mut Json(to))
}

/// Writes JSON at the end of something.
struct Json<'a>(&'a mut Vec<u8>);

impl Json<'_> {
    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'"');
        escape(text, self.0);
        self.0.push(b'"');
    }

    fn integer(&mut self, integer: impl itoa::Integer) {
        self.raw(itoa::Buffer::new().format(integer).as_bytes());
    }
}

/// Appends text as it stands between quotation marks.
fn escape(text: &str, to: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        return to.extend_from_slice(text.as_bytes());
    }
    let mut bytes = [0; 4];
    for character in text.chars() {
        match character {
            '"' => to.extend_from_slice(b"\\\""),
            '\\' => to.extend_from_slice(b"\\\\"),
            '\n' => to.extend_from_slice(b"\\n"),
            '\r' => to.extend_from_slice(b"\\r"),
            '\t' => to.extend_from_slice(b"\\t"),
            _ if steers(character) => {
                // Writing to memory does not fail.
                let _ = io::Write::write_fmt(to, format_args!("\\u{:04x}", u32::from(character)));
            }
            _ => to.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes()),
        }
    }
}

/// Whether every byte is an ASCII character that stands for itself: eight at a time, and the last eight once more.
fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        return text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
    };
    let (words, _) = text.as_chunks();
    words.iter().chain([last]).all(|word| !has_other(u64::from_ne_bytes(*word)))
}

/// Whether one of eight bytes is no such character. A top bit stays set where a byte is less than what was taken off it, or, with what it is
/// compared to already taken out of it, nothing; those above such a byte may be set too, which changes no answer.
const fn has_other(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    const fn less(word: u64, than: u64) -> u64 {
        word.wrapping_sub(than * EACH) & !word
    }
    let others = less(word, 0x20)
        | less(word ^ (b'"' as u64 * EACH), 1)
        | less(word ^ (b'\\' as u64 * EACH), 1)
        | less(word ^ (0x7f * EACH), 1)
        | word;
    others & TOP != 0
}

/// The controls, line and paragraph separators, and what changes the direction of text or is not seen. All of these are below U+10000,
/// where one escape is enough.
pub(crate) const fn steers(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// What is shown, escaped as it comes.
struct Escaping<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

/// An array or an object that is being written.
struct Open<'a, 'b> {
    json: &'a mut Json<'b>,
    is_empty: bool,
    /// What ends it.
    end: &'static [u8],
}

impl<'a, 'b> Open<'a, 'b> {
    fn new(json: &'a mut Json<'b>, begin: &[u8], end: &'static [u8]) -> Self {
        json.raw(begin);
        Self { json, is_empty: true, end }
    }

    /// One of an enum's alternatives: an object with its name alone.
    fn variant(json: &'a mut Json<'b>, name: &'static str, begin: &[u8], end: &'static [u8]) -> Self {
        json.raw(b"{\"");
        json.raw(name.as_bytes());
        json.raw(b"\":");
        Self::new(json, begin, end)
    }

    fn item(&mut self) -> &mut Json<'b> {
        if !self.is_empty {
            self.json.0.push(b',');
        }
        self.is_empty = false;
        self.json
    }

    /// A field; its name is an identifier, or was chosen by whoever wrote the type.
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), JsonFault> {
        debug_assert!(is_plain(name.as_bytes()), "{name}");
        let json = self.item();
        json.0.push(b'"');
        json.raw(name.as_bytes());
        json.raw(b"\":");
        value.serialize(json)
    }

    fn close(self) {
        self.json.raw(self.end);
    }
}

const ARRAY: (&[u8], &[u8]) = (b"[", b"]");
const OBJECT: (&[u8], &[u8]) = (b"{", b"}");

impl<'a, 'b> Serializer for &'a mut Json<'b> {
    type Ok = ();
    type Error = JsonFault;
    type SerializeSeq = Open<'a, 'b>;
    type SerializeTuple = Open<'a, 'b>;
    type SerializeTupleStruct = Open<'a, 'b>;
    type SerializeTupleVariant = Open<'a, 'b>;
    type SerializeMap = Open<'a, 'b>;
    type SerializeStruct = Open<'a, 'b>;
    type SerializeStructVariant = Open<'a, 'b>;

    fn serialize_bool(self, value: bool) -> Result<(), JsonFault> {
        self.raw(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), JsonFault> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), JsonFault> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), JsonFault> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), JsonFault> {
        self.integer(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), JsonFault> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), JsonFault> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), JsonFault> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), JsonFault> {
        self.integer(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), JsonFault> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), JsonFault> {
        // No record has one so far, and their shortest form is a trade of its own.
        serde_json::to_writer(&mut *self.0, &value).map_err(ser::Error::custom)
    }

    fn serialize_char(self, value: char) -> Result<(), JsonFault> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), JsonFault> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), JsonFault> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), JsonFault> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonFault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), JsonFault> {
        self.raw(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), JsonFault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), JsonFault> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), JsonFault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JsonFault> {
        let mut open = Open::new(self, OBJECT.0, OBJECT.1);
        open.field(variant, value)?;
        open.close();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a, 'b>, JsonFault> {
        Ok(Open::new(self, ARRAY.0, ARRAY.1))
    }

    fn serialize_tuple(self, _: usize) -> Result<Open<'a, 'b>, JsonFault> {
        Ok(Open::new(self, ARRAY.0, ARRAY.1))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Open<'a, 'b>, JsonFault> {
        Ok(Open::new(self, ARRAY.0, ARRAY.1))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a, 'b>, JsonFault> {
        Ok(Open::variant(self, variant, ARRAY.0, b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'a, 'b>, JsonFault> {
        Ok(Open::new(self, OBJECT.0, OBJECT.1))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Open<'a, 'b>, JsonFault> {
        Ok(Open::new(self, OBJECT.0, OBJECT.1))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a, 'b>, JsonFault> {
        Ok(Open::variant(self, variant, OBJECT.0, b"}}"))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), JsonFault> {
        self.0.push(b'"');
        write!(Escaping(self.0), "{value}").map_err(ser::Error::custom)?;
        self.0.push(b'"');
        Ok(())
    }
}

macro_rules! items {
    ($($sequence:ident $method:ident),*) => { $(
        impl $sequence for Open<'_, '_> {
            type Ok = ();
            type Error = JsonFault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonFault> {
                value.serialize(self.item())
            }

            fn end(self) -> Result<(), JsonFault> {
                self.close();
                Ok(())
            }
        }
    )* };
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

macro_rules! fields {
    ($($structure:ident),*) => { $(
        impl $structure for Open<'_, '_> {
            type Ok = ();
            type Error = JsonFault;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), JsonFault> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), JsonFault> {
                self.close();
                Ok(())
            }
        }
    )* };
}

fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Open<'_, '_> {
    type Ok = ();
    type Error = JsonFault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonFault> {
        let json = self.item();
        let start = json.0.len();
        key.serialize(&mut *json)?;
        match json.0.get(start) {
            Some(b'"') => Ok(()),
            _ => Err(ser::Error::custom("a key is not text")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonFault> {
        self.json.0.push(b':');
        value.serialize(&mut *self.json)
    }

    fn end(self) -> Result<(), JsonFault> {
        self.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{prelude::*, proptest};
    use serde_json::Value;

    use super::*;

    fn json(value: &impl Serialize) -> String {
        let mut bytes = Vec::new();
        write(value, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn nothing_steers_a_terminal_and_everything_reads_back() {
        for (name, text, written) in [
            ("plain", "a", "\"a\""),
            ("quotation marks", "\"\\", "\"\\\"\\\\\""),
            ("line ends", "a\r\nb\t", "\"a\\r\\nb\\t\""),
            ("ansi", "\u{1b}[31m", "\"\\u001b[31m\""),
            ("c1 ansi", "é\u{9b}31m", "\"é\\u009b31m\""),
            ("delete", "\u{7f}", "\"\\u007f\""),
            ("right to left", "a\u{202e}b", "\"a\\u202eb\""),
            ("line separator", "\u{2028}", "\"\\u2028\""),
            ("beyond the plane", "👮", "\"👮\""),
            ("the last of nine", "01234567\0", "\"01234567\\u0000\""),
            ("the eighth of nine", "0123456\"8", "\"0123456\\\"8\""),
        ] {
            assert_eq!(json(&text), written, "{name}");
            assert_eq!(serde_json::from_str::<String>(written).unwrap(), text, "{name}");
        }
    }

    #[derive(Serialize)]
    struct Every<'a> {
        unit: (),
        none: Option<u8>,
        some: Option<i8>,
        numbers: (i16, i32, i64, u16, u32, u64, f32, f64),
        letter: char,
        one: One<'a>,
        pair: Pair,
        choices: [Choice<'a>; 4],
        map: BTreeMap<&'a str, bool>,
        empty: [u8; 0],
    }

    #[derive(Serialize)]
    struct One<'a>(&'a str);

    #[derive(Serialize)]
    struct Pair(u8, bool);

    #[derive(Serialize)]
    enum Choice<'a> {
        Unit,
        One(&'a str),
        Two(u8, u8),
        Named { a: u8, b: Option<&'a str> },
    }

    #[test]
    fn every_kind_of_value_is_written_as_serde_json_does() {
        let every = Every {
            unit: (),
            none: None,
            some: Some(-1),
            numbers: (i16::MIN, i32::MIN, i64::MIN, u16::MAX, u32::MAX, u64::MAX, 1.5, -1e300),
            letter: '"',
            one: One("x"),
            pair: Pair(1, true),
            choices: [
                Choice::Unit,
                Choice::One("y"),
                Choice::Two(1, 2),
                Choice::Named { a: 3, b: Some("\"") },
            ],
            map: [("k\"", true), ("l", false)].into(),
            empty: [],
        };
        assert_eq!(json(&every), serde_json::to_string(&every).unwrap());
        let numbered = BTreeMap::from([(1, 2)]);
        assert!(write(&numbered, &mut Vec::new()).is_err(), "a key that is no text");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[ -~]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn every_byte_is_plain_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let plain = matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
            for length in 1..20 {
                for at in 0..length {
                    let mut text = vec![b' '; length];
                    text[at] = byte;
                    assert_eq!(is_plain(&text), plain, "{byte:#x} at {at} of {length}");
                }
            }
        }
        assert!(is_plain(b""));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_has_nothing_that_steers(value in values()) {
            let written = json(&value);
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
            prop_assert!(!written.chars().any(steers));
        }
    }
}
