//! A real nginx of a test's own, where there is one.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::tools;

/// A running nginx; stopped on drop.
pub struct Nginx(Child);

impl Nginx {
    /// With these servers, in a directory of its own; nothing, and loudly, where there is no nginx. It listens on `port` when this returns.
    ///
    /// # Panics
    /// When it does not start; with what it says.
    #[must_use]
    pub fn start(directory: &Path, servers: &str, port: u16) -> Option<Self> {
        let nginx = tools::program("nginx")?;
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join("servers.conf"), servers).unwrap();
        let bodies = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"))
            .join(" ");
        let whole = format!(
            "master_process off; daemon off; pid nginx.pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off; {bodies} include servers.conf; }}\n"
        );
        fs::write(directory.join("nginx.conf"), whole).unwrap();
        let log = directory.join("log");
        let mut command = Command::new(nginx);
        command.env("LD_LIBRARY_PATH", tools::nginx_libraries());
        command.arg("-p").arg(directory).arg("-c").arg(directory.join("nginx.conf"));
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn();
        let mut server = Self(child.unwrap());
        server.wait(port, &log);
        Some(server)
    }

    fn wait(&mut self, port: u16, log: &PathBuf) {
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = self.0.try_wait().unwrap();
            let patient = ended.is_none() && begin.elapsed() < Duration::from_secs(20);
            assert!(patient, "nginx does not listen: {}", fs::read_to_string(log).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
