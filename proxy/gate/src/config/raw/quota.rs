//! A budget, in short or at length.

use serde::de::MapAccess;

use super::{Content, Part, Scalar, Shape, Text, record};

record! {
    struct Budget {
        rate: Text,
        burst: Text,
    }
}

/// `60/1m`, or `{ rate: 60/1m, burst: 100 }`.
#[derive(Debug)]
pub(in crate::config) enum Quota {
    /// One word.
    Short(Scalar),
    /// Keys.
    Long(Part<Budget>),
}

impl Content for Quota {
    const SHAPE: Shape = Shape::Scalar;

    fn scalar(scalar: Scalar) -> Option<Self> {
        Some(Self::Short(scalar))
    }

    fn mapping<'de, A: MapAccess<'de>>(entries: A) -> Result<Option<Self>, A::Error> {
        Ok(Part::mapping(entries)?.map(Self::Long))
    }
}
