use std::{
    fs::{self, File},
    io::Write as _,
    sync::Mutex,
};

use poort_demo::{DemoError, layout::Layout, pki::Leaf, zone::Zone};
use serde_json::json;

use super::{Guard, Programs};

/// `oidc-provider` in the place of the zone's own issuer.
pub struct Provider {
    root: String,
    port: u16,
    process: Mutex<Guard>,
}

impl Provider {
    /// Starts it, and makes it the issuer `zone` of the layout, at which people sign in.
    pub(super) fn start(programs: &Programs, zone: &Zone) -> Result<Self, DemoError> {
        let pki = &zone.pki;
        pki.internal.issue(&Leaf::server(&["localhost", "127.0.0.1"]))?.write(pki.directory(), "provider")?;
        pki.internal.issue(&Leaf::client("poort gate"))?.write(pki.directory(), "client")?;
        let options = json!({
            "certificate": pki.path("provider.crt"), "key": pki.path("provider.key"), "client": pki.path("client.crt"),
            "signin": format!("https://{}:{}", Layout::host("signin"), zone.layout.address().port()),
            "backchannel": format!("http://{}/backchannel-logout/zone", zone.layout.admin()),
        });
        let (directory, log) = (zone.layout.path("browser"), zone.layout.path("issuer.log"));
        let mut command = programs.run(&directory, "issuer.mjs", &options);
        let mut process = command.stderr(File::create(&log).unwrap()).spawn().map(Guard::new).unwrap();
        let line = process.line();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("{}", fs::read_to_string(log).unwrap()));
        let root = format!("https://localhost:{port}");
        zone.layout.edit("policies/poort.yaml", |yaml| {
            let issuer = &mut yaml["issuers"][0];
            issuer["issuer"] = root.clone().into();
            issuer["profile"] = "generic".into();
            issuer["roles"]["claim"] = "roles".into();
            let at = &mut yaml["sign_in"]["issuers"][0];
            at.as_mapping_mut().unwrap().remove("client_secret_file");
            at["client_key_file"] = pki.path("client.key").to_str().unwrap().into();
        })?;
        Ok(Self { root, port, process: Mutex::new(process) })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether it answers gates from now on. Browsers it answers all the same.
    pub fn answers(&self, well: bool) {
        let (word, mut process) = (if well { "well" } else { "silent" }, self.process.lock().unwrap());
        writeln!(process.0.stdin.as_mut().unwrap(), "{word}").unwrap();
        assert_eq!(process.line().trim(), word);
    }

    /// The address of a path there.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }
}
