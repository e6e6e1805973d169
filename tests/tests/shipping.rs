//! The record reaches a SIEM: by a real shipper, over TLS, whole and in order, over restarts of either.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use poort_demo::{
    pki::{Leaf, Signed},
    zone::Zone,
};
use poort_tests::{
    PERSON, World, eventually, get,
    tools::{libraries, program, repository},
    without_limits,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tokio_rustls::{TlsAcceptor, rustls};

/// The name in the receiver's certificate, which the shipper insists on.
const RECEIVER: &str = "siem.zone.example";

/// A syslog receiver (RFC 5425) that demands a certificate of its clients.
struct Receiver {
    port: u16,
    messages: Arc<Mutex<Vec<String>>>,
    /// How many connections have ended.
    visits: Arc<AtomicUsize>,
}

impl Receiver {
    async fn start(zone: &Zone, name: &str) -> Self {
        let issued = zone.pki.internal.issue(&Leaf::server(&[name])).unwrap();
        let config = server(zone, &issued);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (messages, visits) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let (kept, ended) = (Arc::clone(&messages), Arc::clone(&visits));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                let (kept, ended) = (Arc::clone(&kept), Arc::clone(&ended));
                tokio::spawn(async move {
                    if let Ok(mut stream) = acceptor.accept(socket).await {
                        let mut bytes = Vec::new();
                        while let Ok(1..) = stream.read_buf(&mut bytes).await {
                            take_messages(&mut bytes, &mut kept.lock().unwrap());
                        }
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Self { port, messages, visits }
    }

    /// The records that came, as they stand after the header.
    fn records(&self) -> Vec<String> {
        let messages = self.messages.lock().unwrap();
        messages.iter().map(|message| format!("{{{}", message.split_once('{').unwrap().1)).collect()
    }
}

fn server(zone: &Zone, issued: &Signed) -> Arc<rustls::ServerConfig> {
    let mut clients = rustls::RootCertStore::empty();
    clients.add(zone.pki.internal.certificate().der().clone()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(clients)).build().unwrap();
    let config = rustls::ServerConfig::builder().with_client_cert_verifier(verifier);
    Arc::new(config.with_single_cert(vec![issued.der().clone()], issued.key_der()).unwrap())
}

/// Takes whole messages, each after its length (RFC 6587 §3.4.1).
fn take_messages(bytes: &mut Vec<u8>, messages: &mut Vec<String>) {
    while let Some(space) = bytes.iter().position(|&byte| byte == b' ') {
        let length: usize = std::str::from_utf8(&bytes[..space]).unwrap().parse().unwrap();
        let end = space + 1 + length;
        if bytes.len() < end {
            return;
        }
        messages.push(String::from_utf8(bytes[space + 1..end].to_vec()).unwrap());
        bytes.drain(..end);
    }
}

/// A running rsyslog, ended on drop.
struct Shipper(Child);

impl Shipper {
    /// On the shipped configuration, with the names of this zone.
    fn start(binary: &Path, world: &World, port: u16) -> Self {
        let directory = world.directory().join("shipping");
        fs::create_dir_all(directory.join("spool")).unwrap();
        let issued = world.zone.pki.internal.issue(&Leaf::client("shipper")).unwrap();
        issued.write(&directory, "shipper").unwrap();
        let pki = &world.zone.pki;
        let audit = world.zone.layout.path("deploy/audit");
        let path = |path: PathBuf| path.display().to_string();
        let mut config = fs::read_to_string(repository("deploy/shipping/rsyslog.conf")).unwrap();
        for (shipped, here) in [
            ("/var/spool/rsyslog", path(directory.join("spool"))),
            ("/var/log/poort", path(audit)),
            ("/etc/poort/shipping/ca.crt", path(pki.path("internal-ca.crt"))),
            ("/etc/poort/shipping", path(directory.clone())),
            ("target=\"siem.zone.example\"", "target=\"127.0.0.1\"".to_owned()),
            ("port=\"6514\"", format!("port=\"{port}\"")),
        ] {
            assert!(config.contains(shipped), "{shipped}");
            config = config.replace(shipped, &here);
        }
        let file = directory.join("rsyslog.conf");
        fs::write(&file, config).unwrap();
        let libraries = libraries();
        let log = fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
        let mut command = Command::new(binary);
        command.arg("-n").arg("-f").arg(file).arg("-i").arg(directory.join("pid"));
        if libraries.is_dir() {
            command.arg("-M").arg(libraries.join("rsyslog")).env("LD_LIBRARY_PATH", libraries);
        }
        Self(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// Ends it as a service manager does.
    async fn stop(mut self) {
        let id = nix::unistd::Pid::from_raw(self.0.id().try_into().unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        eventually(async || self.0.try_wait().unwrap()).await.unwrap();
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines of the record.
fn lines(world: &World) -> Vec<String> {
    let directory = fs::read_dir(world.zone.layout.path("deploy/audit")).unwrap();
    let files = directory.map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    files
        .flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[tokio::test]
async fn rsyslog_delivers_every_record_over_tls() {
    let Some(binary) = program("rsyslogd") else { return };
    let world = World::start_with(without_limits).await.unwrap();
    let receiver = Receiver::start(&world.zone, RECEIVER).await;
    let an = world.officer().unwrap();
    let consult = async |times: usize| {
        for _ in 0..times {
            assert_eq!(get(&an, &world.zone.persons, PERSON).await.unwrap().0.status, 200);
        }
    };
    // What was written before the shipper was there is shipped too.
    consult(5).await;
    let delivered = async |count: usize| {
        let all = eventually(async || {
            let lines = lines(&world);
            (lines.len() == count && receiver.records() == lines).then_some(())
        });
        let log = || fs::read_to_string(world.directory().join("shipping/log")).unwrap_or_default();
        assert!(all.await.is_some(), "{} of {count}: {}", receiver.records().len(), log());
    };
    let shipper = Shipper::start(&binary, &world, receiver.port);
    delivered(10).await;
    consult(5).await;
    delivered(20).await;
    // What is written while it is away is shipped when it is back, and nothing twice.
    shipper.stop().await;
    consult(5).await;
    let _shipper = Shipper::start(&binary, &world, receiver.port);
    delivered(30).await;
    let header = receiver.messages.lock().unwrap()[0].clone();
    assert!(header.starts_with("<110>1 ") && header.contains(" poort - audit - {"), "{header}");
}

#[tokio::test]
async fn rsyslog_tells_nothing_to_a_receiver_of_another_name() {
    let Some(binary) = program("rsyslogd") else { return };
    let world = World::start_with(without_limits).await.unwrap();
    let receiver = Receiver::start(&world.zone, "other.zone.example").await;
    get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    let _shipper = Shipper::start(&binary, &world, receiver.port);
    let visited = eventually(async || (receiver.visits.load(Ordering::Relaxed) > 0).then_some(()));
    assert!(visited.await.is_some(), "it has tried");
    assert!(receiver.messages.lock().unwrap().is_empty());
}

#[test]
fn configurations_of_other_shippers_can_be_read_and_name_what_is_mapped() {
    for file in ["vector.yaml", "fluent-bit.yaml"] {
        let text = fs::read_to_string(repository(&format!("deploy/shipping/{file}"))).unwrap();
        let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        assert!(yaml.is_mapping() && text.contains("/var/log/poort/*.jsonl"), "{file}");
    }
    let vector = fs::read_to_string(repository("deploy/shipping/vector.yaml")).unwrap();
    let mapping = fs::read_to_string(repository("deploy/siem/pipelines/ecs.yml")).unwrap();
    let mapping: serde_yaml::Value = serde_yaml::from_str(&mapping).unwrap();
    for (from, to) in mapping["transformations"][0]["mapping"].as_mapping().unwrap() {
        let (from, to) = (from.as_str().unwrap(), to.as_str().unwrap());
        let moved = |to: &str| {
            vector.lines().any(|line| line.contains(&format!("ecs.{to} = ")) && line.contains(from))
        };
        let whole = from.strip_prefix("unmapped.") == to.strip_prefix("poort.");
        assert!(whole || moved(to) || to == "@timestamp", "{from} is not made {to}");
    }
}
