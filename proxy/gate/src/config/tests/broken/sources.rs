//! What can be wrong with a source's file.

use super::{Case, check};

const PERSONS: &[Case] = &[
    Case {
        name: "misspelt key",
        from: "hosts:",
        to: "hosst:",
        faults: &[
            "policies/sources/persons.yaml:1:1: `hosts` is missing; add `hosts: [persons.zone.example]`",
            "policies/sources/persons.yaml:4:1: unknown key `hosst`; did you mean `hosts`?",
        ],
    },
    Case {
        name: "unknown key far below",
        from: "    name: persons.internal\n",
        to: "    name: persons.internal\n    verify: false\n",
        faults: &[
            "policies/sources/persons.yaml:15:5: unknown key `verify`; use one of `ca`, `certificate`, `key`, `name`, `minimum`",
        ],
    },
    Case {
        name: "no title",
        from: "title: Persons register\n",
        to: "",
        faults: &["policies/sources/persons.yaml:1:1: `title` is missing; add `title: Persons register`"],
    },
    Case {
        name: "empty title",
        from: "title: Persons register",
        to: r#"title: " ""#,
        faults: &["policies/sources/persons.yaml:1:8: this is empty; write a value"],
    },
    Case {
        name: "unknown classification",
        from: "classification: restricted",
        to: "classification: restrictd",
        faults: &[
            "policies/sources/persons.yaml:3:17: the classification `restrictd` is not in `entities.yaml`; did you mean `restricted`?",
        ],
    },
    Case {
        name: "wildcard host",
        from: "[persons.localhost]",
        to: r#"["*.localhost"]"#,
        faults: &[
            "policies/sources/persons.yaml:4:9: `*.localhost` has a wildcard: each source is reached under names that somebody wrote down; list them",
        ],
    },
    Case {
        name: "host with capitals",
        from: "[persons.localhost]",
        to: "[Persons.localhost]",
        faults: &[
            "policies/sources/persons.yaml:4:9: `Persons.localhost` has capitals; write `persons.localhost`",
        ],
    },
    Case {
        name: "host is an address",
        from: "[persons.localhost]",
        to: "[10.0.0.1]",
        faults: &[
            "policies/sources/persons.yaml:4:9: `10.0.0.1` is an address: TLS chooses certificates by name; give the source a name",
        ],
    },
    Case {
        name: "host twice",
        from: "[persons.localhost]",
        to: "[persons.localhost, persons.localhost]",
        faults: &[
            "policies/sources/persons.yaml:4:28: `persons.localhost` is here a second time, after line 4; keep one of them",
        ],
    },
    Case {
        name: "no host",
        from: "[persons.localhost]",
        to: "[]",
        faults: &[
            "policies/sources/persons.yaml:4:8: `hosts` is empty; write `hosts: [persons.zone.example]`",
        ],
    },
    Case {
        name: "prefix without slash",
        from: "prefixes: [/]",
        to: "prefixes: [app]",
        faults: &["policies/sources/persons.yaml:5:12: `app` does not begin with `/`; write `/app`"],
    },
    Case {
        name: "prefix ends with a slash",
        from: "prefixes: [/]",
        to: "prefixes: [/app/]",
        faults: &["policies/sources/persons.yaml:5:12: `/app/` ends with a slash; write `/app`"],
    },
    Case {
        name: "prefix with dots",
        from: "prefixes: [/]",
        to: "prefixes: [/app/../x]",
        faults: &[
            "policies/sources/persons.yaml:5:12: `/app/../x` has a `.` or `..` segment, and such requests are refused; write a plain path",
        ],
    },
    Case {
        name: "device misspelt",
        from: "device: required",
        to: "device: requird",
        faults: &["policies/sources/persons.yaml:6:9: `requird` is not known here; did you mean `required`?"],
    },
    Case {
        name: "upstream authority missing",
        from: "ca: ../certs/internal-ca.crt",
        to: "ca: ../certs/none.crt",
        faults: &[
            "policies/sources/persons.yaml:11:9: `policies/certs/none.crt` does not exist; create it or correct the path",
        ],
    },
    Case {
        name: "certificate without its key",
        from: "    key: ../certs/upstream.key\n",
        to: "",
        faults: &[
            "policies/sources/persons.yaml:12:5: a certificate without its key is of no use; add `key: certs/upstream.key`",
        ],
    },
    Case {
        name: "key without its certificate",
        from: "    certificate: ../certs/upstream.crt\n",
        to: "",
        faults: &[
            "policies/sources/persons.yaml:11:5: `certificate` is missing; add `certificate: certs/upstream.crt`",
        ],
    },
    Case {
        name: "key of another certificate",
        from: "key: ../certs/upstream.key",
        to: "key: ../../deploy/certs/gate.key",
        faults: &[
            "policies/sources/persons.yaml:13:10: this key does not belong to the certificate beside it; check which files are paired",
        ],
    },
    Case {
        name: "certificate as key",
        from: "key: ../certs/upstream.key",
        to: "key: ../certs/upstream.crt",
        faults: &[
            "policies/sources/persons.yaml:13:10: `policies/certs/upstream.crt` holds no private key in PEM (`BEGIN PRIVATE KEY`); convert it or name the right file",
        ],
    },
    Case {
        name: "no server name",
        from: "    name: persons.internal\n",
        to: "",
        faults: &["policies/sources/persons.yaml:11:5: `name` is missing; add `name: persons.internal`"],
    },
    Case {
        name: "host with a path",
        from: "  host: persons.internal\n",
        to: "  host: persons.internal/app\n",
        faults: &[
            "policies/sources/persons.yaml:16:9: `persons.internal/app` is no host name; use letters, digits and hyphens, labels of at most 63 and 253 in all",
        ],
    },
    Case {
        name: "NTLM on shared connections",
        from: "authentication: none",
        to: "authentication: ntlm",
        faults: &[
            "policies/sources/persons.yaml:18:19: `ntlm` signs in a connection, and shared ones would swap users; write `connection`, which gives each client its own",
        ],
    },
    Case {
        name: "unknown authentication",
        from: "authentication: none",
        to: "authentication: basic",
        faults: &[
            "policies/sources/persons.yaml:18:19: `basic` is not known here; use one of `none`, `connection`",
        ],
    },
    Case {
        name: "read longer than total",
        from: "timeouts: { read: 10s }",
        to: "timeouts: { read: 5m }",
        faults: &[
            "policies/sources/persons.yaml:19:13: `total` is shorter than `connect` or `read`, which could never end; write more",
        ],
    },
    Case {
        name: "lower-case method",
        from: "methods: [GET, HEAD]",
        to: "methods: [get, HEAD]",
        faults: &["policies/sources/persons.yaml:21:17: `get` is no method; did you mean `GET`?"],
    },
    Case {
        name: "TRACE",
        from: "methods: [GET, HEAD]",
        to: "methods: [TRACE]",
        faults: &[
            "policies/sources/persons.yaml:21:17: `TRACE` is no method; use one of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `PROPFIND`, `PROPPATCH`, `MKCOL`, `COPY`, `MOVE`, `LOCK`, `UNLOCK`",
        ],
    },
    Case {
        name: "method twice",
        from: "methods: [GET, HEAD]",
        to: "methods: [GET, GET]",
        faults: &[
            "policies/sources/persons.yaml:21:22: `GET` is here a second time, after line 21; keep one of them",
        ],
    },
    Case {
        name: "no method",
        from: "methods: [GET, HEAD]",
        to: "methods: []",
        faults: &["policies/sources/persons.yaml:21:16: `methods` is empty; write `methods: [GET]`"],
    },
    Case {
        name: "captured twice",
        from: "/persons/{national_number}",
        to: "/persons/{name}/{name}",
        faults: &[
            "policies/sources/persons.yaml:21:35: `/persons/{name}/{name}` captures `name` twice; name one of them otherwise",
        ],
    },
    Case {
        name: "captured from path and query",
        from: "path: /search,",
        to: r#"path: "/search/{name}","#,
        faults: &[
            "policies/sources/persons.yaml:22:5: `name` is captured from the path and from the query; name one of them otherwise",
        ],
    },
    Case {
        name: "part of a segment",
        from: "/persons/{national_number}",
        to: "/persons/nr-{national_number}",
        faults: &[
            "policies/sources/persons.yaml:21:35: `/persons/nr-{national_number}` captures part of a segment; a capture is a whole one, as in `/persons/{number}`",
        ],
    },
    Case {
        name: "limit of nothing",
        from: "user: 30/1m",
        to: "user: 0/1m",
        faults: &[
            "policies/sources/persons.yaml:24:17: `0/1m` lets nothing through; write a count and a duration above zero",
        ],
    },
    Case {
        name: "unlimited at a source",
        from: "user: 30/1m",
        to: "user: unlimited",
        faults: &[
            "policies/sources/persons.yaml:24:17: `unlimited` is for the zone to say; leave this out, and the zone's limits hold alone",
        ],
    },
    Case {
        name: "concurrency of nothing",
        from: "concurrent: 50",
        to: "concurrent: 0",
        faults: &[
            "policies/sources/persons.yaml:24:72: `0` is no whole number from 1 to 1000000000; write one",
        ],
    },
    Case {
        name: "unknown URL form",
        from: "[double_slash, latin1]",
        to: "[double-slash, latin1]",
        faults: &[
            "policies/sources/persons.yaml:25:7: `double-slash` is not known here; did you mean `double_slash`?",
        ],
    },
    Case {
        name: "stream admitted too seldom",
        from: "readmit: 30s",
        to: "readmit: 5m",
        faults: &[
            "policies/sources/persons.yaml:26:53: a stream is admitted again at least every `60s`, so that a revocation reaches it; write less",
        ],
    },
    Case {
        name: "any origin",
        from: "https://portal.zone.example",
        to: "*",
        faults: &[
            "policies/sources/persons.yaml:28:13: `*` lets any page read the source with the officer's rights; list the origins",
        ],
    },
    Case {
        name: "origin with a path",
        from: "https://portal.zone.example",
        to: "https://portal.zone.example/",
        faults: &[
            "policies/sources/persons.yaml:28:13: `https://portal.zone.example/` is not as browsers send it; write `https://portal.zone.example`",
        ],
    },
    Case {
        name: "origin in the clear",
        from: "https://portal.zone.example",
        to: "http://portal.zone.example",
        faults: &[
            "policies/sources/persons.yaml:28:13: `http://portal.zone.example` is not `https`; in the clear, whoever is on the way can replace it",
        ],
    },
    Case {
        name: "odd workload",
        from: r#"on_behalf_of: ["spiffe://zone.example/workload/search"]"#,
        to: r#"on_behalf_of: ["Search App"]"#,
        faults: &[
            "policies/sources/persons.yaml:32:16: `Search App` is no host name; use letters, digits and hyphens, labels of at most 63 and 253 in all",
        ],
    },
    Case {
        name: "identity header of the gate",
        from: "X-Remote-User: subject",
        to: "Poort-User: subject",
        faults: &[
            "policies/sources/persons.yaml:35:14: `Poort-User` is set by the gate itself; choose another",
        ],
    },
    Case {
        name: "identity header of HTTP",
        from: "X-Remote-User: subject",
        to: "Host: subject",
        faults: &[
            "policies/sources/persons.yaml:35:14: `Host` has a meaning in HTTP; choose another, such as `X-Remote-User`",
        ],
    },
    Case {
        name: "identity header with underscore",
        from: "X-Remote-User: subject",
        to: "X_Remote_User: subject",
        faults: &[
            "policies/sources/persons.yaml:35:14: `X_Remote_User` has an underscore, which servers take for a hyphen: a client could send its twin; use hyphens",
        ],
    },
    Case {
        name: "identity header twice",
        from: "X-Remote-Roles: roles",
        to: "x-remote-user: roles",
        faults: &[
            "policies/sources/persons.yaml:35:38: `x-remote-user` is here a second time, after line 35; keep one of them",
        ],
    },
    Case {
        name: "identity header with a space",
        from: "X-Remote-User: subject",
        to: r#""X Remote": subject"#,
        faults: &[
            "policies/sources/persons.yaml:35:14: `X Remote` is no header name; use letters, digits and hyphens",
        ],
    },
    Case {
        name: "unknown identity value",
        from: "X-Remote-User: subject",
        to: "X-Remote-User: subjects",
        faults: &[
            "policies/sources/persons.yaml:35:29: `subjects` is not known here; did you mean `subject`?",
        ],
    },
    Case {
        name: "body of nothing",
        from: "body: 1MiB",
        to: "body: 0B",
        faults: &["policies/sources/persons.yaml:36:7: `0B` lets nothing through; write more"],
    },
];

