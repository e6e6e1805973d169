//! A directory with a valid configuration, to break one thing of.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use tempfile::TempDir;

use crate::config::{Checked, Faults, load};

pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// Every YAML file of the valid configuration.
pub(super) const FILES: [(&str, &str); 6] = [
    ("deploy/poort.yaml", DEPLOY),
    ("policies/poort.yaml", ZONE),
    ("policies/entities.yaml", ENTITIES),
    ("policies/inventory.yaml", INVENTORY),
    ("policies/sources/persons.yaml", PERSONS),
    ("policies/sources/vehicles.yaml", VEHICLES),
];

const DEPLOY: &str = r#"listeners:
  - address: 127.0.0.1:8443
    certificates:
      - chain: certs/gate.crt
        key: certs/gate.key
    client_certificate: required
    tls: "1.3"
    balancers: [10.0.0.0/24]
admin: { address: 127.0.0.1:9900 }
policies: ../policies
state: { directory: ./state }
audit: { directory: ./audit, durable: true, pseudonyms: certs/pseudonyms.keys }
assertion: { key: certs/assertion.key, issuer: https://gate.example }
connections:
  total: 20000
  per_prefix: 2000
  handshakes_per_prefix: 200/1s
  head: 10s
  keep_alive: 60s
  prefix_v4: 32
  prefix_v6: 64
  carriers:
    - { network: 100.64.0.0/10, connections: 10000, handshakes: 2000/10s }
workers: 2
drain: 30s
watch: false
"#;

const ZONE: &str = r#"devices:
  anchors: [certs/device-ca.crt]
  crls: [certs/device-ca.crl]
  revocation: { required: true, grace: 0s }
  inventory: inventory.yaml
issuers:
  - alias: zone
    issuer: https://sso.zone.example/realms/zone
    audiences: [poort]
    algorithms: [ES256]
    profile: keycloak
    keys: { url: https://sso.zone.example/certs, ca: certs/internal-ca.crt }
    roles: { claim: realm_access.roles, grants: { officer: officer, boss: supervisor } }
    units: { claim: units, grants: { a: team-a } }
    services: [search]
    leeway: 30s
    max_age: 10m
  - alias: federal
    issuer: https://sso.federal.example
    audiences: [poort]
    algorithms: [ES256, EdDSA]
    keys: { url: https://sso.federal.example/certs }
strong_sign_in: [phrh]
limits:
  address: { rate: 300/1s, burst: 600 }
  device: 50/1s
  failure_cost: 5
  concurrent: 10000
  keys: 100000
defaults:
  timeouts: { connect: 2s, read: 30s, total: 2m }
  body: 10MiB
"#;

const ENTITIES: &str = r#"roles:
  officer: {}
  supervisor: { in: [officer] }
units:
  team-a: { in: [zone] }
  zone: {}
fleets: [cars, office]
classifications:
  public: {}
  restricted: {}
"#;

const INVENTORY: &str = r#"devices:
  - { name: "spiffe://zone.example/device/car-12", managed: true, compliant: true, fleet: cars, unit: team-a }
  - { name: "spiffe://zone.example/workload/search", managed: true, compliant: true }
"#;

const PERSONS: &str = r#"title: Persons register
owner: Information management
classification: restricted
hosts: [persons.localhost]
prefixes: [/]
device: required
subject: required
upstream:
  addresses: ["persons.internal:9001", "10.0.0.2:9001"]
  tls:
    ca: ../certs/internal-ca.crt
    certificate: ../certs/upstream.crt
    key: ../certs/upstream.key
    name: persons.internal
    minimum: "1.2"
  host: persons.internal
  prefix: /app
  authentication: none
  timeouts: { read: 10s }
operations:
  - { methods: [GET, HEAD], path: "/persons/{national_number}", operation: consult }
  - { methods: [GET], path: /search, query: [name], operation: consult }
  - { path: "/**", operation: use }
limits: { user: 30/1m, device: { rate: 60/1m, burst: 10 }, concurrent: 50 }
url: [double_slash, latin1]
streams: { websocket: true, events: false, readmit: 30s }
cors:
  origins: ["https://portal.zone.example"]
  methods: [GET]
  headers: [Content-Type]
  max_age: 10m
on_behalf_of: ["spiffe://zone.example/workload/search"]
identity:
  assertion: true
  headers: { X-Remote-User: subject, X-Remote-Roles: roles }
body: 1MiB
"#;

const VEHICLES: &str = r#"title: Vehicles register
owner: Traffic
classification: public
hosts: [vehicles.localhost]
upstream: { addresses: ["127.0.0.1:9002"] }
operations:
  - { path: "/**", operation: consult }
"#;

/// A JWK Set with one P-256 key (RFC 7517, appendix A.1).
pub(super) const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1","use":"sig","alg":"ES256",
"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

/// Certificates and keys, in PEM, made once for all tests.
pub(super) struct Material {
    authority: CertifiedIssuer<'static, KeyPair>,
    pub(super) gate: (String, String),
    pub(super) upstream: (String, String),
    assertion: String,
    crl: String,
}

impl Material {
    pub(super) fn shared() -> &'static Self {
        static SHARED: OnceLock<Material> = OnceLock::new();
        SHARED.get_or_init(Self::make)
    }

    /// Others than the shared ones.
    pub(super) fn make() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let now = SystemTime::now();
        let assertion = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
        let made = Self {
            authority,
            gate: Default::default(),
            upstream: Default::default(),
            assertion,
            crl: String::new(),
        };
        let crl = made.list(now - DAY, now + 30 * DAY);
        let gate = made.issue(&["persons.localhost", "vehicles.localhost"], now - DAY, now + 90 * DAY);
        let upstream = made.issue(&[], now - DAY, now + 90 * DAY);
        Self { gate, upstream, crl, ..made }
    }

    /// A certificate and its key.
    pub(super) fn issue(&self, names: &[&str], from: SystemTime, to: SystemTime) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = from.into();
        params.not_after = to.into();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.authority).unwrap().pem(), key.serialize_pem())
    }

    /// A revocation list of the authority, without entries.
    pub(super) fn list(&self, from: SystemTime, to: SystemTime) -> String {
        let list = CertificateRevocationListParams {
            this_update: from.into(),
            next_update: to.into(),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.authority).unwrap().pem().unwrap()
    }

    /// An authority whose time is over.
    pub(super) fn expired_authority() -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = (SystemTime::now() - DAY).into();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    pub(super) fn crl(&self) -> &str {
        &self.crl
    }

    pub(super) fn assertion(&self) -> &str {
        &self.assertion
    }

    pub(super) fn authority(&self) -> String {
        self.authority.pem()
    }
}

