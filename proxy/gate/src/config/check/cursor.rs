//! Reading a raw file while knowing where one is, and saying everything that is wrong.
//!
//! A value that is wrong reads as `None`, after it was reported: whoever builds something reads all of its fields first and
//! gives up then, so that one fault does not hide the next.

use std::fmt;

use crate::config::{
    locate::Located,
    raw::{Content, Node, Part, Scalar, Shape, Table},
};

use super::{
    report::{File, Report, Spot},
    suggest,
};

/// Something of the wanted shape, and where it stands.
pub(super) struct Here<'a, T> {
    pub(super) spot: Spot<'a>,
    pub(super) value: &'a T,
}

impl<T> Clone for Here<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Here<'_, T> {}

/// What a value is called in a message.
#[derive(Clone, Copy)]
enum Name<'a> {
    Whole,
    Key(&'a str),
    Item(&'a str),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("the file"),
            Self::Key(key) => write!(f, "`{key}`"),
            Self::Item(key) => write!(f, "each of `{key}`"),
        }
    }
}

/// A key's value, which may be absent or of another shape.
pub(super) struct Field<'a, T> {
    name: Name<'a>,
    /// Where the key stands; where it is missing, its mapping.
    key_spot: Spot<'a>,
    spot: Spot<'a>,
    node: &'a Node<T>,
}

impl<T> Clone for Field<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<'_, T> {}

impl<'a, T: Content> Field<'a, T> {
    /// The whole of a document.
    pub(super) fn document(
        file: &'a File,
        report: &'a Report,
        located: &'a Located,
        node: &'a Node<T>,
    ) -> Self {
        let spot = Spot::root(file, report, located);
        Self { name: Name::Whole, key_spot: spot, spot, node }
    }