const VEHICLES: &[Case] = &[
    Case {
        name: "claimed by two sources",
        from: "[vehicles.localhost]",
        to: "[vehicles.localhost, persons.localhost]",
        faults: &[
            "policies/sources/vehicles.yaml:4:29: `persons.localhost` with prefix `/` is claimed by `persons` already (policies/sources/persons.yaml:4); give one of them another host or prefix",
        ],
    },
    Case {
        name: "no upstream",
        from: "upstream: { addresses: [\"127.0.0.1:9002\"] }\n",
        to: "",
        faults: &[
            r#"policies/sources/vehicles.yaml:1:1: `upstream` is missing; add `upstream: { addresses: ["10.0.0.5:443"] }`"#,
        ],
    },
    Case {
        name: "upstream without port",
        from: "127.0.0.1:9002",
        to: "127.0.0.1",
        faults: &[
            r#"policies/sources/vehicles.yaml:5:25: `127.0.0.1` has no port; write an address such as `10.0.0.5:443` or `"[::1]:443"`, or `persons.internal:443`"#,
        ],
    },
    Case {
        name: "upstream is a URL",
        from: "127.0.0.1:9002",
        to: "http://127.0.0.1:9002",
        faults: &[
            r#"policies/sources/vehicles.yaml:5:25: `http://127.0.0.1:9002` is a URL; write an address such as `10.0.0.5:443` or `"[::1]:443"`, or `persons.internal:443`"#,
        ],
    },
    Case {
        name: "upstream port 0",
        from: "127.0.0.1:9002",
        to: "127.0.0.1:0",
        faults: &[
            r#"policies/sources/vehicles.yaml:5:25: `127.0.0.1:0` has port 0; write an address such as `10.0.0.5:443` or `"[::1]:443"`, or `persons.internal:443`"#,
        ],
    },
    Case {
        name: "upstream everywhere",
        from: "127.0.0.1:9002",
        to: "0.0.0.0:9002",
        faults: &[
            r#"policies/sources/vehicles.yaml:5:25: `0.0.0.0:9002` is every address and none; write an address such as `10.0.0.5:443` or `"[::1]:443"`, or `persons.internal:443`"#,
        ],
    },
    Case {
        name: "upstream twice",
        from: r#"["127.0.0.1:9002"]"#,
        to: r#"["127.0.0.1:9002", "127.0.0.1:9002"]"#,
        faults: &[
            "policies/sources/vehicles.yaml:5:43: `127.0.0.1:9002` is here a second time, after line 5; keep one of them",
        ],
    },
    Case {
        name: "no operations",
        from: "operations:\n  - { path: \"/**\", operation: consult }\n",
        to: "",
        faults: &[
            r#"policies/sources/vehicles.yaml:1:1: `operations` is missing; add `operations: [{ methods: [GET], path: "/**", operation: consult }]`"#,
        ],
    },
    Case {
        name: "unknown operation",
        from: "operation: consult",
        to: "operation: consultt",
        faults: &["policies/sources/vehicles.yaml:7:31: `consultt` is no operation; did you mean `consult`?"],
    },
    Case {
        name: "read is no operation",
        from: "operation: consult",
        to: "operation: read",
        faults: &[
            "policies/sources/vehicles.yaml:7:31: `read` is no operation; use one of `collect`, `alter`, `consult`, `disclose`, `combine`, `erase`, `use`",
        ],
    },
    Case {
        name: "star in the middle",
        from: r#""/**""#,
        to: r#""/a/*/b""#,
        faults: &[
            "policies/sources/vehicles.yaml:7:13: `/a/*/b` has `*` elsewhere than in `/**` at its end; capture a segment with `{name}`",
        ],
    },
];

#[test]
fn every_fault_is_reported_at_its_place() {
    check("policies/sources/persons.yaml", PERSONS);
    check("policies/sources/vehicles.yaml", VEHICLES);
}
