//! The suite's back end as a source behind the gate.

use std::net::SocketAddr;
use std::sync::Arc;

use poort_conformance::backend;
use poort_conformance::wire::Received;
use poort_demo::DemoError;
use poort_demo::wire::{Connection, Handler, Head, Reply, ServedOver, Server};

/// A running back end. Dropping it stops it.
pub struct Backend(Server<Albedo>);

impl Backend {
    /// Starts listening on a port that the system chooses.
    ///
    /// # Errors
    /// When there is none.
    pub fn start() -> Result<Self, DemoError> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Server::start(address, &ServedOver::Plain, Arc::new(Albedo)).map(Self)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

struct Albedo;

impl Handler for Albedo {
    async fn serve(&self, mut connection: Connection) {
        // A connection that breaks is the gate's to report.
        while let Ok(Some(head)) = connection.head().await {
            let mut body = Vec::new();
            if connection.body(&head, |piece| body.extend_from_slice(piece)).await.is_err() {
                return;
            }
            if connection.reply(&head, &answer(&head, body)).await.is_err() {
                return;
            }
        }
    }
}

fn answer(head: &Head, body: Vec<u8>) -> Reply {
    let answer = backend::answer(&Received {
        method: head.method.clone().into(),
        target: head.target.clone().into(),
        body,
        ..Received::default()
    });
    // The server frames what it sends by itself.
    let headers = answer.headers.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    Reply { status: answer.status, headers: headers.collect(), body: answer.body }
}
