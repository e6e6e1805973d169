//! A real browser and a real issuer for the tests: Debian's Chromium with a device's certificate, and `oidc-provider`, both brought by
//! `.ci/soc` and run by node from `tests/browser`.

mod chromium;
mod issuer;
mod keycloak;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use poort_demo::{DemoError, zone::Zone};
use serde_json::{Value, json};

pub use chromium::{Chromium, Landed, Tab};
pub use issuer::Provider;
pub use keycloak::{Keycloak, KeycloakStage};

use crate::{World, tools};

/// A zone behind its gate, at whose issuer people sign in with a browser.
pub struct Stage {
    /// The zone and the gate.
    pub world: World,
    /// The browser of `car-12`.
    pub browser: Chromium,
    /// The issuer.
    pub provider: Provider,
    _far: Option<Distance>,
}

impl Stage {
    /// A stage, where node, its modules and a browser are to be had; what is missing is said aloud.
    pub async fn set() -> Option<Self> {
        Self::set_with(|_| Ok(())).await
    }

    /// The same after a change to the configuration.
    pub async fn set_with(change: impl FnOnce(&Zone) -> Result<(), DemoError>) -> Option<Self> {
        Self::set_at(None, change).await
    }

    /// The same where gate and issuer are a long way from the browser.
    pub async fn set_far(way: Way) -> Option<Self> {
        Self::set_at(Some(way), |_| Ok(())).await
    }

    async fn set_at(way: Option<Way>, change: impl FnOnce(&Zone) -> Result<(), DemoError>) -> Option<Self> {
        let programs = Programs::find()?;
        let turn = chromium::turn().await;
        let mut provider = None;
        let world = World::start_with(|zone| {
            provider = Some(Provider::start(&programs, zone)?);
            change(zone)
        });
        let (world, provider) = (world.await.unwrap(), provider.unwrap());
        let far = way.map(|way| Distance::start(&programs, &world, &provider, way));
        let resolve = far.as_ref().map(|far| &*far.resolve);
        let browser = Chromium::start(&programs, &world.zone, resolve, turn);
        Some(Self { world, browser, provider, _far: far })
    }

    /// The address of a path at a source or at the sign-in host.
    #[must_use]
    pub fn at(&self, name: &str, path: &str) -> String {
        format!("https://{name}.localhost:{}{path}", self.world.gate.address().port())
    }
}

/// A browser says little of why a page did not come.
impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what the gate said ---\n{}", self.world.gate.log());
        }
    }
}

/// What runs a browser and an issuer.
struct Programs {
    node: PathBuf,
    modules: PathBuf,
    chromium: PathBuf,
}

impl Programs {
    fn find() -> Option<Self> {
        let (node, chromium) = (tools::program("node")?, tools::directory("chromium")?);
        Some(Self { node, modules: tools::directory("browser")?, chromium })
    }

    /// Node on a script of `tests/browser`, which finds its modules beside it in `directory`.
    fn run(&self, directory: &Path, script: &str, options: &Value) -> Command {
        fs::create_dir_all(directory).unwrap();
        let copy = directory.join(script);
        fs::copy(tools::repository("tests/browser").join(script), &copy).unwrap();
        let modules = self.modules.join("node_modules").canonicalize().unwrap();
        // Another script has made the link before.
        let _ = std::os::unix::fs::symlink(modules, directory.join("node_modules"));
        let mut command = Command::new(&self.node);
        command.arg(copy).arg(options.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

/// How long the way is, and how bad.
#[derive(Clone, Copy)]
pub struct Way {
    /// How long there and back.
    pub round_trip: Duration,
    /// Which part of the segments is lost, 0 to 1.
    pub loss: f64,
    /// Which of them: the same number, the same ones.
    pub seed: u32,
}

/// A long way to the gate and to the issuer.
struct Distance {
    /// Where hosts are, as Chromium's `--host-resolver-rules` says it.
    resolve: String,
    _process: Guard,
}

impl Distance {
    fn start(programs: &Programs, world: &World, provider: &Provider, way: Way) -> Self {
        let (gate, issuer) = (world.gate.address().port(), provider.port());
        let Way { round_trip, loss, seed } = way;
        let options =
            json!({ "rtt": round_trip.as_millis(), "loss": loss, "seed": seed, "ports": [gate, issuer] });
        let command = programs.run(&world.zone.layout.path("browser"), "distance.mjs", &options).spawn();
        let mut process = Guard::new(command.unwrap());
        let [to_gate, to_issuer]: [u16; 2] = serde_json::from_str(&process.line()).unwrap();
        let resolve = format!(
            "MAP *.localhost:{gate} 127.0.0.1:{to_gate}, MAP localhost:{issuer} 127.0.0.1:{to_issuer}"
        );
        Self { resolve, _process: process }
    }
}

/// A child that ends when nobody holds its standard input any more.
struct Guard(Child, Option<BufReader<ChildStdout>>);

impl Guard {
    const fn new(child: Child) -> Self {
        Self(child, None)
    }

    /// The next line that it says.
    fn line(&mut self) -> String {
        let (child, mut line) = (&mut self.0, String::new());
        let said = self.1.get_or_insert_with(|| BufReader::new(child.stdout.take().unwrap()));
        said.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