    /// Where its value stands; if it is absent, where its mapping does.
    pub(super) fn spot(self) -> Spot<'a> {
        match self.node {
            Node::Here(_) => self.spot,
            _ => self.key_spot,
        }
    }

    /// Where its key stands.
    pub(super) fn key_spot(self) -> Spot<'a> {
        self.key_spot
    }

    pub(super) fn is_absent(self) -> bool {
        matches!(self.node, Node::Absent)
    }

    /// Read if it is there. Inside: none if it is absent.
    pub(super) fn optional<V>(self, read: impl FnOnce(Here<'a, T>) -> Option<V>) -> Option<Option<V>> {
        match self.node {
            Node::Absent => Some(None),
            Node::Here(value) => read(Here { spot: self.spot, value }).map(Some),
            Node::Other(shape) => {
                self.misshapen(*shape);
                None
            }
        }
    }

    /// Read, or what holds if it is absent.
    pub(super) fn or<V>(self, default: V, read: impl FnOnce(Here<'a, T>) -> Option<V>) -> Option<V> {
        Some(self.optional(read)?.unwrap_or(default))
    }

    /// Read; absent is a fault, whose remedy is `example`.
    pub(super) fn required<V>(self, example: &str, read: impl FnOnce(Here<'a, T>) -> Option<V>) -> Option<V> {
        let value = self.optional(read)?;
        if value.is_none() {
            self.key_spot.fault(format!("{} is missing; add `{example}`", self.name));
        }
        value
    }

    fn misshapen(self, shape: Shape) {
        if shape == Shape::Nothing {
            self.key_spot.fault(format!("{} has no value; write one or remove it", self.name));
            return;
        }
        let remedy = match T::SHAPE {
            Shape::Sequence => "write `[a, b]`, or `- a` on lines of their own",
            Shape::Mapping => "write `{ key: value }`, or keys on lines of their own",
            _ => "write one value",
        };
        self.spot.fault(format!("{} must be {}, not {shape}; {remedy}", self.name, T::SHAPE));
    }
}

/// Items of a list as they were read; none for one that is wrong.
pub(super) type Items<V> = Vec<Option<V>>;

impl<'a, T: Content> Field<'a, Vec<Node<T>>> {
    /// Every item; empty if it is absent. None if one of them is wrong, after all were read.
    pub(super) fn each<V>(self, read: impl FnMut(Here<'a, T>) -> Option<V>) -> Option<Vec<V>> {
        self.items(read)?.into_iter().collect()
    }

    /// Every item; absent or empty is a fault, whose remedy is `example`.
    pub(super) fn some<V>(self, example: &str, read: impl FnMut(Here<'a, T>) -> Option<V>) -> Option<Vec<V>> {
        self.some_items(example, read)?.into_iter().collect()
    }

    /// As [`Field::each`], keeping what is right beside what is wrong.
    pub(super) fn items<V>(self, mut read: impl FnMut(Here<'a, T>) -> Option<V>) -> Option<Items<V>> {
        self.or(Vec::new(), |list| Some(list.items(self.name, &mut read)))
    }

    /// As [`Field::some`], keeping what is right beside what is wrong.
    pub(super) fn some_items<V>(
        self,
        example: &str,
        mut read: impl FnMut(Here<'a, T>) -> Option<V>,
    ) -> Option<Items<V>> {
        self.required(example, |list| {
            if list.value.is_empty() {
                list.spot.fault(format!("{} is empty; write `{example}`", self.name));
                return None;
            }
            Some(list.items(self.name, &mut read))
        })
    }
}

impl<'a, T: Content> Here<'a, Vec<Node<T>>> {
    /// Every item of a list that is one itself. None if one of them is wrong, after all were read.
    pub(super) fn each<V>(self, key: &'a str, read: impl FnMut(Here<'a, T>) -> Option<V>) -> Option<Vec<V>> {
        self.items(Name::Key(key), read).into_iter().collect()
    }

    fn items<V>(self, name: Name<'a>, mut read: impl FnMut(Here<'a, T>) -> Option<V>) -> Items<V> {
        let name = match name {
            Name::Key(key) => Name::Item(key),
            other => other,
        };
        let one = |(index, node)| {
            let spot = self.spot.item(index);
            Field { name, key_spot: spot, spot, node }.required("a value", &mut read)
        };
        self.value.iter().enumerate().map(one).collect()
    }
}

impl<'a, T: Content> Here<'a, Table<T>> {
    /// Every entry: its name, where that stands, and its value. None if one is wrong, after all were read.
    pub(super) fn each<V>(
        self,
        mut read: impl FnMut(&'a str, Spot<'a>, Here<'a, T>) -> Option<V>,
    ) -> Option<Vec<V>> {
        let one = |(key, node): &'a (String, Node<T>)| {
            let (key_spot, spot) = self.spot.entry(key);
            let field = Field { name: Name::Key(key), key_spot, spot, node };
            field.required("a value", |here| read(key, key_spot, here))
        };
        // Read to the end before giving up: `collect` into an option would stop at the first fault.
        self.value.0.iter().map(one).collect::<Items<V>>().into_iter().collect()
    }
}

/// Words that a key of ours never is, and that a secret's key often is.
const SECRETS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "secret",
    "client_secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "credentials",
    "pin",
];

impl<'a, T> Here<'a, Part<T>> {
    /// Its keys are now read; those that it cannot have are reported.
    pub(super) fn open(self) -> Opened<'a, T> {
        let Part { record, keys, unknown } = self.value;
        for key in unknown {
            let remedy = if SECRETS.contains(&key.to_lowercase().as_str()) {
                "; secrets never stand in a configuration file: put it in a file that its owner alone may read, and name that"
                    .to_owned()
            } else {
                suggest::instead(key, keys.iter().copied())
            };
            self.spot.entry(key).0.fault(format!("unknown key `{key}`{remedy}"));
        }
        Opened { spot: self.spot, record }
    }
}

/// A mapping whose keys are read.
pub(super) struct Opened<'a, T> {
    pub(super) spot: Spot<'a>,
    record: &'a T,
}

impl<T> Clone for Opened<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Opened<'_, T> {}

impl<'a, T> Opened<'a, T> {
    /// One of its keys.
    pub(super) fn field<F>(self, key: &'static str, of: impl FnOnce(&'a T) -> &'a Node<F>) -> Field<'a, F> {
        let (key_spot, spot) = self.spot.entry(key);
        Field { name: Name::Key(key), key_spot, spot, node: of(self.record) }
    }
}

impl<'a> Here<'a, Scalar> {
    /// What `parse` makes of its text; what it objects to is reported.
    pub(super) fn parse<V>(self, parse: impl FnOnce(&str) -> Result<V, String>) -> Option<V> {
        match parse(&self.value.to_string()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.spot.fault(message);
                None
            }
        }
    }

    /// What `parse` makes of what YAML takes for text.
    pub(super) fn parse_text<V>(self, parse: impl FnOnce(&str) -> Result<V, String>) -> Option<V> {
        self.text()?;
        self.parse(parse)
    }

    /// Text that YAML takes for text: `no`-like words and numbers read as something else, and mean something else.
    pub(super) fn text(self) -> Option<&'a str> {
        match self.value {
            Scalar::Text(text) if text.trim().is_empty() => {
                self.spot.fault("this is empty; write a value");
                None
            }
            Scalar::Text(text) if text.contains(char::is_control) => {
                self.spot.fault("this has a line break or control character in it; write it on one line");
                None
            }
            Scalar::Text(text) => Some(text),
            other => {
                self.spot.fault(format!("`{other}` is not text; write `\"{other}\"`"));
                None
            }
        }
    }
}
