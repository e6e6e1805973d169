//! JSON as a token may have it: no name twice in an object, bounded depth, nothing after it.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deepest nesting of objects and arrays. Issuers use four or five levels.
const DEPTH_LIMIT: usize = 16;

/// Why a document is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonFault {
    /// Not JSON, not an object, nested too deeply, or followed by something.
    Malformed,
    /// RFC 8259, 4 leaves open what a reader makes of a repeated name; two readers of one token must not differ.
    Duplicate,
}

/// Reads one JSON object.
pub(super) fn object(json: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    let duplicate = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_slice(json);
    let seed = Strict { depth: DEPTH_LIMIT, duplicate: &duplicate };
    let value = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(Value::Object(object)) => Ok(object),
        Err(_) if duplicate.get() => Err(JsonFault::Duplicate),
        _ => Err(JsonFault::Malformed),
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    duplicate: &'a Cell<bool>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                self.duplicate.set(true);
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_object_and_nothing_twice() {
        let deep = |levels: usize| format!("{}{}", "{\"a\":".repeat(levels - 1) + "{", "}".repeat(levels));
        let (fits, too_deep, bottomless) = (deep(DEPTH_LIMIT), deep(DEPTH_LIMIT + 1), "[".repeat(100_000));
        let cases: Vec<(&str, &[u8], Result<(), JsonFault>)> = vec![
            ("empty object", b"{}", Ok(())),
            ("white space", b" \t\r\n{ } \n", Ok(())),
            ("same name in different objects", br#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#, Ok(())),
            ("deepest", fits.as_bytes(), Ok(())),
            ("twice", br#"{"a":1,"b":2,"a":1}"#, Err(JsonFault::Duplicate)),
            ("twice, once escaped", br#"{"aud":1,"\u0061ud":2}"#, Err(JsonFault::Duplicate)),
            ("twice, nested", br#"{"a":[{"b":{"c":1,"c":1}}]}"#, Err(JsonFault::Duplicate)),
            ("empty", b"", Err(JsonFault::Malformed)),
            ("array", b"[]", Err(JsonFault::Malformed)),
            ("string", b"\"a\"", Err(JsonFault::Malformed)),
            ("two objects", b"{}{}", Err(JsonFault::Malformed)),
            ("something after it", b"{}\0", Err(JsonFault::Malformed)),
            ("byte order mark", b"\xef\xbb\xbf{}", Err(JsonFault::Malformed)),
            ("cut off", br#"{"a":1"#, Err(JsonFault::Malformed)),
            ("comma too many", br#"{"a":1,}"#, Err(JsonFault::Malformed)),
            ("comment", b"{/**/}", Err(JsonFault::Malformed)),
            ("single quotes", b"{'a':1}", Err(JsonFault::Malformed)),
            ("not UTF-8", b"{\"a\":\"\xff\"}", Err(JsonFault::Malformed)),
            ("half a surrogate pair", br#"{"a":"\ud800"}"#, Err(JsonFault::Malformed)),
            ("control character", b"{\"a\":\"\n\"}", Err(JsonFault::Malformed)),
            ("not a number", br#"{"a":NaN}"#, Err(JsonFault::Malformed)),
            ("too large a number", br#"{"a":1e999}"#, Err(JsonFault::Malformed)),
            ("too deep", too_deep.as_bytes(), Err(JsonFault::Malformed)),
            ("bottomless", bottomless.as_bytes(), Err(JsonFault::Malformed)),
        ];
        for (case, json, expected) in cases {
            assert_eq!(object(json).map(|_| ()), expected, "{case}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(json in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = object(&json);
        }

        #[test]
        fn what_is_read_is_what_serde_json_reads(json in r#"\{("[ab]":([1-9][0-9]{0,2}|"[a-z]"|\[\]|null|true|-1\.5),){0,2}"c":\{"a":1\}\}"#) {
            let theirs: Value = serde_json::from_str(&json).unwrap();
            match object(json.as_bytes()) {
                Ok(ours) => prop_assert_eq!(Value::Object(ours), theirs),
                Err(fault) => prop_assert_eq!(fault, JsonFault::Duplicate),
            }
        }
    }
}
