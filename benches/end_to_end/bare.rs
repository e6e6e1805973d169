//! The bare proxy: TLS in front, one plain source behind, and nothing in between.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    Result,
    listeners::tls::TlsSettings,
    proxy::{ProxyHttp, Session, http_proxy_service},
    server::{RunArgs, Server, configuration::ServerConf},
    upstreams::peer::HttpPeer,
};
use tokio::net::TcpStream;

use crate::ground::WORKERS;

/// A bare proxy as a child process. Dropping it ends it.
pub(crate) struct Bare(Child);

impl Bare {
    /// Starts one and waits until it listens.
    pub(crate) async fn start(
        address: SocketAddr,
        certificate: &Path,
        key: &Path,
        source: SocketAddr,
    ) -> Self {
        let bare = Self(
            Command::new(std::env::current_exe().unwrap())
                .arg("bare")
                .args([address.to_string(), source.to_string()])
                .args([certificate, key])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        for _ in 0..500 {
            if TcpStream::connect(address).await.is_ok() {
                return bare;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the bare proxy does not listen");
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the child process does: `bare ADDRESS SOURCE CERTIFICATE KEY`.
pub(crate) fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let [address, source, certificate, key] = arguments.as_slice() else { return ExitCode::FAILURE };
    poort::listen::install_provider().unwrap();
    let conf = ServerConf { threads: WORKERS, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, Forward(source.parse().unwrap()));
    service.add_tls_with_settings(address, None, TlsSettings::intermediate(certificate, key).unwrap());
    server.add_service(service);
    server.run(RunArgs::default());
    ExitCode::SUCCESS
}

struct Forward(SocketAddr);

#[async_trait]
impl ProxyHttp for Forward {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}
