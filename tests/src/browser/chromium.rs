use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{ChildStdin, Command},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use poort_demo::{pki::BUNDLE_PASSWORD, zone::Zone};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Guard, Programs};

/// Browsers at once: they are large.
const AT_ONCE: usize = 2;

type Answered = Result<Value, String>;

/// Chromium on the device `car-12`, whose certificate it shows, as on a managed tablet; at the console it shows Els's of the security team.
pub struct Chromium {
    commands: Mutex<ChildStdin>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Answered>>>>,
    next: AtomicU64,
    _process: Guard,
    _turn: OwnedSemaphorePermit,
}

/// A tab of it.
pub struct Tab<'a> {
    browser: &'a Chromium,
    number: u64,
}

/// Where a tab ended up.
#[derive(Debug, Deserialize)]
pub struct Landed {
    /// The address.
    pub url: String,
    /// The status of the last page, if one was loaded.
    pub status: Option<u16>,
    /// Every page's address on the way.
    pub hops: Vec<String>,
    /// What is to be read there.
    pub text: String,
    /// What the way weighed: heads and bodies, all there was to load.
    pub bytes: usize,
}

impl Landed {
    /// Whether the way led by this host.
    #[must_use]
    pub fn passed(&self, host: &str) -> bool {
        self.hops.iter().any(|hop| hop.starts_with(&format!("https://{host}:")))
    }
}

/// Waits until a browser may be started.
pub(super) async fn turn() -> OwnedSemaphorePermit {
    static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(AT_ONCE)));
    Arc::clone(&TURNS).acquire_owned().await.unwrap()
}

impl Chromium {
    /// A browser with a profile of its own; `resolve` are rules of where hosts are.
    pub(super) fn start(
        programs: &Programs,
        zone: &Zone,
        resolve: Option<&str>,
        turn: OwnedSemaphorePermit,
    ) -> Self {
        let home = zone.layout.path("browser");
        let options = json!({
            "browser": programs.chromium.join("usr/lib/chromium/chromium"),
            "profile": home.join("profile"), "resolve": resolve,
        });
        let mut command = programs.run(&home, "driver.mjs", &options);
        let libraries = programs.chromium.join("usr/lib/x86_64-linux-gnu");
        let libraries = format!("{0}:{0}/pulseaudio", libraries.display());
        certificates(programs, zone, &home, &libraries);
        fonts(&programs.chromium, &home);
        command.env("HOME", &home).env("FONTCONFIG_FILE", home.join("fonts.conf"));
        let mut process = command.env("LD_LIBRARY_PATH", libraries).spawn().map(Guard::new).unwrap();
        let (commands, answers) = (process.0.stdin.take().unwrap(), process.0.stdout.take().unwrap());
        let waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Answered>>>> = Arc::default();
        let known = Arc::clone(&waiting);
        std::thread::spawn(move || {
            for line in BufReader::new(answers).lines().map_while(Result::ok) {
                let answer: Value = serde_json::from_str(&line).unwrap();
                let asked = known.lock().unwrap().remove(&answer["id"].as_u64().unwrap());
                let fault = answer.get("fault").and_then(Value::as_str).map(str::to_owned);
                // Who asked may have given up.
                asked.map(|asked| asked.send(fault.map_or_else(|| Ok(answer["value"].clone()), Err)));
            }
            // Dropping them tells all who wait that no answer comes.
            known.lock().unwrap().clear();
        });
        let (commands, next) = (Mutex::new(commands), AtomicU64::new(0));
        Self { commands, waiting, next, _process: process, _turn: turn }
    }

