//! `policies/poort.yaml` as it was typed.

use super::{Block, Blocks, Named, Node, Quota, Scalar, Text, Texts, record};

record! {
    struct Zone {
        devices: Block<Devices>,
        issuers: Blocks<Issuer>,
        strong_sign_in: Texts,
        limits: Block<Limits>,
        defaults: Block<Defaults>,
    }

    struct Devices {
        anchors: Texts,
        crls: Texts,
        revocation: Block<Revocation>,
        inventory: Text,
    }

    struct Revocation {
        required: Text,
        grace: Text,
    }

    struct Issuer {
        alias: Text,
        issuer: Text,
        audiences: Texts,
        algorithms: Texts,
        profile: Text,
        keys: Block<Keys>,
        roles: Block<Claim>,
        units: Block<Claim>,
        services: Texts,
        leeway: Text,
        max_age: Text,
    }

    struct Keys {
        url: Text,
        ca: Text,
        file: Text,
    }

    struct Claim {
        claim: Text,
        grants: Named<Scalar>,
    }

    struct Limits {
        address: Node<Quota>,
        device: Node<Quota>,
        user: Node<Quota>,
        source: Node<Quota>,
        failure_cost: Text,
        concurrent: Text,
        keys: Text,
    }

    struct Defaults {
        timeouts: Block<Timeouts>,
        body: Text,
    }

    struct Timeouts {
        connect: Text,
        read: Text,
        total: Text,
    }
}
