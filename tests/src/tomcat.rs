//! A real Tomcat of a test's own, with the shipped recipe, where Java and Tomcat are to be had.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::tools;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Tomcat that is not running: its directory, and the recipe's own code, compiled.
pub struct Tomcat {
    home: PathBuf,
    base: PathBuf,
    java: PathBuf,
}

/// A running Tomcat; stopped on drop.
pub struct Running(Child);

impl Tomcat {
    /// In this directory, with an application that says who asks; nothing, and loudly, where something is missing.
    ///
    /// # Panics
    /// When the recipe's code does not compile.
    #[must_use]
    pub fn prepare(base: &Path) -> Option<Self> {
        let (java, javac) = (tools::program("java")?, tools::program("javac")?);
        let home = tools::directory("tomcat")?.canonicalize().unwrap();
        for part in ["lib", "logs", "temp", "work", "webapps/ROOT", "conf/poort"] {
            fs::create_dir_all(base.join(part)).unwrap();
        }
        fs::copy(home.join("conf/web.xml"), base.join("conf/web.xml")).unwrap();
        let says =
            "<%= request.getRemoteUser() %> <%= request.isUserInRole(\"officer\") ? \"officer\" : \"\" %>";
        fs::write(base.join("webapps/ROOT/who.jsp"), says).unwrap();
        let classes = format!("{0}/lib/*:{0}/bin/*", home.display());
        let valve = tools::repository("deploy/sources/tomcat/PoortValve.java");
        let mut compiler = Command::new(javac);
        compiler.args(["-Xlint:all,-path,-processing", "-Werror", "-cp", &classes, "-d"]);
        let done = compiler.arg(base.join("lib")).arg(valve).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(Self { home, base: base.to_owned(), java })
    }

    /// Where what the recipe names below `conf/poort` is.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.base.join("conf/poort").join(name)
    }

    /// A trust store that holds one authority, as the recipe says to make it.
    ///
    /// # Panics
    /// When `keytool` fails.
    pub fn trust(&self, authority: &Path) {
        let mut tool = Command::new(self.java.with_file_name("keytool"));
        tool.args([
            "-importcert",
            "-noprompt",
            "-alias",
            "gate-ca",
            "-storetype",
            "PKCS12",
            "-storepass",
            "changeit",
        ]);
        let done =
            tool.arg("-file").arg(authority).arg("-keystore").arg(self.file("gate-ca.p12")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }

    /// Starts it on this `server.xml`; it serves on `port` when this returns.
    ///
    /// # Panics
    /// When it does not; with what it says.
    #[must_use]
    pub fn start(&self, server: &str, port: u16) -> Running {
        fs::write(self.base.join("conf/server.xml"), server).unwrap();
        let log = self.base.join("logs/said");
        let said = File::create(&log).unwrap();
        let (home, base) = (self.home.display(), self.base.display());
        let mut command = Command::new(&self.java);
        command.arg(format!("-Dcatalina.home={home}")).arg(format!("-Dcatalina.base={base}"));
        command.arg("-cp").arg(format!("{home}/bin/bootstrap.jar:{home}/bin/tomcat-juli.jar"));
        command.args(["org.apache.catalina.startup.Bootstrap", "start"]).current_dir(&self.base);
        let command = command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        let mut running = Running(command.spawn().unwrap());
        let begin = Instant::now();
        // It listens before it serves.
        while !self.log().contains("Server startup in") || TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = running.0.try_wait().unwrap();
            let patient = ended.is_none() && begin.elapsed() < PATIENCE;
            assert!(patient, "Tomcat does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        running
    }

    /// What it said since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.base.join("logs/said")).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
