//! The bare proxy: TLS in front, one plain source behind, and nothing in between; or nothing but the disk.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    Error, Result,
    http::ResponseHeader,
    listeners::tls::TlsSettings,
    proxy::{ProxyHttp, Session, http_proxy_service},
    server::{RunArgs, Server, configuration::ServerConf},
    upstreams::peer::HttpPeer,
};
use poort_demo::{client::Caller, ports, zone::Zone};
use tokio::net::TcpStream;

use crate::{disk::DiskFirst, ground::WORKERS};

/// A bare proxy as a child process. Dropping it ends it.
pub(crate) struct Bare {
    process: Child,
    /// Who asks it. It wants no certificate.
    pub(crate) caller: Caller,
}

impl Bare {
    /// Starts one and waits until it listens. With a file, each answer waits until so much is written there.
    pub(crate) async fn start(zone: &Zone, source: SocketAddr, file: Option<&Path>) -> Self {
        let address = ports::free().unwrap();
        let (certificate, key) = (zone.pki.path("persons.crt"), zone.pki.path("persons.key"));
        let process = Command::new(std::env::current_exe().unwrap())
            .arg("bare")
            .args([address.to_string(), source.to_string()])
            .args([certificate.as_path(), &key].into_iter().chain(file))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let caller = Caller::new(address, zone.pki.gate.certificate().der(), None).unwrap();
        let bare = Self { process, caller };
        for _ in 0..500 {
            if TcpStream::connect(address).await.is_ok() {
                return bare;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the bare proxy does not listen");
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the child process does: `bare ADDRESS SOURCE CERTIFICATE KEY [FILE]`.
pub(crate) fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [address, source, certificate, key, file @ ..] = arguments.as_slice() else {
        return ExitCode::FAILURE;
    };
    poort::listen::install_provider().unwrap();
    let conf = ServerConf { threads: WORKERS, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let disk = file.first().map(|file| DiskFirst::begin(Path::new(file)));
    let forward = Forward { source: source.parse().unwrap(), disk };
    let mut service = http_proxy_service(&server.configuration, forward);
    service.add_tls_with_settings(address, None, TlsSettings::intermediate(certificate, key).unwrap());
    server.add_service(service);
    server.run(RunArgs::default());
    ExitCode::SUCCESS
}

struct Forward {
    source: SocketAddr,
    disk: Option<DiskFirst>,
}

#[async_trait]
impl ProxyHttp for Forward {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.source, false, String::new())))
    }

    async fn response_filter(&self, _: &mut Session, _: &mut ResponseHeader, (): &mut ()) -> Result<()> {
        if let Some(disk) = &self.disk {
            disk.decided().await;
        }
        Ok(())
    }

    async fn logging(&self, _: &mut Session, _: Option<&Error>, (): &mut ()) {
        if let Some(disk) = &self.disk {
            disk.ended();
        }
    }
}
