use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use poort_demo::{DemoError, client::Browser, layout::Layout, pki::Leaf, ports, zone::Zone};
use serde_json::json;

use super::{Chromium, Programs, chromium};
use crate::{PERSON, World, tools};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(900);

/// A zone behind its gate, at whose Keycloak people sign in with a browser.
pub struct KeycloakStage {
    /// The zone and the gate.
    pub world: World,
    /// The browser of `car-12`.
    pub browser: Chromium,
    /// The issuer.
    pub keycloak: Keycloak,
}

impl KeycloakStage {
    /// A stage, where Java, Keycloak and a browser are to be had; what is missing is said aloud. `client` is the gate's public key, as JWK Set.
    pub async fn set(client: impl FnOnce(&Zone) -> String) -> Option<Self> {
        let programs = Programs::find()?;
        tools::program("java")?;
        tools::directory("keycloak")?;
        let turn = chromium::turn().await;
        let mut keycloak = None;
        let world = World::start_with(|zone| {
            zone.pki.internal.issue(&Leaf::client("poort gate"))?.write(zone.pki.directory(), "client")?;
            keycloak = Some(Keycloak::start(zone, &client(zone))?);
            Ok(())
        });
        let (world, keycloak) = (world.await.unwrap(), keycloak.unwrap());
        // On a busy machine the first page that Keycloak makes takes longer than a browser is waited for.
        let first = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
        first.go(&first.at("persons", PERSON)).await.unwrap();
        let browser = Chromium::start(&programs, &world.zone, None, turn);
        Some(Self { world, browser, keycloak })
    }

    /// The address of a path at a source or at the sign-in host.
    #[must_use]
    pub fn at(&self, name: &str, path: &str) -> String {
        format!("https://{name}.localhost:{}{path}", self.world.gate.address().port())
    }
}

/// Keycloak in the place of the zone's own issuer, with the realm of `tests/conformance/keycloak`. Stopped on drop.
pub struct Keycloak {
    child: Child,
    root: String,
    log: PathBuf,
}

impl Keycloak {
    fn start(zone: &Zone, client: &str) -> Result<Self, DemoError> {
        let home = zone.layout.path("keycloak");
        copy(&tools::directory("keycloak").unwrap(), &home);
        let port = ports::free()?.port();
        let root = format!("https://localhost:{port}");
        let signin = format!("https://{}:{}", Layout::host("signin"), zone.layout.address().port());
        let realm = fs::read_to_string(tools::repository("tests/conformance/keycloak/realm.json")).unwrap();
        let realm = realm
            .replace("SIGN_IN", &signin)
            .replace("BACKCHANNEL", &format!("http://{}/backchannel-logout/zone", zone.layout.admin()))
            .replace("\"JWKS\"", &json!(client).to_string());
        fs::create_dir_all(home.join("data/import")).unwrap();
        fs::write(home.join("data/import/zone-realm.json"), realm).unwrap();
        zone.pki
            .internal
            .issue(&Leaf::server(&["localhost", "127.0.0.1"]))?
            .write(zone.pki.directory(), "keycloak")?;
        let file = |name: &str| zone.pki.path(name).display().to_string();
        let log = zone.layout.path("keycloak.log");
        trust_store(zone);
        let mut child = Command::new(home.join("bin/kc.sh"));
        child
            .args(["start", "--optimized", "--import-realm", "--cache=local", "--http-enabled=false"])
            .arg(format!("--https-port={port}"))
            .arg(format!("--hostname={root}"))
            .arg(format!("--https-certificate-file={}", file("keycloak.crt")))
            .arg(format!("--https-certificate-key-file={}", file("keycloak.key")))
            // Its database is in memory and made anew: on a busy machine that takes longer than a connection is waited for.
            .env(
                "JAVA_OPTS_APPEND",
                "-XX:TieredStopAtLevel=1 -Dquarkus.datasource.jdbc.acquisition-timeout=120",
            )
            // Devices may show their certificate: tokens are bound to it.
            .args(["--log-level=info,org.keycloak.events:debug"])
            .arg(format!("--https-trust-store-file={}", file("device-ca.p12")))
            .args(["--https-trust-store-type=PKCS12", "--https-trust-store-password=changeit"])
            .stdin(Stdio::null())
            .stdout(File::create(&log).unwrap())
            .stderr(File::options().append(true).open(&log).unwrap())
            // A shell starts Java, which is stopped with it.
            .process_group(0);
        let mut keycloak = Self { child: child.spawn().unwrap(), root, log };
        keycloak.wait(port);
        zone.layout.edit("policies/poort.yaml", |yaml| keycloak.become_issuer(zone, yaml))?;
        Ok(keycloak)
    }

    fn wait(&mut self, port: u16) {
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = self.child.try_wait().unwrap();
            let patient = ended.is_none() && begin.elapsed() < PATIENCE;
            assert!(patient, "Keycloak does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// As policies/ISSUERS.md has it: where everything is, it says itself.
    fn become_issuer(&self, zone: &Zone, yaml: &mut serde_yaml::Value) {
        let issuer = &mut yaml["issuers"][0];
        issuer["issuer"] = self.at("").into();
        issuer["audiences"] = vec!["poort".to_owned()].into();
        issuer["algorithms"] = vec!["ES256".to_owned()].into();
        issuer["profile"] = "keycloak".into();
        issuer["roles"]["claim"] = "realm_access.roles".into();
        issuer["units"]["claim"] = "units".into();
        let at = &mut yaml["sign_in"]["issuers"][0];
        at.as_mapping_mut().unwrap().remove("client_secret_file");
        at["client_id"] = "poort".into();
        at["client_key_file"] = zone.pki.path("client.key").to_str().unwrap().into();
    }

    /// All it said so far; its events are in it.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The address of a path below the realm.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}/realms/zone{path}", self.root)
    }
}

impl Drop for Keycloak {
    fn drop(&mut self) {
        use nix::{
            sys::signal::{Signal, killpg},
            unistd::Pid,
        };
        // Both fail only when it is gone already.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Keycloak writes beside itself: each test has one of its own.
fn copy(from: &Path, to: &Path) {
    let copied =
        Command::new("cp").args(["-rL", "--no-target-directory"]).arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "{} cannot be copied", from.display());
}

/// The authority of the zone's devices, as Java reads it.
fn trust_store(zone: &Zone) {
    let done = Command::new("keytool")
        .args([
            "-importcert",
            "-noprompt",
            "-alias",
            "device-ca",
            "-storetype",
            "PKCS12",
            "-storepass",
            "changeit",
        ])
        .arg("-file")
        .arg(zone.pki.path("device-ca.crt"))
        .arg("-keystore")
        .arg(zone.pki.path("device-ca.p12"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
