//! A value of any shape where one shape is wanted.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What stands at a place where a `T` is wanted.
#[derive(Debug, Default)]
pub(in crate::config) enum Node<T> {
    /// Nothing: the key is not there.
    #[default]
    Absent,
    /// What is wanted.
    Here(T),
    /// Something else.
    Other(Shape),
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Shape {
    /// A key with nothing behind it, `~` or `null`.
    Nothing,
    /// One value.
    Scalar,
    /// `[a, b]`.
    Sequence,
    /// `{ a: b }`.
    Mapping,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing",
            Self::Scalar => "a single value",
            Self::Sequence => "a list",
            Self::Mapping => "a mapping",
        })
    }
}

/// What a [`Node`] can hold.
pub(in crate::config) trait Content: Sized {
    /// The shape it has.
    const SHAPE: Shape;

    /// From one value.
    fn scalar(_: Scalar) -> Option<Self> {
        None
    }

    /// From a list, which is read to its end.
    fn sequence<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// From a mapping, which is read to its end.
    fn mapping<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Option<Self>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// One value, as YAML reads it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum Scalar {
    /// Text, quoted or plain.
    Text(String),
    /// A whole number.
    Whole(i128),
    /// A number with a point.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
        }
    }
}

impl Content for Scalar {
    const SHAPE: Shape = Shape::Scalar;

    fn scalar(scalar: Scalar) -> Option<Self> {
        Some(scalar)
    }
}

impl<T: Content> Content for Vec<Node<T>> {
    const SHAPE: Shape = Shape::Sequence;

    fn sequence<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        let mut list = Self::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Some(list))
    }
}

/// A mapping with free keys, in the file's order. Of a key that occurs twice both are here.
#[derive(Debug)]
pub(in crate::config) struct Table<T>(pub(in crate::config) Vec<(String, Node<T>)>);

impl<T: Content> Content for Table<T> {
    const SHAPE: Shape = Shape::Mapping;

    fn mapping<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Option<Self>, A::Error> {
        let mut table = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            table.push(entry);
        }
        Ok(Some(Self(table)))
    }
}

impl<'de, T: Content> Deserialize<'de> for Node<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(std::marker::PhantomData))
    }
}

struct Any<T>(std::marker::PhantomData<T>);

impl<T: Content> Any<T> {
    fn scalar<E>(scalar: Scalar) -> Result<Node<T>, E> {
        Ok(T::scalar(scalar).map_or(Node::Other(Shape::Scalar), Node::Here))
    }
}

impl<'de, T: Content> Visitor<'de> for Any<T> {
    type Value = Node<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", T::SHAPE)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node<T>, E> {
        Self::scalar(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node<T>, E> {
        Self::scalar(Scalar::Whole(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node<T>, E> {
        Self::scalar(Scalar::Whole(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node<T>, E> {
        Self::scalar(Scalar::Whole(value.into()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node<T>, E> {
        Self::scalar(Scalar::Whole(i128::try_from(value).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node<T>, E> {
        Self::scalar(Scalar::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node<T>, E> {
        Self::scalar(Scalar::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node<T>, E> {
        Ok(Node::Other(Shape::Nothing))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Node<T>, A::Error> {
        Ok(T::sequence(items)?.map_or(Node::Other(Shape::Sequence), Node::Here))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Node<T>, A::Error> {
        Ok(T::mapping(entries)?.map_or(Node::Other(Shape::Mapping), Node::Here))
    }
}
