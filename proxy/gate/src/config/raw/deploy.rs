//! `deploy/poort.yaml` as it was typed.

use super::{Block, Blocks, Text, Texts, record, zone::Revocation};

record! {
    struct Deploy {
        listeners: Blocks<Listener>,
        admin: Block<Admin>,
        service: Block<Service>,
        console: Block<Console>,
        policies: Text,
        state: Block<State>,
        audit: Block<Audit>,
        assertion: Block<Assertion>,
        connections: Block<Connections>,
        workers: Text,
        drain: Text,
        watch: Text,
    }

    struct Listener {
        address: Text,
        certificates: Blocks<ServerCertificate>,
        client_certificate: Text,
        tls: Text,
        balancers: Texts,
    }

    struct ServerCertificate {
        chain: Text,
        key: Text,
    }

    struct Admin {
        address: Text,
    }

    struct Service {
        address: Text,
        certificates: Blocks<ServerCertificate>,
        tls: Text,
    }

    struct Console {
        address: Text,
        certificates: Blocks<ServerCertificate>,
        anchors: Texts,
        crls: Texts,
        revocation: Block<Revocation>,
    }

    struct State {
        directory: Text,
        keys: Text,
        redis: Block<Redis>,
    }

    struct Redis {
        address: Text,
        user: Text,
        password: Text,
        ca: Text,
    }

    struct Audit {
        directory: Text,
        durable: Text,
        log: Block<AuditLog>,
        pseudonyms: Text,
        spill: Text,
        reserve: Text,
    }

    struct AuditLog {
        key: Text,
        anchor: Text,
    }

    struct Assertion {
        key: Text,
        issuer: Text,
    }

    struct Connections {
        total: Text,
        per_prefix: Text,
        handshakes_per_prefix: Text,
        head: Text,
        body: Text,
        keep_alive: Text,
        prefix_v4: Text,
        prefix_v6: Text,
        carriers: Blocks<Carrier>,
    }

    struct Carrier {
        network: Text,
        connections: Text,
        handshakes: Text,
    }
}
