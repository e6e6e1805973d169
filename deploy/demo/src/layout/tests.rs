use super::*;
use crate::issuer::{IssuerOptions, Profile};
use crate::pki::Leaf;
use crate::sources::{Register, SourceOptions};
use crate::wire::ServedOver;

const SHIPPED: &[(&str, &str)] = &[
    (
        "poort.yaml",
        "devices: { anchors: [certs/a.crt], revocation: { required: true, grace: 0s } }\n\
         issuers:\n\
         \x20 - { alias: zone, issuer: x, keys: { file: y }, roles: { claim: z, grants: { officer: officer } } }\n\
         \x20 - { alias: elsewhere, issuer: y }\n\
         limits: { concurrent: 10 }\n",
    ),
    ("access/officers.cedar", "permit (principal, action, resource);\n"),
    (
        "sources/persons.yaml",
        "title: Persons\nhosts: [a.example]\nupstream: { addresses: [x], authentication: none, tls: { ca: z } }\n\
         operations: [ { path: /**, operation: use } ]\n",
    ),
    ("sources/archive.yaml", "title: Archive\n"),
];

#[tokio::test]
async fn addresses_are_the_demos_and_rules_are_the_shipped_ones() {
    let directory = tempfile::tempdir().unwrap();
    let shipped = directory.path().join("shipped");
    for (name, text) in SHIPPED {
        files::write(&shipped.join(name), text).unwrap();
    }
    let run = directory.path().join("run");
    let pki = Pki::create(&run.join("certs")).unwrap();
    let certificate = pki.internal.issue(&Leaf::server(&["localhost"])).unwrap();
    let over = ServedOver::tls(&certificate);
    let zone = IssuerOptions::new("zone", "https://sso.zone.example", Profile::Keycloak);
    let zone = Issuer::start(IssuerOptions { over: over.clone(), ..zone }).unwrap();
    let persons = SourceOptions { prefix: "/app".into(), ..SourceOptions::new(Register::Persons) };
    let persons = Source::start(persons).unwrap();
    let clients = Some(pki.internal.certificate().der().clone());
    let over = ServedOver::Tls { certificate: Box::new(certificate), clients, only_tls12: true };
    let firearms = Source::start(SourceOptions { over, ..SourceOptions::new(Register::Firearms) }).unwrap();
    let layout = Layout::write(&LayoutOptions {
        directory: &run,
        policies: &shipped,
        pki: &pki,
        address: "127.0.0.1:8443".parse().unwrap(),
        admin: "127.0.0.1:9900".parse().unwrap(),
        console: Some("127.0.0.1:9445".parse().unwrap()),
        issuers: &[&zone],
        sources: &[&persons, &firearms],
        devices: &Posture::demo(),
    })
    .unwrap();

    let yaml =
        |name: &str| -> serde_json::Value { serde_yaml::from_str(&layout.read_file(name).unwrap()).unwrap() };
    let main = yaml("policies/poort.yaml");
    assert_eq!(main["issuers"].as_array().unwrap().len(), 1);
    assert_eq!(main["issuers"][0]["roles"]["grants"]["officer"], "officer");
    assert_eq!(main["issuers"][0]["roles"]["claim"], "realm_access.roles");
    assert_eq!(main["issuers"][0]["keys"]["url"], zone.keys_url());
    assert_eq!(main["limits"]["concurrent"], 10);
    assert_eq!(main["devices"]["revocation"]["required"], true);
    let source = yaml("policies/sources/persons.yaml");
    assert_eq!(source["hosts"][0], "persons.localhost");
    assert_eq!(source["upstream"]["addresses"][0], persons.address().to_string());
    assert_eq!(source["upstream"]["prefix"], "/app");
    assert_eq!(source["upstream"].get("tls"), None);
    assert_eq!(source["operations"][0]["path"], "/**");
    let source = yaml("policies/sources/firearms.yaml");
    assert_eq!(source["upstream"]["tls"]["minimum"], "1.2");
    assert!(Path::new(source["upstream"]["tls"]["certificate"].as_str().unwrap()).is_file());
    assert!(!layout.path("policies/sources/archive.yaml").exists());
    assert_eq!(layout.read_file("policies/access/officers.cedar").unwrap(), SHIPPED[1].1);
    assert_eq!(yaml("policies/inventory.yaml")["devices"][0]["name"], "spiffe://zone.example/device/car-12");
    let deploy = yaml("deploy/poort.yaml");
    assert_eq!(deploy["console"]["address"], "127.0.0.1:9445");
    for pair in deploy["listeners"][0]["certificates"].as_array().unwrap() {
        assert!(Path::new(pair["chain"].as_str().unwrap()).is_file(), "{pair}");
        assert!(Path::new(pair["key"].as_str().unwrap()).is_file(), "{pair}");
    }
    assert_eq!(
        deploy["listeners"][0]["certificates"].as_array().unwrap().len(),
        4,
        "the gate, the sign-in host, two sources"
    );
}
