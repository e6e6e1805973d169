//! A mapping with fixed keys, and the keys that do not belong in it.

use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess,
        Visitor,
    },
    forward_to_deserialize_any,
};

use super::shape::{Content, Shape};

/// A struct made by `record!`.
pub(in crate::config) trait Record: DeserializeOwned + Default {}

/// A mapping with fixed keys.
#[derive(Debug, Default)]
pub(in crate::config) struct Part<T> {
    /// The values of its keys.
    pub(in crate::config) record: T,
    /// The keys it can have.
    pub(in crate::config) keys: &'static [&'static str],
    /// The keys it has besides.
    pub(in crate::config) unknown: Vec<String>,
}

impl<T: Record> Content for Part<T> {
    const SHAPE: Shape = Shape::Mapping;

    fn mapping<'de, A: MapAccess<'de>>(entries: A) -> Result<Option<Self>, A::Error> {
        let mut part = Self::default();
        part.record = T::deserialize(Sieve { entries, keys: &mut part.keys, unknown: &mut part.unknown })?;
        Ok(Some(part))
    }
}

/// Passes a struct the entries it knows, each once, and keeps the names of the others.
struct Sieve<'a, A> {
    entries: A,
    keys: &'a mut &'static [&'static str],
    unknown: &'a mut Vec<String>,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Sieve<'_, A> {
    type Error = A::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        *self.keys = keys;
        visitor.visit_map(Sifted { entries: self.entries, keys, unknown: self.unknown, seen: Vec::new() })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, A::Error> {
        Err(Error::custom("only a struct has fixed keys"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Sifted<'a, A> {
    entries: A,
    keys: &'static [&'static str],
    unknown: &'a mut Vec<String>,
    seen: Vec<&'static str>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Sifted<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.entries.next_key::<String>()? {
            match self.keys.iter().find(|known| **known == key) {
                // The location index reports duplicates; the first one counts until then.
                Some(known) if !self.seen.contains(known) => {
                    self.seen.push(known);
                    return seed.deserialize((*known).into_deserializer()).map(Some);
                }
                Some(_) => {}
                None => self.unknown.push(key),
            }
            self.entries.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.entries.next_value_seed(seed)
    }
}