/// A directory with a configuration in it.
pub(super) struct Ground {
    directory: TempDir,
}

impl Ground {
    /// The valid one.
    pub(super) fn new() -> Self {
        let ground = Self { directory: tempfile::tempdir().unwrap() };
        let material = Material::shared();
        for (name, text) in FILES {
            ground.write(name, text);
        }
        for (name, text) in [
            ("deploy/certs/gate.crt", material.gate.0.clone()),
            ("deploy/certs/gate.key", material.gate.1.clone()),
            ("deploy/certs/assertion.key", material.assertion.clone()),
            ("deploy/certs/pseudonyms.keys", "07".repeat(32)),
            ("policies/certs/device-ca.crt", material.authority()),
            ("policies/certs/device-ca.crl", material.crl.clone()),
            ("policies/certs/internal-ca.crt", material.authority()),
            ("policies/certs/upstream.crt", material.upstream.0.clone()),
            ("policies/certs/upstream.key", material.upstream.1.clone()),
            ("policies/access/schema.cedarschema", "namespace Poort {}".to_owned()),
            ("policies/access/a.cedar", "permit (principal, action, resource);".to_owned()),
        ] {
            ground.write(name, &text);
        }
        ground
    }

    /// Copies of the files below another directory.
    pub(super) fn copy_of(directories: &[(&Path, &str)]) -> Self {
        let ground = Self { directory: tempfile::tempdir().unwrap() };
        for (from, to) in directories {
            copy(from, &ground.path(to));
        }
        ground
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        self.mode(name, 0o600);
    }

    pub(super) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Replaces one part of a file, which occurs there once.
    pub(super) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {name}");
        self.write(name, text.replace(from, to));
    }

    pub(super) fn load(&self) -> Result<Checked, Faults> {
        load(&self.path("deploy/poort.yaml"))
    }

    /// Faults as printed, without the directory; empty if there are none.
    pub(super) fn faults(&self) -> Vec<String> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(faults) => faults.to_string().lines().map(|line| self.bare(line)).collect(),
        }
    }

    /// Warnings as printed, without the directory.
    pub(super) fn warnings(&self) -> Vec<String> {
        match self.load() {
            Ok(checked) => checked.warnings.iter().map(|warning| self.bare(&warning.to_string())).collect(),
            Err(faults) => panic!("{faults}"),
        }
    }

    fn bare(&self, line: &str) -> String {
        line.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
