//! `policies/sources/<id>.yaml` as it was typed.

use super::{
    Block, Blocks, Named, Node, Quota, Scalar, Text, Texts, record,
    zone::{Response, Thresholds, Timeouts},
};

record! {
    struct Source {
        title: Text,
        owner: Text,
        classification: Text,
        hosts: Texts,
        prefixes: Texts,
        device: Text,
        subject: Text,
        token_binding: Text,
        upstream: Block<Upstream>,
        operations: Blocks<Operation>,
        limits: Block<Limits>,
        url: Texts,
        streams: Block<Streams>,
        cors: Block<Cors>,
        on_behalf_of: Texts,
        purpose: Text,
        case: Text,
        stated_by: Block<StatedBy>,
        data_subjects: Blocks<DataSubject>,
        identity: Block<Identity>,
        body: Text,
        waf: Block<Waf>,
        retention: Text,
    }

    struct Waf {
        mode: Text,
        since: Text,
        level: Text,
        thresholds: Block<Thresholds>,
        body: Text,
        unframed: Text,
        response: Block<Response>,
        streams: Text,
        rules: Texts,
        exclusions: Blocks<Exclusion>,
    }

    struct Exclusion {
        rule: Text,
        target: Text,
        path: Text,
        reason: Text,
        expires: Text,
    }

    struct Upstream {
        addresses: Texts,
        tls: Block<Tls>,
        host: Text,
        prefix: Text,
        authentication: Text,
        timeouts: Block<Timeouts>,
    }

    struct Tls {
        ca: Text,
        certificate: Text,
        key: Text,
        name: Text,
        minimum: Text,
    }

    struct Operation {
        methods: Texts,
        path: Text,
        query: Texts,
        operation: Text,
        purpose: Text,
        case: Text,
    }

    struct StatedBy {
        workloads: Texts,
        purpose: Text,
        case: Text,
    }

    struct Limits {
        user: Node<Quota>,
        device: Node<Quota>,
        total: Node<Quota>,
        concurrent: Text,
    }

    struct Streams {
        websocket: Text,
        events: Text,
        readmit: Text,
    }

    struct Cors {
        origins: Texts,
        methods: Texts,
        headers: Texts,
        max_age: Text,
    }

    struct DataSubject {
        kind: Text,
        capture: Text,
        body: Text,
        answer: Text,
        birth_date: Text,
    }

    struct Identity {
        assertion: Text,
        headers: Named<Scalar>,
    }
}
