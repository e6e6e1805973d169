//! What a person has come to in the shift that is under way: numbers that policies can set a quota to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is counted in a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShiftCount {
    /// The different people, vehicles and things that a person looks up.
    Subjects,
    /// The different devices that a person uses.
    Devices,
    /// The different people who use a device, where a crew does not share it.
    Officers,
}

impl ShiftCount {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Subjects, Self::Devices, Self::Officers];

    /// The word in policies, files, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subjects => "subjects",
            Self::Devices => "devices",
            Self::Officers => "officers",
        }
    }
}

impl fmt::Display for ShiftCount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The numbers, the request itself included. What nobody counts is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftFacts {
    /// [`ShiftCount::Subjects`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects: Option<u32>,
    /// [`ShiftCount::Devices`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<u32>,
    /// [`ShiftCount::Officers`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officers: Option<u32>,
}

impl ShiftFacts {
    /// Numbers are exact below this one, which stands for itself and all above it.
    pub const MOST: u32 = 1_000;

    /// The number of a kind.
    #[must_use]
    pub const fn of(&self, kind: ShiftCount) -> Option<u32> {
        match kind {
            ShiftCount::Subjects => self.subjects,
            ShiftCount::Devices => self.devices,
            ShiftCount::Officers => self.officers,
        }
    }

    /// The place of that number.
    pub const fn of_mut(&mut self, kind: ShiftCount) -> &mut Option<u32> {
        match kind {
            ShiftCount::Subjects => &mut self.subjects,
            ShiftCount::Devices => &mut self.devices,
            ShiftCount::Officers => &mut self.officers,
        }
    }

    /// The same with the first request of a shift.
    #[must_use]
    pub fn at_first(&self) -> Self {
        let first = |count: Option<u32>| count.map(|count| count.min(1));
        Self { subjects: first(self.subjects), devices: first(self.devices), officers: first(self.officers) }
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
