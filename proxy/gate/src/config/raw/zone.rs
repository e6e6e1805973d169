//! `policies/poort.yaml` as it was typed.

use super::{Block, Blocks, Named, Node, Part, Quota, Scalar, Text, Texts, record};

record! {
    struct Zone {
        devices: Block<Devices>,
        issuers: Blocks<Issuer>,
        strong_sign_in: Texts,
        sign_in: Block<SignIn>,
        limits: Block<Limits>,
        defaults: Block<Defaults>,
        waf: Block<Waf>,
        unusual: Block<Unusual>,
        purposes: Named<Part<Purpose>>,
        cases: Text,
        mission: Block<Mission>,
        break_glass: Block<BreakGlass>,
        candidate: Text,
    }

    struct Purpose {
        nl: Text,
        fr: Text,
        en: Text,
    }

    struct Mission {
        lifetime: Text,
        dispatch: Block<Dispatch>,
    }

    struct Dispatch {
        issuer: Text,
        algorithms: Texts,
        keys: Text,
    }

    struct BreakGlass {
        lifetime: Text,
    }

    struct Unusual {
        shift: Text,
        subjects: Text,
        devices: Text,
        officers: Text,
        shared_fleets: Texts,
        in_policies: Texts,
    }

    struct Waf {
        rules: Texts,
        mode: Text,
        since: Text,
        level: Text,
        thresholds: Block<Thresholds>,
        body: Text,
        unframed: Text,
        response: Block<Response>,
        held: Text,
        record_data: Text,
    }

    struct Thresholds {
        inbound: Text,
        outbound: Text,
    }

    struct Response {
        inspect: Text,
        limit: Text,
        larger: Text,
        other_types: Text,
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
        discovery: Block<Discovery>,
        roles: Block<Claim>,
        units: Block<Claim>,
        services: Texts,
        leeway: Text,
        max_age: Text,
        pin_tokens: Text,
    }

    struct SignIn {
        url: Text,
        keys: Text,
        lifetime: Text,
        outage: Text,
        issuers: Blocks<Provider>,
    }

    struct Provider {
        issuer: Text,
        title: Text,
        client_id: Text,
        client_secret_file: Text,
        client_key_file: Text,
        authorization: Text,
        token: Text,
        end_session: Text,
        ca: Text,
        scopes: Texts,
        says_iss: Text,
    }

    struct Keys {
        url: Text,
        ca: Text,
        file: Text,
    }

    struct Discovery {
        ca: Text,
        origins: Texts,
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
        retention: Text,
    }

    struct Timeouts {
        connect: Text,
        read: Text,
        total: Text,
    }
}
