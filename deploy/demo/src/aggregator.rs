//! The search application: one question of an officer, asked of every source at once, through the gate.
//!
//! It shows its own workload certificate and passes the officer's token on, so that the gate knows both. Each search has an id, sent
//! along with every part of it: a fan-out to twenty sources is still one search of one officer. What the officer searches for goes along too.

use std::net::SocketAddr;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::DemoError;
use crate::client::Caller;
use crate::issuer::unique;
use crate::wire::{Connection, Handler, Head, Reply, ServedOver, Server};

/// The header that makes the parts of one search one search.
pub const SEARCH_ID: &str = "Poort-Search-Id";

/// The header in which it says what a search is for, and what it says.
pub const PURPOSE: (&str, &str) = ("X-Purpose", "investigation");

/// What one source answered.
#[derive(Debug, Clone)]
pub struct PartialAnswer {
    /// The source's id.
    pub source: String,
    /// The status; 0 when no answer came.
    pub status: u16,
    /// The source's answer, the gate's problem document, or the reason why none came.
    pub body: Value,
}

/// What all sources answered.
#[derive(Debug, Clone)]
pub struct SearchAnswer {
    /// The id that was sent along.
    pub id: String,
    /// One answer a source, in the order of the sources.
    pub parts: Vec<PartialAnswer>,
}

impl SearchAnswer {
    /// Whether every source answered with success.
    pub fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.status == 200)
    }

    /// The entries found, each with its source, then what is missing and why: an officer must see both.
    pub fn to_json(&self) -> Value {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for part in &self.parts {
            match part.body.get("found").and_then(Value::as_array) {
                Some(entries) if part.status == 200 => {
                    found
                        .extend(entries.iter().map(|entry| json!({ "source": part.source, "entry": entry })));
                }
                _ => missing.push(json!({ "source": part.source, "status": part.status, "why": part.body })),
            }
        }
        json!({ "search": self.id, "complete": self.is_complete(), "found": found, "missing": missing })
    }
}

/// The search application to be started.
pub struct AggregatorOptions {
    /// A caller with the workload's certificate.
    pub caller: Caller,
    /// Each source's id and its host at the gate.
    pub sources: Vec<(String, String)>,
    /// Where it listens; port 0 lets the system choose.
    pub address: SocketAddr,
}

/// The running search application. Dropping it stops it.
pub struct Aggregator {
    server: Server<Search>,
    search: Arc<Search>,
}

impl Aggregator {
    /// Starts listening.
    ///
    /// # Errors
    /// When the port is taken or the certificate is not accepted.
    pub fn start(options: AggregatorOptions) -> Result<Self, DemoError> {
        let hosts: Vec<&str> = options.sources.iter().map(|(_, host)| host.as_str()).collect();
        let http = options.caller.http(&hosts)?;
        let address = options.address;
        let search = Arc::new(Search { http, options });
        let server = Server::start(address, &ServedOver::Plain, search.clone())?;
        Ok(Self { server, search })
    }

    /// Where it listens: `GET /search?name=` with the officer's token.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Asks every source for `name` on behalf of the bearer of `token`.
    pub async fn search(&self, token: &str, name: &str) -> SearchAnswer {
        self.search.ask(&format!("Bearer {token}"), name).await
    }
}

struct Search {
    http: reqwest::Client,
    options: AggregatorOptions,
}

impl Search {
    async fn ask(&self, authorization: &str, name: &str) -> SearchAnswer {
        let id = unique();
        let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
        let parts = self.options.sources.iter().map(|(source, host)| {
            let url = self.options.caller.url(host, &format!("/search?name={encoded}"));
            let request = self.http.get(url);
            let request = request.header("Authorization", authorization).header(SEARCH_ID, &id);
            let request = request.header(PURPOSE.0, PURPOSE.1);
            async move {
                let (status, body) = match request.send().await {
                    Ok(answer) => (answer.status().as_u16(), answer.json().await.unwrap_or_default()),
                    Err(error) => (0, Value::String(error.to_string())),
                };
                PartialAnswer { source: source.clone(), status, body }
            }
        });
        let parts = futures_util::future::join_all(parts).await;
        SearchAnswer { id, parts }
    }

    async fn answer(&self, head: &Head) -> Reply {
        let Some(authorization) = head.header("authorization") else {
            return Reply::json(401, &json!({ "error": "an officer's token, please" }));
        };
        match (head.path(), head.query("name")) {
            ("/search", Some(name)) => Reply::json(200, &self.ask(authorization, &name).await.to_json()),
            _ => Reply::json(404, &json!({ "error": "try /search?name=peeters" })),
        }
    }
}

impl Handler for Search {
    async fn serve(&self, mut connection: Connection) {
        while let Ok(Some(head)) = connection.head().await {
            if connection.body(&head, |_| ()).await.is_err() {
                return;
            }
            let reply = self.answer(&head).await;
            if connection.reply(&head, &reply).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;
    use crate::pki::{Authority, AuthorityOptions, Leaf};
    use crate::sources::{Register, Source, SourceOptions};

    /// One server stands behind all three hosts, so that what each part of a search carries can be compared.
    #[tokio::test]
    async fn a_search_asks_everywhere_at_once_and_says_what_is_missing() {
        let authority = Authority::new(&AuthorityOptions::named("gate")).unwrap();
        let hosts = ["persons.localhost", "vehicles.localhost"];
        let over = ServedOver::tls(&authority.issue(&Leaf::server(&hosts)).unwrap());
        let gate = Source::start(SourceOptions { over, ..SourceOptions::new(Register::Persons) }).unwrap();
        let mut sources: Vec<_> = hosts.map(|host| (host.to_owned(), host.to_owned())).to_vec();
        sources.push(("elsewhere".to_owned(), "elsewhere.localhost".to_owned()));
        let caller = Caller::new(gate.address(), authority.certificate().der(), None).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let aggregator = Aggregator::start(AggregatorOptions { caller, sources, address }).unwrap();

        let url = format!("http://{}/search?name=El+Amrani", aggregator.address());
        let asked = client::plain().get(url).header("authorization", "Bearer an").send().await.unwrap();
        let answer: Value = asked.json().await.unwrap();
        assert_eq!(answer["complete"], false);
        assert_eq!(answer["found"].as_array().unwrap().len(), 2, "{answer}");
        assert_eq!(answer["missing"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["missing"][0]["source"], "elsewhere");
        let received = gate.received();
        assert_eq!(received.len(), 2);
        for part in &received {
            assert_eq!(part.target, "/search?name=El%20Amrani");
            assert_eq!(part.header(SEARCH_ID), answer["search"].as_str());
            assert_eq!(part.header("authorization"), Some("Bearer an"));
        }
        let again = aggregator.search("an", "x").await;
        assert_ne!(answer["search"], again.id);
    }
}