    /// A tab.
    pub async fn tab(&self) -> Tab<'_> {
        Tab { number: self.ask(json!({ "call": "open" })).await, browser: self }
    }

    /// Forgets the cookies of these hosts.
    pub async fn forget_cookies_of(&self, hosts: &[&str]) {
        self.ask::<()>(json!({ "call": "forget", "hosts": hosts })).await;
    }

    async fn ask<T: DeserializeOwned>(&self, mut command: Value) -> T {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        command["id"] = id.into();
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, answer);
        writeln!(self.commands.lock().unwrap(), "{command}").unwrap();
        let value = answered.await.expect("the browser is there");
        let value = value.unwrap_or_else(|fault| panic!("{command}: {fault}"));
        serde_json::from_value(value).unwrap()
    }
}

impl Tab<'_> {
    /// Types an address.
    pub async fn go(&self, url: &str) -> Landed {
        self.ask(json!({ "call": "go", "url": url })).await
    }

    /// Presses what has this name: a button, a link, or one of several choices.
    pub async fn click(&self, name: &str) -> Landed {
        self.ask(json!({ "call": "click", "name": name })).await
    }

    /// Writes into the field with this label.
    pub async fn fill(&self, label: &str, value: &str) {
        self.ask::<()>(json!({ "call": "fill", "label": label, "value": value })).await;
    }

    /// Runs script in the page, as the page's own would.
    pub async fn run(&self, script: &str) -> Value {
        self.ask(json!({ "call": "run", "script": script })).await
    }

    /// Waits until script in the page says something true.
    pub async fn until(&self, script: &str) -> Landed {
        self.ask(json!({ "call": "until", "script": script })).await
    }

    /// Light or dark, and how large.
    pub async fn look(&self, dark: bool, (width, height): (u32, u32)) {
        self.ask::<()>(json!({ "call": "look", "dark": dark, "width": width, "height": height })).await;
    }

    /// Takes a picture of the whole page.
    pub async fn picture(&self, path: &Path) {
        self.ask::<()>(json!({ "call": "picture", "path": path })).await;
    }

    /// What keeps people out: faults by the Web Content Accessibility Guidelines 2.2, A and AA.
    pub async fn violations(&self) -> Vec<String> {
        self.ask(json!({ "call": "violations" })).await
    }

    /// The page's navigation timing (W3C), in milliseconds since the tap.
    pub async fn timing(&self) -> Value {
        self.ask(json!({ "call": "timing" })).await
    }

    async fn ask<T: DeserializeOwned>(&self, mut command: Value) -> T {
        command["tab"] = self.number.into();
        self.browser.ask(command).await
    }
}

/// What the browser trusts and what it shows: an NSS database, as browsers on Linux have in their home.
fn certificates(programs: &Programs, zone: &Zone, home: &Path, libraries: &str) {
    let database = home.join(".pki/nssdb");
    fs::create_dir_all(&database).unwrap();
    let database = format!("sql:{}", database.display());
    let run = |tool: &str, arguments: &[&str]| {
        let mut command = Command::new(programs.chromium.join("usr/bin").join(tool));
        command.args(["-d", &database]).args(arguments).env("LD_LIBRARY_PATH", libraries);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("certutil", &["-N", "--empty-password"]);
    for name in ["gate-ca", "internal-ca"] {
        let file = zone.pki.path(&format!("{name}.crt"));
        run("certutil", &["-A", "-n", name, "-t", "C,,", "-i", &file.to_string_lossy()]);
    }
    // A browser shows the one that the host asks for.
    for bundle in ["devices/car-12.p12", "staff/security-els.p12"] {
        let bundle = zone.pki.path(bundle);
        run("pk12util", &["-i", &bundle.to_string_lossy(), "-W", BUNDLE_PASSWORD]);
    }
}

/// Fonts, wherever they are: without any, pages would be empty.
fn fonts(chromium: &Path, home: &Path) {
    let ours = chromium.join("usr/share/fonts");
    let text = format!(
        "<fontconfig><dir>{}</dir><dir>/usr/share/fonts</dir><cachedir>{}</cachedir></fontconfig>",
        ours.display(),
        home.join("fonts").display()
    );
    fs::write(home.join("fonts.conf"), text).unwrap();
}
