//! What there is to see, and what can be done there.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// A page of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// Decisions as they come.
    Decisions,
    /// What a refusal rests on.
    Explain,
    /// How sources are.
    Sources,
    /// What inspection found.
    Waf,
    /// Broken glasses that nobody has looked into yet.
    Reviews,
    /// The record itself.
    Log,
}

impl View {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::Decisions, Self::Explain, Self::Sources, Self::Waf, Self::Reviews, Self::Log];

    /// Its name, in policies, addresses and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decisions => "decisions",
            Self::Explain => "explain",
            Self::Sources => "sources",
            Self::Waf => "waf",
            Self::Reviews => "reviews",
            Self::Log => "log",
        }
    }
}

/// What can be done at a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Looking at it.
    View,
    /// Writing down what was found of a broken glass.
    Review,
}

impl Act {
    /// Its name in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Review => "review",
        }
    }
}

pub(super) fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind: EntityTypeName = format!("Poort::{kind}").parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
