//! `policies/entities.yaml` as it was typed.

use super::{Named, Part, Texts, record};

record! {
    struct Entities {
        roles: Named<Part<Group>>,
        units: Named<Part<Group>>,
        fleets: Texts,
        classifications: Named<Part<Group>>,
    }

    struct Group {
        #[serde(rename = "in")]
        parents: Texts,
    }
}
