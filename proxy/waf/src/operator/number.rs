//! `@eq`, `@lt` and their like: both sides as C's `atoi` reads them.

use crate::bytes::integer;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
    LessOrEqual,
    Less,
}

impl Comparison {
    pub(super) fn holds(self, value: &[u8], argument: &[u8]) -> bool {
        self.compares(integer(value), integer(argument))
    }

    pub(crate) fn compares(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
            Self::LessOrEqual => left <= right,
            Self::Less => left < right,
        }
    }
}
