//! Clients that ask one thing again and again over connections that stay.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use poort_demo::client::{Caller, RawConnection};
use tokio::task::{JoinHandle, JoinSet};

use crate::ground::HOST;

/// Open connections, ready to be used.
pub(crate) struct Load {
    connections: Vec<Client>,
}

struct Client {
    connection: RawConnection,
    request: Arc<[u8]>,
}

impl Client {
    async fn ask(&mut self) -> io::Result<u16> {
        self.connection.send(&self.request).await?;
        let answer = self.connection.answer(false).await?;
        if answer.whole { Ok(answer.status) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Load {
    pub(crate) async fn open(caller: &Caller, token: &str, connections: usize) -> Self {
        let request = format!(
            "GET /persons/85073100190?view=short HTTP/1.1\r\nHost: {HOST}:{}\r\nAuthorization: Bearer {token}\r\n\
             Accept: application/json\r\nAccept-Language: nl-BE,nl;q=0.9,fr;q=0.8\r\nAccept-Encoding: gzip, br\r\n\
             User-Agent: zone-tablet/4.2 (Android 15)\r\n\r\n",
            caller.address().port()
        );
        let request: Arc<[u8]> = request.into_bytes().into();
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            let mut client =
                Client { connection: caller.connect(HOST).await.unwrap(), request: Arc::clone(&request) };
            assert_eq!(client.ask().await.unwrap(), 200);
            open.push(client);
        }
        Self { connections: open }
    }

    /// Sends so many requests, all connections at once, one at a time on each.
    pub(crate) async fn send(&mut self, requests: usize) {
        let each = requests / self.connections.len();
        let mut clients = JoinSet::new();
        for mut client in self.connections.drain(..) {
            clients.spawn(async move {
                for _ in 0..each {
                    assert_eq!(client.ask().await.unwrap(), 200);
                }
                client
            });
        }
        self.connections = clients.join_all().await;
    }

    /// Keeps sending until it is stopped.
    pub(crate) fn keep_sending(self) -> Sending {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = self.connections.into_iter().map(|mut client| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let (mut asked, mut lost) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    asked += 1;
                    match client.ask().await {
                        Ok(200) => {}
                        Ok(_) => lost += 1,
                        Err(_) => return (asked, lost + 1),
                    }
                }
                (asked, lost)
            })
        });
        let clients = clients.collect();
        Sending { stop, clients }
    }
}

/// Clients at work.
pub(crate) struct Sending {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<(usize, usize)>>,
}

impl Sending {
    /// How many requests there were, and how many were not answered with 200, whole.
    pub(crate) async fn stop(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let (mut asked, mut lost) = (0, 0);
        for client in self.clients {
            let (more, fewer) = client.await.unwrap();
            (asked, lost) = (asked + more, lost + fewer);
        }
        (asked, lost)
    }
}
