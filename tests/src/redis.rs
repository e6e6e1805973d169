//! A Redis server of a test's own, where there is one.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use poort_demo::ports;

use crate::tools;

/// What it asks for.
pub const PASSWORD: &str = "a password of the test";

/// A running server; stopped on drop.
pub struct Redis {
    child: Child,
    port: u16,
    arguments: Vec<String>,
}

impl Redis {
    /// On a port that the system chose, with these arguments; nothing, and loudly, where no server is at hand.
    #[must_use]
    pub fn start(directory: &Path, tls: &[&str]) -> Option<Self> {
        let port = ports::free().unwrap().port();
        let listens = match tls {
            [] => vec!["--port".to_owned(), port.to_string()],
            tls => {
                let plain =
                    ["--port", "0", "--tls-port"].map(str::to_owned).into_iter().chain([port.to_string()]);
                plain.chain(tls.iter().map(|word| (*word).to_owned())).collect()
            }
        };
        let rest = ["--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD, "--dir"];
        let directory = directory.display().to_string();
        let arguments: Vec<_> =
            listens.into_iter().chain(rest.map(str::to_owned)).chain([directory]).collect();
        let child = run(&arguments)?;
        let server = Self { child, port, arguments };
        server.wait();
        Some(server)
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Stops it, with all it knew.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Lets it answer nobody, with all it knows.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it answer again.
    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).unwrap();
    }

    /// Starts it again, empty.
    pub fn start_again(&mut self) {
        self.child = run(&self.arguments).unwrap();
        self.wait();
    }

    fn wait(&self) {
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn run(arguments: &[String]) -> Option<Child> {
    let server = tools::program("redis-server")?;
    let mut command = Command::new(server);
    command.env("LD_LIBRARY_PATH", tools::redis_libraries()).args(arguments);
    Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}
