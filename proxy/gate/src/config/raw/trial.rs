//! `policies/tests/*.yaml` as they were typed.

use super::{Block, Blocks, Named, Node, Part, Scalar, Text, Texts, record};

record! {
    struct Trials {
        people: Named<Part<Person>>,
        services: Named<Part<Person>>,
        devices: Named<Part<Device>>,
        situations: Named<Part<Situation>>,
        tests: Blocks<Trial>,
        tables: Blocks<Table>,
    }

    struct Person {
        id: Text,
        roles: Texts,
        units: Texts,
    }

    struct Device {
        name: Text,
        managed: Text,
        compliant: Text,
        fleet: Text,
        unit: Text,
    }

    struct Situation {
        sign_in: Text,
        signed_in: Text,
        acr: Text,
        amr: Texts,
        purpose: Text,
        case: Text,
        break_glass: Block<Glass>,
        inspection: Text,
        shift: Block<Shift>,
        time: Text,
        method: Text,
        path: Text,
        host: Text,
        address: Text,
        captures: Named<Scalar>,
    }

    struct Shift {
        subjects: Text,
        devices: Text,
        officers: Text,
    }

    struct Glass {
        reason: Text,
        case: Text,
    }

    struct Trial {
        what: Text,
        who: Text,
        on: Text,
        through: Text,
        does: Text,
        to: Text,
        given: Text,
        expect: Text,
        by: Text,
        shadow: Text,
    }

    struct Table {
        what: Text,
        always: Block<Trial>,
        columns: Texts,
        rows: Node<Vec<Texts>>,
    }
}
