//! What can be wrong with the operators' file.

use super::{Case, check};

const CASES: &[Case] = &[
    Case {
        name: "unknown key",
        from: "watch: false",
        to: "wach: false",
        faults: &["deploy/poort.yaml:26:1: unknown key `wach`; did you mean `watch`?"],
    },
    Case {
        name: "unknown keys at several depths",
        from: "    tls: \"1.3\"\n",
        to: "    tsl: \"1.3\"\n    zzz: 1\n",
        faults: &[
            "deploy/poort.yaml:7:5: unknown key `tsl`; did you mean `tls`?",
            "deploy/poort.yaml:8:5: unknown key `zzz`; use one of `address`, `certificates`, `client_certificate`, `tls`, `balancers`",
        ],
    },
    Case {
        name: "inline secret",
        from: "      - chain: certs/gate.crt\n",
        to: "      - chain: certs/gate.crt\n        password: hunter2\n",
        faults: &[
            "deploy/poort.yaml:5:9: unknown key `password`; secrets never stand in a configuration file: put it in a file that its owner alone may read, and name that",
        ],
    },
    Case {
        name: "another section",
        from: "watch: false\n",
        to: "watch: false\nadmin2: {}\n",
        faults: &["deploy/poort.yaml:27:1: unknown key `admin2`; did you mean `admin`?"],
    },
    Case {
        name: "listener without port",
        from: "address: 127.0.0.1:8443",
        to: "address: 127.0.0.1",
        faults: &[
            r#"deploy/poort.yaml:2:14: `127.0.0.1` is no address with a port; write one such as `0.0.0.0:8443` or `"[::]:8443"`"#,
        ],
    },
    Case {
        name: "listener address is a name",
        from: "address: 127.0.0.1:8443",
        to: "address: localhost:8443",
        faults: &[
            r#"deploy/poort.yaml:2:14: `localhost:8443` is no address with a port; write one such as `0.0.0.0:8443` or `"[::]:8443"`"#,
        ],
    },
    Case {
        name: "admin collides with a listener",
        from: "127.0.0.1:9900",
        to: "127.0.0.1:8443",
        faults: &[
            "deploy/poort.yaml:2:14: `127.0.0.1:8443` collides with `127.0.0.1:8443`; choose another address or port",
        ],
    },
    Case {
        name: "service listener without a certificate",
        from: "watch: false\n",
        to: "watch: false\nservice: { address: 127.0.0.1:8443 }\n",
        faults: &[
            "deploy/poort.yaml:27:10: `certificates` is missing; add `certificates: [{ chain: certs/service.crt, key: certs/service.key }]`",
        ],
    },
    Case {
        name: "service listener collides with a listener",
        from: "watch: false\n",
        to: "watch: false\nservice: { address: 127.0.0.1:8443, certificates: [{ chain: certs/gate.crt, key: certs/gate.key }] }\n",
        faults: &[
            "deploy/poort.yaml:27:21: `127.0.0.1:8443` collides with `127.0.0.1:8443`; choose another address or port",
        ],
    },
    Case {
        name: "console collides with a listener",
        from: "watch: false\n",
        to: "watch: false\nconsole:\n  address: 127.0.0.1:8443\n  certificates: [{ chain: certs/gate.crt, key: certs/gate.key }]\n  anchors: [../policies/certs/device-ca.crt]\n  crls: [../policies/certs/device-ca.crl]\n",
        faults: &[
            "deploy/poort.yaml:28:12: `127.0.0.1:8443` collides with `127.0.0.1:8443`; choose another address or port",
        ],
    },
    Case {
        name: "console that says too little",
        from: "watch: false\n",
        to: "watch: false\nconsole: { client_certificate: optional }\n",
        faults: &[
            "deploy/poort.yaml:27:10: `address` is missing; add `address: 127.0.0.1:9443`",
            "deploy/poort.yaml:27:10: `anchors` is missing; add `anchors: [certs/visitor-ca.crt]`",
            "deploy/poort.yaml:27:10: `certificates` is missing; add `certificates: [{ chain: certs/console.crt, key: certs/console.key }]`",
            "deploy/poort.yaml:27:10: no revocation list is named, and without one every visitor is refused; add `crls: [certs/visitor-ca.crl]`",
            "deploy/poort.yaml:27:12: unknown key `client_certificate`; use one of `address`, `certificates`, `anchors`, `crls`, `revocation`",
        ],
    },
    Case {
        name: "client certificate misspelt",
        from: "client_certificate: required",
        to: "client_certificate: require",
        faults: &["deploy/poort.yaml:6:25: `require` is not known here; did you mean `required`?"],
    },
    Case {
        name: "tls version unknown",
        from: r#"tls: "1.3""#,
        to: "tls: 1.1",
        faults: &["deploy/poort.yaml:7:10: `1.1` is not known here; did you mean `1.2`?"],
    },
    Case {
        name: "balancer is no network",
        from: "[10.0.0.0/24]",
        to: "[10.0.0.0/33]",
        faults: &[
            "deploy/poort.yaml:8:17: `10.0.0.0/33` is no network; write one such as `10.0.0.0/24` or `2001:db8::/32`",
        ],
    },
    Case {
        name: "balancer has bits behind its prefix",
        from: "[10.0.0.0/24]",
        to: "[10.0.0.7/24]",
        faults: &["deploy/poort.yaml:8:17: `10.0.0.7/24` has bits behind its prefix; write `10.0.0.0/24`"],
    },
    Case {
        name: "everybody is a balancer",
        from: "[10.0.0.0/24]",
        to: "[0.0.0.0/0]",
        faults: &["deploy/poort.yaml:8:17: `0.0.0.0/0` is everybody; name the network itself"],
    },
    Case {
        name: "balancers repeat",
        from: "[10.0.0.0/24]",
        to: "[10.0.0.0/24, 10.1.0.0/24, 10.0.0.0/24]",
        faults: &[
            "deploy/poort.yaml:8:43: `10.0.0.0/24` is here a second time, after line 8; keep one of them",
        ],
    },
    Case {
        name: "list where a value belongs",
        from: "address: 127.0.0.1:8443",
        to: "address: [a, b]",
        faults: &["deploy/poort.yaml:2:14: `address` must be a single value, not a list; write one value"],
    },
    Case {
        name: "value where a list belongs",
        from: "balancers: [10.0.0.0/24]",
        to: "balancers: 10.0.0.0/24",
        faults: &[
            "deploy/poort.yaml:8:16: `balancers` must be a list, not a single value; write `[a, b]`, or `- a` on lines of their own",
        ],
    },
    Case {
        name: "value where a mapping belongs",
        from: "admin: { address: 127.0.0.1:9900 }",
        to: "admin: 127.0.0.1:9900",
        faults: &[
            "deploy/poort.yaml:9:8: `admin` must be a mapping, not a single value; write `{ key: value }`, or keys on lines of their own",
        ],
    },
    Case {
        name: "key without a value",
        from: "drain: 30s",
        to: "drain:",
        faults: &["deploy/poort.yaml:25:1: `drain` has no value; write one or remove it"],
    },
    Case {
        name: "no policies",
        from: "policies: ../policies\n",
        to: "",
        faults: &["deploy/poort.yaml:1:1: `policies` is missing; add `policies: ../policies`"],
    },
    Case {
        name: "policies do not exist",
        from: "policies: ../policies\n",
        to: "policies: ../polices\n",
        faults: &["deploy/poort.yaml:10:11: `polices` does not exist; create it or correct the path"],
    },
    Case {
        name: "no state",
        from: "state: { directory: ./state }\n",
        to: "",
        faults: &["deploy/poort.yaml:1:1: `state` is missing; add `state: { directory: ./state }`"],
    },
    Case {
        name: "a server elsewhere without TLS",
        from: "{ directory: ./state }",
        to: "{ directory: ./state, redis: { address: \"10.0.0.5:6379\" } }",
        faults: &[
            "deploy/poort.yaml:11:48: `10.0.0.5:6379` is another machine, and sessions that go there can be read and changed on the way; name the authority of its certificate in `ca:`",
        ],
    },
    Case {
        name: "a server that is nowhere",
        from: "{ directory: ./state }",
        to: "{ directory: ./state, redis: { user: poort } }",
        faults: &[
            "deploy/poort.yaml:11:37: `address` is missing; add `address: redis.zone.example:6379`",
            "deploy/poort.yaml:11:37: a `user` signs in with a `password`; name the file that holds it",
        ],
    },
    Case {
        name: "a server without a key",
        from: "{ directory: ./state }",
        to: "{ directory: ./state, redis: { address: \"localhost:6379\" } }",
        faults: &[
            "deploy/poort.yaml:11:37: what gates share is sealed, and no key is there; where no browser signs in, add `keys: ../certs/state.keys` to `state:`, the same at every gate",
        ],
    },
    Case {
        name: "a key that is none",
        from: "{ directory: ./state }",
        to: "{ directory: ./state, keys: certs/gate.crt }",
        faults: &[
            "deploy/poort.yaml:11:36: this file is not fit to seal sessions: a line in it is no key of 64 hexadecimal digits; make one with `openssl rand -hex 32`",
        ],
    },
    Case {
        name: "a password that stands there",
        from: "{ directory: ./state }",
        to: "{ directory: ./state, redis: { address: \"localhost:6379\", password: hunter2 } }",
        faults: &["deploy/poort.yaml:11:76: `deploy/hunter2` does not exist; create it or correct the path"],
    },
    Case {
        name: "state below a file",
        from: "./state",
        to: "./poort.yaml/state",
        faults: &["deploy/poort.yaml:11:21: `deploy/poort.yaml/state` is below a file; name a directory"],
    },
    Case {
        name: "state and audit share a directory",
        from: "./audit",
        to: "state",
        faults: &["deploy/poort.yaml:11:8: state and audit share a directory; give each its own"],
    },
    Case {
        name: "home directory",
        from: "./audit",
        to: "~/audit",
        faults: &[
            "deploy/poort.yaml:12:21: `~/audit` is no path; `~`, variables and URLs are not followed: write it out",
        ],
    },
    Case {
        name: "durable is no switch",
        from: "durable: true",
        to: r#"durable: "true""#,
        faults: &["deploy/poort.yaml:12:39: `true` is text; leave out the quotes"],
    },
    Case {
        name: "drain without unit",
        from: "drain: 30s",
        to: "drain: 30",
        faults: &[
            "deploy/poort.yaml:25:8: `30` is no duration; write a whole number and a unit, such as `500ms`, `10s`, `5m`, `1h`, `30d`",
        ],
    },
    Case {
        name: "drain of no time",
        from: "drain: 30s",
        to: "drain: 0s",
        faults: &["deploy/poort.yaml:25:8: `0s` leaves no time at all; write more"],
    },
    Case {
        name: "no workers",
        from: "workers: 2",
        to: "workers: 0",
        faults: &["deploy/poort.yaml:24:10: `0` is no whole number from 1 to 1000000000; write one"],
    },
    Case {
        name: "negative workers",
        from: "workers: 2",
        to: "workers: -2",
        faults: &["deploy/poort.yaml:24:10: `-2` is no whole number from 1 to 1000000000; write one"],
    },
    Case {
        name: "workers in words",
        from: "workers: 2",
        to: "workers: two",
        faults: &["deploy/poort.yaml:24:10: `two` is no whole number from 1 to 1000000000; write one"],
    },
    Case {
        name: "rate without duration",
        from: "handshakes_per_prefix: 200/1s",
        to: "handshakes_per_prefix: 200",
        faults: &[
            "deploy/poort.yaml:17:26: `200` is no rate; write a count, `/` and a duration, such as `60/1m` or `5/1s`",
        ],
    },
    Case {
        name: "prefix too long",
        from: "prefix_v4: 32",
        to: "prefix_v4: 33",
        faults: &["deploy/poort.yaml:20:14: `33` is no whole number from 8 to 32; write one"],
    },
    Case {
        name: "carrier without connections",
        from: "connections: 10000, ",
        to: "",
        faults: &["deploy/poort.yaml:23:7: `connections` is missing; add `connections: 10000`"],
    },
    Case {
        name: "carrier narrower than what shares a budget",
        from: "network: 100.64.0.0/10",
        to: "network: 2001:db8::7/128",
        faults: &[
            "deploy/poort.yaml:23:18: `2001:db8::7/128` is only a part of the addresses that share a budget; name all of them, or write `prefix_v6: 128`",
        ],
    },
    Case {
        name: "assertion without key",
        from: "key: certs/assertion.key, ",
        to: "",
        faults: &["deploy/poort.yaml:13:12: `key` is missing; add `key: certs/assertion.key`"],
    },
    Case {
        name: "assertion issuer in the clear",
        from: "https://gate.example",
        to: "http://gate.example",
        faults: &[
            "deploy/poort.yaml:13:48: `http://gate.example` is not `https`; in the clear, whoever is on the way can replace it",
        ],
    },
    Case {
        name: "key pasted into the file",
        from: "key: certs/gate.key",
        to: "key: |\n          -----BEGIN PRIVATE KEY-----\n          MIGHAgEAMBMGByqGSM49",
        faults: &[
            "deploy/poort.yaml:6:11: this is a certificate or key, not a path; put it in a file and name that",
        ],
    },
];

#[test]
fn every_fault_is_reported_at_its_place() {
    check("deploy/poort.yaml", CASES);
}
