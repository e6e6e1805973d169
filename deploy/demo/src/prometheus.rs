//! A Prometheus that scrapes the gate, with the shipped rules and alerts, where one is installed; and a page of what the dashboards ask it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{DemoError, layout::Layout, ports};

/// The rules that are shipped beside the configuration.
const RULES: [&str; 2] = ["recording.yml", "alerts.yml"];

/// What the page begins with. Prometheus lets pages of any origin ask.
const PAGE: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>Poort: what the dashboards ask</title>
<style>
  body { font: 1rem/1.5 system-ui; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
  li { margin-bottom: .75rem }
  code, output { display: block; font-size: .8rem; overflow-wrap: anywhere; white-space: pre-wrap }
  output { font-family: monospace; color: #064 }
</style>
<script type="module">
  const MOST = 8;
  const labels = ({ __name__, ...rest }) => Object.entries(rest).map(([name, value]) => `${name}="${value}"`).join(" ");
  const shown = ({ metric, value }) => `${value[1]}  ${labels(metric)}`;
  async function ask(item) {
    const output = item.querySelector("output");
    try {
      const query = encodeURIComponent(item.querySelector("code").textContent);
      const { data } = await (await fetch(`http://ADDRESS/api/v1/query?query=${query}`)).json();
      const more = data.result.length - MOST;
      output.textContent = data.result.slice(0, MOST).map(shown).join("\n") + (more > 0 ? `\nand ${more} more` : "") || "nothing yet";
    } catch (fault) {
      output.textContent = `no answer: ${fault.message}`;
    }
  }
  async function look() {
    for (const item of document.querySelectorAll("li")) await ask(item);
    setTimeout(look, 2000);
  }
  look();
</script>
<h1>What the dashboards ask</h1>
<p>What Prometheus at <a href="http://ADDRESS/alerts">ADDRESS</a> answers now; Grafana draws it over time.</p>
"#;

/// A running Prometheus, ended on drop.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// One of this machine that scrapes a layout's gate every second; what it knows lies in the layout's directory.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(binary: &Path, layout: &Layout) -> Result<Self, DemoError> {
        let directory = layout.path("prometheus");
        fs::create_dir_all(&directory).map_err(DemoError::file("create", &directory))?;
        let shipped = shipped("prometheus");
        let config = shipped.join("prometheus.yml");
        let text = fs::read_to_string(&config).map_err(DemoError::file("read", &config))?;
        let text = text.replace("15s", "1s").replace("127.0.0.1:9900", &layout.admin().to_string());
        let config = directory.join("prometheus.yml");
        fs::write(&config, text).map_err(DemoError::file("write", &config))?;
        for file in RULES {
            let from = shipped.join(file);
            fs::copy(&from, directory.join(file)).map_err(DemoError::file("copy", &from))?;
        }
        let address = ports::free()?;
        let log = directory.join("log");
        let log = File::create(&log).map_err(DemoError::file("create", &log))?;
        let child = Command::new(binary)
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(DemoError::file("start", binary))?;
        Ok(Self { child, address })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a page that shows what each panel of the shipped dashboards asks, and what the answer is now; where it is.
    ///
    /// # Errors
    /// When a dashboard cannot be read, or the page not be written.
    pub fn write_page(&self, layout: &Layout) -> Result<PathBuf, DemoError> {
        let mut page = PAGE.replace("ADDRESS", &self.address.to_string());
        for path in dashboards()? {
            let dashboard = Dashboard::read(&path)?;
            let _ = writeln!(page, "<h2>{}</h2><ul>", escaped(&dashboard.title));
            for Panel { title, query } in &dashboard.panels {
                let asked = escaped(&of_everything(query));
                let _ = writeln!(page, "<li>{}<br><code>{asked}</code><output></output>", escaped(title));
            }
            page.push_str("</ul>\n");
        }
        let path = layout.path("dashboards.html");
        fs::write(&path, page).map_err(DemoError::file("write", &path))?;
        Ok(path)
    }
}

/// Prometheus, where it is installed.
#[must_use]
pub fn binary() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join("prometheus")).find(|path| path.is_file())
}

/// A dashboard of Grafana's, as far as it asks.
pub struct Dashboard {
    /// What it is called.
    pub title: String,
    /// Everything that it asks, in order.
    pub panels: Vec<Panel>,
}

/// One query of a dashboard.
pub struct Panel {
    /// What its panel is called.
    pub title: String,
    /// In PromQL, with Grafana's variables.
    pub query: String,
}

impl Dashboard {
    /// Reads a dashboard.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, DemoError> {
        let text = fs::read_to_string(path).map_err(DemoError::file("read", path))?;
        let none =
            |message: &str| DemoError::Dashboard { path: path.to_owned(), message: message.to_owned() };
        let dashboard: Value = serde_json::from_str(&text).map_err(|error| none(&error.to_string()))?;
        let word = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned();
        let mut panels = Vec::new();
        for panel in list(&dashboard, "panels").ok_or_else(|| none("it has no panels"))? {
            for target in list(&panel, "targets").unwrap_or_default() {
                let title = word(&panel, "title").ok_or_else(|| none("a panel has no title"))?;
                let query = word(&target, "expr").ok_or_else(|| none("a panel asks nothing"))?;
                panels.push(Panel { title, query });
            }
        }
        let title = word(&dashboard, "title").ok_or_else(|| none("it has no title"))?;
        Ok(Self { title, panels })
    }
}

/// A dashboard's query with nothing chosen.
#[must_use]
pub fn of_everything(query: &str) -> String {
    query.replace("$source", ".*").replace("$__rate_interval", "5m")
}

/// The shipped dashboards.
///
/// # Errors
/// When their directory cannot be read.
pub fn dashboards() -> Result<Vec<PathBuf>, DemoError> {
    let directory = shipped("grafana");
    let mut all = Vec::new();
    for entry in fs::read_dir(&directory).map_err(DemoError::file("read", &directory))? {
        let path = entry.map_err(DemoError::file("read", &directory))?.path();
        if path.extension().is_some_and(|end| end == "json") {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// What is shipped in `deploy/`.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
